//! The indexes and what is done with them.

use serde::Serialize;
use serde_json::{Map, Value};

use super::ElasticsearchOptions;

/// A search engine.
pub(crate) struct Engine {
    port: u16,
}

/// A document to put into an index.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SearchDocument {
    /// Its `_id`.
    pub id: String,
    /// Its routing, if it has one.
    pub routing: Option<String>,
    /// Its `_source`.
    pub source: Map<String, Value>,
}

/// An index at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SearchIndexView {
    /// Its name.
    pub name: String,
    /// Its documents.
    pub documents: usize,
}

impl Engine {
    pub(crate) fn new(_: &ElasticsearchOptions, port: u16) -> Self {
        Self { port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn clear(&self) {}

    pub(crate) fn load_sample(&self) {}
}
