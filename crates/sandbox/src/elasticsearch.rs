//! Elasticsearch and OpenSearch: the search index that holds the same documents.

mod auth;
mod engine;
mod options;
mod refusal;

use axum::Router;
use http::{HeaderMap, Method, StatusCode};

use crate::Endpoint;
use crate::shared::{Plane, Shared};
pub(crate) use engine::Engine;
pub use engine::{SearchDocument, SearchIndexView};
pub use options::{Distribution, ElasticsearchOptions};
use refusal::Refusal;

/// The name under which its calls are counted and its faults are set.
pub(crate) const NAME: &str = "elasticsearch";

/// The routes.
pub(crate) fn routes() -> Router<Plane> {
    Router::new().fallback(async || Refusal::no_handler(&Method::GET, "/"))
}

/// The endpoint of a call.
pub(crate) fn endpoint(method: &Method, path: &str) -> Endpoint {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match (method.as_str(), segments.as_slice()) {
        ("GET", [] | ["_resolve", ..] | ["_cat", ..]) => Endpoint::Cluster,
        ("HEAD", [_]) => Endpoint::Exists,
        (_, [.., "_mapping" | "_settings" | "_field_caps"]) => Endpoint::Mapping,
        (_, ["_pit" | "_search", ..]) if method == Method::DELETE => Endpoint::Cursor,
        (_, [_, "_pit"] | [_, "_search", "point_in_time"]) => Endpoint::Cursor,
        (_, ["_search", ..] | [_, "_search"]) => Endpoint::Search,
        (_, [.., "_count"]) => Endpoint::Count,
        (_, [.., "_mget"]) | ("GET", [_, "_doc", _]) => Endpoint::Get,
        ("POST", [.., "_bulk"]) => Endpoint::Bulk,
        (_, [.., "_refresh"]) => Endpoint::Refresh,
        (_, ["_security", ..]) => Endpoint::Privileges,
        (_, [.., "_update_by_query"]) => Endpoint::UpdateByQuery,
        (_, ["_tasks", ..]) => Endpoint::Tasks,
        _ if method == Method::DELETE => Endpoint::Delete,
        _ => Endpoint::Other,
    }
}

/// Refuses a call without a key or with a wrong one.
pub(crate) fn check_key(shared: &Shared, headers: &HeaderMap) -> Option<axum::response::Response> {
    auth::refuse(&shared.engine, headers)
}

/// An error in the shape of the service.
pub(crate) fn error(_: &Plane, status: StatusCode, message: &str) -> axum::response::Response {
    use axum::response::IntoResponse;
    Refusal::with_status(status, message).into_response()
}

/// Loads the sample's documents.
pub(crate) fn load_sample(shared: &Shared) {
    shared.engine.load_sample();
}
