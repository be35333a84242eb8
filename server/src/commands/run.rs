//! `tain analyze`, `tain mirror`, `tain reembed`: one run, watched to its end.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use protocol::{Event, EventBody, RunKind, RunRequest, RunState, RunView};
use tokio::{
    sync::{broadcast, mpsc},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::{
    exit::{Exit, Failure},
    output::{Kept, Progress, display_namespace, print, print_json, summary_report},
    runs::{Runs, Started},
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
    let runs = Runs::new(connections, context.clock.clone());
    if writes(&request) && !confirmed && !context.style.json && !confirm(context, &request)? {
        return Ok(Exit::Cancelled);
    }
    let stop = stop_on_signal();
    let started = tokio::select! {
        started = runs.start(request) => started?,
        () = stop.cancelled() => return Ok(Exit::Cancelled),
    };
    let view = watch(context, &runs, started, &stop).await;
    runs.finish().await;
    let Watched { view, reader_left } = view;
    if !reader_left && !context.style.json {
        let kept = Kept::new(|category| runs.records(&view.head.id, category).unwrap_or_else(nothing));
        // The run has ended in any case: that nobody reads the summary does not change how.
        drop(print(&summary_report(&view, &kept, context.style)));
    }
    Ok(exit_of(&view))
}

fn nothing() -> protocol::RecordIds {
    protocol::RecordIds { ids: Vec::new(), total: 0 }
}

fn writes(request: &RunRequest) -> bool {
    request.kind != RunKind::Analyze && !request.dry_run
}

/// Asks once, naming what will be written to. Where nobody can answer, the command itself is the answer: a script that
/// asks for a mirror gets one.
fn confirm(context: &Context, request: &RunRequest) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    let config = context.config()?;
    let question = format!(
        "{} namespace {} of {} into {}? This writes to {} and pays for embeddings. [y/N] ",
        request.kind.label(),
        display_namespace(&request.namespace),
        config.pinecone.source,
        config.pinecone.target,
        config.pinecone.target,
    );
    let mut stderr = io::stderr().lock();
    let asked = stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush());
    let mut answer = String::new();
    let answered = asked.and_then(|()| io::stdin().read_line(&mut answer));
    Ok(answered.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

struct Watched {
    view: RunView,
    /// Whether whoever read stdout went away in the middle.
    reader_left: bool,
}

/// Shows events until the last one. The first signal, and a reader who leaves, cancel the run.
async fn watch(context: &Context, runs: &Runs, started: Started, stop: &CancellationToken) -> Watched {
    let Started { id, view: mut current, events } = started;
    let mut progress = Progress::new(context.style);
    let mut watched_stop = Some(stop);
    let mut reader_left = false;
    let begun = Event {
        run: id.clone(),
        seq: current.seq,
        at: current.updated_at,
        body: EventBody::Started(Box::new(current.head.clone())),
    };
    let mut show = |event: &Event, view: &RunView| -> bool {
        progress.show(event, view);
        context.style.json && print_json(event).is_err()
    };
    if show(&begun, &current) {
        reader_left = true;
        runs.cancel(&id);
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
                runs.cancel(&id);
                continue;
            }
        };
        let Some(event) = event else { break };
        if !current.apply(&event) {
            tracing::error!(run = %id, seq = event.seq, "an event is missing from what is shown");
            if let Some(view) = runs.view(&id) {
                current = view;
            }
        }
        if !reader_left && show(&event, &current) {
            reader_left = true;
            runs.cancel(&id);
        }
        if current.state.is_final() {
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
fn unbounded(
    mut events: broadcast::Receiver<std::sync::Arc<Event>>,
) -> mpsc::UnboundedReceiver<std::sync::Arc<Event>> {
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

fn exit_of(view: &RunView) -> Exit {
    match view.state {
        RunState::Done => {
            let differs = view.plan.as_ref().is_some_and(protocol::Plan::has_work);
            if view.head.request.kind == RunKind::Analyze && differs { Exit::Differences } else { Exit::Done }
        }
        RunState::DoneWithFailures => Exit::RecordsFailed,
        RunState::Cancelled => Exit::Cancelled,
        RunState::Failed | RunState::Running | RunState::Cancelling => Exit::ServiceFailed,
    }
}
