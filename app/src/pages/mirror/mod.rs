//! Namespace Mirroring: one stepper on one address. `/mirror` is the scope (`?scope=several` that of a run over
//! several namespaces, which goes on at its own page), `/mirror?run=ID` everything after it.

mod namespaces;
mod phases;
mod scope;
mod several;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use protocol::RunId;

use crate::{api, components::notice::Skeleton, pages::not_found::PageError};
use phases::Phases;
use scope::ScopeStep;

/// The page.
#[component]
pub fn MirrorPage() -> impl IntoView {
    let query = use_query_map();
    let run = Memo::new(move |_| query.with(|query| query.get("run")).filter(|run| !run.is_empty()));
    let several =
        Memo::new(move |_| query.with(|query| query.get("scope").is_some_and(|scope| scope == "several")));
    move || match run.get() {
        None => view! { <ScopeStep several=several.get() /> }.into_any(),
        Some(run) => view! { <LoadRun run=RunId(run) /> }.into_any(),
    }
}

#[component]
fn LoadRun(run: RunId) -> impl IntoView {
    let run = Resource::new_blocking(move || run.clone(), api::run);
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton panels=3 /> }
        }>
            {move || Suspend::new(async move {
                match run.await {
                    Ok(view) => view! { <Phases view /> }.into_any(),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}
