//! One record in the source, in the target, and its document in the search index, side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use elasticsearch::{Document, FieldName, Fields, Query};
use pinecone::{FetchedRecord, Metadata, Namespace, Reader};
use protocol::{DocumentName, Reading, RecordKey, RecordSide, RecordView, TypedValue, ValueKind, VectorView};
use serde_json::Value;
use sync::{SearchIndex, changes, present, text};

use crate::{
    connections::{ConnectError, Connections, search_failed, within},
    exit::chain,
};

/// Characters of a value's JSON text that are kept.
const SHOWN_CHARACTERS: usize = 2_000;

/// Documents of one id that are looked through: there is one of each namespace, and of each index.
const DOCUMENTS: usize = 1_000;

/// Points that a vector is drawn with, at most.
const POINTS: usize = 96;

/// Reads one record from all sides at once. A side that fails, or takes longer than this, is unknown by itself.
pub async fn read(
    connections: &Connections,
    namespace: &Namespace,
    id: &str,
    patience: Duration,
) -> RecordView {
    let source = within(patience, async { fetch(connections.source().await?, namespace, id).await });
    let target = within(patience, async { fetch(connections.target().await?, namespace, id).await });
    let document = async {
        connections.config().elasticsearch.endpoint.as_ref()?;
        let read = async { document(&connections.search().await?, namespace, id).await };
        Some(within(patience, read).await)
    };
    let (source, target, document) = tokio::join!(source, target, document);
    let mirror = &connections.config().mirror;
    let keys = keys(found(Some(&source)), found(Some(&target)), found(document.as_ref()), &mirror.added_key);
    RecordView {
        namespace: namespace.to_string(),
        id: id.to_owned(),
        source: map(source, |record| side(&record, &mirror.text_key)),
        target: map(target, |record| side(&record, &mirror.text_key)),
        document: document
            .map(|document| map(document, |Document { index, id, .. }| DocumentName { index, id })),
        keys,
    }
}

async fn fetch(
    index: &Reader,
    namespace: &Namespace,
    id: &str,
) -> Result<Option<FetchedRecord>, ConnectError> {
    let records = index.fetch_records(namespace, &[id.to_owned()]).await;
    Ok(records.map_err(|error| ConnectError::Service(chain(&error)))?.pop())
}

async fn document(
    search: &SearchIndex,
    namespace: &Namespace,
    id: &str,
) -> Result<Option<Document>, ConnectError> {
    let ids = [id.to_owned()];
    let query = match &search.id_field {
        None => Query::all().with_ids(&ids),
        Some(field) => {
            let fields = Fields::of(&search.reader, field, field).await.map_err(search_failed)?;
            Query::all().with_values(fields.value.exact().map_err(search_failed)?, &ids)
        }
    };
    let found = search.reader.find(&query, DOCUMENTS).await.map_err(search_failed)?;
    if found.total > found.documents.len() as u64 {
        let message =
            format!("{} documents hold the id {id}, too many to find the one of {namespace}", found.total);
        return Err(ConnectError::Service(message));
    }
    Ok(of_namespace(found.documents, &search.namespace_field, namespace))
}

/// The document of this namespace. One that names another namespace is another record's; one that names none is taken
/// where no other comes into question.
fn of_namespace(mut documents: Vec<Document>, field: &FieldName, namespace: &Namespace) -> Option<Document> {
    documents.sort_by(|a, b| a.index.cmp(&b.index));
    let named = |document: &Document| match document.source.get(field.as_str()) {
        Some(Value::String(name)) => Some(Namespace::parse(name).is_ok_and(|name| name == *namespace)),
        Some(Value::Array(names)) => Some(names.iter().any(|name| name == namespace.as_str())),
        None | Some(Value::Null) if namespace.is_default() => Some(true),
        None | Some(Value::Null) => None,
        Some(_) => Some(false),
    };
    if let Some(position) = documents.iter().position(|document| named(document) == Some(true)) {
        return Some(documents.swap_remove(position));
    }
    match documents.as_slice() {
        [one] if named(one).is_none() => documents.pop(),
        _ => None,
    }
}

/// What a side has, where it is known to have something.
fn found<T>(reading: Option<&Reading<Option<T>>>) -> Option<&T> {
    reading.and_then(Reading::known).and_then(Option::as_ref)
}

fn map<T, U>(reading: Reading<Option<T>>, change: impl FnOnce(T) -> U) -> Reading<Option<U>> {
    match reading {
        Reading::Known(value) => Reading::Known(value.map(change)),
        Reading::Unknown(reason) => Reading::Unknown(reason),
    }
}

fn side(record: &FetchedRecord, text_key: &str) -> RecordSide {
    let sparse = record.sparse_values.as_ref().map_or(0, |sparse| sparse.indices.len());
    RecordSide {
        vector: (!record.values.is_empty()).then(|| vector(&record.values)),
        sparse_values: u32::try_from(sparse).unwrap_or(u32::MAX),
        text_characters: text(&record.metadata, text_key).map(|text| text.chars().count() as u64),
    }
}

fn vector(values: &[f32]) -> VectorView {
    let points = values.len().min(POINTS);
    let point = |number: usize| {
        let stretch = &values[number * values.len() / points..(number + 1) * values.len() / points];
        mean(stretch)
    };
    VectorView {
        dimensions: u32::try_from(values.len()).unwrap_or(u32::MAX),
        norm: values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt(),
        points: (0..points).map(point).collect(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a point of a drawing, of at most 20,000 values"
)]
fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64) as f32
}

/// The keys of all sides: those of the records by name, and behind them those that only the document has.
fn keys(
    source: Option<&FetchedRecord>,
    target: Option<&FetchedRecord>,
    document: Option<&Document>,
    added_key: &str,
) -> Vec<RecordKey> {
    let (source, target) = (source.map(|record| &record.metadata), target.map(|record| &record.metadata));
    let document = document.map(|document| &document.source);
    let changed: BTreeMap<String, _> = match (source, target) {
        (Some(source), Some(target)) => {
            changes(source, target, added_key).into_iter().map(|change| (change.key, change.kind)).collect()
        }
        _ => BTreeMap::new(),
    };
    // A null of a record equals an absent key; one of a document is shown as what it is.
    let value = |side: Option<&Metadata>, key: &str| side.and_then(|side| present(side, key)).map(typed);
    let of_records: BTreeSet<&String> = [source, target]
        .into_iter()
        .flatten()
        .flat_map(|side| side.keys().filter(|key| present(side, key).is_some()))
        .collect();
    let of_document: BTreeSet<&String> = document.into_iter().flat_map(Metadata::keys).collect();
    let of_document_only = of_document.difference(&of_records);
    of_records
        .iter()
        .chain(of_document_only)
        .map(|key| RecordKey {
            key: (*key).clone(),
            source: value(source, key),
            target: value(target, key),
            document: document.and_then(|document| document.get(*key)).map(typed),
            change: changed.get(*key).copied(),
            is_added_key: *key == added_key,
        })
        .collect()
}

/// A value with its type, and as much of its JSON text as a screen shows.
pub fn typed(value: &Value) -> TypedValue {
    let kind = match value {
        Value::Null => ValueKind::Null,
        Value::Bool(_) => ValueKind::Boolean,
        Value::Number(_) => ValueKind::Number,
        Value::String(_) => ValueKind::String,
        Value::Array(_) => ValueKind::List,
        Value::Object(_) => ValueKind::Object,
    };
    let mut text = whole_number(value).unwrap_or_else(|| value.to_string());
    let cut = match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => {
            let cut = text[end..].chars().count() as u64;
            text.truncate(end);
            cut
        }
        None => 0,
    };
    TypedValue { kind, text, cut }
}

/// A whole number without `.0`: Pinecone keeps 64-bit floats and answers `2023.0` where 2023 was written.
fn whole_number(value: &Value) -> Option<String> {
    // Up to here a float tells every whole number apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < EXACT)?;
    Some(format!("{number:.0}"))
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values, and cases read better without `&`")]
mod tests {
    use protocol::ChangeKind;
    use serde_json::json;

    use super::*;

    fn record(metadata: Value) -> FetchedRecord {
        FetchedRecord {
            id: "a".to_owned(),
            values: vec![0.6, 0.8],
            metadata: metadata.as_object().unwrap().clone(),
            sparse_values: None,
        }
    }

    fn a_document(index: &str, source: Value) -> Document {
        Document { index: index.to_owned(), id: "a".to_owned(), source: source.as_object().unwrap().clone() }
    }

    #[test]
    fn keys_of_documents_stand_behind_those_of_records() {
        let source = record(json!({"b": 1, "a": "x", "gone": null, "same": ["p"], "level": 2}));
        let target = record(json!({"c": true, "a": "y", "same": ["p"], "level": 1}));
        let document = a_document("i", json!({"a": "x", "aa": {"b": 1}, "gone": null}));
        let keys = keys(Some(&source), Some(&target), Some(&document), "level");
        let shown: Vec<_> = keys
            .iter()
            .map(|key| (key.key.as_str(), key.change.map_or(' ', ChangeKind::sign), key.is_added_key))
            .collect();
        let expected = [
            ("a", '~', false),
            ("b", '+', false),
            ("c", '-', false),
            ("level", ' ', true),
            ("same", ' ', false),
            ("aa", ' ', false),
            ("gone", ' ', false),
        ];
        assert_eq!(shown, expected);
        assert_eq!(keys[5].document.as_ref().unwrap().kind, ValueKind::Object);
        assert_eq!(keys[6].document.as_ref().unwrap().kind, ValueKind::Null);
        assert!(keys[6].source.is_none());
    }

    #[test]
    fn a_record_on_one_side_has_no_changes() {
        let keys = keys(Some(&record(json!({"a": 1}))), None, None, "level");
        assert_eq!((keys.len(), keys[0].change), (1, None));
    }

    #[test]
    fn what_is_long_is_cut_and_says_so() {
        let long = typed(&json!("ä".repeat(3_000)));
        assert_eq!((long.text.chars().count(), long.cut), (2_000, 1_002));
        let numbers =
            [json!(2023.0), json!(-1), json!(2.5), json!(u64::MAX)].map(|number| typed(&number).text);
        assert_eq!(numbers, ["2023", "-1", "2.5", "18446744073709551615"]);
        assert_eq!(typed(&json!("x")), TypedValue { kind: ValueKind::String, text: "\"x\"".into(), cut: 0 });
    }

    #[test]
    fn a_vector_is_drawn_by_means_and_measured_whole() {
        let drawn = vector(&[3.0, 4.0]);
        assert_eq!((drawn.dimensions, drawn.norm, drawn.points), (2, 5.0, vec![3.0, 4.0]));
        let values: Vec<f32> = (0..1_000_u16).map(|number| f32::from(number % 10)).collect();
        let drawn = vector(&values);
        assert_eq!((drawn.dimensions, drawn.points.len()), (1_000, 96));
        assert!(drawn.points.iter().all(|point| (3.0..6.0).contains(point)), "{:?}", drawn.points);
    }

    #[test]
    fn the_document_is_that_of_the_namespace() {
        let field = FieldName::parse("ns").unwrap();
        let choose = |documents: &[(&str, Value)], namespace: &str| {
            let documents = documents.iter().map(|(index, source)| a_document(index, source.clone()));
            let namespace = Namespace::parse(namespace).unwrap();
            of_namespace(documents.collect(), &field, &namespace).map(|document| document.index)
        };
        let both = [("i", json!({"ns": "a"})), ("j", json!({"ns": "b"})), ("k", json!({}))];
        assert_eq!(choose(&both, "b").as_deref(), Some("j"));
        assert_eq!(choose(&both, "").as_deref(), Some("k"));
        assert_eq!(choose(&both, "c"), None);
        assert_eq!(choose(&[("i", json!({"ns": ""}))], "__default__").as_deref(), Some("i"));
        assert_eq!(choose(&[("i", json!({}))], "a").as_deref(), Some("i"));
        assert_eq!(choose(&[("i", json!({"ns": "a"}))], "b"), None);
    }
}
