//! The registry of runs, as schedules see it.

use std::sync::Arc;

use futures::future::BoxFuture;
use protocol::{RunId, RunRequest, RunSummary};
use sync::Clock;

use super::{Refusal, Runner, Schedules};
use crate::runs::{Runs, StartError};

impl Schedules {
    /// The schedules of the store behind the registry, whose runs it starts.
    pub fn of(runs: &Arc<Runs>, clock: Clock) -> Self {
        Self::new(runs.store().clone(), Arc::new(runs.clone()), clock)
    }
}

impl Runner for Arc<Runs> {
    fn check_documents(&self, request: &RunRequest) -> Result<(), String> {
        Runs::check_documents(self, request).map_err(|error| error.to_string())
    }

    fn start(&self, request: RunRequest) -> BoxFuture<'_, Result<RunId, Refusal>> {
        Box::pin(async { Ok(Runs::start(self, request).await.map_err(refusal)?.id) })
    }

    fn resume<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async { Runs::resume(self, run).await.map(drop).map_err(refusal) })
    }

    fn summary<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Option<RunSummary>> {
        Box::pin(async move {
            match self.view(run).await {
                Ok(view) => view.map(|view| view.summary()),
                Err(error) => {
                    tracing::warn!(%run, "A schedule's last run cannot be read: {error}");
                    None
                }
            }
        })
    }
}

fn refusal(error: StartError) -> Refusal {
    match error {
        StartError::Busy { message, .. } => Refusal::Busy(message),
        StartError::Stopping => Refusal::Stopping,
        StartError::Invalid { message, .. } => Refusal::Impossible(message),
        error @ StartError::UnknownRun(_) => Refusal::Impossible(error.to_string()),
        error => Refusal::Failed(error.to_string()),
    }
}
