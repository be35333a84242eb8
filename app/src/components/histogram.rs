//! How long the texts are that a run embeds, with the length up to which the model reads them.

use leptos::prelude::*;
use protocol::{Category, RunId, TextLengths};

use crate::components::{Count, state_bar::percent};

/// Height of the drawing in units of its own.
const HEIGHT: u64 = 100;

/// One bar of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    /// The shortest text in it, in tokens.
    from: u64,
    /// The longest; `None` where there is no end.
    to: Option<u64>,
    /// How many texts.
    number: u64,
}

/// The bars from the shortest text to the longest, or to the limit if that is longer: where the limit is, is the point.
fn bars(lengths: &TextLengths) -> Vec<Bar> {
    let bounds = TextLengths::BOUNDS;
    let bars: Vec<Bar> = lengths
        .buckets
        .iter()
        .enumerate()
        .map(|(index, &number)| Bar {
            from: index.checked_sub(1).and_then(|before| bounds.get(before)).map_or(0, |bound| bound + 1),
            to: bounds.get(index).copied(),
            number,
        })
        .collect();
    let first = bars.iter().position(|bar| bar.number > 0);
    let last = bars.iter().rposition(|bar| bar.number > 0);
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let limit = bars.partition_point(|bar| bar.to.is_some_and(|to| to < lengths.limit));
    bars[first.min(limit)..=last.max(limit).min(bars.len() - 1)].to_vec()
}

/// `up to 16`, `17 to 24`, `above 16,384`: in tokens.
fn range(bar: &Bar) -> String {
    match bar.to {
        Some(to) if bar.from == 0 => format!("up to {}", format::count(to)),
        Some(to) => format!("{} to {}", format::count(bar.from), format::count(to)),
        None => format!("above {}", format::count(bar.from.saturating_sub(1))),
    }
}

/// The panel with the distribution; nothing where there are no texts.
#[component]
pub fn TextLengthPanel(
    /// The lengths.
    lengths: TextLengths,
    /// Records whose text is longer than the model reads.
    over_long: u64,
    /// The run that measured them.
    run: RunId,
) -> impl IntoView {
    let limit = lengths.limit;
    let bars = bars(&lengths);
    let total: u64 = bars.iter().map(|bar| bar.number).sum();
    let most = bars.iter().map(|bar| bar.number).max().unwrap_or(0);
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return ().into_any() };
    let (shortest, longest) = (first.from, last.to.unwrap_or(last.from));
    // Every bar has the same share of the width: the lengths double along the axis.
    let share = |index: usize| index as u64 * 1_000 / bars.len().max(1) as u64;
    let drawn = bars
        .iter()
        .enumerate()
        .map(|(index, bar)| {
            let (x, next) = (share(index), share(index + 1));
            // One text among a million is still seen.
            let height =
                if bar.number == 0 { 0 } else { (bar.number.saturating_mul(HEIGHT) / most.max(1)).max(2) };
            let class = if bar.from > limit { "bar c-attention" } else { "bar c-migrate" };
            view! {
                <rect class=class x=percent(x) y=HEIGHT - height width=percent((next - x).saturating_sub(4)) height=height>
                    <title>
                        {format!("{} tokens: {}", range(bar), format::counted(bar.number, "text", "texts"))}
                    </title>
                </rect>
            }
        })
        .collect_view();
    // After the last bar, where no text is longer.
    let end = (last.to == Some(limit)).then_some(bars.len());
    let mark = bars.iter().position(|bar| bar.from > limit).or(end).map(|index| {
        let x = share(index).saturating_sub(2);
        // On the side that has room.
        let (anchor, dx) = if x > 500 { ("end", "-5") } else { ("start", "5") };
        view! {
            <line class="limit" x1=percent(x) x2=percent(x) y1="-14" y2=HEIGHT />
            <text x=percent(x) y="-5" dx=dx text-anchor=anchor>
                {format!("limit {}", format::count(limit))}
            </text>
        }
    });
    let label = format!(
        "{} by their length, from {} to {} tokens; {} longer than the {} that the model reads",
        format::counted(total, "text", "texts"),
        format::count(shortest),
        format::count(longest),
        format::count(over_long),
        format::count(limit)
    );
    let rows = bars
        .iter()
        .map(|bar| {
            view! {
                <tr>
                    <th scope="row">{range(bar)} {(bar.from > limit).then_some(", longer than the model reads")}</th>
                    <td>{format::count(bar.number)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="lengths">
            <header>
                <h2 id="lengths">"Text lengths"</h2>
                <span class="soft">"in tokens, estimated"</span>
            </header>
            <div class="body stack">
                <div class="histogram">
                    <svg width="100%" height="100" role="img" aria-label=label>
                        {drawn}
                        {mark}
                    </svg>
                    <div class="along" aria-hidden="true">
                        <span>{format::count(shortest)}</span>
                        <span>{range(last)}</span>
                    </div>
                </div>
                <p class="soft">
                    {format!("The model reads {} tokens. ", format::count(limit))}
                    {if over_long == 0 {
                        "No text is longer.".into_any()
                    } else {
                        view! {
                            <Count run category=Category::OverLong number=over_long />
                            {if over_long == 1 { " text is longer: its end does not count." } else { " texts are longer: their ends do not count." }}
                        }
                            .into_any()
                    }}
                </p>
                <table class="visually-hidden">
                    <caption>"Texts by their length in tokens"</caption>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(limit: u64, tokens: &[u64]) -> TextLengths {
        let mut lengths = TextLengths { limit, ..TextLengths::default() };
        for &tokens in tokens {
            lengths.add(tokens);
        }
        lengths
    }

    #[test]
    fn the_picture_reaches_from_the_shortest_text_to_the_longest_or_the_limit() {
        let ends = |limit, tokens: &[u64]| {
            let bars = bars(&lengths(limit, tokens));
            (bars.first().map(range), bars.last().map(range))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(ends(2_048, &[100, 300]), (some("97 to 128"), some("1,537 to 2,048")));
        assert_eq!(ends(2_048, &[10, 20_000]), (some("up to 16"), some("above 16,384")));
        assert_eq!(ends(2_048, &[5_000]), (some("1,537 to 2,048"), some("4,097 to 6,144")));
        assert_eq!(ends(2_048, &[]), (None, None));
        assert_eq!(ends(100_000, &[5]), (some("up to 16"), some("above 16,384")));
    }
}
