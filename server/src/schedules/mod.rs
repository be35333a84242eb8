//! Schedules: runs that start by themselves. The store is the truth, so that several processes on one data directory
//! see the same ones, and of several servers one starts each run.

mod book;
mod runner;
mod scheduler;
mod spec;
mod tick;
pub mod timing;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

use futures::future::BoxFuture;
use protocol::{
    LastRun, RunId, RunRequest, RunState, RunSummary, Schedule, ScheduleId, ScheduleSpec, Timing,
};
use store::{ScheduleChange, StoreError};
use sync::Clock;
use tokio::sync::Notify;

pub use book::Book;

use crate::exit::Failure;
use timing::{TimingError, next_after};

/// How many moments a preview shows.
const PREVIEWED: usize = 5;

/// What starts and knows runs.
pub trait Runner: Send + Sync + 'static {
    /// Whether the search index is there that a run needs, as far as settings tell.
    ///
    /// # Errors
    ///
    /// Which setting is missing, in words.
    fn check_documents(&self, request: &RunRequest) -> Result<(), String>;

    /// Starts a run.
    fn start(&self, request: RunRequest) -> BoxFuture<'_, Result<RunId, Refusal>>;

    /// Goes on with a run that had stopped.
    fn resume<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), Refusal>>;

    /// How a run stands, in whatever process it is; `None` if nobody knows it any more.
    fn summary<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Option<RunSummary>>;
}

/// Why a run was not started, or does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Another live run is at work where it would be, in words.
    Busy(String),
    /// This process is stopping: the next one will do it.
    Stopping,
    /// It cannot be done now, in words: a service or a setting is in the way.
    Failed(String),
    /// It cannot be done as it is, now or later, in words.
    Impossible(String),
}

/// Why a schedule could not be read, made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// A value cannot be used.
    #[error("{message}")]
    Invalid {
        /// Which: `name`, `timing`, `namespace`, `namespaces`, `batch_size`, `elasticsearch` or `request`.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// There is none with this id.
    #[error("there is no schedule {id:?}; `tain schedules` lists what there is")]
    Unknown {
        /// What was asked for, or its beginning.
        id: String,
    },
    /// Several ids begin like this.
    #[error("{id:?} can be any of {candidates}; write more of it")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// The ids that begin with it.
        candidates: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ScheduleError> for Failure {
    fn from(error: ScheduleError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<TimingError> for ScheduleError {
    fn from(error: TimingError) -> Self {
        Self::Invalid { field: "timing", message: error.to_string() }
    }
}

/// The schedules of a data directory, and what starts their runs.
pub struct Schedules {
    book: Box<dyn Book>,
    runner: Arc<dyn Runner>,
    clock: Clock,
    /// Wakes the scheduler of this process; others find a change when they next look.
    changed: Notify,
}

impl Schedules {
    /// Those in this book; nothing starts before [`Self::work`] is called.
    pub fn new(book: impl Book, runner: Arc<dyn Runner>, clock: Clock) -> Self {
        Self { book: Box::new(book), runner, clock, changed: Notify::new() }
    }

    /// All of them, oldest first, each with its last run as it stands now.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn list(&self) -> Result<Vec<Schedule>, StoreError> {
        let mut schedules = self.book.schedules().await?;
        for last in schedules.iter_mut().filter_map(|schedule| schedule.last.as_mut()) {
            if let Some(run) = &last.run
                && let Some(summary) = self.runner.summary(run).await
            {
                last.state = Some(summary.state);
            }
        }
        Ok(schedules)
    }

    /// The one with this id, or the only one whose id begins like this.
    ///
    /// # Errors
    ///
    /// There is none, or more than one; or the store could not be read.
    pub async fn find(&self, id: &str) -> Result<Schedule, ScheduleError> {
        let mut found: Vec<Schedule> =
            self.list().await?.into_iter().filter(|schedule| schedule.id.0.starts_with(id)).collect();
        if let Some(exact) = found.iter().position(|schedule| schedule.id.0 == id) {
            return Ok(found.swap_remove(exact));
        }
        let id: String = id.chars().take(60).collect();
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            2.. if !id.is_empty() => {
                let candidates: Vec<&str> = found.iter().map(|schedule| schedule.id.0.as_str()).collect();
                Err(ScheduleError::Ambiguous { id, candidates: candidates.join(", ") })
            }
            _ => Err(ScheduleError::Unknown { id }),
        }
    }

    /// The next moments at which a timing would start a run: milliseconds since 1970, UTC.
    ///
    /// # Errors
    ///
    /// The timing cannot be used.
    pub fn preview(&self, timing: &Timing) -> Result<Vec<u64>, TimingError> {
        timing::preview(timing, (self.clock)(), PREVIEWED)
    }

    /// What can be kept of what was asked for.
    fn checked(&self, spec: ScheduleSpec, now: u64) -> Result<ScheduleSpec, ScheduleError> {
        let spec = spec::checked(spec, now)?;
        self.runner
            .check_documents(&spec.request)
            .map_err(|message| ScheduleError::Invalid { field: "elasticsearch", message })?;
        Ok(spec)
    }

    /// Makes a schedule.
    ///
    /// # Errors
    ///
    /// A value that cannot be used, or a store that cannot be written.
    pub async fn add(&self, spec: ScheduleSpec) -> Result<Schedule, ScheduleError> {
        let now = (self.clock)();
        let spec = self.checked(spec, now)?;
        let next_at = if spec.enabled { Some(next_after(&spec.timing, now)?) } else { None };
        let schedule = Schedule { id: new_id(&spec), spec, created_at: now, next_at, last: None };
        self.book.keep(&schedule).await?;
        self.changed.notify_one();
        Ok(schedule)
    }

    /// Changes a schedule. What is planned stays planned, unless the timing is changed or the schedule enabled: then
    /// its first run starts as if it had been made now.
    ///
    /// # Errors
    ///
    /// There is none with this id, a value cannot be used, or the store cannot be written.
    pub async fn change(&self, id: &ScheduleId, spec: ScheduleSpec) -> Result<Schedule, ScheduleError> {
        let now = (self.clock)();
        let spec = self.checked(spec, now)?;
        let next = next_after(&spec.timing, now)?;
        let change = |schedule: &mut Schedule| {
            let planned = schedule.next_at.filter(|_| schedule.spec.timing == spec.timing);
            schedule.next_at = spec.enabled.then(|| planned.unwrap_or(next));
            schedule.spec = spec.clone();
            true
        };
        self.edit(id, &change).await
    }

    /// Lets a schedule start runs. One that does so already stays as it is.
    ///
    /// # Errors
    ///
    /// There is none with this id, or the store cannot be written.
    pub async fn enable(&self, id: &ScheduleId) -> Result<Schedule, ScheduleError> {
        let now = (self.clock)();
        let enable = |schedule: &mut Schedule| {
            schedule.spec.enabled = true;
            schedule.next_at = schedule.next_at.or_else(|| next_after(&schedule.spec.timing, now).ok());
            true
        };
        self.edit(id, &enable).await
    }

    /// Keeps a schedule from starting runs; one that is at work goes on.
    ///
    /// # Errors
    ///
    /// As [`Self::enable`].
    pub async fn disable(&self, id: &ScheduleId) -> Result<Schedule, ScheduleError> {
        let disable = |schedule: &mut Schedule| {
            schedule.spec.enabled = false;
            schedule.next_at = None;
            true
        };
        self.edit(id, &disable).await
    }

    /// Removes a schedule; its runs stay.
    ///
    /// # Errors
    ///
    /// As [`Self::enable`].
    pub async fn remove(&self, id: &ScheduleId) -> Result<(), ScheduleError> {
        if self.book.remove(id).await? { Ok(()) } else { Err(unknown(id)) }
    }

    /// Takes note of a run that somebody started by hand. An interval counts from it.
    ///
    /// # Errors
    ///
    /// As [`Self::enable`].
    pub async fn started(&self, id: &ScheduleId, run: RunId) -> Result<(), ScheduleError> {
        let now = (self.clock)();
        let started = |schedule: &mut Schedule| {
            if schedule.next_at.is_some() && matches!(schedule.spec.timing, Timing::Every(_)) {
                schedule.next_at = next_after(&schedule.spec.timing, now).ok();
            }
            let run = Some(run.clone());
            schedule.last = Some(LastRun { run, state: Some(RunState::Running), at: now, note: None });
            true
        };
        self.edit(id, &started).await.map(drop)
    }

    /// Changes a schedule, and has the scheduler look at it.
    async fn edit(&self, id: &ScheduleId, change: ScheduleChange<'_>) -> Result<Schedule, ScheduleError> {
        let changed = self.book.change(id, change).await?.ok_or_else(|| unknown(id))?;
        self.changed.notify_one();
        Ok(changed)
    }
}

fn unknown(id: &ScheduleId) -> ScheduleError {
    ScheduleError::Unknown { id: id.0.chars().take(60).collect() }
}

/// An id that says what it is for, with four random digits, so that two processes do not choose the same one.
fn new_id(spec: &ScheduleSpec) -> ScheduleId {
    let words = match (&spec.request.namespaces, spec.name.as_str()) {
        (None, "") => spec.request.namespace.as_str(),
        (Some(_), "") => "all-namespaces",
        (_, name) => name,
    };
    let mut id = String::new();
    for c in words.chars().take(40) {
        if c.is_ascii_alphanumeric() {
            id.push(c.to_ascii_lowercase());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    let id = id.trim_matches('-');
    let id = if id.is_empty() { "schedule" } else { id };
    // Each `RandomState` has keys of its own, which is all the randomness that an id needs.
    let random = RandomState::new().build_hasher().finish();
    ScheduleId(format!("{id}-{:04x}", random % 0x1_0000))
}
