//! What a tick does where the run before is not over, or none can start.

use protocol::{Pause, PauseReason, RunId, RunState};
use server::schedules::Refusal;
use tokio::time::sleep;

use crate::world::{MINUTE, START, World, beside, every, minutes, note, spec};

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
