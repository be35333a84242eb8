//! Settings, and what is said when they are missing or wrong.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::fs;

use sandbox::{Body, Effect, Endpoint, Fault};
use serde_json::Value;
use support::{KEY, SAMPLE, World, bare, finish};

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

    let mut wrong_key = world.command("config check --json");
    wrong_key.env("GOOGLE_AI_API_KEY", "another key");
    let wrong_key = finish(wrong_key).await.expect(4);
    let answers: Vec<Value> =
        wrong_key.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let bad: Vec<&Value> = answers.iter().filter(|answer| answer["ok"] == false).collect();
    assert_eq!(bad.len(), 1, "{answers:?}");
    assert_eq!(bad[0]["service"], "gemini");
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
    let commands = [
        "config".to_owned(),
        "config check".to_owned(),
        "namespaces".to_owned(),
        format!("mirror {SAMPLE} --json"),
        format!("analyze {SAMPLE}"),
    ];
    let log = |arguments: &str, format: &str| {
        let mut command = world.command(arguments);
        command.env("RUST_LOG", "trace").env("TAIN_LOG_FORMAT", format);
        command
    };
    for command in &commands {
        for format in ["text", "json"] {
            let printed = finish(log(command, format)).await;
            let silent = command == "config";
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
