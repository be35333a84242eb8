#![doc = include_str!("../README.md")]

mod lock;

pub use lock::{Holder, LockError, RunLock, acquire};
