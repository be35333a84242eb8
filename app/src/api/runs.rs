//! Runs: starting and stopping them, and everything that they left behind.

use leptos::prelude::*;
use protocol::{
    Category, FailurePage, LogPage, LogQuery, PageQuery, RecordIds, Reuse, RunComparison, RunFilter, RunHead,
    RunId, RunKind, RunPage, RunState, RunView,
};
#[cfg(feature = "ssr")]
use protocol::{DocumentUpdate, RunRequest};

use crate::{ApiError, api::Json};
#[cfg(feature = "ssr")]
use crate::{
    api::{context, refuse},
    links, validation,
};

/// Starts a run and sends the browser to it.
///
/// # Errors
///
/// `Invalid` names the field; a live run must carry `confirmed`. `Busy`, `NotConfigured` and `Upstream` come from the
/// server.
#[server(name = StartRun, endpoint = "start_run", output = Json)]
pub async fn start_run(
    /// What to do.
    kind: RunKind,
    /// The namespace, as typed; empty is the default namespace.
    #[server(default)]
    namespace: String,
    /// `several` for all namespaces that match the patterns; otherwise the one above.
    #[server(default)]
    scope: String,
    /// Patterns of the namespaces that are taken, as typed: one a line, or parted by commas.
    #[server(default)]
    include: String,
    /// Patterns of those that are left out.
    #[server(default)]
    exclude: String,
    /// The batch size, as typed; empty is the configured one.
    #[server(default)]
    batch_size: String,
    /// When vectors may stay.
    #[server(default)]
    reuse: Option<Reuse>,
    /// Replace other values under the added key.
    #[server(default)]
    overwrite_added: bool,
    /// Pay and write nothing.
    #[server(default)]
    dry_run: bool,
    /// The answer to the question before a live run.
    #[server(default)]
    confirmed: bool,
    /// The hash of the plan that this run executes.
    #[server(default)]
    plan: Option<String>,
    /// End with the update of the namespace's documents in the search index.
    #[server(default)]
    elasticsearch: bool,
) -> Result<RunId, ApiError> {
    let backend = context()?;
    let (namespace, namespaces) =
        validation::scope(&scope, &namespace, &include, &exclude).map_err(refuse)?;
    let several = namespaces.is_some();
    let request = RunRequest {
        kind,
        namespace,
        dry_run: dry_run || kind.only_reads(),
        reuse: reuse.unwrap_or_default(),
        overwrite_added,
        batch_size: validation::batch_size(&batch_size).map_err(refuse)?,
        plan: validation::plan(plan).map_err(refuse)?,
        retry: None,
        // Whose documents follows from the namespace, for each one of several.
        documents: (elasticsearch && !kind.only_reads()).then(DocumentUpdate::default),
        namespaces,
    };
    if request.is_live() && !confirmed {
        return Err(refuse(unconfirmed()));
    }
    let run = backend.start(request).await.map_err(refuse)?;
    // Ids are lowercase letters, digits and dashes: nothing that a header or a URL could stumble over.
    leptos_axum::redirect(&if several { links::run(&run) } else { links::of_kind(kind, &run) });
    Ok(run)
}

/// Starts a run over the records that failed in another one, and sends the browser to it.
///
/// # Errors
///
/// `Invalid` unless it is `confirmed`; `UnknownRun`; whatever the server refuses a start with.
#[server(name = RetryFailed, endpoint = "retry_failed", output = Json)]
pub async fn retry_failed(
    /// The run whose failures are tried again.
    run: RunId,
    /// The answer to the question before a live run.
    #[server(default)]
    confirmed: bool,
) -> Result<RunId, ApiError> {
    let backend = context()?;
    let failed = known(backend.run(&run).await, &run)?;
    let request = RunRequest { plan: None, retry: Some(run), namespaces: None, ..failed.head.request };
    if request.is_live() && !confirmed {
        return Err(refuse(unconfirmed()));
    }
    let run = backend.start(request).await.map_err(refuse)?;
    leptos_axum::redirect(&links::run(&run));
    Ok(run)
}

/// Asks a run to stop at a checkpoint.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = PauseRun, endpoint = "pause_run", output = Json)]
pub async fn pause_run(
    /// The run.
    run: RunId,
) -> Result<(), ApiError> {
    context()?.pause(&run).await.map_err(refuse)
}

/// Goes on with a run from its checkpoint.
///
/// # Errors
///
/// `UnknownRun`, or why it cannot go on.
#[server(name = ResumeRun, endpoint = "resume_run", output = Json)]
pub async fn resume_run(
    /// The run.
    run: RunId,
) -> Result<(), ApiError> {
    context()?.resume(&run).await.map_err(refuse)
}

/// Asks a run to stop for good.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = CancelRun, endpoint = "cancel_run", output = Json)]
pub async fn cancel_run(
    /// The run.
    run: RunId,
) -> Result<(), ApiError> {
    context()?.cancel(&run).await.map_err(refuse)
}

/// A run as it stands.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = GetRun, endpoint = "run", output = Json)]
pub async fn run(
    /// The run.
    run: RunId,
) -> Result<RunView, ApiError> {
    known(context()?.run(&run).await, &run)
}

/// How a run stands, in few bytes: a page that shows a stopped run asks this to learn that it goes on.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = GetRunState, endpoint = "run_state", output = Json)]
pub async fn run_state(
    /// The run.
    run: RunId,
) -> Result<RunState, ApiError> {
    Ok(known(context()?.run(&run).await, &run)?.state)
}

/// What a run was asked for, in few bytes.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = GetRunHead, endpoint = "run_head", output = Json)]
pub async fn run_head(
    /// The run.
    run: RunId,
) -> Result<RunHead, ApiError> {
    Ok(known(context()?.run(&run).await, &run)?.head)
}

/// Runs, newest first.
///
/// # Errors
///
/// The store could not be read.
#[server(name = GetRuns, endpoint = "runs", output = Json)]
pub async fn runs(
    /// Which.
    #[server(default)]
    filter: RunFilter,
) -> Result<RunPage, ApiError> {
    context()?.runs(&filter).await.map_err(refuse)
}

/// A run beside another one, or beside the newest earlier one like it.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = CompareRuns, endpoint = "compare_runs", output = Json)]
pub async fn compare_runs(
    /// The run.
    run: RunId,
    /// What it is compared with, where that is not the one before.
    #[server(default)]
    with: Option<RunId>,
) -> Result<RunComparison, ApiError> {
    context()?.compare(&run, with.as_ref()).await.map_err(refuse)
}

/// The ids behind a count of a run.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = GetRecords, endpoint = "records", output = Json)]
pub async fn records(
    /// The run.
    run: RunId,
    /// What was counted.
    category: Category,
    /// Which of them.
    #[server(default)]
    query: PageQuery,
) -> Result<RecordIds, ApiError> {
    known(context()?.records(&run, category, &query).await, &run)
}

/// The records that failed in a run.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = GetFailures, endpoint = "failures", output = Json)]
pub async fn failures(
    /// The run.
    run: RunId,
    /// Which of them.
    #[server(default)]
    query: PageQuery,
) -> Result<FailurePage, ApiError> {
    known(context()?.failures(&run, &query).await, &run)
}

/// Lines of a run's log, oldest first.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = GetLog, endpoint = "log", output = Json)]
pub async fn log(
    /// The run.
    run: RunId,
    /// Which of them.
    #[server(default)]
    query: LogQuery,
) -> Result<LogPage, ApiError> {
    known(context()?.log(&run, &query).await, &run)
}

#[cfg(feature = "ssr")]
pub(super) fn unconfirmed() -> ApiError {
    ApiError::invalid("confirmed", "a live run writes and pays, so it must be confirmed")
}

/// What was asked about a run, if there is such a run.
#[cfg(feature = "ssr")]
fn known<T>(answer: Result<Option<T>, ApiError>, run: &RunId) -> Result<T, ApiError> {
    answer.and_then(|found| found.ok_or_else(|| ApiError::UnknownRun { run: run.clone() })).map_err(refuse)
}
