//! The form of an update. It is sent as an address, so a preview works without a script and can be kept.

use leptos::{ev::SubmitEvent, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use protocol::{AddedMetadata, UpdateMode};

use crate::{
    components::{
        command::Command,
        fields::{Choice, Errors, TextField},
    },
    links,
    markup::text_only,
};

use super::Asked;

/// Whose documents, which of them, and what they get.
#[component]
pub fn UpdateForm(
    /// What stands in it.
    asked: Asked,
    /// The configured field and value.
    added: AddedMetadata,
    /// Set when it is sent.
    sent: RwSignal<bool>,
) -> impl IntoView {
    let typed = RwSignal::new(asked.clone());
    let read = move || {
        if let Some(asked) = Asked::of_form() {
            typed.set(asked);
        }
    };
    // A reader may have chosen before the page was hydrated.
    Effect::new(move |_| read());
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        read();
        event.prevent_default();
        let options = NavigateOptions { scroll: false, ..NavigateOptions::default() };
        navigate(&typed.with_untracked(Asked::address), options);
        sent.set(true);
    };
    let Asked { scope, namespaces, mode, field, value, overwrite, server_side, .. } = asked;
    let is_all = !["some", "without", "too-long"].contains(&scope.as_str());
    let overrides = !(field.is_empty() && value.is_empty());
    let AddedMetadata { key, value: configured } = added;
    // What is wrong with them stands where the preview would.
    let errors: Errors = Signal::stored(None);
    view! {
        <form
            method="get"
            action=format!("{}#preview", links::ELASTICSEARCH)
            class="panel form update-form"
            aria-label="Update"
            on:input=move |_| read()
            on:submit=submit
        >
            <header>
                <h2>"Update documents"</h2>
                <span class="soft">"a preview comes first: it writes nothing"</span>
            </header>
            <input type="hidden" name="preview" value="true" />
            <div class="body stack wide">
                <div class="halves">
                    <fieldset class="field">
                        <legend>"Documents of"</legend>
                        <Choice
                            name="scope"
                            id="scope-all"
                            value="all"
                            checked=is_all
                            label="All namespaces"
                            meaning="Every document of the index, with or without a namespace."
                        />
                        <Choice
                            name="scope"
                            id="scope-some"
                            value="some"
                            checked=scope == "some"
                            label="One or several namespaces"
                            meaning="By their exact names; \"\" is the empty one."
                        />
                        <div class="field when-some">
                            <label for="namespaces">"Namespaces, one a line"</label>
                            <textarea
                                id="namespaces"
                                name="namespaces"
                                class="mono"
                                rows="3"
                                autocapitalize="off"
                                spellcheck="false"
                            >
                                {text_only(namespaces)}
                            </textarea>
                        </div>
                        <Choice
                            name="scope"
                            id="scope-without"
                            value="without"
                            checked=scope == "without"
                            label="Without a namespace"
                            meaning="Documents whose namespace is absent."
                        />
                        <Choice
                            name="scope"
                            id="scope-too-long"
                            value="too-long"
                            checked=scope == "too-long"
                            label="With a namespace too long to match"
                            meaning="The index keeps such a name and cannot look for it."
                        />
                    </fieldset>
                    <fieldset class="field">
                        <legend>"Which of them"</legend>
                        <Choice
                            name="mode"
                            id="mode-missing"
                            value="missing"
                            checked=mode == UpdateMode::Missing
                            label="Only those without a value"
                            meaning="The usual choice: what a document holds already stays."
                        />
                        <Choice
                            name="mode"
                            id="mode-all"
                            value="all"
                            checked=mode == UpdateMode::All
                            label="Also those with another value"
                            meaning="Lower values are raised. Higher ones, and values that cannot be compared, are counted and left out."
                        />
                        <label class="choice c-attention when-all">
                            <input
                                type="checkbox"
                                id="overwrite"
                                name="overwrite"
                                value="true"
                                checked=overwrite
                            />
                            <span>
                                "Overwrite higher values, too"
                                <small class="alarming">
                                    "Access levels that someone has raised are lowered. The preview says how many."
                                </small>
                            </span>
                        </label>
                    </fieldset>
                </div>
                <details class="advanced" open=overrides>
                    <summary>"Another field or value"</summary>
                    <div class="halves">
                        <TextField
                            name="field"
                            label="Field"
                            hint="Empty: the configured one."
                            text=RwSignal::new(field)
                            placeholder=key
                            errors
                        />
                        <TextField
                            name="value"
                            label="Value"
                            hint="As JSON: 1 is a number, \"1\" a string. Empty: the configured one."
                            text=RwSignal::new(value)
                            placeholder=configured
                            errors
                        />
                    </div>
                </details>
                <details class="advanced" open=server_side>
                    <summary>"Let the server do it"</summary>
                    <label class="choice">
                        <input
                            type="checkbox"
                            id="server-side"
                            name="server_side"
                            value="true"
                            checked=server_side
                        />
                        <span>
                            "Update with " <code>"_update_by_query"</code>
                            <small>
                                "Fewer requests, and less to be sure of. One refused document ends the whole job; progress comes in coarse steps; the server must allow scripts; a final ingest pipeline runs for every document, which may embed again. Where a started job could not be stopped, as on Elastic serverless, it is refused."
                            </small>
                        </span>
                    </label>
                </details>
            </div>
            <footer class="form-foot">
                <Command line=Signal::derive(move || typed.with(Asked::command)) />
                <button type="submit" class="button primary">
                    "Preview"
                </button>
            </footer>
        </form>
    }
    .into_any()
}
