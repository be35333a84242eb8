//! `tain serve`: the app on this machine.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use leptos::config::{Env, LeptosOptions, get_configuration};
use serde::Serialize;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Context, config::note_sandbox};
use crate::{
    backend::ServerBackend,
    cli,
    clock::now,
    connections::Connections,
    exit::{Exit, Failure},
    output::{note, print, print_json},
    runs::Runs,
    schedules::Schedules,
    signals::stop_on_signal,
    web::{self, Lifecycle},
};

/// How long requests and sockets may take to end, once the runs have.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Serves the app until a signal comes.
///
/// # Errors
///
/// Settings that cannot be used, an address that is not this machine's own, a port that is taken, or an app that was
/// not built.
pub async fn serve(context: &Context, arguments: &cli::Serve) -> Result<Exit, Failure> {
    let config = context.config()?;
    let site = site(context)?;
    let connections = Arc::new(Connections::new(config));
    let runs = Runs::open(connections.clone(), context.clock.clone()).await?;
    let config = connections.config();
    let listener = bind(arguments.listen.unwrap_or(config.listen)).await?;
    let app = address_of(&listener)?;
    let stop = stop_on_signal();
    if context.style.json {
        print_json(&Addresses { app: &app })?;
    } else {
        print(&format!("tain is serving at {app} (Ctrl-C stops it)"))?;
        note_sandbox(context, config);
        for problem in config.missing_keys() {
            note(&format!("warning: {problem}"));
        }
    }
    if arguments.resume {
        let runs = runs.clone();
        // Beside the server: connecting to a service that is slow must not keep the pages away.
        tokio::spawn(async move {
            if let Err(error) = runs.go_on().await {
                tracing::error!(%error, "the runs that were stopped cannot be found");
            }
        });
    }
    run(context, listener, site, runs, &stop).await
}

#[derive(Serialize)]
struct Addresses<'a> {
    app: &'a str,
}

/// Serves the app on a listener until `stop`, then stops the runs at a checkpoint, once what they have in flight is in
/// the target, and closes. Meanwhile, runs that wait for a quota go on by themselves, and schedules start theirs.
pub(super) async fn run(
    context: &Context,
    listener: TcpListener,
    mut site: LeptosOptions,
    runs: Arc<Runs>,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let address = listener.local_addr().map_err(|error| Failure::service(error.to_string()))?;
    site.site_addr = address;
    runs.watch_quotas();
    let schedules = Arc::new(Schedules::of(&runs, context.clock.clone()));
    let starting = {
        let (schedules, stop) = (schedules.clone(), stop.clone());
        tokio::spawn(async move { schedules.work(&stop).await })
    };
    let backend = Arc::new(ServerBackend::new(runs.clone(), schedules));
    let lifecycle = Lifecycle::default();
    let router = web::router(backend, &site, lifecycle.clone(), now);
    let closing = lifecycle.stop.clone();
    let serving = tokio::spawn(web::serve(listener, router, lifecycle));
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => {
            let reason = match served {
                Ok(Ok(())) => "it ended by itself".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            return Err(Failure::service(format!("the web server stopped: {reason}")));
        }
        () = stop.cancelled() => {}
    }
    tracing::info!("Stopping: runs finish what is in flight and write their checkpoints");
    // Pages stay connected meanwhile, so that they see how their runs end.
    if !runs.shut_down().await {
        tracing::warn!("some runs did not end in time; what they had in flight may be paid for again");
    }
    // What was about to start is refused by now, and its tick given back for the next server to start it.
    drop(timeout(CLOSE_PATIENCE, starting).await);
    closing.cancel();
    if timeout(CLOSE_PATIENCE, &mut serving).await.is_err() {
        tracing::info!("Closed connections that were still open");
    }
    Ok(Exit::Done)
}

/// Listens on an address of this machine itself.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "{address} can be reached by other machines, and this version cannot ask for a password yet; listen on \
             127.0.0.1:{port} and reach it through a tunnel, as in `ssh -L {port}:127.0.0.1:{port} HOST`",
            port = address.port()
        )));
    }
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
            _ => error.to_string(),
        };
        Failure::usage(format!("cannot listen on {address}: {why}; choose another port, or 0 for a free one"))
    })
}

/// `http://127.0.0.1:3000`.
pub(super) fn address_of(listener: &TcpListener) -> Result<String, Failure> {
    let address = listener.local_addr().map_err(|error| Failure::service(error.to_string()))?;
    Ok(format!("http://{address}"))
}

/// Where the app's files are, as cargo-leptos says in the environment, or beside the executable, or where it puts
/// them in a checkout.
///
/// # Errors
///
/// The files are nowhere: the app was not built.
pub(super) fn site(context: &Context) -> Result<LeptosOptions, Failure> {
    let environment = &context.sources.environment;
    let given = get_configuration(None)
        .map_err(|error| Failure::usage(format!("the LEPTOS_ variables cannot be used: {error}")))?
        .leptos_options;
    let executable = std::env::current_exe().unwrap_or_default();
    let beside = executable.parent().unwrap_or_else(|| Path::new("."));
    let candidates = match environment.get("LEPTOS_SITE_ROOT") {
        Some(root) => vec![PathBuf::from(root)],
        None => vec![beside.join("site"), beside.join("../site"), PathBuf::from("target/site")],
    };
    let Some(root) = candidates.iter().find(|root| root.join(&*given.site_pkg_dir).is_dir()) else {
        let looked: Vec<String> = candidates.iter().map(|root| root.display().to_string()).collect();
        return Err(Failure::usage(format!(
            "the app's files are not there (looked in {}); build them with `cargo leptos build`, or set \
             LEPTOS_SITE_ROOT to where they are",
            looked.join(", ")
        )));
    };
    // cargo-leptos writes the hashes beside the executable when it hashes the names.
    let hash_files = match environment.get("LEPTOS_HASH_FILES") {
        Some(_) => given.hash_files,
        None => beside.join(&*given.hash_file).is_file(),
    };
    let mut site = given;
    site.site_root = root.display().to_string().into();
    site.hash_files = hash_files;
    if !environment.contains_key("LEPTOS_ENV") {
        site.env = Env::PROD;
    }
    Ok(site)
}
