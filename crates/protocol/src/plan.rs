//! What an analysis leaves behind.

use serde::{Deserialize, Serialize};

use crate::AddedMetadata;

/// How one metadata key differs. The direction is target → source, because the source is what will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// `+key`: in the source only.
    Added,
    /// `-key`: in the target only.
    Removed,
    /// `~key`: in both, with different values.
    Changed,
}

impl ChangeKind {
    /// The sign that stands before the key everywhere: `+`, `-` or `~`.
    pub const fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }
}

/// One differing key with both values as JSON text, cut to a length that a screen can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The metadata key.
    pub key: String,
    /// How it differs.
    pub kind: ChangeKind,
    /// The value in the target, as JSON text; absent for `Added`.
    pub target: Option<String>,
    /// The value in the source, as JSON text; absent for `Removed`.
    pub source: Option<String>,
}

/// A sample of a changed record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The record's id.
    pub id: String,
    /// Its differing keys, ordered by key.
    pub changes: Vec<Change>,
}

/// In how many changed records a key differs, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChanges {
    /// The metadata key.
    pub key: String,
    /// Records in which only the source has it.
    pub added: u64,
    /// Records in which only the target has it.
    pub removed: u64,
    /// Records in which the values differ.
    pub changed: u64,
}

/// How long the texts are that would be embedded, in estimated tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextLengths {
    /// Tokens that the model reads of a text.
    pub limit: u64,
    /// Records by the length of their text: `buckets[i]` counts those above `BOUNDS[i - 1]` and up to `BOUNDS[i]`, the last
    /// one those above all bounds. Empty where there was nothing to measure.
    pub buckets: Vec<u64>,
}

impl TextLengths {
    /// The upper ends of all buckets but the last, in tokens. The limits of the known models (2,048 and 8,192) are among
    /// them, so that no bucket lies on both sides of one.
    pub const BOUNDS: [u64; 21] = [
        16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048, 3_072, 4_096, 6_144,
        8_192, 12_288, 16_384,
    ];

    /// Counts a text of so many tokens.
    pub fn add(&mut self, tokens: u64) {
        self.buckets.resize(Self::BOUNDS.len() + 1, 0);
        self.buckets[Self::BOUNDS.partition_point(|&bound| bound < tokens)] += 1;
    }
}

/// The requests that a live run would make, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRequests {
    /// Pages of both listings.
    pub list: u64,
    /// Fetches from both indexes.
    pub fetch: u64,
    /// Calls of the embedding API.
    pub embed: u64,
    /// Upserts into the target.
    pub upsert: u64,
}

/// The result of an analysis: how many records are what, and what a live run would take.
///
/// Every record of the source is in exactly one of `in_sync`, `missing`, `changed`, `no_text` and `unreadable`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// A digest of every record's classification: two analyses of unmoved indexes have the same one.
    pub hash: String,
    /// Records listed in the source.
    pub source: u64,
    /// Records listed in the target.
    pub target: u64,
    /// In both, compared metadata equal.
    pub in_sync: u64,
    /// In the source only, with text: phase A.
    pub missing: u64,
    /// In both, metadata differs, with text: phase B.
    pub changed: u64,
    /// Missing or changed, but there is no text to embed: skipped.
    pub no_text: u64,
    /// In the target only: never touched.
    pub orphans: u64,
    /// Listed, but not returned by a fetch: counted as failed, decided on by nobody.
    pub unreadable: u64,
    /// Texts that a live run would pay for, after equal texts were folded into one.
    pub embeddings: u64,
    /// Records whose text is equal to one that is already counted in `embeddings`.
    pub folded: u64,
    /// Records whose vector stays, because of the reuse policy.
    pub reused: u64,
    /// Records that would be reused with `same-text`, whatever the policy of this plan is.
    pub reusable: u64,
    /// Records that would be reused with `proven`, whatever the policy of this plan is.
    #[serde(default)]
    pub proven: u64,
    /// Tokens to pay for, estimated from the texts' lengths.
    pub tokens: u64,
    /// Price of those tokens in millionths of a US dollar, where the model's price is known.
    pub cost_micro_usd: Option<u64>,
    /// Texts that are longer than the model reads: their tail would be ignored.
    pub over_long: u64,
    /// How long the texts are.
    #[serde(default)]
    pub lengths: TextLengths,
    /// Requests of a live run.
    pub requests: PlannedRequests,
    /// Estimated seconds of a live run at the configured quotas.
    pub seconds: u64,
    /// What holds the pace, in words: `Gemini: 3,000 texts a minute`.
    pub held_by: String,
    /// What is added to every written record.
    pub added: AddedMetadata,
    /// The metadata key that holds the text.
    #[serde(default)]
    pub text_key: String,
    /// How vectors would be made: model, dimensions and task type, with slashes between them.
    #[serde(default)]
    pub made_by: String,
    /// Records to be written that already hold another value under the added key, which stays (law 5).
    pub kept: u64,
    /// Records to be written whose other value under the added key would be overwritten: only with the explicit option.
    pub overwritten: u64,
    /// By key, ordered by key: in how many changed records it differs. At most 200 keys.
    pub keys: Vec<KeyChanges>,
    /// The first changed records, with both values.
    pub samples: Vec<Difference>,
}

impl Plan {
    /// Whether neither side has a record: most likely the namespace's name is wrong, which must not look like *in sync*.
    pub const fn is_empty(&self) -> bool {
        self.source == 0 && self.target == 0
    }

    /// Whether a live run would write anything.
    pub const fn has_work(&self) -> bool {
        self.missing > 0 || self.changed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_at_a_bound_is_within_it() {
        let mut lengths = TextLengths::default();
        for tokens in [0, 16, 17, 2_048, 2_049, 16_385, u64::MAX] {
            lengths.add(tokens);
        }
        let at = |bound: u64| TextLengths::BOUNDS.iter().position(|&other| other == bound);
        assert_eq!(lengths.buckets[..2], [2, 1]);
        assert_eq!(at(2_048).map(|index| lengths.buckets[index..index + 2].to_vec()), Some(vec![1, 1]));
        assert_eq!(lengths.buckets.last(), Some(&2), "above all bounds");
        assert!(TextLengths::BOUNDS.is_sorted());
    }
}
