//! Keeping the records in a file: JSON lines, the first of which says which indexes they belong to.
//!
//! The whole file is written anew after a change, beside the old one, and then takes its place, so that a file is
//! always complete. That is meant for demos and rehearsals, not for a million records.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::metadata::{self, Metadata};
use crate::namespace::Namespace;
use crate::options::NullMetadata;
use crate::record::{Record, Sparse};
use crate::state::State;
use crate::synthetic::{Generate, Synthetic};
use crate::{Error, IndexOptions};

/// How long changes are gathered before they are saved.
const DEBOUNCE: Duration = Duration::from_millis(500);

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// The first line.
    Indexes { indexes: Vec<IndexOptions> },
    /// Begins the records of a namespace.
    Namespace { index: usize, namespace: String, lsn: u64 },
    /// A family of synthetic records, which the lines of the namespace refer to by position.
    Family { what: Generate },
    /// A synthetic record of the namespace.
    Synthetic { id: String, family: usize, number: u32 },
    /// A stored record of the namespace; values are little-endian f32 in base64.
    Record {
        id: String,
        values: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sparse: Option<Sparse>,
        metadata: Map<String, Value>,
    },
}

/// Reads the data file, if there is one, and says whether there was.
///
/// # Errors
/// When it cannot be read or belongs to other indexes.
pub(crate) async fn restore(state: &State) -> Result<bool, Error> {
    let Some(path) = state.0.options.data.clone() else { return Ok(false) };
    let state = state.clone();
    blocking(move || read(&state, &path)).await
}

/// Saves the records after every change, until the sandbox stops.
pub(crate) async fn keep(state: State) {
    let Some(path) = state.0.options.data.clone() else { return };
    let mut saved = state.changes();
    loop {
        let stopping = tokio::select! {
            () = state.0.shutdown.cancelled() => true,
            () = state.0.changed.notified() => {
                tokio::select! {
                    () = state.0.shutdown.cancelled() => true,
                    () = tokio::time::sleep(DEBOUNCE) => false,
                }
            }
        };
        let now = state.changes();
        if now != saved {
            let (state, path) = (state.clone(), path.clone());
            match blocking(move || write(&state, &path)).await {
                Ok(()) => saved = now,
                Err(error) => tracing::error!(%error, "could not save the sandbox"),
            }
        }
        if stopping {
            return;
        }
    }
}

/// Runs file work where it holds up no connection.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn indexes_of(state: &State) -> Vec<IndexOptions> {
    state.0.indexes.iter().map(|index| index.options.clone()).collect()
}

fn write(state: &State, path: &Path) -> Result<(), Error> {
    let part = path.with_extension("part");
    write_lines(state, &part).and_then(|()| std::fs::rename(&part, path)).map_err(|source| Error::File {
        what: "write",
        path: path.to_owned(),
        source,
    })
}

fn write_lines(state: &State, path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    put(&mut file, &Line::Indexes { indexes: indexes_of(state) })?;
    for (position, index) in state.0.indexes.iter().enumerate() {
        // What is not visible yet is written as it will be.
        let namespaces: Vec<_> = {
            let namespaces = index.namespaces();
            let snapshot = |(name, namespace): (&String, &Namespace)| {
                (name.clone(), namespace.lsn, namespace.as_it_will_be())
            };
            namespaces.iter().map(snapshot).collect()
        };
        for (namespace, lsn, records) in namespaces {
            put(&mut file, &Line::Namespace { index: position, namespace, lsn })?;
            let mut families = Vec::new();
            for (id, record) in records {
                put_record(&mut file, id.into(), &record, &mut families)?;
            }
        }
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

fn put_record(
    file: &mut impl Write,
    id: String,
    record: &Record,
    families: &mut Vec<Arc<Synthetic>>,
) -> std::io::Result<()> {
    match record {
        Record::Stored(stored) => {
            let bytes: Vec<u8> = stored.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let values = STANDARD.encode(bytes);
            let metadata = json_of(&stored.metadata);
            put(file, &Line::Record { id, values, sparse: stored.sparse.clone(), metadata })
        }
        Record::Synthetic(synthetic, number) => {
            let known = families.iter().position(|family| Arc::ptr_eq(family, synthetic));
            let family = match known {
                Some(family) => family,
                None => {
                    put(file, &Line::Family { what: synthetic.what.clone() })?;
                    families.push(Arc::clone(synthetic));
                    families.len() - 1
                }
            };
            put(file, &Line::Synthetic { id, family, number: *number })
        }
    }
}

fn put(file: &mut impl Write, line: &Line) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

fn json_of(metadata: &Metadata) -> Map<String, Value> {
    match serde_json::to_value(metadata) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn read(state: &State, path: &PathBuf) -> Result<bool, Error> {
    let failed = |source| Error::File { what: "read", path: path.clone(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let mut place = (0, String::new());
    let mut families: Vec<Arc<Synthetic>> = Vec::new();
    let mut lines = BTreeMap::new();
    for (position, line) in file.lines().enumerate() {
        let faulty = |message: String| Error::Line { line: position + 1, message };
        let line = line.map_err(failed)?;
        let (id, record) = match serde_json::from_str(&line).map_err(|error| faulty(error.to_string()))? {
            Line::Indexes { indexes } if indexes == indexes_of(state) => continue,
            Line::Indexes { indexes } => {
                let names: Vec<String> =
                    indexes.iter().map(|index| format!("{} ({})", index.name, index.dimension)).collect();
                return Err(Error::OtherIndexes { message: format!("it holds {}", names.join(", ")) });
            }
            Line::Namespace { index, namespace, lsn } => {
                fill(state, &place, std::mem::take(&mut lines));
                place = (index, namespace.clone());
                families.clear();
                if let Some(index) = state.0.indexes.get(index) {
                    let mut namespaces = index.namespaces();
                    let namespace = namespaces.entry(namespace).or_default();
                    (namespace.lsn, namespace.indexed) = (lsn, lsn);
                }
                continue;
            }
            Line::Family { what } => {
                let dimension = state.0.indexes.get(place.0).map_or(0, |index| index.options.dimension);
                let added = metadata::read(what.metadata.clone(), NullMetadata::Strip).map_err(faulty)?;
                families.push(Arc::new(Synthetic::new(what, added, dimension)));
                continue;
            }
            Line::Synthetic { id, family, number } => {
                let family = families.get(family).ok_or_else(|| faulty(format!("no family {family}")))?;
                (id, Record::Synthetic(Arc::clone(family), number))
            }
            Line::Record { id, values, sparse, metadata } => {
                let bytes = STANDARD.decode(values).map_err(|error| faulty(error.to_string()))?;
                let (numbers, _) = bytes.as_chunks::<4>();
                let values = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                let metadata = metadata::read(metadata, NullMetadata::Strip).map_err(faulty)?;
                (id, Record::stored(values, sparse, metadata))
            }
        };
        lines.insert(id.into_boxed_str(), record);
    }
    fill(state, &place, lines);
    Ok(true)
}

fn fill(state: &State, place: &(usize, String), records: BTreeMap<Box<str>, Record>) {
    if let (Some(index), false) = (state.0.indexes.get(place.0), records.is_empty()) {
        index.namespaces().entry(place.1.clone()).or_default().records.extend(records);
    }
}
