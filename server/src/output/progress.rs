//! The course of a run: one bar on a terminal, a line now and then elsewhere.

use format::{count, one_line};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::{Event, EventBody, LogLevel, NamespaceRun, RunState, RunView, Step, StepState};

use super::{Style, note};

/// Milliseconds between two lines about the same step, where no tenth of it was done meanwhile.
const QUIET_MILLIS: u64 = 10_000;

/// Shows the course of one run on stderr.
pub struct Progress {
    way: Way,
}

enum Way {
    None,
    Bar(Box<ProgressBar>),
    Lines(Lines),
}

impl Progress {
    /// What suits the terminal: nothing with `--json` and `--quiet`.
    pub fn new(style: Style) -> Self {
        let way = if style.json || style.quiet {
            Way::None
        } else if style.live {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            bar.set_style(ProgressStyle::default_spinner());
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
            Way::Bar(Box::new(bar))
        } else {
            Way::Lines(Lines::default())
        };
        Self { way }
    }

    /// Takes in an event and the view that it led to.
    pub fn show(&mut self, event: &Event, view: &RunView) {
        match &mut self.way {
            Way::None => {}
            Way::Bar(bar) => {
                if let Some(line) = remark(event) {
                    bar.suspend(|| note(&line));
                }
                draw(bar, view);
            }
            Way::Lines(lines) => {
                for line in lines.of(event, view) {
                    note(&line);
                }
            }
        }
    }

    /// Takes the bar away, so that the summary stands alone.
    pub fn finish(self) {
        if let Way::Bar(bar) = self.way {
            bar.finish_and_clear();
        }
    }
}

/// What is worth a line of its own, whatever the terminal: warnings, errors, and that a request to stop was heard.
fn remark(event: &Event) -> Option<String> {
    match &event.body {
        EventBody::Log(line) => match line.level {
            LogLevel::Info => None,
            LogLevel::Warn => Some(format!("warning: {}", one_line(&line.message))),
            LogLevel::Error => Some(format!("error: {}", one_line(&line.message))),
        },
        EventBody::Cancelling | EventBody::Pausing => {
            Some("stopping: what is in flight is finished first (once more stops at once)".to_owned())
        }
        _ => None,
    }
}

/// What a run is doing, as one line can show it.
#[derive(Debug, PartialEq, Eq)]
struct Moment {
    label: &'static str,
    done: u64,
    /// `None` while it is not known, and for what has no amount.
    total: Option<u64>,
}

/// The steps overlap: what is shown is the last one that moves, and the two phases as one, since they move together.
fn moment(view: &RunView) -> Option<Moment> {
    if !view.namespaces.is_empty() {
        let ended = view.namespaces.iter().filter(|row| has_ended(row)).count();
        return Some(Moment {
            label: "Namespaces",
            done: ended as u64,
            total: Some(view.namespaces.len() as u64),
        });
    }
    let running =
        |step: &Step| view.steps.iter().any(|view| view.step == *step && view.state == StepState::Running);
    let alone = [Step::Verify, Step::Precheck, Step::VerifyDocuments].into_iter().find(running);
    if let Some(step) = alone {
        return Some(Moment { label: step.label(), done: 0, total: None });
    }
    if let Some(step) = [Step::Documents, Step::Levels].into_iter().find(running) {
        let (done, total) = view.step_progress(step);
        return Some(Moment { label: step.label(), done, total });
    }
    let phases: Vec<Step> = [Step::Migrate, Step::Update].into_iter().filter(running).collect();
    let written: u64 = phases.iter().map(|step| view.step_progress(*step).0).sum();
    if written > 0 {
        let label = match phases.as_slice() {
            [phase] => phase.label(),
            _ => "Phases A and B: migrate and update",
        };
        let total = phases.iter().map(|step| view.step_progress(*step).1).sum();
        return Some(Moment { label, done: written, total });
    }
    let reading: Vec<Step> = [Step::Compare, Step::List].into_iter().filter(running).collect();
    let moving = reading.iter().find(|step| view.step_progress(**step).0 > 0);
    let step = moving.or(reading.last()).or(phases.first())?;
    let (done, total) = view.step_progress(*step);
    Some(Moment { label: step.label(), done, total })
}

/// Whether a namespace is done with, for now.
fn has_ended(row: &NamespaceRun) -> bool {
    row.state.map_or(row.error.is_some(), |state| !state.is_live())
}

fn draw(bar: &ProgressBar, view: &RunView) {
    let Some(Moment { label, done, total }) = moment(view) else { return };
    let pacing = view.progress.pacing.first().map(|pacing| format!("  {}", one_line(&pacing.message)));
    let stops = matches!(view.state, RunState::Cancelling | RunState::Pausing);
    let stopping = if stops { "stopping: " } else { "" };
    bar.set_message(format!("{stopping}{label}"));
    bar.set_prefix(pacing.unwrap_or_default());
    let template = match total {
        Some(total) => {
            bar.set_length(total);
            "{spinner} {msg}  {bar:24} {human_pos} of {human_len}{prefix:.dim}"
        }
        None if done > 0 => "{spinner} {msg}  {human_pos}{prefix:.dim}",
        None => "{spinner} {msg}{prefix:.dim}",
    };
    bar.set_position(done);
    // The templates above are valid; if one was not, the bar would keep its look.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// Lines for a log file: each change of a step, each tenth of it, and a sign of life in between.
#[derive(Debug, Default)]
struct Lines {
    /// What was last said something about, its tenth, and when.
    last: Option<(&'static str, u64, u64)>,
    /// The namespace that was last said something about, and how it stood.
    namespace: Option<(String, Option<RunState>)>,
}

impl Lines {
    fn of(&mut self, event: &Event, view: &RunView) -> Vec<String> {
        match &event.body {
            EventBody::Step { step, state, detail } => {
                let state = match state {
                    StepState::Waiting => return Vec::new(),
                    StepState::Running => "started",
                    StepState::Done => "done",
                    StepState::Failed => "failed",
                    StepState::Cancelled => "cancelled",
                    StepState::Paused => "paused",
                };
                let detail =
                    if detail.is_empty() { String::new() } else { format!(": {}", one_line(detail)) };
                vec![format!("{}: {state}{detail}", step.label())]
            }
            // Each namespace has lines of its own.
            EventBody::Progress(_) if !view.namespaces.is_empty() => Vec::new(),
            EventBody::Progress(_) => self.progress(event.at, view).into_iter().collect(),
            EventBody::Namespace(row) => self.namespace(row).into_iter().collect(),
            _ => remark(event).into_iter().collect(),
        }
    }

    fn namespace(&mut self, row: &NamespaceRun) -> Option<String> {
        let now = (row.namespace.clone(), row.state);
        if row.state.is_none() || self.namespace.as_ref() == Some(&now) {
            return None;
        }
        self.namespace = Some(now);
        let state = row.state.map_or("waiting", RunState::label);
        let counts = &row.counts;
        let written = counts.migrated + counts.updated;
        let detail = if has_ended(row) && written > 0 {
            format!(", {} written", count(written))
        } else {
            String::new()
        };
        Some(format!("{}: {state}{detail}", one_line(&row.namespace)))
    }

    fn progress(&mut self, at: u64, view: &RunView) -> Option<String> {
        let Moment { label, done, total } = moment(view)?;
        let tenth = total.map_or(0, |total| (done * 10).checked_div(total).unwrap_or(10));
        if let Some((last_label, last_tenth, last_at)) = self.last
            && last_label == label
            && last_tenth == tenth
            && at < last_at + QUIET_MILLIS
        {
            return None;
        }
        self.last = Some((label, tenth, at));
        // The step's own line has said that it started.
        if done == 0 {
            return None;
        }
        let pacing = view.progress.pacing.first().map(|pacing| format!(" ({})", one_line(&pacing.message)));
        let amount = match total {
            Some(total) => format!("{} of {}", count(done), count(total)),
            None => count(done),
        };
        Some(format!("{label}: {amount}{}", pacing.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Counts, Progress as Moving, RunHead, RunId, RunKind, RunRequest};

    use super::*;

    fn view() -> RunView {
        RunView::new(RunHead {
            id: RunId("r".into()),
            request: RunRequest::new(RunKind::Mirror, "a"),
            origin: None,
            source: "old".into(),
            target: "new".into(),
            steps: vec![Step::List, Step::Compare, Step::Migrate],
            texts_per_minute: 3_000,
            writing: None,
            started_at: 0,
        })
    }

    /// Feeds bodies at the given times and gives the lines that were printed.
    fn lines(bodies: Vec<(u64, EventBody)>) -> Vec<String> {
        let mut view = view();
        let mut lines = Lines::default();
        let mut printed = Vec::new();
        for (seq, (at, body)) in (1..).zip(bodies) {
            let event = Event { run: view.head.id.clone(), seq, at, body };
            assert!(view.apply(&event));
            printed.extend(lines.of(&event, &view));
        }
        printed
    }

    fn step(step: Step, state: StepState, detail: &str) -> EventBody {
        EventBody::Step { step, state, detail: detail.into() }
    }

    fn migrated(migrated: u64) -> EventBody {
        let counts = Counts { migrated, missing: 100, only_source: 100, listed: true, ..Counts::default() };
        EventBody::Progress(Box::new(Moving { counts, ..Moving::default() }))
    }

    #[test]
    fn a_line_for_each_step_each_tenth_and_each_ten_seconds() {
        let printed = lines(vec![
            (0, step(Step::List, StepState::Running, "")),
            (1, step(Step::List, StepState::Done, "100 records")),
            (2, step(Step::Migrate, StepState::Running, "")),
            (3, migrated(0)),
            (4, migrated(1)),
            (5, migrated(2)),
            (6, migrated(10)),
            (7, migrated(11)),
            (10_006, migrated(12)),
            (10_007, step(Step::Migrate, StepState::Done, "")),
        ]);
        assert_eq!(
            printed,
            [
                "List both indexes: started",
                "List both indexes: done: 100 records",
                "Phase A: migrate missing: started",
                "Phase A: migrate missing: 10 of 100",
                "Phase A: migrate missing: 12 of 100",
                "Phase A: migrate missing: done",
            ]
        );
    }

    #[test]
    fn both_phases_are_one_amount() {
        let mut view = view();
        view.steps.push(protocol::StepView {
            step: Step::Update,
            state: StepState::Running,
            detail: String::new(),
        });
        view.steps[2].state = StepState::Running;
        let counts = Counts {
            migrated: 1,
            updated: 2,
            missing: 10,
            changed: 20,
            only_source: 10,
            in_both: 20,
            listed: true,
            ..Counts::default()
        };
        view.progress = Moving { counts, ..Moving::default() };
        let label = "Phases A and B: migrate and update";
        assert_eq!(moment(&view), Some(Moment { label, done: 3, total: Some(30) }));
    }

    #[test]
    fn warnings_and_failures_get_lines_of_their_own() {
        let log = |level, message: &str| {
            EventBody::Log(protocol::LogLine { at: 0, level, message: message.into() })
        };
        let printed = lines(vec![
            (0, log(LogLevel::Info, "nothing")),
            (0, log(LogLevel::Warn, "look\nhere")),
            (0, EventBody::Cancelling),
        ]);
        assert_eq!(printed.len(), 2);
        assert_eq!(printed[0], "warning: look here");
    }
}
