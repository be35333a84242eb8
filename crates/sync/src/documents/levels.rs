//! Comparing the access level of every record of the target with that of its document.

use std::{collections::HashMap, sync::Arc};

use elasticsearch::Document;
use futures::TryStreamExt;
use pinecone::Namespace;
use protocol::{Category, Counts, LogLevel, RunRequest, RunState, Step, StepState};
use serde_json::Value;
use store::Store;

use super::{SearchServices, search_failed};
use crate::{
    compare::equal,
    diff::Position,
    journal::{Done, Journal},
    ports::{Page, PortError, ReadIndex},
    recorder::Recorder,
    run::{Driven, Outcome, drive},
    settings::Settings,
    stop::Stop,
    words::{documents, grouped, records},
};

/// Pages that are compared at once.
const CONCURRENCY: usize = 4;

/// Does a run of [`protocol::RunKind::Levels`]: reads only. One that goes on begins anew, since reading costs nothing.
pub async fn execute_levels<T: ReadIndex>(
    target: &T,
    search: &SearchServices,
    settings: &Settings,
    request: &RunRequest,
    recorder: &Arc<Recorder>,
    store: &Arc<dyn Store>,
    stop: &Stop,
) -> RunState {
    let driven = Driven { recorder, store, settings, stop, probe: &search.probe };
    drive(driven, |journal, before, halt| async move {
        if before.is_some() {
            recorder.set_counts(Counts::default());
            journal.reset(Position::default()).await;
        }
        let namespace = match Namespace::parse(&request.namespace) {
            Ok(namespace) => namespace,
            Err(error) => return Outcome::Failed(Step::Levels, PortError::failed(error.to_string())),
        };
        recorder.step(Step::Levels, StepState::Running, "");
        let levels = Levels { target, search, settings, recorder, journal, namespace, matched: None };
        let compared = tokio::select! {
            compared = levels.prepared_and_compared() => compared,
            () = halt.cancelled() => return Outcome::Stopped,
        };
        match compared {
            Ok(detail) => {
                recorder.log(LogLevel::Info, detail.clone());
                recorder.step(Step::Levels, StepState::Done, detail);
                Outcome::Ended
            }
            Err(error) => Outcome::Failed(Step::Levels, error),
        }
    })
    .await
}

/// Whether record and document hold the same level, or both none.
fn same(record: Option<&Value>, document: Option<&Value>) -> bool {
    let present = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    match (present(record), present(document)) {
        (None, None) => true,
        (Some(record), Some(document)) => equal(&record, &document),
        _ => false,
    }
}

struct Levels<'a, T> {
    target: &'a T,
    search: &'a SearchServices,
    settings: &'a Settings,
    recorder: &'a Recorder,
    journal: Journal,
    namespace: Namespace,
    /// The field in which the record's id is matched exactly; `None` where it is the document's `_id`.
    matched: Option<String>,
}

impl<T: ReadIndex> Levels<'_, T> {
    /// Finds out how records and documents are matched, and compares them.
    async fn prepared_and_compared(mut self) -> Result<String, PortError> {
        let index = &self.search.index;
        if let Some(field) = &index.id_field {
            let fields = elasticsearch::Fields::of(&index.reader, &index.namespace_field, field).await;
            self.matched = Some(fields.map_err(|error| search_failed(&error))?.value.matched);
        }
        self.compare().await
    }

    /// Reads everything, and says what was found.
    async fn compare(&self) -> Result<String, PortError> {
        let pages = self.target.list_unordered(&self.namespace);
        pages
            .map_ok(|page: Page| async move { self.page(page).await })
            .try_buffer_unordered(CONCURRENCY)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        let counts = self.recorder.counts();
        let name = &self.namespace;
        let there = self.documents_of_namespace().await?;
        let with_document = counts.in_sync + counts.changed;
        Ok(format!(
            "{}: {} equal, {} different, {} without a document; namespace {name} has {}, of which {} belong to no record \
             of the target",
            records(counts.source_listed),
            grouped(counts.in_sync),
            grouped(counts.changed),
            grouped(counts.missing),
            documents(there),
            grouped(there.saturating_sub(with_document)),
        ))
    }

    async fn documents_of_namespace(&self) -> Result<u64, PortError> {
        let index = &self.search.index;
        let field = elasticsearch::FieldName::parse(&self.settings.added_key)
            .map_err(|error| PortError::failed(error.to_string()))?;
        let fields = elasticsearch::Fields::of(&index.reader, &index.namespace_field, &field).await;
        let fields = fields.map_err(|error| search_failed(&error))?;
        let scope = elasticsearch::Scope::Namespaces(vec![self.namespace.to_string()]);
        let query = scope.query(&fields).map_err(|error| search_failed(&error))?;
        index.reader.count(&query).await.map_err(|error| search_failed(&error))
    }

    /// Compares a page of records.
    async fn page(&self, ids: Vec<String>) -> Result<(), PortError> {
        let listed = Counts { source_listed: ids.len() as u64, ..Counts::default() };
        self.recorder.add(&listed);
        self.journal.spent(listed).await;
        let (records, documents) =
            tokio::try_join!(self.target.fetch_metadata(&self.namespace, &ids), self.documents(&ids))?;
        let mut done = Vec::with_capacity(ids.len());
        for record in &records {
            let level = record.metadata.get(&self.settings.added_key);
            let (category, counts) = match documents.get(record.id.as_str()) {
                None => (Category::Missing, Counts { missing: 1, ..Counts::default() }),
                Some(held) if same(level, held.as_ref()) => {
                    (Category::InSync, Counts { in_sync: 1, ..Counts::default() })
                }
                Some(_) => (Category::Changed, Counts { changed: 1, ..Counts::default() }),
            };
            done.push(Done::behind(&record.id, category, counts));
        }
        // Deleted between the listing and the fetch.
        let gone = Counts { gone: ids.len().saturating_sub(records.len()) as u64, ..Counts::default() };
        let mut sum = gone.clone();
        done.iter().for_each(|one| sum.add(&one.counts));
        self.recorder.add(&sum);
        self.journal.spent(gone).await;
        self.journal.settled(done).await;
        Ok(())
    }

    /// What the documents of these records hold, by the record's id: a document of this namespace, or none.
    async fn documents(&self, ids: &[String]) -> Result<HashMap<String, Option<Value>>, PortError> {
        let index = &self.search.index;
        let level = self.settings.added_key.as_str();
        let namespace_field = index.namespace_field.as_str();
        let id_field = index.id_field.as_ref().map(elasticsearch::FieldName::as_str);
        let mut wanted = vec![level, namespace_field];
        wanted.extend(id_field);
        let found = index.reader.fields_of(ids, self.matched.as_deref(), &wanted).await;
        let found = found.map_err(|error| search_failed(&error))?;
        let is_ours = |document: &Document| {
            let named = document.source.get(namespace_field).and_then(Value::as_str).unwrap_or_default();
            Namespace::parse(named).is_ok_and(|named| named == self.namespace)
        };
        let ours = found.into_iter().filter(is_ours).filter_map(|mut document| {
            let id = match id_field {
                None => document.id,
                Some(field) => document.source.get(field)?.as_str()?.to_owned(),
            };
            Some((id, document.source.remove(level)))
        });
        Ok(ours.collect())
    }
}
