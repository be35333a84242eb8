//! Numbers.

use std::sync::Arc;

use elasticsearch::{
    Error, FieldName, Holding, Listing, Mode, NamespaceField, Numbers, Preview, Query, Scope, ValueCount,
};
use serde_json::{Value, json};

use super::{
    Outcome,
    bench::{Bench, LEVEL, NAMESPACE, fields, level, mapped, task, task_of},
};

fn values(pairs: &[(i64, u64)]) -> Option<Vec<ValueCount>> {
    Some(
        pairs
            .iter()
            .map(|(value, documents)| ValueCount { value: json!(value), documents: *documents })
            .collect(),
    )
}

pub async fn everything_is_counted_at_one_moment(bench: Arc<Bench>) -> Outcome {
    let long = "n".repeat(300);
    let index = bench
        .filled(
            "look",
            json!({}),
            &[
                ("a1", None, json!({NAMESPACE: "a", LEVEL: 1})),
                ("a2", None, json!({NAMESPACE: "a", LEVEL: 1})),
                ("a3", None, json!({NAMESPACE: "a", LEVEL: 3})),
                ("a4", None, json!({NAMESPACE: "a"})),
                ("b1", None, json!({NAMESPACE: "b", LEVEL: null})),
                ("b2", None, json!({NAMESPACE: "b", LEVEL: []})),
                ("e1", None, json!({NAMESPACE: ""})),
                ("s1", None, json!({NAMESPACE: "*", LEVEL: 2})),
                ("n1", None, json!({"text": "no namespace"})),
                ("n2", None, json!({NAMESPACE: null, LEVEL: 1})),
                ("l1", None, json!({NAMESPACE: long, LEVEL: 1})),
            ],
        )
        .await;
    let reader = bench.reader(&index).await;
    let fields = fields(&reader).await;
    let look = reader.look(&fields, &level()).await.unwrap();
    assert!(look.is_one_snapshot);
    let by_name: Vec<(&str, u64, u64)> = look
        .namespaces
        .iter()
        .map(|found| (found.namespace.as_str(), found.numbers.documents, found.numbers.with))
        .collect();
    assert_eq!(by_name, [("", 1, 0), ("*", 1, 1), ("a", 4, 3), ("b", 2, 0)]);
    assert_eq!(look.namespaces[2].numbers.values, values(&[(1, 2), (3, 1)]));
    assert_eq!(
        look.without_namespace,
        Numbers { documents: 2, with: 1, values: values(&[(1, 1)]), other_values: 0 }
    );
    assert_eq!(look.namespace_too_long.documents, 1);
    assert_eq!((look.total.documents, look.total.with, look.total.without()), (11, 6, 5));
    assert_eq!(look.total.values, values(&[(1, 4), (2, 1), (3, 1)]));
    for (scope, count) in [
        (Scope::All, 11),
        (Scope::Namespaces(vec!["a".into()]), 4),
        (Scope::Namespaces(vec!["a".into(), "".into(), "*".into()]), 6),
        (Scope::Namespaces(vec!["absent".into()]), 0),
        (Scope::WithoutNamespace, 2),
        (Scope::NamespaceTooLong, 1),
        (Scope::Ids(vec!["a1".into(), "zz".into()]), 1),
    ] {
        let query = scope.query(&fields).unwrap();
        assert_eq!(reader.count(&query).await.unwrap(), count, "{scope:?}");
    }

    let empty = bench.index("empty", json!({})).await;
    let reader = bench.reader(&empty).await;
    let nothing = super::bench::fields(&reader).await;
    assert!(matches!(nothing.namespace, NamespaceField::Absent { .. }));
    let look = reader.look(&nothing, &level()).await.unwrap();
    assert_eq!((look.total.documents, look.namespaces.len()), (0, 0));
    Outcome::Holds
}

pub async fn hundreds_of_namespaces_are_all_found(bench: Arc<Bench>) -> Outcome {
    let documents: Vec<(String, Value)> = (0..1300)
        .map(|number| {
            (format!("d{number}"), json!({NAMESPACE: format!("ns-{:04}", number % 650), "text": "t"}))
        })
        .collect();
    let index = bench.filled("namespaces", mapped("long"), &super::bench::borrowed(&documents)).await;
    let reader = bench.reader(&index).await;
    let look = reader.look(&fields(&reader).await, &level()).await.unwrap();
    assert_eq!(look.namespaces.len(), 650);
    assert!(look.namespaces.iter().all(|found| found.numbers.documents == 2 && found.numbers.with == 0));
    assert!(look.namespaces.is_sorted_by_key(|found| found.namespace.clone()));
    assert_eq!((look.total.documents, look.without_namespace.documents), (1300, 0));
    let has_points_in_time = bench.kind != sandbox::Distribution::Elasticsearch7;
    assert_eq!(look.is_one_snapshot, has_points_in_time);
    Outcome::Holds
}

/// Everything that a list shows, and what is put into the index after its first page.
async fn turned(bench: &Bench, index: &str, later: &[(String, Value)]) -> (Vec<Listing>, Vec<String>) {
    let reader = bench.reader(index).await;
    let query = Query::holding(&Scope::All, &level(), &Holding::Nothing, &fields(&reader).await).unwrap();
    let mut pages: Vec<Listing> = Vec::new();
    loop {
        let next = pages.last().and_then(|page| page.next.clone());
        let page = reader.page(&query, 100, next.as_deref()).await.unwrap().unwrap();
        let is_last = page.next.is_none();
        pages.push(page);
        if is_last {
            break;
        }
        if pages.len() == 1 && !later.is_empty() {
            bench.put(index, &super::bench::borrowed(later)).await;
        }
    }
    let ids = pages.iter().flat_map(|page| page.documents.iter().map(|document| document.id.clone()));
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    (pages, ids)
}

pub async fn a_list_is_turned_page_by_page(bench: Arc<Bench>) -> Outcome {
    let documents: Vec<(String, Value)> = (0..246)
        .map(|number| (format!("d{number:03}"), json!({"text": "t", "vector": [1.5, 2.5]})))
        .collect();
    let expected: Vec<String> = documents.iter().map(|(id, _)| id.clone()).collect();
    let mut body = mapped("long");
    body["settings"] = json!({"number_of_shards": 3});
    let index = bench.filled("turned", body, &super::bench::borrowed(&documents)).await;
    let (pages, ids) = turned(&bench, &index, &[]).await;
    let shape: Vec<_> = pages.iter().map(|page| (page.before, page.documents.len(), page.total)).collect();
    assert_eq!(shape, [(0, 100, 246), (100, 100, 246), (200, 46, 246)]);
    assert_eq!(ids, expected);
    assert!(pages.iter().all(|page| page.documents.iter().all(|document| {
        document.source.contains_key("text") && !document.source.contains_key("vector")
    })));
    let is_one_snapshot = pages[0].is_one_snapshot;
    assert!(pages.iter().all(|page| page.is_one_snapshot == is_one_snapshot));

    // All that is on the pages gets the value, and others come, after the first page was shown.
    let mut later: Vec<(String, Value)> =
        documents.iter().map(|(id, _)| (id.clone(), json!({"text": "t", LEVEL: 1}))).collect();
    later.push(("a-later-one".to_owned(), json!({"text": "t"})));
    let (_, ids) = turned(&bench, &index, &later).await;
    if is_one_snapshot {
        assert_eq!(ids, expected, "a list is of one moment");
    }

    let reader = bench.reader(&index).await;
    let query = Query::all();
    for nonsense in ["", "3", "{}", "{\"position\":{\"before\":\"x\"}}"] {
        assert_eq!(reader.page(&query, 100, Some(nonsense)).await.unwrap(), None, "{nonsense}");
    }
    let far = format!("{{\"position\":{{\"before\":{}}}}}", u64::MAX);
    let page = reader.page(&query, 100, Some(&far)).await.unwrap().unwrap();
    assert_eq!((page.documents.len(), page.next), (0, None));
    Outcome::Holds
}

pub async fn a_preview_counts_what_a_task_would_do(bench: Arc<Bench>) -> Outcome {
    let index = bench
        .filled(
            "preview",
            json!({}),
            &[
                ("1", None, json!({LEVEL: 1})),
                ("2", None, json!({LEVEL: 2})),
                ("3", None, json!({LEVEL: 3})),
                ("4", None, json!({LEVEL: [1, 3]})),
                ("5", None, json!({LEVEL: 0})),
                ("6", None, json!({LEVEL: null})),
                ("7", None, json!({"text": "none"})),
            ],
        )
        .await;
    let reader = bench.reader(&index).await;
    let fields = fields(&reader).await;
    let numbers =
        Preview { documents: 7, missing: 2, equal: 1, lower: 2, higher: 2, incomparable: 0, to_update: 0 };
    for (mode, to_update) in [(Mode::Missing, 2), (Mode::All, 4), (Mode::AllOverwriting, 6)] {
        let task = task_of(mode, json!(2), Scope::All);
        assert_eq!(
            reader.preview(&task, &fields).await.unwrap(),
            Preview { to_update, ..numbers },
            "{mode:?}"
        );
        let left_out = reader.count(&task.left_out(&fields).unwrap()).await.unwrap();
        assert_eq!((left_out, Preview { to_update, ..numbers }.left_out()), (6 - to_update, 6 - to_update));
    }
    let words = bench
        .filled(
            "words",
            mapped("keyword"),
            &[("1", None, json!({LEVEL: "9"})), ("2", None, json!({LEVEL: 1})), ("3", None, json!({}))],
        )
        .await;
    let reader = bench.reader(&words).await;
    let fields = super::bench::fields(&reader).await;
    let preview = reader.preview(&task(Mode::All), &fields).await.unwrap();
    assert_eq!((preview.missing, preview.equal, preview.incomparable, preview.to_update), (1, 1, 1, 1));
    Outcome::Holds
}

pub async fn samples_and_documents_are_found(bench: Arc<Bench>) -> Outcome {
    let index = bench
        .filled(
            "samples",
            json!({}),
            &[
                ("a/1", None, json!({"title": "A", "vector": [0.5, 0.25], "record": "r-1"})),
                ("b?2", None, json!({"title": "B", "text_embedding": [0.5], "record": "r-2"})),
            ],
        )
        .await;
    let reader = bench.reader(&index).await;
    let samples = reader.find(&Query::all(), 1).await.unwrap();
    assert_eq!((samples.documents.len(), samples.total), (1, 2));
    let samples = reader.find(&Query::all(), 10).await.unwrap().documents;
    assert_eq!(samples.len(), 2);
    assert!(samples.iter().all(|sample| sample.source.len() == 2 && sample.source.contains_key("title")));
    let by_id = Query::all().with_ids(&["a/1".into(), "absent".into()]);
    let found = reader.find_all(&by_id, &["title"]).await.unwrap();
    assert_eq!((found.len(), found[0].id.as_str()), (1, "a/1"));
    let by_value = Query::all().with_values("record.keyword", &["r-2".into(), "r-9".into()]);
    let found = reader.find_all(&by_value, &["title"]).await.unwrap();
    assert_eq!((found.len(), found[0].id.as_str()), (1, "b?2"));
    Outcome::Holds
}

pub async fn a_namespace_that_is_a_text_is_not_guessed_at(bench: Arc<Bench>) -> Outcome {
    let mapping = json!({"mappings": {"properties": {NAMESPACE: {"type": "text"}}}});
    let index = bench.filled("text", mapping, &[("1", None, json!({NAMESPACE: "a b"}))]).await;
    let reader = bench.reader(&index).await;
    let fields = fields(&reader).await;
    let kind = "text".to_owned();
    assert_eq!(
        fields.namespace,
        NamespaceField::NotExact { field: FieldName::parse(NAMESPACE).unwrap(), kind }
    );
    let look = reader.look(&fields, &level()).await.unwrap();
    assert_eq!((look.total.documents, look.namespaces.len()), (1, 0));
    let error = Scope::Namespaces(vec!["a".into()]).query(&fields).unwrap_err();
    assert!(matches!(error, Error::NamespaceNotExact { .. }), "{error}");
    Outcome::Holds
}
