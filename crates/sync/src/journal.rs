//! What makes a run outlive its process: every id that is found and every record that is settled goes to the store, in
//! the order in which it happened, and together with the position from which the run goes on.
//!
//! A record is *pending* from the moment in which it is handed on to be read until it is *settled*: found to be in sync,
//! without text or gone, acknowledged by the target, or failed. A run that goes on reads the pending ones again, on both
//! sides, and then takes its listing up where it was.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::{Category, Counts, Event, EventBody, FailedRecord, RunId};
use serde::{Deserialize, Serialize};
use store::{Commit, Pending, Settled, Store, StoreError};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    diff::Position,
    plan::{Contribution, PlanBuilder},
    recorder::Recorder,
    settings::Settings,
};

/// How long what costs nothing to do again may wait for company before it is made durable.
const COALESCE: Duration = Duration::from_millis(200);
/// Settled records that are made durable at once even if nothing urgent is among them.
const FULL: usize = 2_000;
/// Entries that may wait for the store before the run waits too.
const WAITING: usize = 256;
/// Digests that are read from the store at once.
const PAGE: u32 = 5_000;

/// A record that is done with.
#[derive(Debug)]
pub(crate) struct Done {
    pub settled: Settled,
    /// What it adds to the counters.
    pub counts: Counts,
    pub failure: Option<FailedRecord>,
    /// What it adds to the plan, if the run makes one.
    pub contribution: Option<Box<Contribution>>,
}

impl Done {
    /// A record that stands behind one count.
    pub fn behind(id: &str, category: Category, counts: Counts) -> Self {
        let settled = Settled { id: id.to_owned(), categories: vec![category], ..Settled::default() };
        Self { settled, counts, failure: None, contribution: None }
    }
}

/// What the front of a run hands on.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    pub pending: Vec<Pending>,
    /// What the ids add to the counters by being found.
    pub counts: Counts,
    /// Ids that are done with as they were found.
    pub done: Vec<Done>,
    /// Where the front goes on behind them.
    pub position: Position,
}

/// From where a run goes on, as it stands in the store.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub position: Position,
    /// What the settled records and the listings add up to.
    pub counts: Counts,
    /// What the settled records of an analysis add up to.
    pub plan: PlanBuilder,
    /// Records that were migrated before the listings began again: they are among those that the target lists since.
    #[serde(default)]
    pub listed_again: u64,
    /// The task of a server that was started last, and may be at work when nobody watches it any more.
    #[serde(default)]
    pub task: Option<String>,
}

enum Entry {
    Handed(Handed),
    Found(Vec<Pending>),
    Settled(Vec<Done>),
    Spent(Counts),
    Started(String),
    Task(oneshot::Sender<Option<String>>),
    Reset(Position),
    Flush(oneshot::Sender<()>),
    Plan(oneshot::Sender<PlanBuilder>),
    Counts(oneshot::Sender<Counts>),
}

/// The journal of one run. Cloned into every stage.
#[derive(Clone)]
pub(crate) struct Journal {
    entries: mpsc::Sender<Entry>,
    broken: Arc<Mutex<Option<String>>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Journal {
    /// Begins to keep a run's journal; `halt` is cancelled when the store cannot be written any more.
    pub fn begin(
        store: Arc<dyn Store>,
        recorder: Arc<Recorder>,
        settings: Settings,
        checkpoint: Checkpoint,
        halt: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (entries, receiver) = mpsc::channel(WAITING);
        let (events_in, events) = mpsc::unbounded_channel();
        recorder.forward(events_in);
        let broken = Arc::new(Mutex::new(None));
        let run = recorder.id();
        let keeper = Keeper {
            store,
            run,
            settings,
            recorder,
            state: checkpoint,
            commit: Commit::default(),
            moved: false,
            urgent: false,
            since: None,
            waiting: Vec::new(),
            broken: broken.clone(),
            halt,
        };
        let task = tokio::spawn(async move {
            // An error was told by the time at which it comes here.
            drop(keeper.keep(receiver, events).await);
        });
        (Self { entries, broken }, task)
    }

    /// Why the journal cannot be kept any more, if it cannot.
    pub fn broken(&self) -> Option<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    // When nobody takes an entry the journal is broken: `halt` has told the run, and its end tells why.

    /// Keeps what was found. Comes before the ids are handed on, so that none can be settled before it is pending.
    pub async fn handed(&self, handed: Handed) {
        drop(self.entries.send(Entry::Handed(handed)).await);
    }

    /// Keeps where ids are that were handed on before anybody knew.
    pub async fn found(&self, pending: Vec<Pending>) {
        drop(self.entries.send(Entry::Found(pending)).await);
    }

    /// Keeps what became of records.
    pub async fn settled(&self, done: Vec<Done>) {
        if !done.is_empty() {
            drop(self.entries.send(Entry::Settled(done)).await);
        }
    }

    /// Keeps what was paid for, whatever becomes of it.
    pub async fn spent(&self, counts: Counts) {
        drop(self.entries.send(Entry::Spent(counts)).await);
    }

    /// Keeps which task of a server was started. Durable when it returns, unless the journal is broken.
    pub async fn started(&self, task: String) {
        drop(self.entries.send(Entry::Started(task)).await);
        self.flush().await;
    }

    /// The task of a server that this run started last, in this process or before.
    pub async fn task(&self) -> Option<String> {
        let (sender, receiver) = oneshot::channel();
        drop(self.entries.send(Entry::Task(sender)).await);
        receiver.await.ok().flatten()
    }

    /// Forgets what was classified, because a listing has to be read again; what was paid and written stays counted.
    pub async fn reset(&self, position: Position) {
        drop(self.entries.send(Entry::Reset(position)).await);
    }

    /// Returns once everything before is durable, or the journal is broken.
    pub async fn flush(&self) {
        let (sender, receiver) = oneshot::channel();
        drop(self.entries.send(Entry::Flush(sender)).await);
        drop(receiver.await);
    }

    /// What the plan is made of, once every record was settled; `None` if the journal is broken.
    pub async fn plan(&self) -> Option<PlanBuilder> {
        let (sender, receiver) = oneshot::channel();
        drop(self.entries.send(Entry::Plan(sender)).await);
        receiver.await.ok()
    }

    /// What the durable records and listings add up to.
    pub async fn counts(&self) -> Option<Counts> {
        let (sender, receiver) = oneshot::channel();
        drop(self.entries.send(Entry::Counts(sender)).await);
        receiver.await.ok()
    }
}

/// Reads where a run goes on; `None` if it never came to its first checkpoint.
pub(crate) async fn restore(store: &dyn Store, run: &RunId) -> Result<Option<Checkpoint>, StoreError> {
    let Some(text) = store.checkpoint(run).await? else { return Ok(None) };
    let mut checkpoint: Checkpoint =
        serde_json::from_str(&text).map_err(|error| checkpoint_failed(run, "read", &error))?;
    let mut texts = HashSet::new();
    let mut after = None;
    loop {
        let page = store.planned_texts(run, after, PAGE).await?;
        after = page.last().copied();
        texts.extend(page);
        if after.is_none() {
            break;
        }
    }
    checkpoint.plan.remember(texts);
    Ok(Some(checkpoint))
}

fn checkpoint_failed(run: &RunId, what: &'static str, error: &serde_json::Error) -> StoreError {
    StoreError::Io { path: format!("checkpoint of run {run}"), what, reason: error.to_string() }
}

/// The one who writes the journal.
struct Keeper {
    store: Arc<dyn Store>,
    run: RunId,
    settings: Settings,
    recorder: Arc<Recorder>,
    state: Checkpoint,
    commit: Commit,
    /// Whether the checkpoint is newer than the store's.
    moved: bool,
    /// Whether something must not be done twice after a crash.
    urgent: bool,
    /// Since when something waits.
    since: Option<Instant>,
    waiting: Vec<oneshot::Sender<()>>,
    /// Why nothing can be written any more, and who has to know that.
    broken: Arc<Mutex<Option<String>>>,
    halt: CancellationToken,
}

impl Keeper {
    async fn keep(
        mut self,
        mut entries: mpsc::Receiver<Entry>,
        mut events: mpsc::UnboundedReceiver<Arc<Event>>,
    ) -> Result<(), StoreError> {
        let mut taken = Vec::with_capacity(WAITING);
        let mut happened = Vec::new();
        loop {
            let due = self.since.map(|since| since + COALESCE);
            tokio::select! {
                biased;
                // The recorder is kept, so this channel does not close.
                _ = events.recv_many(&mut happened, WAITING) => self.events(&mut happened),
                entry = entries.recv() => {
                    let Some(entry) = entry else { break };
                    taken.push(entry);
                    // Whatever else waits becomes durable with it.
                    while taken.len() < WAITING && let Ok(entry) = entries.try_recv() {
                        taken.push(entry);
                    }
                    for entry in taken.drain(..) {
                        self.take(entry).await?;
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.urgent = true,
            }
            if self.urgent || self.commit.settled.len() >= FULL {
                self.write().await?;
            }
        }
        while let Ok(event) = events.try_recv() {
            happened.push(event);
        }
        self.events(&mut happened);
        self.write().await
    }

    fn events(&mut self, happened: &mut Vec<Arc<Event>>) {
        for event in happened.drain(..) {
            // What changes how the run stands is worth a commit of its own: another process may be looking.
            self.urgent |=
                !matches!(event.body, EventBody::Log(_) | EventBody::Failed(_) | EventBody::Progress(_));
            if !matches!(event.body, EventBody::Progress(_)) {
                self.commit.events.push((*event).clone());
            }
            self.since.get_or_insert_with(Instant::now);
        }
    }

    async fn take(&mut self, entry: Entry) -> Result<(), StoreError> {
        match entry {
            Entry::Handed(Handed { pending, counts, done, position }) => {
                self.commit.found.extend(pending);
                self.state.counts.add(&counts);
                self.state.position = position;
                self.moved = true;
                self.settle(done);
            }
            Entry::Found(pending) => self.commit.found.extend(pending),
            Entry::Settled(done) => self.settle(done),
            Entry::Spent(counts) => {
                self.state.counts.add(&counts);
                (self.moved, self.urgent) = (true, true);
            }
            Entry::Started(task) => {
                self.state.task = Some(task);
                (self.moved, self.urgent) = (true, true);
            }
            Entry::Task(answer) => drop(answer.send(self.state.task.clone())),
            Entry::Reset(position) => {
                // What was acknowledged before stays true, and so do its vectors in the ledger.
                self.write().await?;
                self.commit.reset = true;
                let counts = self.state.counts.written();
                let listed_again = counts.migrated;
                let task = self.state.task.take();
                self.state =
                    Checkpoint { position, counts, plan: PlanBuilder::default(), listed_again, task };
                (self.moved, self.urgent) = (true, true);
            }
            Entry::Flush(done) => {
                self.waiting.push(done);
                self.urgent = true;
            }
            Entry::Plan(answer) => drop(answer.send(self.state.plan.hand_out())),
            Entry::Counts(answer) => drop(answer.send(self.state.counts.clone())),
        }
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn settle(&mut self, done: Vec<Done>) {
        for Done { settled, counts, failure, contribution } in done {
            // What was paid for must never be paid for again.
            self.urgent |= counts.migrated + counts.updated > 0;
            self.state.counts.add(&counts);
            if let Some(contribution) = contribution {
                self.state.plan.absorb(*contribution, &self.settings);
            }
            self.commit.failures.extend(failure);
            self.commit.settled.push(settled);
            self.moved = true;
        }
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        let written = self.make_durable().await;
        if let Err(error) = &written {
            // Told before whoever waits for an answer learns that none will come.
            *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            self.halt.cancel();
        }
        written
    }

    async fn make_durable(&mut self) -> Result<(), StoreError> {
        let mut commit = std::mem::take(&mut self.commit);
        commit.view = Some(self.recorder.outline());
        if std::mem::take(&mut self.moved) {
            let checkpoint = serde_json::to_string(&self.state);
            commit.checkpoint =
                Some(checkpoint.map_err(|error| checkpoint_failed(&self.run, "write", &error))?);
        }
        self.urgent = false;
        self.since = None;
        self.store.commit(&self.run, commit).await?;
        for waiting in self.waiting.drain(..) {
            // Whoever gave up waiting needs no answer.
            let _ = waiting.send(());
        }
        Ok(())
    }
}
