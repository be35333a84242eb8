//! Who calls, and what they may do.

use axum::response::Response;
use http::HeaderMap;

use super::Engine;

/// Refuses a call without a key or with a wrong one.
pub(crate) fn refuse(_: &Engine, _: &HeaderMap) -> Option<Response> {
    None
}
