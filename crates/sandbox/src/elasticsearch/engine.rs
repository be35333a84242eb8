//! The indexes, and what all operations share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::auth::Key;
use super::cursor::Cursor;
use super::mapping;
use super::source::{Names, Source};
use super::{Distribution, ElasticsearchOptions, Refusal};
use crate::random::hash;
use crate::sample;

/// A search engine.
pub(crate) struct Engine {
    port: u16,
    pub(crate) options: ElasticsearchOptions,
    inner: Mutex<Inner>,
}

/// Everything that changes.
pub(crate) struct Inner {
    pub(crate) distribution: Distribution,
    pub(crate) indices: BTreeMap<String, Index>,
    pub(crate) aliases: BTreeMap<String, Alias>,
    /// Data streams and their one backing index.
    pub(crate) streams: BTreeMap<String, String>,
    /// Names of data streams to come, with the mapping of their indexes.
    pub(crate) templates: Vec<(String, Value)>,
    pub(crate) cursors: HashMap<String, Cursor>,
    pub(crate) keys: HashMap<String, Key>,
    /// The results of updates by query, which are done at once.
    pub(crate) tasks: HashMap<String, Value>,
    /// Whether the next update by query does nothing, and goes on until it is cancelled.
    pub(crate) holds_task: bool,
    pub(crate) numbered: u64,
}

/// Another name for indexes.
#[derive(Default)]
pub(crate) struct Alias {
    pub(crate) indices: Vec<String>,
    pub(crate) write_index: Option<String>,
}

/// The shard and the id of a document: a request without its routing looks for it on another shard.
pub(crate) type DocumentKey = (u32, Arc<str>);
/// Documents as a search sees them.
pub(crate) type Documents = BTreeMap<DocumentKey, Arc<Document>>;

/// An index.
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) mapping: Value,
    /// Flat, each a string.
    pub(crate) settings: BTreeMap<String, String>,
    documents: Documents,
    /// What searches see.
    visible: Arc<Documents>,
    /// Since when they do not see all.
    stale_since: Option<Instant>,
    next_seq_no: u64,
    names: Names,
}

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) id: Arc<str>,
    pub(crate) routing: Option<String>,
    pub(crate) source: Source,
    pub(crate) version: u64,
    pub(crate) seq_no: u64,
    /// Fields whose values could not be indexed.
    pub(crate) ignored: Vec<String>,
    /// Fields that were not indexed, since nothing mapped them when it was written.
    pub(crate) unmapped: Vec<String>,
}

/// `index.refresh_interval`.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

impl Engine {
    pub(crate) fn new(options: &ElasticsearchOptions, port: u16) -> Self {
        Self { port, options: options.clone(), inner: Mutex::new(Inner::new(options.distribution)) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clear(&self) {
        *self.inner() = Inner::new(self.options.distribution);
    }

    /// The documents of the sample, which its module describes.
    pub(crate) fn load_sample(&self) {
        let name = self.options.index.clone();
        let text = json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}});
        let mapping = json!({"properties": {"pinecone_namespace": text, "text": {"type": "text"}}});
        let mut index = Index::new(&name, mapping, BTreeMap::new());
        for (id, source) in sample::documents() {
            let written = index.write(self.options.distribution, &id, None, source);
            debug_assert!(written.is_ok(), "the sample fits its mapping");
        }
        index.refresh();
        self.inner().indices.insert(name, index);
    }
}

impl Inner {
    fn new(distribution: Distribution) -> Self {
        Self {
            distribution,
            indices: BTreeMap::new(),
            aliases: BTreeMap::new(),
            streams: BTreeMap::new(),
            templates: Vec::new(),
            cursors: HashMap::new(),
            keys: HashMap::new(),
            tasks: HashMap::new(),
            holds_task: false,
            numbered: 0,
        }
    }

    /// A number that was not given before.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    /// The concrete indexes behind a name.
    pub(crate) fn resolve(&self, name: &str) -> Result<Vec<String>, Refusal> {
        if self.indices.contains_key(name) {
            return Ok(vec![name.to_owned()]);
        }
        if let Some(alias) = self.aliases.get(name) {
            return Ok(alias.indices.clone());
        }
        if let Some(backing) = self.streams.get(name) {
            return Ok(vec![backing.clone()]);
        }
        Err(Refusal::no_index(name))
    }

    /// The indexes behind a name, for reading.
    pub(crate) fn readable(&mut self, name: &str) -> Result<Vec<&mut Index>, Refusal> {
        let names = self.resolve(name)?;
        let indices: Vec<&mut Index> = self
            .indices
            .iter_mut()
            .filter(|(name, _)| names.contains(name))
            .map(|(_, index)| index)
            .collect();
        for index in &indices {
            index.ensure_open()?;
            if index.is_set("index.blocks.read") {
                return Err(index.blocked(403, "FORBIDDEN/7/index read (api)"));
            }
        }
        Ok(indices)
    }

    /// The data stream of a backing index.
    pub(crate) fn stream_of(&self, index: &str) -> Option<&str> {
        self.streams.iter().find(|(_, backing)| *backing == index).map(|(name, _)| name.as_str())
    }
}

impl Index {
    pub(crate) fn new(name: &str, mapping: Value, settings: BTreeMap<String, String>) -> Self {
        let mut settings = settings;
        settings.entry("index.number_of_shards".to_owned()).or_insert_with(|| "1".to_owned());
        Self {
            name: name.to_owned(),
            mapping,
            settings,
            documents: Documents::new(),
            visible: Arc::default(),
            stale_since: None,
            next_seq_no: 0,
            names: Names::default(),
        }
    }

    pub(crate) fn shards(&self) -> u32 {
        self.settings.get("index.number_of_shards").and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
    }

    pub(crate) fn is_set(&self, setting: &str) -> bool {
        self.settings.get(setting).is_some_and(|value| value == "true")
    }

    pub(crate) fn ensure_open(&self) -> Result<(), Refusal> {
        if self.is_set("index.verified_before_close") {
            return Err(Refusal::new(400, "index_closed_exception", "closed"));
        }
        Ok(())
    }

    pub(crate) fn blocked(&self, status: u16, what: &str) -> Refusal {
        let reason = format!("index [{}] blocked by: [{what}];", self.name);
        Refusal::new(status, "cluster_block_exception", reason)
    }

    /// Refuses a write that a block forbids.
    pub(crate) fn ensure_writable(&self, distribution: Distribution) -> Result<(), Refusal> {
        self.ensure_open()?;
        if self.is_set("index.blocks.read_only_allow_delete") {
            let what = "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block";
            return Err(match distribution {
                Distribution::Elasticsearch7 => {
                    self.blocked(403, "FORBIDDEN/12/index read-only / allow delete (api)")
                }
                _ => self.blocked(429, what),
            });
        }
        if self.is_set("index.blocks.read_only") {
            return Err(self.blocked(403, "FORBIDDEN/5/index read-only (api)"));
        }
        if self.is_set("index.blocks.write") {
            return Err(self.blocked(403, "FORBIDDEN/8/index write (api)"));
        }
        Ok(())
    }

    fn key(&self, id: &str, routing: Option<&str>) -> DocumentKey {
        let shard = hash(routing.unwrap_or(id).as_bytes()) % u64::from(self.shards());
        (u32::try_from(shard).unwrap_or_default(), id.into())
    }

    /// The newest version of a document.
    pub(crate) fn newest(&self, id: &str, routing: Option<&str>) -> Option<&Arc<Document>> {
        self.documents.get(&self.key(id, routing))
    }

    /// Writes a whole document, mapping its new fields.
    pub(crate) fn write(
        &mut self,
        distribution: Distribution,
        id: &str,
        routing: Option<&str>,
        source: Map<String, Value>,
    ) -> Result<Arc<Document>, Refusal> {
        let checked = mapping::check(&self.mapping, &self.settings, distribution, id, &source)?;
        if let Some(mapping) = checked.mapping {
            self.mapping = mapping;
        }
        let key = self.key(id, routing);
        let version = self.documents.get(&key).map_or(1, |document| document.version + 1);
        let document = Arc::new(Document {
            id: Arc::clone(&key.1),
            routing: routing.map(str::to_owned),
            source: Source::new(source, &mut self.names),
            version,
            seq_no: self.next_seq_no,
            ignored: checked.ignored,
            unmapped: checked.unmapped,
        });
        self.next_seq_no += 1;
        self.documents.insert(key, Arc::clone(&document));
        self.stale_since.get_or_insert_with(Instant::now);
        Ok(document)
    }

    /// Removes a document, as another program might.
    pub(crate) fn remove(&mut self, id: &str, routing: Option<&str>) -> bool {
        self.next_seq_no += 1;
        self.stale_since.get_or_insert_with(Instant::now);
        self.documents.remove(&self.key(id, routing)).is_some()
    }

    pub(crate) fn refresh(&mut self) {
        if self.stale_since.take().is_some() {
            self.visible = Arc::new(self.documents.clone());
        }
    }

    /// What a search sees now.
    pub(crate) fn visible(&mut self) -> Arc<Documents> {
        if self.stale_since.is_some_and(|since| since.elapsed() >= REFRESH_INTERVAL) {
            self.refresh();
        }
        Arc::clone(&self.visible)
    }

    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    pub(crate) fn documents(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.documents.values()
    }
}
