//! The front half of every run: reading what was found, and saying which record is what.

use std::{collections::HashMap, future::Future, sync::Arc};

use pinecone::{FetchedMetadata, Metadata};
use protocol::{Category, Change, Counts, FailedRecord, Reuse, Step};
use store::{Found, LedgerEntry, Pending, Settled};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    batch::Batches,
    compare::changes,
    context::{Context, FlowStage},
    journal::Done,
    plan::{Action, Contribution, Work, classified},
    ports::{PortError, ReadIndex},
    record::{Added, Candidate, Item, Shift, TextHash, prepare, text, text_hash, values_digest},
};

/// A record that was classified before: by a plan, by a run in which it failed, or by this run before it stopped.
#[derive(Debug, Clone)]
pub(crate) struct Again {
    pub id: String,
    /// What the plan says that it is, and the digest of what would be written.
    pub planned: Option<(Action, Option<store::Digest>)>,
    pub then: Then,
    /// How many runs have tried it, this one included.
    pub attempts: u32,
}

impl Again {
    /// A record that was just found.
    fn first(id: String) -> Self {
        Self { id, planned: None, then: Then::Unknown, attempts: 1 }
    }
}

/// What was known of the target when a record was classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It did not have the record.
    Absent,
    /// The listing or the plan counted the record there.
    Counted,
    /// Nothing that the count of its records rests on.
    Unknown,
}

impl From<Found> for Then {
    fn from(found: Found) -> Self {
        match found {
            Found::Missing => Self::Absent,
            Found::Both => Self::Counted,
        }
    }
}

impl Then {
    /// What has changed in the target until it was read again.
    const fn until(self, is_there: bool) -> Shift {
        match (self, is_there) {
            (Self::Absent, true) => Shift::Arrived,
            (Self::Counted, false) => Shift::Vanished,
            _ => Shift::None,
        }
    }
}

/// Where records go that have to be written; an analysis has nowhere to send them.
#[derive(Clone, Default)]
pub(crate) struct Outlets {
    pub migrate: Option<mpsc::Sender<Candidate>>,
    pub update: Option<mpsc::Sender<Candidate>>,
}

/// What became of a batch that was read.
#[derive(Default)]
struct Batch {
    done: Vec<Done>,
    write: Vec<Candidate>,
}

/// A record that was read on both sides, as far as it has one there.
struct Read {
    again: Again,
    source: FetchedMetadata,
    target: Option<Metadata>,
    /// Its differing keys, if it is in both.
    changes: Vec<Change>,
}

/// Reads the ids that are in the source only.
pub(crate) async fn read_missing<S: ReadIndex, T: ReadIndex>(
    context: Arc<Context<S, T>>,
    ids: mpsc::Receiver<Vec<String>>,
    out: Outlets,
) {
    let batches = Batches::new(ids, context.settings.fetch_batch, context.settings.linger);
    in_parallel(&context.clone(), batches, move |ids: Vec<String>| {
        let (context, out) = (context.clone(), out.clone());
        async move {
            let mut records = fetch_from_source(&context, &ids).await?;
            let mut batch = Batch::default();
            for id in ids {
                match records.remove(&id) {
                    None => batch.done.push(unreadable(&context, id, context.source.name())),
                    Some(source) => {
                        let again = Again::first(id);
                        let read = Read { again, source, target: None, changes: Vec::new() };
                        decide(&context, read, Kept::default(), &mut batch);
                    }
                }
            }
            hand_on(&context, batch, &out).await;
            Ok(())
        }
    })
    .await;
}

/// Reads the ids that are in both, and compares them.
pub(crate) async fn read_both<S: ReadIndex, T: ReadIndex>(
    context: Arc<Context<S, T>>,
    ids: mpsc::Receiver<Vec<String>>,
    out: Outlets,
) {
    let batches = Batches::new(ids, context.settings.fetch_batch, context.settings.linger);
    in_parallel(&context.clone(), batches, move |ids: Vec<String>| {
        let (context, out) = (context.clone(), out.clone());
        async move {
            let (mut sources, mut targets) = futures::try_join!(
                fetch_from_source(&context, &ids),
                fetch_from_target(&context, &ids, &ids)
            )?;
            let mut batch = Batch::default();
            let mut changed = Vec::new();
            for id in ids {
                match (sources.remove(&id), targets.remove(&id)) {
                    (Some(source), Some(target)) => {
                        let again = Again::first(id);
                        changed.extend(compare(&context, again, source, target, &mut batch));
                    }
                    (None, _) => batch.done.push(unreadable(&context, id, context.source.name())),
                    (_, None) => batch.done.push(unreadable(&context, id, context.target.name())),
                }
            }
            decide_changed(&context, changed, &mut batch).await?;
            hand_on(&context, batch, &out).await;
            Ok(())
        }
    })
    .await;
}

/// Reads what was classified before, on both sides: only what is there now counts.
pub(crate) async fn read_again<S: ReadIndex, T: ReadIndex>(
    context: Arc<Context<S, T>>,
    records: mpsc::Receiver<Vec<Again>>,
    out: Outlets,
) {
    let batches = Batches::new(records, context.settings.fetch_batch, context.settings.linger);
    in_parallel(&context.clone(), batches, move |again: Vec<Again>| {
        let (context, out) = (context.clone(), out.clone());
        async move {
            let ids: Vec<String> = again.iter().map(|again| again.id.clone()).collect();
            // What was not in the target when it was found is not expected there, and is asked for once.
            let known: Vec<String> = again
                .iter()
                .filter(|again| again.then != Then::Absent)
                .map(|again| again.id.clone())
                .collect();
            let (mut sources, mut targets) = futures::try_join!(
                fetch_from_source(&context, &ids),
                fetch_from_target(&context, &ids, &known)
            )?;
            if context.retries {
                tell_missing(&context, &again, &targets).await;
            }
            let mut batch = Batch::default();
            let mut changed = Vec::new();
            for again in again {
                let target = targets.remove(&again.id);
                match (sources.remove(&again.id), target) {
                    (None, target) => batch.done.push(gone(&context, &again, target.is_some())),
                    (Some(source), None) => {
                        let read = Read { again, source, target: None, changes: Vec::new() };
                        decide(&context, read, Kept::default(), &mut batch);
                    }
                    (Some(_), Some(_)) if !context.compares => {
                        batch.done.push(in_sync(&context, &again));
                    }
                    (Some(source), Some(target)) => {
                        changed.extend(compare(&context, again, source, target, &mut batch));
                    }
                }
            }
            decide_changed(&context, changed, &mut batch).await?;
            hand_on(&context, batch, &out).await;
            Ok(())
        }
    })
    .await;
}

/// Makes durable which of the failures that are tried again are not in the target, before any of them is written: should
/// the process die between a write and its acknowledgement in the journal, the record counts as arrived when the run goes
/// on.
async fn tell_missing<S, T>(context: &Context<S, T>, again: &[Again], targets: &HashMap<String, Metadata>) {
    let missing: Vec<Pending> = again
        .iter()
        .filter(|again| again.then != Then::Absent && !targets.contains_key(&again.id))
        .map(|again| Pending { id: again.id.clone(), found: Found::Missing })
        .collect();
    if !missing.is_empty() {
        context.journal.found(missing).await;
        context.journal.flush().await;
    }
}

/// Counts the ids that are in both without reading them: a re-embedding leaves them as they are.
pub(crate) async fn count_both<S, T>(context: Arc<Context<S, T>>, mut ids: mpsc::Receiver<Vec<String>>) {
    while let Some(chunk) = ids.recv().await {
        let done: Vec<Done> = chunk.into_iter().map(|id| in_sync(&context, &Again::first(id))).collect();
        settle(&context, done).await;
    }
}

/// Works on batches, a few at once, until they end or the run winds down.
async fn in_parallel<S, T, I, F, Fut>(context: &Arc<Context<S, T>>, mut batches: Batches<I>, work: F)
where
    F: Fn(Vec<I>) -> Fut,
    Fut: Future<Output = Result<(), PortError>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut open = true;
    while open || !tasks.is_empty() {
        tokio::select! {
            biased;
            // What is being read is dropped with its tasks: nothing was decided from it, and it stays pending.
            () = context.wind_down.cancelled() => return context.leave(),
            Some(done) = tasks.join_next() => match done {
                Ok(Ok(())) => {}
                Ok(Err(error)) => context.fail(Step::Compare, error),
                Err(panicked) => context.fail(Step::Compare, PortError::internal(&panicked)),
            },
            batch = batches.next(), if open && tasks.len() < context.settings.fetch_concurrency => match batch {
                Some(batch) => { tasks.spawn(work(batch)); }
                None => open = false,
            },
        }
    }
}

/// Reads records from the source. What a first answer left out is asked for once more, because a service that was
/// just written to may not show everything at once.
async fn fetch_from_source<S: ReadIndex, T>(
    context: &Context<S, T>,
    ids: &[String],
) -> Result<HashMap<String, FetchedMetadata>, PortError> {
    let mut records = fetch_once_from_source(context, ids).await?;
    let absent = absent(ids, |id| records.contains_key(id));
    if !absent.is_empty() {
        records.extend(fetch_once_from_source(context, &absent).await?);
    }
    Ok(records)
}

async fn fetch_once_from_source<S: ReadIndex, T>(
    context: &Context<S, T>,
    ids: &[String],
) -> Result<HashMap<String, FetchedMetadata>, PortError> {
    let fetch = context.source.fetch_metadata(&context.namespace, ids);
    let records = context.timed(FlowStage::Fetch, fetch).await?;
    Ok(records.into_iter().map(|record| (record.id.clone(), record)).collect())
}

/// The same from the target, for those that are expected there.
async fn fetch_from_target<S, T: ReadIndex>(
    context: &Context<S, T>,
    ids: &[String],
    expected: &[String],
) -> Result<HashMap<String, Metadata>, PortError> {
    let mut records = fetch_once_from_target(context, ids).await?;
    let absent = absent(expected, |id| records.contains_key(id));
    if !absent.is_empty() {
        records.extend(fetch_once_from_target(context, &absent).await?);
    }
    Ok(records)
}

async fn fetch_once_from_target<S, T: ReadIndex>(
    context: &Context<S, T>,
    ids: &[String],
) -> Result<HashMap<String, Metadata>, PortError> {
    let fetch = context.target.fetch_metadata(&context.namespace, ids);
    let records = context.timed(FlowStage::Fetch, fetch).await?;
    Ok(records.into_iter().map(|record| (record.id, record.metadata)).collect())
}

fn absent(ids: &[String], known: impl Fn(&str) -> bool) -> Vec<String> {
    ids.iter().filter(|id| !known(id)).cloned().collect()
}

/// Makes what became of a batch known: to the counters, to the journal, and to those who write.
async fn hand_on<S, T>(context: &Context<S, T>, batch: Batch, out: &Outlets) {
    settle(context, batch.done).await;
    for candidate in batch.write {
        context.recorder.add(&candidate.item.read());
        let outlet = if candidate.item.phase == Step::Migrate { &out.migrate } else { &out.update };
        // If nobody writes any more, the run winds down, and the record stays pending.
        if let Some(outlet) = outlet {
            drop(outlet.send(candidate).await);
        }
    }
}

async fn settle<S, T>(context: &Context<S, T>, done: Vec<Done>) {
    for done in &done {
        context.recorder.add(&done.counts);
        if let Some(failure) = &done.failure {
            context.recorder.failed(failure);
        }
    }
    context.journal.settled(done).await;
}

fn contribution<S, T>(context: &Context<S, T>, action: Action, id: &str) -> Option<Box<Contribution>> {
    context
        .plans
        .then(|| Box::new(Contribution { digest: classified(action, id, &[]), ..Contribution::default() }))
}

fn unreadable<S, T>(context: &Context<S, T>, id: String, index: &str) -> Done {
    let message = format!(
        "listed in {index}, but not returned by two fetches: deleted meanwhile or not yet visible; run again to see"
    );
    let at = context.recorder.now();
    Done {
        counts: Counts { failed: 1, unreadable: 1, ..Counts::default() },
        contribution: contribution(context, Action::Unreadable, &id),
        settled: Settled { id: id.clone(), ..Settled::default() },
        failure: Some(FailedRecord { id, step: Step::Compare, message, attempts: 1, at }),
    }
}

fn gone<S, T>(context: &Context<S, T>, again: &Again, is_there: bool) -> Done {
    let counts = Counts { gone: 1, ..again.then.until(is_there).counts() };
    let contribution = contribution(context, Action::Gone, &again.id);
    Done { contribution, ..Done::behind(&again.id, Category::Gone, counts) }
}

fn in_sync<S, T>(context: &Context<S, T>, again: &Again) -> Done {
    let counts = Counts { in_sync: 1, ..again.then.until(true).counts() };
    let contribution = contribution(context, Action::Keep, &again.id);
    moved(Done { contribution, ..Done::behind(&again.id, Category::InSync, counts) }, again)
}

fn no_text<S, T>(context: &Context<S, T>, again: &Again, is_there: bool) -> Done {
    let counts = Counts { no_text: 1, ..again.then.until(is_there).counts() };
    let contribution = contribution(context, Action::Skip, &again.id);
    moved(Done { contribution, ..Done::behind(&again.id, Category::NoText, counts) }, again)
}

/// A record that was planned to be written and is not.
fn moved(mut done: Done, again: &Again) -> Done {
    if again.planned.is_some() {
        done.counts.moved = 1;
        done.settled.categories.push(Category::Moved);
    }
    done
}

/// Compares a record that is in both. Only what differs comes back.
fn compare<S, T>(
    context: &Context<S, T>,
    again: Again,
    source: FetchedMetadata,
    target: Metadata,
    batch: &mut Batch,
) -> Option<Read> {
    let changes = changes(&source.metadata, &target, &context.settings.added_key);
    if changes.is_empty() {
        batch.done.push(in_sync(context, &again));
        return None;
    }
    Some(Read { again, source, target: Some(target), changes })
}

/// Which vector of the target may stay, and why.
#[derive(Debug, Default)]
struct Kept {
    vector: Option<Vec<f32>>,
    same_text: bool,
    proven: bool,
}

/// Decides on records that differ, once it is known which vectors of theirs may stay.
async fn decide_changed<S, T: ReadIndex>(
    context: &Context<S, T>,
    changed: Vec<Read>,
    batch: &mut Batch,
) -> Result<(), PortError> {
    let mut kept = kept_vectors(context, &changed).await?;
    for read in changed {
        let kept = kept.remove(&read.again.id).unwrap_or_default();
        decide(context, read, kept, batch);
    }
    Ok(())
}

/// Looks for vectors that may stay, among the records whose text did not change. The ledger is a hint: a vector counts
/// as proven only if the target returns the very numbers that tain wrote.
async fn kept_vectors<S, T: ReadIndex>(
    context: &Context<S, T>,
    changed: &[Read],
) -> Result<HashMap<String, Kept>, PortError> {
    if context.reuse == Reuse::Never && !context.plans {
        // Nobody would use the answer; a plan tells how many could have been kept.
        return Ok(HashMap::new());
    }
    let key = &context.settings.text_key;
    let same: HashMap<String, TextHash> = changed
        .iter()
        .filter_map(|read| {
            let text_now = text(&read.source.metadata, key)?;
            let same = text(read.target.as_ref()?, key)? == text_now;
            same.then(|| (read.again.id.clone(), text_hash(text_now)))
        })
        .collect();
    if same.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<String> = same.keys().cloned().collect();
    let known = context.store.ledger(&context.ledger, &ids).await.map_err(|error| store_failed(&error))?;
    let known: HashMap<String, LedgerEntry> = known
        .into_iter()
        .filter(|entry| {
            entry.vector.made_by == context.settings.made_by
                && same.get(&entry.id).is_some_and(|text| *text == entry.vector.text)
        })
        .map(|entry| (entry.id.clone(), entry))
        .collect();
    let mut kept: HashMap<String, Kept> = same
        .keys()
        .map(|id| (id.clone(), Kept { vector: None, same_text: true, proven: known.contains_key(id) }))
        .collect();
    let mut wanted: Vec<String> = match context.reuse {
        Reuse::Never => return Ok(kept),
        Reuse::Proven => known.keys().cloned().collect(),
        Reuse::SameText => ids,
    };
    if wanted.is_empty() {
        return Ok(kept);
    }
    wanted.sort_unstable();
    let fetch = context.target.fetch_records(&context.namespace, &wanted);
    for record in context.timed(FlowStage::Fetch, fetch).await? {
        let Some(kept) = kept.get_mut(&record.id) else { continue };
        let fits = record.values.len() == context.settings.dimensions as usize;
        let proven =
            known.get(&record.id).is_some_and(|entry| entry.vector.values == values_digest(&record.values));
        kept.proven = fits && proven;
        if fits && (proven || context.reuse == Reuse::SameText) {
            kept.vector = Some(record.values);
        }
    }
    Ok(kept)
}

/// A store that cannot be read ends the run: what it would have told is not guessed.
pub(crate) fn store_failed(error: &store::StoreError) -> PortError {
    PortError::failed(error.to_string())
}

/// Decides what happens to a record that is missing or changed.
fn decide<S, T>(context: &Context<S, T>, read: Read, kept: Kept, batch: &mut Batch) {
    let settings = &context.settings;
    let Read { again, source, target, changes } = read;
    let Some(text) = text(&source.metadata, &settings.text_key) else {
        batch.done.push(no_text(context, &again, target.is_some()));
        return;
    };
    let (hash, tokens) = (text_hash(text), gemini::estimate_tokens(text));
    let phase = if target.is_none() { Step::Migrate } else { Step::Update };
    let action = if target.is_none() { Action::Migrate } else { Action::Update };
    let reuses = kept.vector.is_some();
    let mut item = Item {
        id: again.id,
        phase,
        added: Added::Set,
        over_long: tokens > settings.input_tokens && !reuses,
        moved: again.planned.as_ref().is_some_and(|(planned, _)| *planned != action),
        shift: again.then.until(target.is_some()),
        attempts: again.attempts,
    };
    let prepared = match prepare(settings, context.overwrite, source, target.as_ref()) {
        Ok(prepared) => prepared,
        Err(message) => {
            item.over_long = false;
            let contribution = contribution(context, Action::Unreadable, &item.id);
            let (_, done) = item.failed(message, context.recorder.now());
            batch.done.push(Done { contribution, ..done });
            return;
        }
    };
    item.added = prepared.added;
    let planned = again.planned.and_then(|(_, digest)| digest);
    let digest = (context.plans || planned.is_some()).then(|| {
        let content = serde_json::to_vec(&prepared.metadata).unwrap_or_default();
        classified(action, &item.id, &content)
    });
    item.moved |= planned.is_some() && planned != digest;
    if context.plans {
        let work = Work {
            text: hash,
            tokens,
            bytes: prepared.bytes,
            reuses,
            same_text: kept.same_text,
            proven: kept.proven,
        };
        let differs = (phase == Step::Update).then(|| (item.id.clone(), changes));
        let contribution = Contribution { digest: digest.unwrap_or_default(), work: Some(work), differs };
        let settled = Settled {
            categories: item.categories(),
            digest,
            text: (!reuses).then_some(hash),
            vector: None,
            id: item.id.clone(),
        };
        batch.done.push(Done {
            settled,
            counts: item.read(),
            failure: None,
            contribution: Some(Box::new(contribution)),
        });
        return;
    }
    batch.write.push(Candidate {
        item,
        metadata: prepared.metadata,
        sparse: prepared.sparse,
        text_hash: hash,
        vector: kept.vector,
    });
}
