//! Fetching records.

use super::*;

/// Holds a record for every id; refuses URLs beyond a length.
struct Records {
    url_bytes: usize,
    refusal: ResponseTemplate,
}

impl Respond for Records {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if request.url.as_str().len() > self.url_bytes {
            return self.refusal.clone();
        }
        let ids = request.url.query_pairs().filter(|(name, _)| name == "ids").map(|(_, id)| id.into_owned());
        let records: serde_json::Map<String, Value> = ids
            .map(|id| (id.clone(), json!({"id": id, "values": [1, 0.5], "metadata": {"id": id}})))
            .collect();
        json(200, json!({"vectors": records, "namespace": "ns", "usage": {"readUnits": 1}}))
    }
}

async fn records(url_bytes: usize, refusal: ResponseTemplate) -> MockServer {
    let server = server().await;
    answer(&server, "GET", "/vectors/fetch", Records { url_bytes, refusal }).await;
    server
}

#[tokio::test]
async fn records_are_read_whole_or_without_values() {
    let server = server().await;
    let body = r#"{"vectors":{
        "a":{"id":"a","values":[1,1.5,-0.0],"sparseValues":{"indices":[1,312],"values":[0.5,0.25]},
             "metadata":{"n":1.0,"i":1,"big":9007199254740993,"e":1e21,"z":-0.0,"s":"1","b":true,"l":["x","y"],"null":null}},
        "s":{"id":"s","values":[],"sparseValues":{"indices":[1],"values":[1]}},
        "m":{"id":"m","metadata":null}},"namespace":"ns","usage":{"readUnits":1},"new":{}}"#;
    answer(&server, "GET", "/vectors/fetch", text(200, body)).await;
    let source = source(&server).await;
    let ids = strings(&["a", "s", "m", "absent"]);
    let records = source.fetch_records(&ns("ns"), &ids).await.unwrap();
    let a = records.iter().find(|record| record.id == "a").unwrap();
    assert_eq!(a.values, [1.0, 1.5, -0.0]);
    assert_eq!(a.sparse_values, Some(SparseValues { indices: vec![1, 312], values: vec![0.5, 0.25] }));
    assert_eq!(
        serde_json::to_string(&a.metadata).unwrap(),
        r#"{"b":true,"big":9007199254740993,"e":1e+21,"i":1,"l":["x","y"],"n":1.0,"null":null,"s":"1","z":-0.0}"#
    );
    let without_values = source.fetch_metadata(&ns("ns"), &ids).await.unwrap();
    assert_eq!(without_values.len(), 3);
    for record in &without_values {
        let whole = records.iter().find(|other| other.id == record.id).unwrap();
        assert_eq!((&record.metadata, &record.sparse_values), (&whole.metadata, &whole.sparse_values));
    }
    assert_eq!(
        requests_to(&server, "/vectors/fetch").await[0].url.query(),
        Some("namespace=ns&ids=a&ids=s&ids=m&ids=absent")
    );
}

#[tokio::test]
async fn strange_ids_are_encoded() {
    let server = records(usize::MAX, text(500, "")).await;
    let ids = strings(&["b c", "d#1&+/", "100%", "\"\\'\u{1}\u{7f}", "a=b?c"]);
    let mut found: Vec<_> = source(&server)
        .await
        .fetch_metadata(&ns(""), &ids)
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.id)
        .collect();
    found.sort();
    let mut expected = ids.clone();
    expected.sort();
    assert_eq!(found, expected);
    let requests = requests_to(&server, "/vectors/fetch").await;
    assert!(requests[0].url.query().unwrap().starts_with("ids=b%20c&ids=d%231%26%2B%2F&"));
}

#[tokio::test]
async fn many_ids_are_cut_by_the_bytes_of_the_url() {
    let server = records(6_500, text(414, "")).await;
    let ids: Vec<String> = (0..300).map(|number| format!("{number:04} {}", "é#".len() * number)).collect();
    let long: Vec<String> = (0..30).map(|number| format!("{number:02}{}", "#".repeat(500))).collect();
    let source = source(&server).await;
    for ids in [ids, long] {
        let records = source.fetch_records(&ns("ns"), &ids).await.unwrap();
        let mut found: Vec<_> = records.into_iter().map(|record| record.id).collect();
        found.sort();
        assert_eq!(found, ids);
    }
    // 300 short ids fit into one request; each of the long ones has 1,511 bytes, of which four fit.
    assert_eq!(requests_to(&server, "/vectors/fetch").await.len(), 1 + 8);
    assert!(source.fetch_metadata(&ns("ns"), &[]).await.unwrap().is_empty());
    assert_eq!(requests_to(&server, "/vectors/fetch").await.len(), 1 + 8, "nothing to fetch, nothing sent");
}

#[tokio::test]
async fn what_is_still_too_long_is_halved_and_remembered() {
    for refusal in [
        text(414, "<html><title>414 Request-URI Too Large</title>"),
        text(431, ""),
        text(413, ""),
        text(400, "Bad Request: URI too long"),
        rpc(400, 3, "Request length too large"),
    ] {
        let server = records(2_000, refusal).await;
        let ids: Vec<String> = (0..100).map(|number| format!("{number:0>50}")).collect();
        let source = source(&server).await;
        for _ in 0..2 {
            let records = source.fetch_metadata(&ns("ns"), &ids).await.unwrap();
            assert_eq!(records.len(), 100);
        }
        // First 100 refused, then 50 and 50, of which each is refused, then four of 25; after that never again.
        assert_eq!(requests_to(&server, "/vectors/fetch").await.len(), 7 + 4);
    }
}

#[tokio::test]
async fn one_id_that_is_too_long_is_an_error() {
    let server = records(0, text(414, "")).await;
    let error = source(&server).await.fetch_metadata(&ns("ns"), &strings(&["a", "b"])).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::TooLarge);
}

#[tokio::test]
async fn a_missing_namespace_is_empty_and_an_error_is_not() {
    let server = server().await;
    answer(&server, "GET", "/vectors/fetch", rpc(404, 5, "Namespace not found")).await;
    assert!(source(&server).await.fetch_records(&ns("ns"), &strings(&["a"])).await.unwrap().is_empty());
    for response in [
        text(404, ""),
        json(200, json!({})),
        json(200, json!({"vectors": {"b": {"id": "b"}}})),
        text(200, r#"{"vectors":{"a":{"id":"a","values":[1"#),
        text(400, "Bad Request"),
        rpc(500, 13, "internal"),
        text(403, "Forbidden"),
    ] {
        let server = super::server().await;
        answer(&server, "GET", "/vectors/fetch", response).await;
        assert!(source(&server).await.fetch_records(&ns("ns"), &strings(&["a"])).await.is_err());
    }
}
