//! The forms that start an update of documents. Each works without JavaScript; the server checks what they send.

use leptos::prelude::*;
use protocol::{DocumentUpdate, RunHead, RunRequest, SettingsView, UpdateMode};

use crate::{
    api::{self, StartUpdate},
    browser,
    components::{
        dialog::{Dialog, confirming},
        start::{CONFIRM, DryOrLive, Refused, again, once_more},
    },
    links,
};

/// Everything of an update that a form repeats unseen.
fn repeated(update: DocumentUpdate, overwrites: bool) -> AnyView {
    let hidden = |name: &'static str, value: String| view! { <input type="hidden" name=name value=value /> };
    let scope = links::scope_parameters(&update.scope);
    let scope = scope.into_iter().map(|(name, value)| hidden(name, value)).collect_view();
    let on = |name: &'static str, is_on: bool| is_on.then(|| hidden(name, "true".to_owned()));
    view! {
        {scope}
        {hidden("mode", update.mode.as_str().to_owned())}
        {hidden("field", update.field.unwrap_or_default())}
        {hidden("value", update.value.unwrap_or_default())}
        {on("overwrite", overwrites)}
        {on("server_side", update.server_side)}
    }
    .into_any()
}

/// What is asked before a live update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The index, alias or data stream.
    pub index: String,
    /// The field and its value, where they are known: `clearance_level: 1`.
    pub added: Option<String>,
    /// What will be written, in words.
    pub work: String,
    /// How many higher values will be lowered, where that is known.
    pub lowered: Option<u64>,
}

/// The question before a live update, asked once, with the names of what it writes to.
fn confirmation(request: &RunRequest, question: Question, start: ServerAction<StartUpdate>) -> AnyView {
    let Question { index, added, work, lowered } = question;
    let scope = request.scope_label();
    let answer = confirming(CONFIRM, "Start the live run", start.pending());
    let overwrite = request.overwrite_added.then(|| {
        let words = match lowered {
            Some(0) => {
                "No document holds a higher value at the moment; one that gets one meanwhile is lowered."
                    .to_owned()
            }
            Some(number) => format!(
                "{} lowered: access levels that someone has raised.",
                format::counted(number, "higher value is", "higher values are")
            ),
            None => "Higher values are lowered: access levels that someone has raised.".to_owned(),
        };
        view! { <p class="c-attention alarming">{words}</p> }
    });
    let fact = |term: &'static str, words: String| {
        view! {
            <div>
                <dt>{term}</dt>
                <dd class="break">{words}</dd>
            </div>
        }
    };
    view! {
        <Dialog id=CONFIRM title=format!("Write to {index}?") answer>
            <dl class="facts">
                {fact("Index", index.clone())}
                {fact("Documents of", scope)}
                {added.map(|added| fact("Field", added))}
                {fact("Work", work)}
            </dl>
            {overwrite}
            <p class="soft">
                "Only this field of a document is written, and only if nobody has changed the document meanwhile. Nothing is deleted, and nothing is embedded or paid for."
            </p>
        </Dialog>
    }
    .into_any()
}

/// The bar at the foot of a preview: dry run or not, the command, the button.
#[component]
pub fn UpdateBar(
    /// What was previewed.
    update: DocumentUpdate,
    /// Whether higher values are replaced, too.
    overwrites: bool,
    /// What is asked before a live run.
    question: Question,
) -> impl IntoView {
    let start = ServerAction::<StartUpdate>::new();
    let dry = RwSignal::new(true);
    let fields = repeated(update.clone(), overwrites);
    let request = RunRequest { overwrite_added: overwrites, ..RunRequest::update_documents(update) };
    let confirmation = confirmation(&request, question, start);
    let command = Signal::derive(move || RunRequest { dry_run: dry.get(), ..request.clone() }.command());
    view! {
        <Refused error=Signal::derive(move || start.value().get().and_then(Result::err)) />
        <ActionForm action=start attr:class="actions">
            {fields}
            <DryOrLive dry command pending=start.pending() />
            {confirmation}
        </ActionForm>
    }
    .into_any()
}

/// A button that starts the same update once more; a live one asks first.
#[component]
pub fn UpdateAgain(
    /// The run that is repeated.
    head: RunHead,
    /// What it did.
    update: DocumentUpdate,
) -> impl IntoView {
    let start = ServerAction::<StartUpdate>::new();
    let request = once_more(head.request);
    let fields = repeated(update, request.overwrite_added);
    let button = again(&request, start.pending(), || {
        let question = Question {
            index: head.target,
            added: None,
            work: "what still lacks the value by then".to_owned(),
            lowered: None,
        };
        confirmation(&request, question, start)
    });
    view! {
        <ActionForm action=start>{fields} {button}</ActionForm>
        <Refused error=Signal::derive(move || start.value().get().and_then(Result::err)) />
    }
    .into_any()
}

/// Whether a search index is configured.
pub fn is_configured(settings: &SettingsView) -> bool {
    settings
        .settings
        .iter()
        .any(|setting| setting.name == "ELASTICSEARCH_ENDPOINT" && setting.value.is_some())
}

/// Ends a mirroring with the update of the same documents; nothing where no search index is configured. Where it is on
/// already it stays to be seen and switched off, whatever is configured now.
#[component]
pub fn DocumentsToo(
    /// Whether it is on.
    also: RwSignal<bool>,
) -> impl IntoView {
    let configured =
        Resource::new(|| (), |()| async { api::settings().await.map(|settings| is_configured(&settings)) });
    let first = also.get_untracked();
    Effect::new(move |_| {
        if let Some(on) = browser::is_checked("elasticsearch") {
            also.set(on);
        }
    });
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match configured.await {
                    Ok(false) if !first => ().into_any(),
                    Err(error) if !first => {
                        view! {
                            <p class="hint">
                                "Whether there is an Elasticsearch index, whose documents could be updated afterwards, is "
                                <span class="unknown">"unknown"</span> {format!(": {error}")}
                            </p>
                        }
                            .into_any()
                    }
                    Ok(_) | Err(_) => {
                        view! {
                            <label class="choice also">
                                <input
                                    type="checkbox"
                                    id="elasticsearch"
                                    name="elasticsearch"
                                    value="true"
                                    checked=first
                                    on:change:target=move |event| also.set(event.target().checked())
                                />
                                <span>
                                    "Then update the documents in Elasticsearch"
                                    <small>
                                        "A further step: documents of the same namespace that lack the added field get it."
                                    </small>
                                </span>
                            </label>
                        }
                            .into_any()
                    }
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// The further step of a mirroring, where it is asked for.
pub fn documents_too(also: bool) -> Option<DocumentUpdate> {
    also.then(DocumentUpdate::default)
}

/// The options of an update of documents in words.
pub fn update_options(update: &DocumentUpdate) -> Vec<String> {
    let mut options = Vec::new();
    if update.mode == UpdateMode::All {
        options.push("also other values".to_owned());
    }
    if update.field.is_some() || update.value.is_some() {
        let field = update.field.as_deref().unwrap_or("the configured field");
        let value = update.value.as_deref().unwrap_or("the configured value");
        options.push(format!("{field}: {value}"));
    }
    if update.server_side {
        options.push("on the server's side".to_owned());
    }
    options
}
