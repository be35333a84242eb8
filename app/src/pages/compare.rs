//! A run beside an earlier one: what has changed.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use protocol::{
    Category, Compared, Differences, Measure, RunComparison, RunId, RunKind, RunRequest, RunSide, RunSummary,
};

use crate::{
    api,
    clock::{Ago, Clock},
    components::{
        Count,
        command::Command,
        control::comparison_command,
        look_in,
        notice::{Empty, Skeleton},
        pill::{Pill, Standing},
        scope_name,
        table::{Column, Table},
    },
    links,
    pages::{not_found::PageError, while_at_work},
};

const COURSE: &[Column] = &[
    Column::Unseen("What"),
    Column::Text("Compared with"),
    Column::Text("This run"),
    Column::Text("Difference"),
];
const NUMBERS: &[Column] = &[
    Column::Unseen("What"),
    Column::Number("Compared with"),
    Column::Number("This run"),
    Column::Number("Difference"),
];
const SETTINGS: &[Column] =
    &[Column::Unseen("Setting"), Column::Text("Compared with"), Column::Text("This run")];

/// Loads the run that the address names, and the one that it is compared with: the one before, unless it is named, too.
#[component]
pub fn ComparePage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let run = params.with(|params| params.get("id").unwrap_or_default());
        let with = query.with(|query| query.get("with").filter(|with| !with.is_empty()));
        (RunId(run), with.map(RunId))
    });
    let comparison = Resource::new_blocking(
        move || asked.get(),
        |(run, named)| async move {
            let comparison = api::compare_runs(run, named.clone()).await?;
            Ok((comparison, named))
        },
    );
    let at_work = while_at_work(move || comparison.refetch());
    view! {
        <Transition fallback=|| {
            view! { <Skeleton panels=3 /> }
        }>
            {move || Suspend::new(async move {
                match comparison.await {
                    Ok((comparison, named)) => {
                        let both = [Some(&comparison.run), comparison.with.as_ref()];
                        at_work.set(both.into_iter().flatten().any(|side| side.summary.state.is_live()));
                        view! { <Comparison comparison named /> }.into_any()
                    }
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Comparison(comparison: RunComparison, named: Option<RunId>) -> impl IntoView {
    let RunComparison { run, with, earlier } = comparison;
    let head = &run.summary.head;
    let (id, label, scope) = (head.id.clone(), head.request.kind.label(), scope_name(&head.request));
    let address = links::run(&id);
    let line = comparison_command(&id, named.as_ref());
    let others =
        with.as_ref().map(|with| view! { <Others run=id.clone() with=with.summary.clone() earlier /> });
    let body = match with {
        Some(with) => view! { <Both with run /> }.into_any(),
        None => {
            let address = address.clone();
            view! {
            <Empty title="There is no earlier run to compare with">
                <p class="soft">
                    "A run is compared with the newest one before it that is like it: of the same kind, over the same namespaces, between the same indexes, and as live or as dry. This one is the first."
                </p>
                <a class="button primary" href=address>
                    "Look at the run"
                </a>
            </Empty>
        }
        .into_any()
        }
    };
    view! {
        <Title text=format!("Compare {label} {scope}") />
        <header class="head">
            <div>
                <p class="soft">
                    <a href=links::RUNS>"Runs"</a>
                    " / "
                    <a class="break" href=address>
                        {id.0}
                    </a>
                </p>
                <h1>"Compare: " {label} " " <span class="mono break">{scope}</span></h1>
                <p class="soft">"What has changed from an earlier run to this one"</p>
            </div>
            {others}
        </header>
        {body}
        <Command line />
    }
}

/// Chooses what is compared with. It is sent as an address, so it works without a script and can be kept.
#[component]
fn Others(run: RunId, with: RunSummary, earlier: Vec<RunSummary>) -> impl IntoView {
    let clock = Clock::of_page();
    let chosen = with.head.id.clone();
    // Whoever named another run finds it here, too.
    let is_listed = earlier.iter().any(|row| row.head.id == chosen);
    let rows = (!is_listed).then_some(with).into_iter().chain(earlier);
    let options = rows
        .map(|RunSummary { head, state, .. }| {
            let selected = head.id == chosen;
            view! {
                <option value=head.id.0 selected=selected>
                    {move || format!("{}, {}", clock.date_time(head.started_at), state.label())}
                </option>
            }
        })
        .collect_view();
    view! {
        <form method="get" action=links::compare(&run) class="row filter" aria-label="Another run">
            <label class="soft" for="with">
                "Compare with"
            </label>
            <select id="with" name="with">
                {options}
            </select>
            <button type="submit" class="button">
                "Compare"
            </button>
        </form>
    }
}

/// Everything that there is to say about both.
#[component]
fn Both(with: RunSide, run: RunSide) -> impl IntoView {
    let Differences { counts, requests, settings } = Differences::between(&with, &run);
    let both = [with.summary, run.summary];
    let kind = both[1].head.request.kind;
    let counts = counts
        .into_iter()
        .map(|Compared { what, with, run }| {
            let cells =
                [(with, &both[0]), (run, &both[1])].map(|(number, row)| number_cell(what, number, row));
            number_row(label(what, kind).to_owned(), cells, with, run)
        })
        .collect_view();
    let requests = requests
        .into_iter()
        .map(|Compared { what, with, run }| number_row(what, [with, run].map(plain_cell), with, run))
        .collect_view();
    let settings = if settings.is_empty() {
        view! { <p class="body soft">"None: both were asked for the same."</p> }.into_any()
    } else {
        let rows = settings
            .into_iter()
            .map(|Compared { what, with, run }| {
                view! {
                    <tr>
                        <th scope="row">{what}</th>
                        <td class="wrap">{with}</td>
                        <td class="wrap">{run}</td>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <Table label="Table of settings" columns=SETTINGS class="list compact compared">
                {rows}
            </Table>
        }
        .into_any()
    };
    view! {
        {panel("Course", view! { <Course both /> }.into_any())}
        {panel(
            "Counters",
            view! {
                <Table label="Table of counters" columns=NUMBERS class="list compact compared">
                    {counts}
                </Table>
            }
                .into_any(),
        )}
        {panel(
            "Requests",
            view! {
                <Table label="Table of requests" columns=NUMBERS class="list compact compared">
                    {requests}
                </Table>
            }
                .into_any(),
        )}
        {panel("Settings that differ", settings)}
    }
}

fn panel(title: &'static str, body: AnyView) -> AnyView {
    view! {
        <section class="panel" aria-label=title>
            <header>
                <h2>{title}</h2>
            </header>
            {body}
        </section>
    }
    .into_any()
}

/// Which runs they are, how they stand, when they began and how long they took.
#[component]
fn Course(both: [RunSummary; 2]) -> impl IntoView {
    let took = both.each_ref().map(RunSummary::took);
    let longer = match took {
        [Some(with), Some(run)] => format::difference_in(with, run, format::span_millis),
        _ => "–".to_owned(),
    };
    let took = took.map(|millis| millis.map_or_else(|| "–".to_owned(), format::span_millis));
    let row = |name: &'static str, cells: [AnyView; 2], difference: String| {
        let cells = cells.map(|cell| view! { <td class="wrap">{cell}</td> }).collect_view();
        view! {
            <tr>
                <th scope="row">{name}</th>
                {cells}
                <td>{difference}</td>
            </tr>
        }
    };
    let no_difference = String::new;
    view! {
        <Table label="Table of the course" columns=COURSE class="list compact compared">
            {row("Run", both.each_ref().map(name), no_difference())}
            {row("State", both.each_ref().map(state), no_difference())}
            {row(
                "Started",
                both.each_ref().map(|run| view! { <Ago at=run.head.started_at /> }.into_any()),
                no_difference(),
            )}
            {row("Took", took.map(IntoAny::into_any), longer)}
        </Table>
    }
}

fn name(run: &RunSummary) -> AnyView {
    let RunSummary { head, .. } = run;
    view! {
        <a class="break" href=links::run(&head.id)>
            {head.id.0.clone()}
        </a>
    }
    .into_any()
}

fn state(run: &RunSummary) -> AnyView {
    let standing = Standing::of_run(run.state, &run.head.request, &run.counts);
    view! {
        <Pill standing />
        {run.why().map(|why| view! { <small>{why.to_owned()}</small> })}
    }
    .into_any()
}

fn number_row(name: String, cells: [AnyView; 2], with: u64, run: u64) -> AnyView {
    let difference = format::difference(with, run);
    view! {
        <tr>
            <th scope="row">{name}</th>
            {cells.into_iter().collect_view()}
            <td class="num">
                {if with == run {
                    view! { <span class="faint">{difference}</span> }.into_any()
                } else {
                    view! { <b>{difference}</b> }.into_any()
                }}
            </td>
        </tr>
    }
    .into_any()
}

fn plain_cell(number: u64) -> AnyView {
    view! { <td class="num">{format::count(number)}</td> }.into_any()
}

/// A number of a run, which leads to its records where it has a list of them (law 13).
fn number_cell(what: Measure, number: u64, run: &RunSummary) -> AnyView {
    match what {
        Measure::Records(category) if lists(&run.head.request, category) => {
            let run = run.head.id.clone();
            view! {
                <td class="num">
                    <Count run category number />
                </td>
            }
            .into_any()
        }
        _ => plain_cell(number),
    }
}

/// Whether a run has a list of the records behind a count. One over several namespaces leaves them to the run of each,
/// and what is still to be done is listed by a run that does not do it.
const fn lists(request: &RunRequest, category: Category) -> bool {
    request.namespaces.is_none() && (!matches!(category, Category::DocumentsToUpdate) || request.dry_run)
}

/// What a number counts in runs of a kind.
const fn label(what: Measure, kind: RunKind) -> &'static str {
    match what {
        Measure::SourceListed if matches!(kind, RunKind::Levels) => "Records of the target",
        Measure::SourceListed => "Listed in the source",
        Measure::TargetListed => "Listed in the target",
        Measure::Records(category) => look_in(kind, category).label,
        Measure::Overwritten => "Added key replaced",
        Measure::DocumentsInScope => "Documents in scope",
        Measure::DocumentsLeftOut => "Documents left out",
        Measure::Embedded => "Texts paid",
        Measure::Folded => "Vector of an equal text taken",
        Measure::Reused => "Target's vector kept",
        Measure::Tokens => "Tokens paid, estimated",
    }
}
