#![doc = include_str!("../README.md")]

pub mod backend;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod connections;
pub mod exit;
pub mod logging;
pub mod namespaces;
pub mod output;
pub mod runs;
pub mod signals;
pub mod web;

use std::process::ExitCode;

use clap::Parser;

use exit::{Exit, Failure};

/// The program.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(Failure::service(format!("cannot start: {error}")))),
    };
    let result = runtime.block_on(Box::pin(commands::dispatch(cli)));
    // What is still running has nothing left to do: runs have ended, and sockets are closed.
    runtime.shutdown_background();
    end(result)
}

fn end(result: Result<Exit, Failure>) -> ExitCode {
    let exit = result.unwrap_or_else(|failure| {
        if !failure.message.is_empty() {
            output::note(&format!("error: {failure}"));
        }
        failure.exit
    });
    ExitCode::from(exit.code())
}
