//! The Gemini embedding API, under `/v1` and `/v1beta`.

mod quota;
mod request;
mod respond;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderMap, StatusCode};
use serde_json::json;

pub(crate) use quota::{Quota, exhausted};
pub(crate) use respond::{error, error_in_array};

use crate::intercept::Effects;
use crate::shared::{Plane, Shared};
use request::Job;
pub(crate) use request::Model;

/// The routes of both versions.
pub(crate) fn routes() -> Router<Plane> {
    let version =
        || Router::new().route("/models", get(list)).route("/models/{call}", get(describe).post(call));
    Router::new().nest("/v1", version()).nest("/v1beta", version())
}

/// Refuses a call without a key or with another than the sandbox's.
pub(crate) fn check_key(shared: &Shared, headers: &HeaderMap, query: Option<&str>) -> Option<Response> {
    let in_query = || {
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(name, _)| name == "key")
            .map(|(_, key)| key.into_owned())
    };
    let in_header =
        headers.get("x-goog-api-key").map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    let Some(key) = in_header.filter(|key| !key.is_empty()).or_else(in_query) else {
        return Some(error(
            StatusCode::FORBIDDEN,
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
            Vec::new(),
        ));
    };
    if shared.options.api_key.as_ref().is_none_or(|expected| *expected == key) {
        return None;
    }
    Some(invalid_key())
}

/// The answer to a wrong key: a 400.
pub(crate) fn invalid_key() -> Response {
    let details = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    });
    error(StatusCode::BAD_REQUEST, "API key not valid. Please pass a valid API key.", vec![details])
}

async fn list() -> Response {
    respond::json(StatusCode::OK, &json!({"models": Model::ALL.map(respond::model)}))
}

async fn describe(Path(name): Path<String>) -> Response {
    match Model::find(&name) {
        Some(model) => respond::json(StatusCode::OK, &respond::model(model)),
        None => respond::no_such_model(&name),
    }
}

async fn call(
    State(plane): State<Plane>,
    Extension(effects): Extension<Effects>,
    Path(call): Path<String>,
    body: Bytes,
) -> Response {
    let Some((name, method)) = call.rsplit_once(':') else {
        return respond::no_such_method();
    };
    let Some(model) = Model::find(name) else {
        return respond::no_such_model(name);
    };
    let shared = &plane.shared;
    let answer = match method {
        "embedContent" => request::read_one(model, &body)
            .and_then(|job| respond::embed(shared, model, &[job], &effects.0, respond::Shape::One)),
        "batchEmbedContents" => request::read_batch(model, &body).and_then(|jobs: Vec<Job>| {
            respond::embed(shared, model, &jobs, &effects.0, respond::Shape::Many)
        }),
        "countTokens" => request::count_tokens(&body)
            .map(|total| respond::json(StatusCode::OK, &json!({"totalTokens": total}))),
        _ => return respond::no_such_method(),
    };
    answer.unwrap_or_else(|refusal| *refusal)
}
