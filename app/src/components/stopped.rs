//! Why a run does not move: what is safe, what is waited for, and the one button that lets it go on.

use leptos::prelude::*;
use protocol::{Pause, PauseReason, RunState};

use crate::{
    clock::{Clock, Moment},
    components::{
        control::Resume,
        notice::{Notice, Tone},
    },
    live::Live,
};

/// What is true of every run that stopped at a checkpoint.
const SAFE: &str = "What was acknowledged is in the target. Resuming goes on from the last checkpoint: nothing that is there is written or paid for again.";

/// The notice; nothing for a run that is at work or ended well.
#[component]
pub fn Stopped(
    /// The run.
    live: Live,
) -> impl IntoView {
    let stopped =
        Memo::new(move |_| live.view.with(|view| (view.state, view.error.clone(), view.pause.clone())));
    move || {
        let (state, error, pause) = stopped.get();
        match state {
            RunState::Pausing => Some(
                view! {
                    <Notice tone=Tone::Info title="Pausing">
                        "What is in flight has a moment to be written; then the run stops at a checkpoint."
                    </Notice>
                }
                .into_any(),
            ),
            RunState::Cancelling => Some(
                view! {
                    <Notice tone=Tone::Info title="Cancelling">"What is in flight has a moment to be written; then the run ends."</Notice>
                }
                .into_any(),
            ),
            RunState::Paused => Some(view! { <Paused live pause /> }.into_any()),
            RunState::Interrupted => Some(
                view! {
                    <Notice tone=Tone::Attention title="The run was interrupted">
                        <p>"The program that ran it ended without a word: a crash, a kill or a power cut. "{SAFE}</p>
                        <p>"At most what was in flight at that moment is read, paid for or written once more."</p>
                        <Resume live />
                    </Notice>
                }
                .into_any(),
            ),
            RunState::Failed => Some(
                view! {
                    <Notice tone=Tone::Failed title="The run failed">
                        <p>{error.unwrap_or_else(|| "No reason was given; see the log.".to_owned())}</p>
                        <p>{SAFE}</p>
                        <Resume live />
                    </Notice>
                }
                .into_any(),
            ),
            RunState::Cancelled => Some(
                view! {
                    <Notice tone=Tone::Info title="The run was cancelled">
                        "What was acknowledged is in the target; running again goes on from there."
                    </Notice>
                }
                .into_any(),
            ),
            RunState::Running | RunState::Done | RunState::DoneWithFailures => None,
        }
    }
}

/// Why a run waits, and until when.
#[component]
fn Paused(live: Live, pause: Option<Pause>) -> impl IntoView {
    let clock = Clock::of_page();
    let reason = pause.as_ref().map(|pause| pause.reason);
    let title = match reason {
        Some(PauseReason::Quota) => "Paused: a quota is used up",
        Some(PauseReason::Shutdown) => "Paused: tain was stopped",
        Some(PauseReason::Requested) | None => "The run is paused",
    };
    let until = pause.as_ref().and_then(|pause| pause.until);
    let when = until.map(|at| {
        view! {
            <p>
                {move || if clock.now() < at { "It can go on " } else { "The quota should be there again since " }}
                <Moment at />
                {move || {
                    if clock.now() < at { ", and does so by itself while tain is running; resumed earlier, it would only pause again." } else { "." }
                }}
            </p>
        }
    });
    let unknown = (reason == Some(PauseReason::Quota) && until.is_none())
        .then(|| view! { <p>"The service did not say when it can go on."</p> });
    let message = pause.map(|pause| pause.message).filter(|message| !message.is_empty());
    view! {
        <Notice tone=Tone::Attention title>
            {message.map(|message| view! { <p>{message}</p> })}
            {when}
            {unknown}
            <p>{SAFE}</p>
            <Resume live />
        </Notice>
    }
}
