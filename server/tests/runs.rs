//! Runs on the command line, over real HTTP: exit codes, events, and the laws of `product.md`.

#![expect(clippy::unwrap_used, reason = "a test panics")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use protocol::{EventBody, Plan, RunState};
use sandbox::{Body, Effect, Endpoint, Fault, NewRecord, Options, Page, Patch, Period, When};
use serde_json::json;
use support::{SAMPLE, World};

fn status(code: u16) -> Effect {
    Effect::Status { code, body: Body::Json, retry_after: None, message: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_finds_differences_and_changes_nothing() {
    let world = World::new().await;
    let analysis = world.run(&format!("analyze {SAMPLE}")).await.expect(1);
    assert!(analysis.stdout.contains("missing in the target: to migrate"), "{}", analysis.stdout);
    assert!(analysis.stdout.contains("tain mirror help-centre --plan "), "{}", analysis.stdout);
    assert!(analysis.stderr.contains("List both indexes: done"), "{}", analysis.stderr);
    assert_eq!(world.writes_and_payments(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_costs_nothing_and_says_what_a_live_run_does() {
    let world = World::new().await;
    let dry = world.run(&format!("mirror {SAMPLE} --dry-run --json")).await.expect(0).view();
    assert_eq!(world.writes_and_payments(), (0, 0));
    let plan: Plan = dry.plan.unwrap();
    assert!(plan.missing > 0 && plan.changed > 0 && plan.no_text > 0 && plan.orphans > 0, "{plan:?}");

    let live = world.run(&format!("mirror {SAMPLE} --json --plan {}", plan.hash)).await.expect(0).view();
    let counts = &live.progress.counts;
    assert_eq!((counts.migrated, counts.updated), (plan.missing, plan.changed));
    assert_eq!(counts.embedded, plan.embeddings);
    assert_eq!(world.state().embedded().texts, plan.embeddings);
    assert!(live.verification.unwrap().confirmed);
    assert!(!live.log.iter().any(|line| line.message.contains("moved")), "{:?}", live.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_writes_nothing_and_pays_nothing() {
    let world = World::new().await;
    let first = world.run(&format!("mirror {SAMPLE}")).await.expect(0);
    assert!(first.stdout.contains("Done."), "{}", first.stdout);
    let after_first = world.writes_and_payments();
    assert!(after_first.0 > 0 && after_first.1 > 0);
    let second = world.run(&format!("mirror {SAMPLE}")).await.expect(0);
    assert!(second.stdout.contains("Nothing was paid for."), "{}", second.stdout);
    assert_eq!(world.writes_and_payments(), after_first);
    world.run(&format!("analyze {SAMPLE}")).await.expect(0);
    assert_eq!(world.state().forbidden_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_carried_out_as_it_is_and_what_moved_is_said() {
    let world = World::new().await;
    let analysis = world.run(&format!("analyze {SAMPLE} --json")).await.expect(1).view();
    let plan = analysis.plan.unwrap();
    let missing = world.run(&format!("runs records {} to-migrate", analysis.head.id)).await.expect(0);
    let missing: Vec<&str> = missing.stdout.lines().collect();
    assert_eq!(missing.len() as u64, plan.missing);
    let new = NewRecord {
        id: "new".into(),
        metadata: json!({"text": "new text"}).as_object().cloned().unwrap(),
        ..NewRecord::default()
    };
    world.state().put("source", SAMPLE, vec![new]).unwrap();
    let patch = Patch {
        id: missing[0].to_owned(),
        set: json!({"text": "another text"}).as_object().cloned().unwrap(),
        remove: Vec::new(),
    };
    world.state().patch("source", SAMPLE, vec![patch]).unwrap();
    world.state().remove("source", SAMPLE, vec![missing[1].to_owned()]).unwrap();

    let run = world.run(&format!("mirror {SAMPLE} --json --plan {}", plan.hash)).await.expect(0).view();
    let counts = &run.progress.counts;
    assert_eq!((counts.migrated, counts.updated), (plan.missing - 1, plan.changed));
    assert_eq!((counts.moved, counts.gone), (1, 1));
    assert!(world.state().record("target", SAMPLE, "new").unwrap().is_none(), "it is not in the plan");
    let moved = world.run(&format!("runs records {} not-as-planned", run.head.id)).await.expect(0);
    assert_eq!(moved.stdout.trim(), missing[0]);
    let refused = world.run(&format!("mirror {SAMPLE} --plan 00000000")).await.expect(2);
    assert!(refused.stderr.contains("there is no plan 00000000"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn re_embedding_writes_the_missing_and_leaves_the_changed() {
    let world = World::new().await;
    let plan = world.run(&format!("analyze {SAMPLE} --json")).await.expect(1).view().plan.unwrap();
    let run = world.run(&format!("reembed {SAMPLE} --json")).await.expect(0).view();
    assert_eq!(run.progress.counts.migrated, plan.missing);
    assert_eq!(run.progress.counts.updated, 0);
    let left = world.run(&format!("analyze {SAMPLE} --json")).await.expect(1).view().plan.unwrap();
    assert_eq!((left.missing, left.changed), (0, plan.changed));
}

#[tokio::test(flavor = "multi_thread")]
async fn access_levels_are_lowered_by_an_explicit_option_only() {
    let world = World::with(Options::default()).await;
    let record = |level| NewRecord {
        id: "a".into(),
        metadata: json!({"text": "text", "clearance_level": level}).as_object().cloned().unwrap(),
        ..NewRecord::default()
    };
    world.state().put("source", "ns", vec![record(3)]).unwrap();
    let run = world.run("mirror ns").await.expect(0);
    assert!(run.stdout.contains("access level kept"), "{}", run.stdout);
    let level = |world: &World| {
        let record = world.state().record("target", "ns", "a").unwrap().unwrap();
        serde_json::to_value(record.metadata).unwrap()["clearance_level"].as_f64().unwrap()
    };
    assert!((level(&world) - 3.0).abs() < f64::EPSILON);

    let patch = Patch {
        id: "a".into(),
        set: json!({"title": "changed"}).as_object().cloned().unwrap(),
        remove: Vec::new(),
    };
    world.state().patch("source", "ns", vec![patch]).unwrap();
    world.run("mirror ns --overwrite-added").await.expect(0);
    assert!((level(&world) - 1.0).abs() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_record_fails_alone() {
    let world = World::with(Options::default()).await;
    let record = |number: u32| NewRecord {
        id: format!("r{number:03}"),
        metadata: json!({"text": format!("text {number}{}", if number == 7 { " poison" } else { "" })})
            .as_object()
            .cloned()
            .unwrap(),
        ..NewRecord::default()
    };
    world.state().put("source", "ns", (0..40).map(record).collect()).unwrap();
    world.state().add_fault(Fault::always(Endpoint::Embed, Effect::PoisonText { marker: "poison".into() }));
    let run = world.run("mirror ns").await.expect(3);
    assert!(run.stdout.contains("1 record failed") && run.stdout.contains("r007"), "{}", run.stdout);
    assert!(run.stdout.contains("To try the failed ones again: tain runs retry "), "{}", run.stdout);
    assert_eq!(world.state().records("target", "ns", Page::ALL).unwrap().len(), 39);
    world.state().clear_faults();
    let id = run.stdout.split("tain runs retry ").nth(1).unwrap().split_whitespace().next().unwrap();
    let failures = world.run(&format!("runs failures {id} --json")).await.expect(0);
    assert!(
        failures.stdout.contains("\"id\":\"r007\"") && failures.stdout.lines().count() == 1,
        "{}",
        failures.stdout
    );
    let retried = world.run(&format!("runs retry {id} --json")).await.expect(0).view();
    assert_eq!(retried.progress.counts.migrated, 1);
    assert_eq!(world.state().records("target", "ns", Page::ALL).unwrap().len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shown_beside_the_one_before() {
    let world = World::new().await;
    let run = |finished: support::Finished| finished.expect(0).view().head.id.0;
    let first = run(world.run(&format!("mirror {SAMPLE} --json")).await);
    let alone = world.run(&format!("runs compare {first}")).await.expect(0);
    assert!(alone.stdout.starts_with(&format!("There is no earlier run like {first}")), "{}", alone.stdout);
    let second = run(world.run(&format!("mirror {SAMPLE} --batch-size 50 --json")).await);

    let json = world.run(&format!("runs compare {second} --json")).await.expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["with"]["head"]["id"], &json["run"]["head"]["id"]), (&json!(first), &json!(second)));
    let rows = json["counts"].as_array().unwrap();
    let migrated = rows.iter().find(|row| row["what"] == "migrated").unwrap();
    assert!(migrated["with"].as_u64().unwrap() > 0 && migrated["run"] == 0, "{migrated}");
    let settings = json!([{"what": "batch size", "with": "as configured", "run": "50"}]);
    assert_eq!(json["settings"], settings);

    let shown = world.run(&format!("runs compare {second}")).await.expect(0).stdout;
    let words = |name: &str| -> Vec<String> {
        let line = shown.lines().map(str::trim_start).find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {shown}")).split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(words("state"), ["state", "done", "done"]);
    let paid = migrated["with"].to_string();
    assert_eq!(words("migrated"), ["migrated", &paid, "0", &format!("−{paid}")]);
    assert_eq!(words("batch size"), ["batch", "size", "as", "configured", "50"]);

    // The other way round.
    let back = world.run(&format!("runs compare {first} {second}")).await.expect(0).stdout;
    assert!(back.contains(&format!("+{paid}")), "{back}");
    let unknown = world.run(&format!("runs compare {first} nobody")).await.expect(2);
    assert!(unknown.stderr.contains("there is no run nobody"), "{}", unknown.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_breaks_off_is_a_failure_and_no_smaller_truth() {
    let world = World::new().await;
    // Refused for good, so that nothing is tried again.
    world.state().add_fault(Fault::always(Endpoint::List, status(403)).at("target").when(When::From(2)));
    let run = world.run(&format!("analyze {SAMPLE} --json")).await.expect(4).view();
    assert_eq!(run.state, RunState::Failed);
    assert!(run.plan.is_none());
    let text = world.run(&format!("mirror {SAMPLE}")).await.expect(4);
    assert!(
        text.stdout.contains("Failed: ") && text.stdout.contains("Go on with: tain runs resume "),
        "{}",
        text.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_slows_a_run_down_and_fails_nothing() {
    let world = World::new().await;
    let slow_down = Effect::Status {
        code: 429,
        body: Body::Text,
        retry_after: Some(0),
        message: Some("slow down".into()),
    };
    world.state().add_fault(Fault::always(Endpoint::Upsert, slow_down).when(When::First(2)));
    let run = world.run(&format!("mirror {SAMPLE} --json")).await.expect(0).view();
    assert_eq!(run.progress.counts.failed, 0);
    let upserts = run.progress.requests.iter().find(|used| used.endpoint == "upsert").unwrap();
    assert_eq!(upserts.throttled, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_pauses_the_run_and_says_until_when() {
    let world = World::new().await;
    let used_up = Effect::Quota { period: Period::Day, retry_seconds: 3_600.0 };
    world.state().add_fault(Fault::always(Endpoint::Embed, used_up).when(When::From(2)));
    let run = world.run(&format!("mirror {SAMPLE} --batch-size 20")).await.expect(4);
    for part in ["Paused: a quota is used up", "it can go on at 20", "Go on with: tain runs resume "] {
        assert!(run.stdout.contains(part), "{part} is not in {}", run.stdout);
    }
    let list = world.run("runs list --state paused").await.expect(0);
    assert!(list.stdout.contains("paused: quota"), "{}", list.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_event_says_how_it_ended() {
    let world = World::new().await;
    let run = world.run(&format!("analyze {SAMPLE} --json")).await.expect(1);
    let last = run.stdout.lines().last().unwrap();
    let event: protocol::Event = serde_json::from_str(last).unwrap();
    assert_eq!(event.body, EventBody::Finished { state: RunState::Done, error: None, pause: None });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_namespace_has_three_spellings() {
    let world = World::with(Options::default()).await;
    let record = NewRecord {
        id: "a".into(),
        metadata: json!({"text": "text"}).as_object().cloned().unwrap(),
        ..NewRecord::default()
    };
    world.state().put("source", "", vec![record]).unwrap();
    world.run("mirror __default__").await.expect(0);
    assert_eq!(world.state().records("target", "", Page::ALL).unwrap().len(), 1);
    let mut command = world.command("analyze");
    command.arg("");
    support::finish(command).await.expect(0);
}

/// Issue section 7: a real collection, mirrored, mirrored again, changed, mirrored again.
#[tokio::test(flavor = "multi_thread")]
async fn cranfield() {
    let Some(path) = support::shared("data/cranfield/documents.jsonl") else {
        println!("SKIPPED: ../shared/data/cranfield/documents.jsonl is not there");
        return;
    };
    let world = World::with(Options::default()).await;
    assert_eq!(world.sandbox.load_jsonl("source", "cranfield", &path).await.unwrap(), 1_400);

    let first = world.run("mirror cranfield --json").await.expect(0).view();
    let counts = &first.progress.counts;
    assert_eq!((counts.migrated, counts.no_text, counts.failed), (1_398, 2, 0));
    assert_eq!(world.state().embedded().texts, 1_398);
    assert!(first.verification.unwrap().confirmed);
    let source = world.state().records("source", "cranfield", Page::ALL).unwrap();
    let target = world.state().records("target", "cranfield", Page::ALL).unwrap();
    assert_eq!(target.len(), 1_398);
    for record in &target {
        let original = source.iter().find(|original| original.id == record.id).unwrap();
        let mut expected = serde_json::to_value(&original.metadata).unwrap();
        expected["clearance_level"] = json!(1.0);
        assert_eq!(serde_json::to_value(&record.metadata).unwrap(), expected, "{}", record.id);
    }

    let before = world.writes_and_payments();
    world.run("mirror cranfield").await.expect(0);
    assert_eq!(world.writes_and_payments(), before, "a second run writes nothing and pays for nothing");

    let with_text: Vec<_> = target.iter().map(|record| record.id.clone()).take(150).collect();
    let patch = |(number, id): (usize, &String)| {
        let change = if number < 100 {
            json!({"checked": number})
        } else {
            json!({"text": format!("new text {number}")})
        };
        Patch { id: id.clone(), set: change.as_object().cloned().unwrap(), remove: Vec::new() }
    };
    world.state().patch("source", "cranfield", with_text.iter().enumerate().map(patch).collect()).unwrap();
    let third = world.run("mirror cranfield --reuse same-text --json").await.expect(0).view();
    let counts = &third.progress.counts;
    assert_eq!((counts.migrated, counts.updated, counts.in_sync), (0, 150, 1_248));
    assert_eq!((counts.embedded, counts.reused), (50, 100));
    assert_eq!(world.state().embedded().texts, before.1 + 50);
    world.run("analyze cranfield").await.expect(0);
}
