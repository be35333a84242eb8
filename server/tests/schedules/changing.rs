//! Making, changing and finding schedules.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use protocol::{
    DocumentUpdate, LastRun, NamespacePatterns, RunId, RunKind, RunRequest, ScheduleId, ScheduleSpec, Timing,
};
use server::schedules::ScheduleError;
use tokio::{sync::Semaphore, time::sleep};

use crate::world::{MINUTE, Meanwhile, START, World, beside, cron, every, minutes, spec};

#[tokio::test(start_paused = true)]
async fn changes_are_seen_while_the_scheduler_waits() {
    let world = World::new();
    let (serving, command) = (world.process(), world.process());
    let id = serving.add(spec(every(600))).await.unwrap().id;
    beside(&[&serving], async {
        sleep(minutes(1)).await;
        // In the same process: at once.
        serving.change(&id, spec(cron("2 * * * *"))).await.unwrap();
        sleep(Duration::from_secs(61)).await;
        assert_eq!(world.runs.started_at(), [START + 2 * MINUTE]);
        // By another one: within seconds, also where the tick comes before the scheduler looks again.
        sleep(Duration::from_millis(57_500)).await;
        command.change(&id, spec(cron("3 * * * *"))).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(world.runs.count(), 2);
        assert!(world.runs.started_at()[1] - (START + 3 * MINUTE) < 5_000);

        command.disable(&id).await.unwrap();
        assert_eq!(world.book.only().next_at, None);
        sleep(minutes(180)).await;
        assert_eq!(world.runs.count(), 2);
        // Nothing is made up for that nobody wanted.
        command.enable(&id).await.unwrap();
        assert_eq!(world.book.only().next_at, Some(START + 243 * MINUTE));
        sleep(minutes(61)).await;
        assert_eq!(world.runs.count(), 3);
        command.remove(&id).await.unwrap();
        sleep(minutes(180)).await;
        assert_eq!(world.runs.count(), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_new_name_does_not_postpone_what_is_planned() {
    let world = World::new();
    let process = world.process();
    let made = process.add(spec(every(60))).await.unwrap();
    sleep(minutes(40)).await;
    let changed = ScheduleSpec { name: " nightly ".to_owned(), ..spec(every(60)) };
    let changed = process.change(&made.id, changed).await.unwrap();
    assert_eq!(changed.spec.name, "nightly");
    assert_eq!((changed.id, changed.next_at, changed.created_at), (made.id.clone(), made.next_at, START));
    let longer = process.change(&made.id, spec(every(90))).await.unwrap();
    assert_eq!(longer.next_at, Some(START + 130 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_while_its_run_starts_stays_changed() {
    let world = World::new();
    let process = world.process();
    let (kept, gone) =
        (process.add(spec(every(10))).await.unwrap().id, process.add(spec(every(10))).await.unwrap().id);
    let gate = Arc::new(Semaphore::new(0));
    *world.runs.gate.lock().unwrap() = Some(gate.clone());
    beside(&[&process], async {
        sleep(minutes(10) + Duration::from_secs(1)).await;
        process.disable(&kept).await.unwrap();
        process.remove(&gone).await.unwrap();
        gate.add_permits(2);
        sleep(minutes(1)).await;
    })
    .await;
    assert_eq!(world.runs.count(), 2);
    let left = world.book.only();
    assert_eq!((&left.id, left.spec.enabled, left.next_at), (&kept, false, None));
    assert!(left.last.is_some_and(|last| last.run.is_some()));
}

#[tokio::test(start_paused = true)]
async fn hostile_input_is_refused_by_field_and_nothing_is_kept() {
    let world = World::new();
    let process = world.process();
    let change = |change: &dyn Fn(&mut ScheduleSpec)| {
        let mut spec = spec(every(10));
        change(&mut spec);
        spec
    };
    let patterns = |include: &[&str], exclude: &[String]| {
        let include = include.iter().map(|&pattern| pattern.to_owned()).collect();
        Some(NamespacePatterns { include, exclude: exclude.to_vec() })
    };
    let cases: Vec<(&str, ScheduleSpec)> = vec![
        ("timing", spec(Timing::Every(0))),
        ("timing", spec(Timing::Every(59))),
        ("timing", spec(Timing::Every(u64::MAX))),
        ("timing", spec(Timing::Every(u64::MAX / 1_000))),
        ("timing", spec(cron(""))),
        ("timing", spec(cron("rm -rf / ; x"))),
        ("timing", spec(cron("0 */15 * * * *"))),
        ("timing", spec(cron("0 0 30 2 *"))),
        ("timing", spec(cron("* * * *\u{7} *"))),
        ("timing", spec(cron(&"*/5,".repeat(100_000)))),
        ("name", change(&|spec| spec.name = "n".repeat(81))),
        ("name", change(&|spec| spec.name = "a\u{1b}[2Jb".to_owned())),
        ("namespace", change(&|spec| spec.request.namespace = "n".repeat(513))),
        ("namespace", change(&|spec| spec.request.namespace = "ü".to_owned())),
        ("namespace", change(&|spec| spec.request.namespace = "a\nb".to_owned())),
        ("namespaces", change(&|spec| spec.request.namespaces = patterns(&[""], &[]))),
        ("namespaces", change(&|spec| spec.request.namespaces = patterns(&["a\rb"], &[]))),
        ("namespaces", change(&|spec| spec.request.namespaces = patterns(&["*"], &["*".repeat(513)]))),
        ("namespaces", change(&|spec| spec.request.namespaces = patterns(&[], &vec!["a".to_owned(); 101]))),
        (
            "namespaces",
            change(&|spec| {
                spec.request.kind = RunKind::Levels;
                spec.request.namespaces = patterns(&[], &[]);
            }),
        ),
        ("batch_size", change(&|spec| spec.request.batch_size = Some(0))),
        ("batch_size", change(&|spec| spec.request.batch_size = Some(u32::MAX))),
        ("request", change(&|spec| spec.request.plan = Some("7c41".to_owned()))),
        ("request", change(&|spec| spec.request.kind = RunKind::Documents)),
        ("request", change(&|spec| spec.request.retry = Some(RunId("run1".to_owned())))),
    ];
    for (wrong, spec) in cases {
        match process.add(spec.clone()).await {
            Err(ScheduleError::Invalid { field, message }) => {
                assert_eq!(field, wrong, "{message}");
                assert!(message.len() < 400 && !message.chars().any(char::is_control), "{message:?}");
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
    assert!(world.book.rows.lock().unwrap().is_empty());

    let nobody = ScheduleId("n".repeat(100_000));
    for error in [
        process.change(&nobody, spec(every(10))).await.unwrap_err(),
        process.remove(&nobody).await.unwrap_err(),
        process.find(&nobody.0).await.unwrap_err(),
        process.find("").await.unwrap_err(),
    ] {
        assert!(matches!(error, ScheduleError::Unknown { .. }), "{error}");
        assert!(error.to_string().len() < 200, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn schedules_are_found_by_the_beginning_of_their_ids() {
    let world = World::new();
    let process = world.process();
    let named = |name: &str| ScheduleSpec { name: name.to_owned(), ..spec(every(10)) };
    let mut all = named("");
    all.request.namespaces = Some(NamespacePatterns::default());
    all.request.namespace = "means nothing".to_owned();
    let all = process.add(all).await.unwrap();
    assert_eq!(all.spec.request.namespace, "");
    let analysis = ScheduleSpec { request: RunRequest::new(RunKind::Analyze, ""), ..named("Ünïcode: 1/2") };
    let analysis = process.add(analysis).await.unwrap();
    assert!(analysis.spec.request.dry_run, "an analysis is always dry");
    for (schedule, start) in [
        (&all, "all-namespaces-"),
        (&analysis, "n-code-1-2-"),
        (&process.add(named("")).await.unwrap(), "articles-"),
        (&process.add(named("Nightly")).await.unwrap(), "nightly-"),
        (&process.add(named("***")).await.unwrap(), "schedule-"),
    ] {
        assert_eq!(process.find(start).await.unwrap().id, schedule.id);
        assert_eq!(process.find(&schedule.id.0).await.unwrap().id, schedule.id);
        assert_eq!(schedule.next_at, Some(world.now() + 10 * MINUTE));
    }
    let error = process.find("n").await.unwrap_err();
    assert!(matches!(error, ScheduleError::Ambiguous { .. }) && error.to_string().contains("nightly-"));
}

#[tokio::test(start_paused = true)]
async fn what_another_process_changes_as_a_tick_is_written_down_stays_changed() {
    let world = World::new();
    let process = world.process();
    process.add(spec(every(10))).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    *world.runs.gate.lock().unwrap() = Some(gate.clone());
    beside(&[&process], async {
        // The tick is claimed and its run about to start: what is kept next is how it went.
        sleep(minutes(10) + Duration::from_secs(1)).await;
        *world.book.meanwhile.lock().unwrap() = Some(Box::new(|rows| {
            rows[0].spec.name = "Nightly".to_owned();
            rows[0].spec.enabled = false;
            rows[0].next_at = None;
        }));
        gate.add_permits(1);
        sleep(minutes(1)).await;
    })
    .await;
    let kept = world.book.only();
    assert_eq!((kept.spec.name.as_str(), kept.spec.enabled, kept.next_at), ("Nightly", false, None));
    assert_eq!(kept.last.unwrap().run, Some(RunId("run1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_tick_starts_what_the_schedule_asks_for_when_it_is_claimed() {
    let world = World::new();
    let process = world.process();
    process.add(spec(every(10))).await.unwrap();
    *world.book.meanwhile.lock().unwrap() =
        Some(Box::new(|rows| rows[0].spec.request.namespace = "another".to_owned()));
    beside(&[&process], sleep(minutes(11))).await;
    assert_eq!(world.runs.started.lock().unwrap()[0].1.namespace, "another");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_changes_before_somebody_changes_it_stays_changed() {
    let world = World::new();
    let process = world.process();
    let id = process.add(spec(every(10))).await.unwrap().id;
    let meanwhile = |tick: u64| {
        let ticked: Meanwhile = Box::new(move |rows| {
            rows[0].next_at = Some(tick);
            rows[0].last = Some(LastRun { run: None, state: None, at: tick, note: None });
        });
        *world.book.meanwhile.lock().unwrap() = Some(ticked);
    };
    let at = || {
        let kept = world.book.only();
        (kept.next_at, kept.last.map(|last| last.at))
    };
    meanwhile(START + 1);
    process.change(&id, spec(every(10))).await.unwrap();
    assert_eq!(at(), (Some(START + 1), Some(START + 1)));
    meanwhile(START + 2);
    process.enable(&id).await.unwrap();
    assert_eq!(at(), (Some(START + 2), Some(START + 2)));
    meanwhile(START + 3);
    process.disable(&id).await.unwrap();
    assert_eq!(at(), (None, Some(START + 3)));
}

#[tokio::test(start_paused = true)]
async fn documents_are_updated_where_there_is_a_search_index_and_something_is_written() {
    let world = World::new();
    let process = world.process();
    let mut also = spec(every(10));
    also.request.documents = Some(DocumentUpdate::default());
    let refused = |error: ScheduleError| match error {
        ScheduleError::Invalid { field: "elasticsearch", message } => message,
        other => panic!("{other:?}"),
    };
    let message = refused(process.add(also.clone()).await.unwrap_err());
    assert_eq!(message, "ELASTICSEARCH_ENDPOINT is not set");
    assert!(world.book.rows.lock().unwrap().is_empty());

    // An analysis has no such step, so it needs none.
    let mut analysis = also.clone();
    analysis.request.kind = RunKind::Analyze;
    let analysis = process.add(analysis).await.unwrap();
    assert_eq!(analysis.spec.request.documents, None);
    process.remove(&analysis.id).await.unwrap();

    world.runs.searches.store(true, Ordering::SeqCst);
    let made = process.add(also.clone()).await.unwrap();
    beside(&[&process], sleep(minutes(11))).await;
    assert_eq!(world.runs.started.lock().unwrap()[0].1, also.request, "as it was asked for");

    // Once the setting is gone it can still be switched off, but not be kept as it is.
    world.runs.searches.store(false, Ordering::SeqCst);
    refused(process.change(&made.id, also.clone()).await.unwrap_err());
    assert!(!process.disable(&made.id).await.unwrap().spec.enabled);
    also.request.documents = None;
    process.change(&made.id, also).await.unwrap();
    assert_eq!(world.book.only().spec.request.documents, None);
}
