//! `tain analyze`, `tain mirror`, `tain reembed`: one run, watched to its end.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use protocol::{
    Event, EventBody, PageQuery, PauseReason, Plan, RunId, RunKind, RunRequest, RunState, RunView,
};
use tokio::{
    sync::{broadcast, mpsc},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{Context, elasticsearch::require_clear};
use crate::{
    exit::{Exit, Failure},
    output::{Kept, Progress, print, print_json, scope, summary_report},
    runs::{Runs, StartError, Started},
    signals::stop_on_signal,
};

/// How long the last events of a run that has ended may take to get here.
const LAST_EVENTS: Duration = Duration::from_secs(5);

/// Starts a run and shows it until it ends.
///
/// # Errors
///
/// What keeps the run from starting. How a run ended that did start is in the exit code.
pub async fn run(context: &Context, request: RunRequest, confirmed: bool) -> Result<Exit, Failure> {
    let connections = context.connections()?;
    connections.require_keys(&request)?;
    let found = match &request.documents {
        Some(update) if request.kind == RunKind::Documents => {
            let preview = require_clear(&connections, update, request.overwrite_added).await?;
            let documents = format::counted(preview.numbers.to_update, "document", "documents");
            format!(" {documents} would be written to.")
        }
        _ => String::new(),
    };
    if !confirmed && !confirm_knowing(context, &request, &found)? {
        return Ok(Exit::Cancelled);
    }
    let stop = stop_on_signal();
    let runs = Runs::open(connections, context.clock.clone()).await?;
    Box::pin(follow(context, &runs, runs.start(request), &stop)).await
}

/// Shows a run that begins or goes on until it ends or stops.
///
/// # Errors
///
/// What keeps the run from beginning.
pub(super) async fn follow(
    context: &Context,
    runs: &Arc<Runs>,
    begin: impl Future<Output = Result<Started, StartError>>,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let started = tokio::select! {
        started = begin => started?,
        () = stop.cancelled() => return Ok(Exit::Cancelled),
    };
    let Watched { view, reader_left } = Box::pin(watch(context, runs, started, stop)).await;
    runs.finish().await;
    if !reader_left && !context.style.json {
        let kept = kept(runs, &view.head.id).await;
        // The run has ended in any case: that nobody reads the summary does not change how.
        drop(print(&summary_report(&view, &kept, context.style)));
    }
    Ok(exit_of(&view))
}

/// The first ids behind the counts that are shown with some.
pub(super) async fn kept(runs: &Runs, id: &RunId) -> Kept {
    let query = PageQuery { limit: Kept::IDS, ..PageQuery::default() };
    let first = async |category| {
        // The counts stand without their ids, too.
        runs.records(id, category, &query).await.ok().flatten().unwrap_or_default()
    };
    let [a, b, c, d] = Kept::CATEGORIES;
    Kept::new(&[first(a).await, first(b).await, first(c).await, first(d).await])
}

/// Asks once, naming what will be written to, unless nothing will be.
pub(super) fn confirm(context: &Context, request: &RunRequest) -> Result<bool, Failure> {
    confirm_knowing(context, request, "")
}

/// The same with what is known beforehand.
fn confirm_knowing(context: &Context, request: &RunRequest, found: &str) -> Result<bool, Failure> {
    if !request.is_live() {
        return Ok(true);
    }
    let config = context.config()?;
    let (source, target) = (&config.pinecone.source, &config.pinecone.target);
    let index = &config.elasticsearch.index;
    let (label, scope) = (request.kind.label(), scope(request));
    if request.kind == RunKind::Documents {
        return Ok(ask(context, &format!("{label} of {index} ({scope})?{found}")));
    }
    let what = if request.namespaces.is_some() { scope } else { format!("namespace {scope}") };
    let also = match request.documents {
        Some(_) => format!(" It ends with the documents of {index}."),
        None => String::new(),
    };
    let question = format!(
        "{label} {what} of {source} into {target}? This writes to {target} and pays for embeddings.{also}{found}"
    );
    Ok(ask(context, &question))
}

/// Asks yes or no. Where nobody can answer, the command itself is the answer: a script that asks for a mirror gets one.
pub(super) fn ask(context: &Context, question: &str) -> bool {
    if context.style.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return true;
    }
    let mut stderr = io::stderr().lock();
    let asked = stderr.write_all(format!("{question} [y/N] ").as_bytes()).and_then(|()| stderr.flush());
    let mut answer = String::new();
    let answered = asked.and_then(|()| io::stdin().read_line(&mut answer));
    answered.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

struct Watched {
    view: RunView,
    /// Whether whoever read stdout went away in the middle.
    reader_left: bool,
}

/// Shows events until the last one. The first signal, and a reader who leaves, stop the run at a checkpoint.
async fn watch(context: &Context, runs: &Runs, started: Started, stop: &CancellationToken) -> Watched {
    let Started { id, view: mut current, events } = started;
    let mut progress = Progress::new(context.style);
    let mut watched_stop = Some(stop);
    let mut reader_left = false;
    // The first event came before anybody could subscribe.
    let body = if current.seq == 1 {
        EventBody::Started(Box::new(current.head.clone()))
    } else {
        EventBody::Resumed
    };
    let begun = Event { run: id.clone(), seq: current.seq, at: current.updated_at, body };
    let mut show = |event: &Event, view: &RunView| -> bool {
        progress.show(event, view);
        context.style.json && print_json(event).is_err()
    };
    if show(&begun, &current) {
        reader_left = true;
        runs.stop(&id);
    }
    let mut events = unbounded(events);
    // The last event ends the loop. A run that died without one must not keep its watcher waiting for ever.
    let died = async {
        runs.finish().await;
        sleep(LAST_EVENTS).await;
    };
    tokio::pin!(died);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = &mut died => break,
            () = cancelled(watched_stop) => {
                watched_stop = None;
                runs.stop(&id);
                continue;
            }
        };
        let Some(event) = event else { break };
        if !current.apply(&event) {
            tracing::error!(run = %id, seq = event.seq, "an event is missing from what is shown");
            if let Ok(Some(view)) = runs.view(&id).await {
                current = view;
            }
        }
        if !reader_left && show(&event, &current) {
            reader_left = true;
            runs.stop(&id);
        }
        if !current.state.is_live() {
            break;
        }
    }
    progress.finish();
    Watched { view: current, reader_left }
}

async fn cancelled(stop: Option<&CancellationToken>) {
    match stop {
        Some(stop) => stop.cancelled().await,
        None => std::future::pending().await,
    }
}

/// Takes events off the run's channel at once, so that a slow terminal never makes the run drop one.
fn unbounded(mut events: broadcast::Receiver<Arc<Event>>) -> mpsc::UnboundedReceiver<Arc<Event>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => {
                    if sender.send(event).is_err() {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
    receiver
}

/// The exit code that says how a run ended.
pub(super) fn exit_of(view: &RunView) -> Exit {
    match view.state {
        RunState::Done => {
            let counts = &view.progress.counts;
            let differs = match &view.plan {
                Some(plan) => Plan::has_work(plan),
                // A run over several namespaces has no plan of its own.
                None => counts.missing + counts.changed > 0,
            };
            let compares = matches!(view.head.request.kind, RunKind::Analyze | RunKind::Levels);
            if compares && differs { Exit::Differences } else { Exit::Done }
        }
        RunState::DoneWithFailures => Exit::RecordsFailed,
        RunState::Paused => match view.pause.as_ref().map(|pause| pause.reason) {
            Some(PauseReason::Quota) => Exit::ServiceFailed,
            Some(PauseReason::Requested | PauseReason::Shutdown) | None => Exit::Cancelled,
        },
        RunState::Cancelled => Exit::Cancelled,
        RunState::Failed
        | RunState::Running
        | RunState::Pausing
        | RunState::Cancelling
        | RunState::Interrupted => Exit::ServiceFailed,
    }
}
