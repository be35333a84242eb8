//! How a run ended, in words and numbers.

use std::fmt::Write;

use format::{bytes, count, counted, ids, one_line, time};
use protocol::{
    Category, FailedRecord, Pause, PauseReason, Reading, RecordIds, RunKind, RunRequest, RunState, RunView,
    SENT_AGAIN, TOLD_TO_SLOW_DOWN,
};

use super::{
    Style, document_runs,
    plan::{display_namespace, next_command, plan_report},
    runs::{namespaces_table, scope},
};

/// Failed records that are printed.
const FAILURES: usize = 20;

/// The first ids behind the counts that need them, ready to be printed.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Records without text.
    pub no_text: String,
    /// Records in the target only.
    pub orphans: String,
    /// Records whose access level stayed.
    pub access: String,
    /// Records that are longer than the model reads.
    pub over_long: String,
}

impl Kept {
    /// The categories that it is made of.
    pub const CATEGORIES: [Category; 4] =
        [Category::NoText, Category::Orphan, Category::Kept, Category::OverLong];

    /// Ids of a category that are asked for.
    pub const IDS: u32 = 5;

    /// From the first ids of each of [`Self::CATEGORIES`], in that order.
    pub fn new(records: &[RecordIds; 4]) -> Self {
        let [no_text, orphans, access, over_long] =
            records.each_ref().map(|records| ids(&records.ids, records.total, Self::IDS as usize));
        Self { no_text, orphans, access, over_long }
    }
}

/// Everything that is printed at the end of a run.
pub fn summary_report(view: &RunView, kept: &Kept, style: Style) -> String {
    let request = &view.head.request;
    let mut report = String::new();
    match (&view.plan, request.is_live()) {
        _ if !view.namespaces.is_empty() => write_namespaces(&mut report, view, style),
        _ if request.kind == RunKind::Documents => document_runs::write_update(&mut report, view, style),
        _ if request.kind == RunKind::Levels => document_runs::write_levels(&mut report, view, style),
        (Some(plan), false) => report.push_str(&plan_report(&view.head, plan, kept, style)),
        (None, false) => {}
        (_, true) => write_counts(&mut report, view, kept, style),
    }
    write_failures(&mut report, view, style);
    write_requests(&mut report, view, style);
    write_end(&mut report, view, style);
    report
}

/// The command that does the rest. What was written has moved the target, so no plan of before holds.
fn again(request: &RunRequest) -> String {
    RunRequest { plan: None, ..request.clone() }.command()
}

fn write_namespaces(report: &mut String, view: &RunView, style: Style) {
    let head = &view.head;
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        report,
        "{}  {} → {} ({})\n",
        style.bold(head.request.kind.label()),
        head.source,
        head.target,
        scope(&head.request)
    );
    report.push_str(&namespaces_table(&view.namespaces));
}

fn write_counts(report: &mut String, view: &RunView, kept: &Kept, style: Style) {
    let counts = &view.progress.counts;
    let head = &view.head;
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        report,
        "{}  {} → {} (namespace {})\n",
        style.bold(head.request.kind.label()),
        head.source,
        head.target,
        display_namespace(&head.request.namespace)
    );
    let updates = head.request.kind == RunKind::Mirror;
    // Until both listings have ended, these are not the whole truth, and say so.
    let so_far = if counts.listed { "" } else { " so far" };
    let mut row = |label: &str, number: u64, which: &str| {
        let which = if number == 0 || which.is_empty() { String::new() } else { format!("  ({which})") };
        let _ = writeln!(report, "  {label:<22} {:>11}{which}", count(number));
    };
    row("migrated", counts.migrated, "");
    if updates {
        row("updated", counts.updated, "");
    }
    row(&format!("{}{so_far}", head.request.kind.settled()), counts.in_sync, "");
    if !updates && counts.changed > 0 {
        row("changed, left as is", counts.changed, "");
    }
    row(&format!("without text{so_far}"), counts.no_text, &kept.no_text);
    row("failed", counts.failed - counts.documents.failed.min(counts.failed), "");
    row(&format!("in the target only{so_far}"), counts.orphans, &kept.orphans);
    if counts.kept > 0 {
        row("access level kept", counts.kept, &kept.access);
    }
    if counts.overwritten > 0 {
        row("access level replaced", counts.overwritten, "");
    }
    if counts.over_long > 0 {
        row("longer than read", counts.over_long, &kept.over_long);
    }
    if head.request.documents.is_some() {
        report.push('\n');
        document_runs::write_documents(report, view);
    }
    if counts.embedded == 0 && counts.folded == 0 && counts.reused == 0 {
        report.push_str("\nNothing was paid for.\n");
        return;
    }
    let _ = writeln!(
        report,
        "\nPaid for {} (about {}); {} took the vector of an equal text, {} kept the target's.",
        counted(counts.embedded, "embedding", "embeddings"),
        counted(counts.tokens, "token", "tokens"),
        count(counts.folded),
        count(counts.reused)
    );
}

fn write_failures(report: &mut String, view: &RunView, style: Style) {
    let failed = view.progress.counts.failed;
    if failed == 0 {
        return;
    }
    let (one, many) = nouns(view);
    let _ = writeln!(report, "\n{}", style.bad(&format!("{} failed", counted(failed, one, many))));
    for FailedRecord { id, step, message, .. } in view.failures.iter().take(FAILURES) {
        let _ = writeln!(report, "  {}  {}: {}", one_line(id), step.label(), one_line(message));
    }
    let more = failed.saturating_sub(view.failures.len().min(FAILURES) as u64);
    if more > 0 {
        let _ = writeln!(report, "  and {} more", count(more));
    }
}

/// What a run is over: one, and many.
fn nouns(view: &RunView) -> (&'static str, &'static str) {
    if view.head.request.kind == RunKind::Documents {
        ("document", "documents")
    } else {
        ("record", "records")
    }
}

fn write_requests(report: &mut String, view: &RunView, style: Style) {
    if view.progress.requests.is_empty() {
        return;
    }
    let _ = writeln!(report, "\n{}", style.dim("Requests"));
    for used in &view.progress.requests {
        let mut notes = String::new();
        if used.retried > 0 {
            let _ = write!(notes, ", {} {SENT_AGAIN}", count(used.retried));
        }
        if used.throttled > 0 {
            let _ = write!(notes, ", {} {TOLD_TO_SLOW_DOWN}", count(used.throttled));
        }
        let line = format!(
            "  {:<13} {:<10} {:>9}{notes}, {} out, {} in",
            used.service,
            used.endpoint,
            count(used.requests),
            bytes(used.bytes_sent),
            bytes(used.bytes_received)
        );
        let _ = writeln!(report, "{}", style.dim(&line));
    }
}

fn write_end(report: &mut String, view: &RunView, style: Style) {
    report.push('\n');
    let request = &view.head.request;
    if let Some(verification) = &view.verification {
        let summary = one_line(&verification.summary);
        let _ = writeln!(
            report,
            "{}",
            if verification.confirmed { style.good(&summary) } else { style.warning(&summary) }
        );
        for (side, reading) in [("source", &verification.source), ("target", &verification.target)] {
            if let Reading::Unknown(reason) = reading {
                let _ = writeln!(
                    report,
                    "{}",
                    style.warning(&format!("The {side} could not be counted: {}", one_line(reason)))
                );
            }
        }
    }
    document_runs::write_verification(report, view, style);
    match view.state {
        RunState::Done | RunState::DoneWithFailures => write_done(report, view, style),
        RunState::Cancelled => {
            let _ = writeln!(report, "{}", style.warning("Cancelled."));
            write_what_is_done(report, view);
            let _ = writeln!(report, "To begin again: {}", again(request));
        }
        RunState::Failed => {
            let error = view.error.as_deref().unwrap_or("a service failed");
            let _ = writeln!(report, "{}", style.bad(&format!("Failed: {}", one_line(error))));
            write_what_is_done(report, view);
            write_resume(report, view);
        }
        RunState::Paused => {
            let _ = writeln!(report, "{}", style.warning(&paused(view)));
            write_what_is_done(report, view);
            write_resume(report, view);
        }
        RunState::Interrupted => {
            let words = "Interrupted: the process that ran it is gone.";
            let _ = writeln!(report, "{}", style.bad(words));
            write_what_is_done(report, view);
            write_resume(report, view);
        }
        RunState::Running | RunState::Pausing | RunState::Cancelling => {
            let _ = writeln!(report, "{}", style.warning(&format!("The run is {}.", view.state.label())));
        }
    }
}

/// Why a run waits, and until when.
fn paused(view: &RunView) -> String {
    match &view.pause {
        Some(Pause { reason: PauseReason::Quota, message, until }) => {
            let when = match until {
                Some(until) => format!("it can go on at {}", time(*until)),
                None => "when it is there again is not known".to_owned(),
            };
            format!("Paused: a quota is used up ({}); {when}.", one_line(message))
        }
        Some(Pause { reason: PauseReason::Shutdown, .. }) => {
            "Stopped at a checkpoint, because tain was stopped.".to_owned()
        }
        _ => "Paused at a checkpoint.".to_owned(),
    }
}

fn write_resume(report: &mut String, view: &RunView) {
    let _ = writeln!(report, "Go on with: tain runs resume {}", view.head.id);
}

fn write_done(report: &mut String, view: &RunView, style: Style) {
    let request = &view.head.request;
    let is_over_documents = matches!(request.kind, RunKind::Documents | RunKind::Levels);
    match (&view.plan, request.is_live()) {
        (_, false) if is_over_documents => document_runs::write_what_next(report, view, style),
        (Some(plan), false) => {
            if request.kind != RunKind::Analyze {
                let _ = writeln!(report, "Dry run: nothing was written and nothing was paid for.");
            }
            if plan.has_work() {
                let _ = writeln!(report, "To carry this out: {}", next_command(request, plan));
            } else if plan.is_empty() {
                let words =
                    "Neither index has a record in this namespace; `tain namespaces` lists those that have.";
                let _ = writeln!(report, "{}", style.warning(words));
            } else if plan.unreadable == 0 {
                let _ = writeln!(report, "{}", style.good("In sync."));
            }
        }
        _ if view.state == RunState::DoneWithFailures => {
            let _ = writeln!(
                report,
                "{}\nTo try the failed ones again: tain runs retry {}",
                style.warning(&format!("Done, but not for every {}.", nouns(view).0)),
                view.head.id
            );
        }
        _ => {
            let _ = writeln!(report, "{}", style.good("Done."));
        }
    }
}

fn write_what_is_done(report: &mut String, view: &RunView) {
    if !view.head.request.is_live() {
        let _ = writeln!(report, "Nothing was written and nothing was paid for.");
        return;
    }
    if view.head.request.kind == RunKind::Documents {
        document_runs::write_what_is_done(report, view);
        return;
    }
    let counts = &view.progress.counts;
    let written = counts.migrated + counts.updated;
    let _ = writeln!(
        report,
        "{} written so far {} in the target; the next run finds them there and neither writes nor pays for them again.",
        counted(written, "record", "records"),
        if written == 1 { "is" } else { "are" }
    );
}
