//! One record on all sides.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::time::Duration;

use pinecone::Namespace;
use protocol::{ChangeKind, Reading, RecordView, ValueKind};
use sandbox::{Body, Effect, Endpoint, Fault, NewRecord, Options, SearchDocument, Sparse};
use serde_json::{Value, json};
use server::{
    config::{Sources, load},
    connections::Connections,
    records,
};
use support::{Finished, KEY, World, finish};
use tokio::process::Command;

const NAMESPACE: &str = "articles";
const INDEX: &str = "text-search-v0";

async fn world() -> World {
    World::with(Options::default()).await
}

fn put(world: &World, index: &str, id: &str, metadata: &Value) {
    let record = NewRecord {
        id: id.to_owned(),
        metadata: metadata.as_object().unwrap().clone(),
        ..NewRecord::default()
    };
    world.state().put(index, NAMESPACE, vec![record]).unwrap();
}

fn put_document(world: &World, id: &str, source: &Value) {
    let source = source.as_object().unwrap().clone();
    let document = SearchDocument { id: id.to_owned(), routing: None, source };
    world.state().put_search_documents(INDEX, vec![document]).unwrap();
}

fn command(world: &World, id: &str) -> Command {
    let mut command = world.command("record");
    command.args([NAMESPACE, "--", id]);
    command
}

fn searching(world: &World, id: &str) -> Command {
    let mut command = command(world, id);
    command
        .env("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url())
        .env("ELASTICSEARCH_API_KEY", KEY);
    command
}

async fn json(mut command: Command, code: i32) -> RecordView {
    command.env("RUST_LOG", "trace");
    let mut with_json = Command::new(command.as_std().get_program());
    with_json.arg("--json").args(command.as_std().get_args()).env_clear().stdin(std::process::Stdio::null());
    for (name, value) in command.as_std().get_envs() {
        with_json.env(name, value.unwrap());
    }
    let shown = silent(finish(with_json).await).expect(code);
    serde_json::from_str(&shown.stdout).unwrap()
}

/// Whatever is printed holds no key.
fn silent(finished: Finished) -> Finished {
    assert!(!finished.stdout.contains(KEY) && !finished.stderr.contains(KEY), "the key is shown");
    finished
}

#[tokio::test(flavor = "multi_thread")]
async fn three_sides_stand_beside_each_other() {
    let world = world().await;
    let long = "ä".repeat(2_500);
    let sparse = Sparse { indices: vec![1, 7], values: vec![0.5, 0.25] };
    let record = NewRecord {
        id: "one".to_owned(),
        values: None,
        sparse_values: Some(sparse),
        metadata: json!({"text": long, "title": "New", "pages": 3, "tags": ["a", "b"], "clearance_level": 2})
            .as_object()
            .unwrap()
            .clone(),
    };
    world.state().put("source", NAMESPACE, vec![record]).unwrap();
    let target =
        json!({"text": long, "title": "Old", "gone": true, "tags": ["a", "b"], "clearance_level": 1});
    put(&world, "target", "one", &target);
    put_document(
        &world,
        "one",
        &json!({"pinecone_namespace": NAMESPACE, "title": "New", "meta": {"a": null}}),
    );

    let view = json(searching(&world, "one"), 1).await;
    assert_eq!((view.namespace.as_str(), view.id.as_str()), (NAMESPACE, "one"));
    let (Reading::Known(Some(source)), Reading::Known(Some(target))) = (&view.source, &view.target) else {
        panic!("{view:?}")
    };
    assert_eq!((source.sparse_values, target.sparse_values), (2, 0));
    assert_eq!((source.text_characters, target.text_characters), (Some(2_500), Some(2_500)));
    let (old, new) = (source.vector.as_ref().unwrap(), target.vector.as_ref().unwrap());
    assert_eq!((old.dimensions, old.points.len()), (1_536, 96));
    assert_eq!((new.dimensions, new.points.len()), (3_072, 96));
    assert!((new.norm - 1.0).abs() < 1e-3, "{}", new.norm);
    let Some(Reading::Known(Some(document))) = &view.document else { panic!("{view:?}") };
    assert_eq!((document.index.as_str(), document.id.as_str()), (INDEX, "one"));

    let rows: Vec<_> = view.keys.iter().map(|key| (key.key.as_str(), key.change)).collect();
    let expected = [
        ("clearance_level", None),
        ("gone", Some(ChangeKind::Removed)),
        ("pages", Some(ChangeKind::Added)),
        ("tags", None),
        ("text", None),
        ("title", Some(ChangeKind::Changed)),
        ("meta", None),
        ("pinecone_namespace", None),
    ];
    assert_eq!(rows, expected);
    assert!(view.keys[0].is_added_key);
    let text = view.keys[4].source.as_ref().unwrap();
    assert_eq!((text.kind, text.text.chars().count(), text.cut), (ValueKind::String, 2_000, 502));
    assert_eq!(view.keys[6].document.as_ref().unwrap().kind, ValueKind::Object);

    let table = silent(finish(searching(&world, "one")).await).expect(1).stdout;
    for part in ["gflops-serverless", "askdona", INDEX, "~", "clearance_level (added)", "3 keys differ"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(table.lines().all(|line| line.chars().count() < 200), "{table}");
    assert_eq!(world.writes_and_payments(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_id_that_there_can_be_is_found_and_no_other() {
    let world = world().await;
    let longest = "x".repeat(512);
    let ids = [
        &longest,
        "../../etc/passwd",
        "a b  c ",
        "a%2fb?x=1&ids=y#z",
        "--all",
        "'quoted' \"twice\"",
        "y",
        "tab\tand\u{1b}[2J",
    ];
    for id in ids {
        for side in ["source", "target"] {
            put(&world, side, id, &json!({"text": "t", "own": id}));
        }
        put_document(&world, id, &json!({"pinecone_namespace": NAMESPACE, "own": id}));
    }
    for id in ids {
        let view = json(searching(&world, id), 0).await;
        assert_eq!(view.id, id);
        let own = view.keys.iter().find(|key| key.key == "own").unwrap();
        let expected = Some(json!(id).to_string());
        for side in [&own.source, &own.target, &own.document] {
            assert_eq!(side.as_ref().map(|value| value.text.clone()), expected, "{id}");
        }
        let shown = finish(command(&world, id)).await.expect(0);
        assert!(!shown.stdout.contains('\u{1b}'), "{:?}", shown.stdout);
    }
    let impossible = [("", "the id is empty"), ("größe", "ASCII"), (&"x".repeat(513), "513 bytes")];
    for (id, why) in impossible {
        let refused = finish(command(&world, id)).await.expect(2);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_says_what_a_mirror_would_do() {
    let world = world().await;
    put(&world, "source", "new", &json!({"text": "t"}));
    put(&world, "target", "orphan", &json!({"text": "t"}));
    let new = finish(command(&world, "new")).await.expect(1);
    assert!(new.stdout.contains("In the source only: a mirror migrates it."), "{}", new.stdout);
    put(&world, "source", "textless", &json!({"text": " ", "n": 1}));
    let textless = finish(command(&world, "textless")).await.expect(1);
    assert!(textless.stdout.contains("Not mirrored: there is no text to embed."), "{}", textless.stdout);
    assert!(!textless.stdout.contains("migrates"), "{}", textless.stdout);
    let orphan = finish(command(&world, "orphan")).await.expect(1);
    assert!(orphan.stdout.contains("In the target only"), "{}", orphan.stdout);
    let nowhere = finish(command(&world, "nowhere")).await.expect(2);
    assert!(nowhere.stdout.contains("In neither index"), "{}", nowhere.stdout);
    let view = json(searching(&world, "new"), 4).await;
    // There is no such search index: that side alone is unknown.
    assert!(matches!(&view.document, Some(Reading::Unknown(reason)) if reason.contains(INDEX)), "{view:?}");
    assert_eq!(view.target, Reading::Known(None));
    let keyless = finish(support::bare(world.path(), "record a b")).await.expect(2);
    assert!(keyless.stderr.contains("PINECONE_API_KEY is not set"), "{}", keyless.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_fails_or_is_silent_is_unknown_by_itself() {
    let world = world().await;
    for side in ["source", "target"] {
        put(&world, side, "one", &json!({"text": "t", "n": 1}));
    }
    let refused = Effect::Status { code: 403, body: Body::Json, retry_after: None, message: None };
    world.state().add_fault(Fault::always(Endpoint::Fetch, refused).at("target"));
    let view = json(command(&world, "one"), 4).await;
    assert!(matches!(&view.target, Reading::Unknown(reason) if reason.contains("403")), "{view:?}");
    assert!(view.source.known().is_some_and(Option::is_some));
    assert!(view.keys.iter().all(|key| key.change.is_none() && key.target.is_none()));
    let shown = finish(command(&world, "one")).await.expect(4);
    assert!(shown.stdout.contains("unknown") && shown.stdout.contains("number 1"), "{}", shown.stdout);
    assert!(shown.stderr.contains("askdona could not be read"), "{}", shown.stderr);

    world.state().clear_faults();
    world.state().add_fault(Fault::always(Endpoint::Fetch, Effect::Hang).at("source"));
    let environment = [
        ("PINECONE_API_KEY", KEY.to_owned()),
        ("PINECONE_CONTROLLER_HOST", world.sandbox.url()),
        ("HOME", world.path().display().to_string()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    let sources = Sources { environment, directory: world.path().to_path_buf(), ..Sources::default() };
    let connections = Connections::new(load(&sources).unwrap());
    let namespace = Namespace::parse(NAMESPACE).unwrap();
    // What answers, answers at once; the patience is for the silent side alone.
    let view = records::read(&connections, &namespace, "one", Duration::from_secs(3)).await;
    assert!(matches!(&view.source, Reading::Unknown(reason) if reason.contains("no answer")), "{view:?}");
    assert!(view.target.known().is_some_and(Option::is_some), "{view:?}");
    assert_eq!(view.document, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_may_have_an_id_of_its_own() {
    let world = world().await;
    put(&world, "source", "r1", &json!({"text": "t"}));
    put(&world, "target", "r1", &json!({"text": "t"}));
    put_document(&world, "x1", &json!({"pinecone_namespace": "others", "record_id": "r1", "of": "others"}));
    put_document(
        &world,
        "x2",
        &json!({"pinecone_namespace": NAMESPACE, "record_id": "r1", "of": "articles"}),
    );
    put_document(&world, "r1", &json!({"pinecone_namespace": NAMESPACE, "record_id": "r2", "of": "r2"}));
    let mut command = searching(&world, "r1");
    command.env("ELASTICSEARCH_ID_FIELD", "record_id");
    let view = json(command, 0).await;
    let Some(Reading::Known(Some(document))) = &view.document else { panic!("{view:?}") };
    assert_eq!(document.id, "x2");
    let of = view.keys.iter().find(|key| key.key == "of").unwrap();
    assert_eq!(of.document.as_ref().unwrap().text, "\"articles\"");
    let by_id = json(searching(&world, "r1"), 0).await;
    assert_eq!(by_id.document.unwrap().known().unwrap().as_ref().unwrap().id, "r1");
}
