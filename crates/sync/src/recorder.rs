//! Turns what happens in a run into numbered events, and keeps the view that they add up to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{
    Counts, DocumentVerification, EndpointUse, Event, EventBody, FailedRecord, Flow, KEPT_FAILURES, LogLevel,
    LogLine, NamespaceRun, Pause, Plan, Progress, RunHead, RunId, RunState, RunView, Step, StepState,
    Verification,
};
use tokio::sync::{broadcast, mpsc};

use crate::run::Usage;

/// Milliseconds since 1970, UTC. Passed in, so that tests own the time.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How far the numbering jumps when a run goes on. Counters that were sent in the last moment before a process died are
/// not in the store; no number may be used again for something else, or a browser would take an old view for a new one.
const SEQUENCE_JUMP: u64 = 100_000;

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
    /// What earlier processes used the services for; the probe knows only of this one.
    used_before: Vec<EndpointUse>,
    failures_sent: usize,
    forward: Option<mpsc::UnboundedSender<Arc<Event>>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("run", &self.lock().view.head.id).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins the record of a run with its `Started` event.
    pub fn new(head: RunHead, clock: Clock) -> Arc<Self> {
        let recorder = Self::of(RunView::new(head.clone()), clock);
        recorder.emit(EventBody::Started(Box::new(head)));
        Arc::new(recorder)
    }

    /// Goes on with the record of a run that stopped or was interrupted, with a `Resumed` event.
    pub fn restored(mut view: RunView, clock: Clock) -> Arc<Self> {
        view.seq += SEQUENCE_JUMP;
        for step in &mut view.steps {
            // They begin again, each where it was.
            step.state = StepState::Waiting;
            step.detail.clear();
        }
        view.progress.pacing.clear();
        view.progress.flow = Flow::default();
        let recorder = Self::of(view, clock);
        recorder.emit(EventBody::Resumed);
        Arc::new(recorder)
    }

    fn of(view: RunView, clock: Clock) -> Self {
        let (events, _) = broadcast::channel(EVENT_BUFFER);
        let state = State {
            counts: view.progress.counts.clone(),
            flow: Flow::default(),
            used_before: view.progress.requests.clone(),
            failures_sent: view.failures.len(),
            forward: None,
            view,
        };
        Self { clock, state: Mutex::new(state), events }
    }

    /// The run's name.
    pub fn id(&self) -> RunId {
        self.lock().view.head.id.clone()
    }

    /// Sends every event from now on to whoever keeps them too.
    pub(crate) fn forward(&self, to: mpsc::UnboundedSender<Arc<Event>>) {
        self.lock().forward = Some(to);
    }

    /// The run as it stands, without its log and its failures.
    pub(crate) fn outline(&self) -> RunView {
        let state = self.lock();
        let view = &state.view;
        RunView {
            head: view.head.clone(),
            seq: view.seq,
            state: view.state,
            error: view.error.clone(),
            pause: view.pause.clone(),
            finished_at: view.finished_at,
            updated_at: view.updated_at,
            steps: view.steps.clone(),
            progress: view.progress.clone(),
            rate: view.rate.clone(),
            plan: view.plan.clone(),
            failures: Vec::new(),
            log: Vec::new(),
            log_dropped: 0,
            verification: view.verification.clone(),
            documents: view.documents.clone(),
            namespaces: view.namespaces.clone(),
        }
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

    /// Adds to the counters. They are sent with the next [`Recorder::publish_progress`].
    pub(crate) fn add(&self, counts: &Counts) {
        self.lock().counts.add(counts);
    }

    /// Replaces the counters, and sends them at once.
    pub fn set_counts(&self, counts: Counts) {
        let mut state = self.lock();
        let progress = Progress { counts: counts.clone(), ..state.view.progress.clone() };
        state.counts = counts;
        if progress != state.view.progress {
            self.emit_locked(&mut state, EventBody::Progress(Box::new(progress)));
        }
    }

    /// Changes what is known of the pipeline's stages.
    pub(crate) fn flow(&self, change: impl FnOnce(&mut Flow)) {
        change(&mut self.lock().flow);
    }

    /// Forgets what was classified, because a listing has to be read again. What was written stays counted.
    pub(crate) fn reset_classification(&self) {
        let mut state = self.lock();
        state.counts = state.counts.written();
    }

    /// Sends the counters, if anything moved since they were last sent.
    pub(crate) fn publish_progress(&self, usage: &Usage) {
        let mut state = self.lock();
        let progress = Progress {
            counts: state.counts.clone(),
            requests: added_up(&state.used_before, &usage.requests),
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

    /// Tells how a step stands.
    pub fn step(&self, step: Step, new: StepState, detail: impl Into<String>) {
        self.emit(EventBody::Step { step, state: new, detail: detail.into() });
    }

    /// Tells more of a step that is at work.
    pub(crate) fn step_detail(&self, step: Step, detail: String) {
        let mut state = self.lock();
        let known = state.view.steps.iter().find(|view| view.step == step);
        if let Some(StepState::Running) = known.filter(|view| view.detail != detail).map(|view| view.state) {
            self.emit_locked(&mut state, EventBody::Step { step, state: StepState::Running, detail });
        }
    }

    /// Writes a line into the log.
    pub fn log(&self, level: LogLevel, message: impl Into<String>) {
        let line = LogLine { at: self.now(), level, message: message.into() };
        self.emit(EventBody::Log(line));
    }

    /// Tells of a failed record. The first ones are sent; the counters and the journal know all of them.
    pub(crate) fn failed(&self, record: &FailedRecord) {
        let mut state = self.lock();
        if state.failures_sent < KEPT_FAILURES {
            state.failures_sent += 1;
            let line = LogLine {
                at: record.at,
                level: LogLevel::Error,
                message: format!("{}: {}", record.id, record.message),
            };
            self.emit_locked(&mut state, EventBody::Failed(record.clone()));
            self.emit_locked(&mut state, EventBody::Log(line));
        }
    }

    /// Tells how one namespace of a run over several stands.
    pub fn namespace(&self, namespace: NamespaceRun) {
        self.emit(EventBody::Namespace(Box::new(namespace)));
    }

    pub(crate) fn plan(&self, plan: Plan) {
        self.emit(EventBody::Plan(Box::new(plan)));
    }

    pub(crate) fn documents_verified(&self, verification: DocumentVerification) {
        self.emit(EventBody::DocumentsVerified(verification));
    }

    pub(crate) fn verified(&self, verification: Verification) {
        self.emit(EventBody::Verified(verification));
    }

    /// Tells that the run was asked to stop at a checkpoint.
    pub fn pausing(&self) {
        self.emit(EventBody::Pausing);
    }

    /// Tells that the run was asked to stop for good.
    pub fn cancelling(&self) {
        self.emit(EventBody::Cancelling);
    }

    /// Tells how the run ended, or why it stopped.
    pub fn finish(&self, state: RunState, error: Option<String>, pause: Option<Pause>) {
        self.emit(EventBody::Finished { state, error, pause });
    }

    fn emit(&self, body: EventBody) {
        self.emit_locked(&mut self.lock(), body);
    }

    fn emit_locked(&self, state: &mut State, body: EventBody) {
        let event =
            Event { run: state.view.head.id.clone(), seq: state.view.seq + 1, at: (self.clock)(), body };
        let applied = state.view.apply(&event);
        debug_assert!(applied, "a recorder numbers its own events, so none can be missing");
        let event = Arc::new(event);
        if let Some(forward) = &state.forward {
            // The journal ends with the run; what is told after that is for those who listen.
            drop(forward.send(event.clone()));
        }
        // Nobody may be listening: the view keeps what a later subscriber needs.
        drop(self.events.send(event));
    }

    /// A panic while the lock was held cannot leave half a change behind that would matter: all are additive.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all processes of a run used the services for.
fn added_up(before: &[EndpointUse], now: &[EndpointUse]) -> Vec<EndpointUse> {
    let mut sums = before.to_vec();
    for used in now {
        match sums.iter_mut().find(|sum| sum.service == used.service && sum.endpoint == used.endpoint) {
            Some(sum) => {
                sum.requests += used.requests;
                sum.succeeded += used.succeeded;
                sum.retried += used.retried;
                sum.throttled += used.throttled;
                sum.bytes_sent += used.bytes_sent;
                sum.bytes_received += used.bytes_received;
            }
            None => sums.push(used.clone()),
        }
    }
    sums
}
