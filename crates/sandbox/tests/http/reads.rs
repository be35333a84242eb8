//! The read side of the data plane, and the control plane.

use crate::support::{Fixture, ids_of, records};
use reqwest::Method;
use sandbox::{MissingNamespace, Options, Switches};
use serde_json::{Value, json};

#[tokio::test]
async fn an_index_is_described_in_the_shape_of_the_version() {
    let mut fixture = Fixture::start(Options::default()).await;
    let flat = fixture.main(Method::GET, "/indexes/askdona", None).await.json();
    assert_eq!(
        (&flat["dimension"], &flat["metric"], &flat["schema"]),
        (&json!(3072), &json!("cosine"), &Value::Null)
    );
    fixture.version = "2026-07";
    let schema = fixture.main(Method::GET, "/indexes/askdona", None).await.json();
    assert_eq!(schema["schema"]["fields"]["_values"]["dimension"], 3072);
    assert_eq!((&schema["dimension"], &schema["spec"]), (&Value::Null, &Value::Null));
    assert_eq!(schema["host"], fixture.sandbox.index_url("askdona").unwrap());
    let all = fixture.main(Method::GET, "/indexes", None).await.json();
    assert_eq!(all["indexes"].as_array().unwrap().len(), 5);
    let unknown = fixture.main(Method::GET, "/indexes/none", None).await;
    let expected = json!({"error": {"code": "NOT_FOUND", "message": "Index none not found."}, "status": 404});
    assert_eq!((unknown.status, unknown.json()), (404, expected));
}

#[tokio::test]
async fn keys_are_checked_as_the_services_do() {
    let fixture = Fixture::start(Options { api_key: Some("other".to_owned()), ..Options::default() }).await;
    for url in [
        format!("{}/indexes", fixture.sandbox.url()),
        format!("{}/namespaces", fixture.sandbox.index_url("source").unwrap()),
    ] {
        let answer = fixture.call(Method::GET, url, None).await.unwrap();
        assert_eq!((answer.status, answer.text.as_str()), (401, "Unauthorized"));
        assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
    }
    let answer = fixture.main(Method::GET, "/v1beta/models", None).await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (400, "API key not valid. Please pass a valid API key.")
    );
    assert_eq!(answer.json()["error"]["details"][0]["reason"], "API_KEY_INVALID");
}

#[tokio::test]
async fn listings_are_sorted_by_bytes_and_stable_under_writes() {
    let fixture = Fixture::start(Options::default()).await;
    let vectors: Value = ["b", "a", "B", "_", "a/1", "a/2", "~"]
        .iter()
        .map(|id| json!({"id": id, "values": [1, 0, 0, 0]}))
        .collect();
    assert_eq!(fixture.upsert("ns", vectors).await.status, 200);
    assert_eq!(fixture.list("namespace=ns").await, ["B", "_", "a", "a/1", "a/2", "b", "~"]);
    assert_eq!(fixture.list("namespace=ns&prefix=a%2F").await, ["a/1", "a/2"]);

    let page = fixture.scratch(Method::GET, "/vectors/list?namespace=ns&limit=3", None).await.json();
    assert_eq!(ids_of(&page), ["B", "_", "a"]);
    fixture
        .upsert("ns", json!([{"id": "A", "values": [1, 0, 0, 0]}, {"id": "a/0", "values": [1, 0, 0, 0]}]))
        .await;
    let token = page["pagination"]["next"].as_str().unwrap();
    let next = format!("/vectors/list?namespace=ns&limit=3&paginationToken={token}");
    let next = fixture.scratch(Method::GET, &next, None).await.json();
    assert_eq!(ids_of(&next), ["a/0", "a/1", "a/2"]);
    let exact = fixture.scratch(Method::GET, "/vectors/list?namespace=ns&limit=9", None).await.json();
    assert_eq!(exact.get("pagination"), None);
    for (query, message) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("paginationToken=x", "pagination token")]
    {
        let answer = fixture.scratch(Method::GET, &format!("/vectors/list?{query}"), None).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(3)));
        assert!(answer.message().contains(message), "{}", answer.message());
    }
}

#[tokio::test]
async fn the_default_namespace_has_three_spellings() {
    let fixture = Fixture::start(Options::default()).await;
    fixture.upsert("__default__", records(1)).await;
    for query in ["", "namespace=", "namespace=__default__"] {
        assert_eq!(fixture.list(query).await, ["r000"], "{query}");
    }
    let namespaces = fixture.scratch(Method::GET, "/namespaces", None).await.json();
    assert_eq!(namespaces["namespaces"], json!([{"name": "__default__", "record_count": "1"}]));
    let stats = fixture.scratch(Method::POST, "/describe_index_stats", Some(json!({}))).await.json();
    assert_eq!(stats["namespaces"], json!({"": {"vectorCount": 1}}));
}

#[tokio::test]
async fn fetch_decodes_ids_and_leaves_out_what_is_missing() {
    let fixture = Fixture::start(Options::default()).await;
    fixture
        .upsert("ns", json!([{"id": "a b", "values": [0.1, 1, -0.0, 3], "metadata": {"n": 1, "big": 1e21}}]))
        .await;
    for id in ["a+b", "a%20b"] {
        let answer = fixture
            .scratch(Method::GET, &format!("/vectors/fetch?namespace=ns&ids={id}&ids=none"), None)
            .await;
        let expected = r#"{"vectors":{"a b":{"id":"a b","values":[0.1,1.0,-0.0,3.0],"metadata":{"big":1e+21,"n":1.0}}},"namespace":"ns","usage":{"readUnits":1}}"#;
        assert_eq!(answer.text, expected);
        assert_eq!(answer.header("x-pinecone-request-lsn"), None);
    }
    let many = "ids=a&".repeat(1001);
    let answer = fixture.scratch(Method::GET, &format!("/vectors/fetch?{many}"), None).await;
    assert_eq!(answer.status, 400);
    let long = format!("/vectors/fetch?ids={}", "x".repeat(17_000));
    assert_eq!(fixture.scratch(Method::GET, &long, None).await.status, 414);
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_is_empty_or_not_found() {
    let path = "/vectors/fetch?ids=a&namespace=none";
    let empty = Fixture::start(Options::default()).await;
    assert_eq!(empty.scratch(Method::GET, path, None).await.json()["vectors"], json!({}));
    let switches = Switches { missing_namespace: MissingNamespace::NotFound, ..Switches::default() };
    let strict = Fixture::start(Options { switches, ..Options::default() }).await;
    let answer = strict.scratch(Method::GET, path, None).await;
    let expected = json!({"code": 5, "message": "Namespace not found", "details": []});
    assert_eq!((answer.status, answer.json()), (404, expected));
}

#[tokio::test]
async fn queries_rank_filter_and_carry_the_indexed_number() {
    let fixture = Fixture::start(Options::default()).await;
    let written = fixture.upsert("ns", records(5)).await;
    let query = json!({"namespace": "ns", "topK": 2, "vector": [0, 0, 1, 0], "filter": {"n": {"$lt": 4}}});
    let answer = fixture.scratch(Method::POST, "/query", Some(query)).await;
    let found = answer.json();
    assert_eq!(found["matches"][0]["id"], "r003");
    assert_eq!(found["matches"][0]["values"], json!([]));
    assert_eq!(found["matches"].as_array().unwrap().len(), 2);
    assert_eq!(written.header("x-pinecone-request-lsn"), answer.header("x-pinecone-max-indexed-lsn"));
    let zero = json!({"namespace": "ns", "topK": 1, "vector": [0, 0, 0, 0]});
    assert_eq!(fixture.scratch(Method::POST, "/query", Some(zero)).await.json()["matches"][0]["id"], "r000");
    for bad in [
        json!({"topK": 0, "vector": [1, 0, 0, 0]}),
        json!({"topK": 1}),
        json!({"topK": 1, "vector": [1]}),
        json!({"topK": 1, "id": "a", "vector": [1, 0, 0, 0]}),
        json!({"topK": 1, "vector": [1, 0, 0, 0], "misspelled": true}),
        json!({"topK": 1, "vector": [1, 0, 0, 0], "sparseVector": {"indices": [1], "values": [1]}}),
    ] {
        assert_eq!(fixture.scratch(Method::POST, "/query", Some(bad.clone())).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_document_index_refuses_vectors_and_a_vector_index_documents() {
    let mut fixture = Fixture::start(Options::default()).await;
    fixture.version = "2026-07";
    let described = fixture.main(Method::GET, "/indexes/documents", None).await.json();
    assert_eq!(described["schema"]["fields"]["embedding"]["type"], "dense_vector");
    let host = fixture.sandbox.index_url("documents").unwrap();
    let answer = fixture.call(Method::GET, format!("{host}/vectors/list"), None).await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("Document API"));
    let answer = fixture.scratch(Method::POST, "/namespaces/ns/documents/list", Some(json!({}))).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("INVALID_ARGUMENT")));
}
