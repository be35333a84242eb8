//! The core, the real clients and the sandbox over real HTTP: every fault ends in the exact expected state.

mod faults;
mod metadata;
#[expect(dead_code, reason = "the other tests look closer")]
#[path = "../support/store.rs"]
mod store;
mod world;
