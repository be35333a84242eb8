//! The form of a schedule, new or kept.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use protocol::{
    INTERVAL_UNITS, NamespacePatterns, Overview, RunKind, RunRequest, Schedule, ScheduleSpec, Timing,
    interval,
};

use crate::{
    ApiError,
    api::{self, PreviewTiming, SaveSchedule},
    browser,
    clock::Moment,
    components::{
        command::Command,
        fields::{Choice, Errors, FieldError, PatternFields, Patterns, ReuseField, invalid},
        notice::{Empty, Notice, Skeleton, Tone},
        update::DocumentsToo,
    },
    links,
    pages::{OverviewResource, not_found::PageError, set_status},
};

/// The fields of the form that say themselves what is wrong with them.
const FIELDS: [&str; 8] =
    ["name", "namespace", "include", "exclude", "every", "cron", "elasticsearch", "confirmed"];

/// Why nothing was saved, unless one of the fields says it: the schedule may be gone, or what the form does not show may
/// be wrong.
fn beside_the_fields(error: &ApiError) -> Option<String> {
    match error {
        ApiError::Invalid { field, .. } if FIELDS.contains(&field.as_str()) => None,
        error => Some(error.to_string()),
    }
}

/// What a schedule was made with that the form does not ask for; it stays.
fn kept(request: &RunRequest) -> Vec<String> {
    let overwrite = request.overwrite_added.then(|| {
        "its runs replace other values under the added key, also higher access levels (--overwrite-added)"
            .to_owned()
    });
    let batch = request.batch_size.map(|size| {
        let records = format::counted(size.into(), "record", "records");
        format!("batches of at most {records} (--batch-size {size})")
    });
    overwrite.into_iter().chain(batch).collect()
}

/// What is confirmed beside writing to the target.
const fn further(documents: bool, overwrites: bool) -> Option<&'static str> {
    match (documents, overwrites) {
        (false, false) => None,
        (true, false) => Some(" and to documents in Elasticsearch,"),
        (false, true) => Some(", replace other values under the added key,"),
        (true, true) => {
            Some(" and to documents in Elasticsearch, replace other values under the added key of records,")
        }
    }
}

/// Loads the schedule that the address names; `new` names none.
#[component]
pub fn SchedulePage() -> impl IntoView {
    let params = use_params_map();
    let overview = expect_context::<OverviewResource>();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let schedules = Resource::new_blocking(
        move || id.get(),
        |id| async move {
            if id == "new" {
                return Ok(None);
            }
            let all = api::schedules().await?;
            Ok(Some(all.into_iter().find(|schedule| schedule.id.0 == id)))
        },
    );
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton panels=2 /> }
        }>
            {move || Suspend::new(async move {
                let loaded: Result<Option<Option<Schedule>>, ApiError> = schedules.await;
                let overview = overview.await;
                let unknown = overview.as_ref().err().map(|error| {
                    let error = error.to_string();
                    view! {
                        <Notice tone=Tone::Attention title="The indexes are unknown">
                            {error}
                            " The schedule can be changed all the same; its default namespace and the name of the target are not filled in."
                        </Notice>
                    }
                });
                let overview = overview.ok();
                match loaded {
                    Ok(None) => view! { {unknown} <Form schedule=None overview /> }.into_any(),
                    Ok(Some(Some(schedule))) => {
                        view! { {unknown} <Form schedule=Some(schedule) overview /> }.into_any()
                    }
                    Ok(Some(None)) => view! { <NoSuchSchedule /> }.into_any(),
                    Err(error) => view! { <PageError error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn NoSuchSchedule() -> impl IntoView {
    set_status(404);
    view! {
        <Title text="No such schedule" />
        <h1>"There is no such schedule"</h1>
        <Empty title="It may have been deleted">
            <p class="soft">"The runs that it has started are still in the list of runs."</p>
            <a class="button primary" href=links::SCHEDULES>
                "All schedules"
            </a>
        </Empty>
    }
}

#[component]
fn Form(schedule: Option<Schedule>, overview: Option<Overview>) -> impl IntoView {
    let save = ServerAction::<SaveSchedule>::new();
    let errors: Errors = Signal::derive(move || save.value().get().and_then(Result::err));
    let id = schedule.as_ref().map(|schedule| schedule.id.0.clone()).unwrap_or_default();
    let is_new = schedule.is_none();
    let commands = schedule.as_ref().map(|schedule| commands(&schedule.id.0, schedule.spec.enabled));
    let spec = schedule.map_or_else(
        || ScheduleSpec {
            name: String::new(),
            timing: Timing::Every(6 * 3_600),
            request: RunRequest::new(
                RunKind::Mirror,
                overview.as_ref().map(|overview| overview.default_namespace.clone()).unwrap_or_default(),
            ),
            enabled: true,
        },
        |schedule| schedule.spec,
    );
    let target = overview.map_or_else(|| "the target".to_owned(), |overview| overview.target.name);

    let ScheduleSpec { name: first_name, timing, request: first, enabled: first_enabled } = spec;
    let several = RwSignal::new(first.namespaces.is_some());
    let namespace = RwSignal::new(first.namespace.clone());
    let patterns = Patterns::new(&first.namespaces.clone().unwrap_or_else(NamespacePatterns::default));
    let kind = RwSignal::new(first.kind);
    let dry = RwSignal::new(first.dry_run && !first.kind.only_reads());
    let reuse = RwSignal::new(first.reuse);
    let name = RwSignal::new(first_name.clone());
    let enabled = RwSignal::new(first_enabled);
    let also = RwSignal::new(first.documents.is_some());
    let when = When::new(&timing);
    // Without a script the field may be hidden while it is empty, so only a script demands it; the server does anyway.
    let scripted = RwSignal::new(false);
    let must_confirm = Memo::new(move |_| scripted.get() && !kind.get().only_reads() && !dry.get());
    let base = first.clone();
    let line = Signal::derive(move || {
        let request = RunRequest {
            kind: kind.get(),
            dry_run: dry.get() || kind.get().only_reads(),
            namespace: if several.get() { String::new() } else { namespace.get() },
            namespaces: several.get().then(|| patterns.read()),
            reuse: reuse.get(),
            documents: (also.get() && !kind.get().only_reads())
                .then(|| base.documents.clone().unwrap_or_default()),
            ..base.clone()
        };
        ScheduleSpec {
            name: name.get().trim().to_owned(),
            timing: when.read(),
            request,
            enabled: enabled.get(),
        }
        .command()
    });
    let title = if is_new { "New schedule" } else { "Schedule" };
    let general = move || {
        errors.with(|error| error.as_ref().and_then(beside_the_fields)).map(|words| {
            view! {
                <Notice tone=Tone::Failed title="The schedule was not saved">
                    {words}
                </Notice>
            }
        })
    };
    let kept = kept(&first);
    let kept = (!kept.is_empty()).then(|| {
        view! {
            <div class="field">
                <p class="hint">"Kept as the schedule was made, with the command line:"</p>
                <ul class="hint">{kept.into_iter().map(|words| view! { <li>{words}</li> }).collect_view()}</ul>
            </div>
        }
    });
    let overwrites = first.overwrite_added;
    let kinds = [
        (RunKind::Mirror, "mirror", "Mirror", "Writes what is missing and what has changed."),
        (RunKind::Reembed, "reembed", "Re-embed", "Writes only what is missing."),
        (
            RunKind::Analyze,
            "analyze",
            "Analyze",
            "Reads both sides and leaves a plan; writes nothing and pays nothing.",
        ),
        (
            RunKind::Levels,
            "levels",
            "Compare levels",
            "Reads the access levels of the target's records and of their documents; writes nothing.",
        ),
    ]
    .map(|(choice, word, label, meaning)| {
        view! {
            <Choice
                name="kind"
                id=format!("kind-{word}")
                value=word
                checked=first.kind == choice
                label
                meaning
                on:change=move |_| kind.set(choice)
            />
        }
    })
    .collect_view();
    // What a reader chose before the page was hydrated.
    Effect::new(move |_| {
        scripted.set(true);
        for (choice, id) in [
            (RunKind::Mirror, "kind-mirror"),
            (RunKind::Reembed, "kind-reembed"),
            (RunKind::Analyze, "kind-analyze"),
            (RunKind::Levels, "kind-levels"),
        ] {
            if browser::is_checked(id) == Some(true) {
                kind.set(choice);
            }
        }
        for (signal, id) in [(several, "scope-several"), (dry, "dry-run"), (enabled, "enabled")] {
            if let Some(on) = browser::is_checked(id) {
                signal.set(on);
            }
        }
        for (signal, id) in [(namespace, "namespace"), (name, "name")] {
            if let Some(text) = browser::input_value(id) {
                signal.set(text);
            }
        }
    });
    view! {
        <Title text=title />
        <header class="head">
            <div>
                <p class="soft">
                    <a href=links::SCHEDULES>"Schedules"</a>
                </p>
                <h1>{title}</h1>
            </div>
        </header>
        {general}
        <ActionForm action=save attr:class="panel form schedule-form" attr:aria-label="Schedule">
            <input type="hidden" name="id" value=id />
            <div class="body stack wide">
                <div class="field">
                    <label for="name">"Name " <span class="faint">"optional"</span></label>
                    <input
                        id="name"
                        name="name"
                        maxlength="80"
                        autocomplete="off"
                        value=first_name
                        aria-describedby="name-error"
                        aria-invalid=invalid(errors, "name")
                        on:input:target=move |event| name.set(event.target().value())
                    />
                    <FieldError errors field="name" />
                </div>
                <fieldset class="field">
                    <legend>"Namespaces"</legend>
                    <label class="choice">
                        <input
                            type="radio"
                            name="scope"
                            value="one"
                            checked=first.namespaces.is_none()
                            on:change=move |_| several.set(false)
                        />
                        <span>"One"</span>
                    </label>
                    <label class="choice">
                        <input
                            type="radio"
                            name="scope"
                            id="scope-several"
                            value="several"
                            checked=first.namespaces.is_some()
                            on:change=move |_| several.set(true)
                        />
                        <span>"All of the source, or those that match"</span>
                    </label>
                </fieldset>
                <div class="field when-one">
                    <label for="namespace">"Namespace"</label>
                    <input
                        id="namespace"
                        name="namespace"
                        class="mono"
                        maxlength="512"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        placeholder="__default__"
                        value=first.namespace
                        aria-describedby="namespace-error"
                        aria-invalid=invalid(errors, "namespace")
                        on:input:target=move |event| namespace.set(event.target().value())
                    />
                    <FieldError errors field="namespace" />
                </div>
                <div class="stack when-several">
                    <PatternFields patterns errors />
                </div>
                <WhenFields when timing errors />
                <fieldset class="field">
                    <legend>"What each run does"</legend>
                    {kinds}
                </fieldset>
                <ReuseField reuse />
                {kept}
                <div class="further-step">
                    <DocumentsToo also />
                    <FieldError errors field="elasticsearch" />
                </div>
                <label class="switch">
                    <input
                        type="checkbox"
                        role="switch"
                        id="dry-run"
                        name="dry_run"
                        value="true"
                        checked=dry.get_untracked()
                        on:change:target=move |event| dry.set(event.target().checked())
                    />
                    "Dry run"
                    <span class="faint">"pays and writes nothing"</span>
                </label>
                <label class="switch">
                    <input
                        type="checkbox"
                        role="switch"
                        id="enabled"
                        name="enabled"
                        value="true"
                        checked=first_enabled
                        on:change:target=move |event| enabled.set(event.target().checked())
                    />
                    "Switched on"
                    <span class="faint">"starts runs by itself"</span>
                </label>
                <div class="when-writing">
                    <label class="choice">
                        <input
                            type="checkbox"
                            name="confirmed"
                            value="true"
                            aria-describedby="confirmed-error"
                            required=move || must_confirm.get()
                        />
                        <span>
                            "These runs write to " <b>{target}</b>
                            {move || further(also.get(), overwrites)}
                            " and pay for embeddings, without asking again"
                        </span>
                    </label>
                    <FieldError errors field="confirmed" />
                </div>
            </div>
            <footer class="form-foot">
                {is_new.then(|| view! { <Command line /> })}
                <button type="submit" class="button primary" disabled=move || save.pending().get()>
                    {move || if save.pending().get() { "Saving…" } else { "Save" }}
                </button>
            </footer>
        </ActionForm>
        {commands}
    }
}

/// What can be done with a schedule, as commands.
fn commands(id: &str, enabled: bool) -> AnyView {
    let toggle = if enabled { ("Switch off", "disable") } else { ("Switch on", "enable") };
    let rows = [("Run now", "run"), toggle, ("Delete", "remove")]
        .map(|(what, verb)| {
            let line = format!("tain schedules {verb} {id}");
            view! {
                <div class="row">
                    <span class="soft what">{what}</span>
                    <Command line />
                </div>
            }
        })
        .collect_view();
    view! {
        <section class="commands" aria-label="The same as commands">
            {rows}
        </section>
    }
    .into_any()
}

/// When runs start, as it stands in the form.
#[derive(Debug, Clone, Copy)]
struct When {
    cron: RwSignal<bool>,
    every: RwSignal<String>,
    unit: RwSignal<String>,
    expression: RwSignal<String>,
}

impl When {
    fn new(timing: &Timing) -> Self {
        let (every, unit, expression, cron) = match timing {
            Timing::Every(seconds) => {
                let (number, unit) = interval(*seconds);
                (number.to_string(), unit, "0 3 * * *".to_owned(), false)
            }
            Timing::Cron(expression) => ("6".to_owned(), "hours", expression.clone(), true),
        };
        Self {
            cron: RwSignal::new(cron),
            every: RwSignal::new(every),
            unit: RwSignal::new(unit.to_owned()),
            expression: RwSignal::new(expression),
        }
    }

    fn read(self) -> Timing {
        if self.cron.get() {
            return Timing::Cron(self.expression.get().trim().to_owned());
        }
        let unit = self.unit.get();
        let seconds =
            INTERVAL_UNITS.iter().find(|(word, _)| *word == unit).map_or(1, |(_, seconds)| *seconds);
        Timing::Every(self.every.get().trim().parse::<u64>().unwrap_or(0).saturating_mul(seconds))
    }
}

/// An interval or a cron expression, and the next times that it means.
#[component]
fn WhenFields(when: When, timing: Timing, errors: Errors) -> impl IntoView {
    let When { cron, every, unit, expression } = when;
    let preview = ServerAction::<PreviewTiming>::new();
    Effect::new(move |_| {
        if let Some(on) = browser::is_checked("timing-cron") {
            cron.set(on);
        }
        for (signal, id) in [(every, "every"), (expression, "cron")] {
            if let Some(text) = browser::input_value(id) {
                signal.set(text);
            }
        }
        if let Some(chosen) = browser::select_value("unit") {
            unit.set(chosen);
        }
    });
    Effect::new(move |_| {
        preview.dispatch(PreviewTiming {
            timing: if cron.get() { "cron" } else { "every" }.to_owned(),
            every: every.get(),
            unit: unit.get(),
            cron: expression.get(),
        });
    });
    // What is being typed is judged by the preview; what was sent, by the answer to the form.
    let judged: Errors = Signal::derive(move || match preview.value().get() {
        Some(Ok(Err(error))) => Some(error),
        Some(Ok(Ok(_))) => None,
        _ => errors.get(),
    });
    let times = move || match preview.value().get() {
        Some(Ok(Ok(times))) => Some(view! {
            <div>
                <p class="hint">"The next runs start"</p>
                <ol class="plain times">
                    {times.into_iter().map(|at| view! { <li><Moment at /></li> }).collect_view()}
                </ol>
            </div>
        }),
        _ => None,
    };
    let first_unit = unit.get_untracked();
    let units = INTERVAL_UNITS
        .map(|(word, _)| view! { <option value=word selected=word == first_unit>{word}</option> })
        .collect_view();
    let is_cron = matches!(timing, Timing::Cron(_));
    view! {
        <fieldset class="field">
            <legend>"When"</legend>
            <label class="choice">
                <input
                    type="radio"
                    name="timing"
                    value="every"
                    checked=!is_cron
                    on:change=move |_| cron.set(false)
                />
                <span>"At an interval"</span>
            </label>
            <label class="choice">
                <input
                    type="radio"
                    name="timing"
                    id="timing-cron"
                    value="cron"
                    checked=is_cron
                    on:change=move |_| cron.set(true)
                />
                <span>"By a cron expression"</span>
            </label>
        </fieldset>
        <div class="field when-every">
            <label for="every">"Every"</label>
            <div class="row">
                <input
                    id="every"
                    name="every"
                    class="narrow"
                    type="number"
                    min="1"
                    inputmode="numeric"
                    value=every.get_untracked()
                    aria-describedby="every-error"
                    aria-invalid=invalid(judged, "every")
                    on:input:target=move |event| every.set(event.target().value())
                />
                <select
                    id="unit"
                    name="unit"
                    aria-label="Unit"
                    on:change:target=move |event| unit.set(event.target().value())
                >
                    {units}
                </select>
            </div>
            <FieldError errors=judged field="every" />
        </div>
        <div class="field when-cron">
            <label for="cron">"Cron expression, in UTC"</label>
            <input
                id="cron"
                name="cron"
                class="mono"
                maxlength="200"
                autocomplete="off"
                spellcheck="false"
                value=expression.get_untracked()
                aria-describedby="cron-hint cron-error"
                aria-invalid=invalid(judged, "cron")
                on:input:target=move |event| expression.set(event.target().value())
            />
            <p class="hint" id="cron-hint">
                "Minute, hour, day of month, month, day of week: 30 2 * * 1-5 is half past two on every working day."
            </p>
            <FieldError errors=judged field="cron" />
        </div>
        <div aria-live="polite">{times}</div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_field_shows_is_said_beside_them() {
        for field in ["id", "request", "namespaces", "batch_size", "something new"] {
            assert_eq!(beside_the_fields(&ApiError::invalid(field, "no")).as_deref(), Some("no"), "{field}");
        }
        for field in FIELDS {
            assert_eq!(beside_the_fields(&ApiError::invalid(field, "no")), None, "{field}");
        }
        assert!(beside_the_fields(&ApiError::Forbidden).is_some());
    }

    #[test]
    fn what_the_form_does_not_ask_for_is_told() {
        let mut request = RunRequest::new(RunKind::Mirror, "a");
        assert_eq!(kept(&request), Vec::<String>::new());
        request.overwrite_added = true;
        request.batch_size = Some(7);
        let kept = kept(&request);
        assert!(kept[0].contains("--overwrite-added") && kept[1].contains("7 records"), "{kept:?}");
    }
}
