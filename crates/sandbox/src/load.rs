//! Records from JSON lines.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Error;
use crate::record::Sparse;
use crate::state::{NewRecord, State};

/// A line: `{"id":"a","metadata":{…}}`, optionally with `values`, `sparseValues` and `namespace`. When there is no
/// `metadata`, all other keys are the metadata.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    id: String,
    values: Option<Vec<f32>>,
    #[serde(alias = "sparse_values")]
    sparse_values: Option<Sparse>,
    namespace: Option<String>,
    metadata: Option<Map<String, Value>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Puts the records of a JSONL text into an index and answers how many; a line may name another namespace.
///
/// # Errors
/// [`Error::Line`] with the number of the line; [`Error::UnknownIndex`]; [`Error::Record`]. Lines before the faulty
/// one may be in already.
pub(crate) fn read_jsonl(state: &State, index: &str, namespace: &str, text: &[u8]) -> Result<usize, Error> {
    let mut count = 0;
    for (position, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line: Line = serde_json::from_slice(line)
            .map_err(|error| Error::Line { line: position + 1, message: error.to_string() })?;
        let record = NewRecord {
            id: line.id,
            values: line.values,
            sparse_values: line.sparse_values,
            metadata: line.metadata.unwrap_or(line.rest),
        };
        count += state.put(index, line.namespace.as_deref().unwrap_or(namespace), vec![record])?;
    }
    Ok(count)
}
