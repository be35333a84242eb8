//! The indexes against a mock of Pinecone: every status, header and body of the fact sheet.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use futures::{StreamExt, TryStreamExt};
use pinecone::{
    Connection, EncodedRecord, Error, Metadata, Namespace, NamespaceSummary, Options, Quotas, Refused,
    SourceIndex, SparseValues, TargetIndex,
};
use serde_json::{Value, json};
use upstream::{Jitter, Kind, Meter, Period, Retry};
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{any, body_json, header, method, path, query_param, query_param_is_missing},
};

const KEY: &str = "pc-secret-key";

fn connection(server: &MockServer) -> Connection {
    let retry = Retry { retries: 2, ..Retry::default() };
    Connection {
        api_key: KEY.into(),
        controller: server.uri().parse().unwrap(),
        options: Options {
            // Without jitter there is no wait between attempts.
            http: upstream::Options { retry, jitter: Jitter::new(|| 0.0), ..upstream::Options::default() },
            quotas: Quotas {
                list_per_second: 10_000,
                fetch_per_second: 10_000,
                upsert_per_second: 10_000,
                ..Quotas::default()
            },
        },
    }
}

fn description(server: &MockServer) -> Value {
    json!({
        "name": "idx", "dimension": 2, "metric": "cosine", "host": server.uri(), "vector_type": "dense",
        "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}},
        "status": {"ready": true, "state": "Ready"}, "deletion_protection": "disabled", "tags": null,
    })
}

fn json(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn text(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string(body)
}

fn rpc(status: u16, code: i32, message: &str) -> ResponseTemplate {
    json(status, json!({"code": code, "message": message, "details": []}))
}

async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/indexes/idx"))
        .respond_with(json(200, description(&server)))
        .mount(&server)
        .await;
    server
}

async fn source(server: &MockServer) -> SourceIndex {
    SourceIndex::connect(&connection(server), "idx").await.unwrap()
}

async fn target(server: &MockServer) -> TargetIndex {
    TargetIndex::connect(&connection(server), "idx").await.unwrap()
}

async fn answer(server: &MockServer, verb: &str, at: &str, response: impl Respond + 'static) {
    Mock::given(method(verb)).and(path(at)).respond_with(response).mount(server).await;
}

async fn requests_to(server: &MockServer, at: &str) -> Vec<Request> {
    let all = server.received_requests().await.unwrap();
    all.into_iter().filter(|request| request.url.path() == at).collect()
}

fn ns(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

fn strings(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn page(ids: &[&str], next: Option<&str>) -> Value {
    let vectors: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    let mut page = json!({"vectors": vectors, "namespace": "ns", "usage": {"readUnits": 1}});
    if let Some(next) = next {
        page["pagination"] = json!({"next": next});
    }
    page
}

mod connecting {
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
        let making =
            json!({"name": "new", "host": null, "status": {"ready": false, "state": "Initializing"}});
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
}

mod listing {
    use super::*;

    async fn list(server: &MockServer, namespace: &str) -> Result<Vec<Vec<String>>, Error> {
        source(server).await.list(&ns(namespace)).try_collect().await
    }

    /// Answers the first page and what follows each token.
    async fn pages(server: &MockServer, pages: &[(Option<&str>, Value)]) {
        for (token, page) in pages {
            let mock = Mock::given(method("GET")).and(path("/vectors/list"));
            let mock = match token {
                Some(token) => mock.and(query_param("paginationToken", *token)),
                None => mock.and(query_param_is_missing("paginationToken")),
            };
            mock.respond_with(json(200, page.clone())).mount(server).await;
        }
    }

    #[tokio::test]
    async fn it_goes_on_as_long_as_there_is_a_token() {
        let server = server().await;
        pages(
            &server,
            &[
                (None, page(&["A", "Z", "a"], Some("t=1"))),
                (Some("t=1"), page(&[], Some("t2"))),
                (Some("t2"), page(&["a", "b"], Some("t3"))),
                (Some("t3"), page(&["c d", "c\u{7f}"], None)),
            ],
        )
        .await;
        let pages = list(&server, "n s").await.unwrap();
        assert_eq!(pages, [strings(&["A", "Z", "a"]), vec![], strings(&["b"]), strings(&["c d", "c\u{7f}"])]);
        let requests = requests_to(&server, "/vectors/list").await;
        assert_eq!(requests[0].url.query(), Some("namespace=n%20s&limit=100"));
        assert_eq!(requests[1].url.query(), Some("namespace=n%20s&limit=100&paginationToken=t%3D1"));
    }

    #[tokio::test]
    async fn the_default_namespace_is_not_named() {
        let server = server().await;
        pages(&server, &[(None, page(&["a"], None))]).await;
        list(&server, "__default__").await.unwrap();
        assert_eq!(requests_to(&server, "/vectors/list").await[0].url.query(), Some("limit=100"));
    }

    #[tokio::test]
    async fn the_end_has_several_spellings() {
        for pagination in [json!(null), json!({}), json!({"next": null}), json!({"next": ""})] {
            let server = server().await;
            let mut last = page(&["a"], None);
            last["pagination"] = pagination;
            pages(&server, &[(None, last)]).await;
            assert_eq!(list(&server, "ns").await.unwrap(), [strings(&["a"])]);
        }
    }

    #[tokio::test]
    async fn disorder_is_an_error_and_can_still_be_read() {
        for bad in [&["b", "c", "a"][..], &["B", "a", "Z"]] {
            let server = server().await;
            pages(
                &server,
                &[
                    (None, page(&["A"], Some("t"))),
                    (Some("t"), page(bad, Some("u"))),
                    (Some("u"), page(&["z"], None)),
                ],
            )
            .await;
            let source = source(&server).await;
            let results: Vec<_> = source.list(&ns("ns")).collect().await;
            assert_eq!(results.len(), 2, "the error must be the end");
            assert!(results[0].is_ok());
            assert!(results[1].as_ref().unwrap_err().is_out_of_order());
            let all: Vec<String> = source.list_unordered(&ns("ns")).try_concat().await.unwrap();
            assert_eq!(all.len(), 5);
        }
        let server = server().await;
        pages(&server, &[(None, page(&["b"], Some("t"))), (Some("t"), page(&["a"], None))]).await;
        let error = list(&server, "ns").await.unwrap_err();
        assert_eq!(error.to_string(), r#"idx: the listing is not in order: "a" came after "b""#);
    }

    #[tokio::test]
    async fn a_listing_that_goes_in_circles_is_an_error() {
        let server = server().await;
        pages(
            &server,
            &[
                (None, page(&[], Some("t"))),
                (Some("t"), page(&[], Some("u"))),
                (Some("u"), page(&[], Some("t"))),
            ],
        )
        .await;
        let error = list(&server, "ns").await.unwrap_err();
        assert!(matches!(error, Error::RepeatedToken { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_missing_namespace_is_empty_and_a_missing_page_is_not() {
        let server = server().await;
        answer(&server, "GET", "/vectors/list", rpc(404, 5, "Namespace not found")).await;
        assert_eq!(list(&server, "ns").await.unwrap(), [strings(&[])]);
        let broken = super::server().await;
        pages(&broken, &[(None, page(&["a"], Some("t")))]).await;
        Mock::given(query_param("paginationToken", "t"))
            .respond_with(rpc(404, 5, "Namespace not found"))
            .mount(&broken)
            .await;
        assert!(list(&broken, "ns").await.unwrap_err().is_not_found());
    }

    #[tokio::test]
    async fn what_is_no_listing_is_never_taken_for_an_empty_one() {
        for response in [
            text(404, "<html><title>404</title>"),
            rpc(404, 5, "Not found"),
            json(200, json!({})),
            json(200, json!({"message": "try later"})),
            json(200, json!({"vectors": null})),
            text(200, ""),
            text(200, r#"{"vectors":[{"id":"a"}],"pagination""#),
            text(500, ""),
        ] {
            let server = server().await;
            answer(&server, "GET", "/vectors/list", response).await;
            assert!(list(&server, "ns").await.is_err());
        }
        // Protobuf's JSON leaves empty lists out.
        let server = server().await;
        answer(&server, "GET", "/vectors/list", json(200, json!({"namespace": "ns"}))).await;
        assert_eq!(list(&server, "ns").await.unwrap(), [strings(&[])]);
    }

    #[tokio::test]
    async fn a_month_s_quota_is_not_waited_for() {
        let message = "Request failed. You've reached your read unit limit for the current month.\nTo continue reading data, upgrade your plan.";
        for response in [text(429, message), rpc(429, 8, message)] {
            let server = server().await;
            answer(&server, "GET", "/vectors/list", response).await;
            let error = list(&server, "ns").await.unwrap_err();
            assert!(error.is_quota());
            assert_eq!(*error.kind(), Kind::QuotaExhausted { period: Period::Month, resume_after: None });
            assert!(error.to_string().contains("for the current month"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_429_is_a_pause() {
        let server = server().await;
        Mock::given(path("/vectors/list"))
            .respond_with(
                text(429, "You've reached the max list requests per second")
                    .insert_header("retry-after", "0"),
            )
            .up_to_n_times(4)
            .mount(&server)
            .await;
        pages(&server, &[(None, page(&["a"], None))]).await;
        let meter = Meter::new();
        let source = source(&server).await.with_meter(meter.clone());
        let ids: Vec<String> = source.list(&ns("ns")).try_concat().await.unwrap();
        assert_eq!(ids, ["a"]);
        let stats = &meter.snapshot()[0];
        assert_eq!((stats.service.as_str(), stats.endpoint.as_str()), ("source", "list"));
        assert_eq!((stats.requests, stats.throttled, stats.succeeded), (5, 4, 1));
    }
}

mod fetching {
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
            let ids =
                request.url.query_pairs().filter(|(name, _)| name == "ids").map(|(_, id)| id.into_owned());
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
        let ids: Vec<String> =
            (0..300).map(|number| format!("{number:04} {}", "é#".len() * number)).collect();
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
        assert_eq!(
            requests_to(&server, "/vectors/fetch").await.len(),
            1 + 8,
            "nothing to fetch, nothing sent"
        );
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
}

mod counting {
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
}

mod upserting {
    use super::*;

    fn record(id: &str) -> EncodedRecord {
        EncodedRecord::new(id, &[0.6, 0.8], None, &Metadata::new()).unwrap()
    }

    fn records(count: usize) -> Vec<EncodedRecord> {
        (0..count).map(|number| record(&format!("{number:05}"))).collect()
    }

    fn ids(request: &Request) -> Vec<String> {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        body["vectors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Takes records, but no more than so many bytes, and none whose id is poison.
    struct Index {
        bytes: usize,
        poison: Vec<String>,
        refusal: ResponseTemplate,
    }

    impl Respond for Index {
        fn respond(&self, request: &Request) -> ResponseTemplate {
            let ids = ids(request);
            if request.body.len() > self.bytes || ids.iter().any(|id| self.poison.contains(id)) {
                return self.refusal.clone();
            }
            json(200, json!({"upsertedCount": ids.len()}))
                .insert_header("x-pinecone-request-lsn", ids.len().to_string())
        }
    }

    async fn index(bytes: usize, poison: &[&str], refusal: ResponseTemplate) -> MockServer {
        let server = server().await;
        answer(&server, "POST", "/vectors/upsert", Index { bytes, poison: strings(poison), refusal }).await;
        server
    }

    async fn written(server: &MockServer) -> Vec<String> {
        let mut written = Vec::new();
        for request in requests_to(server, "/vectors/upsert").await {
            written.extend(ids(&request));
        }
        written
    }

    #[tokio::test]
    async fn records_are_written_in_order_and_the_lsn_is_kept() {
        let server = index(usize::MAX, &[], text(500, "")).await;
        let outcome = target(&server).await.upsert(&ns("n\"s"), records(3)).await.unwrap();
        assert_eq!((outcome.written, outcome.lsn), (3, Some(3)));
        assert!(outcome.refused.is_empty());
        let request = requests_to(&server, "/vectors/upsert").await.remove(0);
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["namespace"], "n\"s");
        assert_eq!(body["vectors"][0], json!({"id": "00000", "values": [0.6, 0.8]}));
        target(&server).await.upsert(&ns(""), records(1)).await.unwrap();
        let body: Value =
            serde_json::from_slice(&requests_to(&server, "/vectors/upsert").await[1].body).unwrap();
        assert_eq!(body.get("namespace"), None);
        assert_eq!(target(&server).await.upsert(&ns(""), Vec::new()).await.unwrap().written, 0);
        assert_eq!(requests_to(&server, "/vectors/upsert").await.len(), 2);
    }

    #[tokio::test]
    async fn requests_keep_the_limits() {
        let server = index(2_000_000, &[], text(413, "")).await;
        let target = target(&server).await;
        assert_eq!(target.upsert(&ns("ns"), records(2500)).await.unwrap().written, 2500);
        assert_eq!(requests_to(&server, "/vectors/upsert").await.len(), 3);
        let large = Metadata::from_iter([("text".to_owned(), Value::from("x".repeat(40_000)))]);
        let large: Vec<_> = (0..120)
            .map(|number| EncodedRecord::new(&format!("l{number:03}"), &[0.6, 0.8], None, &large).unwrap())
            .collect();
        assert_eq!(target.upsert(&ns("ns"), large).await.unwrap().written, 120);
        // 49 of them fit into 2 MB.
        assert_eq!(requests_to(&server, "/vectors/upsert").await.len(), 3 + 3);
        let written = written(&server).await;
        assert_eq!(written.len(), 2620);
        assert!(written.is_sorted());
    }

    #[tokio::test]
    async fn what_is_too_large_is_halved() {
        for refusal in [
            text(413, "<html><title>413 Payload Too Large</title>"),
            rpc(400, 11, "Error, message length too large: found 2097153 bytes, the limit is: 2097152 bytes"),
            rpc(400, 3, "Request size 3MB exceeds the maximum supported size of 2MB"),
            text(400, "request too large"),
        ] {
            let server = index(20_000, &[], refusal).await;
            let outcome = target(&server).await.upsert(&ns("ns"), records(1000)).await.unwrap();
            assert_eq!(outcome.written, 1000);
            assert_eq!(outcome.lsn, Some(500));
            // 1,000 records have 38 KB.
            assert_eq!(requests_to(&server, "/vectors/upsert").await.len(), 3);
        }
        let server = index(10, &[], text(413, "")).await;
        let outcome = target(&server).await.upsert(&ns("ns"), records(2)).await.unwrap();
        assert_eq!((outcome.written, outcome.refused.len()), (0, 2));
    }

    #[tokio::test]
    async fn a_poison_record_stands_alone_in_the_end() {
        let message = "Metadata value must be a string, number, boolean or list of strings, got '{\"a\":1.0}' for field 'f'";
        let server = index(usize::MAX, &["00007", "00008", "00063"], rpc(400, 3, message)).await;
        let outcome = target(&server).await.upsert(&ns("ns"), records(64)).await.unwrap();
        assert_eq!(outcome.written, 61);
        let refused = |id: &str| Refused { id: id.into(), message: message.into() };
        assert_eq!(outcome.refused, [refused("00007"), refused("00008"), refused("00063")]);
        let requests = requests_to(&server, "/vectors/upsert").await;
        assert!(requests.len() <= 1 + 3 * 2 * 6, "{}", requests.len());
    }

    #[tokio::test]
    async fn wrong_dimensions_are_refused_without_a_request() {
        let server = index(usize::MAX, &[], text(500, "")).await;
        let wrong = EncodedRecord::new("wrong", &[1.0], None, &Metadata::new()).unwrap();
        let outcome =
            target(&server).await.upsert(&ns("ns"), vec![record("a"), wrong, record("b")]).await.unwrap();
        assert_eq!(outcome.written, 2);
        assert_eq!(outcome.refused[0].id, "wrong");
        assert!(outcome.refused[0].message.contains("1 values and the index takes 2"), "{outcome:?}");
        assert_eq!(written(&server).await, ["a", "b"]);
    }

    #[tokio::test]
    async fn what_is_not_about_records_ends_it_and_says_what_was_done() {
        for (refusal, kind) in [
            (text(400, "Invalid API version"), Kind::Refused),
            (rpc(400, 3, "WRITE_TO_ALIAS: ns is an alias"), Kind::Refused),
            (text(401, "Unauthorized"), Kind::Unauthorized),
            (text(402, "Payment required"), Kind::Refused),
            (rpc(403, 7, "storage quota"), Kind::Forbidden),
            (rpc(409, 6, "conflict"), Kind::Refused),
            (text(503, ""), Kind::Unavailable),
            (
                text(429, "You've reached your write unit limit for the current month."),
                Kind::QuotaExhausted { period: Period::Month, resume_after: None },
            ),
            (json(200, json!({"upsertedCount": 999})), Kind::Malformed),
            (json(200, json!({})), Kind::Malformed),
            (text(200, ""), Kind::Malformed),
        ] {
            let server = index(usize::MAX, &["01500"], refusal).await;
            let failed = target(&server).await.upsert(&ns("ns"), records(2000)).await.unwrap_err();
            assert_eq!((failed.before.written, failed.before.lsn), (1000, Some(1000)));
            assert_eq!(*failed.error.kind(), kind);
            assert_eq!(failed.to_string(), failed.error.to_string());
        }
    }

    #[tokio::test]
    async fn a_lost_answer_is_asked_for_again() {
        let server = server().await;
        Mock::given(path("/vectors/upsert"))
            .respond_with(text(504, ""))
            .up_to_n_times(2)
            .mount(&server)
            .await;
        let rest = Index { bytes: usize::MAX, poison: Vec::new(), refusal: text(500, "") };
        answer(&server, "POST", "/vectors/upsert", rest).await;
        let meter = Meter::new();
        let target = target(&server).await.with_meter(meter.clone());
        assert_eq!(target.upsert(&ns("ns"), records(2)).await.unwrap().written, 2);
        let stats = &meter.snapshot()[0];
        assert_eq!((stats.service.as_str(), stats.endpoint.as_str()), ("target", "upsert"));
        assert_eq!((stats.requests, stats.retried), (3, 2));
        assert!(meter.drain_notes()[0].message.starts_with("idx: upsert failed (504), trying again in"));
    }

    #[tokio::test]
    async fn the_lsn_has_an_older_name_too() {
        let server = server().await;
        let response = json(200, json!({"upsertedCount": 1})).insert_header("x-pinecone-lsn-committed", "17");
        answer(&server, "POST", "/vectors/upsert", response).await;
        assert_eq!(target(&server).await.upsert(&ns("ns"), records(1)).await.unwrap().lsn, Some(17));
    }
}

mod freshness {
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
}
