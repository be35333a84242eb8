//! The records that failed, each with the service's own words.

use leptos::prelude::*;
use protocol::{Category, FailedRecord, RunId, RunKind, RunRequest, Step};

use crate::{
    clock::TimeOfDay,
    components::{
        control::{Retry, can_retry},
        paging::{FileLink, Search},
        table::{Column, Table},
    },
    links,
    live::Live,
};

/// How many failures the page of a run lists; all of them are a page of their own.
const SHOWN: usize = 25;

const COLUMNS: &[Column] = &[
    Column::Text("Record"),
    Column::Text("Step"),
    Column::Text("What the service said"),
    Column::Number("Attempts"),
    Column::Text("When"),
];

/// The rows of failed records and documents, each leading to what it is.
#[component]
pub fn FailureTable(
    /// The records.
    #[prop(into)]
    failures: Signal<Vec<FailedRecord>>,
    /// What the run was asked for.
    request: RunRequest,
) -> impl IntoView {
    let named = move |id: String, step: Step| {
        let href = match step {
            Step::Documents => Some(links::document(&id)),
            _ => links::record_of(&request, &id),
        };
        match href {
            Some(href) => view! { <a href=href>{id}</a> }.into_any(),
            None => id.into_any(),
        }
    };
    view! {
        <Table label="Table of failures" columns=COLUMNS class="list cards failed-records">
            <For
                each=move || failures.get()
                key=|failure| (failure.id.clone(), failure.at, failure.attempts)
                let(failure)
            >
                <tr>
                    <td class="mono">{named(failure.id, failure.step)}</td>
                    <td>{failure.step.label()}</td>
                    <td class="wrap">{failure.message}</td>
                    <td class="num">{format::count(u64::from(failure.attempts))}</td>
                    <td>
                        <TimeOfDay at=failure.at />
                    </td>
                </tr>
            </For>
        </Table>
    }
}

/// The links to the files with the failed records.
#[component]
pub fn FailureFiles(
    /// The run.
    run: RunId,
) -> impl IntoView {
    view! {
        <FileLink run=run.clone() file="failures.jsonl" label="JSONL" />
        <FileLink run file="failures.csv" label="CSV" />
    }
}

/// The panel with the first failures of a run; nothing where there is none.
#[component]
pub fn Failures(
    /// The run.
    live: Live,
) -> impl IntoView {
    let head = live.view.with_untracked(|view| view.head.clone());
    let failures = Memo::new(move |_| {
        live.view.with(|view| view.failures.iter().take(SHOWN).cloned().collect::<Vec<FailedRecord>>())
    });
    let any = Memo::new(move |_| failures.with(|failures| !failures.is_empty()));
    let total = Memo::new(move |_| live.view.with(|view| view.progress.counts.failed));
    let retryable = Memo::new(move |_| live.view.with(can_retry));
    move || {
        let head = head.clone();
        any.get().then(|| {
            let all = links::records(&head.id, Category::Failed);
            let (more, run) = (all.clone(), head.id.clone());
            let request = head.request.clone();
            let (one, many) = match request.kind {
                RunKind::Documents => ("document failed", "documents failed"),
                _ => ("record failed", "records failed"),
            };
            let rest = move || {
                let hidden = total.get().saturating_sub(SHOWN as u64);
                (hidden > 0).then(|| {
                    view! { <a href=more.clone()>{format!("{} more", format::count(hidden))}</a> }
                })
            };
            view! {
                <section class="panel" aria-labelledby="failures">
                    <header>
                        <h2 id="failures">
                            {move || format::counted(total.get(), one, many)}
                        </h2>
                        <div class="row">
                            <Search action=all search="" label="Search the failed records" />
                            <FailureFiles run />
                            {move || {
                                let head = head.clone();
                                retryable.get().then(|| view! { <Retry head failed=total.get_untracked() /> })
                            }}
                        </div>
                    </header>
                    <FailureTable failures request />
                    <footer>
                        {rest}
                        " Their neighbours went on. Trying them again neither pays for nor writes what is in the target already."
                    </footer>
                </section>
            }
        })
    }
}
