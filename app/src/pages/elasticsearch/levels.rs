//! Starts a comparison of the access levels of records and documents.

use leptos::prelude::*;
use protocol::{RunKind, RunRequest};

use crate::{
    api::StartRun,
    browser,
    components::{command::Command, start::Refusal},
    pages::OverviewResource,
};

/// The panel with the namespace and the button. It only reads, so nothing is asked before.
#[component]
pub fn LevelsPanel(
    /// The index.
    index: String,
) -> impl IntoView {
    let start = ServerAction::<StartRun>::new();
    let overview = expect_context::<OverviewResource>();
    let namespace = RwSignal::new(String::new());
    Effect::new(move |_| {
        if let Some(Ok(overview)) = overview.get()
            && namespace.with_untracked(String::is_empty)
        {
            namespace.set(overview.default_namespace);
        }
        if let Some(text) = browser::input_value("levels-namespace") {
            namespace.set(text);
        }
    });
    let command = Signal::derive(move || RunRequest::new(RunKind::Levels, namespace.get()).command());
    view! {
        <section class="panel" aria-labelledby="levels">
            <header>
                <h2 id="levels">"Compare access levels"</h2>
                <span class="soft">"a run that only reads"</span>
            </header>
            <div class="body stack">
                <p class="soft">
                    {format!(
                        "Reads every record of the target in one namespace and its document in {index}, by id, and lists where their access levels differ and which records have no document.",
                    )}
                </p>
                <Refusal action=start />
                <ActionForm action=start attr:class="row levels-form">
                    <input type="hidden" name="kind" value="levels" />
                    <input type="hidden" name="dry_run" value="true" />
                    <input
                        id="levels-namespace"
                        name="namespace"
                        class="mono"
                        maxlength="512"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        placeholder="__default__"
                        aria-label="Namespace to compare"
                        on:input:target=move |event| namespace.set(event.target().value())
                    />
                    <button type="submit" class="button" disabled=move || start.pending().get()>
                        "Compare"
                    </button>
                    <Command line=command />
                </ActionForm>
            </div>
        </section>
    }
    .into_any()
}
