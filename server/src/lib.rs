//! The binary `tain`: the command line and the web server, two thin shells over the sync core.

pub mod cli;
pub mod config;
pub mod output;
