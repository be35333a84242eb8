//! The counts of a namespace on both sides, and what they say.

use leptos::prelude::*;
use protocol::{NamespaceRow, Namespaces, Reading};

use crate::components::{Read, namespace_name};

/// One namespace of a list. One that is not listed does not exist where the list could be read, and is unknown where it
/// could not.
pub fn find(namespaces: &Namespaces, name: &str) -> NamespaceRow {
    let name = namespace_name(name);
    if let Some(row) = namespaces.rows.iter().find(|row| row.name == name) {
        return row.clone();
    }
    let absent = |of: Option<&Reading<Option<u64>>>| match of {
        Some(Reading::Unknown(why)) => Reading::Unknown(why.clone()),
        Some(Reading::Known(_)) => Reading::Known(None),
        // An empty list says nothing of a side that could not be read.
        None if namespaces.problems.is_empty() => Reading::Known(None),
        None => Reading::Unknown(namespaces.problems.join("; ")),
    };
    let other = namespaces.rows.first();
    NamespaceRow {
        name: name.to_owned(),
        source: absent(other.map(|row| &row.source)),
        target: absent(other.map(|row| &row.target)),
        documents: other.and_then(|row| row.documents.as_ref()).map(|of| absent(Some(of))),
    }
}

/// The namespaces with most records, in either index.
pub fn largest(rows: &[NamespaceRow], number: usize) -> Vec<NamespaceRow> {
    let records = |reading: &Reading<Option<u64>>| reading.known().copied().flatten().unwrap_or(0);
    let mut rows: Vec<&NamespaceRow> = rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(records(&row.source).max(records(&row.target))));
    rows.into_iter().take(number).cloned().collect()
}

/// Target minus source; unknown where one of them is.
pub fn difference_cell(row: &NamespaceRow) -> AnyView {
    match row.counts() {
        Some((source, target)) => format::difference(source, target).into_any(),
        None => view! { <span class="unknown">"unknown"</span> }.into_any(),
    }
}

/// The cells of a namespace in a table: both counts and their difference.
pub fn count_cells(row: &NamespaceRow) -> AnyView {
    view! {
        <td class="num">
            <Read reading=row.source.clone() absent="none" />
        </td>
        <td class="num">
            <Read reading=row.target.clone() absent="none" />
        </td>
        <td class="num">{difference_cell(row)}</td>
    }
    .into_any()
}

/// Which sides are asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Sides {
    /// Source and target.
    #[default]
    Both,
    /// The source alone.
    Source,
    /// The target alone.
    Target,
}

impl Sides {
    /// All of them: the word in the address, and on the page.
    pub const ALL: [(&'static str, &'static str, Self); 3] = [
        ("both", "Source and target", Self::Both),
        ("source", "Source", Self::Source),
        ("target", "Target", Self::Target),
    ];

    /// The side of a word; both for any other.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|side| side.0 == word).map_or(Self::Both, |side| side.2)
    }

    /// Whether the source is asked about.
    pub const fn source(self) -> bool {
        matches!(self, Self::Both | Self::Source)
    }

    /// Whether the target is asked about.
    pub const fn target(self) -> bool {
        matches!(self, Self::Both | Self::Target)
    }
}

/// What the counts say, in words. `names` are those of the source and of the target.
pub fn in_words(row: &NamespaceRow, sides: Sides, names: (&str, &str)) -> String {
    let one = |name: &str, reading: &Reading<Option<u64>>| match reading {
        Reading::Known(Some(count)) => {
            format!("It exists in {name}, with {}.", format::counted(*count, "record", "records"))
        }
        Reading::Known(None) => {
            format!("{name} has no namespace of this name. An empty one does not exist either.")
        }
        Reading::Unknown(why) => format!("Whether {name} has it is not known: {why}."),
    };
    let (source, target) = names;
    match sides {
        Sides::Source => return one(source, &row.source),
        Sides::Target => return one(target, &row.target),
        Sides::Both => {}
    }
    match (&row.source, &row.target) {
        (Reading::Known(Some(here)), Reading::Known(Some(there))) if here == there => {
            "Both indexes have it, with equal counts. That does not yet mean equal records: an analysis compares them.".to_owned()
        }
        (Reading::Known(Some(here)), Reading::Known(Some(there))) if there < here => format!(
            "Both indexes have it; {target} has {} than {source}. Which ones, and which have changed, an analysis says.",
            format::counted(here - there, "record less", "records less")
        ),
        (Reading::Known(Some(here)), Reading::Known(Some(there))) => format!(
            "Both indexes have it; {target} has {} than {source}. So at least that many are in the target only.",
            format::counted(there - here, "record more", "records more")
        ),
        (Reading::Known(Some(_)), Reading::Known(None)) => {
            format!("Only {source} has it: nothing of it is mirrored yet.")
        }
        (Reading::Known(None), Reading::Known(Some(_))) => {
            format!("Only {target} has it: there is nothing to mirror, and its records are left alone.")
        }
        (Reading::Known(None), Reading::Known(None)) => {
            "Neither index has a namespace of this name. Look at its spelling: all of them are listed below.".to_owned()
        }
        (source_side, target_side) => {
            let unknown = [(source, source_side), (target, target_side)]
                .into_iter()
                .filter_map(|(name, reading)| match reading {
                    Reading::Unknown(why) => Some(format!("{name} is not known: {why}")),
                    Reading::Known(_) => None,
                })
                .collect::<Vec<_>>();
            format!("The count of {}. Unknown is not none: nothing can be said of the difference.", unknown.join("; that of "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, source: Reading<Option<u64>>, target: Reading<Option<u64>>) -> NamespaceRow {
        NamespaceRow { name: name.to_owned(), source, target, documents: None }
    }

    fn known(count: u64) -> Reading<Option<u64>> {
        Reading::Known(Some(count))
    }

    fn unread() -> Reading<Option<u64>> {
        Reading::Unknown("it did not answer".to_owned())
    }

    #[test]
    fn what_is_not_listed_is_absent_only_where_the_list_was_read() {
        let rows = vec![row("a", known(3), unread())];
        let problems = vec!["the target could not be read".to_owned()];
        let namespaces = Namespaces { rows, problems };
        assert_eq!(find(&namespaces, "a").source, known(3));
        let absent = find(&namespaces, "");
        assert_eq!(
            (absent.name.as_str(), absent.source, absent.target),
            ("__default__", Reading::Known(None), unread())
        );
        let nothing = Namespaces { rows: Vec::new(), problems: vec!["no key".to_owned()] };
        assert_eq!(find(&nothing, "a").source, Reading::Unknown("no key".to_owned()));
    }

    #[test]
    fn the_difference_is_said_in_words_and_unknown_is_not_none() {
        let words = |source, target| in_words(&row("a", source, target), Sides::Both, ("old", "new"));
        assert!(words(known(1_500), known(300)).contains("new has 1,200 records less than old"));
        assert!(words(known(3), known(4)).contains("1 record more"));
        assert!(words(known(3), known(3)).contains("does not yet mean equal records"));
        assert!(words(known(3), Reading::Known(None)).contains("nothing of it is mirrored"));
        assert!(words(known(3), unread()).contains("Unknown is not none"));
        let alone = in_words(&row("a", known(3), unread()), Sides::Source, ("old", "new"));
        assert_eq!(alone, "It exists in old, with 3 records.");
    }

    #[test]
    fn the_largest_come_first() {
        let rows = [row("a", known(1), known(9)), row("b", unread(), known(2)), row("c", known(5), unread())];
        let names: Vec<String> = largest(&rows, 2).into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["a", "c"]);
    }
}
