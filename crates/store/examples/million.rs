//! By hand: what a large run costs the store. `cargo run --release -p store --example million [RECORDS] [BATCH]`
//!
//! Writes an analysis and a live run of so many records (1,000,000) in commits of so many (200), as the core does, then
//! reads them as the core and the screens do, and says how long each took, how large the file is, and how much memory was
//! used at most.

#![expect(clippy::print_stdout, reason = "it is a command")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::{path::Path, time::Instant};

use protocol::{
    Category, PageQuery, RatePoint, RunFilter, RunHead, RunId, RunKind, RunRequest, RunState, RunView,
};
use sha2::{Digest as _, Sha256};
use store::{Commit, Digest, Found, LedgerKey, Pending, Settled, SqliteStore, Store, Vector};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>().unwrap());
    let records = arguments.next().unwrap_or(1_000_000);
    let batch = arguments.next().unwrap_or(200);
    let data = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(data.path()).await.unwrap();
    println!("{records} records in commits of {batch}; megabytes are 10^6 bytes");

    let at = Instant::now();
    write(&store, "analysis", RunKind::Analyze, records, batch).await;
    said("analysis, written", at, records, data.path());
    let at = Instant::now();
    write(&store, "mirror", RunKind::Mirror, records, batch).await;
    said("live run with ledger, written", at, records, data.path());

    let (analysis, mirror) = (id("analysis"), id("mirror"));
    let at = Instant::now();
    let mut count = 0;
    let mut after: Option<String> = None;
    loop {
        let page = store.planned(&analysis, Category::Missing, after.as_deref(), 1_000).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        count += page.len() as u64;
    }
    said("plan, read in pages of 1,000", at, count, data.path());
    let at = Instant::now();
    let (mut count, mut after) = (0, None);
    loop {
        let page = store.planned_texts(&analysis, after, 5_000).await.unwrap();
        let Some(&last) = page.last() else { break };
        after = Some(last);
        count += page.len() as u64;
    }
    said("its texts, read in pages of 5,000", at, count, data.path());
    let at = Instant::now();
    let mut count = 0;
    let mut after: Option<String> = None;
    loop {
        let page = store.paid(&mirror, after.as_deref(), 5_000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        count += page.len() as u64;
    }
    said("what was paid for, read in pages of 5,000", at, count, data.path());

    let at = Instant::now();
    for category in Category::ALL {
        store.records(&mirror, category, &PageQuery::default()).await.unwrap();
    }
    said("a first page of ids of every category", at, 12, data.path());
    let at = Instant::now();
    let query = PageQuery { search: "no such id".to_owned(), ..PageQuery::default() };
    let page = store.records(&mirror, Category::Missing, &query).await.unwrap();
    assert!(page.ids.is_empty());
    said("a search that finds nothing", at, 1, data.path());
    let at = Instant::now();
    store.runs(&RunFilter::default()).await.unwrap();
    store.view(&mirror).await.unwrap().unwrap();
    said("the list of runs and a view", at, 2, data.path());

    store.close().await;
    let at = Instant::now();
    let store = SqliteStore::open(data.path()).await.unwrap();
    said("closed and opened", at, 1, data.path());
    let at = Instant::now();
    store.prune(u64::MAX).await.unwrap();
    said("forgotten, all that may be", at, records, data.path());
}

fn id(name: &str) -> RunId {
    RunId(name.to_owned())
}

fn digest(what: &str, number: u64) -> Digest {
    let digest = Sha256::new().chain_update(what).chain_update(number.to_be_bytes()).finalize();
    digest[..16].try_into().unwrap()
}

/// Seven of ten records have work, and one of ten of their texts is another's.
async fn write(store: &SqliteStore, name: &str, kind: RunKind, records: u64, batch: u64) {
    let mut view = RunView::new(RunHead {
        id: id(name),
        request: RunRequest::new(kind, "ns"),
        origin: None,
        source: "old".to_owned(),
        target: "new".to_owned(),
        steps: Vec::new(),
        texts_per_minute: 3_000,
        writing: None,
        started_at: 0,
    });
    // As large as it becomes.
    view.rate =
        vec![
            RatePoint { at: 1_700_000_000_000, embedded: 123_456, written: 123_456, ..RatePoint::default() };
            120
        ];
    let ledger = LedgerKey { target: "new".to_owned(), namespace: "ns".to_owned() };
    store.begin(&view, &ledger).await.unwrap();
    let live = kind != RunKind::Analyze;
    let mut in_flight: Vec<u64> = Vec::new();
    for first in (0..records).step_by(usize::try_from(batch).unwrap()) {
        let numbers: Vec<u64> = (first..records.min(first + batch)).collect();
        let record = |number: u64| {
            let name = format!("article-{number:08}#chunk-0");
            match number % 10 {
                0..3 => Settled { id: name, categories: vec![Category::InSync], ..Settled::default() },
                kind => {
                    let (planned, done) = if kind < 8 {
                        (Category::Missing, Category::Migrated)
                    } else {
                        (Category::Changed, Category::Updated)
                    };
                    let text = digest("text", number - u64::from(number % 100 == 99));
                    let vector = Vector {
                        text,
                        values: digest("values", number),
                        made_by: "model 768 doc".to_owned(),
                    };
                    Settled {
                        id: name,
                        categories: if live { vec![planned, done] } else { vec![planned] },
                        digest: (!live).then(|| digest("record", number)),
                        text: (!live).then_some(text),
                        vector: live.then_some(vector),
                    }
                }
            }
        };
        view.progress.counts.in_sync = first;
        view.seq += 3;
        // What was found is settled a commit later in a live run, and at once in an analysis.
        let done = if live { std::mem::replace(&mut in_flight, numbers.clone()) } else { numbers.clone() };
        let found = numbers.iter().map(|&number| Pending { id: record(number).id, found: Found::Missing });
        let commit = Commit {
            found: found.collect(),
            settled: done.into_iter().map(record).collect(),
            view: Some(view.clone()),
            checkpoint: Some("x".repeat(2_000)),
            ..Commit::default()
        };
        store.commit(&id(name), commit).await.unwrap();
    }
    view.state = RunState::Done;
    view.finished_at = Some(1);
    store.commit(&id(name), Commit { view: Some(view), ..Commit::default() }).await.unwrap();
}

fn said(what: &str, since: Instant, count: u64, data: &Path) {
    let time = since.elapsed();
    let size = |name: &str| std::fs::metadata(data.join(name)).map_or(0.0, |file| file.len() as f64 / 1e6);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_owned();
    println!(
        "{what:<42} {count:>8} in {:>7.2} s, {:>8.2} µs each; file {:>6.1} MB, log {:>5.1} MB; memory at most {memory}",
        time.as_secs_f64(),
        time.as_secs_f64() * 1e6 / count as f64,
        size("tain.db"),
        size("tain.db-wal"),
    );
}
