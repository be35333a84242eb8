//! The pages on a scripted backend, without any service: `cargo leptos build --frontend-only`, then
//! `cargo run -p server --example preview`.
//!
//! It holds a plan, a finished run with failures, an analysis that found nothing to do and one that failed, runs that wait
//! for every reason, one over several namespaces, and schedules; a run that is started here moves, is paced, loses a
//! record and ends, so that every state of a page can be looked at.

mod past;
mod plan;
mod play;

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use app::{ApiError, Backend};
use futures::{FutureExt, future::BoxFuture};
use leptos::config::LeptosOptions;
use protocol::{
    AddedMetadata, Category, Event, EventBody, FailurePage, IndexView, LogPage, LogQuery, NamespaceRow,
    Namespaces, Overview, PAGE_ROWS, PageQuery, Reading, RecordIds, RunFilter, RunId, RunPage, RunRequest,
    RunState, RunSummary, RunView, Schedule, ScheduleId, ScheduleSpec, Timing,
};
use server::web::{Lifecycle, router, serve};
use tokio::sync::broadcast;

use past::past;
use plan::{SOURCE, TARGET};
use play::Script;

#[expect(clippy::disallowed_methods, reason = "the preview has no injected clock")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
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

    fn pause<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        self.ask(run, EventBody::Pausing)
    }

    fn cancel<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        self.ask(run, EventBody::Cancelling)
    }

    fn resume<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        async move {
            if self.view(run).is_none() {
                return Err(ApiError::UnknownRun { run: run.clone() });
            }
            self.emit(run, now(), EventBody::Resumed);
            tokio::spawn(self.clone().play(run.clone(), Duration::from_millis(500), now()));
            Ok(())
        }
        .boxed()
    }

    fn run<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunView>, ApiError>> {
        async move { Ok(self.view(run)) }.boxed()
    }

    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<RunPage, ApiError>> {
        let mut runs: Vec<RunSummary> = self.lock().values().map(|run| run.view.summary()).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.head.started_at));
        runs.retain(|run| {
            filter.kind.is_none_or(|kind| run.head.request.kind == kind)
                && (filter.states.is_empty() || filter.states.contains(&run.state))
                && run.head.request.namespace.contains(&filter.namespace)
        });
        async move { Ok(RunPage { runs, next: None }) }.boxed()
    }

    fn records<'a>(
        &'a self,
        run: &'a RunId,
        category: Category,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<Option<RecordIds>, ApiError>> {
        async move {
            let Some(view) = self.view(run) else { return Ok(None) };
            let total = category.count(&view.progress.counts);
            let ids = (0..total).map(|n| format!("doc-{n:05}#{}", n % 9));
            let (ids, next) = page(ids, query, |id| id.clone());
            Ok(Some(RecordIds { ids, total, next }))
        }
        .boxed()
    }

    fn failures<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<Option<FailurePage>, ApiError>> {
        async move {
            let Some(view) = self.view(run) else { return Ok(None) };
            let total = view.progress.counts.failed;
            let (failures, next) = page(view.failures.into_iter(), query, |failure| failure.id.clone());
            Ok(Some(FailurePage { failures, total, next }))
        }
        .boxed()
    }

    fn log<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a LogQuery,
    ) -> BoxFuture<'a, Result<Option<LogPage>, ApiError>> {
        async move {
            let Some(view) = self.view(run) else { return Ok(None) };
            let lines =
                view.log.into_iter().filter(|line| query.level.is_none_or(|level| line.level >= level));
            let numbered = lines.enumerate().map(|(number, line)| (format!("{number:09}"), line));
            let (lines, next) =
                page(numbered, &query.page, |(number, line)| format!("{number} {}", line.message));
            let lines = lines.into_iter().map(|(_, line)| line).collect();
            Ok(Some(LogPage { lines, next }))
        }
        .boxed()
    }

    fn subscribe<'a>(
        &'a self,
        run: &'a RunId,
    ) -> BoxFuture<'a, Option<(RunView, broadcast::Receiver<Arc<Event>>)>> {
        let subscription = self.lock().get(&run.0).map(|run| (run.view.clone(), run.events.subscribe()));
        async move { subscription }.boxed()
    }

    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, ApiError>> {
        async move { Ok(self.kept().clone()) }.boxed()
    }

    fn preview_timing(&self, timing: &Timing) -> Result<Vec<u64>, ApiError> {
        let step = match timing {
            Timing::Every(seconds) => seconds * 1_000,
            Timing::Cron(expression) if expression.contains('x') => {
                return Err(ApiError::invalid("timing", "the minute takes 0 to 59"));
            }
            Timing::Cron(_) => 86_400_000,
        };
        Ok((1..=5).map(|n| now() + n * step).collect())
    }

    fn keep_schedule(
        &self,
        id: Option<ScheduleId>,
        spec: ScheduleSpec,
    ) -> BoxFuture<'_, Result<ScheduleId, ApiError>> {
        async move {
            self.preview_timing(&spec.timing)?;
            let id = id.unwrap_or_else(|| ScheduleId(format!("s{}", now())));
            let next_at = spec.enabled.then(|| now() + 600_000);
            let mut schedules = self.kept();
            match schedules.iter_mut().find(|schedule| schedule.id == id) {
                Some(schedule) => (schedule.spec, schedule.next_at) = (spec, next_at),
                None => {
                    let schedule = Schedule { id: id.clone(), spec, created_at: now(), next_at, last: None };
                    schedules.push(schedule);
                }
            }
            Ok(id)
        }
        .boxed()
    }

    fn remove_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>> {
        async move {
            self.kept().retain(|schedule| schedule.id != *id);
            Ok(())
        }
        .boxed()
    }

    fn run_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<RunId, ApiError>> {
        let found =
            self.kept().iter().find(|schedule| schedule.id == *id).map(|schedule| schedule.spec.clone());
        async move {
            match found {
                Some(spec) => self.start(spec.request).await,
                None => Err(ApiError::invalid("id", "there is no such schedule")),
            }
        }
        .boxed()
    }
}

impl Script {
    fn view(&self, run: &RunId) -> Option<RunView> {
        self.lock().get(&run.0).map(|run| run.view.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Schedule>> {
        self.schedules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<'a>(&'a self, run: &'a RunId, body: EventBody) -> BoxFuture<'a, Result<(), ApiError>> {
        async move {
            let Some(view) = self.view(run) else { return Err(ApiError::UnknownRun { run: run.clone() }) };
            let cancels = matches!(body, EventBody::Cancelling);
            if view.state.is_live() {
                self.emit(run, now(), body);
            } else if cancels {
                self.ended(run, now(), RunState::Cancelled, None);
            }
            Ok(())
        }
        .boxed()
    }
}

/// A page of rows: those that hold what is searched for, behind `after`.
fn page<T>(
    rows: impl Iterator<Item = T>,
    query: &PageQuery,
    text: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let limit = if query.limit == 0 { PAGE_ROWS } else { query.limit } as usize;
    let mut matching = rows
        .filter(|row| text(row).contains(&query.search))
        .filter(|row| query.after.as_ref().is_none_or(|after| text(row) > *after));
    let rows: Vec<T> = matching.by_ref().take(limit).collect();
    let next = matching.next().and_then(|_| rows.last().map(text));
    (rows, next)
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
