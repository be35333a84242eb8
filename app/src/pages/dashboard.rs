//! Where everything stands: both indexes, the namespaces, the search index and the last runs.

mod elasticsearch;
mod namespaces;

use leptos::{prelude::*, reactive::graph::untrack};
use leptos_meta::Title;
use protocol::{IndexView, Overview, Reading, RunFilter, RunState, RunSummary};

use crate::{
    ApiError,
    api::{self, StartRun},
    browser,
    clock::{Ago, Clock, TimeOfDay},
    components::{
        command::Command,
        counts_in_words,
        icon::{Icon, Symbol},
        namespace_name,
        notice::{Notice, Tone},
        pill::{Pill, Standing},
        scope_name,
        start::Refusal,
    },
    links,
    pages::OverviewResource,
};
use elasticsearch::SearchPanel;
use namespaces::{DefaultNamespace, NamespacesPanel};

/// How many of the last runs are looked through for what is known of a namespace.
const RUNS: u32 = 100;

/// How many runs are shown.
const LAST: usize = 5;

/// How often the runs are asked for again while one is at work, in milliseconds.
const REFRESH: u64 = 2_000;

/// What the last runs tell.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Recent {
    /// The newest.
    last: Vec<RunSummary>,
    /// The newest run of each namespace that tells how it stands; at most [`Recent::NAMESPACES`].
    of_namespaces: Vec<RunSummary>,
    /// The newest run that counted the whole default namespace; an error where it is not known which one that is.
    counted: Result<Option<RunSummary>, ApiError>,
    /// Whether there are runs that were not looked through, or namespaces beyond these.
    more: bool,
}

impl Recent {
    const NAMESPACES: usize = 12;

    fn of(runs: Vec<RunSummary>, mut more: bool, default: Result<String, ApiError>) -> Self {
        let is_about = |run: &&RunSummary| run.head.request.namespaces.is_none() && counts_records(run);
        let mut of_namespaces: Vec<RunSummary> = Vec::new();
        for run in runs.iter().filter(is_about).filter(|run| tells(run)) {
            if of_namespaces.iter().any(|newer| name_of(newer) == name_of(run)) {
                continue;
            }
            if of_namespaces.len() == Self::NAMESPACES {
                more = true;
                break;
            }
            of_namespaces.push(run.clone());
        }
        let counted = default.map(|default| {
            let mut runs = runs.iter().filter(is_about);
            runs.find(|run| name_of(run) == namespace_name(&default) && has_counted(run)).cloned()
        });
        Self { last: runs.into_iter().take(LAST).collect(), of_namespaces, counted, more }
    }

    /// The newest run of a namespace.
    fn of_namespace(&self, name: &str) -> Option<&RunSummary> {
        self.of_namespaces.iter().find(|run| name_of(run) == name)
    }
}

/// Whether a run says what the records of both indexes are.
fn counts_records(run: &RunSummary) -> bool {
    use protocol::RunKind::{Analyze, Mirror, Reembed};
    matches!(run.head.request.kind, Analyze | Mirror | Reembed)
}

/// Whether a run knows of every record of its namespace what it is. A re-embedding compares nothing, and a second attempt
/// sees only what had failed.
fn has_counted(run: &RunSummary) -> bool {
    use protocol::RunKind::{Analyze, Mirror};
    matches!(run.head.request.kind, Analyze | Mirror)
        && run.head.request.retry.is_none()
        && matches!(run.state, RunState::Done | RunState::DoneWithFailures)
}

/// Whether a run tells how its namespace stands: it has looked at all of it, or it is at work, or somebody should look.
/// One that has ended well without looking at everything says nothing of the rest.
fn tells(run: &RunSummary) -> bool {
    run.state != RunState::Done || has_counted(run)
}

/// The namespace of a run over one.
fn name_of(run: &RunSummary) -> &str {
    namespace_name(&run.head.request.namespace)
}

type Runs = Resource<Result<Recent, ApiError>>;

/// The page.
#[component]
pub fn DashboardPage() -> impl IntoView {
    let overview = expect_context::<OverviewResource>();
    // The frame has asked once, perhaps an hour ago: whoever comes back here wants to know how it is now.
    if Owner::current_shared_context().is_none_or(|context| !context.during_hydration()) {
        Effect::new(move |_| overview.refetch());
    }
    let runs: Runs = Resource::new(
        || (),
        move |()| async move {
            let default = overview.await.map(|overview| overview.default_namespace);
            let page = api::runs(RunFilter { limit: RUNS, ..RunFilter::default() }).await?;
            Ok(Recent::of(page.runs, page.next.is_some(), default))
        },
    );
    let board = Resource::new(|| (), move |()| namespaces::board(overview));
    let at_work = RwSignal::new(false);
    Effect::new(move |_| {
        let live = runs.get().is_some_and(|recent| {
            recent.is_ok_and(|recent| recent.last.iter().any(|run| run.state.is_live()))
        });
        at_work.set(live);
    });
    Effect::new(move |_| {
        browser::every(REFRESH, move || {
            if at_work.get_untracked() {
                runs.refetch();
            }
        });
    });
    let clock = Clock::of_page();
    let read_at = untrack(|| clock.now());
    view! {
        <Title text="Dashboard" />
        <header class="head">
            <div>
                <h1>"Dashboard"</h1>
                <p class="soft">"As of " <TimeOfDay at=read_at /> ", from one reading of every service"</p>
            </div>
            <div class="row">
                <a class="button" href=links::DASHBOARD rel="external">
                    "Refresh"
                </a>
                <Transition fallback=|| ()>
                    {move || Suspend::new(async move {
                        // The notice below says why there is nothing to start.
                        overview.await.ok().map(|overview| view! { <AnalyzeDefault overview /> })
                    })}
                </Transition>
            </div>
        </header>
        <Transition fallback=|| {
            view! {
                <div class="pair">
                    <Bones />
                    <Bones />
                </div>
            }
        }>
            {move || Suspend::new(async move {
                match overview.await {
                    Ok(overview) => view! { <Indexes overview /> }.into_any(),
                    Err(error) => {
                        view! {
                            <Notice tone=Tone::Failed title="The server did not say what it is connected to">
                                {error.to_string()}
                                " The runs below go on all the same."
                            </Notice>
                        }
                            .into_any()
                    }
                }
            })}
        </Transition>
        <div class="columns">
            <div class="stack even">
                <DefaultNamespace board runs />
                <NamespacesPanel board runs />
            </div>
            <div class="stack even">
                <SearchPanel />
                <LastRuns runs />
            </div>
        </div>
    }
    .into_any()
}

/// The outline of a panel that is still loading.
#[component]
fn Bones() -> impl IntoView {
    view! {
        <div class="panel skeleton" role="status">
            <span class="visually-hidden">"Loading"</span>
            <span class="bone short"></span>
            <span class="bone"></span>
            <span class="bone medium"></span>
        </div>
    }
    .into_any()
}

/// The one primary action: the analysis of the default namespace, which reads only.
#[component]
fn AnalyzeDefault(overview: Overview) -> impl IntoView {
    let start = ServerAction::<StartRun>::new();
    let name = namespace_name(&overview.default_namespace).to_owned();
    view! {
        <ActionForm action=start>
            <input type="hidden" name="kind" value="analyze" />
            <input type="hidden" name="namespace" value=overview.default_namespace />
            <button
                type="submit"
                class="button primary"
                title="Reads both sides; writes nothing and pays nothing"
                disabled=move || start.pending().get()
            >
                "Analyze "
                <span class="mono break">{name}</span>
            </button>
        </ActionForm>
        <Refusal action=start />
    }
    .into_any()
}

/// Source and target, and what is missing in the configuration.
#[component]
fn Indexes(overview: Overview) -> impl IntoView {
    let Overview { source, target, model, dimensions, problems, .. } = overview;
    let made = format!("{model} · {} dimensions", format::count(u64::from(dimensions)));
    let problems = (!problems.is_empty()).then(|| {
        view! {
            <Notice tone=Tone::Attention title="The configuration is not complete">
                <ul class="plain">
                    {problems.into_iter().map(|problem| view! { <li>{problem}</li> }).collect_view()}
                </ul>
            </Notice>
        }
    });
    view! {
        {problems}
        <div class="pair">
            <IndexCard role="Source" index=source tag=(Symbol::Lock, "source, read-only") />
            <IndexCard role="Target" index=target tag=(Symbol::Pen, "target, writable") made=Some(made) />
        </div>
    }
    .into_any()
}

/// One index: its records, and what its vectors are.
#[component]
fn IndexCard(
    role: &'static str,
    index: IndexView,
    tag: (Symbol, &'static str),
    #[prop(optional_no_strip)] made: Option<String>,
) -> impl IntoView {
    let IndexView { name, dimension, metric, records } = index;
    let figure = match records {
        Reading::Known(records) => view! {
            <div class="figure">
                <b>{format::count(records)}</b>
                <span>{if records == 1 { "record" } else { "records" }}</span>
            </div>
        }
        .into_any(),
        Reading::Unknown(why) => view! {
            <div class="figure">
                <b class="unknown">"unknown"</b>
                <span>{why}</span>
            </div>
        }
        .into_any(),
    };
    let shape = match (dimension, metric) {
        (Reading::Known(dimension), Reading::Known(metric)) => {
            let dimension = dimension.map_or_else(
                || "sparse".to_owned(),
                |n| format!("{} dimensions", format::count(u64::from(n))),
            );
            view! { <p class="soft">{format!("{dimension} · {metric}")}</p> }.into_any()
        }
        _ => view! { <p class="soft">"dimensions and metric unknown"</p> }.into_any(),
    };
    let label = format!("{role} {name}");
    view! {
        <section class="panel" aria-label=label>
            <header>
                <h2 class="break">{name}</h2>
                <span class="tag">
                    <Icon symbol=tag.0 />
                    {tag.1}
                </span>
            </header>
            <div class="body stack">
                {figure} {shape}
                {made.map(|made| view! { <p class="soft break">{format!("written with {made}")}</p> })}
            </div>
        </section>
    }
    .into_any()
}

/// The newest runs.
#[component]
fn LastRuns(runs: Runs) -> impl IntoView {
    view! {
        <section class="panel" aria-labelledby="last-runs">
            <header>
                <h2 id="last-runs">"Last runs"</h2>
                <a href=links::RUNS>"All"</a>
            </header>
            <Transition fallback=|| {
                view! {
                    <div class="skeleton">
                        <span class="bone"></span>
                        <span class="bone medium"></span>
                    </div>
                }
            }>
                {move || Suspend::new(async move {
                    match runs.await {
                        Ok(recent) if recent.last.is_empty() => {
                            view! {
                                <p class="body soft">
                                    "No run yet. Every analysis and every mirroring will be listed here."
                                </p>
                            }
                                .into_any()
                        }
                        Ok(recent) => {
                            let items = recent.last.into_iter().map(run_item).collect_view();
                            view! { <ol class="last-runs">{items}</ol> }.into_any()
                        }
                        Err(error) => {
                            view! { <p class="body c-failed alarming">{error.to_string()}</p> }.into_any()
                        }
                    }
                })}
            </Transition>
        </section>
    }
    .into_any()
}

/// One run: how it stands, what it did, when.
fn run_item(run: RunSummary) -> AnyView {
    let request = &run.head.request;
    let standing = Standing::of_run(run.state, request, &run.counts);
    let counted = counts_in_words(request, run.state, &run.counts);
    let dry =
        (request.dry_run && !request.kind.only_reads()).then(|| view! { <span class="tag">"dry run"</span> });
    let why = run.error.clone().filter(|why| !why.is_empty());
    view! {
        <li>
            <div class="run-name">
                <a href=links::run(&run.head.id)>
                    {request.kind.label()} " " <span class="mono break">{scope_name(request)}</span>
                </a>
                {dry}
            </div>
            <Pill standing />
            <p class="soft break">{why.unwrap_or(counted)}</p>
            <span class="faint">
                <Ago at=run.head.started_at />
            </span>
        </li>
    }
    .into_any()
}

/// The command that does the same as what a panel offers, at its foot.
fn command_foot(line: String) -> AnyView {
    view! {
        <footer class="command-foot">
            <Command line=line />
        </footer>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use protocol::{Counts, RunHead, RunId, RunKind, RunRequest};

    use super::*;

    fn run(id: &str, kind: RunKind, namespace: &str, state: RunState) -> RunSummary {
        RunSummary {
            head: RunHead {
                id: RunId(id.to_owned()),
                request: RunRequest::new(kind, namespace),
                origin: None,
                source: "old".to_owned(),
                target: "new".to_owned(),
                steps: Vec::new(),
                texts_per_minute: 3_000,
                writing: None,
                started_at: 0,
            },
            state,
            error: None,
            pause: None,
            finished_at: None,
            counts: Counts::default(),
            plan: None,
        }
    }

    #[test]
    fn a_namespace_is_as_the_newest_run_that_counted_all_of_it_left_it() {
        let runs = vec![
            run("r6", RunKind::Mirror, "", RunState::Failed),
            run("r5", RunKind::Documents, "", RunState::Done),
            run("r4", RunKind::Reembed, "__default__", RunState::Done),
            run("r3", RunKind::Analyze, "other", RunState::Done),
            run("r2", RunKind::Analyze, "__default__", RunState::Done),
            run("r1", RunKind::Mirror, "", RunState::Done),
        ];
        let recent = Recent::of(runs, false, Ok(String::new()));
        let id = |run: Option<&RunSummary>| run.map(|run| run.head.id.0.clone());
        assert_eq!(id(recent.counted.as_ref().unwrap().as_ref()).as_deref(), Some("r2"));
        assert_eq!(id(recent.of_namespace("__default__")).as_deref(), Some("r6"));
        assert_eq!(id(recent.of_namespace("other")).as_deref(), Some("r3"));
        assert_eq!((recent.last.len(), recent.of_namespaces.len(), recent.more), (5, 2, false));
    }

    #[test]
    fn what_looked_at_a_part_does_not_tell_how_the_whole_stands() {
        let mut retry = run("r4", RunKind::Mirror, "a", RunState::Done);
        retry.head.request.retry = Some(RunId("r1".to_owned()));
        let runs = vec![
            run("r5", RunKind::Reembed, "a", RunState::Done),
            retry,
            run("r3", RunKind::Reembed, "b", RunState::Running),
            run("r2", RunKind::Analyze, "b", RunState::Done),
            run("r1", RunKind::Mirror, "a", RunState::DoneWithFailures),
        ];
        let recent = Recent::of(runs, false, Ok(String::new()));
        let id = |name| recent.of_namespace(name).map(|run| run.head.id.0.clone());
        assert_eq!((id("a").as_deref(), id("b").as_deref()), (Some("r1"), Some("r3")));
    }

    #[test]
    fn what_was_not_looked_at_is_not_called_never_analyzed() {
        let runs: Vec<_> =
            (0..20).map(|n| run("r", RunKind::Analyze, &format!("n{n}"), RunState::Done)).collect();
        let recent = Recent::of(runs, false, Err(ApiError::Forbidden));
        assert_eq!((recent.of_namespaces.len(), recent.more), (Recent::NAMESPACES, true));
        assert!(recent.counted.is_err(), "which namespace is the default one is not known");
    }
}
