//! `tain schedules`: runs that start by themselves.

use std::sync::Arc;

use protocol::{LastRun, Schedule};
use serde::Serialize;

use super::{
    Context,
    run::{confirm, follow},
};
use crate::{
    cli::{AddSchedule, RunSchedule, SchedulesArgs, SchedulesCommand},
    exit::{Exit, Failure},
    output::{note, print, print_json, table},
    runs::Runs,
    schedules::{Schedules, timing},
    signals::stop_on_signal,
};

/// Does what is asked with schedules.
///
/// # Errors
///
/// A store that cannot be used, a schedule that there is none of, or a value that cannot be used.
pub async fn schedules(context: &Context, arguments: SchedulesArgs) -> Result<Exit, Failure> {
    let runs = Runs::open(context.connections()?, context.clock.clone()).await?;
    let schedules = Schedules::of(&runs, context.clock.clone());
    match arguments.command.unwrap_or(SchedulesCommand::List) {
        SchedulesCommand::List => list(context, &schedules).await,
        SchedulesCommand::Add(add) => self::add(context, &schedules, &add).await,
        SchedulesCommand::Show(schedule) => {
            let schedule = schedules.find(&schedule.id).await?;
            show(context, &schedules, &schedule)
        }
        SchedulesCommand::Enable(schedule) => {
            let id = schedules.find(&schedule.id).await?.id;
            changed(context, &schedules.enable(&id).await?)
        }
        SchedulesCommand::Disable(schedule) => {
            let id = schedules.find(&schedule.id).await?.id;
            changed(context, &schedules.disable(&id).await?)
        }
        SchedulesCommand::Remove(schedule) => remove(context, &schedules, &schedule.id).await,
        SchedulesCommand::Run(arguments) => run(context, &runs, &schedules, &arguments).await,
    }
}

async fn list(context: &Context, schedules: &Schedules) -> Result<Exit, Failure> {
    let all = schedules.list().await?;
    if context.style.json {
        for schedule in &all {
            print_json(schedule)?;
        }
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        note("There are no schedules yet; make one with: tain schedules add NAMESPACE --every 6h");
        return Ok(Exit::Done);
    }
    let mut lines = table(&["ID", "WHEN", "NEXT", "LAST", "WHAT"]);
    for schedule in &all {
        lines.add_row([
            format::one_line(&schedule.id.0),
            timing::words(&schedule.spec.timing),
            next(schedule),
            schedule.last.as_ref().map_or_else(|| "none yet".to_owned(), last),
            format::one_line(&schedule.spec.request.command()),
        ]);
    }
    print(&lines.trim_fmt())?;
    Ok(Exit::Done)
}

async fn add(context: &Context, schedules: &Schedules, add: &AddSchedule) -> Result<Exit, Failure> {
    let spec = add.spec().ok_or_else(|| Failure::usage("a schedule needs --every or --cron"))?;
    let schedule = schedules.add(spec).await?;
    changed(context, &schedule)?;
    if schedule.spec.enabled && !context.style.quiet && !context.style.json {
        note("Its runs start while `tain serve` is at work on this data directory.");
    }
    Ok(Exit::Done)
}

/// Says how a schedule stands now.
fn changed(context: &Context, schedule: &Schedule) -> Result<Exit, Failure> {
    if context.style.json {
        print_json(schedule)?;
    } else {
        print(&format!(
            "schedule {}: {} ({}); next: {}",
            schedule.id,
            format::one_line(&schedule.spec.request.command()),
            timing::words(&schedule.spec.timing),
            next(schedule)
        ))?;
    }
    Ok(Exit::Done)
}

fn show(context: &Context, schedules: &Schedules, schedule: &Schedule) -> Result<Exit, Failure> {
    if context.style.json {
        print_json(schedule)?;
        return Ok(Exit::Done);
    }
    let spec = &schedule.spec;
    let mut lines = table(&["", ""]);
    let mut row = |name: &str, value: String| {
        lines.add_row([name.to_owned(), value]);
    };
    row("schedule", format::one_line(&schedule.id.0));
    if !spec.name.is_empty() {
        row("name", format::one_line(&spec.name));
    }
    row("does", format::one_line(&spec.request.command()));
    row("when", timing::words(&spec.timing));
    row("made", format::time(schedule.created_at));
    row("next", next(schedule));
    if schedule.next_at.is_some()
        && let Ok(moments) = schedules.preview(&spec.timing)
    {
        // An interval counts from the last start, which only its next one is certain of.
        if matches!(spec.timing, protocol::Timing::Cron(_)) {
            moments.into_iter().skip(1).for_each(|moment| row("", format::time(moment)));
        }
    }
    row("last", schedule.last.as_ref().map_or_else(|| "none yet".to_owned(), last));
    // The table's header is empty, and so is its first line.
    print(lines.trim_fmt().trim_start_matches('\n'))?;
    Ok(Exit::Done)
}

async fn remove(context: &Context, schedules: &Schedules, id: &str) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Removed<'a> {
        removed: &'a str,
    }
    let id = schedules.find(id).await?.id;
    schedules.remove(&id).await?;
    if context.style.json {
        print_json(&Removed { removed: &id.0 })?;
    } else {
        print(&format!("schedule {id} is removed; its runs stay"))?;
    }
    Ok(Exit::Done)
}

async fn run(
    context: &Context,
    runs: &Arc<Runs>,
    schedules: &Schedules,
    arguments: &RunSchedule,
) -> Result<Exit, Failure> {
    let schedule = schedules.find(&arguments.schedule.id).await?;
    let request = schedule.spec.request;
    if !arguments.yes && !confirm(context, &request)? {
        return Ok(Exit::Cancelled);
    }
    let stop = stop_on_signal();
    let begin = async {
        let started = runs.start(request).await?;
        if let Err(error) = schedules.started(&schedule.id, started.id.clone()).await {
            note(&format!("warning: the schedule does not show this run: {error}"));
        }
        Ok(started)
    };
    Box::pin(follow(context, runs, begin, &stop)).await
}

fn next(schedule: &Schedule) -> String {
    match schedule.next_at {
        Some(at) => format::time(at),
        None if schedule.spec.enabled => "never: its timing cannot be used".to_owned(),
        None => "disabled".to_owned(),
    }
}

/// `run m3k4x9p2abcd: done, 2026-11-21 06:15:00 UTC`, and why there was none, where there was none.
fn last(last: &LastRun) -> String {
    let run = last.run.as_ref().map(|run| {
        let state = last.state.map_or("unknown", protocol::RunState::label);
        format!("run {run}: {state}, ")
    });
    let note = last.note.as_ref().map(|note| format!(" ({})", format::one_line(note)));
    format!("{}{}{}", run.unwrap_or_default(), format::time(last.at), note.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use protocol::{RunId, RunState};

    use super::*;

    #[test]
    fn the_last_run_in_words() {
        let mut row = LastRun {
            run: Some(RunId("m1".to_owned())),
            state: Some(RunState::Done),
            at: 1_700_000_000_000,
            note: None,
        };
        assert_eq!(last(&row), "run m1: done, 2023-11-14 22:13:20 UTC");
        row.note = Some("skipped: run m1 is\nstill at work".to_owned());
        row.state = Some(RunState::Running);
        assert_eq!(last(&row), "run m1: running, 2023-11-14 22:13:20 UTC (skipped: run m1 is still at work)");
        row.run = None;
        row.note = Some("could not start: PINECONE_API_KEY is not set".to_owned());
        assert_eq!(last(&row), "2023-11-14 22:13:20 UTC (could not start: PINECONE_API_KEY is not set)");
    }
}
