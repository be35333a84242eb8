//! The core, the real clients and the sandbox over real HTTP: every fault ends in the exact expected state.

mod documents;
mod faults;
mod matrix;
mod metadata;
mod world;
