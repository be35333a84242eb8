//! Many documents, and somebody else who writes at the same time: for real servers alone.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use elasticsearch::{Action, Limits, Mode, Page, Query, SourceFields, Update};
use serde_json::{Map, Value, json};
use upstream::{EndpointStats, Meter};

use super::suite::bench::{Bench, LEVEL, NAMESPACE, task};

const DOCUMENTS: usize = 100_000;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

async fn filled(bench: &Bench, what: &str) -> String {
    let index =
        bench.index(what, json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}})).await;
    for start in (0..DOCUMENTS).step_by(5000) {
        let mut lines = String::new();
        for number in start..start + 5000 {
            let source = json!({
                "text": format!("a text of some length, number {number}"),
                NAMESPACE: format!("ns-{}", number % 300),
                "vector": [0.1, 0.2, 0.3, f64::from(u32::try_from(number).unwrap()) + 0.5],
            });
            lines.push_str(&format!(
                "{}\n{source}\n",
                json!({"index": {"_index": index, "_id": format!("d{number}")}})
            ));
        }
        let reply =
            bench.must(reqwest::Method::POST, "/_bulk?filter_path=errors", Value::String(lines)).await;
        assert_eq!(reply["errors"], json!(false));
    }
    bench.must(reqwest::Method::POST, &format!("/{index}/_refresh"), Value::Null).await;
    index
}

async fn everything(bench: &Bench, index: &str) -> BTreeMap<String, Map<String, Value>> {
    bench.must(reqwest::Method::POST, &format!("/{index}/_refresh"), Value::Null).await;
    let reader = bench.reader(index).await;
    let source = SourceFields::Only(vec![LEVEL.into(), "text".into()]);
    let mut scan = reader.scan(Query::all(), source, 10_000);
    let mut all = BTreeMap::new();
    while let Page::Hits(hits) = scan.next().await.unwrap() {
        all.extend(hits.into_iter().map(|hit| (hit.id, hit.source)));
    }
    all
}

/// What the other writer did, by id.
#[derive(Default)]
struct Edits {
    levels: BTreeMap<String, Value>,
    texts: BTreeMap<String, String>,
    added: usize,
}

async fn disturb(bench: &Bench, index: &str, stop: &AtomicBool) -> Edits {
    let mut dice = Dice(7);
    let mut edits = Edits::default();
    while !stop.load(Ordering::Relaxed) {
        let mut lines = String::new();
        for _ in 0..20 {
            let id = format!("d{}", dice.below(DOCUMENTS));
            let (verb, id, document) = match dice.below(5) {
                0 | 1 => {
                    let level = json!(2 + dice.below(3));
                    edits.levels.insert(id.clone(), level.clone());
                    ("update", id, json!({"doc": {LEVEL: level}}))
                }
                2 | 3 => {
                    let text = format!("edited {}", dice.below(1_000_000));
                    edits.texts.insert(id.clone(), text.clone());
                    ("update", id, json!({"doc": {"text": text}}))
                }
                _ => {
                    edits.added += 1;
                    ("index", format!("new{}", edits.added), json!({"text": "added"}))
                }
            };
            let mut meta = json!({"_index": index, "_id": id});
            if verb == "update" {
                meta["retry_on_conflict"] = json!(20);
            }
            lines.push_str(&format!("{}\n{document}\n", json!({verb: meta})));
        }
        let reply = bench.must(reqwest::Method::POST, "/_bulk", Value::String(lines)).await;
        assert_eq!(reply["errors"], json!(false), "{reply}");
    }
    edits
}

/// A run that is killed twenty times, beside another writer.
pub async fn nothing_is_lost_beside_another_writer(bench: Arc<Bench>) {
    let index = filled(&bench, "soak").await;
    let stop = Arc::new(AtomicBool::new(false));
    let other = tokio::spawn({
        let (bench, index, stop) = (Arc::clone(&bench), index.clone(), Arc::clone(&stop));
        async move { disturb(&bench, &index, &stop).await }
    });
    let mut dice = Dice(42);
    for _ in 0..20 {
        let (writer, fields) = bench.writer(&index, &task(Mode::Missing)).await;
        let update = Update::start(writer, task(Mode::Missing), &fields, Limits::default()).await.unwrap();
        // Dropped in the middle of whatever it does, as by `kill -9`.
        let moment = Duration::from_millis(20 + dice.below(300) as u64);
        let _ = tokio::time::timeout(moment, update.run(|_| true)).await;
    }
    let (progress, _) = bench.updated(&index, task(Mode::Missing)).await;
    stop.store(true, Ordering::Relaxed);
    let edits = other.await.unwrap();
    bench.must(reqwest::Method::POST, &format!("/{index}/_refresh"), Value::Null).await;
    // What came in the last moment.
    bench.updated(&index, task(Mode::Missing)).await;
    let all = everything(&bench, &index).await;
    assert_eq!(all.len(), DOCUMENTS + edits.added);
    for (id, level) in &edits.levels {
        assert_eq!(all[id].get(LEVEL), Some(level), "{id}");
    }
    for (id, text) in &edits.texts {
        assert_eq!(all[id].get("text"), Some(&json!(text)), "{id}");
    }
    let others = all.iter().filter(|(id, _)| !edits.levels.contains_key(*id));
    let wrong: Vec<_> = others.filter(|(_, source)| source.get(LEVEL) != Some(&json!(1))).take(5).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let (again, _) = bench.updated(&index, task(Mode::Missing)).await;
    assert_eq!((again.total, again.updated), (0, 0));
    println!(
        "soak | {} | {} documents, killed 20 times, then {progress:?}; another writer set {} levels and {} texts and \
         added {} documents: all of it stands",
        bench.name,
        DOCUMENTS,
        edits.levels.len(),
        edits.texts.len(),
        edits.added,
    );
}

/// The update against a bare loop that sends the same bulk bodies without reading.
pub async fn how_fast_it_is(bench: Arc<Bench>) {
    let index = filled(&bench, "bare").await;
    let (writer, _) = bench.writer(&index, &task(Mode::Missing)).await;
    let mut scan = writer.reader().scan(Query::all(), SourceFields::None, 10_000);
    let mut actions: Vec<Action> = Vec::new();
    while let Page::Hits(hits) = scan.next().await.unwrap() {
        actions.extend(hits.iter().map(Action::from));
    }
    let least = Meter::new();
    let bare_writer = writer.with_meter(&least);
    let started = Instant::now();
    for batch in actions.chunks(2000) {
        bare_writer.bulk(&task(Mode::Missing), batch).await.unwrap();
    }
    let bare = started.elapsed();
    let index = filled(&bench, "full").await;
    let (writer, fields) = bench.writer(&index, &task(Mode::Missing)).await;
    let meter = Meter::new();
    let writer = writer.with_meter(&meter);
    let started = Instant::now();
    let update = Update::start(writer, task(Mode::Missing), &fields, Limits::default()).await.unwrap();
    let progress = update.run(|_| true).await.unwrap();
    let whole = started.elapsed();
    assert_eq!(progress.updated, DOCUMENTS as u64);
    println!(
        "speed | {} | {DOCUMENTS} documents: bare loop {bare:.2?}, update {whole:.2?}, {:.0} % of the bare loop's speed",
        bench.name,
        100.0 * bare.as_secs_f64() / whole.as_secs_f64(),
    );
    for (what, meter) in [("bare loop", &least), ("update", &meter)] {
        for EndpointStats { endpoint, requests, bytes_sent, bytes_received, .. } in meter.snapshot() {
            println!(
                "requests | {} | {what} | {endpoint} | {requests} requests, {bytes_sent} bytes sent, {bytes_received} received",
                bench.name
            );
        }
    }
}
