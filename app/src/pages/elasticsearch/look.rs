//! What the search index holds: all documents, and those of every namespace.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use protocol::{
    AddedMetadata, DocumentNamespace, DocumentNumbers, DocumentScope, DocumentsLook, Holding, Reading,
};

use crate::{
    ApiError,
    components::{
        command::Command,
        notice::{Notice, Tone},
        share_bar::{Share, ShareBar},
        table::{Column, Table},
    },
    links,
};

/// Values that have a part of their own in a bar.
const NAMED: usize = 5;
/// Values that stand in a row of the table.
const IN_ROW: usize = 3;
/// Rows of the table before it is asked for all.
const ROWS: usize = 100;

const COLUMNS: &[Column] = &[
    Column::Text("Namespace"),
    Column::Number("Documents"),
    Column::Number("With"),
    Column::Number("Without"),
    Column::Text("Values"),
    Column::Unseen("Update"),
];

/// All documents in one bar.
#[component]
pub fn TotalsPanel(
    /// Every namespace of one moment.
    look: Result<DocumentsLook, ApiError>,
    /// All documents, which may be known where the namespaces are not.
    numbers: Reading<DocumentNumbers>,
    /// What an update adds.
    added: AddedMetadata,
    /// The index.
    index: String,
) -> impl IntoView {
    let failed = look.as_ref().err().map(ToString::to_string);
    let failed = failed.map(|error| {
        view! {
            <Notice tone=Tone::Attention title="The documents of the namespaces are unknown">
                {error}
                " Nothing is shown of a listing that did not end. An update can be previewed all the same."
            </Notice>
        }
    });
    let numbers = match (look, numbers) {
        (Ok(look), _) => Some(look.total),
        (Err(_), Reading::Known(numbers)) => Some(numbers),
        (Err(_), Reading::Unknown(_)) => None,
    };
    let body = match numbers {
        None => view! {
            <p class="big unknown">"unknown"</p>
            <p class="soft">"how many documents there are: the search index did not answer"</p>
        }
        .into_any(),
        Some(numbers) if numbers.documents == 0 => view! {
            <p class="big">"0"</p>
            <p class="soft">"documents: the index is empty, so there is nothing to update"</p>
        }
        .into_any(),
        Some(numbers) => totals(&numbers, &added),
    };
    view! {
        <section class="panel" aria-labelledby="totals">
            <header>
                <h2 id="totals">
                    "Documents with " <code>{added.key}</code>
                </h2>
                <a href=links::DOCUMENTS>{format!("look into {index}")}</a>
            </header>
            <div class="body stack">{failed} {body}</div>
        </section>
    }
    .into_any()
}

fn totals(numbers: &DocumentNumbers, added: &AddedMetadata) -> AnyView {
    let parts = parts(numbers, added, &DocumentScope::All);
    view! {
        <div>
            <p class="big">{percentage(numbers.with, numbers.documents)}</p>
            <p class="soft">
                "of "
                <a href=links::DOCUMENTS>{format::counted(numbers.documents, "document", "documents")}</a>
                " have a value"
            </p>
        </div>
        <ShareBar parts caption="Documents by what they hold under the added field" />
    }
    .into_any()
}

/// What documents hold, as parts of their number.
fn parts(numbers: &DocumentNumbers, added: &AddedMetadata, scope: &DocumentScope) -> Vec<Share> {
    let behind = |holding: Holding| vec![(links::documents(scope, &holding), String::new())];
    let mut parts = Vec::new();
    match &numbers.values {
        None => parts.push(Share {
            label: "With a value".to_owned(),
            is_value: false,
            sign: '=',
            class: "c-in-sync",
            number: numbers.with,
            behind: behind(Holding::Something),
            why: "which one cannot be counted: the field's type does not allow it".to_owned(),
        }),
        Some(values) => {
            for value in values.iter().take(NAMED) {
                let is_added = value.value == added.value;
                let (sign, class, why) = if is_added {
                    ('=', "c-in-sync", "what an update writes")
                } else {
                    ('~', "c-update", "another value: stays, unless it is lower and asked for")
                };
                parts.push(Share {
                    label: value.value.clone(),
                    is_value: true,
                    sign,
                    class,
                    number: value.documents,
                    behind: behind(Holding::Value(value.value.clone())),
                    why: why.to_owned(),
                });
            }
            let rest: u64 = values.iter().skip(NAMED).map(|value| value.documents).sum();
            let others = rest + numbers.other_values;
            if others > 0 {
                parts.push(Share {
                    label: "Further values".to_owned(),
                    is_value: false,
                    sign: '~',
                    class: "c-unknown",
                    number: others,
                    behind: values
                        .iter()
                        .skip(NAMED)
                        .map(|value| {
                            let holding = Holding::Value(value.value.clone());
                            (links::documents(scope, &holding), value.value.clone())
                        })
                        .chain([(
                            links::documents(scope, &Holding::Something),
                            "all with a value".to_owned(),
                        )])
                        .collect(),
                    why: "rarer".to_owned(),
                });
            }
        }
    }
    parts.push(Share {
        label: "Without".to_owned(),
        is_value: false,
        sign: '!',
        class: "c-attention",
        number: numbers.without(),
        behind: behind(Holding::Nothing),
        why: "an update gives them the value".to_owned(),
    });
    parts
}

/// A share with one decimal, which is 100 % only if it is all, and 0 % only if it is nothing.
fn percentage(part: u64, whole: u64) -> String {
    match part {
        0 => "0 %".to_owned(),
        _ if part >= whole => "100 %".to_owned(),
        _ => {
            let tenths = u128::from(part) * 1_000 / u128::from(whole);
            match tenths {
                0 => "under 0.1 %".to_owned(),
                _ => format!("{}.{} %", tenths / 10, tenths % 10),
            }
        }
    }
}

/// Every namespace.
#[component]
pub fn NamespacesPanel(
    /// All of one moment.
    look: DocumentsLook,
) -> impl IntoView {
    let DocumentsLook { total, namespaces, without_namespace, namespace_too_long, is_one_snapshot } = look;
    let query = use_query_map().get_untracked();
    let first = query.get("search").unwrap_or_default();
    let search = RwSignal::new(first.clone());
    let everything = RwSignal::new(query.get("rows").is_some_and(|rows| rows == "all"));
    let count = namespaces.len();
    let namespaces = StoredValue::new(namespaces);
    let found = Memo::new(move |_| {
        namespaces.with_value(|namespaces| {
            let search = search.get();
            let matching: Vec<_> =
                namespaces.iter().filter(|namespace| namespace.namespace.contains(search.trim())).collect();
            let rows = if everything.get() { usize::MAX } else { ROWS };
            (matching.len(), matching.into_iter().take(rows).cloned().collect::<Vec<_>>())
        })
    });
    let heading = move || {
        let (matching, _) = found.get();
        if matching == count {
            format::counted(count as u64, "namespace", "namespaces")
        } else {
            format!("{} of {} namespaces", format::count(matching as u64), format::count(count as u64))
        }
    };
    let more = move || {
        let (matching, shown) = found.get();
        (matching > shown.len()).then(|| {
            view! {
                <footer>
                    {format!("The first {}. ", format::count(shown.len() as u64))}
                    <a
                        href=links::with(links::ELASTICSEARCH, "rows", "all")
                        on:click=move |event| {
                            event.prevent_default();
                            everything.set(true);
                        }
                    >
                        {format!("Show all {}", format::count(matching as u64))}
                    </a>
                </footer>
            }
        })
    };
    let nothing = move || {
        found.with(|(matching, _)| *matching == 0).then(|| {
            let words =
                if count == 0 { "No document has a namespace." } else { "No namespace has such a name." };
            view! { <tr><td colspan="6" class="soft">{words}</td></tr> }
        })
    };
    let snapshot = if is_one_snapshot {
        "All numbers are of one moment."
    } else {
        "This server has no snapshots: the numbers were read one page after the other, while documents may have come and gone."
    };
    view! {
        <section class="panel" aria-labelledby="namespaces-panel">
            <header>
                <h2 id="namespaces-panel" aria-live="polite">
                    {heading}
                </h2>
                <form method="get" action=links::ELASTICSEARCH role="search" class="row search">
                    <input
                        type="search"
                        name="search"
                        class="small"
                        placeholder="Filter"
                        aria-label="Filter the namespaces"
                        value=first
                        on:input:target=move |event| search.set(event.target().value())
                    />
                    <noscript>
                        <button type="submit" class="button small">
                            "Filter"
                        </button>
                    </noscript>
                </form>
            </header>
            <Table label="Table of namespaces" columns=COLUMNS class="list cards labelled">
                <For each=move || found.get().1 key=|row| row.namespace.clone() let(row)>
                    {row_of(row)}
                </For>
                {nothing}
                {aside(
                    "without a namespace",
                    "the field is absent or empty: a scope of its own",
                    without_namespace,
                    DocumentScope::WithoutNamespace,
                )}
                {aside(
                    "namespace too long",
                    "the index keeps the name and cannot look for it: a scope of its own",
                    namespace_too_long,
                    DocumentScope::NamespaceTooLong,
                )}
                <tr class="sum-row">
                    <th scope="row">"All documents"</th>
                    {cells(&total, &DocumentScope::All)}
                    <td></td>
                </tr>
            </Table>
            {more}
            <footer class="row between">
                <span>{snapshot}</span>
                <Command line="tain elasticsearch namespaces" />
            </footer>
        </section>
    }
    .into_any()
}

fn row_of(row: DocumentNamespace) -> AnyView {
    let DocumentNamespace { namespace, numbers } = row;
    let scope = DocumentScope::Namespaces(vec![namespace.clone()]);
    let is_empty = namespace.is_empty();
    let name = links::lines(&[namespace]);
    let label = format!("Preview the update of {name}");
    view! {
        <tr>
            <th scope="row">
                <a class="mono break" href=links::documents(&scope, &Holding::Anything)>
                    {name}
                </a>
                {is_empty.then(|| view! { <small class="wrap">"the empty name: Pinecone's default namespace"</small> })}
            </th>
            {cells(&numbers, &scope)}
            <td class="num">
                <a href=format!("{}#preview", links::preview(&scope)) aria-label=label>
                    "Preview"
                </a>
            </td>
        </tr>
    }
    .into_any()
}

/// Documents that belong to no namespace that has a name here.
fn aside(name: &'static str, why: &'static str, numbers: DocumentNumbers, scope: DocumentScope) -> AnyView {
    let preview = (numbers.documents > 0).then(|| {
        let href = format!("{}#preview", links::preview(&scope));
        view! { <a href=href aria-label=format!("Preview the update: {name}")>"Preview"</a> }
    });
    view! {
        <tr class="aside-row">
            <th scope="row">
                <i>{name}</i>
                <small class="wrap">{why}</small>
            </th>
            {cells(&numbers, &scope)}
            <td class="num">{preview}</td>
        </tr>
    }
    .into_any()
}

/// Documents, with, without, values; each leads to its documents.
fn cells(numbers: &DocumentNumbers, scope: &DocumentScope) -> AnyView {
    let number = |label: &'static str, number: u64, holding: Holding, class: &'static str| {
        let text = format::count(number);
        let inner = if number > 0 {
            view! { <a href=links::documents(scope, &holding)>{text}</a> }.into_any()
        } else {
            text.into_any()
        };
        view! {
            <td class=class data-label=label>
                {inner}
            </td>
        }
    };
    let without = numbers.without();
    let values = match &numbers.values {
        None if numbers.with > 0 => view! { <span class="faint">"not countable"</span> }.into_any(),
        None => view! { <span class="faint">"–"</span> }.into_any(),
        Some(values) => {
            let hidden = values.len().saturating_sub(IN_ROW) as u64;
            let others = hidden > 0 || numbers.other_values > 0;
            let shown = values
                .iter()
                .take(IN_ROW)
                .map(|value| {
                    let text = format!("{} × {}", format::count(value.documents), value.value);
                    let href = links::documents(scope, &Holding::Value(value.value.clone()));
                    view! { <a class="value" href=href>{text}</a> " " }
                })
                .collect_view();
            let more = others.then(
                || view! { <a class="value" href=links::documents(scope, &Holding::Something)>"others"</a> },
            );
            let none = values.is_empty().then(|| view! { <span class="faint">"–"</span> });
            view! { {shown} {more} {none} }.into_any()
        }
    };
    let class = if without > 0 { "num c-attention tinted" } else { "num" };
    view! {
        {number("documents", numbers.documents, Holding::Anything, "num")}
        {number("with", numbers.with, Holding::Something, "num")}
        {number("without", without, Holding::Nothing, class)}
        <td class="values" data-label="values">
            {values}
        </td>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use protocol::ValueCount;

    use super::*;

    #[test]
    fn a_share_is_all_or_nothing_only_if_it_is() {
        assert_eq!(percentage(0, 10), "0 %");
        assert_eq!(percentage(10, 10), "100 %");
        assert_eq!(percentage(1_235_506, 1_284_310), "96.1 %");
        assert_eq!(percentage(999_999, 1_000_000), "99.9 %");
        assert_eq!(percentage(1, 1_000_000), "under 0.1 %");
    }

    #[test]
    fn the_parts_are_the_whole() {
        let value = |value: &str, documents| ValueCount { value: value.to_owned(), documents };
        let added = AddedMetadata { key: "level".to_owned(), value: "1".to_owned() };
        let numbers = DocumentNumbers {
            documents: 100,
            with: 40,
            values: Some((1..=7).map(|n| value(&n.to_string(), 5)).collect()),
            other_values: 5,
        };
        let parts = parts(&numbers, &added, &DocumentScope::All);
        assert_eq!(parts.iter().map(|part| part.number).sum::<u64>(), 100);
        assert_eq!(parts.iter().filter(|part| part.class == "c-in-sync").count(), 1);
        let further = &parts[NAMED];
        assert_eq!((further.number, further.behind.len()), (15, 3), "every value that is known has a link");
    }
}
