//! The namespaces on the dashboard: the default one as the newest analysis left it, and the largest of all.

use leptos::prelude::*;
use protocol::{NamespaceRow, RunKind, RunRequest, RunSummary};

use crate::{
    ApiError, api,
    clock::Ago,
    components::{
        DocumentCount, Read, namespace_name,
        pill::{Pill, Standing},
        state_bar::{StateBar, StateCounts},
        table::{Column, Table},
    },
    links,
    pages::{
        OverviewResource,
        check::counts::{count_cells, find, largest},
    },
};

use super::{Bones, Recent, Runs, command_foot};

/// How many namespaces the dashboard lists.
const SHOWN: usize = 6;

const COLUMNS: &[Column] = &[
    Column::Text("Namespace"),
    Column::Number("Source"),
    Column::Number("Target"),
    Column::Number("Difference"),
    Column::Text("State"),
];

/// The namespaces that the dashboard shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Board {
    /// The default namespace.
    default: NamespaceRow,
    /// Those with most records.
    largest: Vec<NamespaceRow>,
    /// How many there are.
    total: usize,
    /// What could not be read, in words.
    problems: Vec<String>,
}

/// What is asked for once and shown in two panels.
pub type BoardResource = Resource<Result<Board, ApiError>>;

/// Asks for it.
///
/// # Errors
///
/// The server did not answer; a silent service is not an error.
pub async fn board(overview: OverviewResource) -> Result<Board, ApiError> {
    let default = overview.await?.default_namespace;
    let namespaces = api::namespaces().await?;
    Ok(Board {
        default: find(&namespaces, &default),
        total: namespaces.rows.len(),
        largest: largest(&namespaces.rows, SHOWN),
        problems: namespaces.problems,
    })
}

/// The default namespace on both sides, and how much of it is mirrored.
#[component]
pub fn DefaultNamespace(board: BoardResource, runs: Runs) -> impl IntoView {
    view! {
        <Transition fallback=|| {
            view! { <Bones /> }
        }>
            {move || Suspend::new(async move {
                match (board.await, runs.await) {
                    (Ok(board), Ok(recent)) => default_panel(board.default, recent),
                    (Err(error), _) | (_, Err(error)) => failed("Default namespace", error),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn failed(title: &'static str, error: ApiError) -> AnyView {
    view! {
        <section class="panel">
            <header>
                <h2>{title}</h2>
                <Pill standing=Standing::Unknown />
            </header>
            <p class="body c-failed alarming">{error.to_string()}</p>
        </section>
    }
    .into_any()
}

/// How a namespace stands: as its newest run says. `None` if no run is known. Where a side could not be read, nobody knows,
/// whatever a run has found.
fn standing(recent: &Recent, name: &str) -> Option<(Standing, RunSummary)> {
    let run = recent.of_namespace(name)?;
    Some((Standing::of_run(run.state, &run.head.request, &run.counts), run.clone()))
}

fn default_panel(row: NamespaceRow, recent: Recent) -> AnyView {
    let name = row.name.clone();
    let check = links::check_namespace(&name);
    let stands = if row.counts().is_none() {
        Some(Standing::Unknown)
    } else {
        standing(&recent, &name).map(|(standing, _)| standing)
    };
    let pill = stands.map(|standing| view! { <Pill standing /> });
    let documents = row.documents.clone().map(|reading| {
        view! {
            <div class="figure small">
                <b>
                    <DocumentCount namespace=namespace_name(&name).to_owned() reading />
                </b>
                <span>"documents in Elasticsearch"</span>
            </div>
        }
    });
    let mirrored = match recent.counted {
        Ok(Some(run)) => mirrored(&run),
        Err(error) => {
            view! { <p class="c-attention alarming">{format!("How much is mirrored is unknown: {error}")}</p> }
                .into_any()
        }
        Ok(None) => {
            let words = if recent.more {
                "Not among the last runs: how much is mirrored is not known until it is analyzed."
            } else {
                "Not analyzed yet: how much is mirrored is not known. Two totals do not tell, because the target may hold records that the source does not."
            };
            view! { <p class="soft">{words}</p> }.into_any()
        }
    };
    let command = RunRequest { dry_run: true, ..RunRequest::new(RunKind::Analyze, name.clone()) }.command();
    view! {
        <section class="panel" aria-labelledby="default-namespace">
            <header>
                <h2 id="default-namespace">
                    "Default namespace " <a class="mono break" href=check>
                        {name}
                    </a>
                </h2>
                {pill}
            </header>
            <div class="body stack">
                <div class="figures">
                    <div class="figure small">
                        <b>
                            <Read reading=row.source.clone() absent="none" />
                        </b>
                        <span>"in the source"</span>
                    </div>
                    <div class="figure small">
                        <b>
                            <Read reading=row.target absent="none" />
                        </b>
                        <span>"in the target"</span>
                    </div>
                    {documents}
                </div>
                {mirrored}
            </div>
            {command_foot(command)}
        </section>
    }
    .into_any()
}

/// How much of a namespace is mirrored, as a run counted it: never one total over another, because the target may hold
/// records that the source does not.
fn mirrored(run: &RunSummary) -> AnyView {
    let state = StateCounts::from(&run.counts);
    let whole = state.in_sync + state.missing + state.changed + state.no_text + state.unreadable;
    let lists = state.listed(&run.counts);
    let bar = view! { <StateBar state run=run.head.id.clone() lists /> };
    let counted_at = run.finished_at.unwrap_or(run.head.started_at);
    view! {
        <p>
            {format!("{} of {} of the source ", format::count(state.in_sync), format::counted(whole, "record", "records"))}
            {if state.in_sync == 1 { "is" } else { "are" }} " in the target with equal metadata, as counted by "
            <a href=links::run(&run.head.id)>
                {if run.head.request.kind == RunKind::Mirror { "a mirroring" } else { "an analysis" }}
            </a> " " <Ago at=counted_at /> "."
        </p>
        {bar}
    }
    .into_any()
}

/// The largest namespaces with what is known of them.
#[component]
pub fn NamespacesPanel(board: BoardResource, runs: Runs) -> impl IntoView {
    view! {
        <Transition fallback=|| {
            view! { <Bones /> }
        }>
            {move || Suspend::new(async move {
                let recent = runs.await;
                match board.await {
                    Ok(board) => table(board, recent),
                    Err(error) => failed("Namespaces", error),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn table(board: Board, recent: Result<Recent, ApiError>) -> AnyView {
    let unread = recent.as_ref().err().map(|error| format!("How the namespaces stand is unknown: {error}"));
    // Of what could not be read nobody knows how much there is.
    let all = if board.problems.is_empty() {
        format!("All {}", format::count(board.total as u64))
    } else {
        "All".to_owned()
    };
    let is_empty = board.largest.is_empty() && board.problems.is_empty();
    let problems: Vec<String> = board.problems.into_iter().chain(unread).collect();
    let problems = (!problems.is_empty()).then(|| {
        view! {
            <div class="body stack">
                {problems
                    .into_iter()
                    .map(|problem| view! { <p class="c-attention alarming break">{problem}</p> })
                    .collect_view()}
            </div>
        }
    });
    let body = if is_empty {
        view! { <p class="body soft">"The namespaces of both indexes will be listed here, with their counts."</p> }
            .into_any()
    } else if board.largest.is_empty() {
        ().into_any()
    } else {
        let rows =
            board.largest.into_iter().map(|row| namespace_row(row, recent.as_ref().ok())).collect_view();
        view! {
            <Table label="Table of namespaces" columns=COLUMNS class="list counts">
                {rows}
            </Table>
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby="namespaces">
            <header>
                <h2 id="namespaces">"Namespaces"</h2>
                <a href=links::CHECK>{all}</a>
            </header>
            {problems} {body} {command_foot("tain namespaces".to_owned())}
        </section>
    }
    .into_any()
}

/// A namespace and how it stands; `recent` is missing where the last runs are not known.
fn namespace_row(row: NamespaceRow, recent: Option<&Recent>) -> AnyView {
    let name = namespace_name(&row.name).to_owned();
    let state = match recent.map(|recent| (standing(recent, &name), recent.more)) {
        _ if row.counts().is_none() => view! { <Pill standing=Standing::Unknown /> }.into_any(),
        Some((Some((standing, run)), _)) => {
            let at = run.finished_at.unwrap_or(run.head.started_at);
            view! {
                <a href=links::run(&run.head.id)>
                    <Pill standing />
                </a>
                <small>
                    <Ago at />
                </small>
            }
            .into_any()
        }
        None => view! { <Pill standing=Standing::Unknown /> }.into_any(),
        Some((None, true)) => view! { <span class="faint">"not among the last runs"</span> }.into_any(),
        Some((None, false)) => view! { <span class="faint">"not analyzed yet"</span> }.into_any(),
    };
    view! {
        <tr>
            <td class="name">
                <a class="mono break" href=links::check_namespace(&name)>
                    {name.clone()}
                </a>
            </td>
            {count_cells(&row)}
            <td>{state}</td>
        </tr>
    }
    .into_any()
}
