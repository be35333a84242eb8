//! One live run per target namespace, across processes.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use protocol::RunId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Who holds a lock, as it stands in the lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The run's id.
    pub run: String,
    /// The process that runs it.
    pub pid: u32,
    /// The machine that the process is on.
    pub host: String,
    /// When the lock was taken: milliseconds since 1970, UTC.
    pub since: u64,
}

/// What the file says: the holder, and what the file is for.
#[derive(Serialize, Deserialize)]
struct Note {
    target: String,
    namespace: String,
    holder: Holder,
}

/// Why a lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("namespace {namespace:?} of {target:?} is being written by another run")]
    Held {
        /// The target index.
        target: String,
        /// The namespace.
        namespace: String,
        /// Who has it; `None` in the instant in which the other one has the lock and has not yet written its name.
        holder: Option<Holder>,
    },
    /// Somebody is at work on the run.
    #[error("run {run} is at work already, in this process or in another one")]
    RunHeld {
        /// The run.
        run: RunId,
    },
    /// The file could not be made or locked.
    #[error("cannot lock {}; is the data directory writable?", path.display())]
    Io {
        /// The lock file, or the directory that should hold it.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// A held lock; dropping it lets go, and so does the death of the process.
#[derive(Debug)]
#[must_use = "the lock is held for as long as this value lives"]
pub struct RunLock {
    file: File,
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // The name goes before the lock does, so that nobody is told of a holder who has left. Both are best effort:
        // closing the file lets go of the lock in any case.
        drop(self.file.set_len(0));
        drop(self.file.unlock());
    }
}

/// Takes the lock of a target namespace, or says who has it; never waits.
///
/// `data` is tain's data directory and is made if it is not there. `target` must name the index unmistakably, and
/// `namespace` must be in one spelling: two spellings of one namespace are two locks.
///
/// # Errors
///
/// [`LockError::Held`] if another run has it, in this process or in another one.
pub fn acquire(data: &Path, target: &str, namespace: &str, holder: &Holder) -> Result<RunLock, LockError> {
    let directory = data.join("locks");
    fs::create_dir_all(&directory).map_err(|source| LockError::Io { path: directory.clone(), source })?;
    let path = directory.join(file_name(target, namespace));
    let fail = |source| LockError::Io { path: path.clone(), source };

    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let (target, namespace) = (target.to_owned(), namespace.to_owned());
            return Err(LockError::Held { target, namespace, holder: read_holder(&mut file) });
        }
        Err(TryLockError::Error(source)) => return Err(fail(source)),
    }

    let note = Note { target: target.to_owned(), namespace: namespace.to_owned(), holder: holder.clone() };
    write_note(&mut file, &note).map_err(fail)?;
    Ok(RunLock { file })
}

/// Says that this process is at work on a run, for as long as the lock lives; never waits.
///
/// It tells a live run from one whose process died: see [`run_is_held`]. Take it first and read the run from the store
/// then, since a run that nobody holds may be removed.
///
/// # Errors
///
/// [`LockError::RunHeld`] if somebody is at work on it, in this process or in another one.
pub fn hold_run(data: &Path, run: &RunId) -> Result<RunLock, LockError> {
    let path = run_path(data, run);
    let fail = |source| LockError::Io { path: path.clone(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(fail)?;
    }
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(RunLock { file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        // Whoever only looks shares the lock, for an instant; whoever works does not.
        match file.try_lock_shared() {
            Ok(()) => file.unlock().map_err(fail)?,
            Err(TryLockError::WouldBlock) => return Err(LockError::RunHeld { run: run.clone() }),
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        std::thread::yield_now();
    }
}

/// Whether somebody is at work on a run, in this process or in another one; never waits.
pub fn run_is_held(data: &Path, run: &RunId) -> bool {
    // A run without a file was never at work here. The lock is let go of when the file is closed.
    File::open(run_path(data, run))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Removes the lock file of a run that was removed from the store. A run's name is never given to another one, so nobody
/// will ask for this lock again but to find that the run is gone.
pub(crate) fn forget_run(data: &Path, run: &RunId) {
    // A file that stays does no harm.
    drop(fs::remove_file(run_path(data, run)));
}

/// Names are hashed, since they may come from a command line.
fn run_path(data: &Path, run: &RunId) -> PathBuf {
    data.join("locks").join("runs").join(lock_file(Sha256::new().chain_update(&run.0)))
}

/// Names are hashed: a namespace may hold any character and be longer than a file name.
fn file_name(target: &str, namespace: &str) -> String {
    lock_file(Sha256::new().chain_update(target).chain_update([0]).chain_update(namespace))
}

fn lock_file(name: Sha256) -> String {
    let digest = name.finalize();
    let mut name: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    name.push_str(".lock");
    name
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str::<Note>(&text).ok().map(|note| note.holder)
}

fn write_note(file: &mut File, note: &Note) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    let mut text = serde_json::to_vec(note)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.flush()
}
