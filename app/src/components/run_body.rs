//! A run as it stands: counters, steps, pace, plan, failures, requests, log. The page of a run and the mirroring page
//! show the same.

use leptos::prelude::*;
use protocol::{Category, RunKind, RunState};

use crate::{
    clock::Clock,
    components::{
        Count,
        command::Command,
        control::{Cancel, Pause, commands, is_analysis},
        counters::{Counters, seconds_left},
        failures::Failures,
        flow::{FlowStrip, Waits},
        log::Log,
        namespaces::NamespacesPanel,
        notice::{Notice, Tone},
        pill::{Pill, Standing},
        plan::PlanPanels,
        reembedding::ReembeddingResults,
        requests::Requests,
        sparkline::Throughput,
        start::{AnalyzeAgain, RunAgain},
        steps::Steps,
        stopped::Stopped,
        update::UpdateAgain,
        verification::{DocumentVerificationPanel, VerificationPanel},
    },
    live::{Link, Live},
};

/// Whether a run embeds and writes, so that it has a speed.
const fn writes(kind: RunKind, dry_run: bool) -> bool {
    matches!(kind, RunKind::Mirror | RunKind::Reembed) && !dry_run
}

/// The pill of a run.
#[component]
pub fn RunPill(
    /// The run.
    live: Live,
) -> impl IntoView {
    let standing = Memo::new(move |_| {
        live.view.with(|view| Standing::of_run(view.state, &view.head.request, &view.progress.counts))
    });
    view! { <span aria-live="polite">{move || view! { <Pill standing=standing.get() /> }}</span> }
}

/// What can be done with a run: stop it while it is at work, start it again afterwards. Resuming one that waits has its
/// place beside what is said about why it waits.
#[component]
pub fn RunActions(
    /// The run.
    live: Live,
) -> impl IntoView {
    let head = live.view.with_untracked(|view| view.head.clone());
    let state = Memo::new(move |_| live.view.with(|view| view.state));
    // The buttons stay in place while a run pauses or is cancelled: only what stands on them changes.
    let phase = Memo::new(move |_| match state.get() {
        RunState::Running | RunState::Pausing | RunState::Cancelling => Buttons::AtWork,
        RunState::Paused | RunState::Interrupted => Buttons::Waits,
        RunState::Done | RunState::DoneWithFailures | RunState::Cancelled | RunState::Failed => Buttons::Over,
    });
    let cancelling = Memo::new(move |_| state.get() == RunState::Cancelling);
    move || {
        let head = head.clone();
        match phase.get() {
            Buttons::AtWork => view! {
                {move || (!cancelling.get()).then(|| view! { <Pause live /> })}
                <Cancel live />
            }
            .into_any(),
            Buttons::Waits => view! { <Cancel live /> }.into_any(),
            Buttons::Over if head.request.kind == RunKind::Documents => {
                let update = head.request.documents.clone();
                update.map(|update| view! { <UpdateAgain head update /> }).into_any()
            }
            Buttons::Over if head.request.kind == RunKind::Levels => view! { <RunAgain head /> }.into_any(),
            Buttons::Over if is_analysis(&head.request) => {
                view! { <AnalyzeAgain request=head.request /> }.into_any()
            }
            Buttons::Over => view! {
                <AnalyzeAgain request=head.request.clone() />
                <RunAgain head />
            }
            .into_any(),
        }
    }
}

/// Which buttons a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Buttons {
    /// Those that stop it.
    AtWork,
    /// The one that gives it up.
    Waits,
    /// Those that start it again.
    Over,
}

/// Time left while a run is at work: a dash until it means something.
#[component]
pub fn TimeLeft(
    /// The run.
    live: Live,
) -> impl IntoView {
    let left = Memo::new(move |_| live.view.with(seconds_left));
    move || match left.get() {
        Some(seconds) => format!("about {} left", format::span(seconds)),
        None => "time left –".to_owned(),
    }
}

/// Says so when the numbers on the page may be old.
#[component]
pub fn LinkNotice(
    /// The run.
    live: Live,
) -> impl IntoView {
    let clock = Clock::of_page();
    let link = Memo::new(move |_| live.link.get());
    move || {
        match link.get() {
        Link::Idle | Link::Open => None,
        Link::Reconnecting(since) => Some(
            view! {
                <Notice tone=Tone::Attention title="Reconnecting">
                    "The server has not answered since "
                    // Not read out every second.
                    <span aria-live="off">{move || clock.time_of_day(since)}" ("{move || clock.ago(since)}")"</span>
                    ". These numbers are the last that arrived. The page tries again by itself: if the server only cannot be reached, the run goes on without this page; if it was stopped, the run can be resumed from its last checkpoint."
                </Notice>
            }
            .into_any(),
        ),
        Link::Gone => Some(
            view! {
                <Notice tone=Tone::Attention title="The server no longer knows this run">
                    "It may have been restarted with another data directory. These numbers are the last that arrived."
                </Notice>
            }
            .into_any(),
        ),
    }
    }
}

/// Why a run stopped or failed, and what it found to be other than planned.
#[component]
pub fn Outcome(
    /// The run.
    live: Live,
) -> impl IntoView {
    view! {
        <Stopped live />
        <Drift live />
    }
}

/// What differed from the plan that a run executes, or from the failures that it tries again.
#[component]
fn Drift(
    /// The run.
    live: Live,
) -> impl IntoView {
    let head = live.view.with_untracked(|view| view.head.clone());
    let counts =
        Memo::new(move |_| live.view.with(|view| (view.progress.counts.moved, view.progress.counts.gone)));
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let title =
        if head.request.retry.is_some() { "Not as they failed" } else { "The indexes moved since the plan" };
    // Comparing levels counts documents that went away meanwhile: it follows no plan, and nothing is to be analyzed.
    let writes_records = matches!(head.request.kind, RunKind::Mirror | RunKind::Reembed);
    move || {
        let (moved, gone) = counts.get();
        let head = head.clone();
        (writes_records && moved + gone > 0).then(|| {
            let run = head.id.clone();
            let moved = (moved > 0).then(|| {
                let run = run.clone();
                view! {
                    <li>
                        <Count run category=Category::Moved number=moved />
                        {if moved == 1 { " record is" } else { " records are" }}
                        " no longer what was planned: changed, or in the target by now. Each was checked again and treated as it was found."
                    </li>
                }
            });
            let gone = (gone > 0).then(|| {
                let run = run.clone();
                view! {
                    <li>
                        <Count run category=Category::Gone number=gone />
                        {if gone == 1 { " record is" } else { " records are" }}
                        " no longer in the source. Nothing was done about them, and nothing is deleted from the target."
                    </li>
                }
            });
            view! {
                <Notice tone=Tone::Attention title>
                    <ul class="plain">{moved} {gone}</ul>
                    <p>"What came into the source since is not part of this run: a new analysis finds it."</p>
                    {move || {
                        let request = head.request.clone();
                        over.get().then(|| view! { <AnalyzeAgain request /> })
                    }}
                </Notice>
            }
        })
    }
}

/// The first characters of a hash, as people name it.
pub fn short(hash: &str) -> String {
    hash.chars().take(8).collect()
}

/// Everything below the head of a run.
#[component]
pub fn RunBody(
    /// The run.
    live: Live,
    /// Whether the plan is shown: not where the page has shown it already.
    #[prop(default = true)]
    with_plan: bool,
) -> impl IntoView {
    let head = live.view.with_untracked(|view| view.head.clone());
    let several = head.request.namespaces.is_some();
    let has_speed = writes(head.request.kind, head.request.dry_run);
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let waits = move || (!over.get()).then(|| view! { <Waits live /> });
    let verification = Memo::new(move |_| live.view.with(|view| view.verification.clone()));
    let documents = Memo::new(move |_| live.view.with(|view| view.documents.clone()));
    let plan = Memo::new(move |_| live.view.with(|view| view.plan.clone()));
    let id = head.id.clone();
    let verified = move || {
        let run = id.clone();
        let failed_in_all = live.view.with_untracked(|view| view.progress.counts.failed);
        verification.get().map(|verification| match head.request.kind {
            RunKind::Reembed => view! {
                <div class="columns">
                    <ReembeddingResults live />
                    <VerificationPanel run verification failed_in_all />
                </div>
            }
            .into_any(),
            _ => view! { <VerificationPanel run verification failed_in_all /> }.into_any(),
        })
    };
    let request = head.request.clone();
    let updated = move || {
        let request = request.clone();
        documents.get().map(|verification| view! { <DocumentVerificationPanel request verification /> })
    };
    let planned = move || {
        let head = head.clone();
        plan.get().filter(|_| with_plan).map(|plan| {
            if has_speed {
                let hash = short(&plan.hash);
                view! {
                    <details class="unfolds">
                        <summary>"What the run found " <code class="soft">{hash}</code></summary>
                        <div class="stack wide">
                            <PlanPanels head plan />
                        </div>
                    </details>
                }
                .into_any()
            } else {
                view! { <PlanPanels head plan /> }.into_any()
            }
        })
    };
    view! {
        <Counters live />
        <NamespacesPanel live />
        {verified}
        {updated}
        {if several {
            view! { {waits} }.into_any()
        } else if has_speed {
            view! {
                <div class="columns level">
                    <Steps live />
                    <Throughput live />
                </div>
                {move || (!over.get()).then(|| view! { <FlowStrip live /> })}
            }
                .into_any()
        } else {
            view! {
                <div class="columns level">
                    <Steps live />
                    <Throughput live />
                </div>
                {waits}
            }
                .into_any()
        }}
        {planned}
        <Failures live />
        <Requests live />
        <Log live />
        <Commands live />
    }
}

/// What can be asked of the run, as commands.
#[component]
pub fn Commands(
    /// The run.
    live: Live,
) -> impl IntoView {
    let lines = Memo::new(move |_| live.view.with(commands));
    view! {
        <section class="commands" aria-label="The same as commands">
            {move || {
                lines
                    .get()
                    .into_iter()
                    .map(|(what, line)| {
                        view! {
                            <div class="row">
                                <span class="soft what">{what}</span>
                                <Command line />
                            </div>
                        }
                    })
                    .collect_view()
            }}
        </section>
    }
}
