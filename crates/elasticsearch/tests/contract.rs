//! The contract suite against the sandbox's emulator, as each of its distributions.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]
#![expect(clippy::print_stdout, reason = "the table of checks is what it is run for")]

mod suite;

use sandbox::{Distribution, Options};
use suite::{bench::Bench, run};

async fn emulator(kind: Distribution) -> Bench {
    let mut options = Options::default();
    options.elasticsearch.distribution = kind;
    let sandbox = sandbox::start(options).await.unwrap();
    let is_secured = !matches!(kind, Distribution::OpenSearch2 | Distribution::OpenSearch3);
    let user = is_secured.then(|| ("elastic".to_owned(), "password".to_owned()));
    let url = sandbox.elasticsearch_url();
    Bench::new(format!("emulator of {kind:?}"), kind, url, user, Some(sandbox)).with_ca(None)
}

#[tokio::test]
async fn elasticsearch_7() {
    run(emulator(Distribution::Elasticsearch7).await).await;
}

#[tokio::test]
async fn elasticsearch_8() {
    run(emulator(Distribution::Elasticsearch8).await).await;
}

#[tokio::test]
async fn serverless() {
    run(emulator(Distribution::Serverless).await).await;
}

#[tokio::test]
async fn opensearch_2() {
    run(emulator(Distribution::OpenSearch2).await).await;
}

#[tokio::test]
async fn opensearch_3() {
    run(emulator(Distribution::OpenSearch3).await).await;
}
