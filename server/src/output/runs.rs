//! Runs as rows and as a page.

use std::fmt::Write;

use format::{count, one_line, time};
use protocol::{NamespaceRun, PauseReason, RunRequest, RunState, RunSummary, RunView};

use super::{Style, right_aligned, table};

/// The namespaces that a request is about, in words.
pub fn scope(request: &RunRequest) -> String {
    let Some(patterns) = &request.namespaces else {
        return one_line(&request.scope_label());
    };
    let mut words = "all namespaces".to_owned();
    if !patterns.include.is_empty() {
        words.push_str(&format!(" like {}", patterns.include.join(", ")));
    }
    if !patterns.exclude.is_empty() {
        words.push_str(&format!(" but {}", patterns.exclude.join(", ")));
    }
    one_line(&words)
}

/// A table of runs.
pub fn runs_table(rows: &[RunSummary], style: Style) -> String {
    let mut lines = table(&["ID", "KIND", "NAMESPACE", "STATE", "STARTED", "WRITTEN", "FAILED"]);
    for row in rows {
        let request = &row.head.request;
        let written = row.counts.migrated + row.counts.updated + row.counts.documents.updated;
        lines.add_row([
            row.head.id.to_string(),
            kind(request),
            scope(request),
            state(row, style),
            time(row.head.started_at),
            if request.is_live() { count(written) } else { "-".to_owned() },
            count(row.counts.failed),
        ]);
    }
    right_aligned(&mut lines, &[5, 6]);
    lines.trim_fmt()
}

fn kind(request: &RunRequest) -> String {
    let dry = if request.dry_run && !request.kind.only_reads() { ", dry" } else { "" };
    let retry = if request.retry.is_some() { ", retry" } else { "" };
    format!("{}{dry}{retry}", request.kind.label())
}

pub(super) fn state(row: &RunSummary, style: Style) -> String {
    let label = row.state.label();
    match row.state {
        RunState::Done => style.good(label),
        RunState::Failed | RunState::Interrupted => style.bad(label),
        RunState::DoneWithFailures => style.warning(label),
        RunState::Paused => {
            let reason = row.pause.as_ref().map(|pause| pause.reason);
            let why = if reason == Some(PauseReason::Quota) { ": quota" } else { "" };
            style.warning(&format!("{label}{why}"))
        }
        _ => label.to_owned(),
    }
}

/// What stands above the summary of a run that is shown later.
pub fn run_title(view: &RunView, style: Style) -> String {
    let head = &view.head;
    let mut title = String::new();
    // Writing to a string cannot fail.
    let _ =
        writeln!(title, "{}  {}", style.bold(&format!("Run {}", head.id)), one_line(&head.request.command()));
    let ended = view.finished_at.map(|at| format!(", until {}", time(at))).unwrap_or_default();
    let _ = writeln!(title, "{} since {}{ended}\n", view.state.label(), time(head.started_at));
    title
}

/// The namespaces of a run over several.
pub fn namespaces_table(rows: &[NamespaceRun]) -> String {
    let mut lines = table(&["  NAMESPACE", "STATE", "MIGRATED", "UPDATED", "IN SYNC", "FAILED", "RUN"]);
    for row in rows {
        let state = match (row.state, &row.error) {
            (Some(state), _) => state.label(),
            (None, Some(_)) => "not started",
            (None, None) => "waiting",
        };
        lines.add_row([
            format!("  {}", one_line(&row.namespace)),
            state.to_owned(),
            count(row.counts.migrated),
            count(row.counts.updated),
            count(row.counts.in_sync),
            count(row.counts.failed),
            row.run.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        ]);
    }
    right_aligned(&mut lines, &[2, 3, 4, 5]);
    let mut text = lines.trim_fmt();
    text.push('\n');
    for row in rows {
        if let Some(error) = &row.error {
            let _ = writeln!(text, "  {}: {}", one_line(&row.namespace), one_line(error));
        }
    }
    text
}
