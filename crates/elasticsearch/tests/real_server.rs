//! The contract suite against the real server that `TAIN_SEARCH_SERVER` names; `xtask/elasticsearch.sh test` starts it.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

mod suite;

use sandbox::Distribution;
use suite::{bench::Bench, run};

fn server() -> Bench {
    #[expect(clippy::disallowed_methods, reason = "the script that starts the server says where it is")]
    let described = std::env::var("TAIN_SEARCH_SERVER")
        .expect("TAIN_SEARCH_SERVER is not set; run xtask/elasticsearch.sh test, which starts the servers");
    let (name, url) = described.split_once('=').expect("TAIN_SEARCH_SERVER must be name=address");
    let kind = match name {
        "elasticsearch-8.19" => Distribution::Elasticsearch8,
        "opensearch-2.19" => Distribution::OpenSearch2,
        "opensearch-3.8" => Distribution::OpenSearch3,
        other => panic!("no checks are known for {other}"),
    };
    let rest = url.strip_prefix("http://").expect("the address must begin with http://");
    let (user, host) = match rest.split_once('@') {
        Some((user, host)) => (user.split_once(':'), host),
        None => (None, rest),
    };
    let user = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
    Bench::new(name.to_owned(), kind, format!("http://{host}"), user, None)
}

#[tokio::test]
async fn the_contract_holds() {
    run(server()).await;
}
