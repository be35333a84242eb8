//! The page of a run.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use protocol::{RunId, RunKind, RunView};

use crate::{
    api,
    clock::{Ago, Clock},
    components::{
        namespace_name,
        notice::Skeleton,
        run_body::{LinkNotice, Outcome, RunActions, RunBody, RunPill, TimeLeft, short},
        start::options_of,
    },
    format, links, live,
    pages::not_found::PageError,
};

/// Loads the run that the address names.
#[component]
pub fn RunPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| RunId(params.get("id").unwrap_or_default())));
    let run = Resource::new_blocking(move || id.get(), api::run);
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton panels=3 /> }
        }>
            {move || Suspend::new(async move {
                match run.await {
                    Ok(view) => view! { <ShowRun view /> }.into_any(),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn ShowRun(view: RunView) -> impl IntoView {
    let head = view.head.clone();
    let live = live::follow(view);
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let namespace = namespace_name(&head.request.namespace).to_owned();
    let label = head.request.kind.label();
    let plan = head.request.plan.as_deref().map(|plan| format!(" from plan {}", short(plan)));
    let options = options_of(&head.request);
    let mirror = (head.request.kind != RunKind::Reembed).then(|| links::mirror_run(&head.id));
    view! {
        <Title text=format!("{label} {namespace}") />
        <header class="head">
            <div>
                <p class="soft">
                    <a href=links::RUNS>"Runs"</a>
                    " / "
                    <span class="break">{head.id.0.clone()}</span>
                </p>
                <h1>{label} " " <span class="mono break">{namespace}</span></h1>
                <p class="soft">
                    "Started " <Ago at=head.started_at /> {plan} " · "
                    {move || {
                        if over.get() {
                            view! { <Ended live /> }.into_any()
                        } else {
                            view! { <TimeLeft live /> }.into_any()
                        }
                    }}
                </p>
                {(!options.is_empty())
                    .then(|| {
                        view! {
                            <p class="row">
                                {options.into_iter().map(|word| view! { <span class="tag">{word}</span> }).collect_view()}
                            </p>
                        }
                    })}
            </div>
            <div class="row">
                <RunPill live />
                {mirror.map(|href| view! { <a class="button" href=href>"In steps"</a> })}
                <RunActions live />
            </div>
        </header>
        <LinkNotice live />
        <Outcome live />
        <RunBody live />
    }
}

/// How long a run took.
#[component]
pub fn Ended(
    /// The run, which is over.
    live: live::Live,
) -> impl IntoView {
    let clock = Clock::of_page();
    move || {
        live.view.with(|view| {
            view.finished_at.map(|at| {
                let took = format::span_millis(at.saturating_sub(view.head.started_at));
                view! { <span title=move || clock.date_time(at)>{format!("took {took}")}</span> }
            })
        })
    }
}
