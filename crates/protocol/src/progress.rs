//! The moving numbers of a run.

use serde::{Deserialize, Serialize};

use crate::Counts;

/// What requests that were sent once more after a failure are called, in the app and on the command line.
pub const SENT_AGAIN: &str = "sent again";

/// What requests are called whose answer asked to slow down.
pub const TOLD_TO_SLOW_DOWN: &str = "told to slow down";

/// What one endpoint was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointUse {
    /// `source`, `target` or `gemini`.
    pub service: String,
    /// `list`, `fetch`, `upsert`, `embed`, `stats`, ...
    pub endpoint: String,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests that were answered well.
    pub succeeded: u64,
    /// Requests that were sent again after a failure.
    pub retried: u64,
    /// Answers that asked to slow down.
    pub throttled: u64,
    /// Bytes of request bodies.
    pub bytes_sent: u64,
    /// Bytes of response bodies.
    pub bytes_received: u64,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pacing {
    /// `source`, `target` or `gemini`.
    pub service: String,
    /// For people: `Gemini: 2,950 of 3,000 texts this minute`.
    pub message: String,
    /// When it goes on: milliseconds since 1970, UTC.
    pub until: u64,
}

/// One stage of the pipeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stage {
    /// Records that wait before it.
    pub waiting: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Mean milliseconds of its last requests; 0 before the first.
    pub millis: u64,
}

/// The pipeline as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flow {
    /// Reading from source and target.
    pub fetch: Stage,
    /// Embedding.
    pub embed: Stage,
    /// Writing to the target.
    pub upsert: Stage,
}

/// A sample of the run's speed. Everything is a sum from the run's beginning, so a speed is the difference of two points,
/// however far apart they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RatePoint {
    /// Milliseconds since 1970, UTC.
    pub at: u64,
    /// `Counts::compared` at that moment.
    pub compared: u64,
    /// `Counts::embedded` at that moment.
    pub embedded: u64,
    /// Records and documents that were written by that moment.
    pub written: u64,
    /// Of those, the documents.
    pub documents: u64,
    /// Milliseconds in which something was waited for by that moment.
    pub paced: u64,
}

/// The moving numbers of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The counters.
    pub counts: Counts,
    /// By service and endpoint, in a fixed order.
    pub requests: Vec<EndpointUse>,
    /// What is waited for at the moment; empty when nothing is.
    pub pacing: Vec<Pacing>,
    /// The pipeline.
    pub flow: Flow,
}
