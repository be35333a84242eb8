//! What can go wrong with embedding.

use jiff::{Timestamp, tz::TimeZone};
use upstream::{Kind, Period};

/// Texts could not be embedded, or the model not be looked at.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The request failed.
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
    /// The answers were well-formed, and what they held were no embeddings: too few or too many, of the wrong size,
    /// not finite, or all zero. Asked for again and again.
    #[error("{0}")]
    BadEmbedding(#[source] upstream::Error),
    /// More texts than a request takes.
    #[error("{texts} texts do not fit into one request, which takes {max} at most", max = crate::MAX_BATCH)]
    TooManyTexts {
        /// How many were given.
        texts: usize,
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
            Self::Upstream(error) | Self::BadEmbedding(error) => error.kind(),
            Self::TooManyTexts { .. } => &Kind::TooLarge,
            Self::UnsafeAddress { .. } => &Kind::NotAllowed,
        }
    }

    /// Whether a quota of the day is used up: there is no point in going on today.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        matches!(self.kind(), Kind::QuotaExhausted { .. })
    }

    /// When a used-up quota is there again, in Unix milliseconds: as the service said, or else, for a quota of the
    /// day, the next midnight on the US Pacific coast (ai.google.dev/gemini-api/docs/rate-limits). `now` is the time
    /// in Unix milliseconds. `None` if this is no quota.
    #[must_use]
    pub fn quota_resets_at(&self, now: u64) -> Option<u64> {
        let Kind::QuotaExhausted { period, .. } = self.kind() else { return None };
        self.kind().said_to_resume_at(now).or_else(|| match period {
            Period::Day => next_pacific_midnight(now),
            // No Gemini quota is known to be renewed by the month.
            Period::Month => None,
        })
    }

    /// Whether the key is missing, wrong, or not allowed to do this.
    #[must_use]
    pub fn is_key(&self) -> bool {
        matches!(self.kind(), Kind::Unauthorized | Kind::Forbidden)
    }
}

/// The zone of Los Angeles by its rule since 2007 (15 U.S.C. 260a), so that no time zone database is needed.
const PACIFIC: &str = "PST8PDT,M3.2.0,M11.1.0";

/// The first midnight after a moment on the US Pacific coast; both in Unix milliseconds.
fn next_pacific_midnight(now: u64) -> Option<u64> {
    let pacific = TimeZone::posix(PACIFIC).ok()?;
    let now = Timestamp::from_millisecond(i64::try_from(now).ok()?).ok()?.to_zoned(pacific);
    let midnight = now.tomorrow().ok()?.start_of_day().ok()?;
    u64::try_from(midnight.timestamp().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_ends_at_midnight_in_los_angeles() {
        let unix = |time: &str| u64::try_from(time.parse::<Timestamp>().unwrap().as_millisecond()).unwrap();
        for (now, midnight) in [
            // Standard time, and the year's end.
            ("2026-11-21T06:27:00Z", "2026-11-21T08:00:00Z"),
            ("2026-11-21T08:00:00Z", "2026-11-22T08:00:00Z"),
            ("2026-12-31T23:59:59.999Z", "2027-01-01T08:00:00Z"),
            // Daylight saving time.
            ("2026-07-01T06:59:59.999Z", "2026-07-01T07:00:00Z"),
            ("2026-07-01T07:00:00Z", "2026-07-02T07:00:00Z"),
            // The days of 23 and of 25 hours: 8 March and 1 November 2026.
            ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"),
            ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"),
            ("2028-02-29T08:00:00Z", "2028-03-01T08:00:00Z"),
        ] {
            assert_eq!(next_pacific_midnight(unix(now)), Some(unix(midnight)), "{now}");
        }
        assert_eq!(next_pacific_midnight(u64::MAX), None);
    }
}
