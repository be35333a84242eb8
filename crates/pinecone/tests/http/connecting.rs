//! Describing an index and making a client for it.

use super::*;

#[tokio::test]
async fn an_index_is_described_by_its_name() {
    let server = server().await;
    let source = source(&server).await;
    assert_eq!(source.description().name, "idx");
    assert_eq!(source.description().dimension, Some(2));
    assert!(source.description().ready);
    let request = requests_to(&server, "/indexes/idx").await.remove(0);
    assert_eq!(request.headers["api-key"], KEY);
    assert_eq!(request.headers["x-pinecone-api-version"], "2025-10");
}

#[tokio::test]
async fn what_the_control_plane_refuses_is_said() {
    for (response, kind, says) in [
        (
            json(
                404,
                json!({"error": {"code": "NOT_FOUND", "message": "Index idx not found."}, "status": 404}),
            ),
            Kind::NotFound,
            "idx: describe: 404 Not Found: Index idx not found.",
        ),
        (text(401, "Unauthorized"), Kind::Unauthorized, "idx: describe: 401 Unauthorized"),
        (
            json(
                401,
                json!({"error": {"code": "UNAUTHENTICATED", "message": "Invalid API Key"}, "status": 401}),
            ),
            Kind::Unauthorized,
            "idx: describe: 401 Unauthorized: Invalid API Key",
        ),
        (
            text(403, &format!("{KEY} is blocked")),
            Kind::Forbidden,
            "idx: describe: 403 Forbidden: *** is blocked",
        ),
        (json(200, json!({"indexes": []})), Kind::Malformed, "missing field"),
        (text(200, "<html><title>Sign in</title>"), Kind::Malformed, "not the expected JSON"),
    ] {
        let server = MockServer::start().await;
        answer(&server, "GET", "/indexes/idx", response).await;
        let error = SourceIndex::connect(&connection(&server), "idx").await.unwrap_err();
        assert_eq!(*error.kind(), kind);
        assert!(error.to_string().contains(says), "{error}");
        assert!(!format!("{error:?}").contains(KEY));
    }
}

#[tokio::test]
async fn a_document_index_and_one_in_the_making_are_refused() {
    let server = MockServer::start().await;
    let fields = json!({"body": {"type": "dense_vector", "dimension": 3, "metric": "cosine"}});
    let document =
        json!({"name": "idx", "host": "h", "status": {"ready": true}, "schema": {"fields": fields}});
    answer(&server, "GET", "/indexes/idx", json(200, document)).await;
    let error = TargetIndex::connect(&connection(&server), "idx").await.unwrap_err();
    assert!(matches!(error, Error::DocumentIndex { .. }), "{error}");
    let making = json!({"name": "new", "host": null, "status": {"ready": false, "state": "Initializing"}});
    answer(&server, "GET", "/indexes/new", json(200, making)).await;
    let error = TargetIndex::connect(&connection(&server), "new").await.unwrap_err();
    assert!(matches!(error, Error::NotReady { .. }), "{error}");
}

#[tokio::test]
async fn a_key_is_not_sent_in_the_clear() {
    let server = MockServer::start().await;
    let mut elsewhere = description(&server);
    elsewhere["host"] = json!("http://idx.svc.pinecone.io");
    answer(&server, "GET", "/indexes/idx", json(200, elsewhere)).await;
    let error = SourceIndex::connect(&connection(&server), "idx").await.unwrap_err();
    assert!(matches!(error, Error::UnsafeAddress { .. }), "{error}");
    let mut connection = connection(&server);
    connection.controller = "http://api.pinecone.io".parse().unwrap();
    let error = SourceIndex::connect(&connection, "idx").await.unwrap_err();
    assert!(matches!(error, Error::UnsafeAddress { .. }), "{error}");
}
