//! The real services behind the ports.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use gemini::Gemini;
use pinecone::{EncodedRecord, FetchedMetadata, FetchedRecord, Namespace, Reader, SourceIndex, TargetIndex};
use protocol::{EndpointUse, LogLevel, Pacing};
use tokio::time::Instant;
use upstream::Meter;

use crate::{
    documents::{SearchIndex, SearchServices},
    ports::{Embed, Embedded, ErrorClass, ListedPage, Page, PortError, ReadIndex, Upserted, WriteIndex},
    recorder::Clock,
    run::{Services, Usage, UsageNote},
};

/// The old index.
#[derive(Clone)]
pub struct SourceReader(SourceIndex, Clock);

/// The new index.
#[derive(Clone)]
pub struct TargetWriter(TargetIndex, Clock);

/// The embedding service.
#[derive(Clone)]
pub struct GeminiEmbedder(Gemini, Clock);

/// The services of one run: connections and pacing are shared with other runs, counters are its own.
pub fn connected(
    source: &SourceIndex,
    target: &TargetIndex,
    gemini: Option<&Gemini>,
    search: Option<&SearchIndex>,
    clock: Clock,
) -> Services<SourceReader, TargetWriter, GeminiEmbedder> {
    let meter = Meter::new();
    Services {
        source: SourceReader(source.with_meter(meter.clone()), clock.clone()),
        target: TargetWriter::metered(target, meter.clone(), clock.clone()),
        embedder: gemini.map(|gemini| GeminiEmbedder(gemini.with_meter(meter.clone()), clock.clone())),
        search: search.map(|search| SearchServices::metered(search, meter.clone(), clock.clone())),
        probe: Arc::new(move || usage(&meter, &clock)),
    }
}

impl TargetWriter {
    /// The target, counting in this meter.
    pub(crate) fn metered(target: &TargetIndex, meter: Meter, clock: Clock) -> Self {
        Self(target.with_meter(meter), clock)
    }
}

/// What a meter counted, as a run tells it.
pub(crate) fn usage(meter: &Meter, clock: &Clock) -> Usage {
    let now = Instant::now();
    let requests = meter
        .snapshot()
        .into_iter()
        .map(|stats| EndpointUse {
            service: stats.service,
            endpoint: stats.endpoint,
            requests: stats.requests,
            succeeded: stats.succeeded,
            retried: stats.retried,
            throttled: stats.throttled,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
        })
        .collect();
    let pacing = meter
        .waits()
        .into_iter()
        .map(|wait| {
            let left = wait.until.saturating_duration_since(now).as_millis();
            let until = clock() + u64::try_from(left).unwrap_or(u64::MAX / 2);
            // Rounded to a tenth of a second, so that the same wait is not news at every look.
            Pacing { service: wait.service, message: wait.message, until: until / 100 * 100 }
        })
        .collect();
    let notes = meter
        .drain_notes()
        .into_iter()
        .map(|note| UsageNote {
            level: if note.warn { LogLevel::Warn } else { LogLevel::Info },
            message: note.message,
        })
        .collect();
    Usage { requests, pacing, notes }
}

/// What an error of Pinecone means for a run; `now` is the time at which it happened.
fn pinecone_error(error: &pinecone::Error, now: u64) -> PortError {
    let class = if error.is_out_of_order() {
        ErrorClass::OutOfOrder
    } else if error.is_token_refused() {
        ErrorClass::StaleToken
    } else if error.is_quota() {
        ErrorClass::QuotaExhausted
    } else {
        ErrorClass::Failed
    };
    PortError { class, message: error.to_string(), until: error.quota_resets_at(now) }
}

/// What an error of Gemini means for a run; `now` is the time at which it happened.
fn gemini_error(error: &gemini::Error, now: u64) -> PortError {
    let class = if error.is_quota() { ErrorClass::QuotaExhausted } else { ErrorClass::Failed };
    PortError { class, message: error.to_string(), until: error.quota_resets_at(now) }
}

/// Both indexes are read in the same way.
macro_rules! read_index {
    ($index:ty) => {
        impl ReadIndex for $index {
            fn name(&self) -> &str {
                &self.0.description().name
            }

            fn list(
                &self,
                namespace: &Namespace,
                from: Option<String>,
            ) -> impl Stream<Item = Result<ListedPage, PortError>> + Send + 'static {
                let clock = self.1.clone();
                self.0.list_from(namespace, from).map(move |page| {
                    let pinecone::ListPage { ids, token, next } =
                        page.map_err(|error| pinecone_error(&error, clock()))?;
                    Ok(ListedPage { ids, token, next })
                })
            }

            fn list_unordered(
                &self,
                namespace: &Namespace,
            ) -> impl Stream<Item = Result<Page, PortError>> + Send + 'static {
                let clock = self.1.clone();
                self.0
                    .list_unordered(namespace)
                    .map(move |page| page.map_err(|error| pinecone_error(&error, clock())))
            }

            async fn fetch_metadata(
                &self,
                namespace: &Namespace,
                ids: &[String],
            ) -> Result<Vec<FetchedMetadata>, PortError> {
                self.0
                    .fetch_metadata(namespace, ids)
                    .await
                    .map_err(|error| pinecone_error(&error, (self.1)()))
            }

            async fn fetch_records(
                &self,
                namespace: &Namespace,
                ids: &[String],
            ) -> Result<Vec<FetchedRecord>, PortError> {
                self.0.fetch_records(namespace, ids).await.map_err(|error| pinecone_error(&error, (self.1)()))
            }

            async fn count(&self, namespace: &Namespace) -> Result<u64, PortError> {
                count(&self.0, namespace).await.map_err(|error| pinecone_error(&error, (self.1)()))
            }
        }
    };
}

read_index!(SourceReader);
read_index!(TargetWriter);

/// Records in a namespace; one that the statistics do not name has none.
async fn count(index: &Reader, namespace: &Namespace) -> Result<u64, pinecone::Error> {
    Ok(index.stats().await?.namespaces.get(namespace).copied().unwrap_or(0))
}

impl WriteIndex for TargetWriter {
    async fn upsert(
        &self,
        namespace: &Namespace,
        records: Vec<EncodedRecord>,
    ) -> Result<Upserted, PortError> {
        let outcome = self
            .0
            .upsert(namespace, records)
            .await
            .map_err(|failed| pinecone_error(&failed.error, (self.1)()))?;
        let refused = outcome.refused.into_iter().map(|refused| (refused.id, refused.message)).collect();
        Ok(Upserted { refused, lsn: outcome.lsn })
    }

    async fn visible(&self, namespace: &Namespace) -> Result<Option<u64>, PortError> {
        let Some(dimension) = self.0.description().dimension else { return Ok(None) };
        self.0.max_indexed_lsn(namespace, dimension).await.map_err(|error| pinecone_error(&error, (self.1)()))
    }
}

impl Embed for GeminiEmbedder {
    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedded>, PortError> {
        let outcomes = self.0.embed(texts).await.map_err(|error| gemini_error(&error, (self.1)()))?;
        Ok(outcomes.into_iter().map(|outcome| outcome.map_err(|refusal| refusal.message)).collect())
    }

    fn max_texts(&self) -> usize {
        gemini::MAX_BATCH
    }
}
