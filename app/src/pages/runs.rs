//! All runs, newest first.

use leptos::prelude::*;
use leptos_meta::Title;
use protocol::{RunFilter, RunKind, RunPage, RunState, RunSummary};

use crate::{
    api, browser,
    clock::Ago,
    components::{
        namespace_name,
        notice::{Empty, Skeleton},
        pill::{Pill, Standing},
    },
    format, links,
    pages::not_found::PageError,
};

/// How often the list is asked for again while a run is at work, in milliseconds.
const REFRESH: u64 = 2_000;

/// The list.
#[component]
pub fn RunsPage() -> impl IntoView {
    let runs = Resource::new_blocking(|| (), |()| api::runs(RunFilter::default()));
    let at_work = RwSignal::new(false);
    Effect::new(move |_| {
        browser::every(REFRESH, move || {
            if at_work.get_untracked() {
                runs.refetch();
            }
        });
    });
    view! {
        <Title text="Runs" />
        <header class="head">
            <div>
                <h1>"Runs"</h1>
                <p class="soft">"Every analysis and every mirroring, newest first"</p>
            </div>
            <a class="button primary" href=links::MIRROR>
                "Mirror a namespace"
            </a>
        </header>
        <Transition fallback=|| {
            view! { <Skeleton panels=1 /> }
        }>
            {move || Suspend::new(async move {
                match runs.await {
                    Ok(RunPage { runs, .. }) => {
                        at_work.set(runs.iter().any(|run| run.state.is_live()));
                        view! { <List runs /> }.into_any()
                    }
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn List(runs: Vec<RunSummary>) -> impl IntoView {
    if runs.is_empty() {
        return view! {
            <Empty title="No run yet">
                <p class="soft">
                    "Every analysis and every mirroring will be listed here, with its state, its counts and its log. An analysis reads only: it writes nothing and pays nothing."
                </p>
                <a class="button primary" href=links::MIRROR>
                    "Analyze a namespace"
                </a>
            </Empty>
        }
        .into_any();
    }
    let rows = runs.into_iter().map(|run| view! { <Row run /> }).collect_view();
    view! {
        <section class="panel" aria-label="Runs">
            <div class="scroll" tabindex="0" role="region" aria-label="Table of runs">
                <table class="list runs">
                    <thead>
                        <tr>
                            <th scope="col">"State"</th>
                            <th scope="col">"Run"</th>
                            <th scope="col">"Counts"</th>
                            <th scope="col">"Started"</th>
                            <th scope="col" class="num">
                                "Took"
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Row(run: RunSummary) -> impl IntoView {
    let request = &run.head.request;
    let standing = Standing::of_run(run.state, request, &run.counts);
    let title = request.kind.label();
    let namespace = namespace_name(&request.namespace).to_owned();
    let dry = (request.dry_run && request.kind != RunKind::Analyze)
        .then(|| view! { <span class="tag">"dry run"</span> });
    let took = run
        .finished_at
        .map(|at| format::span_millis(at.saturating_sub(run.head.started_at)))
        .unwrap_or_else(|| "–".to_owned());
    view! {
        <tr>
            <td>
                <Pill standing />
            </td>
            <td>
                <span class="run-name">
                    <a href=links::run(&run.head.id)>{title} " " <span class="mono break">{namespace}</span></a>
                    {dry}
                </span>
                <small class="break">{run.head.id.0.clone()}</small>
            </td>
            <td class="wrap">{counts_in_words(&run)}</td>
            <td>
                <Ago at=run.head.started_at />
            </td>
            <td class="num">{took}</td>
        </tr>
    }
}

/// The numbers that matter of a run: what it found, or what it wrote.
fn counts_in_words(run: &RunSummary) -> String {
    let (request, counts) = (&run.head.request, &run.counts);
    let mut words = Vec::new();
    let mut add = |number: u64, word: &str| {
        if number > 0 {
            words.push(format!("{} {word}", format::count(number)));
        }
    };
    if request.dry_run {
        add(counts.missing, "to migrate");
        add(counts.changed, "to update");
        add(counts.in_sync, "in sync");
    } else {
        add(counts.migrated, "migrated");
        add(counts.updated, "updated");
    }
    add(counts.no_text, "without text");
    add(counts.failed, "failed");
    match words.is_empty() {
        false => words.join(" · "),
        true if run.state.is_live() => "nothing counted yet".to_owned(),
        // A run that broke off knows nothing about what is left.
        true if matches!(run.state, RunState::Failed | RunState::Cancelled) => {
            "ended before it counted".to_owned()
        }
        true => "nothing to do".to_owned(),
    }
}
