//! The index that is only read.

use std::ops::Deref;

use http::Method;
use upstream::{Endpoint, Meter};

use crate::{Connection, Error, Reader};

/// The old index, which may not be touched (law 1).
///
/// It has the read operations of [`Reader`] and no other; and the HTTP client below refuses every request that is
/// not one of `GET /vectors/list`, `GET /vectors/fetch`, `GET /namespaces` and `POST /describe_index_stats`.
///
/// ```compile_fail,E0599
/// async fn write(source: &pinecone::SourceIndex, namespace: &pinecone::Namespace) {
///     source.upsert(namespace, Vec::new()).await;
/// }
/// ```
///
/// The same with the target, which compiles:
///
/// ```
/// async fn write(target: &pinecone::TargetIndex, namespace: &pinecone::Namespace) {
///     let _ = target.upsert(namespace, Vec::new()).await;
/// }
/// ```
#[derive(Debug, Clone)]
pub struct SourceIndex {
    reader: Reader,
}

/// What may be sent to a source: reads, each of them.
static READS: [Endpoint; 4] = [
    Endpoint { label: "list", method: Method::GET, path: "/vectors/list" },
    Endpoint { label: "fetch", method: Method::GET, path: "/vectors/fetch" },
    Endpoint { label: "stats", method: Method::POST, path: "/describe_index_stats" },
    Endpoint { label: "namespaces", method: Method::GET, path: "/namespaces" },
];

impl SourceIndex {
    /// Describes the index and makes a client for it. Its requests are counted under the service `source`.
    ///
    /// # Errors
    ///
    /// If it cannot be described, is a document index, is not ready, or has an address that is not safe for a key.
    pub async fn connect(connection: &Connection, name: &str) -> Result<Self, Error> {
        let description = connection.describe(name).await?;
        let http = connection.http("source", name, description.url()?, &READS)?;
        Ok(Self { reader: Reader::new(http, description, &connection.options.quotas) })
    }

    /// A clone that counts in this meter; connections and pacing stay shared.
    #[must_use]
    pub fn with_meter(&self, meter: Meter) -> Self {
        Self { reader: self.reader.with_meter(meter) }
    }
}

impl Deref for SourceIndex {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

#[cfg(test)]
mod tests {
    use upstream::{Kind, Request};

    use super::*;
    use crate::{IndexDescription, Options};

    #[tokio::test]
    async fn the_client_of_a_source_refuses_all_that_is_no_read() {
        let connection = Connection {
            api_key: "a-key".into(),
            // Nothing listens there: what is refused never gets that far.
            controller: "http://127.0.0.1:9".parse().unwrap(),
            options: Options::default(),
        };
        let http = connection.http("source", "old", connection.controller.clone(), &READS).unwrap();
        for (method, path) in [
            (Method::POST, "/vectors/upsert"),
            (Method::POST, "/vectors/update"),
            (Method::POST, "/vectors/delete"),
            (Method::POST, "/vectors/list"),
            (Method::PUT, "/vectors/fetch"),
            (Method::DELETE, "/namespaces"),
            (Method::DELETE, "/namespaces/ns"),
            (Method::POST, "/namespaces/ns/documents/delete"),
            (Method::POST, "/namespaces/ns/documents/upsert"),
            (Method::POST, "/records/namespaces/ns/upsert"),
            (Method::POST, "/query"),
            (Method::DELETE, "/indexes/old"),
            (Method::PATCH, "/indexes/old"),
            (Method::POST, "/vectors/list/../upsert"),
            (Method::POST, "/describe_index_stats/%2e%2e/vectors/upsert"),
            (Method::POST, "/bulk/imports"),
        ] {
            let error = http.json::<()>(&Request::new(method, path.into(), None)).await.unwrap_err();
            assert_eq!(*error.kind(), Kind::NotAllowed, "{error}");
            assert_eq!(error.attempts(), 0);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let connection = Connection {
            api_key: "a-secret-key".into(),
            controller: "http://127.0.0.1:9".parse().unwrap(),
            options: Options::default(),
        };
        let description = IndexDescription {
            name: "old".into(),
            host: "http://127.0.0.1:9".into(),
            dimension: Some(3),
            metric: None,
            vector_type: None,
            ready: true,
        };
        let http = connection.http("source", "old", description.url().unwrap(), &READS).unwrap();
        let source = SourceIndex { reader: Reader::new(http, description, &connection.options.quotas) };
        assert!(!format!("{connection:?} {source:?}").contains("a-secret-key"));
    }
}
