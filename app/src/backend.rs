//! The server as the pages see it.

use std::sync::Arc;

use futures::{future::BoxFuture, stream::BoxStream};
use protocol::{
    Category, DocumentName, DocumentPage, DocumentQuery, DocumentUpdate, DocumentsLook, Event, FailurePage,
    LogPage, LogQuery, Namespaces, Overview, PageQuery, RecordIds, RecordView, RunComparison, RunFilter,
    RunId, RunPage, RunRequest, RunView, Schedule, ScheduleId, ScheduleSpec, SearchIndex, Service,
    ServiceTest, SettingsView, Timing, UpdatePreview,
};
use tokio::sync::broadcast;

use crate::ApiError;

/// The names of documents, some at a time. An error says that what came before it is not all.
pub type DocumentNames = BoxStream<'static, Result<Vec<DocumentName>, ApiError>>;

/// Everything that the pages can ask of the server. None of it can hold a key.
pub trait Backend: Send + Sync + 'static {
    /// Both indexes and the settings. A service that does not answer in time is `Unknown`, never an error.
    fn overview(&self) -> BoxFuture<'_, Overview>;

    /// The namespaces of both indexes, and of the search index.
    fn namespaces(&self) -> BoxFuture<'_, Namespaces>;

    /// One record in both indexes and its document, side by side. A side that does not answer is `Unknown`.
    ///
    /// # Errors
    ///
    /// `Invalid` with the field `namespace` or `id` if there can be no such record.
    fn record<'a>(&'a self, namespace: &'a str, id: &'a str) -> BoxFuture<'a, Result<RecordView, ApiError>>;

    /// The search index, as far as it could be read.
    fn search_index(&self) -> BoxFuture<'_, SearchIndex>;

    /// The documents of every namespace.
    ///
    /// # Errors
    ///
    /// `NotConfigured`; `Upstream` if not all of it could be read (law 3).
    fn documents_look(&self) -> BoxFuture<'_, Result<DocumentsLook, ApiError>>;

    /// A page of documents.
    ///
    /// # Errors
    ///
    /// `NotConfigured`, `Upstream`; `Invalid` with the field `after` where the place of the page is no longer kept.
    fn documents<'a>(&'a self, query: &'a DocumentQuery) -> BoxFuture<'a, Result<DocumentPage, ApiError>>;

    /// The names of all documents that are asked for, each once, some at a time. An error in the stream says that it is
    /// incomplete.
    ///
    /// # Errors
    ///
    /// `NotConfigured`, `Upstream`.
    fn document_names<'a>(
        &'a self,
        query: &'a DocumentQuery,
    ) -> BoxFuture<'a, Result<DocumentNames, ApiError>>;

    /// What an update would do; nothing is written.
    ///
    /// # Errors
    ///
    /// `NotConfigured`, `Upstream`, or `Invalid` with the field that cannot be used.
    fn preview_update<'a>(
        &'a self,
        update: &'a DocumentUpdate,
        overwrite: bool,
    ) -> BoxFuture<'a, Result<UpdatePreview, ApiError>>;

    /// Adds the field of an update to the search index's mapping. Documents are not touched. Answers what was done, in
    /// words.
    ///
    /// # Errors
    ///
    /// `NotConfigured`, `Upstream`, or `Invalid` with the field that cannot be used.
    fn add_mapping<'a>(&'a self, update: &'a DocumentUpdate) -> BoxFuture<'a, Result<String, ApiError>>;

    /// Every setting with its effective value and where it came from.
    fn settings(&self) -> BoxFuture<'_, SettingsView>;

    /// Tests a service: connects, authenticates and reads, and pays nothing.
    fn test_service(&self, service: Service) -> BoxFuture<'_, ServiceTest>;

    /// Starts a run and returns its id at once; the run goes on whether anyone watches or not.
    fn start(&self, request: RunRequest) -> BoxFuture<'_, Result<RunId, ApiError>>;

    /// Asks a run to stop at a checkpoint. One that is not live stays as it is.
    ///
    /// # Errors
    ///
    /// `UnknownRun` if there is no such run.
    fn pause<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>>;

    /// Asks a run to stop for good; one that waits to be resumed is given up. One that is over stays as it is.
    ///
    /// # Errors
    ///
    /// `UnknownRun` if there is no such run.
    fn cancel<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>>;

    /// Goes on with a run from its checkpoint.
    ///
    /// # Errors
    ///
    /// `UnknownRun`, or why it cannot go on: it is live or over, or its namespace is held by another run.
    fn resume<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>>;

    /// A run as it stands, in whatever process it runs or ran; `None` if there is no such run.
    fn run<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunView>, ApiError>>;

    /// Runs, newest first.
    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<RunPage, ApiError>>;

    /// A run beside the one that is named, or beside the newest earlier one like it.
    ///
    /// # Errors
    ///
    /// `UnknownRun` if there is no such run.
    fn compare<'a>(
        &'a self,
        run: &'a RunId,
        with: Option<&'a RunId>,
    ) -> BoxFuture<'a, Result<RunComparison, ApiError>>;

    /// The ids behind a count.
    fn records<'a>(
        &'a self,
        run: &'a RunId,
        category: Category,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<Option<RecordIds>, ApiError>>;

    /// Failed records, each with its step, message, attempts and time.
    fn failures<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<Option<FailurePage>, ApiError>>;

    /// Lines of a run's log, oldest first.
    fn log<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a LogQuery,
    ) -> BoxFuture<'a, Result<Option<LogPage>, ApiError>>;

    /// A run as it stands, and everything that follows. Both are taken together, so nothing is lost between them.
    fn subscribe<'a>(
        &'a self,
        run: &'a RunId,
    ) -> BoxFuture<'a, Option<(RunView, broadcast::Receiver<Arc<Event>>)>>;

    /// All schedules, oldest first.
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, ApiError>>;

    /// The next times at which a timing would start a run, for the form; milliseconds since 1970, UTC.
    ///
    /// # Errors
    ///
    /// `Invalid` with the field `timing` if it cannot be read.
    fn preview_timing(&self, timing: &Timing) -> Result<Vec<u64>, ApiError>;

    /// Makes a schedule, or changes the one with this id.
    fn keep_schedule(
        &self,
        id: Option<ScheduleId>,
        spec: ScheduleSpec,
    ) -> BoxFuture<'_, Result<ScheduleId, ApiError>>;

    /// Lets a schedule start runs.
    fn enable_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>>;

    /// Keeps a schedule from starting runs; one that is at work goes on.
    fn disable_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>>;

    /// Removes a schedule; its runs stay.
    fn remove_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>>;

    /// Starts a schedule's run now, whether it is due or enabled or not.
    fn run_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<RunId, ApiError>>;
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
