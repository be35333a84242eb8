//! The runs of the preview, and the script that a new one plays.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use protocol::{
    Counts, EndpointUse, Event, EventBody, FailedRecord, Flow, LogLevel, LogLine, Pacing, Pause, Progress,
    Reading, RunHead, RunId, RunKind, RunRequest, RunState, RunView, Schedule, Stage, Step, StepState,
    Verification,
};
use tokio::sync::broadcast;

use crate::{
    now,
    plan::{CHANGED, IN_SYNC, MISSING, NO_TEXT, ORPHANS, SOURCE, TARGET, plan},
};

/// One run, and who hears of it.
pub struct Run {
    pub view: RunView,
    pub events: broadcast::Sender<Arc<Event>>,
}

/// Every run, and the schedules.
#[derive(Clone, Default)]
pub struct Script {
    runs: Arc<Mutex<BTreeMap<String, Run>>>,
    pub schedules: Arc<Mutex<Vec<Schedule>>>,
}

impl Script {
    pub fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self, id: &str, request: RunRequest, started_at: u64) -> RunId {
        let id = RunId(id.to_owned());
        let steps = match (request.kind, request.dry_run) {
            (RunKind::Analyze, _) | (_, true) => vec![Step::List, Step::Compare],
            _ => vec![Step::List, Step::Compare, Step::Migrate, Step::Update, Step::Verify],
        };
        let head = RunHead {
            id: id.clone(),
            origin: request.retry.clone().or_else(|| request.plan.as_ref().map(|_| RunId("r1".to_owned()))),
            request,
            source: "gflops-serverless".to_owned(),
            target: "askdona".to_owned(),
            steps,
            texts_per_minute: 3_000,
            started_at,
        };
        let run = Run { view: RunView::new(head.clone()), events: broadcast::channel(64).0 };
        self.lock().insert(id.0.clone(), run);
        self.emit(&id, started_at, EventBody::Started(Box::new(head)));
        id
    }

    pub fn emit(&self, id: &RunId, at: u64, body: EventBody) {
        let mut runs = self.lock();
        let Some(run) = runs.get_mut(&id.0) else { return };
        let event = Event { run: id.clone(), seq: run.view.seq + 1, at, body };
        run.view.apply(&event);
        let _ = run.events.send(Arc::new(event));
    }

    pub fn log(&self, id: &RunId, at: u64, level: LogLevel, message: &str) {
        self.emit(id, at, EventBody::Log(LogLine { at, level, message: message.to_owned() }));
    }

    pub fn step(&self, id: &RunId, at: u64, step: Step, state: StepState, detail: &str) {
        self.emit(id, at, EventBody::Step { step, state, detail: detail.to_owned() });
    }

    /// How a run that is asked to stop ends.
    fn stopping(&self, id: &RunId) -> Option<(RunState, StepState)> {
        match self.lock().get(&id.0).map(|run| run.view.state) {
            Some(RunState::Cancelling) => Some((RunState::Cancelled, StepState::Cancelled)),
            Some(RunState::Pausing) => Some((RunState::Paused, StepState::Paused)),
            _ => None,
        }
    }

    /// Ends a run as paused, with its reason.
    pub fn paused(&self, id: &RunId, at: u64, pause: Pause) {
        self.emit(id, at, EventBody::Finished { state: RunState::Paused, error: None, pause: Some(pause) });
    }

    pub fn ended(&self, id: &RunId, at: u64, state: RunState, error: Option<&str>) {
        self.emit(id, at, EventBody::Finished { state, error: error.map(str::to_owned), pause: None });
    }

    /// Plays a run; `pause` lets the past be written without waiting.
    pub async fn play(self, id: RunId, pause: Duration, mut at: u64) {
        let request = match self.lock().get(&id.0) {
            Some(run) => run.view.head.request.clone(),
            None => return,
        };
        let tick = async |at: &mut u64| {
            if pause.is_zero() {
                *at += 500;
            } else {
                tokio::time::sleep(pause).await;
                *at = now();
            }
        };
        let mut counts = Counts::default();
        self.step(&id, at, Step::List, StepState::Running, "");
        self.step(&id, at, Step::Compare, StepState::Running, "");
        self.log(&id, at, LogLevel::Info, "listing gflops-serverless and askdona");
        for part in 1..=8 {
            tick(&mut at).await;
            counts.source_listed = SOURCE * part / 8;
            counts.target_listed = TARGET * part / 8;
            counts.only_source = (MISSING + 31) * part / 8;
            counts.in_both = (SOURCE - MISSING - 31) * part / 8;
            counts.in_sync = IN_SYNC * part / 9;
            counts.missing = MISSING * part / 9;
            counts.changed = CHANGED * part / 9;
            counts.no_text = NO_TEXT * part / 9;
            counts.orphans = ORPHANS * part / 8;
            self.progress(&id, at, &counts, &[], 2, 0, 0);
            if let Some((state, step)) = self.stopping(&id) {
                self.step(&id, at, Step::Compare, step, "");
                return self.ended(&id, at, state, None);
            }
        }
        counts = Counts {
            listed: true,
            in_sync: IN_SYNC,
            missing: MISSING,
            changed: CHANGED,
            no_text: NO_TEXT,
            kept: 3,
            moved: if request.plan.is_some() { 4 } else { 0 },
            gone: u64::from(request.plan.is_some()),
            ..counts
        };
        counts.in_both = SOURCE - counts.only_source;
        self.progress(&id, at, &counts, &[], 0, 0, 0);
        self.step(&id, at, Step::List, StepState::Done, "18,120 and 17,655 records, 359 requests");
        self.step(&id, at, Step::Compare, StepState::Done, "17,077 records read on both sides, 342 requests");
        self.log(&id, at, LogLevel::Info, "1,012 records to migrate, 192 to update, 46 without text");
        self.emit(&id, at, EventBody::Plan(Box::new(plan("7c41d09be2f3"))));
        if request.dry_run {
            return self.ended(&id, at, RunState::Done, None);
        }
        self.step(&id, at, Step::Migrate, StepState::Running, "");
        let mut paced = 0;
        while counts.migrated + counts.failed_missing < MISSING || counts.updated < CHANGED {
            tick(&mut at).await;
            let speed = 25 + 12 * (counts.migrated % 3);
            if counts.migrated + counts.failed_missing < MISSING {
                counts.migrated = (counts.migrated + speed).min(MISSING - 2);
                counts.embedded += speed;
                if counts.migrated > 200 && counts.failed_missing == 0 {
                    self.fail(
                        &id,
                        at,
                        &mut counts,
                        "doc-00031#3",
                        "Gemini refused this text: INVALID_ARGUMENT",
                    );
                }
                if counts.migrated > 700 && counts.failed_missing == 1 {
                    let message = "askdona refused this record: metadata larger than 40 KB";
                    self.fail(&id, at, &mut counts, "doc-00518#0", message);
                }
            } else {
                if counts.updated == 0 {
                    self.step(&id, at, Step::Migrate, StepState::Done, "1,010 written, 2 failed");
                    self.step(&id, at, Step::Update, StepState::Running, "");
                }
                counts.updated = (counts.updated + speed).min(CHANGED);
                counts.embedded += speed;
            }
            counts.tokens = counts.embedded * 403;
            paced = if paced == 0 && counts.embedded % 7 < 3 { at + 4_000 } else { paced };
            if paced > 0 && paced <= at {
                paced = 0;
            }
            let pacing = Pacing {
                service: "gemini".to_owned(),
                message: "Gemini: 2,950 of 3,000 texts this minute".to_owned(),
                until: paced,
            };
            let pacing: &[Pacing] = if paced > 0 { &[pacing] } else { &[] };
            self.progress(&id, at, &counts, pacing, 3, 300, 20);
            if counts.embedded % 11 == 0 {
                self.log(
                    &id,
                    at,
                    LogLevel::Warn,
                    "Gemini asked to slow down (429, retry in 4 s); no text is lost",
                );
            }
            if let Some((state, step)) = self.stopping(&id) {
                self.step(&id, at, Step::Migrate, step, "stopped on request");
                return self.ended(&id, at, state, None);
            }
        }
        self.step(&id, at, Step::Update, StepState::Done, "192 written");
        self.step(&id, at, Step::Verify, StepState::Running, "waiting for askdona to catch up");
        tick(&mut at).await;
        self.emit(
            &id,
            at,
            EventBody::Verified(Verification {
                source: Reading::Known(SOURCE),
                target: Reading::Known(TARGET + MISSING - 2),
                expected_target: TARGET + MISSING - 2,
                no_text: 0,
                failed: 2,
                orphans: ORPHANS,
                confirmed: true,
                summary: "Both sides were counted, and every difference is explained.".to_owned(),
            }),
        );
        self.step(&id, at, Step::Verify, StepState::Done, "the target holds what was expected");
        self.ended(&id, at, RunState::DoneWithFailures, None);
    }

    fn fail(&self, id: &RunId, at: u64, counts: &mut Counts, record: &str, message: &str) {
        counts.failed += 1;
        counts.failed_missing += 1;
        let failed = FailedRecord {
            id: record.to_owned(),
            step: Step::Migrate,
            message: message.to_owned(),
            attempts: 1 + u32::from(counts.failed == 1),
            at,
        };
        self.emit(id, at, EventBody::Failed(failed));
        self.log(id, at, LogLevel::Error, &format!("{record}: {message}; its neighbours went on"));
    }

    #[expect(clippy::too_many_arguments, reason = "a script, not an interface")]
    fn progress(
        &self,
        id: &RunId,
        at: u64,
        counts: &Counts,
        pacing: &[Pacing],
        busy: u64,
        waiting: u64,
        next: u64,
    ) {
        let endpoint = |service: &str, endpoint: &str, requests: u64, throttled: u64| EndpointUse {
            service: service.to_owned(),
            endpoint: endpoint.to_owned(),
            requests,
            succeeded: requests - throttled,
            retried: throttled,
            throttled,
            bytes_sent: requests * 5_321,
            bytes_received: requests * 41_077,
        };
        let progress = Progress {
            counts: counts.clone(),
            requests: vec![
                endpoint("source", "list", counts.source_listed.div_ceil(100), 0),
                endpoint("source", "fetch", counts.in_sync.div_ceil(100), 0),
                endpoint("target", "list", counts.target_listed.div_ceil(100), 0),
                endpoint("target", "fetch", counts.in_sync.div_ceil(100), 0),
                endpoint("gemini", "embed", counts.embedded.div_ceil(100), u64::from(counts.embedded > 500)),
                endpoint("target", "upsert", counts.migrated.div_ceil(80), 0),
            ],
            pacing: pacing.to_vec(),
            flow: Flow {
                fetch: Stage { waiting: 0, in_flight: busy.min(1), millis: 85 },
                embed: Stage {
                    waiting,
                    in_flight: busy.saturating_sub(1),
                    millis: u64::from(waiting > 0) * 240,
                },
                upsert: Stage { waiting: next, in_flight: 0, millis: u64::from(waiting > 0) * 118 },
            },
        };
        self.emit(id, at, EventBody::Progress(Box::new(progress)));
    }
}
