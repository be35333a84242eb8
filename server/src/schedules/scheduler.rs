//! The task that starts runs when they are due.

use std::time::Duration;

use futures::future::join_all;
use protocol::{Schedule, ScheduleId};
use store::StoreError;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Schedules, tick::begin, timing::next_after};

/// How often the store is read although nothing is due: another process may have changed something, and the machine may
/// have slept, which timers do not notice.
const LOOK: Duration = Duration::from_secs(5);

impl Schedules {
    /// Starts runs when they are due, until `stop`. A store that fails is tried again.
    pub async fn work(&self, stop: &CancellationToken) {
        let mut complaint = None;
        while !stop.is_cancelled() {
            let pause = match self.start_due().await {
                Ok(next) => {
                    complaint = None;
                    let wait = next.map(|next| next.saturating_sub((self.clock)()));
                    wait.map_or(LOOK, |millis| Duration::from_millis(millis).min(LOOK))
                }
                Err(error) => {
                    let message = error.to_string();
                    if complaint.as_ref() != Some(&message) {
                        tracing::error!("Schedules wait: {message}");
                        complaint = Some(message);
                    }
                    LOOK
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.changed.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Starts what is due, and answers when the next one will be, as far as that is known. What was missed while nobody
    /// looked is started once. What was planned by a clock that went ahead and was set right since is planned anew: it would
    /// be due in years.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn start_due(&self) -> Result<Option<u64>, StoreError> {
        let schedules = self.book.schedules().await?;
        let now = (self.clock)();
        let ticks = schedules.iter().filter_map(|schedule| Some((schedule, schedule.next_at?)));
        let nexts = join_all(ticks.map(|(schedule, due)| async move {
            match next_after(&schedule.spec.timing, now) {
                _ if due <= now => self.tick(&schedule.id, due, now).await,
                Ok(next) if next < due => self.bring_forward(&schedule.id, due, next).await,
                _ => Ok(Some(due)),
            }
        }));
        Ok(nexts.await.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().min())
    }

    /// Plans a start for an earlier moment, unless it was planned anew meanwhile.
    async fn bring_forward(&self, id: &ScheduleId, due: u64, next: u64) -> Result<Option<u64>, StoreError> {
        let plan = |schedule: &mut Schedule| {
            let is_as_read = schedule.next_at == Some(due);
            schedule.next_at = Some(next);
            is_as_read
        };
        self.book.change(id, &plan).await?;
        Ok(Some(next))
    }

    /// One tick: claimed, so that one process starts its run; answers when the next one is.
    async fn tick(&self, id: &ScheduleId, due: u64, now: u64) -> Result<Option<u64>, StoreError> {
        let claim = |schedule: &mut Schedule| {
            let is_due = schedule.next_at == Some(due);
            schedule.next_at = next_after(&schedule.spec.timing, now).ok();
            is_due
        };
        // What is started is what the schedule asks for at the moment of the claim.
        let Some(schedule) = self.book.change(id, &claim).await? else { return Ok(None) };
        if let Err(error) = next_after(&schedule.spec.timing, now) {
            // No page and no command lets such a timing in; a newer tain may have.
            tracing::error!(schedule = %id, "The schedule does not go on: {error}");
        }
        let Some(last) = begin(&*self.runner, &schedule, now).await else {
            // Missed ticks are made up for, so whoever comes next finds it, unless it was planned anew meanwhile.
            let give_back = |kept: &mut Schedule| {
                let is_as_claimed = kept.spec.enabled && kept.next_at == schedule.next_at;
                kept.next_at = Some(due);
                is_as_claimed
            };
            self.book.change(id, &give_back).await?;
            return Ok(None);
        };
        let run = last.run.as_ref().map_or("none", |run| &run.0);
        tracing::info!(schedule = %id, run, note = last.note.as_deref(), late_ms = now - due, "A schedule was due");
        let record = |schedule: &mut Schedule| {
            schedule.last = Some(last.clone());
            true
        };
        self.book.change(id, &record).await?;
        Ok(schedule.next_at)
    }
}
