//! The server functions. Each is a public endpoint below `/api`, so each starts with [`context`].

use leptos::prelude::*;
#[cfg(feature = "ssr")]
use protocol::RunRequest;
use protocol::{Category, Namespaces, Overview, RecordIds, Reuse, RunId, RunKind, RunSummary, RunView};

#[cfg(feature = "ssr")]
use crate::validation;
use crate::{ApiError, theme::Theme};

/// Both indexes and the settings.
///
/// # Errors
///
/// `Forbidden`; a silent service is not an error.
#[server(name = GetOverview, endpoint = "overview")]
pub async fn overview() -> Result<Overview, ApiError> {
    Ok(context()?.overview().await)
}

/// The namespaces of both indexes.
///
/// # Errors
///
/// `Forbidden`; a silent service is not an error.
#[server(name = GetNamespaces, endpoint = "namespaces")]
pub async fn namespaces() -> Result<Namespaces, ApiError> {
    Ok(context()?.namespaces().await)
}

/// Starts a run and sends the browser to it.
///
/// # Errors
///
/// `Invalid` names the field; a live run must carry `confirmed`. `Busy`, `NotConfigured` and `Upstream` come from the
/// server.
#[server(name = StartRun, endpoint = "start_run")]
pub async fn start_run(
    /// What to do.
    kind: RunKind,
    /// The namespace, as typed; empty is the default namespace.
    namespace: String,
    /// The batch size, as typed; empty is the configured one.
    #[server(default)]
    batch_size: String,
    /// When vectors may stay.
    #[server(default)]
    reuse: Option<Reuse>,
    /// Replace other values under the added key.
    #[server(default)]
    overwrite_added: bool,
    /// Pay and write nothing.
    #[server(default)]
    dry_run: bool,
    /// The answer to the question before a live run.
    #[server(default)]
    confirmed: bool,
    /// The hash of the plan that this run is started from.
    #[server(default)]
    plan: Option<String>,
) -> Result<RunId, ApiError> {
    let backend = context()?;
    let request = RunRequest {
        kind,
        namespace: validation::namespace(&namespace).map_err(refuse)?,
        dry_run: dry_run || kind == RunKind::Analyze,
        reuse: reuse.unwrap_or_default(),
        overwrite_added,
        batch_size: validation::batch_size(&batch_size).map_err(refuse)?,
        plan: validation::plan(plan).map_err(refuse)?,
    };
    if !request.dry_run && !confirmed {
        return Err(refuse(ApiError::invalid(
            "confirmed",
            "a live run writes and pays, so it must be confirmed",
        )));
    }
    let run = backend.start(request).await.map_err(refuse)?;
    // Ids are lowercase letters, digits and dashes: nothing that a header or a URL could stumble over.
    leptos_axum::redirect(&crate::links::of_kind(kind, &run));
    Ok(run)
}

/// Asks a run to stop.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = CancelRun, endpoint = "cancel_run")]
pub async fn cancel_run(
    /// The run.
    run: RunId,
) -> Result<(), ApiError> {
    context()?.cancel(&run).map_err(refuse)
}

/// A run as it stands.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = GetRun, endpoint = "run")]
pub async fn run(
    /// The run.
    run: RunId,
) -> Result<RunView, ApiError> {
    context()?.run(&run).ok_or(ApiError::UnknownRun { run }).map_err(refuse)
}

/// All runs, newest first.
///
/// # Errors
///
/// `Forbidden`.
#[server(name = GetRuns, endpoint = "runs")]
pub async fn runs() -> Result<Vec<RunSummary>, ApiError> {
    Ok(context()?.runs())
}

/// The ids behind a count of a run.
///
/// # Errors
///
/// `UnknownRun`.
#[server(name = GetRecords, endpoint = "records")]
pub async fn records(
    /// The run.
    run: RunId,
    /// What was counted.
    category: Category,
) -> Result<RecordIds, ApiError> {
    context()?.records(&run, category).ok_or(ApiError::UnknownRun { run }).map_err(refuse)
}

/// Keeps the theme in a cookie, so that the next first paint is right.
///
/// # Errors
///
/// `Forbidden`.
#[server(name = SetTheme, endpoint = "set_theme")]
pub async fn set_theme(
    /// The theme.
    theme: Theme,
) -> Result<(), ApiError> {
    context()?;
    if let (Some(response), Ok(cookie)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::HeaderValue::from_str(&theme.cookie()))
    {
        response.append_header(http::header::SET_COOKIE, cookie);
    }
    Ok(())
}

/// The one door: authorises the request and hands out the server.
#[cfg(feature = "ssr")]
fn context() -> Result<std::sync::Arc<dyn crate::Backend>, ApiError> {
    let admitted = use_context::<http::request::Parts>()
        .is_some_and(|parts| parts.extensions.get::<crate::Admitted>().is_some());
    match use_context::<std::sync::Arc<dyn crate::Backend>>() {
        Some(backend) if admitted => Ok(backend),
        _ => Err(refuse(ApiError::Forbidden)),
    }
}

/// Gives the response the error's status.
///
/// Not where a browser navigates (`Accept: text/html`): then the answer is a redirect back to the form with the error in
/// its query, or a page that sets its own status.
#[cfg(feature = "ssr")]
fn refuse(error: ApiError) -> ApiError {
    let navigates = use_context::<http::request::Parts>().is_some_and(|parts| {
        let accept = parts.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|value| value.contains("text/html"))
    });
    if !navigates
        && let (Some(response), Ok(status)) =
            (use_context::<leptos_axum::ResponseOptions>(), http::StatusCode::from_u16(error.status()))
    {
        response.set_status(status);
    }
    error
}
