//! A run over several namespaces: a run of its own that starts an ordinary one for each, one after the other, and adds
//! up what they do.

use std::{sync::Arc, time::Duration};

use protocol::{Counts, Event, LogLevel, NamespaceRun, Pause, PauseReason, RunRequest, RunState, RunView};
use store::{Commit, StoreError};
use sync::{Origin, Recorder, Stop, StopReason};
use tokio::{
    sync::broadcast::{self, error::TryRecvError},
    time::{MissedTickBehavior, interval},
};

use super::{Begun, Live, Runs, StartError, Started, locks::Locks};
use crate::{clock::new_run_id, connections::ConnectError, exit::chain};

/// How often the whole looks at the part that is at work.
const LOOK: Duration = Duration::from_millis(250);

/// How one namespace ended, for the whole.
enum Part {
    /// The next one can begin.
    Ended,
    /// It stopped at a checkpoint, and so does the whole.
    Paused(Pause),
}

impl Runs {
    /// Starts a run over all namespaces of the source that match.
    pub(super) async fn start_all(self: &Arc<Self>, request: RunRequest) -> Result<Started, StartError> {
        if request.plan.is_some() || request.retry.is_some() {
            let message = "a plan and the failures of a run are of one namespace; ask for that one";
            return Err(StartError::invalid("namespaces", message));
        }
        self.connections.require_keys(&request)?;
        let rows = self.matching(&request).await?;
        let now = (self.clock)();
        let id = new_run_id(now);
        let locks = self.lock(&id, &[], now)?;
        let request = RunRequest { namespace: String::new(), ..request };
        let settings = self.connections.settings();
        let mut head =
            sync::head(id, request, self.connections.index_names(), &Origin::Listing, &settings, now);
        // Each namespace has a run with steps of its own.
        head.steps.clear();
        let recorder = Recorder::new(head, self.clock.clone());
        let started = Started::of(&recorder);
        let (_, events) = recorder.subscribe();
        for row in rows {
            recorder.namespace(row);
        }
        let view = recorder.view();
        self.store.begin(&view, &self.ledger_of(&view.head.request)?).await?;
        self.launch_all(recorder, events, locks, Begun::Now);
        Ok(started)
    }

    /// Goes on with a run over several namespaces: with the one that was at work, and then with those that have not
    /// begun.
    pub(super) async fn resume_all(
        self: &Arc<Self>,
        view: RunView,
        locks: Locks,
    ) -> Result<(Started, Live), StartError> {
        let recorder = self.restored(view).await?;
        let started = Started::of(&recorder);
        let (_, events) = recorder.subscribe();
        Ok((started, self.launch_all(recorder, events, locks, Begun::Before)))
    }

    fn launch_all(
        self: &Arc<Self>,
        recorder: Arc<Recorder>,
        events: broadcast::Receiver<Arc<Event>>,
        locks: Locks,
        begun: Begun,
    ) -> Live {
        let stop = Stop::new();
        let whole =
            Whole { runs: self.clone(), recorder: recorder.clone(), stop: stop.clone(), told: None, events };
        self.launch(recorder, stop, locks, begun, whole.execute())
    }

    /// The namespaces that a request is about, in the order in which they are done.
    async fn matching(&self, request: &RunRequest) -> Result<Vec<NamespaceRun>, StartError> {
        let patterns = request.namespaces.clone().unwrap_or_default();
        let source = self.connections.source().await?;
        let stats = source.stats().await.map_err(|error| ConnectError::Service(chain(&error)))?;
        let names = stats.namespaces.keys().map(ToString::to_string);
        let mut names: Vec<String> = names.filter(|name| patterns.matches(name)).collect();
        names.sort();
        if names.is_empty() {
            let (source, _) = self.connections.index_names();
            let message =
                format!("no namespace of {source} matches; `tain namespaces` lists those that there are");
            return Err(StartError::invalid("namespaces", message));
        }
        let row = |namespace| NamespaceRun {
            namespace,
            run: None,
            state: None,
            counts: Counts::default(),
            error: None,
        };
        Ok(names.into_iter().map(row).collect())
    }
}

/// A run over several namespaces at work.
struct Whole {
    runs: Arc<Runs>,
    recorder: Arc<Recorder>,
    stop: Stop,
    /// What the part at work was last told to do.
    told: Option<StopReason>,
    /// What is not in the store yet.
    events: broadcast::Receiver<Arc<Event>>,
}

impl Whole {
    async fn execute(mut self) -> RunState {
        let (state, error, pause) = match self.work().await {
            Ok(None) => self.conclusion(),
            Ok(Some(pause)) => (RunState::Paused, None, Some(pause)),
            Err(error) => (RunState::Failed, Some(error.to_string()), None),
        };
        if let Some(error) = &error {
            self.recorder.log(LogLevel::Error, error.clone());
        }
        self.recorder.finish(state, error, pause);
        if let Err(error) = self.keep().await {
            tracing::error!(run = %self.recorder.id(), %error, "the end of a run is not in the store");
        }
        state
    }

    /// Does one namespace after the other; a pause is the reason why not all are done.
    async fn work(&mut self) -> Result<Option<Pause>, StoreError> {
        // Given up with the whole, or done: these are not looked at again when the whole is resumed.
        let is_settled = |row: &NamespaceRun| {
            matches!(row.state, Some(RunState::Done | RunState::DoneWithFailures | RunState::Cancelled))
        };
        for row in self.recorder.view().namespaces {
            if is_settled(&row) {
                continue;
            }
            if let Some(reason) = self.stop.asked() {
                self.tell(reason);
                return Ok(pause_of(reason));
            }
            if let Part::Paused(pause) = self.part(row).await? {
                return Ok(Some(pause));
            }
        }
        Ok(None)
    }

    /// Does one namespace, in the run that it has already or in a new one.
    async fn part(&mut self, mut row: NamespaceRun) -> Result<Part, StoreError> {
        let live = match self.begin(&row).await {
            Ok(live) => live,
            Err(StartError::Stopping) => {
                return Ok(Part::Paused(pause(PauseReason::Shutdown, "tain was stopped")));
            }
            Err(error) => {
                // It may have been resumed and have ended on its own meanwhile.
                let ended = match &row.run {
                    Some(id) => self.runs.view(id).await?.filter(|view| !view.state.is_resumable()),
                    None => None,
                };
                match ended {
                    Some(view) => show(&mut row, &view),
                    None => row.error = Some(error.to_string()),
                }
                let level = if row.error.is_some() { LogLevel::Error } else { LogLevel::Info };
                let what = row.error.as_deref().unwrap_or("has ended on its own meanwhile");
                self.recorder.log(level, format!("{}: {what}", row.namespace));
                self.report(row);
                self.keep().await?;
                return Ok(Part::Ended);
            }
        };
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let gone = tokio::select! {
                () = live.gone.cancelled() => true,
                () = self.stop.wait(), if self.told.is_none() => false,
                _ = ticks.tick() => false,
            };
            show(&mut row, &live.recorder.view());
            self.report(row.clone());
            if let Some(reason) = self.stop.asked() {
                self.tell(reason);
                live.stop.ask(reason);
            }
            self.keep().await?;
            if gone {
                break;
            }
        }
        let view = live.recorder.view();
        self.recorder.log(level_of(view.state), format!("{}: {}", row.namespace, view.state.label()));
        Ok(match view.pause {
            Some(pause) if view.state == RunState::Paused => Part::Paused(pause),
            _ => Part::Ended,
        })
    }

    async fn begin(&self, row: &NamespaceRun) -> Result<Live, StartError> {
        if let Some(id) = &row.run {
            // Boxed, since a run over several namespaces is resumed by the same function.
            return Ok(Box::pin(self.runs.resume_live(id)).await?.1);
        }
        let request = RunRequest {
            namespace: row.namespace.clone(),
            namespaces: None,
            ..self.recorder.view().head.request
        };
        Ok(self.runs.start_one(request).await?.1)
    }

    /// Says once that the run is about to stop.
    fn tell(&mut self, reason: StopReason) {
        if self.told == Some(reason) {
            return;
        }
        self.told = Some(reason);
        match reason {
            StopReason::Cancel => self.recorder.cancelling(),
            StopReason::Pause | StopReason::Shutdown => self.recorder.pausing(),
        }
    }

    /// Tells how a namespace stands, if that is new, and adds up all of them.
    fn report(&self, row: NamespaceRun) {
        let rows = self.recorder.view().namespaces;
        if rows.contains(&row) {
            return;
        }
        self.recorder.namespace(row);
        let mut counts = Counts::default();
        for row in &self.recorder.view().namespaces {
            counts.add(&row.counts);
        }
        self.recorder.set_counts(counts);
    }

    /// Writes down what happened since the last time.
    async fn keep(&mut self) -> Result<(), StoreError> {
        let mut events = Vec::new();
        loop {
            match self.events.try_recv() {
                Ok(event) => events.push((*event).clone()),
                // What was missed is in the view.
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if events.is_empty() {
            return Ok(());
        }
        let commit = Commit { view: Some(self.recorder.view()), events, ..Commit::default() };
        self.runs.store.commit(&self.recorder.id(), commit).await
    }

    /// How the whole ended, from how its parts did.
    fn conclusion(&self) -> (RunState, Option<String>, Option<Pause>) {
        let rows = self.recorder.view().namespaces;
        let is_ended =
            |row: &NamespaceRun| matches!(row.state, Some(RunState::Done | RunState::DoneWithFailures));
        // One that came to its end while it was asked to stop is done.
        if self.told == Some(StopReason::Cancel) && !rows.iter().all(is_ended) {
            return (RunState::Cancelled, None, None);
        }
        let failed = |row: &&NamespaceRun| {
            !matches!(row.state, Some(RunState::Done | RunState::DoneWithFailures | RunState::Cancelled))
        };
        let names: Vec<&str> = rows.iter().filter(failed).map(|row| row.namespace.as_str()).collect();
        if !names.is_empty() {
            let error = format!(
                "{} of {} namespaces failed: {}; their own runs say why, and resuming this one tries them again",
                names.len(),
                rows.len(),
                names.join(", ")
            );
            return (RunState::Failed, Some(error), None);
        }
        if rows.iter().all(|row| row.state == Some(RunState::Done)) {
            (RunState::Done, None, None)
        } else {
            (RunState::DoneWithFailures, None, None)
        }
    }
}

/// Takes over how the namespace's own run stands.
fn show(row: &mut NamespaceRun, view: &RunView) {
    row.run = Some(view.head.id.clone());
    row.state = Some(view.state);
    row.counts.clone_from(&view.progress.counts);
    row.error.clone_from(&view.error);
}

const fn level_of(state: RunState) -> LogLevel {
    match state {
        RunState::Failed => LogLevel::Error,
        RunState::DoneWithFailures => LogLevel::Warn,
        _ => LogLevel::Info,
    }
}

/// The pause that a request to stop leads to; giving up leads to none.
fn pause_of(reason: StopReason) -> Option<Pause> {
    match reason {
        StopReason::Cancel => None,
        StopReason::Pause => Some(pause(PauseReason::Requested, "paused on request")),
        StopReason::Shutdown => Some(pause(PauseReason::Shutdown, "tain was stopped")),
    }
}

fn pause(reason: PauseReason, message: &str) -> Pause {
    Pause { reason, message: message.to_owned(), until: None }
}
