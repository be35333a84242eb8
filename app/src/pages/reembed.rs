//! Re-embedding: the one-time migration of what the target does not have, in the steps of a mirroring.

use leptos::prelude::*;

use crate::pages::mirror::{StepsPage, Way};

/// The page.
#[component]
pub fn ReembedPage() -> impl IntoView {
    view! { <StepsPage way=Way::Reembed /> }
}
