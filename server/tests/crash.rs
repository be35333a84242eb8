//! The process is killed at a hundred moments of a run, and goes on each time: nothing is lost, nothing is wrong, and
//! only what was in flight is paid for again.

#![expect(clippy::unwrap_used, reason = "a test panics")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::collections::BTreeMap;

use protocol::{EventBody, RunState};
use sandbox::{Endpoint, IndexOptions, NewRecord, Options, Page, State};
use serde_json::json;
use support::{Running, World, eventually};

/// The text of one record in fifty.
const SHARED: &str = "a shared text";
const NAMESPACE: &str = "crash";
const RECORDS: usize = 16_000;
const KILLS: usize = 100;
/// Texts of one call, records of one fetch and of one upsert.
const BATCH: usize = 10;

/// Requests that the run is made of.
fn requests(state: &State) -> u64 {
    let calls = |index| {
        let of = |endpoint| state.calls(index, endpoint).unwrap().requests;
        of(Endpoint::List) + of(Endpoint::Fetch) + of(Endpoint::Upsert)
    };
    calls("source") + calls("target") + state.main_calls(Endpoint::Embed).requests
}

fn id(number: usize) -> String {
    format!("doc-{number:05}")
}

/// Every text is its own, but for one in fifty; a third of the records is mirrored already, half of them changed since.
fn metadata(number: usize) -> serde_json::Map<String, serde_json::Value> {
    let text =
        if number.is_multiple_of(50) { SHARED.to_owned() } else { format!("the text of passage {number}") };
    json!({"text": text, "title": format!("Title {number}"), "n": number}).as_object().unwrap().clone()
}

fn load(state: &State) {
    let record = |number, metadata| NewRecord { id: id(number), metadata, ..NewRecord::default() };
    let source = (0..RECORDS).map(|number| record(number, metadata(number))).collect();
    state.put("source", NAMESPACE, source).unwrap();
    let target = (0..RECORDS).filter(|number| number % 3 == 0).map(|number| {
        let mut metadata = metadata(number);
        metadata.insert("clearance_level".to_owned(), json!(if number % 4 == 0 { 3 } else { 1 }));
        if number % 2 == 0 {
            metadata.insert("title".to_owned(), json!("an old title"));
        }
        record(number, metadata)
    });
    state.put("target", NAMESPACE, target.collect()).unwrap();
}

/// A small generator, so that the moments are the same in every run of the test (xorshift64*).
struct Moments(u64);

impl Moments {
    fn next(&mut self, from: u64, to: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        from + self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % (to - from)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_a_hundred_times_loses_and_repeats_nothing() {
    let dense = |name| IndexOptions::dense(name, 64);
    let options =
        Options { source: dense("gflops-serverless"), target: dense("askdona"), ..Options::default() };
    let world = World::with(options).await;
    let state = world.state();
    load(&state);
    let before = state.records("target", NAMESPACE, Page::ALL).unwrap().len();
    let command = |arguments: &str| {
        let mut command = world.command(arguments);
        command
            .env("GEMINI_OUTPUT_DIMENSIONS", "64")
            .env("PINECONE_LIST_PER_SECOND", "100000")
            .env("PINECONE_FETCH_PER_SECOND", "100000")
            .env("PINECONE_UPSERT_PER_SECOND", "100000")
            .env("GEMINI_TEXTS_PER_MINUTE", "100000000")
            .env("GEMINI_TOKENS_PER_MINUTE", "100000000000");
        command
    };

    let mut moments = Moments(0x7A1A);
    let mut run = None;
    let mut in_flight = 0;
    let mut kills = 0;
    let last = loop {
        let arguments = match &run {
            None => format!("mirror {NAMESPACE} --reuse never --batch-size {BATCH} --json"),
            Some(run) => format!("runs resume {run} --json"),
        };
        let mut running = Running::start(command(&arguments));
        if run.is_none() {
            let started = running.until("\"event\":\"started\"").await;
            run = Some(serde_json::from_str::<protocol::Event>(&started).unwrap().run.0);
        }
        if kills == KILLS {
            break running.finish().await.expect(0);
        }
        let until = requests(&state) + moments.next(10, 90);
        let pid = running.pid();
        eventually(|| requests(&state) >= until || !alive(pid)).await;
        assert!(alive(pid), "the run ended after {kills} kills only: {:?}", running.finish().await.stderr);
        // Not through another process: while that one starts, the run would get on.
        running.child.start_kill().unwrap();
        let killed = running.finish().await;
        assert_eq!(killed.code, None, "{killed:?}");
        kills += 1;
        let embedded = state.embedded().texts;
        // Paid for, and not in the target: over all kills so far, since both numbers only grow.
        in_flight = embedded - written(&state).min(embedded);
    };

    let ended = last
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<protocol::Event>(line).unwrap())
        .next_back()
        .unwrap();
    assert!(matches!(ended.body, EventBody::Finished { state: RunState::Done, .. }), "{ended:?}");

    // Every record is as it must be.
    let target: BTreeMap<_, _> = state
        .records("target", NAMESPACE, Page { limit: RECORDS, ..Page::ALL })
        .unwrap()
        .into_iter()
        .map(|record| (record.id.clone(), serde_json::to_value(&record.metadata).unwrap()))
        .collect();
    assert_eq!(target.len(), RECORDS);
    for number in 0..RECORDS {
        let mut expected = metadata(number);
        let raised = number % 3 == 0 && number % 4 == 0;
        expected.insert("clearance_level".to_owned(), json!(if raised { 3 } else { 1 }));
        let (found, expected) = (&target[&id(number)], serde_json::Value::Object(expected));
        assert!(equal(found, &expected), "{found} is not {expected}");
    }
    let embedded = state.embedded();
    // What is shared is in flight, too, between its arrival in the target and the journal's next line: then another
    // record pays for it again, which the target does not show.
    let shared = state.times_embedded(SHARED);
    assert!(shared <= 1 + KILLS as u64, "the shared text was paid for {shared} times in {KILLS} kills");
    let most = embedded.distinct_texts + in_flight + shared - 1;
    println!(
        "{kills} kills: {} texts paid for {} distinct ones, {in_flight} were in flight at the kills; the text that one \
         record in fifty has was paid for {shared} times; {} requests",
        embedded.texts,
        embedded.distinct_texts,
        requests(&state)
    );
    assert!(embedded.texts <= most, "{} texts were paid for, {most} would do", embedded.texts);
    assert_eq!(state.forbidden_calls(), 0);
    assert_eq!(state.calls("source", Endpoint::Upsert).unwrap().requests, 0);

    // And the run counts what it did.
    let run = run.unwrap();
    let view = support::finish(command(&format!("runs show {run} --json"))).await.expect(0);
    let view: protocol::RunView = serde_json::from_str(view.stdout.trim()).unwrap();
    let counts = &view.progress.counts;
    assert_eq!(view.state, RunState::Done);
    assert_eq!(counts.source_listed, RECORDS as u64);
    // What arrived in the target in the instant of a kill is listed there when the run goes on.
    assert!(counts.target_listed >= before as u64);
    assert_eq!(counts.target_listed + counts.migrated, RECORDS as u64);
    assert_eq!(counts.migrated + counts.updated + counts.in_sync, RECORDS as u64);
    assert_eq!(counts.failed, 0);
    let verification = view.verification.unwrap();
    assert!(verification.confirmed, "{}", verification.summary);
    // A payment that was answered in the instant of a kill is known to the service alone.
    assert!(counts.embedded <= embedded.texts && counts.embedded >= embedded.distinct_texts - in_flight);
    support::finish(command(&format!("analyze {NAMESPACE}"))).await.expect(0);
}

/// Distinct texts of the records that tain wrote: what was paid for and is in the target.
fn written(state: &State) -> u64 {
    let records = state.records("target", NAMESPACE, Page { limit: RECORDS, ..Page::ALL }).unwrap();
    let mut texts = std::collections::BTreeSet::new();
    for record in records {
        let metadata = serde_json::to_value(&record.metadata).unwrap();
        let number: usize = record.id.trim_start_matches("doc-").parse().unwrap();
        let mirrored_before = number.is_multiple_of(3);
        let changed = mirrored_before && number.is_multiple_of(2);
        let current = metadata["title"] != json!("an old title");
        if !mirrored_before || changed && current {
            texts.insert(metadata["text"].as_str().unwrap().to_owned());
        }
    }
    texts.len() as u64
}

/// Whether two values are the same, with numbers as the service keeps them.
fn equal(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    match (a, b) {
        (serde_json::Value::Number(a), serde_json::Value::Number(b)) => a.as_f64() == b.as_f64(),
        (serde_json::Value::Object(a), serde_json::Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// Whether a process has not ended.
fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}
