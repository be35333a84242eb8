//! Every fault, in an analysis and in a mirror, each at the endpoints where it can happen: the exact end state, and the
//! exact counters after the run has gone on without the fault.

use protocol::{RunKind, RunState, RunView};
use sandbox::{Body, Effect, Endpoint, Fault, GeminiQuota, Options, Period, When};

use crate::world::{World, assert_whole, request};

/// What a fault comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client gets over it: everything is done.
    Done,
    /// The run stops, and goes on later.
    Failed,
    /// The run waits for the next day or month.
    Paused,
    /// Records fail, and are listed.
    SomeFail,
}

struct Case {
    effect: Effect,
    when: When,
    endpoints: &'static [Endpoint],
    end: End,
}

const READS: &[Endpoint] = &[Endpoint::List, Endpoint::Fetch];
const PINECONE: &[Endpoint] = &[Endpoint::List, Endpoint::Fetch, Endpoint::Upsert];
const ALL: &[Endpoint] = &[Endpoint::List, Endpoint::Fetch, Endpoint::Upsert, Endpoint::Embed];
const EMBED: &[Endpoint] = &[Endpoint::Embed];
const UPSERT: &[Endpoint] = &[Endpoint::Upsert];
const LIST: &[Endpoint] = &[Endpoint::List];
const FETCH: &[Endpoint] = &[Endpoint::Fetch];

fn status(code: u16, body: Body, retry_after: Option<u64>) -> Effect {
    Effect::Status { code, body, retry_after, message: None }
}

fn cases() -> Vec<Case> {
    let case = |effect, when, endpoints, end| Case { effect, when, endpoints, end };
    let passes = [
        status(500, Body::Json, None),
        status(502, Body::Html, None),
        status(503, Body::Empty, None),
        status(429, Body::Text, None),
        status(429, Body::Json, None),
        status(429, Body::Json, Some(0)),
        Effect::Reset,
        Effect::LostAnswer,
        Effect::ResetInBody { after_bytes: None },
        Effect::CutBody { after_bytes: None },
        Effect::Hang,
        Effect::SlowBody { chunk_bytes: 20_000, pause_ms: 1 },
        Effect::Latency { ms: 20 },
    ];
    let mut cases: Vec<Case> =
        passes.into_iter().map(|effect| case(effect, When::Nth(2), ALL, End::Done)).collect();
    let wrong = [
        Effect::MissingEmbeddings { count: 1 },
        Effect::ExtraEmbeddings { count: 1 },
        Effect::WrongDimension { dimension: 15 },
        Effect::ZeroVector,
        Effect::NullValue,
        Effect::NanValue,
        Effect::HugeValue,
    ];
    for effect in wrong {
        cases.push(case(effect.clone(), When::Nth(2), EMBED, End::Done));
        cases.push(case(effect, When::From(2), EMBED, End::Failed));
    }
    let day = Effect::Quota { period: Period::Day, retry_seconds: 0.01 };
    let minute = Effect::Quota { period: Period::Minute, retry_seconds: 0.01 };
    let poison = || "passage 123".to_owned();
    cases.extend([
        case(minute, When::First(2), EMBED, End::Done),
        case(day, When::From(2), EMBED, End::Paused),
        case(Effect::ExpiredKey, When::From(2), ALL, End::Failed),
        case(status(500, Body::Json, None), When::From(2), PINECONE, End::Failed),
        case(status(403, Body::Json, None), When::From(2), ALL, End::Failed),
        case(Effect::OutOfOrder, When::Always, LIST, End::Done),
        case(Effect::DuplicateIds, When::Always, LIST, End::Done),
        case(Effect::ShortPages { limit: 7 }, When::Always, LIST, End::Done),
        case(Effect::MissingRecords { count: 3 }, When::Nth(2), FETCH, End::Done),
        case(Effect::TooLarge { bytes: 900, code: Some(414) }, When::Always, FETCH, End::Done),
        case(Effect::TooLarge { bytes: 4_000, code: None }, When::Always, UPSERT, End::Done),
        case(Effect::TooLarge { bytes: 4_000, code: Some(400) }, When::Always, UPSERT, End::Done),
        case(Effect::VisibilityDelay { ms: 150, fetch_ms: 50 }, When::Always, UPSERT, End::Done),
        case(Effect::PoisonText { marker: poison() }, When::Always, EMBED, End::SomeFail),
        case(Effect::PoisonRecord { marker: poison() }, When::Always, UPSERT, End::SomeFail),
    ]);
    cases
}

/// Whether an analysis calls this endpoint.
fn reads(endpoint: Endpoint) -> bool {
    READS.contains(&endpoint)
}

async fn world() -> World {
    // The client learns the limit that a 429 names, so it must be one that leaves room.
    let gemini_quota = GeminiQuota { texts_per_minute: Some(100_000), ..GeminiQuota::default() };
    World::start(Options { gemini_quota, ..Options::default() }).await
}

fn assert_end(end: End, run: &RunView, what: &str) {
    let expected = match end {
        End::Done => RunState::Done,
        End::Failed => RunState::Failed,
        End::Paused => RunState::Paused,
        End::SomeFail => RunState::DoneWithFailures,
    };
    assert_eq!(run.state, expected, "{what}: {:?}", run.error);
    assert_eq!(run.error.is_some(), end == End::Failed, "{what}");
    assert_eq!(run.pause.is_some(), end == End::Paused, "{what}");
    if end != End::SomeFail {
        assert_eq!(run.progress.counts.failed, 0, "{what}: no record is to blame");
    }
}

#[tokio::test]
async fn a_mirror_ends_as_it_must_and_goes_on() {
    for Case { effect, when, endpoints, end } in cases() {
        for &endpoint in endpoints {
            let what = format!("{effect:?} {when:?} at {endpoint:?}");
            let world = world().await;
            let state = world.sandbox.state();
            state.add_fault(Fault::always(endpoint, effect.clone()).when(when.clone()));
            let run = world.mirror().await;
            assert_end(end, &run, &what);
            let counts = &run.progress.counts;
            state.clear_faults();
            match end {
                End::Done => assert_whole(counts),
                End::Failed | End::Paused => {
                    // What does not fit the plan of the whole is not claimed either.
                    assert_eq!((counts.missing, counts.changed), (counts.migrated, counts.updated), "{what}");
                    let run = Box::pin(world.go_on(run)).await;
                    assert_eq!(run.state, RunState::Done, "{what}: {:?}", run.error);
                    assert_whole(&run.progress.counts);
                    // An answer that cannot be right was paid for too, as often as it was asked for.
                    let wrong_answers = endpoint == Endpoint::Embed && end == End::Failed;
                    let embedded = state.embedded();
                    assert!(
                        wrong_answers || embedded.texts <= embedded.distinct_texts + 400,
                        "{what}: four calls were in flight"
                    );
                }
                End::SomeFail => {
                    assert_eq!((counts.migrated, counts.updated, counts.failed), (344, 40, 1), "{what}");
                    assert_eq!(run.failures.len(), 1, "{what}");
                    let retried = world.retry(&run).await;
                    assert_eq!(retried.state, RunState::Done, "{what}: {:?}", retried.error);
                    assert_eq!(retried.progress.counts.migrated, 1, "{what}");
                }
            }
            world.assert_mirrored();
            let again = world.mirror().await;
            let counts = &again.progress.counts;
            assert_eq!((counts.missing, counts.changed), (0, 0), "law 6: {what}");
        }
    }
}

#[tokio::test]
async fn an_analysis_ends_as_it_must_and_goes_on() {
    let undisturbed = world().await.run(&request(RunKind::Analyze)).await;
    let whole = undisturbed.plan.expect("an analysis leaves a plan");
    for Case { effect, when, endpoints, end } in cases() {
        for &endpoint in endpoints.iter().filter(|&&endpoint| reads(endpoint)) {
            let what = format!("{effect:?} {when:?} at {endpoint:?}");
            let world = world().await;
            let state = world.sandbox.state();
            let before = world.records("target");
            state.add_fault(Fault::always(endpoint, effect.clone()).when(when.clone()));
            let run = world.run(&request(RunKind::Analyze)).await;
            assert_end(end, &run, &what);
            assert_eq!(run.plan.is_some(), end == End::Done, "{what}: a plan is whole or there is none");
            state.clear_faults();
            let run = if end == End::Done { run } else { Box::pin(world.go_on(run)).await };
            let plan = run.plan.expect("a plan in the end");
            assert_eq!(plan, whole, "{what}");
            assert_eq!(world.records("target"), before, "law 4: {what}");
            assert_eq!(state.embedded().texts, 0, "law 4: {what}");
        }
    }
}
