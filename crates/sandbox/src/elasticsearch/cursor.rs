//! Points in time and scrolls: what a search saw when it was opened.

use std::sync::Arc;

use serde_json::Value;

use super::engine::{Document, Documents};

/// An index at one moment.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) index: String,
    pub(crate) mapping: Arc<Value>,
    pub(crate) documents: Arc<Documents>,
}

/// A document that a query found.
#[derive(Clone)]
pub(crate) struct Found {
    /// The snapshot it is in.
    pub(crate) snapshot: usize,
    pub(crate) document: Arc<Document>,
}

/// What the server keeps between two pages.
pub(crate) enum Cursor {
    PointInTime {
        snapshots: Arc<[Snapshot]>,
        /// The last query, and what it found.
        found: Option<(Value, Arc<[Found]>)>,
    },
    Scroll {
        snapshots: Arc<[Snapshot]>,
        found: Arc<[Found]>,
        next: usize,
        /// The body of the search that opened it.
        body: Value,
    },
}
