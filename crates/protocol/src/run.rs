//! A run: what was asked for, how far it is, how it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    AddedMetadata, Counts, DocumentVerification, Event, EventBody, LogLine, Plan, Progress, RatePoint,
    RunRequest,
};

/// How many failed records a view keeps; `Counts::failed` counts all of them.
pub const KEPT_FAILURES: usize = 1_000;
/// How many log lines a view keeps: the newest.
pub const KEPT_LOG_LINES: usize = 1_000;
/// How many points of the rate a view keeps. They span the whole run: a longer one has them further apart.
pub const KEPT_RATE_POINTS: usize = 120;

/// Names one run in URLs and logs: lowercase letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// At work.
    Running,
    /// Asked to pause; finishing what is in flight.
    Pausing,
    /// Asked to stop for good; finishing what is in flight.
    Cancelling,
    /// Stopped at a checkpoint, and waits to be resumed: `RunView::pause` says why.
    Paused,
    /// The process that ran it is gone. It can be resumed from its last checkpoint.
    Interrupted,
    /// Ended; every record was handled.
    Done,
    /// Ended; some records failed and are listed.
    DoneWithFailures,
    /// Stopped on request; what was acknowledged is in the target.
    Cancelled,
    /// A service failed; what was acknowledged is in the target.
    Failed,
}

impl RunState {
    /// Whether somebody is at work on it.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Pausing | Self::Cancelling)
    }

    /// Whether it can go on from its checkpoint.
    pub const fn is_resumable(self) -> bool {
        matches!(self, Self::Paused | Self::Interrupted | Self::Failed)
    }

    /// The state's name, as in the list of runs and on the command line.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Cancelling => "cancelling",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
            Self::Done => "done",
            Self::DoneWithFailures => "done with failures",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Running,
        Self::Pausing,
        Self::Cancelling,
        Self::Paused,
        Self::Interrupted,
        Self::Done,
        Self::DoneWithFailures,
        Self::Cancelled,
        Self::Failed,
    ];
}

/// Why a run waits to be resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What made it stop.
    pub reason: PauseReason,
    /// For people: the service's own words about a quota, for example.
    pub message: String,
    /// When it can go on, where that is known: milliseconds since 1970, UTC.
    pub until: Option<u64>,
}

/// What made a run stop at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Somebody asked for it.
    Requested,
    /// A daily or monthly quota is used up.
    Quota,
    /// tain was stopped.
    Shutdown,
}

/// The parts of a run, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Both listings, merged as they come.
    List,
    /// Missing records are read, records in both are read and compared.
    Compare,
    /// Phase A: missing records are embedded and written.
    Migrate,
    /// Phase B: changed records are embedded and written.
    Update,
    /// Counts on both sides, after the target has caught up.
    Verify,
    /// What the search index's mapping and the key allow, before anything is written there.
    Precheck,
    /// Documents of the search index are updated.
    Documents,
    /// Documents of the search index are counted, after a refresh.
    VerifyDocuments,
    /// Every record of the target is compared with its document.
    Levels,
}

impl Step {
    /// The step's name on screens.
    pub const fn label(self) -> &'static str {
        match self {
            Self::List => "List both indexes",
            Self::Compare => "Read and compare",
            Self::Migrate => "Phase A: migrate missing",
            Self::Update => "Phase B: update changed",
            Self::Verify => "Verify counts",
            Self::Precheck => "Check mapping and privileges",
            Self::Documents => "Update documents",
            Self::VerifyDocuments => "Verify documents",
            Self::Levels => "Compare access levels",
        }
    }
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// At work.
    Running,
    /// Ended well.
    Done,
    /// Ended by an error; the step's detail says which.
    Failed,
    /// Ended by a request to stop.
    Cancelled,
    /// Stopped at a checkpoint; goes on when the run is resumed.
    Paused,
}

/// A step as it is shown. Its numbers come from `Counts`: see `RunView::step_progress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// Which.
    pub step: Step,
    /// How it stands.
    pub state: StepState,
    /// What was seen or done, or the error.
    pub detail: String,
}

/// A record that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRecord {
    /// The record's id.
    pub id: String,
    /// Where it failed.
    pub step: Step,
    /// The upstream's own message.
    pub message: String,
    /// How many runs have tried it, this one included.
    #[serde(default = "once")]
    pub attempts: u32,
    /// Milliseconds since 1970, UTC.
    pub at: u64,
}

const fn once() -> u32 {
    1
}

/// The counts on both sides after a run, and what explains the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Records in the source's namespace.
    pub source: crate::Reading<u64>,
    /// Records in the target's namespace.
    pub target: crate::Reading<u64>,
    /// What the target should hold: its listing plus what was migrated.
    pub expected_target: u64,
    /// Source records that are not in the target because they have no text.
    pub no_text: u64,
    /// Source records that are not in the target because they failed.
    pub failed: u64,
    /// Target records that are not in the source.
    pub orphans: u64,
    /// Whether the target holds what was expected. `false` may also mean that it has not caught up yet.
    pub confirmed: bool,
    /// The result in words.
    pub summary: String,
}

/// How one namespace stands in a run over several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceRun {
    /// The namespace; the default one is `__default__`.
    pub namespace: String,
    /// The run that does it, once it has begun.
    pub run: Option<RunId>,
    /// How it stands; `None` before it has begun.
    pub state: Option<RunState>,
    /// Its counters.
    pub counts: Counts,
    /// Why it could not be started, or failed.
    pub error: Option<String>,
}

/// What makes the records that a run writes what they are, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writing {
    /// The metadata key that holds the text.
    pub text_key: String,
    /// The key and value that are added.
    pub added: AddedMetadata,
    /// How vectors are made: model, dimensions and task type, with slashes between them.
    pub made_by: String,
}

/// What does not change in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    /// Its name.
    pub id: RunId,
    /// What was asked for.
    pub request: RunRequest,
    /// The analysis whose plan it executes, or the run whose failures it tries again.
    #[serde(default)]
    pub origin: Option<RunId>,
    /// The source index.
    pub source: String,
    /// The target index.
    pub target: String,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Texts a minute that the embedding service allows, as configured.
    pub texts_per_minute: u64,
    /// How it writes, as configured when it began; older versions did not keep it.
    #[serde(default)]
    pub writing: Option<Writing>,
    /// Milliseconds since 1970, UTC.
    pub started_at: u64,
}

/// A run as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// What does not change.
    pub head: RunHead,
    /// The last event that is in this view.
    pub seq: u64,
    /// How it stands.
    pub state: RunState,
    /// Why it failed.
    pub error: Option<String>,
    /// Why it waits, when it is paused.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// When it ended or stopped: milliseconds since 1970, UTC.
    pub finished_at: Option<u64>,
    /// When the last event happened: milliseconds since 1970, UTC.
    pub updated_at: u64,
    /// The steps.
    pub steps: Vec<StepView>,
    /// The moving numbers.
    pub progress: Progress,
    /// The speed over the whole run, oldest first, [`RunView::rate_step`] apart; the newest point is always the present.
    pub rate: Vec<RatePoint>,
    /// The plan, once there is one.
    pub plan: Option<Plan>,
    /// The first failed records.
    pub failures: Vec<FailedRecord>,
    /// The newest log lines, oldest first.
    pub log: Vec<LogLine>,
    /// Log lines that are no longer kept.
    pub log_dropped: u64,
    /// The counts after the run.
    pub verification: Option<Verification>,
    /// The documents of the search index after the run.
    #[serde(default)]
    pub documents: Option<DocumentVerification>,
    /// The namespaces of a run over several, in the order in which they are done.
    #[serde(default)]
    pub namespaces: Vec<NamespaceRun>,
}

/// A row of the list of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// What does not change.
    pub head: RunHead,
    /// How it stands.
    pub state: RunState,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Why it waits, when it is paused.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// When it ended or stopped.
    pub finished_at: Option<u64>,
    /// The counters.
    pub counts: Counts,
    /// The hash of the plan that it left or executed.
    #[serde(default)]
    pub plan: Option<String>,
}

impl RunSummary {
    /// Why it failed, or waits, in words; `None` where there is nothing to say.
    pub fn why(&self) -> Option<&str> {
        let why = self.error.as_deref().or_else(|| self.pause.as_ref().map(|pause| pause.message.as_str()));
        why.filter(|why| !why.is_empty())
    }

    /// Milliseconds from beginning to end; `None` while it is at work, or may go on.
    pub fn took(&self) -> Option<u64> {
        let ended = self.finished_at.filter(|_| !self.state.is_live() && !self.state.is_resumable());
        ended.map(|at| at.saturating_sub(self.head.started_at))
    }
}

impl RunView {
    /// The view of a run that has just begun, as of its first event.
    pub fn new(head: RunHead) -> Self {
        let steps = head
            .steps
            .iter()
            .map(|&step| StepView { step, state: StepState::Waiting, detail: String::new() })
            .collect();
        Self {
            seq: 0,
            state: RunState::Running,
            error: None,
            pause: None,
            finished_at: None,
            updated_at: head.started_at,
            steps,
            progress: Progress::default(),
            rate: Vec::new(),
            plan: None,
            failures: Vec::new(),
            log: Vec::new(),
            log_dropped: 0,
            verification: None,
            documents: None,
            namespaces: Vec::new(),
            head,
        }
    }

    /// Takes one event in. Events that are already in the view are passed over, so a replay does no harm.
    ///
    /// Returns `false` when events are missing between the view and this one: then only a snapshot helps.
    pub fn apply(&mut self, event: &Event) -> bool {
        if event.seq <= self.seq {
            return true;
        }
        if event.seq != self.seq + 1 {
            return false;
        }
        self.seq = event.seq;
        self.updated_at = event.at;
        match &event.body {
            EventBody::Started(head) => self.head = (**head).clone(),
            EventBody::Step { step, state, detail } => {
                if let Some(view) = self.steps.iter_mut().find(|view| view.step == *step) {
                    view.state = *state;
                    view.detail.clone_from(detail);
                }
            }
            EventBody::Progress(progress) => {
                self.progress = (**progress).clone();
                self.sample_rate(event.at);
            }
            EventBody::Failed(record) => {
                if self.failures.len() < KEPT_FAILURES {
                    self.failures.push(record.clone());
                }
            }
            EventBody::Log(line) => {
                if self.log.len() >= KEPT_LOG_LINES {
                    self.log.remove(0);
                    self.log_dropped += 1;
                }
                self.log.push(line.clone());
            }
            EventBody::Plan(plan) => self.plan = Some((**plan).clone()),
            EventBody::Verified(verification) => self.verification = Some(verification.clone()),
            EventBody::DocumentsVerified(verification) => self.documents = Some(verification.clone()),
            EventBody::Pausing => self.state = RunState::Pausing,
            EventBody::Cancelling => self.state = RunState::Cancelling,
            EventBody::Finished { state, error, pause } => {
                self.state = *state;
                self.error.clone_from(error);
                self.pause.clone_from(pause);
                self.finished_at = Some(event.at);
            }
            EventBody::Resumed => {
                // While it rested it neither worked nor waited.
                if let Some(&last) = self.rate.last() {
                    self.push_rate(RatePoint { at: event.at, ..last });
                }
                self.state = RunState::Running;
                self.error = None;
                self.pause = None;
                self.finished_at = None;
                self.verification = None;
                self.documents = None;
            }
            EventBody::Namespace(namespace) => {
                match self.namespaces.iter_mut().find(|row| row.namespace == namespace.namespace) {
                    Some(row) => row.clone_from(namespace),
                    None => self.namespaces.push((**namespace).clone()),
                }
            }
        }
        true
    }

    fn sample_rate(&mut self, at: u64) {
        let counts = &self.progress.counts;
        let last = self.rate.last().copied().unwrap_or_else(|| {
            let first = RatePoint { at: self.head.started_at.min(at), ..RatePoint::default() };
            self.rate.push(first);
            first
        });
        let waited = if self.progress.pacing.is_empty() { 0 } else { at.saturating_sub(last.at) };
        self.push_rate(RatePoint {
            at,
            compared: counts.compared(),
            embedded: counts.embedded,
            written: counts.migrated + counts.updated + counts.documents.updated,
            documents: counts.documents.updated,
            paced: last.paced + waited,
        });
    }

    /// The newest point moves along until it is a step away from the one before it.
    fn push_rate(&mut self, point: RatePoint) {
        let step = self.rate_step();
        match self.rate.as_mut_slice() {
            [.., before, last] if last.at < before.at + step => *last = point,
            _ => self.rate.push(point),
        }
        if self.rate.len() > KEPT_RATE_POINTS {
            let newest = self.rate.len() - 1;
            let mut index = 0..;
            self.rate.retain(|_| index.next().is_some_and(|index| index % 2 == 0 || index == newest));
        }
    }

    /// Milliseconds between two points of the rate: a second, doubled as often as it takes to span the run.
    pub fn rate_step(&self) -> u64 {
        let (first, last) = (self.rate.first(), self.rate.last());
        let span = first.zip(last).map_or(0, |(first, last)| last.at.saturating_sub(first.at));
        span.div_ceil(KEPT_RATE_POINTS as u64 * 1_000).max(1).next_power_of_two() * 1_000
    }

    /// How much of a step is done, and of how much: `None` while the whole is not known.
    pub fn step_progress(&self, step: Step) -> (u64, Option<u64>) {
        let counts = &self.progress.counts;
        // A plan that this run made itself, or a finished comparison, makes the totals final.
        let compared = counts.compared();
        let all_compared = counts.listed && compared >= counts.only_source + counts.in_both;
        match step {
            Step::List => (
                counts.source_listed + counts.target_listed,
                counts.listed.then_some(counts.source_listed + counts.target_listed),
            ),
            Step::Compare => (compared, counts.listed.then_some(counts.only_source + counts.in_both)),
            Step::Migrate => (counts.migrated, all_compared.then_some(counts.missing)),
            Step::Update => (counts.updated, all_compared.then_some(counts.changed)),
            Step::Verify => (u64::from(self.verification.is_some()), Some(1)),
            Step::Precheck => (0, None),
            Step::Documents if self.head.request.dry_run => (counts.documents.to_update, None),
            Step::Documents => (counts.documents.handled(), Some(counts.documents.to_update)),
            Step::VerifyDocuments => (u64::from(self.documents.is_some()), Some(1)),
            Step::Levels => (compared, Some(counts.source_listed)),
        }
    }

    /// The row of the list of runs.
    pub fn summary(&self) -> RunSummary {
        RunSummary {
            head: self.head.clone(),
            state: self.state,
            error: self.error.clone(),
            pause: self.pause.clone(),
            finished_at: self.finished_at,
            counts: self.progress.counts.clone(),
            plan: self.plan.as_ref().map(|plan| plan.hash.clone()).or_else(|| self.head.request.plan.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogLevel, Pacing, RunKind};

    fn view() -> RunView {
        RunView::new(RunHead {
            id: RunId("r".to_owned()),
            request: RunRequest::new(RunKind::Mirror, "ns"),
            origin: None,
            source: "old".to_owned(),
            target: "new".to_owned(),
            steps: vec![Step::List, Step::Compare],
            texts_per_minute: 3_000,
            writing: None,
            started_at: 0,
        })
    }

    fn log(seq: u64) -> Event {
        let line = LogLine { at: seq, level: LogLevel::Info, message: seq.to_string() };
        Event { run: RunId("r".to_owned()), seq, at: seq, body: EventBody::Log(line) }
    }

    #[test]
    fn events_are_taken_in_once_and_a_gap_is_noticed() {
        let mut view = view();
        assert!(view.apply(&log(1)));
        assert!(view.apply(&log(1)), "a replay does no harm");
        assert_eq!((view.seq, view.log.len()), (1, 1));
        assert!(!view.apply(&log(3)), "event 2 is missing");
        assert_eq!(view.seq, 1);
        assert!(view.apply(&log(2)) && view.apply(&log(3)));
        assert_eq!(view.log.len(), 3);
    }

    #[test]
    fn what_a_view_keeps_is_bounded() {
        let mut view = view();
        for seq in 1..=(KEPT_LOG_LINES as u64 + 5) {
            assert!(view.apply(&log(seq)));
        }
        assert_eq!((view.log.len(), view.log_dropped), (KEPT_LOG_LINES, 5));
        assert_eq!(view.log[0].message, "6");
    }

    /// An event with what was embedded by then, and with something to wait for or not.
    fn embedded(view: &RunView, at: u64, embedded: u64, waits: bool) -> Event {
        let pacing = Pacing { service: "gemini".to_owned(), message: String::new(), until: 0 };
        let progress = Progress {
            counts: Counts { embedded, ..Counts::default() },
            pacing: waits.then_some(pacing).into_iter().collect(),
            ..Progress::default()
        };
        let body = EventBody::Progress(Box::new(progress));
        Event { run: RunId("r".to_owned()), seq: view.seq + 1, at, body }
    }

    #[test]
    fn the_rate_spans_the_whole_run_in_few_points() {
        let mut view = view();
        for tenth in 1..=20_000_u64 {
            let event = embedded(&view, tenth * 100, tenth, false);
            assert!(view.apply(&event));
            assert!(view.rate.len() <= KEPT_RATE_POINTS);
            assert_eq!(view.rate[0], RatePoint::default(), "the beginning stays");
            assert_eq!(view.rate.last().map(|point| point.embedded), Some(tenth), "the end is the present");
        }
        assert_eq!(view.rate_step(), 32_000, "2,000 seconds in 120 points");
        assert!(view.rate.len() > KEPT_RATE_POINTS / 3, "{} points", view.rate.len());
        let step = view.rate_step();
        assert!(view.rate.windows(2).all(|pair| pair[1].at - pair[0].at <= step), "without a gap");
    }

    #[test]
    fn the_rate_tells_waiting_and_resting_apart() {
        let mut view = view();
        for (at, waits) in [(1_000, false), (3_000, true), (4_000, true)] {
            let event = embedded(&view, at, 1, waits);
            assert!(view.apply(&event));
        }
        assert_eq!(view.rate.last().map(|point| point.paced), Some(3_000));
        let resumed =
            Event { run: RunId("r".to_owned()), seq: view.seq + 1, at: 90_000, body: EventBody::Resumed };
        assert!(view.apply(&resumed));
        let event = embedded(&view, 91_000, 2, true);
        assert!(view.apply(&event));
        assert_eq!(view.rate.last().map(|point| point.paced), Some(4_000), "a rest is not a wait");
    }

    #[test]
    fn the_whole_of_a_step_is_unknown_until_it_is_known() {
        let mut view = view();
        view.progress.counts =
            Counts { only_source: 3, in_both: 2, missing: 1, in_sync: 1, ..Counts::default() };
        assert_eq!(view.step_progress(Step::Compare), (2, None));
        assert_eq!(view.step_progress(Step::Migrate), (0, None));
        view.progress.counts.listed = true;
        assert_eq!(view.step_progress(Step::Compare), (2, Some(5)));
        assert_eq!(view.step_progress(Step::Migrate), (0, None), "there may be more to migrate");
        view.progress.counts.missing = 3;
        view.progress.counts.in_sync = 2;
        assert_eq!(view.step_progress(Step::Migrate), (0, Some(3)));
    }
}
