//! `tain namespaces` and `tain check`: how much every side holds.

use std::cmp::Ordering;

use pinecone::Namespace;
use protocol::{NamespaceRow, Reading};
use serde::Serialize;

use super::Context;
use crate::{
    connections::COMMAND_PATIENCE,
    exit::{Exit, Failure},
    namespaces,
    output::{note, print, print_json, right_aligned, table},
};

/// Prints the namespaces of both indexes, and of the search index where one is configured.
///
/// # Errors
///
/// A setting that is missing or cannot be used.
pub async fn namespaces(context: &Context) -> Result<Exit, Failure> {
    let connections = context.connections()?;
    connections.require_pinecone_key()?;
    let sides = namespaces::read(&connections, COMMAND_PATIENCE).await;
    let names = connections.all_names();
    let namespaces = sides.compare(names);
    if context.style.json {
        for row in &namespaces.rows {
            print_json(row)?;
        }
    } else {
        let [source, target, search] = names;
        let mut header = vec!["NAMESPACE", source, target, "DIFFERENCE"];
        if sides.documents.is_some() {
            header.push(search);
        }
        let mut lines = table(&header);
        for row in &namespaces.rows {
            let mut cells =
                vec![format::one_line(&row.name), side(&row.source), side(&row.target), difference_text(row)];
            cells.extend(row.documents.as_ref().map(side));
            lines.add_row(cells);
        }
        right_aligned(&mut lines, &[1, 2, 3, 4]);
        print(&lines.trim_fmt())?;
    }
    Ok(report(&namespaces.problems, Exit::Done))
}

/// Prints the counts of one namespace and their difference.
///
/// # Errors
///
/// A setting that is missing or cannot be used, or a namespace that cannot exist.
pub async fn check(context: &Context, namespace: &str) -> Result<Exit, Failure> {
    let namespace = Namespace::parse(namespace).map_err(|error| Failure::usage(error.to_string()))?;
    let connections = context.connections()?;
    connections.require_pinecone_key()?;
    let sides = namespaces::read(&connections, COMMAND_PATIENCE).await;
    let row = sides.row(namespace.as_str());
    let names = connections.all_names();
    if context.style.json {
        print_json(&Check { row: &row, difference: row.difference() })?;
    } else {
        let [source, target, search] = names;
        let mut lines = table(&["", "INDEX", "HOLDS"]);
        lines.add_row(["source", source, &records(&row.source)]);
        lines.add_row(["target", target, &records(&row.target)]);
        if let Some(documents) = &row.documents {
            lines.add_row(["Elasticsearch", search, &side_with(documents, ["document", "documents"])]);
        }
        right_aligned(&mut lines, &[2]);
        print(&format!(
            "Namespace {}\n{}\n{}",
            format::one_line(&row.name),
            lines.trim_fmt(),
            verdict(&row)
        ))?;
    }
    let found = match row.difference() {
        // A name that neither index knows is most likely misspelt.
        _ if is_nowhere(&row) => Exit::Usage,
        Some(0) => Exit::Done,
        _ => Exit::Differences,
    };
    Ok(report(&sides.problems(names), found))
}

#[derive(Serialize)]
struct Check<'a> {
    #[serde(flatten)]
    row: &'a NamespaceRow,
    /// Target minus source; null where one of them is unknown.
    difference: Option<i128>,
}

fn report(problems: &[String], otherwise: Exit) -> Exit {
    for problem in problems {
        note(&format!("error: {}", format::one_line(problem)));
    }
    if problems.is_empty() { otherwise } else { Exit::ServiceFailed }
}

/// A count, `none` where the namespace does not exist, `unknown` where the index did not answer: three things.
fn side(reading: &Reading<Option<u64>>) -> String {
    match reading {
        Reading::Known(Some(records)) => format::count(*records),
        Reading::Known(None) => "none".to_owned(),
        Reading::Unknown(_) => "unknown".to_owned(),
    }
}

/// The same with its noun, for one and for many: `18,120 records`.
fn side_with(reading: &Reading<Option<u64>>, [one, many]: [&str; 2]) -> String {
    match reading {
        Reading::Known(Some(number)) => format::counted(*number, one, many),
        other => side(other),
    }
}

fn records(reading: &Reading<Option<u64>>) -> String {
    side_with(reading, ["record", "records"])
}

/// Whether neither index has the namespace.
fn is_nowhere(row: &NamespaceRow) -> bool {
    matches!((&row.source, &row.target), (Reading::Known(None), Reading::Known(None)))
}

/// Target minus source, as the app shows it.
fn difference_text(row: &NamespaceRow) -> String {
    row.counts().map_or_else(|| "unknown".to_owned(), |(source, target)| format::difference(source, target))
}

fn verdict(row: &NamespaceRow) -> String {
    let Some((source, target)) = row.counts() else {
        return "Unknown: one of the indexes did not answer.".to_owned();
    };
    if is_nowhere(row) {
        return "The namespace exists in neither index.".to_owned();
    }
    let more = |records| format::counted(records, "record", "records");
    let what = match source.cmp(&target) {
        Ordering::Equal => "Both hold the same number of records".to_owned(),
        Ordering::Greater => format!("The source holds {} more", more(source - target)),
        Ordering::Less => format!("The target holds {} more", more(target - source)),
    };
    format!("{what}; `tain analyze {}` compares them one by one.", format::one_line(&row.name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::namespaces::Sides;

    const NAMES: [&str; 3] = ["old", "new", "search"];

    fn counts(namespaces: &[(&str, u64)]) -> Reading<BTreeMap<String, u64>> {
        Reading::Known(namespaces.iter().map(|(name, records)| ((*name).to_owned(), *records)).collect())
    }

    #[test]
    fn the_union_of_both_sides_is_listed() {
        let (source, target) = (counts(&[("a", 1), ("c", 2)]), counts(&[("b", 3), ("a", 4)]));
        let rows = Sides { source, target, documents: None }.compare(NAMES).rows;
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_str(), side(&row.source), side(&row.target), difference_text(row)))
            .collect();
        let expected = [("a", "1", "4", "+3"), ("b", "none", "3", "+3"), ("c", "2", "none", "−2")];
        let expected = expected.map(|(name, source, target, difference)| {
            (name, source.to_owned(), target.to_owned(), difference.to_owned())
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn unknown_is_not_zero() {
        let target = Reading::Unknown("no answer".to_owned());
        let sides = Sides { source: counts(&[("a", 0)]), target, documents: None };
        let namespaces = sides.compare(NAMES);
        assert_eq!(side(&namespaces.rows[0].source), "0");
        assert_eq!(side(&namespaces.rows[0].target), "unknown");
        assert_eq!(namespaces.rows[0].difference(), None);
        assert_eq!(namespaces.problems, ["the target new could not be read: no answer"]);
        assert!(verdict(&namespaces.rows[0]).starts_with("Unknown"));
    }
}
