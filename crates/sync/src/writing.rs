//! The last stage: records are written in batches that are bounded by count and by bytes.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use pinecone::{EncodedRecord, MAX_UPSERT_BYTES, MAX_UPSERT_RECORDS};
use protocol::{Counts, Step};
use store::Vector;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use crate::{
    context::{Context, FlowStage},
    embedding::{Paid, Ready, settle_failed},
    ports::{PortError, Upserted, WriteIndex},
    record::Item,
    settings::MAX_UNWRITTEN_TEXTS,
};

/// Bytes of an upsert's body around its records: the namespace and the brackets.
const ENVELOPE: usize = 1_024;

/// What is known of a record while its upsert is under way. The permit goes back when it is settled.
struct Sent {
    item: Item,
    vector: Option<Vector>,
    how: Counts,
    _paid: Option<Paid>,
}

type Answer = (Vec<Sent>, Result<Upserted, PortError>);

/// A batch that is being filled.
struct Filling {
    batch: Vec<Ready>,
    bytes: usize,
    /// The record that did not fit: the batch is full without it, and it begins the next one.
    held: Option<Ready>,
    deadline: Instant,
}

impl Filling {
    fn new() -> Self {
        Self { batch: Vec::new(), bytes: ENVELOPE, held: None, deadline: Instant::now() }
    }

    fn push(&mut self, next: Ready, linger: Duration) {
        let length = next.record.encoded_len() + 1;
        if self.batch.is_empty() {
            self.deadline = Instant::now() + linger;
        } else if self.bytes + length > MAX_UPSERT_BYTES {
            self.held = Some(next);
            return;
        }
        self.bytes += length;
        self.batch.push(next);
    }

    fn is_full(&self, size: usize) -> bool {
        self.held.is_some() || self.batch.len() >= size
    }

    /// The batch, to be sent.
    fn take(&mut self, linger: Duration) -> Vec<Ready> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = ENVELOPE;
        if let Some(held) = self.held.take() {
            self.push(held, linger);
        }
        batch
    }
}

/// Writes records until the channel ends, even when the run winds down: they are paid for.
pub(crate) async fn write<S, T>(context: Arc<Context<S, T>>, mut ready: mpsc::Receiver<Ready>)
where
    S: Send + Sync + 'static,
    T: WriteIndex,
{
    // A batch may never wait for more texts than may be paid for and not yet written.
    let size = context.settings.upsert_batch.clamp(1, MAX_UPSERT_RECORDS.min(MAX_UNWRITTEN_TEXTS / 2));
    let concurrency = context.settings.upsert_concurrency.max(1);
    let linger = context.settings.linger;
    let mut filling = Filling::new();
    let mut open = true;
    let mut failed = false;
    let mut calls: JoinSet<Answer> = JoinSet::new();
    while open || !filling.batch.is_empty() || !calls.is_empty() {
        let free = calls.len() < concurrency;
        let filled = !filling.batch.is_empty();
        // When the run winds down nothing more is worth waiting for.
        let hurries = context.wind_down.is_cancelled() && ready.is_empty();
        if free && filled && (filling.is_full(size) || !open || hurries) {
            calls.spawn(send(context.clone(), filling.take(linger)));
            continue;
        }
        tokio::select! {
            biased;
            Some(answer) = calls.join_next() => match answer {
                Ok((sent, Ok(upserted))) => settle(&context, sent, upserted).await,
                Ok((_, Err(error))) => {
                    context.fail(Step::Migrate, error);
                    failed = true;
                }
                Err(panicked) => {
                    context.fail(Step::Migrate, PortError::internal(&panicked));
                    failed = true;
                }
            },
            next = ready.recv(), if open && !filling.is_full(size) => match next {
                // The target takes no more writes: these are read and paid for again by the next run, and bounded.
                Some(_) if failed => {}
                Some(next) => filling.push(next, linger),
                None => open = false,
            },
            () = tokio::time::sleep_until(filling.deadline), if free && filled => {
                calls.spawn(send(context.clone(), filling.take(linger)));
            }
            () = context.wind_down.cancelled(), if filled && !hurries && !context.wind_down.is_cancelled() => {}
        }
        if failed {
            filling = Filling::new();
        }
        context.waiting(FlowStage::Upsert, filling.batch.len() + ready.len());
    }
}

async fn send<S, T: WriteIndex>(context: Arc<Context<S, T>>, batch: Vec<Ready>) -> Answer {
    let mut sent = Vec::with_capacity(batch.len());
    let mut records: Vec<EncodedRecord> = Vec::with_capacity(batch.len());
    for Ready { record, item, vector, how, paid } in batch {
        sent.push(Sent { item, vector, how, _paid: paid });
        records.push(record);
    }
    let answer = context.timed(FlowStage::Upsert, context.target.upsert(&context.namespace, records)).await;
    (sent, answer)
}

/// Makes known what became of the records of an upsert.
async fn settle<S, T>(context: &Context<S, T>, sent: Vec<Sent>, upserted: Upserted) {
    if let Some(lsn) = upserted.lsn {
        context.written.fetch_max(lsn, Ordering::Relaxed);
    }
    let mut refused: HashMap<String, String> = upserted.refused.into_iter().collect();
    let mut written = Vec::with_capacity(sent.len());
    let mut sum = Counts::default();
    for Sent { item, vector, how, _paid } in sent {
        match refused.remove(&item.id) {
            Some(message) => settle_failed(context, item, message).await,
            None => {
                let (now, done) = item.written(vector, how);
                sum.add(&now);
                written.push(done);
            }
        }
    }
    context.recorder.add(&sum);
    context.journal.settled(written).await;
}
