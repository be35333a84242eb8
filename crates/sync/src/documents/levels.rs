//! Comparing the access level of every record of the target with that of its document.

use std::{collections::HashMap, sync::Arc};

use elasticsearch::{FieldName, Fields, Query, Scope};
use futures::TryStreamExt;
use pinecone::Namespace;
use protocol::{Category, Counts, LogLevel, RunRequest, RunState, Step, StepState};
use serde_json::Value;
use store::Store;

use super::{SearchIndex, SearchServices, search_failed};
use crate::{
    compare::{equal, present},
    diff::Position,
    journal::{Done, Journal},
    ports::{Page, PortError, ReadIndex},
    recorder::Recorder,
    run::{Driven, Outcome, drive},
    settings::Settings,
    stop::Stop,
    words::{documents, records},
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
        let levels = Levels { target, search, settings, recorder, journal, namespace };
        let compared = tokio::select! {
            compared = levels.compare() => compared,
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
    match (record, document) {
        (None, None) => true,
        (Some(record), Some(document)) => equal(record, document),
        _ => false,
    }
}

/// How the documents of records are found.
struct Matching {
    /// The documents of the namespace.
    scope: Query,
    /// The field in which the record's id is matched exactly; `None` where it is the document's `_id`.
    id: Option<String>,
}

struct Levels<'a, T> {
    target: &'a T,
    search: &'a SearchServices,
    settings: &'a Settings,
    recorder: &'a Recorder,
    journal: Journal,
    namespace: Namespace,
}

impl<T: ReadIndex> Levels<'_, T> {
    /// Reads everything, and says what was found.
    async fn compare(&self) -> Result<String, PortError> {
        let matching = &self.matching().await.map_err(|error| search_failed(&error))?;
        let pages = self.target.list_unordered(&self.namespace);
        pages
            .map_ok(|page: Page| async move { self.page(page, matching).await })
            .try_buffer_unordered(CONCURRENCY)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        let counts = self.recorder.counts();
        let name = &self.namespace;
        let there = self.search.index.reader.count(&matching.scope).await;
        let there = there.map_err(|error| search_failed(&error))?;
        let with_document = counts.in_sync + counts.changed;
        Ok(format!(
            "{}: {} equal, {} different, {} without a document; namespace {name} has {}, of which {} belong to no record \
             of the target",
            records(counts.source_listed),
            format::count(counts.in_sync),
            format::count(counts.changed),
            format::count(counts.missing),
            documents(there),
            format::count(there.saturating_sub(with_document)),
        ))
    }

    async fn matching(&self) -> Result<Matching, elasticsearch::Error> {
        let SearchIndex { reader, namespace_field, id_field, .. } = &self.search.index;
        let fields =
            Fields::of(reader, namespace_field, id_field.as_ref().unwrap_or(namespace_field)).await?;
        let scope = Scope::Namespaces(vec![self.namespace.to_string()]).query(&fields)?;
        let id = id_field.as_ref().map(|_| fields.value.exact().map(str::to_owned)).transpose()?;
        Ok(Matching { scope, id })
    }

    /// Compares a page of records.
    async fn page(&self, ids: Vec<String>, matching: &Matching) -> Result<(), PortError> {
        let listed = Counts { source_listed: ids.len() as u64, ..Counts::default() };
        self.recorder.add(&listed);
        self.journal.spent(listed).await;
        let (records, documents) = tokio::try_join!(
            self.target.fetch_metadata(&self.namespace, &ids),
            self.documents(&ids, matching)
        )?;
        let mut done = Vec::with_capacity(ids.len());
        for record in &records {
            let level = present(&record.metadata, &self.settings.added_key);
            let (category, counts) = match documents.get(record.id.as_str()) {
                None => (Category::Missing, Counts { missing: 1, ..Counts::default() }),
                Some(held) if held.iter().all(|held| same(level, held.as_ref())) => {
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

    /// What the documents of these records hold, by the record's id: several where several documents name one record.
    async fn documents(
        &self,
        ids: &[String],
        matching: &Matching,
    ) -> Result<HashMap<String, Vec<Option<Value>>>, PortError> {
        let index = &self.search.index;
        let level = self.settings.added_key.as_str();
        let id_field = index.id_field.as_ref().map(FieldName::as_str);
        let scope = matching.scope.clone();
        let query = match &matching.id {
            None => scope.with_ids(ids),
            Some(field) => scope.with_values(field, ids),
        };
        let wanted: Vec<&str> = std::iter::once(level).chain(id_field).collect();
        let found = index.reader.find_all(&query, &wanted).await.map_err(|error| search_failed(&error))?;
        let mut held: HashMap<String, Vec<Option<Value>>> = HashMap::new();
        for document in found {
            let value = present(&document.source, level).cloned();
            let named = match id_field {
                None => vec![document.id],
                Some(field) => document.source.get(field).map(names).unwrap_or_default(),
            };
            for id in named {
                held.entry(id).or_default().push(value.clone());
            }
        }
        Ok(held)
    }
}

/// The records that a value of the id's field names. A keyword matches a number by its digits.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(names).collect(),
        Value::String(name) => vec![name.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Null | Value::Bool(_) | Value::Object(_) => Vec::new(),
    }
}
