//! The menu, line by line.

#![expect(clippy::unwrap_used, reason = "a test panics")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::process::Stdio;

use sandbox::{Effect, Endpoint, Fault};
use support::{Finished, KEY, SAMPLE, World, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

fn command(world: &World, arguments: &str) -> Command {
    let mut command = world.command(&format!("menu {arguments}"));
    command
        .env("DEFAULT_NAMESPACE", SAMPLE)
        .env("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url())
        .env("ELASTICSEARCH_API_KEY", KEY)
        .stdin(Stdio::piped());
    command
}

/// Types lines, after which the input ends.
async fn typed(mut command: Command, lines: &str) -> Finished {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).await.unwrap();
    ended(child).await
}

async fn ended(child: Child) -> Finished {
    let output = child.wait_with_output().await.unwrap();
    let finished = Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!finished.stdout.contains(KEY) && !finished.stderr.contains(KEY), "the key is shown");
    finished
}

/// Reads what is printed up to a text.
async fn until(child: &mut Child, part: &str) {
    let stderr = child.stderr.as_mut().unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(part) {
        let mut byte = [0];
        assert_eq!(stderr.read(&mut byte).await.unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
}

async fn interrupt(child: &Child) {
    let line = format!("kill -INT {}", child.id().unwrap());
    assert!(Command::new("/bin/sh").args(["-c", &line]).status().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_the_command_that_it_shows() {
    let world = World::new().await;
    let menu = typed(command(&world, "--target askdona"), "2\n\n12\nq\n").await.expect(0);
    assert!(menu.stderr.contains("gflops-serverless (read-only) → askdona"), "{}", menu.stderr);
    assert!(menu.stderr.contains(&format!("Namespace [{SAMPLE}]: ")), "{}", menu.stderr);
    assert!(menu.stderr.contains(&format!("$ tain check --target askdona {SAMPLE}\n")), "{}", menu.stderr);
    assert!(menu.stderr.contains("$ tain config --target askdona\n"), "{}", menu.stderr);
    let mut by_hand = world.command(&format!("check {SAMPLE}"));
    by_hand
        .env("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url())
        .env("ELASTICSEARCH_API_KEY", KEY);
    let by_hand = support::finish(by_hand).await.expect(1);
    let first_lines = |text: &str| text.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(first_lines(&menu.stdout), first_lines(&by_hand.stdout));
    assert!(menu.stdout.contains("PINECONE_OLD_INDEX"), "{}", menu.stdout);
    assert_eq!(world.writes_and_payments(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_writes_is_confirmed_and_the_menu_comes_back() {
    let world = World::new().await;
    let refused = typed(command(&world, ""), "6\n\nn\n6\n\n\nq\n").await.expect(0);
    assert_eq!(refused.stderr.matches("It writes to askdona and pays for embeddings. Go on?").count(), 2);
    assert_eq!(refused.stderr.matches("Nothing was done.").count(), 2);
    assert_eq!(world.writes_and_payments(), (0, 0));

    let done = typed(command(&world, ""), "5\n\n6\n\ny\n4\n\n11\n\nq\n").await.expect(0);
    let shown: Vec<&str> = done.stderr.lines().filter(|line| line.starts_with("$ ")).collect();
    let expected = ["mirror --dry-run help-centre", "mirror help-centre", "analyze help-centre", "runs"];
    assert_eq!(shown, expected.map(|command| format!("$ tain {command}")));
    assert!(done.stdout.contains("Dry run: nothing was written"), "{}", done.stdout);
    assert!(done.stdout.contains("In sync."), "{}", done.stdout);
    world.run(&format!("analyze {SAMPLE}")).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_index_is_shown_and_updated() {
    let world = World::new().await;
    let menu = typed(command(&world, ""), "8\n9\n\n10\n\ny\n10\n__default__\nn\nq\n").await.expect(0);
    for part in [
        "$ tain elasticsearch status\n",
        "$ tain elasticsearch preview help-centre\n",
        "$ tain elasticsearch update help-centre\n",
        "$ tain elasticsearch update --without-namespace\n",
        "It writes to the search index text-search-v0. Go on?",
    ] {
        assert!(menu.stderr.contains(part), "{part}: {}", menu.stderr);
    }
    let documents = world.state().search_documents("text-search-v0");
    let of_sample = documents
        .iter()
        .filter(|document| document.source.get("pinecone_namespace").is_some_and(|name| name == SAMPLE));
    assert!(of_sample.clone().count() > 0);
    assert!(of_sample.into_iter().all(|document| document.source.contains_key("clearance_level")));
    assert_eq!(world.writes_and_payments(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_leads_back_to_the_menu() {
    let world = World::new().await;
    let lines = "nonsense\n99\n\n2\nnowhere\n2\nümlaut\n3\n\n\n3\n\n-odd id\n11\nno-such-run\n0\n";
    let menu = typed(command(&world, ""), lines).await.expect(0);
    assert_eq!(menu.stderr.matches("Choice: ").count(), 9, "{}", menu.stderr);
    for part in [
        "there is no choice nonsense; type a number from 1 to 14",
        "there is no choice 99",
        "ASCII",
        "an id has at least one character",
        "$ tain record -- nowhere '-odd id'\n",
        "error: there is no run no-such-run",
    ] {
        assert!(menu.stderr.contains(part), "{part}: {}", menu.stderr);
    }
    assert!(menu.stdout.contains("exists in neither index"), "{}", menu.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_input_and_ctrl_c_end_it() {
    let world = World::new().await;
    typed(command(&world, ""), "").await.expect(0);
    typed(command(&world, ""), "2\n").await.expect(0);

    let mut child = command(&world, "").spawn().unwrap();
    until(&mut child, "Choice: ").await;
    interrupt(&child).await;
    // The input stays open: it is the signal that ends the menu.
    let stdin = child.stdin.take();
    ended(child).await.expect(130);
    drop(stdin);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_a_command_ends_the_command_alone() {
    let world = World::new().await;
    world.state().add_fault(Fault::always(Endpoint::Stats, Effect::Hang));
    let mut child = command(&world, "").spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"1\n").await.unwrap();
    let state = world.state();
    eventually(|| state.calls("source", Endpoint::Stats).unwrap().requests > 0).await;
    interrupt(&child).await;
    until(&mut child, "Stopped.").await;
    until(&mut child, "Choice: ").await;

    // Twice, because a signal for the first run must not count as the second one of the next.
    world.state().clear_faults();
    state.add_fault(Fault::always(Endpoint::List, Effect::Latency { ms: 1_000 }));
    for _ in 0..2 {
        let before = state.calls("source", Endpoint::List).unwrap().requests;
        stdin.write_all(b"4\n\n").await.unwrap();
        eventually(|| state.calls("source", Endpoint::List).unwrap().requests > before).await;
        interrupt(&child).await;
        until(&mut child, "Choice: ").await;
    }
    stdin.write_all(b"q\n").await.unwrap();
    let menu = ended(child).await.expect(0);
    assert_eq!(menu.stdout.matches("Stopped at a checkpoint").count(), 2, "{}", menu.stdout);
}
