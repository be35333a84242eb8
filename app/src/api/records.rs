//! One record on all sides.

use leptos::prelude::*;
use protocol::RecordView;

use crate::{ApiError, api::Json};
#[cfg(feature = "ssr")]
use crate::{
    api::{context, refuse},
    validation,
};

/// One record in both indexes and its document.
///
/// # Errors
///
/// `Invalid` names the field; a silent service is not an error.
#[server(name = GetRecord, endpoint = "record", output = Json)]
pub async fn record(
    /// The namespace, as typed; empty is the default namespace.
    namespace: String,
    /// The record's id.
    id: String,
) -> Result<RecordView, ApiError> {
    let backend = context()?;
    let namespace = validation::namespace(&namespace).map_err(refuse)?;
    let id = validation::record_id(&id).map_err(refuse)?;
    backend.record(&namespace, &id).await.map_err(refuse)
}
