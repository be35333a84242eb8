//! Schedules of a data directory: the command line, and servers that share one.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use protocol::{NamespacePatterns, Reuse, RunKind, RunRequest, RunState, Schedule, ScheduleSpec, Timing};
use sandbox::Endpoint;
use server::{
    clock::{now, system_clock},
    config::{Sources, load},
    connections::Connections,
    runs::Runs,
    schedules::Schedules,
};
use support::{KEY, SAMPLE, World, bare, eventually, finish};

/// A namespace of the sample with a handful of records.
const TINY: &str = "release-notes";

/// What one server on the world's data directory has.
async fn server(world: &World, time: &Arc<AtomicU64>) -> (Arc<Runs>, Schedules) {
    let environment = HashMap::from([
        ("PINECONE_API_KEY".to_owned(), KEY.to_owned()),
        ("GOOGLE_AI_API_KEY".to_owned(), KEY.to_owned()),
        ("PINECONE_CONTROLLER_HOST".to_owned(), world.sandbox.url()),
        ("GOOGLE_GEMINI_BASE_URL".to_owned(), world.sandbox.url()),
        ("TAIN_DATA_DIR".to_owned(), world.path().join("data").display().to_string()),
    ]);
    let sources = Sources { environment, directory: world.path().to_path_buf(), ..Sources::default() };
    let connections = Arc::new(Connections::new(load(&sources).unwrap()));
    let runs = Runs::open(connections, system_clock()).await.unwrap();
    let time = time.clone();
    let schedules = Schedules::of(&runs, Arc::new(move || time.load(Ordering::SeqCst)));
    (runs, schedules)
}

fn every_minute(request: RunRequest) -> ScheduleSpec {
    ScheduleSpec { name: String::new(), timing: Timing::Every(60), request, enabled: true }
}

/// Lets a minute and a little more go by.
fn pass(time: &AtomicU64) {
    time.fetch_add(60_001, Ordering::SeqCst);
}

async fn last_state(schedules: &Schedules) -> Option<RunState> {
    schedules.list().await.unwrap()[0].last.as_ref()?.state
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_servers_of_a_data_directory_one_starts_each_run() {
    let world = World::new().await;
    let time = Arc::new(AtomicU64::new(now()));
    let (mut servers, mut all) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let (runs, schedules) = server(&world, &time).await;
        servers.push(runs);
        all.push(schedules);
    }
    let analysis = RunRequest::new(RunKind::Analyze, TINY);
    all[0].add(every_minute(analysis)).await.unwrap();
    for round in 1..=5 {
        pass(&time);
        for started in futures::future::join_all(all.iter().map(Schedules::start_due)).await {
            started.unwrap();
        }
        // To everybody's knowledge it has ended before the next tick, so none is skipped.
        for schedules in &all {
            while last_state(schedules).await != Some(RunState::Done) {
                tokio::task::yield_now().await;
            }
        }
        let runs = servers[0].list(&protocol::RunFilter::default()).await.unwrap().runs;
        assert_eq!(runs.len(), round);
        assert!(runs.iter().all(|run| run.head.request.kind == RunKind::Analyze));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_skipped_until_the_run_before_has_ended_and_goes_on_with_one_that_was_stopped() {
    let world = World::new().await;
    world.hang(Endpoint::Embed, 1);
    let time = Arc::new(AtomicU64::new(now()));
    let (runs, schedules) = server(&world, &time).await;
    schedules.add(every_minute(RunRequest::new(RunKind::Mirror, SAMPLE))).await.unwrap();
    pass(&time);
    schedules.start_due().await.unwrap();
    let state = world.state();
    eventually(|| state.main_calls(Endpoint::Embed).requests > 0).await;
    let first = schedules.list().await.unwrap()[0].last.clone().unwrap();
    assert_eq!((first.state, first.note.as_deref()), (Some(RunState::Running), None));

    // Another server sees that this one's run is at work.
    let (_, other) = server(&world, &time).await;
    pass(&time);
    other.start_due().await.unwrap();
    let skipped = other.list().await.unwrap()[0].last.clone().unwrap();
    assert_eq!((&skipped.run, skipped.state), (&first.run, Some(RunState::Running)));
    assert!(skipped.note.unwrap().contains("is still at work"));

    // A second schedule of the same namespace does not get through to it either.
    other.add(every_minute(RunRequest::new(RunKind::Reembed, SAMPLE))).await.unwrap();
    pass(&time);
    other.start_due().await.unwrap();
    let second = other.list().await.unwrap()[1].last.clone().unwrap();
    assert_eq!(second.run, None);
    let note = second.note.unwrap();
    assert!(note.starts_with("skipped: ") && note.contains(&first.run.as_ref().unwrap().0), "{note}");
    let id = other.list().await.unwrap()[1].id.clone();
    other.remove(&id).await.unwrap();

    // The server is stopped in the middle of the run; the next one goes on with it at the next tick.
    assert!(runs.shut_down().await);
    assert_eq!(last_state(&other).await, Some(RunState::Paused));
    pass(&time);
    other.start_due().await.unwrap();
    while last_state(&other).await != Some(RunState::Done) {
        tokio::task::yield_now().await;
    }
    let last = other.list().await.unwrap()[0].last.clone().unwrap();
    assert_eq!((&last.run, last.note.as_deref()), (&first.run, Some("went on from its checkpoint")));
}

/// The schedules that the command line lists.
async fn listed(world: &World) -> Vec<Schedule> {
    let listed = world.run("schedules --json").await.expect(0);
    listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_schedule_on_the_command_line() {
    let world = World::new().await;
    assert!(world.run("schedules").await.expect(0).stderr.contains("tain schedules add"));

    let made = world
        .run(&format!("schedules add {TINY} --every 15m --name Notes --kind analyze --json"))
        .await
        .expect(0);
    let made: Schedule = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!((made.spec.name.as_str(), &made.spec.timing), ("Notes", &Timing::Every(900)));
    assert_eq!(made.next_at, Some(made.created_at + 900_000));
    let mut cron = world.command("schedules add --all-namespaces --include=team-* --exclude=*-test");
    cron.args(["--cron", "*/15  2 * * MON-FRI", "--reuse=same-text", "--overwrite-added", "--batch-size=7"]);
    cron.arg("--disabled");
    let said = finish(cron).await.expect(0);
    assert!(said.stdout.contains("next: disabled"), "{}", said.stdout);

    let all = listed(&world).await;
    assert_eq!(all[0], made);
    let patterns =
        NamespacePatterns { include: vec!["team-*".to_owned()], exclude: vec!["*-test".to_owned()] };
    let request = RunRequest {
        reuse: Reuse::SameText,
        overwrite_added: true,
        batch_size: Some(7),
        namespaces: Some(patterns),
        ..RunRequest::new(RunKind::Mirror, "")
    };
    assert_eq!(all[1].spec.request, request);
    assert_eq!(all[1].spec.timing, Timing::Cron("*/15 2 * * MON-FRI".to_owned()));
    assert_eq!(all[1].next_at, None);

    let shown = world.run("schedules show notes").await.expect(0).stdout;
    for part in ["Notes", "every 15 min", &format!("tain analyze {TINY}"), "none yet"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    world.run("schedules enable all").await.expect(0);
    assert!(listed(&world).await[1].next_at.is_some());
    let shown = world.run("schedules show all").await.expect(0).stdout;
    assert_eq!(shown.matches("02:").count(), 5, "{shown}");
    world.run("schedules disable all").await.expect(0);
    assert_eq!(listed(&world).await[1].next_at, None);

    let ran = world.run("schedules run notes --json").await;
    let view = ran.view();
    let last = listed(&world).await[0].last.clone().unwrap();
    assert_eq!((last.run, last.state), (Some(view.head.id.clone()), Some(RunState::Done)));
    let table = world.run("schedules list").await.expect(0).stdout;
    assert!(table.contains(&format!("run {}: done", view.head.id)), "{table}");

    assert!(world.run("schedules remove notes").await.expect(0).stdout.contains("its runs stay"));
    assert_eq!(listed(&world).await.len(), 1);
    let again = world.run("schedules remove notes").await.expect(2);
    assert!(again.stderr.contains("there is no schedule \"notes\""), "{}", again.stderr);
    assert!(world.run(&format!("runs {}", view.head.id)).await.code == Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_ends_its_runs_with_the_documents() {
    let world = World::new().await;
    let add = format!("schedules add {TINY} --every 1h --elasticsearch --json");
    let refused = world.run(&add).await.expect(2);
    assert!(refused.stderr.contains("ELASTICSEARCH_ENDPOINT"), "{}", refused.stderr);
    assert!(listed(&world).await.is_empty(), "nothing is kept that could not run");

    let with_index = |words: &str| {
        let mut command = world.command(words);
        command
            .env("ELASTICSEARCH_ENDPOINT", world.sandbox.elasticsearch_url())
            .env("ELASTICSEARCH_API_KEY", KEY);
        command
    };
    let made = finish(with_index(&add)).await.expect(0);
    let made: Schedule = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(made.spec.request.command(), format!("tain mirror {TINY} --elasticsearch"));
    let view = finish(with_index(&format!("schedules run {} --json", made.id))).await.expect(0).view();
    let documents = view.documents.unwrap();
    assert!(documents.confirmed && view.progress.counts.documents.updated > 0, "{documents:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_scheduled_is_refused_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 14] = [
        (&["add", "a"], "--every"),
        (&["add", "a", "--every", "0s"], "the shortest is 60 s"),
        (&["add", "a", "--every", "99999999999999999999d"], "the longest is 366 days"),
        (&["add", "a", "--every", "often"], "90s, 15m, 6h or 1d"),
        (&["add", "a", "--cron", "0 */15 * * * *"], "five fields"),
        (&["add", "a", "--cron", "61 * * * *"], "0 to 59"),
        (&["add", "a", "--cron", "0 0 30 2 *"], "change its day or its month"),
        (&["add", "ü", "--every", "1d"], "ASCII"),
        (&["add", "a", "--every", "1d", "--name", "a\nb"], "no line breaks"),
        (&["add", "--every", "1d", "--all-namespaces", "--include="], "`*` matches every namespace"),
        (&["add", "a", "--every", "1d", "--kind", "documents"], "--kind mirror --elasticsearch"),
        (&["add", "a", "--every", "1d", "--kind", "levels"], "ELASTICSEARCH_ENDPOINT"),
        (&["show", "nobody"], "`tain schedules` lists"),
        (&["run", "nobody"], "`tain schedules` lists"),
    ];
    for (words, remedy) in cases {
        let mut command = bare(directory.path(), "schedules");
        command.args(words);
        let refused = finish(command).await.expect(2);
        let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(remedy), "{words:?}: {said}");
        assert_eq!(refused.stdout, "");
    }
    let empty = finish(bare(directory.path(), "schedules --json")).await.expect(0);
    assert_eq!(empty.stdout, "");
}
