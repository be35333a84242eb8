//! The write side of the data plane.

use std::time::Duration;

use crate::support::{Fixture, records};
use reqwest::Method;
use sandbox::{Endpoint, NullMetadata, Options, Oversize, Switches};
use serde_json::{Value, json};

#[tokio::test]
async fn one_bad_record_refuses_the_whole_request() {
    let fixture = Fixture::start(Options::default()).await;
    let deep = json!({"a": {"b": 1}});
    for (bad, message) in [
        (
            json!({"id": "x", "values": [1, 2]}),
            "Vector dimension 2 does not match the dimension of the index 4",
        ),
        (json!({"id": "x"}), "Vector dimension 0 does not match the dimension of the index 4"),
        (json!({"id": "x", "values": [0, 0, 1e-9, 0]}), "must contain at least one non-zero value"),
        (json!({"id": "", "values": [1, 0, 0, 0]}), "must not be empty"),
        (json!({"id": "é", "values": [1, 0, 0, 0]}), "must be ASCII"),
        (json!({"id": "x".repeat(513), "values": [1, 0, 0, 0]}), "maximum is 512"),
        (json!({"id": "x", "values": [1, 0, 0, "1"]}), "32-bit"),
        (json!({"id": "x", "values": [1, 0, 0, 1e39]}), "32-bit"),
        (
            json!({"id": "x", "values": [1, 0, 0, 0], "metadata": {"k": [10, {"a": 1}]}}),
            "Metadata value must be a string, number, boolean or list of strings, got '[10.0,{\"a\":1.0}]' for field 'k'",
        ),
        (json!({"id": "x", "values": [1, 0, 0, 0], "metadata": deep}), "got '{\"b\":1.0}' for field 'a'"),
        (json!({"id": "x", "values": [1, 0, 0, 0], "metadata": {"$k": 1}}), "'$k'"),
        (
            json!({"id": "x", "values": [1, 0, 0, 0], "metadata": {"k": "v".repeat(41_000)}}),
            "limit of 40960 bytes",
        ),
        (
            json!({"id": "x", "values": [1, 0, 0, 0], "sparseValues": {"indices": [1, 1], "values": [1, 2]}}),
            "unique",
        ),
        (
            json!({"id": "x", "values": [1, 0, 0, 0], "sparseValues": {"indices": [1], "values": []}}),
            "same length",
        ),
        (json!({"id": "x", "values": [1, 0, 0, 0], "sparse": {}}), "unknown field"),
    ] {
        let answer = fixture.upsert("ns", json!([{"id": "good", "values": [1, 0, 0, 0]}, bad])).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(3)), "{}", answer.text);
        assert!(answer.message().contains(message), "{}", answer.message());
    }
    assert_eq!(fixture.upsert("ns", records(1001)).await.status, 400);
    assert_eq!(fixture.upsert("ns", json!([])).await.status, 400);
    assert_eq!(fixture.upsert("nö", records(1)).await.status, 400);
    assert!(fixture.list("namespace=ns").await.is_empty());
    assert_eq!(fixture.upsert("ns", records(1000)).await.json(), json!({"upsertedCount": 1000}));
}

#[tokio::test]
async fn a_request_over_two_megabytes_is_refused_in_either_way() {
    let vectors: Value = (0..60)
        .map(|n| json!({"id": format!("{n}"), "values": [1, 0, 0, 0], "metadata": {"t": "x".repeat(40_000)}}))
        .collect();
    let fixture = Fixture::start(Options::default()).await;
    let answer = fixture.upsert("ns", vectors.clone()).await;
    assert_eq!(answer.status, 413);
    assert!(answer.message().contains("length too large"));
    let switches = Switches { oversize: Oversize::OutOfRange, ..Switches::default() };
    let fixture = Fixture::start(Options { switches, ..Options::default() }).await;
    let answer = fixture.upsert("ns", vectors).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(11)));
}

#[tokio::test]
async fn nulls_are_stripped_or_refused() {
    let vectors = json!([{"id": "a", "values": [1, 0, 0, 0], "metadata": {"n": null, "s": "x"}}]);
    let fixture = Fixture::start(Options::default()).await;
    assert_eq!(fixture.upsert("ns", vectors.clone()).await.status, 200);
    let record = fixture.state.record("scratch", "ns", "a").unwrap().unwrap();
    assert_eq!(record.metadata.keys().collect::<Vec<_>>(), ["s"]);
    let switches = Switches { null_metadata: NullMetadata::Reject, ..Switches::default() };
    let fixture = Fixture::start(Options { switches, ..Options::default() }).await;
    assert!(fixture.upsert("ns", vectors).await.message().contains("got 'null' for field 'n'"));
}

#[tokio::test]
async fn an_upsert_replaces_and_an_update_merges() {
    let fixture = Fixture::start(Options::default()).await;
    fixture.upsert("ns", json!([{"id": "a", "values": [1, 0, 0, 0], "metadata": {"old": 1}}])).await;
    fixture.upsert("ns", json!([{"id": "a", "values": [0, 1, 0, 0], "metadata": {"new": 1}}])).await;
    let update = json!({"id": "a", "namespace": "ns", "setMetadata": {"more": "x"}});
    let answer = fixture.scratch(Method::POST, "/vectors/update", Some(update)).await;
    assert_eq!((answer.text.as_str(), answer.header("x-pinecone-request-lsn")), ("{}", Some("3")));
    let record = fixture.state.record("scratch", "ns", "a").unwrap().unwrap();
    assert_eq!(record.values, [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(record.metadata.keys().collect::<Vec<_>>(), ["more", "new"]);
    let absent = json!({"id": "none", "namespace": "ns", "setMetadata": {"more": "x"}});
    assert_eq!(fixture.scratch(Method::POST, "/vectors/update", Some(absent)).await.status, 200);
    assert_eq!(fixture.list("namespace=ns").await, ["a"]);
    for bad in [
        json!({}),
        json!({"filter": {}}),
        json!({"filter": {"n": 1}, "values": [1, 0, 0, 0]}),
        json!({"id": "a", "values": [1]}),
    ] {
        assert_eq!(
            fixture.scratch(Method::POST, "/vectors/update", Some(bad.clone())).await.status,
            400,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_write_is_hidden_until_its_delay_has_passed() {
    let hour = Duration::from_secs(3600);
    let fixture = Fixture::start(Options { visibility_delay: hour, ..Options::default() }).await;
    assert_eq!(fixture.upsert("ns", records(2)).await.header("x-pinecone-request-lsn"), Some("1"));
    assert!(fixture.list("namespace=ns").await.is_empty());
    let query = json!({"namespace": "ns", "topK": 1, "vector": [1, 0, 0, 0]});
    let answer = fixture.scratch(Method::POST, "/query", Some(query)).await;
    assert_eq!(answer.header("x-pinecone-max-indexed-lsn"), Some("0"));
    assert_eq!(answer.json()["matches"], json!([]));
    // A fetch has a delay of its own, which is none here.
    let fetched = fixture.scratch(Method::GET, "/vectors/fetch?namespace=ns&ids=r001", None).await.json();
    assert_eq!(fetched["vectors"]["r001"]["metadata"], json!({"n": 1.0}));
}

#[tokio::test]
async fn deletes_work_and_are_counted_as_forbidden() {
    let fixture = Fixture::start(Options::default()).await;
    fixture.upsert("ns", records(4)).await;
    let delete = |body: Value| fixture.scratch(Method::POST, "/vectors/delete", Some(body));
    // When ids and a filter are both given, the filter alone counts.
    delete(json!({"namespace": "ns", "ids": ["r000"], "filter": {"n": 3}})).await;
    assert_eq!(fixture.list("namespace=ns").await, ["r000", "r001", "r002"]);
    assert_eq!(delete(json!({"namespace": "none", "deleteAll": true})).await.status, 404);
    assert_eq!(fixture.main(Method::DELETE, "/indexes/scratch", None).await.status, 403);
    assert_eq!(fixture.scratch(Method::DELETE, "/namespaces/ns", None).await.text, "{}");
    assert!(fixture.list("namespace=ns").await.is_empty());
    assert_eq!(fixture.state.forbidden_calls(), 4);
    assert_eq!(fixture.state.calls("scratch", Endpoint::Delete).unwrap().requests, 3);
    let logged = fixture.state.requests();
    assert!(logged.iter().any(|request| request.method == "DELETE" && request.path == "/namespaces/ns"));
}

#[tokio::test]
async fn a_sparse_index_takes_sparse_values_alone() {
    let fixture = Fixture::start(Options::default()).await;
    let host = fixture.sandbox.index_url("sparse").unwrap();
    let upsert = |vector: Value| {
        fixture.call(Method::POST, format!("{host}/vectors/upsert"), Some(json!({"vectors": [vector]})))
    };
    let sparse = json!({"indices": [4_294_967_295_u32, 3], "values": [0.5, 2]});
    assert_eq!(upsert(json!({"id": "a", "sparseValues": sparse})).await.unwrap().status, 200);
    assert_eq!(upsert(json!({"id": "a", "values": [1], "sparseValues": sparse})).await.unwrap().status, 400);
    assert_eq!(upsert(json!({"id": "a"})).await.unwrap().status, 400);
    let fetched =
        fixture.call(Method::GET, format!("{host}/vectors/fetch?ids=a"), None).await.unwrap().json();
    assert_eq!(
        fetched["vectors"]["a"],
        json!({"id": "a", "values": [], "sparseValues": {"indices": [4_294_967_295_u32, 3], "values": [0.5, 2.0]}})
    );
}
