//! A record as it is written.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{MAX_ID_BYTES, MAX_METADATA_BYTES};

/// A record's metadata: strings, numbers, booleans and lists of strings, by key.
pub type Metadata = serde_json::Map<String, Value>;

/// The sparse values of a record: as many indices as values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SparseValues {
    /// Positions, each once.
    pub indices: Vec<u32>,
    /// The value at each position.
    pub values: Vec<f32>,
}

/// A record, encoded once as the JSON that an upsert sends.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedRecord {
    id: String,
    dimension: usize,
    json: Vec<u8>,
}

/// Why a record cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The id is empty.
    #[error("the id is empty")]
    EmptyId,
    /// The id is longer than 512 bytes.
    #[error("the id has {0} bytes, Pinecone takes {MAX_ID_BYTES} at most")]
    LongId(usize),
    /// The id holds a character beyond ASCII, or NUL.
    #[error("the id holds {0:?}, Pinecone takes ASCII characters only")]
    IdNotAscii(char),
    /// A value is NaN or infinite.
    #[error("value {0} is not a finite number")]
    NotFinite(usize),
    /// The sparse values do not fit together.
    #[error("the sparse values have {indices} indices and {values} values")]
    SparseMismatch {
        /// How many indices.
        indices: usize,
        /// How many values.
        values: usize,
    },
    /// A metadata key begins with `$`.
    #[error("metadata key {0:?} begins with $, which Pinecone keeps for itself")]
    ReservedKey(String),
    /// A metadata value is of a kind that Pinecone does not hold.
    #[error(
        "metadata key {key:?} holds {found}, Pinecone takes a string, a number, a boolean or a list of strings"
    )]
    UnsupportedValue {
        /// The key.
        key: String,
        /// What it holds: `an object`, `a list with a number`, ...
        found: &'static str,
    },
    /// The metadata is too large, however it is counted.
    #[error("the metadata has {0} bytes, Pinecone takes {MAX_METADATA_BYTES} at most")]
    LargeMetadata(usize),
}

/// Bytes of a value of a unit vector in its shortest form, with its comma. It is exceeded by few values.
const BYTES_PER_VALUE: usize = 14;

impl EncodedRecord {
    /// Encodes a record. Values are printed as the shortest decimal that reads back as the same `f32`. Keys whose
    /// value is null are left out, since Pinecone does not hold nulls.
    ///
    /// # Errors
    ///
    /// If something in it cannot be carried; nothing is ever left out silently. The size of the metadata is counted
    /// leniently (keys and values without JSON's punctuation and escapes), because Pinecone does not say how it
    /// counts: what is refused here is too large by any count, and the rest is left to the upstream.
    pub fn new(
        id: &str,
        values: &[f32],
        sparse: Option<&SparseValues>,
        metadata: &Metadata,
    ) -> Result<Self, RecordError> {
        check_id(id)?;
        if let Some(position) = values.iter().position(|value| !value.is_finite()) {
            return Err(RecordError::NotFinite(position));
        }
        let metadata_bytes = check_metadata(metadata)?;
        let sparse = sparse.filter(|sparse| !sparse.indices.is_empty() || !sparse.values.is_empty());
        if let Some(sparse) = sparse {
            check_sparse(sparse)?;
        }
        let sparse_bytes = sparse.map_or(0, |sparse| sparse.indices.len() * (BYTES_PER_VALUE + 11));
        let mut json = Vec::with_capacity(
            id.len() + values.len() * BYTES_PER_VALUE + sparse_bytes + metadata_bytes * 5 / 4 + 128,
        );
        json.extend_from_slice(br#"{"id":"#);
        print(&mut json, id);
        // A record of an index of sparse vectors has no dense values, and the field must then be absent.
        if !values.is_empty() {
            json.extend_from_slice(br#","values":"#);
            print(&mut json, values);
        }
        if let Some(sparse) = sparse {
            json.extend_from_slice(br#","sparseValues":"#);
            print(&mut json, sparse);
        }
        print_metadata(&mut json, metadata);
        json.push(b'}');
        Ok(Self { id: id.to_owned(), dimension: values.len(), json })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many dense values it has.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Its JSON.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The bytes of its JSON.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.json.len()
    }
}

impl fmt::Debug for EncodedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedRecord({:?}, {} values, {} bytes)", self.id, self.dimension, self.json.len())
    }
}

/// Appends a value's JSON.
pub(crate) fn print<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // Printing into memory fails only for maps with keys that are no strings, and none is printed here.
    #[expect(clippy::expect_used, reason = "infallible: no such map, no I/O")]
    serde_json::to_writer(out, value).expect("JSON into memory");
}

fn print_metadata(out: &mut Vec<u8>, metadata: &Metadata) {
    let mut separator: &[u8] = br#","metadata":{"#;
    for (key, value) in metadata.iter().filter(|(_, value)| !value.is_null()) {
        out.extend_from_slice(separator);
        print(out, key);
        out.push(b':');
        print(out, value);
        separator = b",";
    }
    if separator == b"," {
        out.push(b'}');
    }
}

/// Checks that there can be a record with this id: 1 to 512 ASCII characters without NUL.
///
/// # Errors
///
/// What it breaks of that.
pub fn check_id(id: &str) -> Result<(), RecordError> {
    if id.is_empty() {
        return Err(RecordError::EmptyId);
    }
    if let Some(character) = id.chars().find(|c| !c.is_ascii() || *c == '\0') {
        return Err(RecordError::IdNotAscii(character));
    }
    if id.len() > MAX_ID_BYTES {
        return Err(RecordError::LongId(id.len()));
    }
    Ok(())
}

fn check_sparse(sparse: &SparseValues) -> Result<(), RecordError> {
    if sparse.indices.len() != sparse.values.len() {
        return Err(RecordError::SparseMismatch {
            indices: sparse.indices.len(),
            values: sparse.values.len(),
        });
    }
    match sparse.values.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(RecordError::NotFinite(position)),
        None => Ok(()),
    }
}

/// The bytes of keys and values, counted leniently.
fn check_metadata(metadata: &Metadata) -> Result<usize, RecordError> {
    let mut bytes = 0;
    for (key, value) in metadata {
        let unsupported = |found| RecordError::UnsupportedValue { key: key.clone(), found };
        let value_bytes = match value {
            Value::Null => continue,
            Value::Bool(_) => 1,
            Value::Number(_) => 8,
            Value::String(text) => text.len(),
            Value::Array(items) => {
                let mut total = 0;
                for item in items {
                    total += match item {
                        Value::String(text) => text.len(),
                        Value::Null => return Err(unsupported("a list with a null")),
                        Value::Bool(_) => return Err(unsupported("a list with a boolean")),
                        Value::Number(_) => return Err(unsupported("a list with a number")),
                        Value::Array(_) => return Err(unsupported("a list with a list")),
                        Value::Object(_) => return Err(unsupported("a list with an object")),
                    };
                }
                total
            }
            Value::Object(_) => return Err(unsupported("an object")),
        };
        if key.starts_with('$') {
            return Err(RecordError::ReservedKey(key.clone()));
        }
        bytes += key.len() + value_bytes;
    }
    if bytes > MAX_METADATA_BYTES {
        return Err(RecordError::LargeMetadata(bytes));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};
    use serde_json::json;

    use super::*;

    fn metadata(value: Value) -> Metadata {
        serde_json::from_value(value).unwrap()
    }

    fn encode(value: Value) -> Result<Value, RecordError> {
        EncodedRecord::new("a", &[1.0], None, &metadata(value))
            .map(|record| serde_json::from_slice(record.json()).unwrap())
    }

    #[test]
    fn a_record_is_printed_in_its_shortest_form() {
        let sparse = SparseValues { indices: vec![1, 312], values: vec![0.5, 0.25] };
        let record = EncodedRecord::new(
            "a\"b",
            &[0.1, -0.0, 1.0, 1e-9],
            Some(&sparse),
            &metadata(json!({"n": 1, "s": "x"})),
        )
        .unwrap();
        assert_eq!(
            std::str::from_utf8(record.json()).unwrap(),
            r#"{"id":"a\"b","values":[0.1,-0.0,1.0,1e-9],"sparseValues":{"indices":[1,312],"values":[0.5,0.25]},"metadata":{"n":1,"s":"x"}}"#
        );
        assert_eq!(record.encoded_len(), record.json().len());
        assert_eq!((record.id(), record.dimension()), ("a\"b", 4));
        assert_eq!(
            format!("{record:?}"),
            format!(r#"EncodedRecord("a\"b", 4 values, {} bytes)"#, record.encoded_len())
        );
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let record = EncodedRecord::new("a", &[], Some(&SparseValues::default()), &Metadata::new()).unwrap();
        assert_eq!(record.json(), br#"{"id":"a"}"#);
        assert_eq!(encode(json!({"x": null})).unwrap(), json!({"id": "a", "values": [1.0]}));
        assert_eq!(encode(json!({"x": null, "y": []})).unwrap()["metadata"], json!({"y": []}));
    }

    #[test]
    fn metadata_passes_through_whole() {
        let all = json!({
            "": "empty key", "_x": true, "ключ": "значение", "q\"\\\n": "\u{1}\u{7f}\u{2028}😀",
            "int": 1, "float": 1.0, "string": "1", "negative zero": -0.0, "big": 9_007_199_254_740_993_u64,
            "huge": u64::MAX, "min": i64::MIN, "1e21": 1e21, "tiny": 5e-324, "third": 0.1 + 0.2,
            "list": ["b", "a", "b"], "none": [],
        });
        let printed = encode(all.clone()).unwrap();
        assert_eq!(printed["metadata"], all);
        assert!(printed["metadata"]["negative zero"].as_f64().unwrap().is_sign_negative());
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        let unsupported = |value: Value, found| {
            let expected = RecordError::UnsupportedValue { key: "k".into(), found };
            assert_eq!(encode(json!({"k": value})), Err(expected));
        };
        unsupported(json!({}), "an object");
        unsupported(json!([1]), "a list with a number");
        unsupported(json!(["a", 1]), "a list with a number");
        unsupported(json!(["a", null]), "a list with a null");
        unsupported(json!([true]), "a list with a boolean");
        unsupported(json!([[]]), "a list with a list");
        unsupported(json!([{}]), "a list with an object");
        assert_eq!(encode(json!({"$k": 1})), Err(RecordError::ReservedKey("$k".into())));
        assert!(encode(json!({"k$": 1})).is_ok());
        let large = json!({"text": "x".repeat(MAX_METADATA_BYTES - 4)});
        assert!(encode(large).is_ok());
        let too_large = json!({"text": "x".repeat(MAX_METADATA_BYTES - 3)});
        assert_eq!(encode(too_large), Err(RecordError::LargeMetadata(MAX_METADATA_BYTES + 1)));
    }

    #[test]
    fn ids_and_values_are_checked() {
        let new = |id: &str, values: &[f32]| EncodedRecord::new(id, values, None, &Metadata::new());
        assert_eq!(new("", &[1.0]), Err(RecordError::EmptyId));
        assert_eq!(new("é", &[1.0]), Err(RecordError::IdNotAscii('é')));
        assert_eq!(new("a\0", &[1.0]), Err(RecordError::IdNotAscii('\0')));
        assert_eq!(new(&"x".repeat(513), &[1.0]), Err(RecordError::LongId(513)));
        assert!(new(&"x".repeat(512), &[1.0]).is_ok());
        assert_eq!(new("a", &[1.0, f32::NAN]), Err(RecordError::NotFinite(1)));
        assert_eq!(new("a", &[f32::INFINITY]), Err(RecordError::NotFinite(0)));
        let uneven = SparseValues { indices: vec![1], values: vec![] };
        assert_eq!(
            EncodedRecord::new("a", &[1.0], Some(&uneven), &Metadata::new()),
            Err(RecordError::SparseMismatch { indices: 1, values: 0 })
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
            vec(".{0,10}", 0..5).prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn any_record_reads_back_as_it_was(
            id in "[\\x01-\\x7f]{1,60}",
            values in vec(any::<f32>().prop_filter("finite", |x| x.is_finite()), 0..40),
            sparse in option::of(vec((any::<u32>(), -1e30_f32..1e30), 1..5)),
            metadata in proptest::collection::btree_map("[^$].{0,12}", any_value(), 0..8),
        ) {
            let metadata: Metadata = metadata.into_iter().collect();
            let sparse = sparse.map(|pairs| {
                let (indices, values) = pairs.into_iter().unzip();
                SparseValues { indices, values }
            });
            let record = EncodedRecord::new(&id, &values, sparse.as_ref(), &metadata).unwrap();
            #[derive(Deserialize)]
            #[serde(rename_all = "camelCase")]
            struct Back {
                id: String,
                #[serde(default)]
                values: Vec<f32>,
                sparse_values: Option<SparseValues>,
                #[serde(default)]
                metadata: Metadata,
            }
            let back: Back = serde_json::from_slice(record.json()).unwrap();
            prop_assert_eq!(back.id, id);
            prop_assert_eq!(
                back.values.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
                values.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            );
            prop_assert_eq!(back.sparse_values, sparse);
            prop_assert_eq!(back.metadata, metadata);
        }
    }
}
