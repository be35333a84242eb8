//! A run from its first event to its last.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use pinecone::Namespace;
use protocol::{
    EndpointUse, LogLevel, Pacing, RunHead, RunId, RunKind, RunRequest, RunState, Step, StepState,
};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    diff::{Order, Side},
    embedding::Texts,
    pipeline::{self, Orders, Pass},
    plan::{PlanBuilder, pages},
    ports::{Embed, PortError, ReadIndex, WriteIndex},
    recorder::Recorder,
    settings::Settings,
    verify::verify,
    words::{grouped, records},
};

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
    /// What they are used for.
    pub probe: Probe,
}

impl<S, T, E> std::fmt::Debug for Services<S, T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// The steps of a run, in order.
pub fn steps(request: &RunRequest) -> Vec<Step> {
    let mut steps = vec![Step::List, Step::Compare];
    if writes(request) {
        steps.push(Step::Migrate);
        if request.kind == RunKind::Mirror {
            steps.push(Step::Update);
        }
        steps.push(Step::Verify);
    }
    steps
}

/// What does not change in a run that begins now.
pub fn head(id: RunId, request: RunRequest, indexes: (&str, &str), settings: &Settings, now: u64) -> RunHead {
    RunHead {
        id,
        steps: steps(&request),
        request,
        source: indexes.0.to_owned(),
        target: indexes.1.to_owned(),
        texts_per_minute: settings.texts_per_minute,
        started_at: now,
    }
}

/// Whether a run pays and writes (law 4).
fn writes(request: &RunRequest) -> bool {
    request.kind != RunKind::Analyze && !request.dry_run
}

/// Does a run. Everything that happens is in the recorder; the last event says how it ended.
///
/// `stop` asks it to end: nothing new begins, what is in flight has [`Settings::stop_grace`] to be acknowledged, and
/// what was acknowledged is in the target.
pub async fn execute<S, T, E>(
    services: &Services<S, T, E>,
    settings: &Settings,
    request: &RunRequest,
    recorder: &Arc<Recorder>,
    stop: CancellationToken,
) -> RunState
where
    S: ReadIndex,
    T: WriteIndex,
    E: Embed,
{
    let settings = settings.clone().with_batch_size(request.batch_size);
    let stopped = async {
        stop.cancelled().await;
        recorder.cancelling();
        sleep(settings.stop_grace).await;
    };
    let failure = tokio::select! {
        biased;
        // A bug of ours must not leave a run that seems to go on for ever.
        failure = AssertUnwindSafe(work(services, &settings, request, recorder, &stop)).catch_unwind() => {
            failure.unwrap_or_else(|_| {
                let message = "tain itself failed: please report it with what it wrote to stderr";
                Some((Step::Compare, PortError::failed(message)))
            })
        }
        () = stopped => None,
        never = tick(services, recorder) => match never {},
    };
    recorder.publish_progress(&(services.probe)());
    let (state, error) = conclude(recorder, failure, stop.is_cancelled());
    recorder.finish(state, error);
    state
}

/// Sends the counters as they move, for as long as it is polled.
async fn tick<S, T, E>(services: &Services<S, T, E>, recorder: &Recorder) -> std::convert::Infallible {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        recorder.publish_progress(&(services.probe)());
    }
}

async fn work<S, T, E>(
    services: &Services<S, T, E>,
    settings: &Settings,
    request: &RunRequest,
    recorder: &Arc<Recorder>,
    stop: &CancellationToken,
) -> Option<(Step, PortError)>
where
    S: ReadIndex,
    T: WriteIndex,
    E: Embed,
{
    let namespace = match Namespace::parse(&request.namespace) {
        Ok(namespace) => namespace,
        Err(error) => return Some((Step::List, PortError::failed(error.to_string()))),
    };
    let mut orders = Orders::default();
    let mut texts = Texts::default();
    loop {
        let context = Arc::new(Context {
            source: services.source.clone(),
            target: services.target.clone(),
            namespace: namespace.clone(),
            settings: settings.clone(),
            reuse: request.reuse,
            overwrite: request.overwrite_added,
            compares: request.kind != RunKind::Reembed,
            recorder: recorder.clone(),
            plan: Mutex::new(PlanBuilder::default()),
            wind_down: stop.child_token(),
            failure: Mutex::new(None),
        });
        let pass = match (&services.embedder, writes(request)) {
            (_, false) => pipeline::analyze(&context, orders).await,
            (Some(embedder), true) => {
                for step in recorder.view().head.steps {
                    if matches!(step, Step::Migrate | Step::Update) {
                        recorder.step(step, StepState::Running, "");
                    }
                }
                pipeline::mirror(&context, embedder.clone(), &mut texts, orders).await
            }
            (None, true) => {
                let message = "this run needs the embedding service: set GOOGLE_AI_API_KEY";
                return Some((Step::Migrate, PortError::failed(message)));
            }
        };
        let failure = context.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if failure.is_some() || stop.is_cancelled() {
            return failure;
        }
        match pass {
            Pass::OutOfOrder(Side::Source) if orders.source == Order::Promised => {
                orders.source = Order::SortedHere;
            }
            Pass::OutOfOrder(Side::Target) if orders.target == Order::Promised => {
                orders.target = Order::SortedHere;
            }
            Pass::OutOfOrder(_) => {
                return Some((
                    Step::List,
                    PortError::failed("a listing that was sorted here is not in order"),
                ));
            }
            Pass::Ended => return end(&context, request).await,
        }
        recorder.reset_classification();
    }
}

/// What is left when everything was read and written.
async fn end<S: ReadIndex, T: ReadIndex>(
    context: &Arc<Context<S, T>>,
    request: &RunRequest,
) -> Option<(Step, PortError)> {
    let recorder = &context.recorder;
    let counts = recorder.counts();
    let pages = pages(counts.source_listed) + pages(counts.target_listed);
    let plan = context.plan(std::mem::take).build(&counts, &context.settings, pages);
    if let Some(planned) = &request.plan
        && *planned != plan.hash
    {
        recorder.log(
            LogLevel::Warn,
            format!(
                "the indexes have moved since plan {planned}: this run found {} to migrate and {} to update (plan {})",
                grouped(plan.missing),
                grouped(plan.changed),
                plan.hash
            ),
        );
    }
    recorder.plan(plan);
    if !writes(request) {
        return None;
    }
    recorder.step(Step::Migrate, StepState::Done, format!("{} migrated", grouped(counts.migrated)));
    if request.kind == RunKind::Mirror {
        recorder.step(Step::Update, StepState::Done, format!("{} updated", grouped(counts.updated)));
    }
    recorder.step(Step::Verify, StepState::Running, "");
    let verification = verify(context).await;
    recorder.step(Step::Verify, StepState::Done, verification.summary.clone());
    recorder.log(LogLevel::Info, verification.summary.clone());
    recorder.verified(verification);
    None
}

/// Closes the steps that are still open, and says how the run ended.
fn conclude(
    recorder: &Recorder,
    failure: Option<(Step, PortError)>,
    cancelled: bool,
) -> (RunState, Option<String>) {
    let counts = recorder.counts();
    let done = format!("{} migrated, {} updated", grouped(counts.migrated), grouped(counts.updated));
    match failure {
        Some((step, error)) => {
            let failed = recorder.view().steps.into_iter().find(|view| view.step == step);
            // A run without that step (an analysis cannot fail to migrate) shows it in the step that was at work.
            let step = failed.map_or(Step::Compare, |view| view.step);
            recorder.step(step, StepState::Failed, error.message.clone());
            close(recorder, StepState::Cancelled);
            recorder.log(LogLevel::Error, format!("stopped: {}; until then {done}", error.message));
            (RunState::Failed, Some(error.message))
        }
        None if cancelled => {
            close(recorder, StepState::Cancelled);
            recorder.log(LogLevel::Info, format!("cancelled; until then {done}; run again to go on"));
            (RunState::Cancelled, None)
        }
        None if counts.failed > 0 => {
            recorder.log(LogLevel::Warn, format!("{} failed; all others are done", records(counts.failed)));
            (RunState::DoneWithFailures, None)
        }
        None => {
            if writes(&recorder.view().head.request) {
                recorder.log(LogLevel::Info, format!("done: {done}"));
            }
            (RunState::Done, None)
        }
    }
}

fn close(recorder: &Recorder, state: StepState) {
    for view in recorder.view().steps {
        if view.state == StepState::Running {
            recorder.step(view.step, state, view.detail);
        }
    }
}
