#![doc = include_str!("../README.md")]

mod lock;
mod sqlite;
mod traits;

pub use lock::{Holder, LockError, RunLock, acquire, hold_run, run_is_held};
pub use sqlite::{KEPT_LINES, KEPT_MILLIS, KEPT_RECORDS, KEPT_RUNS, SqliteStore};
pub use traits::{
    Ask, Commit, Digest, Found, LedgerEntry, LedgerKey, Pending, Planned, ScheduleChange, Settled, Store,
    StoreError, Vector,
};
