//! The operations that are counted, slowed down and made to fail.

use http::Method;
use serde::{Deserialize, Serialize};

/// An operation of one of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `GET /indexes`, `GET /indexes/{name}`.
    Describe,
    /// `GET /vectors/list`.
    List,
    /// `GET /vectors/fetch`.
    Fetch,
    /// `POST /vectors/fetch_by_metadata`.
    FetchByMetadata,
    /// `POST /vectors/upsert`.
    Upsert,
    /// `POST /vectors/update`.
    Update,
    /// `POST /query`.
    Query,
    /// `POST /describe_index_stats`.
    Stats,
    /// `GET /namespaces`, `GET /namespaces/{namespace}`.
    Namespaces,
    /// Every call that deletes or reconfigures something.
    Delete,
    /// `:embedContent`, `:batchEmbedContents`.
    Embed,
    /// `:countTokens`.
    CountTokens,
    /// `GET /v1beta/models`, `GET /v1beta/models/{model}`.
    Models,
    /// Elasticsearch: `GET /`, `GET /_resolve/index/*`, `GET /_cat/indices`.
    Cluster,
    /// Elasticsearch: `HEAD /{index}`.
    Exists,
    /// Elasticsearch: mappings, settings and field capabilities.
    Mapping,
    /// Elasticsearch: a search, and each further page of a scroll.
    Search,
    /// Elasticsearch: `_count`.
    Count,
    /// Elasticsearch: opening or freeing a point in time, freeing a scroll.
    Cursor,
    /// Elasticsearch: `_mget` and `GET /{index}/_doc/{id}`.
    Get,
    /// Elasticsearch: `_bulk`.
    Bulk,
    /// Elasticsearch: `_refresh`.
    Refresh,
    /// Elasticsearch: `_has_privileges` and the keys.
    Privileges,
    /// Elasticsearch: `_update_by_query`.
    UpdateByQuery,
    /// Elasticsearch: `_tasks`.
    Tasks,
    /// Whatever else was called.
    Other,
}

impl Endpoint {
    /// The endpoint of a call to a data plane.
    pub(crate) fn of_data_plane(method: &Method, path: &str) -> Self {
        match (method.as_str(), path) {
            _ if is_forbidden(method, path) => Self::Delete,
            ("GET", "/vectors/list") => Self::List,
            ("GET", "/vectors/fetch") => Self::Fetch,
            ("POST", "/vectors/fetch_by_metadata") => Self::FetchByMetadata,
            ("POST", "/vectors/upsert") => Self::Upsert,
            ("POST", "/vectors/update") => Self::Update,
            ("POST", "/query") => Self::Query,
            ("POST" | "GET", "/describe_index_stats") => Self::Stats,
            ("GET", path) if path == "/namespaces" || path.starts_with("/namespaces/") => Self::Namespaces,
            _ => Self::Other,
        }
    }

    /// The endpoint of a call to the main port.
    pub(crate) fn of_main_port(method: &Method, path: &str) -> Self {
        match method.as_str() {
            _ if is_forbidden(method, path) => Self::Delete,
            "GET" if path == "/indexes" || path.starts_with("/indexes/") => Self::Describe,
            "GET" if path.contains("/models") => Self::Models,
            "POST" if path.ends_with(":embedContent") || path.ends_with(":batchEmbedContents") => Self::Embed,
            "POST" if path.ends_with(":countTokens") => Self::CountTokens,
            _ => Self::Other,
        }
    }
}

/// Whether a call deletes or reconfigures something, so that a mirror must never make it.
pub(crate) fn is_forbidden(method: &Method, path: &str) -> bool {
    method == Method::DELETE || method == Method::PATCH || path.ends_with("/delete")
}
