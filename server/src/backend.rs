//! The server as the pages see it: the registry of runs and the services, with refusals in words.

use std::{sync::Arc, time::Duration};

use app::{ApiError, Backend, DocumentNames};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture};
use pinecone::{Namespace, check_id};
use protocol::{
    AddedMetadata, Category, DocumentPage, DocumentQuery, DocumentUpdate, DocumentsLook, Event, FailurePage,
    LogPage, LogQuery, Namespaces, Overview, PageQuery, RecordIds, RecordView, RunComparison, RunFilter,
    RunId, RunPage, RunRequest, RunView, Schedule, ScheduleId, ScheduleSpec, SearchIndex, Service,
    ServiceTest, SettingsView, Timing, UpdatePreview,
};
use store::StoreError;
use tokio::{sync::broadcast, time::sleep};

use crate::{
    config::MISSING_ELASTICSEARCH,
    connections::{ConnectError, PAGE_PATIENCE},
    documents::{self, LOOK_PATIENCE},
    namespaces, records,
    runs::{Runs, StartError},
    schedules::{ScheduleError, Schedules},
    settings::{self, TEST_PATIENCE},
};

/// How long a store that failed is left alone before a page's subscription asks it again.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// The server behind the pages.
pub struct ServerBackend {
    runs: Arc<Runs>,
    schedules: Arc<Schedules>,
}

impl ServerBackend {
    /// Answers from these runs, from the services that they use, and from these schedules.
    pub const fn new(runs: Arc<Runs>, schedules: Arc<Schedules>) -> Self {
        Self { runs, schedules }
    }
}

impl Backend for ServerBackend {
    fn overview(&self) -> BoxFuture<'_, Overview> {
        Box::pin(async {
            let connections = self.runs.connections();
            let (source, target) = connections.indexes().await;
            let config = connections.config();
            let mirror = &config.mirror;
            Overview {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                sandbox: config.is_sandbox(),
                source,
                target,
                model: config.gemini.model.id.clone(),
                dimensions: config.gemini.model.dimensions,
                added: AddedMetadata { key: mirror.added_key.clone(), value: mirror.added_value.to_string() },
                text_key: mirror.text_key.clone(),
                default_namespace: mirror.default_namespace.clone(),
                batch_sizes: [mirror.fetch_batch, mirror.embed_batch, mirror.upsert_batch],
                problems: config.missing_keys(),
            }
        })
    }

    fn namespaces(&self) -> BoxFuture<'_, Namespaces> {
        Box::pin(async {
            let connections = self.runs.connections();
            namespaces::read(connections, PAGE_PATIENCE).await.compare(connections.all_names())
        })
    }

    fn record<'a>(&'a self, namespace: &'a str, id: &'a str) -> BoxFuture<'a, Result<RecordView, ApiError>> {
        Box::pin(async {
            let namespace = Namespace::parse(namespace)
                .map_err(|error| ApiError::invalid("namespace", error.to_string()))?;
            check_id(id).map_err(|error| ApiError::invalid("id", error.to_string()))?;
            Ok(records::read(self.runs.connections(), &namespace, id, PAGE_PATIENCE).await)
        })
    }

    fn search_index(&self) -> BoxFuture<'_, SearchIndex> {
        Box::pin(async {
            match Box::pin(documents::status(self.runs.connections(), PAGE_PATIENCE)).await {
                Some(view) => SearchIndex::Configured(Box::new(view)),
                None => SearchIndex::Absent(MISSING_ELASTICSEARCH.to_owned()),
            }
        })
    }

    fn documents_look(&self) -> BoxFuture<'_, Result<DocumentsLook, ApiError>> {
        Box::pin(async { Ok(documents::look(self.runs.connections(), LOOK_PATIENCE).await?) })
    }

    fn documents<'a>(&'a self, query: &'a DocumentQuery) -> BoxFuture<'a, Result<DocumentPage, ApiError>> {
        Box::pin(async { Ok(documents::documents(self.runs.connections(), query, LOOK_PATIENCE).await?) })
    }

    fn document_names<'a>(
        &'a self,
        query: &'a DocumentQuery,
    ) -> BoxFuture<'a, Result<DocumentNames, ApiError>> {
        Box::pin(async {
            let names = documents::names(self.runs.connections(), query).await?;
            Ok(names.map_err(ApiError::from).boxed())
        })
    }

    fn preview_update<'a>(
        &'a self,
        update: &'a DocumentUpdate,
        overwrite: bool,
    ) -> BoxFuture<'a, Result<UpdatePreview, ApiError>> {
        Box::pin(async move {
            Ok(documents::preview(self.runs.connections(), update, overwrite, LOOK_PATIENCE).await?)
        })
    }

    fn add_mapping<'a>(&'a self, update: &'a DocumentUpdate) -> BoxFuture<'a, Result<String, ApiError>> {
        Box::pin(async { Ok(documents::add_mapping(self.runs.connections(), update, LOOK_PATIENCE).await?) })
    }

    fn settings(&self) -> BoxFuture<'_, SettingsView> {
        Box::pin(async { settings::settings(self.runs.connections()) })
    }

    fn test_service(&self, service: Service) -> BoxFuture<'_, ServiceTest> {
        Box::pin(async move { settings::test(self.runs.connections(), service, TEST_PATIENCE).await.into() })
    }

    fn start(&self, request: RunRequest) -> BoxFuture<'_, Result<RunId, ApiError>> {
        Box::pin(async { Ok(self.runs.start(request).await.map_err(refusal)?.id) })
    }

    fn pause<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async { known(run, self.runs.pause(run).await) })
    }

    fn cancel<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async { known(run, self.runs.cancel(run).await) })
    }

    fn resume<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async { self.runs.resume(run).await.map(drop).map_err(refusal) })
    }

    fn run<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunView>, ApiError>> {
        Box::pin(async { self.runs.view(run).await.map_err(|error| unreadable(&error)) })
    }

    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<RunPage, ApiError>> {
        Box::pin(async { self.runs.list(filter).await.map_err(|error| unreadable(&error)) })
    }

    fn compare<'a>(
        &'a self,
        run: &'a RunId,
        with: Option<&'a RunId>,
    ) -> BoxFuture<'a, Result<RunComparison, ApiError>> {
        Box::pin(async move { self.runs.compare(run, with).await.map_err(refusal) })
    }

    fn records<'a>(
        &'a self,
        run: &'a RunId,
        category: Category,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<Option<RecordIds>, ApiError>> {
        Box::pin(
            async move { self.runs.records(run, category, query).await.map_err(|error| unreadable(&error)) },
        )
    }

    fn failures<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a PageQuery,
    ) -> BoxFuture<'a, Result<Option<FailurePage>, ApiError>> {
        Box::pin(async { self.runs.failures(run, query).await.map_err(|error| unreadable(&error)) })
    }

    fn log<'a>(
        &'a self,
        run: &'a RunId,
        query: &'a LogQuery,
    ) -> BoxFuture<'a, Result<Option<LogPage>, ApiError>> {
        Box::pin(async { self.runs.log(run, query).await.map_err(|error| unreadable(&error)) })
    }

    fn subscribe<'a>(
        &'a self,
        run: &'a RunId,
    ) -> BoxFuture<'a, Option<(RunView, broadcast::Receiver<Arc<Event>>)>> {
        Box::pin(async {
            loop {
                match self.runs.subscribe(run).await {
                    Ok(subscribed) => return subscribed,
                    // That it cannot be read does not mean that it is gone.
                    Err(error) => drop(unreadable(&error)),
                }
                sleep(STORE_PAUSE).await;
            }
        })
    }

    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, ApiError>> {
        Box::pin(async { self.schedules.list().await.map_err(|error| unreadable(&error)) })
    }

    fn preview_timing(&self, timing: &Timing) -> Result<Vec<u64>, ApiError> {
        self.schedules.preview(timing).map_err(|error| ApiError::invalid("timing", error.to_string()))
    }

    fn keep_schedule(
        &self,
        id: Option<ScheduleId>,
        spec: ScheduleSpec,
    ) -> BoxFuture<'_, Result<ScheduleId, ApiError>> {
        Box::pin(async move {
            let kept = match id {
                Some(id) => self.schedules.change(&id, spec).await,
                None => self.schedules.add(spec).await,
            };
            Ok(kept.map_err(unscheduled)?.id)
        })
    }

    fn enable_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async { self.schedules.enable(id).await.map(drop).map_err(unscheduled) })
    }

    fn disable_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async { self.schedules.disable(id).await.map(drop).map_err(unscheduled) })
    }

    fn remove_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async { self.schedules.remove(id).await.map_err(unscheduled) })
    }

    fn run_schedule<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<RunId, ApiError>> {
        Box::pin(async {
            let schedule = self.schedules.find(&id.0).await.map_err(unscheduled)?;
            let run = self.runs.start(schedule.spec.request).await.map_err(refusal)?.id;
            self.schedules.started(&schedule.id, run.clone()).await.map_err(unscheduled)?;
            Ok(run)
        })
    }
}

/// Why a schedule was not made, changed or found, as the page shows it.
fn unscheduled(error: ScheduleError) -> ApiError {
    match error {
        ScheduleError::Invalid { field, message } => ApiError::invalid(field, message),
        ScheduleError::Store(error) => unreadable(&error),
        error @ (ScheduleError::Unknown { .. } | ScheduleError::Ambiguous { .. }) => {
            ApiError::invalid("id", error.to_string())
        }
    }
}

/// Whether a run that something was asked of is there.
fn known(run: &RunId, asked: Result<bool, StoreError>) -> Result<(), ApiError> {
    match asked {
        Ok(true) => Ok(()),
        Ok(false) => Err(ApiError::UnknownRun { run: run.clone() }),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Why a run was not started, as the page shows it. Nothing of it is a secret: every message was made for people.
fn refusal(error: StartError) -> ApiError {
    match error {
        StartError::Invalid { field, message } => ApiError::invalid(field, message),
        StartError::UnknownRun(run) => ApiError::UnknownRun { run },
        StartError::Busy { message, holder } => ApiError::Busy { message, holder },
        StartError::Connect(ConnectError::NotConfigured(message)) | StartError::Lock(message) => {
            ApiError::NotConfigured { message }
        }
        StartError::Connect(ConnectError::Service(message)) => ApiError::Upstream { message },
        StartError::Store(error) => unreadable(&error),
        StartError::Stopping => ApiError::Upstream { message: error.to_string() },
    }
}

/// A store that fails is for the page to show, because its message says what to do, and for the server's log.
fn unreadable(error: &StoreError) -> ApiError {
    tracing::error!(%error, "the store failed");
    ApiError::Upstream { message: error.to_string() }
}
