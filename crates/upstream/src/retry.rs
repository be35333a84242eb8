//! When to try again: a decision that is a value, made without sending or sleeping.

use std::time::Duration;

use http::{HeaderMap, header};

use crate::pacer::Pause;

/// How often and how long a failed request is tried again. Whichever of the two limits is reached first ends it.
/// Answers that ask to slow down (429) count against neither: they are pacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many times a request is sent again.
    pub retries: u32,
    /// How long the failed attempts and the waits between them may take together.
    pub budget: Duration,
    /// The upper bound of the first wait; each further one is twice as long.
    pub first_wait: Duration,
    /// No wait is longer, unless the upstream asks for it.
    pub longest_wait: Duration,
}

impl Default for Retry {
    /// Ten retries within five minutes, waiting at most 0.5 s, 1 s, 2 s, ... 30 s: enough to outlive a restart of
    /// the upstream in the middle of a run of hours, and still an answer within minutes when it is really gone.
    fn default() -> Self {
        Self {
            retries: 10,
            budget: Duration::from_secs(300),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// One attempt only: for a question that a person waits for.
    #[must_use]
    pub fn never() -> Self {
        Self { retries: 0, ..Self::default() }
    }

    /// The upper bound of the wait after so many waits: doubled each time, capped.
    fn ceiling(&self, waits: u32) -> Duration {
        self.first_wait.saturating_mul(1_u32.checked_shl(waits).unwrap_or(u32::MAX)).min(self.longest_wait)
    }
}

/// What a call has been through so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts {
    pub(crate) sent: u32,
    retries: u32,
    throttles: u32,
    spent: Duration,
}

impl Attempts {
    /// How long to wait after a failure, or `None` to give up. `took` is the duration of the failed attempt,
    /// `jitter` a number from 0 to 1. What the upstream asks for replaces the backoff.
    pub(crate) fn after_failure(
        &mut self,
        retry: &Retry,
        jitter: f64,
        took: Duration,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        self.spent = self.spent.saturating_add(took);
        if self.retries >= retry.retries {
            return None;
        }
        let wait = asked.unwrap_or_else(|| retry.ceiling(self.retries).mul_f64(jitter));
        if self.spent.saturating_add(wait) > retry.budget {
            return None;
        }
        self.retries += 1;
        self.spent += wait;
        Some(wait)
    }

    /// How long to pause after an answer that asks to slow down.
    ///
    /// Without a hint, the upper half of the backoff and never less, since an early request would only be thrown
    /// back again. With one, the hint; an upstream that says "at once" for the fifth time in a row is not believed.
    pub(crate) fn after_throttle(&mut self, retry: &Retry, jitter: f64, asked: Option<Duration>) -> Pause {
        let backoff = retry.ceiling(self.throttles.saturating_add(1)).mul_f64(f64::midpoint(1.0, jitter));
        self.throttles = self.throttles.saturating_add(1);
        match asked {
            Some(asked) if self.throttles <= 4 || asked > backoff => Pause::Asked(asked),
            Some(_) | None => Pause::Guessed(backoff),
        }
    }
}

/// The wait that `Retry-After` asks for: seconds, or a date. A date is taken relative to the answer's own `Date`,
/// so that neither our clock nor its error matters.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> Retry {
        Retry { retries: 4, budget: 100 * SECOND, first_wait: SECOND, longest_wait: 4 * SECOND }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_end_by_count() {
        let mut attempts = Attempts::default();
        let waits: Vec<_> =
            std::iter::from_fn(|| attempts.after_failure(&policy(), 1.0, Duration::ZERO, None)).collect();
        assert_eq!(waits, [SECOND, 2 * SECOND, 4 * SECOND, 4 * SECOND]);
    }

    #[test]
    fn jitter_scales_the_whole_wait() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.after_failure(&policy(), 0.0, SECOND, None), Some(Duration::ZERO));
        assert_eq!(attempts.after_failure(&policy(), 0.25, SECOND, None), Some(SECOND / 2));
    }

    #[test]
    fn the_budget_ends_it_before_the_count() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.after_failure(&policy(), 1.0, 60 * SECOND, None), Some(SECOND));
        assert_eq!(attempts.after_failure(&policy(), 1.0, 38 * SECOND, None), None);
    }

    #[test]
    fn what_the_upstream_asks_for_overrides_the_backoff_but_not_the_budget() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.after_failure(&policy(), 0.0, SECOND, Some(20 * SECOND)), Some(20 * SECOND));
        assert_eq!(attempts.after_failure(&policy(), 0.0, SECOND, Some(99 * SECOND)), None);
    }

    #[test]
    fn throttling_counts_against_nothing() {
        let mut attempts = Attempts::default();
        for _ in 0..1000 {
            attempts.after_throttle(&policy(), 1.0, None);
        }
        assert_eq!(attempts.after_failure(&policy(), 1.0, SECOND, None), Some(SECOND));
    }

    #[test]
    fn throttling_waits_what_is_asked_or_the_upper_half_of_the_backoff() {
        let mut attempts = Attempts::default();
        let mut throttled = |jitter, asked| attempts.after_throttle(&policy(), jitter, asked);
        assert_eq!(throttled(0.0, None), Pause::Guessed(SECOND));
        assert_eq!(throttled(1.0, None), Pause::Guessed(4 * SECOND));
        assert_eq!(throttled(1.0, Some(29 * SECOND)), Pause::Asked(29 * SECOND));
        assert_eq!(throttled(1.0, Some(Duration::ZERO)), Pause::Asked(Duration::ZERO));
        assert_eq!(throttled(0.0, Some(Duration::ZERO)), Pause::Guessed(2 * SECOND));
        assert_eq!(throttled(0.0, Some(29 * SECOND)), Pause::Asked(29 * SECOND));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect()
        };
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(retry_after(&headers(&[("retry-after", "3")])), Some(3 * SECOND));
        assert_eq!(retry_after(&headers(&[("retry-after", "0.5")])), Some(SECOND / 2));
        assert_eq!(retry_after(&headers(&[("retry-after", "-1")])), None);
        assert_eq!(retry_after(&headers(&[("retry-after", "soon"), date])), None);
        assert_eq!(retry_after(&headers(&[])), None);
        let later = ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(retry_after(&headers(&[later, date])), Some(10 * SECOND));
        assert_eq!(retry_after(&headers(&[later])), None);
        let past = ("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT");
        assert_eq!(retry_after(&headers(&[past, date])), Some(Duration::ZERO));
    }
}
