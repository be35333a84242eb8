#![doc = include_str!("../README.md")]

mod event;
mod overview;
mod plan;
mod request;
mod run;
mod schedule;

pub use event::{ClientFrame, Event, EventBody, LogLevel, LogLine, ServerFrame};
pub use overview::{AddedMetadata, IndexView, NamespaceRow, Namespaces, Overview, Reading};
pub use plan::{Change, ChangeKind, Difference, KeyChanges, Plan, PlannedRequests};
pub use request::{NamespacePatterns, Reuse, RunKind, RunRequest};
pub use run::{
    Category, Counts, EndpointUse, FailedRecord, FailurePage, Flow, KEPT_FAILURES, KEPT_LOG_LINES,
    KEPT_RATE_POINTS, LogPage, LogQuery, NamespaceRun, PAGE_ROWS, Pacing, PageQuery, Pause, PauseReason,
    Progress, RatePoint, RecordIds, RunFilter, RunHead, RunId, RunPage, RunState, RunSummary, RunView, Stage,
    Step, StepState, StepView, Verification,
};
pub use schedule::{LastRun, Schedule, ScheduleId, ScheduleSpec, Timing};
