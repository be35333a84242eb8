#![doc = include_str!("../README.md")]

mod client;
mod error;
mod google;
mod model;
mod wire;

pub use client::{Gemini, Options, Quotas, Refusal};
pub use error::Error;
pub use model::{Limits, Model, ModelError, TaskType, estimate_tokens};

/// Texts in a request. Not documented, but enforced.
pub const MAX_BATCH: usize = 100;
