//! Configuration: `.env`, `tain.toml`, the environment and flags, read here and nowhere else.
//!
//! [`Sources`] says where settings are read from, [`entries`] gives each one's value as text with its origin, and
//! [`Config`] is the same with types, checked.

mod dotenv;
mod layers;
mod typed;
mod variables;

use std::path::PathBuf;

pub use dotenv::UnclosedQuote;
pub use layers::{Entry, LayerError, Origin, Sources, entries};
pub use typed::{
    Config, Gemini, Invalid, LogFormat, MISSING_GEMINI_KEY, MISSING_PINECONE_KEY, Mirror, Pinecone,
    TASK_TYPES,
};
pub use variables::{Group, VARIABLES, Variable};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Settings cannot be used.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Reads and checks all settings.
///
/// # Errors
///
/// A file that cannot be read, or settings that cannot be used.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    Ok(Config::new(&entries(sources)?, data_home(sources))?)
}

/// Where the user's data is kept (XDG Base Directory Specification): `$XDG_DATA_HOME`, or `~/.local/share`.
pub fn data_home(sources: &Sources) -> Option<PathBuf> {
    let directory = |name: &str| {
        let value = sources.environment.get(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from).filter(|path| path.is_absolute())
    };
    directory("XDG_DATA_HOME").or_else(|| directory("HOME").map(|home| home.join(".local/share")))
}

#[cfg(test)]
mod tests;
