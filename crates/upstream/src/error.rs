//! The taxonomy of failures.

use std::time::Duration;

/// A request that did not succeed and will not be tried again.
///
/// The message is for people, names the service and the endpoint, and holds no secret: what was sent as a
/// credential is taken out even where the upstream echoed it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {}: {}", .0.service, .0.endpoint, .0.message)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
pub(crate) struct Inner {
    pub(crate) service: String,
    pub(crate) endpoint: String,
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) attempts: u32,
    pub(crate) status: Option<u16>,
    pub(crate) body: String,
}

/// What kind of failure it is: what a caller may do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// No connection, or it was lost, on every attempt.
    Unreachable,
    /// No answer in time, on every attempt.
    Timeout,
    /// The upstream kept on answering 408 or 5xx.
    Unavailable,
    /// A quota that does not come back within this run.
    QuotaExhausted {
        /// When such a quota is renewed.
        period: Period,
        /// How long the upstream says to wait, if it says so.
        resume_after: Option<Duration>,
    },
    /// The key is missing or wrong.
    Unauthorized,
    /// The key may not do this, or a limit of the plan is reached.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The request is too large: 413, 414 or 431. A smaller one may succeed.
    TooLarge,
    /// Any other 4xx, or a redirect: the same request will be refused again.
    Refused,
    /// The answer was not what it should be (not JSON, cut off, nonsense), on every attempt.
    Malformed,
    /// Our own allow-list refused it; nothing was sent.
    NotAllowed,
}

impl Kind {
    /// When the upstream said that a used-up quota is there again, in Unix milliseconds; `None` if it did not say, or
    /// if this is no quota. `now` is the time of the answer. What is known beyond that, the service's crate knows.
    #[must_use]
    pub fn said_to_resume_at(&self, now: u64) -> Option<u64> {
        match self {
            Self::QuotaExhausted { resume_after: Some(wait), .. } => {
                Some(now.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
            }
            _ => None,
        }
    }
}

/// When a quota is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Every day.
    Day,
    /// Every month.
    Month,
}

impl Error {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Box::new(inner))
    }

    /// The service as people know it: the name of an index, `Gemini`.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// The label of the endpoint; the method and path if it is on no allow-list.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// What happened, without the service and the endpoint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// How many requests were sent for it.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The HTTP status of the last answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The body of the last answer, redacted; empty if there was none. For the crate that knows the service.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.0.body
    }

    /// Whether a daily or monthly quota is used up.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        matches!(self.0.kind, Kind::QuotaExhausted { .. })
    }
}
