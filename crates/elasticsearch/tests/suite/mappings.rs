//! What the pre-check says of a mapping, and what the server then really does.

use std::{collections::BTreeMap, sync::Arc};

use elasticsearch::{
    Error, FieldType, Limits, Listed, MappingEditor, Mode, Precheck, Progress, Query, Scope, Severity, Step,
    Update,
};
use reqwest::Method;
use sandbox::Distribution;
use serde_json::{Value, json};

use super::{
    Outcome,
    bench::{Bench, LEVEL, codes, fields, findings, level, mapped, task, task_of},
};

/// A line for each finding: the words are recorded in the documentation.
fn say(bench: &Bench, what: &str, precheck: &Precheck, then: &str) {
    let about_mappings = findings(precheck);
    if about_mappings.is_empty() {
        println!("precheck | {} | {what} | nothing to say | | {then}", bench.name);
    }
    for finding in about_mappings {
        let (severity, message, remedy) = (finding.severity, &finding.message, &finding.remedy);
        assert!(severity != Severity::Stop || !remedy.is_empty(), "{message}");
        println!("precheck | {} | {what} | {severity:?}: {message} | {remedy} | {then}", bench.name);
    }
}

/// What the server does with a partial update, sent without a pre-check: the status and the type of the error.
async fn forced(bench: &Bench, index: &str) -> (u16, String) {
    let lines =
        format!("{}\n{}\n", json!({"update": {"_index": index, "_id": "d"}}), json!({"doc": {LEVEL: 1}}));
    let reply = bench.must(Method::POST, "/_bulk?refresh=true", Value::String(lines)).await;
    let item = reply.pointer("/items/0/update").unwrap();
    let kind = item.pointer("/error/type").and_then(Value::as_str).unwrap_or_default().to_owned();
    (u16::try_from(item["status"].as_u64().unwrap()).unwrap(), kind)
}

async fn exists(bench: &Bench, index: &str) -> u64 {
    let body = json!({"query": {"exists": {"field": LEVEL}}});
    let reply = bench.must(Method::POST, &format!("/{index}/_count"), body).await;
    reply["count"].as_u64().unwrap()
}

async fn one(bench: &Bench, what: &str, body: Value) -> String {
    bench.filled(what, body, &[("d", None, json!({"text": "a"}))]).await
}

fn parsing(bench: &Bench) -> &'static str {
    match bench.kind {
        Distribution::Elasticsearch8 | Distribution::Serverless => "document_parsing_exception",
        _ => "mapper_parsing_exception",
    }
}

pub async fn every_type_of_field(bench: Arc<Bench>) -> Outcome {
    let parsing = parsing(&bench);
    // A field; what the pre-check says; what the server does; how many documents `exists` finds then.
    type Row<'a> = (&'a str, Value, &'a [&'a str], (u16, &'a str), u64);
    let table: [Row<'_>; 12] = [
        ("long", json!({"type": "long"}), &[], (200, ""), 1),
        ("integer", json!({"type": "integer"}), &[], (200, ""), 1),
        ("byte", json!({"type": "byte"}), &[], (200, ""), 1),
        ("double", json!({"type": "double"}), &[], (200, ""), 1),
        ("keyword", json!({"type": "keyword"}), &["is_text"], (200, ""), 1),
        ("text", json!({"type": "text"}), &["is_text"], (200, ""), 1),
        ("boolean", json!({"type": "boolean"}), &["is_boolean"], (400, parsing), 0),
        ("object", json!({"properties": {"a": {"type": "long"}}}), &["is_object"], (400, parsing), 0),
        ("geopoint", json!({"type": "geo_point"}), &["other_type"], (400, parsing), 0),
        ("date", json!({"type": "date"}), &["is_date"], (200, ""), 1),
        (
            "unindexed",
            json!({"type": "long", "index": false, "doc_values": false}),
            &["not_searchable", "not_searchable"],
            (200, ""),
            0,
        ),
        ("malformed", json!({"type": "long", "ignore_malformed": true}), &["ignore_malformed"], (200, ""), 1),
    ];
    for (what, field, expected, done, found) in table {
        let index = one(&bench, what, json!({"mappings": {"properties": {LEVEL: field}}})).await;
        let precheck = bench.precheck(&index, &task(Mode::Missing)).await;
        assert_eq!(codes(&precheck), expected, "{what}: {:?}", precheck.findings);
        let forced = forced(&bench, &index).await;
        assert_eq!(forced, (done.0, done.1.to_owned()), "{what}");
        assert_eq!(exists(&bench, &index).await, found, "{what}");
        say(&bench, what, &precheck, &format!("{} {}, then found: {found}", done.0, done.1));
    }
    Outcome::Holds
}

pub async fn a_strict_mapping_is_mended(bench: Arc<Bench>) -> Outcome {
    let mapping = json!({"mappings": {"dynamic": "strict", "properties": {"text": {"type": "text"}}}});
    let index = one(&bench, "strict", mapping).await;
    let precheck = bench.precheck(&index, &task(Mode::Missing)).await;
    assert_eq!(codes(&precheck), ["dynamic_strict"]);
    assert!(precheck.is_mended_by_mapping());
    say(
        &bench,
        "dynamic: strict",
        &precheck,
        "400 strict_dynamic_mapping_exception; after adding the field, 200",
    );
    precheck.clear().unwrap_err();
    assert_eq!(forced(&bench, &index).await, (400, "strict_dynamic_mapping_exception".to_owned()));
    let connection = bench.connection();
    let reader = bench.reader(&index).await;
    let editor = MappingEditor::new(&connection, &reader).unwrap();
    editor.add(&level(), FieldType::Integer).await.unwrap();
    let (progress, _) = bench.updated(&index, task(Mode::Missing)).await;
    assert_eq!(progress.updated, 1);
    // A field that is there is not changed into another.
    let error = editor.add(&level(), FieldType::Keyword).await.unwrap_err();
    assert_eq!(error.status(), Some(400), "{error}");
    Outcome::Holds
}

/// The documents of an index that were told of as holding a value that is not indexed.
fn unindexed((progress, steps): &(Progress, Vec<Step>)) -> BTreeMap<String, Value> {
    let listed = steps.iter().flat_map(|step| &step.listed);
    let told: Vec<(String, Value)> = listed
        .filter_map(|listed| match listed {
            Listed::Unindexed { id, value, .. } => Some((id.clone(), value.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(progress.unindexed, told.len() as u64, "each is told of once");
    told.into_iter().collect()
}

pub async fn a_mapping_that_is_added_does_not_index_what_is_there(bench: Arc<Bench>) -> Outcome {
    let documents = [
        ("lower", None, json!({LEVEL: 0})),
        ("equal", None, json!({LEVEL: 1})),
        ("higher", None, json!({LEVEL: 3})),
        ("empty", None, json!({LEVEL: null})),
        ("missing", None, json!({"text": "a"})),
    ];
    let index = bench.filled("behind", json!({"mappings": {"dynamic": false}}), &documents).await;
    assert_eq!(codes(&bench.precheck(&index, &task(Mode::Missing)).await), ["dynamic_false"]);
    let (connection, reader) = (bench.connection(), bench.reader(&index).await);
    MappingEditor::new(&connection, &reader).unwrap().add(&level(), FieldType::Integer).await.unwrap();
    let precheck = bench.precheck(&index, &task(Mode::Missing)).await;
    assert_eq!(codes(&precheck), ["unindexed_values"]);
    say(
        &bench,
        "ignoring, and the field was added",
        &precheck,
        "200, then found; what is not written stays unfound",
    );
    assert_eq!(exists(&bench, &index).await, 0, "what was there is not indexed");

    let only_missing = bench.updated(&index, task(Mode::Missing)).await;
    assert_eq!((only_missing.0.total, only_missing.0.updated), (5, 2));
    let expected = [("equal", json!(1)), ("higher", json!(3)), ("lower", json!(0))];
    assert_eq!(unindexed(&only_missing), expected.map(|(id, level)| (id.to_owned(), level)).into());
    let levels = bench.levels(&index).await;
    assert_eq!([&levels["higher"], &levels["lower"]], [&json!(3), &json!(0)], "law 5");
    assert_eq!([&levels["empty"], &levels["missing"]], [&json!(1), &json!(1)]);
    // A second run has nothing to write, and tells of the same documents.
    let again = bench.updated(&index, task(Mode::Missing)).await;
    assert_eq!((again.0.total, again.0.updated), (3, 0));
    assert_eq!(unindexed(&again), unindexed(&only_missing));

    let raising = bench.updated(&index, task_of(Mode::All, json!(2), Scope::All)).await;
    assert_eq!(raising.0.updated, 4, "all but the higher one");
    assert_eq!(unindexed(&raising), [("higher".to_owned(), json!(3))].into());
    assert_eq!(bench.levels(&index).await["higher"], json!(3), "law 5");
    assert_eq!(exists(&bench, &index).await, 4, "what is written is indexed");
    let overwriting = bench.updated(&index, task_of(Mode::AllOverwriting, json!(2), Scope::All)).await;
    assert_eq!((overwriting.0.updated, unindexed(&overwriting).len()), (1, 0), "somebody said so");
    assert!(bench.levels(&index).await.values().all(|level| *level == json!(2)));
    Outcome::Holds
}

pub async fn fields_that_are_not_searched(bench: Arc<Bench>) -> Outcome {
    for (what, mapping, code) in [
        ("ignoring", json!({"dynamic": false}), "dynamic_false"),
        ("disabled", json!({"enabled": false}), "mapping_disabled"),
    ] {
        let index = one(&bench, what, json!({"mappings": mapping})).await;
        let precheck = bench.precheck(&index, &task(Mode::Missing)).await;
        assert_eq!(codes(&precheck), [code], "{:?}", precheck.findings);
        assert_eq!(forced(&bench, &index).await, (200, String::new()));
        assert_eq!(exists(&bench, &index).await, 0);
        assert_eq!(bench.levels(&index).await["d"], json!(1));
        say(&bench, what, &precheck, "200, then found: 0");
    }
    Outcome::Holds
}

pub async fn a_full_mapping(bench: Arc<Bench>) -> Outcome {
    let settings = json!({"index.mapping.total_fields.limit": 2});
    let full = json!({"properties": {"text": {"type": "text"}, "other": {"type": "long"}}});
    let index = one(&bench, "full", json!({"settings": settings, "mappings": full})).await;
    let precheck = bench.precheck(&index, &task(Mode::Missing)).await;
    assert_eq!(codes(&precheck), ["field_limit"], "{:?}", precheck.findings);
    let (status, kind) = forced(&bench, &index).await;
    assert_eq!(status, 400, "{kind}");
    say(&bench, "as many fields as it may have", &precheck, &format!("400 {kind}"));
    let room = json!({"properties": {"text": {"type": "text"}}});
    let index = one(&bench, "room", json!({"settings": settings, "mappings": room})).await;
    assert!(codes(&bench.precheck(&index, &task(Mode::Missing)).await).is_empty());
    assert_eq!(forced(&bench, &index).await, (200, String::new()));
    Outcome::Holds
}

pub async fn a_source_that_is_not_kept(bench: Arc<Bench>) -> Outcome {
    let off = json!({"mappings": {"_source": {"enabled": false}}});
    let index = one(&bench, "sourceless", off).await;
    let precheck = bench.precheck(&index, &task(Mode::Missing)).await;
    assert_eq!(codes(&precheck), ["source_disabled"]);
    assert_eq!(forced(&bench, &index).await, (400, "document_source_missing_exception".to_owned()));
    say(&bench, "_source off", &precheck, "400 document_source_missing_exception");
    let part = json!({"mappings": {"_source": {"excludes": ["secret"]}}});
    let index = one(&bench, "partial", part).await;
    let precheck = bench.precheck(&index, &task(Mode::Missing)).await;
    assert_eq!(codes(&precheck), ["source_partial"]);
    say(&bench, "_source without some fields", &precheck, "not tried");
    Outcome::Holds
}

async fn set(bench: &Bench, index: &str, setting: &str, value: Value) {
    bench.must(Method::PUT, &format!("/{index}/_settings"), json!({setting: value})).await;
}

pub async fn every_block(bench: Arc<Bench>) -> Outcome {
    for (setting, code) in [
        ("index.blocks.write", "block_write"),
        ("index.blocks.read_only", "block_read_only"),
        ("index.blocks.read_only_allow_delete", "block_disk"),
    ] {
        let index = one(&bench, "block", json!({})).await;
        let (writer, fields) = bench.writer(&index, &task(Mode::Missing)).await;
        set(&bench, &index, setting, json!(true)).await;
        let precheck = bench.precheck(&index, &task(Mode::Missing)).await;
        assert_eq!(codes(&precheck), [code], "{setting}");
        // It comes after the pre-check: the update stops, whatever the status of the block.
        let update = Update::start(writer, task(Mode::Missing), &fields, Limits::default()).await.unwrap();
        let error = update.run(|_| true).await.unwrap_err();
        assert!(matches!(error, Error::Blocked { .. }), "{setting}: {error}");
        say(&bench, setting, &precheck, &format!("the update stops: {error}"));
        set(&bench, &index, setting, Value::Null).await;
        let (progress, _) = bench.updated(&index, task(Mode::Missing)).await;
        assert_eq!(progress.updated, 1, "{setting}");
    }
    // Blocks of reading: nothing can be said, and that is an error and not a number.
    let index = one(&bench, "metadata", json!({})).await;
    let reader = bench.reader(&index).await;
    let fields = fields(&reader).await;
    set(&bench, &index, "index.blocks.metadata", json!(true)).await;
    let error = reader.precheck(&task(Mode::Missing), &fields).await.unwrap_err();
    assert!(matches!(error, Error::Blocked { .. }), "{error}");
    set(&bench, &index, "index.blocks.metadata", Value::Null).await;
    set(&bench, &index, "index.blocks.read", json!(true)).await;
    let error = reader.count(&Query::all()).await.unwrap_err();
    assert!(matches!(error, Error::Blocked { .. }), "{error}");
    set(&bench, &index, "index.blocks.read", Value::Null).await;
    bench.must(Method::POST, &format!("/{index}/_close"), Value::Null).await;
    let error = reader.count(&Query::all()).await.unwrap_err();
    assert!(error.to_string().contains("closed"), "{error}");
    Outcome::Holds
}

pub async fn values_that_exists_does_not_see(bench: Arc<Bench>) -> Outcome {
    let mapping = json!({"mappings": {"properties": {LEVEL: {"type": "long", "ignore_malformed": true}}}});
    let documents = [("hidden", None, json!({LEVEL: "secret"})), ("missing", None, json!({"text": "a"}))];
    let index = bench.filled("hidden", mapping, &documents).await;
    assert_eq!(exists(&bench, &index).await, 0);
    let (progress, _) = bench.updated(&index, task(Mode::Missing)).await;
    assert_eq!((progress.total, progress.updated), (1, 1));
    assert_eq!(bench.levels(&index).await["hidden"], json!("secret"));
    let (progress, _) = bench.updated(&index, task(Mode::All)).await;
    assert_eq!(progress.total, 0);
    // A text too long for its keyword field is not listed by OpenSearch, so that it is counted as missing there; it is
    // read and left alone all the same.
    let mut mapping = mapped("keyword");
    mapping["mappings"]["properties"][LEVEL]["ignore_above"] = json!(5);
    let index =
        bench.filled("toolong", mapping, &[("hidden", None, json!({LEVEL: "too long a level"}))]).await;
    let reader = bench.reader(&index).await;
    let fields = fields(&reader).await;
    let preview = reader.preview(&task(Mode::Missing), &fields).await.unwrap();
    let is_opensearch = matches!(bench.kind, Distribution::OpenSearch2 | Distribution::OpenSearch3);
    assert_eq!(preview.missing, u64::from(is_opensearch));
    let updated = bench.updated(&index, task_of(Mode::Missing, json!("a"), Scope::All)).await;
    assert_eq!((updated.0.updated, unindexed(&updated).len()), (0, usize::from(is_opensearch)));
    Outcome::Holds
}
