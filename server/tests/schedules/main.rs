//! Schedules over time: the scheduler with a book in memory, in paused time.

#![expect(clippy::unwrap_used, reason = "a test panics")]

mod changing;
mod sharing;
mod starting;
mod waiting;
mod world;
