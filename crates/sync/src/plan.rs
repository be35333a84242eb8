//! Adding up what a run found to the plan that says what a live run takes.

use std::collections::{BTreeMap, HashSet};

use pinecone::MAX_UPSERT_BYTES;
use protocol::{Change, ChangeKind, Counts, Difference, KeyChanges, Plan, PlannedRequests};
use sha2::{Digest, Sha256};

use crate::{
    record::{Prepared, TextHash},
    settings::Settings,
    words::grouped,
};

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
}

/// Takes every classified record in, in any order.
#[derive(Debug, Default)]
pub(crate) struct PlanBuilder {
    /// The digests of all classifications, added up: the order in which records are read does not matter.
    digest: u128,
    /// Texts that have to be paid for. The half of a hash is enough to count them.
    texts: HashSet<u64>,
    folded: u64,
    reused: u64,
    reusable: u64,
    tokens: u64,
    upsert_bytes: u64,
    keys: BTreeMap<String, KeyChanges>,
    samples: Vec<Difference>,
}

/// A record that would be written, as the plan sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'a> {
    pub prepared: &'a Prepared,
    pub text: &'a str,
    /// The vector that the target has stays.
    pub reuses: bool,
}

impl PlanBuilder {
    /// Takes in what a record is. `content` distinguishes versions of the same record.
    pub fn classify(&mut self, id: &str, action: Action, content: &[u8]) {
        let mut hasher = Sha256::new();
        hasher.update([action as u8]);
        hasher.update(id.len().to_le_bytes());
        hasher.update(id.as_bytes());
        hasher.update(content);
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize()[..16]);
        self.digest = self.digest.wrapping_add(u128::from_le_bytes(half));
    }

    /// Takes in a record that would be written.
    pub fn work(&mut self, work: Work<'_>, settings: &Settings) {
        self.upsert_bytes += work.prepared.bytes + u64::from(settings.dimensions) * BYTES_PER_DIMENSION;
        if work.reuses {
            self.reused += 1;
            return;
        }
        if !self.texts.insert(short(work.prepared.candidate.text_hash)) {
            self.folded += 1;
            return;
        }
        self.tokens += gemini::estimate_tokens(work.text);
    }

    /// Takes in the differences of a changed record.
    pub fn differs(&mut self, id: &str, changes: Vec<Change>) {
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

    pub const fn reusable(&mut self) {
        self.reusable += 1;
    }

    /// The plan, once every record was taken in.
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
            hash: self.digest.to_be_bytes()[..4].iter().map(|byte| format!("{byte:02x}")).collect(),
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
            tokens: self.tokens,
            cost_micro_usd: settings
                .price_per_million
                .map(|price| self.tokens.saturating_mul(price) / 1_000_000),
            over_long: counts.over_long,
            requests,
            seconds,
            held_by,
            added: settings.added(),
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
            format!("Gemini: {} texts a minute", grouped(settings.texts_per_minute)),
        ),
        (
            minutes(tokens, settings.tokens_per_minute),
            format!("Gemini: {} tokens a minute", grouped(settings.tokens_per_minute)),
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
