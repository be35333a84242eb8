//! Reading by id: list, fetch, stats, and fetch by metadata.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::refusal::Refusal;
use super::{ApiVersion, PageToken, Query, json as answer};
use crate::Endpoint;
use crate::fault::Effect;
use crate::filter::Filter;
use crate::intercept::Effects;
use crate::json::write;
use crate::limits::Limit;
use crate::options::{IndexKind, Metric, MissingNamespace};
use crate::record::{Include, Record};
use crate::shared::{Plane, normalised};

/// The most ids in a fetch.
const MOST_IDS: usize = 1000;

pub(super) async fn list(
    State(plane): State<Plane>,
    Extension(effects): Extension<Effects>,
    version: ApiVersion,
    query: Query,
) -> Result<Response, Refusal> {
    let (_, index) = plane.vectors()?;
    let namespace = normalised(query.get("namespace"));
    plane.admit(index, Limit::Lists, namespace, 1)?;
    let mut limit = query.limit()?;
    let token = match query.get("paginationToken").filter(|token| !token.is_empty()) {
        Some(_) if effects.0.contains(&Effect::ExpiredToken) => {
            return Err(Refusal::invalid("Pagination token has expired"));
        }
        Some(token) => Some(PageToken::read(token, query.get("prefix"))?),
        None => None,
    };
    let prefix = match &token {
        Some(token) => token.prefix.clone(),
        None => query.get("prefix").unwrap_or_default().to_owned(),
    };
    if prefix.len() > 512 || !prefix.is_ascii() {
        return Err(Refusal::invalid("prefix must be ASCII and at most 512 characters"));
    }
    for effect in effects.0.iter() {
        if let Effect::ShortPages { limit: shorter } = effect {
            limit = limit.min(*shorter);
        }
    }
    let after = token.as_ref().map(|token| token.skip_past.as_str());
    let mut ids: Vec<String> = {
        let namespaces = index.settled();
        match namespaces.get(namespace) {
            Some(found) => found.list(&prefix, after).take(limit + 1).map(str::to_owned).collect(),
            None => missing_namespace(&plane).map(|()| Vec::new())?,
        }
    };
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = more.then(|| {
        let skip_past = ids.last().cloned().or_else(|| after.map(str::to_owned)).unwrap_or_default();
        let page = token.as_ref().map_or(1, |token| token.page) + 1;
        PageToken { skip_past, prefix, page }.write()
    });
    let next = match query.get("paginationToken") {
        Some(own) if effects.0.contains(&Effect::RepeatedToken) => Some(own.to_owned()),
        _ => next,
    };
    plane.count(Endpoint::List, ids.len());
    disorder(&mut ids, &effects.0);

    let mut body = Vec::with_capacity(ids.len() * 40 + 256);
    body.extend_from_slice(b"{\"vectors\":[");
    for (position, id) in ids.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"id\":");
        write(&mut body, id);
        body.push(b'}');
    }
    body.push(b']');
    end(&mut body, version, namespace, next.as_deref(), 1);
    Ok(answer(body))
}

fn disorder(ids: &mut Vec<String>, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::OutOfOrder if ids.len() > 1 => {
                let last = ids.len() - 1;
                ids.swap(0, last);
            }
            Effect::DuplicateIds => {
                if let Some(first) = ids.first().cloned() {
                    ids.insert(0, first);
                }
            }
            _ => {}
        }
    }
}

pub(super) async fn fetch(
    State(plane): State<Plane>,
    Extension(effects): Extension<Effects>,
    version: ApiVersion,
    query: Query,
) -> Result<Response, Refusal> {
    let (_, index) = plane.vectors()?;
    let namespace = normalised(query.get("namespace"));
    plane.admit(index, Limit::Fetches, namespace, 1)?;
    let ids: Vec<&str> = query.all("ids").collect();
    if ids.is_empty() {
        return Err(Refusal::invalid("No IDs provided for fetch query"));
    }
    if ids.len() > MOST_IDS {
        return Err(Refusal::invalid(format!(
            "Number of IDs provided ({}) exceeds the maximum of {MOST_IDS}",
            ids.len()
        )));
    }
    let mut records: Vec<(&str, Record)> = {
        let namespaces = index.settled();
        let now = Instant::now();
        match namespaces.get(namespace) {
            Some(found) => {
                ids.iter().filter_map(|id| found.fetch(id, now).map(|record| (*id, record))).collect()
            }
            None => missing_namespace(&plane).map(|()| Vec::new())?,
        }
    };
    records.sort_by_key(|(id, _)| *id);
    records.dedup_by_key(|(id, _)| *id);
    for effect in effects.0.iter() {
        if let Effect::MissingRecords { count } = effect {
            records.truncate(records.len().saturating_sub(*count));
        }
    }
    plane.count(Endpoint::Fetch, records.len());
    let mut body = Vec::with_capacity(records.len() * index.options.dimension * 14 + 256);
    write_records(&mut body, records.iter().map(|(id, record)| (*id, record)));
    end(&mut body, version, namespace, None, records.len().div_ceil(10).max(1));
    Ok(answer(body))
}

/// Appends `{"vectors":{"a":{"id":"a",…},…}`, still open.
fn write_records<'a>(body: &mut Vec<u8>, records: impl Iterator<Item = (&'a str, &'a Record)>) {
    body.extend_from_slice(b"{\"vectors\":{");
    for (position, (id, record)) in records.enumerate() {
        if position > 0 {
            body.push(b',');
        }
        write(body, &id);
        body.extend_from_slice(b":{\"id\":");
        write(body, &id);
        record.write_fields(body, Include::ALL);
        body.push(b'}');
    }
    body.push(b'}');
}

/// Appends pagination, namespace and usage, and closes the answer.
pub(super) fn end(
    body: &mut Vec<u8>,
    version: ApiVersion,
    namespace: &str,
    next: Option<&str>,
    units: usize,
) {
    if let Some(next) = next {
        body.extend_from_slice(b",\"pagination\":{\"next\":");
        write(body, &next);
        body.push(b'}');
    }
    body.extend_from_slice(b",\"namespace\":");
    write(body, &version.spelled(namespace));
    body.extend_from_slice(b",\"usage\":{\"readUnits\":");
    write(body, &units);
    body.extend_from_slice(b"}}");
}

/// What reading a namespace that does not exist gives.
pub(super) fn missing_namespace(plane: &Plane) -> Result<(), Refusal> {
    match plane.shared.options.switches.missing_namespace {
        MissingNamespace::Empty => Ok(()),
        MissingNamespace::NotFound => Err(Refusal::no_namespace()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FetchByMetadata {
    namespace: Option<String>,
    filter: Option<Value>,
    limit: Option<usize>,
    #[serde(alias = "pagination_token")]
    pagination_token: Option<String>,
}

/// The most records of a fetch by metadata.
const MOST_BY_METADATA: usize = 10_000;

pub(super) async fn fetch_by_metadata(
    State(plane): State<Plane>,
    version: ApiVersion,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (_, index) = plane.vectors()?;
    let request: FetchByMetadata = parse(&body)?;
    let namespace = normalised(request.namespace.as_deref());
    plane.admit(index, Limit::FetchesByMetadata, namespace, 1)?;
    let filter = match &request.filter {
        Some(Value::Object(filter)) if !filter.is_empty() => read_filter(request.filter.as_ref())?,
        _ => return Err(Refusal::invalid("Empty filter provided for fetch by metadata request")),
    };
    let limit = match request.limit.unwrap_or(100) {
        limit @ 1..=MOST_BY_METADATA => limit,
        limit => {
            return Err(Refusal::invalid(format!(
                "limit must be between 1 and {MOST_BY_METADATA}, got {limit}"
            )));
        }
    };
    let token = request.pagination_token.as_deref().filter(|token| !token.is_empty());
    let token = token.map(|token| PageToken::read(token, None)).transpose()?;
    let after = token.as_ref().map(|token| token.skip_past.as_str());
    let mut found: Vec<(String, Record)> = {
        let namespaces = index.settled();
        match namespaces.get(namespace) {
            Some(space) => space
                .list("", after)
                .filter_map(|id| space.records.get(id).map(|record| (id, record)))
                .filter(|(_, record)| filter.matches(&record.metadata()))
                .take(limit + 1)
                .map(|(id, record)| (id.to_owned(), record.clone()))
                .collect(),
            None => missing_namespace(&plane).map(|()| Vec::new())?,
        }
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(id, _)| PageToken { skip_past: id.clone(), prefix: String::new(), page: 0 }.write());
    plane.count(Endpoint::FetchByMetadata, found.len());
    let mut body = Vec::new();
    write_records(&mut body, found.iter().map(|(id, record)| (id.as_str(), record)));
    end(&mut body, version, namespace, next.as_deref(), found.len().div_ceil(10).max(1));
    Ok(answer(body))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatsRequest {
    filter: Option<Value>,
}

pub(super) async fn stats(
    State(plane): State<Plane>,
    version: ApiVersion,
    body: Bytes,
) -> Result<Response, Refusal> {
    // This endpoint serves document indexes as well.
    let (_, index) = plane.data()?;
    plane.admit(index, Limit::Stats, "", 1)?;
    let request: StatsRequest = if body.is_empty() { StatsRequest::default() } else { parse(&body)? };
    if request.filter.and_then(|filter| filter.as_object().map(|filter| !filter.is_empty())) == Some(true) {
        return Err(Refusal::invalid(
            "Serverless and Starter indexes do not support describing index stats with metadata filtering",
        ));
    }
    let counts: Vec<(String, usize)> = index
        .settled()
        .iter()
        .filter(|(_, namespace)| !namespace.records.is_empty())
        .map(|(name, namespace)| (version.spelled(name).to_owned(), namespace.records.len()))
        .collect();
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let namespaces: serde_json::Map<String, Value> =
        counts.into_iter().map(|(name, count)| (name, serde_json::json!({"vectorCount": count}))).collect();
    let mut stats = serde_json::json!({
        "namespaces": namespaces,
        "indexFullness": 0,
        "totalVectorCount": total,
        "metric": match index.options.metric {
            Metric::Cosine => "cosine",
            Metric::Dotproduct => "dotproduct",
            Metric::Euclidean => "euclidean",
        },
        "vectorType": if index.options.kind == IndexKind::Sparse { "sparse" } else { "dense" },
    });
    if index.options.kind != IndexKind::Sparse {
        stats["dimension"] = index.options.dimension.into();
    }
    plane.count(Endpoint::Stats, 1);
    Ok(answer(stats.to_string().into_bytes()))
}

/// Reads a request; unknown fields are refused, so that a misspelled one does not go unnoticed.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))
}

/// Reads a filter; an absent one matches everything.
pub(super) fn read_filter(filter: Option<&Value>) -> Result<Filter, Refusal> {
    filter.map_or(Ok(Filter::All(Vec::new())), Filter::read).map_err(Refusal::invalid)
}
