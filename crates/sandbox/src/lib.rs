#![doc = include_str!("../README.md")]

mod admin;
mod connection;
mod counters;
mod elasticsearch;
mod embedding;
mod endpoint;
mod error;
mod fault;
mod filter;
mod gemini;
mod intercept;
mod json;
mod limits;
mod load;
mod metadata;
mod namespace;
mod options;
mod persist;
mod pinecone;
mod random;
mod record;
mod sample;
mod server;
mod shared;
mod state;
mod synthetic;

pub use counters::{Calls, Embedded, Request};
pub use elasticsearch::{Distribution, ElasticsearchOptions, SearchDocument, SearchIndexView};
pub use endpoint::Endpoint;
pub use error::Error;
pub use fault::{Body, Effect, FAULTS, Fault, MOMENTS, Period, When};
pub use metadata::{Metadata, MetadataValue};
pub use options::{
    GeminiQuota, IndexKind, IndexOptions, Latency, Metric, MissingNamespace, NullMetadata, Options, Oversize,
    RateLimitBody, Switches,
};
pub use record::Sparse;
pub use server::{Sandbox, start};
pub use state::{IndexView, NewRecord, Overview, Page, Patch, RecordView, State};
pub use synthetic::Generate;
