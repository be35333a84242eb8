//! In-memory services that fail on command.

mod store;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::store::LedgerKey;
use futures::{Stream, StreamExt, stream};
use pinecone::{EncodedRecord, FetchedMetadata, FetchedRecord, Metadata, Namespace, SparseValues};
use protocol::{Category, Reuse, RunId, RunKind, RunRequest, RunState, RunView};
use serde_json::Value;
use sync::{
    Durable, Embed, Embedded, ErrorClass, ListedPage, Origin, Page, PortError, ReadIndex, Recorder, Services,
    Settings, Stop, Upserted, Usage, WriteIndex, execute, head,
};

pub use self::store::MemoryStore;

pub const DIMENSIONS: usize = 4;

#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub metadata: Metadata,
    pub values: Vec<f32>,
    pub sparse: Option<SparseValues>,
}

/// What goes wrong, and when.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Listings fail on this page.
    pub list_fails_on_page: Option<usize>,
    /// Ordered listings swap this page with the next one.
    pub swapped_page: Option<usize>,
    /// These calls fail, counted from 0 over all fetches.
    pub failing_fetches: BTreeSet<usize>,
    /// These calls fail, counted from 0 over all upserts; nothing of theirs is written.
    pub failing_upserts: BTreeSet<usize>,
    /// Upserts take so much longer.
    pub upserts_take: Duration,
    /// Upserts never return.
    pub upserts_hang: bool,
    /// The last write cannot be seen for so many looks.
    pub unseen_looks: usize,
    /// It cannot be told which writes can be seen.
    pub visible_fails: bool,
    /// Records that no fetch returns.
    pub invisible: BTreeSet<String>,
    /// Records that the next so many fetches of them leave out.
    pub left_out: BTreeMap<String, usize>,
    /// Records that an upsert refuses.
    pub refused: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub struct IndexState {
    pub records: BTreeMap<String, Stored>,
    pub faults: Faults,
    pub fetches: usize,
    pub fetched_ids: Vec<String>,
    pub upserts: usize,
    pub written: Vec<String>,
    pub listings: usize,
    pub listed_pages: usize,
    pub lsn: u64,
    /// How often it was asked which writes can be seen.
    pub looks: usize,
}

#[derive(Debug, Clone)]
pub struct MemoryIndex {
    name: &'static str,
    page: usize,
    state: Arc<Mutex<IndexState>>,
}

impl MemoryIndex {
    pub fn new(name: &'static str, page: usize, records: BTreeMap<String, Stored>) -> Self {
        let state = IndexState { records, ..IndexState::default() };
        Self { name, page, state: Arc::new(Mutex::new(state)) }
    }

    pub fn state(&self) -> MutexGuard<'_, IndexState> {
        self.state.lock().expect("no test panics while it holds the state")
    }

    fn failure(&self, what: &str) -> PortError {
        PortError::failed(format!("{}: {what} failed on command", self.name))
    }

    fn pages(&self, ordered: bool) -> Vec<Result<Page, PortError>> {
        let mut state = self.state();
        let ids: Vec<String> = state.records.keys().cloned().collect();
        let mut pages: Vec<Page> = ids.chunks(self.page).map(<[String]>::to_vec).collect();
        let swap = state.faults.swapped_page.filter(|page| page + 1 < pages.len());
        if let Some(page) = swap {
            pages.swap(page, page + 1);
        }
        state.listings += 1;
        state.listed_pages += pages.len().max(1);
        let mut answers: Vec<Result<Page, PortError>> = Vec::new();
        let mut last: Option<String> = None;
        for (number, page) in pages.into_iter().enumerate() {
            if state.faults.list_fails_on_page == Some(number) {
                answers.push(Err(self.failure("list")));
                return answers;
            }
            if ordered && last.as_ref() >= page.first() {
                let message = format!("{}: out of order", self.name);
                answers.push(Err(PortError { class: ErrorClass::OutOfOrder, message, until: None }));
                return answers;
            }
            last = page.last().cloned();
            answers.push(Ok(page));
        }
        answers
    }

    fn fetch(&self, ids: &[String]) -> Result<Vec<(String, Stored)>, PortError> {
        let mut state = self.state();
        let call = state.fetches;
        state.fetches += 1;
        if state.faults.failing_fetches.contains(&call) {
            return Err(self.failure("fetch"));
        }
        state.fetched_ids.extend(ids.iter().cloned());
        let mut left_out = BTreeSet::new();
        for id in ids {
            if let Some(times) = state.faults.left_out.get_mut(id).filter(|times| **times > 0) {
                *times -= 1;
                left_out.insert(id);
            }
        }
        Ok(ids
            .iter()
            .filter(|id| !state.faults.invisible.contains(*id) && !left_out.contains(id))
            .filter_map(|id| state.records.get(id).map(|stored| (id.clone(), stored.clone())))
            .collect())
    }
}

/// Lets the others run, as a request over a network would.
async fn network() {
    tokio::time::sleep(Duration::from_millis(3)).await;
}

impl ReadIndex for MemoryIndex {
    fn name(&self) -> &str {
        self.name
    }

    fn list(
        &self,
        _: &Namespace,
        from: Option<String>,
    ) -> impl Stream<Item = Result<ListedPage, PortError>> + Send + 'static {
        let pages = self.pages(true);
        let count = pages.len();
        // The token of a page is the last id before it; its number is found by it, whatever came in between.
        let mut last: Option<String> = None;
        let mut listed = Vec::new();
        for (number, page) in pages.into_iter().enumerate() {
            let token = last.clone();
            let page = page.map(|ids| {
                last = ids.last().cloned();
                let next = last.clone().filter(|_| number + 1 < count);
                ListedPage { ids, token: token.clone(), next }
            });
            listed.push((token, page));
        }
        let first = listed.iter().position(|(token, _)| *token == from);
        let listed: Vec<_> = match first {
            Some(first) => listed.into_iter().skip(first).map(|(_, page)| page).collect(),
            None if from.is_none() => Vec::new(),
            None => {
                let message = format!("{}: the page token is refused", self.name);
                vec![Err(PortError { class: ErrorClass::StaleToken, message, until: None })]
            }
        };
        stream::iter(listed).then(|page| async move {
            network().await;
            page
        })
    }

    fn list_unordered(&self, _: &Namespace) -> impl Stream<Item = Result<Page, PortError>> + Send + 'static {
        stream::iter(self.pages(false))
    }

    async fn fetch_metadata(&self, _: &Namespace, ids: &[String]) -> Result<Vec<FetchedMetadata>, PortError> {
        network().await;
        Ok(self
            .fetch(ids)?
            .into_iter()
            .map(|(id, Stored { metadata, sparse, .. })| FetchedMetadata {
                id,
                metadata,
                sparse_values: sparse,
            })
            .collect())
    }

    async fn fetch_records(&self, _: &Namespace, ids: &[String]) -> Result<Vec<FetchedRecord>, PortError> {
        network().await;
        Ok(self
            .fetch(ids)?
            .into_iter()
            .map(|(id, Stored { metadata, values, sparse })| FetchedRecord {
                id,
                values,
                metadata,
                sparse_values: sparse,
            })
            .collect())
    }

    async fn count(&self, _: &Namespace) -> Result<u64, PortError> {
        Ok(self.state().records.len() as u64)
    }
}

impl WriteIndex for MemoryIndex {
    async fn upsert(&self, _: &Namespace, records: Vec<EncodedRecord>) -> Result<Upserted, PortError> {
        network().await;
        let longer = self.state().faults.upserts_take;
        tokio::time::sleep(longer).await;
        if self.state().faults.upserts_hang {
            std::future::pending::<()>().await;
        }
        let mut state = self.state();
        let call = state.upserts;
        state.upserts += 1;
        if state.faults.failing_upserts.contains(&call) {
            return Err(self.failure("upsert"));
        }
        let mut refused = Vec::new();
        for record in records {
            if state.faults.refused.contains(record.id()) {
                refused.push((record.id().to_owned(), "refused on command".to_owned()));
                continue;
            }
            let json: Value = serde_json::from_slice(record.json()).expect("an encoded record is JSON");
            let values: Vec<f32> =
                serde_json::from_value(json["values"].clone()).expect("values are numbers");
            let metadata = json["metadata"].as_object().cloned().unwrap_or_default();
            let sparse = json.get("sparseValues").map(|sparse| SparseValues {
                indices: serde_json::from_value(sparse["indices"].clone()).expect("indices are numbers"),
                values: serde_json::from_value(sparse["values"].clone()).expect("values are numbers"),
            });
            state.written.push(record.id().to_owned());
            state.records.insert(record.id().to_owned(), Stored { metadata, values, sparse });
        }
        state.lsn += 1;
        Ok(Upserted { refused, lsn: Some(state.lsn) })
    }

    async fn visible(&self, _: &Namespace) -> Result<Option<u64>, PortError> {
        let mut state = self.state();
        state.looks += 1;
        if state.faults.visible_fails {
            return Err(self.failure("telling what can be seen"));
        }
        let unseen = state.looks <= state.faults.unseen_looks;
        Ok(Some(state.lsn - u64::from(unseen)))
    }
}

#[derive(Debug, Default)]
pub struct EmbedderState {
    /// Every text that was paid for, in order.
    pub paid: Vec<String>,
    pub calls: usize,
    pub failing_calls: BTreeSet<usize>,
    pub poison: BTreeSet<String>,
    /// Texts that were paid for and not written when a process died.
    pub lost: usize,
    /// From this call on the daily quota is used up, until then.
    pub quota_at: Option<(usize, u64)>,
    /// The embedder panics, as a bug of ours would.
    pub panics: bool,
}

#[derive(Debug, Clone)]
pub struct MemoryEmbedder {
    max: usize,
    state: Arc<Mutex<EmbedderState>>,
    /// Looked at in every call: how much is paid for and not yet written.
    target: MemoryIndex,
}

impl MemoryEmbedder {
    pub fn new(max: usize, target: MemoryIndex) -> Self {
        Self { max, state: Arc::default(), target }
    }

    pub fn state(&self) -> MutexGuard<'_, EmbedderState> {
        self.state.lock().expect("no test panics while it holds the state")
    }
}

impl MemoryEmbedder {
    fn panics(&self) -> bool {
        self.state().panics
    }
}

pub fn vector_of(text: &str) -> Vec<f32> {
    let mut vector = vec![0.25_f32; DIMENSIONS];
    for (index, byte) in text.bytes().enumerate() {
        vector[index % DIMENSIONS] += f32::from(byte);
    }
    vector
}

impl Embed for MemoryEmbedder {
    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedded>, PortError> {
        assert!(texts.len() <= self.max, "a call holds at most {} texts", self.max);
        network().await;
        assert!(!self.panics(), "panics on command");
        let mut state = self.state();
        let call = state.calls;
        state.calls += 1;
        if let Some((at, until)) = state.quota_at
            && call >= at
        {
            let message = "gemini: the daily quota is used up".to_owned();
            return Err(PortError { class: ErrorClass::QuotaExhausted, message, until: Some(until) });
        }
        if state.failing_calls.contains(&call) {
            return Err(PortError::failed("gemini: failed on command"));
        }
        let mut outcomes = Vec::new();
        for text in texts {
            if state.poison.contains(*text) {
                outcomes.push(Err("poison".to_owned()));
            } else {
                state.paid.push((*text).to_owned());
                outcomes.push(Ok(vector_of(text)));
            }
        }
        let written = self.target.state().written.len();
        let unwritten = state.paid.len().saturating_sub(written + state.lost);
        assert!(unwritten <= 500, "law 7: {unwritten} texts are paid for and not written");
        Ok(outcomes)
    }

    fn max_texts(&self) -> usize {
        self.max
    }
}

/// A whole world for one run.
#[derive(Debug, Clone)]
pub struct World {
    pub source: MemoryIndex,
    pub target: MemoryIndex,
    pub embedder: MemoryEmbedder,
    pub settings: Settings,
    pub store: MemoryStore,
    runs: Arc<AtomicUsize>,
}

impl World {
    pub fn new(source: BTreeMap<String, Stored>, target: BTreeMap<String, Stored>) -> Self {
        Self::with_pages(source, target, 7, 5)
    }

    pub fn with_pages(
        source: BTreeMap<String, Stored>,
        target: BTreeMap<String, Stored>,
        source_page: usize,
        target_page: usize,
    ) -> Self {
        let target = MemoryIndex::new("new", target_page, target);
        Self {
            source: MemoryIndex::new("old", source_page, source),
            embedder: MemoryEmbedder::new(100, target.clone()),
            target,
            settings: Settings {
                dimensions: u32::try_from(DIMENSIONS).expect("a few"),
                verify_patience: Duration::from_secs(1),
                ..Settings::default()
            },
            store: MemoryStore::default(),
            runs: Arc::default(),
        }
    }

    pub fn run(&self, request: &RunRequest) -> Ran {
        runtime().block_on(self.execute(request, Stop::new()))
    }

    /// The same world, with other pages in the source's listing.
    pub fn with_source_pages(&self, page: usize) -> Self {
        let mut other = self.clone();
        other.source.page = page;
        other
    }

    fn services(&self) -> Services<MemoryIndex, MemoryIndex, MemoryEmbedder> {
        Services {
            source: self.source.clone(),
            target: self.target.clone(),
            embedder: Some(self.embedder.clone()),
            search: None,
            probe: Arc::new(Usage::default),
        }
    }

    fn durable(&self) -> Durable {
        let ledger = LedgerKey { target: "new".to_owned(), namespace: "ns".to_owned() };
        Durable { store: Arc::new(self.store.clone()), ledger }
    }

    /// A run that is in the store, and has not begun.
    pub async fn begin(&self, request: &RunRequest, origin: &Origin) -> Arc<Recorder> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let id = RunId(format!("run-{number}"));
        let head = head(id, request.clone(), ("old", "new"), origin, &self.settings, 0);
        let recorder = Recorder::new(head, Arc::new(|| 0));
        let durable = self.durable();
        durable.store.begin(&recorder.view(), &durable.ledger).await.expect("the store takes it");
        recorder
    }

    /// A run that stopped or whose process died, as another process finds it.
    pub fn restored(&self, run: &RunId) -> Arc<Recorder> {
        let view = self.store.kept(run).view.expect("the run is in the store");
        Recorder::restored(view, Arc::new(|| 0))
    }

    /// Does a run, or goes on with one.
    pub async fn go(&self, request: &RunRequest, recorder: &Arc<Recorder>, stop: Stop) -> RunState {
        let durable = self.durable();
        execute(&self.services(), &self.settings, request, recorder, &durable, &stop).await
    }

    pub async fn execute(&self, request: &RunRequest, stop: Stop) -> Ran {
        self.execute_from(request, Origin::Listing, stop).await
    }

    pub async fn execute_from(&self, request: &RunRequest, origin: Origin, stop: Stop) -> Ran {
        let recorder = self.begin(request, &origin).await;
        let (mut replayed, mut events) = recorder.subscribe();
        let state = self.go(request, &recorder, stop).await;
        let view = recorder.view();
        // Everybody who reduces the events sees what the recorder keeps.
        let mut all = 0;
        while let Ok(event) = events.try_recv() {
            assert!(replayed.apply(&event), "no event is missing");
            all += 1;
        }
        if all < 1_000 {
            assert_eq!(replayed, view);
        }
        assert_eq!(view.state, state);
        assert_eq!(
            view.progress.counts,
            recorder.counts(),
            "the last progress event holds the final counters"
        );
        if state != RunState::Failed {
            // What the store holds at the end is what everybody saw.
            let kept = self.store.kept(&recorder.id()).view.expect("the run is in the store");
            let outline = RunView { log: Vec::new(), log_dropped: 0, failures: Vec::new(), ..view.clone() };
            assert_eq!(kept, outline);
        }
        Ran { view, store: self.store.clone() }
    }
}

pub struct Ran {
    pub view: RunView,
    store: MemoryStore,
}

impl Ran {
    pub fn counts(&self) -> &protocol::Counts {
        &self.view.progress.counts
    }

    pub fn state(&self) -> RunState {
        self.view.state
    }

    /// The ids behind a count, in the store.
    pub fn ids(&self, category: Category) -> BTreeSet<String> {
        self.store.ids(&self.view.head.id, category)
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built")
}

pub fn request(kind: RunKind) -> RunRequest {
    RunRequest { reuse: Reuse::Never, ..RunRequest::new(kind, "ns") }
}

#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values, and cases read better without `&`")]
pub fn stored(metadata: Value) -> Stored {
    let metadata = metadata.as_object().expect("metadata is an object").clone();
    Stored { metadata, values: vec![9.0; DIMENSIONS], sparse: None }
}

pub fn records<const N: usize>(records: [(&str, Value); N]) -> BTreeMap<String, Stored> {
    records.into_iter().map(|(id, metadata)| (id.to_owned(), stored(metadata))).collect()
}

/// How often each text was paid for.
pub fn payments(embedder: &MemoryEmbedder) -> HashMap<String, usize> {
    let mut payments = HashMap::new();
    for text in &embedder.state().paid {
        *payments.entry(text.clone()).or_default() += 1;
    }
    payments
}
