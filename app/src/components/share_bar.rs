//! Parts of a whole in one bar, with a table that names them and leads to what is behind each.

use leptos::prelude::*;

use crate::components::state_bar::{percent, shares};

/// One part of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its name.
    pub label: String,
    /// Whether the name is a value, printed as code.
    pub is_value: bool,
    /// Its sign: `=`, `+`, `~`, `!`, `?`.
    pub sign: char,
    /// The class that sets its colour.
    pub class: &'static str,
    /// How large it is.
    pub number: u64,
    /// What is behind the number, as addresses with their labels; the first one alone stands on the number.
    pub behind: Vec<(String, String)>,
    /// What it means.
    pub why: String,
}

/// The bar and its table.
#[component]
pub fn ShareBar(
    /// The parts.
    parts: Vec<Share>,
    /// What is counted, for screen readers.
    caption: &'static str,
) -> impl IntoView {
    let numbers: Vec<u64> = parts.iter().map(|share| share.number).collect();
    let mut x = 0;
    let bar = parts
        .iter()
        .zip(shares(&numbers))
        .filter(|(_, width)| *width > 0)
        .map(|(share, width)| {
            let left = x;
            x += width;
            let gap = (left > 0).then(|| view! { <line class="gap" y2="18" /> });
            view! {
                <svg class=format!("part {}", share.class) x=percent(left) width=percent(width) height="18">
                    <title>{format!("{}: {}", share.label, format::count(share.number))}</title>
                    <rect width="100%" height="18" />
                    {gap}
                </svg>
            }
        })
        .collect_view();
    let words: Vec<String> =
        parts.iter().map(|share| format!("{} {}", share.label, format::count(share.number))).collect();
    let rows = parts.into_iter().map(row).collect_view();
    view! {
        <svg class="state-bar" width="100%" height="18" role="img" aria-label=words.join(", ")>
            {bar}
        </svg>
        <table class="legend">
            <caption class="visually-hidden">{caption}</caption>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(share: Share) -> AnyView {
    let Share { label, is_value, sign, class, number, behind, why } = share;
    let text = format::count(number);
    let counted = match behind.as_slice() {
        [(href, _)] if number > 0 => view! { <a href=href.clone()>{text}</a> }.into_any(),
        _ => text.into_any(),
    };
    let several = (behind.len() > 1 && number > 0).then(|| {
        behind
            .into_iter()
            .map(|(href, label)| view! { <a class="value" href=href>{label}</a> " " })
            .collect_view()
    });
    let label = if is_value { view! { <code>{label}</code> }.into_any() } else { label.into_any() };
    view! {
        <tr class:faint=number == 0>
            <th scope="row">
                <span class=format!("key {class}")>
                    <i aria-hidden="true">{sign}</i>
                    {label}
                </span>
            </th>
            <td class="n">{counted}</td>
            <td class="why">{why} {several.map(|several| view! { <span class="behind">{several}</span> })}</td>
        </tr>
    }
    .into_any()
}
