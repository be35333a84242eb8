//! Frozen plans, failures that are tried again, and vectors that are proven to be tain's own.

use std::{collections::BTreeSet, time::Duration};

use protocol::{Category, Reuse, RunId, RunKind, RunRequest, RunState};
use serde_json::json;
use sync::{Origin, Stop};

use crate::support::{Ran, World, records, request, runtime, stored};

fn from(world: &World, request: &RunRequest, origin: Origin) -> Ran {
    runtime().block_on(world.execute_from(request, origin, Stop::new()))
}

fn sample() -> World {
    World::new(
        records([
            ("a-missing", json!({"text": "alpha"})),
            ("b-missing", json!({"text": "beta"})),
            ("c-changed", json!({"text": "gamma", "title": "new"})),
            ("d-changed", json!({"text": "delta", "title": "new"})),
            ("e-equal", json!({"text": "epsilon"})),
            ("f-blank", json!({"text": ""})),
            ("g-missing", json!({"text": "eta"})),
        ]),
        records([
            ("c-changed", json!({"text": "gamma", "title": "old"})),
            ("d-changed", json!({"text": "delta", "title": "old"})),
            ("e-equal", json!({"text": "epsilon"})),
            ("x-orphan", json!({"text": "omega"})),
        ]),
    )
}

fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.into_iter().map(str::to_owned).collect()
}

#[test]
fn a_plan_is_executed_as_it_was_frozen() {
    let world = sample();
    let analysis = world.run(&request(RunKind::Analyze));
    let plan = analysis.view.plan.clone().expect("an analysis leaves a plan");
    let listed = world.source.state().listed_pages;
    let request = RunRequest { plan: Some(plan.hash.clone()), ..request(RunKind::Mirror) };
    let ran = from(&world, &request, Origin::Plan(analysis.view.head.id));
    assert_eq!(ran.state(), RunState::Done);
    assert_eq!(world.source.state().listed_pages, listed, "nothing is listed again");
    let counts = ran.counts();
    assert_eq!((counts.migrated, counts.updated, counts.moved, counts.gone), (3, 2, 0, 0));
    assert_eq!((counts.in_sync, counts.no_text, counts.orphans), (1, 1, 1), "as the analysis found them");
    assert_eq!(world.embedder.state().paid.len() as u64, plan.embeddings);
    assert!(ran.view.verification.as_ref().expect("verified").confirmed);
    assert!(world.run(&request_of(RunKind::Analyze)).view.plan.is_some_and(|plan| !plan.has_work()));
}

fn request_of(kind: RunKind) -> RunRequest {
    request(kind)
}

#[test]
fn what_moved_since_the_plan_is_checked_again_and_told() {
    let world = sample();
    let analysis = world.run(&request(RunKind::Analyze));
    {
        let mut source = world.source.state();
        source.records.remove("a-missing");
        source.records.insert("b-missing".to_owned(), stored(json!({"text": "beta two"})));
        source.records.insert("new".to_owned(), stored(json!({"text": "came later"})));
        let mut target = world.target.state();
        target.records.insert("c-changed".to_owned(), stored(json!({"text": "gamma", "title": "new"})));
        let raised = stored(json!({"text": "eta", "by": "hand", "clearance_level": 5}));
        target.records.insert("g-missing".to_owned(), raised);
    }
    let hash = analysis.view.plan.as_ref().expect("a plan").hash.clone();
    let request = RunRequest { plan: Some(hash), ..request(RunKind::Mirror) };
    let ran = from(&world, &request, Origin::Plan(analysis.view.head.id));
    assert_eq!(ran.state(), RunState::Done);
    assert_eq!(ran.ids(Category::Gone), ids(["a-missing"]));
    assert_eq!(ran.ids(Category::Moved), ids(["b-missing", "c-changed", "g-missing"]));
    assert_eq!(ran.ids(Category::InSync), ids(["c-changed"]));
    let counts = ran.counts();
    assert_eq!((counts.gone, counts.moved, counts.migrated, counts.updated), (1, 3, 1, 2));
    let target = world.target.state().records.clone();
    assert_eq!(target["b-missing"].metadata["text"], json!("beta two"), "what is there now is written");
    assert_eq!(target["g-missing"].metadata["clearance_level"], json!(5), "law 5");
    assert!(!target.contains_key("new"), "it is not in the plan");
    assert!(!target.contains_key("a-missing"));
    assert!(ran.view.log.iter().any(|line| line.message.contains("have moved since the plan was made")));
}

#[test]
fn what_came_into_the_target_since_the_plan_counts_there_whatever_the_source_holds() {
    let world = sample();
    let analysis = world.run(&request(RunKind::Analyze));
    {
        let mut source = world.source.state();
        source.records.insert("a-missing".to_owned(), stored(json!({"text": ""})));
        source.records.remove("b-missing");
        let mut target = world.target.state();
        target.records.insert("a-missing".to_owned(), stored(json!({"text": "alpha"})));
        target.records.insert("b-missing".to_owned(), stored(json!({"text": "beta"})));
    }
    let hash = analysis.view.plan.as_ref().expect("a plan").hash.clone();
    let request = RunRequest { plan: Some(hash), ..request(RunKind::Mirror) };
    let ran = from(&world, &request, Origin::Plan(analysis.view.head.id));
    assert_eq!(ran.state(), RunState::Done);
    assert_eq!((ran.counts().gone, ran.counts().no_text, ran.counts().migrated), (1, 2, 1));
    let verification = ran.view.verification.expect("verified");
    assert!(verification.confirmed, "{}", verification.summary);
}

#[test]
fn one_fetch_that_leaves_a_record_of_a_plan_out_neither_lowers_its_level_nor_drops_it() {
    let world = sample();
    let raised = stored(json!({"text": "gamma", "title": "old", "clearance_level": 3}));
    world.target.state().records.insert("c-changed".to_owned(), raised);
    let analysis = world.run(&request(RunKind::Analyze));
    world.target.state().faults.left_out.insert("c-changed".to_owned(), 1);
    world.source.state().faults.left_out.extend([("a-missing".to_owned(), 1), ("d-changed".to_owned(), 1)]);
    let read = world.target.state().fetched_ids.len();
    let hash = analysis.view.plan.as_ref().expect("a plan").hash.clone();
    let request = RunRequest { plan: Some(hash), ..request(RunKind::Mirror) };
    let ran = from(&world, &request, Origin::Plan(analysis.view.head.id));
    assert_eq!(ran.state(), RunState::Done);
    let counts = ran.counts();
    assert_eq!((counts.migrated, counts.updated, counts.gone, counts.moved), (3, 2, 0, 0));
    let target = world.target.state();
    assert_eq!(target.records["c-changed"].metadata["clearance_level"], json!(3), "law 5");
    assert_eq!(target.records["c-changed"].metadata["title"], json!("new"));
    assert_eq!(target.fetched_ids.len(), read + 5 + 1, "what is missing is not asked for twice");
}

#[test]
fn what_left_the_target_since_the_plan_is_not_expected_there() {
    for refused in [false, true] {
        let world = sample();
        let analysis = world.run(&request(RunKind::Analyze));
        world.source.state().records.remove("d-changed");
        {
            let mut target = world.target.state();
            target.records.remove("c-changed");
            target.records.remove("d-changed");
            target.faults.refused.extend(refused.then(|| "c-changed".to_owned()));
        }
        let hash = analysis.view.plan.as_ref().expect("a plan").hash.clone();
        let request = RunRequest { plan: Some(hash), ..request(RunKind::Mirror) };
        let ran = from(&world, &request, Origin::Plan(analysis.view.head.id));
        let counts = ran.counts();
        assert_eq!((counts.vanished, counts.gone, counts.moved), (2, 1, 1));
        assert_eq!((counts.migrated, counts.failed), if refused { (3, 1) } else { (4, 0) });
        let verification = ran.view.verification.expect("verified");
        assert!(verification.confirmed, "{}", verification.summary);
        assert_eq!(verification.expected_target, world.target.state().records.len() as u64);
    }
}

#[test]
fn what_a_retry_wrote_before_its_store_failed_is_expected_in_the_target() {
    let sample = || {
        let world = sample();
        world.target.state().faults.refused.extend(["a-missing".to_owned(), "c-changed".to_owned()]);
        let failed = world.run(&request(RunKind::Mirror)).view.head.id;
        world.target.state().faults.refused.clear();
        (world, failed)
    };
    let (undisturbed, failed) = sample();
    let before = undisturbed.store.state().commits;
    let retry = |failed: &RunId| RunRequest { retry: Some(failed.clone()), ..request(RunKind::Mirror) };
    from(&undisturbed, &retry(&failed), Origin::Failures(failed));
    let mut written_and_lost = 0;
    for fails_at in before..undisturbed.store.state().commits {
        let (world, failed) = sample();
        world.store.state().fails_at = Some(fails_at);
        let retry = retry(&failed);
        let recorder = runtime().block_on(async {
            let recorder = world.begin(&retry, &Origin::Failures(failed)).await;
            world.go(&retry, &recorder, Stop::new()).await;
            recorder
        });
        let pending = world.store.kept(&recorder.id()).pending;
        let held = world.target.state().records.contains_key("a-missing");
        written_and_lost += usize::from(held && pending.contains_key("a-missing"));
        world.store.state().fails_at = None;
        let recorder = world.restored(&recorder.id());
        if recorder.view().state == RunState::Done {
            continue;
        }
        let state = runtime().block_on(world.go(&retry, &recorder, Stop::new()));
        assert_eq!(state, RunState::Done, "{fails_at}");
        let verification = recorder.view().verification.expect("verified");
        assert!(verification.confirmed, "{fails_at}: {}", verification.summary);
        assert_eq!(verification.expected_target, 7);
    }
    assert!(written_and_lost > 0, "some commit failed between the write and the journal");
}

#[test]
fn a_dry_run_of_a_plan_costs_nothing_and_comes_to_the_same() {
    let world = sample();
    let analysis = world.run(&request(RunKind::Analyze));
    let plan = analysis.view.plan.clone().expect("a plan");
    let request = RunRequest { plan: Some(plan.hash.clone()), dry_run: true, ..request(RunKind::Mirror) };
    let ran = from(&world, &request, Origin::Plan(analysis.view.head.id));
    assert_eq!(ran.state(), RunState::Done);
    assert_eq!((world.target.state().upserts, world.embedder.state().calls), (0, 0));
    let again = ran.view.plan.expect("a dry run leaves a plan");
    assert_eq!(
        (again.missing, again.changed, again.embeddings),
        (plan.missing, plan.changed, plan.embeddings)
    );
    assert_eq!((again.in_sync, again.no_text, again.orphans), (plan.in_sync, plan.no_text, plan.orphans));
}

#[test]
fn failed_records_are_tried_again_on_their_own() {
    let world = sample();
    world.embedder.state().poison.insert("alpha".to_owned());
    world.target.state().faults.refused.insert("c-changed".to_owned());
    let ran = world.run(&request(RunKind::Mirror));
    assert_eq!(ran.state(), RunState::DoneWithFailures);
    let failures = world.store.kept(&ran.view.head.id).failures;
    assert_eq!(failures.keys().cloned().collect::<BTreeSet<_>>(), ids(["a-missing", "c-changed"]));
    assert_eq!(failures["a-missing"].message, "poison");
    assert_eq!(failures["c-changed"].message, "refused on command");
    world.target.state().faults.refused.clear();
    let (read, paid) = (world.source.state().fetched_ids.len(), world.embedder.state().paid.len());
    let failed = ran.view.head.id;
    let retry = RunRequest { retry: Some(failed.clone()), ..request(RunKind::Mirror) };
    let again = from(&world, &retry, Origin::Failures(failed));
    assert_eq!(again.state(), RunState::DoneWithFailures);
    assert_eq!(world.source.state().fetched_ids.len(), read + 2, "only those two");
    assert_eq!(world.embedder.state().paid.len(), paid + 1);
    assert_eq!((again.counts().updated, again.counts().failed), (1, 1));
    assert_eq!(world.store.kept(&again.view.head.id).failures["a-missing"].attempts, 2);
}

#[test]
fn attempts_are_counted_across_a_retry_that_was_killed() {
    let world = sample();
    world.target.state().faults.refused.insert("c-changed".to_owned());
    let first = world.run(&request(RunKind::Mirror)).view.head.id;
    let retry = |run: &RunId| RunRequest { retry: Some(run.clone()), ..request(RunKind::Mirror) };
    let second = from(&world, &retry(&first), Origin::Failures(first)).view.head.id;
    let third = retry(&second);
    world.target.state().faults.upserts_hang = true;
    let killed = runtime().block_on(async {
        let recorder = world.begin(&third, &Origin::Failures(second)).await;
        let until = tokio::time::sleep(Duration::from_secs(5));
        tokio::select! {
            _ = world.go(&third, &recorder, Stop::new()) => panic!("it hangs"),
            () = until => recorder.id(),
        }
    });
    assert_eq!(world.store.kept(&killed).pending.len(), 1);
    world.target.state().faults.upserts_hang = false;
    let recorder = world.restored(&killed);
    let state = runtime().block_on(world.go(&third, &recorder, Stop::new()));
    assert_eq!(state, RunState::DoneWithFailures);
    assert_eq!(world.store.kept(&killed).failures["c-changed"].attempts, 3);
}

#[test]
fn a_vector_is_kept_if_tain_is_proven_to_have_made_it() {
    let world = sample();
    world.run(&request(RunKind::Mirror));
    // c and d keep their text; somebody else has replaced the vector of d. e was never written by tain.
    for id in ["c-changed", "d-changed", "e-equal"] {
        let mut source = world.source.state();
        source.records.get_mut(id).expect("it is there").metadata.insert("title".to_owned(), json!("newer"));
    }
    world.target.state().records.get_mut("d-changed").expect("written").values[0] += 1.0;
    world.embedder.state().paid.clear();
    let proven = RunRequest { reuse: Reuse::Proven, ..request(RunKind::Mirror) };
    let dry = world.run(&RunRequest { dry_run: true, ..proven.clone() }).view.plan.expect("a plan");
    assert_eq!((dry.changed, dry.reused, dry.proven, dry.reusable, dry.embeddings), (3, 1, 1, 3, 2));
    let kept = world.target.state().records["c-changed"].values.clone();
    let ran = world.run(&proven);
    assert_eq!((ran.counts().updated, ran.counts().reused), (3, 1));
    let mut paid = world.embedder.state().paid.clone();
    paid.sort();
    assert_eq!(paid, ["delta", "epsilon"]);
    let target = world.target.state().records.clone();
    assert_eq!(target["c-changed"].values, kept);
    assert_eq!(target["c-changed"].metadata["title"], json!("newer"));
}

#[test]
fn the_ledger_is_asked_only_where_its_answer_is_used() {
    let never = request(RunKind::Mirror);
    let looks = |request: &RunRequest| {
        let world = sample();
        world.run(request);
        world.store.state().ledger_looks
    };
    assert_eq!(looks(&never), 0);
    assert_eq!(looks(&RunRequest { dry_run: true, ..never.clone() }), 1, "a plan tells what could be kept");
    assert_eq!(looks(&RunRequest { reuse: Reuse::Proven, ..never }), 1);
}

#[test]
fn a_vector_of_another_model_is_not_proven() {
    let mut world = sample();
    world.run(&request(RunKind::Mirror));
    let mut source = world.source.state();
    source.records.get_mut("c-changed").expect("there").metadata.insert("title".to_owned(), json!("newer"));
    drop(source);
    world.settings.made_by = "another-model/4/RETRIEVAL_DOCUMENT".to_owned();
    let ran = world.run(&RunRequest { reuse: Reuse::Proven, ..request(RunKind::Mirror) });
    assert_eq!((ran.counts().updated, ran.counts().reused), (1, 0));
}
