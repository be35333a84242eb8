//! Faults: what goes wrong, where, and on which calls.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Endpoint;
use crate::random::{mix, unit};

/// A fault: `{"endpoint":"fetch","index":"source","when":{"every":3},"effect":{"kind":"status","code":503}}`.
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

/// The calls that a fault befalls, counted from 1 since it was set, only calls to its endpoint and index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// All.
    #[default]
    Always,
    /// The n-th alone. For `list` this is the n-th page.
    Nth(u64),
    /// The first n.
    First(u64),
    /// The n-th and all that follow.
    From(u64),
    /// Every k-th.
    Every(u64),
    /// Each with this probability, drawn from the seed of the sandbox.
    Probability(f64),
}

impl When {
    fn befalls(self, call: u64, seed: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(nth) => call == nth,
            Self::First(count) => call <= count,
            Self::From(nth) => call >= nth,
            Self::Every(every) => every > 0 && call.is_multiple_of(every),
            Self::Probability(probability) => unit(mix(seed ^ mix(call))) < probability,
        }
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
    /// `fetch`: the last records are missing from the answer.
    MissingRecords {
        /// How many.
        count: usize,
    },
    /// `bulk`: the first items fail with this error, and nothing is done for them.
    BulkItems {
        /// The status of the items.
        code: u16,
        /// The `type` of the error.
        error: String,
        /// How many items.
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

/// The shape of an error's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// As the service prints its errors.
    #[default]
    Json,
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

/// The faults that are set, and the calls each of them has seen.
pub(crate) struct Faults {
    seed: u64,
    set: Mutex<Vec<(Fault, u64)>>,
}

impl Faults {
    pub(crate) fn new(seed: u64, faults: Vec<Fault>) -> Self {
        Self { seed, set: Mutex::new(faults.into_iter().map(|fault| (fault, 0)).collect()) }
    }

    fn set(&self) -> std::sync::MutexGuard<'_, Vec<(Fault, u64)>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.set().push((fault, 0));
    }

    pub(crate) fn replace(&self, faults: Vec<Fault>) {
        *self.set() = faults.into_iter().map(|fault| (fault, 0)).collect();
    }

    /// Every fault with the calls it has seen.
    pub(crate) fn list(&self) -> Vec<(Fault, u64)> {
        self.set().clone()
    }

    /// Counts a call and says what befalls it. `names` are the names the index goes by.
    pub(crate) fn befall(&self, endpoint: Endpoint, names: &[&str]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (number, (fault, calls)) in self.set().iter_mut().enumerate() {
            let here = fault.index.as_deref().is_none_or(|index| names.contains(&index));
            if fault.endpoint == endpoint && here {
                *calls += 1;
                if fault.when.befalls(*calls, mix(self.seed ^ number as u64)) {
                    effects.push(fault.effect.clone());
                }
            }
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_befall_the_calls_they_name() {
        let calls = |when: When| (1..=6).filter(|call| when.befalls(*call, 1)).collect::<Vec<u64>>();
        assert_eq!(calls(When::Always), [1, 2, 3, 4, 5, 6]);
        assert_eq!(calls(When::Nth(2)), [2]);
        assert_eq!(calls(When::First(2)), [1, 2]);
        assert_eq!(calls(When::From(5)), [5, 6]);
        assert_eq!(calls(When::Every(3)), [3, 6]);
        assert!(calls(When::Probability(0.0)).is_empty());
        let half = (1..=1000).filter(|call| When::Probability(0.5).befalls(*call, 7)).count();
        assert!((400..600).contains(&half));
    }

    #[test]
    fn a_fault_counts_only_calls_to_its_endpoint_and_index() {
        let effect = Effect::Status { code: 503, body: Body::Json, retry_after: None, message: None };
        let fault = Fault::always(Endpoint::Fetch, effect.clone()).when(When::Nth(2)).at("source");
        let faults = Faults::new(0, vec![fault]);
        assert!(faults.befall(Endpoint::Fetch, &["source", "old"]).is_empty());
        assert!(faults.befall(Endpoint::Fetch, &["target", "new"]).is_empty());
        assert!(faults.befall(Endpoint::List, &["source", "old"]).is_empty());
        assert_eq!(faults.befall(Endpoint::Fetch, &["source", "old"]), [effect]);
    }

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
