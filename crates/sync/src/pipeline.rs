//! One pass over a namespace: what was classified before, then both listings, merged, or the entries of a plan; the
//! reading, and whatever is done with what has to be written.

use std::sync::Arc;

use protocol::{Category, Counts, LogLevel, PageQuery, RunId, Step, StepState};
use store::Found;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    context::Context,
    diff::{EntryPosition, Findings, MergeError, Position, Side, SidePosition, list, listing, merge},
    embedding::{Ready, Texts, embed},
    journal::Handed,
    plan::Action,
    ports::{Embed, PortError, ReadIndex, WriteIndex},
    reading::{Again, Outlets, Then, count_both, read_again, read_both, read_missing, store_failed},
    record::Candidate,
    words::records,
    writing::write,
};

/// Chunks of ids between the merge and the reading; a chunk is what a page of a listing left of it.
const ID_CHUNKS: usize = 8;
/// Records between the reading and the embedding; each holds its metadata and text.
const CANDIDATES: usize = 200;
/// Encoded records between the embedding and the writing; each is about 40 KB at 3,072 dimensions.
const READY: usize = 32;

/// Entries of a plan that are read from the store at once.
const PAGE: u32 = 500;

/// Where a pass takes its records from.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// What a run that goes on had in flight when it stopped.
    pub pending: Vec<Again>,
    /// Where it goes on behind that.
    pub position: Position,
    /// Whose entries those of the position are.
    pub origin: Origin,
}

/// Where a run takes its ids from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// From both listings.
    #[default]
    Listing,
    /// From the plan that this analysis left.
    Plan(RunId),
    /// From the records that failed in this run.
    Failures(RunId),
}

/// How a pass ended. What went wrong, if anything, is in the context, and so is whether something was left undone.
#[derive(Debug)]
pub(crate) enum Pass {
    Ended,
    /// This side has to be listed again and sorted here.
    OutOfOrder(Side),
}

/// Reads and classifies everything; the journal makes a plan of it.
pub(crate) async fn analyze<S: ReadIndex, T: ReadIndex>(context: &Arc<Context<S, T>>, start: Start) -> Pass {
    front(context, start, Outlets::default()).await
}

/// Reads and classifies everything, and writes what has to be written.
pub(crate) async fn mirror<S, T, E>(
    context: &Arc<Context<S, T>>,
    embedder: E,
    texts: &mut Texts,
    start: Start,
) -> Pass
where
    S: ReadIndex,
    T: WriteIndex,
    E: Embed,
{
    let (migrate_in, migrate) = mpsc::channel::<Candidate>(CANDIDATES);
    let (update_in, update) = mpsc::channel::<Candidate>(CANDIDATES);
    let (ready_in, ready) = mpsc::channel::<Ready>(READY);
    // The tasks of a set end with it, so a run that is abandoned leaves none behind.
    let mut writer = JoinSet::new();
    writer.spawn(write(context.clone(), ready));
    let (pass, (), ()) = tokio::join!(
        front(context, start, Outlets { migrate: Some(migrate_in), update: Some(update_in) }),
        embed(context, embedder, texts, migrate, update, ready_in),
        async {
            if let Some(Err(panicked)) = writer.join_next().await {
                context.fail(Step::Migrate, PortError::internal(&panicked));
            }
        },
    );
    pass
}

/// The front half: takes ids from wherever the run has them from, reads and compares.
async fn front<S: ReadIndex, T: ReadIndex>(context: &Arc<Context<S, T>>, start: Start, out: Outlets) -> Pass {
    let recorder = &context.recorder;
    let Start { pending, position, origin } = start;
    recorder.step(Step::Compare, StepState::Running, "");
    let (missing_in, missing) = mpsc::channel(ID_CHUNKS);
    let (both_in, both) = mpsc::channel(ID_CHUNKS);
    let (again_in, again) = mpsc::channel(ID_CHUNKS);
    let mut readers = JoinSet::new();
    readers.spawn(read_missing(context.clone(), missing, out.clone()));
    readers.spawn(read_again(context.clone(), again, out.clone()));
    if context.compares {
        readers.spawn(read_both(context.clone(), both, out));
    } else {
        drop(out);
        readers.spawn(count_both(context.clone(), both));
    }
    let found = async {
        if !pending.is_empty() && again_in.send(pending).await.is_err() {
            return Pass::Ended;
        }
        match position {
            Position::Listings { source, target, after } => {
                drop(again_in);
                list_both(context, source, target, after, missing_in, both_in).await
            }
            Position::Entries(at) => {
                drop((missing_in, both_in));
                let ended = tokio::select! {
                    biased;
                    () = context.wind_down.cancelled() => {
                        context.leave();
                        Ok(())
                    }
                    ended = hand_entries(context, &origin, at, again_in) => ended,
                };
                if let Err(error) = ended {
                    context.fail(Step::Compare, error);
                }
                Pass::Ended
            }
            Position::Ended => {
                drop((missing_in, both_in, again_in));
                if origin == Origin::Listing {
                    // It was listed before the run stopped.
                    recorder.step(Step::List, StepState::Done, listed(&recorder.counts()));
                }
                Pass::Ended
            }
        }
    };
    let read = async {
        while let Some(ended) = readers.join_next().await {
            if let Err(panicked) = ended {
                context.fail(Step::Compare, PortError::internal(&panicked));
            }
        }
    };
    let (pass, ()) = tokio::join!(found, read);
    // What winds down or broke off was not read to its end, and says so itself.
    if !context.wind_down.is_cancelled() && recorder.counts().listed {
        let counts = recorder.counts();
        let (word, detail) = if context.compares {
            ("compared", compared(&counts))
        } else {
            ("looked for", looked_for(&counts))
        };
        recorder.log(LogLevel::Info, format!("{word}: {detail}"));
        recorder.step(Step::Compare, StepState::Done, detail);
    }
    pass
}

/// Lists both sides and merges them.
async fn list_both<S: ReadIndex, T: ReadIndex>(
    context: &Arc<Context<S, T>>,
    source: SidePosition,
    target: SidePosition,
    after: Option<String>,
    missing: mpsc::Sender<Vec<String>>,
    both: mpsc::Sender<Vec<String>>,
) -> Pass {
    let recorder = &context.recorder;
    recorder.step(Step::List, StepState::Running, "");
    let mut listings = JoinSet::new();
    let (source_pages_in, source_pages) = listing();
    let (target_pages_in, target_pages) = listing();
    let namespace = context.namespace.clone();
    listings.spawn(list(
        context.source.clone(),
        namespace.clone(),
        source.clone(),
        Side::Source,
        source_pages_in,
    ));
    listings.spawn(list(context.target.clone(), namespace, target.clone(), Side::Target, target_pages_in));
    let findings = Findings {
        recorder: recorder.clone(),
        journal: context.journal.clone(),
        missing,
        both,
        plans: context.plans,
    };
    let source = (context.source.name(), source_pages, source);
    let target = (context.target.name(), target_pages, target);
    let merged = tokio::select! {
        biased;
        () = context.wind_down.cancelled() => Err(MergeError::Stopped),
        merged = merge(source, target, after, findings) => merged,
    };
    listings.abort_all();
    match merged {
        Ok(()) => {
            recorder.count(|counts| counts.listed = true);
            let ended = Counts { listed: true, ..Counts::default() };
            context
                .journal
                .handed(Handed { counts: ended, position: Position::Ended, ..Handed::default() })
                .await;
            let detail = listed(&recorder.counts());
            recorder.log(LogLevel::Info, format!("listed: {detail}"));
            recorder.step(Step::List, StepState::Done, detail);
            Pass::Ended
        }
        Err(MergeError::Stopped) => {
            context.leave();
            Pass::Ended
        }
        Err(MergeError::Failed(error)) => {
            // What lies before the break on both sides may be done; nothing behind it was taken for absent.
            context.remember(Step::List, error);
            Pass::Ended
        }
        Err(MergeError::OutOfOrder(side, error)) => {
            recorder.log(
                LogLevel::Warn,
                format!("{error}; nothing was decided from it: listing that index again and sorting it here"),
            );
            context.wind_down.cancel();
            Pass::OutOfOrder(side)
        }
    }
}

/// Hands the entries of a plan, or the failures of a run, on to be read again: from the store, a page at a time.
async fn hand_entries<S, T>(
    context: &Arc<Context<S, T>>,
    origin: &Origin,
    mut at: EntryPosition,
    again: mpsc::Sender<Vec<Again>>,
) -> Result<(), PortError> {
    loop {
        let (page, found) = entries(context, origin, at.category, at.after.as_deref()).await?;
        at = match page.last() {
            Some(last) => {
                let handed = at.handed.map(|handed| handed + page.len() as u64);
                EntryPosition { after: Some(last.id.clone()), handed, ..at }
            }
            None if at.category == Category::Missing => {
                EntryPosition { category: Category::Changed, after: None, ..at }
            }
            None => break,
        };
        let pending = page.iter().map(|again| store::Pending { id: again.id.clone(), found }).collect();
        let position = Position::Entries(at.clone());
        context.journal.handed(Handed { pending, position, ..Handed::default() }).await;
        if !page.is_empty() && again.send(page).await.is_err() {
            return Ok(());
        }
    }
    if let (Origin::Plan(run), Some(handed)) = (origin, at.handed) {
        require_whole(context, run, handed).await?;
    }
    context.journal.handed(Handed { position: Position::Ended, ..Handed::default() }).await;
    Ok(())
}

/// A plan of which something is gone is never taken for one that says less (law 3).
async fn require_whole<S, T>(context: &Context<S, T>, run: &RunId, handed: u64) -> Result<(), PortError> {
    let view = context.store.view(run).await.map_err(|error| store_failed(&error))?;
    let Some(plan) = view.and_then(|view| view.plan) else {
        return Err(PortError::failed(format!("the plan of run {run} is gone; analyze again")));
    };
    let planned = plan.missing + if context.compares { plan.changed } else { 0 };
    if handed == planned {
        return Ok(());
    }
    Err(PortError::failed(format!(
        "the plan of run {run} says {} to migrate or update, but the store holds {} of them; analyze again",
        records(planned),
        format::count(handed)
    )))
}

async fn entries<S, T>(
    context: &Context<S, T>,
    origin: &Origin,
    category: Category,
    after: Option<&str>,
) -> Result<(Vec<Again>, Found), PortError> {
    match origin {
        // A position among entries is only ever made for one of the others.
        Origin::Listing => Ok((Vec::new(), Found::Both)),
        // A re-embedding leaves what is in both as it is.
        Origin::Plan(_) if category == Category::Changed && !context.compares => {
            Ok((Vec::new(), Found::Both))
        }
        Origin::Plan(run) => {
            let (action, found) = match category {
                Category::Missing => (Action::Migrate, Found::Missing),
                _ => (Action::Update, Found::Both),
            };
            let page = context
                .store
                .planned(run, category, after, PAGE)
                .await
                .map_err(|error| store_failed(&error))?;
            let again = page
                .into_iter()
                .map(|(id, digest)| Again {
                    id,
                    planned: Some((action, digest)),
                    then: found.into(),
                    attempts: 1,
                })
                .collect();
            Ok((again, found))
        }
        // The failures of a run are one list.
        Origin::Failures(_) if category == Category::Missing => Ok((Vec::new(), Found::Both)),
        Origin::Failures(run) => {
            let mut query =
                PageQuery { after: after.map(str::to_owned), limit: PAGE, ..PageQuery::default() };
            loop {
                let page = context.store.failures(run, &query).await.map_err(|error| store_failed(&error))?;
                let records = page.failures.into_iter().filter(|failure| failure.step != Step::Documents);
                let again: Vec<Again> = records
                    .map(|failure| Again {
                        id: failure.id,
                        planned: None,
                        then: Then::Unknown,
                        attempts: failure.attempts + 1,
                    })
                    .collect();
                // A page of nothing but documents is not the last one.
                if !again.is_empty() || page.next.is_none() {
                    return Ok((again, Found::Both));
                }
                query.after = page.next;
            }
        }
    }
}

fn listed(counts: &Counts) -> String {
    format!(
        "{} records in the source, {} in the target",
        format::count(counts.source_listed),
        format::count(counts.target_listed)
    )
}

/// What a re-embedding found, which compares nothing.
fn looked_for(counts: &Counts) -> String {
    format!(
        "{} already there, {} to migrate, {} without text, {} only in the target",
        format::count(counts.in_sync),
        format::count(counts.missing),
        format::count(counts.no_text),
        format::count(counts.orphans)
    )
}

fn compared(counts: &Counts) -> String {
    format!(
        "{} in sync, {} to migrate, {} to update, {} without text, {} only in the target",
        format::count(counts.in_sync),
        format::count(counts.missing),
        format::count(counts.changed),
        format::count(counts.no_text),
        format::count(counts.orphans)
    )
}
