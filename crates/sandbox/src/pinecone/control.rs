//! The control plane, as far as it only reads.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{ApiVersion, json as answer};
use crate::options::{IndexKind, Metric};
use crate::shared::{Index, Plane};

pub(super) async fn list(State(plane): State<Plane>, version: ApiVersion) -> Response {
    let indexes: Vec<Value> =
        plane.shared.indexes.iter().map(|index| describe_index(index, version)).collect();
    answer(json!({"indexes": indexes}).to_string().into_bytes())
}

pub(super) async fn describe(
    State(plane): State<Plane>,
    version: ApiVersion,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let index = plane.shared.indexes.iter().find(|index| index.options.name == name);
    let index =
        index.ok_or_else(|| Refusal::control(StatusCode::NOT_FOUND, &format!("Index {name} not found.")))?;
    Ok(answer(describe_index(index, version).to_string().into_bytes()))
}

/// Indexes are made by `sandbox::Options` alone.
pub(super) async fn forbidden() -> Refusal {
    Refusal::control(StatusCode::FORBIDDEN, "The sandbox neither creates, configures nor deletes indexes.")
}

fn describe_index(index: &Index, version: ApiVersion) -> Value {
    let options = &index.options;
    let status = if options.ready {
        json!({"ready": true, "state": "Ready"})
    } else {
        json!({"ready": false, "state": "Initializing"})
    };
    let capacity = json!({"mode": "OnDemand", "status": {"state": "Ready"}});
    let metric = match options.metric {
        Metric::Cosine => "cosine",
        Metric::Dotproduct => "dotproduct",
        Metric::Euclidean => "euclidean",
    };
    let mut description = json!({
        "name": options.name,
        "host": index.host(),
        "status": status,
        "deletion_protection": "disabled",
        "tags": null,
    });
    match version {
        ApiVersion::Flat => {
            let serverless = json!({"cloud": "aws", "region": "us-west-2", "read_capacity": capacity});
            description["metric"] = metric.into();
            description["spec"] = json!({"serverless": serverless});
            description["vector_type"] =
                if options.kind == IndexKind::Sparse { "sparse" } else { "dense" }.into();
            if options.kind != IndexKind::Sparse {
                description["dimension"] = options.dimension.into();
            }
        }
        ApiVersion::Schema => {
            let dense = json!({"type": "dense_vector", "dimension": options.dimension, "metric": metric});
            let fields = match options.kind {
                IndexKind::Vector => json!({"_values": dense}),
                IndexKind::Sparse => json!({"_sparse_values": {"type": "sparse_vector"}}),
                IndexKind::Document => json!({
                    "embedding": dense,
                    "text": {"type": "string", "full_text_search": {"language": "en"}},
                }),
            };
            description["deployment"] = json!({"deployment_type": "managed", "cloud": "aws", "region": "us-west-2", "environment": "aped-4627-b74a"});
            description["read_capacity"] = capacity;
            description["schema"] = json!({"fields": fields});
        }
    }
    description
}
