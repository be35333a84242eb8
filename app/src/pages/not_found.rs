//! What stands where nothing is.

use leptos::prelude::*;
use leptos_meta::Title;
use protocol::RunId;

use crate::{ApiError, components::notice::Empty, links, pages::set_status};

/// No page has this address.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(404);
    view! {
        <Title text="Not found" />
        <h1>"There is no such page"</h1>
        <Empty title="The address leads nowhere">
            <p class="soft">"It may be mistyped, or come from another version of tain."</p>
            <a class="button primary" href=links::DASHBOARD>
                "To the dashboard"
            </a>
        </Empty>
    }
}

/// No run has this id.
#[component]
pub fn NoSuchRun(
    /// The id.
    run: RunId,
) -> impl IntoView {
    set_status(404);
    view! {
        <Title text="No such run" />
        <h1>"There is no run " <span class="mono break">{run.0}</span></h1>
        <Empty title="The server does not know this run">
            <p class="soft">
                "The address may be mistyped, or the server has forgotten the run. What a run wrote is in the target all the same."
            </p>
            <a class="button primary" href=links::RUNS>
                "All runs"
            </a>
        </Empty>
    }
}

/// Something went wrong on the way to what the page shows.
#[component]
pub fn PageError(
    /// What.
    error: ApiError,
) -> impl IntoView {
    if let ApiError::UnknownRun { run } = error {
        return view! { <NoSuchRun run /> }.into_any();
    }
    set_status(error.status());
    view! {
        <Title text="Error" />
        <h1>"This page could not be shown"</h1>
        <Empty title=error.to_string()>
            <p class="soft">"Runs on the server go on without it. Reload the page to try again."</p>
            <a class="button" href=links::RUNS>
                "All runs"
            </a>
        </Empty>
    }
    .into_any()
}
