//! Faults, set from Rust and over HTTP.

use std::future::Future;
use std::pin::pin;

use futures::poll;
use reqwest::Method;
use sandbox::{Effect, Endpoint, Fault, Options, When};
use serde_json::{Value, json};

use crate::support::{Answer, Fixture, ids_of, records};

const LIST: &str = "/vectors/list?namespace=ns";
const FETCH: &str = "/vectors/fetch?namespace=ns&ids=r000&ids=r001";

async fn filled() -> Fixture {
    let fixture = Fixture::start(Options::default()).await;
    fixture.upsert("ns", records(2)).await;
    fixture
}

fn fault(json: Value) -> Fault {
    serde_json::from_value(json).unwrap()
}

async fn get(fixture: &Fixture, path: &str) -> reqwest::Result<Answer> {
    fixture.try_scratch(Method::GET, path, None).await
}

#[tokio::test]
async fn errors_have_the_shape_that_was_asked_for() {
    let fixture = filled().await;
    for (effect, status, text) in [
        (
            json!({"kind": "status", "code": 500}),
            500,
            r#"{"code":13,"details":[],"message":"Internal Server Error"}"#,
        ),
        (json!({"kind": "status", "code": 503, "body": "text", "message": "later"}), 503, "later"),
        (json!({"kind": "status", "code": 429, "body": "empty", "retry_after": 7}), 429, ""),
    ] {
        fixture.state.clear_faults();
        fixture.state.add_fault(fault(json!({"endpoint": "list", "effect": effect})));
        let answer = get(&fixture, LIST).await.unwrap();
        assert_eq!((answer.status, answer.text.as_str()), (status, text));
        assert_eq!(answer.header("retry-after"), (status == 429).then_some("7"));
    }
    fixture.state.clear_faults();
    fixture.state.add_fault(fault(
        json!({"endpoint": "list", "effect": {"kind": "status", "code": 502, "body": "html"}}),
    ));
    let answer = get(&fixture, LIST).await.unwrap();
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    fixture
        .state
        .add_fault(fault(json!({"endpoint": "describe", "effect": {"kind": "status", "code": 503}})));
    let answer = fixture.main(Method::GET, "/indexes", None).await;
    assert_eq!(
        answer.json(),
        json!({"error": {"code": "UNKNOWN", "message": "Service Unavailable"}, "status": 503})
    );
}

#[tokio::test]
async fn connections_are_reset_before_and_within_the_answer() {
    let fixture = filled().await;
    for (effect, upserted) in [(Effect::Reset, false), (Effect::LostAnswer, true)] {
        fixture.state.clear_faults();
        fixture.state.add_fault(Fault::always(Endpoint::Upsert, effect).when(When::Nth(1)));
        let body = json!({"namespace": "other", "vectors": records(1)});
        assert!(fixture.try_scratch(Method::POST, "/vectors/upsert", Some(body)).await.is_err());
        let written = fixture.state.record("scratch", "other", "r000").unwrap();
        assert_eq!(written.is_some(), upserted);
    }
    for after_bytes in [None, Some(200)] {
        fixture.state.clear_faults();
        fixture.state.add_fault(Fault::always(Endpoint::Fetch, Effect::ResetInBody { after_bytes }));
        let error = get(&fixture, FETCH).await.err().unwrap();
        // The head arrived, so that it is the body that could not be read.
        assert!(error.is_body() || error.is_decode(), "{error:?}");
    }
    assert_eq!(fixture.state.calls("scratch", Endpoint::Upsert).unwrap().failed, 2);
}

#[tokio::test]
async fn bodies_are_cut_or_trickle() {
    let fixture = filled().await;
    let whole = get(&fixture, FETCH).await.unwrap().text;
    fixture
        .state
        .add_fault(Fault::always(Endpoint::Fetch, Effect::SlowBody { chunk_bytes: 50, pause_ms: 1 }));
    assert_eq!(get(&fixture, FETCH).await.unwrap().text, whole);
    fixture.state.clear_faults();
    fixture.state.add_fault(Fault::always(Endpoint::Fetch, Effect::CutBody { after_bytes: Some(10) }));
    let cut = get(&fixture, FETCH).await.unwrap();
    assert_eq!((cut.status, cut.text.as_str()), (200, &whole[..10]));
}

#[tokio::test]
async fn a_call_that_hangs_or_is_late_holds_up_neither_others_nor_the_end() {
    for effect in [Effect::Hang, Effect::Latency { ms: 3_600_000 }] {
        let fixture = filled().await;
        fixture.state.add_fault(Fault::always(Endpoint::List, effect));
        let mut hanging = pin!(get(&fixture, LIST));
        // Until the call has arrived.
        while fixture.state.calls("scratch", Endpoint::List).unwrap().requests == 0 {
            assert!(poll!(&mut hanging).is_pending());
            tokio::task::yield_now().await;
        }
        get(&fixture, FETCH).await.unwrap();
        assert!(poll!(&mut hanging).is_pending());
        fixture.sandbox.shutdown().cancel();
        assert_eq!(finished(hanging).await.unwrap().status, 503);
    }
}

async fn finished<F: Future>(future: F) -> F::Output {
    future.await
}

#[tokio::test]
async fn listings_and_fetches_lie() {
    let fixture = filled().await;
    for (effect, ids, more) in [
        (json!({"kind": "out_of_order"}), &["r001", "r000"][..], false),
        (json!({"kind": "duplicate_ids"}), &["r000", "r000", "r001"], false),
        (json!({"kind": "short_pages", "limit": 1}), &["r000"], true),
        (json!({"kind": "short_pages", "limit": 0}), &[], true),
    ] {
        fixture.state.clear_faults();
        fixture.state.add_fault(fault(json!({"endpoint": "list", "effect": effect})));
        let page = get(&fixture, LIST).await.unwrap().json();
        assert_eq!(
            (ids_of(&page), page.get("pagination").is_some()),
            (ids.iter().map(ToString::to_string).collect(), more)
        );
    }
    fixture
        .state
        .add_fault(fault(json!({"endpoint": "fetch", "effect": {"kind": "missing_records", "count": 1}})));
    let fetched = get(&fixture, FETCH).await.unwrap().json();
    assert_eq!(fetched["vectors"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn embeddings_are_broken_in_every_way() {
    let fixture = Fixture::start(Options::default()).await;
    let requests: Vec<Value> = ["good", "POISON text"]
        .iter()
        .map(|text| json!({"model": "models/gemini-embedding-001", "outputDimensionality": 3, "content": {"parts": [{"text": text}]}}))
        .collect();
    let body = json!({"requests": requests});
    let embed = || {
        fixture.main(Method::POST, "/v1/models/gemini-embedding-001:batchEmbedContents", Some(body.clone()))
    };
    let embeddings = |answer: Answer| answer.json()["embeddings"].as_array().unwrap().clone();
    let set = |effect: Value| {
        fixture.state.clear_faults();
        fixture.state.add_fault(fault(json!({"endpoint": "embed", "effect": effect})));
    };
    set(json!({"kind": "missing_embeddings", "count": 1}));
    assert_eq!(embeddings(embed().await).len(), 1);
    set(json!({"kind": "extra_embeddings", "count": 1}));
    assert_eq!(embeddings(embed().await).len(), 3);
    set(json!({"kind": "wrong_dimension", "dimension": 2}));
    assert_eq!(embeddings(embed().await)[0]["values"].as_array().unwrap().len(), 2);
    set(json!({"kind": "zero_vector"}));
    assert_eq!(embeddings(embed().await)[0]["values"], json!([0.0, 0.0, 0.0]));
    for (kind, value) in
        [("null_value", json!(null)), ("nan_value", json!("NaN")), ("huge_value", json!(1e39))]
    {
        set(json!({"kind": kind}));
        assert_eq!(embeddings(embed().await)[0]["values"][2], value);
    }
    set(json!({"kind": "status", "code": 503, "body": "array"}));
    assert_eq!(embed().await.json()[0]["error"]["status"], "UNAVAILABLE");
    set(json!({"kind": "poison_text", "marker": "POISON"}));
    assert_eq!(embed().await.status, 400);
    set(json!({"kind": "quota", "retry_seconds": 5.5}));
    let details = embed().await.json()["error"]["details"].clone();
    assert!(details[1]["violations"][0]["quotaId"].as_str().unwrap().contains("PerMinute"));
    assert_eq!(details[2]["retryDelay"], "5.5s");
    // A bare 429 has no details: no quota is named, and no delay.
    set(json!({"kind": "status", "code": 429}));
    assert_eq!(embed().await.json()["error"].get("details"), None);
    set(json!({"kind": "quota", "period": "day", "retry_seconds": 45}));
    let answer = embed().await;
    let details = answer.json()["error"]["details"].clone();
    assert_eq!(answer.status, 429);
    assert!(details[1]["violations"][0]["quotaId"].as_str().unwrap().contains("PerDay"));
    assert_eq!(details[2]["retryDelay"], "45s");
}

#[tokio::test]
async fn faults_are_set_listed_and_removed_over_http() {
    let fixture = filled().await;
    let set = json!([
        {"endpoint": "list", "index": "scratch", "when": {"nth": 2}, "effect": {"kind": "status", "code": 401, "body": "text", "message": "Unauthorized"}},
        {"endpoint": "list", "index": "target", "effect": {"kind": "reset"}},
    ]);
    assert_eq!(
        fixture.main(Method::POST, "/sandbox/faults", Some(set.clone())).await.json(),
        json!({"faults": 2})
    );
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(get(&fixture, LIST).await.unwrap().status);
    }
    assert_eq!(statuses, [200, 401, 200]);
    let listed = fixture.main(Method::GET, "/sandbox/faults", None).await.json();
    assert_eq!((&listed["faults"][0]["calls"], &listed["faults"][1]["calls"]), (&json!(3), &json!(0)));
    assert_eq!(listed["faults"][0]["fault"]["when"], json!({"nth": 2}));
    for bad in [
        json!({"endpoint": "lists", "effect": {"kind": "reset"}}),
        json!({"endpoint": "list", "index": "nowhere", "effect": {"kind": "reset"}}),
        json!({"endpoint": "list", "effect": {"kind": "status"}}),
        json!("list:resets"),
        json!("nowhere.list:reset"),
    ] {
        let answer = fixture.main(Method::POST, "/sandbox/faults", Some(bad)).await;
        assert!(answer.status >= 400 && answer.json()["error"].is_string(), "{}", answer.text);
    }
    fixture.main(Method::DELETE, "/sandbox/faults", None).await;
    assert_eq!(fixture.main(Method::GET, "/sandbox/faults", None).await.json(), json!({"faults": []}));
}

#[tokio::test]
async fn faults_are_set_in_their_short_form() {
    let fixture = filled().await;
    fixture.main(Method::POST, "/sandbox/faults", Some(json!(["scratch.list:503@nth=1", "fetch:429"]))).await;
    assert_eq!(get(&fixture, LIST).await.unwrap().status, 503);
    assert_eq!(get(&fixture, FETCH).await.unwrap().status, 429);
    fixture.state.clear_faults();
    // One in a line, as curl sends a file.
    let url = format!("{}/sandbox/faults", fixture.sandbox.url());
    let answer = fixture.post_text(&url, "list:500\nfetch:502-html").await;
    assert_eq!(answer.json(), json!({"faults": 2}));
    assert_eq!(get(&fixture, LIST).await.unwrap().status, 500);
    let answer = fixture.post_text(&url, "list").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("write it as ENDPOINT:EFFECT"), "{}", answer.text);
}

#[tokio::test]
async fn a_fault_from_the_start_names_an_index_that_is_there() {
    let fault = "nowhere.list:reset".parse().unwrap();
    let error = sandbox::start(Options { faults: vec![fault], ..Options::default() }).await.err().unwrap();
    assert!(error.to_string().starts_with("there is no index `nowhere`"), "{error}");
}

#[tokio::test]
async fn a_page_of_a_listing_fails_however_often_it_is_asked_for() {
    let fixture = filled().await;
    fixture.state.add_fault("list:503@page=2".parse().unwrap());
    let page = |token: &str| {
        let path = format!("{LIST}&limit=1&paginationToken={}", token.replace('=', "%3D"));
        let fixture = &fixture;
        async move { get(fixture, &path).await.unwrap() }
    };
    for _ in 0..2 {
        let first = page("").await;
        assert_eq!(first.status, 200);
        let token = first.json()["pagination"]["next"].as_str().unwrap().to_owned();
        assert_eq!((page(&token).await.status, page(&token).await.status), (503, 503));
    }
    fixture.state.clear_faults();
    let token = page("").await.json()["pagination"]["next"].as_str().unwrap().to_owned();
    assert_eq!(ids_of(&page(&token).await.json()), ["r001"]);
}

#[tokio::test]
async fn tokens_expire_and_repeat() {
    let fixture = filled().await;
    let first = get(&fixture, &format!("{LIST}&limit=1")).await.unwrap().json();
    let token = first["pagination"]["next"].as_str().unwrap();
    let second = format!("{LIST}&limit=1&paginationToken={}", token.replace('=', "%3D"));
    fixture.state.add_fault("list:expired-token".parse().unwrap());
    assert_eq!(get(&fixture, LIST).await.unwrap().status, 200);
    let refused = get(&fixture, &second).await.unwrap();
    assert_eq!((refused.status, refused.message().as_str()), (400, "Pagination token has expired"));
    fixture.state.clear_faults();
    fixture.state.add_fault("list:repeated-token".parse().unwrap());
    assert_eq!(get(&fixture, &second).await.unwrap().json()["pagination"]["next"], token);
}

#[tokio::test]
async fn a_key_expires_as_each_service_says_it() {
    let fixture = filled().await;
    for endpoint in ["list", "describe", "models"] {
        fixture.state.add_fault(format!("{endpoint}:expired-key@from=2").parse().unwrap());
    }
    assert_eq!(get(&fixture, LIST).await.unwrap().status, 200);
    let refused = get(&fixture, LIST).await.unwrap();
    assert_eq!((refused.status, refused.text.as_str()), (401, "Unauthorized"));
    fixture.main(Method::GET, "/indexes", None).await;
    assert_eq!(fixture.main(Method::GET, "/indexes", None).await.status, 401);
    fixture.main(Method::GET, "/v1beta/models", None).await;
    let refused = fixture.main(Method::GET, "/v1beta/models", None).await;
    let reason = &refused.json()["error"]["details"][0]["reason"];
    assert_eq!((refused.status, reason), (400, &json!("API_KEY_INVALID")));
}

#[tokio::test]
async fn a_quota_of_the_month_is_a_429_in_plain_text() {
    let fixture = filled().await;
    fixture.state.add_fault("list:monthly-quota".parse().unwrap());
    let refused = get(&fixture, LIST).await.unwrap();
    assert_eq!(refused.status, 429);
    assert!(refused.text.contains("for the current month"), "{}", refused.text);
}

#[tokio::test]
async fn what_is_too_large_is_refused_in_every_wording() {
    let fixture = filled().await;
    let upsert = |count| fixture.upsert("ns", records(count));
    fixture.state.add_fault("upsert:too-large,bytes=500".parse().unwrap());
    assert_eq!(upsert(1).await.status, 200);
    let refused = upsert(20).await;
    assert_eq!((refused.status, refused.json()["code"].as_i64()), (413, Some(3)));
    fixture.state.clear_faults();
    fixture.state.add_fault("upsert:too-large,bytes=500,code=400".parse().unwrap());
    let refused = upsert(20).await;
    assert_eq!((refused.status, refused.json()["code"].as_i64()), (400, Some(11)));
    assert!(refused.message().contains("message length too large: found"), "{}", refused.text);
    fixture.state.add_fault("fetch:too-large,bytes=30".parse().unwrap());
    assert_eq!(get(&fixture, FETCH).await.unwrap().status, 414);
    fixture.state.add_fault("embed:too-large,bytes=30".parse().unwrap());
    let body = json!({"content": {"parts": [{"text": "a text of some length"}]}});
    let refused =
        fixture.main(Method::POST, "/v1/models/gemini-embedding-001:embedContent", Some(body)).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.message(), "Request payload size exceeds the limit: 30 bytes.");
}

#[tokio::test]
async fn a_poison_record_refuses_its_batch() {
    let fixture = filled().await;
    fixture.state.add_fault("upsert:poison-record,marker=r003".parse().unwrap());
    assert_eq!(fixture.upsert("poisoned", records(3)).await.status, 200);
    let refused = fixture.upsert("poisoned", records(4)).await;
    assert_eq!((refused.status, refused.json()["code"].as_i64()), (400, Some(3)));
    assert!(fixture.state.record("scratch", "poisoned", "r003").unwrap().is_none());
}

#[tokio::test]
async fn writes_are_seen_late_where_a_fault_says_so() {
    let fixture = filled().await;
    fixture.state.add_fault("upsert:visibility-delay,ms=3600000@nth=1".parse().unwrap());
    fixture.upsert("late", records(2)).await;
    assert!(fixture.list("namespace=late").await.is_empty());
    let fetched = get(&fixture, "/vectors/fetch?namespace=late&ids=r000").await.unwrap().json();
    assert_eq!(fetched["vectors"].as_object().unwrap().len(), 1);
    // What is written later is not seen earlier.
    let lsn = fixture.upsert("late", records(3)).await.header("x-pinecone-request-lsn").unwrap().to_owned();
    let body = json!({"namespace": "late", "topK": 1, "vector": [1.0, 0.0, 0.0, 0.0]});
    let answer = fixture.scratch(Method::POST, "/query", Some(body)).await;
    assert_eq!((lsn.as_str(), answer.header("x-pinecone-max-indexed-lsn")), ("2", Some("0")));
    fixture.state.clear_faults();
    fixture.upsert("prompt", records(1)).await;
    assert_eq!(fixture.list("namespace=prompt").await, ["r000"]);
}
