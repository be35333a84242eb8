//! What a run is told; nothing here is read from the environment.

use std::time::Duration;

use protocol::{AddedMetadata, Writing};
use serde_json::Value;

/// Never more texts than this are paid for and not yet in the target (law 7).
pub const MAX_UNWRITTEN_TEXTS: usize = 500;

/// How runs are done. The bounds of batches are upper bounds: bytes and the services' own limits bound a batch too.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The metadata key that holds the text.
    pub text_key: String,
    /// The metadata key that is added, and ignored in comparison.
    pub added_key: String,
    /// The value that is added.
    pub added_value: Value,
    /// Ids in one fetch, at most.
    pub fetch_batch: usize,
    /// Texts in one embedding call, at most.
    pub embed_batch: usize,
    /// Records in one upsert, at most.
    pub upsert_batch: usize,
    /// Pause between embedding batches, on top of the pacing.
    pub batch_delay: Duration,
    /// Fetches under way at once, for each of the two indexes.
    pub fetch_concurrency: usize,
    /// Embedding calls under way at once.
    pub embed_concurrency: usize,
    /// Upserts under way at once.
    pub upsert_concurrency: usize,
    /// How long an unfilled batch waits for more before it is sent as it is.
    pub linger: Duration,
    /// How long a run that is cancelled waits for what is in flight.
    pub stop_grace: Duration,
    /// How long a run waits for the target's statistics to show what was written.
    pub verify_patience: Duration,
    /// Texts a minute that the embedding service allows; for estimates.
    pub texts_per_minute: u64,
    /// Tokens a minute that the embedding service allows; for estimates.
    pub tokens_per_minute: u64,
    /// Tokens of one text that the model reads; what is behind them is ignored by it.
    pub input_tokens: u64,
    /// Price of a million tokens in millionths of a US dollar, where it is known.
    pub price_per_million: Option<u64>,
    /// Dimensions of the target's vectors.
    pub dimensions: u32,
    /// How vectors are made, in one word: model, dimensions and task type. Only vectors that were made by the same word
    /// are taken for equal.
    pub made_by: String,
    /// How long a run that will go on waits for what is in flight, so that nothing is paid for twice. An embedding call
    /// takes a second or two; tain itself has ten to stop.
    pub pause_grace: Duration,
    /// Bounds of an update of documents.
    pub documents: elasticsearch::Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            text_key: "text".to_owned(),
            added_key: "clearance_level".to_owned(),
            added_value: Value::from(1),
            fetch_batch: 100,
            embed_batch: 100,
            upsert_batch: 100,
            batch_delay: Duration::ZERO,
            fetch_concurrency: 4,
            embed_concurrency: 4,
            upsert_concurrency: 4,
            linger: Duration::from_secs(2),
            stop_grace: Duration::from_millis(800),
            verify_patience: Duration::from_secs(30),
            texts_per_minute: 3_000,
            tokens_per_minute: 1_000_000,
            input_tokens: 2_048,
            price_per_million: Some(150_000),
            dimensions: 3_072,
            made_by: "gemini-embedding-001/3072/RETRIEVAL_DOCUMENT".to_owned(),
            pause_grace: Duration::from_secs(6),
            documents: elasticsearch::Limits::default(),
        }
    }
}

impl Settings {
    /// The added key and value as they are shown.
    pub fn added(&self) -> AddedMetadata {
        AddedMetadata { key: self.added_key.clone(), value: self.added_value.to_string() }
    }

    /// What makes the records that are written what they are.
    pub fn writing(&self) -> Writing {
        Writing { text_key: self.text_key.clone(), added: self.added(), made_by: self.made_by.clone() }
    }

    /// The same settings with every batch bounded by `size` too.
    #[must_use]
    pub fn with_batch_size(mut self, size: Option<u32>) -> Self {
        if let Some(size) = size {
            let size = usize::try_from(size.max(1)).unwrap_or(usize::MAX);
            self.fetch_batch = self.fetch_batch.min(size);
            self.embed_batch = self.embed_batch.min(size);
            self.upsert_batch = self.upsert_batch.min(size);
        }
        self
    }
}
