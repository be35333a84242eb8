//! The server functions. Each is a public endpoint below `/api`, so each starts with [`context`].

mod design;
mod documents;
mod json;
mod records;
mod runs;
mod schedules;
mod settings;

use leptos::prelude::*;
use protocol::{Namespaces, Overview};

use crate::{ApiError, theme::Theme};

pub use design::*;
pub use documents::*;
pub use json::{Json, JsonText};
pub use records::*;
pub use runs::*;
pub use schedules::*;
pub use settings::*;

/// Both indexes and the settings.
///
/// # Errors
///
/// `Forbidden`; a silent service is not an error.
#[server(name = GetOverview, endpoint = "overview", output = Json)]
pub async fn overview() -> Result<Overview, ApiError> {
    Ok(context()?.overview().await)
}

/// The namespaces of both indexes.
///
/// # Errors
///
/// `Forbidden`; a silent service is not an error.
#[server(name = GetNamespaces, endpoint = "namespaces", output = Json)]
pub async fn namespaces() -> Result<Namespaces, ApiError> {
    Ok(context()?.namespaces().await)
}

/// Keeps the theme in a cookie, so that the next first paint is right.
///
/// # Errors
///
/// `Forbidden`.
#[server(name = SetTheme, endpoint = "set_theme", output = Json)]
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
pub(crate) fn refuse(error: ApiError) -> ApiError {
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
