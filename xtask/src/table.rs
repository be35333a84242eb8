//! The one table that a benchmark prints.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

/// A row: what was measured, the figure, the budget, and the numbers behind the figure.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The figure.
    pub figure: f64,
    /// Its unit; empty for a ratio.
    pub unit: &'static str,
    /// What it may be at most; `None` where there is no budget.
    pub budget: Option<f64>,
    /// The numbers behind it.
    pub from: String,
}

/// Prints rows as a Markdown table on stdout.
///
/// # Errors
///
/// Nobody reads stdout.
pub fn print(rows: &[Row]) -> io::Result<()> {
    io::stdout().lock().write_all(render(rows).as_bytes())
}

/// Says on stderr what is being measured.
pub fn say(what: &str) {
    // Whoever has closed stderr does not want to know.
    let _unread = writeln!(io::stderr(), "bench: {what}");
}

fn render(rows: &[Row]) -> String {
    let mut text = "| measured | figure | budget | | from |\n|---|---:|---:|---|---|\n".to_owned();
    for Row { what, figure, unit, budget, from } in rows {
        let (limit, verdict) = match budget {
            Some(budget) if figure <= budget => (format!("≤ {budget}{unit}"), "within"),
            Some(budget) => (format!("≤ {budget}{unit}"), "**over**"),
            None => ("–".to_owned(), ""),
        };
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "| {what} | {figure:.2}{unit} | {limit} | {verdict} | {from} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_it_is_within_its_budget() {
        let row =
            |figure, budget| Row { what: "w".to_owned(), figure, unit: "", budget, from: "f".to_owned() };
        let text = render(&[row(1.5, Some(1.5)), row(1.6, Some(1.5)), row(2.0, None)]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines[0], "| w | 1.50 | ≤ 1.5 | within | f |");
        assert_eq!(lines[1], "| w | 1.60 | ≤ 1.5 | **over** | f |");
        assert_eq!(lines[2], "| w | 2.00 | – |  | f |");
    }
}
