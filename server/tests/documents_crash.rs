//! An update of documents whose process is killed twenty times, over the emulator.

#![expect(clippy::unwrap_used, reason = "a test panics")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use sandbox::{Fault, Options};
use support::killed::{Server, killed_twenty_times};

#[tokio::test(flavor = "multi_thread")]
async fn documents_survive_a_process_that_is_killed_twenty_times() {
    let sandbox = sandbox::start(Options::default()).await.unwrap();
    // As fast as a server of some size, so that the run has not ended before the last kill.
    sandbox.state().add_fault("elasticsearch.bulk:latency,ms=20".parse::<Fault>().unwrap());
    let user = Some(("elastic".to_owned(), "password".to_owned()));
    println!("{}", killed_twenty_times(Server::new(sandbox.elasticsearch_url(), user, None), 40_000).await);
}
