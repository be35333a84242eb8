//! Embedding against a mock of the Gemini API: every status and body of the fact sheet.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use gemini::{Error, Gemini, Model, Options, Quotas, Refusal, TaskType};
use serde_json::{Value, json};
use upstream::{Jitter, Kind, Meter, Period, Retry};
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{any, header, method, path},
};

const KEY: &str = "AIza-secret-key";
const EMBED: &str = "/v1beta/models/gemini-embedding-001:batchEmbedContents";

fn client_of(server: &MockServer, id: &str, dimensions: u32) -> Gemini {
    let model = Model::new(id, dimensions, TaskType::RetrievalDocument).unwrap();
    let options = Options {
        retry: Retry { retries: 2, ..Retry::default() },
        // Without jitter there is no wait but the one that the service asks for.
        jitter: Jitter::new(|| 0.0),
        ..Options::default()
    };
    Gemini::new(KEY.into(), &server.uri().parse().unwrap(), model, Quotas::default(), options).unwrap()
}

fn client(server: &MockServer) -> Gemini {
    client_of(server, "gemini-embedding-001", 2)
}

fn json(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn text(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string(body)
}

fn google(code: u16, status: &str, message: &str) -> ResponseTemplate {
    json(code, json!({"error": {"code": code, "message": message, "status": status}}))
}

fn vectors(vectors: &[&[f64]]) -> Value {
    let embeddings: Vec<Value> = vectors.iter().map(|values| json!({"values": values})).collect();
    json!({"embeddings": embeddings, "usageMetadata": {"promptTokenCount": 3}})
}

async fn always(response: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

async fn once(server: &MockServer, response: ResponseTemplate) {
    Mock::given(any()).respond_with(response).up_to_n_times(1).with_priority(1).mount(server).await;
}

fn texts_of(request: &Request) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let requests = body["requests"].as_array().unwrap();
    requests.iter().map(|one| one["content"]["parts"][0]["text"].as_str().unwrap().to_owned()).collect()
}

/// Embeds every text as (its length, 1), and refuses a request that holds a poisonous one.
struct Service {
    poison: Vec<&'static str>,
    refusal: ResponseTemplate,
}

impl Service {
    fn new(poison: &[&'static str]) -> Self {
        let refusal = google(400, "INVALID_ARGUMENT", "The text cannot be embedded");
        Self { poison: poison.to_vec(), refusal }
    }
}

impl Respond for Service {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let texts = texts_of(request);
        if texts.len() > 100 {
            let message = "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch";
            return google(400, "INVALID_ARGUMENT", message);
        }
        if texts.iter().any(|text| self.poison.contains(&text.as_str())) {
            return self.refusal.clone();
        }
        let embeddings: Vec<Value> =
            texts.iter().map(|text| json!({"values": [text.chars().count(), 1]})).collect();
        json(200, json!({"embeddings": embeddings}))
    }
}

/// The first value over the second, which tells the length of the text from a vector of [`Service`].
fn lengths(results: &[Result<Vec<f32>, Refusal>]) -> Vec<Option<f32>> {
    results.iter().map(|result| result.as_ref().ok().map(|vector| (vector[0] / vector[1]).round())).collect()
}

#[tokio::test]
async fn texts_are_embedded_in_order_at_unit_length() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(EMBED))
        .and(header("x-goog-api-key", KEY))
        .respond_with(Service::new(&[]))
        .mount(&server)
        .await;
    let meter = Meter::new();
    let client = client(&server).with_meter(meter.clone());
    let results = client.embed(&["a", "bbb", "\"\u{1}\u{2028}😀\"", "cc"]).await.unwrap();
    assert_eq!(lengths(&results), [Some(1.0), Some(3.0), Some(5.0), Some(2.0)]);
    for vector in results.iter().flatten() {
        assert!((vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-6);
    }
    assert_eq!(texts_of(&server.received_requests().await.unwrap()[0])[2], "\"\u{1}\u{2028}😀\"");
    let stats = &meter.snapshot()[0];
    assert_eq!((stats.service.as_str(), stats.endpoint.as_str(), stats.requests), ("gemini", "embed", 1));
}

#[tokio::test]
async fn unit_vectors_keep_their_values() {
    let server = always(json(200, vectors(&[&[0.6, 0.8], &[0.600_01, 0.8], &[3.0, 4.0]]))).await;
    let results = client(&server).embed(&["a", "b", "c"]).await.unwrap();
    assert_eq!(results, [Ok(vec![0.6, 0.8]), Ok(vec![0.600_01, 0.8]), Ok(vec![0.6, 0.8])]);
}

#[tokio::test]
async fn nothing_and_blank_texts_need_no_request() {
    let server = always(Service::new(&[])).await;
    let client = client(&server);
    assert!(client.embed(&[]).await.unwrap().is_empty());
    let results = client.embed(&["", " \n\t"]).await.unwrap();
    let empty = Err(Refusal { message: "the text is empty".into() });
    assert_eq!(results, [empty.clone(), empty.clone()]);
    assert!(server.received_requests().await.unwrap().is_empty());
    let results = client.embed(&["", "aa", " "]).await.unwrap();
    assert_eq!(lengths(&results), [None, Some(2.0), None]);
    assert_eq!(texts_of(&server.received_requests().await.unwrap()[0]), ["aa"]);
}

#[tokio::test]
async fn a_request_has_a_hundred_texts_at_most() {
    let server = always(Service::new(&[])).await;
    assert_eq!(client(&server).embed(&["a"; 100]).await.unwrap().len(), 100);
    let error = client(&server).embed(&["a"; 101]).await.unwrap_err();
    assert!(matches!(error, Error::TooManyTexts { texts: 101 }), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_second_model_gets_its_prefix() {
    let server = always(Service::new(&[])).await;
    client_of(&server, "gemini-embedding-2", 2).embed(&["a"]).await.unwrap();
    let request = server.received_requests().await.unwrap().remove(0);
    assert_eq!(request.url.path(), "/v1beta/models/gemini-embedding-2:batchEmbedContents");
    assert_eq!(texts_of(&request), ["title: none | text: a"]);
}

#[tokio::test]
async fn a_poison_text_stands_alone_in_the_end() {
    let server = always(Service::new(&["poison", "venom"])).await;
    let mut texts = ["aaa"; 64];
    texts[5] = "poison";
    texts[63] = "venom";
    let results = client(&server).embed(&texts).await.unwrap();
    let refusal = Refusal { message: "The text cannot be embedded".into() };
    for (position, result) in results.iter().enumerate() {
        assert_eq!(result.as_ref().err(), [5, 63].contains(&position).then_some(&refusal));
    }
    assert_eq!(results.len(), 64);
    assert!(server.received_requests().await.unwrap().len() <= 1 + 2 * 2 * 6);
}

#[tokio::test]
async fn a_poison_text_by_itself_is_told_from_wrong_settings() {
    // Nothing was ever accepted: one word is embedded to see whether it is the text.
    let server = always(Service::new(&["poison"])).await;
    let fresh = client(&server);
    assert!(fresh.embed(&["poison"]).await.unwrap()[0].is_err());
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    assert!(fresh.embed(&["poison"]).await.unwrap()[0].is_err());
    assert_eq!(server.received_requests().await.unwrap().len(), 3, "by now it is known");
    // Everything is refused, whatever the text is.
    let server = always(google(400, "INVALID_ARGUMENT", "something is wrong")).await;
    let error = client(&server).embed(&["a", "b"]).await.unwrap_err();
    assert_eq!(error.to_string(), "Gemini: embed: 400 Bad Request: something is wrong");
}

#[tokio::test]
async fn a_400_about_the_settings_is_for_all_at_once() {
    let reason = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]);
    let key = json!({"error": {"code": 400, "message": format!("API key {KEY} not valid. Please pass a valid API key."), "status": "INVALID_ARGUMENT", "details": reason}});
    for (response, kind) in [
        (json(400, key.clone()), Kind::Unauthorized),
        (json(400, json!([key])), Kind::Unauthorized),
        (
            google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            Kind::Unauthorized,
        ),
        (google(400, "FAILED_PRECONDITION", "User location is not supported"), Kind::Refused),
        (google(400, "INVALID_ARGUMENT", "Invalid value at 'requests[0].task_type'"), Kind::Refused),
        (google(400, "INVALID_ARGUMENT", "outputDimensionality must be positive"), Kind::Refused),
        (text(400, "<title>400</title>"), Kind::Refused),
        (text(401, "Unauthorized"), Kind::Unauthorized),
        (google(403, "PERMISSION_DENIED", "Your API key was reported as leaked"), Kind::Forbidden),
        (google(404, "NOT_FOUND", "models/x is not found for API version v1beta"), Kind::NotFound),
    ] {
        let server = always(response).await;
        let error = client(&server).embed(&["a", "b", "c"]).await.unwrap_err();
        assert_eq!(*error.kind(), kind, "{error}");
        assert_eq!(error.is_key(), matches!(kind, Kind::Unauthorized | Kind::Forbidden));
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "{error}");
        assert!(!format!("{error} {error:?}").contains(KEY));
    }
}

fn quota(id: &str, value: &str, delay: &str) -> Value {
    json!({"error": {
        "code": 429, "status": "RESOURCE_EXHAUSTED",
        "message": "You exceeded your current quota, please check your plan and billing details. \n* Quota exceeded for metric: generativelanguage.googleapis.com/embed_content_free_tier_requests, limit: 100\nPlease retry in 29.057856327s.",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"description": "Learn more", "url": "https://x"}]},
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
                "quotaMetric": "generativelanguage.googleapis.com/embed_content_free_tier_requests",
                "quotaId": id, "quotaDimensions": {"location": "global"}, "quotaValue": value,
            }]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
        ],
    }})
}

const PER_MINUTE: &str = "EmbedContentRequestsPerMinutePerUserPerProjectPerModel-FreeTier";
const PER_DAY: &str = "EmbedContentRequestsPerDayPerUserPerProjectPerModel-FreeTier";

#[tokio::test]
async fn a_minute_s_quota_is_a_pause() {
    let server = always(Service::new(&[])).await;
    once(&server, json(429, quota(PER_MINUTE, "100", "0.002s"))).await;
    once(&server, json(429, json!([quota(PER_MINUTE, "100", "0.001s")]))).await;
    once(
        &server,
        json(429, json!({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}})),
    )
    .await;
    once(&server, text(429, "Too Many Requests").insert_header("retry-after", "0.001")).await;
    let meter = Meter::new();
    // Without details there is a backoff; it is made short here.
    let mut options = Options { jitter: Jitter::new(|| 0.0), ..Options::default() };
    options.retry = Retry { retries: 0, first_wait: std::time::Duration::from_millis(1), ..Retry::default() };
    let model = Model::new("gemini-embedding-001", 2, TaskType::RetrievalDocument).unwrap();
    let client = Gemini::new(KEY.into(), &server.uri().parse().unwrap(), model, Quotas::default(), options)
        .unwrap()
        .with_meter(meter.clone());
    assert!(client.embed(&["a"]).await.unwrap()[0].is_ok());
    let stats = &meter.snapshot()[0];
    assert_eq!((stats.requests, stats.throttled, stats.retried, stats.succeeded), (5, 4, 0, 1));
    assert!(meter.drain_notes()[0].message.starts_with("Gemini asked to slow down (429), going on in"));
}

#[tokio::test]
async fn a_day_s_quota_is_not_waited_for() {
    for body in [quota(PER_DAY, "1000", "45s"), json!([quota(PER_DAY, "1000", "45s")])] {
        let server = always(json(429, body)).await;
        let error = client(&server).embed(&["a"]).await.unwrap_err();
        assert!(error.is_quota());
        assert_eq!(*error.kind(), Kind::QuotaExhausted { period: Period::Day, resume_after: None });
        // Noon in UTC, and midnight in Los Angeles.
        assert_eq!(error.quota_resets_at(1_795_262_400_000), Some(1_795_334_400_000));
        assert!(
            error
                .to_string()
                .starts_with("Gemini: embed: 429 Too Many Requests: You exceeded your current quota")
        );
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    for response in [
        google(500, "INTERNAL", "An internal error has occurred"),
        google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        google(504, "DEADLINE_EXCEEDED", "The request timed out"),
        text(502, "<html><title>502</title></html>"),
        text(200, "<html>"),
        text(200, r#"{"embeddings":[{"values":[0.1"#),
        json(200, json!({})),
        json(200, vectors(&[&[1.0, 2.0], &[1.0, 2.0]])),
        json(200, vectors(&[&[1.0]])),
        json(200, vectors(&[&[0.0, 0.0]])),
    ] {
        let server = always(Service::new(&[])).await;
        once(&server, response).await;
        assert!(client(&server).embed(&["a"]).await.unwrap()[0].is_ok());
        assert_eq!(server.received_requests().await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn embeddings_that_are_none_are_never_used() {
    for (body, says) in [
        (vectors(&[]), "0 embeddings for 2 texts"),
        (vectors(&[&[1.0, 2.0]]), "1 embeddings for 2 texts"),
        (vectors(&[&[1.0, 2.0], &[1.0, 2.0, 3.0]]), "an embedding of 3 values instead of 2"),
        (vectors(&[&[1.0, 2.0], &[]]), "an embedding of 0 values instead of 2"),
        (vectors(&[&[1.0, 2.0], &[0.0, 0.0]]), "an embedding of zeros"),
    ] {
        let server = always(json(200, body)).await;
        let error = client(&server).embed(&["a", "b"]).await.unwrap_err();
        assert!(matches!(error, Error::BadEmbedding(_)), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(server.received_requests().await.unwrap().len(), 3);
    }
    // A value beyond what an f32 holds is refused while parsing.
    for response in [text(200, "<html>"), json(200, vectors(&[&[1e300, 0.0]]))] {
        let server = always(response).await;
        let error = client(&server).embed(&["a"]).await.unwrap_err();
        assert!(matches!(&error, Error::Upstream(_)) && *error.kind() == Kind::Malformed, "{error}");
    }
}

#[tokio::test]
async fn the_key_is_checked_for_free() {
    let server = MockServer::start().await;
    let model = json!({"name": "models/gemini-embedding-001", "inputTokenLimit": 2048});
    Mock::given(method("GET"))
        .and(path("/v1beta/models/gemini-embedding-001"))
        .and(header("x-goog-api-key", KEY))
        .respond_with(json(200, model))
        .mount(&server)
        .await;
    client(&server).check().await.unwrap();
    let server =
        always(google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")).await;
    let error = client(&server).check().await.unwrap_err();
    assert!(error.is_key());
    assert!(error.to_string().starts_with("Gemini: model: 400 Bad Request: API key not valid."));
}

#[tokio::test]
async fn a_key_is_not_sent_in_the_clear() {
    let model = Model::new("gemini-embedding-001", 2, TaskType::RetrievalDocument).unwrap();
    let url = "http://generativelanguage.googleapis.com".parse().unwrap();
    let error = Gemini::new(KEY.into(), &url, model, Quotas::default(), Options::default()).unwrap_err();
    assert!(matches!(error, Error::UnsafeAddress { .. }), "{error}");
}

#[tokio::test]
async fn quotas_are_counted_in_texts_and_tokens() {
    let server = always(Service::new(&[])).await;
    for (quotas, texts) in [
        (Quotas { texts_per_minute: 5, tokens_per_minute: 1_000 }, ["a", "a", "a"]),
        (Quotas { texts_per_minute: 1_000, tokens_per_minute: 5 }, ["aaaa", "aaaa", "aaaa"]),
    ] {
        let model = Model::new("gemini-embedding-001", 2, TaskType::RetrievalDocument).unwrap();
        let url = server.uri().parse().unwrap();
        let meter = Meter::new();
        let client = Gemini::new(KEY.into(), &url, model, quotas, Options::default()).unwrap();
        let client = client.with_meter(meter.clone());
        client.embed(&texts).await.unwrap();
        // Three of five are used, so three more have to wait for most of a minute; what for is told meanwhile.
        let waiting = tokio::spawn(async move { client.embed(&texts).await });
        while meter.waits().is_empty() {
            tokio::task::yield_now().await;
        }
        let unit = if quotas.tokens_per_minute == 5 { "tokens" } else { "texts" };
        assert_eq!(meter.waits()[0].message, format!("Gemini: 3 of 5 {unit} this minute"));
        waiting.abort();
    }
}
