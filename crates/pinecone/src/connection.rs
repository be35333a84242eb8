//! How to reach Pinecone.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use secrecy::SecretString;
use upstream::{Config, Endpoint, Http, Kind, Period, Request, Verdict};
use url::Url;

use crate::{Error, IndexDescription, description::safe_url, wire};

/// A Pinecone account: the key, and where its control plane is.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The API key.
    pub api_key: SecretString,
    /// The control plane, [`Connection::CONTROLLER`] unless it is an emulator.
    pub controller: Url,
    /// Timeouts, retries and quotas.
    pub options: Options,
}

/// Timeouts, retries and quotas of a connection.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Of the HTTP client.
    pub http: upstream::Options,
    /// Of the requests to an index.
    pub quotas: Quotas,
}

/// What an index permits. The defaults are the documented limits of every plan
/// (docs.pinecone.io/reference/api/database-limits/rate-limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// List requests a second, per index.
    pub list_per_second: u64,
    /// Fetch requests a second, per index.
    pub fetch_per_second: u64,
    /// Requests for statistics and namespaces a second, per index.
    pub stats_per_second: u64,
    /// Upsert requests a second, per namespace.
    pub upsert_per_second: u64,
    /// Bytes of upserts a second, per namespace.
    pub upsert_bytes_per_second: u64,
    /// Queries a second, per namespace.
    pub query_per_second: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            list_per_second: 200,
            fetch_per_second: 100,
            stats_per_second: 100,
            upsert_per_second: 100,
            upsert_bytes_per_second: 50_000_000,
            query_per_second: 100,
        }
    }
}

/// The API version that is spoken: flat descriptions of indexes, and the vector operations unchanged since.
const API_VERSION: &str = "2025-10";

static CONTROL_PLANE: [Endpoint; 1] =
    [Endpoint { label: "describe", method: Method::GET, path: "/indexes/*" }];

impl Connection {
    /// The control plane of the real service.
    pub const CONTROLLER: &str = "https://api.pinecone.io";

    /// Describes an index by its name.
    pub(crate) async fn describe(&self, name: &str) -> Result<IndexDescription, Error> {
        let controller = safe_url(self.controller.as_str())?;
        let http = self.http("pinecone", name, controller, &CONTROL_PLANE)?;
        let request = Request::get(format!("/indexes/{}", Request::encoded(name)));
        let index: wire::Index = http.json(&request).await?;
        IndexDescription::from_wire(index)
    }

    /// A client that may send what is on this list.
    pub(crate) fn http(
        &self,
        service: &str,
        name: &str,
        base_url: Url,
        allowed: &'static [Endpoint],
    ) -> Result<Http, Error> {
        let config = Config {
            service: service.to_owned(),
            name: name.to_owned(),
            base_url,
            credentials: vec![(HeaderName::from_static("api-key"), self.api_key.clone())],
            headers: vec![(
                HeaderName::from_static("x-pinecone-api-version"),
                HeaderValue::from_static(API_VERSION),
            )],
            allowed,
            classify: Some(Arc::new(classify)),
            options: self.options.http.clone(),
        };
        Ok(Http::new(config)?)
    }
}

/// A quota of the month is a 429 like the others, but for its message.
fn classify(response: &upstream::Response) -> Verdict {
    let monthly = response.status == StatusCode::TOO_MANY_REQUESTS
        && String::from_utf8_lossy(&response.body).contains("for the current month");
    if monthly {
        Verdict::Permanent(Kind::QuotaExhausted { period: Period::Month, resume_after: None })
    } else {
        Verdict::ByStatus
    }
}
