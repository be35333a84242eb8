//! Schedules: runs that start by themselves.

use leptos::prelude::*;
use protocol::{Reuse, RunId, RunKind, Schedule, ScheduleId};
#[cfg(feature = "ssr")]
use protocol::{RunRequest, ScheduleSpec};

use crate::{ApiError, api::Json};
#[cfg(feature = "ssr")]
use crate::{
    api::{context, refuse, runs::unconfirmed},
    links, validation,
};

/// All schedules, oldest first.
///
/// # Errors
///
/// The store could not be read.
#[server(name = GetSchedules, endpoint = "schedules", output = Json)]
pub async fn schedules() -> Result<Vec<Schedule>, ApiError> {
    context()?.schedules().await.map_err(refuse)
}

/// The next times at which a timing would start a run (milliseconds since 1970, UTC), or `Invalid`, which names the field
/// that cannot be read: that is an answer and no failure, because somebody is still typing.
///
/// # Errors
///
/// `Forbidden`.
#[server(name = PreviewTiming, endpoint = "preview_timing", output = Json)]
pub async fn preview_timing(
    /// `every` or `cron`.
    timing: String,
    /// How many of the unit, as typed.
    #[server(default)]
    every: String,
    /// `seconds`, `minutes`, `hours` or `days`.
    #[server(default)]
    unit: String,
    /// The cron expression, as typed.
    #[server(default)]
    cron: String,
) -> Result<Result<Vec<u64>, ApiError>, ApiError> {
    let backend = context()?;
    Ok(validation::timing(&timing, &every, &unit, &cron).and_then(|timing| {
        backend.preview_timing(&timing).map_err(|error| validation::of_timing(error, &timing))
    }))
}

/// Makes a schedule, or changes one, and sends the browser to the list.
///
/// # Errors
///
/// `Invalid` names the field; a schedule of live runs must carry `confirmed`.
#[server(name = SaveSchedule, endpoint = "save_schedule", output = Json)]
pub async fn save_schedule(
    /// The schedule that is changed; empty for a new one.
    #[server(default)]
    id: String,
    /// A name for people.
    #[server(default)]
    name: String,
    /// What its runs do.
    kind: RunKind,
    /// `several` for all namespaces that match the patterns; otherwise the one below.
    #[server(default)]
    scope: String,
    /// The namespace, as typed; empty is the default namespace.
    #[server(default)]
    namespace: String,
    /// Patterns of the namespaces that are taken, as typed: one a line, or parted by commas.
    #[server(default)]
    include: String,
    /// Patterns of those that are left out.
    #[server(default)]
    exclude: String,
    /// `every` or `cron`.
    timing: String,
    /// How many of the unit, as typed.
    #[server(default)]
    every: String,
    /// `seconds`, `minutes`, `hours` or `days`.
    #[server(default)]
    unit: String,
    /// The cron expression, as typed.
    #[server(default)]
    cron: String,
    /// When vectors may stay.
    #[server(default)]
    reuse: Option<Reuse>,
    /// End with the update of the namespace's documents in the search index.
    #[server(default)]
    elasticsearch: bool,
    /// Pay and write nothing.
    #[server(default)]
    dry_run: bool,
    /// Whether it starts runs at all.
    #[server(default)]
    enabled: bool,
    /// The answer to the question before live runs are scheduled.
    #[server(default)]
    confirmed: bool,
) -> Result<ScheduleId, ApiError> {
    let backend = context()?;
    let timing = validation::timing(&timing, &every, &unit, &cron).map_err(refuse)?;
    let (namespace, namespaces) =
        validation::scope(&scope, &namespace, &include, &exclude).map_err(refuse)?;
    let id = (!id.is_empty()).then_some(ScheduleId(id));
    // What the form does not show stays as it was.
    let before = match &id {
        Some(id) => Some(find(&*backend, id).await?.spec.request),
        None => None,
    };
    let before = before.unwrap_or_else(|| RunRequest::new(kind, ""));
    let request = RunRequest {
        kind,
        namespace,
        namespaces,
        dry_run: dry_run || kind.only_reads(),
        reuse: reuse.unwrap_or_default(),
        documents: elasticsearch.then(|| before.documents.clone().unwrap_or_default()),
        plan: None,
        retry: None,
        ..before
    };
    if request.is_live() && !confirmed {
        return Err(refuse(unconfirmed()));
    }
    let name = validation::name(&name).map_err(refuse)?;
    let spec = ScheduleSpec { name, timing: timing.clone(), request, enabled };
    let id = backend
        .keep_schedule(id, spec)
        .await
        .map_err(|error| refuse(validation::of_timing(error, &timing)))?;
    leptos_axum::redirect(links::SCHEDULES);
    Ok(id)
}

/// Lets a schedule start runs, or keeps it from it.
///
/// # Errors
///
/// `Invalid` if there is no such schedule.
#[server(name = EnableSchedule, endpoint = "enable_schedule", output = Json)]
pub async fn enable_schedule(
    /// The schedule.
    id: ScheduleId,
    /// Whether it starts runs.
    #[server(default)]
    enabled: bool,
) -> Result<(), ApiError> {
    let backend = context()?;
    let changed = if enabled { backend.enable_schedule(&id) } else { backend.disable_schedule(&id) };
    changed.await.map_err(refuse)
}

/// Removes a schedule; its runs stay.
///
/// # Errors
///
/// `Invalid` if there is no such schedule.
#[server(name = RemoveSchedule, endpoint = "remove_schedule", output = Json)]
pub async fn remove_schedule(
    /// The schedule.
    id: ScheduleId,
) -> Result<(), ApiError> {
    context()?.remove_schedule(&id).await.map_err(refuse)?;
    leptos_axum::redirect(links::SCHEDULES);
    Ok(())
}

/// Starts a schedule's run now, and sends the browser to it.
///
/// # Errors
///
/// Whatever the server refuses a start with; a live run must carry `confirmed`.
#[server(name = RunSchedule, endpoint = "run_schedule", output = Json)]
pub async fn run_schedule(
    /// The schedule.
    id: ScheduleId,
    /// The answer to the question before a live run.
    #[server(default)]
    confirmed: bool,
) -> Result<RunId, ApiError> {
    let backend = context()?;
    if find(&*backend, &id).await?.spec.request.is_live() && !confirmed {
        return Err(refuse(unconfirmed()));
    }
    let run = backend.run_schedule(&id).await.map_err(refuse)?;
    leptos_axum::redirect(&links::run(&run));
    Ok(run)
}

#[cfg(feature = "ssr")]
async fn find(backend: &dyn crate::Backend, id: &ScheduleId) -> Result<Schedule, ApiError> {
    let schedules = backend.schedules().await.map_err(refuse)?;
    schedules
        .into_iter()
        .find(|schedule| schedule.id == *id)
        .ok_or_else(|| refuse(ApiError::invalid("id", format!("there is no schedule {id}"))))
}
