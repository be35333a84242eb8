//! The sorted merge: two listings, read as streams, say which id is on which side.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use pinecone::Namespace;
use protocol::{Category, Counts};
use serde::{Deserialize, Serialize};
use store::{Found, Pending, Settled};
use tokio::sync::mpsc;

use crate::{
    journal::{Done, Handed, Journal},
    plan::{Action, Contribution, classified},
    ports::{ErrorClass, ListedPage, PortError, ReadIndex},
    recorder::Recorder,
    spool::Spool,
};

/// Pages that a listing may be ahead of the merge.
const PAGES_AHEAD: usize = 4;

/// What a listing sends. Its end is said aloud, so that a channel that merely closed is never taken for it (law 3).
#[derive(Debug)]
pub(crate) enum Listed {
    Page(ListedPage),
    End,
    Failed(PortError),
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Target,
}

/// How an index is listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// As the service promises: sorted.
    #[default]
    Promised,
    /// The service broke its promise: everything is read first and sorted here.
    SortedHere,
}

/// Where the listing of one side goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SidePosition {
    pub order: Order,
    /// What the next page that is needed was, or will be, fetched with; `None` for the first one.
    pub token: Option<String>,
    /// Whether there is no further page.
    pub ended: bool,
}

/// Where the front of a run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Position {
    /// Both listings, behind an id: everything up to it was handed on.
    Listings { source: SidePosition, target: SidePosition, after: Option<String> },
    /// The entries of a plan or the failures of a run, behind an id of a category.
    Entries(EntryPosition),
    /// Everything was handed on.
    Ended,
}

/// A place among the entries of a plan or the failures of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryPosition {
    pub category: Category,
    pub after: Option<String>,
    /// How many were handed on; not known in checkpoints of older versions.
    #[serde(default)]
    pub handed: Option<u64>,
}

impl Default for Position {
    fn default() -> Self {
        Self::Listings { source: SidePosition::default(), target: SidePosition::default(), after: None }
    }
}

impl Position {
    /// Before the first entry.
    pub const fn entries_of(category: Category) -> Self {
        Self::Entries(EntryPosition { category, after: None, handed: Some(0) })
    }

    /// Where both listings begin again when this side has to be sorted here; `None` if it was, or if nothing is listed.
    pub fn sorted_here(&self, side: Side) -> Option<Self> {
        let Self::Listings { source, target, .. } = self else { return None };
        let (mut source, mut target) = (source.order, target.order);
        let order = match side {
            Side::Source => &mut source,
            Side::Target => &mut target,
        };
        if *order == Order::SortedHere {
            return None;
        }
        *order = Order::SortedHere;
        let from = |order| SidePosition { order, ..SidePosition::default() };
        Some(Self::Listings { source: from(source), target: from(target), after: None })
    }
}

/// Why a merge did not come to its end.
#[derive(Debug)]
pub(crate) enum MergeError {
    /// This side was not in order. Nothing behind the violation was decided.
    OutOfOrder(Side, PortError),
    /// A side could not be read to its end.
    Failed(PortError),
    /// The run is winding down: nobody takes what is found any more.
    Stopped,
}

/// Lists an index into a channel, from a position on.
///
/// A service may have forgotten a page token after a long pause. A listing that cannot be taken up there begins anew:
/// the merge passes over what was handed on before.
pub(crate) async fn list<I: ReadIndex>(
    index: I,
    namespace: Namespace,
    from: SidePosition,
    side: Side,
    pages: mpsc::Sender<Listed>,
) {
    if from.ended {
        drop(pages.send(Listed::End).await);
        return;
    }
    if from.order == Order::SortedHere {
        return sort_here(index.list_unordered(&namespace), index.name(), pages).await;
    }
    let mut stream = Box::pin(index.list(&namespace, from.token.clone()).peekable());
    let is_stale = |page: &Result<ListedPage, PortError>| {
        page.as_ref().is_err_and(|error| error.class == ErrorClass::StaleToken)
    };
    if from.token.is_some() && stream.as_mut().peek().await.is_some_and(is_stale) {
        stream = Box::pin(index.list(&namespace, None).peekable());
    }
    match side {
        Side::Source => forward(stream, &pages).await,
        Side::Target => forward_confirmed(stream, &pages).await,
    }
}

/// A sender for a channel between a listing and the merge, and its receiver.
pub(crate) fn listing() -> (mpsc::Sender<Listed>, mpsc::Receiver<Listed>) {
    mpsc::channel(PAGES_AHEAD)
}

async fn forward(stream: impl Stream<Item = Result<ListedPage, PortError>>, pages: &mpsc::Sender<Listed>) {
    let mut stream = std::pin::pin!(stream);
    while let Some(page) = stream.next().await {
        let (message, ended) = match page {
            Ok(page) => (Listed::Page(page), false),
            Err(error) => (Listed::Failed(error), true),
        };
        if pages.send(message).await.is_err() || ended {
            return;
        }
    }
    drop(pages.send(Listed::End).await);
}

/// Hands a page on only when the one behind it was read and found in order.
///
/// An id that the target lists too late looks missing until it comes, and a missing record is written without asking
/// what the target holds. Pages that were swapped are therefore noticed before anything is decided from the first.
async fn forward_confirmed(
    stream: impl Stream<Item = Result<ListedPage, PortError>>,
    pages: &mpsc::Sender<Listed>,
) {
    let mut stream = std::pin::pin!(stream);
    let mut held: Option<ListedPage> = None;
    loop {
        match stream.next().await {
            Some(Ok(page)) => {
                if let Some(confirmed) = held.replace(page)
                    && pages.send(Listed::Page(confirmed)).await.is_err()
                {
                    return;
                }
            }
            // The page that is held goes with the error: nobody will tell whether it was in order.
            Some(Err(error)) => {
                drop(pages.send(Listed::Failed(error)).await);
                return;
            }
            None => {
                if let Some(page) = held.take()
                    && pages.send(Listed::Page(page)).await.is_err()
                {
                    return;
                }
                drop(pages.send(Listed::End).await);
                return;
            }
        }
    }
}

async fn sort_here(
    stream: impl Stream<Item = Result<Vec<String>, PortError>>,
    name: &str,
    pages: mpsc::Sender<Listed>,
) {
    let spool_failed = |error: &dyn std::fmt::Display| {
        PortError::failed(format!(
            "{name}: sorting the listing in a temporary file failed: {error}; free some disk space"
        ))
    };
    let mut stream = std::pin::pin!(stream);
    let mut spool = Spool::default();
    while let Some(page) = stream.next().await {
        // The pages are few and their files are buffered, but a sort of 200,000 ids is too long for the runtime.
        let pushed = match page {
            Ok(page) => tokio::task::spawn_blocking(move || spool.push(page).map(|()| spool)).await,
            Err(error) => {
                drop(pages.send(Listed::Failed(error)).await);
                return;
            }
        };
        spool = match pushed {
            Ok(Ok(spool)) => spool,
            Ok(Err(error)) => {
                drop(pages.send(Listed::Failed(spool_failed(&error))).await);
                return;
            }
            Err(error) => {
                drop(pages.send(Listed::Failed(spool_failed(&error))).await);
                return;
            }
        };
    }
    let sender = pages.clone();
    let sorted = tokio::task::spawn_blocking(move || {
        spool.sorted(|ids| {
            sender.blocking_send(Listed::Page(ListedPage { ids, ..ListedPage::default() })).is_ok()
        })
    })
    .await;
    let last = match sorted {
        Ok(Ok(())) => Listed::End,
        Ok(Err(error)) => Listed::Failed(spool_failed(&error)),
        Err(error) => Listed::Failed(spool_failed(&error)),
    };
    drop(pages.send(last).await);
}

/// One side of the merge: the page at hand, and where the next ones come from.
struct Cursor<'a> {
    side: Side,
    name: &'a str,
    pages: mpsc::Receiver<Listed>,
    page: std::vec::IntoIter<String>,
    head: Option<String>,
    ended: bool,
    /// Where this side goes on while the page at hand is needed, and once it is not.
    at_page: SidePosition,
    behind_page: SidePosition,
}

impl<'a> Cursor<'a> {
    fn new(side: Side, name: &'a str, pages: mpsc::Receiver<Listed>, from: SidePosition) -> Self {
        let page = Vec::new().into_iter();
        Self { side, name, pages, page, head: None, ended: false, at_page: from.clone(), behind_page: from }
    }

    /// Whether the next id has to be waited for.
    fn is_dry(&self) -> bool {
        self.head.is_none() && self.page.len() == 0 && !self.ended
    }

    fn position(&self) -> &SidePosition {
        if self.head.is_none() && self.page.len() == 0 { &self.behind_page } else { &self.at_page }
    }

    /// Makes the next id behind `after` the head, unless there is one already. At the end there is none.
    async fn fill(&mut self, recorder: &Recorder, after: Option<&str>) -> Result<(), MergeError> {
        while self.head.is_none() && !self.ended {
            if let Some(id) = self.page.next() {
                self.head = Some(id);
                return Ok(());
            }
            match self.pages.recv().await {
                Some(Listed::Page(ListedPage { mut ids, token, next })) => {
                    let order = self.at_page.order;
                    // A listing that is sorted here has no pages of its own: it is read again as a whole.
                    let ended = order == Order::Promised && next.is_none();
                    self.at_page = SidePosition { order, token, ended: false };
                    self.behind_page = SidePosition { order, token: next, ended };
                    ids.retain(|id| after.is_none_or(|after| id.as_str() > after));
                    let count = ids.len() as u64;
                    recorder.count(|counts| match self.side {
                        Side::Source => counts.source_listed += count,
                        Side::Target => counts.target_listed += count,
                    });
                    self.page = ids.into_iter();
                }
                Some(Listed::End) => {
                    self.ended = true;
                    self.behind_page.ended = true;
                }
                Some(Listed::Failed(error)) if error.class == ErrorClass::OutOfOrder => {
                    return Err(MergeError::OutOfOrder(self.side, error));
                }
                Some(Listed::Failed(error)) => return Err(MergeError::Failed(error)),
                None => {
                    let message = format!("{}: the listing broke off without a word; run again", self.name);
                    return Err(MergeError::Failed(PortError::failed(message)));
                }
            }
        }
        Ok(())
    }
}

/// Where the merge puts what it finds: into the journal, and on to be read.
pub(crate) struct Findings {
    pub recorder: Arc<Recorder>,
    pub journal: Journal,
    /// Ids in the source only.
    pub missing: mpsc::Sender<Vec<String>>,
    /// Ids in both.
    pub both: mpsc::Sender<Vec<String>>,
    /// Whether orphans are part of a plan.
    pub plans: bool,
}

/// What was found since it was last handed on.
#[derive(Default)]
struct Pile {
    missing: Vec<String>,
    both: Vec<String>,
    orphans: Vec<String>,
}

impl Findings {
    /// Hands a pile on. `false` when nobody takes it any more.
    async fn hand_over(&self, pile: &mut Pile, source: &SidePosition, target: &SidePosition) -> bool {
        let missing = std::mem::take(&mut pile.missing);
        let both = std::mem::take(&mut pile.both);
        let orphans = std::mem::take(&mut pile.orphans);
        if missing.is_empty() && both.is_empty() && orphans.is_empty() {
            return true;
        }
        // Each is in order, and nothing smaller comes after this.
        let after = [&missing, &both, &orphans].into_iter().filter_map(|ids| ids.last()).max().cloned();
        let (only_source, in_both) = (missing.len() as u64, both.len() as u64);
        let pending = |found: Found, ids: &[String]| -> Vec<Pending> {
            ids.iter().map(|id| Pending { id: id.clone(), found }).collect()
        };
        let mut handed = Handed {
            pending: pending(Found::Missing, &missing),
            counts: Counts {
                source_listed: only_source + in_both,
                target_listed: in_both + orphans.len() as u64,
                only_source,
                in_both,
                ..Counts::default()
            },
            done: orphans.into_iter().map(|id| self.orphan(id)).collect(),
            position: Position::Listings { source: source.clone(), target: target.clone(), after },
        };
        handed.pending.extend(pending(Found::Both, &both));
        self.journal.handed(handed).await;
        (missing.is_empty() || self.missing.send(missing).await.is_ok())
            && (both.is_empty() || self.both.send(both).await.is_ok())
    }

    fn orphan(&self, id: String) -> Done {
        let contribution = self.plans.then(|| {
            Box::new(Contribution { digest: classified(Action::Orphan, &id, &[]), ..Contribution::default() })
        });
        Done {
            settled: Settled { id, categories: vec![Category::Orphan], ..Settled::default() },
            counts: Counts { orphans: 1, ..Counts::default() },
            failure: None,
            contribution,
        }
    }
}

/// Merges two listings behind an id, and says which id is on which side.
///
/// An id is taken for absent on a side only when that side has shown a greater one, or its end.
pub(crate) async fn merge(
    source: (&str, mpsc::Receiver<Listed>, SidePosition),
    target: (&str, mpsc::Receiver<Listed>, SidePosition),
    after: Option<String>,
    findings: Findings,
) -> Result<(), MergeError> {
    let recorder = &findings.recorder;
    let mut source = Cursor::new(Side::Source, source.0, source.1, source.2);
    let mut target = Cursor::new(Side::Target, target.0, target.1, target.2);
    let mut pile = Pile::default();
    let result = loop {
        // What was found goes on before the merge waits for a page, so that nobody downstream waits for it needlessly.
        let waits = source.is_dry() || target.is_dry();
        if waits && !findings.hand_over(&mut pile, source.position(), target.position()).await {
            break Err(MergeError::Stopped);
        }
        if let Err(error) = source.fill(recorder, after.as_deref()).await {
            break Err(error);
        }
        if let Err(error) = target.fill(recorder, after.as_deref()).await {
            break Err(error);
        }
        let (id, side) = match (source.head.take(), target.head.take()) {
            (None, None) => break Ok(()),
            (Some(id), None) => (id, Some(Side::Source)),
            (None, Some(id)) => (id, Some(Side::Target)),
            (Some(a), Some(b)) if a == b => (a, None),
            (Some(a), Some(b)) if a < b => {
                target.head = Some(b);
                (a, Some(Side::Source))
            }
            (Some(a), Some(b)) => {
                source.head = Some(a);
                (b, Some(Side::Target))
            }
        };
        match side {
            Some(Side::Source) => {
                recorder.count(|counts| counts.only_source += 1);
                pile.missing.push(id);
            }
            Some(Side::Target) => {
                recorder.count(|counts| counts.orphans += 1);
                pile.orphans.push(id);
            }
            None => {
                recorder.count(|counts| counts.in_both += 1);
                pile.both.push(id);
            }
        }
    };
    if !findings.hand_over(&mut pile, source.position(), target.position()).await {
        return Err(MergeError::Stopped);
    }
    result
}
