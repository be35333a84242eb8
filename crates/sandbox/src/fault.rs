//! Faults: what goes wrong, where, and on which calls.

mod grammar;
mod set;
mod when;

use serde::{Deserialize, Serialize};

pub use grammar::{FAULTS, MOMENTS};
pub(crate) use set::Faults;
pub use when::When;

use crate::Endpoint;

/// Which call it is, for the moment of a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Its number, from 1, among the calls that the fault has seen.
    pub(crate) number: u64,
    /// The page of a listing that it asks for, from 1.
    pub(crate) page: Option<u64>,
    /// The milliseconds since the fault was set.
    pub(crate) ms: u128,
}

/// A fault: `{"endpoint":"fetch","index":"source","when":{"every":3},"effect":{"kind":"status","code":503}}`, or in
/// the short form `source.fetch:503@every=3` ([`Fault`] is `FromStr`, and takes either).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The operation that fails.
    pub endpoint: Endpoint,
    /// The index (its name, `source` or `target`); without it every index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The calls that fail.
    #[serde(default)]
    pub when: When,
    /// What happens to them.
    pub effect: Effect,
}

impl Fault {
    /// A fault of every call to `endpoint`.
    pub fn always(endpoint: Endpoint, effect: Effect) -> Self {
        Self { endpoint, index: None, when: When::Always, effect }
    }

    /// The same fault on other calls.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// The same fault at one index.
    #[must_use]
    pub fn at(self, index: impl Into<String>) -> Self {
        Self { index: Some(index.into()), ..self }
    }
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// An error is answered, and nothing is done.
    Status {
        /// The HTTP status.
        code: u16,
        /// The shape of the body.
        #[serde(default)]
        body: Body,
        /// The seconds in a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u64>,
        /// The message; without it a typical one.
        #[serde(default)]
        message: Option<String>,
    },
    /// The key is refused from now on, as each service does it.
    ExpiredKey,
    /// A call is refused for its size: of its body, or where it has none, of its path and query.
    TooLarge {
        /// The most bytes that are accepted.
        bytes: usize,
        /// The HTTP status: 413 (the default) or 400 ("message length too large"); 414 for a URL, and 400 for Gemini.
        #[serde(default)]
        code: Option<u16>,
    },
    /// The connection is reset before anything is done.
    Reset,
    /// The work is done, then the connection is reset before the answer: the caller cannot know.
    LostAnswer,
    /// The connection is reset in the middle of the body.
    ResetInBody {
        /// After so many bytes of the answer, head included; without it after about half of the body.
        #[serde(default)]
        after_bytes: Option<usize>,
    },
    /// The body ends in the middle, though the answer is complete as HTTP.
    CutBody {
        /// After so many bytes of the body; without it after half.
        #[serde(default)]
        after_bytes: Option<usize>,
    },
    /// No answer ever comes.
    Hang,
    /// The body trickles.
    SlowBody {
        /// The bytes of a piece.
        chunk_bytes: usize,
        /// The milliseconds before each piece.
        pause_ms: u64,
    },
    /// The call is worked on only after so many milliseconds.
    Latency {
        /// The milliseconds.
        ms: u64,
    },
    /// `embed`: the quota is exhausted (429), without its being counted.
    Quota {
        /// Whether the minute's or the day's.
        #[serde(default)]
        period: Period,
        /// The `retryDelay`.
        #[serde(default)]
        retry_seconds: f64,
    },
    /// `embed`: the last embeddings are missing.
    MissingEmbeddings {
        /// How many.
        count: usize,
    },
    /// `embed`: there are too many embeddings.
    ExtraEmbeddings {
        /// How many too many.
        count: usize,
    },
    /// `embed`: the first embedding has another dimension.
    WrongDimension {
        /// Which.
        dimension: usize,
    },
    /// `embed`: the first embedding is all zeros.
    ZeroVector,
    /// `embed`: the first embedding has a `null` where NaN would be.
    NullValue,
    /// `embed`: the first embedding has a `"NaN"`, as protobuf's JSON prints it.
    NanValue,
    /// `embed`: the first embedding has a number that no f32 holds.
    HugeValue,
    /// `embed`: a call is refused with 400 when one of its texts contains the marker. `when` counts calls as usual.
    PoisonText {
        /// The marker.
        marker: String,
    },
    /// `list`: the first and the last id of a page are exchanged.
    OutOfOrder,
    /// `list`: the first id of a page comes twice.
    DuplicateIds,
    /// `list`: pages are at most so long, though more ids follow.
    ShortPages {
        /// The ids of a page.
        limit: usize,
    },
    /// `list`: the token of the next page is that of this page, so that the listing goes in a circle.
    RepeatedToken,
    /// `list`: a page token is refused with 400; the first page needs none.
    ExpiredToken,
    /// `fetch`: the last records are missing from the answer.
    MissingRecords {
        /// How many.
        count: usize,
    },
    /// `upsert`: a call is refused with 400 when its body contains the marker.
    PoisonRecord {
        /// The marker.
        marker: String,
    },
    /// `upsert`: what is written is seen late by list, query and stats. Later writes wait for it.
    VisibilityDelay {
        /// The milliseconds.
        ms: u64,
        /// The milliseconds until fetch sees it.
        #[serde(default)]
        fetch_ms: u64,
    },
    /// `bulk`: the first items fail with this error, and nothing is done for them.
    BulkItems {
        /// The status of the items.
        code: u16,
        /// The `type` of the error; without it the usual one of the status.
        #[serde(default)]
        error: Option<String>,
        /// How many items.
        #[serde(default = "one")]
        count: usize,
    },
    /// `search`: the point in time or the scroll is gone.
    LostCursor,
    /// `search`, `count`: so many shards failed, though the answer is 200.
    FailedShards {
        /// How many.
        count: usize,
    },
    /// `search`: `timed_out` is true, and the answer is incomplete.
    TimedOut,
}

fn one() -> usize {
    1
}

/// The shape of an error's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// As the service prints its errors.
    #[default]
    Json,
    /// As Google prints them on some paths: wrapped in a list of one.
    Array,
    /// As a proxy in front of it prints them.
    Html,
    /// `text/plain`.
    Text,
    /// Nothing.
    Empty,
}

/// The period of a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A minute: waiting helps.
    #[default]
    Minute,
    /// A day: waiting does not help.
    Day,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_written_as_the_readme_shows() {
        let json = r#"{"endpoint":"fetch","index":"source","when":{"every":3},"effect":{"kind":"status","code":503}}"#;
        let fault: Fault = serde_json::from_str(json).unwrap();
        assert_eq!(fault.when, When::Every(3));
        let json = r#"{"endpoint":"embed","effect":{"kind":"reset"}}"#;
        let fault: Fault = serde_json::from_str(json).unwrap();
        assert_eq!(fault, Fault::always(Endpoint::Embed, Effect::Reset));
    }
}
