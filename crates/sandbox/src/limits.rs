//! Pinecone's rate limits: one token bucket per limit and scope, which holds one second's worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A limit of <https://docs.pinecone.io/reference/api/database-limits/rate-limits>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    Upserts,
    UpsertBytes,
    Updates,
    UpdatesByMetadata,
    Queries,
    Fetches,
    Lists,
    Stats,
    FetchesByMetadata,
    Deletes,
}

impl Limit {
    /// The most in a second.
    pub(crate) const fn per_second(self) -> u32 {
        match self {
            Self::UpsertBytes => 50_000_000,
            Self::Lists => 200,
            Self::UpdatesByMetadata | Self::FetchesByMetadata => 5,
            Self::Upserts | Self::Updates | Self::Queries | Self::Fetches | Self::Stats | Self::Deletes => {
                100
            }
        }
    }

    /// Whether it is counted per index; the others are counted per namespace.
    const fn is_per_index(self) -> bool {
        matches!(self, Self::Fetches | Self::Lists | Self::Stats)
    }

    /// The scope of a call.
    pub(crate) fn scope(self, namespace: &str) -> &str {
        if self.is_per_index() { "" } else { namespace }
    }

    /// What the service says when it is exceeded.
    pub(crate) fn message(self, index: &str, namespace: &str) -> String {
        let what = match self {
            Self::Upserts => return qps("upsert", namespace, self.per_second()),
            Self::Updates => return qps("update", namespace, self.per_second()),
            Self::Queries => return qps("query", namespace, self.per_second()),
            Self::Deletes => return qps("delete", namespace, self.per_second()),
            Self::UpsertBytes => {
                return format!(
                    "Request failed. You've reached the max upsert size per second for namespace {namespace} (50 MB). Pace your upsert requests."
                );
            }
            Self::UpdatesByMetadata => "update by metadata",
            Self::FetchesByMetadata => "fetch by metadata",
            Self::Fetches => "fetch",
            Self::Lists => "list",
            Self::Stats => "describe_index_stats",
        };
        let scope =
            if self.is_per_index() { format!("index {index}") } else { format!("namespace {namespace}") };
        format!(
            "Request failed. You've reached the max {what} requests per second for {scope}.\nPace your {what} requests or contact Pinecone Support (https://app.pinecone.io/organizations/-/settings/support/ticket) to request a higher limit."
        )
    }
}

fn qps(what: &str, namespace: &str, limit: u32) -> String {
    format!(
        "Request failed. You've reached the {what} QPS limit for namespace {namespace} ({limit} QPS). Pace your {what} requests."
    )
}

/// The buckets of one index.
#[derive(Default)]
pub(crate) struct Buckets(Mutex<HashMap<(Limit, String), (f64, Instant)>>);

impl Buckets {
    /// Takes `cost` from the bucket of a limit and scope, or says how long to wait for it.
    pub(crate) fn take(&self, limit: Limit, scope: &str, cost: f64, now: Instant) -> Result<(), Duration> {
        let rate = f64::from(limit.per_second());
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, at) = buckets.entry((limit, scope.to_owned())).or_insert((rate, now));
        *tokens = (*tokens + now.duration_since(*at).as_secs_f64() * rate).min(rate);
        *at = now;
        if *tokens < cost {
            return Err(Duration::from_secs_f64((cost - *tokens) / rate));
        }
        *tokens -= cost;
        Ok(())
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_holds_one_second_and_refills() {
        let buckets = Buckets::default();
        let take = || buckets.take(Limit::FetchesByMetadata, "ns", 1.0, Instant::now());
        for _ in 0..5 {
            take().unwrap();
        }
        assert_eq!(take().unwrap_err(), Duration::from_millis(200));
        assert!(buckets.take(Limit::FetchesByMetadata, "other", 1.0, Instant::now()).is_ok());
        tokio::time::advance(Duration::from_millis(200)).await;
        take().unwrap();
        assert!(take().is_err());
    }
}
