//! What became of runs: of this process, of others, and of those that are gone.

use std::{sync::Arc, time::Duration};

use protocol::{
    Category, Event, EventBody, FailurePage, LogPage, LogQuery, PageQuery, RecordIds, RunFilter, RunId,
    RunPage, RunState, RunView, StepState,
};
use store::{Commit, StoreError};
use tokio::{sync::broadcast, time::sleep};

use super::Runs;

/// How often a run that another process is at work on is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// How often a run that nobody is at work on is looked at: somebody may let it go on.
const SELDOM_LOOK: Duration = Duration::from_secs(2);

/// What was sent in the last moment before a process died is not in the store. The numbering jumps over it, so that a
/// browser never takes an event that it has for one that it has not.
const SEQUENCE_JUMP: u64 = 10_000;

impl Runs {
    /// A run as it stands, in whatever process it runs or ran.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn view(&self, id: &RunId) -> Result<Option<RunView>, StoreError> {
        if let Some(live) = self.live_run(id) {
            return Ok(Some(live.recorder.view()));
        }
        match self.store.view(id).await? {
            // Whoever is at work on it has its lock. If nobody has, its process died without a word.
            Some(view) if view.state.is_live() && !self.is_held(id) => {
                let Ok(_lock) = self.hold(id) else { return Ok(Some(view)) };
                self.stored(id).await
            }
            view => Ok(view),
        }
    }

    /// A run as it is in the store. The caller holds its lock: if it is live there, its process died, and that is
    /// written down.
    pub(super) async fn stored(&self, id: &RunId) -> Result<Option<RunView>, StoreError> {
        match self.store.view(id).await? {
            Some(mut view) if view.state.is_live() => {
                view.seq += SEQUENCE_JUMP;
                let at = view.updated_at;
                self.end(&mut view, RunState::Interrupted, at).await?;
                tracing::info!(run = %id, "Found a run whose process is gone; it can be resumed");
                Ok(Some(view))
            }
            view => Ok(view),
        }
    }

    /// Gives up a run that waits to be resumed, and the runs of its namespaces; passes over every other.
    pub(super) async fn give_up(&self, id: &RunId) -> Result<(), StoreError> {
        let waits = |view: &RunView| matches!(view.state, RunState::Paused | RunState::Interrupted);
        let mut parts = vec![id.clone()];
        while let Some(id) = parts.pop() {
            if !self.store.view(&id).await?.as_ref().is_some_and(waits) {
                continue;
            }
            self.let_go(&id).await;
            let Ok(_lock) = self.hold(&id) else { continue };
            let Some(mut view) = self.stored(&id).await?.filter(waits) else { continue };
            self.end(&mut view, RunState::Cancelled, (self.clock)()).await?;
            parts.extend(view.namespaces.into_iter().filter_map(|row| row.run));
        }
        Ok(())
    }

    /// Writes down how a run ended that nobody is at work on. Its lock is held.
    async fn end(&self, view: &mut RunView, state: RunState, at: u64) -> Result<(), StoreError> {
        let step_state = if state == RunState::Cancelled { StepState::Cancelled } else { StepState::Paused };
        let open =
            view.steps.iter().filter(|step| matches!(step.state, StepState::Running | StepState::Paused));
        let mut bodies: Vec<EventBody> = open
            .map(|step| EventBody::Step { step: step.step, state: step_state, detail: step.detail.clone() })
            .collect();
        bodies.push(EventBody::Finished { state, error: None, pause: None });
        let mut events = Vec::new();
        for body in bodies {
            let event = Event { run: view.head.id.clone(), seq: view.seq + 1, at, body };
            view.apply(&event);
            events.push(event);
        }
        // Nothing is waited for any more.
        view.progress.pacing.clear();
        view.progress.flow = protocol::Flow::default();
        let commit = Commit { view: Some(view.clone()), events, ..Commit::default() };
        self.store.commit(&view.head.id, commit).await
    }

    /// Runs, newest first.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn list(&self, filter: &RunFilter) -> Result<RunPage, StoreError> {
        // A run whose process died stands as live in the store until somebody looks at it.
        let live = RunState::ALL.into_iter().filter(|state| state.is_live()).collect();
        let seemingly_live = RunFilter { states: live, ..RunFilter::default() };
        for run in self.store.runs(&seemingly_live).await?.runs {
            self.view(&run.head.id).await?;
        }
        let mut page = self.store.runs(filter).await?;
        for row in &mut page.runs {
            if let Some(live) = self.live_run(&row.head.id) {
                *row = live.recorder.view().summary();
            }
        }
        Ok(page)
    }

    /// The ids behind a count; `None` if there is no such run.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn records(
        &self,
        id: &RunId,
        category: Category,
        query: &PageQuery,
    ) -> Result<Option<RecordIds>, StoreError> {
        let page = self.store.records(id, category, query).await?;
        let is_empty = page.ids.is_empty();
        self.of_known_run(id, page, is_empty).await
    }

    /// Failed records; `None` if there is no such run.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn failures(&self, id: &RunId, query: &PageQuery) -> Result<Option<FailurePage>, StoreError> {
        let page = self.store.failures(id, query).await?;
        let is_empty = page.failures.is_empty();
        self.of_known_run(id, page, is_empty).await
    }

    /// Lines of the log, oldest first; `None` if there is no such run.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn log(&self, id: &RunId, query: &LogQuery) -> Result<Option<LogPage>, StoreError> {
        let page = self.store.log(id, query).await?;
        let is_empty = page.lines.is_empty();
        self.of_known_run(id, page, is_empty).await
    }

    /// A page, unless it is empty because there is no such run.
    async fn of_known_run<P>(&self, id: &RunId, page: P, is_empty: bool) -> Result<Option<P>, StoreError> {
        let known = !is_empty || self.store.view(id).await?.is_some();
        Ok(known.then_some(page))
    }

    /// A run as it stands, and what follows. The channel of a run that this process is not at work on carries no events:
    /// it is closed as soon as the run is not as it was, and whoever follows it subscribes again. So does the channel of
    /// a run that has ended.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn subscribe(
        self: &Arc<Self>,
        id: &RunId,
    ) -> Result<Option<(RunView, broadcast::Receiver<Arc<Event>>)>, StoreError> {
        if let Some(live) = self.live_run(id) {
            return Ok(Some(live.recorder.subscribe()));
        }
        let Some(view) = self.view(id).await? else { return Ok(None) };
        let (sender, receiver) = broadcast::channel(1);
        let (runs, id, seen) = (Arc::downgrade(self), id.clone(), (view.seq, view.state));
        let pause = if view.state.is_live() { LOOK } else { SELDOM_LOOK };
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    () = sleep(pause) => {}
                }
                let Some(runs) = runs.upgrade() else { return };
                match runs.view(&id).await {
                    Ok(Some(view)) if (view.seq, view.state) == seen => {}
                    // Whoever subscribes again finds out what it is, or is told why it cannot be known.
                    _ => return,
                }
            }
        });
        Ok(Some((view, receiver)))
    }
}
