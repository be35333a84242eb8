//! Two runs side by side, as tables.

use std::fmt::Write;

use format::{count, difference, difference_in, one_line, span_millis, time};
use protocol::{Differences, RunComparison, RunSide};

use super::{Style, right_aligned, runs::state, table};

/// A run beside another one; says so where there is none.
pub fn comparison_report(comparison: &RunComparison, style: Style) -> String {
    let RunComparison { run, with, .. } = comparison;
    let id = &run.summary.head.id;
    let Some(with) = with else {
        return format!(
            "There is no earlier run like {id}: of the same kind, over the same namespaces, between the same indexes. \
             Name another one: tain runs compare {id} ID\n"
        );
    };
    let Differences { counts, requests, settings } = Differences::between(with, run);
    let command = &run.summary.head.request.command();
    let mut report = format!("{}  {}\n\n", style.bold(&format!("Run {id}")), one_line(command));
    report.push_str(&course(with, run, style));

    let numbers = counts.iter().map(|row| (row.what.name(), row.with, row.run)).collect::<Vec<_>>();
    report.push_str(&numbers_table("COUNT", &numbers, with, run));
    let numbers = requests.iter().map(|row| (row.what.as_str(), row.with, row.run)).collect::<Vec<_>>();
    report.push_str(&numbers_table("REQUESTS", &numbers, with, run));
    if !settings.is_empty() {
        let mut lines = table(&["SETTING", &with.summary.head.id.0, &id.0]);
        for row in &settings {
            lines.add_row([row.what.to_owned(), one_line(&row.with), one_line(&row.run)]);
        }
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(report, "{}\n", lines.trim_fmt());
    }
    if !counts.is_empty() {
        let _ = writeln!(report, "The records behind a count: tain runs records {id} COUNT");
    }
    report
}

/// How both went: state, beginning, and how long they took.
fn course(with: &RunSide, run: &RunSide, style: Style) -> String {
    let sides = [&with.summary, &run.summary];
    let [older, newer] = sides.map(|row| row.head.id.0.as_str());
    let mut lines = table(&["", older, newer, "DIFFERENCE"]);
    let mut row = |name: &str, [with, run]: [String; 2], more: String| {
        lines.add_row([name.to_owned(), with, run, more]);
    };
    row("state", sides.map(|row| state(row, style)), String::new());
    row("started", sides.map(|row| time(row.head.started_at)), String::new());
    let took = sides.map(|row| row.took());
    let more = match took {
        [Some(with), Some(run)] => difference_in(with, run, span_millis),
        _ => String::new(),
    };
    row("took", took.map(|took| took.map_or_else(|| "-".to_owned(), span_millis)), more);
    format!("{}\n\n", lines.trim_fmt().trim_start_matches('\n'))
}

fn numbers_table(name: &str, rows: &[(&str, u64, u64)], with: &RunSide, run: &RunSide) -> String {
    if rows.iter().all(|(_, with, run)| with + run == 0) {
        return String::new();
    }
    let [older, newer] = [with, run].map(|side| side.summary.head.id.0.as_str());
    let mut lines = table(&[name, older, newer, "DIFFERENCE"]);
    for &(what, with, run) in rows {
        lines.add_row([what.to_owned(), count(with), count(run), difference(with, run)]);
    }
    right_aligned(&mut lines, &[1, 2, 3]);
    format!("{}\n\n", lines.trim_fmt())
}
