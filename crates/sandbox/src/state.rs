//! The handle by which tests and the control API read and change a sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::counters::{Calls, Embedded, Request};
use crate::embedding::embed;
use crate::fault::Fault;
use crate::namespace::{Delays, Namespace};
use crate::pinecone::upsert::{check_size, record};
use crate::record::{Record, Sparse};
use crate::shared::{Index, Shared, normalised};
use crate::synthetic::{Generate, Synthetic};
use crate::{Endpoint, Error, elasticsearch, metadata, sample};

/// The handle by which tests and the control API read and change a sandbox. An index is named `source`, `target` or
/// by its own name; the default namespace is `""` or `__default__`. What is changed here is visible at once, counts
/// as no call and needs no key.
#[derive(Clone)]
pub struct State(pub(crate) Arc<Shared>);

/// A record to put into an index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRecord {
    /// Its id.
    pub id: String,
    /// Its values; without them they are derived from the text, as an embedding model would.
    #[serde(default)]
    pub values: Option<Vec<f32>>,
    /// Its sparse values.
    #[serde(default)]
    pub sparse_values: Option<Sparse>,
    /// Its metadata.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// A change of a record's metadata.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The record, which must exist.
    pub id: String,
    /// Keys to set.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Keys to remove.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// A record as it lies in an index.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// Its id.
    pub id: String,
    /// Its values; empty when they were not asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<f32>,
    /// Its sparse values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_values: Option<Sparse>,
    /// Its metadata; numbers are f64.
    pub metadata: metadata::Metadata,
}

/// An index at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexView {
    /// Its name.
    pub name: String,
    /// `source`, `target` or nothing.
    pub role: Option<&'static str>,
    /// Where its data plane listens.
    pub host: String,
    /// The dimension of its vectors.
    pub dimension: usize,
    /// The records by namespace; the default one is `__default__`.
    pub namespaces: BTreeMap<String, usize>,
    /// The calls by endpoint.
    pub calls: BTreeMap<Endpoint, Calls>,
}

/// The sandbox at a glance, as `GET /sandbox/state` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// The main port.
    pub url: String,
    /// Source, target, others.
    pub indexes: Vec<IndexView>,
    /// The calls to the control plane and to Gemini, by endpoint.
    pub calls: BTreeMap<Endpoint, Calls>,
    /// What was embedded.
    pub embedded: Embedded,
    /// How often somebody tried to delete or reconfigure something.
    pub forbidden_calls: u64,
}

impl State {
    /// The sandbox at a glance.
    pub fn overview(&self) -> Overview {
        let namespaces: Vec<BTreeMap<String, usize>> =
            self.0.indexes.iter().map(|index| self.sizes(index)).collect();
        let counters = self.0.counters();
        let calls = |index: Option<usize>| {
            let of_index = counters.calls.iter().filter(|((of, _), _)| *of == index);
            of_index.map(|((_, endpoint), calls)| (*endpoint, *calls)).collect()
        };
        let indexes =
            self.0.indexes.iter().zip(namespaces).enumerate().map(|(position, (index, namespaces))| {
                IndexView {
                    name: index.options.name.clone(),
                    role: ["source", "target"].get(position).copied(),
                    host: index.host(),
                    dimension: index.options.dimension,
                    namespaces,
                    calls: calls(Some(position)),
                }
            });
        Overview {
            url: self.0.url.clone(),
            indexes: indexes.collect(),
            calls: calls(None),
            embedded: counters.embeddings(),
            forbidden_calls: counters.forbidden,
        }
    }

    fn sizes(&self, index: &Index) -> BTreeMap<String, usize> {
        let namespaces = index.settled();
        let filled = namespaces.iter().filter(|(_, namespace)| !namespace.is_empty());
        filled.map(|(name, namespace)| (spelled(name), namespace.records.len())).collect()
    }

    /// The calls to an endpoint of an index, or of `elasticsearch`.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`].
    pub fn calls(&self, index: &str, endpoint: Endpoint) -> Result<Calls, Error> {
        let position = self.0.position(index);
        if position.is_none() {
            return Err(Error::UnknownIndex { name: index.to_owned() });
        }
        Ok(self.0.counters().calls.get(&(position, endpoint)).copied().unwrap_or_default())
    }

    /// The calls to an endpoint of the control plane or of Gemini.
    pub fn main_calls(&self, endpoint: Endpoint) -> Calls {
        self.0.counters().calls.get(&(None, endpoint)).copied().unwrap_or_default()
    }

    /// How often somebody tried to delete or reconfigure something.
    pub fn forbidden_calls(&self) -> u64 {
        self.0.counters().forbidden
    }

    /// What was embedded.
    pub fn embedded(&self) -> Embedded {
        self.0.counters().embeddings()
    }

    /// How often this text was embedded (after it was cut at the model's limit).
    pub fn times_embedded(&self, text: &str) -> u64 {
        self.0.counters().times_embedded(text)
    }

    /// The last requests, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.0.counters().log.iter().cloned().collect()
    }

    /// Sets all counters back to zero and forgets the requests.
    pub fn clear_counters(&self) {
        *self.0.counters() = crate::counters::Counters::default();
    }

    /// Sets a fault; its calls are counted from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.0.faults.add(fault);
    }

    /// The faults, each with the calls it has seen.
    pub fn faults(&self) -> Vec<(Fault, u64)> {
        self.0.faults.list()
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.0.faults.replace(Vec::new());
    }

    /// The namespaces of an index and the records in each.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`].
    pub fn namespaces(&self, index: &str) -> Result<BTreeMap<String, usize>, Error> {
        Ok(self.sizes(self.0.find(index)?))
    }

    /// Visible records in the order of their ids, with or without (`values`) their vectors.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`].
    pub fn records(&self, index: &str, namespace: &str, page: Page) -> Result<Vec<RecordView>, Error> {
        let namespaces = self.0.find(index)?.settled();
        let Some(space) = namespaces.get(normalised(Some(namespace))) else { return Ok(Vec::new()) };
        let records = space.records.iter().skip(page.offset).take(page.limit);
        Ok(records.map(|(id, record)| view(id, record, page.values)).collect())
    }

    /// One visible record with its values.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`].
    pub fn record(&self, index: &str, namespace: &str, id: &str) -> Result<Option<RecordView>, Error> {
        let namespaces = self.0.find(index)?.settled();
        let space = namespaces.get(normalised(Some(namespace)));
        Ok(space.and_then(|space| space.records.get(id)).map(|record| view(id, record, true)))
    }

    /// Puts records into an index, each as a whole, and answers how many.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`]; [`Error::Record`] for what Pinecone would refuse. Then nothing is put.
    pub fn put(&self, index: &str, namespace: &str, records: Vec<NewRecord>) -> Result<usize, Error> {
        let index = self.0.find(index)?;
        let mut changes = Vec::with_capacity(records.len());
        for new in records {
            let values = match new.values {
                Some(values) => values.into(),
                None => derived_values(index.options.dimension, &new.metadata).into(),
            };
            let null = self.0.options.switches.null_metadata;
            let made = record(&index.options, &new.id, values, new.sparse_values, new.metadata, null)
                .map_err(|message| Error::Record { record: new.id.clone(), message })?;
            changes.push((new.id.into_boxed_str(), Some(made)));
        }
        let count = changes.len();
        self.write(index, namespace, changes);
        Ok(count)
    }

    /// Changes keys of records' metadata and answers how many records.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`]; [`Error::Record`] for a record that does not exist or would not be valid. Then nothing
    /// is changed.
    pub fn patch(&self, index: &str, namespace: &str, patches: Vec<Patch>) -> Result<usize, Error> {
        let index = self.0.find(index)?;
        let mut changes = Vec::with_capacity(patches.len());
        for patch in patches {
            let refused = |message: String| Error::Record { record: patch.id.clone(), message };
            let found = {
                let namespaces = index.namespaces();
                namespaces.get(normalised(Some(namespace))).and_then(|space| space.newest(&patch.id))
            };
            let found = found.ok_or_else(|| refused("it does not exist".to_owned()))?;
            let mut merged = found.metadata().into_owned();
            let set = metadata::read(patch.set, self.0.options.switches.null_metadata).map_err(refused)?;
            merged.extend(set);
            for key in &patch.remove {
                merged.remove(key);
            }
            let refused = |message: String| Error::Record { record: patch.id.clone(), message };
            check_size(&merged).map_err(refused)?;
            let changed = Record::stored(found.values().into(), found.sparse().cloned(), merged);
            changes.push((patch.id.into_boxed_str(), Some(changed)));
        }
        let count = changes.len();
        self.write(index, namespace, changes);
        Ok(count)
    }

    /// Removes records, as if a user had, and answers how many ids were given.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`].
    pub fn remove(&self, index: &str, namespace: &str, ids: Vec<String>) -> Result<usize, Error> {
        let index = self.0.find(index)?;
        let count = ids.len();
        self.write(index, namespace, ids.into_iter().map(|id| (id.into_boxed_str(), None)).collect());
        Ok(count)
    }

    /// Makes synthetic records and answers how many.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`]; [`Error::Record`] when the prefix or the metadata would be refused.
    pub fn generate(&self, index: &str, namespace: &str, what: Generate) -> Result<usize, Error> {
        let index = self.0.find(index)?;
        let refused = |message| Error::Record { record: format!("{}…", what.prefix), message };
        crate::pinecone::upsert::check_id(&format!("{}{:08}", what.prefix, what.count)).map_err(refused)?;
        let added =
            metadata::read(what.metadata.clone(), self.0.options.switches.null_metadata).map_err(refused)?;
        let family = Arc::new(Synthetic::new(what, added, index.options.dimension));
        let mut namespaces = index.namespaces();
        let space = namespaces.entry(normalised(Some(namespace)).to_owned()).or_default();
        let mut made = 0;
        for (id, number) in family.ids() {
            space.records.insert(id, Record::Synthetic(Arc::clone(&family), number));
            made += 1;
        }
        drop(namespaces);
        self.0.touch();
        Ok(made)
    }

    /// Sets everything back to the start: records (the sample, if the sandbox was started with it), faults, counters,
    /// quotas.
    ///
    /// # Errors
    /// None that a caller can cause; the sample is checked like any other records.
    pub fn reset(&self) -> Result<(), Error> {
        for index in &self.0.indexes {
            index.namespaces().clear();
            index.buckets.clear();
        }
        self.0.faults.replace(self.0.options.faults.clone());
        self.0.quota.clear();
        self.clear_counters();
        self.0.touch();
        self.0.engine.clear();
        if self.0.options.sample {
            elasticsearch::load_sample(&self.0);
            sample::load(self)?;
        }
        Ok(())
    }

    /// How often records changed, for whoever saves them.
    pub(crate) fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Relaxed)
    }

    fn write(&self, index: &Index, namespace: &str, changes: Vec<(Box<str>, Option<Record>)>) {
        let name = normalised(Some(namespace)).to_owned();
        let mut namespaces = index.namespaces();
        let space: &mut Namespace = namespaces.entry(name).or_default();
        // Writes on their way would hold it up.
        space.flush();
        space.write(Instant::now(), Delays::NONE, changes);
        drop(namespaces);
        self.0.touch();
    }
}

/// Which records to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Page {
    /// How many to skip.
    pub offset: usize,
    /// How many to show at most.
    pub limit: usize,
    /// Whether their vectors are wanted.
    pub values: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self { offset: 0, limit: 100, values: false }
    }
}

impl Page {
    /// All records, without their vectors.
    pub const ALL: Self = Self { offset: 0, limit: usize::MAX, values: false };
}

/// The values of a record that has none: an embedding of its text in a space of its own, as another vendor's model
/// would have made it.
fn derived_values(dimension: usize, metadata: &Map<String, Value>) -> Vec<f32> {
    let text = metadata.get("text").and_then(Value::as_str).unwrap_or_default();
    embed("text-embedding-ada-002", dimension, "", text)
}

fn view(id: &str, record: &Record, values: bool) -> RecordView {
    RecordView {
        id: id.to_owned(),
        values: if values { record.values().into_owned() } else { Vec::new() },
        sparse_values: record.sparse().cloned(),
        metadata: record.metadata().into_owned(),
    }
}

fn spelled(name: &str) -> String {
    if name.is_empty() { "__default__".to_owned() } else { name.to_owned() }
}
