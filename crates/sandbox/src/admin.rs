//! The control API of the sandbox itself, `/sandbox/*` on the main port.

use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
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

/// A body of JSON, whatever its content type says: `curl -d` does not say so.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response()
        })?;
        Ok(Self(value))
    }
}

/// Reads JSON in a second step, so that the message names the field that is wrong.
pub(crate) fn read<T: DeserializeOwned>(json: Value, what: &str) -> Result<T, Error> {
    serde_json::from_value(json)
        .map_err(|error| Error::Record { record: what.to_owned(), message: error.to_string() })
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

/// Takes one fault or a list of them as JSON, or one in a line in the short form.
async fn add_faults(Extract(plane): Extract<Plane>, body: String) -> Result<Json<Value>, Error> {
    let faults = match serde_json::from_str(&body) {
        Ok(Value::Array(faults)) => faults.into_iter().map(fault).collect::<Result<Vec<_>, _>>()?,
        Ok(json) => vec![fault(json)?],
        Err(_) => body.lines().map(str::parse).collect::<Result<Vec<Fault>, _>>()?,
    };
    plane.shared.check_faults(&faults)?;
    let state = state(plane);
    faults.into_iter().for_each(|fault| state.add_fault(fault));
    Ok(Json(json!({"faults": state.faults().len()})))
}

/// A fault as JSON, or as a string in the short form.
fn fault(json: Value) -> Result<Fault, Error> {
    match json {
        Value::String(text) => text.parse(),
        json => read(json, "fault"),
    }
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
    Body(batch): Body<Batch<NewRecord>>,
) -> Result<Json<Value>, Error> {
    let count = state(plane).put(&batch.index, &batch.namespace, batch.records)?;
    Ok(Json(json!({"records": count})))
}

async fn patch(
    Extract(plane): Extract<Plane>,
    Body(batch): Body<Batch<Patch>>,
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

async fn remove(Extract(plane): Extract<Plane>, Body(removal): Body<Removal>) -> Result<Json<Value>, Error> {
    let count = state(plane).remove(&removal.index, &removal.namespace, removal.ids)?;
    Ok(Json(json!({"records": count})))
}

async fn load(
    Extract(plane): Extract<Plane>,
    Query(place): Query<Place>,
    body: Bytes,
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
    Body(request): Body<Generation>,
) -> Result<Json<Value>, Error> {
    // Unknown fields of a flattened structure are noticed only in a second step.
    let what: Generate = read(request.what, "generate")?;
    let count = state(plane).generate(&request.index, &request.namespace, what)?;
    Ok(Json(json!({"records": count})))
}

async fn reset(Extract(plane): Extract<Plane>) -> Result<Json<Value>, Error> {
    state(plane).reset()?;
    Ok(Json(json!({})))
}
