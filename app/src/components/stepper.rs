//! Where one stands on the way through a mirroring or a re-embedding: done, here, ahead.

use leptos::prelude::*;

use crate::components::icon::{Icon, Symbol};

/// The steps of both pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What to mirror, and how.
    Scope,
    /// The analysis.
    Analyze,
    /// What it found.
    Plan,
    /// The run.
    Run,
    /// What came of it.
    End,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Scope, Self::Analyze, Self::Plan, Self::Run, Self::End];

    const fn label(self, end: &'static str) -> &'static str {
        match self {
            Self::Scope => "Scope",
            Self::Analyze => "Analyze",
            Self::Plan => "Plan",
            Self::Run => "Run",
            Self::End => end,
        }
    }
}

/// The line of steps. `scope` is the address of the first one, filled in as it was.
#[component]
pub fn Stepper(
    /// Where one stands.
    at: Stage,
    /// What the last step is called.
    end: &'static str,
    /// Leads back to the form; absent on the form itself.
    #[prop(optional_no_strip)]
    scope: Option<String>,
) -> impl IntoView {
    let steps = Stage::ALL
        .into_iter()
        .zip(1..)
        .map(|(stage, number)| {
            let done = stage < at;
            let label = match &scope {
                Some(scope) if stage == Stage::Scope && done => {
                    view! { <a href=scope.clone()>{stage.label(end)}</a> }.into_any()
                }
                _ => stage.label(end).into_any(),
            };
            view! {
                <li class:done=done aria-current=(stage == at).then_some("step")>
                    <i>
                        {if done {
                            view! {
                                <Icon symbol=Symbol::Check />
                                <span class="visually-hidden">"done: "</span>
                            }
                                .into_any()
                        } else {
                            number.into_any()
                        }}
                    </i>
                    {label}
                </li>
            }
        })
        .collect_view();
    view! {
        <ol class="stepper" aria-label="Steps">
            {steps}
        </ol>
    }
}
