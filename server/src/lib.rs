#![doc = include_str!("../README.md")]

pub mod backend;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod connections;
pub mod documents;
pub mod exit;
pub mod logging;
pub mod namespaces;
pub mod output;
pub mod records;
pub mod runs;
pub mod schedules;
pub mod settings;
pub mod signals;
pub mod web;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use exit::{Exit, Failure};

/// The program.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse_from(arguments(std::env::args_os().collect(), config::is_dev_server()));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(Failure::service(format!("cannot start: {error}")))),
    };
    let result = runtime.block_on(Box::pin(commands::dispatch(cli)));
    // What is still running has nothing left to do: runs have ended, and sockets are closed.
    runtime.shutdown_background();
    end(result)
}

/// What to do. `cargo leptos watch` starts the program without a word and expects a server: it gets the demo, which
/// needs no key.
fn arguments(mut given: Vec<OsString>, is_dev_server: bool) -> Vec<OsString> {
    if is_dev_server && given.len() == 1 {
        given.push("demo".into());
    }
    given
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dev_server_serves_the_demo_unless_it_is_told_otherwise() {
        let words = |given: &[&str], dev| {
            let given = given.iter().map(OsString::from).collect();
            arguments(given, dev).into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(words(&["tain"], true), ["tain", "demo"]);
        assert_eq!(words(&["tain", "serve"], true), ["tain", "serve"]);
        assert_eq!(words(&["tain"], false), ["tain"]);
    }
}
