//! Errors in the shape of the service.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// An error.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) reason: String,
    /// More fields of the cause.
    more: Value,
    /// What is behind it.
    root: Option<Box<Self>>,
}

impl Refusal {
    pub(crate) fn new(status: u16, kind: &str, reason: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, kind: kind.to_owned(), reason: reason.into(), more: json!({}), root: None }
    }

    /// An error of which only the status matters.
    pub(crate) fn with_status(status: StatusCode, message: &str) -> Self {
        let kind = match status.as_u16() {
            401 | 403 => "security_exception",
            404 => "resource_not_found_exception",
            429 => "es_rejected_execution_exception",
            503 => "unavailable_shards_exception",
            410 => "api_not_available_exception",
            _ => "illegal_argument_exception",
        };
        Self::new(status.as_u16(), kind, message)
    }

    /// What befalls an item of a bulk request with this status, in the words of the service.
    pub(crate) fn of_item(status: u16, kind: Option<&str>) -> Self {
        let (usual, reason) = match (status, kind) {
            (400, _) => (
                "strict_dynamic_mapping_exception",
                "mapping set to strict, dynamic introduction of [clearance_level] within [_doc] is not allowed",
            ),
            (403, _) => (
                "cluster_block_exception",
                "index [text-search-v0] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];",
            ),
            (_, Some("cluster_block_exception")) => (
                "cluster_block_exception",
                "index [text-search-v0] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, \
                 index has read-only-allow-delete block];",
            ),
            (404, _) => ("document_missing_exception", "document missing"),
            (409, _) => (
                "version_conflict_engine_exception",
                "version conflict, required seqNo [0], primary term [1]. current document has seqNo [1] and primary \
                 term [1]",
            ),
            (429, _) => ("es_rejected_execution_exception", "rejected execution of coordinating operation"),
            (503, _) => ("unavailable_shards_exception", "primary shard is not active Timeout: [1m]"),
            _ => ("illegal_argument_exception", "a fault of the sandbox"),
        };
        Self::new(status, kind.unwrap_or(usual), reason)
    }

    pub(crate) fn illegal(reason: impl Into<String>) -> Self {
        Self::new(400, "illegal_argument_exception", reason)
    }

    /// A key that is not taken; why stands beside the reason.
    pub(crate) fn wrong_key(why: &str) -> Self {
        let reason = "unable to authenticate with provided credentials and anonymous access is not allowed for this request";
        Self {
            more: json!({"additional_unsuccessful_credentials": format!("API key: {why}")}),
            ..Self::new(401, "security_exception", reason)
        }
    }

    pub(crate) fn parsing(reason: impl Into<String>) -> Self {
        Self::new(400, "parsing_exception", reason)
    }

    pub(crate) fn no_index(name: &str) -> Self {
        Self {
            more: json!({"resource.type": "index_or_alias", "resource.id": name, "index_uuid": "_na_", "index": name}),
            ..Self::new(404, "index_not_found_exception", format!("no such index [{name}]"))
        }
    }

    /// A point in time or a scroll that is not there.
    pub(crate) fn lost(id: &str) -> Self {
        Self::new(404, "search_context_missing_exception", format!("No search context found for id [{id}]"))
    }

    /// The error of a search whose every shard says the same.
    pub(crate) fn all_shards(cause: Self) -> Self {
        let status = cause.status.as_u16();
        Self {
            root: Some(Box::new(cause)),
            ..Self::new(status, "search_phase_execution_exception", "all shards failed")
        }
    }

    /// A request that is refused before it is looked at, whose error is a text.
    pub(crate) fn not_json(content_type: &str) -> Response {
        let error = format!("Content-Type header [{content_type}] is not supported");
        (StatusCode::NOT_ACCEPTABLE, Json(json!({"error": error, "status": 406}))).into_response()
    }

    pub(crate) fn not_on_serverless(method: &Method, path: &str) -> Self {
        Self::new(
            410,
            "api_not_available_exception",
            format!(
                "Request for uri [{path}] with method [{method}] exists but is not available when running in serverless mode"
            ),
        )
    }

    /// A path that nothing handles; its error is a string.
    pub(crate) fn no_handler(method: &Method, path: &str) -> Response {
        let error = format!("no handler found for uri [{path}] and method [{method}]");
        (StatusCode::BAD_REQUEST, Json(json!({"error": error, "status": 400}))).into_response()
    }

    /// The `error` object.
    pub(crate) fn cause(&self) -> Value {
        let mut cause = json!({"type": self.kind, "reason": self.reason});
        if let (Some(cause), Some(more)) = (cause.as_object_mut(), self.more.as_object()) {
            cause.extend(more.clone());
        }
        cause
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = self.cause();
        let root = self.root.as_ref().map_or_else(|| self.cause(), |root| root.cause());
        error["root_cause"] = json!([root]);
        if self.root.is_some() {
            error["failed_shards"] = json!([{"shard": 0, "reason": root}]);
        }
        (self.status, Json(json!({"error": error, "status": self.status.as_u16()}))).into_response()
    }
}
