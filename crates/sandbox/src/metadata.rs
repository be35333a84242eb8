//! Metadata as Pinecone keeps it: flat, with 64-bit floating-point numbers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::options::NullMetadata;

/// The metadata of a record. Numbers are f64 and printed with a fraction (`10.0`), as the service does.
pub type Metadata = BTreeMap<String, MetadataValue>;

/// A value of metadata.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MetadataValue {
    /// `"x"`.
    String(String),
    /// `10.0`.
    Number(f64),
    /// `true`.
    Boolean(bool),
    /// `["x","y"]`, possibly empty.
    Strings(Vec<String>),
}

/// The most bytes of metadata that a record may have, as compact JSON.
pub(crate) const MOST_BYTES: usize = 40 * 1024;

/// Reads metadata from JSON, or says what Pinecone would.
///
/// # Errors
/// The message of the 400 that the service answers.
pub(crate) fn read(json: serde_json::Map<String, Value>, null: NullMetadata) -> Result<Metadata, String> {
    let mut metadata = Metadata::new();
    for (key, value) in json {
        if key.starts_with('$') {
            return Err(format!("Metadata key '{key}' is not valid: keys may not start with '$'"));
        }
        match read_value(value, &key)? {
            Some(value) => {
                metadata.insert(key, value);
            }
            None if null == NullMetadata::Strip => {}
            None => return Err(refusal(&Value::Null, &key)),
        }
    }
    Ok(metadata)
}

fn read_value(value: Value, key: &str) -> Result<Option<MetadataValue>, String> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::String(text) => MetadataValue::String(text),
        Value::Bool(value) => MetadataValue::Boolean(value),
        Value::Number(ref number) => {
            MetadataValue::Number(number.as_f64().ok_or_else(|| refusal(&value, key))?)
        }
        Value::Array(ref items) => MetadataValue::Strings(
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| refusal(&value, key))?,
        ),
        Value::Object(_) => return Err(refusal(&value, key)),
    }))
}

fn refusal(value: &Value, key: &str) -> String {
    let mut got = with_fractions(value).to_string();
    if let Some((end, _)) = got.char_indices().nth(100) {
        got.truncate(end);
        got.push_str("...");
    }
    format!(
        "Metadata value must be a string, number, boolean or list of strings, got '{got}' for field '{key}'"
    )
}

/// The same JSON with every integer as a floating-point number.
fn with_fractions(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.iter().map(with_fractions).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), with_fractions(value))).collect())
        }
        other => other.clone(),
    }
}

/// The bytes that count against the limit of 40 KB.
pub(crate) fn size(metadata: &Metadata) -> usize {
    let mut buffer = Vec::new();
    crate::json::write(&mut buffer, metadata);
    buffer.len()
}
