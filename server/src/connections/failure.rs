//! What a failure of a service means for whoever has to put it right.

use std::error::Error;

use upstream::Kind;

use super::ConnectError;
use crate::exit::chain;

/// The settings that decide whether a service can be used.
#[derive(Debug, Clone, Copy)]
pub struct Variables {
    /// Its key.
    pub key: &'static str,
    /// Its address.
    pub address: &'static str,
    /// What is used of it: the index, the model.
    pub object: &'static str,
}

/// Those of the source.
pub const SOURCE: Variables = Variables { object: "PINECONE_OLD_INDEX", ..TARGET };
/// Those of the target.
pub const TARGET: Variables =
    Variables { key: "PINECONE_API_KEY", address: "PINECONE_CONTROLLER_HOST", object: "PINECONE_NEW_INDEX" };
/// Those of the embedding service.
pub const GEMINI: Variables = Variables {
    key: "GOOGLE_AI_API_KEY",
    address: "GOOGLE_GEMINI_BASE_URL",
    object: "GEMINI_EMBEDDING_MODEL",
};
/// Those of the search index.
pub const ELASTICSEARCH: Variables = Variables {
    key: "ELASTICSEARCH_API_KEY",
    address: "ELASTICSEARCH_ENDPOINT",
    object: "ELASTICSEARCH_INDEX",
};

/// What a service said, with the setting to look at where it is likely to be one.
pub fn service_failed(error: &dyn Error, kind: &Kind, variables: &Variables) -> ConnectError {
    let said = chain(error);
    let Variables { key, address, object } = variables;
    ConnectError::Service(match kind {
        Kind::Unauthorized | Kind::Forbidden => format!("{said}; check {key}"),
        Kind::NotFound => format!("{said}; name one that there is in {object}"),
        Kind::Unreachable | Kind::Timeout => format!("{said}; check the network and {address}"),
        _ => said,
    })
}
