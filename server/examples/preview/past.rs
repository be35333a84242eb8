//! What is there from the beginning: a run in every state that a page knows.

use std::{sync::PoisonError, time::Duration};

use protocol::{
    Counts, EventBody, LastRun, LogLevel, NamespacePatterns, NamespaceRun, Pause, PauseReason, Plan,
    PlannedRequests, RunId, RunKind, RunRequest, RunState, Schedule, ScheduleId, ScheduleSpec, Step,
    StepState, Timing,
};

use crate::{now, plan::plan, play::Script};

/// The runs that are there from the beginning.
pub async fn past(script: &Script) {
    let request = |kind, namespace: &str, dry_run| RunRequest { dry_run, ..RunRequest::new(kind, namespace) };
    let hour = 3_600_000;
    let start = now() - 2 * hour;
    let planned = script.begin("r1", request(RunKind::Analyze, "3f2b8c1e-77aa-4d0e", true), start);
    script.clone().play(planned, Duration::ZERO, start).await;
    let mirrored = RunRequest {
        plan: Some("0badc0de11".to_owned()),
        ..request(RunKind::Mirror, "3f2b8c1e-77aa-4d0e", false)
    };
    let finished = script.begin("r2", mirrored, start + hour);
    script.clone().play(finished, Duration::ZERO, start + hour).await;
    let rehearsed =
        script.begin("r5", request(RunKind::Mirror, "3f2b8c1e-77aa-4d0e", true), start + hour / 2);
    script.clone().play(rehearsed, Duration::ZERO, start + hour / 2).await;

    let failed = script.begin("r3", request(RunKind::Analyze, "c4e1f200-5b7d-4a90", true), start + hour / 3);
    let at = start + hour / 3 + 2_140;
    let error = "askdona: 401 Unauthorized: the API key is not valid; set PINECONE_API_KEY";
    script.step(&failed, at, Step::List, StepState::Failed, error);
    script.log(&failed, at, LogLevel::Error, error);
    script.ended(&failed, at, RunState::Failed, Some(error));

    let in_sync = script.begin("r4", request(RunKind::Analyze, "91d0aa42-0c1f-4e55", true), start + hour / 4);
    let at = start + hour / 4 + 61_000;
    let found = Plan {
        source: 240_018,
        target: 240_018,
        in_sync: 240_018,
        missing: 0,
        changed: 0,
        no_text: 0,
        orphans: 0,
        embeddings: 0,
        folded: 0,
        reusable: 0,
        tokens: 0,
        cost_micro_usd: Some(0),
        over_long: 0,
        requests: PlannedRequests { list: 4_802, fetch: 4_802, ..PlannedRequests::default() },
        seconds: 58,
        kept: 0,
        keys: Vec::new(),
        samples: Vec::new(),
        ..plan("e3b0c44298fc")
    };
    script.step(&in_sync, at, Step::List, StepState::Done, "240,018 records on both sides");
    script.step(&in_sync, at, Step::Compare, StepState::Done, "all equal");
    script.emit(&in_sync, at, EventBody::Plan(Box::new(found)));
    script.ended(&in_sync, at, RunState::Done, None);
    stopped(script, start).await;
    several(script, start);
    schedules(script, start);
}

/// Runs that wait to be resumed, each for another reason.
async fn stopped(script: &Script, start: u64) {
    let begin = async |id: &str, at: u64| {
        let run = script.begin(id, RunRequest::new(RunKind::Mirror, "3f2b8c1e-77aa-4d0e"), at);
        script.step(&run, at, Step::List, StepState::Done, "18,120 and 17,655 records, 359 requests");
        script.step(&run, at, Step::Compare, StepState::Paused, "9,000 records read on both sides");
        for line in 0..1_400 {
            let level = if line % 9 == 0 { LogLevel::Warn } else { LogLevel::Info };
            script.log(&run, at + line, level, &format!("batch {line} was acknowledged by askdona"));
        }
        run
    };
    let at = start + 60_000;
    let quota = begin("r6", start).await;
    let message = "Gemini: RESOURCE_EXHAUSTED, the quota of 10,000 requests a day is used up";
    let pause = |reason, message: &str, until| Pause { reason, message: message.to_owned(), until };
    script.paused(&quota, at, pause(PauseReason::Quota, message, Some(now() + 3 * 3_600_000)));
    let requested = begin("r7", start + 1).await;
    script.paused(&requested, at, pause(PauseReason::Requested, "", None));
    let shut = begin("r8", start + 2).await;
    script.paused(&shut, at, pause(PauseReason::Shutdown, "", None));
    let interrupted = begin("r9", start + 3).await;
    if let Some(run) = script.lock().get_mut(&interrupted.0) {
        run.view.state = RunState::Interrupted;
        run.view.finished_at = Some(at);
    }
}

/// A run over several namespaces, at work.
fn several(script: &Script, start: u64) {
    let request = RunRequest {
        namespaces: Some(NamespacePatterns { include: Vec::new(), exclude: vec!["*-test".to_owned()] }),
        ..RunRequest::new(RunKind::Mirror, "")
    };
    let parent = script.begin("r10", request, start + 4);
    let counts = Counts { listed: true, in_sync: 900, missing: 40, migrated: 38, ..Counts::default() };
    let rows = [
        ("3f2b8c1e-77aa-4d0e", Some("r2"), Some(RunState::DoneWithFailures), None),
        ("91d0aa42-0c1f-4e55", Some("r6"), Some(RunState::Running), None),
        ("__default__", None, None, Some("the namespace is held by run r3")),
        ("c4e1f200-5b7d-4a90", None, None, None),
    ];
    for (namespace, run, state, error) in rows {
        let row = NamespaceRun {
            namespace: namespace.to_owned(),
            run: run.map(|run| RunId(run.to_owned())),
            state,
            counts: if state.is_some() { counts.clone() } else { Counts::default() },
            error: error.map(str::to_owned),
        };
        script.emit(&parent, start + 5_000, EventBody::Namespace(Box::new(row)));
    }
}

fn schedules(script: &Script, start: u64) {
    let schedule = |id: &str, name: &str, timing, request, last| Schedule {
        id: ScheduleId(id.to_owned()),
        spec: ScheduleSpec { name: name.to_owned(), timing, request, enabled: last != Last::Off },
        created_at: start,
        next_at: (last != Last::Off).then(|| now() + 2_000_000),
        last: match last {
            Last::Off => None,
            Last::Done => Some(LastRun {
                run: Some(RunId("r2".to_owned())),
                state: Some(RunState::Done),
                at: start,
                note: None,
            }),
            Last::Skipped => Some(LastRun {
                run: None,
                state: None,
                at: start,
                note: Some("skipped: run r2 was still at work".to_owned()),
            }),
        },
    };
    let all =
        RunRequest { namespaces: Some(NamespacePatterns::default()), ..RunRequest::new(RunKind::Mirror, "") };
    let one = RunRequest::new(RunKind::Mirror, "3f2b8c1e-77aa-4d0e");
    let look = RunRequest { dry_run: true, ..RunRequest::new(RunKind::Analyze, "91d0aa42-0c1f-4e55") };
    script.schedules.lock().unwrap_or_else(PoisonError::into_inner).extend([
        schedule("s1", "Nightly", Timing::Cron("0 3 * * *".to_owned()), all, Last::Done),
        schedule("s2", "", Timing::Every(900), one, Last::Skipped),
        schedule("s3", "A look on Mondays", Timing::Cron("0 8 * * MON".to_owned()), look, Last::Off),
    ]);
}

#[derive(PartialEq, Eq)]
enum Last {
    Done,
    Skipped,
    Off,
}
