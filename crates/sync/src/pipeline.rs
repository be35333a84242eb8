//! One pass over a namespace: both listings, the merge, the reading, and whatever is done with what has to be written.

use std::sync::Arc;

use protocol::{Counts, LogLevel, Step, StepState};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    context::Context,
    diff::{Found, Listed, MergeError, Order, Side, list, listing, merge},
    embedding::{Ready, Texts, embed},
    plan::Action,
    ports::{Embed, PortError, ReadIndex, WriteIndex},
    reading::{count_both, read_both, read_missing},
    record::Candidate,
    words::grouped,
    writing::write,
};

/// Chunks of ids between the merge and the reading; a chunk is what a page of a listing left of it.
const ID_CHUNKS: usize = 8;
/// Records between the reading and the embedding; each holds its metadata and text.
const CANDIDATES: usize = 200;
/// Encoded records between the embedding and the writing; each is about 40 KB at 3,072 dimensions.
const READY: usize = 32;

/// How each side is listed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Orders {
    pub source: Order,
    pub target: Order,
}

/// How a pass ended. What went wrong, if anything, is in the context.
#[derive(Debug)]
pub(crate) enum Pass {
    Ended,
    /// This side has to be listed again and sorted here.
    OutOfOrder(Side),
}

/// Reads a whole namespace on both sides and throws away what would be written: the plan has taken it in.
pub(crate) async fn analyze<S: ReadIndex, T: ReadIndex>(
    context: &Arc<Context<S, T>>,
    orders: Orders,
) -> Pass {
    let (migrate_in, mut migrate) = mpsc::channel::<Candidate>(CANDIDATES);
    let (update_in, mut update) = mpsc::channel::<Candidate>(CANDIDATES);
    let drained = async {
        tokio::join!(async { while migrate.recv().await.is_some() {} }, async {
            while update.recv().await.is_some() {}
        },)
    };
    let (pass, _) = tokio::join!(front(context, orders, migrate_in, update_in), drained);
    pass
}

/// Reads a whole namespace on both sides and writes what has to be written.
pub(crate) async fn mirror<S, T, E>(
    context: &Arc<Context<S, T>>,
    embedder: E,
    texts: &mut Texts,
    orders: Orders,
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
        front(context, orders, migrate_in, update_in),
        embed(context, embedder, texts, migrate, update, ready_in),
        async {
            if let Some(Err(panicked)) = writer.join_next().await {
                context.fail(Step::Migrate, PortError::internal(&panicked));
            }
        },
    );
    pass
}

/// The front half: lists, merges, reads and compares.
async fn front<S: ReadIndex, T: ReadIndex>(
    context: &Arc<Context<S, T>>,
    orders: Orders,
    migrate: mpsc::Sender<Candidate>,
    update: mpsc::Sender<Candidate>,
) -> Pass {
    let recorder = &context.recorder;
    recorder.step(Step::List, StepState::Running, "");
    recorder.step(Step::Compare, StepState::Running, "");
    let mut listings = JoinSet::new();
    let source = spawn_listing(&mut listings, context.source.clone(), context, orders.source, Side::Source);
    let target = spawn_listing(&mut listings, context.target.clone(), context, orders.target, Side::Target);
    let (missing_in, missing) = mpsc::channel(ID_CHUNKS);
    let (both_in, both) = mpsc::channel(ID_CHUNKS);
    let mut readers = JoinSet::new();
    readers.spawn(read_missing(context.clone(), missing, migrate));
    if context.compares {
        readers.spawn(read_both(context.clone(), both, update));
    } else {
        drop(update);
        readers.spawn(count_both(context.clone(), both));
    }
    let merged = async {
        let found = Found { missing: missing_in, both: both_in };
        let orphan = |id: &str| context.plan(|plan| plan.classify(id, Action::Orphan, &[]));
        let names = (context.source.name(), context.target.name());
        let merged = tokio::select! {
            biased;
            () = context.wind_down.cancelled() => Err(MergeError::Stopped),
            merged = merge((names.0, source), (names.1, target), recorder, found, orphan) => merged,
        };
        listings.abort_all();
        match merged {
            Ok(()) => {
                recorder.count(|counts| counts.listed = true);
                let counts = recorder.counts();
                let detail = format!(
                    "{} records in the source, {} in the target",
                    grouped(counts.source_listed),
                    grouped(counts.target_listed)
                );
                recorder.log(LogLevel::Info, format!("listed: {detail}"));
                recorder.step(Step::List, StepState::Done, detail);
                Pass::Ended
            }
            Err(MergeError::Stopped) => Pass::Ended,
            Err(MergeError::Failed(error)) => {
                // What lies before the break on both sides may be done; nothing behind it was taken for absent.
                context.remember(Step::List, error);
                Pass::Ended
            }
            Err(MergeError::OutOfOrder(side, error)) => {
                recorder.log(
                    LogLevel::Warn,
                    format!(
                        "{error}; nothing was decided from it: listing that index again and sorting it here"
                    ),
                );
                context.wind_down.cancel();
                Pass::OutOfOrder(side)
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
    let (pass, ()) = tokio::join!(merged, read);
    // What winds down or broke off was not read to its end, and says so itself.
    if !context.wind_down.is_cancelled() && recorder.counts().listed {
        let detail = compared(&recorder.counts());
        recorder.log(LogLevel::Info, format!("compared: {detail}"));
        recorder.step(Step::Compare, StepState::Done, detail);
    }
    pass
}

fn compared(counts: &Counts) -> String {
    format!(
        "{} in sync, {} to migrate, {} to update, {} without text, {} only in the target",
        grouped(counts.in_sync),
        grouped(counts.missing),
        grouped(counts.changed),
        grouped(counts.no_text),
        grouped(counts.orphans)
    )
}

fn spawn_listing<I: ReadIndex, S, T>(
    tasks: &mut JoinSet<()>,
    index: I,
    context: &Context<S, T>,
    order: Order,
    side: Side,
) -> mpsc::Receiver<Listed> {
    let (pages_in, pages) = listing();
    tasks.spawn(list(index, context.namespace.clone(), order, side, pages_in));
    pages
}
