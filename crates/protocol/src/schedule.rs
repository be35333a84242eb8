//! Schedules: runs that start by themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{RunId, RunRequest, RunState};

/// Names one schedule in URLs and on the command line: lowercase letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScheduleId(pub String);

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a schedule's runs start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Every so many seconds, counted from the last start.
    Every(u64),
    /// A cron expression of five fields (minute, hour, day of month, month, day of week), in UTC.
    Cron(String),
}

/// What is asked for when a schedule is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpec {
    /// A name for people; may be empty.
    pub name: String,
    /// When its runs start.
    pub timing: Timing,
    /// What they do: one namespace, or all that match.
    pub request: RunRequest,
    /// Whether it starts runs at all.
    pub enabled: bool,
}

/// The last run that a schedule started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// The run; `None` if it could not be started.
    pub run: Option<RunId>,
    /// How it stands.
    pub state: Option<RunState>,
    /// When it was started, or tried: milliseconds since 1970, UTC.
    pub at: u64,
    /// Why it could not be started, or was skipped, in words.
    pub note: Option<String>,
}

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name in URLs.
    pub id: ScheduleId,
    /// What it does and when.
    pub spec: ScheduleSpec,
    /// When it was made: milliseconds since 1970, UTC.
    pub created_at: u64,
    /// When it starts its next run: milliseconds since 1970, UTC. `None` while it is not enabled.
    pub next_at: Option<u64>,
    /// The last run that it started or tried to start.
    pub last: Option<LastRun>,
}
