//! What the search engine is started with.

use serde::{Deserialize, Serialize};

/// What the search engine is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticsearchOptions {
    /// What it claims and behaves to be; can be changed while it runs.
    pub distribution: Distribution,
    /// The name of the index that the sample is loaded into.
    pub index: String,
    /// When set, the only API key (encoded or `id:key`) that is accepted; otherwise any is.
    pub api_key: Option<String>,
    /// The index privileges of such a key. Users (basic auth) may do everything.
    pub privileges: Vec<String>,
    /// The largest body of a request, in bytes; beyond it the answer is 413.
    pub max_body_bytes: usize,
}

impl Default for ElasticsearchOptions {
    /// Elasticsearch 8.19 with a key of the least privileges.
    fn default() -> Self {
        Self {
            distribution: Distribution::Elasticsearch8,
            index: "text-search-v0".to_owned(),
            api_key: None,
            privileges: ["read", "index", "view_index_metadata", "maintenance"].map(str::to_owned).into(),
            max_body_bytes: 100 * 1024 * 1024,
        }
    }
}

/// A distribution and its generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// Elasticsearch 7.0: neither the product header nor points in time.
    Elasticsearch7,
    /// Elasticsearch 8.19 with security.
    #[default]
    Elasticsearch8,
    /// Elastic serverless: some APIs answer 410.
    Serverless,
    /// OpenSearch 2.19 without security: points in time under another path and without `_shard_doc`.
    OpenSearch2,
    /// OpenSearch 3.8 without security.
    OpenSearch3,
}

impl Distribution {
    /// Whether it is OpenSearch.
    pub(crate) fn is_opensearch(self) -> bool {
        matches!(self, Self::OpenSearch2 | Self::OpenSearch3)
    }

    /// Whether it is an Elasticsearch that names itself in every answer.
    pub(crate) fn has_product_header(self) -> bool {
        matches!(self, Self::Elasticsearch8 | Self::Serverless)
    }

    /// `version.number`.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Elasticsearch7 => "7.0.0",
            Self::Elasticsearch8 => "8.19.21",
            Self::Serverless => "8.11.0",
            Self::OpenSearch2 => "2.19.1",
            Self::OpenSearch3 => "3.8.0",
        }
    }

    /// The type of the error for a document that does not fit the mapping.
    pub(crate) fn parsing_exception(self) -> &'static str {
        match self {
            Self::Elasticsearch8 | Self::Serverless => "document_parsing_exception",
            Self::Elasticsearch7 | Self::OpenSearch2 | Self::OpenSearch3 => "mapper_parsing_exception",
        }
    }
}
