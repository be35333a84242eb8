//! The handle by which tests and the control API read and change the search engine.

use axum::extract::State as Extract;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Distribution;
use super::engine::Index;
use crate::shared::Plane;
use crate::{Error, State};

/// A document of an index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchDocument {
    /// Its `_id`.
    pub id: String,
    /// Its routing, if it has one.
    #[serde(default)]
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

/// `/sandbox/elasticsearch`.
pub(crate) fn control_routes() -> Router<Plane> {
    Router::new().route("/sandbox/elasticsearch", get(overview).put(change))
}

async fn overview(Extract(plane): Extract<Plane>) -> Json<Value> {
    let state = State(plane.shared);
    Json(json!({
        "url": state.0.engine.url(),
        "distribution": state.0.engine.inner().distribution,
        "indices": state.search_indices(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    distribution: Distribution,
}

async fn change(Extract(plane): Extract<Plane>, Json(change): Json<Change>) -> Json<Value> {
    State(plane.shared).set_distribution(change.distribution);
    Json(json!({}))
}

impl State {
    /// Makes the search engine another distribution; its documents stay, open cursors do not.
    pub fn set_distribution(&self, distribution: Distribution) {
        let mut inner = self.0.engine.inner();
        inner.distribution = distribution;
        inner.cursors.clear();
    }

    /// The indexes of the search engine.
    pub fn search_indices(&self) -> Vec<SearchIndexView> {
        let inner = self.0.engine.inner();
        let view = |index: &Index| SearchIndexView { name: index.name.clone(), documents: index.len() };
        inner.indices.values().map(view).collect()
    }

    /// The documents of an index of the search engine, in no order that means anything; none if there is no such index.
    pub fn search_documents(&self, index: &str) -> Vec<SearchDocument> {
        let inner = self.0.engine.inner();
        let documents = inner.indices.get(index).into_iter().flat_map(Index::documents);
        documents
            .map(|document| SearchDocument {
                id: document.id.to_string(),
                routing: document.routing.clone(),
                source: document.source.clone(),
            })
            .collect()
    }

    /// Writes whole documents to an index of the search engine, which is made if there is none, and makes them visible.
    ///
    /// # Errors
    /// [`Error::Record`] for one that its mapping refuses; those before it are written.
    pub fn put_search_documents(&self, index: &str, documents: Vec<SearchDocument>) -> Result<usize, Error> {
        let mut inner = self.0.engine.inner();
        let distribution = inner.distribution;
        let made = || Index::new(index, json!({}), Default::default());
        let index = inner.indices.entry(index.to_owned()).or_insert_with(made);
        let count = documents.len();
        for document in documents {
            let SearchDocument { id, routing, source } = document;
            index
                .write(distribution, &id, routing.as_deref(), source)
                .map_err(|refusal| Error::Record { record: id, message: refusal.reason })?;
        }
        index.refresh();
        Ok(count)
    }
}
