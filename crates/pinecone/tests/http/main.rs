//! The indexes against a mock of Pinecone: every status, header and body of the fact sheet.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

mod connecting;
mod counting;
mod fetching;
mod freshness;
mod listing;
mod upserting;

use futures::{StreamExt, TryStreamExt};
use pinecone::{
    Connection, EncodedRecord, Error, ListPage, Metadata, Namespace, NamespaceSummary, Options, Quotas,
    Refused, SourceIndex, SparseValues, TargetIndex,
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
