//! What the pages show before any run: the two indexes, the settings, the namespaces.

use serde::{Deserialize, Serialize};

/// A number that was read, or the reason why it could not be: `0` and *unknown* are different things (law 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// The service answered.
    Known(T),
    /// The service did not answer; the text says why, for people.
    Unknown(String),
}

impl<T> Reading<T> {
    /// The value, where there is one.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// The key and value that a mirror adds to every record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedMetadata {
    /// The metadata key, `clearance_level` by default.
    pub key: String,
    /// The value as JSON text: `1` is an integer, `"1"` a string.
    pub value: String,
}

/// One of the two indexes, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexView {
    /// The index name, as configured.
    pub name: String,
    /// Dimensions of its vectors; `None` for a sparse index.
    pub dimension: Reading<Option<u32>>,
    /// `cosine`, `dotproduct` or `euclidean`.
    pub metric: Reading<String>,
    /// Records in all namespaces.
    pub records: Reading<u64>,
}

/// What every page shows in its frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The version of the server.
    pub version: String,
    /// Whether the services are the sandbox's: the screen says so.
    pub sandbox: bool,
    /// The old index; never written.
    pub source: IndexView,
    /// The new index.
    pub target: IndexView,
    /// The embedding model's id.
    pub model: String,
    /// The dimensions that the embeddings are asked for.
    pub dimensions: u32,
    /// What a mirror adds.
    pub added: AddedMetadata,
    /// The metadata key that holds the text.
    pub text_key: String,
    /// The namespace that forms start with; may be empty.
    pub default_namespace: String,
    /// Upper bound of ids in one fetch, texts in one embedding call, records in one upsert.
    pub batch_sizes: [u32; 3],
    /// What is missing in the configuration, as sentences that name the variable to set; empty when all is there.
    pub problems: Vec<String>,
}

/// One namespace on both sides. `Known(None)` means that the namespace does not exist there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceRow {
    /// The name; the default namespace is `__default__`.
    pub name: String,
    /// Records in the source.
    pub source: Reading<Option<u64>>,
    /// Records in the target.
    pub target: Reading<Option<u64>>,
    /// Documents in the search index; `None` if none is configured.
    #[serde(default)]
    pub documents: Option<Reading<Option<u64>>>,
}

impl NamespaceRow {
    /// The records of source and target, where both are known. A namespace that does not exist holds none.
    pub fn counts(&self) -> Option<(u64, u64)> {
        let of = |reading: &Reading<Option<u64>>| reading.known().map(|count| count.unwrap_or(0));
        Some((of(&self.source)?, of(&self.target)?))
    }

    /// How many more records the target holds than the source; unknown where one of the counts is.
    pub fn difference(&self) -> Option<i128> {
        self.counts().map(|(source, target)| i128::from(target) - i128::from(source))
    }
}

/// The namespaces of both indexes, ordered by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// The union of both sides.
    pub rows: Vec<NamespaceRow>,
    /// Why a side is unknown as a whole, in words; empty when both answered.
    pub problems: Vec<String>,
}
