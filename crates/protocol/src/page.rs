//! Asking for a part of what a run left behind, and for a part of all runs.

use serde::{Deserialize, Serialize};

use crate::{FailedRecord, LogLevel, LogLine, RunId, RunKind, RunState, RunSummary};

/// Which ids behind a count are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageQuery {
    /// Only ids (for failures and log lines: also messages) that hold this text; empty for all.
    pub search: String,
    /// Only what lies behind this one: the `next` of the page before.
    pub after: Option<String>,
    /// How many, at most; 0 for [`PAGE_ROWS`].
    pub limit: u32,
}

/// Rows of a page, unless asked otherwise.
pub const PAGE_ROWS: u32 = 200;

/// A page of the ids behind a count, in ascending byte order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordIds {
    /// The ids.
    pub ids: Vec<String>,
    /// How many the run counted, whatever is searched for.
    pub total: u64,
    /// Asks for the next page; `None` at the end.
    pub next: Option<String>,
}

/// A page of failed records, in ascending byte order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailurePage {
    /// The records.
    pub failures: Vec<FailedRecord>,
    /// How many the run counted, whatever is searched for.
    pub total: u64,
    /// Asks for the next page; `None` at the end.
    pub next: Option<String>,
}

/// A page of the log, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Asks for the next page; `None` at the end.
    pub next: Option<String>,
}

/// Which lines of the log are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogQuery {
    /// Lines of this level and worse; `None` for all.
    pub level: Option<LogLevel>,
    /// What they hold, and which page.
    pub page: PageQuery,
}

/// Which runs are asked for. Every field that is set narrows the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFilter {
    /// Of this kind.
    pub kind: Option<RunKind>,
    /// In one of these states; empty for all.
    pub states: Vec<RunState>,
    /// Whose namespace holds this text; empty for all.
    pub namespace: String,
    /// Older than this one: the `next` of the page before.
    pub before: Option<RunId>,
    /// How many, at most; 0 for [`PAGE_ROWS`].
    pub limit: u32,
}

/// A page of the list of runs, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// Asks for the next page; `None` at the end.
    pub next: Option<RunId>,
}
