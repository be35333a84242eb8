//! Signals, crashes, collisions, and readers who leave.

#![expect(clippy::unwrap_used, reason = "a test panics")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use protocol::RunState;
use sandbox::{Endpoint, Page};
use support::{Running, SAMPLE, World, eventually};

/// A live run whose second upsert never ends, once the first is in the target.
async fn half_way(world: &World, arguments: &str) -> Running {
    world.hang(Endpoint::Upsert, 2);
    let before = world.state().records("target", SAMPLE, Page::ALL).unwrap().len();
    let run = Running::start(world.command(arguments));
    let state = world.state();
    eventually(|| {
        let upserts = state.calls("target", Endpoint::Upsert).unwrap().requests;
        upserts >= 2 && state.records("target", SAMPLE, Page::ALL).unwrap().len() > before
    })
    .await;
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_stops_cleanly_and_says_how_to_go_on() {
    let world = World::new().await;
    let run = half_way(&world, &format!("mirror {SAMPLE} --batch-size 10")).await;
    run.signal("INT").await;
    let stopped = run.finish().await.expect(130);
    assert!(stopped.stderr.contains("stopping: what is in flight is finished first"), "{}", stopped.stderr);
    assert!(stopped.stdout.contains("Cancelled."), "{}", stopped.stdout);
    assert!(stopped.stdout.contains("written so far"), "{}", stopped.stdout);
    assert!(
        stopped.stdout.contains("To go on: tain mirror help-centre --batch-size 10"),
        "{}",
        stopped.stdout
    );

    // Only what was in flight is paid for twice.
    let paid = world.state().embedded().texts;
    let rest = world.run(&format!("mirror {SAMPLE} --json")).await.expect(0).view();
    assert!(
        world.state().embedded().texts - paid <= rest.progress.counts.missing + rest.progress.counts.changed
    );
    world.run(&format!("analyze {SAMPLE}")).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_ends_its_events() {
    let world = World::new().await;
    let run = half_way(&world, &format!("mirror {SAMPLE} --batch-size 10 --json")).await;
    run.signal("TERM").await;
    let view = run.finish().await.expect(130).view();
    assert_eq!(view.state, RunState::Cancelled);
    assert!(view.progress.counts.migrated + view.progress.counts.updated > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_ends_it_at_once() {
    let world = World::new().await;
    let mut run = half_way(&world, &format!("mirror {SAMPLE} --batch-size 10 --json")).await;
    run.signal("INT").await;
    run.until("\"event\":\"cancelling\"").await;
    run.signal("INT").await;
    run.finish().await.expect(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_live_runs_never_collide_on_one_namespace() {
    let world = World::new().await;
    let mut first = half_way(&world, &format!("mirror {SAMPLE} --batch-size 10 --json")).await;
    let started = first.until("\"event\":\"started\"").await;
    let started: protocol::Event = serde_json::from_str(&started).unwrap();

    let second = world.run(&format!("mirror {SAMPLE}")).await.expect(2);
    for part in [&started.run.0, &format!("process {}", first.pid()), "since 20", SAMPLE, "askdona"] {
        assert!(second.stderr.contains(part), "{part} is not in {}", second.stderr);
    }
    world.run(&format!("reembed {SAMPLE}")).await.expect(2);
    // What only reads needs no lock, and another namespace has one of its own.
    world.run(&format!("analyze {SAMPLE}")).await.expect(1);
    world.run(&format!("mirror {SAMPLE} --dry-run")).await.expect(0);
    world.run("mirror release-notes").await.expect(0);

    // The holder's death frees the lock, and the next run does the rest.
    first.child.kill().await.unwrap();
    world.run(&format!("mirror {SAMPLE}")).await.expect(0);
    world.run(&format!("analyze {SAMPLE}")).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_leaves_cancels_the_run() {
    let world = World::new().await;
    let mut run = half_way(&world, &format!("mirror {SAMPLE} --batch-size 10 --json")).await;
    run.until("\"event\":\"started\"").await;
    let Running { mut child, lines, .. } = run;
    drop(lines);
    // The next event that cannot be written tells it; a signal would come too late to be the cause.
    let status = child.wait().await.unwrap();
    assert_eq!(status.code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_a_table_who_leaves_is_no_failure() {
    let world = World::new().await;
    let mut command = world.command("config --json");
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
