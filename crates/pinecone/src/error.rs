//! What can go wrong with an index.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use upstream::{Kind, Period};

/// Something about an index could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The request failed.
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
    /// A listing was not in ascending bytewise order. [`crate::Reader::list_unordered`] still reads it.
    #[error("{index}: the listing is not in order: {found:?} came after {previous:?}")]
    OutOfOrder {
        /// The index.
        index: String,
        /// The id before.
        previous: String,
        /// The id that should have come earlier.
        found: String,
    },
    /// A listing gave a page token for the second time; reading on would go in a circle.
    #[error("{index}: the listing of {namespace} gave the same page token twice, so it would never end")]
    RepeatedToken {
        /// The index.
        index: String,
        /// What was listed: the namespace, or `the namespaces`.
        namespace: String,
    },
    /// A listing could not go on from a page token. Pinecone does not say how long one is good for.
    #[error("{index}: the page token was refused, so list from the beginning again: {error}")]
    TokenRefused {
        /// The index.
        index: String,
        /// The answer, a 400.
        error: upstream::Error,
    },
    /// The index belongs to Pinecone's document API, which refuses every request about vectors.
    #[error(
        "{index} is a document index (its field {field:?} makes it one); its records can only be read by the \
         documents API, so name an index that was created with a dimension and a metric"
    )]
    DocumentIndex {
        /// The index.
        index: String,
        /// The field of its schema that says so.
        field: String,
    },
    /// The index is being made or unmade.
    #[error("{index} is not ready (its state is {state}); try again when it is")]
    NotReady {
        /// The index.
        index: String,
        /// Its state in the service's word.
        state: String,
    },
    /// An address over which a key must not be sent.
    #[error("{address} is not a safe address for a key: use https, or http on this machine")]
    UnsafeAddress {
        /// The address.
        address: String,
    },
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        match self {
            Self::Upstream(error) | Self::TokenRefused { error, .. } => error.kind(),
            Self::OutOfOrder { .. } | Self::RepeatedToken { .. } => &Kind::Malformed,
            Self::DocumentIndex { .. } => &Kind::Refused,
            Self::NotReady { .. } => &Kind::Unavailable,
            Self::UnsafeAddress { .. } => &Kind::NotAllowed,
        }
    }

    /// Whether a quota of the month is used up: there is no point in going on.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        matches!(self.kind(), Kind::QuotaExhausted { .. })
    }

    /// When a used-up quota is there again, in Unix milliseconds: as the service said, or else, for the units of a
    /// month, the first of the next month at midnight UTC. That is an assumption: Pinecone says "the current month"
    /// and not in which time zone. `now` is the time in Unix milliseconds. `None` if this is no quota.
    #[must_use]
    pub fn quota_resets_at(&self, now: u64) -> Option<u64> {
        let Kind::QuotaExhausted { period, .. } = self.kind() else { return None };
        self.kind().said_to_resume_at(now).or_else(|| match period {
            Period::Month => next_month(now),
            // No Pinecone quota is known to be renewed by the day.
            Period::Day => None,
        })
    }

    /// Whether a listing was not in order, so that it must be sorted first.
    #[must_use]
    pub fn is_out_of_order(&self) -> bool {
        matches!(self, Self::OutOfOrder { .. })
    }

    /// Whether a listing must begin anew, because its page token is no longer good.
    #[must_use]
    pub fn is_token_refused(&self) -> bool {
        matches!(self, Self::TokenRefused { .. })
    }

    /// Whether the index (or what else was asked for) does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        *self.kind() == Kind::NotFound
    }
}

/// The first midnight of the next month in UTC; both in Unix milliseconds.
fn next_month(now: u64) -> Option<u64> {
    let now = Timestamp::from_millisecond(i64::try_from(now).ok()?).ok()?.to_zoned(TimeZone::UTC);
    let first = now.first_of_month().ok()?.checked_add(1.month()).ok()?.start_of_day().ok()?;
    u64::try_from(first.timestamp().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_ends_at_midnight_in_utc() {
        let unix = |time: &str| u64::try_from(time.parse::<Timestamp>().unwrap().as_millisecond()).unwrap();
        for (now, first) in [
            ("2026-11-21T06:27:00Z", "2026-12-01T00:00:00Z"),
            ("2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"),
            ("2028-01-31T12:00:00Z", "2028-02-01T00:00:00Z"),
        ] {
            assert_eq!(next_month(unix(now)), Some(unix(first)), "{now}");
        }
        assert_eq!(next_month(u64::MAX), None);
    }
}
