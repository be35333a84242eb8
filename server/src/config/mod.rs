//! Configuration: `.env`, `tain.toml`, the environment and flags, read here and nowhere else.
//!
//! [`Sources`] says where settings are read from, [`entries`] gives each one's value as text with its origin, and
//! [`Config`] is the same with types, checked.

mod dotenv;
mod layers;
mod typed;
mod variables;

pub use dotenv::UnclosedQuote;
pub use layers::{Entry, LayerError, Origin, Sources, entries};
pub use typed::{
    Config, Elasticsearch, Gemini, Invalid, LogFormat, MISSING_ELASTICSEARCH, MISSING_GEMINI_KEY,
    MISSING_PINECONE_KEY, Mirror, Pinecone,
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
    Ok(Config::new(&entries(sources)?)?)
}

/// Whether this is the dev server: `cargo leptos watch` says so to the program that it starts.
pub fn is_dev_server() -> bool {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
    std::env::var("LEPTOS_WATCH").is_ok_and(|watches| watches == "true")
}

#[cfg(test)]
mod tests;
