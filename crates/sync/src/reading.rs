//! The front half of every run: reading what the merge found, and saying which record is what.

use std::{collections::HashMap, future::Future, sync::Arc};

use pinecone::{FetchedMetadata, Metadata};
use protocol::{Category, Reuse, Step};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    batch::Batches,
    compare::changes,
    context::{Context, FlowStage},
    plan::{Action, Work},
    ports::{PortError, ReadIndex},
    record::{Added, Candidate, prepare, text},
};

/// What is known of a record in the target.
struct InTarget {
    metadata: Metadata,
    /// Only read where the reuse policy may need it.
    vector: Option<Vec<f32>>,
}

/// Reads the ids that are in the source only, and hands on those that have a text.
pub(crate) async fn read_missing<S: ReadIndex, T: ReadIndex>(
    context: Arc<Context<S, T>>,
    ids: mpsc::Receiver<Vec<String>>,
    out: mpsc::Sender<Candidate>,
) {
    let batches = Batches::new(ids, context.settings.fetch_batch, context.settings.linger);
    let work = {
        let context = context.clone();
        move |ids: Vec<String>| {
            let (context, out) = (context.clone(), out.clone());
            async move {
                let mut records = fetch_from_source(&context, &ids).await?;
                for id in ids {
                    let Some(record) = records.remove(&id) else {
                        unreadable(&context, &id, context.source.name());
                        continue;
                    };
                    if let Some(candidate) = classify(&context, Step::Migrate, record, None)
                        && out.send(candidate).await.is_err()
                    {
                        return Ok(());
                    }
                }
                Ok(())
            }
        }
    };
    in_parallel(&context, batches, work).await;
}

/// Reads the ids that are in both, compares them, and hands on those that changed and have a text.
pub(crate) async fn read_both<S: ReadIndex, T: ReadIndex>(
    context: Arc<Context<S, T>>,
    ids: mpsc::Receiver<Vec<String>>,
    out: mpsc::Sender<Candidate>,
) {
    let batches = Batches::new(ids, context.settings.fetch_batch, context.settings.linger);
    let work = {
        let context = context.clone();
        move |ids: Vec<String>| {
            let (context, out) = (context.clone(), out.clone());
            async move {
                let (mut sources, mut targets) =
                    futures::try_join!(fetch_from_source(&context, &ids), fetch_from_target(&context, &ids))?;
                for id in ids {
                    let (source, target) = match (sources.remove(&id), targets.remove(&id)) {
                        (Some(source), Some(target)) => (source, target),
                        (None, _) => {
                            unreadable(&context, &id, context.source.name());
                            continue;
                        }
                        (_, None) => {
                            unreadable(&context, &id, context.target.name());
                            continue;
                        }
                    };
                    if let Some(candidate) = classify(&context, Step::Update, source, Some(target))
                        && out.send(candidate).await.is_err()
                    {
                        return Ok(());
                    }
                }
                Ok(())
            }
        }
    };
    in_parallel(&context, batches, work).await;
}

/// Counts the ids that are in both without reading them: a re-embedding leaves them as they are.
pub(crate) async fn count_both<S, T>(context: Arc<Context<S, T>>, mut ids: mpsc::Receiver<Vec<String>>) {
    while let Some(chunk) = ids.recv().await {
        for id in chunk {
            context.plan(|plan| plan.classify(&id, Action::Keep, &[]));
            context.recorder.found(Category::InSync, &id, |counts| counts.in_sync += 1);
        }
    }
}

/// Works on batches, a few at once, until they end or the run winds down.
async fn in_parallel<S, T, F, Fut>(context: &Arc<Context<S, T>>, mut batches: Batches<String>, work: F)
where
    F: Fn(Vec<String>) -> Fut,
    Fut: Future<Output = Result<(), PortError>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut open = true;
    while open || !tasks.is_empty() {
        tokio::select! {
            biased;
            // What is being read is dropped with its tasks: nothing was decided from it.
            () = context.wind_down.cancelled() => return,
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
    let fetch = |ids| context.timed(FlowStage::Fetch, context.source.fetch_metadata(&context.namespace, ids));
    let mut records: HashMap<String, FetchedMetadata> =
        fetch(ids).await?.into_iter().map(|record| (record.id.clone(), record)).collect();
    let absent = absent(ids, |id| records.contains_key(id));
    if !absent.is_empty() {
        records.extend(fetch(&absent).await?.into_iter().map(|record| (record.id.clone(), record)));
    }
    Ok(records)
}

/// The same from the target, with vectors where the policy may let them stay.
async fn fetch_from_target<S, T: ReadIndex>(
    context: &Context<S, T>,
    ids: &[String],
) -> Result<HashMap<String, InTarget>, PortError> {
    let mut records = fetch_once_from_target(context, ids).await?;
    let absent = absent(ids, |id| records.contains_key(id));
    if !absent.is_empty() {
        records.extend(fetch_once_from_target(context, &absent).await?);
    }
    Ok(records)
}

async fn fetch_once_from_target<S, T: ReadIndex>(
    context: &Context<S, T>,
    ids: &[String],
) -> Result<HashMap<String, InTarget>, PortError> {
    let Context { target, namespace, .. } = context;
    Ok(match context.reuse {
        Reuse::Never => context
            .timed(FlowStage::Fetch, target.fetch_metadata(namespace, ids))
            .await?
            .into_iter()
            .map(|record| (record.id, InTarget { metadata: record.metadata, vector: None }))
            .collect(),
        Reuse::SameText => context
            .timed(FlowStage::Fetch, target.fetch_records(namespace, ids))
            .await?
            .into_iter()
            .map(|record| (record.id, InTarget { metadata: record.metadata, vector: Some(record.values) }))
            .collect(),
    })
}

fn absent(ids: &[String], known: impl Fn(&str) -> bool) -> Vec<String> {
    ids.iter().filter(|id| !known(id)).cloned().collect()
}

fn unreadable<S, T>(context: &Context<S, T>, id: &str, index: &str) {
    context.plan(|plan| plan.classify(id, Action::Unreadable, &[]));
    let message = format!(
        "listed in {index}, but not returned by two fetches: deleted meanwhile or not yet visible; run again to see"
    );
    context.recorder.failed(id, Step::Compare, &message);
}

/// Says what a record is. Only what has to be written comes back.
fn classify<S, T>(
    context: &Context<S, T>,
    phase: Step,
    source: FetchedMetadata,
    target: Option<InTarget>,
) -> Option<Candidate> {
    let settings = &context.settings;
    let recorder = &context.recorder;
    let changes = match &target {
        None => Vec::new(),
        Some(target) => {
            let changes = changes(&source.metadata, &target.metadata, &settings.added_key);
            if changes.is_empty() {
                context.plan(|plan| plan.classify(&source.id, Action::Keep, &[]));
                recorder.found(Category::InSync, &source.id, |counts| counts.in_sync += 1);
                return None;
            }
            changes
        }
    };
    let Some(source_text) = text(&source.metadata, &settings.text_key) else {
        context.plan(|plan| plan.classify(&source.id, Action::Skip, &[]));
        recorder.found(Category::NoText, &source.id, |counts| counts.no_text += 1);
        return None;
    };
    let same_text =
        target.as_ref().is_some_and(|target| text(&target.metadata, &settings.text_key) == Some(source_text));
    let over_long = gemini::estimate_tokens(source_text) > settings.input_tokens;
    let id = source.id.clone();
    let category = if phase == Step::Migrate { Category::Missing } else { Category::Changed };
    recorder.found(category, &id, |counts| match category {
        Category::Missing => counts.missing += 1,
        _ => counts.changed += 1,
    });
    let target_metadata = target.as_ref().map(|target| &target.metadata);
    let mut prepared = match prepare(settings, context.overwrite, phase, source, target_metadata) {
        Ok(prepared) => prepared,
        Err(message) => {
            context.plan(|plan| plan.classify(&id, Action::Unreadable, &[]));
            recorder.failed(&id, phase, &message);
            return None;
        }
    };
    match prepared.added {
        Added::Set => {}
        Added::Kept => recorder.found(Category::Kept, &id, |counts| counts.kept += 1),
        Added::Overwritten => recorder.count(|counts| counts.overwritten += 1),
    }
    let vector = target
        .and_then(|target| target.vector)
        .filter(|vector| same_text && vector.len() == settings.dimensions as usize);
    let reuses = vector.is_some();
    if over_long && !reuses {
        recorder.found(Category::OverLong, &id, |counts| counts.over_long += 1);
    }
    context.plan(|plan| {
        let action = if phase == Step::Migrate { Action::Migrate } else { Action::Update };
        let content = serde_json::to_vec(&prepared.candidate.metadata).unwrap_or_default();
        plan.classify(&id, action, &content);
        plan.work(Work { prepared: &prepared, text: prepared.candidate.text(settings), reuses }, settings);
        if same_text {
            plan.reusable();
        }
        if phase == Step::Update {
            plan.differs(&id, changes);
        }
    });
    prepared.candidate.vector = vector;
    Some(prepared.candidate)
}
