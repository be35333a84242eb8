//! The forms that start runs. Each works without JavaScript; the server checks what they send.

use leptos::prelude::*;
use protocol::{NamespacePatterns, Reuse, RunHead, RunKind, RunRequest};

use crate::{
    ApiError,
    api::StartRun,
    browser,
    components::{
        command::Command,
        dialog::{Dialog, Opener, confirming},
        notice::{Notice, Tone},
        scope_name,
        update::{DocumentsToo, documents_too, update_options},
    },
    links,
};

/// The id of the question before a live run.
pub const CONFIRM: &str = "confirm-live";

/// Everything of a request that a form repeats unseen.
#[component]
fn Repeated(request: RunRequest) -> impl IntoView {
    let kind = match request.kind {
        RunKind::Analyze => "analyze",
        RunKind::Mirror => "mirror",
        RunKind::Reembed => "reembed",
        RunKind::Documents => "documents",
        RunKind::Levels => "levels",
    };
    view! {
        <input type="hidden" name="kind" value=kind />
        <input type="hidden" name="namespace" value=request.namespace />
        <input type="hidden" name="reuse" value=request.reuse.as_str() />
        <input
            type="hidden"
            name="batch_size"
            value=request.batch_size.map(|size| size.to_string()).unwrap_or_default()
        />
        {request.overwrite_added.then(|| view! { <input type="hidden" name="overwrite_added" value="true" /> })}
        {request.namespaces.map(|NamespacePatterns { include, exclude }| {
            view! {
                <input type="hidden" name="scope" value="several" />
                <input type="hidden" name="include" value=include.join(",") />
                <input type="hidden" name="exclude" value=exclude.join(",") />
            }
        })}
        {request.plan.map(|plan| view! { <input type="hidden" name="plan" value=plan /> })}
        {request.documents.map(|_| view! { <input type="hidden" name="elasticsearch" value="true" /> })}
    }
}

/// Why a start was refused.
#[component]
pub fn Refusal(
    /// The action that may have failed.
    action: ServerAction<StartRun>,
) -> impl IntoView {
    view! { <Refused error=Signal::derive(move || action.value().get().and_then(Result::err)) /> }
}

/// Says that a run was not started, why, and which run is in the way.
#[component]
pub fn Refused(
    /// Why.
    error: Signal<Option<ApiError>>,
) -> impl IntoView {
    move || {
        error.get().map(|error| {
            let holder = match &error {
                ApiError::Busy { holder: Some(holder), .. } => Some(links::run(holder)),
                _ => None,
            };
            view! {
                <Notice tone=Tone::Failed title="The run was not started">
                    {error.to_string()}
                    {holder.map(|href| view! { " " <a href=href>"Open the run that holds it"</a> })}
                </Notice>
            }
        })
    }
}

/// What starts a run once more: what was planned or had failed then is looked for anew.
pub fn once_more(request: RunRequest) -> RunRequest {
    RunRequest { plan: None, retry: None, ..request }
}

/// What analyzes the namespace of a run. A re-embedding analyzes with a dry run of its own, which compares nothing.
pub fn analysis_of(request: RunRequest) -> RunRequest {
    let kind = if request.kind == RunKind::Reembed { RunKind::Reembed } else { RunKind::Analyze };
    // What only reads records has nothing to do with documents.
    let documents = request.documents.clone().filter(|_| !kind.only_reads());
    RunRequest { kind, dry_run: true, documents, ..once_more(request) }
}

/// A button that analyzes a namespace once more, with the same options.
#[component]
pub fn AnalyzeAgain(
    /// The request that is repeated as an analysis.
    request: RunRequest,
    /// The button's classes.
    #[prop(default = "button")]
    class: &'static str,
) -> impl IntoView {
    let start = ServerAction::<StartRun>::new();
    let request = analysis_of(request);
    view! {
        <ActionForm action=start>
            <Repeated request />
            <input type="hidden" name="dry_run" value="true" />
            <button type="submit" class=class disabled=move || start.pending().get()>
                "Analyze again"
            </button>
        </ActionForm>
        <Refusal action=start />
    }
}

/// The question before a live run, asked once, with the names of what it writes to.
#[component]
pub fn Confirmation(
    /// The dialog's id.
    #[prop(into, default = CONFIRM.to_owned())]
    id: String,
    /// The target index.
    #[prop(into)]
    target: String,
    /// What it covers, in words.
    #[prop(into)]
    scope: Signal<String>,
    /// Whether other values under the added key are replaced.
    #[prop(into)]
    overwrites: Signal<bool>,
    /// What will be written, in words.
    #[prop(into)]
    work: Signal<String>,
    /// Whether the answer is being sent.
    #[prop(into)]
    pending: Signal<bool>,
    /// The command that does the same, where it does not stand beside the button that asks.
    #[prop(optional, into)]
    line: Option<String>,
) -> impl IntoView {
    let answer = confirming(&id, "Start the live run", pending);
    let overwrite = move || {
        overwrites.get().then(|| {
            view! {
                <p class="c-attention alarming">
                    "Other values under the added key are replaced: access levels that someone has raised are lowered."
                </p>
            }
        })
    };
    view! {
        <Dialog id title=format!("Write to {target}?") answer>
            <dl class="facts">
                <div>
                    <dt>"Target index"</dt>
                    <dd>{target.clone()}</dd>
                </div>
                <div>
                    <dt>"Namespace"</dt>
                    <dd class="mono break">{move || scope.get()}</dd>
                </div>
                <div>
                    <dt>"Work"</dt>
                    <dd>{move || work.get()}</dd>
                </div>
            </dl>
            {overwrite}
            <p class="soft">
                "It embeds and pays, and it writes to the target. Nothing is deleted, and the source is only read."
            </p>
            {line.map(|line| view! { <Command line /> })}
        </Dialog>
    }
}

/// The switch between a dry run and a live one, the command, and the button of whichever it is.
#[component]
pub fn DryOrLive(
    /// Whether it stands on dry run.
    dry: RwSignal<bool>,
    /// The command that does the same.
    command: Signal<String>,
    /// Whether the form is being sent.
    #[prop(into)]
    pending: Signal<bool>,
) -> impl IntoView {
    let first = dry.get_untracked();
    // A reader may have turned the switch before the page was hydrated.
    Effect::new(move |_| {
        if let Some(on) = browser::is_checked("dry-run") {
            dry.set(on);
        }
    });
    view! {
        <label class="switch">
            <input
                type="checkbox"
                role="switch"
                id="dry-run"
                name="dry_run"
                value="true"
                checked=first
                on:change:target=move |event| dry.set(event.target().checked())
            />
            "Dry run"
            <span class="faint">"pays and writes nothing"</span>
        </label>
        <div class="row">
            <Command line=command />
            // Which of the two is shown is the style sheet's business: the switch decides, with or without a script.
            <button type="submit" class="button primary when-dry" disabled=move || pending.get()>
                "Start dry run"
            </button>
            <span class="when-live">
                <Opener dialog=CONFIRM class="button primary" disabled=pending>
                    "Start…"
                </Opener>
            </span>
        </div>
    }
}

/// The bar at the foot of a plan: dry run or not, the command, the button.
#[component]
pub fn StartBar(
    /// The run that made the plan.
    head: RunHead,
    /// The plan's hash.
    plan: String,
    /// What a live run writes, in words.
    #[prop(into)]
    work: String,
    /// Whether the switch stands on dry run at first.
    dry_run: bool,
) -> impl IntoView {
    let start = ServerAction::<StartRun>::new();
    let kind = if head.request.kind == RunKind::Reembed { RunKind::Reembed } else { RunKind::Mirror };
    let also = RwSignal::new(head.request.documents.is_some());
    let request =
        RunRequest { kind, dry_run, plan: Some(plan), retry: None, documents: None, ..head.request };
    let (scope, overwrites) = (scope_name(&request), request.overwrite_added);
    let dry = RwSignal::new(dry_run);
    let command = {
        let request = request.clone();
        Signal::derive(move || {
            let documents = documents_too(also.get());
            RunRequest { dry_run: dry.get(), documents, ..request.clone() }.command()
        })
    };
    let work = Signal::derive(move || with_documents(&work, also.get()));
    view! {
        <Refusal action=start />
        <ActionForm action=start attr:class="actions">
            <Repeated request />
            <DocumentsToo also />
            <DryOrLive dry command pending=start.pending() />
            <Confirmation target=head.target scope overwrites work pending=start.pending() />
        </ActionForm>
    }
}

/// The work of a run, and the step with which it may end.
pub fn with_documents(work: &str, also: bool) -> String {
    if also {
        format!("{work}; then the documents in Elasticsearch that lack the field")
    } else {
        work.to_owned()
    }
}

/// The button that starts the same run once more; before a live one stands the question.
pub fn again(request: &RunRequest, pending: Memo<bool>, question: impl FnOnce() -> AnyView) -> AnyView {
    if !request.is_live() {
        let dry = request.dry_run.then(|| view! { <input type="hidden" name="dry_run" value="true" /> });
        view! {
            {dry}
            <button type="submit" class="button" disabled=move || pending.get()>
                "Run again"
            </button>
        }
        .into_any()
    } else {
        view! {
            <Opener dialog=CONFIRM disabled=pending>
                "Run again…"
            </Opener>
            {question()}
        }
        .into_any()
    }
}

/// A button that starts the same run once more; a live one asks first.
#[component]
pub fn RunAgain(
    /// The run that is repeated.
    head: RunHead,
) -> impl IntoView {
    let start = ServerAction::<StartRun>::new();
    let request = once_more(head.request);
    let (scope, overwrites) = (scope_name(&request), request.overwrite_added);
    let button = again(&request, start.pending(), || {
        let work = "what is still missing or changed by then";
        view! { <Confirmation target=head.target scope overwrites work pending=start.pending() /> }.into_any()
    });
    view! {
        <ActionForm action=start>
            <Repeated request />
            {button}
        </ActionForm>
        <Refusal action=start />
    }
}

/// What a plan writes, in words: `1,012 to migrate and 192 to update`.
pub fn work_of(kind: RunKind, missing: u64, changed: u64) -> String {
    let missing = format!("{} to migrate", format::count(missing));
    match kind {
        RunKind::Reembed => missing,
        RunKind::Analyze | RunKind::Mirror | RunKind::Documents | RunKind::Levels => {
            format!("{missing}, {} to update", format::count(changed))
        }
    }
}

/// The options of a request in words, for the head of a page; empty where all are the usual ones.
pub fn options_of(request: &RunRequest) -> Vec<String> {
    let mut options = Vec::new();
    if request.dry_run && !request.kind.only_reads() {
        options.push("dry run".to_owned());
    }
    match request.reuse {
        Reuse::Never => options.push("embeds every changed record".to_owned()),
        Reuse::Proven => {}
        Reuse::SameText => options.push("keeps vectors of unchanged texts".to_owned()),
    }
    if request.retry.is_some() {
        options.push("only what failed".to_owned());
    }
    if request.overwrite_added {
        options.push("overwrites the added key".to_owned());
    }
    match &request.documents {
        Some(update) if request.kind == RunKind::Documents => options.extend(update_options(update)),
        Some(_) => options.push("then updates Elasticsearch".to_owned()),
        None => {}
    }
    if let Some(size) = request.batch_size {
        options.push(format!("batches of {}", format::count(u64::from(size))));
    }
    options
}
