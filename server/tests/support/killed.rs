//! An update of documents whose process is killed again and again, beside another writer: over the emulator, and over real
//! servers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use protocol::{Event, EventBody, RunState, RunView};
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::{Running, bare, finish};

const KILLS: usize = 20;
/// Documents of a request of the run that is killed: few, so that it takes its time.
const BATCH: usize = 50;
const LEVEL: &str = "clearance_level";
const NAMESPACE: &str = "pinecone_namespace";

/// A search server, and who asks it.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    pub user: Option<(String, String)>,
    /// The path of the PEM of its CA.
    pub ca: Option<String>,
    pub client: reqwest::Client,
}

#[expect(clippy::disallowed_methods, reason = "the test loads and reads what tain cannot")]
impl Server {
    pub fn new(url: String, user: Option<(String, String)>, ca: Option<String>) -> Self {
        let pem = ca.as_ref().map(|path| std::fs::read(path).unwrap());
        let certificates = pem.map(|pem| reqwest::Certificate::from_pem(&pem).unwrap());
        let client = reqwest::Client::builder().tls_certs_merge(certificates).build().unwrap();
        Self { url, user, ca, client }
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: String) -> Value {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, Some(password));
        }
        let kind = if path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
        if !body.is_empty() {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn bulk(&self, lines: String) -> Vec<Value> {
        let reply = self.ask(reqwest::Method::POST, "/_bulk", lines).await;
        reply["items"].as_array().unwrap().clone()
    }

    /// Everything in an index, by `_id`.
    async fn everything(&self, index: &str) -> BTreeMap<String, Map<String, Value>> {
        self.ask(reqwest::Method::POST, &format!("/{index}/_refresh"), String::new()).await;
        let body = json!({"size": 5000, "sort": ["_doc"]}).to_string();
        let mut page = self.ask(reqwest::Method::POST, &format!("/{index}/_search?scroll=1m"), body).await;
        let mut all = BTreeMap::new();
        loop {
            let hits = page["hits"]["hits"].as_array().unwrap().clone();
            if hits.is_empty() {
                return all;
            }
            all.extend(hits.into_iter().map(|hit| {
                (hit["_id"].as_str().unwrap().to_owned(), hit["_source"].as_object().unwrap().clone())
            }));
            let next = json!({"scroll": "1m", "scroll_id": page["_scroll_id"]}).to_string();
            page = self.ask(reqwest::Method::POST, "/_search/scroll", next).await;
        }
    }
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// What the other writer did and was told to be done.
#[derive(Default)]
struct Edits {
    levels: BTreeSet<String>,
    texts: BTreeMap<String, String>,
    added: BTreeSet<String>,
}

async fn disturb(server: Server, index: String, documents: usize, stop: Arc<AtomicBool>) -> Edits {
    let (mut dice, mut edits, mut round) = (Dice(11), Edits::default(), 0);
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let (mut lines, mut asked) = (String::new(), Vec::new());
        for number in 0..10 {
            let id = format!("d{}", dice.below(documents));
            let (verb, id, document) = match number {
                0..4 => ("update", id, json!({"doc": {LEVEL: 3}})),
                4..8 => ("update", id, json!({"doc": {"text": format!("edited in round {round}")}})),
                _ => ("index", format!("new-{round}-{number}"), json!({"text": "new", NAMESPACE: "ns-1"})),
            };
            if asked.iter().any(|(other, _)| *other == id) {
                continue;
            }
            lines.push_str(&format!("{}\n{document}\n", json!({verb: {"_index": index, "_id": id}})));
            asked.push((id, document));
        }
        for (item, (id, document)) in server.bulk(lines).await.into_iter().zip(asked) {
            let done = item.as_object().unwrap().values().next().unwrap();
            if !matches!(done["status"].as_u64(), Some(200 | 201)) {
                continue;
            }
            match document.pointer("/doc/text").and_then(Value::as_str) {
                Some(text) => drop(edits.texts.insert(id, text.to_owned())),
                None if document.get("doc").is_some() => drop(edits.levels.insert(id)),
                None => drop(edits.added.insert(id)),
            }
        }
    }
    edits
}

/// Loads `documents`, updates them with a process that is killed twenty times while somebody else writes, and checks every
/// document. Says what happened.
pub async fn killed_twenty_times(server: Server, documents: usize) -> String {
    let index = format!("killed-{}", std::process::id());
    let created = json!({
        "settings": {"number_of_shards": 3, "number_of_replicas": 0},
        "mappings": {"properties": {NAMESPACE: {"type": "keyword"}, "text": {"type": "text"}}},
    });
    server.ask(reqwest::Method::PUT, &format!("/{index}"), created.to_string()).await;
    for start in (0..documents).step_by(5_000) {
        let mut lines = String::new();
        for number in start..documents.min(start + 5_000) {
            let source = json!({"text": format!("text {number}"), NAMESPACE: format!("ns-{}", number % 7)});
            let action = json!({"index": {"_index": index, "_id": format!("d{number}")}});
            lines.push_str(&format!("{action}\n{source}\n"));
        }
        server.bulk(lines).await;
    }

    let directory = tempfile::tempdir().unwrap();
    let command = |arguments: &str| -> Command {
        let mut command = bare(directory.path(), arguments);
        command.env("ELASTICSEARCH_ENDPOINT", &server.url).env("ELASTICSEARCH_INDEX", &index);
        if let Some((user, password)) = &server.user {
            command.env("ELASTICSEARCH_USERNAME", user).env("ELASTICSEARCH_PASSWORD", password);
        }
        if let Some(ca) = &server.ca {
            command.env("ELASTICSEARCH_CA_CERT", ca);
        }
        command
    };
    let stop = Arc::new(AtomicBool::new(false));
    let other = tokio::spawn(disturb(server.clone(), index.clone(), documents, stop.clone()));
    let (mut dice, mut run) = (Dice(5), None::<String>);
    for kill in 0..KILLS {
        let arguments = match &run {
            None => format!("elasticsearch update --all-namespaces --batch-size {BATCH} --yes --json"),
            Some(run) => format!("runs resume {run} --json"),
        };
        let mut running = Running::start(command(&arguments));
        // The moments are some hundred milliseconds apart, by the counters that it tells.
        let mut moves = 1 + dice.below(4);
        while moves > 0 {
            let line = running.until("\"event\":").await;
            let event: Event = serde_json::from_str(&line).unwrap();
            run.get_or_insert_with(|| event.run.0.clone());
            match event.body {
                EventBody::Progress(progress) if progress.counts.documents.updated > 0 => moves -= 1,
                EventBody::Finished { state, .. } => panic!("it ended ({state:?}) after {kill} kills only"),
                _ => {}
            }
        }
        running.child.start_kill().unwrap();
        assert_eq!(running.finish().await.code, None);
    }
    stop.store(true, Ordering::Relaxed);
    let edits = other.await.unwrap();
    let run = run.unwrap();
    finish(command(&format!("runs resume {run} --json"))).await.expect(0);

    let found = server.everything(&index).await;
    assert_eq!(found.len(), documents + edits.added.len(), "law 2");
    assert!(edits.levels.len() > 20 && edits.texts.len() > 20, "the other writer was there");
    for (id, source) in &found {
        let expected = if edits.levels.contains(id) { 3 } else { 1 };
        assert_eq!(source.get(LEVEL), Some(&json!(expected)), "{id}");
        if let Some(text) = edits.texts.get(id) {
            assert_eq!(source["text"], json!(text), "{id}: somebody else's edit");
        }
    }
    let shown = finish(command(&format!("runs show {run} --json"))).await.expect(0);
    let view: RunView = serde_json::from_str(shown.stdout.trim()).unwrap();
    let (counts, verified) = (view.progress.counts.documents, view.documents.unwrap());
    let told = format!(
        "{documents} documents, {KILLS} kills, {} levels, {} texts and {} documents by somebody else: {} updated, {} \
         kept, {} already there, {} found done by the killed processes; {}",
        edits.levels.len(),
        edits.texts.len(),
        edits.added.len(),
        counts.updated,
        counts.kept,
        counts.already,
        counts.unrecorded,
        verified.summary
    );
    assert_eq!((view.state, verified.confirmed), (RunState::Done, true), "{}", verified.summary);
    assert_eq!((counts.failed, counts.gone), (0, 0));

    let again = finish(command("elasticsearch update --all-namespaces --yes --json")).await.expect(0);
    assert_eq!(again.view().progress.counts.documents.updated, 0, "law 6");
    server.ask(reqwest::Method::DELETE, &format!("/{index}"), String::new()).await;
    told
}
