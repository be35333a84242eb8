//! The server as the pages see it.

use std::sync::Arc;

use futures::future::BoxFuture;
use protocol::{Category, Event, Namespaces, Overview, RecordIds, RunId, RunRequest, RunSummary, RunView};
use tokio::sync::broadcast;

use crate::ApiError;

/// Everything that the pages can ask of the server. None of it can hold a key.
pub trait Backend: Send + Sync + 'static {
    /// Both indexes and the settings. A service that does not answer in time is `Unknown`, never an error.
    fn overview(&self) -> BoxFuture<'_, Overview>;

    /// The namespaces of both indexes.
    fn namespaces(&self) -> BoxFuture<'_, Namespaces>;

    /// Starts a run and returns its id at once; the run goes on whether anyone watches or not.
    fn start(&self, request: RunRequest) -> BoxFuture<'_, Result<RunId, ApiError>>;

    /// Asks a run to stop. A run that is already over stays as it is.
    ///
    /// # Errors
    ///
    /// `UnknownRun` if there is no such run.
    fn cancel(&self, run: &RunId) -> Result<(), ApiError>;

    /// A run as it stands.
    fn run(&self, run: &RunId) -> Option<RunView>;

    /// All runs, newest first.
    fn runs(&self) -> Vec<RunSummary>;

    /// The ids behind a count.
    fn records(&self, run: &RunId, category: Category) -> Option<RecordIds>;

    /// A run as it stands, and everything that follows. Both are taken under one lock, so nothing is lost between them.
    fn subscribe(&self, run: &RunId) -> Option<(RunView, broadcast::Receiver<Arc<Event>>)>;
}

/// The mark of a request that has passed the checks of the server's outer layers (`Host`, cross-site).
///
/// The server puts it into the request's extensions; a server function without it refuses. A password is checked where
/// this mark is given, some day.
#[derive(Debug, Clone, Copy)]
pub struct Admitted;

/// The server's clock: milliseconds since 1970, UTC. Pages print relative times with it.
#[derive(Debug, Clone, Copy)]
pub struct ServerClock(pub fn() -> u64);

/// The files that a page loads, as paths below the site's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assets {
    /// The JavaScript that loads the WebAssembly.
    pub script: String,
    /// The WebAssembly.
    pub wasm: String,
    /// The style sheet.
    pub style: String,
}
