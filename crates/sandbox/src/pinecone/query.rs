//! Search: exact, over all records that the filter lets through.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use serde::Deserialize;
use serde_json::Value;

use super::read::{end, missing_namespace, parse, read_filter};
use super::refusal::Refusal;
use super::upsert::{check_dimension, check_sparse};
use super::{ApiVersion, json as answer};
use crate::Endpoint;
use crate::json::write;
use crate::limits::Limit;
use crate::namespace::Namespace;
use crate::options::{IndexKind, Metric};
use crate::record::{Include, Record, Sparse};
use crate::shared::{Plane, normalised};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryRequest {
    #[serde(alias = "top_k")]
    top_k: usize,
    namespace: Option<String>,
    id: Option<String>,
    vector: Option<Vec<f32>>,
    #[serde(alias = "sparse_vector")]
    sparse_vector: Option<Sparse>,
    filter: Option<Value>,
    #[serde(default, alias = "include_values")]
    include_values: bool,
    #[serde(default, alias = "include_metadata")]
    include_metadata: bool,
}

/// What is searched for.
struct Wanted {
    values: Vec<f32>,
    sparse: Option<Sparse>,
}

pub(super) async fn query(
    State(plane): State<Plane>,
    version: ApiVersion,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (_, index) = plane.vectors()?;
    let request: QueryRequest = parse(&body)?;
    let namespace = normalised(request.namespace.as_deref()).to_owned();
    plane.admit(index, Limit::Queries, &namespace, 1)?;
    if !(1..=10_000).contains(&request.top_k) {
        return Err(Refusal::invalid(format!("topK must be between 1 and 10000, got {}", request.top_k)));
    }
    let filter = read_filter(request.filter.as_ref())?;
    let vector = request.vector.filter(|vector| !vector.is_empty());
    if request.id.is_some() && (vector.is_some() || request.sparse_vector.is_some()) {
        return Err(Refusal::invalid("Cannot provide both ID and vector at the same time."));
    }
    if let Some(vector) = &vector {
        check_dimension(&index.options, vector.len()).map_err(Refusal::invalid)?;
    }
    if let Some(sparse) = &request.sparse_vector {
        check_sparse(sparse).map_err(Refusal::invalid)?;
        if index.options.kind == IndexKind::Vector && index.options.metric != Metric::Dotproduct {
            return Err(Refusal::invalid(
                "Index configuration does not support sparse values - only indexes with the dotproduct metric do",
            ));
        }
    }
    let include = Include { values: request.include_values, metadata: request.include_metadata };

    let mut body = Vec::new();
    let indexed;
    let found;
    {
        let namespaces = index.settled(&plane.shared.options);
        let empty = Namespace::default();
        let space = match namespaces.get(&namespace) {
            Some(space) => space,
            None => missing_namespace(&plane).map(|()| &empty)?,
        };
        let wanted = match (request.id, vector, request.sparse_vector) {
            (Some(id), ..) => space.records.get(id.as_str()).map(|record| Wanted {
                values: record.values().into_owned(),
                sparse: record.sparse().cloned(),
            }),
            (None, None, None) => {
                return Err(Refusal::invalid("Either 'vector' or 'ID' must be provided."));
            }
            (None, vector, sparse) => Some(Wanted { values: vector.unwrap_or_default(), sparse }),
        };
        let scored = wanted.map_or_else(Vec::new, |wanted| {
            nearest(space, &wanted, index.options.metric, request.top_k, |record| {
                filter.matches(&record.metadata())
            })
        });
        indexed = space.indexed;
        found = scored.len();
        write_matches(&mut body, &scored, include);
    }
    plane.count(Endpoint::Query, found);
    end(&mut body, version, &namespace, None, 5);
    let mut response = answer(body);
    response.headers_mut().insert("x-pinecone-max-indexed-lsn", HeaderValue::from(indexed));
    Ok(response)
}

fn write_matches(body: &mut Vec<u8>, scored: &[(f32, &str, &Record)], include: Include) {
    body.extend_from_slice(b"{\"matches\":[");
    for (position, (score, id, record)) in scored.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"id\":");
        write(body, id);
        body.extend_from_slice(b",\"score\":");
        write(body, score);
        record.write_fields(body, include);
        body.push(b'}');
    }
    body.push(b']');
}

/// The nearest records, nearest first; equal scores in the order of ids.
fn nearest<'a>(
    space: &'a Namespace,
    wanted: &Wanted,
    metric: Metric,
    count: usize,
    allowed: impl Fn(&Record) -> bool,
) -> Vec<(f32, &'a str, &'a Record)> {
    let records = space.records.iter().filter(|(_, record)| allowed(record));
    // Clients poll with a zero vector to see what is indexed; everything is equally far from it.
    if metric != Metric::Euclidean
        && wanted.sparse.is_none()
        && wanted.values.iter().all(|value| *value == 0.0)
    {
        return records.take(count).map(|(id, record)| (0.0, id.as_ref(), record)).collect();
    }
    let mut scored: Vec<(f32, &str, &Record)> =
        records.map(|(id, record)| (score(wanted, record, metric), id.as_ref(), record)).collect();
    scored.sort_by(|(one, ..), (other, ..)| match metric {
        Metric::Euclidean => one.total_cmp(other),
        Metric::Cosine | Metric::Dotproduct => other.total_cmp(one),
    });
    scored.truncate(count);
    scored
}

fn score(wanted: &Wanted, record: &Record, metric: Metric) -> f32 {
    let values = record.values();
    let dense = match metric {
        Metric::Dotproduct => dot(&wanted.values, &values),
        Metric::Cosine => {
            let lengths = (dot(&values, &values) * dot(&wanted.values, &wanted.values)).sqrt();
            if lengths > 0.0 { dot(&wanted.values, &values) / lengths } else { 0.0 }
        }
        Metric::Euclidean => {
            wanted.values.iter().zip(values.iter()).map(|(one, other)| (one - other) * (one - other)).sum()
        }
    };
    match (&wanted.sparse, record.sparse()) {
        (Some(wanted), Some(sparse)) => dense + sparse_dot(wanted, sparse),
        _ => dense,
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    // Eight sums at once, which the compiler turns into vector instructions.
    let mut sums = [0.0_f32; 8];
    let (ones, others) = (one.chunks_exact(8), other.chunks_exact(8));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(one, other)| one * other).sum();
    for (one, other) in ones.zip(others) {
        for (sum, (one, other)) in sums.iter_mut().zip(one.iter().zip(other)) {
            *sum += one * other;
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn sparse_dot(one: &Sparse, other: &Sparse) -> f32 {
    let at = |index: &u32| other.indices.iter().position(|other| other == index);
    one.indices
        .iter()
        .zip(&one.values)
        .filter_map(|(index, value)| at(index).and_then(|at| other.values.get(at)).map(|other| value * other))
        .sum()
}
