//! A sandbox with two small indexes, and the real clients on it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use gemini::{Gemini, Model, TaskType};
use pinecone::{Connection, SourceIndex, TargetIndex};
use protocol::{Counts, Reuse, RunId, RunKind, RunRequest, RunState, RunView};
use sandbox::{IndexOptions, NewRecord, Options, Page, RecordView, Sandbox};
use serde_json::{Map, Value, json};
use store::{LedgerKey, SqliteStore, Store as _};
use sync::{Durable, Origin, Recorder, SearchIndex, Settings, Stop, connected, execute, head};
use tempfile::TempDir;
use upstream::{Jitter, Retry};

pub const NAMESPACE: &str = "ns";

/// The search index beside the two.
pub const DOCUMENTS: &str = "text-search";

pub struct World {
    pub sandbox: Sandbox,
    pub settings: Settings,
    pub source: SourceIndex,
    pub target: TargetIndex,
    gemini: Gemini,
    pub store: Arc<SqliteStore>,
    _data: TempDir,
    runs: AtomicUsize,
}

/// What is in the source, by number, and in the target before the first run.
///
/// 430 records: 40 are mirrored, 40 have another title in the target, of which 10 have a raised level there, 5 have no
/// text, and every tenth text is shared.
pub const RECORDS: usize = 430;

pub fn id(number: usize) -> String {
    format!("doc #{number:04}&x=1/é").replace('é', "e")
}

fn metadata(number: usize) -> Map<String, Value> {
    let text =
        if number % 10 == 9 { "a shared text".to_owned() } else { format!("the text of passage {number}") };
    let text = if number % 86 == 85 { json!(" ") } else { json!(text) };
    let metadata = json!({
        "text": text, "title": format!("Title {number}"), "year": 2000 + number % 25, "tags": ["a", "b"], "score": 0.1,
    });
    metadata.as_object().expect("an object").clone()
}

impl World {
    pub async fn start(options: Options) -> Self {
        let options = Options {
            source: IndexOptions::dense("old", 8),
            target: IndexOptions::dense("new", 16),
            ..options
        };
        let sandbox = sandbox::start(options).await.expect("a sandbox starts on any free port");
        let state = sandbox.state();
        let new = |number: usize, metadata| NewRecord { id: id(number), metadata, ..NewRecord::default() };
        let source = (0..RECORDS).map(|number| new(number, metadata(number))).collect();
        state.put("source", NAMESPACE, source).expect("the records are valid");
        let mirrored = (0..80).map(|number| {
            let mut metadata = metadata(number);
            metadata.insert("clearance_level".to_owned(), json!(if number >= 70 { 3 } else { 1 }));
            if number >= 40 {
                metadata.insert("title".to_owned(), json!("an old title"));
            }
            new(number, metadata)
        });
        let mut target: Vec<_> = mirrored.collect();
        target.push(NewRecord { id: "orphan".to_owned(), metadata: metadata(0), ..NewRecord::default() });
        state.put("target", NAMESPACE, target).expect("the records are valid");
        let http = upstream::Options {
            retry: Retry {
                first_wait: Duration::from_millis(1),
                longest_wait: Duration::from_millis(4),
                ..Retry::default()
            },
            jitter: Jitter::new(|| 1.0),
            timeouts: upstream::Timeouts {
                read: Duration::from_millis(400),
                ..upstream::Timeouts::default()
            },
            ..upstream::Options::default()
        };
        let connection = Connection {
            api_key: "test-key".into(),
            controller: sandbox.url().parse().expect("a URL"),
            options: pinecone::Options { http: http.clone(), quotas: pinecone::Quotas::default() },
        };
        let model = Model::new("gemini-embedding-001", 16, TaskType::RetrievalDocument).expect("a model");
        let url = sandbox.url().parse().expect("a URL");
        // Attempts count against the quota too, and these tests make many of them.
        let quotas = gemini::Quotas { texts_per_minute: 1_000_000, tokens_per_minute: 1_000_000_000 };
        let gemini = Gemini::new("test-key".into(), &url, model, quotas, http).expect("a client");
        let data = tempfile::tempdir().expect("a temporary directory");
        Self {
            source: SourceIndex::connect(&connection, "old").await.expect("the source is there"),
            target: TargetIndex::connect(&connection, "new").await.expect("the target is there"),
            gemini,
            settings: Settings {
                dimensions: 16,
                verify_patience: Duration::from_secs(10),
                linger: Duration::from_millis(50),
                ..Settings::default()
            },
            store: Arc::new(SqliteStore::open(data.path()).await.expect("a new store")),
            _data: data,
            runs: AtomicUsize::new(0),
            sandbox,
        }
    }

    pub async fn run(&self, request: &RunRequest) -> RunView {
        self.run_from(request, Origin::Listing).await
    }

    async fn run_from(&self, request: &RunRequest, origin: Origin) -> RunView {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let id = RunId(format!("run-{number}"));
        let head = head(id, request.clone(), ("old", "new"), &origin, &self.settings, 0);
        let recorder = Recorder::new(head, Arc::new(|| 0));
        self.store.begin(&recorder.view(), &ledger()).await.expect("the store takes it");
        self.execute(request, &recorder).await
    }

    /// Goes on with a run from what the store has of it.
    pub async fn go_on(&self, run: RunView) -> RunView {
        let kept = self.store.view(&run.head.id).await.expect("the store is well").expect("the run is there");
        assert_eq!(kept, run, "the store has what everybody saw");
        let recorder = Recorder::restored(kept, Arc::new(|| 0));
        Box::pin(self.execute(&run.head.request, &recorder)).await
    }

    /// Tries the failed records of a run again.
    pub async fn retry(&self, run: &RunView) -> RunView {
        let failed = run.head.id.clone();
        let request = RunRequest { retry: Some(failed.clone()), ..run.head.request.clone() };
        self.run_from(&request, Origin::Failures(failed)).await
    }

    /// Executes the plan that a run has left.
    pub async fn follow(&self, analysis: &RunView) -> RunView {
        let hash = analysis.plan.as_ref().expect("it has left a plan").hash.clone();
        let request = RunRequest { plan: Some(hash), ..request(RunKind::Mirror) };
        self.run_from(&request, Origin::Plan(analysis.head.id.clone())).await
    }

    async fn execute(&self, request: &RunRequest, recorder: &Arc<Recorder>) -> RunView {
        let search = match request.documents {
            Some(_) => Some(self.search().await),
            None => None,
        };
        let services =
            connected(&self.source, &self.target, Some(&self.gemini), search.as_ref(), Arc::new(|| 0));
        let durable = Durable { store: self.store.clone(), ledger: ledger() };
        execute(&services, &self.settings, request, recorder, &durable, &Stop::new()).await;
        recorder.view()
    }

    /// The search index, as the emulator shows it to a key with the least privileges.
    pub async fn search(&self) -> SearchIndex {
        self.search_as(elasticsearch::Credentials::ApiKey("aWQ6a2V5".into())).await
    }

    /// The search index, as the emulator shows it to its administrator.
    pub async fn search_as_admin(&self) -> SearchIndex {
        let (username, password) = ("admin".to_owned(), "admin".into());
        self.search_as(elasticsearch::Credentials::Basic { username, password }).await
    }

    async fn search_as(&self, credentials: elasticsearch::Credentials) -> SearchIndex {
        let url = self.sandbox.elasticsearch_url().parse().expect("a URL");
        let mut connection = elasticsearch::Connection::new(url, credentials);
        connection.options.retry = Retry { first_wait: Duration::ZERO, ..Retry::default() };
        let cluster = elasticsearch::Cluster::connect(&connection).await.expect("it answers");
        let index = elasticsearch::IndexName::parse(DOCUMENTS).expect("a name");
        SearchIndex {
            reader: cluster.index(&index).await.expect("the index is there"),
            connection,
            namespace_field: elasticsearch::FieldName::parse("pinecone_namespace").expect("a field"),
            id_field: None,
        }
    }

    pub async fn mirror(&self) -> RunView {
        self.run(&request(RunKind::Mirror)).await
    }

    pub fn records(&self, index: &str) -> BTreeMap<String, RecordView> {
        let page = Page { limit: 10_000, values: true, ..Page::default() };
        let records = self.sandbox.state().records(index, NAMESPACE, page).expect("the index is there");
        records.into_iter().map(|record| (record.id.clone(), record)).collect()
    }

    /// Runs until one ends well, as a person would who keeps on trying, and checks that the end is the right one:
    /// whatever happened on the way, no law was broken and nothing is missing.
    pub async fn mirror_until_done(&self, failures_allowed: usize) -> Vec<RunView> {
        let mut runs = Vec::new();
        loop {
            let run = self.mirror().await;
            let state = run.state;
            runs.push(run);
            if state == RunState::Done {
                break;
            }
            assert!(runs.len() <= failures_allowed, "{state:?}: {:?} {:?}", runs.last(), failures_allowed);
        }
        self.assert_mirrored();
        runs
    }

    pub fn assert_mirrored(&self) {
        let (source, target) = (self.records("source"), self.records("target"));
        assert_eq!(target.len(), RECORDS - 5 + 1, "everything with a text, and the orphan");
        assert!(target.contains_key("orphan"));
        for number in 0..RECORDS {
            let id = id(number);
            let from = serde_json::to_value(&source[&id].metadata).expect("JSON");
            if from["text"] == json!(" ") {
                assert!(!target.contains_key(&id), "{id} has no text");
                continue;
            }
            let mut to = serde_json::to_value(&target[&id].metadata).expect("JSON");
            let level =
                to.as_object_mut().expect("an object").remove("clearance_level").and_then(|l| l.as_f64());
            assert_eq!(to, from, "{id}");
            assert_eq!(level, Some(if (70..80).contains(&number) { 3.0 } else { 1.0 }), "{id}: law 5");
            let length = target[&id].values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            // Of what was in sync before, the sandbox made the vectors.
            assert!(number < 40 || (length - 1.0).abs() < 1e-5, "{id}: vectors are normalised, not {length}");
        }
        let state = self.sandbox.state();
        assert_eq!(state.forbidden_calls(), 0, "law 2");
        assert_eq!(state.calls("source", sandbox::Endpoint::Upsert).expect("counted").requests, 0, "law 1");
    }
}

fn ledger() -> LedgerKey {
    LedgerKey { target: "new".to_owned(), namespace: NAMESPACE.to_owned() }
}

/// What one undisturbed mirror of the world counts.
pub fn assert_whole(counts: &Counts) {
    assert_eq!((counts.source_listed, counts.target_listed), (430, 81));
    assert_eq!((counts.in_sync, counts.missing, counts.changed), (40, 345, 40));
    assert_eq!((counts.no_text, counts.orphans, counts.kept), (5, 1, 10));
    assert_eq!((counts.migrated, counts.updated, counts.failed), (345, 40, 0));
}

pub fn request(kind: RunKind) -> RunRequest {
    RunRequest { reuse: Reuse::Never, ..RunRequest::new(kind, NAMESPACE) }
}
