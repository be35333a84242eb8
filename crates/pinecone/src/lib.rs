#![doc = include_str!("../README.md")]

mod batch;
mod connection;
mod description;
mod error;
mod namespace;
mod reader;
mod record;
mod source;
mod target;
mod wire;

pub use connection::{Connection, Options, Quotas};
pub use description::IndexDescription;
pub use error::Error;
pub use namespace::{Namespace, NamespaceError};
pub use reader::{FetchedMetadata, FetchedRecord, IndexStats, ListPage, NamespaceSummary, Reader};
pub use record::{EncodedRecord, Metadata, RecordError, SparseValues, check_id};
pub use source::SourceIndex;
pub use target::{Refused, TargetIndex, UpsertFailed, UpsertOutcome};

/// Ids in a page of `GET /vectors/list`; also the default of the service.
pub const LIST_PAGE: usize = 100;
/// Ids in a `GET /vectors/fetch`. The length of the URL bounds it earlier, unless the ids are short.
pub const MAX_FETCH_IDS: usize = 1000;
/// Records in a `POST /vectors/upsert`.
pub const MAX_UPSERT_RECORDS: usize = 1000;
/// Bytes of the body of a `POST /vectors/upsert`. The documented 2 MB, read as the smaller of its two meanings.
pub const MAX_UPSERT_BYTES: usize = 2_000_000;
/// Bytes of a record's metadata.
pub const MAX_METADATA_BYTES: usize = 40 * 1024;
/// Bytes of a record's id.
pub const MAX_ID_BYTES: usize = 512;
