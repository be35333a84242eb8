//! In how many records which metadata key differs, as bars: `~` changed, `+` only in the source, `-` only in the target.

use leptos::prelude::*;
use protocol::KeyChanges;

use crate::components::{
    state_bar::percent,
    table::{Column, Table},
};

const COLUMNS: &[Column] = &[
    Column::Text("Key"),
    Column::Unseen("Picture"),
    Column::Number("~ changed"),
    Column::Number("+ only in source"),
    Column::Number("- only in target"),
];

/// The kinds of a key's changes: how many, sign, class.
const fn kinds(key: &KeyChanges) -> [(u64, char, &'static str); 3] {
    [(key.changed, '~', "c-update"), (key.added, '+', "c-in-sync"), (key.removed, '-', "c-failed")]
}

fn total(key: &KeyChanges) -> u64 {
    kinds(key).iter().map(|kind| kind.0).sum()
}

/// A share of the longest bar in thousandths of its width; what is there is at least 12 wide.
fn width(number: u64, longest: u64) -> u64 {
    match number.checked_mul(1_000).and_then(|number| number.checked_div(longest)) {
        _ if number == 0 => 0,
        Some(width) => width.clamp(12, 1_000),
        None => 1_000,
    }
}

/// The bars of one key. The numbers stand beside them, so they are a picture and no more.
fn bars(key: &KeyChanges, longest: u64) -> AnyView {
    /// From this width on a bar holds its sign, in thousandths.
    const ROOM: u64 = 90;
    let mut x = 0;
    let bars = kinds(key)
        .into_iter()
        .filter(|kind| kind.0 > 0)
        .map(|(number, sign, class)| {
            let (left, width) = (x, width(number, longest).min(1_000 - x));
            x += width;
            view! {
                <svg class=format!("part {class}") x=percent(left) width=percent(width) height="14">
                    <rect width="100%" height="14" />
                    {(width >= ROOM).then(|| view! { <text x="50%" y="11">{sign}</text> })}
                    {(left > 0).then(|| view! { <line class="gap" y2="14" /> })}
                </svg>
            }
        })
        .collect_view();
    view! {
        <svg class="key-bar" width="100%" height="14" aria-hidden="true">
            {bars}
        </svg>
    }
    .into_any()
}

/// The panel with the keys, those that differ most first.
#[component]
pub fn KeyBars(
    /// The keys.
    keys: Vec<KeyChanges>,
) -> impl IntoView {
    let mut keys = keys;
    // Stable: keys that differ equally often stay in the order of their names.
    keys.sort_by_key(|key| std::cmp::Reverse(total(key)));
    let longest = keys.first().map_or(0, total);
    let number = |number: u64, class: &'static str| {
        let class = if number == 0 { "num faint".to_owned() } else { format!("num {class} tinted") };
        view! { <td class=class>{format::count(number)}</td> }
    };
    let rows = keys
        .into_iter()
        .map(|key| {
            let picture = bars(&key, longest);
            let numbers = kinds(&key).map(|(amount, _, class)| number(amount, class)).collect_view();
            view! {
                <tr>
                    <th scope="row" class="mono break">
                        {key.key}
                    </th>
                    <td class="picture">{picture}</td>
                    {numbers}
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="keys">
            <header>
                <h2 id="keys">"Keys that differ"</h2>
                <span class="soft">"in how many records"</span>
            </header>
            <Table label="Table of keys" columns=COLUMNS class="list compact keys" region="scroll tall">
                {rows}
            </Table>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_a_share_of_the_longest_one_and_is_seen() {
        assert_eq!([0, 1, 50, 100].map(|number| width(number, 100)), [0, 12, 500, 1_000]);
        assert_eq!(width(1, u64::MAX), 12);
        assert_eq!(width(u64::MAX, u64::MAX), 1_000);
        assert_eq!(width(0, 0), 0);
    }
}
