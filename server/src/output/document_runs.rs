//! Runs over the documents of the search index, in words and numbers.

use std::fmt::Write;

use format::{count, counted, one_line};
use protocol::{Category, DocumentCounts, RunKind, RunRequest, RunView};

use super::{Style, runs::scope};

/// What an update did to documents, or would do.
pub fn write_update(report: &mut String, view: &RunView, style: Style) {
    let head = &view.head;
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        report,
        "{}  {} at {} ({})\n",
        style.bold(head.request.kind.label()),
        one_line(&head.target),
        one_line(&head.source),
        scope(&head.request)
    );
    write_documents(report, view);
}

/// The counters of documents.
pub fn write_documents(report: &mut String, view: &RunView) {
    let DocumentCounts {
        in_scope,
        to_update,
        left_out,
        updated,
        already,
        kept,
        unindexed,
        gone,
        failed,
        unrecorded,
    } = view.progress.counts.documents;
    let is_live = view.head.request.is_live();
    let mut row = |label: &str, number: u64, always: bool| {
        if always || number > 0 {
            let _ = writeln!(report, "  {label:<22} {:>11}", count(number));
        }
    };
    row("documents in scope", in_scope, true);
    row(Category::DocumentsToUpdate.of_update(), to_update, true);
    if is_live {
        row(Category::DocumentsUpdated.of_update(), updated, true);
        row(Category::DocumentsAlready.of_update(), already, false);
        row("done before", unrecorded, false);
        row(Category::DocumentsKept.of_update(), kept, true);
        row(Category::DocumentsGone.of_update(), gone, false);
        row(Category::Failed.of_update(), failed, true);
    }
    row("left: another value", left_out, true);
    row("left: not indexed", unindexed, false);
}

/// How the levels of records and documents compare.
pub fn write_levels(report: &mut String, view: &RunView, style: Style) {
    let (head, counts) = (&view.head, &view.progress.counts);
    let _ = writeln!(
        report,
        "{}  {} and {} (namespace {})\n",
        style.bold(head.request.kind.label()),
        one_line(&head.source),
        one_line(&head.target),
        scope(&head.request)
    );
    for (label, number) in [
        ("records in the target", counts.source_listed),
        ("equal", counts.in_sync),
        ("different", counts.changed),
        ("without a document", counts.missing),
    ] {
        let _ = writeln!(report, "  {label:<22} {:>11}", count(number));
    }
    if counts.gone > 0 {
        let _ = writeln!(report, "  {:<22} {:>11}", "deleted meanwhile", count(counts.gone));
    }
}

/// The documents after the run, and what explains the difference.
pub fn write_verification(report: &mut String, view: &RunView, style: Style) {
    let Some(verification) = &view.documents else { return };
    let summary = one_line(&format!("Documents: {}", verification.summary));
    let line = if verification.confirmed { style.good(&summary) } else { style.warning(&summary) };
    let _ = writeln!(report, "{line}");
}

/// What an ended comparison, or a dry run, leads to.
pub fn write_what_next(report: &mut String, view: &RunView, style: Style) {
    let (request, counts) = (&view.head.request, &view.progress.counts);
    if request.kind == RunKind::Levels {
        match counts.changed + counts.missing {
            0 => {
                let _ = writeln!(report, "{}", style.good("In sync."));
            }
            differ => {
                let _ = writeln!(
                    report,
                    "{} in the search index. Which: tain runs records {} to-update (different), or to-migrate (no document)",
                    style.warning(&format!("{} differ", counted(differ, "record", "records"))),
                    view.head.id
                );
            }
        }
        return;
    }
    report.push_str("Dry run: nothing was written.\n");
    if counts.documents.to_update > 0 {
        let live = RunRequest { dry_run: false, ..request.clone() };
        let _ = writeln!(report, "To carry this out: {}", live.command());
    }
}

/// What a run that stopped before its end has done.
pub fn write_what_is_done(report: &mut String, view: &RunView) {
    let updated = view.progress.counts.documents.updated;
    let _ = writeln!(
        report,
        "{} hold the value by this run; the next one finds them done.",
        counted(updated, "document", "documents")
    );
}
