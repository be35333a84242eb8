//! Turns what happens in a run into numbered events, and keeps the view that they add up to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use protocol::{
    Category, Counts, Event, EventBody, FailedRecord, Flow, KEPT_FAILURES, LogLevel, LogLine, Plan, Progress,
    RecordIds, RunHead, RunState, RunView, Step, StepState, Verification,
};
use tokio::sync::broadcast;

use crate::run::Usage;

/// Milliseconds since 1970, UTC. Passed in, so that tests own the time.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Ids that are kept for each category; the counters count all.
const KEPT_IDS: usize = 1_000;

/// Events that a subscriber may fall behind before it has to take a fresh snapshot.
const EVENT_BUFFER: usize = 1_024;

/// The record of one run: its counters, its view, its events.
///
/// Every change goes through one lock, so that a subscriber who takes the view and the receiver together misses
/// nothing between them.
pub struct Recorder {
    clock: Clock,
    state: Mutex<State>,
    events: broadcast::Sender<Arc<Event>>,
}

struct State {
    view: RunView,
    counts: Counts,
    flow: Flow,
    ids: HashMap<Category, Vec<String>>,
    failures_sent: usize,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("run", &self.lock().view.head.id).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins the record of a run with its `Started` event.
    pub fn new(head: RunHead, clock: Clock) -> Arc<Self> {
        let (events, _) = broadcast::channel(EVENT_BUFFER);
        let state = State {
            view: RunView::new(head.clone()),
            counts: Counts::default(),
            flow: Flow::default(),
            ids: HashMap::new(),
            failures_sent: 0,
        };
        let recorder = Self { clock, state: Mutex::new(state), events };
        recorder.emit(EventBody::Started(Box::new(head)));
        Arc::new(recorder)
    }

    /// The run as it stands.
    pub fn view(&self) -> RunView {
        self.lock().view.clone()
    }

    /// The run as it stands, and everything that happens from then on.
    pub fn subscribe(&self) -> (RunView, broadcast::Receiver<Arc<Event>>) {
        let state = self.lock();
        (state.view.clone(), self.events.subscribe())
    }

    /// The ids behind a count: the first ones.
    pub fn records(&self, category: Category) -> RecordIds {
        let state = self.lock();
        let counts = &state.counts;
        let total = match category {
            Category::InSync => counts.in_sync,
            Category::Missing => counts.missing,
            Category::Changed => counts.changed,
            Category::NoText => counts.no_text,
            Category::Orphan => counts.orphans,
            Category::Kept => counts.kept,
            Category::OverLong => counts.over_long,
            Category::Failed => counts.failed,
        };
        RecordIds { ids: state.ids.get(&category).cloned().unwrap_or_default(), total }
    }

    /// The counters as they are now, which may be ahead of the last event.
    pub fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    /// Milliseconds since 1970, by the clock that was passed in.
    pub fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Moves counters. They are sent with the next [`Recorder::publish_progress`].
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock().counts);
    }

    /// Moves counters and keeps the id behind them.
    pub(crate) fn found(&self, category: Category, id: &str, change: impl FnOnce(&mut Counts)) {
        let mut state = self.lock();
        change(&mut state.counts);
        keep_id(&mut state.ids, category, id);
    }

    /// Changes what is known of the pipeline's stages.
    pub(crate) fn flow(&self, change: impl FnOnce(&mut Flow)) {
        change(&mut self.lock().flow);
    }

    /// Forgets what was classified, because a listing has to be read again. What was written stays counted.
    pub(crate) fn reset_classification(&self) {
        let mut state = self.lock();
        let old = std::mem::take(&mut state.counts);
        state.counts = Counts {
            migrated: old.migrated,
            updated: old.updated,
            embedded: old.embedded,
            folded: old.folded,
            reused: old.reused,
            tokens: old.tokens,
            ..Counts::default()
        };
        state.ids.clear();
    }

    /// Sends the counters, if anything moved since they were last sent.
    pub(crate) fn publish_progress(&self, usage: &Usage) {
        let mut state = self.lock();
        let progress = Progress {
            counts: state.counts.clone(),
            requests: usage.requests.clone(),
            pacing: usage.pacing.clone(),
            flow: state.flow,
        };
        if progress != state.view.progress {
            self.emit_locked(&mut state, EventBody::Progress(Box::new(progress)));
        }
        for note in &usage.notes {
            let at = self.now();
            let line = LogLine { at, level: note.level, message: note.message.clone() };
            self.emit_locked(&mut state, EventBody::Log(line));
        }
    }

    pub(crate) fn step(&self, step: Step, new: StepState, detail: impl Into<String>) {
        self.emit(EventBody::Step { step, state: new, detail: detail.into() });
    }

    pub(crate) fn log(&self, level: LogLevel, message: impl Into<String>) {
        let line = LogLine { at: self.now(), level, message: message.into() };
        self.emit(EventBody::Log(line));
    }

    /// Records that one record failed. The first ones are sent; all are counted.
    pub(crate) fn failed(&self, id: &str, step: Step, message: &str) {
        let mut state = self.lock();
        state.counts.failed += 1;
        match step {
            Step::Migrate => state.counts.failed_missing += 1,
            Step::Update => state.counts.failed_changed += 1,
            _ => state.counts.unreadable += 1,
        }
        keep_id(&mut state.ids, Category::Failed, id);
        if state.failures_sent < KEPT_FAILURES {
            state.failures_sent += 1;
            let at = self.now();
            let record = FailedRecord { id: id.to_owned(), step, message: message.to_owned(), at };
            self.emit_locked(&mut state, EventBody::Failed(record));
            let line = LogLine { at, level: LogLevel::Error, message: format!("{id}: {message}") };
            self.emit_locked(&mut state, EventBody::Log(line));
        }
    }

    pub(crate) fn plan(&self, plan: Plan) {
        self.emit(EventBody::Plan(Box::new(plan)));
    }

    pub(crate) fn verified(&self, verification: Verification) {
        self.emit(EventBody::Verified(verification));
    }

    pub(crate) fn cancelling(&self) {
        self.emit(EventBody::Cancelling);
    }

    pub(crate) fn finish(&self, state: RunState, error: Option<String>) {
        self.emit(EventBody::Finished { state, error });
    }

    fn emit(&self, body: EventBody) {
        self.emit_locked(&mut self.lock(), body);
    }

    fn emit_locked(&self, state: &mut State, body: EventBody) {
        let event =
            Event { run: state.view.head.id.clone(), seq: state.view.seq + 1, at: (self.clock)(), body };
        let applied = state.view.apply(&event);
        debug_assert!(applied, "a recorder numbers its own events, so none can be missing");
        // Nobody may be listening: the view keeps what a later subscriber needs.
        drop(self.events.send(Arc::new(event)));
    }

    /// A panic while the lock was held cannot leave half a change behind that would matter: all are additive.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep_id(ids: &mut HashMap<Category, Vec<String>>, category: Category, id: &str) {
    let kept = ids.entry(category).or_default();
    if kept.len() < KEPT_IDS {
        kept.push(id.to_owned());
    }
}
