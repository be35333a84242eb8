//! The contract suite against the real server that `TAIN_SEARCH_SERVER` names; `xtask/elasticsearch.sh test` starts it.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]
#![expect(clippy::print_stdout, reason = "the table of checks is what it is run for")]

mod soak;
mod suite;

use std::sync::Arc;

use elasticsearch::Cluster;
use sandbox::Distribution;
use suite::{bench::Bench, run};
use upstream::{Kind, Trust};

/// The certificate (PEM) of the CA that signed the server's.
fn authority() -> Option<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "the script that starts the server says where it is")]
    let path = std::env::var("TAIN_SEARCH_CA").ok().filter(|path| !path.is_empty())?;
    Some(std::fs::read(path).unwrap())
}

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
    let (scheme, rest) = url.split_once("://").expect("the address must be a URL");
    let (user, host) = match rest.split_once('@') {
        Some((user, host)) => (user.split_once(':'), host),
        None => (None, rest),
    };
    let user = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
    Bench::new(name.to_owned(), kind, format!("{scheme}://{host}"), user, None).with_ca(authority())
}

#[tokio::test]
async fn the_contract_holds() {
    run(server()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_beside_another_writer() {
    soak::nothing_is_lost_beside_another_writer(Arc::new(server())).await;
}

#[tokio::test]
async fn only_certificates_of_the_right_authority_are_believed() {
    let Some(right) = authority() else {
        println!("tls | {} | left out: it is started without TLS", server().name);
        return;
    };
    let mut connection = server().connection();
    Cluster::connect(&connection).await.unwrap();
    // Another authority of the same name.
    let wrong = include_bytes!("other-authority.pem");
    assert_ne!(right, wrong);
    for trust in [Trust::Platform, Trust::PlatformAnd(wrong.to_vec())] {
        connection.options.trust = trust;
        let error = Cluster::connect(&connection).await.unwrap_err();
        assert_eq!(*error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(!error.to_string().contains("attempts"), "it was tried again: {error}");
    }
    connection.options.trust = Trust::Anybody;
    Cluster::connect(&connection).await.unwrap();
    println!("tls | {} | holds", server().name);
}

#[tokio::test]
async fn it_is_as_fast_as_the_server() {
    soak::how_fast_it_is(Arc::new(server())).await;
}
