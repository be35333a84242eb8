//! The server as the pages see it: the registry of runs and the services, with refusals in words.

use std::sync::Arc;

use app::{ApiError, Backend};
use futures::future::BoxFuture;
use protocol::{
    AddedMetadata, Category, Event, Namespaces, Overview, RecordIds, RunId, RunRequest, RunSummary, RunView,
};
use tokio::sync::broadcast;

use crate::{
    connections::{ConnectError, Connections},
    namespaces,
    runs::{Runs, StartError},
};

/// The server behind the pages.
pub struct ServerBackend {
    connections: Arc<Connections>,
    runs: Arc<Runs>,
}

impl ServerBackend {
    /// Answers from these.
    pub const fn new(connections: Arc<Connections>, runs: Arc<Runs>) -> Self {
        Self { connections, runs }
    }
}

impl Backend for ServerBackend {
    fn overview(&self) -> BoxFuture<'_, Overview> {
        Box::pin(async {
            let (source, target) = self.connections.indexes().await;
            let config = self.connections.config();
            let mirror = &config.mirror;
            Overview {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                sandbox: config.is_sandbox(),
                source,
                target,
                model: config.gemini.model.id.clone(),
                dimensions: config.gemini.model.dimensions,
                added: AddedMetadata { key: mirror.added_key.clone(), value: mirror.added_value.to_string() },
                text_key: mirror.text_key.clone(),
                default_namespace: mirror.default_namespace.clone(),
                batch_sizes: [mirror.fetch_batch, mirror.embed_batch, mirror.upsert_batch],
                problems: config.missing_keys(),
            }
        })
    }

    fn namespaces(&self) -> BoxFuture<'_, Namespaces> {
        Box::pin(async {
            let (source, target) = self.connections.stats_soon().await;
            namespaces::compare(&source, &target, self.connections.index_names())
        })
    }

    fn start(&self, request: RunRequest) -> BoxFuture<'_, Result<RunId, ApiError>> {
        Box::pin(async { Ok(self.runs.start(request).await.map_err(refusal)?.id) })
    }

    fn cancel(&self, run: &RunId) -> Result<(), ApiError> {
        if self.runs.cancel(run) { Ok(()) } else { Err(ApiError::UnknownRun { run: run.clone() }) }
    }

    fn run(&self, run: &RunId) -> Option<RunView> {
        self.runs.view(run)
    }

    fn runs(&self) -> Vec<RunSummary> {
        self.runs.list()
    }

    fn records(&self, run: &RunId, category: Category) -> Option<RecordIds> {
        self.runs.records(run, category)
    }

    fn subscribe(&self, run: &RunId) -> Option<(RunView, broadcast::Receiver<Arc<Event>>)> {
        self.runs.subscribe(run)
    }
}

/// Why a run was not started, as the page shows it. Nothing of it is a secret: every message was made for people.
fn refusal(error: StartError) -> ApiError {
    match error {
        StartError::Invalid { field, message } => ApiError::invalid(field, message),
        StartError::Busy { message, holder } => ApiError::Busy { message, holder },
        StartError::Connect(ConnectError::NotConfigured(message)) | StartError::Lock(message) => {
            ApiError::NotConfigured { message }
        }
        StartError::Connect(ConnectError::Service(message)) => ApiError::Upstream { message },
        StartError::Stopping => ApiError::Upstream { message: error.to_string() },
    }
}
