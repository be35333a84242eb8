//! What an index is.

use url::Url;

use crate::{Error, wire};

/// An index, as the control plane describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDescription {
    /// Its name.
    pub name: String,
    /// The address of its data plane, as described: a bare host, or a URL.
    pub host: String,
    /// How many values a dense vector has; `None` for an index of sparse vectors.
    pub dimension: Option<u32>,
    /// `cosine`, `dotproduct` or `euclidean`.
    pub metric: Option<String>,
    /// `dense` or `sparse`, if the control plane says so.
    pub vector_type: Option<String>,
    /// Whether it takes requests.
    pub ready: bool,
}

/// The reserved names under which a vector index keeps its vectors in a schema.
const DENSE: &str = "_values";
const SPARSE: &str = "_sparse_values";

impl IndexDescription {
    /// Takes over a description of either shape.
    ///
    /// # Errors
    ///
    /// If it is a document index, or has no address yet, or is not ready.
    pub(crate) fn from_wire(index: wire::Index) -> Result<Self, Error> {
        let wire::Index { name, dimension, metric, vector_type, host, status, schema } = index;
        let fields = schema.map(|schema| schema.fields).unwrap_or_default();
        if let Some(field) = fields.iter().find(|(name, field)| is_document_field(name, field)) {
            return Err(Error::DocumentIndex { index: name, field: field.0.clone() });
        }
        let Some(host) = host.filter(|host| !host.is_empty() && status.ready) else {
            let state = status.state.unwrap_or_else(|| "unknown".to_owned());
            return Err(Error::NotReady { index: name, state });
        };
        let dense = fields.get(DENSE);
        let kind = match (dense, fields.contains_key(SPARSE)) {
            (Some(_), _) => Some("dense".to_owned()),
            (None, true) => Some("sparse".to_owned()),
            (None, false) => None,
        };
        Ok(Self {
            name,
            host,
            dimension: dimension.or_else(|| dense?.dimension),
            metric: metric.or_else(|| dense?.metric.clone()),
            vector_type: vector_type.or(kind),
            ready: status.ready,
        })
    }

    /// The base URL of the data plane.
    pub(crate) fn url(&self) -> Result<Url, Error> {
        let address =
            if self.host.contains("://") { self.host.clone() } else { format!("https://{}", self.host) };
        safe_url(&address)
    }
}

/// An address to which a key may be sent.
pub(crate) fn safe_url(address: &str) -> Result<Url, Error> {
    Url::parse(address)
        .ok()
        .filter(upstream::is_safe_for_keys)
        .ok_or_else(|| Error::UnsafeAddress { address: address.to_owned() })
}

/// Whether a field is one that only a document index has. A `semantic_text` field makes an integrated index, whose
/// records can be listed, fetched and upserted like those of a vector index.
fn is_document_field(name: &str, field: &wire::Field) -> bool {
    match field.kind.as_deref() {
        Some("dense_vector") => name != DENSE,
        Some("sparse_vector") => name != SPARSE,
        _ => field.full_text_search.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn describe(json: Value) -> Result<IndexDescription, Error> {
        IndexDescription::from_wire(serde_json::from_value(json).unwrap())
    }

    #[test]
    fn both_shapes_describe_the_same_index() {
        let old = describe(json!({
            "name": "idx", "dimension": 1536, "metric": "cosine", "host": "idx.svc.pinecone.io",
            "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}},
            "status": {"ready": true, "state": "Ready"}, "deletion_protection": "disabled",
            "vector_type": "dense", "tags": null,
        }));
        let new = describe(json!({
            "name": "idx", "host": "idx.svc.pinecone.io", "status": {"ready": true, "state": "Ready"},
            "deployment": {"deployment_type": "managed"}, "deletion_protection": "disabled",
            "schema": {"fields": {
                "_values": {"type": "dense_vector", "dimension": 1536, "metric": "cosine"},
                "genre": {"type": "string", "filterable": true}, "old": {"filterable": true},
            }}, "tags": null,
        }));
        assert_eq!(old.unwrap(), new.unwrap());
    }

    #[test]
    fn sparse_and_integrated_indexes_are_vector_indexes() {
        let sparse = describe(json!({
            "name": "s", "host": "h", "status": {"ready": true},
            "schema": {"fields": {"_sparse_values": {"type": "sparse_vector", "metric": "dotproduct"}}},
        }))
        .unwrap();
        assert_eq!((sparse.dimension, sparse.vector_type.as_deref()), (None, Some("sparse")));
        let integrated = describe(json!({
            "name": "i", "host": "h", "status": {"ready": true}, "dimension": 1024,
            "schema": {"fields": {"text": {"type": "semantic_text", "model": "m"}}},
        }));
        assert_eq!(integrated.unwrap().dimension, Some(1024));
    }

    #[test]
    fn a_document_index_is_refused_with_an_explanation() {
        for field in [
            json!({"type": "dense_vector", "dimension": 3, "metric": "cosine"}),
            json!({"type": "sparse_vector"}),
            json!({"type": "string", "full_text_search": {}}),
        ] {
            let error = describe(json!({
                "name": "docs", "host": "h", "status": {"ready": true}, "schema": {"fields": {"body": field}},
            }))
            .unwrap_err();
            assert!(error.to_string().starts_with("docs is a document index (its field \"body\""), "{error}");
        }
    }

    #[test]
    fn an_index_in_the_making_is_not_ready() {
        for index in [
            json!({"name": "n", "host": null, "status": {"ready": false, "state": "Initializing"}}),
            json!({"name": "n", "host": "h", "status": {"ready": false, "state": "Initializing"}}),
        ] {
            let error = describe(index).unwrap_err();
            assert_eq!(error.to_string(), "n is not ready (its state is Initializing); try again when it is");
        }
    }

    #[test]
    fn a_bare_host_is_https_and_plain_http_is_for_this_machine() {
        let url = |host: &str| {
            IndexDescription {
                name: "n".into(),
                host: host.into(),
                dimension: None,
                metric: None,
                vector_type: None,
                ready: true,
            }
            .url()
            .map(String::from)
            .ok()
        };
        assert_eq!(url("idx.svc.pinecone.io").as_deref(), Some("https://idx.svc.pinecone.io/"));
        assert_eq!(url("https://idx.svc.pinecone.io").as_deref(), Some("https://idx.svc.pinecone.io/"));
        assert_eq!(url("http://localhost:5081").as_deref(), Some("http://localhost:5081/"));
        assert_eq!(url("http://127.0.0.1:5081").as_deref(), Some("http://127.0.0.1:5081/"));
        assert_eq!(url("http://[::1]:5081").as_deref(), Some("http://[::1]:5081/"));
        assert_eq!(url("http://idx.svc.pinecone.io"), None);
        assert_eq!(url("http://localhost.evil.example"), None);
        assert_eq!(url("ftp://localhost"), None);
        assert_eq!(url("not a host"), None);
    }
}
