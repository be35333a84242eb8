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
        let namespaces = index.settled();
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
                filter.is_empty() || filter.matches(&record.metadata())
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
    let products = Products::of(wanted);
    let mut scored: Vec<(f32, &str, &Record)> =
        records.map(|(id, record)| (score(&products, record, metric), id.as_ref(), record)).collect();
    let order = |(one, ..): &(f32, &str, &Record), (other, ..): &(f32, &str, &Record)| match metric {
        Metric::Euclidean => one.total_cmp(other),
        Metric::Cosine | Metric::Dotproduct => other.total_cmp(one),
    };
    scored.sort_by(order);
    scored.truncate(count);
    scored
}

/// A query, prepared for many products with it.
struct Products<'a> {
    wanted: &'a Wanted,
    square: f32,
    /// The places and values that are not zero, when they are few: clients that only poll send one.
    few: Option<Vec<(usize, f32)>>,
}

impl<'a> Products<'a> {
    fn of(wanted: &'a Wanted) -> Self {
        let filled: Vec<(usize, f32)> =
            wanted.values.iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect();
        let square = dot(&wanted.values, &wanted.values);
        Self { wanted, square, few: (filled.len() < wanted.values.len() / 16).then_some(filled) }
    }

    fn with(&self, values: &[f32]) -> f32 {
        match &self.few {
            Some(few) => {
                few.iter().filter_map(|(place, value)| values.get(*place).map(|other| other * value)).sum()
            }
            None => dot(&self.wanted.values, values),
        }
    }
}

fn score(products: &Products<'_>, record: &Record, metric: Metric) -> f32 {
    let product = products.with(&record.values());
    let dense = match metric {
        Metric::Dotproduct => product,
        Metric::Cosine => {
            let lengths = (record.square() * products.square).sqrt();
            if lengths > 0.0 { product / lengths } else { 0.0 }
        }
        Metric::Euclidean => (record.square() + products.square - 2.0 * product).max(0.0),
    };
    match (&products.wanted.sparse, record.sparse()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Metadata;

    fn ids(metric: Metric, wanted: &[f32], sparse: Option<Sparse>) -> Vec<String> {
        let mut space = Namespace::default();
        let wide = |values: [f32; 2]| values.into_iter().chain([0.0; 30]).collect::<Box<[f32]>>();
        for (id, values, weight) in
            [("long", [3.0, 4.0], 1.0), ("near", [1.0, 0.1], 2.0), ("opposite", [-1.0, 0.0], 100.0)]
        {
            let sparse = Some(Sparse { indices: vec![5], values: vec![weight] });
            space.records.insert(id.into(), Record::stored(wide(values), sparse, Metadata::new()));
        }
        let wanted = Wanted { values: wanted.iter().copied().chain([0.0; 30]).collect(), sparse };
        nearest(&space, &wanted, metric, 3, |_| true).iter().map(|(_, id, _)| (*id).to_owned()).collect()
    }

    #[test]
    fn each_metric_ranks_in_its_own_way() {
        assert_eq!(ids(Metric::Cosine, &[1.0, 0.0], None), ["near", "long", "opposite"]);
        assert_eq!(ids(Metric::Dotproduct, &[1.0, 0.0], None), ["long", "near", "opposite"]);
        assert_eq!(ids(Metric::Euclidean, &[1.0, 0.0], None), ["near", "opposite", "long"]);
        let sparse = Some(Sparse { indices: vec![9, 5], values: vec![7.0, 1.0] });
        assert_eq!(ids(Metric::Dotproduct, &[1.0, 0.0], sparse), ["opposite", "long", "near"]);
    }

    #[test]
    fn few_and_many_places_give_the_same_product() {
        let values: Vec<f32> = (0..40_u8).map(f32::from).collect();
        let few = Wanted { values: (0..40_u8).map(|n| f32::from(n / 39)).collect(), sparse: None };
        assert!(Products::of(&few).few.is_some());
        assert_eq!(Products::of(&few).with(&values), dot(&few.values, &values));
    }
}
