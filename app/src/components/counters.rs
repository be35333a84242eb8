//! The moving numbers of a run.

use leptos::prelude::*;
use protocol::{Category, Counts, RatePoint, RunId, RunKind, RunView, Step, StepState};

use crate::{
    components::{Count, counts_in_words, document_counters::document_figures},
    live::Live,
};

/// Records written a second over the last quarter of a minute, in tenths; `None` until that means something.
pub fn records_per_second(view: &RunView) -> Option<u64> {
    let last = view.rate.last()?;
    let age = |point: &&RatePoint| last.at.saturating_sub(point.at);
    // The points of a long run may be further apart than that: then the two newest steps have to do.
    let first = view
        .rate
        .iter()
        .rev()
        .take_while(|point| age(point) <= 15_000)
        .last()
        .filter(|point| age(point) >= 2_000)
        .or_else(|| view.rate.iter().rev().find(|point| age(point) > 15_000))
        .filter(|point| age(point) <= (2 * view.rate_step()).max(15_000))?;
    let (written, millis) = (last.written.saturating_sub(first.written), last.at.saturating_sub(first.at));
    (millis >= 2_000).then(|| written * 10_000 / millis)
}

/// Seconds until everything is written, at the present rate; `None` until that means something: the whole must be known,
/// and at least five seconds of writing seen.
pub fn seconds_left(view: &RunView) -> Option<u64> {
    let (whole, settled) = work(view)?;
    let (first, last) = (view.rate.iter().find(|point| point.written > 0)?, view.rate.last()?);
    if last.at < first.at + 5_000 {
        return None;
    }
    let rate = records_per_second(view).filter(|&tenths| tenths > 0)?;
    Some(whole.saturating_sub(settled) * 10 / rate)
}

/// What a run that is at work will write, and how much of that is settled; `None` until it is known. A mirroring that
/// ends with documents counts those once it has come to them.
fn work(view: &RunView) -> Option<(u64, u64)> {
    let counts = &view.progress.counts;
    if !view.state.is_live() || !view.head.request.is_live() {
        return None;
    }
    let updates_documents =
        view.steps.iter().any(|step| step.step == Step::Documents && step.state == StepState::Running);
    if updates_documents {
        return Some((counts.documents.to_update, counts.documents.handled()));
    }
    let compared = counts.in_sync + counts.missing + counts.changed + counts.no_text + counts.unreadable;
    if !counts.listed || compared < counts.only_source + counts.in_both {
        return None;
    }
    let whole = if view.head.request.kind == RunKind::Reembed {
        counts.missing
    } else {
        counts.missing + counts.changed
    };
    let settled = counts.migrated + counts.updated + counts.failed_missing + counts.failed_changed;
    Some((whole, settled))
}

/// The row of figures at the top of a run.
#[component]
pub fn Counters(
    /// The run.
    live: Live,
) -> impl IntoView {
    let head = live.view.with_untracked(|view| view.head.clone());
    let counts = Memo::new(move |_| live.view.with(|view| view.progress.counts.clone()));
    let over = Memo::new(move |_| live.view.with(|view| !view.state.is_live()));
    let rate = Memo::new(move |_| live.view.with(records_per_second));
    // The records of a run over several namespaces are those of its runs, which stand in a table of their own.
    let id = head.request.namespaces.is_none().then(|| head.id.clone());
    let documents = head.request.documents.is_some().then(|| document_figures(live, &head, counts, rate));
    let figures = match (head.request.kind, head.request.dry_run) {
        (RunKind::Documents, _) => ().into_any(),
        (RunKind::Levels, _) => view! {
            <Figure
                number=move || format::count(counts.with(|counts| counts.source_listed))
                label="records of the target"
            />
            <CategoryFigure id=id.clone() counts category=Category::InSync label="equal" />
            <CategoryFigure id=id.clone() counts category=Category::Changed label="different" />
            <CategoryFigure id=id.clone() counts category=Category::Missing label="without a document" />
            <CategoryFigure id=id counts category=Category::Failed label="failed" />
        }
        .into_any(),
        (RunKind::Analyze, _) | (_, true) => view! {
            <Figure number=move || listed(&counts.get()) label="records listed on both sides" />
            <Figure
                number=move || format::count(compared(&counts.get()))
                label=Signal::derive(move || of_total("compared", &counts.get()))
            />
            <CategoryFigure id=id.clone() counts category=Category::Missing label="to migrate" />
            {(head.request.kind != RunKind::Reembed)
                .then(|| {
                    view! {
                        <CategoryFigure
                            id=id.clone()
                            counts
                            category=Category::Changed
                            label="to update"
                        />
                    }
                })}
            <CategoryFigure id=id.clone() counts category=Category::NoText label="without text" />
            <CategoryFigure id=id counts category=Category::Failed label="failed" />
        }
        .into_any(),
        (kind, false) => view! {
            <CategoryFigure
                id=id.clone()
                counts
                category=Category::Migrated
                label=Signal::derive(move || counts.with(|counts| of_settled("migrated", counts.missing, counts)))
            />
            {(kind == RunKind::Mirror)
                .then(|| {
                    view! {
                        <CategoryFigure
                            id=id.clone()
                            counts
                            category=Category::Updated
                            label=Signal::derive(move || {
                                counts.with(|counts| of_settled("updated", counts.changed, counts))
                            })
                        />
                    }
                })}
            <CategoryFigure id=id.clone() counts category=Category::NoText label="skipped, no text" />
            <CategoryFigure id=id counts category=Category::Failed label="failed" />
            <Figure
                number=move || format::count(counts.with(|counts| counts.embedded))
                label="texts paid"
            />
            {move || {
                (!over.get())
                    .then(|| {
                        view! {
                            <Figure
                                number=move || rate.get().map_or_else(|| "–".to_owned(), format::rate)
                                label="records a second"
                            />
                        }
                    })
            }}
        }
        .into_any(),
    };
    view! {
        <section class="panel" aria-label="Counters">
            {(head.request.kind != RunKind::Documents)
                .then(|| {
                    view! {
                        <div class="body figures">{figures}</div>
                    }
                })}
            {documents}
            <Spoken live />
        </section>
    }
}

/// What is read out to those who do not see the numbers move: the counts after each tenth of the work, and at the end.
#[component]
fn Spoken(
    /// The run.
    live: Live,
) -> impl IntoView {
    let was_live = live.view.with_untracked(|view| view.state.is_live());
    let tenths = Memo::new(move |_| {
        live.view.with(|view| {
            (view.state, work(view).and_then(|(whole, settled)| (settled * 10).checked_div(whole)))
        })
    });
    let words = move || {
        tenths.track();
        live.view.with_untracked(|view| {
            counts_in_words(&view.head.request, view.state, &view.progress.counts).replace(" · ", ", ")
        })
    };
    view! {
        <p class="visually-hidden" role="status">
            {was_live.then_some(words)}
        </p>
    }
}

fn listed(counts: &Counts) -> String {
    format::count(counts.source_listed + counts.target_listed)
}

fn compared(counts: &Counts) -> u64 {
    counts.compared()
}

/// `compared of 18,120` once the listings have ended; before that the whole is not known.
fn of_total(word: &str, counts: &Counts) -> String {
    if counts.listed {
        format!("{word} of {}", format::count(counts.only_source + counts.in_both))
    } else {
        word.to_owned()
    }
}

/// `migrated of 1,012` once every record was compared; `found so far` before.
fn of_settled(word: &str, total: u64, counts: &Counts) -> String {
    if counts.listed && compared(counts) >= counts.only_source + counts.in_both {
        format!("{word} of {}", format::count(total))
    } else {
        format!("{word} of {} found so far", format::count(total))
    }
}

/// One number and what it counts.
#[component]
pub fn Figure(
    /// The number.
    #[prop(into)]
    number: Signal<String>,
    /// What it counts.
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    view! {
        <div class="figure">
            <b>{move || number.get()}</b>
            <span>{move || label.get()}</span>
        </div>
    }
}

/// One number that leads to its records, if there is a run that has them.
#[component]
pub fn CategoryFigure(
    /// The run that counted; none for a run over several namespaces.
    id: Option<RunId>,
    /// The counters.
    counts: Memo<Counts>,
    /// Which of them.
    category: Category,
    /// What it counts.
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    let number = Memo::new(move |_| counts.with(|counts| category.count(counts)));
    let class = move || {
        if category == Category::Failed && number.get() > 0 { "figure c-failed alarming" } else { "figure" }
    };
    view! {
        <div class=class>
            <b>
                {move || match id.clone() {
                    Some(run) => view! { <Count run category number=number.get() /> }.into_any(),
                    None => format::count(number.get()).into_any(),
                }}
            </b>
            <span>{move || label.get()}</span>
        </div>
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::{RunHead, RunRequest};

    use super::*;

    /// A live mirror run that has just begun.
    pub(crate) fn running() -> RunView {
        RunView::new(RunHead {
            id: RunId("r1".to_owned()),
            request: RunRequest::new(RunKind::Mirror, "ns"),
            origin: None,
            source: "old".to_owned(),
            target: "new".to_owned(),
            steps: Vec::new(),
            texts_per_minute: 3_000,
            writing: None,
            started_at: 0,
        })
    }

    #[test]
    fn the_time_left_stays_unknown_until_the_whole_is_known_and_seen_moving() {
        let mut view = running();
        view.rate =
            (0..=10).map(|n| RatePoint { at: n * 1_000, written: 50 * n, ..RatePoint::default() }).collect();
        assert_eq!(records_per_second(&view), Some(500));
        assert_eq!(seconds_left(&view), None, "the listings have not ended");

        view.progress.counts =
            Counts { listed: true, only_source: 1_000, missing: 1_000, migrated: 500, ..Counts::default() };
        assert_eq!(seconds_left(&view), Some(10));

        view.rate.truncate(3);
        assert_eq!(seconds_left(&view), None, "two seconds say nothing");
    }

    #[test]
    fn a_long_run_with_few_points_has_a_rate() {
        let mut view = running();
        let point = |at: u64| RatePoint { at: at * 1_000, written: 50 * at, ..RatePoint::default() };
        view.rate = (0..=100).map(|n| point(n * 32)).chain([point(3_201)]).collect();
        assert_eq!(view.rate_step(), 32_000);
        assert_eq!(records_per_second(&view), Some(500));
    }

    #[test]
    fn a_mirroring_that_has_come_to_its_documents_counts_those() {
        let mut view = running();
        view.rate =
            (0..=10).map(|n| RatePoint { at: n * 1_000, written: 50 * n, ..RatePoint::default() }).collect();
        view.progress.counts =
            Counts { listed: true, only_source: 9, missing: 9, migrated: 9, ..Counts::default() };
        view.progress.counts.documents = protocol::DocumentCounts {
            in_scope: 2_000,
            to_update: 1_000,
            updated: 480,
            already: 10,
            kept: 10,
            ..Default::default()
        };
        assert_eq!(seconds_left(&view), Some(0));
        view.steps.push(protocol::StepView {
            step: Step::Documents,
            state: StepState::Running,
            detail: String::new(),
        });
        assert_eq!(seconds_left(&view), Some(10));
        view.head.request.dry_run = true;
        assert_eq!(seconds_left(&view), None);
    }

    #[test]
    fn a_run_that_writes_nothing_has_no_time_left() {
        let mut view = running();
        view.progress.counts = Counts { listed: true, only_source: 10, missing: 10, ..Counts::default() };
        view.rate = (0..=10).map(|n| RatePoint { at: n * 1_000, ..RatePoint::default() }).collect();
        assert_eq!(seconds_left(&view), None);
    }
}
