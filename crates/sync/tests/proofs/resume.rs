//! Runs that stop, are killed, and go on: nothing is lost, nothing is wrong, and only what was in flight is done again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;
use protocol::{Category, PauseReason, RunKind, RunRequest, RunState, StepState};
use serde_json::json;
use sync::{Origin, Recorder, Stop, StopReason};

use crate::{
    model::{index, model},
    support::{World, payments, request, runtime, stored},
};

/// Kills a run after so many milliseconds of its time: it is dropped where it is, as a process that dies drops it.
/// Returns the run's state if it ended before.
fn killed_after(
    world: &World,
    request: &RunRequest,
    recorder: &Arc<Recorder>,
    millis: u64,
) -> Option<RunState> {
    // A runtime of its own, so that nothing of it lives on.
    runtime().block_on(async {
        tokio::select! {
            biased;
            state = world.go(request, recorder, Stop::new()) => Some(state),
            () = tokio::time::sleep(Duration::from_millis(millis)) => None,
        }
    })
}

fn until_done(world: &World, request: &RunRequest, kills: &[u64]) -> (Arc<Recorder>, usize) {
    let mut recorder = runtime().block_on(world.begin(request, &Origin::Listing));
    let run = recorder.id();
    let mut killed = 0;
    for &millis in kills {
        if killed_after(world, request, &recorder, millis).is_some() {
            return (recorder, killed);
        }
        killed += 1;
        recorder = world.restored(&run);
    }
    assert!(killed_after(world, request, &recorder, 3_600_000).is_some());
    (recorder, killed)
}

fn many(records: usize) -> BTreeMap<String, crate::support::Stored> {
    (0..records).map(|n| (format!("{n:05}"), stored(json!({"text": format!("t{n}")})))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_run_that_is_killed_again_and_again_ends_where_an_undisturbed_one_does(
        source in index(),
        target in index(),
        pages in (1_usize..9, 1_usize..9),
        batches in (1_usize..9, 1_usize..9, 1_usize..9),
        kills in prop::collection::vec(1_u64..60, 0..12),
    ) {
        let mut world = World::with_pages(source.clone(), target.clone(), pages.0, pages.1);
        world.settings.fetch_batch = batches.0;
        world.settings.embed_batch = batches.1;
        world.settings.upsert_batch = batches.2;
        world.settings.linger = Duration::from_millis(10);
        let expected = model(&source, &target);
        let undisturbed = World::with_pages(source, target, pages.0, pages.1);
        let whole = undisturbed.run(&request(RunKind::Mirror));

        let (recorder, killed) = until_done(&world, &request(RunKind::Mirror), &kills);
        let view = recorder.view();
        prop_assert_eq!(view.state, RunState::Done);
        prop_assert!(view.steps.iter().all(|step| step.state == StepState::Done), "{:?}", view.steps);
        prop_assert_eq!(&world.target.state().records, &expected);
        let counts = &view.progress.counts;
        let whole = whole.counts();
        prop_assert_eq!((counts.source_listed, counts.listed), (whole.source_listed, true));
        let verification = view.verification.as_ref().expect("a live run verifies");
        prop_assert!(verification.confirmed, "{}", verification.summary);
        prop_assert_eq!((counts.no_text, counts.orphans), (whole.no_text, whole.orphans));
        // What was written in the instant of a kill is found in sync afterwards.
        prop_assert_eq!(counts.migrated + counts.updated + counts.in_sync,
            whole.migrated + whole.updated + whole.in_sync);
        prop_assert_eq!((counts.missing, counts.changed, counts.failed), (counts.migrated, counts.updated, 0));
        let kept = world.store.kept(&view.head.id);
        prop_assert!(kept.pending.is_empty(), "{:?}", kept.pending);
        for (category, count) in [
            (Category::InSync, counts.in_sync),
            (Category::Migrated, counts.migrated),
            (Category::Updated, counts.updated),
            (Category::NoText, counts.no_text),
            (Category::Orphan, counts.orphans),
            (Category::Kept, counts.kept),
        ] {
            prop_assert_eq!(world.store.ids(&view.head.id, category).len() as u64, count, "{:?}", category);
        }
        // At most what was in flight is paid again: nothing beyond one payment a text and one a kill for each.
        let most = 1 + killed;
        prop_assert!(payments(&world.embedder).values().all(|&paid| paid <= most));
    }

    #[test]
    fn an_analysis_that_is_killed_makes_the_plan_of_an_undisturbed_one(
        source in index(),
        target in index(),
        pages in (1_usize..9, 1_usize..9),
        kills in prop::collection::vec(1_u64..40, 0..12),
    ) {
        let world = World::with_pages(source, target, pages.0, pages.1);
        let whole = world.run(&request(RunKind::Analyze));
        let (recorder, _) = until_done(&world, &request(RunKind::Analyze), &kills);
        let view = recorder.view();
        prop_assert_eq!(&view.plan, &whole.view.plan);
        prop_assert!(view.steps.iter().all(|step| step.state == StepState::Done), "{:?}", view.steps);
        prop_assert_eq!(&view.progress.counts, whole.counts());
        prop_assert_eq!(world.target.state().upserts, 0);
    }
}

#[test]
fn only_what_was_in_flight_is_done_again_after_a_kill() {
    let world = World::with_pages(many(5_000), BTreeMap::new(), 100, 100);
    let mut read = 5_000;
    let request = request(RunKind::Mirror);
    let mut recorder = runtime().block_on(world.begin(&request, &Origin::Listing));
    let run = recorder.id();
    let mut kills = 0;
    while killed_after(&world, &request, &recorder, 20).is_none() {
        kills += 1;
        // Paid for and not in the target; read and not settled.
        let lost = world.embedder.state().paid.len() - world.target.state().written.len();
        world.embedder.state().lost = lost;
        read += world.store.kept(&run).pending.len();
        recorder = world.restored(&run);
        assert!(kills < 100, "the run gets on");
    }
    assert!(kills > 3, "{kills}");
    assert_eq!(world.target.state().records.len(), 5_000);
    let paid = world.embedder.state().paid.len();
    // Every text but those that were in flight in some kill, at most 500 each, was paid for once.
    assert_eq!(paid, 5_000 + world.embedder.state().lost);
    assert!(world.embedder.state().lost <= 500 * kills);
    let fetched = world.source.state().fetched_ids.len();
    assert!(fetched <= read + 400 * kills, "{fetched} > {read} and the batches in flight");
    let pages = world.source.state().listed_pages;
    assert!(pages >= 50, "{pages}");
    assert_eq!(recorder.counts().source_listed, 5_000);
}

#[test]
fn a_paused_run_finishes_what_is_in_flight_and_goes_on() {
    let world = World::with_pages(many(3_000), BTreeMap::new(), 100, 100);
    let request = request(RunKind::Mirror);
    let recorder = runtime().block_on(async {
        let recorder = world.begin(&request, &Origin::Listing).await;
        let stop = Stop::new();
        let pause = async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            stop.ask(StopReason::Pause);
        };
        let (state, ()) = tokio::join!(world.go(&request, &recorder, stop.clone()), pause);
        assert_eq!(state, RunState::Paused);
        recorder
    });
    let view = recorder.view();
    assert_eq!(view.pause.expect("it says why").reason, PauseReason::Requested);
    assert!(view.steps.iter().any(|step| step.state == StepState::Paused));
    let before = view.progress.counts;
    assert!(before.migrated > 0 && before.migrated < 3_000, "{before:?}");
    assert_eq!(before.migrated, before.missing, "what is not settled does not count until the run goes on");
    assert_eq!(world.embedder.state().paid.len() as u64, before.migrated, "what was paid for was written");
    let recorder = world.restored(&recorder.id());
    assert_eq!(killed_after(&world, &request, &recorder, 3_600_000), Some(RunState::Done));
    assert_eq!(world.embedder.state().paid.len(), 3_000, "nothing was paid for twice");
    assert_eq!(recorder.counts().migrated, 3_000);
    assert_eq!(recorder.view().state, RunState::Done);
    assert_eq!(recorder.view().pause, None);
}

#[test]
fn a_run_that_comes_to_its_end_while_it_is_asked_to_stop_is_done() {
    for reason in [StopReason::Pause, StopReason::Shutdown, StopReason::Cancel] {
        for (refused, end) in [(false, RunState::Done), (true, RunState::DoneWithFailures)] {
            let world = World::with_pages(many(250), BTreeMap::new(), 100, 100);
            world.target.state().faults.upserts_take = Duration::from_millis(600);
            if refused {
                world.target.state().faults.refused.insert("00007".to_owned());
            }
            let request = request(RunKind::Mirror);
            let view = runtime().block_on(async {
                let recorder = world.begin(&request, &Origin::Listing).await;
                let stop = Stop::new();
                let ask = async {
                    // By now all writes are under way.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    assert_eq!(world.embedder.state().paid.len(), 250);
                    stop.ask(reason);
                };
                let (state, ()) = tokio::join!(world.go(&request, &recorder, stop.clone()), ask);
                assert_eq!(state, end, "{reason:?}");
                recorder.view()
            });
            assert_eq!(view.pause, None);
            assert!(view.steps.iter().all(|step| step.state == StepState::Done), "{:?}", view.steps);
            let verification = view.verification.expect("it verified");
            assert!(verification.confirmed || refused, "{}", verification.summary);
            assert_eq!(view.progress.counts.migrated, 250 - u64::from(refused));
        }
    }
}

#[test]
fn a_run_that_stopped_behind_its_listings_shows_them_as_done() {
    let world = World::with_pages(many(250), BTreeMap::new(), 100, 100);
    world.target.state().faults.upserts_hang = true;
    let request = request(RunKind::Mirror);
    let recorder = runtime().block_on(world.begin(&request, &Origin::Listing));
    assert_eq!(killed_after(&world, &request, &recorder, 600), None);
    world.target.state().faults.upserts_hang = false;
    let listed = world.source.state().listed_pages;
    let recorder = world.restored(&recorder.id());
    assert_eq!(killed_after(&world, &request, &recorder, 3_600_000), Some(RunState::Done));
    assert_eq!(world.source.state().listed_pages, listed, "nothing was listed again");
    let steps = recorder.view().steps;
    assert!(steps.iter().all(|step| step.state == StepState::Done), "{steps:?}");
    assert_eq!(steps[0].detail, "250 records in the source, 0 in the target");
}

#[test]
fn a_run_can_be_given_up_while_it_is_pausing() {
    let world = World::with_pages(many(1_000), BTreeMap::new(), 100, 100);
    world.target.state().faults.upserts_hang = true;
    let request = request(RunKind::Mirror);
    runtime().block_on(async {
        let recorder = world.begin(&request, &Origin::Listing).await;
        let stop = Stop::new();
        let ask = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            stop.ask(StopReason::Pause);
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(recorder.view().state, RunState::Pausing);
            stop.ask(StopReason::Cancel);
            let asked = tokio::time::Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(recorder.view().state, RunState::Cancelling, "it is shown at once");
            asked
        };
        let (state, asked) = tokio::join!(world.go(&request, &recorder, stop.clone()), ask);
        assert_eq!(state, RunState::Cancelled);
        assert!(asked.elapsed() <= world.settings.stop_grace, "{:?}", asked.elapsed());
    });
}

#[test]
fn a_pause_does_not_claim_that_all_was_acknowledged() {
    let world = World::with_pages(many(1_000), BTreeMap::new(), 100, 100);
    world.target.state().faults.upserts_hang = true;
    let request = request(RunKind::Mirror);
    let ran = runtime().block_on(async {
        let stop = Stop::new();
        let ask = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            stop.ask(StopReason::Pause);
        };
        tokio::join!(world.execute(&request, stop.clone()), ask).0
    });
    assert_eq!(ran.state(), RunState::Paused);
    assert_eq!(ran.view.pause.expect("it says why").message, "on request");
}

/// A run that was paused after a part of its texts was paid for.
fn paused_among_equal_texts(world: &World, request: &RunRequest) -> Arc<Recorder> {
    runtime().block_on(async {
        let recorder = world.begin(request, &Origin::Listing).await;
        let stop = Stop::new();
        let pause = async {
            tokio::time::sleep(Duration::from_millis(14)).await;
            stop.ask(StopReason::Shutdown);
        };
        tokio::join!(world.go(request, &recorder, stop.clone()), pause);
        recorder
    })
}

#[test]
fn equal_texts_are_paid_for_once_across_a_pause() {
    let source = (0..1_000).map(|n| (format!("{n:05}"), stored(json!({"text": format!("t{}", n % 400)}))));
    let world = World::with_pages(source.collect(), BTreeMap::new(), 50, 50);
    let request = request(RunKind::Mirror);
    let recorder = paused_among_equal_texts(&world, &request);
    assert_eq!(recorder.view().state, RunState::Paused);
    let so_far = world.embedder.state().paid.len();
    assert!(so_far > 0 && so_far < 400, "{so_far}");
    let recorder = world.restored(&recorder.id());
    assert_eq!(killed_after(&world, &request, &recorder, 3_600_000), Some(RunState::Done));
    assert_eq!(world.target.state().records.len(), 1_000);
    assert!(payments(&world.embedder).values().all(|&paid| paid == 1));
}

#[test]
fn a_vector_of_another_model_is_not_taken_for_that_of_an_equal_text_by_a_run_that_goes_on() {
    let source = (0..1_000).map(|n| (format!("{n:05}"), stored(json!({"text": format!("t{}", n % 400)}))));
    let mut world = World::with_pages(source.collect(), BTreeMap::new(), 50, 50);
    let request = request(RunKind::Mirror);
    let recorder = paused_among_equal_texts(&world, &request);
    let before = world.store.state().ledger.clone();
    assert!(!before.is_empty() && before.len() < 400, "{}", before.len());
    world.settings.made_by = "another-model/4/RETRIEVAL_DOCUMENT".to_owned();
    let recorder = world.restored(&recorder.id());
    assert_eq!(killed_after(&world, &request, &recorder, 3_600_000), Some(RunState::Done));
    for (id, (vector, _)) in &world.store.state().ledger {
        let expected = before.get(id).map_or(&world.settings.made_by, |(vector, _)| &vector.made_by);
        assert_eq!(&vector.made_by, expected, "{id}");
    }
    // Texts whose vectors are of the model before were embedded by the other one for the records behind them.
    let again = payments(&world.embedder).values().filter(|&&paid| paid == 2).count();
    assert_eq!(again, before.len());
}

#[test]
fn a_used_up_quota_pauses_the_run_until_it_is_there_again() {
    let world = World::with_pages(many(1_000), BTreeMap::new(), 100, 100);
    world.embedder.state().quota_at = Some((3, 1_800_000_000_000));
    let ran = world.run(&request(RunKind::Mirror));
    assert_eq!(ran.state(), RunState::Paused);
    let pause = ran.view.pause.clone().expect("it says why");
    assert_eq!((pause.reason, pause.until), (PauseReason::Quota, Some(1_800_000_000_000)));
    assert!(pause.message.contains("quota"), "{}", pause.message);
    assert_eq!(ran.view.error, None);
    world.embedder.state().quota_at = None;
    let recorder = world.restored(&ran.view.head.id);
    assert_eq!(killed_after(&world, &request(RunKind::Mirror), &recorder, 3_600_000), Some(RunState::Done));
    assert_eq!(world.embedder.state().paid.len(), 1_000);
}

#[test]
fn a_failed_run_goes_on_where_it_was() {
    let world = World::with_pages(many(2_000), BTreeMap::new(), 100, 100);
    world.source.state().faults.list_fails_on_page = Some(12);
    let ran = world.run(&request(RunKind::Mirror));
    assert_eq!(ran.state(), RunState::Failed);
    assert!(ran.counts().migrated > 0);
    world.source.state().faults.list_fails_on_page = None;
    let recorder = world.restored(&ran.view.head.id);
    assert_eq!(killed_after(&world, &request(RunKind::Mirror), &recorder, 3_600_000), Some(RunState::Done));
    assert_eq!(world.embedder.state().paid.len(), 2_000);
    let ids: BTreeSet<_> = world.source.state().fetched_ids.iter().cloned().collect();
    assert_eq!((ids.len(), world.source.state().fetched_ids.len()), (2_000, 2_000), "each was read once");
}

#[test]
fn a_listing_whose_token_was_forgotten_begins_anew_and_repeats_nothing() {
    let world = World::with_pages(many(2_000), BTreeMap::new(), 100, 100);
    world.source.state().faults.list_fails_on_page = Some(12);
    let ran = world.run(&request(RunKind::Mirror));
    assert_eq!(ran.state(), RunState::Failed);
    world.source.state().faults.list_fails_on_page = None;
    // Pages of another size have other tokens.
    let other = world.with_source_pages(70);
    let recorder = other.restored(&ran.view.head.id);
    assert_eq!(killed_after(&other, &request(RunKind::Mirror), &recorder, 3_600_000), Some(RunState::Done));
    assert_eq!(recorder.counts().source_listed, 2_000);
    assert_eq!(world.embedder.state().paid.len(), 2_000);
}

#[test]
fn a_listing_that_fails_where_it_goes_on_does_not_begin_anew() {
    let world = World::with_pages(many(2_000), BTreeMap::new(), 100, 100);
    world.source.state().faults.list_fails_on_page = Some(12);
    let ran = world.run(&request(RunKind::Mirror));
    assert_eq!(ran.state(), RunState::Failed);
    assert_eq!(world.source.state().listings, 1);
    let recorder = world.restored(&ran.view.head.id);
    assert_eq!(killed_after(&world, &request(RunKind::Mirror), &recorder, 3_600_000), Some(RunState::Failed));
    assert_eq!(world.source.state().listings, 2, "the service is not asked for all pages again");
    world.source.state().faults.list_fails_on_page = None;
    let recorder = world.restored(&ran.view.head.id);
    assert_eq!(killed_after(&world, &request(RunKind::Mirror), &recorder, 3_600_000), Some(RunState::Done));
    assert_eq!(world.source.state().listings, 3);
    assert_eq!(world.embedder.state().paid.len(), 2_000);
}

#[test]
fn what_was_migrated_before_a_listing_began_again_is_expected_once() {
    for killed_at in [None, Some(40), Some(60), Some(80)] {
        // As many as the sorting can hand on at once: while it waits, the paused time stands still.
        let mut world = World::with_pages(many(390), BTreeMap::new(), 20, 20);
        (world.settings.fetch_batch, world.settings.embed_batch, world.settings.upsert_batch) = (10, 10, 10);
        world.source.state().faults.swapped_page = Some(15);
        let request = request(RunKind::Mirror);
        let mut recorder = runtime().block_on(world.begin(&request, &Origin::Listing));
        if let Some(millis) = killed_at {
            assert_eq!(killed_after(&world, &request, &recorder, millis), None);
            recorder = world.restored(&recorder.id());
        }
        assert_eq!(killed_after(&world, &request, &recorder, 3_600_000), Some(RunState::Done));
        let view = recorder.view();
        let counts = &view.progress.counts;
        assert!(
            counts.in_sync > 0,
            "{killed_at:?}: some were migrated when the listing was found out of order"
        );
        assert_eq!(world.target.state().records.len(), 390);
        let verification = view.verification.expect("verified");
        assert!(verification.confirmed, "{killed_at:?}: {}", verification.summary);
        assert_eq!(verification.expected_target, 390);
    }
}

#[test]
fn a_raised_level_that_came_while_the_run_was_paused_is_kept() {
    let world = World::with_pages(many(1_000), BTreeMap::new(), 100, 100);
    let request = request(RunKind::Mirror);
    let recorder = runtime().block_on(world.begin(&request, &Origin::Listing));
    assert_eq!(killed_after(&world, &request, &recorder, 20), None);
    let pending = world.store.kept(&recorder.id()).pending;
    let raised = pending.keys().next().expect("something was in flight").clone();
    let by_hand = stored(json!({"text": "by hand", "clearance_level": 4}));
    world.target.state().records.insert(raised.clone(), by_hand);
    let recorder = world.restored(&recorder.id());
    assert_eq!(killed_after(&world, &request, &recorder, 3_600_000), Some(RunState::Done));
    assert_eq!(world.target.state().records[&raised].metadata["clearance_level"], json!(4), "law 5");
}

#[test]
fn what_left_the_target_while_the_run_was_paused_is_not_expected_there() {
    let target = many(300).into_iter().map(|(id, mut record)| {
        record.metadata.insert("title".to_owned(), json!("old"));
        (id, record)
    });
    let world = World::with_pages(many(300), target.collect(), 100, 100);
    world.target.state().faults.upserts_hang = true;
    let request = request(RunKind::Mirror);
    let recorder = runtime().block_on(world.begin(&request, &Origin::Listing));
    assert_eq!(killed_after(&world, &request, &recorder, 600), None);
    assert_eq!(world.store.kept(&recorder.id()).pending.len(), 300);
    world.source.state().records.remove("00005");
    {
        let mut target = world.target.state();
        target.faults.upserts_hang = false;
        target.records.retain(|id, _| id.as_str() >= "00007");
    }
    let lost = world.embedder.state().paid.len();
    world.embedder.state().lost = lost;
    let recorder = world.restored(&recorder.id());
    assert_eq!(killed_after(&world, &request, &recorder, 3_600_000), Some(RunState::Done));
    let view = recorder.view();
    let counts = &view.progress.counts;
    assert_eq!((counts.vanished, counts.migrated, counts.updated, counts.gone), (7, 6, 293, 1));
    let verification = view.verification.expect("verified");
    assert!(verification.confirmed, "{}", verification.summary);
    assert_eq!(verification.expected_target, 299);
}

#[test]
fn a_plan_of_which_something_is_gone_is_not_taken_for_one_that_says_less() {
    for (killed, gone) in [(false, false), (false, true), (true, false), (true, true)] {
        // More than are handed on ahead of the reading.
        let world = World::with_pages(many(10_000), BTreeMap::new(), 100, 100);
        let analysis = world.run(&request(RunKind::Analyze)).view;
        let hash = analysis.plan.expect("a plan").hash;
        let planned = RunRequest { plan: Some(hash), ..request(RunKind::Mirror) };
        let origin = Origin::Plan(analysis.head.id.clone());
        let mut recorder = runtime().block_on(world.begin(&planned, &origin));
        if killed {
            assert_eq!(killed_after(&world, &planned, &recorder, 10), None);
            let lost = world.embedder.state().paid.len() - world.target.state().written.len();
            world.embedder.state().lost = lost;
            recorder = world.restored(&recorder.id());
        }
        if gone {
            let key = (Category::Missing.slug().to_owned(), "09999".to_owned());
            let mut store = world.store.state();
            let records = &mut store.runs.get_mut(&analysis.head.id).expect("it is there").records;
            assert!(records.remove(&key).is_some());
        }
        let state = killed_after(&world, &planned, &recorder, 3_600_000);
        let view = recorder.view();
        if !gone {
            assert_eq!((state, view.progress.counts.gone), (Some(RunState::Done), 0), "{killed}");
            assert!(view.verification.expect("verified").confirmed);
            continue;
        }
        assert_eq!(state, Some(RunState::Failed), "{killed}: law 3");
        let error = view.error.expect("it says why");
        assert!(error.contains("10,000 records") && error.contains("analyze again"), "{error}");
        assert_eq!(view.verification, None);
        let recorder = world.restored(&recorder.id());
        assert_eq!(
            killed_after(&world, &planned, &recorder, 3_600_000),
            Some(RunState::Failed),
            "and stays so"
        );
    }
}

#[test]
fn an_analysis_whose_store_fails_leaves_no_plan_that_is_not_whole() {
    let source: BTreeMap<_, _> = many(60);
    let undisturbed = World::new(source.clone(), BTreeMap::new());
    let whole = undisturbed.run(&request(RunKind::Analyze)).view.plan.expect("a plan");
    let commits = undisturbed.store.state().commits;
    let mut without = 0;
    for fails_at in 0..commits {
        let world = World::new(source.clone(), BTreeMap::new());
        world.store.state().fails_at = Some(fails_at);
        let recorder = runtime().block_on(world.begin(&request(RunKind::Analyze), &Origin::Listing));
        let state = killed_after(&world, &request(RunKind::Analyze), &recorder, 3_600_000);
        // Only the commits of the end come after everybody has seen it.
        let expected = if fails_at + 2 < commits { RunState::Failed } else { RunState::Done };
        assert_eq!(state, Some(expected), "{fails_at} of {commits}");
        let kept = world.store.kept(&recorder.id()).view.expect("it has begun");
        for plan in [recorder.view().plan, kept.plan] {
            match plan {
                None => without += 1,
                // What was found was complete by then.
                Some(plan) => assert_eq!(plan, whole, "{fails_at} of {commits}"),
            }
        }
    }
    assert!(without > 0, "{commits}");
}

#[test]
fn a_store_that_cannot_be_written_ends_the_run() {
    let world = World::with_pages(many(2_000), BTreeMap::new(), 100, 100);
    world.store.state().fails_at = Some(6);
    let ran = world.run(&request(RunKind::Mirror));
    assert_eq!(ran.state(), RunState::Failed);
    let error = ran.view.error.expect("it says why");
    assert!(error.contains("cannot commit in the store"), "{error}");
    let paid = world.embedder.state().paid.len();
    assert!(paid < 1_500, "{paid}: nothing more was begun");
}
