//! All runs, newest first, filtered by their kind, state and namespace.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{RunFilter, RunId, RunKind, RunPage, RunState, RunSummary};

use crate::{
    api,
    clock::Ago,
    components::{
        counts_in_words,
        notice::{Empty, Skeleton},
        paging::Pager,
        pill::{Pill, Standing},
        scope_name,
        table::{Column, Table},
    },
    links,
    pages::{not_found::PageError, while_at_work},
};

/// Runs on a page.
const ROWS: u32 = 50;

const COLUMNS: &[Column] = &[
    Column::Text("State"),
    Column::Text("Run"),
    Column::Text("Counts"),
    Column::Text("Started"),
    Column::Number("Took"),
    Column::Unseen("What can be done"),
];

/// The kinds of runs: the word in the address, and on the page.
const KINDS: [(&str, &str, Option<RunKind>); 6] = [
    ("", "Every kind", None),
    ("analyze", "Analyses", Some(RunKind::Analyze)),
    ("mirror", "Mirrorings", Some(RunKind::Mirror)),
    ("reembed", "Re-embeddings", Some(RunKind::Reembed)),
    ("documents", "Elasticsearch updates", Some(RunKind::Documents)),
    ("levels", "Comparisons of levels", Some(RunKind::Levels)),
];

/// How runs may stand: the word in the address, and on the page.
const STATES: [(&str, &str, &[RunState]); 8] = [
    ("", "Every state", &[]),
    ("running", "Running", &[RunState::Running, RunState::Pausing, RunState::Cancelling]),
    ("paused", "Paused", &[RunState::Paused]),
    ("interrupted", "Interrupted", &[RunState::Interrupted]),
    ("attention", "Needs attention", &[RunState::DoneWithFailures]),
    ("failed", "Failed", &[RunState::Failed]),
    ("done", "Done", &[RunState::Done]),
    ("cancelled", "Cancelled", &[RunState::Cancelled]),
];

/// What the address asks for, in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    kind: String,
    state: String,
    namespace: String,
    before: Option<RunId>,
}

impl Asked {
    /// Words that mean nothing ask for everything.
    fn filter(&self) -> RunFilter {
        RunFilter {
            kind: KINDS.into_iter().find(|(word, ..)| *word == self.kind).and_then(|(.., kind)| kind),
            states: STATES
                .into_iter()
                .find(|(word, ..)| *word == self.state)
                .map(|(.., states)| states.to_vec())
                .unwrap_or_default(),
            namespace: self.namespace.trim().to_owned(),
            before: self.before.clone(),
            limit: ROWS,
        }
    }

    fn narrows(&self) -> bool {
        !(self.kind.is_empty() && self.state.is_empty() && self.namespace.trim().is_empty())
    }

    /// The address of the first page of the same.
    fn address(&self) -> String {
        let address = links::with_any(links::RUNS, "kind", &self.kind);
        let address = links::with_any(&address, "state", &self.state);
        links::with_any(&address, "namespace", self.namespace.trim())
    }
}

/// The list.
#[component]
pub fn RunsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let word = |name| query.get(name).unwrap_or_default();
            Asked {
                kind: word("kind"),
                state: word("state"),
                namespace: word("namespace"),
                before: query.get("before").map(RunId),
            }
        })
    });
    let runs = Resource::new_blocking(move || asked.get(), |asked| api::runs(asked.filter()));
    let at_work = while_at_work(move || runs.refetch());
    view! {
        <Title text="Runs" />
        <header class="head">
            <div>
                <h1>"Runs"</h1>
                <p class="soft">"Every analysis, mirroring, re-embedding and update of documents, newest first"</p>
            </div>
            <a class="button primary" href=links::MIRROR>
                "Mirror a namespace"
            </a>
        </header>
        {move || view! { <Filter asked=asked.get() /> }}
        <Transition fallback=|| {
            view! { <Skeleton panels=1 /> }
        }>
            {move || Suspend::new(async move {
                match runs.await {
                    Ok(RunPage { runs, next }) => {
                        at_work.set(runs.iter().any(|run| run.state.is_live()));
                        view! { <List runs next asked=asked.get_untracked() /> }.into_any()
                    }
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// The form that narrows the list. It is sent as an address, so it works without a script and can be kept.
#[component]
fn Filter(asked: Asked) -> impl IntoView {
    let narrowed = asked.narrows();
    let Asked { kind, state, namespace, .. } = asked;
    let kinds = KINDS
        .map(|(word, label, _)| view! { <option value=word selected=word == kind>{label}</option> })
        .collect_view();
    let states = STATES
        .map(|(word, label, _)| view! { <option value=word selected=word == state>{label}</option> })
        .collect_view();
    view! {
        <form method="get" action=links::RUNS class="row filter" role="search" aria-label="Filter the runs">
            <select name="kind" aria-label="Kind">
                {kinds}
            </select>
            <select name="state" aria-label="State">
                {states}
            </select>
            <input type="search" name="namespace" placeholder="Namespace" aria-label="Namespace" value=namespace />
            <button type="submit" class="button">
                "Filter"
            </button>
            {narrowed.then(|| view! { <a href=links::RUNS>"all runs"</a> })}
        </form>
    }
}

#[component]
fn List(runs: Vec<RunSummary>, next: Option<RunId>, asked: Asked) -> impl IntoView {
    if runs.is_empty() && asked.narrows() {
        return view! {
            <Empty title="No run matches">
                <p class="soft">"No run is of this kind and in this state, with such a namespace."</p>
                <a class="button" href=links::RUNS>
                    "All runs"
                </a>
            </Empty>
        }
        .into_any();
    }
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
            <Table label="Table of runs" columns=COLUMNS class="list cards">
                {rows}
            </Table>
        </section>
        <Pager
            address=asked.address()
            parameter="before"
            later=asked.before.is_some()
            next=next.map(|run| run.0)
            label="Older runs"
        />
    }
    .into_any()
}

#[component]
fn Row(run: RunSummary) -> impl IntoView {
    let request = &run.head.request;
    let standing = Standing::of_run(run.state, request, &run.counts);
    let title = request.kind.label();
    let namespace = scope_name(request);
    let dry =
        (request.dry_run && !request.kind.only_reads()).then(|| view! { <span class="tag">"dry run"</span> });
    let retry = request.retry.is_some().then(|| view! { <span class="tag">"only what failed"</span> });
    let counted = counts_in_words(request, run.state, &run.counts);
    let took = run.took().map_or_else(|| "–".to_owned(), format::span_millis);
    let spoken = format!(" {}", run.head.id);
    view! {
        <tr>
            <td>
                <Pill standing />
            </td>
            <td>
                <span class="run-name">
                    <a href=links::run(&run.head.id)>{title} " " <span class="mono break">{namespace}</span></a>
                    {dry} {retry}
                </span>
                <small class="break">{run.head.id.0.clone()}</small>
            </td>
            <td class="wrap">{counted} {run.why().map(|why| view! { <small>{why.to_owned()}</small> })}</td>
            <td>
                <Ago at=run.head.started_at />
            </td>
            <td class="num">{took}</td>
            <td>
                <a href=links::compare(&run.head.id) title="What has changed since the run before">
                    "Compare"
                    <span class="visually-hidden">{spoken}</span>
                </a>
            </td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_asks_for_runs_and_leads_back_to_itself() {
        let asked = Asked {
            kind: "mirror".to_owned(),
            state: "running".to_owned(),
            namespace: " a b ".to_owned(),
            before: Some(RunId("r9".to_owned())),
        };
        let filter = asked.filter();
        assert_eq!(filter.kind, Some(RunKind::Mirror));
        assert!(filter.states.contains(&RunState::Pausing) && filter.namespace == "a b");
        assert_eq!(asked.address(), "/runs?kind=mirror&state=running&namespace=a%20b");
        let odd = Asked { state: "no such".to_owned(), ..Asked::default() }.filter();
        assert!(odd.kind.is_none() && odd.states.is_empty());
    }

    #[test]
    fn every_kind_is_in_one_choice() {
        for kind in RunKind::ALL {
            assert_eq!(KINDS.iter().filter(|(.., choice)| *choice == Some(kind)).count(), 1, "{kind:?}");
        }
    }

    #[test]
    fn every_state_is_in_one_choice() {
        for state in RunState::ALL {
            let choices = STATES.iter().filter(|(.., states)| states.contains(&state)).count();
            assert_eq!(choices, 1, "{state:?}");
        }
    }
}
