//! The index that is written to.

use std::{
    collections::BTreeMap,
    ops::{Deref, Range},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{HeaderMap, Method};
use upstream::{Endpoint, Kind, Meter, Pacer, Request, Unusable};

use crate::{
    Connection, EncodedRecord, Error, MAX_UPSERT_BYTES, MAX_UPSERT_RECORDS, Namespace, Quotas, Reader,
    batch::{halves, ranges},
    reader::is_no_namespace,
    record::print,
    wire::{RpcStatus, Upserted},
};

/// The new index: the read operations of [`Reader`], and upserting. There is no way to delete (law 2): neither a
/// method, nor an entry on the list of what its HTTP client sends.
///
/// ```compile_fail,E0599
/// async fn delete(target: &pinecone::TargetIndex, namespace: &pinecone::Namespace) {
///     target.delete(namespace, &[]).await;
/// }
/// ```
#[derive(Debug, Clone)]
pub struct TargetIndex {
    reader: Reader,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    quotas: Quotas,
    /// The limits of a namespace, made when it is first written to.
    pacers: Mutex<BTreeMap<Namespace, Pacers>>,
    /// How large the body of an upsert may be: lowered when one is refused for its size.
    body_bytes: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Pacers {
    upserts: Pacer,
    bytes: Pacer,
    queries: Pacer,
}

/// What an upsert did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpsertOutcome {
    /// How many records are in the target now.
    pub written: u64,
    /// The records that it does not take, each with the upstream's own message (law 9).
    pub refused: Vec<Refused>,
    /// The highest log sequence number that was answered: everything up to it is committed.
    pub lsn: Option<u64>,
}

/// A record that the target does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its id.
    pub id: String,
    /// Why, in the upstream's words.
    pub message: String,
}

/// An upsert that broke off.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct UpsertFailed {
    /// What was done before. Records are sent in the order given, so it is about the first ones; the records of the
    /// failed request itself may or may not have been written, and may be sent again.
    pub before: UpsertOutcome,
    /// Why it broke off.
    #[source]
    pub error: Error,
}

/// What may be sent to a target.
static READS_AND_UPSERT: [Endpoint; 6] = [
    Endpoint { label: "list", method: Method::GET, path: "/vectors/list" },
    Endpoint { label: "fetch", method: Method::GET, path: "/vectors/fetch" },
    Endpoint { label: "stats", method: Method::POST, path: "/describe_index_stats" },
    Endpoint { label: "namespaces", method: Method::GET, path: "/namespaces" },
    Endpoint { label: "upsert", method: Method::POST, path: "/vectors/upsert" },
    Endpoint { label: "query", method: Method::POST, path: "/query" },
];

/// The body limit is never lowered beyond this.
const SMALLEST_BODY_BYTES: usize = 200_000;

impl TargetIndex {
    /// Describes the index and makes a client for it. Its requests are counted under the service `target`.
    ///
    /// # Errors
    ///
    /// If it cannot be described, is a document index, is not ready, or has an address that is not safe for a key.
    pub async fn connect(connection: &Connection, name: &str) -> Result<Self, Error> {
        let description = connection.describe(name).await?;
        let http = connection.http("target", name, description.url()?, &READS_AND_UPSERT)?;
        let quotas = connection.options.quotas;
        let shared =
            Shared { quotas, pacers: Mutex::default(), body_bytes: AtomicUsize::new(MAX_UPSERT_BYTES) };
        Ok(Self { reader: Reader::new(http, description, &quotas), shared: Arc::new(shared) })
    }

    /// A clone that counts in this meter; connections and pacing stay shared.
    #[must_use]
    pub fn with_meter(&self, meter: Meter) -> Self {
        Self { reader: self.reader.with_meter(meter), shared: Arc::clone(&self.shared) }
    }

    /// What the index has taught about its limits so far, for people; nothing as long as it has said nothing.
    #[must_use]
    pub fn learned(&self) -> Vec<String> {
        let mut learned = self.reader.learned();
        let body_bytes = self.shared.body_bytes.load(Ordering::Relaxed);
        if body_bytes < MAX_UPSERT_BYTES {
            learned.push(format!("{body_bytes} bytes in an upsert: a larger one was refused"));
        }
        let pacers = self.shared.pacers.lock().unwrap_or_else(PoisonError::into_inner);
        for (namespace, Pacers { upserts, bytes, queries }) in &*pacers {
            let of_namespace = [upserts, bytes, queries].into_iter().filter_map(Pacer::learned);
            learned.extend(of_namespace.map(|words| format!("{words} (namespace {namespace})")));
        }
        learned
    }

    /// Writes records, whole and in the order given; one that exists is replaced. No two may have the same id.
    ///
    /// It takes as many requests as the limits on records and bytes demand. A request that is too large is halved;
    /// one that is refused for a record in it is bisected until that record stands alone, and its neighbours are
    /// written (law 9). Records of another dimension than the index has are refused without a request.
    ///
    /// Dropping the future stops it; a request under way may still be carried out.
    ///
    /// # Errors
    ///
    /// If a request failed for a reason that is not in the records; says what was written before.
    pub async fn upsert(
        &self,
        namespace: &Namespace,
        records: Vec<EncodedRecord>,
    ) -> Result<UpsertOutcome, UpsertFailed> {
        let mut outcome = UpsertOutcome::default();
        let records = self.without_wrong_dimensions(records, &mut outcome);
        let envelope = body(namespace, &[]).len();
        let limit = self.shared.body_bytes.load(Ordering::Relaxed).saturating_sub(envelope);
        let sizes = records.iter().map(|record| record.encoded_len() + 1);
        // A stack, so that the halves of a request go before what follows it.
        let mut pending: Vec<Range<usize>> = ranges(sizes, MAX_UPSERT_RECORDS, limit);
        pending.reverse();
        while let Some(range) = pending.pop() {
            let batch = &records[range.clone()];
            match self.upsert_once(namespace, batch).await {
                Ok(lsn) => {
                    outcome.written += batch.len() as u64;
                    outcome.lsn = outcome.lsn.max(lsn);
                }
                Err(error) if is_about_records(&error) => match batch {
                    [record] => outcome
                        .refused
                        .push(Refused { id: record.id().to_owned(), message: own_message(&error) }),
                    _ => {
                        let (first, second) = halves(&range);
                        pending.extend([second, first]);
                    }
                },
                Err(error) => return Err(UpsertFailed { before: outcome, error: error.into() }),
            }
        }
        Ok(outcome)
    }

    fn without_wrong_dimensions(
        &self,
        mut records: Vec<EncodedRecord>,
        outcome: &mut UpsertOutcome,
    ) -> Vec<EncodedRecord> {
        let Some(dimension) = self.reader.description().dimension.and_then(|size| usize::try_from(size).ok())
        else {
            return records;
        };
        records.retain(|record| {
            // A record without dense values may still be wanted for its sparse ones; that is the upstream's to say.
            let fits = record.dimension() == dimension || record.dimension() == 0;
            if !fits {
                outcome.refused.push(Refused {
                    id: record.id().to_owned(),
                    message: format!(
                        "its vector has {} values and the index takes {dimension}; nothing was sent",
                        record.dimension()
                    ),
                });
            }
            fits
        });
        records
    }

    async fn upsert_once(
        &self,
        namespace: &Namespace,
        batch: &[EncodedRecord],
    ) -> Result<Option<u64>, upstream::Error> {
        let body = body(namespace, batch);
        let size = body.len();
        let pacers = self.pacers(namespace);
        let request = Request::post("/vectors/upsert", body)
            .paced(&pacers.upserts, 1)
            .paced(&pacers.bytes, size as u64);
        let answer = self
            .reader
            .http()
            .send(&request, |response| {
                let Upserted { upserted_count } = serde_json::from_slice(&response.body)?;
                if upserted_count.0 != batch.len() as u64 {
                    return Err(Unusable(format!(
                        "{} records were sent and {} upserted",
                        batch.len(),
                        upserted_count.0
                    )));
                }
                Ok(lsn(&response.headers, ["x-pinecone-request-lsn", "x-pinecone-lsn-committed"]))
            })
            .await;
        if answer.as_ref().is_err_and(is_too_large) {
            self.shared.body_bytes.fetch_min((size / 2).max(SMALLEST_BODY_BYTES), Ordering::Relaxed);
        }
        answer
    }

    /// Up to which log sequence number the writes to a namespace can be seen by queries: by a query for the nearest
    /// record of any vector. `None` if the answer does not say, or if the namespace does not exist.
    ///
    /// # Errors
    ///
    /// If the request failed.
    pub async fn max_indexed_lsn(&self, namespace: &Namespace, dimension: u32) -> Result<Option<u64>, Error> {
        let mut body = br#"{"topK":1,"vector":[1"#.to_vec();
        for _ in 1..dimension {
            body.extend_from_slice(b",0");
        }
        body.extend_from_slice(br#"],"includeValues":false,"includeMetadata":false"#);
        print_namespace(&mut body, namespace);
        body.push(b'}');
        let request = Request::post("/query", body).paced(&self.pacers(namespace).queries, 1);
        let answer = self
            .reader
            .http()
            .send(&request, |response| {
                // Parsed only to be sure that it is an answer.
                let _: serde::de::IgnoredAny = serde_json::from_slice(&response.body)?;
                Ok(lsn(&response.headers, ["x-pinecone-max-indexed-lsn", "x-pinecone-lsn-reconciled"]))
            })
            .await;
        match answer {
            Err(error) if is_no_namespace(&error) => Ok(None),
            answer => Ok(answer?),
        }
    }

    fn pacers(&self, namespace: &Namespace) -> Pacers {
        let quotas = &self.shared.quotas;
        let mut pacers = self.shared.pacers.lock().unwrap_or_else(PoisonError::into_inner);
        pacers
            .entry(namespace.clone())
            .or_insert_with(|| Pacers {
                upserts: Pacer::per_second(quotas.upsert_per_second, "upserts"),
                bytes: Pacer::per_second(quotas.upsert_bytes_per_second, "bytes of upserts"),
                queries: Pacer::per_second(quotas.query_per_second, "queries"),
            })
            .clone()
    }
}

impl Deref for TargetIndex {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// The body of an upsert.
fn body(namespace: &Namespace, batch: &[EncodedRecord]) -> Vec<u8> {
    let records: usize = batch.iter().map(|record| record.encoded_len() + 1).sum();
    let mut body = Vec::with_capacity(records + namespace.as_str().len() * 2 + 64);
    body.extend_from_slice(br#"{"vectors":["#);
    for (position, record) in batch.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(record.json());
    }
    body.push(b']');
    print_namespace(&mut body, namespace);
    body.push(b'}');
    body
}

fn print_namespace(body: &mut Vec<u8>, namespace: &Namespace) {
    if let Some(name) = namespace.parameter() {
        body.extend_from_slice(br#","namespace":"#);
        print(body, name);
    }
}

fn lsn(headers: &HeaderMap, names: [&str; 2]) -> Option<u64> {
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok()?.trim().parse().ok())
}

/// Whether an upsert was refused for its size: a smaller one may pass.
fn is_too_large(error: &upstream::Error) -> bool {
    let says_so = || {
        let message = error.message().to_ascii_lowercase();
        ["too large", "length too large", "exceeds the maximum"].iter().any(|words| message.contains(words))
    };
    *error.kind() == Kind::TooLarge || (error.status() == Some(400) && says_so())
}

/// Whether an upsert was refused for something in its records, so that a part of it may pass. A 400 in plain text
/// comes from the layer before the service and is about the request; one about an alias is about the namespace.
fn is_about_records(error: &upstream::Error) -> bool {
    let by_the_service = || RpcStatus::read(error).is_some_and(|status| !status.message.contains("ALIAS"));
    is_too_large(error) || (matches!(error.status(), Some(400 | 422)) && by_the_service())
}

/// What the service said, without the status around it.
fn own_message(error: &upstream::Error) -> String {
    RpcStatus::read(error)
        .map(|status| status.message)
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::Metadata;

    #[test]
    fn the_default_namespace_is_not_named() {
        let record = EncodedRecord::new("a", &[1.0], None, &Metadata::new()).unwrap();
        let named = Namespace::parse("n\"s").unwrap();
        assert_eq!(
            body(&Namespace::default(), std::slice::from_ref(&record)),
            br#"{"vectors":[{"id":"a","values":[1.0]}]}"#
        );
        assert_eq!(
            body(&named, &[record.clone(), record]),
            br#"{"vectors":[{"id":"a","values":[1.0]},{"id":"a","values":[1.0]}],"namespace":"n\"s"}"#
        );
    }

    proptest! {
        #[test]
        fn no_body_is_larger_than_planned(
            lengths in vec(0_usize..400, 1..60), limit in 500_usize..3000, name in "[a-z\"]{0,20}",
        ) {
            let namespace = Namespace::parse(&name).unwrap();
            let records: Vec<_> = lengths
                .iter()
                .map(|length| {
                    let metadata = Metadata::from_iter([("t".to_owned(), "x".repeat(*length).into())]);
                    EncodedRecord::new("id", &[1.0], None, &metadata).unwrap()
                })
                .collect();
            let envelope = body(&namespace, &[]).len();
            let sizes = records.iter().map(|record| record.encoded_len() + 1);
            for range in ranges(sizes, MAX_UPSERT_RECORDS, limit - envelope) {
                let body = body(&namespace, &records[range.clone()]);
                prop_assert!(body.len() <= limit || range.len() == 1);
                prop_assert!(body.capacity() >= body.len());
            }
        }
    }
}
