//! The first step: which namespace, and how.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{NamespaceRow, Overview, RunRequest};

use crate::{
    ApiError,
    api::{self, StartRun},
    browser,
    components::{
        command::Command,
        fields::{Errors, FieldError, OverwriteField, ReuseField, invalid, reuse_of},
        notice::{Notice, Tone},
        start::Refusal,
        stepper::{Stage, Stepper},
    },
    pages::OverviewResource,
};

use super::{
    Way,
    namespaces::{Chosen, NamespaceTable, hint, sides},
    several::SeveralForm,
};

/// The form, filled in from the address: for one namespace, or for several at once.
#[component]
pub fn ScopeStep(
    /// Which way.
    way: Way,
    /// Whether it is the form for several.
    several: bool,
) -> impl IntoView {
    let (one, many) = way.addresses();
    let overview = expect_context::<OverviewResource>();
    let namespaces = Resource::new(|| (), |()| api::namespaces());
    let chosen = RwSignal::new(Chosen::All);
    let rows = RwSignal::new(Vec::<NamespaceRow>::new());
    // The counts beside the field are a help that comes after hydration.
    Effect::new(move |_| {
        if let Some(Ok(namespaces)) = namespaces.get() {
            rows.set(namespaces.rows);
        }
    });
    view! {
        <Title text=way.title() />
        <header class="head">
            <div>
                <h1>{way.title()}</h1>
                <p class="soft">
                    {intro(way, several)}
                </p>
            </div>
            <nav class="segments" aria-label="How many namespaces">
                <a href=one aria-current=(!several).then_some("true")>
                    "One namespace"
                </a>
                <a href=many aria-current=several.then_some("true")>
                    "Several"
                </a>
            </nav>
        </header>
        {(!several).then(|| view! { <Stepper at=Stage::Scope end=way.end() /> })}
        <Suspense fallback=move || {
            view! { <Problems overview=None /> }
        }>
            {move || Suspend::new(async move {
                view! { <Problems overview=Some(overview.await) /> }
            })}
        </Suspense>
        <div class="columns">
            // What an unknown overview means is said above: the form works without it, in words that fit any settings.
            <Suspense fallback=move || form(way, several, None, chosen, rows)>
                {move || Suspend::new(async move { form(way, several, overview.await.ok(), chosen, rows) })}
            </Suspense>
            <Suspense fallback=move || {
                view! { <Explanation way overview=None /> }
            }>
                {move || Suspend::new(async move {
                    view! { <Explanation way overview=overview.await.ok() /> }
                })}
            </Suspense>
        </div>
        <Suspense fallback=|| {
            view! {
                <div class="panel skeleton" role="status">
                    <span class="visually-hidden">"Loading the namespaces"</span>
                    <span class="bone short"></span>
                    <span class="bone"></span>
                    <span class="bone"></span>
                </div>
            }
        }>
            {move || Suspend::new(async move {
                match namespaces.await {
                    Ok(namespaces) => view! { <NamespaceTable way namespaces chosen /> }.into_any(),
                    Err(error) => {
                        view! {
                            <Notice tone=Tone::Failed title="The namespaces could not be listed">
                                {error.to_string()}
                                " A namespace can be analyzed all the same: type its name."
                            </Notice>
                        }
                            .into_any()
                    }
                }
            })}
        </Suspense>
    }
}

/// What comes first, below the heading.
const fn intro(way: Way, several: bool) -> &'static str {
    match (way, several) {
        (Way::Mirror, false) => {
            "An analysis comes first: it reads both sides, writes nothing and pays nothing"
        }
        (Way::Reembed, false) => {
            "For the one-time migration: only what the target does not have. A dry run comes first; it writes nothing and pays nothing"
        }
        (_, true) => {
            "One run that goes through the namespaces one after the other; a dry run writes nothing and pays nothing"
        }
    }
}

fn form(
    way: Way,
    several: bool,
    overview: Option<Overview>,
    chosen: RwSignal<Chosen>,
    rows: RwSignal<Vec<NamespaceRow>>,
) -> AnyView {
    if several {
        view! { <SeveralForm way overview chosen rows /> }.into_any()
    } else {
        view! { <ScopeForm way overview chosen rows /> }.into_any()
    }
}

/// What is missing in the configuration.
#[component]
fn Problems(overview: Option<Result<Overview, ApiError>>) -> impl IntoView {
    match overview {
        None => ().into_any(),
        Some(Err(error)) => view! {
            <Notice tone=Tone::Failed title="The server did not say what it is connected to">
                {error.to_string()}
            </Notice>
        }
        .into_any(),
        Some(Ok(overview)) => (!overview.problems.is_empty())
            .then(|| {
                view! {
                    <Notice tone=Tone::Attention title="The configuration is not complete">
                        <ul class="plain">
                            {overview
                                .problems
                                .into_iter()
                                .map(|problem| view! { <li>{problem}</li> })
                                .collect_view()}
                        </ul>
                    </Notice>
                }
            })
            .into_any(),
    }
}

/// The fields and the button.
#[component]
fn ScopeForm(
    way: Way,
    overview: Option<Overview>,
    chosen: RwSignal<Chosen>,
    rows: RwSignal<Vec<NamespaceRow>>,
) -> impl IntoView {
    let query = use_query_map().get_untracked();
    let start = ServerAction::<StartRun>::new();
    let default = overview.as_ref().map(|overview| overview.default_namespace.clone()).unwrap_or_default();
    let first_namespace = query.get("namespace").unwrap_or(default);
    let first_batch = query.get("batch_size").unwrap_or_default();
    let first_reuse = reuse_of(&query);
    let first_overwrite = query.get("overwrite_added").is_some_and(|word| word == "true");

    let namespace = RwSignal::new(first_namespace.clone());
    let batch = RwSignal::new(first_batch.clone());
    let reuse = RwSignal::new(first_reuse);
    let overwrite = RwSignal::new(first_overwrite);
    // A reader may have typed before the page was hydrated.
    Effect::new(move |_| {
        if let Some(text) = browser::input_value("namespace") {
            namespace.set(text);
        }
        if let Some(text) = browser::input_value("batch-size") {
            batch.set(text);
        }
    });
    let command = Signal::derive(move || {
        RunRequest {
            reuse: reuse.get(),
            overwrite_added: overwrite.get(),
            batch_size: batch.get().trim().parse().ok(),
            ..way.analysis(namespace.get())
        }
        .command()
    });
    let errors: Errors = Signal::derive(move || start.value().get().and_then(Result::err));
    let configured = overview.as_ref().map_or_else(
        || "Empty: the configured sizes.".to_owned(),
        |overview| {
            let [fetch, embed, upsert] = overview.batch_sizes;
            format!("Empty: the configured sizes, {fetch} to fetch, {embed} to embed, {upsert} to upsert.")
        },
    );
    let smallest = overview
        .as_ref()
        .and_then(|overview| overview.batch_sizes.into_iter().min())
        .map(|size| size.to_string())
        .unwrap_or_default();
    let added_key = overview.as_ref().map_or_else(|| "the added key".to_owned(), |o| o.added.key.clone());
    view! {
        <ActionForm action=start attr:class="panel form" attr:aria-label="Scope">
            <input
                type="hidden"
                name="kind"
                value=match way {
                    Way::Mirror => "analyze",
                    Way::Reembed => "reembed",
                }
            />
            <input type="hidden" name="dry_run" value="true" />
            <div class="body stack wide">
                <Refusal action=start />
                <div class="field">
                    <label for="namespace">"Namespace"</label>
                    <input
                        id="namespace"
                        name="namespace"
                        class="mono"
                        list="namespaces"
                        maxlength="512"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        placeholder="__default__"
                        value=first_namespace
                        aria-describedby="namespace-hint namespace-error"
                        aria-invalid=invalid(errors, "namespace")
                        on:input:target=move |event| {
                            namespace.set(event.target().value());
                            chosen.set(Chosen::Named(event.target().value()));
                        }
                    />
                    <p class="hint" id="namespace-hint" aria-live="polite">
                        {move || rows.with(|rows| hint(rows, &namespace.get()))}
                    </p>
                    <FieldError errors field="namespace" />
                    <datalist id="namespaces">
                        {move || {
                            rows.get()
                                .into_iter()
                                .map(|row| {
                                    let label = sides(&row);
                                    view! { <option value=row.name label=label></option> }
                                })
                                .collect_view()
                        }}
                    </datalist>
                </div>
                <div class="field">
                    <label for="batch-size">
                        "Batch size " <span class="faint">"optional"</span>
                    </label>
                    <input
                        id="batch-size"
                        name="batch_size"
                        class="narrow"
                        type="number"
                        min="1"
                        max="1000"
                        inputmode="numeric"
                        placeholder=smallest
                        value=first_batch
                        aria-describedby="batch-hint batch_size-error"
                        aria-invalid=invalid(errors, "batch_size")
                        on:input:target=move |event| batch.set(event.target().value())
                    />
                    <p class="hint" id="batch-hint">
                        "An upper bound of records in one request. "
                        {configured}
                    </p>
                    <FieldError errors field="batch_size" />
                </div>
                // A record that the target does not have has no vector there that could be kept.
                {(way == Way::Mirror).then(|| view! { <ReuseField reuse /> })}
                <OverwriteField overwrite key=added_key />
            </div>
            <footer class="form-foot">
                <Command line=command />
                <button type="submit" class="button primary" disabled=move || start.pending().get()>
                    {move || if start.pending().get() { "Starting…" } else { "Analyze" }}
                </button>
            </footer>
        </ActionForm>
    }
}

/// What a run does, in the words of the configuration.
#[component]
fn Explanation(way: Way, overview: Option<Overview>) -> impl IntoView {
    let (key, value, text, target) = overview.map_or_else(
        || ("the added key".to_owned(), None, "text".to_owned(), "the target".to_owned()),
        |o| (o.added.key, Some(o.added.value), o.text_key, o.target.name),
    );
    let added = match value {
        Some(value) => format!("{key}: {value}"),
        None => key.clone(),
    };
    view! {
        <section class="panel" aria-labelledby="what">
            <header>
                <h2 id="what">
                    {match way {
                        Way::Mirror => "What a mirroring does",
                        Way::Reembed => "What a re-embedding does",
                    }}
                </h2>
            </header>
            <div class="body">
                <dl class="explained">
                    {match way {
                        Way::Mirror => {
                            view! {
                                <dt>"Phase A"</dt>
                                <dd>{format!("Records that {target} does not have are embedded and written.")}</dd>
                                <dt>"Phase B"</dt>
                                <dd>"Records whose metadata differs are written anew, as the source has them."</dd>
                            }
                                .into_any()
                        }
                        Way::Reembed => {
                            view! {
                                <dt>"Migrated"</dt>
                                <dd>{format!("Records that {target} does not have are embedded and written.")}</dd>
                                <dt>"Already there"</dt>
                                <dd>
                                    "Records that are on both sides stay as they are, whatever their metadata says: they are neither read nor compared."
                                </dd>
                            }
                                .into_any()
                        }
                    }}
                    <dt>"Added"</dt>
                    <dd>
                        <code>{added}</code>
                        " to every written record; another value that is there already stays."
                    </dd>
                    {(way == Way::Mirror)
                        .then(|| {
                            view! {
                                <dt>"Ignored in comparison"</dt>
                                <dd>
                                    <code>{key}</code>
                                    " and nothing else."
                                </dd>
                            }
                        })}
                    <dt>"Embedded"</dt>
                    <dd>
                        "The text under "<code>{text}</code>". Records without one are skipped and counted."
                    </dd>
                    <dt>"Dry run"</dt>
                    <dd>"Says exactly what a live run would do, pays nothing and writes nothing. The plan starts with it."</dd>
                    <dt>"Never"</dt>
                    <dd>"Nothing is deleted, and the source is only read."</dd>
                </dl>
            </div>
        </section>
    }
}
