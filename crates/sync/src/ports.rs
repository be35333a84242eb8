//! The three remote services as the core sees them.
//!
//! The core is generic over these traits so that its laws can be proven against in-memory services that fail on
//! command; `crates/sync/src/services.rs` implements them for the real clients.

use std::future::Future;

use futures::Stream;
use pinecone::{EncodedRecord, FetchedMetadata, FetchedRecord, Namespace};

/// Why a service could not do what it was asked, as far as the core needs to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// What it means for the run.
    pub class: ErrorClass,
    /// For people; names the service and the remedy, and holds no secret.
    pub message: String,
    /// When a used-up quota is there again, where that is known: milliseconds since 1970, UTC.
    pub until: Option<u64>,
}

impl PortError {
    /// A failure that ends the run.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { class: ErrorClass::Failed, message: message.into(), until: None }
    }

    /// A task of our own that panicked or was aborted: a bug, told as one.
    pub(crate) fn internal(error: &tokio::task::JoinError) -> Self {
        Self::failed(format!("tain itself failed ({error}): please report it with the log"))
    }
}

/// What an error means for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// A listing was not in ascending order; it can be read again and sorted here.
    OutOfOrder,
    /// A page token is no longer good: the listing has to begin anew.
    StaleToken,
    /// A daily or monthly quota is used up: nothing helps but waiting for the next period.
    QuotaExhausted,
    /// Anything else: the service failed for longer than its retry budget, or refused us.
    Failed,
}

/// A page of ids.
pub type Page = Vec<String>;

/// A page of a listing that can be taken up again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedPage {
    /// The ids.
    pub ids: Page,
    /// What this page was fetched with; `None` for the first one.
    pub token: Option<String>,
    /// What the next page is fetched with; `None` for the last one.
    pub next: Option<String>,
}

/// What can be read from an index. There is nothing here that could write (law 1).
pub trait ReadIndex: Clone + Send + Sync + 'static {
    /// The index name.
    fn name(&self) -> &str;

    /// All ids of a namespace in strictly ascending byte order, page by page, from the page with this token on (`None`
    /// for all). Ends with an error if a page could not be read, so that a listing which ended without one is the whole
    /// truth (law 3).
    fn list(
        &self,
        namespace: &Namespace,
        from: Option<String>,
    ) -> impl Stream<Item = Result<ListedPage, PortError>> + Send + 'static;

    /// The same without the promise of order, for a service that broke it.
    fn list_unordered(
        &self,
        namespace: &Namespace,
    ) -> impl Stream<Item = Result<Page, PortError>> + Send + 'static;

    /// Metadata and sparse values of the given records; ids that do not exist are absent from the answer.
    fn fetch_metadata(
        &self,
        namespace: &Namespace,
        ids: &[String],
    ) -> impl Future<Output = Result<Vec<FetchedMetadata>, PortError>> + Send;

    /// The same, with the dense vectors.
    fn fetch_records(
        &self,
        namespace: &Namespace,
        ids: &[String],
    ) -> impl Future<Output = Result<Vec<FetchedRecord>, PortError>> + Send;

    /// Records in a namespace, by the index's own statistics, which lag behind writes.
    fn count(&self, namespace: &Namespace) -> impl Future<Output = Result<u64, PortError>> + Send;
}

/// What became of an upsert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upserted {
    /// Records that the service refused, each with its own message; all others are acknowledged.
    pub refused: Vec<(String, String)>,
    /// The number of the last write, by which [`WriteIndex::visible`] tells whether it can be seen.
    pub lsn: Option<u64>,
}

/// An index that may be written. Upserts only: nothing can be deleted (law 2).
pub trait WriteIndex: ReadIndex {
    /// Writes records; returns when each is acknowledged or refused. After an error it is not known which of them were
    /// written: none is counted, and writing them again does no harm.
    fn upsert(
        &self,
        namespace: &Namespace,
        records: Vec<EncodedRecord>,
    ) -> impl Future<Output = Result<Upserted, PortError>> + Send;

    /// The number of the newest write to a namespace that can be seen by now, if the index tells.
    fn visible(&self, namespace: &Namespace) -> impl Future<Output = Result<Option<u64>, PortError>> + Send;
}

/// The outcome of one text: its vector, or the service's own words why it has none.
pub type Embedded = Result<Vec<f32>, String>;

/// The embedding service.
pub trait Embed: Clone + Send + Sync + 'static {
    /// One outcome per text, in order. At most [`Embed::max_texts`] texts.
    fn embed(&self, texts: &[&str]) -> impl Future<Output = Result<Vec<Embedded>, PortError>> + Send;

    /// How many texts one call takes.
    fn max_texts(&self) -> usize;
}
