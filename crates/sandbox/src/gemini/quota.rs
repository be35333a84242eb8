//! The quota of the project: texts and tokens per minute, texts per day, each model for itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use super::request::Model;
use super::respond::error;
use crate::fault::Period;
use crate::options::Options;
use crate::shared::Shared;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What was used of each window. A window opens with the first call after the one before has ended.
#[derive(Default)]
pub(crate) struct Quota(Mutex<HashMap<(&'static str, What), Window>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    TextsPerMinute,
    TokensPerMinute,
    TextsPerDay,
}

#[derive(Clone, Copy)]
struct Window {
    opened: Instant,
    used: u64,
}

/// A quota that does not allow a call.
pub(super) struct Exhausted {
    what: What,
    limit: u64,
    retry: Duration,
}

impl Quota {
    /// Takes a batch from all windows, or from none of them.
    pub(super) fn take(
        &self,
        options: &Options,
        model: Model,
        texts: u64,
        tokens: u64,
        now: Instant,
    ) -> Result<(), Exhausted> {
        let quota = options.gemini_quota;
        let wanted = [
            (What::TextsPerDay, quota.texts_per_day, texts, DAY),
            (What::TextsPerMinute, quota.texts_per_minute, texts, MINUTE),
            (What::TokensPerMinute, quota.tokens_per_minute, tokens, MINUTE),
        ];
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, limit, cost, length) in wanted {
            let Some(limit) = limit else { continue };
            let window = windows.entry((model.name(), what)).or_insert(Window { opened: now, used: 0 });
            if now.duration_since(window.opened) >= length {
                *window = Window { opened: now, used: 0 };
            }
            if window.used + cost > limit {
                let retry = length.saturating_sub(now.duration_since(window.opened));
                return Err(Exhausted { what, limit, retry });
            }
        }
        for (what, limit, cost, _) in wanted {
            if let (Some(_), Some(window)) = (limit, windows.get_mut(&(model.name(), what))) {
                window.used += cost;
            }
        }
        Ok(())
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Exhausted {
    pub(super) fn answer(&self, shared: &Shared, model: Model) -> Response {
        // The service prints a delay of under a minute even for the quota of a day.
        let retry =
            if self.what == What::TextsPerDay { self.retry.min(Duration::from_secs(45)) } else { self.retry };
        let displayed = match model {
            Model::First => "gemini-embedding-1.0",
            Model::Second => "gemini-embedding-2.0",
        };
        let (metric, id) = match self.what {
            What::TextsPerMinute => (
                "embed_content_free_tier_requests",
                "EmbedContentRequestsPerMinutePerUserPerProjectPerModel-FreeTier",
            ),
            What::TextsPerDay => (
                "embed_content_free_tier_requests",
                "EmbedContentRequestsPerDayPerUserPerProjectPerModel-FreeTier",
            ),
            What::TokensPerMinute => (
                "embed_content_free_tier_input_token_count",
                "EmbedContentInputTokensPerMinutePerUserPerProjectPerModel-FreeTier",
            ),
        };
        let seconds = retry.as_secs_f64();
        let limit = self.limit;
        let message = format!(
            "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: https://ai.dev/rate-limit. \n* Quota exceeded for metric: generativelanguage.googleapis.com/{metric}, limit: {limit}, model: {displayed}\nPlease retry in {seconds}s."
        );
        if !shared.options.switches.quota_details {
            return error(StatusCode::TOO_MANY_REQUESTS, &message, Vec::new());
        }
        let details = vec![
            json!({
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{
                    "description": "Learn more about Gemini API quotas",
                    "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
                }],
            }),
            json!({
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{
                    "quotaMetric": format!("generativelanguage.googleapis.com/{metric}"),
                    "quotaId": id,
                    "quotaDimensions": {"location": "global", "model": displayed},
                    "quotaValue": limit.to_string(),
                }],
            }),
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}),
        ];
        error(StatusCode::TOO_MANY_REQUESTS, &message, details)
    }
}

/// The answer of the fault `quota`.
pub(crate) fn exhausted(shared: &Shared, period: Period, retry_seconds: f64) -> Response {
    let quota = &shared.options.gemini_quota;
    let (what, limit) = match period {
        Period::Minute => (What::TextsPerMinute, quota.texts_per_minute),
        Period::Day => (What::TextsPerDay, quota.texts_per_day),
    };
    let retry = Duration::try_from_secs_f64(retry_seconds).unwrap_or_default();
    // A client may take the limit at its word, so where none is set the free tier's is named.
    Exhausted { what, limit: limit.unwrap_or(100), retry }.answer(shared, Model::First)
}
