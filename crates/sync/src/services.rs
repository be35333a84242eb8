//! The real services behind the ports.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use gemini::Gemini;
use pinecone::{EncodedRecord, FetchedMetadata, FetchedRecord, Namespace, Reader, SourceIndex, TargetIndex};
use protocol::{EndpointUse, LogLevel, Pacing};
use tokio::time::Instant;
use upstream::Meter;

use crate::{
    ports::{Embed, Embedded, ErrorClass, Page, PortError, ReadIndex, Upserted, WriteIndex},
    recorder::Clock,
    run::{Services, Usage, UsageNote},
};

/// The old index.
#[derive(Debug, Clone)]
pub struct SourceReader(SourceIndex);

/// The new index.
#[derive(Debug, Clone)]
pub struct TargetWriter(TargetIndex);

/// The embedding service.
#[derive(Debug, Clone)]
pub struct GeminiEmbedder(Gemini);

/// The services of one run: connections and pacing are shared with other runs, counters are its own.
pub fn connected(
    source: &SourceIndex,
    target: &TargetIndex,
    gemini: Option<&Gemini>,
    clock: Clock,
) -> Services<SourceReader, TargetWriter, GeminiEmbedder> {
    let meter = Meter::new();
    Services {
        source: SourceReader(source.with_meter(meter.clone())),
        target: TargetWriter(target.with_meter(meter.clone())),
        embedder: gemini.map(|gemini| GeminiEmbedder(gemini.with_meter(meter.clone()))),
        probe: Arc::new(move || usage(&meter, &clock)),
    }
}

fn usage(meter: &Meter, clock: &Clock) -> Usage {
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

impl From<pinecone::Error> for PortError {
    fn from(error: pinecone::Error) -> Self {
        let class = if error.is_out_of_order() {
            ErrorClass::OutOfOrder
        } else if error.is_quota() {
            ErrorClass::QuotaExhausted
        } else {
            ErrorClass::Failed
        };
        Self { class, message: error.to_string() }
    }
}

impl From<gemini::Error> for PortError {
    fn from(error: gemini::Error) -> Self {
        let class = if error.is_quota() { ErrorClass::QuotaExhausted } else { ErrorClass::Failed };
        Self { class, message: error.to_string() }
    }
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
            ) -> impl Stream<Item = Result<Page, PortError>> + Send + 'static {
                self.0.list(namespace).map(|page| page.map_err(PortError::from))
            }

            fn list_unordered(
                &self,
                namespace: &Namespace,
            ) -> impl Stream<Item = Result<Page, PortError>> + Send + 'static {
                self.0.list_unordered(namespace).map(|page| page.map_err(PortError::from))
            }

            async fn fetch_metadata(
                &self,
                namespace: &Namespace,
                ids: &[String],
            ) -> Result<Vec<FetchedMetadata>, PortError> {
                Ok(self.0.fetch_metadata(namespace, ids).await?)
            }

            async fn fetch_records(
                &self,
                namespace: &Namespace,
                ids: &[String],
            ) -> Result<Vec<FetchedRecord>, PortError> {
                Ok(self.0.fetch_records(namespace, ids).await?)
            }

            async fn count(&self, namespace: &Namespace) -> Result<u64, PortError> {
                count(&self.0, namespace).await
            }
        }
    };
}

read_index!(SourceReader);
read_index!(TargetWriter);

/// Records in a namespace; one that the statistics do not name has none.
async fn count(index: &Reader, namespace: &Namespace) -> Result<u64, PortError> {
    Ok(index.stats().await?.namespaces.get(namespace).copied().unwrap_or(0))
}

impl WriteIndex for TargetWriter {
    async fn upsert(
        &self,
        namespace: &Namespace,
        records: Vec<EncodedRecord>,
    ) -> Result<Upserted, PortError> {
        let outcome =
            self.0.upsert(namespace, records).await.map_err(|failed| PortError::from(failed.error))?;
        let refused = outcome.refused.into_iter().map(|refused| (refused.id, refused.message)).collect();
        Ok(Upserted { refused })
    }
}

impl Embed for GeminiEmbedder {
    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedded>, PortError> {
        let outcomes = self.0.embed(texts).await?;
        Ok(outcomes.into_iter().map(|outcome| outcome.map_err(|refusal| refusal.message)).collect())
    }

    fn max_texts(&self) -> usize {
        gemini::MAX_BATCH
    }
}
