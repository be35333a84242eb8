//! All schedules: what they start, when next, and how it went last.

use leptos::prelude::*;
use leptos_meta::Title;
use protocol::{LastRun, RunKind, RunRequest, Schedule, ScheduleId, ScheduleSpec, Timing};

use crate::{
    api::{self, EnableSchedule, RemoveSchedule, RunSchedule},
    browser,
    clock::{Ago, Clock, Distance},
    components::{
        command::Command,
        dialog::{Dialog, Opener, confirming_danger},
        notice::{Empty, Notice, Skeleton, Tone},
        pill::{Pill, Standing},
        scope_name,
        start::{Confirmation, Refused, with_documents},
        table::{Column, Table},
    },
    links,
    pages::{OverviewResource, not_found::PageError},
};

/// How often the list is asked for again, in milliseconds: a tick changes it.
const REFRESH: u64 = 10_000;

const COLUMNS: &[Column] = &[
    Column::Text("Schedule"),
    Column::Text("When"),
    Column::Text("Next run"),
    Column::Text("Last run"),
    Column::Unseen("What can be done"),
];

/// When runs start, in words: `every 6 h`, or the cron expression.
pub fn timing_in_words(timing: &Timing) -> String {
    match timing {
        Timing::Every(seconds) => format!("every {}", format::span(*seconds)),
        Timing::Cron(expression) => format!("{expression} (UTC)"),
    }
}

/// What a schedule is called: its name, or what it does.
fn title(spec: &ScheduleSpec) -> String {
    if spec.name.is_empty() { work_in_words(&spec.request) } else { spec.name.clone() }
}

/// What the runs do: `Mirror team-*, then Elasticsearch`, `Analyze help-centre`, with `(dry run)` where nothing is written.
fn work_in_words(request: &RunRequest) -> String {
    let dry = if request.dry_run && !request.kind.only_reads() { " (dry run)" } else { "" };
    let also = if request.documents.is_some() && request.kind != RunKind::Documents {
        ", then Elasticsearch"
    } else {
        ""
    };
    format!("{} {}{also}{dry}", request.kind.label(), scope_name(request))
}

/// The list.
#[component]
pub fn SchedulesPage() -> impl IntoView {
    let enable = ServerAction::<EnableSchedule>::new();
    let remove = ServerAction::<RemoveSchedule>::new();
    let run = ServerAction::<RunSchedule>::new();
    let schedules = Resource::new_blocking(
        move || (enable.version().get(), remove.version().get()),
        |_| api::schedules(),
    );
    // The rows keep their places while a question about one of them stands open.
    Effect::new(move |_| {
        browser::every(REFRESH, move || {
            if !browser::is_asking() {
                schedules.refetch();
            }
        });
    });
    let overview = expect_context::<OverviewResource>();
    let failed = Signal::derive(move || {
        enable.value().get().and_then(Result::err).or_else(|| remove.value().get().and_then(Result::err))
    });
    view! {
        <Title text="Schedules" />
        <header class="head">
            <div>
                <h1>"Schedules"</h1>
                <p class="soft">"Runs that start by themselves, as long as tain is running"</p>
            </div>
            <a class="button primary" href=links::NEW_SCHEDULE>
                "New schedule"
            </a>
        </header>
        <Refused error=Signal::derive(move || run.value().get().and_then(Result::err)) />
        {move || {
            failed
                .get()
                .map(|error| {
                    view! {
                        <Notice tone=Tone::Failed title="The schedule was not changed">
                            {error.to_string()}
                        </Notice>
                    }
                })
        }}
        <Transition fallback=|| {
            view! { <Skeleton panels=1 /> }
        }>
            {move || Suspend::new(async move {
                let target = overview.await.map_or_else(|_| "the target".to_owned(), |overview| overview.target.name);
                match schedules.await {
                    Ok(schedules) => view! { <List schedules target enable remove run /> }.into_any(),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn List(
    schedules: Vec<Schedule>,
    target: String,
    enable: ServerAction<EnableSchedule>,
    remove: ServerAction<RemoveSchedule>,
    run: ServerAction<RunSchedule>,
) -> impl IntoView {
    if schedules.is_empty() {
        return view! {
            <Empty title="No schedule yet">
                <p class="soft">
                    "A schedule keeps the target mirrored while the source goes on changing: every few minutes, each night, for one namespace or for all that match. Each of its runs is listed under Runs."
                </p>
                <a class="button primary" href=links::NEW_SCHEDULE>
                    "New schedule"
                </a>
            </Empty>
        }
        .into_any();
    }
    let rows = schedules
        .into_iter()
        .map(|schedule| view! { <Row schedule target=target.clone() enable remove run /> })
        .collect_view();
    view! {
        <section class="panel" aria-label="Schedules">
            <Table label="Table of schedules" columns=COLUMNS class="list cards">
                {rows}
            </Table>
        </section>
    }
    .into_any()
}

#[component]
fn Row(
    schedule: Schedule,
    target: String,
    enable: ServerAction<EnableSchedule>,
    remove: ServerAction<RemoveSchedule>,
    run: ServerAction<RunSchedule>,
) -> impl IntoView {
    let Schedule { id, spec, next_at, last, .. } = schedule;
    let name = title(&spec);
    let work = (!spec.name.is_empty()).then(|| work_in_words(&spec.request));
    let enabled = spec.enabled;
    let request = spec.request.clone();
    let next = match next_at {
        Some(at) => view! { <Distance at /> }.into_any(),
        None => view! { <span class="faint">"switched off"</span> }.into_any(),
    };
    let dialog = format!("remove-{id}");
    let answer = confirming_danger(&dialog, "Delete the schedule", remove.pending());
    let toggle = if enabled { "Switch off" } else { "Switch on" };
    let delete = format!("Delete {name}");
    let toggle_it = format!("{toggle}: {name}");
    let [of_enable, of_remove] = std::array::from_fn(|_| id.0.clone());
    let starting = run_now(&id, &name, &request, target, run);
    let (spoken, command) = (format!(" {name}"), format!("tain schedules remove {id}"));
    view! {
        <tr>
            <td>
                <a class="break" href=links::schedule(&id)>
                    {name}
                </a>
                {work.map(|work| view! { <small class="break">{work}</small> })}
            </td>
            <td>{timing_in_words(&spec.timing)}</td>
            <td>{next}</td>
            <td class="wrap">
                <Last last request />
            </td>
            <td>
                <div class="row tight buttons">
                    {starting}
                    <ActionForm action=enable>
                        <input type="hidden" name="id" value=of_enable />
                        {(!enabled).then(|| view! { <input type="hidden" name="enabled" value="true" /> })}
                        <button
                            type="submit"
                            class="button small"
                            aria-label=toggle_it
                            disabled=move || enable.pending().get()
                        >
                            {toggle}
                        </button>
                    </ActionForm>
                    <ActionForm action=remove>
                        <input type="hidden" name="id" value=of_remove />
                        <Opener dialog=dialog.clone() class="button small">
                            "Delete…"
                            <span class="visually-hidden">{spoken}</span>
                        </Opener>
                        <Dialog id=dialog title=format!("{delete}?") refuse="Keep it" answer>
                            <p>"It starts no more runs. The runs that it has started stay in the list."</p>
                            <Command line=command />
                        </Dialog>
                    </ActionForm>
                </div>
            </td>
        </tr>
    }
}

/// The button that starts its run now; a live one asks first.
fn run_now(
    id: &ScheduleId,
    name: &str,
    request: &RunRequest,
    target: String,
    run: ServerAction<RunSchedule>,
) -> AnyView {
    let button = if request.is_live() {
        let dialog = format!("run-{id}");
        let scope = scope_name(request);
        let work = with_documents("what is missing or changed by then", request.documents.is_some());
        let overwrites = request.overwrite_added;
        let line = format!("tain schedules run {id}");
        let spoken = format!(" {name}");
        view! {
            <Opener dialog=dialog.clone() class="button small" disabled=run.pending()>
                "Run now…"
                <span class="visually-hidden">{spoken}</span>
            </Opener>
            <Confirmation id=dialog target scope overwrites work pending=run.pending() line />
        }
        .into_any()
    } else {
        view! {
            <button
                type="submit"
                class="button small"
                aria-label=format!("Run now: {name}")
                disabled=move || run.pending().get()
            >
                "Run now"
            </button>
        }
        .into_any()
    };
    let id = id.0.clone();
    view! {
        <ActionForm action=run>
            <input type="hidden" name="id" value=id />
            {button}
        </ActionForm>
    }
    .into_any()
}

/// How it went last.
#[component]
fn Last(last: Option<LastRun>, request: RunRequest) -> impl IntoView {
    let clock = Clock::of_page();
    let Some(LastRun { run, state, at, note }) = last else {
        return view! { <span class="faint">"none yet"</span> }.into_any();
    };
    // The counts of the run are not here: one that ended well shows them on its own page.
    let standing = state.map(|state| Standing::of_run(state, &request, &protocol::Counts::default()));
    let pill = match standing {
        Some(Standing::InSync | Standing::Done) | None => None,
        Some(standing) => Some(view! { <Pill standing /> }),
    };
    let words = match (&run, standing) {
        (Some(_), Some(Standing::InSync | Standing::Done)) => "done",
        (Some(_), _) => "",
        (None, _) => "not started",
    };
    let link = match run {
        Some(run) => view! {
            <a href=links::run(&run) title=move || clock.date_time(at)>
                <Ago at />
            </a>
        }
        .into_any(),
        None => view! { <Ago at /> }.into_any(),
    };
    view! {
        <span class="row tight">{pill} {words} {link}</span>
        {note.map(|note| view! { <small>{note}</small> })}
    }
    .into_any()
}
