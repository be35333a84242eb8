//! Reading an index.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use upstream::{Http, Meter, Request};

use crate::{
    Action, Cluster, Error, IndexName, Query, Scan, Server, SourceFields,
    wire::{self, Fetched, SearchReply},
};

/// An index, alias or data stream that can be read. It cannot write: it has no such method, and the HTTP client below
/// it refuses every request that is not on a list of reads.
///
/// ```compile_fail,E0599
/// async fn write(reader: &elasticsearch::Reader) {
///     reader.bulk(&[]).await;
/// }
/// ```
///
/// The same with a writer, which compiles:
///
/// ```
/// async fn write(writer: &elasticsearch::Writer, task: &elasticsearch::Task) {
///     let _ = writer.bulk(task, &[]).await;
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Reader {
    cluster: Cluster,
    index: IndexName,
}

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The index that holds it.
    pub index: String,
    /// Its `_id`.
    pub id: String,
    /// What was asked for of its `_source`; nothing if the index keeps none.
    pub source: Map<String, Value>,
}

#[derive(Deserialize)]
struct Identity {
    username: Option<String>,
    #[serde(default)]
    api_key: Map<String, Value>,
}

impl Reader {
    pub(crate) fn new(cluster: Cluster, index: IndexName) -> Self {
        Self { cluster, index }
    }

    /// A clone that counts in this meter; connections stay shared.
    #[must_use]
    pub fn with_meter(&self, meter: &Meter) -> Self {
        Self { cluster: self.cluster.with_meter(meter), index: self.index.clone() }
    }

    /// Which server it is on.
    #[must_use]
    pub fn server(&self) -> &Server {
        self.cluster.server()
    }

    /// Its name.
    #[must_use]
    pub fn index(&self) -> &IndexName {
        &self.index
    }

    pub(crate) fn http(&self) -> &Http {
        &self.cluster.http
    }

    pub(crate) fn http_once(&self) -> &Http {
        &self.cluster.once
    }

    /// The path of an operation on the index.
    pub(crate) fn path(&self, operation: &str) -> String {
        format!("/{}/{operation}", Request::encoded(self.index.as_str()))
    }

    pub(crate) fn nonsense(&self, what: impl Into<String>) -> Error {
        Error::Nonsense { service: self.server().to_string(), what: what.into() }
    }

    /// Makes sure that the index is there. A write to one that is not would create it.
    ///
    /// # Errors
    ///
    /// [`Error::NoIndex`], [`Error::NotVisible`], or a failed request.
    pub async fn ensure_exists(&self) -> Result<(), Error> {
        self.cluster.index(&self.index).await.map(|_| ())
    }

    /// How many documents match.
    ///
    /// # Errors
    ///
    /// If the request fails, or not all shards answered (law 3).
    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        let body = json!({"query": query.0}).to_string();
        Ok(self.http().send(&Request::post(self.path("_count"), body), wire::read_count).await?)
    }

    /// A search without a cursor, complete or an error.
    pub(crate) async fn search(&self, body: &Value) -> Result<SearchReply, Error> {
        self.search_at(self.path("_search"), body).await
    }

    pub(crate) async fn search_at(&self, path: String, body: &Value) -> Result<SearchReply, Error> {
        let request = Request::post(path, body.to_string()).query("allow_partial_search_results", "false");
        Ok(self.http().send(&request, wire::read_search).await?)
    }

    /// Reads through all documents that match, page by page, in no order that means anything.
    #[must_use]
    pub fn scan(&self, query: Query, source: SourceFields, page: usize) -> Scan {
        Scan::new(self.clone(), query, source, page)
    }

    /// The newest version of documents, whether refreshed or not: their stamps, and this field of their source.
    pub(crate) async fn fetch(&self, asked: &[Action], field: &str) -> Result<Vec<Fetched>, Error> {
        let keys: Vec<Value> = asked.iter().map(Action::key).collect();
        let body = json!({"docs": keys}).to_string();
        let request = Request::post("/_mget", body).query("_source_includes", field);
        Ok(self.http().send(&request, |response| wire::read_mget(response, asked)).await?)
    }

    /// Who the server takes us for: the name of the key or of the user. `None` where there is no security or the
    /// server does not say.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, or the credentials are wrong.
    pub async fn identity(&self) -> Result<Option<String>, Error> {
        let identity: Result<Identity, _> = self.http().json(&Request::get("/_security/_authenticate")).await;
        match identity.map_err(Error::from) {
            Ok(identity) => {
                let key = identity.api_key.get("name").and_then(Value::as_str).map(str::to_owned);
                Ok(key.or(identity.username))
            }
            Err(error) if error.is_no_such_api() || *error.kind() == upstream::Kind::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }
}
