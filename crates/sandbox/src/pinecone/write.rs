//! Writing: upsert, update, and the delete that a mirror must never call.

use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::read::{parse, read_filter};
use super::refusal::Refusal;
use super::upsert::{check_metadata, check_size, check_sparse, check_values, record};
use super::{UPSERT_BYTES, json as answer};
use crate::Endpoint;
use crate::fault::Effect;
use crate::intercept::Effects;
use crate::json::read_values;
use crate::limits::Limit;
use crate::namespace::Delays;
use crate::options::Oversize;
use crate::record::{Record, Sparse};
use crate::shared::{Plane, normalised};

/// The most records in an upsert.
const MOST_RECORDS: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upsert<'a> {
    #[serde(borrow, default)]
    vectors: Vec<Vector<'a>>,
    namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector<'a> {
    id: String,
    /// Left in print: the numbers are read once, straight into f32.
    #[serde(borrow, default)]
    values: Option<&'a RawValue>,
    #[serde(alias = "sparse_values")]
    sparse_values: Option<Sparse>,
    metadata: Option<Map<String, Value>>,
}

pub(super) async fn upsert(
    State(plane): State<Plane>,
    Extension(effects): Extension<Effects>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (_, index) = plane.vectors()?;
    let options = &plane.shared.options;
    if body.len() > UPSERT_BYTES {
        let status = match options.switches.oversize {
            Oversize::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Oversize::OutOfRange => StatusCode::BAD_REQUEST,
        };
        return Err(Refusal::too_large(status, body.len(), UPSERT_BYTES));
    }
    let mut delays = Delays::of(options);
    for effect in effects.0.iter() {
        match effect {
            Effect::PoisonRecord { marker } if String::from_utf8_lossy(&body).contains(marker) => {
                return Err(Refusal::invalid(
                    "Metadata value must be a string, number, boolean or list of strings, got '{\"poison\":10.0}' for field 'poison'",
                ));
            }
            Effect::VisibilityDelay { ms, fetch_ms } => {
                delays =
                    Delays { visible: Duration::from_millis(*ms), fetch: Duration::from_millis(*fetch_ms) };
            }
            _ => {}
        }
    }
    let request: Upsert<'_> = parse(&body)?;
    let namespace = normalised(request.namespace.as_deref()).to_owned();
    check_namespace(&namespace)?;
    plane.admit(index, Limit::Upserts, &namespace, 1)?;
    plane.admit(index, Limit::UpsertBytes, &namespace, body.len())?;
    let count = request.vectors.len();
    if count == 0 {
        return Err(Refusal::invalid("No vectors provided for upsert"));
    }
    if count > MOST_RECORDS {
        return Err(Refusal::invalid(format!(
            "Number of vectors {count} exceeds the maximum of {MOST_RECORDS} per upsert"
        )));
    }
    // All records are checked before the first is written: one bad record refuses the whole request.
    let mut records = Vec::with_capacity(count);
    for vector in request.vectors {
        let values = values_of(vector.values)?.unwrap_or_default();
        let metadata = vector.metadata.unwrap_or_default();
        let null = options.switches.null_metadata;
        let record = record(&index.options, &vector.id, values, vector.sparse_values, metadata, null)
            .map_err(Refusal::invalid)?;
        records.push((vector.id.into_boxed_str(), Some(record)));
    }
    let lsn = index.namespaces().entry(namespace).or_default().write(Instant::now(), delays, records);
    plane.count(Endpoint::Upsert, count);
    plane.shared.touch();
    Ok(with_lsn(format!("{{\"upsertedCount\":{count}}}"), lsn))
}

fn values_of(values: Option<&RawValue>) -> Result<Option<Box<[f32]>>, Refusal> {
    let read = |values: &RawValue| {
        read_values(values.get())
            .ok_or_else(|| Refusal::invalid("values: expected a list of 32-bit floating-point numbers"))
    };
    values.map(read).transpose()
}

fn check_namespace(namespace: &str) -> Result<(), Refusal> {
    if namespace.len() > 512 || !namespace.is_ascii() || namespace.contains('\0') {
        return Err(Refusal::invalid("namespace must be ASCII, without NUL, at most 512 characters"));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update<'a> {
    id: Option<String>,
    namespace: Option<String>,
    #[serde(borrow, default)]
    values: Option<&'a RawValue>,
    #[serde(alias = "sparse_values")]
    sparse_values: Option<Sparse>,
    #[serde(alias = "set_metadata")]
    set_metadata: Option<Map<String, Value>>,
    filter: Option<Value>,
    #[serde(default, alias = "dry_run")]
    dry_run: bool,
}

pub(super) async fn update(State(plane): State<Plane>, body: Bytes) -> Result<Response, Refusal> {
    let (_, index) = plane.vectors()?;
    let mut request: Update<'_> = parse(&body)?;
    let namespace = normalised(request.namespace.as_deref()).to_owned();
    check_namespace(&namespace)?;
    let values = values_of(request.values)?;
    let sparse = request.sparse_values.take();
    if let Some(sparse) = &sparse {
        check_sparse(sparse).map_err(Refusal::invalid)?;
    }
    let null = plane.shared.options.switches.null_metadata;
    let metadata =
        check_metadata(request.set_metadata.take().unwrap_or_default(), null).map_err(Refusal::invalid)?;
    let change = |record: &Record| -> Result<Record, Refusal> {
        let mut merged = record.metadata().into_owned();
        merged.extend(metadata.clone());
        check_size(&merged).map_err(Refusal::invalid)?;
        let values = values.clone().unwrap_or_else(|| record.values().into());
        Ok(Record::stored(values, sparse.clone().or_else(|| record.sparse().cloned()), merged))
    };
    let (now, delays) = (Instant::now(), Delays::of(&plane.shared.options));
    let (matched, lsn, by_filter) = match (&request.id, &request.filter) {
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid("Cannot provide both ID and filter at the same time."));
        }
        (None, None) => return Err(Refusal::invalid("Either 'id' or 'filter' must be provided.")),
        (Some(id), None) => {
            plane.admit(index, Limit::Updates, &namespace, 1)?;
            if let Some(values) = &values {
                check_values(&index.options, id, values, sparse.is_some()).map_err(Refusal::invalid)?;
            }
            let mut namespaces = index.namespaces();
            let space = namespaces.entry(namespace).or_default();
            // An id that does not exist is no error, and has no effect.
            let changed = space.newest(id).map(|record| change(&record)).transpose()?;
            let changed: Vec<_> =
                changed.into_iter().map(|record| (id.as_str().into(), Some(record))).collect();
            (changed.len(), space.write(now, delays, changed), false)
        }
        (None, Some(filter)) => {
            plane.admit(index, Limit::UpdatesByMetadata, &namespace, 1)?;
            if values.is_some() || sparse.is_some() {
                return Err(Refusal::invalid(
                    "Update by metadata request does not support updating vector values.",
                ));
            }
            if filter.as_object().is_none_or(Map::is_empty) {
                return Err(Refusal::invalid("Update with empty metadata filter is not allowed"));
            }
            let filter = read_filter(Some(filter))?;
            let mut namespaces = index.settled();
            let space = namespaces.entry(namespace).or_default();
            let mut changed = Vec::new();
            for (id, record) in &space.records {
                if filter.matches(&record.metadata()) {
                    changed.push((id.clone(), Some(change(record)?)));
                }
            }
            let matched = changed.len();
            let lsn = if request.dry_run { space.lsn } else { space.write(now, delays, changed) };
            (matched, lsn, true)
        }
    };
    plane.count(Endpoint::Update, matched);
    plane.shared.touch();
    Ok(with_lsn(if by_filter { format!("{{\"matchedRecords\":{matched}}}") } else { "{}".to_owned() }, lsn))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Delete {
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default, alias = "delete_all")]
    delete_all: bool,
    namespace: Option<String>,
    filter: Option<Value>,
}

pub(super) async fn delete(State(plane): State<Plane>, body: Bytes) -> Result<Response, Refusal> {
    let (_, index) = plane.vectors()?;
    let request: Delete = parse(&body)?;
    let namespace = normalised(request.namespace.as_deref());
    plane.admit(index, Limit::Deletes, namespace, 1)?;
    if request.ids.len() > MOST_RECORDS {
        return Err(Refusal::invalid(format!("Cannot delete more than {MOST_RECORDS} ids at once")));
    }
    let filter = read_filter(request.filter.as_ref())?;
    let mut namespaces = index.settled();
    let space = namespaces.get_mut(namespace).ok_or_else(Refusal::no_namespace)?;
    // As the service does it: a filter wins over ids.
    let doomed: Vec<Box<str>> = match (request.delete_all, &request.filter) {
        (true, _) => space.records.keys().cloned().collect(),
        (false, Some(_)) => space
            .records
            .iter()
            .filter(|(_, record)| filter.matches(&record.metadata()))
            .map(|(id, _)| id.clone())
            .collect(),
        (false, None) if request.ids.is_empty() => {
            return Err(Refusal::invalid("One of 'ids', 'deleteAll' or 'filter' must be provided."));
        }
        (false, None) => request.ids.into_iter().map(String::into_boxed_str).collect(),
    };
    let count = doomed.len();
    let lsn = space.write(
        Instant::now(),
        Delays::of(&plane.shared.options),
        doomed.into_iter().map(|id| (id, None)),
    );
    plane.count(Endpoint::Delete, count);
    plane.shared.touch();
    Ok(with_lsn("{}".to_owned(), lsn))
}

fn with_lsn(body: String, lsn: u64) -> Response {
    let mut response = answer(body.into_bytes());
    response.headers_mut().insert("x-pinecone-request-lsn", HeaderValue::from(lsn));
    response
}
