//! The fields that the forms have in common. Each sends its value without a script; with one, a signal follows it.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use protocol::{NamespacePatterns, Reuse};

use crate::{ApiError, browser};

/// What was wrong with a form when it was sent last.
pub type Errors = Signal<Option<ApiError>>;

/// Marks an input whose value was refused: for `aria-invalid`.
pub fn invalid(errors: Errors, field: &'static str) -> impl Fn() -> Option<&'static str> + Copy {
    move || errors.with(|error| error.as_ref().and_then(|error| error.of_field(field)).map(|_| "true"))
}

/// What is wrong with a field, below it.
#[component]
pub fn FieldError(
    /// What was wrong with the form.
    errors: Errors,
    /// The field's name.
    field: &'static str,
) -> impl IntoView {
    let message = move || {
        errors.with(|error| error.as_ref().and_then(|error| error.of_field(field)).map(str::to_owned))
    };
    view! {
        <div aria-live="polite" id=format!("{field}-error")>
            {move || message().map(|message| view! { <p class="hint c-failed alarming">{message}</p> })}
        </div>
    }
}

/// One of several that exclude each other, and what it means.
#[component]
pub fn Choice(
    /// The field.
    name: &'static str,
    /// The input's id.
    #[prop(into)]
    id: String,
    /// What is sent if it is chosen.
    value: &'static str,
    /// Whether it is chosen at first.
    checked: bool,
    /// What it is called.
    label: &'static str,
    /// What it means.
    meaning: &'static str,
) -> impl IntoView {
    view! {
        <label class="choice">
            <input type="radio" name=name id=id value=value checked=checked />
            <span>{label} " " <small>{meaning}</small></span>
        </label>
    }
}

/// The policy in an address; the usual one where it names none.
pub fn reuse_of(query: &ParamsMap) -> Reuse {
    query.get("reuse").and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// When vectors may stay.
#[component]
pub fn ReuseField(
    /// The policy; its value at first is the one that is marked.
    reuse: RwSignal<Reuse>,
) -> impl IntoView {
    let first = reuse.get_untracked();
    let id = |policy: Reuse| format!("reuse-{}", policy.as_str());
    // A reader may have chosen before the page was hydrated.
    Effect::new(move |_| {
        if let Some(chosen) =
            Reuse::ALL.into_iter().find(|&policy| browser::is_checked(&id(policy)) == Some(true))
        {
            reuse.set(chosen);
        }
    });
    let choices = Reuse::ALL
        .map(|policy| {
            let (label, meaning) = words(policy);
            view! {
                <Choice
                    name="reuse"
                    id=id(policy)
                    value=policy.as_str()
                    checked=policy == first
                    label
                    meaning
                    on:change=move |_| reuse.set(policy)
                />
            }
        })
        .collect_view();
    view! {
        <fieldset class="field">
            <legend>"Vectors of changed records"</legend>
            {choices}
        </fieldset>
    }
}

const fn words(policy: Reuse) -> (&'static str, &'static str) {
    match policy {
        Reuse::Never => (
            "Embed every changed record again",
            "The target's vectors all come from the configured model, whoever wrote them before.",
        ),
        Reuse::Proven => (
            "Keep the vectors that tain made of the same text",
            "Saves embeddings. The target's vector must be the very one of tain's own ledger, with this model, dimensions and task type.",
        ),
        Reuse::SameText => (
            "Keep every vector whose text is unchanged",
            "Saves the most. Right when every vector of the target was made with this model, dimensions and task type.",
        ),
    }
}

/// Replaces other values under the added key, behind a fold: access levels may be lowered by it.
#[component]
pub fn OverwriteField(
    /// Whether it is on.
    overwrite: RwSignal<bool>,
    /// The added key.
    #[prop(into)]
    key: String,
) -> impl IntoView {
    let first = overwrite.get_untracked();
    Effect::new(move |_| {
        if let Some(on) = browser::is_checked("overwrite") {
            overwrite.set(on);
        }
    });
    let warning = format!(
        "Normally a record that already holds another value under {key} keeps it. With this option every written record gets the configured value: access levels that someone has raised are lowered."
    );
    view! {
        <details class="advanced" open=first>
            <summary>"Overwrite the added key"</summary>
            <label class="choice c-attention">
                <input
                    type="checkbox"
                    id="overwrite"
                    name="overwrite_added"
                    value="true"
                    checked=first
                    on:change:target=move |event| overwrite.set(event.target().checked())
                />
                <span>{format!("Replace other values under {key}")} <small class="alarming">{warning}</small></span>
            </label>
        </details>
    }
}

/// A line of text that may stay empty.
#[component]
pub fn TextField(
    /// Its name in the form, and its id.
    name: &'static str,
    /// What it is called.
    label: &'static str,
    /// What it means, below it.
    hint: &'static str,
    /// What stands in it.
    text: RwSignal<String>,
    /// What an empty one stands for.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// What was wrong with the form.
    errors: Errors,
) -> impl IntoView {
    // A reader may have typed before the page was hydrated.
    Effect::new(move |_| {
        if let Some(typed) = browser::input_value(name) {
            text.set(typed);
        }
    });
    view! {
        <div class="field">
            <label for=name>{label} " " <span class="faint">"optional"</span></label>
            <input
                id=name
                name=name
                class="mono"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=placeholder
                value=text.get_untracked()
                aria-describedby=format!("{name}-hint {name}-error")
                aria-invalid=invalid(errors, name)
                on:input:target=move |event| text.set(event.target().value())
            />
            <p class="hint" id=format!("{name}-hint")>
                {hint}
            </p>
            <FieldError errors field=name />
        </div>
    }
    .into_any()
}

/// The patterns of the namespaces that a run takes and leaves out.
#[derive(Debug, Clone, Copy)]
pub struct Patterns {
    include: RwSignal<String>,
    exclude: RwSignal<String>,
}

impl Patterns {
    /// As they stand in a request, one after the other.
    pub fn new(patterns: &NamespacePatterns) -> Self {
        Self {
            include: RwSignal::new(patterns.include.join(", ")),
            exclude: RwSignal::new(patterns.exclude.join(", ")),
        }
    }

    /// As the server will read them.
    pub fn read(self) -> NamespacePatterns {
        let parts = |text: String| {
            text.split(['\n', ','])
                .map(str::trim)
                .filter(|pattern| !pattern.is_empty())
                .map(str::to_owned)
                .collect()
        };
        NamespacePatterns { include: parts(self.include.get()), exclude: parts(self.exclude.get()) }
    }
}

/// The two fields of the patterns.
#[component]
pub fn PatternFields(
    /// What stands in them.
    patterns: Patterns,
    /// What was wrong with them.
    errors: Errors,
) -> impl IntoView {
    let Patterns { include, exclude } = patterns;
    view! {
        <TextField
            name="include"
            label="Only namespaces like"
            hint="Patterns, parted by commas: * stands for any characters, ? for one. Empty: all of the source."
            text=include
            errors
        />
        <TextField
            name="exclude"
            label="But not those like"
            hint="Patterns of the same kind."
            text=exclude
            errors
        />
    }
}
