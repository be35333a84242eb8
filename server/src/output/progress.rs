//! The course of a run: one bar on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::{Event, EventBody, LogLevel, RunState, RunView, Step, StepState};

use super::{
    Style,
    format::{count, one_line},
    note,
};

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
        EventBody::Cancelling => {
            Some("stopping: what is in flight is finished first (once more stops at once)".to_owned())
        }
        _ => None,
    }
}

/// The step to show: the last one that is at work, because the stages overlap and the later one is what is waited for.
fn current(view: &RunView) -> Option<Step> {
    let running = || view.steps.iter().filter(|step| step.state == StepState::Running);
    let moving = running().rev().find(|step| view.step_progress(step.step).0 > 0);
    moving.or_else(|| running().next()).map(|step| step.step)
}

fn draw(bar: &ProgressBar, view: &RunView) {
    let Some(step) = current(view) else { return };
    let (done, total) = view.step_progress(step);
    let pacing = view.progress.pacing.first().map(|pacing| format!("  {}", one_line(&pacing.message)));
    let stopping = if view.state == RunState::Cancelling { "stopping: " } else { "" };
    bar.set_message(format!("{stopping}{}", step.label()));
    bar.set_prefix(pacing.unwrap_or_default());
    let template = match total {
        Some(total) => {
            bar.set_length(total);
            "{spinner} {msg}  {bar:24} {human_pos}/{human_len}{prefix:.dim}"
        }
        None => "{spinner} {msg}  {human_pos}{prefix:.dim}",
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
    last: Option<(Step, u64, u64)>,
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
                };
                let detail =
                    if detail.is_empty() { String::new() } else { format!(": {}", one_line(detail)) };
                vec![format!("{}: {state}{detail}", step.label())]
            }
            EventBody::Progress(_) => self.progress(event.at, view).into_iter().collect(),
            _ => remark(event).into_iter().collect(),
        }
    }

    fn progress(&mut self, at: u64, view: &RunView) -> Option<String> {
        let step = current(view)?;
        let (done, total) = view.step_progress(step);
        let tenth = total.map_or(0, |total| (done * 10).checked_div(total).unwrap_or(10));
        if let Some((last_step, last_tenth, last_at)) = self.last
            && last_step == step
            && last_tenth == tenth
            && at < last_at + QUIET_MILLIS
        {
            return None;
        }
        let first = self.last.is_none_or(|(last_step, ..)| last_step != step);
        self.last = Some((step, tenth, at));
        // The step's own line has just said that it started.
        if first && done == 0 {
            return None;
        }
        let pacing = view.progress.pacing.first().map(|pacing| format!(" ({})", one_line(&pacing.message)));
        let amount = match total {
            Some(total) => format!("{} of {}", count(done), count(total)),
            None => count(done),
        };
        Some(format!("{}: {amount}{}", step.label(), pacing.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Counts, Progress as Moving, RunHead, RunId, RunKind, RunRequest};

    use super::*;

    fn view() -> RunView {
        RunView::new(RunHead {
            id: RunId("r".into()),
            request: RunRequest {
                kind: RunKind::Mirror,
                namespace: "a".into(),
                dry_run: false,
                reuse: protocol::Reuse::Never,
                overwrite_added: false,
                batch_size: None,
                plan: None,
            },
            source: "old".into(),
            target: "new".into(),
            steps: vec![Step::List, Step::Compare, Step::Migrate],
            texts_per_minute: 3_000,
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
