//! The search index: what it holds, what an update would do, and starting one.

use leptos::prelude::*;
use protocol::{DocumentPage, DocumentQuery, DocumentsLook, RunId, SearchIndex, UpdateMode, UpdatePreview};
#[cfg(feature = "ssr")]
use protocol::{DocumentUpdate, RunRequest};
use serde::{Deserialize, Serialize};

use crate::{ApiError, api::Json};
#[cfg(feature = "ssr")]
use crate::{
    api::{context, refuse, unconfirmed},
    links, validation,
};

/// The search index, as far as it could be read.
///
/// # Errors
///
/// `Forbidden`; a silent service is not an error.
#[server(name = GetSearchIndex, endpoint = "search_index", output = Json)]
pub async fn search_index() -> Result<SearchIndex, ApiError> {
    Ok(context()?.search_index().await)
}

/// The documents of every namespace.
///
/// # Errors
///
/// `NotConfigured`, `Upstream`.
#[server(name = GetDocumentsLook, endpoint = "documents_look", output = Json)]
pub async fn documents_look() -> Result<DocumentsLook, ApiError> {
    context()?.documents_look().await.map_err(refuse)
}

/// Some documents.
///
/// # Errors
///
/// `NotConfigured`, `Upstream`.
#[server(name = GetDocuments, endpoint = "documents", output = Json)]
pub async fn documents(
    /// Which.
    #[server(default)]
    query: DocumentQuery,
) -> Result<DocumentPage, ApiError> {
    context()?.documents(&query).await.map_err(refuse)
}

/// What an update is to do, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedUpdate {
    /// `all`, `without` for the documents without a namespace, `too-long` for those whose namespace cannot be matched;
    /// otherwise the namespaces below.
    pub scope: String,
    /// The namespaces: one a line.
    pub namespaces: String,
    /// Which documents.
    pub mode: UpdateMode,
    /// The field; empty is the configured one.
    pub field: String,
    /// Its value as JSON; empty is the configured one.
    pub value: String,
}

/// What an update would do; nothing is written.
///
/// # Errors
///
/// `Invalid` names the field; `NotConfigured`, `Upstream`.
#[server(name = PreviewUpdate, endpoint = "preview_update", output = Json)]
pub async fn preview_update(
    /// What it is to do.
    #[server(flatten)]
    update: TypedUpdate,
    /// Replace higher values too.
    #[server(default)]
    overwrite: bool,
) -> Result<UpdatePreview, ApiError> {
    let backend = context()?;
    let update = validation::document_update(&update).map_err(refuse)?;
    backend.preview_update(&update, overwrite).await.map_err(refuse)
}

/// Adds a field to the search index's mapping. Documents are not touched.
///
/// # Errors
///
/// `Invalid` unless it is `confirmed`, or names the field; `NotConfigured`, `Upstream`.
#[server(name = AddMapping, endpoint = "add_mapping", output = Json)]
pub async fn add_mapping(
    /// The field, as typed; empty is the configured one.
    #[server(default)]
    field: String,
    /// A value that the field will hold, as JSON, as typed; empty is the configured one.
    #[server(default)]
    value: String,
    /// The answer to the question before it.
    #[server(default)]
    confirmed: bool,
) -> Result<String, ApiError> {
    let backend = context()?;
    let all = TypedUpdate { scope: "all".to_owned(), field, value, ..TypedUpdate::default() };
    let update = validation::document_update(&all).map_err(refuse)?;
    if !confirmed {
        return Err(refuse(unconfirmed()));
    }
    backend.add_mapping(&update).await.map_err(refuse)
}

/// Starts an update of documents and sends the browser to its run.
///
/// # Errors
///
/// `Invalid` names the field; a live run must carry `confirmed`. `Busy`, `NotConfigured` and `Upstream` come from the
/// server.
#[server(name = StartUpdate, endpoint = "start_update", output = Json)]
pub async fn start_update(
    /// What it is to do.
    #[server(flatten)]
    update: TypedUpdate,
    /// Replace higher values too.
    #[server(default)]
    overwrite: bool,
    /// Let the server update by itself.
    #[server(default)]
    server_side: bool,
    /// Write nothing.
    #[server(default)]
    dry_run: bool,
    /// The answer to the question before a live run.
    #[server(default)]
    confirmed: bool,
) -> Result<RunId, ApiError> {
    let backend = context()?;
    let update = validation::document_update(&update).map_err(refuse)?;
    let update = DocumentUpdate { server_side, ..update };
    let request = RunRequest { dry_run, overwrite_added: overwrite, ..RunRequest::update_documents(update) };
    if request.is_live() && !confirmed {
        return Err(refuse(unconfirmed()));
    }
    let run = backend.start(request).await.map_err(refuse)?;
    leptos_axum::redirect(&links::run(&run));
    Ok(run)
}
