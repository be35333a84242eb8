//! The documents of the search index: what pages and commands are shown before any run.
//!
//! Every number is whole or an error: an answer of some shards only, or one that came too late, is *unknown* (law 3).

use std::time::Duration;

use app::ApiError;
use elasticsearch::{
    FieldType, Fields, Holding, Look, MappingEditor, Numbers, Page, Precheck, Preview, Query, SourceFields,
    Task,
};
use futures::{FutureExt as _, Stream, stream};
use protocol::{
    AddedMetadata, DOCUMENT_ROWS, Document, DocumentField, DocumentName, DocumentNamespace, DocumentNumbers,
    DocumentPage, DocumentQuery, DocumentScope, DocumentUpdate, DocumentsLook, Finding, Findings,
    SearchIndexView, Severity, UpdateNumbers, UpdatePreview, ValueCount,
};
use serde_json::Value;
use sync::{SearchIndex, UpdateError, level_of, task_of};
use tokio::time::timeout;

use crate::{
    connections::{ConnectError, Connections, search_failed, within},
    exit::Failure,
    records::typed,
};

/// How long a page waits for what a person asked for: counting every namespace of a large index takes a while.
pub const LOOK_PATIENCE: Duration = Duration::from_secs(15);

/// Documents that a preview shows.
const SAMPLES: usize = 5;

/// Documents whose names are read at once.
const NAMES: usize = 1_000;

/// Requests of an update beside pages and batches: pre-check, counts, opening and freeing a cursor, refresh.
const AROUND: u64 = 16;

/// Why something of the search index cannot be shown or done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DocumentsError {
    /// What was asked for cannot be used.
    #[error("{message}")]
    Invalid {
        /// The name of the form's field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The search index cannot be used, or did not do its part.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl From<UpdateError> for DocumentsError {
    fn from(error: UpdateError) -> Self {
        Self::Invalid { field: error.field(), message: error.to_string() }
    }
}

impl From<elasticsearch::Error> for DocumentsError {
    fn from(error: elasticsearch::Error) -> Self {
        Self::Connect(search_failed(error))
    }
}

impl From<DocumentsError> for ApiError {
    fn from(error: DocumentsError) -> Self {
        match error {
            DocumentsError::Invalid { field, message } => Self::invalid(field, message),
            DocumentsError::Connect(ConnectError::NotConfigured(message)) => Self::NotConfigured { message },
            DocumentsError::Connect(ConnectError::Service(message)) => Self::Upstream { message },
        }
    }
}

impl From<DocumentsError> for Failure {
    fn from(error: DocumentsError) -> Self {
        match error {
            DocumentsError::Invalid { message, .. } => Self::usage(message),
            DocumentsError::Connect(error) => error.into(),
        }
    }
}

/// The search index as far as it can be read, each part by itself; `None` if none is configured.
pub async fn status(connections: &Connections, patience: Duration) -> Option<SearchIndexView> {
    let endpoint = connections.search_endpoint().ok()?;
    let task = configured(connections);
    let server = within(patience, async { Ok(connections.cluster().await?.1.server().to_string()) });
    let identity = within(patience, async {
        connections.search().await?.reader.identity().await.map_err(search_failed)
    });
    // Both need them, and only one asks.
    let known = async {
        let search = connections.search().await?;
        let task = task.as_ref().map_err(not_usable)?;
        let fields = fields(&search, task).await?;
        Ok::<_, ConnectError>((search, task, fields))
    }
    .shared();
    let numbers = within(patience, async {
        let (search, task, fields) = known.clone().await?;
        let look = search.reader.look(&fields, &task.field).await.map_err(search_failed)?;
        Ok(numbers(look.total))
    });
    let precheck = within(patience, async {
        let (search, task, fields) = known.clone().await?;
        let precheck = search.reader.precheck(task, &fields).await.map_err(search_failed)?;
        Ok(findings(connections, &precheck))
    });
    let (server, identity, numbers, precheck) = tokio::join!(server, identity, numbers, precheck);
    let config = connections.config();
    Some(SearchIndexView {
        endpoint: endpoint.as_str().to_owned(),
        index: config.elasticsearch.index.to_string(),
        namespace_field: config.elasticsearch.namespace_field.to_string(),
        added: AddedMetadata {
            key: config.mirror.added_key.clone(),
            value: config.mirror.added_value.to_string(),
        },
        server,
        identity,
        numbers,
        precheck,
    })
}

/// The documents of every namespace.
///
/// # Errors
///
/// What cannot be used, or what the server said; also if it took too long.
pub async fn look(connections: &Connections, patience: Duration) -> Result<DocumentsLook, DocumentsError> {
    soon(patience, async {
        let task = configured(connections)?;
        let search = connections.search().await?;
        let fields = fields(&search, &task).await?;
        let Look { total, namespaces, without_namespace, namespace_too_long, is_one_snapshot } =
            search.reader.look(&fields, &task.field).await?;
        let namespaces = namespaces
            .into_iter()
            .map(|row| DocumentNamespace { namespace: row.namespace, numbers: numbers(row.numbers) });
        Ok(DocumentsLook {
            total: numbers(total),
            namespaces: namespaces.collect(),
            without_namespace: numbers(without_namespace),
            namespace_too_long: numbers(namespace_too_long),
            is_one_snapshot,
        })
    })
    .await
}

/// A page of documents, and how many match.
///
/// # Errors
///
/// As [`look`]; `Invalid` with the field `after` where the search index no longer keeps the place of the page.
pub async fn documents(
    connections: &Connections,
    query: &DocumentQuery,
    patience: Duration,
) -> Result<DocumentPage, DocumentsError> {
    soon(patience, async {
        let (search, found) = held(connections, query).await?;
        if query.id.is_empty() {
            let page = search.reader.page(&found, DOCUMENT_ROWS, query.after.as_deref()).await?;
            let page = page.ok_or_else(|| DocumentsError::Invalid {
                field: "after",
                message: "the search index keeps the place of a list for five minutes, and does not know \
                          this one any more; begin with the first page"
                    .to_owned(),
            })?;
            return Ok(DocumentPage {
                documents: page.documents.into_iter().map(document).collect(),
                total: page.total,
                before: page.before,
                next: page.next,
                is_one_snapshot: page.is_one_snapshot,
            });
        }
        let found = found.with_ids(&ids_of(&query.id));
        let found = search.reader.find(&found, DOCUMENT_ROWS).await?;
        let (called, others): (Vec<_>, Vec<_>) =
            found.documents.into_iter().partition(|document| is_called(document, &query.id));
        let total = found.total.saturating_sub(others.len() as u64);
        let documents = called.into_iter().map(document).collect();
        Ok(DocumentPage { documents, total, is_one_snapshot: true, ..DocumentPage::default() })
    })
    .await
}

/// The names of all documents of a scope that hold something, whatever their ids: each once, of one moment, and page
/// by page, so that they are never in memory at once. Whoever stops reading leaves a cursor, which the search index
/// frees after five minutes.
///
/// # Errors
///
/// As [`look`]. In the stream also where the search index lost its place: what was read cannot be gone on with, and a
/// part is never taken for the whole (law 3).
pub async fn names(
    connections: &Connections,
    query: &DocumentQuery,
) -> Result<impl Stream<Item = Result<Vec<DocumentName>, DocumentsError>> + Send + use<>, DocumentsError> {
    let (search, found) = soon(LOOK_PATIENCE, held(connections, query)).await?;
    let scan = search.reader.scan(found, SourceFields::None, NAMES);
    Ok(stream::try_unfold(scan, |mut scan| async move {
        match scan.next().await? {
            Page::Hits(hits) => {
                let names = hits.into_iter().map(|hit| DocumentName { index: hit.index, id: hit.id });
                Ok(Some((names.collect(), scan)))
            }
            Page::End => Ok(None),
            Page::Lost => {
                let message = "the search index lost its place in the list, which is incomplete; try again";
                Err(ConnectError::Service(message.to_owned()).into())
            }
        }
    }))
}

/// The search index, and what asks it for the documents of a scope that hold something under the added field.
async fn held(
    connections: &Connections,
    query: &DocumentQuery,
) -> Result<(SearchIndex, Query), DocumentsError> {
    let update = DocumentUpdate { scope: query.scope.clone(), ..DocumentUpdate::default() };
    let task = task_of(&update, &connections.settings(), false)?;
    let holding = match &query.holding {
        protocol::Holding::Anything => Holding::Anything,
        protocol::Holding::Nothing => Holding::Nothing,
        protocol::Holding::Something => Holding::Something,
        protocol::Holding::Added => Holding::Value(task.value.clone()),
        protocol::Holding::Value(text) => Holding::Value(level_of(text)?),
    };
    let search = connections.search().await?;
    let fields = fields(&search, &task).await?;
    let found = Query::holding(&task.scope, &task.field, &holding, &fields)?;
    Ok((search, found))
}

/// The ids that a name may mean: itself, and what follows the index in `index/_id`. An index has no `/` in its name.
fn ids_of(name: &str) -> Vec<String> {
    let within = name.split_once('/').map(|(_, id)| id.to_owned()).filter(|id| !id.is_empty());
    std::iter::once(name.to_owned()).chain(within).collect()
}

/// Whether a document is called so.
fn is_called(document: &elasticsearch::Document, name: &str) -> bool {
    document.id == name || name.split_once('/') == Some((&document.index, &document.id))
}

/// What an update would do. Nothing is written.
///
/// # Errors
///
/// As [`look`]; a field, value or namespace that cannot be used.
pub async fn preview(
    connections: &Connections,
    update: &DocumentUpdate,
    overwrite: bool,
    patience: Duration,
) -> Result<UpdatePreview, DocumentsError> {
    let settings = connections.settings();
    let task = task_of(update, &settings, overwrite)?;
    let limits = settings.documents;
    soon(patience, async {
        let search = connections.search().await?;
        let fields = fields(&search, &task).await?;
        let remaining = task.remaining(&fields)?;
        let (found, precheck, samples) = tokio::try_join!(
            search.reader.preview(&task, &fields),
            search.reader.precheck(&task, &fields),
            search.reader.find(&remaining, SAMPLES),
        )?;
        Ok(UpdatePreview {
            added: AddedMetadata { key: task.field.to_string(), value: task.value.to_string() },
            numbers: update_numbers(found),
            precheck: findings(connections, &precheck),
            requests: AROUND + if update.server_side { 0 } else { limits.requests(found.to_update) },
            samples: samples.documents.into_iter().map(document).collect(),
        })
    })
    .await
}

/// Adds the field of an update to the mapping of the search index, with the type that fits its value. Documents are not
/// touched. Says what was done.
///
/// # Errors
///
/// As [`preview`]; also if the key may not change the mapping, or the field is there with another type.
pub async fn add_mapping(
    connections: &Connections,
    update: &DocumentUpdate,
    patience: Duration,
) -> Result<String, DocumentsError> {
    let task = task_of(update, &connections.settings(), false)?;
    let kind = FieldType::for_value(&task.value).ok_or_else(|| DocumentsError::Invalid {
        field: "value",
        message: format!("there is no type of field for the value {}", task.value),
    })?;
    soon(patience, async {
        let search = connections.search().await?;
        MappingEditor::new(&search.connection, &search.reader)?.add(&task.field, kind).await?;
        Ok(format!(
            "{} is in the mapping of {} now, as {}; no document was touched, and documents that hold it already are not \
             indexed by that",
            task.field,
            search.reader.index(),
            kind.name()
        ))
    })
    .await
}

/// What the settings ask for, over all documents.
pub(crate) fn configured(connections: &Connections) -> Result<Task, DocumentsError> {
    let all = DocumentUpdate { scope: DocumentScope::All, ..DocumentUpdate::default() };
    Ok(task_of(&all, &connections.settings(), false)?)
}

pub(crate) fn not_usable(error: &DocumentsError) -> ConnectError {
    ConnectError::NotConfigured(error.to_string())
}

pub(crate) async fn fields(search: &SearchIndex, task: &Task) -> Result<Fields, ConnectError> {
    Fields::of(&search.reader, &search.namespace_field, &task.field).await.map_err(search_failed)
}

async fn soon<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, DocumentsError>>,
) -> Result<T, DocumentsError> {
    timeout(patience, work).await.unwrap_or_else(|_| {
        let message = format!("the search index did not answer within {} s", patience.as_secs());
        Err(ConnectError::Service(message).into())
    })
}

/// What the pre-check found; that certificates are not checked belongs there, too.
fn findings(connections: &Connections, precheck: &Precheck) -> Findings {
    let mut findings: Vec<Finding> = precheck
        .findings
        .iter()
        .map(|finding| Finding {
            severity: match finding.severity {
                elasticsearch::Severity::Stop => Severity::Stop,
                elasticsearch::Severity::Warning => Severity::Warning,
                elasticsearch::Severity::Note => Severity::Note,
            },
            code: finding.code.to_owned(),
            index: finding.index.clone(),
            message: finding.message.clone(),
            remedy: finding.remedy.clone(),
        })
        .collect();
    if !connections.config().elasticsearch.verifies_certificates {
        findings.push(Finding {
            severity: Severity::Warning,
            code: "certificates_unchecked".to_owned(),
            index: None,
            message: "certificates are not checked, so that whoever sits between can read the key".to_owned(),
            remedy: "name the CA in ELASTICSEARCH_CA_CERT, and take ELASTICSEARCH_VERIFY_CERTS=false out"
                .to_owned(),
        });
        findings.sort_by_key(|finding| finding.severity);
    }
    Findings {
        findings,
        is_mended_by_mapping: precheck.is_mended_by_mapping(),
        indices: precheck.indices().map(str::to_owned).collect(),
    }
}

fn numbers(numbers: Numbers) -> DocumentNumbers {
    let Numbers { documents, with, values, other_values } = numbers;
    let value = |count: elasticsearch::ValueCount| ValueCount {
        value: count.value.to_string(),
        documents: count.documents,
    };
    let values = values.map(|values| values.into_iter().map(value).collect());
    DocumentNumbers { documents, with, values, other_values }
}

const fn update_numbers(preview: Preview) -> UpdateNumbers {
    let Preview { documents, missing, equal, lower, higher, incomparable, to_update } = preview;
    UpdateNumbers { documents, missing, equal, lower, higher, incomparable, to_update }
}

fn document(document: elasticsearch::Document) -> Document {
    let field = |(key, value): (String, Value)| DocumentField { key, value: typed(&value) };
    let mut fields: Vec<DocumentField> = document.source.into_iter().map(field).collect();
    fields.sort_by(|a, b| a.key.cmp(&b.key));
    Document { index: document.index, id: document.id, fields }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_called_by_its_id_or_by_its_index_and_its_id() {
        let document = |index: &str, id: &str| elasticsearch::Document {
            index: index.to_owned(),
            id: id.to_owned(),
            source: serde_json::Map::new(),
        };
        assert_eq!(ids_of("faq/1"), ["faq/1", "1"]);
        assert_eq!(ids_of("old/faq/1"), ["old/faq/1", "faq/1"]);
        assert_eq!(ids_of("a/"), ["a/"]);
        assert!(is_called(&document("old", "faq/1"), "faq/1"), "an id may have a slash");
        assert!(is_called(&document("old", "faq/1"), "old/faq/1"));
        assert!(!is_called(&document("new", "faq/1"), "old/faq/1"), "it is another index's");
        assert!(!is_called(&document("new", "1"), "faq/1"));
    }
}
