//! What becomes of one tick.

use protocol::{LastRun, PauseReason, RunId, RunState, RunSummary, Schedule};

use super::{Refusal, Runner};

/// What a schedule's last run means for its next one.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// It is over, or there is none: the next one starts.
    Over,
    /// It stopped by itself and nobody said that it should stay so: it goes on.
    Unfinished(RunId),
    /// The next one must wait, in words.
    InTheWay(String),
}

/// Starts the run of a tick, or says why not; `None` if this process is stopping and the tick is for another one.
pub(super) async fn begin(runner: &dyn Runner, schedule: &Schedule, now: u64) -> Option<LastRun> {
    let previous = match schedule.last.as_ref().and_then(|last| last.run.as_ref()) {
        Some(run) => runner.summary(run).await,
        None => None,
    };
    let ran = |run: RunId, note| LastRun { run: Some(run), state: Some(RunState::Running), at: now, note };
    // The last run is not forgotten because of a tick without one: the next tick has to ask for it again.
    let without = |note: String| LastRun {
        run: previous.as_ref().map(|run| run.head.id.clone()),
        state: previous.as_ref().map(|run| run.state),
        at: now,
        note: Some(note),
    };
    let skipped = |why: &str| without(format!("skipped: {why}"));
    match standing(previous.as_ref(), schedule, now) {
        Standing::InTheWay(why) => return Some(skipped(&why)),
        Standing::Unfinished(run) => match runner.resume(&run).await {
            Ok(()) => return Some(ran(run, Some("went on from its checkpoint".to_owned()))),
            Err(Refusal::Stopping) => return None,
            Err(Refusal::Busy(why)) => return Some(skipped(&why)),
            Err(Refusal::Failed(why)) => return Some(without(format!("could not go on: {why}"))),
            // What cannot go on is begun anew.
            Err(Refusal::Impossible(why)) => tracing::warn!(%run, why, "A schedule's run cannot go on"),
        },
        Standing::Over => {}
    }
    match runner.start(schedule.spec.request.clone()).await {
        Ok(run) => Some(ran(run, None)),
        Err(Refusal::Stopping) => None,
        Err(Refusal::Busy(why)) => Some(skipped(&why)),
        Err(Refusal::Failed(why) | Refusal::Impossible(why)) => {
            Some(LastRun { run: None, state: None, at: now, note: Some(format!("could not start: {why}")) })
        }
    }
}

fn standing(previous: Option<&RunSummary>, schedule: &Schedule, now: u64) -> Standing {
    let Some(run) = previous else { return Standing::Over };
    let id = &run.head.id;
    let unfinished = || {
        // A run of what the schedule asked for before it was changed is not its business any more.
        if run.head.request == schedule.spec.request {
            Standing::Unfinished(id.clone())
        } else {
            Standing::Over
        }
    };
    match run.state {
        state if state.is_live() => Standing::InTheWay(format!("run {id} is still at work")),
        RunState::Paused => match &run.pause {
            Some(pause) if pause.reason == PauseReason::Requested => Standing::InTheWay(format!(
                "run {id} is paused; resume it (tain runs resume {id}) or cancel it"
            )),
            Some(pause) if pause.until.is_some_and(|until| until > now) => Standing::InTheWay(format!(
                "run {id} waits until {} ({})",
                format::time(pause.until.unwrap_or(now)),
                format::one_line(&pause.message)
            )),
            _ => unfinished(),
        },
        RunState::Interrupted => unfinished(),
        _ => Standing::Over,
    }
}
