//! The registry of runs and the backend of the pages, in this process, against a sandbox over HTTP.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::{collections::HashMap, sync::Arc};

use app::{ApiError, Backend};
use protocol::{Category, Event, Reading, Reuse, RunId, RunKind, RunRequest, RunState, RunView};
use sandbox::{Body, Effect, Endpoint, Fault};
use server::{
    backend::ServerBackend,
    clock::system_clock,
    config::{Sources, load},
    connections::Connections,
    runs::{Runs, StartError},
};
use support::{KEY, SAMPLE, World, eventually};
use tokio::sync::broadcast;

fn connections(world: &World, more: &[(&str, &str)]) -> Arc<Connections> {
    let mut environment = HashMap::from([
        ("PINECONE_API_KEY".to_owned(), KEY.to_owned()),
        ("GOOGLE_AI_API_KEY".to_owned(), KEY.to_owned()),
        ("PINECONE_CONTROLLER_HOST".to_owned(), world.sandbox.url()),
        ("GOOGLE_GEMINI_BASE_URL".to_owned(), world.sandbox.url()),
        ("TAIN_DATA_DIR".to_owned(), world.path().display().to_string()),
    ]);
    environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let sources = Sources { environment, directory: world.path().to_path_buf(), ..Sources::default() };
    Arc::new(Connections::new(load(&sources).unwrap()))
}

fn runs(world: &World) -> Runs {
    Runs::new(connections(world, &[]), system_clock())
}

fn request(kind: RunKind) -> RunRequest {
    RunRequest {
        kind,
        namespace: SAMPLE.to_owned(),
        dry_run: false,
        reuse: Reuse::Never,
        overwrite_added: false,
        batch_size: Some(20),
        plan: None,
    }
}

/// Waits until a run has made the call that hangs.
async fn hanging(world: &World) {
    let state = world.state();
    eventually(|| state.main_calls(Endpoint::Embed).requests > 0).await;
}

/// Applies events until the run has ended.
async fn ended(mut view: RunView, mut events: broadcast::Receiver<Arc<Event>>) -> RunView {
    while !view.state.is_final() {
        assert!(view.apply(&events.recv().await.unwrap()), "an event is missing");
    }
    view
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_subscribes_late_gets_the_same_view() {
    let world = World::new().await;
    let runs = runs(&world);
    let started = runs.start(request(RunKind::Mirror)).await.unwrap();
    assert_eq!(started.view.seq, 1);
    let late = runs.subscribe(&started.id).unwrap();
    let (early, late) = tokio::join!(ended(started.view, started.events), ended(late.0, late.1));
    assert_eq!(early, late);
    runs.finish().await;
    assert_eq!(runs.view(&started.id), Some(early.clone()));
    assert_eq!(early.state, RunState::Done);
    let records = runs.records(&started.id, Category::NoText).unwrap();
    assert_eq!(records.total, early.progress.counts.no_text);
    assert_eq!(records.ids.len() as u64, records.total);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_and_the_oldest_are_forgotten() {
    let world = World::new().await;
    let runs = runs(&world);
    let mut ids = Vec::new();
    let tiny = RunRequest { namespace: "release-notes".to_owned(), ..request(RunKind::Analyze) };
    for _ in 0..205 {
        let started = runs.start(tiny.clone()).await.unwrap();
        ids.push(started.id.clone());
        ended(started.view, started.events).await;
    }
    // One more run is what makes the registry forget; by then the others have ended.
    runs.finish().await;
    let last = runs.start(tiny).await.unwrap();
    ids.push(last.id.clone());
    ended(last.view, last.events).await;
    let listed: Vec<RunId> = runs.list().into_iter().map(|row| row.head.id).collect();
    ids.reverse();
    assert_eq!(listed, ids[..201]);
    assert!(runs.view(&ids[205]).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_is_told_which_one_holds_the_namespace() {
    let world = World::new().await;
    world.hang(Endpoint::Embed, 1);
    let runs = runs(&world);
    let first = runs.start(request(RunKind::Mirror)).await.unwrap();
    hanging(&world).await;
    match runs.start(request(RunKind::Reembed)).await {
        Err(StartError::Busy { message, holder }) => {
            assert_eq!(holder, Some(first.id.clone()));
            assert!(message.contains(SAMPLE), "{message}");
        }
        other => panic!("{:?}", other.map(|started| started.id)),
    }
    runs.start(request(RunKind::Analyze)).await.unwrap();

    assert!(runs.cancel(&first.id));
    assert!(!runs.cancel(&RunId("nobody".into())));
    let view = ended(first.view, first.events).await;
    assert_eq!(view.state, RunState::Cancelled);
    runs.finish().await;
    let again = runs.start(request(RunKind::Mirror)).await.unwrap();
    assert_eq!(ended(again.view, again.events).await.state, RunState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_cancels_what_runs_and_refuses_what_comes() {
    let world = World::new().await;
    world.hang(Endpoint::Embed, 1);
    let runs = runs(&world);
    let run = runs.start(request(RunKind::Mirror)).await.unwrap();
    hanging(&world).await;
    assert!(runs.shut_down().await);
    assert_eq!(runs.view(&run.id).unwrap().state, RunState::Cancelled);
    assert!(matches!(runs.start(request(RunKind::Analyze)).await, Err(StartError::Stopping)));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_see_unknown_where_a_service_does_not_answer_and_never_a_key() {
    let world = World::new().await;
    let backend = |connections: Arc<Connections>| {
        let runs = Arc::new(Runs::new(connections.clone(), system_clock()));
        ServerBackend::new(connections, runs)
    };
    let good = backend(connections(&world, &[]));
    let overview = good.overview().await;
    assert!(overview.sandbox && overview.problems.is_empty(), "{overview:?}");
    assert_eq!(overview.target.dimension, Reading::Known(Some(3_072)));
    assert!(overview.source.records.known().is_some_and(|records| *records > 300));
    assert!(good.namespaces().await.problems.is_empty());

    let refused = Effect::Status {
        code: 401,
        body: Body::Text,
        retry_after: None,
        message: Some(format!("the key {KEY} is wrong")),
    };
    world.state().add_fault(Fault::always(Endpoint::Stats, refused).at("target"));
    let overview = good.overview().await;
    assert!(overview.source.records.known().is_some());
    assert!(
        matches!(&overview.target.records, Reading::Unknown(reason) if !reason.contains(KEY)),
        "{overview:?}"
    );
    let namespaces = good.namespaces().await;
    assert_eq!(namespaces.problems.len(), 1);
    let shown = serde_json::to_string(&(overview, namespaces)).unwrap();
    assert!(!shown.contains(&KEY[4..]), "{shown}");

    let keyless = backend(connections(&world, &[("PINECONE_API_KEY", ""), ("GOOGLE_AI_API_KEY", "")]));
    assert_eq!(keyless.overview().await.problems.len(), 2);
    assert!(matches!(
        keyless.start(request(RunKind::Analyze)).await,
        Err(ApiError::NotConfigured { message }) if message.contains("PINECONE_API_KEY")
    ));
    assert!(matches!(keyless.cancel(&RunId("nobody".into())), Err(ApiError::UnknownRun { .. })));
    let odd = RunRequest { namespace: "ü".to_owned(), ..request(RunKind::Analyze) };
    assert!(matches!(good.start(odd).await, Err(ApiError::Invalid { field, .. }) if field == "namespace"));
}
