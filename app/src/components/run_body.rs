//! A run as it stands: counters, steps, pace, plan, failures, requests, log. The page of a run and the mirroring page
//! show the same.

use leptos::prelude::*;
use protocol::{RunKind, RunState};

use crate::{
    components::{
        chart::RateChart,
        command::Command,
        counters::{Counters, seconds_left},
        failures::Failures,
        flow::FlowStrip,
        log::Log,
        notice::{Notice, Tone},
        pill::{Pill, Standing},
        plan::PlanPanels,
        requests::Requests,
        start::{AnalyzeAgain, Cancel, RunAgain},
        steps::Steps,
        verification::VerificationPanel,
    },
    format,
    live::{Link, Live},
};

/// Whether a run embeds and writes, so that it has a speed.
const fn writes(kind: RunKind, dry_run: bool) -> bool {
    !matches!(kind, RunKind::Analyze) && !dry_run
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

/// What can be done with a run: stop it while it is at work, start it again afterwards.
#[component]
pub fn RunActions(
    /// The run.
    live: Live,
) -> impl IntoView {
    let head = live.view.with_untracked(|view| view.head.clone());
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let cancelling = Memo::new(move |_| live.view.with(|view| view.state == RunState::Cancelling));
    move || {
        let head = head.clone();
        if !over.get() {
            view! { <Cancel run=head.id cancelling /> }.into_any()
        } else if head.request.kind == RunKind::Analyze {
            view! { <AnalyzeAgain request=head.request /> }.into_any()
        } else {
            view! {
                <AnalyzeAgain request=head.request.clone() />
                <RunAgain head />
            }
            .into_any()
        }
    }
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
    move || match live.link.get() {
        Link::Idle | Link::Open => None,
        Link::Reconnecting => Some(view! {
            <Notice tone=Tone::Attention title="Reconnecting">
                "The connection to the server broke off. These numbers are the last that arrived; the run goes on without this page."
            </Notice>
        }),
        Link::Gone => Some(view! {
            <Notice tone=Tone::Attention title="The server no longer knows this run">
                "It may have been restarted. These numbers are the last that arrived."
            </Notice>
        }),
    }
}

/// Why a run failed, or that the indexes moved since its plan.
#[component]
pub fn Outcome(
    /// The run.
    live: Live,
) -> impl IntoView {
    let error = Memo::new(move |_| live.view.with(|view| (view.state, view.error.clone())));
    move || match error.get() {
        (RunState::Failed, error) => Some(view! {
            <Notice tone=Tone::Failed title="The run failed">
                {error.unwrap_or_else(|| "No reason was given; see the log.".to_owned())}
                " What was acknowledged is in the target; running again goes on from there."
            </Notice>
        }),
        (RunState::Cancelled, _) => Some(view! {
            <Notice tone=Tone::Info title="The run was cancelled">
                "What was acknowledged is in the target; running again goes on from there."
            </Notice>
        }),
        _ => None,
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
    let has_speed = writes(head.request.kind, head.request.dry_run);
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let verification = Memo::new(move |_| live.view.with(|view| view.verification.clone()));
    let plan = Memo::new(move |_| live.view.with(|view| view.plan.clone()));
    let id = head.id.clone();
    let verified = move || {
        let run = id.clone();
        verification.get().map(|verification| view! { <VerificationPanel run verification /> })
    };
    let plan_head = head.clone();
    let planned = move || {
        let head = plan_head.clone();
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
        {verified}
        {if has_speed {
            view! {
                <div class="columns">
                    <Steps live />
                    <RateChart live />
                </div>
                {move || (!over.get()).then(|| view! { <FlowStrip live /> })}
            }
                .into_any()
        } else {
            view! { <Steps live /> }.into_any()
        }}
        {planned}
        <Failures live />
        <Requests live />
        <Log live />
        <div class="row">
            <span class="soft">"The same as a command"</span>
            <Command line=head.request.command() />
        </div>
    }
}
