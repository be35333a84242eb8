//! Runs over several namespaces.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use protocol::{RunState, RunSummary, RunView};
use sandbox::{Body, Effect, Endpoint, Fault, NewRecord, Options, Page, When};
use serde_json::json;
use support::{Running, World, eventually};

const NAMESPACES: [&str; 4] = ["team-a", "team-b", "team-c", "other"];

/// Ten records in each of four namespaces.
async fn world() -> World {
    let world = World::with(Options::default()).await;
    for namespace in NAMESPACES {
        let record = |number: u32| NewRecord {
            id: format!("r{number}"),
            metadata: json!({"text": format!("{namespace} {number}")}).as_object().cloned().unwrap(),
            ..NewRecord::default()
        };
        world.state().put("source", namespace, (0..10).map(record).collect()).unwrap();
    }
    world
}

async fn show(world: &World, id: &str) -> RunView {
    serde_json::from_str(&world.run(&format!("runs {id} --json")).await.expect(0).stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_namespaces_that_match_are_one_run_with_a_run_each() {
    let world = world().await;
    let run =
        world.run("mirror --all-namespaces --include=team-* --exclude=*-c --json").await.expect(0).view();
    assert_eq!(run.state, RunState::Done);
    let names: Vec<&str> = run.namespaces.iter().map(|row| row.namespace.as_str()).collect();
    assert_eq!(names, ["team-a", "team-b"]);
    assert_eq!(run.progress.counts.migrated, 20);
    for row in &run.namespaces {
        let own = show(&world, &row.run.as_ref().unwrap().0).await;
        assert_eq!((own.state, own.progress.counts.migrated), (RunState::Done, 10));
        assert_eq!(row.counts, own.progress.counts);
        assert_eq!(world.state().records("target", &row.namespace, Page::ALL).unwrap().len(), 10);
    }
    assert!(!world.state().namespaces("target").unwrap().contains_key("team-c"));
    let kept = show(&world, &run.head.id.0).await;
    assert_eq!(kept, run);

    let rest = world.run("analyze --all-namespaces").await.expect(1);
    for part in ["team-a", "other", "all namespaces"] {
        assert!(rest.stdout.contains(part), "{}", rest.stdout);
    }
    let all = world.run("mirror --all-namespaces").await.expect(0);
    assert!(all.stderr.contains("team-c: done, 10 written"), "{}", all.stderr);
    world.run("analyze --all-namespaces --exclude=nothing").await.expect(0);
    let none = world.run("mirror --all-namespaces --include=nobody").await.expect(2);
    assert!(none.stderr.contains("no namespace of gflops-serverless matches"), "{}", none.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_fails_keeps_no_other_and_is_tried_again() {
    let world = world().await;
    let refused = Effect::Status { code: 403, body: Body::Json, retry_after: None, message: None };
    // Both sides of the first namespace are listed first.
    world.state().add_fault(Fault::always(Endpoint::List, refused).at("source").when(When::First(1)));
    let run = world.run("mirror --all-namespaces --json").await.expect(4).view();
    assert_eq!(run.state, RunState::Failed);
    assert!(run.error.as_ref().unwrap().contains("1 of 4 namespaces failed: other"), "{:?}", run.error);
    let states: Vec<_> = run.namespaces.iter().map(|row| row.state).collect();
    assert_eq!(states[0], Some(RunState::Failed));
    assert!(states[1..].iter().all(|state| *state == Some(RunState::Done)), "{states:?}");

    let id = run.head.id.0;
    world.run(&format!("runs resume {id}")).await.expect(0);
    let end = show(&world, &id).await;
    assert_eq!((end.state, end.progress.counts.migrated), (RunState::Done, 40));
    assert_eq!(end.namespaces[0].run, run.namespaces[0].run, "the same run went on");
    assert_eq!(world.state().embedded().texts, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_is_paused_and_resumed_with_its_part() {
    let world = world().await;
    world.state().add_fault(Fault::always(Endpoint::Upsert, Effect::Latency { ms: 400 }).when(When::From(2)));
    let run = Running::start(world.command("mirror --all-namespaces --json"));
    let state = world.state();
    eventually(|| state.calls("target", Endpoint::Upsert).unwrap().requests >= 2).await;
    let list = world.run("runs list --json").await.expect(0);
    let rows: Vec<RunSummary> = list.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whole = rows.iter().find(|row| row.head.request.namespaces.is_some()).unwrap();
    let id = &whole.head.id;
    world.run(&format!("runs pause {id}")).await.expect(0);
    let view = run.finish().await.expect(130).view();
    assert_eq!(view.state, RunState::Paused);
    assert!(view.namespaces.iter().any(|row| row.run.is_none()), "{:?}", view.namespaces);
    assert!(view.namespaces.iter().all(|row| row.state.is_none_or(|state| !state.is_live())));

    world.state().clear_faults();
    world.run(&format!("runs resume {id}")).await.expect(0);
    let end = show(&world, &id.0).await;
    assert_eq!((end.state, end.progress.counts.migrated), (RunState::Done, 40));
    assert_eq!(world.state().embedded().texts, 40);
}
