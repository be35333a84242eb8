//! The fault matrix.

use std::time::Duration;

use protocol::{PauseReason, RunKind, RunRequest, RunState, Step, StepState};
use sandbox::{Body, Effect, Endpoint, Fault, GeminiQuota, Options, Period, When};

use crate::world::{World, assert_whole, id, request};

fn status(code: u16, body: Body) -> Effect {
    Effect::Status { code, body, retry_after: None, message: None }
}

#[tokio::test]
async fn an_undisturbed_mirror_makes_no_request_too_many() {
    let world = World::start(Options::default()).await;
    let run = world.mirror().await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    assert_whole(&run.progress.counts);
    world.assert_mirrored();
    let state = world.sandbox.state();
    let calls = |index: &str, endpoint| state.calls(index, endpoint).expect("counted").requests;
    assert_eq!((calls("source", Endpoint::List), calls("target", Endpoint::List)), (5, 1));
    // 350 that are missing and 80 that are in both.
    assert_eq!((calls("source", Endpoint::Fetch), calls("target", Endpoint::Fetch)), (5, 1));
    assert_eq!(calls("target", Endpoint::Upsert), 4);
    // One text in ten is shared, and paid for once.
    assert_eq!(state.embedded().texts, state.embedded().distinct_texts);
    assert_eq!(state.embedded().texts, run.progress.counts.embedded);
    assert_eq!(state.main_calls(Endpoint::Embed).requests, 4);
    let again = world.mirror().await;
    assert_eq!((again.progress.counts.missing, again.progress.counts.changed), (0, 0), "law 6");
    assert_eq!(state.embedded().texts, run.progress.counts.embedded, "law 6");
}

#[tokio::test]
async fn a_dry_run_writes_and_pays_nothing() {
    let world = World::start(Options::default()).await;
    let dry = world.run(&RunRequest { dry_run: true, ..request(RunKind::Mirror) }).await;
    let plan = dry.plan.expect("a plan");
    assert_eq!((plan.missing, plan.changed, plan.no_text, plan.orphans, plan.kept), (345, 40, 5, 1, 10));
    let state = world.sandbox.state();
    assert_eq!(state.embedded().texts, 0);
    assert_eq!(state.calls("target", Endpoint::Upsert).expect("counted").requests, 0);
    let live = world.mirror().await;
    assert_eq!(live.progress.counts.embedded, plan.embeddings);
    assert_eq!((live.progress.counts.migrated, live.progress.counts.updated), (plan.missing, plan.changed));
}

/// Whatever a client can get over by trying again, no record and no counter shows.
#[tokio::test]
async fn what_passes_costs_nothing() {
    let effects = [
        status(500, Body::Json),
        status(502, Body::Html),
        status(503, Body::Empty),
        Effect::Reset,
        Effect::LostAnswer,
        Effect::ResetInBody { after_bytes: None },
        Effect::CutBody { after_bytes: None },
        Effect::Hang,
    ];
    for effect in effects {
        let world = World::start(Options::default()).await;
        for endpoint in [Endpoint::List, Endpoint::Fetch, Endpoint::Upsert, Endpoint::Embed, Endpoint::Stats]
        {
            world.sandbox.state().add_fault(Fault::always(endpoint, effect.clone()).when(When::Nth(1)));
        }
        let run = world.mirror().await;
        assert_eq!(run.state, RunState::Done, "{effect:?}: {:?}", run.error);
        assert_whole(&run.progress.counts);
        world.assert_mirrored();
        assert!(run.progress.requests.iter().map(|used| used.retried).sum::<u64>() >= 4, "{effect:?}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_pacing_and_fails_no_record() {
    let limited = |body, retry_after| Effect::Status { code: 429, body, retry_after, message: None };
    let effects = [limited(Body::Json, None), limited(Body::Text, None), limited(Body::Json, Some(0))];
    for effect in effects {
        let world = World::start(Options::default()).await;
        for endpoint in [Endpoint::List, Endpoint::Fetch, Endpoint::Upsert] {
            world.sandbox.state().add_fault(Fault::always(endpoint, effect.clone()).when(When::First(2)));
        }
        let run = world.mirror().await;
        assert_eq!(run.state, RunState::Done, "{effect:?}: {:?}", run.error);
        assert_whole(&run.progress.counts);
        world.assert_mirrored();
        assert!(run.progress.requests.iter().map(|used| used.throttled).sum::<u64>() >= 6, "{effect:?}");
    }
}

#[tokio::test]
async fn a_minute_quota_is_waited_for_and_a_daily_one_is_not() {
    // The client learns the limit that a 429 names, so it must be one that leaves room.
    let roomy = || Options {
        gemini_quota: GeminiQuota { texts_per_minute: Some(100_000), ..GeminiQuota::default() },
        ..Options::default()
    };
    let world = World::start(roomy()).await;
    let quota =
        |period, retry_seconds| Fault::always(Endpoint::Embed, Effect::Quota { period, retry_seconds });
    world.sandbox.state().add_fault(quota(Period::Minute, 0.01).when(When::First(3)));
    let run = world.mirror().await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    assert_whole(&run.progress.counts);

    let world = World::start(roomy()).await;
    world.sandbox.state().add_fault(quota(Period::Day, 0.01).when(When::From(2)));
    let run = world.mirror().await;
    assert_eq!(run.state, RunState::Paused, "a daily quota is no failure: {:?}", run.error);
    assert_eq!(run.pause.as_ref().map(|pause| pause.reason), Some(PauseReason::Quota));
    assert!(run.pause.is_some_and(|pause| pause.until.is_some()), "it says when it can go on");
    assert_eq!(run.progress.counts.failed, 0, "no record is to blame");
    assert!(run.progress.counts.migrated > 0, "what was embedded is written");
    assert_eq!(run.progress.counts.migrated, world.records("target").len() as u64 - 81);
    world.sandbox.state().clear_faults();
    world.mirror_until_done(1).await;
    let embedded = world.sandbox.state().embedded();
    assert!(
        embedded.texts <= embedded.distinct_texts + 1,
        "only the shared text may be paid for again by a new run"
    );
}

#[tokio::test]
async fn embeddings_that_cannot_be_right_are_never_written() {
    let effects = [
        Effect::MissingEmbeddings { count: 1 },
        Effect::ExtraEmbeddings { count: 1 },
        Effect::WrongDimension { dimension: 15 },
        Effect::ZeroVector,
        Effect::NullValue,
    ];
    for effect in effects {
        let world = World::start(Options::default()).await;
        world.sandbox.state().add_fault(Fault::always(Endpoint::Embed, effect.clone()).when(When::First(2)));
        let run = world.mirror().await;
        assert_eq!(run.state, RunState::Done, "{effect:?}: {:?}", run.error);
        world.assert_mirrored();

        let world = World::start(Options::default()).await;
        let before = world.records("target");
        world.sandbox.state().add_fault(Fault::always(Endpoint::Embed, effect.clone()));
        let run = world.mirror().await;
        assert_eq!(run.state, RunState::Failed, "{effect:?}");
        assert_eq!(world.records("target"), before, "{effect:?}");
    }
}

#[tokio::test]
async fn a_listing_that_breaks_off_decides_nothing_behind_the_break() {
    for index in ["source", "target"] {
        for page in [1, 2, 4] {
            let world = World::start(Options::default()).await;
            let fault =
                Fault::always(Endpoint::List, status(400, Body::Json)).at(index).when(When::From(page));
            world.sandbox.state().add_fault(fault);
            let run = world.mirror().await;
            let counts = &run.progress.counts;
            if index == "target" && page > 1 {
                // The target has one page only.
                assert_eq!(run.state, RunState::Done);
                continue;
            }
            assert_eq!(run.state, RunState::Failed, "{index} {page}");
            assert_eq!(counts.orphans, 0, "{index} {page}: nothing was taken for absent");
            assert!(!counts.listed);
            assert_eq!(run.steps[0].state, StepState::Failed);
            if index == "target" {
                assert_eq!(counts.only_source, 0);
                assert_eq!(world.sandbox.state().embedded().texts, 0);
            }
            world.sandbox.state().clear_faults();
            world.mirror_until_done(1).await;
        }
    }
}

#[tokio::test]
async fn listings_out_of_order_and_with_short_or_double_pages_end_in_the_same_state() {
    for (index, effect) in [
        ("source", Effect::OutOfOrder),
        ("target", Effect::OutOfOrder),
        ("source", Effect::DuplicateIds),
        ("target", Effect::DuplicateIds),
        ("source", Effect::ShortPages { limit: 7 }),
        ("target", Effect::ShortPages { limit: 7 }),
    ] {
        let world = World::start(Options::default()).await;
        world.sandbox.state().add_fault(Fault::always(Endpoint::List, effect.clone()).at(index));
        let run = world.mirror().await;
        assert_eq!(run.state, RunState::Done, "{index} {effect:?}: {:?}", run.error);
        assert_eq!(run.progress.counts.orphans, 1, "{index} {effect:?}");
        world.assert_mirrored();
    }
}

#[tokio::test]
async fn a_fetch_that_returns_fewer_records_is_asked_again() {
    for index in ["source", "target"] {
        let world = World::start(Options::default()).await;
        let effect = Effect::MissingRecords { count: 3 };
        world
            .sandbox
            .state()
            .add_fault(Fault::always(Endpoint::Fetch, effect.clone()).at(index).when(When::Nth(1)));
        let run = world.mirror().await;
        assert_eq!(run.state, RunState::Done, "{index}: {:?}", run.error);
        assert_whole(&run.progress.counts);

        let world = World::start(Options::default()).await;
        world.sandbox.state().add_fault(Fault::always(Endpoint::Fetch, effect).at(index));
        let run = world.mirror().await;
        assert_eq!(run.state, RunState::DoneWithFailures, "{index}");
        assert_eq!(run.progress.counts.unreadable, run.progress.counts.failed, "{index}");
        assert!(run.failures.iter().all(|failure| failure.step == Step::Compare));
        world.sandbox.state().clear_faults();
        world.mirror_until_done(1).await;
    }
}

/// One fetch that leaves records out neither lowers a level nor drops a record, whichever fetch it is.
#[tokio::test]
async fn a_fetch_of_a_plan_that_returns_fewer_records_is_asked_again() {
    for (index, nth) in [("source", 1), ("source", 4), ("target", 4), ("target", 5)] {
        let mut world = World::start(Options::default()).await;
        // In one order: first what is missing in four batches, then what has changed.
        (world.settings.fetch_concurrency, world.settings.linger) = (1, Duration::ZERO);
        let analysis = world.run(&request(RunKind::Analyze)).await;
        world.sandbox.state().add_fault(
            Fault::always(Endpoint::Fetch, Effect::MissingRecords { count: 20 })
                .at(index)
                .when(When::Nth(nth)),
        );
        let run = world.follow(&analysis).await;
        assert_eq!(run.state, RunState::Done, "{index} {nth}: {:?}", run.error);
        let counts = &run.progress.counts;
        assert_eq!((counts.migrated, counts.updated), (345, 40), "{index} {nth}");
        assert_eq!((counts.kept, counts.gone, counts.moved), (10, 0, 0), "{index} {nth}");
        world.assert_mirrored();
    }
}

#[tokio::test]
async fn a_fetch_of_a_run_that_goes_on_and_returns_fewer_records_is_asked_again() {
    for (index, nth) in [("source", 1), ("target", 1), ("target", 2), ("target", 3), ("target", 4)] {
        let mut world = World::start(Options::default()).await;
        world.settings.fetch_concurrency = 1;
        let refused = Fault::always(Endpoint::Embed, status(401, Body::Text));
        world.sandbox.state().add_fault(refused);
        let failed = world.mirror().await;
        assert_eq!(failed.state, RunState::Failed);
        world.sandbox.state().clear_faults();
        world.sandbox.state().add_fault(
            Fault::always(Endpoint::Fetch, Effect::MissingRecords { count: 20 })
                .at(index)
                .when(When::Nth(nth)),
        );
        let run = world.go_on(failed).await;
        assert_eq!(run.state, RunState::Done, "{index} {nth}: {:?}", run.error);
        assert_whole(&run.progress.counts);
        assert_eq!(run.progress.counts.gone, 0);
        world.assert_mirrored();
    }
}

#[tokio::test]
async fn poison_stands_alone() {
    let world = World::start(Options::default()).await;
    let marker = "passage 123".to_owned();
    world.sandbox.state().add_fault(Fault::always(Endpoint::Embed, Effect::PoisonText { marker }));
    let run = world.mirror().await;
    assert_eq!(run.state, RunState::DoneWithFailures);
    let counts = &run.progress.counts;
    assert_eq!((counts.migrated, counts.updated, counts.failed), (344, 40, 1));
    assert_eq!(run.failures[0].id, id(123));
    assert_eq!(run.failures[0].step, Step::Migrate);
    world.sandbox.state().clear_faults();
    let runs = world.mirror_until_done(1).await;
    assert_eq!(runs[0].progress.counts.migrated, 1, "only what failed is left");
}

#[tokio::test]
async fn a_key_that_expires_in_the_middle_ends_the_run_and_names_the_service() {
    for endpoint in [Endpoint::Fetch, Endpoint::Upsert, Endpoint::Embed] {
        let world = World::start(Options::default()).await;
        let fault = Fault::always(endpoint, status(401, Body::Text)).when(When::From(2));
        world.sandbox.state().add_fault(fault);
        let run = world.mirror().await;
        assert_eq!(run.state, RunState::Failed, "{endpoint:?}");
        let error = run.error.expect("it says why");
        assert!(["old", "new", "Gemini"].iter().any(|name| error.starts_with(name)), "{error}");
        assert!(!error.contains("test-key"), "law 11: {error}");
        world.sandbox.state().clear_faults();
        world.mirror_until_done(1).await;
    }
}

#[tokio::test]
async fn a_target_that_shows_writes_late_is_waited_for() {
    let world =
        World::start(Options { visibility_delay: Duration::from_millis(400), ..Options::default() }).await;
    let run = world.mirror().await;
    assert_eq!(run.state, RunState::Done);
    let verification = run.verification.expect("verified");
    assert!(verification.confirmed, "{}", verification.summary);
}

#[tokio::test]
async fn any_fault_anywhere_ends_well_in_the_end() {
    let mut seed = 1;
    for probability in [0.05, 0.15, 0.3] {
        for effect in [
            status(503, Body::Json),
            Effect::LostAnswer,
            Effect::CutBody { after_bytes: None },
            status(429, Body::Text),
        ] {
            seed += 1;
            let world = World::start(Options { seed, ..Options::default() }).await;
            for endpoint in [Endpoint::List, Endpoint::Fetch, Endpoint::Upsert, Endpoint::Embed] {
                let fault = Fault::always(endpoint, effect.clone()).when(When::Probability(probability));
                world.sandbox.state().add_fault(fault);
            }
            world.mirror_until_done(5).await;
        }
    }
}
