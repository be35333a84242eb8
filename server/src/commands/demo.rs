//! `tain demo`: the app on a sandbox with sample data.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sandbox::{ElasticsearchOptions, Endpoint, Latency};
use serde::Serialize;

use super::{Context, sandbox::Addresses, serve};
use crate::{
    cli,
    config::load,
    connections::Connections,
    exit::{Exit, Failure, chain},
    output::{print, print_json},
    runs::Runs,
    signals::stop_on_signal,
};

/// The only key that the demo's services accept. Whoever finds it somewhere sees at once that it is worth nothing.
const KEY: &str = "demo-key-of-the-sandbox";

/// Starts a sandbox and serves the app on it until a signal comes.
///
/// # Errors
///
/// An address that is not this machine's own, a port that is taken, or an app that was not built.
pub async fn demo(context: &Context, arguments: &cli::Demo) -> Result<Exit, Failure> {
    let site = serve::site(context)?;
    let directory = tempfile::tempdir()
        .map_err(|error| Failure::service(format!("cannot make a directory for the demo: {error}")))?;
    let sandbox = sandbox::start(options()).await.map_err(|error| Failure::service(chain(&error)))?;
    let addresses = Addresses::new(&sandbox, Some(KEY))?;

    let mut sources = context.sources.clone().without_services(directory.path().to_path_buf());
    sources.flags = addresses.environment.iter().map(|(name, value)| (*name, value.clone())).collect();
    sources.flags.extend([
        ("TAIN_DATA_DIR", directory.path().display().to_string()),
        // Small enough that numbers can be watched while they move.
        ("QUERY_BATCH_SIZE", "20".to_owned()),
        ("EMBEDDING_BATCH_SIZE", "10".to_owned()),
        ("UPSERT_BATCH_SIZE", "20".to_owned()),
    ]);
    let config = load(&sources)?;
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listen = arguments.listen.or(arguments.port.map(local)).unwrap_or(config.listen);
    let runs = Runs::open(Arc::new(Connections::new(config)), context.clock.clone()).await?;
    let listener = serve::bind(listen).await?;
    let app = serve::address_of(&listener)?;
    let stop = stop_on_signal();
    if context.style.json {
        print_json(&Demo { app: &app, sandbox: &addresses })?;
    } else {
        print(&format!(
            "tain is serving at {app}\n\
             on a sandbox with sample data at {} (nothing leaves this machine; Ctrl-C stops it)",
            addresses.url
        ))?;
    }
    let served = serve::run(context, listener, site, runs, &stop).await;
    sandbox.stop().await;
    served
}

#[derive(Serialize)]
struct Demo<'a> {
    app: &'a str,
    sandbox: &'a Addresses,
}

/// Latencies as the real services have them, roughly, so that a run takes long enough to be watched.
fn options() -> sandbox::Options {
    let latency = BTreeMap::from([
        (Endpoint::Describe, Latency::between(20, 60)),
        (Endpoint::Stats, Latency::between(20, 60)),
        (Endpoint::Namespaces, Latency::between(20, 60)),
        (Endpoint::List, Latency::between(40, 120)),
        (Endpoint::Fetch, Latency::between(60, 160)),
        (Endpoint::Embed, Latency::between(300, 700)),
        (Endpoint::Upsert, Latency::between(80, 200)),
        (Endpoint::Search, Latency::between(10, 40)),
        (Endpoint::Bulk, Latency::between(200, 500)),
    ]);
    sandbox::Options {
        api_key: Some(KEY.to_owned()),
        elasticsearch: ElasticsearchOptions {
            api_key: Some(KEY.to_owned()),
            ..ElasticsearchOptions::default()
        },
        sample: true,
        latency,
        visibility_delay: Duration::from_millis(500),
        ..sandbox::Options::default()
    }
}
