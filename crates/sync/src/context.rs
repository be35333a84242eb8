//! What every stage of a run shares.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use pinecone::Namespace;
use protocol::{Flow, Reuse, Stage, Step};
use store::{LedgerKey, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{journal::Journal, ports::PortError, recorder::Recorder, settings::Settings};

/// What every stage of a run shares.
pub(crate) struct Context<S, T> {
    pub source: S,
    pub target: T,
    pub namespace: Namespace,
    pub settings: Settings,
    pub reuse: Reuse,
    pub overwrite: bool,
    /// Whether records in both are compared; a re-embedding only writes the missing ones.
    pub compares: bool,
    pub recorder: Arc<Recorder>,
    pub journal: Journal,
    pub store: Arc<dyn Store>,
    /// Whose vectors these are, in the ledger.
    pub ledger: LedgerKey,
    /// Whether the run makes a plan of what it finds, and writes nothing.
    pub plans: bool,
    /// Whether the run writes what failed in another one: only reading tells whether the target has it.
    pub retries: bool,
    /// The number of the newest write to the target that was acknowledged.
    pub written: AtomicU64,
    /// Cancelled when nothing new may begin: on request, or because a service failed.
    pub wind_down: CancellationToken,
    /// Whether a stage left something undone because the run winds down. It is pending still.
    pub unfinished: AtomicBool,
    pub failure: Mutex<Option<(Step, PortError)>>,
}

/// One of the stages whose work is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FlowStage {
    Fetch,
    Embed,
    Upsert,
}

impl FlowStage {
    fn of(self, flow: &mut Flow) -> &mut Stage {
        match self {
            Self::Fetch => &mut flow.fetch,
            Self::Embed => &mut flow.embed,
            Self::Upsert => &mut flow.upsert,
        }
    }
}

impl<S, T> Context<S, T> {
    /// Remembers the first failure, and lets the others finish what they hold.
    pub fn fail(&self, step: Step, error: PortError) {
        self.remember(step, error);
        self.wind_down.cancel();
    }

    /// Remembers the first failure without stopping anyone: what was found before it may be done.
    pub fn remember(&self, step: Step, error: PortError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((step, error));
    }

    /// Tells that something was left undone because the run winds down.
    pub fn leave(&self) {
        self.unfinished.store(true, Ordering::Relaxed);
    }

    /// Counts a request while it is under way, and how long it took.
    pub async fn timed<R>(&self, stage: FlowStage, request: impl Future<Output = R>) -> R {
        let _shown = InFlight::enter(&self.recorder, stage);
        let begun = Instant::now();
        let answer = request.await;
        let took = millis(begun.elapsed());
        self.recorder.flow(|flow| {
            let stage = stage.of(flow);
            // A moving mean over about the last eight requests.
            stage.millis = if stage.millis == 0 { took } else { (stage.millis * 7 + took) / 8 };
        });
        answer
    }

    /// Says how many records wait before a stage.
    pub fn waiting(&self, stage: FlowStage, records: usize) {
        self.recorder.flow(|flow| stage.of(flow).waiting = records as u64);
    }
}

/// A request that is shown as under way until it ends or is dropped.
struct InFlight<'a> {
    recorder: &'a Recorder,
    stage: FlowStage,
}

impl<'a> InFlight<'a> {
    fn enter(recorder: &'a Recorder, stage: FlowStage) -> Self {
        recorder.flow(|flow| stage.of(flow).in_flight += 1);
        Self { recorder, stage }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.recorder.flow(|flow| {
            let stage = self.stage.of(flow);
            stage.in_flight = stage.in_flight.saturating_sub(1);
        });
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
