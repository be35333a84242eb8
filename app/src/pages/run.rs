//! The page of a run.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use protocol::{RunHead, RunId, RunKind, RunView};

use crate::{
    api,
    clock::{Ago, Clock},
    components::{
        notice::Skeleton,
        run_body::{LinkNotice, Outcome, RunActions, RunBody, RunPill, TimeLeft, short},
        scope_name,
        start::options_of,
    },
    links, live,
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
    let namespace = scope_name(&head.request);
    let label = head.request.kind.label();
    let origin = origin(&head);
    let options = options_of(&head.request);
    let in_steps = matches!(head.request.kind, RunKind::Analyze | RunKind::Mirror | RunKind::Reembed)
        && head.request.namespaces.is_none()
        && head.request.retry.is_none();
    let steps = in_steps.then(|| links::of_kind(head.request.kind, &head.id));
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
                    "Started " <Ago at=head.started_at /> {origin} " · "
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
                <a class="button" href=links::compare(&head.id) title="What has changed since the run before">
                    "Compare"
                </a>
                {steps.map(|href| view! { <a class="button" href=href>"In steps"</a> })}
                <RunActions live />
            </div>
        </header>
        <LinkNotice live />
        <Outcome live />
        <RunBody live />
    }
}

/// Where a run takes its records from, if not from a listing: a plan, or the failures of another run.
fn origin(head: &RunHead) -> Option<AnyView> {
    let request = &head.request;
    let from = request.retry.as_ref().or(head.origin.as_ref()).map(links::run);
    let (words, name) = match (&request.retry, &request.plan) {
        (Some(run), _) => (", tries again what failed in ", run.0.clone()),
        (None, Some(plan)) => (", executes plan ", short(plan)),
        (None, None) => return None,
    };
    Some(match from {
        Some(href) => view! { {words} <a class="break" href=href>{name}</a> }.into_any(),
        None => view! { {words} <code>{name}</code> }.into_any(),
    })
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
                // A run that waits is not over, and has taken more than its own time.
                let words = if view.state.is_resumable() {
                    format!("stopped {}", clock.ago(at))
                } else {
                    format!("took {took}")
                };
                view! { <span title=move || clock.date_time(at)>{words}</span> }
            })
        })
    }
}
