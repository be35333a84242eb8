//! What the services were asked for, endpoint by endpoint.

use leptos::prelude::*;

use crate::{
    components::table::{Column, Table},
    live::Live,
};

const COLUMNS: &[Column] = &[
    Column::Text("Endpoint"),
    Column::Number("Requests"),
    Column::Number("Sent again"),
    Column::Number("Told to slow down"),
    Column::Number("Sent"),
    Column::Number("Received"),
];

/// A table that opens on demand.
#[component]
pub fn Requests(
    /// The run.
    live: Live,
) -> impl IntoView {
    let uses = Memo::new(move |_| live.view.with(|view| view.progress.requests.clone()));
    let total =
        Memo::new(move |_| uses.with(|uses| uses.iter().map(|endpoint| endpoint.requests).sum::<u64>()));
    let rows = move || {
        uses.get()
            .into_iter()
            .map(|endpoint| {
                view! {
                    <tr>
                        <th scope="row">{format!("{} {}", endpoint.service, endpoint.endpoint)}</th>
                        <td class="num">{format::count(endpoint.requests)}</td>
                        <td class="num">{format::count(endpoint.retried)}</td>
                        <td class="num">{format::count(endpoint.throttled)}</td>
                        <td class="num">{format::bytes(endpoint.bytes_sent)}</td>
                        <td class="num">{format::bytes(endpoint.bytes_received)}</td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <details class="panel">
            <summary>
                <h2>"Requests"</h2>
                <span class="soft">{move || format::count(total.get())}</span>
            </summary>
            <Table label="Requests by endpoint" columns=COLUMNS>
                {rows}
            </Table>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_are_the_words_of_the_command_line() {
        let heads: Vec<String> = COLUMNS
            .iter()
            .filter_map(|column| match column {
                Column::Number(head) => Some(head.to_lowercase()),
                _ => None,
            })
            .collect();
        assert_eq!(heads[1..3], [protocol::SENT_AGAIN, protocol::TOLD_TO_SLOW_DOWN]);
    }
}
