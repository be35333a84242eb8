//! Where schedules are kept: the few methods of the store that they need.

use std::sync::Arc;

use futures::future::BoxFuture;
use protocol::{LastRun, Schedule, ScheduleId};
use store::{Store, StoreError};

/// Where schedules are kept. Several processes may use one at once.
pub trait Book: Send + Sync + 'static {
    /// All schedules, oldest first.
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, StoreError>>;

    /// Keeps a schedule, new or changed.
    fn keep<'a>(&'a self, schedule: &'a Schedule) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes a schedule; answers whether there was one.
    fn remove<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Sets when a schedule is due next, if it is still due at `due`; answers whether it was.
    fn claim<'a>(
        &'a self,
        id: &'a ScheduleId,
        due: u64,
        next: Option<u64>,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Keeps what became of a tick, if the schedule is still there.
    fn record<'a>(&'a self, id: &'a ScheduleId, last: &'a LastRun) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async {
            let schedules = self.schedules().await?;
            let Some(mut schedule) = schedules.into_iter().find(|schedule| schedule.id == *id) else {
                return Ok(());
            };
            schedule.last = Some(last.clone());
            self.keep(&schedule).await
        })
    }
}

impl Book for Arc<dyn Store> {
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, StoreError>> {
        (**self).schedules()
    }

    fn keep<'a>(&'a self, schedule: &'a Schedule) -> BoxFuture<'a, Result<(), StoreError>> {
        (**self).keep_schedule(schedule)
    }

    fn remove<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>> {
        (**self).remove_schedule(id)
    }

    fn claim<'a>(
        &'a self,
        id: &'a ScheduleId,
        due: u64,
        next: Option<u64>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        (**self).claim_tick(id, due, next)
    }
}
