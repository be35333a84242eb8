//! What a sandbox is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Endpoint;
use crate::elasticsearch::ElasticsearchOptions;
use crate::fault::Fault;

/// What a sandbox is started with; `Options::default()` is an empty one, in memory, on free ports, without limits on
/// the rate of calls.
#[derive(Clone)]
pub struct Options {
    /// The port of the control plane, of Gemini and of `/sandbox/*`. The indexes get the ports that follow, in the
    /// order source, target, others. `0` takes free ports.
    pub port: u16,
    /// The file that keeps the records between two starts; without it they live in memory.
    pub data: Option<PathBuf>,
    /// When set, every other key is refused; otherwise any key that is not empty is accepted.
    pub api_key: Option<String>,
    /// The old index.
    pub source: IndexOptions,
    /// The new index.
    pub target: IndexOptions,
    /// More indexes, for example a document index, or one to scratch in.
    pub more_indexes: Vec<IndexOptions>,
    /// How long a write takes until list, query and stats show it.
    pub visibility_delay: Duration,
    /// How long a write takes until fetch shows it; at most `visibility_delay`.
    pub fetch_delay: Duration,
    /// Whether the documented rate limits of Pinecone are enforced.
    pub rate_limits: bool,
    /// The quota of the Gemini project.
    pub gemini_quota: GeminiQuota,
    /// The faults that are there from the start.
    pub faults: Vec<Fault>,
    /// How long a call takes, by endpoint.
    pub latency: BTreeMap<Endpoint, Latency>,
    /// The seed of latencies and of faults with a probability.
    pub seed: u64,
    /// Whether the built-in sample is loaded (unless `data` already holds records).
    pub sample: bool,
    /// Where the services' behaviour is not known for sure, or differs between callers.
    pub switches: Switches,
    /// The Elasticsearch beside them.
    pub elasticsearch: ElasticsearchOptions,
    /// How many requests the log keeps (`GET /sandbox/requests`).
    pub request_log: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            data: None,
            api_key: None,
            source: IndexOptions::dense("gflops-serverless", 1536),
            target: IndexOptions::dense("askdona", 3072),
            more_indexes: Vec::new(),
            visibility_delay: Duration::ZERO,
            fetch_delay: Duration::ZERO,
            rate_limits: false,
            gemini_quota: GeminiQuota::default(),
            faults: Vec::new(),
            latency: BTreeMap::new(),
            seed: 0,
            sample: false,
            switches: Switches::default(),
            elasticsearch: ElasticsearchOptions::default(),
            request_log: 1_000,
        }
    }
}

/// One index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexOptions {
    /// Its name in the control plane.
    pub name: String,
    /// The dimension of its vectors, 1 to 20,000; 0 for a sparse index.
    pub dimension: usize,
    /// How its vectors are compared.
    #[serde(default)]
    pub metric: Metric,
    /// The API it belongs to.
    #[serde(default)]
    pub kind: IndexKind,
    /// Whether it is ready; otherwise describe_index says `Initializing`.
    #[serde(default = "ready")]
    pub ready: bool,
}

fn ready() -> bool {
    true
}

impl IndexOptions {
    /// A ready vector index with the cosine metric.
    pub fn dense(name: impl Into<String>, dimension: usize) -> Self {
        Self { name: name.into(), dimension, metric: Metric::Cosine, kind: IndexKind::Vector, ready: true }
    }

    /// A ready sparse index.
    pub fn sparse(name: impl Into<String>) -> Self {
        Self { metric: Metric::Dotproduct, kind: IndexKind::Sparse, ..Self::dense(name, 0) }
    }

    /// A ready document index (API 2026-07), which refuses all vector operations.
    pub fn document(name: impl Into<String>, dimension: usize) -> Self {
        Self { kind: IndexKind::Document, ..Self::dense(name, dimension) }
    }
}

/// How vectors are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The cosine of the angle: higher is nearer.
    #[default]
    Cosine,
    /// The scalar product: higher is nearer.
    Dotproduct,
    /// The squared distance: lower is nearer.
    Euclidean,
}

/// The API an index belongs to for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// Dense vectors (and sparse ones beside them), `/vectors/*`.
    #[default]
    Vector,
    /// Sparse vectors alone, `/vectors/*`.
    Sparse,
    /// The document API of 2026-07: vector operations are refused.
    Document,
}

/// The quota of a Gemini project, per model. It is counted in texts, not in calls; `None` is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeminiQuota {
    /// Texts per minute.
    pub texts_per_minute: Option<u64>,
    /// Input tokens per minute.
    pub tokens_per_minute: Option<u64>,
    /// Texts per day.
    pub texts_per_day: Option<u64>,
}

impl GeminiQuota {
    /// The free tier as observed in 2026: 100 texts and 30,000 tokens a minute, 1,000 texts a day.
    pub const FREE: Self =
        Self { texts_per_minute: Some(100), tokens_per_minute: Some(30_000), texts_per_day: Some(1_000) };
    /// The first paid tier as observed in 2026: 3,000 texts and 1,000,000 tokens a minute.
    pub const TIER_1: Self =
        Self { texts_per_minute: Some(3_000), tokens_per_minute: Some(1_000_000), texts_per_day: None };
}

/// How long a call takes before it is worked on, in milliseconds: uniform between the two ends, drawn from the seed
/// and the number of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The shortest.
    pub min_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Latency {
    /// The same for every call.
    pub const fn fixed(milliseconds: u64) -> Self {
        Self { min_ms: milliseconds, max_ms: milliseconds }
    }

    /// Between two ends.
    pub const fn between(min_ms: u64, max_ms: u64) -> Self {
        Self { min_ms, max_ms }
    }
}

/// Where the services' behaviour is not known for sure, or differs between callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// The answer to an upsert over 2 MB.
    pub oversize: Oversize,
    /// The answer to reading a namespace that does not exist.
    pub missing_namespace: MissingNamespace,
    /// What happens to a null in the metadata of an upsert.
    pub null_metadata: NullMetadata,
    /// The body of a 429 of Pinecone.
    pub rate_limit_body: RateLimitBody,
    /// Whether a 429 of Pinecone carries `Retry-After`.
    pub retry_after: bool,
    /// Whether a 429 of Gemini carries `details` (QuotaFailure and RetryInfo).
    pub quota_details: bool,
    /// Whether Gemini reports `usageMetadata`.
    pub usage_metadata: bool,
    /// The longest path and query that is accepted, in bytes; beyond it the answer is 414.
    pub url_bytes: usize,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            oversize: Oversize::PayloadTooLarge,
            missing_namespace: MissingNamespace::Empty,
            null_metadata: NullMetadata::Strip,
            rate_limit_body: RateLimitBody::Json,
            retry_after: false,
            quota_details: true,
            usage_metadata: true,
            url_bytes: 16 * 1024,
        }
    }
}

/// The answer to an upsert over 2 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oversize {
    /// HTTP 413.
    PayloadTooLarge,
    /// HTTP 400 with code 11, as older reports show it.
    OutOfRange,
}

/// The answer to reading a namespace that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingNamespace {
    /// HTTP 200 and nothing in it.
    Empty,
    /// HTTP 404 with code 5.
    NotFound,
}

/// What happens to a null in the metadata of an upsert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullMetadata {
    /// The key is dropped.
    Strip,
    /// The whole request is refused with 400.
    Reject,
}

/// The body of a 429 of Pinecone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitBody {
    /// `{"code":8,"message":…,"details":[]}`.
    Json,
    /// The message as `text/plain`, as the layer in front of the service answers.
    Text,
}
