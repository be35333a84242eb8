//! Pinecone: the control plane, read-only, and the data plane of each index.

mod control;
mod namespaces;
mod query;
mod read;
mod refusal;
pub(crate) mod upsert;
mod write;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Endpoint;
use crate::limits::Limit;
use crate::options::{IndexKind, RateLimitBody};
use crate::shared::{Index, Plane, Shared};
use refusal::Refusal;

/// The largest body of an upsert.
pub(crate) const UPSERT_BYTES: usize = 2 * 1024 * 1024;

/// The routes of the control plane.
pub(crate) fn control_routes() -> Router<Plane> {
    Router::new()
        .route("/indexes", get(control::list).fallback(control::forbidden))
        .route("/indexes/{name}", get(control::describe).fallback(control::forbidden))
}

/// The routes of a data plane.
pub(crate) fn data_routes() -> Router<Plane> {
    Router::new()
        .route("/vectors/list", get(read::list))
        .route("/vectors/fetch", get(read::fetch))
        .route("/vectors/fetch_by_metadata", post(read::fetch_by_metadata))
        .route("/vectors/upsert", post(write::upsert))
        .route("/vectors/update", post(write::update))
        .route("/vectors/delete", post(write::delete))
        .route("/query", post(query::query))
        .route("/describe_index_stats", post(read::stats).get(read::stats))
        .route("/namespaces", get(namespaces::list))
        .route("/namespaces/{namespace}", get(namespaces::describe).delete(namespaces::delete))
        .route("/namespaces/{namespace}/documents/{operation}", any(refusal::documents))
        .fallback(refusal::not_found)
}

/// Refuses a call without a key or with another than the sandbox's.
pub(crate) fn check_key(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let key = headers.get("api-key").map(|key| key.as_bytes()).filter(|key| !key.is_empty());
    let accepted = match (&shared.options.api_key, key) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(expected), Some(key)) => expected.as_bytes() == key,
    };
    (!accepted).then(unauthorized)
}

/// The answer to a wrong key, in plain text.
pub(crate) fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, "Unauthorized").into_response()
}

/// The answer to a body that is too long: code 11 with a 400, as older reports show it.
pub(crate) fn too_large(status: StatusCode, found: usize, most: usize) -> Response {
    Refusal::too_large(status, found, most).into_response()
}

/// The page of a listing that is asked for, from 1.
pub(crate) fn listed_page(query: Option<&str>) -> u64 {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let token = pairs.find(|(name, _)| name == "paginationToken");
    token.and_then(|(_, token)| PageToken::read(&token, None).ok()).map_or(1, |token| token.page)
}

/// An error of the plane's own shape.
pub(crate) fn error(plane: &Plane, status: StatusCode, message: &str) -> Response {
    match plane.index {
        Some(_) => Refusal::data_with_status(status, message).into_response(),
        None => Refusal::control(status, message).into_response(),
    }
}

/// The shapes of answers, which depend on the version that the caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApiVersion {
    /// Up to 2026-04: `dimension` and `metric` at the top of an index.
    Flat,
    /// From 2026-07: `schema`.
    Schema,
}

impl<S: Send + Sync> FromRequestParts<S> for ApiVersion {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // Without the header the service takes its oldest version. One official client sends it twice.
        let version = parts.headers.get("x-pinecone-api-version").and_then(|value| value.to_str().ok());
        Ok(if version.is_some_and(|version| version >= "2026-07") { Self::Schema } else { Self::Flat })
    }
}

impl ApiVersion {
    /// How the default namespace is spelled in answers: the older documentation shows `""`, the newer `__default__`.
    fn spelled(self, namespace: &str) -> &str {
        match self {
            Self::Schema if namespace.is_empty() => "__default__",
            _ => namespace,
        }
    }
}

/// The query of a URL, decoded: `+` and `%20` are both a space.
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

impl Query {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `limit`, within 1 and 100; 100 when it is not given.
    fn limit(&self) -> Result<usize, Refusal> {
        let Some(limit) = self.get("limit") else { return Ok(100) };
        match limit.parse() {
            Ok(limit @ 1..=100) => Ok(limit),
            _ => Err(Refusal::invalid(format!("limit must be between 1 and 100, got {limit}"))),
        }
    }
}

/// The place where a listing goes on: a key, not a position, so that writes in between move nothing.
#[derive(Serialize, Deserialize)]
struct PageToken {
    skip_past: String,
    prefix: String,
    /// The number of the page, from 1: for faults that strike a page.
    #[serde(default)]
    page: u64,
}

impl PageToken {
    fn write(&self) -> String {
        STANDARD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(token: &str, prefix: Option<&str>) -> Result<Self, Refusal> {
        let decoded = STANDARD.decode(token).ok();
        let token = decoded.and_then(|json| serde_json::from_slice::<Self>(&json).ok());
        match token {
            Some(token) if prefix.is_none_or(|prefix| prefix == token.prefix) => Ok(token),
            Some(_) => Err(Refusal::invalid("pagination token was made for another prefix")),
            None => Err(Refusal::invalid("Invalid pagination token")),
        }
    }
}

impl Plane {
    /// The index of a data plane, which must be one of vectors.
    fn vectors(&self) -> Result<(usize, &Index), Refusal> {
        let (position, index) = self.data()?;
        match index.options.kind {
            IndexKind::Document => Err(Refusal::invalid(
                "This operation is not supported for this index: it is served by the Document API; use /namespaces/{namespace}/documents/* instead",
            )),
            IndexKind::Vector | IndexKind::Sparse => Ok((position, index)),
        }
    }

    /// The index of a data plane, of any kind.
    fn data(&self) -> Result<(usize, &Index), Refusal> {
        self.index
            .and_then(|position| self.shared.indexes.get(position).map(|index| (position, index)))
            .ok_or_else(|| Refusal::data_with_status(StatusCode::NOT_FOUND, "Not found"))
    }

    /// Takes a call from the bucket of a limit, if limits are enforced.
    fn admit(&self, index: &Index, limit: Limit, namespace: &str, cost: usize) -> Result<(), Refusal> {
        if !self.shared.options.rate_limits {
            return Ok(());
        }
        let switches = &self.shared.options.switches;
        let waited = index.buckets.take(limit, limit.scope(namespace), cost as f64, Instant::now());
        waited.map_err(|wait| {
            let message = limit.message(&index.options.name, ApiVersion::Schema.spelled(namespace));
            let refusal = match switches.rate_limit_body {
                RateLimitBody::Json => Refusal::data_with_status(StatusCode::TOO_MANY_REQUESTS, &message),
                RateLimitBody::Text => Refusal::text(StatusCode::TOO_MANY_REQUESTS, message),
            };
            if switches.retry_after { refusal.retry_after(wait) } else { refusal }
        })
    }

    fn count(&self, endpoint: Endpoint, items: usize) {
        self.shared.count_items(self.index, endpoint, items);
    }
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
