//! Settings, and what is said when they are missing or wrong.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::{fs, time::Duration};

use protocol::{LearnedLimit, Service, ServiceTest, SettingView};
use sandbox::{Body, Effect, ElasticsearchOptions, Endpoint, Fault, GeminiQuota, Options, SearchDocument};
use serde_json::{Value, json};
use server::{
    config::{Sources, load},
    connections::Connections,
    settings,
};
use support::{KEY, SAMPLE, World, bare, finish};
use tokio::process::Command;

/// The binary with a search index, too.
fn searching(world: &World, arguments: &str) -> Command {
    let mut command = world.command(arguments);
    command
        .env("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url())
        .env("ELASTICSEARCH_API_KEY", KEY);
    command
}

/// The services of a world, in this process.
fn connections(world: &World) -> Connections {
    let environment = [
        ("PINECONE_API_KEY", KEY.to_owned()),
        ("GOOGLE_AI_API_KEY", KEY.to_owned()),
        ("PINECONE_CONTROLLER_HOST", world.sandbox.url()),
        ("GOOGLE_GEMINI_BASE_URL", world.sandbox.url()),
        ("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url()),
        ("ELASTICSEARCH_API_KEY", KEY.to_owned()),
        ("HOME", world.path().display().to_string()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    let sources = Sources { environment, directory: world.path().to_path_buf(), ..Sources::default() };
    Connections::new(load(&sources).unwrap())
}

async fn test(connections: &Connections, service: Service) -> ServiceTest {
    settings::test(connections, service, settings::TEST_PATIENCE).await.into()
}

#[tokio::test]
async fn commands_start_without_the_keys_that_they_do_not_need() {
    let directory = tempfile::tempdir().unwrap();
    finish(bare(directory.path(), "config")).await.expect(0);
    finish(bare(directory.path(), "--help")).await.expect(0);
    finish(bare(directory.path(), "--version")).await.expect(0);
    for command in ["namespaces", "check a", "analyze a", "mirror a", "reembed a"] {
        let refused = finish(bare(directory.path(), command)).await.expect(2);
        assert!(refused.stderr.contains("PINECONE_API_KEY is not set"), "{}", refused.stderr);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    }
    finish(bare(directory.path(), "mirror")).await.expect(2);
    finish(bare(directory.path(), "nonsense")).await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_pays_needs_the_key_of_the_embedding_service() {
    let world = World::new().await;
    let without = |arguments: &str| {
        let mut command = world.command(arguments);
        command.env_remove("GOOGLE_AI_API_KEY");
        finish(command)
    };
    without("namespaces").await.expect(0);
    without(&format!("analyze {SAMPLE}")).await.expect(1);
    without(&format!("mirror {SAMPLE} --dry-run")).await.expect(0);
    let refused = without(&format!("mirror {SAMPLE}")).await.expect(2);
    assert!(refused.stderr.contains("GOOGLE_AI_API_KEY is not set"), "{}", refused.stderr);
}

#[tokio::test]
async fn every_setting_says_where_it_comes_from() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("tain.toml"), "query_batch_size = 7\nupsert_batch_size = 7\n").unwrap();
    fs::write(
        directory.path().join(".env"),
        "export UPSERT_BATCH_SIZE='8'\nPINECONE_API_KEY=0123456789abcdef\n",
    )
    .unwrap();
    let mut command = bare(directory.path(), "config --json --source old");
    command.env("GEMINI_API_KEY", "short");
    let shown = finish(command).await.expect(0);
    let rows: Vec<Value> = shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (name, value, origin) in [
        ("PINECONE_OLD_INDEX", "old", "flag"),
        ("PINECONE_NEW_INDEX", "askdona", "default"),
        ("QUERY_BATCH_SIZE", "7", "tain.toml"),
        ("UPSERT_BATCH_SIZE", "8", ".env"),
        ("PINECONE_API_KEY", "set, ends in …cdef", ".env"),
        ("GOOGLE_AI_API_KEY", "set", "environment"),
    ] {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        assert_eq!((&row["value"], &row["origin"]), (&Value::from(value), &Value::from(origin)), "{name}");
    }
    assert!(!shown.stdout.contains("0123456789"));
    let alias = rows.iter().find(|row| row["name"] == "GOOGLE_AI_API_KEY").unwrap();
    assert_eq!(alias["help"], "the key for embeddings (set as GEMINI_API_KEY)");
    let toml = rows.iter().find(|row| row["toml_key"] == "elasticsearch_endpoint").unwrap();
    assert_eq!((&toml["group"], &toml["value"]), (&Value::from("Elasticsearch"), &Value::Null));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = bare(directory.path(), "config");
    command.env("EMBEDDING_BATCH_SIZE", "1000").env("PINECONE_NEW_INDEX", "gflops-serverless");
    let shown = finish(command).await.expect(2);
    assert!(shown.stdout.contains("EMBEDDING_BATCH_SIZE"), "the table is shown all the same");
    assert!(shown.stderr.contains("EMBEDDING_BATCH_SIZE from environment is \"1000\""), "{}", shown.stderr);
    assert!(shown.stderr.contains("tain never writes to its source"), "{}", shown.stderr);

    fs::write(directory.path().join("tain.toml"), "embeding_batch_size = 7").unwrap();
    let shown = finish(bare(directory.path(), "config")).await.expect(2);
    assert!(shown.stderr.contains("did you mean embedding_batch_size?"), "{}", shown.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_are_asked_whether_the_settings_work() {
    let world = World::new().await;
    let good = world.run("config check").await.expect(0);
    assert_eq!(good.stdout.matches("ok ").count(), 4, "{}", good.stdout);
    assert_eq!(world.writes_and_payments(), (0, 0));

    let mut wrong_size = world.command("config check");
    wrong_size.env("GEMINI_OUTPUT_DIMENSIONS", "768");
    let wrong_size = finish(wrong_size).await.expect(2);
    assert!(wrong_size.stdout.contains("set GEMINI_OUTPUT_DIMENSIONS=3072"), "{}", wrong_size.stdout);

    let with_search = finish(searching(&world, "config check")).await.expect(0);
    assert_eq!(with_search.stdout.matches("ok ").count(), 5, "{}", with_search.stdout);
    let mut no_index = searching(&world, "config check");
    no_index.env("ELASTICSEARCH_INDEX", "text-search-v1");
    let no_index = finish(no_index).await.expect(2);
    assert!(no_index.stdout.contains("text-search-v0"), "it names what there is: {}", no_index.stdout);

    let mut no_source = world.command("config check --source nothing");
    no_source.env("GEMINI_EMBEDDING_MODEL", "gemini-embedding-001");
    let no_source = finish(no_source).await.expect(4);
    assert!(
        no_source.stdout.contains("name one that there is in PINECONE_OLD_INDEX"),
        "{}",
        no_source.stdout
    );

    let mut wrong_key = world.command("config check --json");
    wrong_key.env("GOOGLE_AI_API_KEY", "another key");
    let wrong_key = finish(wrong_key).await.expect(4);
    let answers: Vec<Value> =
        wrong_key.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let bad: Vec<&Value> = answers.iter().filter(|answer| answer["ok"] == false).collect();
    assert_eq!(bad.len(), 1, "{answers:?}");
    assert_eq!(bad[0]["service"], "gemini");
    assert!(bad[0]["message"].as_str().unwrap().contains("check GOOGLE_AI_API_KEY"), "{bad:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_answers_a_test_in_words() {
    let world = World::new().await;
    let connections = connections(&world);
    let words = [
        (Service::Source, "connected: gflops-serverless, 1,536 dimensions, cosine, "),
        (Service::Target, "connected: askdona, 3,072 dimensions, cosine, "),
        (Service::Gemini, "connected: gemini-embedding-001, 3,072 dimensions, RETRIEVAL_DOCUMENT; paced to"),
        (Service::Elasticsearch, "connected: Elasticsearch 8.19.21 as sandbox, text-search-v0, "),
    ];
    for (service, beginning) in words {
        let answer = test(&connections, service).await;
        assert!(answer.is_usable && answer.message.starts_with(beginning), "{answer:?}");
        assert!(!answer.message.contains(KEY));
    }
    assert_eq!(world.writes_and_payments(), (0, 0));

    let silent = Fault::always(Endpoint::Stats, Effect::Hang);
    world.state().add_fault(silent);
    let answer: ServiceTest =
        settings::test(&connections, Service::Target, Duration::from_millis(1)).await.into();
    assert!(!answer.is_usable, "{answer:?}");
    assert!(answer.message.contains("no answer within"), "{answer:?}");
    assert!(answer.message.contains("check the network and PINECONE_CONTROLLER_HOST"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_update_is_named_with_what_it_lacks() {
    let reader = ElasticsearchOptions {
        privileges: ["read", "view_index_metadata"].map(str::to_owned).into(),
        ..ElasticsearchOptions::default()
    };
    let world = World::with(Options { sample: true, elasticsearch: reader, ..Options::default() }).await;
    let answer = test(&connections(&world), Service::Elasticsearch).await;
    assert!(!answer.is_usable && answer.message.contains("may not update documents"), "{answer:?}");
    assert!(answer.message.contains("give it the index privilege index"), "{answer:?}");
    let answers = finish(searching(&world, "config check")).await.expect(2);
    assert!(answers.stdout.contains("failed  elasticsearch"), "{}", answers.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_every_setting_what_is_missing_and_what_was_learned() {
    let quota = GeminiQuota { texts_per_minute: Some(5), ..GeminiQuota::default() };
    let world = World::with(Options { gemini_quota: quota, ..Options::default() }).await;
    let connections = connections(&world);
    let view = settings::settings(&connections);
    assert!(view.problems.is_empty() && view.limits.is_empty(), "{view:?}");
    let groups: Vec<&str> =
        view.settings.chunk_by(|a, b| a.group == b.group).map(|rows| &*rows[0].group).collect();
    assert_eq!(groups.len(), groups.iter().collect::<std::collections::BTreeSet<_>>().len(), "{groups:?}");
    let shown = |name: &str| view.settings.iter().find(|setting| setting.name == name).unwrap();
    let SettingView { value, origin, is_secret, .. } = shown("PINECONE_API_KEY");
    assert_eq!(
        (value.as_deref(), origin.as_str(), *is_secret),
        (Some("set, ends in …rint"), "environment", true)
    );
    assert_eq!(shown("ELASTICSEARCH_CA_CERT").value, None);
    assert!(!format!("{view:?} {}", serde_json::to_string(&view).unwrap()).contains(&KEY[..20]));

    let gemini = connections.gemini().await.unwrap().clone();
    let embedding = tokio::spawn(async move { gemini.embed(&["a", "b", "c", "d", "e", "f"]).await });
    support::eventually(|| !connections.learned_limits().is_empty()).await;
    embedding.abort();
    let limits = settings::settings(&connections).limits;
    let LearnedLimit { service, message } = &limits[0];
    assert_eq!(service, "Gemini");
    assert!(message.contains("as the service said (3,000 are configured)"), "{limits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_counted_beside_the_records() {
    let world = World::new().await;
    let plain = world.run("namespaces").await.expect(0);
    assert!(!plain.stdout.contains("text-search-v0"), "{}", plain.stdout);
    let before = finish(searching(&world, "namespaces")).await.expect(0).stdout;
    let only_there = SearchDocument {
        id: "x".to_owned(),
        routing: None,
        source: json!({"pinecone_namespace": "nur-hier-ü"}).as_object().unwrap().clone(),
    };
    let without = SearchDocument { id: "y".to_owned(), ..SearchDocument::default() };
    world.state().put_search_documents("text-search-v0", vec![only_there, without]).unwrap();
    let table = finish(searching(&world, "namespaces")).await.expect(0).stdout;
    let line = |table: &str, name: &str| {
        let line = table.lines().find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line(&table, "nur-hier-ü"), ["nur-hier-ü", "none", "none", "0", "1"], "{table}");
    assert_eq!(line(&table, "NAMESPACE")[4], "text-search-v0", "{table}");
    let without = |table: &str| -> u64 {
        let shown = line(table, "__default__");
        shown.last().map_or(0, |number| number.parse().unwrap())
    };
    assert_eq!(without(&table), without(&before) + 1, "{before}\n{table}");
    let check = finish(searching(&world, &format!("check {SAMPLE}"))).await.expect(1);
    assert!(check.stdout.contains("Elasticsearch"), "{}", check.stdout);

    let refused = Effect::Status { code: 403, body: Body::Json, retry_after: None, message: None };
    world.state().add_fault(Fault::always(Endpoint::Search, refused));
    let failed = finish(searching(&world, &format!("check {SAMPLE} --json"))).await.expect(4);
    let row: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert!(row["documents"]["unknown"].is_string() && row["source"]["known"].is_u64(), "{row}");
    assert!(failed.stderr.contains("the search index text-search-v0 could not be read"), "{}", failed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_refused_where_the_target_holds_vectors_of_another_size() {
    let world = World::new().await;
    let mut command = world.command(&format!("mirror {SAMPLE}"));
    command.env("GEMINI_OUTPUT_DIMENSIONS", "768");
    let refused = finish(command).await.expect(2);
    assert!(refused.stderr.contains("GEMINI_OUTPUT_DIMENSIONS=3072"), "{}", refused.stderr);
    assert_eq!(world.writes_and_payments(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_is_not_zero() {
    let world = World::new().await;
    let namespaces = world.run("namespaces").await.expect(0);
    assert!(namespaces.stdout.contains("none"), "{}", namespaces.stdout);
    world.run(&format!("check {SAMPLE}")).await.expect(1);
    let nowhere = world.run("check nowhere").await.expect(2);
    assert!(nowhere.stdout.contains("exists in neither index"), "{}", nowhere.stdout);

    let refused = Effect::Status { code: 403, body: Body::Text, retry_after: None, message: None };
    world.state().add_fault(Fault::always(Endpoint::Stats, refused).at("target"));
    let check = world.run(&format!("check {SAMPLE} --json")).await.expect(4);
    let row: Value = serde_json::from_str(&check.stdout).unwrap();
    assert!(row["source"]["known"].is_u64(), "{row}");
    assert!(row["target"]["unknown"].is_string(), "{row}");
    assert!(row["difference"].is_null(), "{row}");
    let table = world.run("namespaces").await.expect(4);
    assert!(table.stdout.contains("unknown"), "{}", table.stdout);
    assert!(table.stderr.contains("the target askdona could not be read"), "{}", table.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_ever_printed() {
    let world = World::new().await;
    let id = world.state().records("source", SAMPLE, sandbox::Page::ALL).unwrap()[0].id.clone();
    let commands = [
        format!("record {SAMPLE} {id}"),
        format!("record {SAMPLE} {id} --json"),
        "config --json".to_owned(),
        "config".to_owned(),
        "config check".to_owned(),
        "namespaces".to_owned(),
        format!("mirror {SAMPLE} --json"),
        format!("analyze {SAMPLE}"),
    ];
    let log = |arguments: &str, format: &str| {
        let mut command = searching(&world, arguments);
        command.env("RUST_LOG", "trace").env("TAIN_LOG_FORMAT", format);
        command
    };
    for command in &commands {
        for format in ["text", "json"] {
            let printed = finish(log(command, format)).await;
            let silent = command.starts_with("config") && command != "config check";
            assert!(silent || printed.stderr.len() > 100, "the log is not on: {}", printed.stderr);
            let tail = &KEY[4..];
            assert!(
                !printed.stdout.contains(tail) && !printed.stderr.contains(tail),
                "{command} shows the key"
            );
        }
    }
    // A key that is refused, by a service that repeats it in its answer.
    let echo = Effect::Status {
        code: 401,
        body: Body::Text,
        retry_after: None,
        message: Some(format!("invalid key {KEY}")),
    };
    world.state().add_fault(Fault::always(Endpoint::Describe, echo));
    let refused = finish(log(&format!("analyze {SAMPLE}"), "text")).await.expect(4);
    assert!(!refused.stdout.contains(KEY) && !refused.stderr.contains(KEY), "{}", refused.stderr);
}
