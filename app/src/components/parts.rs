//! The state of a namespace in one bar; the table under it is its legend and its data.

use leptos::prelude::*;
use protocol::{Category, Plan, RunId};

use crate::{
    components::{Count, look},
    format,
};

/// The parts of a bar in thousandths of its width. A part that is not empty is at least 6 wide, so that one record among
/// a million is still seen; the widest parts give what that takes.
pub fn shares(numbers: &[u64]) -> Vec<u64> {
    const LEAST: u64 = 6;
    let total: u128 = numbers.iter().map(|&number| u128::from(number)).sum();
    if total == 0 {
        return vec![0; numbers.len()];
    }
    let mut shares: Vec<u64> = numbers
        .iter()
        .map(|&number| match number {
            0 => 0,
            _ => u64::try_from(u128::from(number) * 1_000 / total).unwrap_or(1_000).max(LEAST),
        })
        .collect();
    // Rounding and the least width are settled with the widest part.
    let sum: u64 = shares.iter().sum();
    if let Some(widest) = shares.iter_mut().max() {
        *widest = (*widest + 1_000).saturating_sub(sum);
    }
    shares
}

/// Thousandths as a percentage for an SVG attribute.
fn percent(thousandths: u64) -> String {
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// The bar and its table.
#[component]
pub fn Parts(
    /// The run that counted.
    run: RunId,
    /// What it counted.
    plan: Plan,
) -> impl IntoView {
    let mut rows = vec![
        (Category::InSync, plan.in_sync, "no action"),
        (Category::Missing, plan.missing, "in the source only · phase A"),
        (Category::Changed, plan.changed, "metadata differs · phase B"),
        (Category::NoText, plan.no_text, "cannot be embedded, will be skipped"),
    ];
    if plan.unreadable > 0 {
        rows.push((Category::Failed, plan.unreadable, "listed, but not returned when read"));
    }
    rows.push((Category::Orphan, plan.orphans, "left alone"));

    let widths = shares(&rows.iter().map(|row| row.1).collect::<Vec<_>>());
    let mut x = 0;
    let bars = rows
        .iter()
        .zip(widths)
        .filter(|(_, width)| *width > 0)
        .map(|(&(category, ..), width)| {
            let left = percent(x);
            x += width;
            let fill = if category == Category::Orphan { "part hatched" } else { "part" };
            view! {
                <rect class=format!("{fill} {}", look(category).class) x=left width=percent(width) height="16" />
            }
        })
        .collect_view();
    let label = rows
        .iter()
        .map(|&(category, number, _)| {
            format!("{} {}", look(category).label.to_lowercase(), format::count(number))
        })
        .collect::<Vec<_>>()
        .join(", ");
    let legend = rows
        .into_iter()
        .map(|(category, number, why)| {
            let look = look(category);
            view! {
                <tr>
                    <th scope="row">
                        <span class=format!("key {}", look.class)>
                            <i aria-hidden="true">{look.sign}</i>
                            {look.label}
                        </span>
                    </th>
                    <td class="n">
                        <Count run=run.clone() category number />
                    </td>
                    <td class="why">{why}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <svg class="parts" width="100%" height="16" role="img" aria-label=label>
            <defs>
                <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                    <rect class="hatch-line" width="3" height="6" />
                </pattern>
            </defs>
            {bars}
        </svg>
        <table class="legend">
            <caption class="visually-hidden">"Records by what has to be done with them"</caption>
            <tbody>{legend}</tbody>
        </table>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fill_the_bar_and_hide_nobody() {
        for numbers in
            [vec![16_870, 1_012, 192, 46, 547], vec![1, 0, 0], vec![1_000_000, 1, 1, 1, 1, 1], vec![3, 3, 3]]
        {
            let shares = shares(&numbers);
            assert_eq!(shares.iter().sum::<u64>(), 1_000, "{numbers:?}");
            for (number, share) in numbers.iter().zip(&shares) {
                assert_eq!(*number == 0, *share == 0, "{numbers:?}");
            }
        }
        assert_eq!(shares(&[0, 0]), [0, 0]);
        assert_eq!(shares(&[u64::MAX, u64::MAX]), [500, 500]);
    }
}
