#![doc = include_str!("../README.md")]

mod lock;
mod traits;

pub use lock::{Holder, LockError, RunLock, acquire};
pub use traits::{
    Ask, Commit, Digest, Found, LedgerEntry, LedgerKey, Pending, Settled, Store, StoreError, Vector,
};
