//! The core against services in memory: the laws one by one, and a naive model over everything else.

mod laws;
mod model;
mod plans;
mod resume;
mod support;
