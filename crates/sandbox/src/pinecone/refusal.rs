//! Errors, in the shape of the plane that answers them.

use std::time::Duration;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

/// An error.
pub(crate) struct Refusal {
    status: StatusCode,
    content_type: &'static str,
    body: String,
    retry_after: Option<u64>,
}

const JSON: &str = "application/json";

impl Refusal {
    /// 400 of a data plane, google.rpc code 3.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::data(StatusCode::BAD_REQUEST, 3, &message.into())
    }

    /// 404 of a data plane, google.rpc code 5.
    pub(crate) fn no_namespace() -> Self {
        Self::data(StatusCode::NOT_FOUND, 5, "Namespace not found")
    }

    /// A google.rpc.Status.
    pub(crate) fn data(status: StatusCode, code: u8, message: &str) -> Self {
        Self::json(status, &json!({"code": code, "message": message, "details": []}))
    }

    /// A body of so many bytes where so many are the most.
    pub(crate) fn too_large(status: StatusCode, found: usize, most: usize) -> Self {
        let message =
            format!("Error, message length too large: found {found} bytes, the limit is: {most} bytes");
        Self::data(status, if status == StatusCode::BAD_REQUEST { 11 } else { 3 }, &message)
    }

    /// A google.rpc.Status with the usual code of an HTTP status.
    pub(crate) fn data_with_status(status: StatusCode, message: &str) -> Self {
        let code = match status.as_u16() {
            400 | 413 => 3,
            401 => 16,
            403 => 7,
            404 => 5,
            409 => 6,
            429 => 8,
            501 => 12,
            503 => 14,
            504 => 4,
            _ => 13,
        };
        Self::data(status, code, message)
    }

    /// An error of the control plane or of the document operations.
    pub(crate) fn control(status: StatusCode, message: &str) -> Self {
        let code = match status.as_u16() {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            402 => "PAYMENT_REQUIRED",
            403 => "FORBIDDEN",
            404 => "NOT_FOUND",
            409 => "ALREADY_EXISTS",
            422 => "UNPROCESSABLE_ENTITY",
            429 => "RESOURCE_EXHAUSTED",
            _ => "UNKNOWN",
        };
        Self::json(status, &json!({"error": {"code": code, "message": message}, "status": status.as_u16()}))
    }

    /// `text/plain`, as the layer in front of the services answers.
    pub(crate) fn text(status: StatusCode, message: String) -> Self {
        Self { status, content_type: "text/plain", body: message, retry_after: None }
    }

    /// The same with `Retry-After`, in whole seconds, rounded up.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait.as_secs() + 1), ..self }
    }

    fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self { status, content_type: JSON, body: body.to_string(), retry_after: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response =
            (self.status, [(header::CONTENT_TYPE, self.content_type)], self.body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Document operations, which no index of the sandbox serves.
pub(super) async fn documents(Path((namespace, operation)): Path<(String, String)>) -> Refusal {
    let message = format!(
        "documents/{operation} in namespace {namespace} is not supported for this index: it is served by the Vectors API; use /vectors/* instead"
    );
    Refusal::control(StatusCode::BAD_REQUEST, &message)
}

/// Any other path of a data plane.
pub(super) async fn not_found() -> Refusal {
    Refusal::data_with_status(StatusCode::NOT_FOUND, "Not Found")
}
