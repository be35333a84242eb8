//! The handle by which tests and the control API read and change the search engine.

use axum::extract::State as Extract;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Distribution;
use super::engine::Index;
use crate::admin::{Body, read};
use crate::metadata::{Metadata, MetadataValue};
use crate::shared::Plane;
use crate::synthetic::{Generate, Synthetic};
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
    Router::new()
        .route("/sandbox/elasticsearch", get(overview).put(change))
        .route("/sandbox/elasticsearch/generate", post(generate))
}

#[derive(Deserialize)]
struct Generation {
    index: Option<String>,
    #[serde(default)]
    namespace: String,
    #[serde(flatten)]
    what: Value,
}

async fn generate(
    Extract(plane): Extract<Plane>,
    Body(request): Body<Generation>,
) -> Result<Json<Value>, Error> {
    // Unknown fields of a flattened structure are noticed only in a second step.
    let what: Generate = read(request.what, "generate")?;
    let index = request.index.unwrap_or_else(|| plane.shared.engine.options.index.clone());
    let count = State(plane.shared).generate_search_documents(&index, &request.namespace, what)?;
    Ok(Json(json!({"documents": count})))
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
                source: document.source.to_map(),
            })
            .collect()
    }

    /// Lets the next update by query do nothing, and go on until it is cancelled.
    pub fn hold_search_task(&self) {
        self.0.engine.inner().holds_task = true;
    }

    /// The updates by query that go on.
    pub fn search_tasks_under_way(&self) -> usize {
        let inner = self.0.engine.inner();
        inner.tasks.values().filter(|task| task.get("completed") == Some(&Value::Bool(false))).count()
    }

    /// Makes an empty index of the search engine with this mapping, in the place of one that has the name.
    pub fn make_search_index(&self, index: &str, mapping: Value) {
        let made = Index::new(index, mapping, Default::default());
        self.0.engine.inner().indices.insert(index.to_owned(), made);
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

    /// Makes synthetic documents and answers how many: the ids and texts of the records that [`State::generate`] makes
    /// of the same, under `pinecone_namespace` the namespace, and all of `metadata`.
    ///
    /// # Errors
    /// [`Error::Record`] when the mapping refuses the metadata.
    pub fn generate_search_documents(
        &self,
        index: &str,
        namespace: &str,
        what: Generate,
    ) -> Result<usize, Error> {
        let mut fields = what.metadata.clone();
        fields.insert("pinecone_namespace".to_owned(), json!(namespace));
        let family = Synthetic::new(what, Metadata::new(), 1);
        let mut inner = self.0.engine.inner();
        let distribution = inner.distribution;
        let made = || Index::new(index, json!({}), Default::default());
        let index = inner.indices.entry(index.to_owned()).or_insert_with(made);
        let mut count = 0;
        for (id, number) in family.ids() {
            let mut source = fields.clone();
            if let Some(MetadataValue::String(text)) = family.metadata(number).remove("text") {
                source.insert("text".to_owned(), json!(text));
            }
            index
                .write(distribution, &id, None, source)
                .map_err(|refusal| Error::Record { record: id.to_string(), message: refusal.reason })?;
            count += 1;
        }
        index.refresh();
        Ok(count)
    }
}
