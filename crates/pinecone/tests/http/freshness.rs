//! When a write can be seen.

use super::*;

#[tokio::test]
async fn a_cheap_query_tells_what_can_be_seen() {
    let server = server().await;
    let expected = json!({
        "topK": 1, "vector": [1, 0, 0], "includeValues": false, "includeMetadata": false, "namespace": "ns",
    });
    let response = json(200, json!({"matches": [], "namespace": "ns", "usage": {"readUnits": 1}}));
    Mock::given(method("POST"))
        .and(path("/query"))
        .and(body_json(expected))
        .respond_with(response.clone().insert_header("x-pinecone-max-indexed-lsn", "12"))
        .mount(&server)
        .await;
    let target = target(&server).await;
    assert_eq!(target.max_indexed_lsn(&ns("ns"), 3).await.unwrap(), Some(12));
    Mock::given(any()).respond_with(response).mount(&server).await;
    assert_eq!(target.max_indexed_lsn(&ns(""), 1).await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_namespace_has_none() {
    let server = server().await;
    answer(&server, "POST", "/query", rpc(404, 5, "Namespace not found")).await;
    assert_eq!(target(&server).await.max_indexed_lsn(&ns("ns"), 2).await.unwrap(), None);
}
