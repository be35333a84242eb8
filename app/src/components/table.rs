//! Tables that scroll in a region of their own, so that the page never does.

use leptos::prelude::*;

/// The head of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Words, at the start of their cells.
    Text(&'static str),
    /// Numbers, at the end of their cells.
    Number(&'static str),
    /// Says itself what it is; its name is for screen readers.
    Unseen(&'static str),
}

/// A table with one row of heads. The children are its rows.
#[component]
pub fn Table(
    /// What it lists, for screen readers; unlike every other one of its page.
    #[prop(into)]
    label: String,
    /// Its columns, in order.
    columns: &'static [Column],
    /// The classes of the table.
    #[prop(default = "list")]
    class: &'static str,
    /// The classes of the region around it.
    #[prop(default = "scroll")]
    region: &'static str,
    /// The rows.
    children: Children,
) -> impl IntoView {
    let heads = columns
        .iter()
        .map(|&column| match column {
            Column::Text(name) => view! { <th scope="col">{name}</th> }.into_any(),
            Column::Number(name) => view! {
                <th scope="col" class="num">
                    {name}
                </th>
            }
            .into_any(),
            Column::Unseen(name) => view! {
                <th scope="col">
                    <span class="visually-hidden">{name}</span>
                </th>
            }
            .into_any(),
        })
        .collect_view();
    // Focusable, so that the keyboard can scroll it.
    view! {
        <section class=region tabindex="0" aria-label=label>
            <table class=class>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </section>
    }
}
