//! The first step: which namespace, and how.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use protocol::{NamespaceRow, Namespaces, Overview, Reading, Reuse, RunKind, RunRequest};

use crate::{
    ApiError,
    api::{self, StartRun},
    browser,
    components::{
        Read,
        command::Command,
        namespace_name,
        notice::{Empty, Notice, Tone},
        start::Refusal,
        stepper::{Stage, Stepper},
    },
    format, links,
    pages::OverviewResource,
};

/// How many namespaces the table shows; typing narrows them down.
const SHOWN: usize = 50;

/// The form, filled in from the address.
#[component]
pub fn ScopeStep() -> impl IntoView {
    let overview = expect_context::<OverviewResource>();
    let namespaces = Resource::new(|| (), |()| api::namespaces());
    let typed = RwSignal::new(None::<String>);
    let rows = RwSignal::new(Vec::<NamespaceRow>::new());
    // The counts beside the field are a help that comes after hydration.
    Effect::new(move |_| {
        if let Some(Ok(namespaces)) = namespaces.get() {
            rows.set(namespaces.rows);
        }
    });
    view! {
        <Title text="Namespace Mirroring" />
        <header class="head">
            <div>
                <h1>"Namespace Mirroring"</h1>
                <p class="soft">"An analysis comes first: it reads both sides, writes nothing and pays nothing"</p>
            </div>
        </header>
        <Stepper at=Stage::Scope />
        <Suspense fallback=move || {
            view! { <Problems overview=None /> }
        }>
            {move || Suspend::new(async move {
                view! { <Problems overview=Some(overview.await) /> }
            })}
        </Suspense>
        <div class="columns">
            <Suspense fallback=move || {
                view! { <ScopeForm overview=None typed rows /> }
            }>
                {move || Suspend::new(async move {
                    view! { <ScopeForm overview=overview.await.ok() typed rows /> }
                })}
            </Suspense>
            <Suspense fallback=move || {
                view! { <Explanation overview=None /> }
            }>
                {move || Suspend::new(async move {
                    view! { <Explanation overview=overview.await.ok() /> }
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
                    Ok(namespaces) => view! { <NamespaceTable namespaces typed /> }.into_any(),
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
    overview: Option<Overview>,
    typed: RwSignal<Option<String>>,
    rows: RwSignal<Vec<NamespaceRow>>,
) -> impl IntoView {
    let query = use_query_map().get_untracked();
    let start = ServerAction::<StartRun>::new();
    let default = overview.as_ref().map(|overview| overview.default_namespace.clone()).unwrap_or_default();
    let first_namespace = query.get("namespace").unwrap_or(default);
    let first_batch = query.get("batch_size").unwrap_or_default();
    let first_reuse = query.get("reuse").and_then(|word| word.parse::<Reuse>().ok()).unwrap_or_default();
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
        if let Some(on) = browser::is_checked("reuse-same-text") {
            reuse.set(if on { Reuse::SameText } else { Reuse::Never });
        }
        if let Some(on) = browser::is_checked("overwrite") {
            overwrite.set(on);
        }
    });
    let command = Signal::derive(move || {
        RunRequest {
            kind: RunKind::Analyze,
            namespace: namespace.get(),
            dry_run: true,
            reuse: reuse.get(),
            overwrite_added: overwrite.get(),
            batch_size: batch.get().trim().parse().ok(),
            plan: None,
            retry: None,
            namespaces: None,
        }
        .command()
    });
    let error_of = move |field: &'static str| {
        start.value().with(|value| match value {
            Some(Err(error)) => error.of_field(field).map(str::to_owned),
            _ => None,
        })
    };
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
    let warning = format!(
        "Normally a record that already holds another value under {added_key} keeps it. With this option every written record gets the configured value: access levels that someone has raised are lowered."
    );
    view! {
        <ActionForm action=start attr:class="panel form" attr:aria-label="Scope">
            <input type="hidden" name="kind" value="analyze" />
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
                        aria-describedby="namespace-hint"
                        aria-invalid=move || error_of("namespace").map(|_| "true")
                        on:input:target=move |event| {
                            namespace.set(event.target().value());
                            typed.set(Some(event.target().value()));
                        }
                    />
                    <p class="hint" id="namespace-hint" aria-live="polite">
                        {move || rows.with(|rows| hint(rows, &namespace.get()))}
                    </p>
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
                        aria-describedby="batch-hint"
                        aria-invalid=move || error_of("batch_size").map(|_| "true")
                        on:input:target=move |event| batch.set(event.target().value())
                    />
                    <p class="hint" id="batch-hint">
                        "An upper bound of records in one request. "
                        {configured}
                    </p>
                </div>
                <fieldset class="field">
                    <legend>"Vectors of changed records"</legend>
                    <label class="choice">
                        <input
                            type="radio"
                            name="reuse"
                            value="never"
                            checked=first_reuse == Reuse::Never
                            on:change=move |_| reuse.set(Reuse::Never)
                        />
                        <span>
                            "Embed every changed record again"
                            <small>"The target's vectors all come from the configured model, whoever wrote them before."</small>
                        </span>
                    </label>
                    <label class="choice">
                        <input
                            type="radio"
                            name="reuse"
                            id="reuse-same-text"
                            value="same-text"
                            checked=first_reuse == Reuse::SameText
                            on:change=move |_| reuse.set(Reuse::SameText)
                        />
                        <span>
                            "Keep the vector where the text is unchanged"
                            <small>
                                "Saves embeddings. Right when every vector of the target was made with this model, dimensions and task type."
                            </small>
                        </span>
                    </label>
                </fieldset>
                <details class="advanced" open=first_overwrite>
                    <summary>"Overwrite the added key"</summary>
                    <label class="choice c-attention">
                        <input
                            type="checkbox"
                            id="overwrite"
                            name="overwrite_added"
                            value="true"
                            checked=first_overwrite
                            on:change:target=move |event| overwrite.set(event.target().checked())
                        />
                        <span>
                            {format!("Replace other values under {added_key}")} <small class="alarming">{warning}</small>
                        </span>
                    </label>
                </details>
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

/// The counts of a namespace on both sides: `source 18,120 · target unknown`.
fn sides(row: &NamespaceRow) -> String {
    let side = |reading: &Reading<Option<u64>>| match reading {
        Reading::Known(Some(number)) => format::count(*number),
        Reading::Known(None) => "none".to_owned(),
        Reading::Unknown(_) => "unknown".to_owned(),
    };
    format!("source {} · target {}", side(&row.source), side(&row.target))
}

/// What is known of the namespace that stands in the field.
fn hint(rows: &[NamespaceRow], namespace: &str) -> String {
    let name = namespace_name(namespace);
    match rows.iter().find(|row| row.name == name) {
        Some(row) if row.source == Reading::Known(None) => {
            format!("{}: not in the source, so there is nothing to mirror", sides(row))
        }
        Some(row) => sides(row),
        None if namespace.is_empty() => "Empty: the default namespace".to_owned(),
        None if rows.is_empty() => "As it is called in the source".to_owned(),
        None => "Not among the namespaces of either index".to_owned(),
    }
}

/// What a mirroring does, in the words of the configuration.
#[component]
fn Explanation(overview: Option<Overview>) -> impl IntoView {
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
                <h2 id="what">"What a mirroring does"</h2>
            </header>
            <div class="body">
                <dl class="explained">
                    <dt>"Phase A"</dt>
                    <dd>{format!("Records that {target} does not have are embedded and written.")}</dd>
                    <dt>"Phase B"</dt>
                    <dd>"Records whose metadata differs are written anew, as the source has them."</dd>
                    <dt>"Added"</dt>
                    <dd>
                        <code>{added}</code>
                        " to every written record; another value that is there already stays."
                    </dd>
                    <dt>"Ignored in comparison"</dt>
                    <dd>
                        <code>{key}</code>
                        " and nothing else."
                    </dd>
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

/// The namespaces of both indexes; each leads into the form.
#[component]
fn NamespaceTable(namespaces: Namespaces, typed: RwSignal<Option<String>>) -> impl IntoView {
    let Namespaces { rows, problems } = namespaces;
    let unknown = (!problems.is_empty()).then(|| {
        view! {
            <Notice tone=Tone::Attention title="Not everything could be read">
                <ul class="plain">
                    {problems.into_iter().map(|problem| view! { <li>{problem}</li> }).collect_view()}
                </ul>
            </Notice>
        }
    });
    if rows.is_empty() {
        return view! {
            {unknown}
            <Empty title="No namespace yet">
                <p class="soft">"The namespaces of both indexes will be listed here, with their counts."</p>
            </Empty>
        }
        .into_any();
    }
    let total = rows.len();
    let rows = StoredValue::new(rows);
    let found = Memo::new(move |_| {
        let sought = typed.get().unwrap_or_default();
        rows.with_value(|rows| {
            let matching = || rows.iter().filter(|row| row.name.contains(sought.trim()));
            // A name that leads nowhere leaves the whole list, so that one finds what is there.
            let narrowed = matching().next().is_some();
            let shown = rows.iter().filter(|row| !narrowed || row.name.contains(sought.trim()));
            (shown.clone().count(), shown.take(SHOWN).cloned().collect::<Vec<_>>())
        })
    });
    let header = move || {
        let (matching, shown) = found.get();
        if shown.len() == total {
            format::count(total as u64)
        } else {
            format!(
                "{} of {}",
                format::count(shown.len() as u64),
                format::count(matching.max(shown.len()) as u64)
            )
        }
    };
    view! {
        {unknown}
        <section class="panel" aria-labelledby="all-namespaces">
            <header>
                <h2 id="all-namespaces">"Namespaces"</h2>
                <span class="soft">{header}</span>
            </header>
            <div class="scroll" tabindex="0" role="region" aria-label="Table of namespaces">
                <table class="list">
                    <thead>
                        <tr>
                            <th scope="col">"Namespace"</th>
                            <th scope="col" class="num">
                                "Source"
                            </th>
                            <th scope="col" class="num">
                                "Target"
                            </th>
                            <th scope="col" class="num">
                                "Difference"
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || found.get().1 key=|row| row.name.clone() let(row)>
                            <tr>
                                <td>
                                    <a class="mono break" href=links::mirror_namespace(&row.name)>
                                        {row.name.clone()}
                                    </a>
                                </td>
                                <td class="num">
                                    <Read reading=row.source.clone() absent="none" />
                                </td>
                                <td class="num">
                                    <Read reading=row.target.clone() absent="none" />
                                </td>
                                <td class="num">{difference(&row)}</td>
                            </tr>
                        </For>
                    </tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// Target minus source; unknown where one of them is.
fn difference(row: &NamespaceRow) -> AnyView {
    match (&row.source, &row.target) {
        (Reading::Known(source), Reading::Known(target)) => {
            format::difference(source.unwrap_or(0), target.unwrap_or(0)).into_any()
        }
        _ => view! { <span class="unknown">"unknown"</span> }.into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, source: Reading<Option<u64>>) -> NamespaceRow {
        NamespaceRow {
            name: name.to_owned(),
            source,
            target: Reading::Unknown("it did not answer".to_owned()),
        }
    }

    #[test]
    fn the_hint_tells_unknown_from_none() {
        let rows = [row("a", Reading::Known(Some(1_200))), row("__default__", Reading::Known(None))];
        assert_eq!(hint(&rows, "a"), "source 1,200 · target unknown");
        assert!(hint(&rows, "").contains("not in the source"));
        assert!(hint(&rows, "b").starts_with("Not among"));
        assert!(hint(&[], "b").starts_with("As it is called"));
    }
}
