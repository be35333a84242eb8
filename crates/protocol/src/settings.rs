//! The settings as pages show them. None of it holds a key.

use serde::{Deserialize, Serialize};

/// A setting, its effective value and where that came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingView {
    /// The heading under which it stands.
    pub group: String,
    /// The variable's name.
    pub name: String,
    /// Its key in `tain.toml`.
    pub toml_key: String,
    /// The value as it may be shown; `None` if it is not set. A secret is `set, ends in …1234`.
    pub value: Option<String>,
    /// `default`, `tain.toml`, `.env`, `environment`, `flag`.
    pub origin: String,
    /// Whether it is a secret.
    pub is_secret: bool,
    /// What it is for.
    pub help: String,
}

/// All settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsView {
    /// In the order in which they are shown; those of a group stand together.
    pub settings: Vec<SettingView>,
    /// What of them cannot be used, or is missing, in words.
    pub problems: Vec<String>,
    /// What the services said about their limits while this process was running.
    pub limits: Vec<LearnedLimit>,
}

/// A limit that a service told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedLimit {
    /// The service.
    pub service: String,
    /// For people: `2,950 of 3,000 texts this minute`.
    pub message: String,
}

/// A service that can be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// The source index.
    Source,
    /// The target index.
    Target,
    /// The embedding service.
    Gemini,
    /// The search index.
    Elasticsearch,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Source, Self::Target, Self::Gemini, Self::Elasticsearch];

    /// The name on screens.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Source => "Pinecone source",
            Self::Target => "Pinecone target",
            Self::Gemini => "Gemini",
            Self::Elasticsearch => "Elasticsearch",
        }
    }
}

/// What a test of a service found. It costs nothing: no text is embedded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTest {
    /// Which service.
    pub service: Service,
    /// Whether it can be used.
    pub is_usable: bool,
    /// The answer in words; for a failure, with what to do.
    pub message: String,
    /// Milliseconds that it took.
    pub millis: u64,
}
