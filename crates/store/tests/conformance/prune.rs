//! What is forgotten, and what never is.

use protocol::{Category, LogLevel, LogQuery, PageQuery, RunFilter, RunKind, RunRequest, RunState};
use store::{Commit, Found, KEPT_LINES, KEPT_MILLIS, KEPT_RUNS, Settled, Store};

use super::{
    Place,
    made::{begun, end, event, failed, id, key, line, pending, plan, settled, vector, view},
};

const NOW: u64 = 1_900_000_000_000;
const OLD: u64 = NOW - KEPT_MILLIS - 1;
const YOUNG: u64 = NOW - KEPT_MILLIS;

/// Begins a run that does a little of everything, and ends it, if it ends.
async fn ran(store: &dyn Store, name: &str, request: RunRequest, state: RunState, at: u64) {
    let mut view = view(name, request);
    store.begin(&view, &key("ns")).await.unwrap();
    if view.head.request.kind == RunKind::Analyze {
        view.plan = Some(plan(name));
    }
    let event = event(&view, line(LogLevel::Info, "one"));
    view.apply(&event);
    view.updated_at = at;
    let commit = Commit {
        found: vec![pending("p", Found::Both)],
        settled: vec![Settled {
            vector: Some(vector(1, "model")),
            text: Some([1; 16]),
            ..settled(&format!("{name} a"), &[Category::Missing])
        }],
        failures: vec![failed("f", "no")],
        events: vec![event],
        checkpoint: Some("there".to_owned()),
        ..Commit::default()
    };
    store.commit(&id(name), commit).await.unwrap();
    end(store, view, state, at).await;
}

async fn has_records(store: &dyn Store, name: &str) -> bool {
    let page = store.records(&id(name), Category::Missing, &PageQuery::default()).await.unwrap();
    !page.ids.is_empty()
}

fn mirror() -> RunRequest {
    RunRequest::new(RunKind::Mirror, "ns")
}

pub async fn old_runs_lose_their_records_and_failed_ones_go(place: &impl Place) {
    let store = place.open().await;
    ran(&*store, "old", mirror(), RunState::Done, OLD).await;
    ran(&*store, "cancelled", mirror(), RunState::Cancelled, OLD).await;
    ran(&*store, "young", mirror(), RunState::Done, YOUNG).await;
    ran(&*store, "failed", mirror(), RunState::Failed, OLD).await;
    ran(&*store, "failing", mirror(), RunState::Failed, YOUNG).await;
    ran(&*store, "paused", mirror(), RunState::Paused, OLD).await;
    ran(&*store, "interrupted", mirror(), RunState::Interrupted, OLD).await;
    ran(&*store, "running", mirror(), RunState::Running, OLD).await;
    assert_eq!(store.prune(NOW).await.unwrap(), 1);
    assert_eq!(store.prune(NOW).await.unwrap(), 0, "there is no more of it");

    let kept = store.runs(&RunFilter::default()).await.unwrap().runs;
    let kept: Vec<String> = kept.into_iter().map(|run| run.head.id.0).collect();
    assert_eq!(kept, ["running", "interrupted", "paused", "failing", "young", "cancelled", "old"]);
    assert_eq!(store.view(&id("failed")).await.unwrap(), None);
    assert_eq!(store.failures(&id("failed"), &PageQuery::default()).await.unwrap().failures, []);
    for name in ["old", "cancelled"] {
        assert!(!has_records(&*store, name).await, "{name}");
        let view = store.view(&id(name)).await.unwrap().unwrap();
        assert_eq!((view.failures.len(), view.log.len()), (1, 1), "the rest of {name} stays");
    }
    for name in ["young", "failing", "paused", "interrupted", "running"] {
        assert!(has_records(&*store, name).await, "{name}");
        assert_eq!(store.pending(&id(name), None, 9).await.unwrap().len(), 1, "{name}");
        assert_eq!(store.checkpoint(&id(name)).await.unwrap().as_deref(), Some("there"), "{name}");
    }
    let ids: Vec<String> = ["old a", "failed a"].map(str::to_owned).to_vec();
    assert_eq!(store.ledger(&key("ns"), &ids).await.unwrap().len(), 2, "the ledger outlives the runs");
}

pub async fn a_log_is_cut_to_its_newest_lines(place: &impl Place) {
    let store = place.open().await;
    let mut view = begun(&*store, "m").await;
    let lines = KEPT_LINES + 4_321;
    let mut events = Vec::new();
    for number in 0..lines {
        let event = event(&view, line(LogLevel::Info, &number.to_string()));
        // The view is not wanted, and would shift a thousand lines each time.
        view.seq += 1;
        events.push(event);
    }
    store.commit(&id("m"), Commit { events, ..Commit::default() }).await.unwrap();
    assert_eq!(store.prune(NOW).await.unwrap(), 0);
    let query = PageQuery { limit: 100_000, ..PageQuery::default() };
    let page = store.log(&id("m"), &LogQuery { level: None, page: query }).await.unwrap();
    assert_eq!(page.lines.len() as u64, KEPT_LINES);
    assert_eq!(page.lines[0].message, "4321");
    let view = store.view(&id("m")).await.unwrap().unwrap();
    assert_eq!(view.log_dropped + view.log.len() as u64, lines, "the forgotten ones are counted");
}

pub async fn the_oldest_runs_go_first(place: &impl Place) {
    let store = place.open().await;
    ran(&*store, "paused", mirror(), RunState::Paused, YOUNG).await;
    for number in 0..KEPT_RUNS + 3 {
        ran(&*store, &format!("{number}"), mirror(), RunState::Done, YOUNG).await;
    }
    assert_eq!(store.prune(NOW).await.unwrap(), 3);
    for (name, kept) in [("paused", true), ("0", false), ("2", false), ("3", true)] {
        assert_eq!(store.view(&id(name)).await.unwrap().is_some(), kept, "{name}");
    }
}

pub async fn what_is_needed_stays(place: &impl Place) {
    let store = place.open().await;
    let analysis = || RunRequest::new(RunKind::Analyze, "ns");
    for name in ["aaaa", "bbbb"] {
        ran(&*store, name, analysis(), RunState::Done, OLD).await;
    }
    ran(&*store, "tried again", mirror(), RunState::Failed, OLD).await;
    let executing = RunRequest { plan: Some("aa".to_owned()), ..mirror() };
    ran(&*store, "executing", executing, RunState::Running, OLD).await;
    let retrying = RunRequest { retry: Some(id("tried again")), ..mirror() };
    ran(&*store, "retrying", retrying, RunState::Paused, OLD).await;
    assert_eq!(store.prune(NOW).await.unwrap(), 0);
    assert!(has_records(&*store, "aaaa").await, "it is being executed");
    assert_eq!(store.plan(&key("ns"), "aaaa").await.unwrap(), Some(id("aaaa")));
    assert!(!has_records(&*store, "bbbb").await);
    assert_eq!(store.plan(&key("ns"), "bbbb").await.unwrap(), None, "its records are gone");
    assert_eq!(store.failures(&id("tried again"), &PageQuery::default()).await.unwrap().failures.len(), 1);
}

pub async fn a_plan_that_was_forgotten_is_no_empty_plan(place: &impl Place) {
    let store = place.open().await;
    let planned = async |name: &str, category, after| {
        let page = store.planned(&id(name), category, after, 99).await.map_err(|error| error.to_string());
        page.map(|page| page.into_iter().map(|(id, _)| id).collect::<Vec<_>>())
    };
    for name in ["aaaa", "bbbb"] {
        ran(&*store, name, RunRequest::new(RunKind::Analyze, "ns"), RunState::Done, OLD).await;
    }
    assert_eq!(planned("aaaa", Category::Missing, None).await, Ok(vec!["aaaa a".to_owned()]));
    assert_eq!(planned("aaaa", Category::Missing, Some("aaaa a")).await, Ok(Vec::new()), "its end");
    store.prune(NOW).await.unwrap();
    for (category, after) in
        [(Category::Missing, None), (Category::Missing, Some("aaaa a")), (Category::Changed, None)]
    {
        let refused = planned("aaaa", category, after).await.unwrap_err();
        assert_eq!(refused, "the records of run aaaa were forgotten; analyze again");
    }
    let nobody = planned("nobody", Category::Missing, None).await.unwrap_err();
    assert!(nobody.contains("no run nobody"), "{nobody}");
}
