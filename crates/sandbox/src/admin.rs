//! The control API of the sandbox itself, `/sandbox/*` on the main port.

use axum::extract::{Query, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;
use crate::fault::Fault;
use crate::load::read_jsonl;
use crate::shared::Plane;
use crate::state::{NewRecord, Page, Patch, State};
use crate::synthetic::Generate;

/// The routes.
pub(crate) fn routes() -> Router<Plane> {
    Router::new()
        .route("/sandbox/state", get(async |Extract(plane): Extract<Plane>| Json(state(plane).overview())))
        .route("/sandbox/requests", get(async |Extract(plane): Extract<Plane>| Json(state(plane).requests())))
        .route("/sandbox/counters", delete(clear_counters))
        .route("/sandbox/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/sandbox/records", get(records).put(put).patch(patch).delete(remove))
        .route("/sandbox/load", post(load))
        .route("/sandbox/generate", post(generate))
        .route("/sandbox/reset", post(reset))
}

fn state(plane: Plane) -> State {
    State(plane.shared)
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = match self {
            Self::UnknownIndex { .. } => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

async fn clear_counters(Extract(plane): Extract<Plane>) -> Json<Value> {
    state(plane).clear_counters();
    Json(json!({}))
}

async fn faults(Extract(plane): Extract<Plane>) -> Json<Value> {
    let faults = state(plane).faults();
    let faults: Vec<Value> =
        faults.into_iter().map(|(fault, calls)| json!({"fault": fault, "calls": calls})).collect();
    Json(json!({"faults": faults}))
}

/// One fault or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Box<Fault>),
    More(Vec<Fault>),
}

async fn add_faults(Extract(plane): Extract<Plane>, Json(faults): Json<OneOrMore>) -> Json<Value> {
    let state = state(plane);
    match faults {
        OneOrMore::One(fault) => state.add_fault(*fault),
        OneOrMore::More(faults) => faults.into_iter().for_each(|fault| state.add_fault(fault)),
    }
    Json(json!({"faults": state.faults().len()}))
}

async fn clear_faults(Extract(plane): Extract<Plane>) -> Json<Value> {
    state(plane).clear_faults();
    Json(json!({}))
}

#[derive(Deserialize)]
struct Place {
    index: String,
    #[serde(default)]
    namespace: String,
}

async fn records(
    Extract(plane): Extract<Plane>,
    Query(place): Query<Place>,
    Query(Paged { offset, limit, values }): Query<Paged>,
) -> Result<Json<Value>, Error> {
    let page = Page { offset, limit, values };
    Ok(Json(json!({"records": state(plane).records(&place.index, &place.namespace, page)?})))
}

/// [`Page`], in a query that has other keys as well.
#[derive(Deserialize)]
#[serde(default)]
struct Paged {
    offset: usize,
    limit: usize,
    values: bool,
}

impl Default for Paged {
    fn default() -> Self {
        let Page { offset, limit, values } = Page::default();
        Self { offset, limit, values }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<T> {
    index: String,
    #[serde(default)]
    namespace: String,
    records: Vec<T>,
}

async fn put(
    Extract(plane): Extract<Plane>,
    Json(batch): Json<Batch<NewRecord>>,
) -> Result<Json<Value>, Error> {
    let count = state(plane).put(&batch.index, &batch.namespace, batch.records)?;
    Ok(Json(json!({"records": count})))
}

async fn patch(
    Extract(plane): Extract<Plane>,
    Json(batch): Json<Batch<Patch>>,
) -> Result<Json<Value>, Error> {
    let count = state(plane).patch(&batch.index, &batch.namespace, batch.records)?;
    Ok(Json(json!({"records": count})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Removal {
    index: String,
    #[serde(default)]
    namespace: String,
    ids: Vec<String>,
}

async fn remove(Extract(plane): Extract<Plane>, Json(removal): Json<Removal>) -> Result<Json<Value>, Error> {
    let count = state(plane).remove(&removal.index, &removal.namespace, removal.ids)?;
    Ok(Json(json!({"records": count})))
}

async fn load(
    Extract(plane): Extract<Plane>,
    Query(place): Query<Place>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Error> {
    let count = read_jsonl(&state(plane), &place.index, &place.namespace, &body)?;
    Ok(Json(json!({"records": count})))
}

#[derive(Deserialize)]
struct Generation {
    index: String,
    #[serde(default)]
    namespace: String,
    #[serde(flatten)]
    what: Value,
}

async fn generate(
    Extract(plane): Extract<Plane>,
    Json(request): Json<Generation>,
) -> Result<Json<Value>, Error> {
    // Read in two steps, because serde cannot refuse unknown fields of a flattened structure.
    let what: Generate = serde_json::from_value(request.what)
        .map_err(|error| Error::Record { record: "generate".to_owned(), message: error.to_string() })?;
    let count = state(plane).generate(&request.index, &request.namespace, what)?;
    Ok(Json(json!({"records": count})))
}

async fn reset(Extract(plane): Extract<Plane>) -> Result<Json<Value>, Error> {
    state(plane).reset()?;
    Ok(Json(json!({})))
}
