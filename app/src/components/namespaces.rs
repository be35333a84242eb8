//! The namespaces of a run over several, each with its own run.

use leptos::prelude::*;
use protocol::{NamespaceRun, RunRequest};

use crate::{
    components::{
        counts_in_words, namespace_name,
        pill::{Pill, Standing},
        table::{Column, Table},
    },
    links,
    live::Live,
};

const COLUMNS: &[Column] =
    &[Column::Text("State"), Column::Text("Namespace"), Column::Text("Counts"), Column::Text("Run")];

/// The table; nothing for a run over one namespace.
#[component]
pub fn NamespacesPanel(
    /// The run.
    live: Live,
) -> impl IntoView {
    let request = live.view.with_untracked(|view| view.head.request.clone());
    let rows = Memo::new(move |_| live.view.with(|view| view.namespaces.clone()));
    let live_run = Memo::new(move |_| live.view.with(|view| view.state.is_live()));
    request.namespaces.is_some().then(move || {
        let progress = move || {
            rows.with(|rows| {
                let settled =
                    rows.iter().filter(|row| row.state.is_some_and(|state| !state.is_live())).count();
                format!("{} of {} done", format::count(settled as u64), format::count(rows.len() as u64))
            })
        };
        let nothing = move || {
            rows.with(Vec::is_empty).then(|| {
                let words = if live_run.get() {
                    "The namespaces are being listed."
                } else {
                    "No namespace of the source matches."
                };
                view! { <p class="body soft">{words}</p> }
            })
        };
        view! {
            <section class="panel" aria-labelledby="namespaces-of-run">
                <header>
                    <h2 id="namespaces-of-run">"Namespaces"</h2>
                    <span class="soft">{progress}</span>
                </header>
                {nothing}
                <Table label="Namespaces of this run" columns=COLUMNS class="list cards">
                    {move || {
                        rows.get()
                            .into_iter()
                            .map(|row| view! { <Row row request=request.clone() /> })
                            .collect_view()
                    }}
                </Table>
            </section>
        }
    })
}

#[component]
fn Row(row: NamespaceRun, request: RunRequest) -> impl IntoView {
    let NamespaceRun { namespace, run, state, counts, error } = row;
    let name = namespace_name(&namespace).to_owned();
    let pill = match (state, &error) {
        (Some(state), _) => view! { <Pill standing=Standing::of_run(state, &request, &counts) /> }.into_any(),
        (None, Some(_)) => view! { <Pill standing=Standing::Failed /> }.into_any(),
        (None, None) => view! { <span class="faint">"waiting"</span> }.into_any(),
    };
    let link = match &run {
        Some(run) => view! {
            <a class="mono break" href=links::run(run)>
                {name}
            </a>
        }
        .into_any(),
        None => view! { <span class="mono break">{name}</span> }.into_any(),
    };
    let counted = state.map(|state| counts_in_words(&request, state, &counts));
    view! {
        <tr>
            <td>{pill}</td>
            <td>{link}</td>
            <td class="wrap">
                {counted} {error.map(|error| view! { <small class="c-failed alarming">{error}</small> })}
            </td>
            <td>
                {run
                    .map(|run| {
                        view! {
                            <a class="break" href=links::run(&run)>
                                {run.0.clone()}
                            </a>
                        }
                    })}
            </td>
        </tr>
    }
}
