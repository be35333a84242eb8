//! Writing the added field into documents.
//!
//! What is done no longer matches the query of what remains, so a run that goes on needs no cursor: it asks again. What
//! its journal keeps are the counters, and the documents behind them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use elasticsearch::{
    Cleared, Fields, Listed, Page, Preview, Scope, ServerSide, ServerSideStatus, Severity, SourceFields,
    Stopped, Task, TaskId, Writer,
};
use protocol::{
    Category, Counts, DocumentCounts, DocumentUpdate, DocumentVerification, FailedRecord, LogLevel,
    PageQuery, Reading, RunId, RunKind, RunRequest, RunState, Step, StepState,
};
use store::{Settled, Store};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{SearchServices, search_failed, task_of};
use crate::{
    journal::{Done, Journal},
    ports::PortError,
    reading::store_failed,
    recorder::Recorder,
    run::{Driven, Outcome, drive},
    settings::Settings,
    stop::Stop,
    words::documents,
};

/// Documents of a page of a listing: their ids only.
const PAGE: usize = 2_000;
/// Documents of one kind that the log tells of by name, of each run; the journal keeps all of them.
const TOLD: u64 = 1_000;
/// How often the server's own task is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Failures that are read from the store at once.
const STORE_PAGE: u32 = 5_000;

/// Does a run of [`protocol::RunKind::Documents`], or goes on with one. As [`crate::execute`], for documents.
pub async fn execute_documents(
    search: &SearchServices,
    settings: &Settings,
    request: &RunRequest,
    recorder: &Arc<Recorder>,
    store: &Arc<dyn Store>,
    stop: &Stop,
) -> RunState {
    let driven = Driven { recorder, store, settings, stop, probe: &search.probe };
    drive(driven, |journal, _, halt| async move {
        let Some(asked) = &request.documents else {
            let why = PortError::failed("the request does not say whose documents; begin a new run");
            return Outcome::Failed(Step::Precheck, why);
        };
        Update { search, settings, request, recorder, store: &**store, journal, halt }.work(asked).await
    })
    .await
}

/// An update of documents: a run of its own, or the last steps of a mirror.
pub(crate) struct Update<'a> {
    pub search: &'a SearchServices,
    pub settings: &'a Settings,
    pub request: &'a RunRequest,
    pub recorder: &'a Recorder,
    pub store: &'a dyn Store,
    pub journal: Journal,
    /// Cancelled when the run is asked to stop, or when the journal cannot be kept.
    pub halt: CancellationToken,
}

/// The step that could not go on, and why.
type Failure = (Step, PortError);

/// What the pre-check allows.
struct Ready {
    task: Task,
    fields: Fields,
    cleared: Cleared,
    /// How many runs have tried a document already, by its name: of those that failed in the run that is tried again.
    attempts: HashMap<String, u32>,
    names: Names,
}

/// What documents are called in a run.
enum Names {
    /// Their `_id`: all are in this one index, and the run is of nothing else.
    Ids(String),
    /// Their index and their `_id`, as `index/_id`: where a name stands for several indexes, and beside records, of which
    /// one may have the same id. The run's lists would take the two for one.
    Places,
}

impl Update<'_> {
    /// From the pre-check to the verification.
    pub async fn work(&self, update: &DocumentUpdate) -> Outcome {
        match self.steps(update).await {
            Ok(true) => Outcome::Ended,
            Ok(false) => Outcome::Stopped,
            Err((step, error)) => Outcome::Failed(step, error),
        }
    }

    /// `false` if it was asked to stop and something is left.
    async fn steps(&self, update: &DocumentUpdate) -> Result<bool, Failure> {
        let ready = self.precheck(update).await?;
        self.recorder.step(Step::Documents, StepState::Running, "");
        if !self.end_earlier_task(&ready).await.map_err(|error| (Step::Documents, error))? {
            return Ok(false);
        }
        self.begin(&ready).await.map_err(|error| (Step::Documents, error))?;
        let ended = if !self.request.is_live() {
            self.list(&ready).await
        } else if update.server_side {
            self.on_the_server(&ready).await
        } else {
            self.write(&ready).await
        };
        if !ended.map_err(|error| (Step::Documents, error))? {
            return Ok(false);
        }
        let counts = self.recorder.counts().documents;
        if !self.request.is_live() {
            let detail = format!("{} would be updated", documents(counts.to_update));
            self.recorder.step(Step::Documents, StepState::Done, detail);
            return Ok(true);
        }
        self.recorder.step(
            Step::Documents,
            StepState::Done,
            format!("{} updated", documents(counts.updated)),
        );
        self.verify(&ready).await;
        Ok(true)
    }

    /// What the mapping, the blocks and the key allow. Nothing is written before.
    async fn precheck(&self, update: &DocumentUpdate) -> Result<Ready, Failure> {
        self.recorder.step(Step::Precheck, StepState::Running, "");
        let ready = self.prepare(update).await.map_err(|error| (Step::Precheck, error))?;
        let names: Vec<&str> = ready.cleared.indices().collect();
        self.recorder.step(
            Step::Precheck,
            StepState::Done,
            format!("nothing speaks against it; writes go to {}", names.join(", ")),
        );
        Ok(ready)
    }

    async fn prepare(&self, update: &DocumentUpdate) -> Result<Ready, PortError> {
        let index = &self.search.index;
        let mut task = task_of(update, self.settings, self.request.overwrite_added)
            .map_err(|error| PortError::failed(error.to_string()))?;
        let (fields, precheck) = index.precheck(&task).await.map_err(|error| search_failed(&error))?;
        for finding in &precheck.findings {
            let level = match finding.severity {
                Severity::Stop => LogLevel::Error,
                Severity::Warning => LogLevel::Warn,
                Severity::Note => LogLevel::Info,
            };
            let of = finding.index.as_deref().map(|index| format!("{index}: ")).unwrap_or_default();
            let remedy =
                if finding.remedy.is_empty() { String::new() } else { format!("; {}", finding.remedy) };
            self.recorder.log(level, format!("{of}{}{remedy}", finding.message));
        }
        let cleared = precheck.clear().map_err(|stopped: Stopped| PortError::failed(stopped.to_string()))?;
        let names = Names::of(self.request.kind, &cleared);
        let mut attempts = HashMap::new();
        if let (Some(run), RunKind::Documents) = (&self.request.retry, self.request.kind) {
            attempts = self.failed_in(run).await?;
            task.scope = Scope::Ids(attempts.keys().map(|name| names.place_of(name).1).collect());
        }
        Ok(Ready { task, fields, cleared, attempts, names })
    }

    /// The documents that failed in a run.
    async fn failed_in(&self, run: &RunId) -> Result<HashMap<String, u32>, PortError> {
        let mut failed = HashMap::new();
        let mut query = PageQuery { limit: STORE_PAGE, ..PageQuery::default() };
        loop {
            let page = self.store.failures(run, &query).await.map_err(|error| store_failed(&error))?;
            let documents = page.failures.into_iter().filter(|failure| failure.step == Step::Documents);
            failed.extend(documents.map(|failure| (failure.id, failure.attempts)));
            query.after = page.next;
            if query.after.is_none() {
                return Ok(failed);
            }
        }
    }

    /// Leaves out what this run gave up before it stopped: what was refused is not tried again before somebody asks for
    /// that, and what holds a value that is not indexed is not told of twice.
    async fn leave_out(&self, update: &mut elasticsearch::Update, ready: &Ready) -> Result<(), PortError> {
        let run = self.recorder.id();
        let refused = self.failed_in(&run).await?;
        update.leave_out(refused.keys().map(|name| ready.names.place_of(name)));
        let mut query = PageQuery { limit: STORE_PAGE, ..PageQuery::default() };
        loop {
            let page = self.store.records(&run, Category::DocumentsUnindexed, &query).await;
            let page = page.map_err(|error| store_failed(&error))?;
            update.leave_out(page.ids.iter().map(|name| ready.names.place_of(name)));
            query.after = page.next;
            if query.after.is_none() {
                return Ok(());
            }
        }
    }

    /// Counts what there is to do, unless the run had counted it before it stopped.
    async fn begin(&self, ready: &Ready) -> Result<(), PortError> {
        if self.request.is_live() {
            // What an earlier run (or this one, before it stopped) has just written must be seen to be written.
            self.writer(ready)?.refresh().await.map_err(|error| search_failed(&error))?;
        }
        let preview = self.search.index.reader.preview(&ready.task, &ready.fields).await;
        let preview = preview.map_err(|error| search_failed(&error))?;
        let known = self.recorder.counts().documents;
        let mut counts = DocumentCounts::default();
        if known == DocumentCounts::default() {
            counts.in_scope = preview.documents;
            if self.request.is_live() {
                counts.to_update = preview.to_update;
            }
            counts.left_out = preview.left_out();
            if counts.left_out > 0 {
                let message = format!(
                    "{} hold another value and are left as they are: {} a higher one, {} one that cannot be compared",
                    documents(counts.left_out),
                    format::count(preview.higher),
                    format::count(preview.incomparable)
                );
                self.recorder.log(LogLevel::Info, message);
            }
        } else if self.request.is_live() {
            let expected = known.to_update.saturating_sub(known.handled());
            // What was given up still looks as if it lacked the value, and has been counted.
            let left = preview.to_update.saturating_sub(known.failed + known.unindexed);
            // What was under way when the process ended was done, or not: nobody was left to write down which.
            counts.unrecorded = expected.saturating_sub(left);
            counts.to_update = left.saturating_sub(expected);
            let message = format!(
                "goes on: {} to update; {} were found done, by the requests that were under way when the run stopped or \
                 by somebody else",
                documents(left),
                documents(counts.unrecorded)
            );
            self.recorder.log(LogLevel::Info, message);
        }
        self.count(counts).await;
        Ok(())
    }

    /// Counts what stands behind no single document.
    async fn count(&self, documents: DocumentCounts) {
        let counts = Counts { documents, ..Counts::default() };
        self.recorder.add(&counts);
        self.journal.spent(counts).await;
    }

    /// A dry run: lists what a live run would write. They are counted when all were seen.
    async fn list(&self, ready: &Ready) -> Result<bool, PortError> {
        let remaining = ready.task.remaining(&ready.fields).map_err(|error| search_failed(&error))?;
        let field = ready.task.field.as_str();
        let source = SourceFields::Only(vec![field.to_owned()]);
        let mut scan = self.search.index.reader.scan(remaining, source, PAGE);
        let mut found = DocumentCounts::default();
        let ended = loop {
            if self.halt.is_cancelled() {
                break Ok(false);
            }
            match scan.next().await {
                Ok(Page::Hits(hits)) => {
                    let listed = hits.iter().map(|hit| {
                        let name = ready.names.name_of(&hit.index, &hit.id);
                        let category = if ready.task.would_write(hit.source.get(field)) {
                            found.to_update += 1;
                            Category::DocumentsToUpdate
                        } else {
                            found.unindexed += 1;
                            Category::DocumentsUnindexed
                        };
                        Done::behind(&name, category, Counts::default())
                    });
                    self.journal.settled(listed.collect()).await;
                    let seen = documents(found.to_update + found.unindexed);
                    self.recorder.step_detail(Step::Documents, format!("{seen} read"));
                }
                // What is listed again is the same record in the journal.
                Ok(Page::Lost) => {
                    found = DocumentCounts::default();
                    let message = "the server lost its place in the index; reading goes on anew";
                    self.recorder.log(LogLevel::Warn, message);
                }
                Ok(Page::End) => {
                    self.count(found).await;
                    break Ok(true);
                }
                Err(error) => break Err(search_failed(&error)),
            }
        };
        scan.close().await;
        ended
    }

    /// Updates the documents, batch by batch.
    async fn write(&self, ready: &Ready) -> Result<bool, PortError> {
        let writer = self.writer(ready)?;
        let mut limits = self.settings.documents;
        if let Some(size) = self.request.batch_size {
            limits.batch_documents = limits.batch_documents.min(usize::try_from(size).unwrap_or(usize::MAX));
        }
        let started = elasticsearch::Update::start(writer, ready.task.clone(), &ready.fields, limits).await;
        let mut update = started.map_err(|error| search_failed(&error))?;
        self.leave_out(&mut update, ready).await?;
        let mut waited = None;
        let ended = loop {
            if self.halt.is_cancelled() {
                break Ok(false);
            }
            match update.step().await {
                Ok(step) => {
                    self.keep(&step.listed, ready).await;
                    if step.progress.waiting != waited {
                        waited.clone_from(&step.progress.waiting);
                        if let Some((wait, why)) = &waited {
                            let message = format!("waits {:.1} s: {why}", wait.as_secs_f32());
                            self.recorder.log(LogLevel::Warn, message);
                        }
                    }
                    let detail = format!(
                        "pass {}, batches of {}",
                        step.progress.pass,
                        format::count(step.progress.batch_documents as u64)
                    );
                    self.recorder.step_detail(Step::Documents, detail);
                    if step.is_done {
                        break Ok(true);
                    }
                }
                Err(error) => break Err(search_failed(&error)),
            }
        };
        update.close().await;
        ended
    }

    fn writer(&self, ready: &Ready) -> Result<Writer, PortError> {
        let index = &self.search.index;
        let writer = Writer::new(&index.connection, &index.reader, ready.cleared.clone());
        Ok(writer.map_err(|error| search_failed(&error))?.with_meter(&self.search.meter))
    }

    /// Keeps what became of documents.
    async fn keep(&self, listed: &[Listed], ready: &Ready) {
        let done: Vec<Done> = listed.iter().map(|listed| self.done(listed, ready)).collect();
        let mut sum = Counts::default();
        for one in &done {
            sum.add(&one.counts);
            if let Some(failure) = &one.failure {
                self.recorder.failed(failure);
            }
        }
        self.recorder.add(&sum);
        self.journal.settled(done).await;
        // More than there were may have come meanwhile; the whole grows with them.
        let counts = self.recorder.counts().documents;
        let more = counts.handled().saturating_sub(counts.to_update);
        if more > 0 {
            self.count(DocumentCounts { to_update: more, ..DocumentCounts::default() }).await;
        }
    }

    fn done(&self, listed: &Listed, ready: &Ready) -> Done {
        let (Listed::Updated { index, id, .. }
        | Listed::Already { index, id }
        | Listed::Kept { index, id, .. }
        | Listed::Unindexed { index, id, .. }
        | Listed::Gone { index, id }
        | Listed::Refused { index, id, .. }) = listed;
        let name = ready.names.name_of(index, id);
        let counted = |documents: DocumentCounts| Counts { documents, ..Counts::default() };
        let none = DocumentCounts::default();
        match listed {
            Listed::Updated { before, .. } => {
                if let Some(before) = before {
                    self.tell(counts_of(self).updated, || format!("{name}: held {before} until now"));
                }
                let counts = counted(DocumentCounts { updated: 1, ..none });
                Done::behind(&name, Category::DocumentsUpdated, counts)
            }
            Listed::Already { .. } => {
                let counts = counted(DocumentCounts { already: 1, ..none });
                Done::behind(&name, Category::DocumentsAlready, counts)
            }
            Listed::Kept { value, .. } => {
                self.tell(counts_of(self).kept, || {
                    format!("{name}: somebody else gave it {value} meanwhile, which stands")
                });
                let counts = counted(DocumentCounts { kept: 1, ..none });
                Done::behind(&name, Category::DocumentsKept, counts)
            }
            Listed::Unindexed { value, .. } => {
                self.tell(counts_of(self).unindexed, || {
                    format!("{name}: holds {value}, which is not indexed, and keeps it")
                });
                let counts = counted(DocumentCounts { unindexed: 1, ..none });
                Done::behind(&name, Category::DocumentsUnindexed, counts)
            }
            Listed::Gone { .. } => {
                let counts = counted(DocumentCounts { gone: 1, ..none });
                Done::behind(&name, Category::DocumentsGone, counts)
            }
            Listed::Refused { message, .. } => {
                let failure = FailedRecord {
                    id: name.clone(),
                    step: Step::Documents,
                    message: message.clone(),
                    attempts: ready.attempts.get(&name).copied().unwrap_or_default() + 1,
                    at: self.recorder.now(),
                };
                let counts = Counts { failed: 1, ..counted(DocumentCounts { failed: 1, ..none }) };
                let settled = Settled { id: name, categories: vec![Category::Failed], ..Settled::default() };
                Done { settled, counts, failure: Some(failure), contribution: None }
            }
        }
    }

    /// Tells of one of many, unless so many were told of already.
    fn tell(&self, told: u64, message: impl FnOnce() -> String) {
        if told < TOLD {
            self.recorder.log(LogLevel::Info, message());
        }
    }

    /// Lets the server update by itself. Which documents it updates is not known then, only how many.
    async fn on_the_server(&self, ready: &Ready) -> Result<bool, PortError> {
        let server = self.server_side(ready)?;
        let task = server.start(&ready.task, &ready.fields).await.map_err(|error| search_failed(&error))?;
        self.journal.started(task.to_string()).await;
        let message =
            format!("the server updates by itself, as its task {task}; it tells numbers and no ids");
        self.recorder.log(LogLevel::Info, message);
        // What is not indexed is found again by every task, and was counted if the run had one before it stopped.
        let noops = self.recorder.counts().documents.unindexed;
        let mut seen = ServerSideStatus { noops, ..ServerSideStatus::default() };
        let followed = self.follow(&server, &task, &mut seen).await;
        if matches!(followed, Ok(true)) {
            return followed;
        }
        // It would write on after the run has let go of its lock.
        self.recorder.log(LogLevel::Info, format!("stops the server's task {task}"));
        match server.end(&task).await {
            Ok(ended) => {
                // A server that has forgotten the task cannot say how far it came.
                if let Some(status) = ended {
                    self.count_on(&mut seen, status).await;
                }
                followed
            }
            Err(error) => {
                let why = followed.err().map(|error| format!("{}; ", error.message)).unwrap_or_default();
                Err(PortError::failed(format!(
                    "{why}the server's task {task} could not be stopped ({error}) and may go on writing: see that \
                     POST /_tasks/{task}/_cancel gets through"
                )))
            }
        }
    }

    /// Watches a task of the server until it has ended; `false` if the run was asked to stop before.
    async fn follow(
        &self,
        server: &ServerSide,
        task: &TaskId,
        seen: &mut ServerSideStatus,
    ) -> Result<bool, PortError> {
        loop {
            let status = tokio::select! {
                biased;
                () = self.halt.cancelled() => return Ok(false),
                status = server.status(task) => status.map_err(|error| search_failed(&error))?,
            };
            self.count_on(seen, status.clone()).await;
            if let Some(cause) = status.failures.first() {
                return Err(PortError::failed(format!(
                    "the server's task {task} ended before its time: {}; what is done stays done, and the run can go on \
                     without --server-side",
                    cause.message()
                )));
            }
            if status.is_completed {
                return Ok(true);
            }
            tokio::select! {
                () = self.halt.cancelled() => return Ok(false),
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Counts what a task of the server has done since it was seen.
    async fn count_on(&self, seen: &mut ServerSideStatus, now: ServerSideStatus) {
        self.count(DocumentCounts {
            updated: now.updated.saturating_sub(seen.updated),
            // A document that somebody else has changed since it was found is a conflict: what the query took for
            // lacking a value, and the script finds one in, was not indexed.
            unindexed: now.noops.saturating_sub(seen.noops),
            kept: now.conflicts.saturating_sub(seen.conflicts),
            ..DocumentCounts::default()
        })
        .await;
        let noops = now.noops.max(seen.noops);
        *seen = ServerSideStatus { noops, ..now };
    }

    /// Ends the task that this run had started before its process died: another one beside it would meet its writes, and
    /// nothing could be counted. `false` if the run was asked to stop before that was done.
    async fn end_earlier_task(&self, ready: &Ready) -> Result<bool, PortError> {
        let Some(task) = self.journal.task().await.map(TaskId::from) else { return Ok(true) };
        let server = self.server_side(ready)?;
        let ended = tokio::select! {
            biased;
            () = self.halt.cancelled() => return Ok(false),
            ended = server.end(&task) => ended,
        };
        ended.map(|_| true).map_err(|error| {
            let message = format!("the server's task {task}, which this run began, could not be stopped");
            PortError::failed(format!("{message}: {error}"))
        })
    }

    fn server_side(&self, ready: &Ready) -> Result<ServerSide, PortError> {
        let index = &self.search.index;
        ServerSide::new(&index.connection, &index.reader, &ready.cleared)
            .map_err(|error| search_failed(&error))
    }

    /// Counts again, and explains the difference. What cannot be read is unknown, and fails nothing that was done.
    async fn verify(&self, ready: &Ready) {
        self.recorder.step(Step::VerifyDocuments, StepState::Running, "");
        let counts = self.recorder.counts().documents;
        let reader = &self.search.index.reader;
        let counted = async {
            let writer = self.writer(ready)?;
            writer.refresh().await.map_err(|error| search_failed(&error))?;
            // The first value of a field makes the field, and only now is it known how it is searched.
            let fields = Fields::of(reader, &self.search.index.namespace_field, &ready.task.field).await;
            let fields = fields.map_err(|error| search_failed(&error))?;
            reader.preview(&ready.task, &fields).await.map_err(|error| search_failed(&error))
        };
        let verification = match counted.await {
            Ok(preview) => explained(&counts, &preview),
            Err(error) => DocumentVerification {
                before: counts.in_scope,
                after: Reading::Unknown(error.message.clone()),
                with_value: Reading::Unknown(error.message.clone()),
                remaining: Reading::Unknown(error.message.clone()),
                confirmed: false,
                summary: format!("the documents could not be counted again: {}", error.message),
            },
        };
        let level = if verification.confirmed { LogLevel::Info } else { LogLevel::Warn };
        self.recorder.log(level, verification.summary.clone());
        self.recorder.step(Step::VerifyDocuments, StepState::Done, verification.summary.clone());
        self.recorder.documents_verified(verification);
    }
}

fn counts_of(update: &Update<'_>) -> DocumentCounts {
    update.recorder.counts().documents
}

/// What the counts after a run say about it.
fn explained(counts: &DocumentCounts, after: &Preview) -> DocumentVerification {
    let came = (after.documents + counts.gone).saturating_sub(counts.in_scope);
    let lost = counts.in_scope.saturating_sub(after.documents + counts.gone);
    let unexplained = after.to_update.saturating_sub(counts.failed + counts.unindexed + came);
    let mut words =
        vec![format!("{} of {} hold the value", format::count(after.equal), documents(after.documents))];
    let mut add = |number: u64, what: &str| {
        if number > 0 {
            words.push(format!("{} {what}", format::count(number)));
        }
    };
    // Others may have set levels before their documents' turn came, so those are counted as they are now.
    add(after.documents.saturating_sub(after.equal + after.to_update), "hold another value that stays");
    add(counts.kept, "of them got it from somebody else just when their turn came");
    add(counts.failed, "were refused");
    add(
        counts.unindexed,
        "hold a value that is not indexed, which stands; indexed again, they are found by it",
    );
    add(counts.gone, "were deleted by somebody else meanwhile");
    add(came, "came meanwhile");
    add(unexplained, "lack the value and nobody knows why: run it again");
    add(lost, "are gone, and tain deleted none: somebody else did, outside of this run's sight");
    DocumentVerification {
        before: counts.in_scope,
        after: Reading::Known(after.documents),
        with_value: Reading::Known(after.equal),
        remaining: Reading::Known(after.to_update),
        confirmed: unexplained == 0 && lost == 0,
        summary: words.join("; "),
    }
}

impl Names {
    fn of(kind: RunKind, cleared: &Cleared) -> Self {
        let mut indices = cleared.indices();
        match (indices.next(), indices.next()) {
            (Some(only), None) if kind == RunKind::Documents => Self::Ids(only.to_owned()),
            _ => Self::Places,
        }
    }

    fn name_of(&self, index: &str, id: &str) -> String {
        match self {
            Self::Ids(_) => id.to_owned(),
            Self::Places => format!("{index}/{id}"),
        }
    }

    /// The index and the `_id` of a document by its name. An index has no `/` in its name.
    fn place_of(&self, name: &str) -> (String, String) {
        let (index, id) = match self {
            Self::Ids(index) => (index.as_str(), name),
            Self::Places => name.split_once('/').unwrap_or(("", name)),
        };
        (index.to_owned(), id.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_explained_or_not_confirmed() {
        let counts =
            DocumentCounts { in_scope: 10, to_update: 8, updated: 6, failed: 2, ..Default::default() };
        let after =
            |documents, equal, to_update| Preview { documents, equal, to_update, ..Default::default() };
        assert!(explained(&counts, &after(10, 8, 2)).confirmed);
        assert!(!explained(&counts, &after(10, 7, 3)).confirmed, "one more lacks the value");
        assert!(explained(&counts, &after(11, 8, 3)).confirmed, "one came meanwhile");
        let lost = explained(&counts, &after(9, 7, 2));
        assert!(!lost.confirmed && lost.summary.contains("1 are gone"), "{}", lost.summary);
        let gone = DocumentCounts { gone: 1, updated: 5, ..counts };
        assert!(explained(&gone, &after(9, 7, 2)).confirmed, "somebody else deleted it in this run's sight");
        let unindexed = DocumentCounts { unindexed: 3, updated: 5, failed: 0, ..counts };
        let explained_by_them = explained(&unindexed, &after(10, 7, 3));
        assert!(explained_by_them.confirmed, "counting takes them for lacking the value");
        assert!(explained_by_them.summary.contains("3 hold a value that is not indexed"));
        assert!(!explained(&unindexed, &after(10, 6, 4)).confirmed, "one more lacks it");
    }
}
