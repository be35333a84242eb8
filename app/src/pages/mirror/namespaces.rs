//! The namespaces of both indexes with their counts.

use leptos::prelude::*;
use protocol::{NamespacePatterns, NamespaceRow, Namespaces, Reading};

use crate::{
    components::{
        namespace_name,
        notice::{Empty, Notice, Tone},
        table::{Column, Table},
    },
    pages::{check::counts::count_cells, mirror::Way},
};

/// How many namespaces the table shows; typing narrows them down.
const SHOWN: usize = 50;

const COLUMNS: &[Column] = &[
    Column::Text("Namespace"),
    Column::Number("Source"),
    Column::Number("Target"),
    Column::Number("Difference"),
];

/// Which namespaces the table lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// All.
    All,
    /// Those whose name holds this text; all, if none does.
    Named(String),
    /// Those that a run over several takes: in the source, and matching.
    Matching(NamespacePatterns),
}

/// The rows that are chosen.
pub fn select<'a>(rows: &'a [NamespaceRow], chosen: &Chosen) -> Vec<&'a NamespaceRow> {
    match chosen {
        Chosen::All => rows.iter().collect(),
        Chosen::Named(text) => {
            let matching: Vec<_> = rows.iter().filter(|row| row.name.contains(text.trim())).collect();
            // A name that leads nowhere leaves the whole list, so that one finds what is there.
            if matching.is_empty() { rows.iter().collect() } else { matching }
        }
        Chosen::Matching(patterns) => rows
            .iter()
            .filter(|row| row.source != Reading::Known(None) && patterns.matches(&row.name))
            .collect(),
    }
}

/// The counts of a namespace on both sides: `source 18,120 · target unknown`.
pub fn sides(row: &NamespaceRow) -> String {
    let side = |reading: &Reading<Option<u64>>| match reading {
        Reading::Known(Some(number)) => format::count(*number),
        Reading::Known(None) => "none".to_owned(),
        Reading::Unknown(_) => "unknown".to_owned(),
    };
    format!("source {} · target {}", side(&row.source), side(&row.target))
}

/// What is known of the namespace that stands in the field.
pub fn hint(rows: &[NamespaceRow], namespace: &str) -> String {
    let name = namespace_name(namespace);
    match rows.iter().find(|row| row.name == name) {
        Some(row) if row.source == Reading::Known(None) => {
            format!("{}: not in the source, so there is nothing to mirror", sides(row))
        }
        Some(row) => sides(row),
        None if namespace.is_empty() => "Empty: the default namespace".to_owned(),
        None if rows.is_empty() => "As it is called in the source".to_owned(),
        None => "Not among the namespaces of either index".to_owned(),
    }
}

/// The namespaces of both indexes; each leads into the form.
#[component]
pub fn NamespaceTable(
    /// Which form.
    way: Way,
    /// Them.
    namespaces: Namespaces,
    /// Which are listed.
    #[prop(into)]
    chosen: Signal<Chosen>,
) -> impl IntoView {
    let Namespaces { rows, problems } = namespaces;
    let all_read = problems.is_empty();
    let unknown = (!all_read).then(|| {
        view! {
            <Notice tone=Tone::Attention title="Not everything could be read">
                <ul class="plain">
                    {problems.into_iter().map(|problem| view! { <li>{problem}</li> }).collect_view()}
                </ul>
            </Notice>
        }
    });
    // Nobody knows of a namespace: that there is none is known only where both sides were read.
    if rows.is_empty() && !all_read {
        return unknown.into_any();
    }
    if rows.is_empty() {
        return view! {
            {unknown}
            <Empty title="No namespace yet">
                <p class="soft">"The namespaces of both indexes will be listed here, with their counts."</p>
            </Empty>
        }
        .into_any();
    }
    let total = rows.len();
    let rows = StoredValue::new(rows);
    let found = Memo::new(move |_| {
        rows.with_value(|rows| {
            let found = chosen.with(|chosen| select(rows, chosen));
            (found.len(), found.into_iter().take(SHOWN).cloned().collect::<Vec<_>>())
        })
    });
    let header = move || {
        let (matching, shown) = found.get();
        if shown.len() == total {
            format::count(total as u64)
        } else {
            format!(
                "{} of {}",
                format::count(shown.len() as u64),
                format::count(matching.max(shown.len()) as u64)
            )
        }
    };
    view! {
        {unknown}
        <section class="panel" aria-labelledby="all-namespaces">
            <header>
                <h2 id="all-namespaces">"Namespaces"</h2>
                <span class="soft">{header}</span>
            </header>
            <Table label="Table of namespaces" columns=COLUMNS>
                <For each=move || found.get().1 key=|row| row.name.clone() let(row)>
                    <tr>
                        <td>
                            <a class="mono break" href=way.of_namespace(&row.name)>
                                {row.name.clone()}
                            </a>
                        </td>
                        {count_cells(&row)}
                    </tr>
                </For>
            </Table>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, source: Reading<Option<u64>>) -> NamespaceRow {
        NamespaceRow {
            name: name.to_owned(),
            source,
            target: Reading::Unknown("it did not answer".to_owned()),
            documents: None,
        }
    }

    #[test]
    fn the_hint_tells_unknown_from_none() {
        let rows = [row("a", Reading::Known(Some(1_200))), row("__default__", Reading::Known(None))];
        assert_eq!(hint(&rows, "a"), "source 1,200 · target unknown");
        assert!(hint(&rows, "").contains("not in the source"));
        assert!(hint(&rows, "b").starts_with("Not among"));
        assert!(hint(&[], "b").starts_with("As it is called"));
    }

    #[test]
    fn a_run_over_several_takes_what_the_source_holds_and_a_pattern_matches() {
        let unread = Reading::Unknown("it did not answer".to_owned());
        let rows = [row("a1", Reading::Known(Some(1))), row("a2", Reading::Known(None)), row("a3", unread)];
        let names =
            |chosen| select(&rows, &chosen).into_iter().map(|row| row.name.as_str()).collect::<Vec<_>>();
        let matching =
            |include: &str| NamespacePatterns { include: vec![include.to_owned()], exclude: Vec::new() };
        assert_eq!(
            names(Chosen::Matching(matching("a*"))),
            ["a1", "a3"],
            "what cannot be read is not absent"
        );
        assert!(names(Chosen::Matching(matching("b*"))).is_empty());
        assert_eq!(names(Chosen::Named("b".to_owned())).len(), 3);
    }
}
