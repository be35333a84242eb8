//! The registry of runs and the backend of the pages, in this process, against a sandbox over HTTP.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::{collections::HashMap, sync::Arc};

use app::{ApiError, Backend};
use protocol::{
    Category, Differences, Event, PAGE_ROWS, PageQuery, PauseReason, Reading, Reuse, RunFilter, RunId,
    RunKind, RunRequest, RunState, RunView,
};
use sandbox::{Body, Effect, Endpoint, Fault, Period, When};
use server::{
    backend::ServerBackend,
    clock::system_clock,
    config::{Sources, load},
    connections::Connections,
    runs::{Runs, StartError, Started},
    schedules::Schedules,
};
use store::{Commit, LedgerKey};
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

/// A registry on the world's data directory: two of them are two processes to each other.
async fn runs(world: &World) -> Arc<Runs> {
    runs_with(world, &[]).await
}

async fn runs_with(world: &World, more: &[(&str, &str)]) -> Arc<Runs> {
    Runs::open(connections(world, more), system_clock()).await.unwrap()
}

fn request(kind: RunKind) -> RunRequest {
    RunRequest { batch_size: Some(20), reuse: Reuse::Never, ..RunRequest::new(kind, SAMPLE) }
}

/// A mirroring in so many writes that what another process asks for arrives before its end, however busy the machine is.
fn in_small_writes() -> RunRequest {
    RunRequest { batch_size: Some(2), ..request(RunKind::Mirror) }
}

/// Waits until a run has made the call that hangs.
async fn hanging(world: &World) {
    let state = world.state();
    eventually(|| state.main_calls(Endpoint::Embed).requests > 0).await;
}

/// Applies events until the run has ended.
async fn ended(mut view: RunView, mut events: broadcast::Receiver<Arc<Event>>) -> RunView {
    while view.state.is_live() {
        assert!(view.apply(&events.recv().await.unwrap()), "an event is missing");
    }
    view
}

/// Runs one to its end.
async fn done(runs: &Arc<Runs>, request: RunRequest) -> RunView {
    let started = runs.start(request).await.unwrap();
    ended(started.view, started.events).await
}

/// Every write takes a while from the second one on, so that a run can be met half way.
fn slow(world: &World) {
    world.state().add_fault(Fault::always(Endpoint::Upsert, Effect::Latency { ms: 300 }).when(When::From(2)));
}

/// Waits until something of a run is in the target.
async fn half_way(world: &World) {
    let state = world.state();
    eventually(|| state.calls("target", Endpoint::Upsert).unwrap().requests >= 2).await;
}

/// A mirroring that was stopped with its process when something of it was in the target; the world is slow still.
async fn stopped_half_way() -> (World, Arc<Runs>, Started) {
    let world = World::new().await;
    slow(&world);
    let runs = runs(&world).await;
    let run = runs.start(request(RunKind::Mirror)).await.unwrap();
    half_way(&world).await;
    assert!(runs.shut_down().await);
    (world, runs, run)
}

/// The state of a run, as a registry sees it.
async fn state(runs: &Runs, id: &RunId) -> RunState {
    runs.view(id).await.unwrap().unwrap().state
}

/// Waits until a registry sees a run in a state.
async fn until(runs: &Runs, id: &RunId, wanted: RunState) {
    while state(runs, id).await != wanted {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_subscribes_late_gets_the_same_view() {
    let world = World::new().await;
    let runs = runs(&world).await;
    let started = runs.start(request(RunKind::Mirror)).await.unwrap();
    assert_eq!(started.view.seq, 1);
    let late = runs.subscribe(&started.id).await.unwrap().unwrap();
    let (early, late) = tokio::join!(ended(started.view, started.events), ended(late.0, late.1));
    assert_eq!(early, late);
    runs.finish().await;
    let kept = runs.view(&started.id).await.unwrap().unwrap();
    assert_eq!(kept.log, early.log);
    assert_eq!(kept, early, "the store has all of it");
    assert_eq!(early.state, RunState::Done);
    let all = PageQuery { limit: 10_000, ..PageQuery::default() };
    let records = runs.records(&started.id, Category::NoText, &all).await.unwrap().unwrap();
    assert_eq!(records.total, early.progress.counts.no_text);
    assert_eq!(records.ids.len() as u64, records.total);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_by_every_process() {
    let world = World::new().await;
    let first = runs(&world).await;
    let tiny = RunRequest { namespace: "release-notes".to_owned(), ..request(RunKind::Analyze) };
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, done(&first, tiny.clone()).await.head.id);
    }
    let mirror = done(&first, RunRequest { kind: RunKind::Mirror, ..tiny }).await.head.id;
    first.finish().await;
    let second = runs(&world).await;
    let listed = async |filter: RunFilter| {
        let page = second.list(&filter).await.unwrap();
        (page.runs.into_iter().map(|row| row.head.id).collect::<Vec<_>>(), page.next)
    };
    let (all, next) = listed(RunFilter::default()).await;
    assert_eq!((all[0].clone(), &all[1..]), (mirror.clone(), &ids[..]));
    assert!(next.is_none());
    let (page, next) = listed(RunFilter { limit: 2, ..RunFilter::default() }).await;
    assert_eq!(page, all[..2]);
    let (page, _) = listed(RunFilter { before: next, ..RunFilter::default() }).await;
    assert_eq!(page, all[2..]);
    let mirrors = listed(RunFilter { kind: Some(RunKind::Mirror), ..RunFilter::default() }).await;
    assert_eq!(mirrors.0, [mirror]);
    let others = RunFilter { namespace: "nobody".to_owned(), ..RunFilter::default() };
    assert!(listed(others).await.0.is_empty());
    let live = RunFilter { states: vec![RunState::Running], ..RunFilter::default() };
    assert!(listed(live).await.0.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_is_told_which_one_holds_the_namespace() {
    let world = World::new().await;
    world.hang(Endpoint::Embed, 1);
    let (runs, other) = (runs(&world).await, runs(&world).await);
    let first = runs.start(request(RunKind::Mirror)).await.unwrap();
    hanging(&world).await;
    for registry in [&runs, &other] {
        match registry.start(request(RunKind::Reembed)).await {
            Err(StartError::Busy { message, holder }) => {
                assert_eq!(holder, Some(first.id.clone()));
                for part in [SAMPLE, &first.id.0, "since 20"] {
                    assert!(message.contains(part), "{message}");
                }
            }
            other => panic!("{:?}", other.map(|started| started.id)),
        }
    }
    runs.start(request(RunKind::Analyze)).await.unwrap();

    assert!(runs.cancel(&first.id).await.unwrap());
    assert!(!runs.cancel(&RunId("nobody".into())).await.unwrap());
    let view = ended(first.view, first.events).await;
    assert_eq!(view.state, RunState::Cancelled);
    runs.finish().await;
    assert!(matches!(
        other.resume(&first.id).await,
        Err(StartError::Invalid { field: "run", message }) if message.contains("is cancelled")
    ));
    assert_eq!(done(&other, request(RunKind::Mirror)).await.state, RunState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_connecting_hears_that_the_process_stops() {
    let world = World::new().await;
    world.state().add_fault(Fault::always(Endpoint::Describe, Effect::Hang));
    let runs = runs(&world).await;
    let starting = tokio::spawn({
        let runs = runs.clone();
        async move { runs.start(request(RunKind::Mirror)).await.map(|started| started.id) }
    });
    let state = world.state();
    eventually(|| state.main_calls(Endpoint::Describe).requests > 0).await;
    assert!(runs.shut_down().await);
    assert!(matches!(starting.await.unwrap(), Err(StartError::Stopping)));
    let begun = runs.list(&RunFilter::default()).await.unwrap();
    assert!(begun.runs.is_empty(), "{begun:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_stops_at_a_checkpoint_and_the_next_process_goes_on() {
    let (world, first, run) = stopped_half_way().await;
    let view = first.view(&run.id).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Paused);
    assert_eq!(view.pause.unwrap().reason, PauseReason::Shutdown);
    let written = view.progress.counts.migrated + view.progress.counts.updated;
    assert!(written > 0);
    assert!(matches!(first.start(request(RunKind::Analyze)).await, Err(StartError::Stopping)));
    assert!(matches!(first.resume(&run.id).await, Err(StartError::Stopping)));

    world.state().clear_faults();
    let second = runs(&world).await;
    let resumed = second.resume(&run.id).await.unwrap();
    assert!(resumed.view.seq > view.seq);
    let end = ended(resumed.view, resumed.events).await;
    assert_eq!(end.state, RunState::Done, "{:?}", end.error);
    assert!(end.progress.counts.migrated + end.progress.counts.updated > written);
    assert_eq!(world.state().embedded().texts, end.progress.counts.embedded, "nothing was paid for twice");
    second.finish().await;
    let analysis = done(&second, request(RunKind::Analyze)).await;
    assert!(!analysis.plan.unwrap().has_work());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_only_with_the_settings_that_it_began_with() {
    let (world, _first, run) = stopped_half_way().await;
    world.state().clear_faults();
    let paid = world.state().embedded().texts;
    for (variable, value, words) in [
        ("GEMINI_TASK_TYPE", "RETRIEVAL_QUERY", "/RETRIEVAL_DOCUMENT and is "),
        ("TEXT_METADATA_KEY", "body", "the text key was text and is body"),
        ("NEW_METADATA_KEY", "level", "the added key was clearance_level and is level"),
        ("NEW_METADATA_VALUE", "2", "the added value was 1 and is 2"),
    ] {
        let other = runs_with(&world, &[(variable, value)]).await;
        match other.resume(&run.id).await {
            Err(StartError::Invalid { field: "run", message }) => {
                assert!(message.contains(words) && message.contains(variable), "{message}");
            }
            other => panic!("{variable}: {:?}", other.map(|started| started.id)),
        }
        other.go_on().await.unwrap();
        assert_eq!(state(&other, &run.id).await, RunState::Paused, "{variable}: nor by itself");
    }
    assert_eq!(world.state().embedded().texts, paid);
    let second = runs(&world).await;
    let resumed = second.resume(&run.id).await.unwrap();
    assert_eq!(ended(resumed.view, resumed.events).await.state, RunState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_an_older_version_goes_on() {
    let (world, first, run) = stopped_half_way().await;
    world.state().clear_faults();
    // It did not keep what it wrote with.
    let mut view = first.view(&run.id).await.unwrap().unwrap();
    assert!(view.head.writing.take().is_some());
    let old = serde_json::to_value(&view.head).unwrap();
    let old = old.as_object().unwrap().iter().filter(|(key, _)| *key != "writing");
    let old: serde_json::Map<_, _> = old.map(|(key, value)| (key.clone(), value.clone())).collect();
    view.head = serde_json::from_value(old.into()).unwrap();
    first.store().commit(&run.id, Commit { view: Some(view), ..Commit::default() }).await.unwrap();
    let second = runs_with(&world, &[("GEMINI_TASK_TYPE", "RETRIEVAL_QUERY")]).await;
    let resumed = second.resume(&run.id).await.unwrap();
    assert_eq!(ended(resumed.view, resumed.events).await.state, RunState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_paused_resumed_and_given_up_from_another_process() {
    let world = World::new().await;
    slow(&world);
    let (here, there) = (runs(&world).await, runs(&world).await);
    let run = here.start(in_small_writes()).await.unwrap();
    half_way(&world).await;
    assert_eq!(state(&there, &run.id).await, RunState::Running);
    assert!(matches!(
        there.resume(&run.id).await,
        Err(StartError::Busy { message, holder }) if holder == Some(run.id.clone()) && message.contains("at work")
    ));

    // Whoever follows it elsewhere is told that it moved, and looks again.
    let (mut seen, mut moves) = there.subscribe(&run.id).await.unwrap().unwrap();
    assert!(there.pause(&run.id).await.unwrap());
    let paused = ended(run.view, run.events).await;
    assert_eq!((paused.state, paused.pause.unwrap().reason), (RunState::Paused, PauseReason::Requested));
    while seen.state.is_live() {
        assert!(matches!(moves.recv().await, Err(broadcast::error::RecvError::Closed)));
        (seen, moves) = there.subscribe(&run.id).await.unwrap().unwrap();
    }
    assert_eq!((seen.state, seen.seq), (RunState::Paused, paused.seq));

    // A pause of what is paused changes nothing, and is not remembered.
    assert!(there.pause(&run.id).await.unwrap());
    here.finish().await;
    // What is left must not come to its end: a run that does is done, whatever was asked of it meanwhile.
    world.state().add_fault(Fault::always(Endpoint::Upsert, Effect::Hang));
    let resumed = there.resume(&run.id).await.unwrap();
    assert_eq!(state(&here, &run.id).await, RunState::Running);
    assert!(here.pause(&run.id).await.unwrap());
    assert_eq!(ended(resumed.view, resumed.events).await.state, RunState::Paused);
    there.finish().await;

    assert!(here.cancel(&run.id).await.unwrap());
    for registry in [&here, &there] {
        let view = registry.view(&run.id).await.unwrap().unwrap();
        assert_eq!((view.state, view.pause), (RunState::Cancelled, None));
        assert!(registry.resume(&run.id).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_cancelled_from_another_process() {
    let world = World::new().await;
    slow(&world);
    let (here, there) = (runs(&world).await, runs(&world).await);
    let run = here.start(in_small_writes()).await.unwrap();
    half_way(&world).await;
    assert!(there.cancel(&run.id).await.unwrap());
    assert_eq!(ended(run.view, run.events).await.state, RunState::Cancelled);
    here.finish().await;
    assert_eq!(state(&there, &run.id).await, RunState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_with_what_was_stopped() {
    let world = World::new().await;
    slow(&world);
    let first = runs(&world).await;
    let run = first.start(request(RunKind::Mirror)).await.unwrap();
    let quick = RunRequest { namespace: "release-notes".to_owned(), ..request(RunKind::Mirror) };
    let paused = first.start(quick).await.unwrap();
    first.pause(&paused.id).await.unwrap();
    let paused = ended(paused.view, paused.events).await;
    half_way(&world).await;
    assert!(first.shut_down().await);
    world.state().clear_faults();
    let second = runs(&world).await;
    second.go_on().await.unwrap();
    until(&second, &run.id, RunState::Done).await;
    // Whoever paused a run wants it to wait. It may have been done before it was asked.
    assert_eq!(state(&second, &paused.head.id).await, paused.state);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_carried_out_only_where_it_was_made_for() {
    let world = World::new().await;
    let registry = runs(&world).await;
    let analysis = done(&registry, request(RunKind::Analyze)).await;
    let plan = analysis.plan.unwrap();
    let planned = |hash: &str| RunRequest { plan: Some(hash.to_owned()), ..request(RunKind::Mirror) };
    let refused = async |registry: &Arc<Runs>, request: RunRequest| match registry.start(request).await {
        Err(StartError::Invalid { field: "plan", message }) => message,
        other => panic!("{:?}", other.map(|started| started.id)),
    };
    let unknown = refused(&registry, planned("ffffffff")).await;
    assert!(unknown.contains("there is no plan ffffffff"), "{unknown}");
    let elsewhere = RunRequest { namespace: "release-notes".to_owned(), ..planned(&plan.hash) };
    assert!(refused(&registry, elsewhere).await.contains("there is no plan"));
    let reuse = refused(&registry, RunRequest { reuse: Reuse::SameText, ..planned(&plan.hash) }).await;
    assert!(reuse.contains("--reuse was never and is same-text"), "{reuse}");
    assert!(
        refused(&registry, RunRequest { kind: RunKind::Analyze, ..planned(&plan.hash) })
            .await
            .contains("follows none")
    );
    for (variable, value, word) in [
        ("NEW_METADATA_VALUE", "2", "the added value was 1 and is 2"),
        ("NEW_METADATA_KEY", "level", "the added key"),
        ("TEXT_METADATA_KEY", "body", "the text key"),
    ] {
        let other = runs_with(&world, &[(variable, value)]).await;
        let message = refused(&other, planned(&plan.hash)).await;
        assert!(message.contains(word), "{message}");
    }
    let run = done(&registry, planned(&plan.hash[..6])).await;
    assert_eq!(run.state, RunState::Done);
    assert_eq!(run.head.request.plan, Some(plan.hash.clone()), "the whole hash");
    assert_eq!(run.head.origin, Some(analysis.head.id));
    assert_eq!((run.progress.counts.migrated, run.progress.counts.updated), (plan.missing, plan.changed));
    assert_eq!(world.state().embedded().texts, plan.embeddings);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_records_are_tried_again_with_the_options_of_their_run() {
    let world = World::new().await;
    let runs = runs(&world).await;
    let poison = Effect::Status { code: 400, body: Body::Json, retry_after: None, message: None };
    world.state().add_fault(Fault::always(Endpoint::Embed, poison).when(When::First(60)));
    let failed = done(&runs, request(RunKind::Mirror)).await;
    assert_eq!(failed.state, RunState::DoneWithFailures, "{:?}", failed.error);
    let count = failed.progress.counts.failed;
    assert!(count > 0);
    runs.finish().await;
    world.state().clear_faults();
    let retry =
        |id: &RunId| RunRequest { retry: Some(id.clone()), ..RunRequest::new(RunKind::Mirror, SAMPLE) };
    let again = done(&runs, retry(&failed.head.id)).await;
    assert_eq!(again.state, RunState::Done, "{:?}", again.error);
    assert_eq!(again.head.request.batch_size, Some(20));
    assert_eq!(again.head.origin, Some(failed.head.id));
    assert_eq!(again.progress.counts.migrated + again.progress.counts.updated, count);
    runs.finish().await;
    let refused = runs.start(retry(&again.head.id)).await;
    assert!(matches!(refused, Err(StartError::Invalid { field: "retry", .. })));
    let refused = runs.start(retry(&RunId("nobody".to_owned()))).await;
    assert!(matches!(refused, Err(StartError::UnknownRun(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_a_quota_goes_on_by_itself_once_it_is_there_again() {
    let world = World::new().await;
    let used_up = Effect::Quota { period: Period::Day, retry_seconds: 3_600.0 };
    world.state().add_fault(Fault::always(Endpoint::Embed, used_up).when(When::From(3)));
    let first = runs(&world).await;
    let paused = done(&first, request(RunKind::Mirror)).await;
    let pause = paused.pause.unwrap();
    assert_eq!((paused.state, pause.reason), (RunState::Paused, PauseReason::Quota));
    let again = pause.until.unwrap();
    first.finish().await;
    world.state().clear_faults();
    drop(first);

    // A server that comes up before that leaves it alone, and so does one that is told to go on with what was stopped.
    let early = Runs::open(connections(&world, &[]), Arc::new(move || again - 1)).await.unwrap();
    early.watch_quotas();
    early.go_on().await.unwrap();
    assert_eq!(state(&early, &paused.head.id).await, RunState::Paused);
    drop(early);
    let server = Runs::open(connections(&world, &[]), Arc::new(move || again)).await.unwrap();
    server.watch_quotas();
    until(&server, &paused.head.id, RunState::Done).await;
    assert_eq!(
        world.state().embedded().texts,
        server.view(&paused.head.id).await.unwrap().unwrap().progress.counts.embedded
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_ever_in_the_store() {
    let world = World::new().await;
    let runs = runs(&world).await;
    let echo = Effect::Status {
        code: 400,
        body: Body::Text,
        retry_after: None,
        message: Some(format!("the key {KEY} is fine, the text is not")),
    };
    world.state().add_fault(Fault::always(Endpoint::Embed, echo).when(When::First(10)));
    done(&runs, request(RunKind::Mirror)).await;
    runs.finish().await;
    let refused =
        Effect::Status { code: 401, body: Body::Text, retry_after: None, message: Some(KEY.to_owned()) };
    world.state().add_fault(Fault::always(Endpoint::List, refused));
    assert_eq!(done(&runs, request(RunKind::Analyze)).await.state, RunState::Failed);
    runs.finish().await;
    let mut files = 0;
    let mut left = vec![world.path().to_path_buf()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            let part = &KEY.as_bytes()[4..];
            assert!(!bytes.windows(part.len()).any(|window| window == part), "{}", path.display());
        }
    }
    assert!(files > 1, "the store is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_see_unknown_where_a_service_does_not_answer_and_never_a_key() {
    let world = World::new().await;
    let backend = |runs: Arc<Runs>| {
        let schedules = Arc::new(Schedules::of(&runs, system_clock()));
        ServerBackend::new(runs, schedules)
    };
    let good = backend(runs(&world).await);
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

    let keyless = [("PINECONE_API_KEY", ""), ("GOOGLE_AI_API_KEY", "")];
    let keyless = backend(runs_with(&world, &keyless).await);
    assert_eq!(keyless.overview().await.problems.len(), 2);
    assert!(matches!(
        keyless.start(request(RunKind::Analyze)).await,
        Err(ApiError::NotConfigured { message }) if message.contains("PINECONE_API_KEY")
    ));
    assert!(matches!(keyless.cancel(&RunId("nobody".into())).await, Err(ApiError::UnknownRun { .. })));
    let odd = RunRequest { namespace: "ü".to_owned(), ..request(RunKind::Analyze) };
    assert!(matches!(good.start(odd).await, Err(ApiError::Invalid { field, .. }) if field == "namespace"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_compared_with_the_newest_earlier_one_like_it() {
    let world = World::new().await;
    let runs = runs(&world).await;
    // The next one begins once the one before has let go of its namespace.
    let done = async |request| {
        let view = done(&runs, request).await;
        runs.finish().await;
        view
    };
    let of = |kind, namespace: &str| RunRequest { namespace: namespace.to_owned(), ..request(kind) };
    let first = done(of(RunKind::Mirror, "release-notes")).await;
    // None of these is like the others.
    let dry = RunRequest { dry_run: true, ..of(RunKind::Mirror, "release-notes") };
    let dry = done(dry).await;
    done(of(RunKind::Analyze, "release-notes")).await;
    done(of(RunKind::Mirror, SAMPLE)).await;
    let second = RunRequest { batch_size: None, ..of(RunKind::Mirror, "release-notes") };
    let second = done(second).await;
    done(of(RunKind::Mirror, "release-notes")).await;

    let alone = runs.compare(&first.head.id, None).await.unwrap();
    assert_eq!((alone.with, alone.earlier), (None, Vec::new()));
    // What came later is not among the earlier ones.
    let both = runs.compare(&second.head.id, None).await.unwrap();
    let with = both.with.unwrap();
    assert_eq!(with.summary, first.summary());
    assert_eq!(both.earlier, [first.summary()]);
    let found = Differences::between(&with, &both.run);
    let number = |name: &str| {
        let row = found.counts.iter().find(|row| row.what.name() == name).unwrap();
        (row.with, row.run)
    };
    assert_eq!(number("migrated"), (first.progress.counts.migrated, 0));
    assert_eq!(number("in-sync"), (first.progress.counts.in_sync, second.progress.counts.in_sync));
    assert_eq!(found.settings.iter().map(|row| row.what).collect::<Vec<_>>(), ["batch size"]);
    let embeds = found.requests.iter().find(|row| row.what == "gemini embed").unwrap();
    assert!(embeds.with > 0 && embeds.run == 0, "{embeds:?}");

    let named = runs.compare(&second.head.id, Some(&dry.head.id)).await.unwrap();
    assert_eq!(named.with.unwrap().summary, dry.summary());
    let nobody = RunId("nobody".to_owned());
    for (run, with) in [(&nobody, None), (&nobody, Some(&first.head.id)), (&first.head.id, Some(&nobody))] {
        let refused = runs.compare(run, with).await;
        assert!(matches!(refused, Err(StartError::UnknownRun(run)) if run == nobody));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_over_many_pages_of_others_are_found_to_compare_with() {
    let world = World::new().await;
    let runs = runs(&world).await;
    let first = done(&runs, request(RunKind::Analyze)).await;
    runs.finish().await;
    // More than two pages of runs that differ in what the store does not sort by.
    let mut other = first.clone();
    other.head.source = "another-index".to_owned();
    let ledger = LedgerKey { target: "elsewhere".to_owned(), namespace: SAMPLE.to_owned() };
    for number in 0..(2 * PAGE_ROWS + 1) {
        other.head.id = RunId(format!("other-{number}"));
        runs.store().begin(&other, &ledger).await.unwrap();
    }
    let last = done(&runs, request(RunKind::Analyze)).await;
    let found = runs.compare(&last.head.id, None).await.unwrap();
    assert_eq!(found.earlier, [first.summary()]);
}
