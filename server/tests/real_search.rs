//! The same on the real server that `TAIN_SEARCH_SERVER` names; `xtask/elasticsearch.sh` starts it.

#![expect(clippy::unwrap_used, reason = "a test panics")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use support::killed::{Server, killed_twenty_times};

#[tokio::test(flavor = "multi_thread")]
async fn documents_survive_a_process_that_is_killed_twenty_times() {
    #[expect(clippy::disallowed_methods, reason = "the script that starts the server says where it is")]
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let described = of("TAIN_SEARCH_SERVER")
        .expect("TAIN_SEARCH_SERVER is not set; run xtask/elasticsearch.sh soak, which starts the servers");
    let (_, url) = described.split_once('=').unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (user, host) = match rest.split_once('@') {
        Some((user, host)) => (user.split_once(':'), host),
        None => (None, rest),
    };
    let user = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
    println!(
        "{}",
        killed_twenty_times(Server::new(format!("{scheme}://{host}"), user, of("TAIN_SEARCH_CA")), 100_000)
            .await
    );
}
