//! When runs start.

use std::{sync::atomic::Ordering, time::Duration};

use protocol::{RunId, RunState, ScheduleId};
use server::schedules::{Runner, ScheduleError};
use tokio::time::sleep;

use crate::world::{MINUTE, START, World, beside, cron, every, minutes, spec};

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
async fn a_preview_shows_what_would_happen() {
    let world = World::new();
    let process = world.process();
    let moments = process.preview(&cron("*/20 * * * *")).unwrap();
    assert_eq!(moments, [20, 40, 60, 80, 100].map(|minute| START + minute * MINUTE));
    assert!(process.preview(&cron("nonsense")).is_err());
}

#[tokio::test(start_paused = true)]
async fn what_a_clock_planned_that_went_ahead_is_planned_anew() {
    let world = World::new();
    world.process().add(spec(every(15))).await.unwrap();
    let in_ten_years = START + 10 * 365 * 24 * 60 * MINUTE;
    world.book.rows.lock().unwrap()[0].next_at = Some(in_ten_years);
    let process = world.process();
    beside(&[&process], sleep(minutes(16))).await;
    assert_eq!(world.runs.started_minutes(), [15]);
    assert_eq!(world.book.only().next_at, Some(START + 30 * MINUTE));
}
