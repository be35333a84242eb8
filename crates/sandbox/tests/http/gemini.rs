//! The embedding API.

use reqwest::Method;
use sandbox::{Endpoint, Options, Switches};
use serde_json::{Value, json};

use crate::support::{Answer, Fixture};

const FIRST: &str = "gemini-embedding-001";
const SECOND: &str = "gemini-embedding-2";

async fn call(fixture: &Fixture, version: &str, model: &str, method: &str, body: Value) -> Answer {
    fixture.main(Method::POST, &format!("/{version}/models/{model}:{method}"), Some(body)).await
}

async fn batch(fixture: &Fixture, model: &str, requests: Value) -> Answer {
    call(fixture, "v1beta", model, "batchEmbedContents", json!({"requests": requests})).await
}

fn request(model: &str, text: &str) -> Value {
    json!({"model": format!("models/{model}"), "content": {"parts": [{"text": text}]}})
}

fn with(mut request: Value, key: &str, value: Value) -> Value {
    request[key] = value;
    request
}

fn values(answer: &Answer, position: usize) -> Vec<f64> {
    let embedding = answer.json()["embeddings"][position]["values"].clone();
    serde_json::from_value(embedding).unwrap_or_else(|error| panic!("{error}: {}", answer.text))
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[tokio::test]
async fn both_versions_and_both_methods_give_the_same_vector() {
    let fixture = Fixture::start(Options::default()).await;
    let one = call(&fixture, "v1", FIRST, "embedContent", request(FIRST, "hello")).await.json();
    let many = batch(&fixture, FIRST, json!([request(FIRST, "hello"), request(FIRST, "bye")])).await;
    assert_eq!(one["embedding"], many.json()["embeddings"][0]);
    assert_eq!(many.json()["usageMetadata"]["promptTokenCount"], 3);
    assert_eq!(values(&many, 1).len(), 3072);
    assert!((length(&values(&many, 1)) - 1.0).abs() < 1e-4);
    assert_ne!(values(&many, 0), values(&many, 1));
}

#[tokio::test]
async fn the_configuration_is_read_wherever_it_stands() {
    let fixture = Fixture::start(Options::default()).await;
    let plain = request(FIRST, "hello");
    let top = with(with(plain.clone(), "taskType", json!("CLUSTERING")), "outputDimensionality", json!(768));
    let snake =
        with(with(plain.clone(), "task_type", json!("CLUSTERING")), "output_dimensionality", json!(768));
    let config = json!({"taskType": "CLUSTERING", "outputDimensionality": 768});
    let nested = with(plain, "embedContentConfig", config);
    let answer = batch(&fixture, FIRST, json!([top, snake, nested])).await;
    assert_eq!(values(&answer, 0).len(), 768);
    assert_eq!(values(&answer, 0), values(&answer, 1));
    assert_eq!(values(&answer, 0), values(&answer, 2));
}

#[tokio::test]
async fn only_the_second_model_normalises_fewer_dimensions_and_ignores_the_task() {
    let fixture = Fixture::start(Options::default()).await;
    for (model, normalised, same) in [(FIRST, false, false), (SECOND, true, true)] {
        let plain = with(request(model, "hello"), "outputDimensionality", json!(256));
        let task = with(plain.clone(), "taskType", json!("RETRIEVAL_QUERY"));
        let answer = batch(&fixture, model, json!([plain, task])).await;
        assert_eq!((length(&values(&answer, 0)) - 1.0).abs() < 1e-3, normalised, "{model}");
        assert_eq!(values(&answer, 0) == values(&answer, 1), same, "{model}");
    }
}

#[tokio::test]
async fn the_parts_of_a_content_are_one_text() {
    let fixture = Fixture::start(Options::default()).await;
    for model in [FIRST, SECOND] {
        let two =
            json!({"model": format!("models/{model}"), "content": {"parts": [{"text": "a"}, {"text": "b"}]}});
        let answer = batch(&fixture, model, json!([two, request(model, "a\nb")])).await;
        assert_eq!(values(&answer, 0), values(&answer, 1));
    }
}

#[tokio::test]
async fn long_texts_are_cut_silently_unless_that_is_forbidden() {
    let fixture = Fixture::start(Options::default()).await;
    let long = "word ".repeat(2000);
    let cut = &long[..2048 * 4];
    let answer = batch(&fixture, FIRST, json!([request(FIRST, &long), request(FIRST, cut)])).await;
    assert_eq!(values(&answer, 0), values(&answer, 1));
    assert_eq!(answer.json()["usageMetadata"]["promptTokenCount"], 4096);
    let strict = with(request(FIRST, &long), "embedContentConfig", json!({"autoTruncate": false}));
    let answer = batch(&fixture, FIRST, json!([strict])).await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("exceeds the maximum number of tokens"));
    let strict = with(request(SECOND, &long), "embedContentConfig", json!({"autoTruncate": false}));
    assert_eq!(batch(&fixture, SECOND, json!([strict])).await.status, 200);
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_as_a_whole() {
    let fixture = Fixture::start(Options::default()).await;
    let good = request(FIRST, "hello");
    for (bad, message) in [
        (request(SECOND, "x"), "must match"),
        (json!({"content": {"parts": [{"text": "x"}]}}), "model is not specified"),
        (request(FIRST, ""), "content is empty"),
        (with(good.clone(), "taskType", json!("NONSENSE")), "task_type"),
        (with(good.clone(), "title", json!("only for documents")), "title"),
        (with(good.clone(), "outputDimensionality", json!(0)), "output_dimensionality"),
        (with(good.clone(), "outputDimensionality", json!(3073)), "output_dimensionality"),
        (with(good.clone(), "misspelled", json!(1)), "Invalid JSON payload"),
    ] {
        let answer = batch(&fixture, FIRST, json!([good, bad])).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["status"]), (400, &json!("INVALID_ARGUMENT")), "{}", answer.text);
        assert!(answer.message().contains(message), "{}", answer.message());
    }
    let many: Value = (0..101).map(|_| good.clone()).collect();
    assert!(
        batch(&fixture, FIRST, many).await.message().contains("at most 100 requests can be in one batch")
    );
    let unknown = batch(&fixture, "text-embedding-004", json!([good])).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(fixture.state.embedded().texts, 0);
    assert_eq!(fixture.state.main_calls(Endpoint::Embed).failed, 10);
}

#[tokio::test]
async fn models_tokens_and_usage() {
    let fixture = Fixture::start(Options::default()).await;
    let model = fixture.main(Method::GET, "/v1beta/models/gemini-embedding-001", None).await.json();
    assert_eq!(
        (&model["name"], &model["inputTokenLimit"]),
        (&json!("models/gemini-embedding-001"), &json!(2048))
    );
    let contents = json!({"contents": [{"parts": [{"text": "12345"}, {"text": "1"}]}]});
    let counted = call(&fixture, "v1beta", FIRST, "countTokens", contents).await.json();
    assert_eq!(counted, json!({"totalTokens": 3}));
    batch(&fixture, FIRST, json!([request(FIRST, "x"), request(FIRST, "x"), request(FIRST, "y")])).await;
    let embedded = fixture.state.embedded();
    assert_eq!((embedded.texts, embedded.distinct_texts, embedded.tokens), (3, 2, 3));
    assert_eq!(fixture.state.times_embedded("x"), 2);

    let switches = Switches { usage_metadata: false, ..Switches::default() };
    let fixture = Fixture::start(Options { switches, ..Options::default() }).await;
    let answer = batch(&fixture, FIRST, json!([request(FIRST, "x")])).await;
    assert_eq!(answer.json().get("usageMetadata"), None);
}

#[tokio::test]
async fn a_missing_key_is_denied_and_a_key_may_stand_in_the_url() {
    let mut fixture = Fixture::start(Options { api_key: Some("key".to_owned()), ..Options::default() }).await;
    fixture.key = "";
    let answer = fixture.main(Method::GET, "/v1beta/models", None).await;
    assert_eq!((answer.status, &answer.json()["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    assert_eq!(fixture.main(Method::GET, "/v1beta/models?key=key", None).await.status, 200);
    assert!(fixture.state.requests().iter().all(|request| !request.path.contains("key=")));
}
