//! The forms that stop a run, let it go on, and try its failures again. Each works without a script.

use leptos::prelude::*;
use protocol::{RunHead, RunId, RunKind, RunRequest, RunState, RunView};

use crate::{
    ApiError,
    api::{CancelRun, PauseRun, ResumeRun, RetryFailed},
    components::{
        command::{Command, command_over},
        dialog::{Dialog, Opener, confirming, confirming_danger},
        notice::{Notice, Tone},
        scope_name,
        start::{Refused, analysis_of, once_more},
    },
    live::Live,
};

const CANCEL: &str = "confirm-cancel";
const RETRY: &str = "confirm-retry";

/// The command that does to a run what a button does: `verb` is `pause`, `resume`, `cancel` or `retry`.
pub fn command(verb: &str, run: &RunId) -> String {
    format!("tain runs {verb} {run}")
}

/// The command that compares a run with the one before, or with another one.
pub fn comparison_command(run: &RunId, with: Option<&RunId>) -> String {
    match with {
        Some(with) => command_over("runs compare", &[&run.0, &with.0]),
        None => command("compare", run),
    }
}

/// What can be asked of a run as it stands, as commands: what each does, and the line.
pub fn commands(view: &RunView) -> Vec<(&'static str, String)> {
    let run = &view.head.id;
    let mut commands = Vec::new();
    if view.state == RunState::Running {
        commands.push(("Pause", command("pause", run)));
    }
    if view.state.is_resumable() {
        commands.push(("Resume", command("resume", run)));
    }
    if can_cancel(view.state) {
        commands.push(("Cancel", command("cancel", run)));
    }
    if can_retry(view) {
        commands.push(("Retry failed", command("retry", run)));
    }
    let request = &view.head.request;
    if matches!(request.kind, RunKind::Analyze | RunKind::Mirror | RunKind::Reembed) {
        commands.push(("Analyze again", analysis_of(request.clone()).command()));
    }
    if !is_analysis(request) {
        commands.push(("Run again", once_more(request.clone()).command()));
    }
    commands
}

/// Whether a run is what its page calls an analysis, and what a re-embedding analyzes with: running it again is analyzing
/// again.
pub const fn is_analysis(request: &RunRequest) -> bool {
    match request.kind {
        RunKind::Analyze => true,
        RunKind::Reembed => request.dry_run,
        RunKind::Mirror | RunKind::Documents | RunKind::Levels => false,
    }
}

/// Whether a run can be given up: it is at work, or waits to be resumed.
const fn can_cancel(state: RunState) -> bool {
    matches!(state, RunState::Running | RunState::Pausing | RunState::Paused | RunState::Interrupted)
}

/// Whether the records that failed can be tried again as a run of their own.
pub fn can_retry(view: &RunView) -> bool {
    let request = &view.head.request;
    !view.state.is_live()
        && !view.state.is_resumable()
        && view.progress.counts.failed > 0
        && request.is_live()
        && request.namespaces.is_none()
}

/// Why something was not done.
#[component]
fn NotDone(title: &'static str, error: Signal<Option<ApiError>>) -> impl IntoView {
    move || {
        error.get().map(|error| {
            view! {
                <Notice tone=Tone::Failed title=title>
                    {error.to_string()}
                </Notice>
            }
        })
    }
}

/// The button that stops a run at a checkpoint.
#[component]
pub fn Pause(
    /// The run.
    live: Live,
) -> impl IntoView {
    let run = live.view.with_untracked(|view| view.head.id.clone());
    let pause = ServerAction::<PauseRun>::new();
    let pausing = Memo::new(move |_| live.view.with(|view| view.state == RunState::Pausing));
    view! {
        <ActionForm action=pause>
            <input type="hidden" name="run" value=run.0 />
            <button type="submit" class="button" disabled=move || pausing.get() || pause.pending().get()>
                {move || if pausing.get() { "Pausing…" } else { "Pause" }}
            </button>
        </ActionForm>
        <NotDone
            title="The run was not paused"
            error=Signal::derive(move || pause.value().get().and_then(Result::err))
        />
    }
}

/// The button that lets a stopped run go on, and the command that does the same.
#[component]
pub fn Resume(
    /// The run.
    live: Live,
) -> impl IntoView {
    let run = live.view.with_untracked(|view| view.head.id.clone());
    let line = command("resume", &run);
    let resume = ServerAction::<ResumeRun>::new();
    Effect::new(move |_| {
        if let Some(Ok(())) = resume.value().get() {
            live.wake();
        }
    });
    view! {
        <div class="row">
            <ActionForm action=resume>
                <input type="hidden" name="run" value=run.0 />
                <button type="submit" class="button primary" disabled=move || resume.pending().get()>
                    {move || if resume.pending().get() { "Resuming…" } else { "Resume" }}
                </button>
            </ActionForm>
            <Command line />
        </div>
        {move || match resume.value().get() {
            Some(Err(error)) => {
                Some(view! { <p class="c-failed alarming" role="alert">{format!("It was not resumed: {error}")}</p> })
            }
            _ => None,
        }}
    }
}

/// The button that stops a run for good, after a question.
#[component]
pub fn Cancel(
    /// The run to stop.
    live: Live,
) -> impl IntoView {
    let run = live.view.with_untracked(|view| view.head.id.clone());
    let cancelling = Memo::new(move |_| live.view.with(|view| view.state == RunState::Cancelling));
    let waits = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let cancel = ServerAction::<CancelRun>::new();
    Effect::new(move |_| {
        if let Some(Ok(())) = cancel.value().get() {
            live.wake();
        }
    });
    let line = command("cancel", &run);
    let answer = confirming_danger(CANCEL, "Cancel the run", cancel.pending());
    view! {
        <ActionForm action=cancel>
            <input type="hidden" name="run" value=run.0 />
            <Opener dialog=CANCEL disabled=cancelling>
                {move || if cancelling.get() { "Cancelling…" } else { "Cancel" }}
            </Opener>
            <Dialog id=CANCEL title="Cancel this run?" refuse="Keep it" answer>
                <p>
                    {move || {
                        if waits.get() {
                            "The run ends where it stopped and can no longer be resumed. What is in the target stays there."
                        } else {
                            "What is in flight has a moment to be written, then the run ends for good. What is in the target stays there."
                        }
                    }}
                </p>
                <p class="soft">
                    "A later run pays for nothing a second time. To go on with this one later, pause it instead."
                </p>
                <Command line />
            </Dialog>
        </ActionForm>
        <NotDone
            title="The run was not cancelled"
            error=Signal::derive(move || cancel.value().get().and_then(Result::err))
        />
    }
}

/// The button that tries the failed records again, after a question.
#[component]
pub fn Retry(
    /// The run whose records failed.
    head: RunHead,
    /// How many did.
    failed: u64,
) -> impl IntoView {
    let retry = ServerAction::<RetryFailed>::new();
    let RunHead { id, request, target, .. } = head;
    let scope = scope_name(&request);
    let words = if request.kind == RunKind::Documents {
        "A run of its own looks at each of them again, writes the field where it still has to be written, and lists what fails once more."
    } else {
        "A run of its own reads each of them again, embeds and writes what still has to be written, and lists what fails once more."
    };
    let line = RunRequest { retry: Some(id.clone()), ..request }.command();
    let answer = confirming(RETRY, "Retry the failed records", retry.pending());
    view! {
        <ActionForm action=retry>
            <input type="hidden" name="run" value=id.0 />
            <Opener dialog=RETRY class="button small" disabled=retry.pending()>
                "Retry failed…"
            </Opener>
            <Dialog id=RETRY title=format!("Write to {target}?") answer>
                <dl class="facts">
                    <div>
                        <dt>"Target index"</dt>
                        <dd>{target.clone()}</dd>
                    </div>
                    <div>
                        <dt>"Namespace"</dt>
                        <dd class="mono break">{scope}</dd>
                    </div>
                    <div>
                        <dt>"Work"</dt>
                        <dd>{format!("{}, as they are now", format::counted(failed, "failed record", "failed records"))}</dd>
                    </div>
                </dl>
                <p class="soft">{words}</p>
                <Command line />
            </Dialog>
        </ActionForm>
        <Refused error=Signal::derive(move || retry.value().get().and_then(Result::err)) />
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::counters::tests::running;

    #[test]
    fn a_comparison_has_a_command() {
        let run = |id: &str| RunId(id.to_owned());
        assert_eq!(comparison_command(&run("m2"), None), "tain runs compare m2");
        assert_eq!(comparison_command(&run("m2"), Some(&run("m 1"))), "tain runs compare m2 'm 1'");
    }

    fn verbs(view: &RunView) -> Vec<&'static str> {
        commands(view).into_iter().map(|(verb, _)| verb).collect()
    }

    #[test]
    fn a_run_is_started_again_as_its_buttons_start_it() {
        let mut view = running();
        view.state = RunState::Done;
        view.head.request.plan = Some("7c41".to_owned());
        let lines = |view: &RunView| commands(view).into_iter().map(|(_, line)| line).collect::<Vec<_>>();
        assert_eq!(lines(&view), ["tain analyze ns", "tain mirror ns"], "the plan was carried out");
        view.head.request =
            RunRequest { retry: Some(RunId("r0".to_owned())), plan: None, ..view.head.request };
        assert_eq!(lines(&view), ["tain analyze ns", "tain mirror ns"], "the whole namespace");
        view.head.request = RunRequest { dry_run: true, ..RunRequest::new(RunKind::Reembed, "ns") };
        assert_eq!(lines(&view), ["tain reembed ns --dry-run"]);
    }

    #[test]
    fn what_can_be_asked_of_a_run_depends_on_how_it_stands() {
        let mut view = running();
        assert_eq!(verbs(&view), ["Pause", "Cancel", "Analyze again", "Run again"]);
        assert_eq!(commands(&view)[0].1, "tain runs pause r1");
        view.state = RunState::Interrupted;
        assert_eq!(verbs(&view), ["Resume", "Cancel", "Analyze again", "Run again"]);
        view.state = RunState::DoneWithFailures;
        assert_eq!(verbs(&view), ["Analyze again", "Run again"], "no record failed");
        view.progress.counts.failed = 2;
        assert_eq!(verbs(&view), ["Retry failed", "Analyze again", "Run again"]);
        view.head.request.dry_run = true;
        assert!(!can_retry(&view), "a dry run writes nothing, so there is nothing to try again");
    }
}
