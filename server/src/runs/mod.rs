//! The registry of runs: starts them, stops them, lets them go on, and knows what became of them. The command line and
//! the app use the same one.
//!
//! The store knows all runs, of whatever process; this registry also holds the live ones of its own process, whose views
//! are ahead of the store. A run has a lock of its own for as long as somebody is at work on it, so that a live run of
//! another process can be told from one whose process died.

mod compare;
mod error;
mod housekeeping;
mod kinds;
mod locks;
mod many;
mod origin;
mod past;
mod writing;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pinecone::Namespace;
use protocol::{Event, EventBody, RunId, RunRequest, RunState, RunView};
use store::{Ask, Commit, SqliteStore, Store, StoreError};
use sync::{Clock, Recorder, Stop, StopReason};
use tokio::{sync::broadcast, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use error::StartError;

use crate::{clock::new_run_id, connections::Connections};
use kinds::Work;
use locks::Locks;

/// How long the runs may take to stop with the server. A run gives what is in flight a little less.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// All runs of the data directory, and the live ones of this process.
pub struct Runs {
    connections: Arc<Connections>,
    clock: Clock,
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    /// Cancelled once no run may begin any more.
    closing: CancellationToken,
    live: Mutex<HashMap<RunId, Live>>,
}

/// A run that this process is at work on.
#[derive(Clone)]
struct Live {
    recorder: Arc<Recorder>,
    stop: Stop,
    /// Cancelled when the run has left the registry: all of it is in the store, and its locks are free.
    gone: CancellationToken,
}

/// Whether a run begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    /// It begins.
    Now,
    /// It goes on from its checkpoint.
    Before,
}

/// A run that has just begun or goes on. Every event after the view's is in `events`.
pub struct Started {
    /// Its name.
    pub id: RunId,
    /// The run as of its first event, or as of the one with which it goes on.
    pub view: RunView,
    /// What follows.
    pub events: broadcast::Receiver<Arc<Event>>,
}

impl Runs {
    /// Opens the store in the data directory.
    ///
    /// # Errors
    ///
    /// A store that is damaged, was made by a newer tain, or cannot be written. Nothing is changed in it then.
    pub async fn open(connections: Arc<Connections>, clock: Clock) -> Result<Arc<Self>, StoreError> {
        let store = SqliteStore::open(connections.data_dir()).await?;
        let runs = Arc::new(Self {
            connections,
            clock,
            store: Arc::new(store),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            live: Mutex::default(),
        });
        runs.keep_house();
        Ok(runs)
    }

    /// The store behind the registry.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The services and settings that runs use.
    pub fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Starts a run. It goes on until it ends or is stopped, whether anyone watches or not.
    ///
    /// # Errors
    ///
    /// A request that cannot be carried out, a namespace that another run is writing, or a service that cannot be used.
    pub async fn start(self: &Arc<Self>, request: RunRequest) -> Result<Started, StartError> {
        self.require_open()?;
        if request.batch_size == Some(0) {
            return Err(StartError::invalid("batch_size", "a batch holds at least one record"));
        }
        if request.namespaces.is_some() {
            Box::pin(self.start_all(request)).await
        } else {
            Ok(Box::pin(self.start_one(request)).await?.0)
        }
    }

    /// Starts a run over one namespace.
    async fn start_one(self: &Arc<Self>, request: RunRequest) -> Result<(Started, Live), StartError> {
        let (request, origin) = self.origin_of(request).await?;
        self.check(&request)?;
        let now = (self.clock)();
        let id = new_run_id(now);
        let locks = self.lock(&id, &self.written(&request)?, now)?;
        let work = self.while_open(self.work_of(&request)).await?;

        let (from, to) = self.indexes_of(&request)?;
        let ledger = self.ledger_of(&request)?;
        let head = sync::head(id, request, (&from, &to), &origin, &self.connections.settings(), now);
        let recorder = Recorder::new(head, self.clock.clone());
        self.store.begin(&recorder.view(), &ledger).await?;
        Ok(self.launch_one(recorder, locks, work, Begun::Now))
    }

    /// Goes on with a run from its checkpoint, whichever process was at work on it before.
    ///
    /// # Errors
    ///
    /// There is no such run, it is live or over, it is of other indexes or settings, or what keeps a run from starting.
    pub async fn resume(self: &Arc<Self>, id: &RunId) -> Result<Started, StartError> {
        Ok(Box::pin(self.resume_live(id)).await?.0)
    }

    async fn resume_live(self: &Arc<Self>, id: &RunId) -> Result<(Started, Live), StartError> {
        self.require_open()?;
        self.see_off(Some(id)).await;
        let RunView { head, state, .. } =
            self.view(id).await?.ok_or_else(|| StartError::UnknownRun(id.clone()))?;
        if state.is_resumable() {
            self.let_go(id).await;
        }
        self.require_same_indexes(&head)?;
        self.require_same_writing(&head)?;
        let request = &head.request;
        let over_one = request.namespaces.is_none();
        if over_one {
            self.check(request)?;
        } else {
            self.connections.require_keys(request)?;
        }
        let written = if over_one { self.written(request)? } else { Vec::new() };
        let locks = self.lock(id, &written, (self.clock)())?;
        // Only from here on does nobody else change it.
        let view = self.stored(id).await?.ok_or_else(|| StartError::UnknownRun(id.clone()))?;
        if !view.state.is_resumable() {
            let message = format!("run {id} is {} and cannot go on; start a new one", view.state.label());
            return Err(StartError::invalid("run", message));
        }
        if !over_one {
            return self.resume_all(view, locks).await;
        }
        let work = self.while_open(self.work_of(request)).await?;
        let recorder = self.restored(view).await?;
        Ok(self.launch_one(recorder, locks, work, Begun::Before))
    }

    /// The record of a run that goes on. Every process sees at once that it does.
    async fn restored(&self, view: RunView) -> Result<Arc<Recorder>, StoreError> {
        let id = view.head.id.clone();
        // What was asked of the run before it stopped is answered by now.
        self.store.asked(std::slice::from_ref(&id)).await?;
        let recorder = Recorder::restored(view, self.clock.clone());
        let view = recorder.view();
        let resumed = Event { run: id.clone(), seq: view.seq, at: view.updated_at, body: EventBody::Resumed };
        let commit = Commit { view: Some(view), events: vec![resumed], ..Commit::default() };
        self.store.commit(&id, commit).await?;
        Ok(recorder)
    }

    fn launch_one(
        self: &Arc<Self>,
        recorder: Arc<Recorder>,
        locks: Locks,
        work: Work,
        begun: Begun,
    ) -> (Started, Live) {
        let request = recorder.view().head.request;
        let stop = Stop::new();
        let work = {
            let (runs, recorder, stop) = (self.clone(), recorder.clone(), stop.clone());
            async move { Box::pin(work.execute(&runs, &request, &recorder, &stop)).await }
        };
        // Whoever started it gets every event from the first one on.
        let started = Started::of(&recorder);
        let live = self.launch(recorder, stop, locks, begun, work);
        (started, live)
    }

    /// Spawns a run's work; its locks are held until it has ended.
    fn launch(
        self: &Arc<Self>,
        recorder: Arc<Recorder>,
        stop: Stop,
        locks: Locks,
        begun: Begun,
        work: impl Future<Output = RunState> + Send + 'static,
    ) -> Live {
        let view = recorder.view();
        let (id, command) = (view.head.id, view.head.request.command());
        let live = Live { recorder: recorder.clone(), stop, gone: CancellationToken::new() };
        self.live().insert(id.clone(), live.clone());
        if self.closing.is_cancelled() {
            live.stop.ask(StopReason::Shutdown);
        }
        tracing::info!(run = %id, resumed = begun == Begun::Before, "Started {command}");
        // Leaves the registry last, even where the work panics.
        let leave = Leave { runs: self.clone(), id: id.clone(), gone: live.gone.clone() };
        self.tasks.spawn(async move {
            let _leave = leave;
            let _locks = locks;
            let state = work.await;
            let view = recorder.view();
            // The run's own events tell its watchers; this line is for whoever keeps the server's log.
            let why = view.error.or(view.pause.map(|pause| pause.message)).unwrap_or_default();
            tracing::info!(run = %id, ?state, why, "Ended {command}");
        });
        live
    }

    /// Asks a run to stop at a checkpoint; returns whether there is such a run. One that is not live stays as it is.
    ///
    /// # Errors
    ///
    /// The store could not be read or written.
    pub async fn pause(&self, id: &RunId) -> Result<bool, StoreError> {
        self.ask(id, Ask::Pause).await
    }

    /// Asks a run to stop for good; one that waits to be resumed is given up. Returns whether there is such a run. One
    /// that is over stays as it is.
    ///
    /// # Errors
    ///
    /// The store could not be read or written.
    pub async fn cancel(&self, id: &RunId) -> Result<bool, StoreError> {
        let known = self.ask(id, Ask::Cancel).await?;
        if known && self.live_run(id).is_none() {
            self.give_up(id).await?;
        }
        Ok(known)
    }

    async fn ask(&self, id: &RunId, ask: Ask) -> Result<bool, StoreError> {
        self.see_off(Some(id)).await;
        if let Some(live) = self.live_run(id) {
            live.stop.ask(reason_of(ask));
            return Ok(true);
        }
        let Some(view) = self.view(id).await? else { return Ok(false) };
        if view.state.is_live() {
            self.store.ask(id, ask).await?;
        }
        Ok(true)
    }

    /// Stops a run of this process at a checkpoint because the process is about to end.
    pub fn stop(&self, id: &RunId) {
        if let Some(live) = self.live_run(id) {
            live.stop.ask(StopReason::Shutdown);
        }
    }

    /// Waits until every run of this process has ended.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Stops every run of this process at a checkpoint and waits, for a while, until what was in flight is in the
    /// target. Returns whether all stopped. None can be started from now on.
    pub async fn shut_down(&self) -> bool {
        self.closing.cancel();
        self.live().values().for_each(|live| live.stop.ask(StopReason::Shutdown));
        timeout(STOP_PATIENCE, self.finish()).await.is_ok()
    }

    /// Waits until a run (or every one) that has told its end is in the store and has let go of its locks: whoever has
    /// just seen the end expects it to be there.
    async fn see_off(&self, id: Option<&RunId>) {
        let all: Vec<Live> = self.live().values().cloned().collect();
        for live in all {
            let view = live.recorder.view();
            if !view.state.is_live() && id.is_none_or(|id| *id == view.head.id) {
                live.gone.cancelled().await;
            }
        }
    }

    fn require_open(&self) -> Result<(), StartError> {
        if self.closing.is_cancelled() { Err(StartError::Stopping) } else { Ok(()) }
    }

    /// What `ready` says, unless the process is told to stop meanwhile. Connecting to a service that is slow takes longer than
    /// a process has to end, and what is about to start has to hear of it: a schedule gives its tick back then.
    async fn while_open<T>(
        &self,
        ready: impl Future<Output = Result<T, StartError>>,
    ) -> Result<T, StartError> {
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(StartError::Stopping),
            ready = ready => ready,
        }
    }

    fn live_run(&self, id: &RunId) -> Option<Live> {
        self.live().get(id).cloned()
    }

    /// Each change of the map is one call, so a panic elsewhere cannot leave it half done.
    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Started {
    fn of(recorder: &Recorder) -> Self {
        let (view, events) = recorder.subscribe();
        Self { id: view.head.id.clone(), view, events }
    }
}

/// Takes a run out of the registry when its work has ended in whatever way.
struct Leave {
    runs: Arc<Runs>,
    id: RunId,
    gone: CancellationToken,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.runs.live().remove(&self.id);
        self.gone.cancel();
    }
}

fn namespace_of(request: &RunRequest) -> Result<Namespace, StartError> {
    Namespace::parse(&request.namespace).map_err(|error| StartError::invalid("namespace", error.to_string()))
}

const fn reason_of(ask: Ask) -> StopReason {
    match ask {
        Ask::Pause => StopReason::Pause,
        Ask::Cancel => StopReason::Cancel,
    }
}
