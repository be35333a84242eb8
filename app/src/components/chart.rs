//! Texts embedded a minute, as a curve under its limit. A pure function of the points, so that server and browser draw
//! the same.

use std::fmt::Write as _;

use leptos::prelude::*;
use protocol::RatePoint;

use crate::{format, live::Live};

const LEFT: u64 = 40;
const RIGHT: u64 = 316;
const TOP: u64 = 16;
const BOTTOM: u64 = 116;
/// The rate is taken over this many milliseconds, so that one batch does not look like a storm.
const WINDOW: u64 = 5_000;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Drawing {
    /// The curve as an SVG path; empty until there are two points.
    curve: String,
    /// The curve closed along the axis.
    area: String,
    /// The largest value of the axis.
    top: u64,
    /// The height of the limit's line.
    limit: u64,
    /// Milliseconds that the curve spans.
    span: u64,
    /// The newest value.
    newest: u64,
}

/// Texts a minute at every point, over the window before it.
fn per_minute(points: &[RatePoint]) -> Vec<(u64, u64)> {
    points
        .iter()
        .enumerate()
        .skip(1)
        .map(|(index, point)| {
            let before = &points[..index];
            let from =
                before.iter().find(|earlier| earlier.at + WINDOW >= point.at).unwrap_or(&points[index - 1]);
            let millis = point.at.saturating_sub(from.at).max(1);
            (point.at, point.embedded.saturating_sub(from.embedded) * 60_000 / millis)
        })
        .collect()
}

/// The next number above that reads well on an axis: 1, 2 or 5 times a power of ten, or three times a thousand.
fn round_up(number: u64) -> u64 {
    let mut power = 1;
    loop {
        for factor in [1, 2, 3, 5] {
            if number <= power * factor {
                return power * factor;
            }
        }
        power *= 10;
    }
}

fn draw(points: &[RatePoint], limit: u64) -> Drawing {
    let values = per_minute(points);
    let highest = values.iter().map(|value| value.1).max().unwrap_or(0);
    let top = round_up(highest.max(limit).max(10));
    let height = |value: u64| BOTTOM - value.min(top) * (BOTTOM - TOP) / top;
    let (start, end) = match (values.first(), values.last()) {
        (Some(first), Some(last)) => (first.0, last.0),
        _ => (0, 0),
    };
    let span = end - start;
    let mut curve = String::new();
    for (index, (at, value)) in values.iter().enumerate() {
        // Tenths of a unit of width, so that a hundred points do not fall on each other. Without a span there is no curve.
        let Some(x) = ((at - start) * (RIGHT - LEFT) * 10).checked_div(span) else { break };
        let x = x + LEFT * 10;
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(curve, "{command}{}.{} {}", x / 10, x % 10, height(*value));
    }
    let area =
        if curve.is_empty() { String::new() } else { format!("{curve}L{RIGHT} {BOTTOM}L{LEFT} {BOTTOM}Z") };
    Drawing { curve, area, top, limit: height(limit), span, newest: values.last().map_or(0, |value| value.1) }
}

/// `3k`, `1.5k`, `500`.
fn short(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ if number.is_multiple_of(1_000) => format!("{}k", number / 1_000),
        _ => format!("{}.{}k", number / 1_000, number % 1_000 / 100),
    }
}

/// The panel with the curve.
#[component]
pub fn RateChart(
    /// The run.
    live: Live,
) -> impl IntoView {
    let limit = live.view.with_untracked(|view| view.head.texts_per_minute);
    let drawing = Memo::new(move |_| live.view.with(|view| draw(&view.rate, limit)));
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let label = move || {
        let drawing = drawing.get();
        if drawing.curve.is_empty() {
            "No texts embedded yet".to_owned()
        } else {
            format!(
                "Texts embedded a minute over {}: {} at the end, limit {}",
                format::span(drawing.span / 1_000),
                format::count(drawing.newest),
                format::count(limit)
            )
        }
    };
    let oldest = move || {
        let span = format::span(drawing.get().span / 1_000);
        if over.get() { format!("{span} before") } else { format!("{span} ago") }
    };
    view! {
        <section class="panel" aria-labelledby="rate">
            <header>
                <h2 id="rate">"Texts embedded"</h2>
                <span class="soft">"per minute"</span>
            </header>
            <div class="body">
                <svg class="chart" viewBox="0 0 320 140" width="100%" role="img" aria-label=label>
                    <path class="grid" d="M40 16H316M40 66H316M40 116H316" />
                    <path class="area" d=move || drawing.get().area />
                    <path class="limit" d=move || format!("M{LEFT} {}H{RIGHT}", drawing.get().limit) />
                    <path class="curve" d=move || drawing.get().curve />
                    // At the left, where a run has only begun and the curve is still low.
                    <text x="44" y=move || (drawing.get().limit - 5).to_string()>
                        {format!("limit {}", format::count(limit))}
                    </text>
                    <text x="34" y="20" text-anchor="end">
                        {move || short(drawing.get().top)}
                    </text>
                    <text x="34" y="70" text-anchor="end">
                        {move || short(drawing.get().top / 2)}
                    </text>
                    <text x="34" y="120" text-anchor="end">
                        "0"
                    </text>
                    <text x="40" y="134">
                        {move || if drawing.get().span == 0 { String::new() } else { oldest() }}
                    </text>
                    <text x="316" y="134" text-anchor="end">
                        {move || if over.get() { "end" } else { "now" }}
                    </text>
                </svg>
            </div>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(seconds: u64, per_second: u64) -> Vec<RatePoint> {
        (0..=seconds)
            .map(|n| RatePoint { at: n * 1_000, embedded: n * per_second, ..RatePoint::default() })
            .collect()
    }

    #[test]
    fn a_steady_rate_is_a_level_line() {
        assert!(per_minute(&steady(20, 50)).iter().all(|value| value.1 == 3_000));
    }

    #[test]
    fn no_points_draw_no_curve() {
        assert_eq!(draw(&[], 3_000).curve, "");
        assert_eq!(draw(&steady(0, 50), 3_000).curve, "");
        assert_eq!(draw(&[], 0).top, 10);
    }

    #[test]
    fn the_curve_stays_within_its_frame_whatever_the_limit() {
        let drawing = draw(&steady(60, 400), 3_000);
        assert_eq!(drawing.top, 30_000);
        assert_eq!(drawing.newest, 24_000);
        assert!(drawing.limit < BOTTOM && drawing.limit >= TOP);
        assert!(drawing.curve.starts_with("M40.0 ") && drawing.curve.contains("L316.0 "));
    }

    #[test]
    fn an_axis_ends_on_a_number_that_reads_well() {
        assert_eq!([1, 4, 11, 2_400, 3_000, 3_001].map(round_up), [1, 5, 20, 3_000, 3_000, 5_000]);
        assert_eq!([500, 3_000, 1_500].map(short), ["500", "3k", "1.5k"].map(str::to_owned));
    }
}
