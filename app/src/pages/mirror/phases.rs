//! From the analysis to the verified counts. The run that the address names says where one stands.

use leptos::prelude::*;
use leptos_meta::Title;
use protocol::{Plan, RunHead, RunKind, RunState, RunView};

use crate::{
    clock::Ago,
    components::{
        counters::Counters,
        failures::Failures,
        log::Log,
        namespace_name,
        notice::{Notice, Tone},
        plan::PlanPanels,
        requests::Requests,
        run_body::{Commands, LinkNotice, Outcome, RunActions, RunBody, RunPill, TimeLeft},
        start::{StartBar, options_of, work_of},
        stepper::{Stage, Stepper},
        steps::Steps,
    },
    links,
    live::{self, Live},
    pages::{mirror::Way, run::Ended},
};

/// Where a run stands on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The analysis is at work, or did not end well.
    Analyzing,
    /// The analysis has left a plan.
    Planned,
    /// The run is at work.
    Running,
    /// A dry run has ended and says what a live one would do.
    Rehearsed,
    /// A run broke off: it failed or was cancelled.
    BrokenOff,
    /// A live run has ended.
    Ended,
}

impl Phase {
    fn of(view: &RunView) -> Self {
        let ended_well = matches!(view.state, RunState::Done | RunState::DoneWithFailures);
        let planned = ended_well && view.plan.is_some();
        let request = &view.head.request;
        // What a re-embedding analyzes with is a dry run of its own; one that executes a plan is a rehearsal.
        let analyzes = match request.kind {
            RunKind::Analyze => true,
            RunKind::Reembed => request.dry_run && request.plan.is_none(),
            RunKind::Mirror | RunKind::Documents | RunKind::Levels => false,
        };
        match (analyzes, request.dry_run) {
            (true, _) if planned => Self::Planned,
            (true, _) => Self::Analyzing,
            _ if view.state.is_live() => Self::Running,
            _ if !ended_well => Self::BrokenOff,
            (_, true) if planned => Self::Rehearsed,
            _ => Self::Ended,
        }
    }

    const fn stage(self) -> Stage {
        match self {
            Self::Analyzing => Stage::Analyze,
            Self::Planned => Stage::Plan,
            Self::Running | Self::Rehearsed | Self::BrokenOff => Stage::Run,
            Self::Ended => Stage::End,
        }
    }
}

/// The address of the form, filled in as it was for this run.
fn scope_address(head: &RunHead) -> String {
    let request = &head.request;
    let way = Way::of(request.kind);
    let mut address = way.of_namespace(&request.namespace);
    if way == Way::Mirror {
        address.push_str(&format!("&reuse={}", request.reuse.as_str()));
    }
    if let Some(size) = request.batch_size {
        address.push_str(&format!("&batch_size={size}"));
    }
    if request.overwrite_added {
        address.push_str("&overwrite_added=true");
    }
    address
}

/// The page of a run on the way.
#[component]
pub fn Phases(view: RunView) -> impl IntoView {
    let head = view.head.clone();
    let live = live::follow(view);
    let phase = Memo::new(move |_| live.view.with(Phase::of));
    let namespace = namespace_name(&head.request.namespace).to_owned();
    let way = Way::of(head.request.kind);
    let verb = way.kind().label();
    let options = options_of(&head.request);
    let scope = scope_address(&head);
    let at = head.started_at;
    let subtitle = move || match phase.get() {
        Phase::Analyzing => view! { "Analysis started " <Ago at /> " · it reads only" }.into_any(),
        Phase::Planned => {
            let at = live.view.with(|view| view.finished_at.unwrap_or(at));
            view! { "Analyzed " <Ago at /> " · nothing has been written or paid for" }.into_any()
        }
        Phase::Running => view! { "Started " <Ago at /> " · " <TimeLeft live /> }.into_any(),
        Phase::Rehearsed => {
            view! { "Dry run " <Ago at /> " · nothing has been written or paid for" }.into_any()
        }
        Phase::BrokenOff | Phase::Ended => view! { "Started " <Ago at /> " · " <Ended live /> }.into_any(),
    };
    // What a reader has scrolled and opened stays as it is when a run ends: only a plan is another page.
    let plan_of = Memo::new(move |_| match phase.get() {
        Phase::Planned => Some(false),
        Phase::Rehearsed => Some(true),
        Phase::Analyzing | Phase::Running | Phase::BrokenOff | Phase::Ended => None,
    });
    let body = move || match plan_of.get() {
        Some(rehearsed) => view! { <PlanStep live rehearsed /> }.into_any(),
        None => view! { <RunBody live /> }.into_any(),
    };
    view! {
        <Title text=format!("{verb} {namespace}") />
        <header class="head">
            <div>
                <h1>{verb} " " <span class="mono break">{namespace}</span></h1>
                <p class="soft">{subtitle}</p>
                {(!options.is_empty())
                    .then(|| {
                        view! {
                            <p class="row">
                                {options.into_iter().map(|word| view! { <span class="tag">{word}</span> }).collect_view()}
                            </p>
                        }
                    })}
            </div>
            <div class="row">
                <RunPill live />
                <a class="button" href=links::run(&head.id)>
                    "Run page"
                </a>
                <RunActions live />
            </div>
        </header>
        {move || view! { <Stepper at=phase.get().stage() end=way.end() scope=Some(scope.clone()) /> }}
        <LinkNotice live />
        <Outcome live />
        {body}
    }
}

/// The plan, what it takes, and the bar that starts it.
#[component]
fn PlanStep(live: Live, rehearsed: bool) -> impl IntoView {
    // A finished run does not change any more.
    let (head, plan) = live.view.with_untracked(|view| (view.head.clone(), view.plan.clone()));
    let way = Way::of(head.request.kind);
    // The dry run of a re-embedding is its analysis: the next step is the live one.
    let rehearsed_by_now = rehearsed || way == Way::Reembed;
    plan.map(|plan| {
        let rehearsal = (rehearsed && plan.has_work()).then(|| {
            view! {
                <Notice tone=Tone::Info title="The dry run is done">
                    "A live run would do what stands below. Nothing was paid for and nothing was written."
                </Notice>
            }
        });
        let in_sync = (!plan.has_work()).then(|| view! { <NothingToDo way plan=plan.clone() /> });
        let bar = plan.has_work().then(|| {
            let work = work_of(head.request.kind, plan.missing, plan.changed);
            view! { <StartBar head=head.clone() plan=plan.hash.clone() work dry_run=!rehearsed_by_now /> }
        });
        view! {
            {rehearsal}
            {in_sync}
            <PlanPanels head plan />
            <details class="unfolds">
                <summary>"How it was analyzed"</summary>
                <div class="stack wide">
                    <Counters live />
                    <Steps live />
                    <Requests live />
                    <Log live />
                </div>
            </details>
            <Failures live />
            <Commands live />
            {bar}
        }
    })
}

/// Says that there is nothing to do, and what that does not cover.
#[component]
fn NothingToDo(way: Way, plan: Plan) -> impl IntoView {
    let mut beside = Vec::new();
    if plan.no_text > 0 {
        beside.push(format!(
            "{} no text and cannot be embedded",
            format::counted(plan.no_text, "record has", "records have")
        ));
    }
    if plan.orphans > 0 {
        beside.push(format!(
            "{} only in the target and left alone",
            format::counted(plan.orphans, "record is", "records are")
        ));
    }
    let beside =
        if beside.is_empty() { String::new() } else { format!(" Beside that, {}.", beside.join("; ")) };
    if plan.is_empty() {
        return view! {
            <Notice tone=Tone::Attention title="Nothing there">
                "Neither index has a record in this namespace. Look at its name: the list of namespaces is on the first step."
            </Notice>
        }
        .into_any();
    }
    if way == Way::Reembed {
        return view! {
            <Notice tone=Tone::Good title="Nothing to migrate">
                {format!(
                    "{} in the target already. Whether their metadata is equal was not looked at: Namespace Mirroring does that.{beside}",
                    format::counted(plan.in_sync, "record is", "records are"),
                )}
            </Notice>
        }
        .into_any();
    }
    view! {
        <Notice tone=Tone::Good title="In sync">
            {format!(
                "{} in the target with equal metadata. There is nothing to start.{beside}",
                format::counted(plan.in_sync, "record is", "records are"),
            )}
        </Notice>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::counters::tests::running;

    #[test]
    fn a_run_says_where_one_stands() {
        let mut view = running();
        assert_eq!(Phase::of(&view), Phase::Running);
        view.state = RunState::Done;
        assert_eq!(Phase::of(&view).stage(), Stage::End);
        view.state = RunState::Failed;
        assert_eq!(Phase::of(&view), Phase::BrokenOff);
        assert_eq!(Phase::of(&view).stage(), Stage::Run, "what broke off was not verified");
        view.head.request.kind = RunKind::Analyze;
        assert_eq!(Phase::of(&view), Phase::Analyzing, "a failed analysis has no plan to show");
    }

    #[test]
    fn a_reembedding_analyzes_with_a_dry_run() {
        let mut view = running();
        view.head.request = Way::Reembed.analysis("ns".to_owned());
        assert_eq!(Phase::of(&view), Phase::Analyzing);
        view.head.request.plan = Some("7c41".to_owned());
        assert_eq!(Phase::of(&view), Phase::Running, "it rehearses a plan");
        assert_eq!(scope_address(&view.head), "/reembed?namespace=ns");
    }

    #[test]
    fn the_form_comes_back_as_it_was() {
        let mut view = running();
        view.head.request.batch_size = Some(25);
        view.head.request.overwrite_added = true;
        assert_eq!(
            scope_address(&view.head),
            "/mirror?namespace=ns&reuse=proven&batch_size=25&overwrite_added=true"
        );
    }
}
