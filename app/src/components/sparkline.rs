//! What a run did a minute, over its whole time, and where it had to wait. A pure function of the points, so that server
//! and browser draw the same.

use std::fmt::Write as _;

use leptos::prelude::*;
use protocol::{RatePoint, RunKind, RunView};

use crate::live::Live;

/// Width and height of a drawing in units of its own: it is stretched to its place, and its words stand beside it.
const SIZE: u64 = 1_000;
/// The rate is taken over this many milliseconds, so that one batch does not look like a storm.
const WINDOW: u64 = 5_000;

/// Something that a run does.
struct Series {
    /// What it is called.
    label: &'static str,
    /// The class of its line: every line has its own dashes beside its own colour.
    class: &'static str,
    /// Its sum at a point.
    of: fn(&RatePoint) -> u64,
}

/// The place of the texts in [`SERIES`]: the limit is theirs.
const EMBEDDED: usize = 1;
const SERIES: [Series; 4] = [
    Series { label: "Records compared", class: "compared", of: |point| point.compared },
    Series { label: "Texts embedded", class: "embedded", of: |point| point.embedded },
    Series {
        label: "Records written",
        class: "written",
        of: |point| point.written.saturating_sub(point.documents),
    },
    Series { label: "Documents updated", class: "documents", of: |point| point.documents },
];

/// One curve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Curve {
    /// As an SVG path; empty where there is nothing to show.
    path: String,
    /// The newest value, a minute.
    newest: u64,
    /// Over the whole time, a minute.
    mean: u64,
}

/// What is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Drawing {
    /// The curves, in the order of [`SERIES`].
    curves: [Curve; SERIES.len()],
    /// The stretches in which something was waited for, as one SVG path.
    waits: String,
    /// Milliseconds in which something was waited for.
    waited: u64,
    /// The largest value of the axis.
    top: u64,
    /// The limit's line as an SVG path; empty where it is far above everything else.
    limit: String,
    /// Milliseconds that the drawing spans.
    span: u64,
}

/// What was done a minute at every point, over the window before it. The first point takes the value of the second.
fn per_minute(points: &[RatePoint], of: fn(&RatePoint) -> u64) -> Vec<u64> {
    let mut values: Vec<u64> = points
        .iter()
        .enumerate()
        .skip(1)
        .map(|(index, point)| {
            let before = &points[..index];
            let near = before.partition_point(|earlier| earlier.at + WINDOW < point.at).min(index - 1);
            rate(&points[near], point, of)
        })
        .collect();
    if let Some(&first) = values.first() {
        values.insert(0, first);
    }
    values
}

fn rate(from: &RatePoint, to: &RatePoint, of: fn(&RatePoint) -> u64) -> u64 {
    of(to).saturating_sub(of(from)).saturating_mul(60_000) / to.at.saturating_sub(from.at).max(1)
}

/// The next number above that reads well on an axis: 1, 2, 3 or 5 times a power of ten.
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

/// A line through values at these places, from the left edge to the right one.
fn line(places: impl Iterator<Item = (u64, u64)>) -> String {
    let mut path = String::new();
    for (x, y) in places {
        let command = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{command}{x} {y}");
    }
    path
}

/// Which series a run has: what it did, or what it is about while it has done nothing.
fn shown(view: &RunView) -> [bool; SERIES.len()] {
    let request = &view.head.request;
    if matches!(request.kind, RunKind::Analyze | RunKind::Levels) || request.dry_run {
        return [true, false, false, false];
    }
    let last = view.rate.last().copied().unwrap_or_default();
    let documents = request.kind == RunKind::Documents;
    [
        false,
        !documents || last.embedded > 0,
        !documents || last.written > last.documents,
        documents || last.documents > 0,
    ]
}

fn draw(view: &RunView) -> Drawing {
    let points = &view.rate;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Drawing::default() };
    let span = last.at.saturating_sub(first.at);
    if span == 0 {
        return Drawing::default();
    }
    let shown = shown(view);
    let values: Vec<Vec<u64>> = SERIES
        .iter()
        .zip(shown)
        .map(|(series, shown)| if shown { per_minute(points, series.of) } else { Vec::new() })
        .collect();
    let highest = values.iter().flatten().copied().max().unwrap_or(0);
    let quota = view.head.texts_per_minute;
    // Far below its limit a curve would be a flat line along the axis.
    let limited = shown[EMBEDDED] && quota > 0 && quota <= highest.saturating_mul(4);
    let top = round_up(highest.max(if limited { quota } else { 0 }).max(10));
    let x = |at: u64| at.saturating_sub(first.at) * SIZE / span;
    let y = |value: u64| SIZE - value.min(top) * SIZE / top;
    let curves = std::array::from_fn(|index| {
        let places = points.iter().zip(&values[index]).map(|(point, &value)| (x(point.at), y(value)));
        Curve {
            path: line(places),
            newest: values[index].last().copied().unwrap_or(0),
            mean: rate(first, last, SERIES[index].of),
        }
    });
    // A stretch counts as waiting if most of it was.
    let waiting = |pair: &&[RatePoint]| {
        2 * pair[1].paced.saturating_sub(pair[0].paced) > pair[1].at.saturating_sub(pair[0].at)
    };
    let mut waits = String::new();
    for pair in points.windows(2).filter(waiting) {
        let _ = write!(waits, "M{} 0H{}V{SIZE}H{}Z", x(pair[0].at), x(pair[1].at), x(pair[0].at));
    }
    Drawing {
        curves,
        waits,
        waited: last.paced,
        top,
        limit: if limited { format!("M0 {}H{SIZE}", y(quota)) } else { String::new() },
        span,
    }
}

/// All numbers of a drawing in one sentence, for screen readers.
fn in_words(drawing: &Drawing, over: bool) -> String {
    let mut words = Vec::new();
    for (series, curve) in SERIES.iter().zip(&drawing.curves).filter(|(_, curve)| !curve.path.is_empty()) {
        words.push(format!(
            "{} a minute: {} on average, {} {}",
            series.label,
            format::count(curve.mean),
            format::count(curve.newest),
            if over { "at the end" } else { "now" }
        ));
    }
    if words.is_empty() {
        return "Nothing to draw yet".to_owned();
    }
    words.push(format!("over {}, of which {} waiting", exact(drawing.span), exact(drawing.waited)));
    words.join("; ")
}

/// `3k`, `1.5k`, `500`.
fn short(number: u64) -> String {
    match number {
        // An axis without a curve has no scale.
        0 => String::new(),
        1..1_000 => number.to_string(),
        _ if number.is_multiple_of(1_000) => format!("{}k", format::count(number / 1_000)),
        _ => format!("{}.{}k", format::count(number / 1_000), number % 1_000 / 100),
    }
}

/// A span as an axis needs it: `0 s`, `420 ms`, `2.5 s`, `1 min 5 s`.
fn exact(millis: u64) -> String {
    match millis {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{millis} ms"),
        _ => format::span_millis(millis),
    }
}

/// What stands along the time axis: at its beginning, in the middle, at its end. The middle of a span of one millisecond
/// has no name.
fn ticks(span: u64) -> [String; 3] {
    match span {
        0 => ["Nothing to draw yet".to_owned(), String::new(), String::new()],
        1 => [exact(0), String::new(), exact(1)],
        _ => [exact(0), exact(span / 2), exact(span)],
    }
}

/// The panel with the curves of a run, its axis and its legend.
#[component]
pub fn Throughput(
    /// The run.
    live: Live,
) -> impl IntoView {
    let quota = live.view.with_untracked(|view| view.head.texts_per_minute);
    let drawing = Memo::new(move |_| live.view.with(draw));
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let curves = SERIES
        .iter()
        .enumerate()
        .map(|(index, series)| {
            view! {
                <path class=format!("curve {}", series.class) d=move || drawing.with(|all| all.curves[index].path.clone()) />
            }
        })
        .collect_view();
    // Entries come and go with what the run does, but their numbers move in place.
    let legend = SERIES
        .iter()
        .enumerate()
        .map(|(index, series)| {
            let is_drawn = Memo::new(move |_| drawing.with(|all| !all.curves[index].path.is_empty()));
            let number = move || {
                drawing.with(|all| {
                    let curve = &all.curves[index];
                    format::count(if over.get() { curve.mean } else { curve.newest })
                })
            };
            move || {
                is_drawn.get().then(|| {
                    view! { <li>{sample(series.class)} {series.label} " " <b>{number}</b></li> }
                })
            }
        })
        .collect_view();
    let limit = Memo::new(move |_| drawing.with(|all| !all.limit.is_empty()));
    let waits = Memo::new(move |_| drawing.with(|all| all.waited / 1_000));
    let tick = move |at: usize| move || drawing.with(|all| ticks(all.span)[at].clone());
    view! {
        <section class="panel" aria-labelledby="rate">
            <header>
                <h2 id="rate">"Throughput"</h2>
                <span class="soft">{move || if over.get() { "per minute, on average" } else { "per minute" }}</span>
            </header>
            <div class="body stack">
                <div class="chart">
                    <div class="scale" aria-hidden="true">
                        <span>{move || short(drawing.with(|all| all.top))}</span>
                        <span>{move || short(drawing.with(|all| all.top / 2))}</span>
                        <span>"0"</span>
                    </div>
                    <svg
                        class="plot"
                        viewBox="0 0 1000 1000"
                        preserveAspectRatio="none"
                        role="img"
                        aria-label=move || drawing.with(|all| in_words(all, over.get()))
                    >
                        <path class="waits" d=move || drawing.with(|all| all.waits.clone()) />
                        <path class="grid" d="M0 0H1000M0 500H1000M0 1000H1000" />
                        <path class="limit" d=move || drawing.with(|all| all.limit.clone()) />
                        {curves}
                    </svg>
                    <div class="along" aria-hidden="true">
                        <span>{tick(0)}</span>
                        <span>{tick(1)}</span>
                        <span>{tick(2)}</span>
                    </div>
                </div>
                <ul class="chart-legend">
                    {legend}
                    {move || {
                        limit.get().then(|| view! { <li>{sample("limit")} "Limit of texts " <b>{format::count(quota)}</b></li> })
                    }}
                    {move || {
                        (waits.get() > 0)
                            .then(|| view! { <li>{sample("waits")} "Waited " <b>{move || format::span(waits.get())}</b></li> })
                    }}
                </ul>
            </div>
        </section>
    }
    .into_any()
}

/// A piece of a line, for the legend.
fn sample(class: &'static str) -> AnyView {
    view! {
        <svg class="sample" width="18" height="12" aria-hidden="true">
            {if class == "waits" {
                view! { <path class="waits" d="M0 0H18V12H0Z" /> }.into_any()
            } else {
                view! { <path class=format!("curve {class}") d="M0 6H18" /> }.into_any()
            }}
        </svg>
    }
    .into_any()
}

/// A line of numbers as a word among words: a vector, a history. Without an axis it tells the shape and no more, so what
/// matters of it stands beside it in words.
#[component]
pub fn Sparkline(
    /// The numbers, in order.
    values: Vec<f32>,
    /// What they are, for screen readers.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let largest = values.iter().fold(0_f32, |largest, value| largest.max(value.abs()));
    let last = values.len().saturating_sub(1).max(1);
    let middle = SIZE / 2;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within 0 and 1,000")]
    let height = |value: f32| {
        if largest > 0.0 { (500.0 - value.clamp(-largest, largest) / largest * 480.0) as u64 } else { middle }
    };
    let places =
        values.iter().enumerate().map(|(index, &value)| ((index * 1_000 / last) as u64, height(value)));
    view! {
        <svg class="sparkline" viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label=label>
            <path class="grid" d="M0 500H1000" />
            <path class="curve embedded" d=line(places) />
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::counters::tests::running;

    fn steady(seconds: u64, per_second: u64) -> Vec<RatePoint> {
        (0..=seconds)
            .map(|n| RatePoint { at: n * 1_000, embedded: n * per_second, ..RatePoint::default() })
            .collect()
    }

    fn drawn(rate: Vec<RatePoint>) -> Drawing {
        draw(&RunView { rate, ..running() })
    }

    #[test]
    fn a_steady_rate_is_a_level_line() {
        assert!(per_minute(&steady(20, 50), SERIES[EMBEDDED].of).iter().all(|&value| value == 3_000));
        let drawing = drawn(steady(20, 50));
        assert_eq!((drawing.curves[EMBEDDED].mean, drawing.curves[EMBEDDED].newest), (3_000, 3_000));
        assert!(drawing.curves[EMBEDDED].path.starts_with("M0 0L50 0L"));
        assert!(drawing.curves[EMBEDDED].path.ends_with("L1000 0"));
    }

    #[test]
    fn no_points_draw_no_curve() {
        assert_eq!(drawn(Vec::new()), Drawing::default());
        assert_eq!(drawn(steady(0, 50)), Drawing::default());
        assert_eq!(in_words(&Drawing::default(), false), "Nothing to draw yet");
    }

    #[test]
    fn no_two_ticks_of_an_axis_are_called_the_same() {
        assert_eq!(ticks(420), ["0 s", "210 ms", "420 ms"]);
        assert_eq!(ticks(1_000), ["0 s", "500 ms", "1.0 s"]);
        assert_eq!(ticks(2_500), ["0 s", "1.2 s", "2.5 s"]);
        assert_eq!(ticks(90_000), ["0 s", "45 s", "1 min 30 s"]);
        assert_eq!(ticks(0), ["Nothing to draw yet", "", ""]);
        for span in (1..3_000).chain([9_999, 10_000, 10_001, 59_999, 60_000, 3_599_999, 7_200_000]) {
            let [first, middle, last] = ticks(span);
            assert!(first != middle && middle != last && first != last, "{span}: {first}, {middle}, {last}");
        }
    }

    #[test]
    fn a_limit_that_is_far_above_does_not_flatten_the_curve() {
        assert_eq!(drawn(steady(60, 1)).top, 100);
        assert_eq!(drawn(steady(60, 1)).limit, "");
        let drawing = drawn(steady(60, 40));
        assert_eq!((drawing.top, drawing.limit.as_str()), (3_000, "M0 0H1000"));
    }

    #[test]
    fn waiting_is_marked_where_it_was() {
        let mut points = steady(10, 50);
        for (n, point) in points.iter_mut().enumerate() {
            point.paced = if n < 5 { 0 } else { (n as u64 - 4) * 900 };
        }
        let drawing = drawn(points);
        assert!(drawing.waits.starts_with("M400 0H500V1000H400Z"));
        assert_eq!(drawing.waits.matches('M').count(), 6);
        assert!(in_words(&drawing, true).ends_with("over 10 s, of which 5.4 s waiting"));
    }

    #[test]
    fn a_run_shows_what_it_does() {
        let mut view = running();
        view.rate = vec![RatePoint { written: 3, documents: 3, ..RatePoint::default() }];
        assert_eq!(shown(&view), [false, true, true, true]);
        view.head.request.kind = RunKind::Documents;
        assert_eq!(shown(&view), [false, false, false, true]);
        view.head.request.kind = RunKind::Analyze;
        assert_eq!(shown(&view), [true, false, false, false]);
    }

    #[test]
    fn an_axis_ends_on_a_number_that_reads_well() {
        assert_eq!([1, 4, 11, 2_400, 3_000, 3_001].map(round_up), [1, 5, 20, 3_000, 3_000, 5_000]);
        assert_eq!([500, 3_000, 1_500].map(short), ["500", "3k", "1.5k"].map(str::to_owned));
    }
}
