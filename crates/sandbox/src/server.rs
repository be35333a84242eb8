//! Starting and stopping.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, ResettableListener};
use crate::intercept::intercept;
use crate::load::read_jsonl;
use crate::options::{IndexKind, Options};
use crate::shared::{Index, Plane, Shared};
use crate::state::State;
use crate::{Error, admin, elasticsearch, gemini, persist, pinecone, sample};

/// The largest body that is read at all; Gemini allows 20 MB.
const MOST_BODY_BYTES: usize = 64 * 1024 * 1024;

/// How long open calls may take when the sandbox stops.
const GRACE: Duration = Duration::from_secs(2);

/// A running sandbox. It stops when it is dropped, or in good order with [`Sandbox::stop`].
pub struct Sandbox {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// Starts a sandbox on 127.0.0.1 and answers once it accepts connections.
///
/// # Errors
/// When the options contradict each other, a port is taken, or the data file cannot be read.
pub async fn start(options: Options) -> Result<Sandbox, Error> {
    let of_indexes: Vec<_> =
        [&options.source, &options.target].into_iter().chain(&options.more_indexes).cloned().collect();
    let mut names = BTreeSet::new();
    for index in &of_indexes {
        if !names.insert(&index.name) {
            return Err(Error::SameName { name: index.name.clone() });
        }
        if index.kind != IndexKind::Sparse && !(1..=20_000).contains(&index.dimension) {
            return Err(Error::Dimension { name: index.name.clone(), dimension: index.dimension });
        }
    }
    let (main, main_port) = bind(options.port).await?;
    let mut indexes = Vec::new();
    let mut listeners = vec![(None, main)];
    for (position, index) in of_indexes.into_iter().enumerate() {
        let (listener, port) = bind_after(&options, position).await?;
        indexes.push(Index::new(index, port));
        listeners.push((Some(position), listener));
    }
    let (listener, elasticsearch_port) = bind_after(&options, indexes.len()).await?;
    listeners.push((Some(indexes.len()), listener));
    let url = format!("http://127.0.0.1:{main_port}");
    let shared = Arc::new(Shared::new(options, url, indexes, elasticsearch_port));
    shared.check_faults(&shared.options.faults)?;
    let state = State(Arc::clone(&shared));
    let was_saved = persist::restore(&state).await?;
    if shared.options.sample && !was_saved {
        sample::load(&state)?;
    }
    if shared.options.sample {
        elasticsearch::load_sample(&shared);
    }
    let mut tasks = JoinSet::new();
    for (index, listener) in listeners {
        let plane = Plane { shared: Arc::clone(&shared), index };
        let router = match index {
            None => admin::routes()
                .merge(elasticsearch::control_routes())
                .merge(pinecone::control_routes())
                .merge(gemini::routes()),
            Some(_) if plane.is_elasticsearch() => elasticsearch::routes(),
            Some(_) => pinecone::data_routes(),
        };
        tasks.spawn(serve(router, plane, listener));
    }
    tasks.spawn(persist::keep(state));
    Ok(Sandbox { shared, tasks })
}

/// Binds the port that comes after the main one and those of so many indexes.
async fn bind_after(options: &Options, indexes: usize) -> Result<(TcpListener, u16), Error> {
    let offset = u16::try_from(indexes + 1).unwrap_or(u16::MAX);
    bind(if options.port == 0 { 0 } else { options.port.saturating_add(offset) }).await
}

async fn bind(port: u16) -> Result<(TcpListener, u16), Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    bound.await.map_err(|source| Error::Bind { address, source })
}

async fn serve(router: Router<Plane>, plane: Plane, listener: TcpListener) {
    let shutdown = plane.shared.shutdown.clone();
    let app = router
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .layer(from_fn_with_state(plane.clone(), intercept))
        .with_state(plane);
    let service = app.into_make_service_with_connect_info::<Connection>();
    let serving = axum::serve(ResettableListener(listener), service)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        _ = serving => {}
        () = overdue => {}
    }
}

impl Sandbox {
    /// The address of the control plane, of Gemini and of `/sandbox/*`: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.shared.url.clone()
    }

    /// The address of an index's data plane.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`].
    pub fn index_url(&self, index: &str) -> Result<String, Error> {
        Ok(self.shared.find(index)?.host())
    }

    /// The address of the Elasticsearch.
    pub fn elasticsearch_url(&self) -> String {
        self.shared.engine.url()
    }

    /// The handle by which to read and change it.
    pub fn state(&self) -> State {
        State(Arc::clone(&self.shared))
    }

    /// Puts the records of a JSONL file into an index and answers how many: `id`, `metadata`, optionally `values`,
    /// `sparseValues` and `namespace`. Without `metadata` all other keys are the metadata; without `values` they are
    /// derived from the text.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is not a record.
    pub async fn load_jsonl(&self, index: &str, namespace: &str, path: &Path) -> Result<usize, Error> {
        let text = tokio::fs::read(path).await.map_err(|source| Error::File {
            what: "read",
            path: path.to_owned(),
            source,
        })?;
        read_jsonl(&self.state(), index, namespace, &text)
    }

    /// A token whose cancellation stops the sandbox; [`Sandbox::stopped`] tells when it has.
    pub fn shutdown(&self) -> CancellationToken {
        self.shared.shutdown.clone()
    }

    /// Waits until somebody has cancelled [`Sandbox::shutdown`], open calls have ended and records are saved.
    pub async fn stopped(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Stops in good order: open calls get two seconds, and records are saved.
    pub async fn stop(self) {
        self.shared.shutdown.cancel();
        self.stopped().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
    }
}
