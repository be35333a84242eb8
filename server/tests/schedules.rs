//! Schedules over time: the scheduler with a book in memory, in paused time.

#![expect(clippy::unwrap_used, reason = "a test panics")]

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use protocol::{
    NamespacePatterns, Pause, PauseReason, RunHead, RunId, RunKind, RunRequest, RunState, RunSummary,
    RunView, Schedule, ScheduleId, ScheduleSpec, Timing,
};
use server::schedules::{Book, Refusal, Runner, ScheduleError, Schedules};
use store::{SqliteStore, Store, StoreError};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// 2026-11-21 06:00:00 UTC.
const START: u64 = 1_795_240_800_000;
const MINUTE: u64 = 60_000;

/// A book in memory, shared by all who are given a clone.
#[derive(Clone, Default)]
struct Memory {
    rows: Arc<Mutex<Vec<Schedule>>>,
    broken: Arc<AtomicBool>,
}

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

    fn only(&self) -> Schedule {
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

    fn remove<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.answer(|rows| {
            let before = rows.len();
            rows.retain(|row| row.id != *id);
            rows.len() < before
        })
    }

    fn claim<'a>(
        &'a self,
        id: &'a ScheduleId,
        due: u64,
        next: Option<u64>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.answer(|rows| match rows.iter_mut().find(|row| row.id == *id && row.next_at == Some(due)) {
            Some(row) => {
                row.next_at = next;
                true
            }
            None => false,
        })
    }
}

/// Runs that are started, and stay as they are until the test says otherwise.
#[derive(Default)]
struct Runs {
    started: Mutex<Vec<(u64, RunRequest)>>,
    resumed: Mutex<Vec<RunId>>,
    known: Mutex<HashMap<RunId, RunSummary>>,
    refusal: Mutex<Option<Refusal>>,
    /// How many starts may go through, where a test holds them up.
    gate: Mutex<Option<Arc<Semaphore>>>,
    clock: Mutex<Option<sync::Clock>>,
}

impl Runs {
    fn set(&self, run: &RunId, state: RunState, pause: Option<Pause>) {
        let mut known = self.known.lock().unwrap();
        let summary = known.get_mut(run).unwrap();
        summary.state = state;
        summary.pause = pause;
    }

    fn refuse(&self, refusal: impl Into<Option<Refusal>>) {
        *self.refusal.lock().unwrap() = refusal.into();
    }

    fn started_at(&self) -> Vec<u64> {
        self.started.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// Minutes since the test began.
    fn started_minutes(&self) -> Vec<u64> {
        self.started_at().into_iter().map(|at| (at - START) / MINUTE).collect()
    }

    fn count(&self) -> usize {
        self.started.lock().unwrap().len()
    }
}

impl Runner for Runs {
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
struct World {
    clock: sync::Clock,
    book: Memory,
    runs: Arc<Runs>,
}

impl World {
    fn new() -> Self {
        let origin = Instant::now();
        let clock: sync::Clock =
            Arc::new(move || START + u64::try_from(origin.elapsed().as_millis()).unwrap());
        let runs = Arc::new(Runs::default());
        *runs.clock.lock().unwrap() = Some(clock.clone());
        Self { clock, book: Memory::default(), runs }
    }

    /// As one process sees it.
    fn process(&self) -> Schedules {
        Schedules::new(self.book.clone(), self.runs.clone(), self.clock.clone())
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }
}

fn every(minutes: u64) -> Timing {
    Timing::Every(minutes * 60)
}

fn cron(expression: &str) -> Timing {
    Timing::Cron(expression.to_owned())
}

fn spec(timing: Timing) -> ScheduleSpec {
    ScheduleSpec {
        name: String::new(),
        timing,
        request: RunRequest::new(RunKind::Mirror, "articles"),
        enabled: true,
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// Lets schedulers work while the other future goes on, and returns once they have stopped.
async fn beside<T>(processes: &[&Schedules], act: impl Future<Output = T>) -> T {
    let stop = CancellationToken::new();
    let working = futures::future::join_all(processes.iter().map(|process| process.work(&stop)));
    let acting = async {
        let answer = act.await;
        stop.cancel();
        answer
    };
    tokio::join!(working, acting).1
}

fn note(schedule: &Schedule) -> String {
    schedule.last.as_ref().and_then(|last| last.note.clone()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn an_interval_counts_from_the_last_start() {
    let world = World::new();
    let process = world.process();
    process.add(spec(every(15))).await.unwrap();
    beside(&[&process], sleep(minutes(50))).await;
    assert_eq!(world.runs.started_minutes(), [15, 30, 45]);
    let schedule = world.book.only();
    let last = schedule.last.unwrap();
    assert_eq!(last.run, Some(RunId("run3".to_owned())));
    assert_eq!(last.at, START + 45 * MINUTE);
    assert_eq!(last.note, None);
    assert_eq!(schedule.next_at, Some(START + 60 * MINUTE));
    // The book says what was true when it was written; whoever asks is told what is true.
    assert_eq!(process.list().await.unwrap()[0].last.as_ref().unwrap().state, Some(RunState::Done));
}

#[tokio::test(start_paused = true)]
async fn cron_starts_on_the_minute() {
    let world = World::new();
    let process = world.process();
    sleep(Duration::from_millis(90_001)).await;
    process.add(spec(cron("*/10 * * * *"))).await.unwrap();
    process.add(spec(cron("5 6 * * *"))).await.unwrap();
    beside(&[&process], sleep(minutes(30))).await;
    let at: Vec<u64> = [5, 10, 20, 30].map(|minute| START + minute * MINUTE).into();
    assert_eq!(world.runs.started_at(), at);
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_one_starts_each_run() {
    let world = World::new();
    let (one, other) = (world.process(), world.process());
    for _ in 0..5 {
        one.add(spec(every(7))).await.unwrap();
    }
    beside(&[&one, &other], sleep(minutes(71))).await;
    assert_eq!(world.runs.count(), 5 * 10);
    assert!(world.book.rows.lock().unwrap().iter().all(|row| row.next_at == Some(START + 77 * MINUTE)));
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_started_once() {
    for timing in [every(15), cron("*/15 * * * *")] {
        let world = World::new();
        world.process().add(spec(timing)).await.unwrap();
        sleep(minutes(600)).await;
        assert_eq!(world.runs.count(), 0, "nothing works without a scheduler");
        let process = world.process();
        beside(&[&process], sleep(minutes(1))).await;
        assert_eq!(world.runs.started_minutes(), [600]);
        assert_eq!(world.book.only().next_at, Some(START + 615 * MINUTE));
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_changes_nothing() {
    let world = World::new();
    world.process().add(spec(every(10))).await.unwrap();
    for _ in 0..8 {
        // Each process lives for less than the interval.
        beside(&[&world.process()], sleep(minutes(7))).await;
    }
    assert_eq!(world.runs.started_minutes(), [10, 20, 30, 40, 50]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_is_skipped_while_the_last_run_is_at_work() {
    for state in [RunState::Running, RunState::Pausing, RunState::Cancelling] {
        let world = World::new();
        let process = world.process();
        process.add(spec(every(10))).await.unwrap();
        beside(&[&process], async {
            sleep(minutes(11)).await;
            let run = RunId("run1".to_owned());
            world.runs.set(&run, state, None);
            sleep(minutes(20)).await;
            let skipped = world.book.only();
            assert_eq!(note(&skipped), "skipped: run run1 is still at work");
            let last = skipped.last.unwrap();
            assert_eq!(
                (last.run, last.state, last.at),
                (Some(run.clone()), Some(state), START + 30 * MINUTE)
            );
            world.runs.set(&run, RunState::Failed, None);
            sleep(minutes(10)).await;
        })
        .await;
        assert_eq!(world.runs.started_minutes(), [10, 40]);
        assert_eq!(note(&world.book.only()), "");
    }
}

fn paused(reason: PauseReason, until: Option<u64>) -> Option<Pause> {
    Some(Pause { reason, message: "the quota\nis used up".to_owned(), until })
}

#[tokio::test(start_paused = true)]
async fn a_run_that_somebody_paused_is_left_alone() {
    let world = World::new();
    let process = world.process();
    process.add(spec(every(10))).await.unwrap();
    beside(&[&process], async {
        sleep(minutes(11)).await;
        let run = RunId("run1".to_owned());
        world.runs.set(&run, RunState::Paused, paused(PauseReason::Requested, None));
        sleep(minutes(10)).await;
    })
    .await;
    assert_eq!(world.runs.count(), 1);
    assert!(note(&world.book.only()).contains("tain runs resume run1"));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_a_quota_goes_on_when_it_can() {
    let world = World::new();
    let process = world.process();
    process.add(spec(every(10))).await.unwrap();
    beside(&[&process], async {
        sleep(minutes(11)).await;
        let run = RunId("run1".to_owned());
        let until = START + 35 * MINUTE;
        world.runs.set(&run, RunState::Paused, paused(PauseReason::Quota, Some(until)));
        sleep(minutes(20)).await;
        let words = "skipped: run run1 waits until 2026-11-21 06:35:00 UTC (the quota is used up)";
        assert_eq!(note(&world.book.only()), words);
        sleep(minutes(10)).await;
    })
    .await;
    assert_eq!(world.runs.count(), 1);
    assert_eq!(*world.runs.resumed.lock().unwrap(), [RunId("run1".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn what_was_interrupted_goes_on_unless_it_cannot_or_is_something_else_by_now() {
    for (state, pause) in
        [(RunState::Interrupted, None), (RunState::Paused, paused(PauseReason::Shutdown, None))]
    {
        let world = World::new();
        let process = world.process();
        let id = process.add(spec(every(10))).await.unwrap().id;
        let run = RunId("run1".to_owned());
        beside(&[&process], async {
            sleep(minutes(11)).await;
            world.runs.set(&run, state, pause.clone());
            sleep(minutes(10)).await;
            assert_eq!(note(&world.book.only()), "went on from its checkpoint");
            assert_eq!(world.book.only().last.unwrap().run, Some(run.clone()));

            world.runs.set(&run, state, pause.clone());
            world.runs.refuse(Refusal::Failed("Gemini does not answer".to_owned()));
            sleep(minutes(10)).await;
            assert_eq!(note(&world.book.only()), "could not go on: Gemini does not answer");
            assert_eq!(world.book.only().last.unwrap().run, Some(run.clone()), "it is tried again");
            world.runs.refuse(Refusal::Impossible("its checkpoint is of another index".to_owned()));
            sleep(minutes(10)).await;
            assert_eq!(world.runs.started_minutes(), [10, 40], "one that cannot go on is begun anew");

            world.runs.set(&RunId("run2".to_owned()), state, pause.clone());
            let mut changed = spec(every(10));
            changed.request.overwrite_added = true;
            process.change(&id, changed).await.unwrap();
            sleep(minutes(10)).await;
            assert_eq!(world.runs.started_minutes(), [10, 40, 50]);
        })
        .await;
        assert_eq!(world.runs.resumed.lock().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_start_says_why_and_is_tried_at_the_next_tick() {
    let world = World::new();
    let process = world.process();
    process.add(spec(every(10))).await.unwrap();
    beside(&[&process], async {
        world.runs.refuse(Refusal::Busy("articles is being written by run other".to_owned()));
        sleep(minutes(11)).await;
        let words = "skipped: articles is being written by run other";
        assert_eq!(note(&world.book.only()), words);
        world.runs.refuse(Refusal::Failed("PINECONE_API_KEY is not set".to_owned()));
        sleep(minutes(10)).await;
        assert_eq!(note(&world.book.only()), "could not start: PINECONE_API_KEY is not set");
        assert_eq!(world.book.only().last.unwrap().run, None);
        world.runs.refuse(None);
        sleep(minutes(10)).await;
    })
    .await;
    assert_eq!(world.runs.started_minutes(), [30]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_of_a_process_that_stops_is_for_the_next_one() {
    let world = World::new();
    world.process().add(spec(every(10))).await.unwrap();
    world.runs.refuse(Refusal::Stopping);
    beside(&[&world.process()], sleep(minutes(11))).await;
    assert_eq!(world.book.only().next_at, Some(START + 10 * MINUTE));
    assert_eq!(world.book.only().last, None);
    world.runs.refuse(None);
    beside(&[&world.process()], sleep(minutes(1))).await;
    assert_eq!(world.runs.started_minutes(), [11]);
}

#[tokio::test(start_paused = true)]
async fn changes_are_seen_while_the_scheduler_waits() {
    let world = World::new();
    let (serving, command) = (world.process(), world.process());
    let id = serving.add(spec(every(600))).await.unwrap().id;
    beside(&[&serving], async {
        sleep(minutes(1)).await;
        // In the same process: at once.
        serving.change(&id, spec(cron("2 * * * *"))).await.unwrap();
        sleep(Duration::from_secs(61)).await;
        assert_eq!(world.runs.started_at(), [START + 2 * MINUTE]);
        // By another one: within seconds, also where the tick comes before the scheduler looks again.
        sleep(Duration::from_millis(57_500)).await;
        command.change(&id, spec(cron("3 * * * *"))).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(world.runs.count(), 2);
        assert!(world.runs.started_at()[1] - (START + 3 * MINUTE) < 5_000);

        command.disable(&id).await.unwrap();
        assert_eq!(world.book.only().next_at, None);
        sleep(minutes(180)).await;
        assert_eq!(world.runs.count(), 2);
        // Nothing is made up for that nobody wanted.
        command.enable(&id).await.unwrap();
        assert_eq!(world.book.only().next_at, Some(START + 243 * MINUTE));
        sleep(minutes(61)).await;
        assert_eq!(world.runs.count(), 3);
        command.remove(&id).await.unwrap();
        sleep(minutes(180)).await;
        assert_eq!(world.runs.count(), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_new_name_does_not_postpone_what_is_planned() {
    let world = World::new();
    let process = world.process();
    let made = process.add(spec(every(60))).await.unwrap();
    sleep(minutes(40)).await;
    let changed = ScheduleSpec { name: " nightly ".to_owned(), ..spec(every(60)) };
    let changed = process.change(&made.id, changed).await.unwrap();
    assert_eq!(changed.spec.name, "nightly");
    assert_eq!((changed.id, changed.next_at, changed.created_at), (made.id.clone(), made.next_at, START));
    let longer = process.change(&made.id, spec(every(90))).await.unwrap();
    assert_eq!(longer.next_at, Some(START + 130 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_while_its_run_starts_stays_changed() {
    let world = World::new();
    let process = world.process();
    let (kept, gone) =
        (process.add(spec(every(10))).await.unwrap().id, process.add(spec(every(10))).await.unwrap().id);
    let gate = Arc::new(Semaphore::new(0));
    *world.runs.gate.lock().unwrap() = Some(gate.clone());
    beside(&[&process], async {
        sleep(minutes(10) + Duration::from_secs(1)).await;
        process.disable(&kept).await.unwrap();
        process.remove(&gone).await.unwrap();
        gate.add_permits(2);
        sleep(minutes(1)).await;
    })
    .await;
    assert_eq!(world.runs.count(), 2);
    let left = world.book.only();
    assert_eq!((&left.id, left.spec.enabled, left.next_at), (&kept, false, None));
    assert!(left.last.is_some_and(|last| last.run.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_start_by_hand_is_the_last_run_and_an_interval_counts_from_it() {
    let world = World::new();
    let process = world.process();
    let id = process.add(spec(every(10))).await.unwrap().id;
    beside(&[&process], async {
        sleep(minutes(4)).await;
        let run = world.runs.start(spec(every(10)).request).await.unwrap();
        process.started(&id, run).await.unwrap();
        assert_eq!(world.book.only().last.unwrap().run, Some(RunId("run1".to_owned())));
        sleep(minutes(11)).await;
    })
    .await;
    assert_eq!(world.runs.started_minutes(), [4, 14]);
    process.disable(&id).await.unwrap();
    process.started(&id, RunId("run2".to_owned())).await.unwrap();
    assert_eq!(world.book.only().next_at, None);
    let nobody = ScheduleId("nobody".to_owned());
    let refused = process.started(&nobody, RunId("run2".to_owned())).await;
    assert!(matches!(refused, Err(ScheduleError::Unknown { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_while_is_tried_again() {
    let world = World::new();
    let process = world.process();
    process.add(spec(every(10))).await.unwrap();
    beside(&[&process], async {
        sleep(minutes(5)).await;
        world.book.broken.store(true, Ordering::SeqCst);
        sleep(minutes(10)).await;
        assert_eq!(world.runs.count(), 0);
        world.book.broken.store(false, Ordering::SeqCst);
        sleep(minutes(1)).await;
    })
    .await;
    assert_eq!(world.runs.started_minutes(), [15]);
}

#[tokio::test(start_paused = true)]
async fn a_timing_of_a_newer_tain_ends_instead_of_spinning() {
    let world = World::new();
    let process = world.process();
    process.add(spec(every(10))).await.unwrap();
    world.book.rows.lock().unwrap()[0].spec.timing = cron("@reboot");
    beside(&[&process], sleep(minutes(60))).await;
    assert_eq!(world.runs.count(), 1);
    assert_eq!(world.book.only().next_at, None);
}

#[tokio::test(start_paused = true)]
async fn hostile_input_is_refused_by_field_and_nothing_is_kept() {
    let world = World::new();
    let process = world.process();
    let change = |change: &dyn Fn(&mut ScheduleSpec)| {
        let mut spec = spec(every(10));
        change(&mut spec);
        spec
    };
    let patterns = |include: &[&str], exclude: &[String]| {
        let include = include.iter().map(|&pattern| pattern.to_owned()).collect();
        Some(NamespacePatterns { include, exclude: exclude.to_vec() })
    };
    let cases: Vec<(&str, ScheduleSpec)> = vec![
        ("timing", spec(Timing::Every(0))),
        ("timing", spec(Timing::Every(59))),
        ("timing", spec(Timing::Every(u64::MAX))),
        ("timing", spec(Timing::Every(u64::MAX / 1_000))),
        ("timing", spec(cron(""))),
        ("timing", spec(cron("rm -rf / ; x"))),
        ("timing", spec(cron("0 */15 * * * *"))),
        ("timing", spec(cron("0 0 30 2 *"))),
        ("timing", spec(cron("* * * *\u{7} *"))),
        ("timing", spec(cron(&"*/5,".repeat(100_000)))),
        ("name", change(&|spec| spec.name = "n".repeat(81))),
        ("name", change(&|spec| spec.name = "a\u{1b}[2Jb".to_owned())),
        ("namespace", change(&|spec| spec.request.namespace = "n".repeat(513))),
        ("namespace", change(&|spec| spec.request.namespace = "ü".to_owned())),
        ("namespace", change(&|spec| spec.request.namespace = "a\nb".to_owned())),
        ("namespaces", change(&|spec| spec.request.namespaces = patterns(&[""], &[]))),
        ("namespaces", change(&|spec| spec.request.namespaces = patterns(&["a\rb"], &[]))),
        ("namespaces", change(&|spec| spec.request.namespaces = patterns(&["*"], &["*".repeat(513)]))),
        ("namespaces", change(&|spec| spec.request.namespaces = patterns(&[], &vec!["a".to_owned(); 101]))),
        ("batch_size", change(&|spec| spec.request.batch_size = Some(0))),
        ("batch_size", change(&|spec| spec.request.batch_size = Some(u32::MAX))),
        ("request", change(&|spec| spec.request.plan = Some("7c41".to_owned()))),
        ("request", change(&|spec| spec.request.retry = Some(RunId("run1".to_owned())))),
    ];
    for (wrong, spec) in cases {
        match process.add(spec.clone()).await {
            Err(ScheduleError::Invalid { field, message }) => {
                assert_eq!(field, wrong, "{message}");
                assert!(message.len() < 400 && !message.chars().any(char::is_control), "{message:?}");
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
    assert!(world.book.rows.lock().unwrap().is_empty());

    let nobody = ScheduleId("n".repeat(100_000));
    for error in [
        process.change(&nobody, spec(every(10))).await.unwrap_err(),
        process.remove(&nobody).await.unwrap_err(),
        process.find(&nobody.0).await.unwrap_err(),
        process.find("").await.unwrap_err(),
    ] {
        assert!(matches!(error, ScheduleError::Unknown { .. }), "{error}");
        assert!(error.to_string().len() < 200, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn schedules_are_found_by_the_beginning_of_their_ids() {
    let world = World::new();
    let process = world.process();
    let named = |name: &str| ScheduleSpec { name: name.to_owned(), ..spec(every(10)) };
    let mut all = named("");
    all.request.namespaces = Some(NamespacePatterns::default());
    all.request.namespace = "means nothing".to_owned();
    let all = process.add(all).await.unwrap();
    assert_eq!(all.spec.request.namespace, "");
    let analysis = ScheduleSpec { request: RunRequest::new(RunKind::Analyze, ""), ..named("Ünïcode: 1/2") };
    let analysis = process.add(analysis).await.unwrap();
    assert!(analysis.spec.request.dry_run, "an analysis is always dry");
    for (schedule, start) in [
        (&all, "all-namespaces-"),
        (&analysis, "n-code-1-2-"),
        (&process.add(named("")).await.unwrap(), "articles-"),
        (&process.add(named("Nightly")).await.unwrap(), "nightly-"),
        (&process.add(named("***")).await.unwrap(), "schedule-"),
    ] {
        assert_eq!(process.find(start).await.unwrap().id, schedule.id);
        assert_eq!(process.find(&schedule.id.0).await.unwrap().id, schedule.id);
        assert_eq!(schedule.next_at, Some(world.now() + 10 * MINUTE));
    }
    let error = process.find("n").await.unwrap_err();
    assert!(matches!(error, ScheduleError::Ambiguous { .. }) && error.to_string().contains("nightly-"));
}

#[tokio::test(start_paused = true)]
async fn a_preview_shows_what_would_happen() {
    let world = World::new();
    let process = world.process();
    let moments = process.preview(&cron("*/20 * * * *")).unwrap();
    assert_eq!(moments, [20, 40, 60, 80, 100].map(|minute| START + minute * MINUTE));
    assert!(process.preview(&cron("nonsense")).is_err());
}

/// The same book, on disk, as each of several processes opens it. Time moves when the test says so: a paused runtime
/// would take waiting for the database for having nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn processes_that_share_a_data_directory_start_each_run_once_and_keep_it_over_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(START));
    let clock: sync::Clock = {
        let time = time.clone();
        Arc::new(move || time.load(Ordering::SeqCst))
    };
    let runs = Arc::new(Runs::default());
    *runs.clock.lock().unwrap() = Some(clock.clone());
    let process = async || {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).await.unwrap());
        Schedules::new(store, runs.clone(), clock.clone())
    };
    let made = process().await.add(spec(cron("*/10 * * * *"))).await.unwrap();
    // Made later, so that the order is certain.
    time.fetch_add(1, Ordering::SeqCst);
    process().await.add(spec(every(10))).await.unwrap();
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(process().await);
    }
    for round in 1..=10 {
        time.store(START + 1 + round * 10 * MINUTE, Ordering::SeqCst);
        for started in futures::future::join_all(processes.iter().map(Schedules::start_due)).await {
            started.unwrap();
        }
        assert_eq!(runs.started_at().len() as u64, 2 * round);
    }
    let kept = process().await.list().await.unwrap();
    assert_eq!(kept, processes[0].list().await.unwrap());
    assert_eq!((&kept[0].id, &kept[0].spec, kept[0].created_at), (&made.id, &made.spec, START));
    let next: Vec<Option<u64>> = kept.iter().map(|row| row.next_at).collect();
    assert_eq!(next, [START + 110 * MINUTE, START + 110 * MINUTE + 1].map(Some));
    assert!(kept.iter().all(|row| row.last.is_some()));
    process().await.remove(&made.id).await.unwrap();
    assert_eq!(process().await.list().await.unwrap().len(), 1);
}
