//! The pages on a scripted backend, without any service: `cargo leptos build --frontend-only`, then
//! `cargo run -p server --example preview`.
//!
//! It holds a plan, a finished run with failures, an analysis that found nothing to do and one that failed; a run that
//! is started here moves, is paced, loses a record and ends, so that every state of a page can be looked at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use app::{ApiError, Backend};
use futures::{FutureExt, future::BoxFuture};
use leptos::config::LeptosOptions;
use protocol::{
    AddedMetadata, Category, Change, ChangeKind, Counts, Difference, EndpointUse, Event, EventBody,
    FailedRecord, Flow, IndexView, KeyChanges, LogLevel, LogLine, NamespaceRow, Namespaces, Overview, Pacing,
    Plan, PlannedRequests, Progress, Reading, RecordIds, RunHead, RunId, RunKind, RunRequest, RunState,
    RunSummary, RunView, Stage, Step, StepState, Verification,
};
use server::web::{Lifecycle, router, serve};
use tokio::sync::broadcast;

const SOURCE: u64 = 18_120;
const TARGET: u64 = 17_655;
const MISSING: u64 = 1_012;
const CHANGED: u64 = 192;
const NO_TEXT: u64 = 46;
const ORPHANS: u64 = 547;
const IN_SYNC: u64 = SOURCE - MISSING - CHANGED - NO_TEXT;

#[expect(clippy::disallowed_methods, reason = "the preview has no injected clock")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

struct Run {
    view: RunView,
    events: broadcast::Sender<Arc<Event>>,
}

#[derive(Clone, Default)]
struct Script {
    runs: Arc<Mutex<BTreeMap<String, Run>>>,
}

impl Script {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, id: &str, request: RunRequest, started_at: u64) -> RunId {
        let id = RunId(id.to_owned());
        let steps = match (request.kind, request.dry_run) {
            (RunKind::Analyze, _) | (_, true) => vec![Step::List, Step::Compare],
            _ => vec![Step::List, Step::Compare, Step::Migrate, Step::Update, Step::Verify],
        };
        let head = RunHead {
            id: id.clone(),
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

    fn emit(&self, id: &RunId, at: u64, body: EventBody) {
        let mut runs = self.lock();
        let Some(run) = runs.get_mut(&id.0) else { return };
        let event = Event { run: id.clone(), seq: run.view.seq + 1, at, body };
        run.view.apply(&event);
        let _ = run.events.send(Arc::new(event));
    }

    fn log(&self, id: &RunId, at: u64, level: LogLevel, message: &str) {
        self.emit(id, at, EventBody::Log(LogLine { at, level, message: message.to_owned() }));
    }

    fn step(&self, id: &RunId, at: u64, step: Step, state: StepState, detail: &str) {
        self.emit(id, at, EventBody::Step { step, state, detail: detail.to_owned() });
    }

    fn cancelling(&self, id: &RunId) -> bool {
        self.lock().get(&id.0).is_some_and(|run| run.view.state == RunState::Cancelling)
    }

    fn ended(&self, id: &RunId, at: u64, state: RunState, error: Option<&str>) {
        self.emit(id, at, EventBody::Finished { state, error: error.map(str::to_owned) });
    }

    /// Plays a run; `pause` lets the past be written without waiting.
    async fn play(self, id: RunId, pause: Duration, mut at: u64) {
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
            if self.cancelling(&id) {
                self.step(&id, at, Step::Compare, StepState::Cancelled, "");
                return self.ended(&id, at, RunState::Cancelled, None);
            }
        }
        counts = Counts {
            listed: true,
            in_sync: IN_SYNC,
            missing: MISSING,
            changed: CHANGED,
            no_text: NO_TEXT,
            kept: 3,
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
            if self.cancelling(&id) {
                self.step(&id, at, Step::Migrate, StepState::Cancelled, "stopped on request");
                return self.ended(&id, at, RunState::Cancelled, None);
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
        let failed =
            FailedRecord { id: record.to_owned(), step: Step::Migrate, message: message.to_owned(), at };
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

fn plan(hash: &str) -> Plan {
    let change = |key: &str, kind, target: Option<&str>, source: Option<&str>| Change {
        key: key.to_owned(),
        kind,
        target: target.map(str::to_owned),
        source: source.map(str::to_owned),
    };
    let sample = |id: &str, changes| Difference { id: id.to_owned(), changes };
    let key =
        |key: &str, changed, added, removed| KeyChanges { key: key.to_owned(), added, removed, changed };
    Plan {
        hash: hash.to_owned(),
        source: SOURCE,
        target: TARGET,
        in_sync: IN_SYNC,
        missing: MISSING,
        changed: CHANGED,
        no_text: NO_TEXT,
        orphans: ORPHANS,
        unreadable: 0,
        embeddings: 1_181,
        folded: 23,
        reused: 0,
        reusable: 183,
        tokens: 412_380,
        cost_micro_usd: Some(61_857),
        over_long: 2,
        requests: PlannedRequests { list: 359, fetch: 355, embed: 12, upsert: 14 },
        seconds: 24,
        held_by: "Gemini: 3,000 texts a minute".to_owned(),
        added: AddedMetadata { key: "clearance_level".to_owned(), value: "1".to_owned() },
        kept: 3,
        overwritten: 0,
        keys: vec![
            key("legacy_id", 0, 0, 31),
            key("reviewed_by", 0, 57, 0),
            key("tags", 44, 2, 0),
            key("title", 71, 0, 0),
            key("year", 12, 0, 0),
        ],
        samples: vec![
            sample(
                "doc-00412#7",
                vec![
                    change("reviewed_by", ChangeKind::Added, None, Some("\"support-emea\"")),
                    change(
                        "title",
                        ChangeKind::Changed,
                        Some("\"Reset a pasword\""),
                        Some("\"Reset a password\""),
                    ),
                ],
            ),
            sample("doc-01310#2", vec![change("year", ChangeKind::Changed, Some("\"2024\""), Some("2024"))]),
            sample("doc-01311#4", vec![change("legacy_id", ChangeKind::Removed, Some("\"A-99812\""), None)]),
            sample(
                "doc-02045#1",
                vec![change(
                    "tags",
                    ChangeKind::Changed,
                    Some(r#"["billing"]"#),
                    Some(r#"["billing","invoice"]"#),
                )],
            ),
        ],
    }
}

impl Backend for Script {
    fn overview(&self) -> BoxFuture<'_, Overview> {
        let index = |name: &str, dimension, records| IndexView {
            name: name.to_owned(),
            dimension: Reading::Known(Some(dimension)),
            metric: Reading::Known("cosine".to_owned()),
            records,
        };
        let overview = Overview {
            version: "0.1.0".to_owned(),
            sandbox: true,
            source: index("gflops-serverless", 1_536, Reading::Known(1_284_310)),
            target: index("askdona", 3_072, Reading::Unknown("askdona did not answer within 2 s".to_owned())),
            model: "gemini-embedding-001".to_owned(),
            dimensions: 3_072,
            added: AddedMetadata { key: "clearance_level".to_owned(), value: "1".to_owned() },
            text_key: "text".to_owned(),
            default_namespace: "3f2b8c1e-77aa-4d0e".to_owned(),
            batch_sizes: [100, 100, 100],
            problems: Vec::new(),
        };
        async move { overview }.boxed()
    }

    fn namespaces(&self) -> BoxFuture<'_, Namespaces> {
        let row = |name: &str, source, target| NamespaceRow { name: name.to_owned(), source, target };
        let known = |number| Reading::Known(Some(number));
        let namespaces = Namespaces {
            rows: vec![
                row("3f2b8c1e-77aa-4d0e", known(SOURCE), known(TARGET)),
                row("91d0aa42-0c1f-4e55", known(240_018), known(240_018)),
                row("__default__", known(1_204), Reading::Unknown("askdona did not answer".to_owned())),
                row("c4e1f200-5b7d-4a90", known(52_904), Reading::Known(None)),
            ],
            problems: vec![
                "askdona: the counts of 1 namespace could not be read; they are unknown, not 0".to_owned(),
            ],
        };
        async move { namespaces }.boxed()
    }

    fn start(&self, request: RunRequest) -> BoxFuture<'_, Result<RunId, ApiError>> {
        async move {
            if request.namespace == "busy" {
                return Err(ApiError::Busy {
                    message: "the namespace busy of askdona is held by run r3".to_owned(),
                    holder: Some(RunId("r3".to_owned())),
                });
            }
            let id = self.begin(&format!("r{}", now()), request, now());
            tokio::spawn(self.clone().play(id.clone(), Duration::from_millis(500), now()));
            Ok(id)
        }
        .boxed()
    }

    fn cancel(&self, run: &RunId) -> Result<(), ApiError> {
        if !self.lock().contains_key(&run.0) {
            return Err(ApiError::UnknownRun { run: run.clone() });
        }
        self.emit(run, now(), EventBody::Cancelling);
        Ok(())
    }

    fn run(&self, run: &RunId) -> Option<RunView> {
        self.lock().get(&run.0).map(|run| run.view.clone())
    }

    fn runs(&self) -> Vec<RunSummary> {
        let mut runs: Vec<RunSummary> = self.lock().values().map(|run| run.view.summary()).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.head.started_at));
        runs
    }

    fn records(&self, run: &RunId, category: Category) -> Option<RecordIds> {
        let counts = self.run(run)?.progress.counts;
        let total = match category {
            Category::InSync => counts.in_sync,
            Category::Missing => counts.missing,
            Category::Changed => counts.changed,
            Category::NoText => counts.no_text,
            Category::Orphan => counts.orphans,
            Category::Kept => counts.kept,
            Category::OverLong => counts.over_long,
            Category::Failed => counts.failed,
        };
        let ids = (0..total.min(600)).map(|n| format!("doc-{n:05}#{}", n % 9)).collect();
        Some(RecordIds { ids, total })
    }

    fn subscribe(&self, run: &RunId) -> Option<(RunView, broadcast::Receiver<Arc<Event>>)> {
        let runs = self.lock();
        let run = runs.get(&run.0)?;
        Some((run.view.clone(), run.events.subscribe()))
    }
}

/// The runs that are there from the beginning.
async fn past(script: &Script) {
    let request = |kind, namespace: &str, dry_run| RunRequest {
        kind,
        namespace: namespace.to_owned(),
        dry_run,
        reuse: protocol::Reuse::Never,
        overwrite_added: false,
        batch_size: None,
        plan: None,
    };
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let script = Script::default();
    past(&script).await;
    let options = LeptosOptions::builder()
        .output_name("tain")
        .site_root("target/site")
        .site_addr(([127, 0, 0, 1], 3_100))
        .hash_files(true)
        // The executable of an example lies one directory below that of the binary, where cargo-leptos puts the file.
        .hash_file(Arc::from("../hash.txt"))
        .build();
    let listener = tokio::net::TcpListener::bind(options.site_addr).await?;
    let lifecycle = Lifecycle::default();
    let router = router(Arc::new(script), &options, lifecycle.clone(), now);
    serve(listener, router, lifecycle).await?;
    Ok(())
}
