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
