#![doc = include_str!("../README.md")]

mod event;
mod overview;
mod plan;
mod request;
mod run;

pub use event::{ClientFrame, Event, EventBody, LogLevel, LogLine, ServerFrame};
pub use overview::{AddedMetadata, IndexView, NamespaceRow, Namespaces, Overview, Reading};
pub use plan::{Change, ChangeKind, Difference, KeyChanges, Plan, PlannedRequests};
pub use request::{Reuse, RunKind, RunRequest};
pub use run::{
    Category, Counts, Drift, EndpointUse, FailedRecord, Flow, KEPT_FAILURES, KEPT_LOG_LINES,
    KEPT_RATE_POINTS, Pacing, Progress, RatePoint, RecordIds, RunHead, RunId, RunState, RunSummary, RunView,
    Stage, Step, StepState, StepView, Verification,
};
