//! The state of a namespace in one bar: in sync, to migrate, to update, without text, only in the target. A pure function
//! of the counts, so that server and browser draw the same.

use leptos::prelude::*;
use protocol::{Category, Counts, Plan, RunId};

use crate::components::{Count, look};

/// How many records of a namespace are what. All count records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// On both sides, equal.
    pub in_sync: u64,
    /// In the source only, with text.
    pub missing: u64,
    /// On both sides, different, with text.
    pub changed: u64,
    /// Missing or changed, without text.
    pub no_text: u64,
    /// Listed, but not returned when read.
    pub unreadable: u64,
    /// In the target only.
    pub orphans: u64,
}

impl From<&Plan> for StateCounts {
    fn from(plan: &Plan) -> Self {
        let Plan { in_sync, missing, changed, no_text, unreadable, orphans, .. } = *plan;
        Self { in_sync, missing, changed, no_text, unreadable, orphans }
    }
}

impl From<&Counts> for StateCounts {
    /// As a run left it: what it wrote is in sync now.
    fn from(counts: &Counts) -> Self {
        Self {
            in_sync: counts.in_sync + counts.migrated + counts.updated,
            missing: counts.missing.saturating_sub(counts.migrated),
            changed: counts.changed.saturating_sub(counts.updated),
            no_text: counts.no_text,
            unreadable: counts.unreadable,
            orphans: counts.orphans,
        }
    }
}

impl StateCounts {
    /// The segments in the order of the bar, each with what becomes of its records. Unreadable records are named only
    /// where there are some.
    fn segments(self) -> Vec<(Category, u64, &'static str)> {
        let mut segments = vec![
            (Category::InSync, self.in_sync, "no action"),
            (Category::Missing, self.missing, "in the source only · phase A"),
            (Category::Changed, self.changed, "metadata differs · phase B"),
            (Category::NoText, self.no_text, "cannot be embedded, will be skipped"),
            (Category::Failed, self.unreadable, "listed, but not returned when read"),
            (Category::Orphan, self.orphans, "left alone"),
        ];
        segments.retain(|segment| segment.0 != Category::Failed || segment.1 > 0);
        segments
    }

    /// The categories whose records stand in a list of the run that left these counters. What a live run wrote is in
    /// other lists than what it found in sync, so that the sum of them, and what is left of the others, has none.
    pub fn listed(self, counts: &Counts) -> Vec<Category> {
        let segments = self.segments().into_iter();
        segments.filter(|segment| segment.0.count(counts) == segment.1).map(|segment| segment.0).collect()
    }

    /// All numbers in one sentence, for screen readers.
    fn in_words(self) -> String {
        let words: Vec<String> = self
            .segments()
            .into_iter()
            .map(|(category, number, _)| {
                format!("{} {}", look(category).label.to_lowercase(), format::count(number))
            })
            .collect();
        words.join(", ")
    }
}

/// The widths of segments in thousandths of the bar. One that is not empty is at least 12 wide, so that one record among
/// a million is still seen on a telephone; the widest one gives what that takes.
pub fn shares(numbers: &[u64]) -> Vec<u64> {
    const LEAST: u64 = 12;
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
    // Rounding and the least width are settled with the widest one.
    let sum: u64 = shares.iter().sum();
    if let Some(widest) = shares.iter_mut().max() {
        *widest = (*widest + 1_000).saturating_sub(sum);
    }
    shares
}

/// Thousandths as a percentage for an SVG attribute.
pub fn percent(thousandths: u64) -> String {
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// The bar alone. Beside its colour every segment has its sign, as far as there is room, and what nobody will write is
/// hatched.
fn bar(state: StateCounts) -> AnyView {
    /// From this width on a segment holds its sign, in thousandths.
    const ROOM: u64 = 45;
    let segments = state.segments();
    let widths = shares(&segments.iter().map(|segment| segment.1).collect::<Vec<_>>());
    let mut x = 0;
    let parts = segments
        .into_iter()
        .zip(widths)
        .filter(|(_, width)| *width > 0)
        .map(|((category, number, _), width)| {
            let look = look(category);
            let left = x;
            x += width;
            // An inner SVG clips the slanted lines at its edges; a pattern would need an id of its own on every page.
            let hatch = matches!(category, Category::NoText | Category::Orphan | Category::Failed).then(
                || view! { <line class="hatch" x1="-12" x2="120%" y1="9" y2="9" transform="skewX(-40)" /> },
            );
            let sign = (width >= ROOM).then(|| view! { <text x="50%" y="13">{look.sign}</text> });
            let gap = (left > 0).then(|| view! { <line class="gap" y2="18" /> });
            view! {
                <svg class=format!("part {}", look.class) x=percent(left) width=percent(width) height="18">
                    <title>{format!("{}: {}", look.label, format::count(number))}</title>
                    <rect width="100%" height="18" />
                    {hatch}
                    {sign}
                    {gap}
                </svg>
            }
        })
        .collect_view();
    let label = if x == 0 { "no records on either side".to_owned() } else { state.in_words() };
    view! {
        <svg class="state-bar" width="100%" height="18" role="img" aria-label=label>
            {parts}
        </svg>
    }
    .into_any()
}

/// A number that leads to its records, if there is a run that has them.
fn number(run: Option<RunId>, category: Category, number: u64) -> AnyView {
    match run {
        Some(run) => view! { <Count run category number /> }.into_any(),
        None => format::count(number).into_any(),
    }
}

/// The sign and the name of a category.
fn key(category: Category) -> AnyView {
    let look = look(category);
    view! {
        <span class=format!("key {}", look.class)>
            <i aria-hidden="true">{look.sign}</i>
            {look.label}
        </span>
    }
    .into_any()
}

/// The bar with a legend of one line, for lists and cards.
#[component]
pub fn StateBar(
    /// What was counted: a plan, or the counters of a run.
    #[prop(into)]
    state: StateCounts,
    /// The run that counted; the legend leads to its records.
    #[prop(into, optional)]
    run: Option<RunId>,
    /// The categories whose records the run has a list of.
    #[prop(default = Category::ALL.to_vec())]
    lists: Vec<Category>,
) -> impl IntoView {
    let legend = state
        .segments()
        .into_iter()
        .map(|(category, amount, _)| {
            let run = run.clone().filter(|_| lists.contains(&category));
            view! { <li class:faint=amount == 0>{key(category)} " " <b>{number(run, category, amount)}</b></li> }
        })
        .collect_view();
    view! {
        <div class="state">
            {bar(state)} <ul class="state-legend" aria-label="Records by what has to be done with them">
                {legend}
            </ul>
        </div>
    }
    .into_any()
}

/// The bar with a table that also says what becomes of the records: for a plan.
#[component]
pub fn StateTable(
    /// What was counted: a plan, or the counters of a run.
    #[prop(into)]
    state: StateCounts,
    /// The run that counted; the table leads to its records.
    #[prop(into, optional)]
    run: Option<RunId>,
) -> impl IntoView {
    let rows = state
        .segments()
        .into_iter()
        .map(|(category, amount, why)| {
            view! {
                <tr>
                    <th scope="row">{key(category)}</th>
                    <td class="n">{number(run.clone(), category, amount)}</td>
                    <td class="why">{why}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        {bar(state)}
        <table class="legend">
            <caption class="visually-hidden">"Records by what has to be done with them"</caption>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
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

    #[test]
    fn what_a_run_wrote_is_in_sync() {
        let counts =
            Counts { in_sync: 10, missing: 4, migrated: 3, changed: 2, updated: 2, ..Counts::default() };
        let state = StateCounts::from(&counts);
        assert_eq!((state.in_sync, state.missing, state.changed), (15, 1, 0));
    }

    #[test]
    fn unreadable_records_are_named_where_there_are_some() {
        assert_eq!(
            StateCounts { in_sync: 16_870, ..StateCounts::default() }.in_words(),
            "in sync 16,870, to migrate 0, to update 0, no text 0, only in target 0"
        );
        assert!(StateCounts { unreadable: 2, ..StateCounts::default() }.in_words().contains("failed 2"));
    }
}
