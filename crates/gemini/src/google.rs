//! Google's error bodies: google.rpc.Status with its details, in JSON.

use std::time::Duration;

use serde_json::Value;

/// An error body, unwrapped.
pub(crate) struct Status {
    /// `INVALID_ARGUMENT`, `RESOURCE_EXHAUSTED`, ...
    pub(crate) status: String,
    /// What it says.
    pub(crate) message: String,
    details: Vec<Value>,
}

/// A quota that was exceeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) per: Per,
    pub(crate) counts: Counts,
    /// The limit, if it is named.
    pub(crate) limit: Option<u64>,
}

/// The time that a quota is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Per {
    Minute,
    Day,
    Unknown,
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    Texts,
    Tokens,
    Unknown,
}

impl Status {
    /// Reads a body; `None` if it is something else. Some paths wrap the error in an array of one.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        let error = json.get(0).unwrap_or(&json).get("error")?;
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let details = error.get("details").and_then(Value::as_array).cloned().unwrap_or_default();
        Some(Self { status: text("status"), message: text("message"), details })
    }

    fn details(&self, name: &str) -> impl Iterator<Item = &Value> {
        let suffix = format!("google.rpc.{name}");
        self.details.iter().filter(move |detail| {
            detail.get("@type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with(&suffix))
        })
    }

    /// How long to wait, by its `RetryInfo`.
    pub(crate) fn retry_delay(&self) -> Option<Duration> {
        let delay = self.details("RetryInfo").find_map(|detail| detail.get("retryDelay")?.as_str())?;
        let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The quotas that were exceeded, by its `QuotaFailure`s.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.details("QuotaFailure")
            .filter_map(|detail| detail.get("violations")?.as_array())
            .flatten()
            .map(|violation| {
                let text = |key: &str| violation.get(key).and_then(Value::as_str).unwrap_or_default();
                let (id, metric) = (text("quotaId"), text("quotaMetric"));
                // The metric of a minute's quota is also that of a day's; only the id tells them apart.
                let per = match id {
                    _ if id.contains("PerMinute") => Per::Minute,
                    _ if id.contains("PerDay") => Per::Day,
                    _ => Per::Unknown,
                };
                let counts = match metric {
                    _ if id.contains("Token") || metric.contains("token") => Counts::Tokens,
                    _ if id.contains("Requests") || metric.contains("requests") => Counts::Texts,
                    _ => Counts::Unknown,
                };
                Violation { per, counts, limit: text("quotaValue").parse().ok().filter(|limit| *limit > 0) }
            })
            .collect()
    }

    /// The reason of its `ErrorInfo`: `API_KEY_INVALID`.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.details("ErrorInfo").find_map(|detail| detail.get("reason")?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: &str = r#"{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[
        {"@type":"type.googleapis.com/google.rpc.Help","links":[]},
        {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/embed_content_free_tier_requests","quotaId":"EmbedContentRequestsPerMinutePerUserPerProjectPerModel-FreeTier","quotaDimensions":{"location":"global"},"quotaValue":"100"}]},
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"29.5s"}]}}"#;

    #[test]
    fn the_captured_shape_is_read() {
        for body in [MINUTE.to_owned(), format!("[{MINUTE}]")] {
            let status = Status::read(body.as_bytes()).unwrap();
            assert_eq!(status.status, "RESOURCE_EXHAUSTED");
            assert_eq!(status.message, "You exceeded your current quota.");
            assert_eq!(status.retry_delay(), Some(Duration::from_millis(29_500)));
            let violation = Violation { per: Per::Minute, counts: Counts::Texts, limit: Some(100) };
            assert_eq!(status.violations(), [violation]);
            assert_eq!(status.reason(), None);
        }
    }

    #[test]
    fn other_shapes_do_no_harm() {
        for body in ["", "quota", "[]", "{}", "[{}]", r#"{"error":17}"#] {
            assert!(
                Status::read(body.as_bytes()).is_none_or(|status| status.violations().is_empty()),
                "{body}"
            );
        }
        let odd = r#"{"error":{"details":[{"@type":"x/google.rpc.RetryInfo","retryDelay":"soon"},
            {"@type":"x/google.rpc.QuotaFailure","violations":[{},{"quotaId":"TokensPerDay"}]}]}}"#;
        let status = Status::read(odd.as_bytes()).unwrap();
        assert_eq!(status.retry_delay(), None);
        assert_eq!(
            status.violations(),
            [
                Violation { per: Per::Unknown, counts: Counts::Unknown, limit: None },
                Violation { per: Per::Day, counts: Counts::Tokens, limit: None },
            ]
        );
    }
}
