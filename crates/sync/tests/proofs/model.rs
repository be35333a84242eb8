//! Any two sets of records, any bounds, any failures: the result equals a naive model's.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Stored, World, payments, request, stored, vector_of};
use pinecone::Metadata;
use proptest::prelude::*;
use protocol::{RunKind, RunState};
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e22_f64..1e22).prop_map(Value::from),
        (-2_i8..3).prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        prop::collection::vec("[a-c]{0,2}", 0..3).prop_map(Value::from),
    ]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let text = prop_oneof![
        8 => "[a-d]{1,2}".prop_map(Value::from),
        1 => Just(json!("  ")),
        1 => Just(json!(7)),
        1 => Just(json!(null)),
    ];
    let level = prop_oneof![3 => Just(None), 1 => (0_u8..4).prop_map(|level| Some(json!(level)))];
    (text, level, prop::collection::btree_map("[a-c]", value(), 0..3)).prop_map(|(text, level, others)| {
        let mut metadata: Metadata = others.into_iter().collect();
        metadata.insert("text".to_owned(), text);
        if let Some(level) = level {
            metadata.insert("clearance_level".to_owned(), level);
        }
        metadata
    })
}

pub fn index() -> impl Strategy<Value = BTreeMap<String, Stored>> {
    prop::collection::btree_map("[a-f]{1,2}", metadata().prop_map(|m| stored(Value::Object(m))), 0..30)
}

/// What the target must hold in the end, by the definitions of product.md and nothing else.
pub fn model(
    source: &BTreeMap<String, Stored>,
    target: &BTreeMap<String, Stored>,
) -> BTreeMap<String, Stored> {
    let mut result = target.clone();
    for (id, record) in source {
        let Some(text) = record.metadata["text"].as_str().filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        let old = target.get(id);
        if old.is_some_and(|old| plain(&old.metadata) == plain(&record.metadata)) {
            continue;
        }
        let levels =
            [Some(record), old].into_iter().flatten().filter_map(|r| r.metadata.get("clearance_level"));
        let level = levels.filter_map(Value::as_u64).max().unwrap_or(1);
        let mut metadata: Metadata = record
            .metadata
            .iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        metadata.insert("clearance_level".to_owned(), json!(level));
        result.insert(id.clone(), Stored { metadata, values: vector_of(text), sparse: None });
    }
    result
}

/// Metadata as it is compared: no nulls, no added key, numbers as floats.
fn plain(metadata: &Metadata) -> BTreeMap<String, String> {
    metadata
        .iter()
        .filter(|(key, value)| *key != "clearance_level" && !value.is_null())
        .map(|(key, value)| {
            // Adding zero folds the negative zero into the positive one, which is equal to it.
            (key.clone(), value.as_f64().map_or_else(|| value.to_string(), |n| format!("{:?}", n + 0.0)))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_mirror_equals_the_model(
        source in index(),
        target in index(),
        pages in (1_usize..9, 1_usize..9),
        batches in (1_usize..9, 1_usize..9, 1_usize..9),
        concurrency in 1_usize..4,
    ) {
        let mut world = World::with_pages(source.clone(), target.clone(), pages.0, pages.1);
        world.settings.fetch_batch = batches.0;
        world.settings.embed_batch = batches.1;
        world.settings.upsert_batch = batches.2;
        world.settings.fetch_concurrency = concurrency;
        world.settings.embed_concurrency = concurrency;
        world.settings.upsert_concurrency = concurrency;
        let expected = model(&source, &target);
        let dry = world.run(&request(RunKind::Analyze)).view.plan.expect("an analysis leaves a plan");
        let ran = world.run(&request(RunKind::Mirror));
        prop_assert_eq!(ran.state(), RunState::Done);
        prop_assert_eq!(&world.target.state().records, &expected);
        prop_assert!(payments(&world.embedder).values().all(|&paid| paid == 1));
        let counts = ran.counts();
        prop_assert_eq!(counts.source_listed, source.len() as u64);
        prop_assert_eq!(counts.in_sync + counts.missing + counts.changed + counts.no_text, counts.source_listed);
        prop_assert_eq!((dry.missing, dry.changed, dry.no_text, dry.orphans, dry.embeddings, dry.kept),
            (counts.migrated, counts.updated, counts.no_text, counts.orphans, counts.embedded, counts.kept));
        let again = world.run(&request(RunKind::Mirror));
        prop_assert_eq!((again.counts().missing, again.counts().changed), (0, 0), "law 6");
    }

    #[test]
    fn failures_cost_time_but_nothing_else(
        source in index(),
        target in index(),
        pages in (1_usize..9, 1_usize..9),
        batches in (1_usize..9, 1_usize..9, 1_usize..9),
        fetches in prop::collection::btree_set(0_usize..12, 0..3),
        upserts in prop::collection::btree_set(0_usize..8, 0..3),
        embeds in prop::collection::btree_set(0_usize..8, 0..3),
        lists in (prop::option::of(0_usize..6), prop::option::of(0_usize..6)),
        swaps in (prop::option::of(0_usize..4), prop::option::of(0_usize..4)),
    ) {
        let mut world = World::with_pages(source.clone(), target.clone(), pages.0, pages.1);
        world.settings.fetch_batch = batches.0;
        world.settings.embed_batch = batches.1;
        world.settings.upsert_batch = batches.2;
        let expected = model(&source, &target);
        world.source.state().faults.failing_fetches.clone_from(&fetches);
        world.target.state().faults.failing_upserts = upserts;
        world.embedder.state().failing_calls = embeds;
        world.source.state().faults.list_fails_on_page = lists.0;
        world.target.state().faults.list_fails_on_page = lists.1;
        world.source.state().faults.swapped_page = swaps.0;
        // A target that lists an id too late is only survived when the next page tells, which is what is promised.
        world.target.state().faults.swapped_page = swaps.1;
        let mut runs = 0;
        loop {
            let ran = world.run(&request(RunKind::Mirror));
            let now = world.target.state().records.clone();
            // At any moment every record is as it was or as it must become.
            for (id, record) in &now {
                prop_assert!(target.get(id) == Some(record) || expected.get(id) == Some(record), "{}", id);
            }
            let lost: BTreeSet<_> = target.keys().filter(|id| !now.contains_key(*id)).collect();
            prop_assert!(lost.is_empty(), "law 2: {:?}", lost);
            if ran.state() == RunState::Done {
                break;
            }
            prop_assert_eq!(ran.state(), RunState::Failed);
            world.source.state().faults.list_fails_on_page = None;
            world.target.state().faults.list_fails_on_page = None;
            runs += 1;
            prop_assert!(runs < 30, "every fault happens once, so this ends");
        }
        prop_assert_eq!(&world.target.state().records, &expected);
    }
}
