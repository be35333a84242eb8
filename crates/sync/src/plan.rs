//! Adding up what a run found to the plan that says what a live run takes.

use std::collections::{BTreeMap, HashSet};

use pinecone::MAX_UPSERT_BYTES;
use protocol::{Change, ChangeKind, Counts, Difference, KeyChanges, Plan, PlannedRequests, TextLengths};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{record::TextHash, settings::Settings};

/// Changed records that are shown with both values.
const SAMPLES: usize = 50;
/// Keys that are counted on their own.
const KEYS: usize = 200;
/// Ids that one page of a listing holds.
const PAGE_IDS: u64 = 100;
/// JSON bytes that one dimension takes in shortest form, comma included; measured on unit vectors of 3,072 dimensions.
const BYTES_PER_DIMENSION: u64 = 13;

/// What a record was found to be, for the plan's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Keep,
    Migrate,
    Update,
    Skip,
    Orphan,
    Unreadable,
    Gone,
}

/// What one record adds to a plan.
#[derive(Debug, Default)]
pub(crate) struct Contribution {
    /// What it is and what would be written, by [`classified`].
    pub digest: store::Digest,
    /// What writing it would take.
    pub work: Option<Work>,
    /// Its id and its differing keys, if it is a changed one.
    pub differs: Option<(String, Vec<Change>)>,
}

/// What writing a record would take.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub text: TextHash,
    /// Tokens of its text.
    pub tokens: u64,
    /// Bytes of its metadata in an upsert.
    pub bytes: u64,
    /// The vector that the target has stays.
    pub reuses: bool,
    /// Its text is the one that the target has.
    pub same_text: bool,
    /// And tain made the target's vector.
    pub proven: bool,
}

/// The digest of what a record was found to be. `content` is what would be written, and distinguishes versions of the
/// same record.
pub(crate) fn classified(action: Action, id: &str, content: &[u8]) -> store::Digest {
    let mut hasher = Sha256::new();
    hasher.update([action as u8]);
    hasher.update(id.len().to_le_bytes());
    hasher.update(id.as_bytes());
    hasher.update(content);
    let mut half = store::Digest::default();
    half.copy_from_slice(&hasher.finalize()[..16]);
    half
}

/// Takes every classified record in, in any order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PlanBuilder {
    /// The digests of all classifications, added up: the order in which records are read does not matter.
    digest: store::Digest,
    /// Texts that have to be paid for. The half of a digest is enough to count them. Not part of a checkpoint, which
    /// would grow with them: the store has them beside the records.
    #[serde(skip)]
    texts: HashSet<u64>,
    folded: u64,
    reused: u64,
    reusable: u64,
    proven: u64,
    tokens: u64,
    /// Not in checkpoints of older versions.
    #[serde(default)]
    lengths: TextLengths,
    upsert_bytes: u64,
    keys: BTreeMap<String, KeyChanges>,
    samples: Vec<Difference>,
}

impl PlanBuilder {
    /// Takes a record in.
    pub fn absorb(&mut self, contribution: Contribution, settings: &Settings) {
        let Contribution { digest, work, differs } = contribution;
        let sum = u128::from_le_bytes(self.digest).wrapping_add(u128::from_le_bytes(digest));
        self.digest = sum.to_le_bytes();
        if let Some(work) = work {
            self.work(work, settings);
        }
        if let Some((id, changes)) = differs {
            self.differs(&id, changes);
        }
    }

    /// All of it, to build the plan. What stays behind is what a checkpoint holds of it: a run may go on after its plan, and
    /// its checkpoints with it. The texts, of which a second copy would be large, are not part of that.
    pub fn hand_out(&mut self) -> Self {
        let texts = std::mem::take(&mut self.texts);
        Self { texts, ..self.clone() }
    }

    /// Puts the texts back that a checkpoint left to the store.
    pub fn remember(&mut self, texts: HashSet<TextHash>) {
        self.texts = texts.into_iter().map(short).collect();
    }

    fn work(&mut self, work: Work, settings: &Settings) {
        self.upsert_bytes += work.bytes + u64::from(settings.dimensions) * BYTES_PER_DIMENSION;
        self.reusable += u64::from(work.same_text);
        self.proven += u64::from(work.proven);
        if work.reuses {
            self.reused += 1;
            return;
        }
        self.lengths.add(work.tokens);
        if self.texts.insert(short(work.text)) {
            self.tokens += work.tokens;
        } else {
            self.folded += 1;
        }
    }

    fn differs(&mut self, id: &str, changes: Vec<Change>) {
        for change in &changes {
            if self.keys.len() >= KEYS && !self.keys.contains_key(&change.key) {
                continue;
            }
            let key = self
                .keys
                .entry(change.key.clone())
                .or_insert_with(|| KeyChanges { key: change.key.clone(), ..KeyChanges::default() });
            match change.kind {
                ChangeKind::Added => key.added += 1,
                ChangeKind::Removed => key.removed += 1,
                ChangeKind::Changed => key.changed += 1,
            }
        }
        // The smallest ids, so that two analyses of the same indexes show the same samples.
        let at = self.samples.partition_point(|sample| sample.id.as_str() < id);
        if at < SAMPLES {
            self.samples.insert(at, Difference { id: id.to_owned(), changes });
            self.samples.truncate(SAMPLES);
        }
    }

    /// The plan, once every record was taken in. `listing` says what reading both sides takes.
    pub fn build(self, counts: &Counts, settings: &Settings, pages: u64) -> Plan {
        let written = counts.missing + counts.changed;
        let embeddings = self.texts.len() as u64;
        let embed_batch = settings.embed_batch as u64;
        let fetch_batch = settings.fetch_batch as u64;
        let requests = PlannedRequests {
            list: pages,
            fetch: counts.only_source.div_ceil(fetch_batch) + 2 * counts.in_both.div_ceil(fetch_batch),
            embed: embeddings.div_ceil(embed_batch),
            upsert: written
                .div_ceil(settings.upsert_batch as u64)
                .max(self.upsert_bytes.div_ceil(MAX_UPSERT_BYTES as u64)),
        };
        let (seconds, held_by) = estimate(settings, embeddings, self.tokens, requests);
        Plan {
            hash: self.digest[12..].iter().rev().map(|byte| format!("{byte:02x}")).collect(),
            source: counts.source_listed,
            target: counts.target_listed,
            in_sync: counts.in_sync,
            missing: counts.missing,
            changed: counts.changed,
            no_text: counts.no_text,
            orphans: counts.orphans,
            unreadable: counts.unreadable,
            embeddings,
            folded: self.folded,
            reused: self.reused,
            reusable: self.reusable,
            proven: self.proven,
            tokens: self.tokens,
            cost_micro_usd: settings
                .price_per_million
                .map(|price| self.tokens.saturating_mul(price) / 1_000_000),
            over_long: counts.over_long,
            lengths: TextLengths { limit: settings.input_tokens, ..self.lengths },
            requests,
            seconds,
            held_by,
            added: settings.added(),
            text_key: settings.text_key.clone(),
            made_by: settings.made_by.clone(),
            kept: counts.kept,
            overwritten: counts.overwritten,
            keys: self.keys.into_values().collect(),
            samples: self.samples,
        }
    }
}

fn short(hash: TextHash) -> u64 {
    let mut half = [0; 8];
    half.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(half)
}

/// Seconds of a live run when its slowest part is held by nothing but the quotas, and which part that is.
fn estimate(settings: &Settings, texts: u64, tokens: u64, requests: PlannedRequests) -> (u64, String) {
    // A listing is read page after page; everything else is under way several times at once. A request of a cloud
    // service takes a few tenths of a second, which is what remains when no quota holds.
    const MILLIS_PER_PAGE: u64 = 100;
    const MILLIS_PER_REQUEST: u64 = 300;
    let minutes = |amount: u64, per_minute: u64| amount.saturating_mul(60_000) / per_minute.max(1);
    let parts = [
        (
            minutes(texts, settings.texts_per_minute),
            format!("Gemini: {} texts a minute", format::count(settings.texts_per_minute)),
        ),
        (
            minutes(tokens, settings.tokens_per_minute),
            format!("Gemini: {} tokens a minute", format::count(settings.tokens_per_minute)),
        ),
        (
            requests.list * MILLIS_PER_PAGE,
            format!("the listings: {PAGE_IDS} ids a page, one page after the other"),
        ),
        (
            requests.fetch * MILLIS_PER_REQUEST / (2 * settings.fetch_concurrency.max(1) as u64),
            "reading the records".to_owned(),
        ),
        (
            requests.upsert * MILLIS_PER_REQUEST / settings.upsert_concurrency.max(1) as u64,
            "writing to the target".to_owned(),
        ),
    ];
    let (millis, held_by) = parts.into_iter().rev().max_by_key(|(millis, _)| *millis).unwrap_or_default();
    (millis.div_ceil(1_000), held_by)
}

/// Pages that listings of these lengths take.
pub(crate) const fn pages(ids: u64) -> u64 {
    // An empty namespace still has to be asked.
    let pages = ids.div_ceil(PAGE_IDS);
    if pages == 0 { 1 } else { pages }
}
