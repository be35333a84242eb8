#![doc = include_str!("../README.md")]

mod comparison;
mod counts;
mod documents;
mod event;
mod overview;
mod page;
mod plan;
mod progress;
mod record;
mod request;
mod run;
mod schedule;
mod settings;

pub use comparison::{Compared, Differences, Measure, RunComparison, RunSide};
pub use counts::{Category, Counts, DocumentCounts};
pub use documents::{
    DOCUMENT_ROWS, Document, DocumentField, DocumentNamespace, DocumentNumbers, DocumentPage, DocumentQuery,
    DocumentVerification, DocumentsLook, Finding, Findings, Holding, SearchIndex, SearchIndexView, Severity,
    UpdateNumbers, UpdatePreview, ValueCount,
};
pub use event::{ClientFrame, Event, EventBody, LogLevel, LogLine, ServerFrame};
pub use overview::{AddedMetadata, IndexView, NamespaceRow, Namespaces, Overview, Reading};
pub use page::{FailurePage, LogPage, LogQuery, PAGE_ROWS, PageQuery, RecordIds, RunFilter, RunPage};
pub use plan::{Change, ChangeKind, Difference, KeyChanges, Plan, PlannedRequests, TextLengths};
pub use progress::{EndpointUse, Flow, Pacing, Progress, RatePoint, SENT_AGAIN, Stage, TOLD_TO_SLOW_DOWN};
pub use record::{
    DocumentName, RecordKey, RecordSide, RecordVerdict, RecordView, TypedValue, ValueKind, VectorView,
};
pub use request::{
    DocumentScope, DocumentUpdate, NamespacePatterns, Reuse, RunKind, RunRequest, UpdateMode, quoted,
};
pub use run::{
    FailedRecord, KEPT_FAILURES, KEPT_LOG_LINES, KEPT_RATE_POINTS, NamespaceRun, Pause, PauseReason, RunHead,
    RunId, RunState, RunSummary, RunView, Step, StepState, StepView, Verification, Writing,
};
pub use schedule::{INTERVAL_UNITS, LastRun, Schedule, ScheduleId, ScheduleSpec, Timing, interval};
pub use settings::{LearnedLimit, Service, ServiceTest, SettingView, SettingsView};
