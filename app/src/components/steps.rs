//! The steps of a run, one below the other; an error stands inside the step that failed.

use leptos::prelude::*;
use protocol::{RunKind, RunState, RunView, Step, StepState, StepView};

use crate::{
    components::icon::{Icon, Symbol},
    live::Live,
};

/// One step as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    view: StepView,
    done: u64,
    total: Option<u64>,
    /// What is expected of a step that waits.
    expectation: &'static str,
}

fn rows(run: &RunView) -> Vec<Row> {
    run.steps
        .iter()
        .map(|view| {
            let (done, total) = run.step_progress(view.step);
            Row { view: view.clone(), done, total, expectation: expectation(run, view.step) }
        })
        .collect()
}

fn expectation(run: &RunView, step: Step) -> &'static str {
    if run.state.is_resumable() {
        return "not reached yet";
    }
    if !run.state.is_live() {
        return "not reached";
    }
    match step {
        Step::List => "both listings, merged as they come",
        Step::Compare => "reads what has to be compared",
        Step::Migrate => "takes what the comparison finds missing",
        Step::Update if run.head.request.kind == RunKind::Mirror => "waits for phase A",
        Step::Update => "not part of this run",
        Step::Verify => "both namespaces, after the target has caught up",
        Step::Precheck => "the index's mapping, blocks and what the key may do",
        Step::Documents => "documents that lack the field",
        Step::VerifyDocuments => "counts after a refresh",
        Step::Levels => "every record of the target beside its document",
    }
}

/// The list of steps.
#[component]
pub fn Steps(
    /// The run.
    live: Live,
) -> impl IntoView {
    let rows = Memo::new(move |_| live.view.with(rows));
    // Steps neither come nor go during a run: each keeps its own place and follows its own row.
    let count = rows.with_untracked(Vec::len);
    let items = (0..count)
        .map(|index| {
            let row = Memo::new(move |_| rows.with(|rows| rows.get(index).cloned()));
            move || row.get().map(|row| view! { <StepItem row /> })
        })
        .collect_view();
    let cancelling = Memo::new(move |_| live.view.with(|view| view.state == RunState::Cancelling));
    view! {
        <section class="panel" aria-labelledby="steps">
            <header>
                <h2 id="steps">"Steps"</h2>
                {move || {
                    cancelling.get().then(|| view! { <span class="soft">"stopping after what is in flight"</span> })
                }}
            </header>
            <ol class="steps">{items}</ol>
        </section>
    }
}

#[component]
fn StepItem(row: Row) -> impl IntoView {
    let Row { view, done, total, expectation } = row;
    let (class, symbol, state) = match view.state {
        StepState::Waiting => ("c-unknown", None, "waiting"),
        StepState::Running => ("c-accent", Some(Symbol::Turning), "running"),
        StepState::Done => ("c-in-sync", Some(Symbol::Check), "done"),
        StepState::Failed => ("c-failed", Some(Symbol::Cross), "failed"),
        StepState::Cancelled => ("c-unknown", Some(Symbol::Stop), "cancelled"),
        StepState::Paused => ("c-attention", Some(Symbol::Pause), "paused"),
    };
    let counted = match (view.step, view.state, total) {
        (Step::Verify | Step::Precheck | Step::VerifyDocuments, ..) | (_, StepState::Waiting, _) => {
            String::new()
        }
        (_, StepState::Done, _) | (_, _, None) => format::count(done),
        (_, _, Some(total)) => format!("{} of {}", format::count(done), format::count(total)),
    };
    let progress = (view.state == StepState::Running && view.step != Step::Verify).then(|| {
        let label = view.step.label();
        match total {
            // A bar needs a whole; without one it only moves.
            Some(total) => {
                view! { <progress value=done.to_string() max=total.max(1).to_string() aria-label=label></progress> }
                    .into_any()
            }
            None => view! { <progress aria-label=label></progress> }.into_any(),
        }
    });
    let detail = match view.state {
        StepState::Waiting if view.detail.is_empty() => expectation.to_owned(),
        _ => view.detail,
    };
    let failed = view.state == StepState::Failed;
    let mark = format!("mark {class}{}", if view.state == StepState::Running { " moving" } else { "" });
    view! {
        <li class="step" class:waiting=view.state == StepState::Waiting class:failed=failed>
            <span class=mark>
                {symbol.map(|symbol| view! { <Icon symbol /> })} <span class="visually-hidden">{state}</span>
            </span>
            <h3>{view.step.label()}</h3>
            <span class="soft number">{counted}</span>
            <div class="detail">
                {(!detail.is_empty()).then(|| view! { <p>{detail}</p> })} {progress}
            </div>
        </li>
    }
}
