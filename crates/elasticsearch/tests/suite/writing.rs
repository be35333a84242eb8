//! Single updates.

use std::sync::Arc;

use elasticsearch::{Action, Hit, ItemOutcome, Mode, Page, Query, SourceFields};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Outcome,
    bench::{Bench, LEVEL, NAMESPACE, task},
};

async fn hits(bench: &Bench, index: &str) -> Vec<Hit> {
    let reader = bench.reader(index).await;
    let mut scan = reader.scan(Query::all(), SourceFields::None, 1000);
    let Page::Hits(mut hits) = scan.next().await.unwrap() else { panic!("no hits") };
    scan.close().await;
    hits.sort_by(|a, b| a.id.cmp(&b.id));
    hits
}

pub async fn every_outcome_is_told_apart(bench: Arc<Bench>) -> Outcome {
    let index = bench
        .filled(
            "outcomes",
            json!({}),
            &[
                ("1-missing", None, json!({"text": "a"})),
                ("2-equal", None, json!({"text": "b", LEVEL: 1})),
                ("3-changed", None, json!({"text": "c"})),
                ("4-deleted", None, json!({"text": "d"})),
                ("5-float", None, json!({"text": "e", LEVEL: 1.0})),
            ],
        )
        .await;
    let task = task(Mode::Missing);
    let actions: Vec<Action> = hits(&bench, &index).await.iter().map(Action::from).collect();
    bench.put(&index, &[("3-changed", None, json!({"text": "changed"}))]).await;
    bench.raw(Method::DELETE, &format!("/{index}/_doc/4-deleted"), None).await;
    let (writer, _) = bench.writer(&index, &task).await;
    let outcomes = writer.bulk(&task, &actions).await.unwrap();
    use ItemOutcome::{Conflict, Gone, Noop, Updated};
    assert_eq!(outcomes, [Updated, Noop, Conflict, Gone, Updated]);
    // The same again: what was done has changed, what was not is as it was.
    let outcomes = writer.bulk(&task, &actions).await.unwrap();
    assert_eq!(outcomes, [Conflict, Noop, Conflict, Gone, Conflict]);
    let all = bench.all(&index).await;
    assert_eq!(all["3-changed"], *json!({"text": "changed"}).as_object().unwrap());
    assert_eq!(all.len(), 4);
    // An index that was not checked is not written to.
    let stray = Action { index: "elsewhere".into(), ..actions[0].clone() };
    writer.bulk(&task, &[stray]).await.unwrap_err();
    let (status, _) = bench.raw(Method::HEAD, "/elsewhere", None).await;
    assert_eq!(status, 404);
    Outcome::Holds
}

pub async fn documents_keep_their_routing(bench: Arc<Bench>) -> Outcome {
    let index = bench.index("routing", json!({"settings": {"number_of_shards": 3}})).await;
    let ids: Vec<String> = (0..30).map(|number| format!("r{number}")).collect();
    let documents: Vec<_> = ids.iter().map(|id| (id.as_str(), Some("alice"), json!({"text": id}))).collect();
    bench.put(&index, &documents).await;
    let hits = hits(&bench, &index).await;
    assert!(hits.iter().all(|hit| hit.routing.as_deref() == Some("alice")));
    let task = task(Mode::Missing);
    let (writer, _) = bench.writer(&index, &task).await;
    // Without it they would not be found.
    let unrouted: Vec<Action> =
        hits.iter().map(|hit| Action { routing: None, ..Action::from(hit) }).collect();
    let outcomes = writer.bulk(&task, &unrouted).await.unwrap();
    assert!(outcomes.contains(&ItemOutcome::Gone), "{outcomes:?}");
    let (progress, _) = bench.updated(&index, task).await;
    assert_eq!(progress.gone, 0);
    let levels = bench.levels(&index).await;
    assert_eq!(levels.len(), 30);
    assert!(levels.values().all(|level| *level == json!(1)));
    Outcome::Holds
}

pub async fn a_document_is_changed_in_the_one_field(bench: Arc<Bench>) -> Outcome {
    let awkward = [
        "a/b",
        "a b",
        "ä🚲",
        "\"quoted\"",
        "back\\slash",
        "100%",
        "#1?",
        "a+b&c=d",
        "new\nline",
        "-",
        "_x",
        "x:y,z",
    ];
    let source = |number: usize| {
        json!({
            "text": format!("line\none \"{number}\""), NAMESPACE: "ns", "vector": [0.1, -0.25, 1e-7, 3.0],
            "nested": [{"a": 1, "b": {"c": [1, 2, null]}}], "big": 9_007_199_254_740_993_u64, "price": 1.0,
            "empty": {}, "none": null, "list": [],
        })
    };
    // And every character of ASCII.
    let each = (1..=127_u8).map(|byte| format!("id{}end", char::from(byte)));
    let ids: Vec<String> = awkward.into_iter().map(str::to_owned).chain(each).collect();
    let documents: Vec<(&str, Option<&str>, Value)> =
        ids.iter().enumerate().map(|(number, id)| (id.as_str(), None, source(number))).collect();
    let mapping = json!({"mappings": {"properties": {"nested": {"type": "nested"}}}});
    let index = bench.filled("awkward", mapping, &documents).await;
    let before = bench.all(&index).await;
    let (progress, steps) = bench.updated(&index, task(Mode::Missing)).await;
    assert_eq!((progress.total, progress.updated), (139, 139), "{steps:?}");
    let mut after = bench.all(&index).await;
    assert!(after.values().all(|source| source[LEVEL] == json!(1)));
    after.values_mut().for_each(|source| {
        source.remove(LEVEL);
    });
    assert_eq!(after, before);
    Outcome::Holds
}
