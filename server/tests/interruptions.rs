//! Signals, crashes, collisions, and readers who leave.

#![expect(clippy::unwrap_used, reason = "a test panics")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::{fs, path::Path};

use protocol::{Event, EventBody, RunId, RunState, RunSummary, RunView};
use sandbox::{Effect, Endpoint, Fault, Page, When};
use support::{Running, SAMPLE, World, eventually};
use tokio::process::Command;

/// A live run whose second upsert never ends, once the first is in the target.
async fn half_way(world: &World, arguments: &str) -> Running {
    world.hang(Endpoint::Upsert, 2);
    begun(world, arguments).await
}

/// A live run whose writes take a while, once the first is in the target: what is in flight can be finished.
async fn slowly(world: &World, arguments: &str) -> Running {
    world.state().add_fault(Fault::always(Endpoint::Upsert, Effect::Latency { ms: 300 }).when(When::From(2)));
    begun(world, arguments).await
}

async fn begun(world: &World, arguments: &str) -> Running {
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

/// The newest run, as another process sees it.
async fn newest(world: &World) -> RunSummary {
    let list = world.run("runs --json --limit 1").await.expect(0);
    serde_json::from_str(&list.stdout).unwrap()
}

async fn show(world: &World, id: &RunId) -> RunView {
    serde_json::from_str(&world.run(&format!("runs {id} --json")).await.expect(0).stdout).unwrap()
}

/// How the last event on stdout says that it ended.
fn end_of(stdout: &str) -> RunState {
    let event: Event = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    match event.body {
        EventBody::Finished { state, .. } => state,
        other => panic!("{other:?}"),
    }
}

const MIRROR: &str = "mirror help-centre --batch-size 10";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_stops_at_a_checkpoint_and_says_how_to_go_on() {
    let world = World::new().await;
    let run = slowly(&world, MIRROR).await;
    run.signal("INT").await;
    let stopped = run.finish().await.expect(130);
    assert!(stopped.stderr.contains("stopping: what is in flight is finished first"), "{}", stopped.stderr);
    assert!(stopped.stdout.contains("Stopped at a checkpoint"), "{}", stopped.stdout);
    assert!(stopped.stdout.contains("written so far"), "{}", stopped.stdout);
    let id = newest(&world).await.head.id;
    assert!(stopped.stdout.contains(&format!("Go on with: tain runs resume {id}")), "{}", stopped.stdout);

    world.state().clear_faults();
    let resumed = world.run(&format!("runs resume {id}")).await.expect(0);
    assert!(resumed.stdout.contains("Done."), "{}", resumed.stdout);
    let view = show(&world, &id).await;
    assert_eq!(view.state, RunState::Done);
    assert_eq!(world.state().embedded().texts, view.progress.counts.embedded, "nothing was paid for twice");
    world.run(&format!("analyze {SAMPLE}")).await.expect(0);
    let again = world.run(&format!("runs resume {id}")).await.expect(2);
    assert!(again.stderr.contains("is done and cannot go on"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_ends_its_events() {
    let world = World::new().await;
    let run = slowly(&world, &format!("{MIRROR} --json")).await;
    run.signal("TERM").await;
    let view = run.finish().await.expect(130).view();
    assert_eq!(view.state, RunState::Paused);
    assert!(view.progress.counts.migrated + view.progress.counts.updated > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_ends_it_at_once_and_the_run_was_interrupted() {
    let world = World::new().await;
    let mut run = half_way(&world, &format!("{MIRROR} --json")).await;
    run.signal("INT").await;
    run.until("\"event\":\"pausing\"").await;
    run.signal("INT").await;
    run.finish().await.expect(130);
    let run = newest(&world).await;
    assert_eq!(run.state, RunState::Interrupted);
    world.run(&format!("runs resume {}", run.head.id)).await.expect(0);
    world.run(&format!("analyze {SAMPLE}")).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_interrupted_and_goes_on_where_it_was() {
    let world = World::new().await;
    let mut run = half_way(&world, MIRROR).await;
    run.child.kill().await.unwrap();
    let id = newest(&world).await.head.id;
    let interrupted = show(&world, &id).await;
    assert_eq!(interrupted.state, RunState::Interrupted);
    let listed = world.run("runs --state interrupted").await.expect(0);
    assert!(listed.stdout.contains(&id.0), "{}", listed.stdout);
    let shown = world.run(&format!("runs show {id}")).await.expect(0);
    assert!(shown.stdout.contains("Interrupted: the process that ran it is gone."), "{}", shown.stdout);

    let paid = world.state().embedded().texts;
    let resumed = world.run(&format!("runs resume {id} --json")).await.expect(0);
    assert!(resumed.stdout.lines().next().unwrap().contains("\"event\":\"resumed\""), "{}", resumed.stdout);
    assert_eq!(end_of(&resumed.stdout), RunState::Done);
    let view = show(&world, &id).await;
    let counts = &view.progress.counts;
    assert_eq!(counts.migrated + counts.updated, counts.missing + counts.changed);
    // What was paid for and not in the target when the process was killed is paid for again, and nothing else.
    let in_flight = world.state().embedded().texts - counts.embedded;
    assert!(in_flight <= paid.min(500), "{in_flight} of {paid} were paid for twice");
    world.run(&format!("analyze {SAMPLE}")).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_process_is_paused_resumed_and_cancelled() {
    let world = World::new().await;
    let run = slowly(&world, &format!("{MIRROR} --json")).await;
    let id = newest(&world).await.head.id;
    let held = world.run(&format!("runs resume {id}")).await.expect(2);
    assert!(held.stderr.contains("is at work already"), "{}", held.stderr);
    let paused = world.run(&format!("runs pause {id}")).await.expect(0);
    assert!(paused.stdout.contains("is paused; go on with: tain runs resume"), "{}", paused.stdout);
    // What is left must not come to its end: a run that does is done, whatever was asked of it meanwhile.
    world.state().add_fault(Fault::always(Endpoint::Upsert, Effect::Hang));
    // Whoever is told that it is paused can go on with it at once.
    let mut resumed = Running::start(world.command(&format!("runs resume {id} --json")));
    resumed.until("\"event\":\"resumed\"").await;
    let cancelled = world.run(&format!("runs cancel {id}")).await.expect(0);
    assert!(cancelled.stdout.contains("is cancelled"), "{}", cancelled.stdout);
    assert_eq!(run.finish().await.expect(130).view().state, RunState::Paused);
    assert_eq!(end_of(&resumed.finish().await.expect(130).stdout), RunState::Cancelled);
    for command in ["runs show nobody", "runs pause nobody", "runs log nobody", "runs retry nobody"] {
        let unknown = world.run(command).await.expect(2);
        assert!(unknown.stderr.contains("there is no run nobody"), "{}", unknown.stderr);
    }
    let log = world.run(&format!("runs log {id}")).await.expect(0);
    assert!(log.stdout.contains("paused"), "{}", log.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_live_runs_never_collide_on_one_namespace() {
    let world = World::new().await;
    let mut first = half_way(&world, &format!("{MIRROR} --json")).await;
    let started = first.until("\"event\":\"started\"").await;
    let started: Event = serde_json::from_str(&started).unwrap();

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
async fn a_reader_who_leaves_stops_the_run() {
    let world = World::new().await;
    let mut run = slowly(&world, &format!("{MIRROR} --json")).await;
    run.until("\"event\":\"started\"").await;
    let Running { mut child, lines, .. } = run;
    drop(lines);
    // The next event that cannot be written tells it; a signal would come too late to be the cause.
    let status = child.wait().await.unwrap();
    assert_eq!(status.code(), Some(130));
    assert_eq!(newest(&world).await.state, RunState::Paused);
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

/// Where cargo-leptos would have put the app's files, empty.
fn serve(world: &World, arguments: &str) -> Command {
    fs::create_dir_all(world.path().join("site/pkg")).unwrap();
    let mut command = world.command(&format!("serve --listen 127.0.0.1:0 --json {arguments}"));
    command.env("LEPTOS_SITE_ROOT", world.path().join("site"));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_with_interrupted_runs_and_stops_within_its_time() {
    let world = World::new().await;
    let mut run = half_way(&world, MIRROR).await;
    run.child.kill().await.unwrap();
    let id = newest(&world).await.head.id;
    // Another one that hangs, so that the server has something to stop.
    world.state().clear_faults();
    world.state().add_fault(Fault::always(Endpoint::Upsert, Effect::Hang));
    let mut server = Running::start(serve(&world, "--resume"));
    server.until("\"app\"").await;
    let upserts = world.state().calls("target", Endpoint::Upsert).unwrap().requests;
    let state = world.state();
    eventually(|| state.calls("target", Endpoint::Upsert).unwrap().requests > upserts).await;
    assert_eq!(show(&world, &id).await.state, RunState::Running);
    server.signal("TERM").await;
    // The harness of a service manager kills after ten seconds; nothing here is measured by less.
    let ended = tokio::time::timeout(std::time::Duration::from_secs(10), server.finish()).await;
    ended.expect("it takes ten seconds at most").expect(0);
    let stopped = show(&world, &id).await;
    assert_eq!(stopped.state, RunState::Paused);

    // The second signal ends it at once, whatever hangs.
    let mut server = Running::start(serve(&world, "--resume"));
    server.until("\"app\"").await;
    let upserts = world.state().calls("target", Endpoint::Upsert).unwrap().requests;
    eventually(|| state.calls("target", Endpoint::Upsert).unwrap().requests > upserts).await;
    server.signal("TERM").await;
    server.signal("TERM").await;
    let code = server.finish().await.code;
    assert!(matches!(code, Some(0 | 130)), "{code:?}");

    world.state().clear_faults();
    world.run(&format!("runs resume {id}")).await.expect(0);
    world.run(&format!("analyze {SAMPLE}")).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_used_is_left_alone() {
    let world = World::new().await;
    let data = world.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let text = "this is no database, and somebody may need it";
    fs::write(data.join("tain.db"), text).unwrap();
    for command in ["runs", &format!("analyze {SAMPLE}"), "serve --listen 127.0.0.1:0", "schedules"] {
        fs::create_dir_all(world.path().join("site/pkg")).unwrap();
        let mut command = world.command(command);
        command.env("LEPTOS_SITE_ROOT", world.path().join("site"));
        let refused = support::finish(command).await.expect(2);
        assert!(
            refused.stderr.contains("tain.db is damaged or is not a store of tain"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(fs::read_to_string(data.join("tain.db")).unwrap(), text);
    // What needs no store does not look at it.
    for command in ["config", "namespaces"] {
        world.run(command).await.expect(0);
    }
    assert!(exists_only(&data, "tain.db"));
}

fn exists_only(directory: &Path, name: &str) -> bool {
    fs::read_dir(directory).unwrap().all(|entry| entry.unwrap().file_name() == name)
}
