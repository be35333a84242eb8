//! Several processes on one book.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use protocol::{RunId, ScheduleSpec};
use server::schedules::Schedules;
use store::{SqliteStore, Store};
use tokio::time::sleep;

use crate::world::{MINUTE, Runs, START, World, beside, cron, every, minutes, spec};

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

/// The same book on disk, as each of several processes opens it. Time moves when the test says so: a paused runtime would
/// take waiting for the database for having nothing to do.
struct Shared {
    directory: tempfile::TempDir,
    time: Arc<AtomicU64>,
    runs: Arc<Runs>,
}

impl Shared {
    fn new() -> Self {
        let shared = Self {
            directory: tempfile::tempdir().unwrap(),
            time: Arc::new(AtomicU64::new(START)),
            runs: Arc::new(Runs::default()),
        };
        *shared.runs.clock.lock().unwrap() = Some(shared.clock());
        shared
    }

    fn clock(&self) -> sync::Clock {
        let time = self.time.clone();
        Arc::new(move || time.load(Ordering::SeqCst))
    }

    fn now(&self) -> u64 {
        (self.clock())()
    }

    async fn process(&self) -> Schedules {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(self.directory.path()).await.unwrap());
        Schedules::new(store, self.runs.clone(), self.clock())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_share_a_data_directory_start_each_run_once_and_keep_it_over_restarts() {
    let shared = Shared::new();
    let made = shared.process().await.add(spec(cron("*/10 * * * *"))).await.unwrap();
    // Made later, so that the order is certain.
    shared.time.fetch_add(1, Ordering::SeqCst);
    shared.process().await.add(spec(every(10))).await.unwrap();
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(shared.process().await);
    }
    for round in 1..=10 {
        shared.time.store(START + 1 + round * 10 * MINUTE, Ordering::SeqCst);
        for started in futures::future::join_all(processes.iter().map(Schedules::start_due)).await {
            started.unwrap();
        }
        assert_eq!(shared.runs.started_at().len() as u64, 2 * round);
    }
    let kept = shared.process().await.list().await.unwrap();
    assert_eq!(kept, processes[0].list().await.unwrap());
    assert_eq!((&kept[0].id, &kept[0].spec, kept[0].created_at), (&made.id, &made.spec, START));
    let next: Vec<Option<u64>> = kept.iter().map(|row| row.next_at).collect();
    assert_eq!(next, [START + 110 * MINUTE, START + 110 * MINUTE + 1].map(Some));
    assert!(kept.iter().all(|row| row.last.is_some()));
    shared.process().await.remove(&made.id).await.unwrap();
    assert_eq!(shared.process().await.list().await.unwrap().len(), 1);
}

/// One process writes down how ticks went, while another one is used to change the same schedule.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_edits_and_one_that_ticks_undo_nothing_of_each_other() {
    let shared = Shared::new();
    let (serving, command) = (shared.process().await, shared.process().await);
    let id = serving.add(spec(every(10))).await.unwrap().id;
    for round in 1..=40_usize {
        shared.time.fetch_add(10 * MINUTE, Ordering::SeqCst);
        let named = ScheduleSpec { name: format!("round {round}"), ..spec(every(10)) };
        let (started, changed) = tokio::join!(serving.start_due(), command.change(&id, named.clone()));
        started.unwrap();
        assert_eq!(changed.unwrap().spec, named);
        let kept = serving.find(&id.0).await.unwrap();
        assert_eq!(kept.spec, named, "round {round}");
        assert_eq!(kept.last.unwrap().run, Some(RunId(format!("run{round}"))));
        assert_eq!(kept.next_at, Some(shared.now() + 10 * MINUTE));
        assert_eq!(shared.runs.count(), round, "one run a tick");
    }
}
