//! What an update would do: counts, requests, sample documents, and the bar that starts it.

use leptos::prelude::*;
use protocol::{
    AddedMetadata, DocumentScope, DocumentsLook, Holding, Reading, UpdateMode, UpdateNumbers, UpdatePreview,
    ValueCount,
};

use crate::{
    ApiError,
    api::AddMapping,
    components::{
        documents::{DocumentList, Naming},
        findings::FindingsPanel,
        notice::{Notice, Tone},
        share_bar::{Share, ShareBar},
        update::{Question, UpdateBar},
    },
    links,
};

use super::Asked;

/// The preview; nothing where none is asked for.
#[component]
pub fn PreviewPanel(
    /// What was asked.
    asked: Asked,
    /// The answer.
    preview: Result<Option<UpdatePreview>, ApiError>,
    /// What the index holds, where that is known: it names the values that are behind a number.
    look: Option<DocumentsLook>,
    /// How documents name their records.
    naming: Naming,
    /// The index.
    index: String,
    /// The configured field and value.
    configured: AddedMetadata,
    /// The action that adds a mapping.
    mend: ServerAction<AddMapping>,
) -> impl IntoView {
    match preview {
        Ok(None) => ().into_any(),
        Err(error) => view! {
            <Notice tone=Tone::Failed title="There is no preview">
                {error.to_string()}
            </Notice>
        }
        .into_any(),
        Ok(Some(preview)) => {
            // The pre-check of the configured field and value stands above.
            let overrides = (preview.added != configured).then(|| {
                let (precheck, added) = (Reading::Known(preview.precheck.clone()), preview.added.clone());
                let line = asked.mapping_command();
                view! { <FindingsPanel precheck added index=index.clone() line mend /> }
            });
            let bar = bar(&asked, &preview, &index);
            let naming = Naming { added: preview.added.key.clone(), ..naming };
            let samples = samples(&asked, &preview, naming);
            view! {
                {numbers(&asked, &preview, look.as_ref())}
                {overrides}
                {samples}
                {bar}
            }
            .into_any()
        }
    }
}

/// What is started, or why nothing is.
fn bar(asked: &Asked, preview: &UpdatePreview, index: &str) -> AnyView {
    let numbers = preview.numbers;
    if !preview.precheck.is_clear() {
        return view! {
            <Notice tone=Tone::Failed title="It cannot be started yet">
                "The pre-check names what has to be mended first; until then nothing is written."
            </Notice>
        }
        .into_any();
    }
    if numbers.to_update == 0 {
        let words = if numbers.documents == 0 {
            "There is no document in this scope. The names of the namespaces stand in the table below."
        } else if numbers.higher + numbers.incomparable > 0 && !asked.overwrites() {
            "Every document that may be written has the value. The others hold a higher one, or one that cannot be compared, and keep it."
        } else {
            "Every document has a value."
        };
        let tone = if numbers.documents == 0 { Tone::Attention } else { Tone::Good };
        return view! {
            <Notice tone title="There is nothing to update">
                {words}
            </Notice>
        }
        .into_any();
    }
    let question = Question {
        index: index.to_owned(),
        added: Some(format!("{}: {}", preview.added.key, preview.added.value)),
        work: format!("{} to update", format::counted(numbers.to_update, "document", "documents")),
        lowered: Some(numbers.higher),
    };
    view! { <UpdateBar update=asked.update() overwrites=asked.overwrites() question /> }.into_any()
}

/// The counts in one bar, and what the update takes.
fn numbers(asked: &Asked, preview: &UpdatePreview, look: Option<&DocumentsLook>) -> AnyView {
    let UpdatePreview { added, numbers, requests, .. } = preview;
    let title = format!(
        "{} of {} would be updated",
        format::count(numbers.to_update),
        format::counted(numbers.documents, "document", "documents")
    );
    let mode = match (asked.mode, asked.overwrites()) {
        (UpdateMode::Missing, _) => "those without a value",
        (UpdateMode::All, false) => "also lower values",
        (UpdateMode::All, true) => "all other values, higher ones too",
    };
    let parts = parts(asked, *numbers, added, look);
    let fact = |term: &'static str, words: AnyView| {
        view! {
            <div>
                <dt>{term}</dt>
                <dd class="break">{words}</dd>
            </div>
        }
    };
    let left_out = left_out(asked, *numbers);
    view! {
        <div class="columns level">
            <section class="panel" aria-labelledby="preview-title">
                <header>
                    <h2 id="preview-title">{title}</h2>
                    <span class="soft break">{asked.request().scope_label()}</span>
                </header>
                <div class="body stack">
                    <ShareBar parts caption="Documents by what an update would do" />
                    {left_out}
                </div>
            </section>
            <section class="panel" aria-labelledby="takes">
                <header>
                    <h2 id="takes">"What it takes"</h2>
                </header>
                <div class="body">
                    <dl class="facts">
                        {fact(
                            "Writes",
                            view! { <code>{format!("{}: {}", added.key, added.value)}</code> }.into_any(),
                        )}
                        {fact("Into", mode.into_any())}
                        {fact("Requests", format!("≈ {}", format::count(*requests)).into_any())}
                        {fact("Embeddings", "none".into_any())}
                        {fact(
                            "Done by",
                            if asked.server_side { "the server, as one job" } else { "tain, batch by batch" }
                                .into_any(),
                        )}
                    </dl>
                </div>
            </section>
        </div>
    }
    .into_any()
}

/// What the law keeps out of it, in a sentence.
fn left_out(asked: &Asked, numbers: UpdateNumbers) -> Option<AnyView> {
    let kept = numbers.higher + numbers.incomparable;
    if asked.mode == UpdateMode::Missing || kept == 0 {
        return None;
    }
    Some(if asked.overwrites() {
        view! {
            <p class="c-attention alarming">
                {format!(
                    "{} overwritten: {} lowered.",
                    format::counted(kept, "value is", "values are"),
                    format::counted(numbers.higher, "access level is", "access levels are"),
                )}
            </p>
        }
        .into_any()
    } else {
        view! {
            <p class="soft">
                {format!(
                    "{} left out: overwriting would lower {}.",
                    format::counted(kept, "document is", "documents are"),
                    format::counted(numbers.higher, "access level", "access levels"),
                )}
            </p>
        }
        .into_any()
    })
}

fn parts(
    asked: &Asked,
    numbers: UpdateNumbers,
    added: &AddedMetadata,
    look: Option<&DocumentsLook>,
) -> Vec<Share> {
    let scope = asked.scope();
    let writes_lower = asked.mode == UpdateMode::All;
    let behind = |holding: Holding| vec![(links::documents(&scope, &holding), String::new())];
    let values = values_of(look, &scope);
    let compared = |order: std::cmp::Ordering| {
        let values = values.iter().filter(|value| {
            let (value, added) = (value.value.parse::<f64>(), added.value.parse::<f64>());
            matches!((value, added), (Ok(value), Ok(added)) if value.partial_cmp(&added) == Some(order))
        });
        let mut behind: Vec<_> = values
            .map(|value| {
                let holding = Holding::Value(value.value.clone());
                let label = format!("{} × {}", format::count(value.documents), value.value);
                (links::documents(&scope, &holding), label)
            })
            .collect();
        if behind.is_empty() {
            behind.push((links::documents(&scope, &Holding::Something), String::new()));
        }
        behind
    };
    let part = |label: &str, sign, class, number, behind, why: &str| Share {
        label: label.to_owned(),
        is_value: false,
        sign,
        class,
        number,
        behind,
        why: why.to_owned(),
    };
    // Documents with another field than the look's cannot be listed by what they hold there.
    let is_configured = asked.field.is_empty();
    let known = |links: Vec<(String, String)>| if is_configured { links } else { Vec::new() };
    let mut parts = vec![
        part("Without a value", '+', "c-migrate", numbers.missing, known(behind(Holding::Nothing)), "get it"),
        part(
            "With the value",
            '=',
            "c-in-sync",
            numbers.equal,
            known(behind(Holding::Value(added.value.clone()))),
            "no action",
        ),
        part(
            "Lower",
            '~',
            if writes_lower { "c-update" } else { "c-unknown" },
            numbers.lower,
            known(compared(std::cmp::Ordering::Less)),
            if writes_lower { "are raised" } else { "stay: only missing values are written" },
        ),
        part(
            "Higher",
            if asked.overwrites() { '!' } else { '=' },
            if asked.overwrites() { "c-failed" } else { "c-attention" },
            numbers.higher,
            known(compared(std::cmp::Ordering::Greater)),
            if asked.overwrites() { "are lowered" } else { "stay: an access level is never lowered" },
        ),
    ];
    if numbers.incomparable > 0 {
        parts.push(part(
            "Not comparable",
            '?',
            "c-unknown",
            numbers.incomparable,
            known(behind(Holding::Something)),
            if asked.overwrites() { "are replaced" } else { "stay: not a number, or not indexed" },
        ));
    }
    parts
}

/// The values that are known of a scope.
fn values_of(look: Option<&DocumentsLook>, scope: &DocumentScope) -> Vec<ValueCount> {
    let numbers = look.and_then(|look| match scope {
        DocumentScope::All => Some(&look.total),
        DocumentScope::WithoutNamespace => Some(&look.without_namespace),
        DocumentScope::NamespaceTooLong => Some(&look.namespace_too_long),
        DocumentScope::Namespaces(names) => match names.as_slice() {
            [one] => look.namespaces.iter().find(|row| row.namespace == *one).map(|row| &row.numbers),
            _ => None,
        },
    });
    numbers.and_then(|numbers| numbers.values.clone()).unwrap_or_default()
}

fn samples(asked: &Asked, preview: &UpdatePreview, naming: Naming) -> AnyView {
    if preview.samples.is_empty() {
        return ().into_any();
    }
    let shown = preview.samples.len();
    let all = (asked.mode == UpdateMode::Missing && asked.field.is_empty()).then(|| {
        view! {
            " · "
            <a href=links::documents(&asked.scope(), &Holding::Nothing)>"more"</a>
        }
    });
    view! {
        <section class="panel" aria-labelledby="samples">
            <header>
                <h2 id="samples">"Documents that would be updated"</h2>
                <span class="soft">
                    {format!("{shown} of {}", format::count(preview.numbers.to_update))} {all}
                </span>
            </header>
            <DocumentList documents=preview.samples.clone() scope=asked.scope() naming=Some(naming) />
        </section>
    }
    .into_any()
}
