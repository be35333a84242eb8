//! Statistics and namespaces.

use super::*;

#[tokio::test]
async fn statistics_are_read_in_either_spelling() {
    for default in ["", "__default__"] {
        let server = server().await;
        let stats = json!({
            "namespaces": {default: {"vectorCount": 50000}, "ns2": {"vectorCount": "30000"}, "empty": {}},
            "dimension": 1024, "indexFullness": 0, "totalVectorCount": 80000, "metric": "cosine",
            "vectorType": "dense", "memory_fullness": 0,
        });
        Mock::given(method("POST"))
            .and(path("/describe_index_stats"))
            .and(body_json(json!({})))
            .and(header("content-type", "application/json"))
            .respond_with(json(200, stats))
            .mount(&server)
            .await;
        let stats = source(&server).await.stats().await.unwrap();
        assert_eq!((stats.total, stats.dimension), (80_000, Some(1024)));
        let counts: Vec<_> = stats.namespaces.into_iter().collect();
        assert_eq!(counts, [(ns(""), 50_000), (ns("empty"), 0), (ns("ns2"), 30_000)]);
    }
}

#[tokio::test]
async fn no_statistics_are_not_zero() {
    let server = server().await;
    answer(&server, "POST", "/describe_index_stats", json(200, json!({}))).await;
    assert_eq!(*source(&server).await.stats().await.unwrap_err().kind(), Kind::Malformed);
}

#[tokio::test]
async fn all_pages_of_namespaces_are_read() {
    let server = server().await;
    let first = json!({
        "namespaces": [{"name": "__default__", "record_count": "20000", "size_bytes": "1"}, {"name": "a", "record_count": 7}],
        "pagination": {"next": "t"}, "total_count": 3,
    });
    Mock::given(path("/namespaces"))
        .and(query_param_is_missing("paginationToken"))
        .respond_with(json(200, first))
        .mount(&server)
        .await;
    Mock::given(path("/namespaces"))
        .and(query_param("paginationToken", "t"))
        .respond_with(json(200, json!({"namespaces": [{"name": "b"}]})))
        .mount(&server)
        .await;
    let summary = |name: &str, record_count| NamespaceSummary { name: ns(name), record_count };
    let namespaces = target(&server).await.namespaces().await.unwrap();
    assert_eq!(namespaces, [summary("", 20_000), summary("a", 7), summary("b", 0)]);
}

#[tokio::test]
async fn without_the_endpoint_namespaces_come_from_the_statistics() {
    for response in [text(404, ""), rpc(501, 12, "unimplemented"), text(405, "Method Not Allowed")] {
        let server = server().await;
        answer(&server, "GET", "/namespaces", response).await;
        let stats = json!({"namespaces": {"": {"vectorCount": 1}}, "totalVectorCount": 1});
        answer(&server, "POST", "/describe_index_stats", json(200, stats)).await;
        let namespaces = source(&server).await.namespaces().await.unwrap();
        assert_eq!(namespaces, [NamespaceSummary { name: ns(""), record_count: 1 }]);
    }
}

#[tokio::test]
async fn namespaces_that_cannot_be_read_are_an_error() {
    for response in [text(401, "Unauthorized"), json(200, json!({})), text(502, "")] {
        let server = server().await;
        answer(&server, "GET", "/namespaces", response).await;
        assert!(source(&server).await.namespaces().await.is_err());
    }
    let server = server().await;
    let circle = json!({"namespaces": [], "pagination": {"next": "t"}});
    answer(&server, "GET", "/namespaces", json(200, circle)).await;
    assert!(matches!(source(&server).await.namespaces().await.unwrap_err(), Error::RepeatedToken { .. }));
}
