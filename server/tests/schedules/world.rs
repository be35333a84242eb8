//! Paused time, a book in memory, and runs that only seem to be.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use protocol::{
    Pause, RunHead, RunId, RunKind, RunRequest, RunState, RunSummary, RunView, Schedule, ScheduleId,
    ScheduleSpec, Timing,
};
use server::schedules::{Book, Refusal, Runner, Schedules};
use store::{ScheduleChange, StoreError};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

/// 2026-11-21 06:00:00 UTC.
pub const START: u64 = 1_795_240_800_000;
pub const MINUTE: u64 = 60_000;

/// A book in memory, shared by all who are given a clone.
#[derive(Clone, Default)]
pub struct Memory {
    pub rows: Arc<Mutex<Vec<Schedule>>>,
    pub broken: Arc<AtomicBool>,
    pub meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

/// What another process does to the rows in the moment before the next change of a schedule.
pub type Meanwhile = Box<dyn FnOnce(&mut Vec<Schedule>) + Send>;

impl Memory {
    fn answer<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Vec<Schedule>) -> T,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let answer = if self.broken.load(Ordering::SeqCst) {
            Err(StoreError::Io { path: "memory".to_owned(), what: "read", reason: "it is broken".to_owned() })
        } else {
            Ok(act(&mut self.rows.lock().unwrap()))
        };
        // As a database would: others get their turn before the answer is there.
        async {
            tokio::task::yield_now().await;
            answer
        }
        .boxed()
    }

    pub fn only(&self) -> Schedule {
        let rows = self.rows.lock().unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].clone()
    }
}

impl Book for Memory {
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, StoreError>> {
        self.answer(|rows| rows.clone())
    }

    fn keep<'a>(&'a self, schedule: &'a Schedule) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(|rows| match rows.iter_mut().find(|row| row.id == schedule.id) {
            Some(row) => row.clone_from(schedule),
            None => rows.push(schedule.clone()),
        })
    }

    fn change<'a>(
        &'a self,
        id: &'a ScheduleId,
        change: ScheduleChange<'a>,
    ) -> BoxFuture<'a, Result<Option<Schedule>, StoreError>> {
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile(&mut self.rows.lock().unwrap());
        }
        self.answer(|rows| {
            let row = rows.iter_mut().find(|row| row.id == *id)?;
            let mut changed = row.clone();
            change(&mut changed).then(|| {
                row.clone_from(&changed);
                changed
            })
        })
    }

    fn remove<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.answer(|rows| {
            let before = rows.len();
            rows.retain(|row| row.id != *id);
            rows.len() < before
        })
    }
}

/// Runs that are started, and stay as they are until the test says otherwise.
#[derive(Default)]
pub struct Runs {
    pub started: Mutex<Vec<(u64, RunRequest)>>,
    pub resumed: Mutex<Vec<RunId>>,
    pub known: Mutex<HashMap<RunId, RunSummary>>,
    pub refusal: Mutex<Option<Refusal>>,
    /// How many starts may go through, where a test holds them up.
    pub gate: Mutex<Option<Arc<Semaphore>>>,
    pub clock: Mutex<Option<sync::Clock>>,
    /// Whether a search index is configured.
    pub searches: AtomicBool,
}

impl Runs {
    pub fn set(&self, run: &RunId, state: RunState, pause: Option<Pause>) {
        let mut known = self.known.lock().unwrap();
        let summary = known.get_mut(run).unwrap();
        summary.state = state;
        summary.pause = pause;
    }

    pub fn refuse(&self, refusal: impl Into<Option<Refusal>>) {
        *self.refusal.lock().unwrap() = refusal.into();
    }

    pub fn started_at(&self) -> Vec<u64> {
        self.started.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// Minutes since the test began.
    pub fn started_minutes(&self) -> Vec<u64> {
        self.started_at().into_iter().map(|at| (at - START) / MINUTE).collect()
    }

    pub fn count(&self) -> usize {
        self.started.lock().unwrap().len()
    }
}

impl Runner for Runs {
    fn check_documents(&self, request: &RunRequest) -> Result<(), String> {
        match request.documents {
            Some(_) if !self.searches.load(Ordering::SeqCst) => {
                Err("ELASTICSEARCH_ENDPOINT is not set".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn start(&self, request: RunRequest) -> BoxFuture<'_, Result<RunId, Refusal>> {
        Box::pin(async move {
            let gate = self.gate.lock().unwrap().clone();
            if let Some(gate) = gate {
                gate.acquire().await.unwrap().forget();
            }
            if let Some(refusal) = self.refusal.lock().unwrap().clone() {
                return Err(refusal);
            }
            let now = self.clock.lock().unwrap().as_ref().unwrap()();
            let mut started = self.started.lock().unwrap();
            started.push((now, request.clone()));
            let id = RunId(format!("run{}", started.len()));
            let head = RunHead {
                id: id.clone(),
                request,
                origin: None,
                source: "old".to_owned(),
                target: "new".to_owned(),
                steps: Vec::new(),
                texts_per_minute: 3_000,
                writing: None,
                started_at: now,
            };
            let done = RunSummary { state: RunState::Done, ..RunView::new(head).summary() };
            self.known.lock().unwrap().insert(id.clone(), done);
            Ok(id)
        })
    }

    fn resume<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async {
            if let Some(refusal) = self.refusal.lock().unwrap().take() {
                return Err(refusal);
            }
            self.resumed.lock().unwrap().push(run.clone());
            self.set(run, RunState::Running, None);
            Ok(())
        })
    }

    fn summary<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Option<RunSummary>> {
        let summary = self.known.lock().unwrap().get(run).cloned();
        Box::pin(async { summary })
    }
}

/// Paused time, a book, and what starts runs.
pub struct World {
    pub clock: sync::Clock,
    pub book: Memory,
    pub runs: Arc<Runs>,
}

impl World {
    pub fn new() -> Self {
        let origin = Instant::now();
        let clock: sync::Clock =
            Arc::new(move || START + u64::try_from(origin.elapsed().as_millis()).unwrap());
        let runs = Arc::new(Runs::default());
        *runs.clock.lock().unwrap() = Some(clock.clone());
        Self { clock, book: Memory::default(), runs }
    }

    /// As one process sees it.
    pub fn process(&self) -> Schedules {
        Schedules::new(self.book.clone(), self.runs.clone(), self.clock.clone())
    }

    pub fn now(&self) -> u64 {
        (self.clock)()
    }
}

pub fn every(minutes: u64) -> Timing {
    Timing::Every(minutes * 60)
}

pub fn cron(expression: &str) -> Timing {
    Timing::Cron(expression.to_owned())
}

pub fn spec(timing: Timing) -> ScheduleSpec {
    ScheduleSpec {
        name: String::new(),
        timing,
        request: RunRequest::new(RunKind::Mirror, "articles"),
        enabled: true,
    }
}

pub fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// Lets schedulers work while the other future goes on, and returns once they have stopped.
pub async fn beside<T>(processes: &[&Schedules], act: impl Future<Output = T>) -> T {
    let stop = CancellationToken::new();
    let working = futures::future::join_all(processes.iter().map(|process| process.work(&stop)));
    let acting = async {
        let answer = act.await;
        stop.cancel();
        answer
    };
    tokio::join!(working, acting).1
}

pub fn note(schedule: &Schedule) -> String {
    schedule.last.as_ref().and_then(|last| last.note.clone()).unwrap_or_default()
}
