//! The events of a run, and the frames of `/ws`.

use serde::{Deserialize, Serialize};

use crate::{
    DocumentVerification, FailedRecord, NamespaceRun, Pause, Plan, Progress, RunHead, RunId, RunState,
    RunView, Step, StepState, Verification,
};

/// One thing that happened in a run. `--json` prints one of these a line; `/ws` sends them after a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The run it belongs to.
    pub run: RunId,
    /// 1 for a run's first event, then without gaps, except where a run was resumed by another process.
    pub seq: u64,
    /// Milliseconds since 1970, UTC.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum EventBody {
    /// The run began. Always the first event.
    Started(Box<RunHead>),
    /// A step changed its state.
    Step {
        /// Which.
        step: Step,
        /// Its new state.
        state: StepState,
        /// What was seen or done, for people: `18,120 and 17,655 records, 359 requests`. The error, when it failed.
        detail: String,
    },
    /// Counters moved. At most ten a second.
    Progress(Box<Progress>),
    /// A record failed; its neighbours went on (law 9).
    Failed(FailedRecord),
    /// A line of the log.
    Log(LogLine),
    /// An analysis is complete.
    Plan(Box<Plan>),
    /// The counts after the run.
    Verified(Verification),
    /// The documents of the search index after the run.
    DocumentsVerified(DocumentVerification),
    /// Someone asked the run to pause; it stops as soon as what is in flight is in the target.
    Pausing,
    /// Someone asked the run to stop for good; it ends as soon as what is in flight is in the target.
    Cancelling,
    /// The run ended or stopped. The last event, unless the run is resumed.
    Finished {
        /// Its end state.
        state: RunState,
        /// Why it failed, for people.
        error: Option<String>,
        /// Why it waits, if it is paused.
        #[serde(default)]
        pause: Option<Pause>,
    },
    /// The run goes on from its checkpoint.
    Resumed,
    /// One namespace of a run over several moved on.
    Namespace(Box<NamespaceRun>),
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// The course of things.
    Info,
    /// Worth a look; nothing is lost.
    Warn,
    /// Something did not work.
    Error,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Milliseconds since 1970, UTC.
    pub at: u64,
    /// How much it matters.
    pub level: LogLevel,
    /// A sentence without a secret.
    pub message: String,
}

/// What a browser sends on `/ws`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientFrame {
    /// Follow a run. Answered by a snapshot, then by events.
    Subscribe {
        /// Which run.
        run: RunId,
        /// The last event that the client has applied; 0 for none. If it is the newest one, no snapshot is sent.
        after: u64,
    },
}

/// What the server sends on `/ws`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerFrame {
    /// The whole run as of `seq`; replaces what the client has.
    Snapshot(Box<RunView>),
    /// One event, to be applied to the view.
    Event(Box<Event>),
    /// There is no such run, or it was forgotten.
    Gone(RunId),
}
