//! The sorted merge: two listings, read as streams, say which id is on which side.

use futures::{Stream, StreamExt};
use pinecone::Namespace;
use protocol::Category;
use tokio::sync::mpsc;

use crate::{
    ports::{ErrorClass, Page, PortError, ReadIndex},
    recorder::Recorder,
    spool::Spool,
};

/// Pages that a listing may be ahead of the merge.
const PAGES_AHEAD: usize = 4;

/// What a listing sends. Its end is said aloud, so that a channel that merely closed is never taken for it (law 3).
#[derive(Debug)]
pub(crate) enum Listed {
    Page(Page),
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// As the service promises: sorted.
    #[default]
    Promised,
    /// The service broke its promise: everything is read first and sorted here.
    SortedHere,
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

/// Lists an index into a channel.
pub(crate) async fn list<I: ReadIndex>(
    index: I,
    namespace: Namespace,
    order: Order,
    side: Side,
    pages: mpsc::Sender<Listed>,
) {
    match order {
        Order::Promised => match side {
            Side::Source => forward(index.list(&namespace), &pages).await,
            Side::Target => forward_confirmed(index.list(&namespace), &pages).await,
        },
        Order::SortedHere => sort_here(index.list_unordered(&namespace), index.name(), pages).await,
    }
}

/// A sender for a channel between a listing and the merge, and its receiver.
pub(crate) fn listing() -> (mpsc::Sender<Listed>, mpsc::Receiver<Listed>) {
    mpsc::channel(PAGES_AHEAD)
}

async fn forward(stream: impl Stream<Item = Result<Page, PortError>>, pages: &mpsc::Sender<Listed>) {
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
    stream: impl Stream<Item = Result<Page, PortError>>,
    pages: &mpsc::Sender<Listed>,
) {
    let mut stream = std::pin::pin!(stream);
    let mut held: Option<Page> = None;
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
    stream: impl Stream<Item = Result<Page, PortError>>,
    name: &str,
    pages: mpsc::Sender<Listed>,
) {
    let spool_failed = |error: &dyn std::fmt::Display| PortError {
        class: ErrorClass::Failed,
        message: format!(
            "{name}: sorting the listing in a temporary file failed: {error}; free some disk space"
        ),
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
        spool.sorted(|page| sender.blocking_send(Listed::Page(page)).is_ok())
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
}

impl<'a> Cursor<'a> {
    fn new(side: Side, name: &'a str, pages: mpsc::Receiver<Listed>) -> Self {
        Self { side, name, pages, page: Vec::new().into_iter(), head: None, ended: false }
    }

    /// Whether the next id has to be waited for.
    fn is_dry(&self) -> bool {
        self.head.is_none() && self.page.len() == 0 && !self.ended
    }

    /// Makes the next id the head, unless there is one already. At the end there is none.
    async fn fill(&mut self, recorder: &Recorder) -> Result<(), MergeError> {
        while self.head.is_none() && !self.ended {
            if let Some(id) = self.page.next() {
                self.head = Some(id);
                return Ok(());
            }
            match self.pages.recv().await {
                Some(Listed::Page(page)) => {
                    let ids = page.len() as u64;
                    recorder.count(|counts| match self.side {
                        Side::Source => counts.source_listed += ids,
                        Side::Target => counts.target_listed += ids,
                    });
                    self.page = page.into_iter();
                }
                Some(Listed::End) => self.ended = true,
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

/// Where the merge puts what it finds.
pub(crate) struct Found {
    /// Ids in the source only.
    pub missing: mpsc::Sender<Vec<String>>,
    /// Ids in both.
    pub both: mpsc::Sender<Vec<String>>,
}

/// Merges two listings. `orphan` is told of every id that is in the target only.
///
/// An id is taken for absent on a side only when that side has shown a greater one, or its end.
pub(crate) async fn merge(
    source: (&str, mpsc::Receiver<Listed>),
    target: (&str, mpsc::Receiver<Listed>),
    recorder: &Recorder,
    found: Found,
    mut orphan: impl FnMut(&str),
) -> Result<(), MergeError> {
    let mut source = Cursor::new(Side::Source, source.0, source.1);
    let mut target = Cursor::new(Side::Target, target.0, target.1);
    let mut missing = Vec::new();
    let mut both = Vec::new();
    let result = loop {
        // What was found goes on before the merge waits for a page, so that nobody downstream waits for it needlessly.
        let waits = source.is_dry() || target.is_dry();
        if waits && !hand_over(&found, &mut missing, &mut both).await {
            break Err(MergeError::Stopped);
        }
        if let Err(error) = source.fill(recorder).await {
            break Err(error);
        }
        if let Err(error) = target.fill(recorder).await {
            break Err(error);
        }
        match (source.head.take(), target.head.take()) {
            (None, None) => break Ok(()),
            (Some(id), None) => {
                recorder.count(|counts| counts.only_source += 1);
                missing.push(id);
            }
            (None, Some(id)) => {
                recorder.found(Category::Orphan, &id, |counts| counts.orphans += 1);
                orphan(&id);
            }
            (Some(a), Some(b)) if a == b => {
                recorder.count(|counts| counts.in_both += 1);
                both.push(a);
            }
            (Some(a), Some(b)) if a < b => {
                recorder.count(|counts| counts.only_source += 1);
                missing.push(a);
                target.head = Some(b);
            }
            (Some(a), Some(b)) => {
                recorder.found(Category::Orphan, &b, |counts| counts.orphans += 1);
                orphan(&b);
                source.head = Some(a);
            }
        }
    };
    if !hand_over(&found, &mut missing, &mut both).await {
        return Err(MergeError::Stopped);
    }
    result
}

/// Sends on what was found. `false` when nobody takes it any more.
async fn hand_over(found: &Found, missing: &mut Vec<String>, both: &mut Vec<String>) -> bool {
    (missing.is_empty() || found.missing.send(std::mem::take(missing)).await.is_ok())
        && (both.is_empty() || found.both.send(std::mem::take(both)).await.is_ok())
}
