//! The forms that start and stop runs. Each works without JavaScript; the server checks what they send.

use leptos::prelude::*;
use protocol::{Reuse, RunHead, RunId, RunKind, RunRequest};

use crate::{
    ApiError,
    api::{CancelRun, StartRun},
    browser,
    components::{
        command::Command,
        dialog::{Dialog, Opener},
        namespace_name,
        notice::{Notice, Tone},
    },
    format, links,
};

const CONFIRM: &str = "confirm-live";
const CANCEL: &str = "confirm-cancel";

/// Everything of a request that a form repeats unseen.
#[component]
fn Repeated(request: RunRequest) -> impl IntoView {
    let kind = match request.kind {
        RunKind::Analyze => "analyze",
        RunKind::Mirror => "mirror",
        RunKind::Reembed => "reembed",
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
        {request.plan.map(|plan| view! { <input type="hidden" name="plan" value=plan /> })}
    }
}

/// Why a start was refused.
#[component]
pub fn Refusal(
    /// The action that may have failed.
    action: ServerAction<StartRun>,
) -> impl IntoView {
    move || match action.value().get() {
        Some(Err(error)) => {
            let holder = match &error {
                ApiError::Busy { holder: Some(holder), .. } => Some(links::run(holder)),
                _ => None,
            };
            Some(view! {
                <Notice tone=Tone::Failed title="The run was not started">
                    {error.to_string()}
                    {holder.map(|href| view! { " " <a href=href>"Open the run that holds it"</a> })}
                </Notice>
            })
        }
        _ => None,
    }
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
    let request = RunRequest { kind: RunKind::Analyze, dry_run: true, plan: None, ..request };
    view! {
        <ActionForm action=start>
            <Repeated request />
            <button type="submit" class=class disabled=move || start.pending().get()>
                "Analyze again"
            </button>
        </ActionForm>
        <Refusal action=start />
    }
}

/// The question before a live run, asked once, with the names of what it writes to.
#[component]
fn Confirmation(
    head: RunHead,
    /// What will be written, in words.
    #[prop(into)]
    work: String,
    /// The action that the answer submits.
    start: ServerAction<StartRun>,
) -> impl IntoView {
    let namespace = namespace_name(&head.request.namespace).to_owned();
    let answer = view! {
        <button
            type="submit"
            class="button primary"
            name="confirmed"
            value="true"
            disabled=move || start.pending().get()
        >
            "Start the live run"
        </button>
    }
    .into_any();
    let overwrite = head.request.overwrite_added.then(|| {
        view! {
            <p class="c-attention alarming">
                "Other values under the added key are replaced: access levels that someone has raised are lowered."
            </p>
        }
    });
    view! {
        <Dialog id=CONFIRM title=format!("Write to {}?", head.target) answer>
            <dl class="facts">
                <div>
                    <dt>"Target index"</dt>
                    <dd>{head.target.clone()}</dd>
                </div>
                <div>
                    <dt>"Namespace"</dt>
                    <dd class="mono break">{namespace}</dd>
                </div>
                <div>
                    <dt>"Work"</dt>
                    <dd>{work}</dd>
                </div>
            </dl>
            {overwrite}
            <p class="soft">
                "It embeds and pays, and it writes to the target. Nothing is deleted, and the source is only read."
            </p>
        </Dialog>
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
    let request = RunRequest { kind, dry_run, plan: Some(plan), ..head.request.clone() };
    let dry = RwSignal::new(dry_run);
    // A reader may have turned the switch before the page was hydrated.
    Effect::new(move |_| {
        if let Some(on) = browser::is_checked("dry-run") {
            dry.set(on);
        }
    });
    let command = {
        let request = request.clone();
        Signal::derive(move || RunRequest { dry_run: dry.get(), ..request.clone() }.command())
    };
    let pending = start.pending();
    view! {
        <Refusal action=start />
        <ActionForm action=start attr:class="actions">
            <Repeated request />
            <label class="switch">
                <input
                    type="checkbox"
                    role="switch"
                    id="dry-run"
                    name="dry_run"
                    value="true"
                    checked=dry_run
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
            <Confirmation head work start />
        </ActionForm>
    }
}

/// A button that starts the same run once more; a live one asks first.
#[component]
pub fn RunAgain(
    /// The run that is repeated.
    head: RunHead,
) -> impl IntoView {
    let start = ServerAction::<StartRun>::new();
    let request = RunRequest { plan: None, ..head.request.clone() };
    let button = if request.dry_run {
        view! {
            <input type="hidden" name="dry_run" value="true" />
            <button type="submit" class="button" disabled=move || start.pending().get()>
                "Run again"
            </button>
        }
        .into_any()
    } else {
        view! {
            <Opener dialog=CONFIRM disabled=start.pending()>
                "Run again…"
            </Opener>
            <Confirmation head=head work="what is still missing or changed by then" start />
        }
        .into_any()
    };
    view! {
        <ActionForm action=start>
            <Repeated request />
            {button}
        </ActionForm>
        <Refusal action=start />
    }
}

/// The button that stops a run, after a question.
#[component]
pub fn Cancel(
    /// The run to stop.
    run: RunId,
    /// Whether it was asked to stop already.
    #[prop(into)]
    cancelling: Signal<bool>,
) -> impl IntoView {
    let cancel = ServerAction::<CancelRun>::new();
    let answer = view! {
        <button
            type="submit"
            class="button danger"
            disabled=move || cancel.pending().get()
            on:click=move |_| browser::close_dialog(CANCEL)
        >
            "Cancel the run"
        </button>
    }
    .into_any();
    view! {
        <ActionForm action=cancel>
            <input type="hidden" name="run" value=run.0 />
            <Opener dialog=CANCEL disabled=cancelling>
                {move || if cancelling.get() { "Cancelling…" } else { "Cancel" }}
            </Opener>
            <Dialog id=CANCEL title="Cancel this run?" refuse="Keep it running" answer>
                <p>"What is in flight is still written, then the run ends. What is in the target stays there."</p>
                <p class="soft">"A later run goes on from there and pays for nothing a second time."</p>
            </Dialog>
        </ActionForm>
        {move || match cancel.value().get() {
            Some(Err(error)) => {
                Some(
                    view! {
                        <Notice tone=Tone::Failed title="The run was not cancelled">
                            {error.to_string()}
                        </Notice>
                    },
                )
            }
            _ => None,
        }}
    }
}

/// What a plan writes, in words: `1,012 to migrate and 192 to update`.
pub fn work_of(kind: RunKind, missing: u64, changed: u64) -> String {
    let missing = format!("{} to migrate", format::count(missing));
    match kind {
        RunKind::Reembed => missing,
        RunKind::Analyze | RunKind::Mirror => format!("{missing}, {} to update", format::count(changed)),
    }
}

/// The options of a request in words, for the head of a page; empty where all are the usual ones.
pub fn options_of(request: &RunRequest) -> Vec<String> {
    let mut options = Vec::new();
    if request.dry_run && request.kind != RunKind::Analyze {
        options.push("dry run".to_owned());
    }
    if request.reuse == Reuse::SameText {
        options.push("keeps vectors of unchanged texts".to_owned());
    }
    if request.overwrite_added {
        options.push("overwrites the added key".to_owned());
    }
    if let Some(size) = request.batch_size {
        options.push(format!("batches of {}", format::count(u64::from(size))));
    }
    options
}
