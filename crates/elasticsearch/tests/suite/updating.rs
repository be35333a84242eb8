//! Whole updates.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use elasticsearch::{
    FieldType, Limits, Listed, MappingEditor, Mode, Scope, ServerSide, ServerSideStatus, TaskId, Update,
};
use reqwest::Method;
use sandbox::Distribution;
use serde_json::{Value, json};

use super::{
    Outcome,
    bench::{Bench, LEVEL, NAMESPACE, borrowed, codes, fields, level, mapped, plain, task, task_of},
};

pub async fn only_missing_values_are_written(bench: Arc<Bench>) -> Outcome {
    let index = bench
        .filled(
            "missing",
            json!({"settings": {"number_of_shards": 3}}),
            &[
                ("a1", None, json!({NAMESPACE: "a"})),
                ("a2", None, json!({NAMESPACE: "a", LEVEL: null})),
                ("a3", None, json!({NAMESPACE: "a", LEVEL: []})),
                ("a4", None, json!({NAMESPACE: "a", LEVEL: 0})),
                ("a5", None, json!({NAMESPACE: "a", LEVEL: 3})),
                ("b1", None, json!({NAMESPACE: "b"})),
                ("n1", None, json!({"text": "none"})),
            ],
        )
        .await;
    let of_a = task_of(Mode::Missing, json!(1), Scope::Namespaces(vec!["a".into()]));
    let (progress, _) = bench.updated(&index, of_a.clone()).await;
    assert_eq!((progress.total, progress.updated, progress.pass), (3, 3, 1));
    let levels = bench.levels(&index).await;
    let of = |id: &str| levels[id].clone();
    assert_eq!(
        [of("a1"), of("a2"), of("a3"), of("a4"), of("a5")],
        [json!(1), json!(1), json!(1), json!(0), json!(3)]
    );
    assert_eq!([of("b1"), of("n1")], [Value::Null, Value::Null]);
    // A second run writes nothing.
    let versions = |levels: &BTreeMap<String, Value>| levels.len();
    let (progress, steps) = bench.updated(&index, of_a).await;
    assert_eq!((progress.total, progress.updated, steps.len()), (0, 0, 1));
    assert_eq!(versions(&levels), 7);
    let (progress, _) =
        bench.updated(&index, task_of(Mode::Missing, json!(1), Scope::WithoutNamespace)).await;
    assert_eq!(progress.updated, 1);
    let (progress, _) = bench.updated(&index, task(Mode::Missing)).await;
    assert_eq!(progress.updated, 1);
    assert!(bench.levels(&index).await.values().all(|level| !level.is_null()));
    Outcome::Holds
}

pub async fn lower_values_are_raised_and_higher_ones_stand(bench: Arc<Bench>) -> Outcome {
    let documents = [
        ("missing", None, json!({"text": "a"})),
        ("lower", None, json!({LEVEL: 1})),
        ("equal", None, json!({LEVEL: 2})),
        ("higher", None, json!({LEVEL: 3})),
        ("both", None, json!({LEVEL: [1, 3]})),
        ("among", None, json!({LEVEL: [1, 2]})),
    ];
    let index = bench.filled("all", json!({}), &documents).await;
    let (progress, _) = bench.updated(&index, task_of(Mode::All, json!(2), Scope::All)).await;
    assert_eq!((progress.total, progress.updated), (2, 2));
    let levels = bench.levels(&index).await;
    assert_eq!([&levels["missing"], &levels["lower"], &levels["higher"]], [&json!(2), &json!(2), &json!(3)]);
    assert_eq!([&levels["both"], &levels["among"]], [&json!([1, 3]), &json!([1, 2])]);
    let overwriting = task_of(Mode::AllOverwriting, json!(2), Scope::All);
    let (progress, steps) = bench.updated(&index, overwriting).await;
    assert_eq!(progress.updated, 2);
    // What was lowered can be put back.
    let mut before: Vec<_> = steps
        .iter()
        .flat_map(|step| &step.listed)
        .map(|listed| match listed {
            Listed::Updated { id, before, .. } => (id.as_str(), before.clone().unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    before.sort_by_key(|(id, _)| *id);
    assert_eq!(before, [("both", json!([1, 3])), ("higher", json!(3))]);
    let levels = bench.levels(&index).await;
    assert_eq!([&levels["higher"], &levels["both"]], [&json!(2), &json!(2)]);
    // Words cannot be compared: whatever is there stands.
    let words = [("w", None, json!({LEVEL: "secret"})), ("m", None, json!({"text": "a"}))];
    let index = bench.filled("allwords", mapped("keyword"), &words).await;
    let (progress, _) = bench.updated(&index, task(Mode::All)).await;
    assert_eq!(progress.updated, 1);
    assert_eq!(bench.levels(&index).await["w"], json!("secret"));
    Outcome::Holds
}

pub async fn somebody_else_always_wins(bench: Arc<Bench>) -> Outcome {
    let documents = plain(200);
    let index = bench.filled("race", json!({}), &borrowed(&documents)).await;
    let mut update = bench.update(&index, task(Mode::Missing), Limits::default()).await;
    // The first step only reads; what happens now is later than what was read.
    let step = update.step().await.unwrap();
    assert_eq!(step.progress.updated, 0);
    let edits: Vec<(String, Value)> = (0..100)
        .map(|number| {
            let level = (number < 50).then_some(if number < 25 { 3 } else { 1 });
            let mut source = json!({"text": format!("edited {number}"), NAMESPACE: "ns"});
            if let Some(level) = level {
                source[LEVEL] = json!(level);
            }
            (format!("d{number}"), source)
        })
        .collect();
    bench.put(&index, &borrowed(&edits)).await;
    for number in 100..110 {
        bench.raw(Method::DELETE, &format!("/{index}/_doc/d{number}"), None).await;
    }
    let added: Vec<(String, Value)> =
        (0..20).map(|number| (format!("new{number}"), json!({"text": "new"}))).collect();
    bench.put(&index, &borrowed(&added)).await;
    let mut listed = Vec::new();
    let progress = loop {
        let step = update.step().await.unwrap();
        listed.extend(step.listed);
        if step.is_done {
            break step.progress;
        }
    };
    update.close().await;
    let (mut kept, mut gone) = (0, 0);
    let mut written = BTreeSet::new();
    for listed in &listed {
        match listed {
            Listed::Updated { id, before, .. } => {
                assert!(before.is_none() && written.insert(id.clone()), "{id}");
            }
            Listed::Already { id, .. } => assert!((25..50).any(|number| *id == format!("d{number}")), "{id}"),
            Listed::Kept { value, .. } => {
                assert_eq!(*value, json!(3));
                kept += 1;
            }
            Listed::Gone { .. } => gone += 1,
            other @ (Listed::Refused { .. } | Listed::Unindexed { .. }) => panic!("{other:?}"),
        }
    }
    assert_eq!((kept, gone, written.len() as u64, listed.len()), (25, 10, progress.updated, 220));
    assert_eq!((progress.kept, progress.gone, progress.already, progress.refused), (25, 10, 25, 0));
    // 90 that nobody touched, 50 whose text was edited, 20 that were added: the last in a second pass.
    assert_eq!((progress.updated, progress.total, progress.pass), (160, 200, 2));
    let all = bench.all(&index).await;
    assert_eq!(all.len(), 210);
    for (id, source) in &edits {
        assert_eq!(all[id]["text"], source["text"]);
    }
    assert_eq!(all["d3"][LEVEL], json!(3));
    assert!(all.values().all(|source| source.get(LEVEL).is_some_and(|level| !level.is_null())));
    Outcome::Holds
}

pub async fn it_goes_on_where_it_was_stopped(bench: Arc<Bench>) -> Outcome {
    let documents = plain(2500);
    let index =
        bench.filled("resume", json!({"settings": {"number_of_shards": 2}}), &borrowed(&documents)).await;
    let limits = Limits { batch_documents: 300, ..Limits::default() };
    let mut done = 0;
    for _ in 0..2 {
        let (writer, fields) = bench.writer(&index, &task(Mode::Missing)).await;
        let mut update = Update::start(writer, task(Mode::Missing), &fields, limits).await.unwrap();
        assert_eq!(update.progress().total, 2500 - done);
        update.step().await.unwrap();
        let step = update.step().await.unwrap();
        assert!(!step.is_done && step.progress.updated > 0);
        done += step.progress.updated;
        // As after `kill -9`: nothing is closed. But searches must see what was done.
        drop(update);
        bench.must(Method::POST, &format!("/{index}/_refresh"), Value::Null).await;
    }
    let (progress, _) = bench.updated(&index, task(Mode::Missing)).await;
    assert_eq!((progress.total, progress.updated), (2500 - done, 2500 - done));
    assert!(bench.levels(&index).await.values().all(|level| *level == json!(1)));
    Outcome::Holds
}

pub async fn an_alias_of_two_indexes(bench: Arc<Bench>) -> Outcome {
    let alias = bench.unique("alias");
    let body = json!({"aliases": {alias.as_str(): {}}});
    let one = bench.filled("one", body.clone(), &[("a", None, json!({"text": "a"}))]).await;
    let two = bench
        .filled("two", body, &[("a", None, json!({"text": "b"})), ("b", None, json!({"text": "c"}))])
        .await;
    let precheck = bench.precheck(&alias, &task(Mode::Missing)).await;
    assert_eq!(codes(&precheck), ["several_indices"]);
    assert_eq!(precheck.indices().collect::<Vec<_>>(), [one.as_str(), two.as_str()]);
    let (progress, _) = bench.updated(&alias, task(Mode::Missing)).await;
    assert_eq!((progress.total, progress.updated), (3, 3));
    for index in [one, two] {
        assert!(bench.levels(&index).await.values().all(|level| *level == json!(1)));
    }
    Outcome::Holds
}

pub async fn a_data_stream(bench: Arc<Bench>) -> Outcome {
    if bench.kind == Distribution::Elasticsearch7 {
        return Outcome::LeftOut("it has no data streams");
    }
    let stream = bench.unique("stream");
    let template = json!({"index_patterns": [format!("{stream}*")], "data_stream": {}, "priority": 500});
    bench.must(Method::PUT, &format!("/_index_template/{stream}"), template).await;
    let mut lines = String::new();
    for number in 0..5 {
        let source = json!({"@timestamp": "2026-11-21T00:00:00Z", "text": number.to_string()});
        lines.push_str(&format!(
            "{}\n{source}\n",
            json!({"create": {"_index": stream, "_id": format!("s{number}")}})
        ));
    }
    let reply = bench.must(Method::POST, "/_bulk?refresh=true", Value::String(lines)).await;
    assert_eq!(reply["errors"], json!(false), "{reply}");
    let (progress, _) = bench.updated(&stream, task(Mode::Missing)).await;
    assert_eq!((progress.total, progress.updated), (5, 5));
    assert!(bench.levels(&stream).await.values().all(|level| *level == json!(1)));
    Outcome::Holds
}

/// A task of the server when it has ended.
async fn watched(server_side: &ServerSide, task: &TaskId) -> ServerSideStatus {
    loop {
        let status = server_side.status(task).await.unwrap();
        if status.is_completed {
            return status;
        }
        tokio::task::yield_now().await;
    }
}

pub async fn the_server_updates_by_itself(bench: Arc<Bench>) -> Outcome {
    let index = bench
        .filled(
            "byquery",
            json!({}),
            &[
                ("missing", None, json!({"text": "a"})),
                ("empty", None, json!({LEVEL: []})),
                ("lower", None, json!({LEVEL: 1})),
                ("higher", None, json!({LEVEL: 3})),
            ],
        )
        .await;
    let connection = bench.connection();
    let (writer, _) = bench.writer(&index, &task(Mode::Missing)).await;
    let reader = bench.reader(&index).await;
    let server_side = ServerSide::new(&connection, &reader, writer.cleared());
    if bench.kind == Distribution::Serverless {
        assert!(server_side.is_err());
        return Outcome::Holds;
    }
    if bench.is_real() && bench.kind == Distribution::Elasticsearch8 {
        return Outcome::LeftOut("Elastic's distribution for tests lacks _update_by_query");
    }
    let server_side = server_side.unwrap();
    let fields = fields(&reader).await;
    for (mode, updated) in [(Mode::Missing, 2), (Mode::All, 1), (Mode::AllOverwriting, 1)] {
        let value = if mode == Mode::Missing { json!(1) } else { json!(2) };
        // Before the second mode there are three documents with 1 and one with 3; of those `lower` alone is raised.
        if mode == Mode::All {
            let back = [("missing", None, json!({LEVEL: 2})), ("empty", None, json!({LEVEL: 2}))];
            bench.put(&index, &back).await;
        }
        let task = task_of(mode, value, Scope::All);
        let id = server_side.start(&task, &fields).await.unwrap();
        let status = watched(&server_side, &id).await;
        assert!(status.failures.is_empty(), "{:?}", status.failures);
        assert_eq!(status.updated, updated, "{mode:?} {status:?}");
        // A run that goes on ends the task from before, which has ended as a rule.
        assert_eq!(server_side.end(&id).await.unwrap(), Some(status));
        bench.must(Method::POST, &format!("/{index}/_refresh"), Value::Null).await;
    }
    assert!(bench.levels(&index).await.values().all(|level| *level == json!(2)));
    // One of a node that is gone.
    assert_eq!(server_side.end(&TaskId::from("oTUltX4IQMOUUVeiohTt8A:123".to_owned())).await.unwrap(), None);
    // What is not indexed is found by the query, and left alone by the script.
    let ignoring = json!({"mappings": {"dynamic": false}});
    let behind = bench.filled("byquerybehind", ignoring, &[("h", None, json!({LEVEL: 3}))]).await;
    let reader = bench.reader(&behind).await;
    MappingEditor::new(&connection, &reader).unwrap().add(&level(), FieldType::Integer).await.unwrap();
    let (writer, fields) = bench.writer(&behind, &task(Mode::Missing)).await;
    let server_side = ServerSide::new(&connection, &reader, writer.cleared()).unwrap();
    let id = server_side.start(&task(Mode::Missing), &fields).await.unwrap();
    let status = watched(&server_side, &id).await;
    assert_eq!((status.total, status.updated, status.noops), (1, 0, 1));
    assert_eq!(bench.levels(&behind).await["h"], json!(3), "law 5");
    Outcome::Holds
}
