//! Log lines, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::config::LogFormat;

/// Sends log lines to stderr. `filter` is what `TAIN_LOG` or `RUST_LOG` says; `usual` is what holds without it.
///
/// # Errors
///
/// A filter that is not understood.
pub fn start(filter: Option<&str>, usual: &str, format: LogFormat, color: bool) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(filter.unwrap_or(usual))?;
    let color = color && std::io::stderr().is_terminal();
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(color);
    // Only a test sets a subscriber before this one, and then it is the one that is wanted.
    drop(match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    });
    Ok(())
}
