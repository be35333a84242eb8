//! The registry of runs: starts them, keeps them, stops them. The command line and the app use the same one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use pinecone::Namespace;
use protocol::{Category, Event, RecordIds, RunId, RunKind, RunRequest, RunSummary, RunView};
use store::{Holder, LockError, RunLock};
use sync::{Clock, Recorder};
use tokio::{sync::broadcast, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::new_run_id,
    connections::{ConnectError, Connections},
    exit::{Exit, Failure, chain},
    output::{display_namespace, format},
};

/// Finished runs that are kept: the newest.
const KEPT_RUNS: usize = 200;

/// How long the runs may take to end when the server stops. A run needs a second; the rest is for a slow machine.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// All runs of this process.
pub struct Runs {
    connections: Arc<Connections>,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
    entries: Mutex<VecDeque<Entry>>,
}

struct Entry {
    id: RunId,
    recorder: Arc<Recorder>,
    stop: CancellationToken,
    /// The run's row in the list, once it has ended.
    ended: Arc<OnceLock<RunSummary>>,
}

/// A run that has just been started. Every event after the view's is in `events`.
pub struct Started {
    /// Its name.
    pub id: RunId,
    /// The run as of its first event.
    pub view: RunView,
    /// What follows.
    pub events: broadcast::Receiver<Arc<Event>>,
}

/// Why a run was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A value of the request cannot be used.
    #[error("{message}")]
    Invalid {
        /// The request's field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Another live run holds the target namespace (law 12).
    #[error("{message}")]
    Busy {
        /// Who holds it and since when.
        message: String,
        /// The run that holds it.
        holder: Option<RunId>,
    },
    /// A service cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The lock could not be taken for another reason than being held.
    #[error("{0}")]
    Lock(String),
    /// The server is shutting down.
    #[error("tain is stopping; start the run again when it is back")]
    Stopping,
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::Connect(ConnectError::Service(_)) => Exit::ServiceFailed,
            _ => Exit::Usage,
        };
        Self { exit, message: error.to_string() }
    }
}

impl Runs {
    /// No runs yet.
    pub fn new(connections: Arc<Connections>, clock: Clock) -> Self {
        Self {
            connections,
            clock,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            entries: Mutex::default(),
        }
    }

    /// Starts a run. It goes on until it ends or is cancelled, whether anyone watches or not.
    ///
    /// # Errors
    ///
    /// A request that cannot be carried out, a namespace that another run is writing, or a service that cannot be used.
    pub async fn start(&self, request: RunRequest) -> Result<Started, StartError> {
        if self.stop.is_cancelled() {
            return Err(StartError::Stopping);
        }
        let namespace = Namespace::parse(&request.namespace)
            .map_err(|error| StartError::Invalid { field: "namespace", message: error.to_string() })?;
        if request.batch_size == Some(0) {
            let message = "a batch holds at least one record".to_owned();
            return Err(StartError::Invalid { field: "batch_size", message });
        }
        self.connections.require_keys(&request)?;
        let now = (self.clock)();
        let id = new_run_id(now);
        let lock = if writes(&request) { Some(self.lock(&id, &namespace, now)?) } else { None };
        let services = self.connections.services(&request, self.clock.clone()).await?;

        let settings = self.connections.settings();
        let names = self.connections.index_names();
        let head = sync::head(id.clone(), request.clone(), names, &settings, now);
        let recorder = Recorder::new(head, self.clock.clone());
        let (view, events) = recorder.subscribe();
        let stop = self.stop.child_token();
        let ended = Arc::new(OnceLock::new());
        let entry =
            Entry { id: id.clone(), recorder: recorder.clone(), stop: stop.clone(), ended: ended.clone() };
        self.keep(entry);
        tracing::info!(run = %id, "Started {}", request.command());
        let name = id.clone();
        self.tasks.spawn(async move {
            // Held until the run has ended.
            let _lock = lock;
            let state = Box::pin(sync::execute(&services, &settings, &request, &recorder, stop)).await;
            let view = recorder.view();
            ended.get_or_init(|| view.summary());
            // The run's own events tell its watchers; this line is for whoever keeps the server's log.
            let error = view.error.as_deref().unwrap_or("none");
            tracing::info!(run = %name, ?state, error, "Ended {}", request.command());
        });
        Ok(Started { id, view, events })
    }

    fn lock(&self, id: &RunId, namespace: &Namespace, now: u64) -> Result<RunLock, StartError> {
        let holder = Holder { run: id.0.clone(), pid: std::process::id(), host: host_name(), since: now };
        let target = self.connections.target_identity();
        let name = namespace.as_str();
        store::acquire(self.connections.data_dir(), &target, name, &holder).map_err(|error| match error {
            LockError::Held { holder, .. } => self.busy(name, holder),
            error @ LockError::Io { .. } => {
                StartError::Lock(format!("{}; set TAIN_DATA_DIR to a directory that is", chain(&error)))
            }
        })
    }

    fn busy(&self, namespace: &str, holder: Option<Holder>) -> StartError {
        let (_, target) = self.connections.index_names();
        let what = format!("namespace {} of {target}", display_namespace(namespace));
        let Some(holder) = holder else {
            let message = format!(
                "{what} is being written by another run that has only just begun; wait for it to end"
            );
            return StartError::Busy { message, holder: None };
        };
        let message = format!(
            "{what} is being written by run {} (process {} on {}) since {}; wait for it to end, or cancel it",
            holder.run,
            holder.pid,
            holder.host,
            format::time(holder.since)
        );
        let id = RunId(holder.run);
        let ours = self.recorder(&id).is_some();
        StartError::Busy { message, holder: ours.then_some(id) }
    }

    /// Keeps a run, and forgets the oldest finished ones beyond [`KEPT_RUNS`].
    fn keep(&self, entry: Entry) {
        let mut entries = self.entries();
        entries.push_front(entry);
        let mut finished = 0;
        entries.retain(|entry| {
            if entry.ended.get().is_none() {
                return true;
            }
            finished += 1;
            finished <= KEPT_RUNS
        });
    }

    /// Asks a run to stop; returns whether there is such a run. One that is over stays as it is.
    pub fn cancel(&self, id: &RunId) -> bool {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry.id == *id);
        if let Some(entry) = entry {
            entry.stop.cancel();
        }
        entry.is_some()
    }

    /// A run as it stands.
    pub fn view(&self, id: &RunId) -> Option<RunView> {
        self.recorder(id).map(|recorder| recorder.view())
    }

    /// All runs, newest first.
    pub fn list(&self) -> Vec<RunSummary> {
        let row =
            |entry: &Entry| entry.ended.get().cloned().unwrap_or_else(|| entry.recorder.view().summary());
        self.entries().iter().map(row).collect()
    }

    /// The ids behind a count.
    pub fn records(&self, id: &RunId, category: Category) -> Option<RecordIds> {
        self.recorder(id).map(|recorder| recorder.records(category))
    }

    /// A run as it stands, and everything that follows.
    pub fn subscribe(&self, id: &RunId) -> Option<(RunView, broadcast::Receiver<Arc<Event>>)> {
        self.recorder(id).map(|recorder| recorder.subscribe())
    }

    /// Waits until every run has ended; none can be started from now on.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Cancels every run and waits, for a while, until what was in flight is in the target. Returns whether all ended.
    pub async fn shut_down(&self) -> bool {
        self.stop.cancel();
        self.tasks.close();
        timeout(STOP_PATIENCE, self.tasks.wait()).await.is_ok()
    }

    fn recorder(&self, id: &RunId) -> Option<Arc<Recorder>> {
        self.entries().iter().find(|entry| entry.id == *id).map(|entry| entry.recorder.clone())
    }

    /// Each change of the list is one call, so a panic elsewhere cannot leave it half done.
    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a run writes, and so needs the lock.
fn writes(request: &RunRequest) -> bool {
    request.kind != RunKind::Analyze && !request.dry_run
}

/// The name of this machine, for whoever is told that a run on it holds a lock.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "this machine".to_owned() } else { name.to_owned() }
}
