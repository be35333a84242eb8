//! The locks of a run: its own, by which everybody sees that somebody is at work on it, and its target namespace's.

use std::time::Duration;

use protocol::RunId;
use store::{Holder, LockError, RunLock};

use tokio::time::{sleep, timeout};

use super::{Runs, StartError, kinds::Written};
use crate::exit::chain;

/// How long the end of a run may take from being in the store to its locks being free.
const LET_GO: Duration = Duration::from_secs(1);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Held for as long as somebody is at work on a run; let go of on drop, and by the death of the process.
#[derive(Debug)]
pub(super) struct Locks {
    // Let go of in this order: a run that nobody holds holds nothing.
    _written: Vec<RunLock>,
    _run: RunLock,
}

impl Runs {
    /// Takes the lock of a run and those of what it writes.
    pub(super) fn lock(&self, id: &RunId, written: &[Written], now: u64) -> Result<Locks, StartError> {
        let run = self.hold(id).map_err(|error| match error {
            LockError::Held { .. } | LockError::RunHeld { .. } => {
                let message = format!(
                    "run {id} is at work already, in this process or in another one; `tain runs {id}` shows how it \
                     stands, and `tain runs pause {id}` stops it at a checkpoint"
                );
                StartError::Busy { message, holder: Some(id.clone()) }
            }
            error @ LockError::Io { .. } => cannot_lock(&error),
        })?;
        let written: Result<_, _> =
            written.iter().map(|written| self.lock_written(id, written, now)).collect();
        Ok(Locks { _written: written?, _run: run })
    }

    /// Takes the lock of a run, which says to every process that somebody is at work on it.
    pub(super) fn hold(&self, id: &RunId) -> Result<RunLock, LockError> {
        store::hold_run(self.connections.data_dir(), id)
    }

    /// Whether somebody is at work on a run, in whatever process.
    pub(super) fn is_held(&self, id: &RunId) -> bool {
        store::run_is_held(self.connections.data_dir(), id)
    }

    /// Waits a moment until a run that has stopped is let go of: its end is in the store just before that.
    pub(super) async fn let_go(&self, id: &RunId) {
        let all_free = async {
            while self.is_held(id) {
                sleep(LOOK).await;
            }
        };
        // Whoever holds it longer has begun to go on with it.
        drop(timeout(LET_GO, all_free).await);
    }

    fn lock_written(&self, id: &RunId, written: &Written, now: u64) -> Result<RunLock, StartError> {
        let (index, part) = match written {
            Written::Namespace(namespace) => (self.connections.target_identity(), namespace.as_str()),
            Written::Documents => (self.connections.search_identity()?, "documents"),
        };
        store::acquire(self.connections.data_dir(), &index, part, &holder(id, now)).map_err(|error| {
            match error {
                LockError::Held { holder, .. } => self.busy(written, holder.as_ref()),
                error @ (LockError::RunHeld { .. } | LockError::Io { .. }) => cannot_lock(&error),
            }
        })
    }

    fn busy(&self, written: &Written, holder: Option<&Holder>) -> StartError {
        let what = match written {
            Written::Namespace(namespace) => {
                format!("namespace {namespace} of {}", self.connections.index_names().1)
            }
            Written::Documents => format!("the index {}", self.connections.config().elasticsearch.index),
        };
        let Some(holder) = holder else {
            let message = format!(
                "{what} is being written by another run that has only just begun; wait for it to end"
            );
            return StartError::Busy { message, holder: None };
        };
        let message = format!(
            "{what} is being written by run {}: {}; wait for it to end, or pause or cancel it with `tain runs`",
            holder.run,
            described(holder)
        );
        StartError::Busy { message, holder: Some(RunId(holder.run.clone())) }
    }
}

/// `process 4711 on this-machine since 2026-11-21 08:00:00 UTC`.
fn described(holder: &Holder) -> String {
    format!("process {} on {} since {}", holder.pid, holder.host, format::time(holder.since))
}

fn cannot_lock(error: &LockError) -> StartError {
    StartError::Lock(format!("{}; set TAIN_DATA_DIR to a directory that is", chain(error)))
}

fn holder(id: &RunId, now: u64) -> Holder {
    Holder { run: id.0.clone(), pid: std::process::id(), host: host_name(), since: now }
}

/// The name of this machine, for whoever is told that a run on it holds a lock.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "this machine".to_owned() } else { name.to_owned() }
}
