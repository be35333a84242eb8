//! The numbers that the script plays with.

use protocol::{AddedMetadata, Change, ChangeKind, Difference, KeyChanges, Plan, PlannedRequests};

pub const SOURCE: u64 = 18_120;
pub const TARGET: u64 = 17_655;
pub const MISSING: u64 = 1_012;
pub const CHANGED: u64 = 192;
pub const NO_TEXT: u64 = 46;
pub const ORPHANS: u64 = 547;
pub const IN_SYNC: u64 = SOURCE - MISSING - CHANGED - NO_TEXT;

/// A plan with work in it.
pub fn plan(hash: &str) -> Plan {
    let change = |key: &str, kind, target: Option<&str>, source: Option<&str>| Change {
        key: key.to_owned(),
        kind,
        target: target.map(str::to_owned),
        source: source.map(str::to_owned),
    };
    let sample = |id: &str, changes| Difference { id: id.to_owned(), changes };
    let key =
        |key: &str, changed, added, removed| KeyChanges { key: key.to_owned(), added, removed, changed };
    Plan {
        hash: hash.to_owned(),
        source: SOURCE,
        target: TARGET,
        in_sync: IN_SYNC,
        missing: MISSING,
        changed: CHANGED,
        no_text: NO_TEXT,
        orphans: ORPHANS,
        unreadable: 0,
        embeddings: 1_181,
        folded: 23,
        reused: 0,
        reusable: 183,
        proven: 121,
        tokens: 412_380,
        cost_micro_usd: Some(61_857),
        over_long: 2,
        requests: PlannedRequests { list: 359, fetch: 355, embed: 12, upsert: 14 },
        seconds: 24,
        held_by: "Gemini: 3,000 texts a minute".to_owned(),
        added: AddedMetadata { key: "clearance_level".to_owned(), value: "1".to_owned() },
        text_key: "text".to_owned(),
        made_by: "gemini-embedding-001/3072/RETRIEVAL_DOCUMENT".to_owned(),
        kept: 3,
        overwritten: 0,
        keys: vec![
            key("legacy_id", 0, 0, 31),
            key("reviewed_by", 0, 57, 0),
            key("tags", 44, 2, 0),
            key("title", 71, 0, 0),
            key("year", 12, 0, 0),
        ],
        samples: vec![
            sample(
                "doc-00412#7",
                vec![
                    change("reviewed_by", ChangeKind::Added, None, Some("\"support-emea\"")),
                    change(
                        "title",
                        ChangeKind::Changed,
                        Some("\"Reset a pasword\""),
                        Some("\"Reset a password\""),
                    ),
                ],
            ),
            sample("doc-01310#2", vec![change("year", ChangeKind::Changed, Some("\"2024\""), Some("2024"))]),
            sample("doc-01311#4", vec![change("legacy_id", ChangeKind::Removed, Some("\"A-99812\""), None)]),
            sample(
                "doc-02045#1",
                vec![change(
                    "tags",
                    ChangeKind::Changed,
                    Some(r#"["billing"]"#),
                    Some(r#"["billing","invoice"]"#),
                )],
            ),
        ],
    }
}
