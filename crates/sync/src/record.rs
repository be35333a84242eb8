//! What is to be written, decided from what was read.

use pinecone::{EncodedRecord, FetchedMetadata, Metadata, SparseValues};
use protocol::{Category, Counts, FailedRecord, Step};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::Settled;

use crate::{
    compare::{equal, present},
    journal::Done,
    settings::Settings,
};

/// The first half of a text's SHA-256: equal texts are embedded once, and two different ones never share a vector.
pub(crate) type TextHash = store::Digest;

/// What is remembered of a record that is to be written until it is settled.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub id: String,
    /// [`Step::Migrate`] or [`Step::Update`].
    pub phase: Step,
    pub added: Added,
    pub over_long: bool,
    /// It is something else than the plan said.
    pub moved: bool,
    pub shift: Shift,
    /// How many runs have tried it, this one included.
    pub attempts: u32,
}

/// What has changed in the target since a record was classified, by which more or fewer records are expected there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shift {
    /// Nothing.
    None,
    /// It did not have the record, and has it now.
    Arrived,
    /// It was counted with the record, and does not have it any more.
    Vanished,
}

impl Shift {
    /// The counts of it.
    pub fn counts(self) -> Counts {
        match self {
            Self::None => Counts::default(),
            Self::Arrived => Counts { target_listed: 1, ..Counts::default() },
            Self::Vanished => Counts { vanished: 1, ..Counts::default() },
        }
    }
}

impl Item {
    /// The counts that it stands behind since it was read.
    pub fn read(&self) -> Counts {
        let mut counts = Counts { moved: u64::from(self.moved), ..self.shift.counts() };
        match self.phase {
            Step::Migrate => counts.missing = 1,
            _ => counts.changed = 1,
        }
        match self.added {
            Added::Set => {}
            Added::Kept => counts.kept = 1,
            Added::Overwritten => counts.overwritten = 1,
        }
        counts.over_long = u64::from(self.over_long);
        counts
    }

    /// The categories that it is listed in since it was read.
    pub fn categories(&self) -> Vec<Category> {
        let mut categories =
            vec![if self.phase == Step::Migrate { Category::Missing } else { Category::Changed }];
        if self.added == Added::Kept {
            categories.push(Category::Kept);
        }
        if self.over_long {
            categories.push(Category::OverLong);
        }
        if self.moved {
            categories.push(Category::Moved);
        }
        categories
    }

    /// It was written: what it adds to the counters, and for the journal.
    pub fn written(self, vector: Option<store::Vector>, how: Counts) -> (Counts, Done) {
        let mut now = how;
        let mut categories = self.categories();
        match self.phase {
            Step::Migrate => {
                now.migrated = 1;
                categories.push(Category::Migrated);
            }
            _ => {
                now.updated = 1;
                categories.push(Category::Updated);
            }
        }
        let mut counts = self.read();
        counts.add(&now);
        let settled = Settled { id: self.id, categories, vector, ..Settled::default() };
        (now, Done { settled, counts, failure: None, contribution: None })
    }

    /// It failed: what it adds to the counters, and for the journal.
    pub fn failed(self, message: String, at: u64) -> (Counts, Done) {
        let mut now = Counts { failed: 1, ..Counts::default() };
        match self.phase {
            Step::Migrate => now.failed_missing = 1,
            _ => now.failed_changed = 1,
        }
        let mut counts = self.read();
        counts.add(&now);
        let failure =
            FailedRecord { id: self.id.clone(), step: self.phase, message, attempts: self.attempts, at };
        let settled = Settled { categories: self.categories(), id: self.id, ..Settled::default() };
        (now, Done { settled, counts, failure: Some(failure), contribution: None })
    }
}

/// A record that is to be written once it has a vector.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub item: Item,
    /// What will be written: the source's metadata, whole, and the added key.
    pub metadata: Metadata,
    pub sparse: Option<SparseValues>,
    pub text_hash: TextHash,
    /// The target's own vector, where the reuse policy lets it stay.
    pub vector: Option<Vec<f32>>,
}

impl Candidate {
    /// The text to embed. It was there when the candidate was made, and metadata is not changed afterwards.
    pub fn text<'a>(&'a self, settings: &Settings) -> &'a str {
        text(&self.metadata, &settings.text_key).unwrap_or_default()
    }
}

/// What happens to the added key of a record that is written (law 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It gets the configured value.
    Set,
    /// It holds another value, which stays.
    Kept,
    /// It holds another value, which is replaced because that was asked for.
    Overwritten,
}

/// The text of a record: absent when the key is absent, blank or not a string.
pub fn text<'a>(metadata: &'a Metadata, key: &str) -> Option<&'a str> {
    metadata.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// The half of a SHA-256 that tells texts apart.
pub(crate) fn text_hash(text: &str) -> TextHash {
    let digest = Sha256::digest(text.as_bytes());
    let mut half = TextHash::default();
    half.copy_from_slice(&digest[..16]);
    half
}

/// The value that the added key will have.
///
/// What the target holds stays, and what the source holds is carried; where both hold a number, the higher one wins,
/// so that no access level is lowered by either.
pub(crate) fn added_value(
    settings: &Settings,
    overwrite: bool,
    source: &Metadata,
    target: Option<&Metadata>,
) -> (Value, Added) {
    let key = &settings.added_key;
    let held = match (present(source, key), target.and_then(|target| present(target, key))) {
        (None, None) => return (settings.added_value.clone(), Added::Set),
        (Some(value), None) | (None, Some(value)) => value,
        (Some(source), Some(target)) => match (source.as_f64(), target.as_f64()) {
            (Some(from_source), Some(from_target)) if from_source > from_target => source,
            _ => target,
        },
    };
    if equal(held, &settings.added_value) {
        // As configured, so that an integer is written as one even where the service answered `1.0`.
        return (settings.added_value.clone(), Added::Set);
    }
    if overwrite { (settings.added_value.clone(), Added::Overwritten) } else { (held.clone(), Added::Kept) }
}

/// What would be written for a source record that has a text, without its dense vector.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub metadata: Metadata,
    pub sparse: Option<SparseValues>,
    pub added: Added,
    /// Bytes that it takes in an upsert.
    pub bytes: u64,
}

/// Prepares a source record that has a text.
///
/// # Errors
/// In words, when Pinecone could not hold the record: then nothing is paid for it.
pub(crate) fn prepare(
    settings: &Settings,
    overwrite: bool,
    source: FetchedMetadata,
    target: Option<&Metadata>,
) -> Result<Prepared, String> {
    let FetchedMetadata { id, mut metadata, sparse_values: sparse } = source;
    let (value, added) = added_value(settings, overwrite, &metadata, target);
    metadata.insert(settings.added_key.clone(), value);
    let encoded =
        EncodedRecord::new(&id, &[1.0], sparse.as_ref(), &metadata).map_err(|error| error.to_string())?;
    let bytes = u64::try_from(encoded.encoded_len()).unwrap_or(u64::MAX);
    Ok(Prepared { metadata, sparse, added, bytes })
}

/// The half of a SHA-256 that tells vectors apart, by their numbers as 32-bit floats.
pub(crate) fn values_digest(values: &[f32]) -> store::Digest {
    let mut hasher = Sha256::new();
    for value in values {
        hasher.update(value.to_le_bytes());
    }
    let mut half = store::Digest::default();
    half.copy_from_slice(&hasher.finalize()[..16]);
    half
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values, and cases read better without `&`")]
mod tests {
    use serde_json::json;

    use super::*;

    fn level(overwrite: bool, source: Value, target: Option<Value>) -> (Value, Added) {
        let source = source.as_object().expect("an object").clone();
        let target = target.map(|target| target.as_object().expect("an object").clone());
        added_value(&Settings::default(), overwrite, &source, target.as_ref())
    }

    #[test]
    fn an_access_level_is_never_lowered() {
        assert_eq!(level(false, json!({}), None), (json!(1), Added::Set));
        assert_eq!(level(false, json!({}), Some(json!({"clearance_level": 3}))), (json!(3), Added::Kept));
        assert_eq!(level(false, json!({"clearance_level": 2}), None), (json!(2), Added::Kept));
        let both = level(false, json!({"clearance_level": 2}), Some(json!({"clearance_level": 3.0})));
        assert_eq!(both, (json!(3.0), Added::Kept));
        let raised = level(false, json!({"clearance_level": 4}), Some(json!({"clearance_level": 3.0})));
        assert_eq!(raised, (json!(4), Added::Kept));
        let word = level(false, json!({"clearance_level": 4}), Some(json!({"clearance_level": "secret"})));
        assert_eq!(word, (json!("secret"), Added::Kept));
        assert_eq!(level(false, json!({}), Some(json!({"clearance_level": 0}))), (json!(0), Added::Kept));
    }

    #[test]
    fn only_the_explicit_option_overwrites() {
        assert_eq!(
            level(true, json!({}), Some(json!({"clearance_level": 3}))),
            (json!(1), Added::Overwritten)
        );
        assert_eq!(level(true, json!({}), Some(json!({"clearance_level": 1.0}))), (json!(1), Added::Set));
    }

    #[test]
    fn the_configured_integer_is_written_as_one() {
        let (value, _) = level(false, json!({}), Some(json!({"clearance_level": 1.0})));
        assert_eq!(value.to_string(), "1");
    }

    #[test]
    fn a_blank_or_foreign_text_is_no_text() {
        for value in [
            json!({}),
            json!({"text": ""}),
            json!({"text": " \n"}),
            json!({"text": 5}),
            json!({"text": null}),
        ] {
            let metadata = value.as_object().expect("an object").clone();
            assert_eq!(text(&metadata, "text"), None, "{value}");
        }
    }
}
