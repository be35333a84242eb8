//! The search index beside the two vector indexes: what it holds, and what an update of it would do.

use serde::{Deserialize, Serialize};

use crate::{AddedMetadata, Reading};

/// Documents, and what they hold under the added field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentNumbers {
    /// All of them.
    pub documents: u64,
    /// Those with a value.
    pub with: u64,
    /// How many hold which value, the most frequent first; `None` if this type of field cannot be counted.
    pub values: Option<Vec<ValueCount>>,
    /// How many hold a value that is not among these.
    pub other_values: u64,
}

impl DocumentNumbers {
    /// Those without a value.
    pub const fn without(&self) -> u64 {
        self.documents.saturating_sub(self.with)
    }
}

/// How many documents hold a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueCount {
    /// The value as JSON text.
    pub value: String,
    /// How many documents.
    pub documents: u64,
}

/// The documents of one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentNamespace {
    /// Its name as the documents spell it.
    pub namespace: String,
    /// Its documents.
    pub numbers: DocumentNumbers,
}

/// The search index at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentsLook {
    /// All documents.
    pub total: DocumentNumbers,
    /// Every namespace, in the order of its name.
    pub namespaces: Vec<DocumentNamespace>,
    /// The documents without a namespace.
    pub without_namespace: DocumentNumbers,
    /// The documents whose namespace is too long to be matched.
    pub namespace_too_long: DocumentNumbers,
    /// Whether all numbers are of the same moment.
    pub is_one_snapshot: bool,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing may be written.
    Stop,
    /// It can be gone on with, knowing this.
    Warning,
    /// Good to know.
    Note,
}

/// Something to know before writing into the search index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// A short name that does not change: `dynamic_strict`.
    pub code: String,
    /// The concrete index; `None` if it is about the key or the server.
    pub index: Option<String>,
    /// What it is.
    pub message: String,
    /// What to do about it; empty if nothing need be done.
    pub remedy: String,
}

/// What the pre-check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The findings, the gravest first.
    pub findings: Vec<Finding>,
    /// Whether adding the field to the mapping is all that is needed before documents can be updated.
    pub is_mended_by_mapping: bool,
    /// The concrete indexes behind the name.
    pub indices: Vec<String>,
}

impl Findings {
    /// Whether documents may be updated.
    pub fn is_clear(&self) -> bool {
        !self.findings.iter().any(|finding| finding.severity == Severity::Stop)
    }
}

/// The search index as pages and commands show it before any run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchIndexView {
    /// Where the cluster is, without credentials.
    pub endpoint: String,
    /// The index, alias or data stream.
    pub index: String,
    /// The field that names a document's namespace.
    pub namespace_field: String,
    /// What an update adds.
    pub added: AddedMetadata,
    /// The server's name and version: `Elasticsearch 8.19.21`.
    pub server: Reading<String>,
    /// As whom the server knows the key; `None` where it does not say.
    pub identity: Reading<Option<String>>,
    /// All documents.
    pub numbers: Reading<DocumentNumbers>,
    /// What the pre-check of an update of all documents found.
    pub precheck: Reading<Findings>,
}

/// Why the search index cannot be shown: a sentence that names the variable to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchIndex {
    /// It is configured; what could be read of it.
    Configured(Box<SearchIndexView>),
    /// It is not configured: the sentence names the variable to set.
    Absent(String),
}

/// How many documents an update would find, of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateNumbers {
    /// All documents of the scope.
    pub documents: u64,
    /// Without a value.
    pub missing: u64,
    /// With the value.
    pub equal: u64,
    /// With a lower value.
    pub lower: u64,
    /// With a higher value, which only overwriting lowers.
    pub higher: u64,
    /// With a value that cannot be compared, or could not be indexed: only overwriting replaces it.
    pub incomparable: u64,
    /// What the update would write.
    pub to_update: u64,
}

/// What an update would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatePreview {
    /// The field and value that would be written.
    pub added: AddedMetadata,
    /// The counts.
    pub numbers: UpdateNumbers,
    /// What the pre-check found.
    pub precheck: Findings,
    /// Requests of a live run, about.
    pub requests: u64,
    /// Some of the documents that would be written.
    pub samples: Vec<Document>,
}

/// A document of the search index, without its vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The concrete index that holds it.
    pub index: String,
    /// Its `_id`.
    pub id: String,
    /// Its fields, ordered by name.
    pub fields: Vec<DocumentField>,
}

/// A field of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentField {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: crate::TypedValue,
}

/// Which documents of the search index are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DocumentQuery {
    /// Whose documents.
    pub scope: crate::DocumentScope,
    /// What they hold under the added field.
    pub holding: Holding,
    /// Only what is called so: by its `_id`, or as a run over several indexes calls it, `index/_id`; empty for all.
    pub id: String,
    /// Only what lies behind this: the `next` of the page before.
    pub after: Option<String>,
}

impl DocumentQuery {
    /// The command that lists the ids of all these documents, whatever page of them is shown.
    pub fn command(&self) -> String {
        let holding = match &self.holding {
            Holding::Anything => None,
            Holding::Nothing => Some("--without".to_owned()),
            Holding::Something => Some("--with".to_owned()),
            Holding::Added => Some("--with-added".to_owned()),
            Holding::Value(value) => Some(format!("--with-value={}", crate::quoted(value))),
        };
        let scope = self.scope.options();
        let words: Vec<String> = holding.into_iter().chain(scope).collect();
        format!("tain elasticsearch documents {}", words.join(" "))
    }
}

/// What documents hold under the added field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Whatever.
    #[default]
    Anything,
    /// No value.
    Nothing,
    /// Some value.
    Something,
    /// The value that an update adds, as configured.
    Added,
    /// This value, as JSON text.
    Value(String),
}

/// A page of the documents of the search index: at most [`DOCUMENT_ROWS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
    /// How many match.
    pub total: u64,
    /// How many stand on the pages before.
    pub before: u64,
    /// Asks for the next page; `None` at the end.
    pub next: Option<String>,
    /// Whether all pages are of the moment of the first. Where they are not, documents that are changed between two
    /// pages may stand on both or on neither.
    pub is_one_snapshot: bool,
}

/// Documents of a page.
pub const DOCUMENT_ROWS: usize = 100;

/// The documents in scope after an update, and what explains the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentVerification {
    /// Documents in scope when the run began.
    pub before: u64,
    /// Documents in scope afterwards.
    pub after: Reading<u64>,
    /// Of those, the ones with the value.
    pub with_value: Reading<u64>,
    /// Of those, the ones that are still to be updated.
    pub remaining: Reading<u64>,
    /// Whether every document is accounted for: none was lost, and what remains was refused or came meanwhile.
    pub confirmed: bool,
    /// The result in words.
    pub summary: String,
}
