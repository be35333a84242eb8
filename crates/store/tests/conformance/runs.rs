//! Runs as a whole.

use protocol::{
    EventBody, KEPT_FAILURES, KEPT_LOG_LINES, LogLevel, NamespacePatterns, Pause, PauseReason, Progress,
    RunFilter, RunId, RunKind, RunRequest, RunState, StepState,
};
use store::{Ask, Commit, Store, StoreError};

use super::{
    Place,
    made::{begun, end, event, failed, id, key, line, plan, view},
};

/// Commits events one by one, each with the view that it leads to, as a run does.
async fn live(store: &dyn Store, view: &mut protocol::RunView, bodies: Vec<EventBody>) {
    for body in bodies {
        let failures = match &body {
            EventBody::Failed(record) => vec![record.clone()],
            _ => Vec::new(),
        };
        let event = event(view, body);
        assert!(view.apply(&event));
        let commit = Commit { view: Some(view.clone()), events: vec![event], failures, ..Commit::default() };
        store.commit(&view.head.id.clone(), commit).await.unwrap();
    }
}

pub async fn a_run_comes_back_as_it_was_committed(place: &impl Place) {
    let store = place.open().await;
    let mut view = view("m-1", RunRequest::new(RunKind::Mirror, "ns"));
    store.begin(&view, &key("ns")).await.unwrap();
    assert_eq!(store.view(&id("m-1")).await.unwrap().as_ref(), Some(&view));

    let mut progress = Progress::default();
    progress.counts.in_sync = 7;
    let pause = Pause { reason: PauseReason::Quota, message: "spent".to_owned(), until: Some(5) };
    let bodies = vec![
        EventBody::Started(Box::new(view.head.clone())),
        line(LogLevel::Info, "begun"),
        EventBody::Progress(Box::new(progress)),
        EventBody::Failed(failed("b", "no")),
        EventBody::Failed(failed("a", "no, either")),
        EventBody::Plan(Box::new(plan("7c41"))),
        line(LogLevel::Error, "it's \"broken\"\nfor good: 日本"),
        EventBody::Finished { state: RunState::Paused, error: None, pause: Some(pause) },
    ];
    live(&*store, &mut view, bodies).await;
    assert_eq!(store.view(&id("m-1")).await.unwrap().as_ref(), Some(&view));
    store
        .commit(&id("m-1"), Commit { checkpoint: Some("{\"x\":1}".to_owned()), ..Commit::default() })
        .await
        .unwrap();

    let again = place.open().await;
    assert_eq!(again.view(&id("m-1")).await.unwrap().as_ref(), Some(&view));
    assert_eq!(again.checkpoint(&id("m-1")).await.unwrap().as_deref(), Some("{\"x\":1}"));
    assert_eq!(again.runs(&RunFilter::default()).await.unwrap().runs, [view.summary()]);

    live(&*again, &mut view, vec![EventBody::Resumed, line(LogLevel::Info, "on again")]).await;
    view.plan = None;
    again.commit(&id("m-1"), Commit { view: Some(view.clone()), ..Commit::default() }).await.unwrap();
    assert_eq!(store.view(&id("m-1")).await.unwrap().as_ref(), Some(&view), "even what was taken back");
    assert_eq!(store.view(&id("m-2")).await.unwrap(), None);
}

pub async fn what_a_view_holds_is_bounded(place: &impl Place) {
    let store = place.open().await;
    let mut view = begun(&*store, "m").await;
    for part in 0..3 {
        let (mut events, mut failures) = (Vec::new(), Vec::new());
        for number in 0..KEPT_LOG_LINES / 2 {
            for body in [
                line(LogLevel::Info, &format!("{part} {number}")),
                // Not in the order of the ids: the first to fail are the first to be seen.
                EventBody::Failed(failed(&format!("{}", 9_000 - part * 1_000 - number), "no")),
            ] {
                if let EventBody::Failed(record) = &body {
                    failures.push(record.clone());
                }
                let event = event(&view, body);
                assert!(view.apply(&event));
                events.push(event);
            }
        }
        let commit = Commit { view: Some(view.clone()), events, failures, ..Commit::default() };
        store.commit(&id("m"), commit).await.unwrap();
    }
    assert_eq!(view.log_dropped, KEPT_LOG_LINES as u64 / 2);
    assert_eq!(view.failures.len(), KEPT_FAILURES);
    assert_eq!(store.view(&id("m")).await.unwrap(), Some(view));
}

pub async fn the_log_alone_may_move(place: &impl Place) {
    let store = place.open().await;
    let mut view = begun(&*store, "m").await;
    let first = event(&view, line(LogLevel::Info, "one"));
    view.apply(&first);
    let second = event(&view, line(LogLevel::Warn, "two"));
    view.apply(&second);
    store.commit(&id("m"), Commit { events: vec![first, second], ..Commit::default() }).await.unwrap();
    assert_eq!(store.view(&id("m")).await.unwrap(), Some(view));
}

pub async fn a_replayed_event_is_kept_once(place: &impl Place) {
    let store = place.open().await;
    let mut view = begun(&*store, "m").await;
    let once = event(&view, line(LogLevel::Info, "one"));
    view.apply(&once);
    for _ in 0..2 {
        let commit = Commit { view: Some(view.clone()), events: vec![once.clone()], ..Commit::default() };
        store.commit(&id("m"), commit).await.unwrap();
    }
    let found = store.view(&id("m")).await.unwrap().unwrap();
    assert_eq!((found.log.len(), found.log_dropped, found.seq), (1, 0, 1));
}

pub async fn a_run_begins_once(place: &impl Place) {
    let store = place.open().await;
    let first = begun(&*store, "m").await;
    let second = view("m", RunRequest::new(RunKind::Analyze, "other"));
    assert!(store.begin(&second, &key("other")).await.is_err());
    assert_eq!(store.view(&id("m")).await.unwrap(), Some(first));
}

pub async fn nothing_is_written_for_a_run_that_is_not_there(place: &impl Place) {
    let store = place.open().await;
    let nobody = id("nobody");
    let commit = Commit { checkpoint: Some("x".to_owned()), ..Commit::default() };
    let refused = store.commit(&nobody, commit).await;
    assert!(matches!(refused, Err(StoreError::NoRun { run }) if run == "nobody"));
    assert!(matches!(store.ask(&nobody, Ask::Pause).await, Err(StoreError::NoRun { .. })));
    assert_eq!(store.checkpoint(&nobody).await.unwrap(), None);
    assert_eq!(store.asked(std::slice::from_ref(&nobody)).await.unwrap(), []);
    assert_eq!(store.pending(&nobody, None, 9).await.unwrap(), []);
    assert_eq!(
        store.records(&nobody, protocol::Category::Missing, &Default::default()).await.unwrap(),
        Default::default()
    );
    assert_eq!(store.failures(&nobody, &Default::default()).await.unwrap(), Default::default());
    assert_eq!(store.log(&nobody, &Default::default()).await.unwrap(), Default::default());
    assert_eq!(store.paid(&nobody, None, 9).await.unwrap(), []);
}

async fn names(store: &dyn Store, filter: RunFilter) -> Vec<String> {
    store.runs(&filter).await.unwrap().runs.into_iter().map(|run| run.head.id.0).collect()
}

pub async fn runs_are_listed_newest_first_and_narrowed(place: &impl Place) {
    let store = place.open().await;
    for (name, kind, namespace) in [
        ("a", RunKind::Analyze, "Articles"),
        ("b", RunKind::Mirror, "articles-2"),
        ("c", RunKind::Mirror, ""),
        ("d", RunKind::Reembed, "50%_off"),
    ] {
        store.begin(&view(name, RunRequest::new(kind, namespace)), &key(namespace)).await.unwrap();
    }
    let mut several = RunRequest::new(RunKind::Mirror, "");
    several.namespaces = Some(NamespacePatterns::default());
    store.begin(&view("e", several), &key("")).await.unwrap();
    let b = store.view(&id("b")).await.unwrap().unwrap();
    end(&*store, b, RunState::Failed, 9).await;

    let all = RunFilter::default;
    assert_eq!(names(&*store, all()).await, ["e", "d", "c", "b", "a"]);
    assert_eq!(names(&*store, RunFilter { kind: Some(RunKind::Mirror), ..all() }).await, ["e", "c", "b"]);
    let states = vec![RunState::Failed, RunState::Paused];
    assert_eq!(names(&*store, RunFilter { states, ..all() }).await, ["b"]);
    assert_eq!(names(&*store, RunFilter { states: vec![RunState::Done], ..all() }).await, [""; 0]);
    for (text, expected) in [
        ("art", vec!["b", "a"]),
        ("ART", vec!["b", "a"]),
        ("%", vec!["d"]),
        ("0%_", vec!["d"]),
        ("default", vec!["c"]),
    ] {
        let filter = RunFilter { namespace: text.to_owned(), ..all() };
        assert_eq!(names(&*store, filter).await, expected, "{text}");
    }
}

pub async fn the_list_of_runs_is_paged_to_its_end(place: &impl Place) {
    let store = place.open().await;
    let mut expected = Vec::new();
    for number in 0..7 {
        let name = format!("r{number}");
        begun(&*store, &name).await;
        expected.insert(0, name);
    }
    for limit in 1..=8 {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.runs(&RunFilter { before, limit, ..RunFilter::default() }).await.unwrap();
            assert!(page.runs.len() <= limit as usize);
            seen.extend(page.runs.into_iter().map(|run| run.head.id.0));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{limit} at a time");
    }
    let nobody = RunFilter { before: Some(id("nobody")), ..RunFilter::default() };
    assert_eq!(names(&*store, nobody).await, [""; 0]);
}

pub async fn a_plan_is_found_by_its_hash(place: &impl Place) {
    let store = place.open().await;
    let leave = async |name: &str, request: RunRequest, hash: &str, state: RunState| {
        let mut view = view(name, request);
        store.begin(&view, &key("ns")).await.unwrap();
        view.plan = Some(plan(hash));
        end(&*store, view, state, 9).await;
    };
    let analysis = || RunRequest::new(RunKind::Analyze, "ns");
    leave("a", analysis(), "7c41aa", RunState::Done).await;
    leave("b", analysis(), "7c41aa", RunState::DoneWithFailures).await;
    leave("c", analysis(), "7c99bb", RunState::Done).await;
    leave("d", analysis(), "ffffff", RunState::Failed).await;
    leave("e", RunRequest::new(RunKind::Mirror, "ns"), "eeeeee", RunState::Done).await;
    leave("f", analysis(), "7c", RunState::Done).await;
    leave(
        "g",
        RunRequest { dry_run: true, ..RunRequest::new(RunKind::Mirror, "ns") },
        "dddddd",
        RunState::Done,
    )
    .await;
    let found = async |hash: &str| store.plan(&key("ns"), hash).await.unwrap().map(|run| run.0);
    assert_eq!(found("7c41aa").await.as_deref(), Some("b"), "the newest");
    assert_eq!(found("7c4").await.as_deref(), Some("b"));
    assert_eq!(found("7c99").await.as_deref(), Some("c"));
    assert_eq!(found("7").await, None, "more than one begins with it");
    assert_eq!(found("7c").await.as_deref(), Some("f"), "the whole hash is meant");
    assert_eq!(found("ffffff").await, None, "it failed");
    assert_eq!(found("eeeeee").await, None, "it was no analysis");
    assert_eq!(found("dddddd").await.as_deref(), Some("g"));
    assert_eq!(found("7C41").await, None);
    assert_eq!(found("").await, None);
    assert_eq!(store.plan(&key("other"), "7c99").await.unwrap(), None);
}

pub async fn a_question_is_answered_once(place: &impl Place) {
    let (here, there) = (place.open().await, place.open().await);
    for name in ["a", "b", "c"] {
        begun(&*here, name).await;
    }
    there.ask(&id("a"), Ask::Pause).await.unwrap();
    there.ask(&id("a"), Ask::Cancel).await.unwrap();
    there.ask(&id("c"), Ask::Pause).await.unwrap();
    let mine: Vec<RunId> = [id("a"), id("b")].to_vec();
    assert_eq!(here.asked(&mine).await.unwrap(), [(id("a"), Ask::Cancel)]);
    assert_eq!(here.asked(&mine).await.unwrap(), []);
    assert_eq!(here.asked(&[]).await.unwrap(), []);
    assert_eq!(here.asked(&[id("c")]).await.unwrap(), [(id("c"), Ask::Pause)]);
}

pub async fn a_run_that_stops_forgets_what_it_was_asked(place: &impl Place) {
    let store = place.open().await;
    let mut view = begun(&*store, "a").await;
    store.ask(&id("a"), Ask::Pause).await.unwrap();
    view.steps[0].state = StepState::Running;
    store.commit(&id("a"), Commit { view: Some(view.clone()), ..Commit::default() }).await.unwrap();
    assert_eq!(store.asked(&[id("a")]).await.unwrap().len(), 1, "it is at work");
    store.ask(&id("a"), Ask::Pause).await.unwrap();
    end(&*store, view, RunState::Paused, 9).await;
    assert_eq!(store.asked(&[id("a")]).await.unwrap(), []);
}
