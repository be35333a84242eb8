//! Runs and plans as they might be, for the specimens.

use protocol::{
    AddedMetadata, Change, ChangeKind, Counts, Difference, EndpointUse, FailedRecord, Flow, KeyChanges,
    LogLevel, LogLine, Pacing, Plan, PlannedRequests, Progress, RatePoint, Reading, RunHead, RunId, RunKind,
    RunRequest, RunState, RunView, Stage, Step, StepState, StepView, TextLengths, Verification,
};

/// When everything happens: a morning in November 2026, in milliseconds since 1970.
pub const NOW: u64 = 1_795_257_727_000;

/// The run of all samples; no page leads to it.
pub fn id() -> RunId {
    RunId("sample".to_owned())
}

fn step(step: Step, state: StepState, detail: &str) -> StepView {
    StepView { step, state, detail: detail.to_owned() }
}

/// A live mirror in its first phase.
pub fn running() -> RunView {
    let mut view = RunView::new(RunHead {
        id: id(),
        request: RunRequest::new(RunKind::Mirror, "help-centre"),
        origin: None,
        source: "gflops-serverless".to_owned(),
        target: "askdona".to_owned(),
        steps: Vec::new(),
        texts_per_minute: 3_000,
        writing: None,
        started_at: NOW - 90_000,
    });
    view.updated_at = NOW;
    view.steps = vec![
        step(Step::List, StepState::Done, "18,120 and 17,655 records, 359 requests"),
        step(Step::Compare, StepState::Done, "18,120 records"),
        step(Step::Migrate, StepState::Running, ""),
        step(Step::Update, StepState::Waiting, ""),
        step(Step::Verify, StepState::Waiting, ""),
    ];
    view.progress = Progress {
        counts: Counts {
            source_listed: 18_120,
            target_listed: 17_655,
            listed: true,
            only_source: 1_058,
            in_both: 17_062,
            orphans: 547,
            in_sync: 16_870,
            missing: 1_012,
            changed: 192,
            no_text: 46,
            migrated: 641,
            failed: 2,
            failed_missing: 2,
            embedded: 598,
            ..Counts::default()
        },
        requests: ["list", "fetch", "upsert"]
            .map(|endpoint| EndpointUse {
                service: "target".to_owned(),
                endpoint: endpoint.to_owned(),
                requests: 180,
                succeeded: 179,
                retried: 1,
                throttled: 1,
                bytes_sent: 48_200,
                bytes_received: 1_840_000,
            })
            .into(),
        pacing: vec![Pacing {
            service: "gemini".to_owned(),
            message: "Gemini: 2,950 of 3,000 texts this minute".to_owned(),
            until: NOW + 4_000,
        }],
        flow: Flow {
            fetch: Stage { waiting: 0, in_flight: 0, millis: 42 },
            embed: Stage { waiting: 300, in_flight: 2, millis: 610 },
            upsert: Stage { waiting: 0, in_flight: 1, millis: 118 },
        },
    };
    view.rate = rate(90, false);
    view.log = log();
    view.failures = vec![failure("doc-00031#3"), failure("doc-00518#0")];
    view
}

/// The same run, ended, with documents updated beside its records.
pub fn done() -> RunView {
    let mut view = running();
    view.state = RunState::DoneWithFailures;
    view.finished_at = Some(NOW);
    view.rate = rate(1_200, true);
    view.progress.pacing.clear();
    for step in &mut view.steps {
        step.state = StepState::Done;
    }
    view
}

/// The same run, broken off in its first phase.
pub fn failed() -> RunView {
    let mut view = running();
    view.state = RunState::Failed;
    view.steps[2] =
        step(Step::Migrate, StepState::Failed, "askdona refused the key (401): set TARGET_PINECONE_API_KEY");
    view.steps[3].state = StepState::Paused;
    view.steps[4].state = StepState::Cancelled;
    view
}

/// One that has only begun.
pub fn begun() -> RunView {
    let running = running();
    let mut view = RunView::new(running.head);
    view.steps = running.steps;
    for step in &mut view.steps {
        *step = self::step(step.step, StepState::Waiting, "");
    }
    view
}

fn failure(id: &str) -> FailedRecord {
    FailedRecord {
        id: id.to_owned(),
        step: Step::Migrate,
        message: "INVALID_ARGUMENT: the text holds nothing that can be embedded".to_owned(),
        attempts: 2,
        at: NOW,
    }
}

/// A speed that comes and goes, with a wait at the end of every minute.
fn rate(seconds: u64, documents: bool) -> Vec<RatePoint> {
    let step = seconds.div_ceil(100);
    let mut point = RatePoint { at: NOW - seconds * 1_000, ..RatePoint::default() };
    let mut points = vec![point];
    while point.at < NOW {
        let second = seconds.saturating_sub((NOW - point.at) / 1_000);
        let waits = second % 60 >= 50;
        let wave = 8 * ((second / step) % 7);
        point.at += step * 1_000;
        point.embedded += if waits { 0 } else { step * (44 + wave / 8) };
        point.written += if waits { step * 4 } else { step * (38 + wave / 4) };
        point.paced += if waits { step * 1_000 } else { 0 };
        if documents && second > seconds / 2 {
            point.documents += step * 31;
            point.written += step * 31;
        }
        points.push(point);
    }
    points
}

fn log() -> Vec<LogLine> {
    [
        (0, LogLevel::Info, "phase A: 1,012 records to migrate, 31 without text"),
        (4, LogLevel::Warn, "Gemini asked to slow down (429, retry in 4 s); no text is lost"),
        (
            8,
            LogLevel::Error,
            "doc-00031#3: Gemini refused this text: INVALID_ARGUMENT; 99 others of its batch went on",
        ),
        (9, LogLevel::Info, "600 records migrated"),
    ]
    .into_iter()
    .map(|(second, level, message)| LogLine {
        at: NOW - 20_000 + second * 1_000,
        level,
        message: message.to_owned(),
    })
    .collect()
}

fn change(key: &str, kind: ChangeKind, target: Option<&str>, source: Option<&str>) -> Change {
    Change { key: key.to_owned(), kind, target: target.map(str::to_owned), source: source.map(str::to_owned) }
}

/// In how many records which key differs.
pub fn keys() -> Vec<KeyChanges> {
    [
        ("legacy_id", 0, 41, 0),
        ("reviewed_by", 96, 0, 0),
        ("tags", 3, 1, 88),
        ("title", 0, 0, 131),
        ("year", 0, 0, 1),
    ]
    .into_iter()
    .map(|(key, added, removed, changed)| KeyChanges { key: key.to_owned(), added, removed, changed })
    .collect()
}

/// How long the texts of a help centre are.
pub fn lengths() -> TextLengths {
    TextLengths {
        limit: 2_048,
        buckets: vec![0, 2, 4, 9, 18, 41, 60, 98, 172, 201, 188, 120, 61, 22, 9, 4, 3, 0, 0, 0, 0, 0],
    }
}

/// What an analysis found.
pub fn plan() -> Plan {
    Plan {
        hash: "7c41".to_owned(),
        source: 18_120,
        target: 17_655,
        in_sync: 16_870,
        missing: 1_012,
        changed: 192,
        no_text: 46,
        orphans: 547,
        unreadable: 0,
        embeddings: 1_021,
        folded: 12,
        reused: 183,
        reusable: 183,
        proven: 90,
        tokens: 412_000,
        cost_micro_usd: Some(61_800),
        over_long: 7,
        lengths: lengths(),
        requests: PlannedRequests { list: 0, fetch: 13, embed: 11, upsert: 14 },
        seconds: 24,
        held_by: "Gemini: 3,000 texts a minute".to_owned(),
        added: AddedMetadata { key: "clearance_level".to_owned(), value: "1".to_owned() },
        text_key: "text".to_owned(),
        made_by: String::new(),
        kept: 3,
        overwritten: 0,
        keys: keys(),
        samples: vec![
            Difference {
                id: "doc-00412#7".to_owned(),
                changes: vec![
                    change("reviewed_by", ChangeKind::Added, None, Some("\"support-emea\"")),
                    change(
                        "title",
                        ChangeKind::Changed,
                        Some("\"Reset a pasword\""),
                        Some("\"Reset a password\""),
                    ),
                ],
            },
            Difference {
                id: "doc-01310#2".to_owned(),
                changes: vec![change("year", ChangeKind::Changed, Some("\"2024\""), Some("2024"))],
            },
            Difference {
                id: "doc-01311#4".to_owned(),
                changes: vec![change("legacy_id", ChangeKind::Removed, Some("\"A-99812\""), None)],
            },
        ],
    }
}

/// The counts after a run, confirmed or not.
pub fn verification(confirmed: bool) -> Verification {
    Verification {
        source: Reading::Known(18_120),
        target: if confirmed {
            Reading::Known(18_619)
        } else {
            Reading::Unknown("askdona did not answer".to_owned())
        },
        expected_target: 18_619,
        no_text: 46,
        failed: 2,
        orphans: 547,
        confirmed,
        summary: if confirmed {
            "The target holds every record that it should hold.".to_owned()
        } else {
            "The target could not be counted.".to_owned()
        },
    }
}
