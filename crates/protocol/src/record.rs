//! One record on all sides.

use serde::{Deserialize, Serialize};

use crate::{ChangeKind, Reading};

/// A value as it is shown: its JSON text, cut to a length that a screen can show, and its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedValue {
    /// Its type.
    pub kind: ValueKind,
    /// Its JSON text.
    pub text: String,
    /// Characters of the JSON text that are not shown; 0 if all are.
    pub cut: u64,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// A number.
    Number,
    /// A string.
    String,
    /// True or false.
    Boolean,
    /// A list.
    List,
    /// An object; only documents have them.
    Object,
    /// Null.
    Null,
}

impl ValueKind {
    /// The word on screens.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Object => "object",
            Self::Null => "null",
        }
    }
}

/// A dense vector, small enough to be drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorView {
    /// How many numbers it has.
    pub dimensions: u32,
    /// Its Euclidean length.
    pub norm: f64,
    /// The means of at most 96 equal stretches of it, in order.
    pub points: Vec<f32>,
}

/// A record of one of the two vector indexes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordSide {
    /// Its dense vector; `None` in a sparse index.
    pub vector: Option<VectorView>,
    /// How many sparse values it has.
    pub sparse_values: u32,
    /// Characters of its text; `None` if it has no text.
    pub text_characters: Option<u64>,
}

/// A metadata key on all sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordKey {
    /// The key.
    pub key: String,
    /// In the source.
    pub source: Option<TypedValue>,
    /// In the target.
    pub target: Option<TypedValue>,
    /// In the document.
    pub document: Option<TypedValue>,
    /// How source and target differ; `None` if they do not, if the key is ignored, or if the record is not in both.
    pub change: Option<ChangeKind>,
    /// Whether it is the added key, which is not compared.
    pub is_added_key: bool,
}

/// One record in the source, in the target, and its document in the search index. `Known(None)` means that it is not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordView {
    /// The namespace; the default one is `__default__`.
    pub namespace: String,
    /// The record's id.
    pub id: String,
    /// In the source.
    pub source: Reading<Option<RecordSide>>,
    /// In the target.
    pub target: Reading<Option<RecordSide>>,
    /// The document's concrete index and `_id`; `None` if no search index is configured.
    pub document: Option<Reading<Option<DocumentName>>>,
    /// All keys, ordered by name; those of documents behind those of records.
    pub keys: Vec<RecordKey>,
}

/// How a record stands between source and target, and what a mirror would do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordVerdict {
    /// A side did not answer.
    Unknown,
    /// In neither index.
    Nowhere,
    /// In the source only, with a text.
    Missing,
    /// In the target only.
    Orphan,
    /// Missing or changed, without a text.
    NoText,
    /// In both, and so many keys differ.
    Changed(usize),
    /// In both, with equal metadata.
    InSync,
}

impl RecordVerdict {
    /// What an analysis would call the record.
    pub fn of(record: &RecordView) -> Self {
        let (Reading::Known(source), Reading::Known(target)) = (&record.source, &record.target) else {
            return Self::Unknown;
        };
        let changed = record.keys.iter().filter(|key| key.change.is_some()).count();
        match (source, target) {
            (None, None) => Self::Nowhere,
            (None, Some(_)) => Self::Orphan,
            (Some(_), Some(_)) if changed == 0 => Self::InSync,
            (Some(side), _) if side.text_characters.is_none() => Self::NoText,
            (Some(_), None) => Self::Missing,
            (Some(_), Some(_)) => Self::Changed(changed),
        }
    }

    /// The words for it. Of a changed record they follow the number of keys that differ.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unknown => "A side did not answer: nothing can be said of the difference",
            Self::Nowhere => "In neither index",
            Self::Missing => "In the source only: a mirror migrates it",
            Self::Orphan => "In the target only: left alone",
            Self::NoText => "Not mirrored: there is no text to embed",
            Self::Changed(_) => "a mirror updates it",
            Self::InSync => "In both, with equal metadata",
        }
    }
}

/// Which document it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentName {
    /// The concrete index that holds it.
    pub index: String,
    /// Its `_id`.
    pub id: String,
}
