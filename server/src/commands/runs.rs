//! `tain runs`: what became of runs, and what is to become of them.

use std::{sync::Arc, time::Duration};

use protocol::{
    Differences, LogQuery, PageQuery, RunComparison, RunFilter, RunId, RunRequest, RunState, RunSummary,
    RunView,
};
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::{
    Context,
    run::{confirm, follow, kept},
};
use crate::{
    cli::{CompareArgs, FailuresArgs, LogArgs, RecordsArgs, RetryArgs, RunsArgs, RunsCommand, RunsFilter},
    exit::{Exit, Failure},
    output::{comparison_report, note, print, print_json, run_title, runs_table, summary_report, table},
    runs::{Runs, StartError},
    signals::stop_on_signal,
};

/// Rows that are read at once.
const ROWS: u32 = 1_000;

/// How long a run may take to do what it was asked. A second is enough, unless the machine is slow.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// Does what is asked with runs.
///
/// # Errors
///
/// A store that cannot be used, a run that there is none of, or one with which this cannot be done.
pub async fn runs(context: &Context, arguments: RunsArgs) -> Result<Exit, Failure> {
    let runs = Runs::open(context.connections()?, context.clock.clone()).await?;
    match arguments.command {
        None => match arguments.id {
            None => list(context, &runs, &arguments.filter).await,
            Some(id) => show(context, &runs, &RunId(id)).await,
        },
        Some(RunsCommand::List(filter)) => list(context, &runs, &filter).await,
        Some(RunsCommand::Show(run)) => show(context, &runs, &run.id()).await,
        Some(RunsCommand::Compare(arguments)) => compare(context, &runs, &arguments).await,
        Some(RunsCommand::Log(arguments)) => log(context, &runs, &arguments).await,
        Some(RunsCommand::Failures(arguments)) => failures(context, &runs, &arguments).await,
        Some(RunsCommand::Records(arguments)) => records(context, &runs, &arguments).await,
        Some(RunsCommand::Pause(run)) => {
            let id = run.id();
            let known = runs.pause(&id).await?;
            until_stopped(context, &runs, &id, known).await
        }
        Some(RunsCommand::Cancel(run)) => {
            let id = run.id();
            let known = runs.cancel(&id).await?;
            until_stopped(context, &runs, &id, known).await
        }
        Some(RunsCommand::Resume(run)) => {
            let stop = stop_on_signal();
            follow(context, &runs, runs.resume(&run.id()), &stop).await
        }
        Some(RunsCommand::Retry(arguments)) => retry(context, &runs, &arguments).await,
    }
}

async fn list(context: &Context, runs: &Runs, filter: &RunsFilter) -> Result<Exit, Failure> {
    let mut left = filter.limit;
    let mut query = RunFilter {
        kind: filter.kind.map(Into::into),
        states: filter.state.clone(),
        namespace: filter.namespace.clone(),
        before: None,
        limit: left.min(ROWS),
    };
    let mut rows = Vec::new();
    loop {
        let page = runs.list(&query).await?;
        left = left.saturating_sub(u32::try_from(page.runs.len()).unwrap_or(u32::MAX));
        rows.extend(page.runs);
        query.before = page.next;
        query.limit = left.min(ROWS);
        if query.before.is_none() || left == 0 {
            break;
        }
    }
    if context.style.json {
        for row in &rows {
            print_json(row)?;
        }
    } else {
        print(&runs_table(&rows, context.style))?;
        if query.before.is_some() && !context.style.quiet {
            note("there are older ones; see them with --limit");
        }
    }
    Ok(Exit::Done)
}

async fn show(context: &Context, runs: &Runs, id: &RunId) -> Result<Exit, Failure> {
    let view = known(runs, id).await?;
    if context.style.json {
        print_json(&view)?;
    } else {
        let kept = kept(runs, id).await;
        print(&format!(
            "{}{}",
            run_title(&view, context.style),
            summary_report(&view, &kept, context.style)
        ))?;
    }
    Ok(Exit::Done)
}

async fn compare(context: &Context, runs: &Runs, arguments: &CompareArgs) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Both<'a> {
        run: &'a RunSummary,
        with: Option<&'a RunSummary>,
        #[serde(flatten)]
        differences: Option<Differences>,
    }
    let comparison = runs.compare(&arguments.run.id(), arguments.with().as_ref()).await?;
    if context.style.json {
        let RunComparison { run, with, .. } = &comparison;
        print_json(&Both {
            run: &run.summary,
            with: with.as_ref().map(|with| &with.summary),
            differences: with.as_ref().map(|with| Differences::between(with, run)),
        })?;
    } else {
        print(&comparison_report(&comparison, context.style))?;
    }
    Ok(Exit::Done)
}

async fn known(runs: &Runs, id: &RunId) -> Result<RunView, Failure> {
    Ok(runs.view(id).await?.ok_or_else(|| unknown(id))?)
}

fn unknown(id: &RunId) -> StartError {
    StartError::UnknownRun(RunId(format::one_line(&id.0)))
}

async fn log(context: &Context, runs: &Runs, arguments: &LogArgs) -> Result<Exit, Failure> {
    let id = arguments.run.id();
    let mut query = LogQuery { level: arguments.level.map(Into::into), page: searched(&arguments.search) };
    loop {
        let page = runs.log(&id, &query).await?.ok_or_else(|| unknown(&id))?;
        for line in &page.lines {
            if context.style.json {
                print_json(line)?;
                continue;
            }
            let level = match line.level {
                protocol::LogLevel::Info => "info ".to_owned(),
                protocol::LogLevel::Warn => context.style.warning("warn "),
                protocol::LogLevel::Error => context.style.bad("error"),
            };
            print(&format!("{} {level} {}", format::time(line.at), format::one_line(&line.message)))?;
        }
        query.page.after = page.next;
        if query.page.after.is_none() {
            return Ok(Exit::Done);
        }
    }
}

async fn failures(context: &Context, runs: &Runs, arguments: &FailuresArgs) -> Result<Exit, Failure> {
    let id = arguments.run.id();
    let mut query = searched(&arguments.search);
    loop {
        let page = runs.failures(&id, &query).await?.ok_or_else(|| unknown(&id))?;
        if context.style.json {
            for failure in &page.failures {
                print_json(failure)?;
            }
        } else if !page.failures.is_empty() {
            let mut lines = table(&["ID", "STEP", "ATTEMPTS", "AT", "MESSAGE"]);
            for failure in &page.failures {
                lines.add_row([
                    format::one_line(&failure.id),
                    failure.step.label().to_owned(),
                    format::count(failure.attempts.into()),
                    format::time(failure.at),
                    format::one_line(&failure.message),
                ]);
            }
            print(&lines.trim_fmt())?;
        }
        query.after = page.next;
        if query.after.is_none() {
            return Ok(Exit::Done);
        }
    }
}

async fn records(context: &Context, runs: &Runs, arguments: &RecordsArgs) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Id<'a> {
        id: &'a str,
    }
    let id = arguments.run.id();
    let mut query = searched(&arguments.search);
    loop {
        let page = runs.records(&id, arguments.category, &query).await?.ok_or_else(|| unknown(&id))?;
        for id in &page.ids {
            if context.style.json {
                print_json(&Id { id })?;
            } else {
                print(&format::one_line(id))?;
            }
        }
        query.after = page.next;
        if query.after.is_none() {
            return Ok(Exit::Done);
        }
    }
}

fn searched(search: &str) -> PageQuery {
    PageQuery { search: search.to_owned(), after: None, limit: ROWS }
}

/// Waits until a run has done what it was asked, and says how it stands.
async fn until_stopped(context: &Context, runs: &Runs, id: &RunId, is_known: bool) -> Result<Exit, Failure> {
    if !is_known {
        return Err(unknown(id).into());
    }
    let stopped = timeout(PATIENCE, async {
        loop {
            let view = known(runs, id).await?;
            if !view.state.is_live() {
                return Ok::<_, Failure>(view);
            }
            sleep(LOOK).await;
        }
    });
    let Ok(view) = stopped.await else {
        return Err(Failure::service(format!(
            "run {id} was asked and has not stopped within {} s; `tain runs {id}` shows how it stands",
            PATIENCE.as_secs()
        )));
    };
    let view = view?;
    if context.style.json {
        print_json(&view.summary())?;
    } else {
        let resume = match view.state {
            RunState::Paused | RunState::Interrupted => format!("; go on with: tain runs resume {id}"),
            _ => String::new(),
        };
        print(&format!("run {id} is {}{resume}", view.state.label()))?;
    }
    Ok(Exit::Done)
}

async fn retry(context: &Context, runs: &Arc<Runs>, arguments: &RetryArgs) -> Result<Exit, Failure> {
    let id = arguments.run.id();
    let failed = known(runs, &id).await?.head.request;
    let request = RunRequest {
        retry: Some(id),
        dry_run: arguments.dry_run,
        ..RunRequest::new(failed.kind, failed.namespace)
    };
    if !arguments.yes && !confirm(context, &request)? {
        return Ok(Exit::Cancelled);
    }
    let stop = stop_on_signal();
    Box::pin(follow(context, runs, runs.start(request), &stop)).await
}
