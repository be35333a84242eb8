//! The update itself, step by step.

mod deliver;
mod pace;

use std::{
    collections::{HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use futures::future::{join, join_all};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    Action, Error, Fields, Hit, ItemOutcome, Page, Query, Scan, SourceFields, Task, Writer, query::Decision,
    wire::Fetched,
};
use deliver::{Delivered, Trouble, deliver};
use pace::Pace;

/// An update under way.
///
/// Each [`Update::step`] sends a few batches and reads on meanwhile; between two steps nothing is under way, so that a
/// run can pause or stop there. Nothing need be kept to go on later, in this process or another: what is done no longer
/// matches the [query of what remains](Task::remaining).
///
/// A document that changed since it was seen is looked at again, at once and in its newest version: one that got a
/// value meanwhile keeps it, another is updated in that version. So nobody's edit is overwritten, and none is missed.
#[derive(Debug)]
pub struct Update {
    writer: Writer,
    task: Task,
    remaining: Query,
    limits: Limits,
    scan: Scan,
    reading: Reading,
    queue: VecDeque<Pending>,
    pace: Pace,
    /// Documents that are given up, which a further pass must not try again.
    given_up: Places,
    progress: Progress,
    /// Documents written in this pass.
    of_pass: u64,
    losses: u32,
    /// When it was last made sure that the index is there.
    checked: Instant,
    /// Why it cannot go on, while the documents of the step in which that came out are told first.
    failure: Option<Error>,
    is_done: bool,
}

/// Upper bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Documents of a request.
    pub batch_documents: usize,
    /// Bytes of a request.
    pub batch_bytes: usize,
    /// Requests under way at a time.
    pub concurrency: usize,
    /// Refused documents after which it is given up.
    pub refused: u64,
    /// Passes over the index. A second one finds what came or came back during the first.
    pub passes: u32,
    /// The first wait after a request that did not get through; each further one is twice as long, up to a minute.
    pub first_wait: Duration,
}

/// What has been done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Documents that there were to update when it began. Others may be added meanwhile.
    pub total: u64,
    /// Documents that have the value now and had not.
    pub updated: u64,
    /// Documents that had got the value by themselves.
    pub already: u64,
    /// Documents that got another value meanwhile, which stands.
    pub kept: u64,
    /// Documents that hold a value which is not indexed: the query takes them for lacking one, and it stands.
    pub unindexed: u64,
    /// Documents that were deleted meanwhile, by somebody else.
    pub gone: u64,
    /// Documents that are refused.
    pub refused: u64,
    /// The pass over the index, from 1.
    pub pass: u32,
    /// Documents of a request at present.
    pub batch_documents: usize,
    /// Why the next step begins with a wait, and how long it is.
    pub waiting: Option<(Duration, String)>,
}

/// What became of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Listed {
    /// It has the value now and had not.
    Updated {
        /// Its index.
        index: String,
        /// Its `_id`.
        id: String,
        /// What it held under the field before; `None` if nothing or `null`.
        before: Option<Value>,
    },
    /// It had got the value by itself.
    Already {
        /// Its index.
        index: String,
        /// Its `_id`.
        id: String,
    },
    /// It got another value meanwhile, which stands.
    Kept {
        /// Its index.
        index: String,
        /// Its `_id`.
        id: String,
        /// The value.
        value: Value,
    },
    /// It holds a value which is not indexed: the value itself or another one that stands in this mode. No query finds
    /// it before the document is indexed again, as after a field was added to the mapping behind its documents.
    Unindexed {
        /// Its index.
        index: String,
        /// Its `_id`.
        id: String,
        /// The value.
        value: Value,
    },
    /// It was deleted meanwhile.
    Gone {
        /// Its index.
        index: String,
        /// Its `_id`.
        id: String,
    },
    /// It is refused.
    Refused {
        /// Its index.
        index: String,
        /// Its `_id`.
        id: String,
        /// The server's own words.
        message: String,
    },
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What has been done so far, all in all.
    pub progress: Progress,
    /// Every document with which this step has finished. A run tells of each once, and of no others: the number of each
    /// kind is what [`Progress`] has grown by.
    pub listed: Vec<Listed>,
    /// Whether that was all.
    pub is_done: bool,
}

/// A document on its way.
#[derive(Debug, Clone)]
struct Pending {
    action: Action,
    /// What it held when it was last seen.
    before: Option<Value>,
    /// How often it had changed when it was sent.
    changes: u32,
    /// Whether an earlier request with it was lost, so that it may be done.
    is_in_doubt: bool,
}

/// Where documents are, by hashes of their indexes and ids: with a field that was mapped behind its documents, there may
/// be as many as the index holds. Were two ever to share a hash, one of them would lack the value in the end, and the
/// counts afterwards would say so.
#[derive(Debug, Default)]
struct Places(HashSet<u64>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// There is more to read.
    On,
    /// The server lost its place: what is under way must be done before it is read anew.
    Lost,
    /// All of this pass is read.
    End,
}

/// Documents of a page: enough for a few batches, and some hundred kilobytes.
const PAGE: usize = 2000;
/// How often a document may change under our hands before it is given up.
const MOST_CHANGES: u32 = 10;
/// How often in a row the server may lose its place.
const MOST_LOSSES: u32 = 10;
/// After this time it is made sure again that the index is there.
const CHECKED_FOR: Duration = Duration::from_secs(10);

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_documents: 2000,
            batch_bytes: 1_000_000,
            concurrency: 2,
            refused: 10_000,
            passes: 3,
            first_wait: Duration::from_millis(500),
        }
    }
}

impl Limits {
    /// Requests that updating so many documents takes if nothing goes wrong: batches, and the pages that are read.
    #[must_use]
    pub fn requests(&self, documents: u64) -> u64 {
        Pace::new(self).requests(documents) + documents.div_ceil(PAGE as u64)
    }
}

impl Update {
    /// Counts what there is to do. Nothing is written.
    ///
    /// # Errors
    ///
    /// If the index is gone, a request failed, or namespaces cannot be told apart.
    pub async fn start(writer: Writer, task: Task, fields: &Fields, limits: Limits) -> Result<Self, Error> {
        let remaining = task.remaining(fields)?;
        writer.reader().ensure_exists().await?;
        let total = writer.reader().count(&remaining).await?;
        // What a document holds is read in every mode: a value that is not indexed is seen by no query, and stands all
        // the same.
        let source = SourceFields::Only(vec![task.field.to_string()]);
        let scan = writer.reader().scan(remaining.clone(), source, PAGE);
        let pace = Pace::new(&limits);
        let progress =
            Progress { total, pass: 1, batch_documents: pace.batch_documents(), ..Progress::default() };
        Ok(Self {
            writer,
            task,
            remaining,
            limits,
            scan,
            reading: if total == 0 { Reading::End } else { Reading::On },
            queue: VecDeque::new(),
            pace,
            given_up: Places::default(),
            progress,
            of_pass: 0,
            losses: 0,
            checked: Instant::now(),
            failure: None,
            is_done: total == 0,
        })
    }

    /// Leaves out documents, by index and `_id`, that an earlier update of the same run was refused or found to hold a
    /// value that is not indexed: they are neither tried nor told of again.
    pub fn leave_out(&mut self, places: impl IntoIterator<Item = (String, String)>) {
        places.into_iter().for_each(|(index, id)| self.given_up.insert(&index, &id));
    }

    /// What has been done so far.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Does the next few batches.
    ///
    /// Dropping the future stops it at once; the documents under way may or may not be updated.
    ///
    /// # Errors
    ///
    /// If it cannot go on. What is done stays done, and a later update goes on from there. The documents of a step in
    /// which that came out are told first, and the next step fails.
    pub async fn step(&mut self) -> Result<Step, Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut listed = Vec::new();
        if !self.is_done {
            self.wait().await?;
            match self.advance(&mut listed).await {
                Err(failure) if listed.is_empty() => return Err(failure),
                advanced => self.failure = advanced.err(),
            }
        }
        self.progress.batch_documents = self.pace.batch_documents();
        self.progress.waiting = self.pace.waiting();
        Ok(Step { progress: self.progress.clone(), listed, is_done: self.is_done })
    }

    /// Goes on to the end, as long as `is_wanted` says so after each step. Says whether that was the end.
    ///
    /// # Errors
    ///
    /// As [`Update::step`].
    pub async fn run(mut self, mut is_wanted: impl FnMut(&Step) -> bool) -> Result<Progress, Error> {
        loop {
            let step = self.step().await;
            match step {
                Ok(step) if !step.is_done && is_wanted(&step) => {}
                Ok(step) => {
                    if step.is_done {
                        is_wanted(&step);
                    }
                    self.close().await;
                    return Ok(step.progress);
                }
                Err(error) => {
                    self.close().await;
                    return Err(error);
                }
            }
        }
    }

    /// Frees the server's place.
    pub async fn close(&mut self) {
        self.scan.close().await;
    }

    /// Waits as the server asked to; and after a while makes sure that the index is there, since a write to one that
    /// was deleted meanwhile would create it.
    async fn wait(&mut self) -> Result<(), Error> {
        self.pace.wait().await;
        if self.checked.elapsed() > CHECKED_FOR {
            self.writer.reader().ensure_exists().await?;
            self.checked = Instant::now();
        }
        Ok(())
    }

    async fn advance(&mut self, listed: &mut Vec<Listed>) -> Result<(), Error> {
        if self.queue.is_empty() {
            match self.reading {
                Reading::On => {}
                Reading::Lost => {
                    // What was done must be seen to be done, or it would be read again.
                    self.writer.refresh().await?;
                    self.reading = Reading::On;
                }
                Reading::End => return self.end_pass().await,
            }
        }
        let batches = self.take_batches();
        let wants_page = self.reading == Reading::On
            && self.queue.len() < self.pace.batch_documents() * self.limits.concurrency;
        let (writer, task, scan) = (&self.writer, &self.task, &mut self.scan);
        let sending = join_all(batches.into_iter().map(|batch| deliver(writer, task, batch)));
        let reading = async { if wants_page { scan.next().await.map(Some) } else { Ok(None) } };
        let (delivered, page) = join(sending, reading).await;
        // What was sent is accounted for first, whatever became of the reading.
        let mut failure = None;
        for delivered in delivered {
            if let Err(error) = self.account(delivered, listed).await {
                failure = Some(error);
            }
        }
        match failure {
            Some(error) => Err(error),
            None => page.and_then(|page| self.read(page, listed)),
        }
    }

    fn take_batches(&mut self) -> Vec<Vec<Pending>> {
        let document = self.task.document();
        let mut batches = Vec::new();
        while batches.len() < self.pace.concurrency() && !self.queue.is_empty() {
            let mut bytes = 0;
            let mut batch = Vec::new();
            while let Some(pending) = self.queue.front() {
                bytes += pending.action.size(&document);
                let is_full = batch.len() >= self.pace.batch_documents() || bytes > self.pace.batch_bytes();
                if is_full && !batch.is_empty() {
                    break;
                }
                batch.extend(self.queue.pop_front());
            }
            batches.push(batch);
        }
        batches
    }

    fn read(&mut self, page: Option<Page>, listed: &mut Vec<Listed>) -> Result<(), Error> {
        match page {
            None => {}
            Some(Page::Hits(hits)) => {
                self.losses = 0;
                hits.into_iter().for_each(|hit| self.take(hit, listed));
            }
            Some(Page::End) => self.reading = Reading::End,
            Some(Page::Lost) => {
                self.losses += 1;
                self.reading = Reading::Lost;
                self.pace.pause("the server lost its place in the index; reading goes on anew".to_owned());
                if self.losses > MOST_LOSSES {
                    return Err(Error::Nonsense {
                        service: self.writer.reader().server().to_string(),
                        what: format!("it lost its place in the index {} times in a row", self.losses),
                    });
                }
            }
        }
        Ok(())
    }

    /// Queues a document that was found, unless its source says what the query could not see: that it holds a value
    /// already (law 5).
    fn take(&mut self, mut hit: Hit, listed: &mut Vec<Listed>) {
        if self.given_up.contains(&hit.index, &hit.id) {
            return;
        }
        let held = hit.source.remove(self.task.field.as_str()).filter(|held| !held.is_null());
        match held {
            Some(value) if !self.task.would_write(Some(&value)) => {
                let Hit { index, id, .. } = hit;
                self.progress.unindexed += 1;
                self.given_up.insert(&index, &id);
                listed.push(Listed::Unindexed { index, id, value });
            }
            before => {
                let action = Action::from(&hit);
                self.queue.push_back(Pending { action, before, changes: 0, is_in_doubt: false });
            }
        }
    }

    /// After a pass: what still remains came, or came back, during it.
    async fn end_pass(&mut self) -> Result<(), Error> {
        let did_something = self.of_pass > 0;
        let may_go_on = self.progress.pass < self.limits.passes;
        if did_something && may_go_on {
            self.writer.refresh().await?;
            let remaining = self.writer.reader().count(&self.remaining).await?;
            if remaining > self.given_up.count() {
                self.writer.reader().ensure_exists().await?;
                self.progress.pass += 1;
                self.of_pass = 0;
                self.reading = Reading::On;
                return Ok(());
            }
        }
        self.is_done = true;
        Ok(())
    }

    /// Books what became of a batch, and queues what is to be sent again.
    async fn account(&mut self, delivered: Delivered, listed: &mut Vec<Listed>) -> Result<(), Error> {
        let Delivered { items, again, trouble } = delivered;
        let mut conflicts = Vec::new();
        let mut busy = None;
        let mut blocked = None;
        for (pending, outcome) in items {
            match outcome {
                ItemOutcome::Updated => self.updated(pending, listed),
                ItemOutcome::Noop if pending.is_in_doubt => self.updated(pending, listed),
                ItemOutcome::Noop => self.already(pending, listed),
                ItemOutcome::Gone => self.gone(pending, listed),
                ItemOutcome::Conflict => conflicts.push(pending),
                ItemOutcome::Refused(cause) => self.refuse(pending, cause.message(), listed),
                ItemOutcome::Busy(cause) => {
                    busy = Some(cause);
                    self.queue.push_front(pending);
                }
                ItemOutcome::Blocked(cause) => blocked = Some(cause),
            }
        }
        again.into_iter().rev().for_each(|pending| self.queue.push_front(pending));
        let settled = if conflicts.is_empty() { Ok(()) } else { self.settle(conflicts, listed).await };
        if let Some(cause) = blocked {
            return Err(Error::Blocked { cause });
        }
        settled?;
        if self.progress.refused > self.limits.refused {
            let message = listed.iter().rev().find_map(|listed| match listed {
                Listed::Refused { message, .. } => Some(message.clone()),
                Listed::Updated { .. }
                | Listed::Already { .. }
                | Listed::Kept { .. }
                | Listed::Unindexed { .. }
                | Listed::Gone { .. } => None,
            });
            return Err(Error::TooManyRefused {
                count: self.progress.refused,
                message: message.unwrap_or_default(),
            });
        }
        match (trouble, busy) {
            (Some(trouble), _) => self.pace.after(trouble),
            (None, Some(cause)) => self.pace.after(Trouble::Throttled { why: cause.message() }),
            (None, None) => {
                self.pace.clean();
                Ok(())
            }
        }
    }

    /// Looks at documents that changed since they were seen, in their newest version.
    async fn settle(&mut self, conflicts: Vec<Pending>, listed: &mut Vec<Listed>) -> Result<(), Error> {
        let asked: Vec<Action> = conflicts.iter().map(|pending| pending.action.clone()).collect();
        let field = self.task.field.as_str();
        let fetched = match self.writer.reader().fetch(&asked, field).await {
            Ok(fetched) => fetched,
            Err(error) => {
                conflicts.into_iter().rev().for_each(|pending| self.queue.push_front(pending));
                return Err(error);
            }
        };
        for (mut pending, fetched) in conflicts.into_iter().zip(fetched) {
            let (stamp, held) = match fetched {
                Fetched::Found { stamp, mut source } => (stamp, source.remove(self.task.field.as_str())),
                Fetched::Absent => {
                    self.gone(pending, listed);
                    continue;
                }
                Fetched::Failed(cause) => {
                    self.refuse(pending, cause.message(), listed);
                    continue;
                }
            };
            match self.task.decide(held.as_ref()) {
                // Its own update may have been the change, in a request whose answer was lost.
                Decision::Already if pending.is_in_doubt => self.updated(pending, listed),
                Decision::Already => self.already(pending, listed),
                Decision::Keep => {
                    self.progress.kept += 1;
                    let Action { index, id, .. } = pending.action;
                    listed.push(Listed::Kept { index, id, value: held.unwrap_or_default() });
                }
                Decision::Write if pending.changes >= MOST_CHANGES => {
                    self.refuse(pending, "somebody else keeps on changing it".to_owned(), listed);
                }
                Decision::Write => {
                    pending.changes += 1;
                    pending.action.stamp = stamp;
                    pending.before = held;
                    self.queue.push_back(pending);
                }
            }
        }
        Ok(())
    }

    fn updated(&mut self, pending: Pending, listed: &mut Vec<Listed>) {
        self.progress.updated += 1;
        self.of_pass += 1;
        let Pending { action: Action { index, id, .. }, before, .. } = pending;
        listed.push(Listed::Updated { index, id, before });
    }

    fn already(&mut self, pending: Pending, listed: &mut Vec<Listed>) {
        self.progress.already += 1;
        let Action { index, id, .. } = pending.action;
        listed.push(Listed::Already { index, id });
    }

    fn gone(&mut self, pending: Pending, listed: &mut Vec<Listed>) {
        self.progress.gone += 1;
        let Action { index, id, .. } = pending.action;
        listed.push(Listed::Gone { index, id });
    }

    fn refuse(&mut self, pending: Pending, message: String, listed: &mut Vec<Listed>) {
        self.progress.refused += 1;
        let Action { index, id, .. } = pending.action;
        self.given_up.insert(&index, &id);
        listed.push(Listed::Refused { index, id, message });
    }
}

impl Places {
    fn insert(&mut self, index: &str, id: &str) {
        self.0.insert(Self::hash(index, id));
    }

    fn contains(&self, index: &str, id: &str) -> bool {
        self.0.contains(&Self::hash(index, id))
    }

    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    fn hash(index: &str, id: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (index, id).hash(&mut hasher);
        hasher.finish()
    }
}
