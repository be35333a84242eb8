//! The counts that the README promises of the sample.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::{MetadataValue, Options, Page, RecordView, start};

fn by_id(records: Vec<RecordView>) -> BTreeMap<String, RecordView> {
    records.into_iter().map(|record| (record.id.clone(), record)).collect()
}

fn text(record: &RecordView) -> Option<&str> {
    match record.metadata.get("text") {
        Some(MetadataValue::String(text)) if !text.trim().is_empty() => Some(text),
        _ => None,
    }
}

/// The metadata without the added key.
fn compared(record: &RecordView) -> BTreeMap<&String, &MetadataValue> {
    record.metadata.iter().filter(|(key, _)| *key != "clearance_level").collect()
}

fn clearance(record: &RecordView) -> Option<f64> {
    match record.metadata.get("clearance_level") {
        Some(MetadataValue::Number(level)) => Some(*level),
        _ => None,
    }
}

#[tokio::test]
async fn the_sample_holds_what_the_readme_says() {
    let sandbox = start(Options { sample: true, ..Options::default() }).await.unwrap();
    let state = sandbox.state();
    let read = |index, namespace| by_id(state.records(index, namespace, Page::ALL).unwrap());

    let expected = |pairs: &[(&str, usize)]| -> BTreeMap<String, usize> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let source_counts = expected(&[("__default__", 10), ("help-centre", 360), ("release-notes", 24)]);
    assert_eq!(state.namespaces("source").unwrap(), source_counts);
    assert_eq!(state.namespaces("target").unwrap(), expected(&[("__default__", 10), ("help-centre", 158)]));

    let (source, target) = (read("source", "help-centre"), read("target", "help-centre"));
    let both: Vec<_> = source.iter().filter_map(|(id, old)| target.get(id).map(|new| (old, new))).collect();
    let (equal, changed): (Vec<_>, Vec<_>) =
        both.iter().partition(|(old, new)| compared(old) == compared(new));
    let missing: Vec<_> = source.values().filter(|record| !target.contains_key(&record.id)).collect();
    let (to_embed, no_text): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|record| text(record).is_some());
    assert_eq!((equal.len(), changed.len()), (110, 36));
    assert_eq!((to_embed.len(), no_text.len()), (206, 8));
    let distinct: BTreeSet<_> = to_embed.iter().filter_map(|record| text(record)).collect();
    assert_eq!(distinct.len(), 203);
    assert_eq!(target.keys().filter(|id| !source.contains_key(*id)).count(), 12);
    assert_eq!(source.values().filter(|record| text(record).is_none()).count(), 8);

    let new_text = changed.iter().filter(|(old, new)| text(old) != text(new)).count();
    assert_eq!(new_text, 6);
    let raised = |pairs: &[(&RecordView, &RecordView)], level| {
        pairs.iter().filter(|(_, new)| clearance(new) == Some(level)).count()
    };
    assert_eq!((raised(&equal, 2.0), raised(&equal, 3.0)), (2, 2));
    assert_eq!((raised(&changed, 2.0), raised(&changed, 3.0)), (2, 2));
    assert!(target.values().all(|record| clearance(record).is_some()));
    let restricted: Vec<_> = source.values().filter_map(clearance).collect();
    assert_eq!(restricted.len(), 2);
    assert_eq!(source.values().filter(|record| record.sparse_values.is_some()).count(), 3);

    let (source, target) = (read("source", ""), read("target", "__default__"));
    assert!(source.iter().all(|(id, old)| compared(old) == compared(&target[id])));
    sandbox.stop().await;
}

#[tokio::test]
async fn the_search_index_holds_what_the_readme_says() {
    let sandbox = start(Options { sample: true, ..Options::default() }).await.unwrap();
    let state = sandbox.state();
    let documents = state.search_documents("text-search-v0");
    let mut found: BTreeMap<Option<String>, BTreeMap<Option<i64>, usize>> = BTreeMap::new();
    let mut with_vector = 0;
    for document in &documents {
        let text = |key: &str| document.source.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        let level = document.source.get("clearance_level").and_then(|level| level.as_i64());
        // A name that no keyword field takes.
        let namespace =
            text("pinecone_namespace").map(|name| if name.len() > 256 { "too long".into() } else { name });
        *found.entry(namespace).or_default().entry(level).or_default() += 1;
        with_vector += usize::from(document.source.contains_key("vector"));
    }
    let counts = |namespace: Option<&str>| -> Vec<(Option<i64>, usize)> {
        found[&namespace.map(str::to_owned)].iter().map(|(level, count)| (*level, *count)).collect()
    };
    assert_eq!(counts(Some("help-centre")), [(None, 246), (Some(1), 110), (Some(2), 5), (Some(3), 5)]);
    assert_eq!(counts(Some("")), [(Some(1), 10)]);
    assert_eq!(counts(Some("release-notes")), [(None, 24)]);
    assert_eq!(counts(Some("intranet-2019")), [(None, 8)]);
    assert_eq!((counts(None), counts(Some("too long"))), (vec![(None, 5)], vec![(None, 3)]));
    assert_eq!((documents.len(), with_vector, found.len()), (416, 340, 6));
    let records = by_id(state.records("source", "help-centre", Page::ALL).unwrap());
    let ids: BTreeSet<&str> = documents.iter().map(|document| document.id.as_str()).collect();
    assert_eq!(records.keys().filter(|id| !ids.contains(id.as_str())).count(), 6);
    let of_help = documents.iter().filter(|document| {
        document.source.get("pinecone_namespace").is_some_and(|name| name == "help-centre")
    });
    assert_eq!(of_help.filter(|document| !records.contains_key(&document.id)).count(), 12);
    sandbox.stop().await;
}
