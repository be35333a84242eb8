//! `tain serve`, `tain demo` and `tain sandbox` as processes.

#![expect(clippy::unwrap_used, reason = "a test panics")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::fs;

use serde_json::Value;
use support::{KEY, Running, SAMPLE, World, bare, finish, get, with_site};
use tokio::net::TcpListener;

#[tokio::test]
async fn other_machines_are_kept_out() {
    let directory = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:3000"] {
        for command in ["serve", "demo"] {
            let mut command = bare(directory.path(), &format!("{command} --listen {address}"));
            with_site(&mut command, directory.path());
            let refused = finish(command).await.expect(2);
            assert!(refused.stderr.contains("cannot ask for a password yet"), "{}", refused.stderr);
        }
    }
}

#[tokio::test]
async fn a_port_that_is_taken_and_an_app_that_is_not_built_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let mut command = bare(directory.path(), &format!("serve --listen {address}"));
    with_site(&mut command, directory.path());
    let refused = finish(command).await.expect(2);
    assert!(refused.stderr.contains("another program listens there"), "{}", refused.stderr);

    let mut command = bare(directory.path(), "serve --listen 127.0.0.1:0");
    command.env("LEPTOS_SITE_ROOT", "/nowhere");
    let refused = finish(command).await.expect(2);
    assert!(refused.stderr.contains("cargo leptos build"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_needs_no_key_and_uses_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = bare(directory.path(), "demo --port 0 --json");
    // A real key must not get near the sandbox, nor the other way round.
    command.env("PINECONE_API_KEY", KEY).env("PINECONE_CONTROLLER_HOST", "https://example.org");
    with_site(&mut command, directory.path());
    let mut demo = Running::start(command);
    let line = demo.until("\"app\"").await;
    let addresses: Value = serde_json::from_str(&line).unwrap();
    let app = addresses["app"].as_str().unwrap();
    let page = get(app, "/mirror").await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert!(!page.contains(KEY) && !page.contains("demo-key"), "a key is in the page");
    let sandbox = addresses["sandbox"]["url"].as_str().unwrap();
    assert!(get(sandbox, "/sandbox/state").await.contains(SAMPLE));
    assert!(!line.contains(KEY));

    demo.signal("TERM").await;
    demo.finish().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_without_any_key() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = bare(directory.path(), "serve --listen 127.0.0.1:0 --json");
    with_site(&mut command, directory.path());
    let mut server = Running::start(command);
    let line = server.until("\"app\"").await;
    let addresses: Value = serde_json::from_str(&line).unwrap();
    let page = get(addresses["app"].as_str().unwrap(), "/mirror").await;
    assert!(page.contains("PINECONE_API_KEY"), "the page does not say which variable to set: {page}");
    server.signal("INT").await;
    server.finish().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_can_be_used_as_it_says() {
    let world = World::new().await;
    let records = world.path().join("records.jsonl");
    fs::write(
        &records,
        "{\"id\": \"a\", \"metadata\": {\"text\": \"one\"}}\n{\"id\": \"b\", \"text\": \"two\"}\n",
    )
    .unwrap();
    let arguments = format!(
        "sandbox --port 0 --json --api-key {KEY} --source old --target new --dimension 64 --load {} --index source --namespace loaded",
        records.display()
    );
    let mut sandbox = Running::start(bare(world.path(), &arguments));
    let line = sandbox.until("\"url\"").await;
    let addresses: Value = serde_json::from_str(&line).unwrap();
    let mut mirror = bare(world.path(), "mirror loaded --json");
    mirror.env("GEMINI_OUTPUT_DIMENSIONS", "64");
    for (name, value) in addresses["environment"].as_object().unwrap() {
        mirror.env(name, value.as_str().unwrap());
    }
    let view = finish(mirror).await.expect(0).view();
    assert_eq!(view.progress.counts.migrated, 2);
    assert_eq!((view.head.source.as_str(), view.head.target.as_str()), ("old", "new"));
    sandbox.signal("INT").await;
    sandbox.finish().await.expect(0);
    let wrong = finish(bare(world.path(), "sandbox --port 0 --fault {}")).await.expect(2);
    assert!(wrong.stderr.contains("\"{}\" is no fault"), "{}", wrong.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_a_schedule_shows_all_that_it_keeps() {
    let world = World::new().await;
    let searching = |arguments: &str| {
        let mut command = world.command(arguments);
        command
            .env("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url())
            .env("ELASTICSEARCH_API_KEY", KEY);
        command
    };
    for arguments in ["--kind levels", "--overwrite-added --batch-size 7"] {
        let added = searching(&format!("schedules add --every 6h {arguments} help-centre --json"));
        finish(added).await.expect(0);
    }
    let mut command = searching("serve --listen 127.0.0.1:0 --json");
    with_site(&mut command, world.path());
    let mut server = Running::start(command);
    let line: Value = serde_json::from_str(&server.until("\"app\"").await).unwrap();
    let app = line["app"].as_str().unwrap();
    let list = get(app, "/schedules").await;
    let mut forms = Vec::new();
    for link in list.split("href=\"/schedules/").skip(1) {
        let id = link.split_once('"').unwrap().0;
        if id != "new" {
            forms.push(get(app, &format!("/schedules/{id}")).await);
        }
    }
    let chosen = |form: &str, kind: &str| {
        form.split("<input").any(|input| {
            let input = input.split_once('>').map_or("", |input| input.0);
            input.contains(&format!("id=\"kind-{kind}\"")) && input.contains("checked")
        })
    };
    assert!(forms.iter().any(|form| chosen(form, "levels")), "no form has its kind chosen");
    let kept = forms.iter().find(|form| chosen(form, "mirror")).unwrap();
    assert!(kept.contains("--overwrite-added") && kept.contains("batches of at most 7 records"));
    assert!(kept.contains("replace other values under the added key"), "it is not confirmed");
    server.signal("TERM").await;
    server.finish().await.expect(0);
}
