//! The page with all components.

use leptos::prelude::*;

use crate::{ApiError, api::Json};

/// The components in all their states as HTML; `None` where real services are used and tain was built for release.
///
/// The server alone knows how to draw it: a page for developers adds nothing to what everyone downloads. With `rows`, a
/// log and a table of so many lines instead (at most 20,000), to see how they scroll.
///
/// # Errors
///
/// `Forbidden`.
#[server(name = GetDesign, endpoint = "design", output = Json)]
pub async fn design(
    /// Lines of the long log and rows of the long table; `None` for the components.
    rows: Option<u32>,
) -> Result<Option<String>, ApiError> {
    let backend = super::context()?;
    let shown = cfg!(debug_assertions) || backend.overview().await.sandbox;
    Ok(shown.then(|| match rows {
        None => crate::pages::design::components(),
        Some(rows) => crate::pages::design::long_lists(rows.min(20_000)),
    }))
}
