//! What is done now and then: questions from other processes are answered, old runs are pruned, and runs that waited for
//! a quota go on.

use std::{collections::HashSet, sync::Arc, time::Duration};

use protocol::{PauseReason, RunFilter, RunId, RunState, RunSummary};
use store::StoreError;
use tokio::time::{MissedTickBehavior, interval};

use super::{Runs, reason_of};

/// How often the store is asked what other processes want of the runs of this one.
const ASKED: Duration = Duration::from_millis(250);

/// How often old runs are pruned.
const PRUNE: Duration = Duration::from_hours(24);

/// How often the server looks whether a run that waited for a quota can go on.
const QUOTAS: Duration = Duration::from_secs(20);

/// How long a run that could not go on is left alone, in milliseconds.
const NEXT_TRY: u64 = 10 * 60 * 1_000;

impl Runs {
    /// Answers other processes and prunes, for as long as the registry lives.
    pub(super) fn keep_house(self: &Arc<Self>) {
        let runs = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut asked = ticks(ASKED);
            let mut prune = ticks(PRUNE);
            loop {
                tokio::select! {
                    _ = asked.tick() => {
                        let Some(runs) = runs.upgrade() else { return };
                        runs.answer().await;
                    }
                    _ = prune.tick() => {
                        let Some(runs) = runs.upgrade() else { return };
                        match runs.store.prune((runs.clock)()).await {
                            Ok(0) => {}
                            Ok(pruned) => tracing::info!(pruned, "Forgot old runs"),
                            Err(error) => tracing::warn!(%error, "old runs could not be pruned"),
                        }
                    }
                }
            }
        });
    }

    /// Does what other processes asked of the runs of this one.
    async fn answer(&self) {
        let ids: Vec<RunId> = self.live().keys().cloned().collect();
        if ids.is_empty() {
            return;
        }
        match self.store.asked(&ids).await {
            Ok(asked) => {
                for (id, ask) in asked {
                    if let Some(live) = self.live_run(&id) {
                        live.stop.ask(reason_of(ask));
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "other processes cannot be answered"),
        }
    }

    /// Lets every run go on that was interrupted, or stopped because tain did.
    ///
    /// # Errors
    ///
    /// The store could not be read. That one run cannot go on is logged, and keeps no other.
    pub async fn go_on(self: &Arc<Self>) -> Result<(), StoreError> {
        let stopped = |run: &RunSummary| {
            let reason = run.pause.as_ref().map(|pause| pause.reason);
            run.state == RunState::Interrupted || reason == Some(PauseReason::Shutdown)
        };
        for id in self.waiting(stopped).await? {
            self.try_to_resume(&id).await;
        }
        Ok(())
    }

    /// Lets runs go on that wait for a quota, once it is there again, for as long as the registry lives.
    pub fn watch_quotas(self: &Arc<Self>) {
        let runs = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = ticks(QUOTAS);
            // Those that could not go on, and when they are tried again.
            let mut refused: Vec<(RunId, u64)> = Vec::new();
            loop {
                ticks.tick().await;
                let Some(runs) = runs.upgrade() else { return };
                let now = (runs.clock)();
                refused.retain(|(_, again)| *again > now);
                let due = |run: &RunSummary| {
                    run.pause.as_ref().is_some_and(|pause| {
                        pause.reason == PauseReason::Quota && pause.until.is_some_and(|until| until <= now)
                    }) && !refused.iter().any(|(id, _)| *id == run.head.id)
                };
                match runs.waiting(due).await {
                    Ok(ids) => {
                        for id in ids {
                            if !runs.try_to_resume(&id).await {
                                refused.push((id, now + NEXT_TRY));
                            }
                        }
                    }
                    Err(error) => tracing::warn!(%error, "cannot see which runs wait for a quota"),
                }
            }
        });
    }

    async fn try_to_resume(self: &Arc<Self>, id: &RunId) -> bool {
        match self.resume(id).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(run = %id, %error, "a run cannot go on by itself");
                false
            }
        }
    }

    /// Runs that wait to be resumed for the wanted reason, oldest first, without those that go on with a run over
    /// several namespaces.
    async fn waiting(&self, wanted: impl Fn(&RunSummary) -> bool) -> Result<Vec<RunId>, StoreError> {
        let mut filter =
            RunFilter { states: vec![RunState::Paused, RunState::Interrupted], ..RunFilter::default() };
        let mut rows = Vec::new();
        loop {
            let page = self.list(&filter).await?;
            rows.extend(page.runs);
            filter.before = page.next;
            if filter.before.is_none() {
                break;
            }
        }
        let mut parts = HashSet::new();
        for row in rows.iter().filter(|row| row.head.request.namespaces.is_some()) {
            let view = self.store.view(&row.head.id).await?;
            parts.extend(view.into_iter().flat_map(|view| view.namespaces).filter_map(|part| part.run));
        }
        let ids = rows.into_iter().rev().filter(|row| wanted(row)).map(|row| row.head.id);
        Ok(ids.filter(|id| !parts.contains(id)).collect())
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
