//! The laws of product.md, against services in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::support::{World, payments, records, request, runtime, stored, vector_of};
use protocol::{Category, Reading, Reuse, RunKind, RunRequest, RunState, Step, StepState};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sync::{Stop, StopReason};

fn mirror() -> RunRequest {
    request(RunKind::Mirror)
}

fn sample() -> World {
    World::new(
        records([
            ("a-missing", json!({"text": "alpha", "year": 2024})),
            ("b-changed", json!({"text": "beta", "title": "new"})),
            ("c-equal", json!({"text": "gamma", "n": 1})),
            ("d-blank", json!({"text": "  "})),
            ("e-raised", json!({"text": "delta", "title": "new"})),
            ("f-missing", json!({"text": "alpha", "level": "x"})),
        ]),
        records([
            ("b-changed", json!({"text": "beta", "title": "old", "clearance_level": 1.0})),
            ("c-equal", json!({"text": "gamma", "n": 1.0, "clearance_level": 1.0})),
            ("e-raised", json!({"text": "delta", "title": "old", "clearance_level": 3.0})),
            ("x-orphan", json!({"text": "omega"})),
        ]),
    )
}

#[test]
fn a_mirror_brings_the_target_up_to_the_source() {
    let world = sample();
    let ran = world.run(&mirror());
    assert_eq!(ran.state(), RunState::Done);
    let counts = ran.counts();
    assert_eq!((counts.missing, counts.changed, counts.in_sync), (2, 2, 1));
    assert_eq!((counts.no_text, counts.orphans, counts.kept), (1, 1, 1));
    assert_eq!((counts.migrated, counts.updated, counts.failed), (2, 2, 0));
    let target = world.target.state().records.clone();
    let migrated = &target["a-missing"];
    assert_eq!(
        serde_json::to_string(&migrated.metadata).expect("JSON"),
        r#"{"clearance_level":1,"text":"alpha","year":2024}"#
    );
    assert_eq!(migrated.values, vector_of("alpha"));
    assert_eq!(target["e-raised"].metadata["clearance_level"], json!(3.0), "law 5");
    assert_eq!(target["x-orphan"], stored(json!({"text": "omega"})), "an orphan is never touched");
    assert!(!target.contains_key("d-blank"));
    let verification = ran.view.verification.as_ref().expect("a live run verifies");
    assert!(verification.confirmed, "{}", verification.summary);
    assert_eq!(verification.target, Reading::Known(6));
    assert_eq!(ran.ids(Category::NoText), BTreeSet::from(["d-blank".to_owned()]));
    assert_eq!(ran.ids(Category::Orphan), BTreeSet::from(["x-orphan".to_owned()]));
}

#[test]
fn the_source_is_never_written_and_each_record_is_read_once() {
    let world = sample();
    let before = world.source.state().records.clone();
    world.run(&mirror());
    assert_eq!(world.source.state().records, before);
    let mut read = world.source.state().fetched_ids.clone();
    read.sort();
    assert_eq!(read, before.keys().cloned().collect::<Vec<_>>());
    assert_eq!(
        world.target.state().fetched_ids.len(),
        3,
        "what is missing in the target is not asked for there"
    );
}

#[test]
fn a_dry_run_costs_nothing_and_says_what_a_live_run_does() {
    let world = sample();
    let before = world.target.state().records.clone();
    let dry = world.run(&RunRequest { dry_run: true, ..mirror() });
    assert_eq!(world.target.state().records, before);
    assert_eq!(world.target.state().upserts, 0);
    assert!(world.embedder.state().paid.is_empty());
    let planned = dry.view.plan.expect("a dry run leaves a plan");
    let live = world.run(&mirror());
    let counts = live.counts();
    assert_eq!((planned.missing, planned.changed), (counts.migrated, counts.updated));
    assert_eq!(planned.embeddings, counts.embedded);
    assert_eq!(planned.folded, counts.folded);
    assert_eq!(planned.embeddings, world.embedder.state().paid.len() as u64);
    assert_eq!(planned.requests.upsert, world.target.state().upserts as u64);
    assert_eq!(planned.requests.embed, world.embedder.state().calls as u64);
}

#[test]
fn a_second_run_writes_and_pays_nothing() {
    let world = sample();
    world.run(&mirror());
    let (paid, upserts) = (world.embedder.state().paid.len(), world.target.state().upserts);
    let second = world.run(&mirror());
    assert_eq!(second.state(), RunState::Done);
    assert_eq!((world.embedder.state().paid.len(), world.target.state().upserts), (paid, upserts));
    assert_eq!((second.counts().missing, second.counts().changed), (0, 0), "law 6");
}

#[test]
fn equal_texts_are_paid_for_once_even_far_apart() {
    // More different texts lie between two equal ones than vectors are kept.
    let mut source = BTreeMap::new();
    for number in 0..1_500 {
        let text = if number % 3 == 0 { format!("shared {}", number % 9) } else { format!("own {number}") };
        source.insert(format!("{number:05}"), stored(json!({ "text": text })));
    }
    let world = World::with_pages(source.clone(), BTreeMap::new(), 100, 100);
    let ran = world.run(&mirror());
    assert_eq!(ran.state(), RunState::Done);
    assert_eq!(ran.counts().migrated, 1_500);
    assert!(payments(&world.embedder).values().all(|&paid| paid == 1));
    for (id, record) in &world.target.state().records {
        let text = source[id].metadata["text"].as_str().expect("a text");
        assert_eq!(record.values, vector_of(text), "{id}");
    }
    assert_eq!(ran.counts().embedded + ran.counts().folded, 1_500);
}

/// The first of the two records with an equal text has an old vector in the target, of another text.
#[test]
fn a_vector_of_another_text_is_never_taken_for_that_of_an_equal_one() {
    let text = |number: usize| {
        if number.is_multiple_of(400) { "shared".to_owned() } else { format!("own {number}") }
    };
    let side = |text: &dyn Fn(usize) -> String| -> BTreeMap<_, _> {
        (0..=400).map(|number| (format!("{number:05}"), stored(json!({"text": text(number)})))).collect()
    };
    let mut world = World::with_pages(side(&text), side(&|number| format!("old {number}")), 100, 100);
    world.settings.fetch_concurrency = 1;
    world.target.state().faults.refused.insert("00000".to_owned());
    let ran = world.run(&mirror());
    assert_eq!((ran.counts().updated, ran.counts().failed), (400, 1));
    let target = world.target.state().records.clone();
    assert_eq!(target["00000"], stored(json!({"text": "old 0"})), "it was refused");
    for number in 1..=400 {
        let id = format!("{number:05}");
        assert_eq!(target[&id].values, vector_of(&text(number)), "{id}");
        let known = world.store.state().ledger[&id].0.clone();
        assert_eq!(known.values, digest_of(&target[&id].values), "{id}");
    }
}

/// The first half of the SHA-256 of the numbers.
fn digest_of(values: &[f32]) -> store::Digest {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Sha256::digest(bytes)[..16].try_into().expect("half of it")
}

#[test]
fn equal_texts_are_paid_for_once_while_the_target_is_slow() {
    // More different texts are paid for and not yet written than vectors of written ones are kept.
    let text = |number: usize| {
        if number.is_multiple_of(449) { "shared".to_owned() } else { format!("own {number}") }
    };
    let source: BTreeMap<_, _> =
        (0..450).map(|number| (format!("{number:05}"), stored(json!({"text": text(number)})))).collect();
    let mut world = World::with_pages(source, BTreeMap::new(), 50, 50);
    world.settings.fetch_concurrency = 1;
    world.target.state().faults.upserts_take = Duration::from_secs(20);
    let ran = world.run(&mirror());
    assert_eq!((ran.state(), ran.counts().migrated), (RunState::Done, 450));
    assert_eq!(payments(&world.embedder)["shared"], 1, "law 7");
    assert_eq!(world.target.state().records["00449"].values, vector_of("shared"));
}

#[test]
fn reuse_keeps_the_vector_of_an_unchanged_text() {
    let world = sample();
    let ran = world.run(&RunRequest { reuse: Reuse::SameText, ..mirror() });
    assert_eq!(ran.counts().reused, 2);
    assert_eq!(world.embedder.state().paid, ["alpha"]);
    let target = &world.target.state().records["b-changed"];
    assert_eq!(target.values, vec![9.0; crate::support::DIMENSIONS]);
    assert_eq!(target.metadata["title"], json!("new"));
}

#[test]
fn an_overwrite_has_to_be_asked_for() {
    let world = sample();
    let ran = world.run(&RunRequest { overwrite_added: true, ..mirror() });
    assert_eq!((ran.counts().overwritten, ran.counts().kept), (1, 0));
    assert_eq!(world.target.state().records["e-raised"].metadata["clearance_level"], json!(1));
}

#[test]
fn a_reembedding_writes_missing_records_only() {
    let world = sample();
    let ran = world.run(&request(RunKind::Reembed));
    assert_eq!((ran.counts().migrated, ran.counts().updated, ran.counts().in_sync), (2, 0, 3));
    assert_eq!(world.target.state().fetches, 0, "what is there already is not read");
    assert_eq!(world.target.state().records["b-changed"].metadata["title"], json!("old"));
    let compared = ran.view.steps.iter().find(|step| step.step == Step::Compare).expect("it looks for them");
    assert!(compared.detail.starts_with("3 already there, 2 to migrate"), "{}", compared.detail);
}

#[test]
fn a_listing_that_breaks_off_is_a_failure_and_nothing_behind_it_is_absent() {
    for broken in ["source", "target"] {
        let everything: BTreeMap<_, _> = (0..40)
            .map(|n| (format!("{n:02}"), stored(json!({"text": format!("t{n}"), "clearance_level": 5}))))
            .collect();
        let world = World::new(everything.clone(), everything);
        let index = if broken == "source" { &world.source } else { &world.target };
        index.state().faults.list_fails_on_page = Some(3);
        let ran = world.run(&mirror());
        assert_eq!(ran.state(), RunState::Failed, "{broken}");
        assert_eq!(ran.counts().missing, 0, "{broken}: nothing is missing in truth");
        assert_eq!(ran.counts().orphans, 0, "{broken}: nothing is an orphan in truth");
        assert!(!ran.counts().listed);
        assert!(world.embedder.state().paid.is_empty());
        let list = &ran.view.steps[0];
        assert_eq!((list.step, list.state), (Step::List, StepState::Failed));
    }
}

#[test]
fn a_listing_out_of_order_is_sorted_here() {
    for swapped in ["source", "target"] {
        let source: BTreeMap<_, _> =
            (0..60).map(|n| (format!("{n:02}"), stored(json!({"text": format!("t{n}")})))).collect();
        let target: BTreeMap<_, _> = (0..60)
            .step_by(2)
            .map(|n| (format!("{n:02}"), stored(json!({"text": format!("t{n}"), "clearance_level": 2}))))
            .collect();
        let world = World::new(source, target);
        let index = if swapped == "source" { &world.source } else { &world.target };
        index.state().faults.swapped_page = Some(1);
        let ran = world.run(&mirror());
        assert_eq!(ran.state(), RunState::Done, "{swapped}: {:?}", ran.view.error);
        assert_eq!((ran.counts().migrated, ran.counts().orphans), (30, 0), "{swapped}");
        assert!(payments(&world.embedder).values().all(|&paid| paid == 1), "{swapped}");
        let levels = world
            .target
            .state()
            .records
            .values()
            .filter(|r| r.metadata["clearance_level"] == json!(2))
            .count();
        assert_eq!(levels, 30, "{swapped}: law 5");
    }
}

#[test]
fn one_bad_record_never_costs_its_neighbours() {
    let world = sample();
    world.embedder.state().poison.insert("beta".to_owned());
    world.target.state().faults.refused.insert("a-missing".to_owned());
    world.source.state().faults.invisible.insert("c-equal".to_owned());
    let ran = world.run(&mirror());
    assert_eq!(ran.state(), RunState::DoneWithFailures);
    assert_eq!((ran.counts().migrated, ran.counts().updated, ran.counts().failed), (1, 1, 3));
    let mut failures: Vec<_> = ran.view.failures.iter().map(|f| (f.id.as_str(), f.step)).collect();
    failures.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(
        failures,
        [("a-missing", Step::Migrate), ("b-changed", Step::Update), ("c-equal", Step::Compare)]
    );
    // What can be mended is mended by the next run, and only that.
    world.embedder.state().poison.clear();
    world.target.state().faults.refused.clear();
    world.source.state().faults.invisible.clear();
    let again = world.run(&mirror());
    assert_eq!((again.counts().migrated, again.counts().updated), (1, 1));
}

#[test]
fn what_pinecone_cannot_hold_is_refused_before_it_is_paid_for() {
    let world = World::new(
        records([("a", json!({"text": "alpha", "nested": {"x": 1}})), ("b", json!({"text": "beta"}))]),
        BTreeMap::new(),
    );
    let ran = world.run(&mirror());
    assert_eq!(ran.state(), RunState::DoneWithFailures);
    assert_eq!(world.embedder.state().paid, ["beta"]);
    assert!(ran.view.failures[0].message.contains("nested"), "{}", ran.view.failures[0].message);
}

#[test]
fn a_failing_service_ends_the_run_and_the_next_one_goes_on() {
    let source: BTreeMap<_, _> =
        (0..900).map(|n| (format!("{n:03}"), stored(json!({"text": format!("t{n}")})))).collect();
    let world = World::with_pages(source, BTreeMap::new(), 100, 100);
    world.embedder.state().failing_calls.insert(5);
    let first = world.run(&mirror());
    assert_eq!(first.state(), RunState::Failed);
    assert_eq!(first.view.error.as_deref(), Some("gemini: failed on command"));
    let migrated = first.counts().migrated;
    assert_eq!(world.target.state().records.len() as u64, migrated, "what is counted is in the target");
    assert!(migrated > 0, "what was embedded before the failure is written");
    assert_eq!(first.counts().embedded, migrated, "nothing that was paid for is thrown away");
    let second = world.run(&mirror());
    assert_eq!(second.state(), RunState::Done);
    assert_eq!(world.embedder.state().paid.len(), 900, "nothing is paid for twice");
}

#[test]
fn a_cancelled_run_stops_within_its_grace_and_says_what_was_done() {
    let source: BTreeMap<_, _> =
        (0..5_000).map(|n| (format!("{n:04}"), stored(json!({"text": format!("t{n}")})))).collect();
    let world = World::with_pages(source, BTreeMap::new(), 100, 100);
    let ran = runtime().block_on(async {
        let stop = Stop::new();
        let stopper = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            stop.ask(StopReason::Cancel);
            tokio::time::Instant::now()
        };
        let run = mirror();
        let (ran, stopped) = tokio::join!(world.execute(&run, stop.clone()), stopper);
        assert!(stopped.elapsed() <= Duration::from_secs(1));
        ran
    });
    assert_eq!(ran.state(), RunState::Cancelled);
    assert!(ran.counts().migrated > 0);
    assert_eq!(world.target.state().records.len() as u64, ran.counts().migrated);
    let again = world.run(&mirror());
    assert_eq!(again.state(), RunState::Done);
    assert_eq!(world.embedder.state().paid.len(), 5_000, "what was in flight was waited for");
}

#[test]
fn metadata_of_every_kind_passes_through() {
    let metadata = json!({
        "text": "t", "int": 1, "float": 1.5, "big": 9_007_199_254_740_993_u64, "negative zero": -0.0, "huge": 1e21,
        "bool": false, "empty": [], "list": ["a", "é", "日本"], "": "empty key", "\"quoted\" \\ \n": "escapes \u{7}",
        "_under": "x", "null": null, "string number": "1",
    });
    let mut source = records([("id with space&#+/%", metadata.clone())]);
    let sparse = pinecone::SparseValues { indices: vec![1, 4_294_967_295], values: vec![0.5, 1e-7] };
    source.values_mut().next().expect("one record").sparse = Some(sparse.clone());
    let world = World::new(source, BTreeMap::new());
    assert_eq!(world.run(&mirror()).state(), RunState::Done);
    let target = world.target.state().records.clone();
    let written = target.values().next().expect("one record");
    let mut expected = metadata.as_object().expect("an object").clone();
    expected.remove("null");
    expected.insert("clearance_level".to_owned(), json!(1));
    assert_eq!(serde_json::to_value(&written.metadata).expect("JSON"), serde_json::Value::Object(expected));
    assert_eq!(written.sparse, Some(sparse));
    let again = world.run(&mirror());
    assert_eq!((again.counts().missing, again.counts().changed), (0, 0), "law 6");
}

#[test]
fn an_empty_namespace_is_in_sync() {
    let world = World::new(BTreeMap::new(), BTreeMap::new());
    let ran = world.run(&mirror());
    assert_eq!(ran.state(), RunState::Done);
    assert!(ran.view.verification.expect("verified").confirmed);
}

fn many(records: usize) -> BTreeMap<String, crate::support::Stored> {
    (0..records).map(|n| (format!("{n:05}"), stored(json!({"text": format!("t{n}")})))).collect()
}

#[test]
fn never_more_than_500_texts_are_paid_for_and_not_written() {
    let world = World::with_pages(many(3_000), BTreeMap::new(), 100, 100);
    world.target.state().faults.upserts_hang = true;
    let ran = runtime().block_on(async {
        let stop = Stop::new();
        let stopper = async {
            tokio::time::sleep(Duration::from_secs(600)).await;
            stop.ask(StopReason::Cancel);
        };
        let run = mirror();
        tokio::join!(world.execute(&run, stop.clone()), stopper).0
    });
    assert_eq!(ran.state(), RunState::Cancelled);
    assert_eq!(ran.counts().migrated, 0);
    let paid = world.embedder.state().paid.len();
    assert!((400..=500).contains(&paid), "{paid} texts were paid for");
}

#[test]
fn batches_larger_than_the_unwritten_texts_do_not_lock_the_run() {
    let mut world = World::with_pages(many(2_000), BTreeMap::new(), 100, 100);
    world.settings.upsert_batch = 1_000;
    assert_eq!(world.run(&mirror()).counts().migrated, 2_000);
}

#[test]
fn batches_are_as_full_as_the_bounds_allow() {
    let world = World::with_pages(many(2_000), BTreeMap::new(), 100, 100);
    world.run(&mirror());
    assert_eq!(world.source.state().fetches, 20);
    assert_eq!(world.embedder.state().calls, 20);
    assert_eq!(world.target.state().upserts, 20);
    assert_eq!((world.source.state().listed_pages, world.target.state().listed_pages), (20, 1));
}

#[test]
fn stages_overlap() {
    // Every call takes 3 ms and every stage has 20 of them; the listing, which cannot be done in parallel, takes 60 ms.
    let world = World::with_pages(many(2_000), BTreeMap::new(), 100, 100);
    let took = runtime().block_on(async {
        let begun = tokio::time::Instant::now();
        world.execute(&mirror(), Stop::new()).await;
        begun.elapsed()
    });
    assert!(took < Duration::from_millis(60 + 3 * 3 + 5), "{took:?}");
}

#[test]
fn a_target_that_shows_the_last_writes_late_is_waited_for() {
    let world = sample();
    world.target.state().faults.unseen_looks = 3;
    let verification = world.run(&mirror()).view.verification.expect("verified");
    assert!(verification.confirmed, "{}", verification.summary);
    assert_eq!(world.target.state().looks, 4);
}

#[test]
fn a_target_that_does_not_show_the_last_writes_is_not_confirmed() {
    let world = sample();
    world.target.state().faults.unseen_looks = usize::MAX;
    let ran = world.run(&mirror());
    assert_eq!(ran.state(), RunState::Done);
    let verification = ran.view.verification.expect("verified");
    assert!(!verification.confirmed);
    let summary =
        "new holds 6 records as expected, but does not show the last updates yet: analyze again to be sure";
    assert_eq!(verification.summary, summary);
}

#[test]
fn a_target_that_cannot_tell_what_it_shows_is_not_confirmed() {
    let world = sample();
    world.target.state().faults.visible_fails = true;
    let ran = world.run(&mirror());
    assert_eq!(ran.state(), RunState::Done, "everything was acknowledged");
    let verification = ran.view.verification.expect("verified");
    assert!(!verification.confirmed);
    assert_eq!(verification.target, Reading::Known(6));
    let reason = "new: telling what can be seen failed on command";
    assert!(verification.summary.contains(reason), "{}", verification.summary);
    assert!(verification.summary.ends_with("analyze again to be sure"), "{}", verification.summary);
}

#[test]
fn a_bug_of_ours_ends_the_run_too() {
    let world = sample();
    world.embedder.state().panics = true;
    let ran = world.run(&mirror());
    assert_eq!(ran.state(), RunState::Failed);
    assert!(ran.view.error.expect("it says why").contains("please report it"));
}
