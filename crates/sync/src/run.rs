//! A run from its first event to its last.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use pinecone::Namespace;
use protocol::{
    Category, Counts, DocumentScope, DocumentUpdate, EndpointUse, LogLevel, Pacing, PageQuery, Pause,
    PauseReason, RunHead, RunId, RunKind, RunRequest, RunState, Step, StepState,
};
use store::{Found, LedgerKey, Pending, Store};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    diff::Position,
    documents::{SearchServices, Update},
    embedding::Texts,
    journal::{Checkpoint, Handed, Journal, restore},
    pipeline::{self, Origin, Pass, Start},
    plan::{Action, pages},
    ports::{Embed, ErrorClass, PortError, ReadIndex, WriteIndex},
    reading::{Again, Then, store_failed},
    recorder::Recorder,
    settings::Settings,
    stop::{Stop, StopReason},
    verify::verify,
    words::{documents, records},
};

/// Rows that are read from the store at once.
const STORE_PAGE: u32 = 5_000;

/// Counters are sent at most this often.
const TICK: Duration = Duration::from_millis(100);

/// What the services were used for and what they make us wait for, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// By service and endpoint, in a fixed order.
    pub requests: Vec<EndpointUse>,
    /// What is waited for.
    pub pacing: Vec<Pacing>,
    /// What is worth a log line since the last look.
    pub notes: Vec<UsageNote>,
}

/// Something that a client did on its own, such as trying again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageNote {
    /// How much it matters.
    pub level: LogLevel,
    /// For people.
    pub message: String,
}

/// Tells what the services of one run were used for.
pub type Probe = Arc<dyn Fn() -> Usage + Send + Sync>;

/// The services of one run.
#[derive(Clone)]
pub struct Services<S, T, E> {
    /// The old index.
    pub source: S,
    /// The new index.
    pub target: T,
    /// The embedding service; an analysis and a dry run do without.
    pub embedder: Option<E>,
    /// The search index, for a run that ends with an update of its documents.
    pub search: Option<SearchServices>,
    /// What they are used for.
    pub probe: Probe,
}

impl<S, T, E> std::fmt::Debug for Services<S, T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// What makes a run durable.
#[derive(Clone)]
pub struct Durable {
    /// Where it is kept.
    pub store: Arc<dyn Store>,
    /// Whose vectors it writes, in the ledger.
    pub ledger: LedgerKey,
}

impl std::fmt::Debug for Durable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Durable").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

/// The steps of a run, in order.
pub fn steps(request: &RunRequest) -> Vec<Step> {
    let mut documents = vec![Step::Precheck, Step::Documents];
    if request.is_live() {
        documents.push(Step::VerifyDocuments);
    }
    let mut steps = Vec::new();
    match request.kind {
        RunKind::Levels => return vec![Step::Levels],
        RunKind::Documents => return documents,
        RunKind::Analyze | RunKind::Mirror | RunKind::Reembed => {}
    }
    if request.plan.is_none() && request.retry.is_none() {
        steps.push(Step::List);
    }
    steps.push(Step::Compare);
    if request.is_live() {
        steps.push(Step::Migrate);
        if request.kind == RunKind::Mirror {
            steps.push(Step::Update);
        }
        steps.push(Step::Verify);
    }
    if request.documents.is_some() {
        steps.append(&mut documents);
    }
    steps
}

/// What does not change in a run that begins now.
pub fn head(
    id: RunId,
    request: RunRequest,
    indexes: (&str, &str),
    origin: &Origin,
    settings: &Settings,
    now: u64,
) -> RunHead {
    RunHead {
        id,
        steps: steps(&request),
        request,
        origin: match origin {
            Origin::Listing => None,
            Origin::Plan(run) | Origin::Failures(run) => Some(run.clone()),
        },
        source: indexes.0.to_owned(),
        target: indexes.1.to_owned(),
        texts_per_minute: settings.texts_per_minute,
        writing: Some(settings.writing()),
        started_at: now,
    }
}

/// The origin that a run's head tells of.
pub fn origin(head: &RunHead) -> Origin {
    match (&head.origin, &head.request.retry) {
        (Some(_), Some(run)) => Origin::Failures(run.clone()),
        (Some(run), None) => Origin::Plan(run.clone()),
        (None, _) => Origin::Listing,
    }
}

/// Does a run, or goes on with one that has a checkpoint in the store. Everything that happens is in the recorder and in
/// the store; the last event says how it ended. The store must have been told of the run.
///
/// `stop` asks it to end: nothing new begins, what is in flight has [`Settings::stop_grace`] (or
/// [`Settings::pause_grace`]) to be acknowledged, and what was acknowledged is in the target and in the store.
/// A run that comes to its end meanwhile is done.
pub async fn execute<S, T, E>(
    services: &Services<S, T, E>,
    settings: &Settings,
    request: &RunRequest,
    recorder: &Arc<Recorder>,
    durable: &Durable,
    stop: &Stop,
) -> RunState
where
    S: ReadIndex,
    T: WriteIndex,
    E: Embed,
{
    let settings = settings.clone().with_batch_size(request.batch_size);
    let driven =
        Driven { recorder, store: &durable.store, settings: &settings, stop, probe: &services.probe };
    let settings = &settings;
    let origin = origin(&recorder.view().head);
    drive(driven, |journal, checkpoint, halt| async move {
        Frame { services, settings, request, origin, recorder, durable, journal, halt }.work(checkpoint).await
    })
    .await
}

/// What every kind of run has.
pub(crate) struct Driven<'a> {
    pub recorder: &'a Arc<Recorder>,
    pub store: &'a Arc<dyn Store>,
    pub settings: &'a Settings,
    pub stop: &'a Stop,
    pub probe: &'a Probe,
}

/// Drives the work of a run from its checkpoint to its last event: keeps its journal, sends its counters, and ends it when
/// it is asked to stop. The token is cancelled when nothing new may begin.
pub(crate) async fn drive<W: Future<Output = Outcome>>(
    driven: Driven<'_>,
    work: impl FnOnce(Journal, Option<Checkpoint>, CancellationToken) -> W,
) -> RunState {
    let Driven { recorder, store, settings, stop, probe } = driven;
    let halt = stop.token().child_token();
    let first = recorder.view().steps.first().map_or(Step::Compare, |view| view.step);
    let checkpoint = match restore(&**store, &recorder.id()).await {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            // Without its checkpoint the run would do again what was done, so it stays as it is.
            let (state, error, pause) =
                conclude(recorder, Outcome::Failed(first, store_failed(&error)), stop);
            recorder.finish(state, error, pause);
            return state;
        }
    };
    // Without a checkpoint it begins anew, and so do the counters that were shown.
    recorder.set_counts(checkpoint.as_ref().map(|checkpoint| checkpoint.counts.clone()).unwrap_or_default());
    let (journal, keeper) = Journal::begin(
        store.clone(),
        recorder.clone(),
        settings.clone(),
        checkpoint.clone().unwrap_or_default(),
        halt.clone(),
    );
    let stopped = async {
        stop.wait().await;
        if stop.asked() != Some(StopReason::Cancel) {
            recorder.pausing();
            tokio::select! {
                biased;
                () = stop.wait_for_cancel() => {}
                () = sleep(settings.pause_grace) => return,
            }
        }
        recorder.cancelling();
        sleep(settings.stop_grace).await;
    };
    let outcome = tokio::select! {
        biased;
        // A bug of ours must not leave a run that seems to go on for ever.
        outcome = AssertUnwindSafe(work(journal.clone(), checkpoint, halt)).catch_unwind() => {
            outcome.unwrap_or_else(|_| {
                let message = "tain itself failed: please report it with what it wrote to stderr";
                Outcome::Failed(first, PortError::failed(message))
            })
        }
        () = stopped => Outcome::Stopped,
        never = tick(probe, recorder) => match never {},
    };
    journal.flush().await;
    recorder.publish_progress(&probe());
    // What was read and not settled is read again when the run goes on, so it does not count until then.
    let settled = journal.counts().await;
    let outcome = match journal.broken() {
        Some(message) => Outcome::Failed(first, PortError::failed(message)),
        None => outcome,
    };
    let (state, error, pause) = conclude(recorder, outcome, stop);
    if state.is_resumable()
        && let Some(settled) = settled
    {
        recorder.set_counts(settled);
    }
    recorder.finish(state, error, pause);
    drop(journal);
    // The last commit holds the end; if it fails, the store shows the run as interrupted, and it can go on.
    drop(keeper.await);
    state
}

/// Sends the counters as they move, for as long as it is polled.
async fn tick(probe: &Probe, recorder: &Recorder) -> std::convert::Infallible {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        recorder.publish_progress(&probe());
    }
}

/// How the work of a run ended.
pub(crate) enum Outcome {
    /// All of it is done, whatever was asked of the run meanwhile.
    Ended,
    /// It was asked to stop, and something is left.
    Stopped,
    /// This step could not go on.
    Failed(Step, PortError),
}

/// Everything that the passes of one run share.
struct Frame<'a, S, T, E> {
    services: &'a Services<S, T, E>,
    settings: &'a Settings,
    request: &'a RunRequest,
    origin: Origin,
    recorder: &'a Arc<Recorder>,
    durable: &'a Durable,
    journal: Journal,
    /// Cancelled when the run is asked to stop, or when the journal cannot be kept.
    halt: CancellationToken,
}

impl<S: ReadIndex, T: WriteIndex, E: Embed> Frame<'_, S, T, E> {
    async fn work(&self, checkpoint: Option<Checkpoint>) -> Outcome {
        let namespace = match Namespace::parse(&self.request.namespace) {
            Ok(namespace) => namespace,
            Err(error) => return Outcome::Failed(Step::List, PortError::failed(error.to_string())),
        };
        let mut texts = Texts::default();
        let mut listed_again = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.listed_again);
        let begun = match checkpoint {
            Some(checkpoint) => self.go_on(checkpoint, &mut texts).await,
            None => self.begin(&namespace).await,
        };
        let mut start = match begun {
            Ok(start) => start,
            Err(error) => return Outcome::Failed(Step::Compare, error),
        };
        loop {
            let context = self.context(namespace.clone());
            let begun = start.position.clone();
            let pass = match (&self.services.embedder, self.request.is_live()) {
                (_, false) => pipeline::analyze(&context, start).await,
                (Some(embedder), true) => {
                    for step in self.recorder.view().head.steps {
                        if matches!(step, Step::Migrate | Step::Update) {
                            self.recorder.step(step, StepState::Running, "");
                        }
                    }
                    pipeline::mirror(&context, embedder.clone(), &mut texts, start).await
                }
                (None, true) => {
                    let message = "this run needs the embedding service: set GOOGLE_AI_API_KEY";
                    return Outcome::Failed(Step::Migrate, PortError::failed(message));
                }
            };
            let failure = context.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((step, error)) = failure {
                return Outcome::Failed(step, error);
            }
            let position = match pass {
                Pass::Ended if context.unfinished.load(Ordering::Relaxed) => return Outcome::Stopped,
                Pass::Ended => return self.end(&context, listed_again).await,
                Pass::OutOfOrder(_) if self.halt.is_cancelled() => return Outcome::Stopped,
                Pass::OutOfOrder(side) => begun.sorted_here(side),
            };
            let Some(position) = position else {
                let message = "a listing that was sorted here is not in order";
                return Outcome::Failed(Step::List, PortError::failed(message));
            };
            listed_again = self.recorder.counts().migrated;
            self.recorder.reset_classification();
            self.journal.reset(position.clone()).await;
            start = Start { pending: Vec::new(), position, origin: Origin::Listing };
        }
    }

    fn context(&self, namespace: Namespace) -> Arc<Context<S, T>> {
        Arc::new(Context {
            source: self.services.source.clone(),
            target: self.services.target.clone(),
            namespace,
            settings: self.settings.clone(),
            reuse: self.request.reuse,
            overwrite: self.request.overwrite_added,
            compares: self.request.kind != RunKind::Reembed,
            recorder: self.recorder.clone(),
            journal: self.journal.clone(),
            store: self.durable.store.clone(),
            ledger: self.durable.ledger.clone(),
            plans: !self.request.is_live(),
            retries: self.request.is_live() && matches!(self.origin, Origin::Failures(_)),
            written: AtomicU64::new(0),
            wind_down: self.halt.child_token(),
            unfinished: AtomicBool::new(false),
            failure: Mutex::new(None),
        })
    }

    /// Where a new run begins.
    async fn begin(&self, namespace: &Namespace) -> Result<Start, PortError> {
        let origin = self.origin.clone();
        let mut counts = Counts::default();
        let position = match &origin {
            Origin::Listing => Position::default(),
            Origin::Plan(run) => {
                // What the analysis listed stands for what this run does not list again.
                let view = self.durable.store.view(run).await.map_err(|error| store_failed(&error))?;
                let Some(plan) = view.and_then(|view| view.plan) else {
                    return Err(PortError::failed(format!("the plan of run {run} is gone; analyze again")));
                };
                counts.source_listed = plan.source;
                counts.target_listed = plan.target;
                counts.only_source = plan.missing;
                counts.in_both = plan.in_sync + plan.changed + plan.no_text;
                counts.orphans = plan.orphans;
                counts.in_sync = plan.in_sync;
                counts.no_text = plan.no_text;
                if self.request.kind == RunKind::Reembed {
                    counts.in_sync += plan.changed;
                }
                counts.listed = true;
                let found = format!(
                    "executes plan {} of run {run}: {} to migrate, {} to update; every record is checked again",
                    plan.hash,
                    format::count(plan.missing),
                    format::count(plan.changed)
                );
                self.recorder.log(LogLevel::Info, found);
                Position::entries_of(Category::Missing)
            }
            Origin::Failures(run) => {
                let view = self.durable.store.view(run).await.map_err(|error| store_failed(&error))?;
                let Some(view) = view else {
                    return Err(PortError::failed(format!(
                        "run {run} and its failures are gone; analyze again"
                    )));
                };
                // Documents have a step of their own, which finds them by itself.
                let failed = &view.progress.counts;
                counts.in_both = failed.failed.saturating_sub(failed.documents.failed);
                counts.target_listed = self.services.target.count(namespace).await?;
                counts.listed = true;
                let again = format!("tries {} of run {run} again", records(counts.in_both));
                self.recorder.log(LogLevel::Info, again);
                Position::entries_of(Category::Changed)
            }
        };
        self.recorder.add(&counts);
        let handed = Handed { counts, position: position.clone(), ..Default::default() };
        self.journal.handed(handed).await;
        Ok(Start { pending: Vec::new(), position, origin })
    }

    /// Where a run goes on.
    async fn go_on(&self, checkpoint: Checkpoint, texts: &mut Texts) -> Result<Start, PortError> {
        let (store, origin) = (&self.durable.store, &self.origin);
        let run = self.recorder.id();
        if self.request.is_live() {
            let mut after: Option<String> = None;
            loop {
                let page = store
                    .paid(&run, after.as_deref(), STORE_PAGE)
                    .await
                    .map_err(|error| store_failed(&error))?;
                let Some(last) = page.last() else { break };
                after = Some(last.id.clone());
                // A vector that was made in another way is not that of an equal text.
                let same = page.iter().filter(|entry| entry.vector.made_by == self.settings.made_by);
                for entry in same {
                    texts.written(entry.vector.text, &entry.id, entry.vector.values);
                }
            }
        }
        let mut pending: Vec<Pending> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = store
                .pending(&run, after.as_deref(), STORE_PAGE)
                .await
                .map_err(|error| store_failed(&error))?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            pending.extend(page);
        }
        let attempts = match origin {
            Origin::Failures(run) => self.attempts_before(run, &pending).await?,
            Origin::Listing | Origin::Plan(_) => HashMap::new(),
        };
        let pending: Vec<Again> = pending
            .into_iter()
            .map(|Pending { id, found }| {
                let action = match found {
                    Found::Missing => Action::Migrate,
                    Found::Both => Action::Update,
                };
                let planned = matches!(origin, Origin::Plan(_)).then_some((action, None));
                let attempts = attempts.get(&id).map_or(1, |before| before + 1);
                let then = match (origin, found) {
                    // Nobody listed the failures of a run: the target was counted as a whole.
                    (Origin::Failures(_), Found::Both) => Then::Unknown,
                    _ => found.into(),
                };
                Again { id, planned, then, attempts }
            })
            .collect();
        self.recorder.log(
            LogLevel::Info,
            format!(
                "goes on from its checkpoint; {} were in flight and are read again",
                records(pending.len() as u64)
            ),
        );
        Ok(Start { pending, position: checkpoint.position, origin: origin.clone() })
    }

    /// How many runs had tried these records by the time at which they failed in this one.
    async fn attempts_before(
        &self,
        run: &RunId,
        pending: &[Pending],
    ) -> Result<HashMap<String, u32>, PortError> {
        let ids: HashSet<&str> = pending.iter().map(|pending| pending.id.as_str()).collect();
        let mut attempts = HashMap::new();
        let mut after = None;
        while attempts.len() < ids.len() {
            let query = PageQuery { after, limit: STORE_PAGE, ..PageQuery::default() };
            let page =
                self.durable.store.failures(run, &query).await.map_err(|error| store_failed(&error))?;
            let Some(last) = page.failures.last() else { break };
            after = Some(last.id.clone());
            let known = page.failures.into_iter().filter(|failure| ids.contains(failure.id.as_str()));
            attempts.extend(known.map(|failure| (failure.id, failure.attempts)));
        }
        Ok(attempts)
    }

    /// What is left when everything was read and written.
    async fn end(&self, context: &Arc<Context<S, T>>, listed_again: u64) -> Outcome {
        let recorder = self.recorder;
        let counts = recorder.counts();
        if counts.moved + counts.gone > 0 && self.request.plan.is_some() {
            recorder.log(
                LogLevel::Warn,
                format!(
                    "the indexes have moved since the plan was made: {} are not as planned, {} are no longer in the \
                     source; what came into the source since then is not in the plan: analyze again to find it",
                    records(counts.moved),
                    records(counts.gone)
                ),
            );
        }
        if !self.request.is_live() {
            if recorder.view().plan.is_some() {
                // It stopped behind its plan, and found nothing since.
                return self.documents().await;
            }
            let pages = match self.origin {
                Origin::Listing => pages(counts.source_listed) + pages(counts.target_listed),
                Origin::Plan(_) | Origin::Failures(_) => 0,
            };
            let Some(plan) = self.journal.plan().await else {
                let message = "what the analysis found could not be kept; run it again";
                return Outcome::Failed(Step::Compare, PortError::failed(message));
            };
            recorder.plan(plan.build(&counts, self.settings, pages));
            return self.documents().await;
        }
        recorder.step(Step::Migrate, StepState::Done, format!("{} migrated", format::count(counts.migrated)));
        if self.request.kind == RunKind::Mirror {
            recorder.step(
                Step::Update,
                StepState::Done,
                format!("{} updated", format::count(counts.updated)),
            );
        }
        recorder.step(Step::Verify, StepState::Running, "");
        let verification = verify(context, listed_again).await;
        recorder.step(Step::Verify, StepState::Done, verification.summary.clone());
        recorder.log(LogLevel::Info, verification.summary.clone());
        recorder.verified(verification);
        self.documents().await
    }

    /// The last steps: the documents of the same namespace, if that was asked for.
    async fn documents(&self) -> Outcome {
        let Some(update) = &self.request.documents else { return Outcome::Ended };
        let Some(search) = &self.services.search else {
            let message = "this run needs the search index: set ELASTICSEARCH_ENDPOINT";
            return Outcome::Failed(Step::Precheck, PortError::failed(message));
        };
        // In its one spelling, that of the default namespace included.
        let namespace = match Namespace::parse(&self.request.namespace) {
            Ok(namespace) => namespace.to_string(),
            Err(error) => return Outcome::Failed(Step::Precheck, PortError::failed(error.to_string())),
        };
        let update = DocumentUpdate { scope: DocumentScope::Namespaces(vec![namespace]), ..update.clone() };
        let (journal, halt) = (self.journal.clone(), self.halt.clone());
        let Self { settings, request, recorder, .. } = self;
        let store = &*self.durable.store;
        Update { search, settings, request, recorder, store, journal, halt }.work(&update).await
    }
}

/// Closes the steps that are still open, and says how the run ended.
fn conclude(recorder: &Recorder, outcome: Outcome, stop: &Stop) -> (RunState, Option<String>, Option<Pause>) {
    let counts = recorder.counts();
    let done = written(&recorder.view().head.request, &counts);
    let paused = |reason: PauseReason, message: String, until: Option<u64>| {
        close(recorder, StepState::Paused);
        recorder.log(LogLevel::Info, format!("paused: {message}; until then {done}"));
        (RunState::Paused, None, Some(Pause { reason, message, until }))
    };
    match (outcome, stop.asked()) {
        (Outcome::Failed(_, error), _) if error.class == ErrorClass::QuotaExhausted => {
            paused(PauseReason::Quota, error.message, error.until)
        }
        (Outcome::Failed(step, error), _) => {
            let failed = recorder.view().steps.into_iter().find(|view| view.step == step);
            // A run without that step (an analysis cannot fail to migrate) shows it in the step that was at work.
            let step = failed.map_or_else(|| at_work(recorder), |view| view.step);
            recorder.step(step, StepState::Failed, error.message.clone());
            close(recorder, StepState::Cancelled);
            recorder.log(LogLevel::Error, format!("stopped: {}; until then {done}", error.message));
            (RunState::Failed, Some(error.message), None)
        }
        (Outcome::Stopped, Some(StopReason::Cancel)) => {
            close(recorder, StepState::Cancelled);
            recorder.log(LogLevel::Info, format!("cancelled; until then {done}"));
            (RunState::Cancelled, None, None)
        }
        (Outcome::Stopped, Some(StopReason::Pause)) => {
            paused(PauseReason::Requested, "on request".to_owned(), None)
        }
        // Nothing else stops a run but a journal that broke, and that is a failure.
        (Outcome::Stopped, Some(StopReason::Shutdown) | None) => {
            paused(PauseReason::Shutdown, "tain was stopped; the run can go on".to_owned(), None)
        }
        (Outcome::Ended, _) if counts.failed > 0 => {
            recorder.log(LogLevel::Warn, format!("{} failed; all others are done", records(counts.failed)));
            (RunState::DoneWithFailures, None, None)
        }
        (Outcome::Ended, _) => {
            if recorder.view().head.request.is_live() {
                recorder.log(LogLevel::Info, format!("done: {done}"));
            }
            (RunState::Done, None, None)
        }
    }
}

/// What was written, in words.
fn written(request: &RunRequest, counts: &Counts) -> String {
    let mut words = Vec::new();
    if request.kind != RunKind::Documents {
        words.push(format!(
            "{} migrated, {} updated",
            format::count(counts.migrated),
            format::count(counts.updated)
        ));
    }
    if request.documents.is_some() {
        words.push(format!("{} updated", documents(counts.documents.updated)));
    }
    words.join(", ")
}

/// The step that is at work, or the first one.
fn at_work(recorder: &Recorder) -> Step {
    let steps = recorder.view().steps;
    let running = steps.iter().find(|view| view.state == StepState::Running);
    running.or(steps.first()).map_or(Step::Compare, |view| view.step)
}

fn close(recorder: &Recorder, state: StepState) {
    for view in recorder.view().steps {
        if view.state == StepState::Running {
            recorder.step(view.step, state, view.detail);
        }
    }
}
