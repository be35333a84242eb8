//! What the command line prints: results on stdout, progress and diagnostics on stderr.

mod compare;
mod document_runs;
mod documents;
mod plan;
mod progress;
mod runs;
mod summary;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

pub use compare::comparison_report;
pub use documents::{findings_report, look_report, preview_report, search_index_report};
pub use plan::{display_namespace, plan_report};
pub use progress::Progress;
pub use runs::{run_title, runs_table, scope};
pub use summary::{Kept, summary_report};

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// One JSON object a line.
    pub json: bool,
    /// No progress.
    pub quiet: bool,
    /// Colour on stdout.
    pub color: bool,
    /// Whether stderr is a terminal that a progress bar can be drawn on.
    pub live: bool,
}

impl Style {
    /// What suits the terminals that stdout and stderr are, or are not.
    pub fn new(json: bool, quiet: bool, no_color: bool) -> Self {
        Self {
            json,
            quiet,
            color: !json && !no_color && io::stdout().is_terminal(),
            live: !json && !quiet && io::stderr().is_terminal(),
        }
    }

    /// The text, bold where there is colour.
    pub fn bold(self, text: &str) -> String {
        self.paint(text, "1")
    }

    /// The text in the colour of what is well.
    pub fn good(self, text: &str) -> String {
        self.paint(text, "32")
    }

    /// The text in the colour of what needs a look.
    pub fn warning(self, text: &str) -> String {
        self.paint(text, "33")
    }

    /// The text in the colour of what failed.
    pub fn bad(self, text: &str) -> String {
        self.paint(text, "31")
    }

    /// The text, less bright.
    pub fn dim(self, text: &str) -> String {
        self.paint(text, "2")
    }

    fn paint(self, text: &str, code: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Writes lines to stdout.
///
/// # Errors
///
/// Whatever stdout says; `BrokenPipe` where the reader has gone, which is no failure of tain's.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}

/// Writes one JSON object as a line to stdout.
///
/// # Errors
///
/// As [`print`].
pub fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(&serde_json::to_string(value)?)
}

/// Writes a line to stderr. That it cannot be written is no reason to stop.
pub fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// A table with its columns as wide as they need to be: no frame, so that it can be read by `awk` too.
pub fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.iter().map(comfy_table::Cell::new));
    table
}

/// Aligns the columns of numbers.
pub fn right_aligned(table: &mut comfy_table::Table, columns: &[usize]) {
    for &column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
}
