//! `tain elasticsearch` against the sandbox's Elasticsearch.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Event, Reading, RunState};
use sandbox::{Body, Effect, ElasticsearchOptions, Endpoint, Fault, Options, SearchDocument, When};
use serde_json::{Value, json};
use support::{Finished, KEY, Running, SAMPLE, World, bare, eventually, finish, get, with_site};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

const INDEX: &str = "text-search-v0";
const FIELD: &str = "clearance_level";

async fn world() -> World {
    let elasticsearch =
        ElasticsearchOptions { api_key: Some(KEY.to_owned()), ..ElasticsearchOptions::default() };
    World::with(Options { sample: true, elasticsearch, ..Options::default() }).await
}

/// The binary with the sandbox's search index beside its two indexes.
fn command(world: &World, arguments: &str) -> Command {
    let mut command = world.command(arguments);
    command
        .env("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url())
        .env("ELASTICSEARCH_API_KEY", KEY);
    command
}

async fn run(world: &World, arguments: &str) -> Finished {
    finish(command(world, arguments)).await
}

/// The level of every document by namespace and id; `None` for those without.
fn levels(world: &World) -> BTreeMap<(String, String), Option<Value>> {
    let documents = world.state().search_documents(INDEX).into_iter();
    let level = |document: SearchDocument| {
        let namespace = document.source.get("pinecone_namespace").and_then(Value::as_str);
        ((namespace.unwrap_or("(without)").to_owned(), document.id), document.source.get(FIELD).cloned())
    };
    documents.map(level).collect()
}

fn writes(world: &World) -> u64 {
    let calls = |endpoint| world.state().calls("elasticsearch", endpoint).unwrap().requests;
    calls(Endpoint::Bulk) + calls(Endpoint::UpdateByQuery)
}

fn objects(finished: &Finished) -> Vec<Value> {
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Makes an index with a mapping, as a user who may do everything.
async fn make_index(world: &World, name: &str, mapping: &Value) {
    let url = world.sandbox.elasticsearch_url();
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let body = json!({"mappings": mapping}).to_string();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "PUT /{name} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// An index that takes no new fields, with three documents in it.
async fn strict(world: &World) {
    let mapping = json!({
        "dynamic": "strict",
        "properties": {"pinecone_namespace": {"type": "keyword"}, "text": {"type": "text"}},
    });
    make_index(world, "strict", &mapping).await;
    let document = |id: &str| {
        let source = json!({"pinecone_namespace": "a", "text": "something"});
        SearchDocument { id: id.to_owned(), routing: None, source: source.as_object().unwrap().clone() }
    };
    world.state().put_search_documents("strict", ["1", "2", "3"].map(document).into()).unwrap();
}

const COMMANDS: [&str; 9] = [
    "elasticsearch status",
    "elasticsearch namespaces",
    "elasticsearch documents help-centre --without",
    "elasticsearch preview help-centre",
    "elasticsearch update help-centre",
    "elasticsearch update --all-namespaces --dry-run",
    "elasticsearch add-mapping",
    "elasticsearch check help-centre",
    "mirror help-centre --elasticsearch",
];

#[tokio::test]
async fn what_needs_the_search_index_says_which_variable_to_set() {
    let world = world().await;
    for arguments in COMMANDS {
        let refused = finish(world.command(arguments)).await.expect(2);
        assert!(refused.stderr.contains("ELASTICSEARCH_ENDPOINT is not set"), "{}", refused.stderr);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    }
    // Documents are updated without any key of the other services.
    let mut alone = bare(world.path(), "es update help-centre --json");
    alone.env("ELASTICSEARCH_URL", world.sandbox.elasticsearch_url()).env("ELASTICSEARCH_API_KEY", KEY);
    finish(alone).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_index_is_shown() {
    let world = world().await;
    let total = world.state().search_documents(INDEX).len() as u64;
    let shown = run(&world, "elasticsearch status --json").await.expect(0);
    let view: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(view["server"]["known"], "Elasticsearch 8.19.21");
    assert_eq!(view["identity"]["known"], "sandbox");
    assert_eq!(view["numbers"]["known"]["documents"], total);
    assert_eq!(view["precheck"]["known"]["findings"], json!([]));
    let words = run(&world, "es status").await.expect(0);
    assert!(words.stdout.contains("Documents can be updated."), "{}", words.stdout);
    assert!(words.stdout.contains("clearance_level = 1"), "{}", words.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_namespace_is_counted() {
    let world = world().await;
    let levels = levels(&world);
    let shown = run(&world, "elasticsearch namespaces --json").await.expect(0);
    let rows = objects(&shown);
    let total = rows.iter().find(|row| row["kind"] == "total").unwrap();
    assert_eq!(total["documents"], levels.len() as u64);
    let without = levels.values().filter(|level| level.is_none()).count() as u64;
    assert_eq!(total["without"], without);
    for row in rows.iter().filter(|row| row["kind"] == "namespace") {
        let name = row["namespace"].as_str().unwrap();
        let documents = levels.keys().filter(|(namespace, _)| namespace == name).count() as u64;
        assert_eq!(row["documents"], documents, "{name}");
    }
    let table = run(&world, "elasticsearch namespaces").await.expect(0);
    assert!(table.stdout.contains(SAMPLE) && table.stdout.contains("(all)"), "{}", table.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_and_a_dry_run_write_nothing() {
    let world = world().await;
    let before = levels(&world);
    let lacking = |before: &BTreeMap<(String, String), Option<Value>>| {
        before.iter().filter(|((name, _), level)| name == SAMPLE && level.is_none()).count() as u64
    };
    let shown = run(&world, &format!("elasticsearch preview {SAMPLE} --json")).await.expect(0);
    let preview: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(preview["numbers"]["to_update"], lacking(&before));
    assert_eq!(preview["samples"].as_array().unwrap().len(), 5);
    assert!(!shown.stdout.contains("\"vector\""), "a vector is shown");
    let words = run(&world, &format!("elasticsearch preview {SAMPLE} --mode all --value 2")).await.expect(0);
    assert!(words.stdout.contains("with a higher one"), "{}", words.stdout);

    let dry = run(&world, &format!("elasticsearch update {SAMPLE} --dry-run --json")).await.expect(0).view();
    assert_eq!(dry.progress.counts.documents.to_update, lacking(&before));
    assert_eq!(writes(&world), 0);
    assert_eq!(levels(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_lack_the_field_get_it_and_no_others() {
    let world = world().await;
    let before = levels(&world);
    let view = run(&world, &format!("elasticsearch update {SAMPLE} --json")).await.expect(0).view();
    let counts = view.progress.counts.documents;
    let after = levels(&world);
    let mut written = 0;
    for (key, level) in &before {
        let expected = if key.0 == SAMPLE && level.is_none() { Some(json!(1)) } else { level.clone() };
        written += u64::from(expected != *level);
        assert_eq!(after[key], expected, "{key:?}");
    }
    assert_eq!((view.state, counts.updated, counts.failed), (RunState::Done, written, 0));
    let verified = view.documents.unwrap();
    assert!(verified.confirmed && verified.remaining == Reading::Known(0), "{verified:?}");

    let again = run(&world, &format!("elasticsearch update {SAMPLE}")).await.expect(0);
    assert!(
        again.stdout.contains("documents in scope") && again.stdout.contains("Done."),
        "{}",
        again.stdout
    );
    let bulk = world.state().calls("elasticsearch", Endpoint::Bulk).unwrap().items;
    assert_eq!(bulk, written, "the second run writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_with_a_namespace_too_long_to_match_are_a_scope_of_their_own() {
    let world = world().await;
    let look = objects(&run(&world, "elasticsearch namespaces --json").await.expect(0));
    let counted = look.iter().find(|row| row["kind"] == "namespace_too_long").unwrap();
    assert_eq!((&counted["documents"], &counted["without"]), (&json!(3), &json!(3)));
    let before = levels(&world);
    let is_long = |namespace: &str| namespace.starts_with("import of ");
    let shown = run(&world, "elasticsearch preview --namespace-too-long --json").await.expect(0);
    let preview: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(preview["numbers"]["documents"], 3, "{}", shown.stdout);

    let view = run(&world, "elasticsearch update --namespace-too-long --json").await.expect(0).view();
    assert_eq!((view.state, view.progress.counts.documents.updated), (RunState::Done, 3));
    assert!(view.documents.unwrap().confirmed);
    for (key, level) in levels(&world) {
        let expected = if is_long(&key.0) { Some(json!(1)) } else { before[&key].clone() };
        assert_eq!(level, expected, "{key:?}");
    }
    let refused = run(&world, "elasticsearch update --namespace-too-long --all-namespaces").await.expect(2);
    assert!(refused.stderr.contains("cannot be used with"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_higher_level_stands_unless_it_is_overwritten() {
    let world = world().await;
    let before = levels(&world);
    let refused = run(&world, "elasticsearch update --all-namespaces --overwrite").await.expect(2);
    assert!(refused.stderr.contains("--mode all"), "{}", refused.stderr);
    run(&world, "elasticsearch update --all-namespaces --mode all --json").await.expect(0);
    for (key, level) in levels(&world) {
        let held = before[&key].clone().unwrap_or_default().as_i64().unwrap_or(1);
        assert_eq!(level, Some(json!(held.max(1))), "{key:?}");
    }
    run(&world, "elasticsearch update --all-namespaces --mode all --overwrite --json").await.expect(0);
    assert!(levels(&world).values().all(|level| *level == Some(json!(1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_field_and_value_can_be_written_by_the_server_itself() {
    let world = world().await;
    let arguments = "elasticsearch update --all-namespaces --field=tier --value=7 --server-side --json";
    // The key of the sandbox may not stop a task; a user may.
    let refused = run(&world, arguments).await.expect(4);
    let error = refused.view().error.unwrap_or_default();
    assert!(error.contains("the key lacks `manage` on the cluster"), "{error}");
    assert!(
        world.state().search_documents(INDEX).iter().all(|document| !document.source.contains_key("tier"))
    );
    let mut command = command(&world, arguments);
    command
        .env_remove("ELASTICSEARCH_API_KEY")
        .env("ELASTICSEARCH_USERNAME", "admin")
        .env("ELASTICSEARCH_PASSWORD", "admin");
    let view = finish(command).await.expect(0).view();
    let documents = world.state().search_documents(INDEX);
    assert_eq!(view.progress.counts.documents.updated, documents.len() as u64);
    assert!(documents.iter().all(|document| document.source["tier"] == 7));
    for wrong in ["--field a.b", "--value gold", "--value [1]"] {
        let refused = run(&world, &format!("elasticsearch update --all-namespaces {wrong}")).await.expect(2);
        assert!(refused.stderr.starts_with("error: "), "{}", refused.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_silent_server_are_told_from_an_empty_index() {
    let world = world().await;
    for arguments in &COMMANDS[..5] {
        let mut command = command(&world, arguments);
        command.env("ELASTICSEARCH_API_KEY", "some:other-key");
        let refused = finish(command).await.expect(4);
        assert!(refused.stderr.contains("401"), "{arguments}: {}", refused.stderr);
        assert!(!refused.stderr.contains("other-key"), "{}", refused.stderr);
    }
    world
        .state()
        .add_fault(Fault::always(Endpoint::Search, Effect::FailedShards { count: 1 }).at("elasticsearch"));
    let partial = run(&world, "elasticsearch namespaces").await.expect(4);
    assert!(partial.stdout.is_empty(), "{}", partial.stdout);
    let partial = run(&world, "elasticsearch status --json").await.expect(4);
    let view: Value = serde_json::from_str(&partial.stdout).unwrap();
    assert!(view["numbers"]["unknown"].is_string() && view["server"]["known"].is_string(), "{view}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_not_there_is_never_made() {
    let world = world().await;
    let indices = world.state().search_indices();
    for arguments in COMMANDS {
        let mut command = command(&world, arguments);
        command.env("ELASTICSEARCH_INDEX", "text-serach-v0");
        let refused = finish(command).await.expect(2);
        assert!(refused.stderr.contains("text-serach-v0"), "{arguments}: {}", refused.stderr);
    }
    let mut command = command(&world, "elasticsearch status");
    command.env("ELASTICSEARCH_INDEX", "text-serach-v0");
    let refused = finish(command).await.expect(2);
    assert!(refused.stderr.contains(INDEX), "the right name is not told: {}", refused.stderr);
    assert_eq!(world.state().search_indices(), indices);
    assert_eq!(writes(&world), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_mapping_stops_an_update_before_it_writes_and_can_be_mended() {
    let world = world().await;
    strict(&world).await;
    let on = |arguments: &str| {
        let mut command = command(&world, arguments);
        command.env("ELASTICSEARCH_INDEX", "strict");
        command
    };
    let preview = finish(on("elasticsearch preview a")).await.expect(2);
    assert!(preview.stdout.contains("stop") && preview.stdout.contains("add-mapping"), "{}", preview.stdout);
    for arguments in
        ["elasticsearch update a", "elasticsearch update a --dry-run", "mirror help-centre --elasticsearch"]
    {
        let refused = finish(on(arguments)).await.expect(2);
        assert!(refused.stderr.contains("strict"), "{arguments}: {}", refused.stderr);
    }
    assert_eq!((writes(&world), world.writes_and_payments()), (0, (0, 0)));

    let forbidden = finish(on("elasticsearch add-mapping")).await.expect(4);
    assert!(forbidden.stderr.contains("403"), "{}", forbidden.stderr);
    let mut mend = on("elasticsearch add-mapping --json");
    mend.env_remove("ELASTICSEARCH_API_KEY")
        .env("ELASTICSEARCH_USERNAME", "admin")
        .env("ELASTICSEARCH_PASSWORD", "admin");
    let mended = finish(mend).await.expect(0);
    assert!(mended.stdout.contains("as integer"), "{}", mended.stdout);
    finish(on("elasticsearch update a --json")).await.expect(0);
    let documents = world.state().search_documents("strict");
    assert!(documents.iter().all(|document| document.source[FIELD] == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_documents_are_told_and_can_be_tried_again() {
    let world = world().await;
    let refuse = Effect::BulkItems { code: 400, error: None, count: 3 };
    world.state().add_fault(Fault::always(Endpoint::Bulk, refuse).at("elasticsearch").when(When::Nth(1)));
    let words = run(&world, &format!("elasticsearch update {SAMPLE}")).await.expect(3);
    assert!(words.stdout.contains("3 documents failed"), "{}", words.stdout);
    let retry = words.stdout.lines().find_map(|line| line.split_once("tain runs retry ")).unwrap().1;
    let again = run(&world, &format!("runs retry {retry} --json")).await.expect(0).view();
    assert_eq!(again.progress.counts.documents.updated, 3);
    let lacking = levels(&world).into_iter().filter(|((name, _), level)| name == SAMPLE && level.is_none());
    assert_eq!(lacking.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_can_end_with_the_documents_and_the_levels_be_compared() {
    let world = world().await;
    let mirror = run(&world, &format!("mirror {SAMPLE} --elasticsearch --json")).await.expect(0).view();
    assert!(mirror.progress.counts.migrated > 0 && mirror.progress.counts.documents.updated > 0);
    assert!(mirror.documents.unwrap().confirmed);
    let others = levels(&world).into_iter().filter(|((name, _), _)| name != SAMPLE);
    assert!(others.into_iter().any(|(_, level)| level.is_none()), "another namespace was written to");

    // Some documents of the sample hold a higher level than their record.
    let check = run(&world, &format!("elasticsearch check {SAMPLE}")).await.expect(1);
    assert!(check.stdout.contains("different"), "{}", check.stdout);
    run(&world, &format!("elasticsearch update {SAMPLE} --mode all --overwrite --json")).await.expect(0);
    let check = run(&world, &format!("es check {SAMPLE} --json")).await;
    let counts = check.view().progress.counts;
    assert!(counts.in_sync > 0, "{counts:?}");
    let expected = i32::from(counts.changed + counts.missing > 0);
    assert_eq!(check.code, Some(expected), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_ever_printed() {
    let world = world().await;
    let echo = Effect::Status {
        code: 403,
        body: Body::Text,
        retry_after: None,
        message: Some(format!("invalid key {KEY}")),
    };
    let fault = Fault::always(Endpoint::Count, echo).at("elasticsearch").when(When::Nth(3));
    world.state().add_fault(fault);
    for arguments in COMMANDS.into_iter().chain(["config", "config check"]) {
        for format in ["text", "json"] {
            let mut command = command(&world, arguments);
            command.env("RUST_LOG", "trace").env("TAIN_LOG_FORMAT", format);
            let printed = finish(command).await;
            for output in [&printed.stdout, &printed.stderr] {
                assert!(!output.contains(&KEY[4..]), "{arguments} shows the key");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_live_updates_never_write_the_documents_of_one_index() {
    let world = world().await;
    world
        .state()
        .add_fault(Fault::always(Endpoint::Bulk, Effect::Hang).at("elasticsearch").when(When::Nth(1)));
    let mut first = Running::start(command(&world, "es update help-centre --json"));
    let started = first.until("\"event\":\"started\"").await;
    let started: Event = serde_json::from_str(&started).unwrap();
    eventually(|| writes(&world) == 1).await;

    // Whatever they ask for, they might meet in one document (law 12).
    for arguments in
        ["es update help-centre", "es update --all-namespaces", "mirror release-notes --elasticsearch"]
    {
        let second = run(&world, arguments).await.expect(2);
        for part in [&started.run.0, &format!("process {}", first.pid()), INDEX] {
            assert!(second.stderr.contains(part), "{arguments}: {part} is not in {}", second.stderr);
        }
    }
    assert_eq!(writes(&world), 1);
    // What only reads needs no lock, nor does a mirror that leaves the documents alone.
    run(&world, "es update --all-namespaces --dry-run").await.expect(0);
    run(&world, "mirror release-notes").await.expect(0);

    // The holder's death frees it, and the next run does the rest.
    first.child.kill().await.unwrap();
    run(&world, "es update --all-namespaces").await.expect(0);
    assert!(levels(&world).values().all(Option::is_some));
}

/// The app in front of the sandbox, and where it is.
async fn serve(world: &World) -> (Running, String) {
    let mut command = command(world, "serve --listen 127.0.0.1:0 --json");
    with_site(&mut command, world.path());
    let mut server = Running::start(command);
    let line: Value = serde_json::from_str(&server.until("\"app\"").await).unwrap();
    (server, line["app"].as_str().unwrap().to_owned())
}

/// Documents of a namespace of their own, without a level or with this one.
fn put_many(world: &World, ids: impl Iterator<Item = usize>, level: Option<i64>) {
    let document = |number: usize| {
        let mut source = json!({"pinecone_namespace": "many", "text": "something"});
        if let Some(level) = level {
            source[FIELD] = json!(level);
        }
        SearchDocument {
            id: format!("many-{number:04}"),
            routing: None,
            source: source.as_object().unwrap().clone(),
        }
    };
    world.state().put_search_documents(INDEX, ids.map(document).collect()).unwrap();
}

fn many(numbers: impl Iterator<Item = usize>) -> BTreeSet<String> {
    numbers.map(|number| format!("many-{number:04}")).collect()
}

/// The documents that a page names.
fn named(page: &str) -> BTreeSet<String> {
    let rest =
        page.match_indices("many-").map(|(at, _)| page[at..].chars().take("many-0000".len()).collect());
    rest.filter(|id: &String| id[5..].chars().all(|c| c.is_ascii_digit())).collect()
}

/// Where the link to the next page leads.
fn next_page(page: &str) -> Option<String> {
    let link = page.split("<a ").find(|link| link.contains("rel=\"next\""))?;
    let href = link.split_once("href=\"")?.1.split_once('"')?.0;
    Some(href.replace("&amp;", "&"))
}

/// The body of an answer that comes in chunks; `None` where it was broken off.
fn whole(answer: &str) -> Option<String> {
    let (head, mut rest) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("chunked"), "{head}");
    let mut body = String::new();
    loop {
        let (length, chunk) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(chunk.get(..length)?);
        rest = chunk.get(length..)?.strip_prefix("\r\n")?;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_behind_a_count_are_turned_page_by_page() {
    let world = world().await;
    put_many(&world, 0..246, None);
    let (server, app) = serve(&world).await;
    let mut address = Some("/elasticsearch/documents?scope=some&namespaces=many&holding=nothing".to_owned());
    let mut seen: Vec<BTreeSet<String>> = Vec::new();
    while let Some(here) = address {
        let page = get(&app, &here).await;
        assert!(
            page.contains("246 documents without clearance_level"),
            "the number is that of the first page"
        );
        seen.push(named(&page));
        address = next_page(&page);
        if seen.len() == 1 {
            // What happens between two pages changes neither: some get the value, and others come.
            put_many(&world, 50..150, Some(1));
            put_many(&world, 900..950, None);
        }
    }
    assert_eq!(seen.iter().map(BTreeSet::len).collect::<Vec<_>>(), [100, 100, 46]);
    assert_eq!(seen.into_iter().flatten().collect::<BTreeSet<_>>(), many(0..246));

    let lost = get(&app, "/elasticsearch/documents?after=nonsense").await;
    assert!(lost.contains("This page of the list is gone"), "{lost}");
    let command = "tain elasticsearch documents --without many";
    let page = get(&app, "/elasticsearch/documents?scope=some&namespaces=many&holding=nothing").await;
    assert!(page.contains(command), "{page}");
    let listed = run(&world, command.strip_prefix("tain ").unwrap()).await.expect(0);
    let listed: BTreeSet<String> = listed.stdout.lines().map(str::to_owned).collect();
    assert_eq!(listed, many((0..50).chain(150..246).chain(900..950)));
    let rows = objects(&run(&world, "es documents many --with-added --json").await.expect(0));
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row["index"] == INDEX && row["id"].is_string()), "{rows:?}");
    server.signal("TERM").await;
    server.finish().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_behind_a_count_are_a_file() {
    let world = world().await;
    put_many(&world, 0..2_500, None);
    put_many(&world, 2_500..2_600, Some(3));
    let (server, app) = serve(&world).await;
    let scope = "scope=some&namespaces=many";
    let ids = whole(&get(&app, &format!("/download/documents.txt?{scope}&holding=nothing")).await).unwrap();
    let lines: Vec<&str> = ids.lines().collect();
    assert_eq!(lines.len(), 2_500, "each once");
    assert_eq!(lines.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), many(0..2_500));
    let table = whole(&get(&app, &format!("/download/documents.csv?{scope}&value=3")).await).unwrap();
    assert!(table.starts_with("index,id\r\ntext-search-v0,many-2"), "{table}");
    assert_eq!(table.lines().count(), 101);
    let rows = whole(&get(&app, &format!("/download/documents.jsonl?{scope}")).await).unwrap();
    assert_eq!(rows.lines().count(), 2_600);
    assert!(rows.lines().all(|row| serde_json::from_str::<Value>(row).unwrap()["id"].is_string()));
    let none = whole(&get(&app, "/download/documents.txt?scope=some&namespaces=absent").await).unwrap();
    assert_eq!(none, "");
    for (file, status) in [("documents.exe", 404), (&*format!("documents.txt?{scope}&value=nonsense"), 422)] {
        let refused = get(&app, &format!("/download/{file}")).await;
        assert!(refused.starts_with(&format!("HTTP/1.1 {status}")), "{refused}");
    }

    // A part is never taken for the whole: the transfer is broken off where the server loses its place.
    let fault = Fault::always(Endpoint::Search, Effect::LostCursor).when(When::Nth(2)).at("elasticsearch");
    world.state().add_fault(fault);
    let cut = get(&app, &format!("/download/documents.txt?{scope}")).await;
    assert!(cut.contains("many-"), "it had begun");
    assert_eq!(whole(&cut), None);
    server.signal("TERM").await;
    server.finish().await.expect(0);
}
