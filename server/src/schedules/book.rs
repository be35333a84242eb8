//! Where schedules are kept: the few methods of the store that they need.

use std::sync::Arc;

use futures::future::BoxFuture;
use protocol::{Schedule, ScheduleId};
use store::{ScheduleChange, Store, StoreError};

/// Where schedules are kept. Several processes may use one at once.
pub trait Book: Send + Sync + 'static {
    /// All schedules, oldest first.
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, StoreError>>;

    /// Keeps a new schedule.
    fn keep<'a>(&'a self, schedule: &'a Schedule) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Changes a schedule in one step with finding how it stands, so that no change of somebody else is undone. `None`
    /// if there is none with this id, or if the change says that nothing is to be kept.
    fn change<'a>(
        &'a self,
        id: &'a ScheduleId,
        change: ScheduleChange<'a>,
    ) -> BoxFuture<'a, Result<Option<Schedule>, StoreError>>;

    /// Removes a schedule; answers whether there was one.
    fn remove<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>>;
}

impl Book for Arc<dyn Store> {
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<Schedule>, StoreError>> {
        (**self).schedules()
    }

    fn keep<'a>(&'a self, schedule: &'a Schedule) -> BoxFuture<'a, Result<(), StoreError>> {
        (**self).keep_schedule(schedule)
    }

    fn change<'a>(
        &'a self,
        id: &'a ScheduleId,
        change: ScheduleChange<'a>,
    ) -> BoxFuture<'a, Result<Option<Schedule>, StoreError>> {
        (**self).change_schedule(id, change)
    }

    fn remove<'a>(&'a self, id: &'a ScheduleId) -> BoxFuture<'a, Result<bool, StoreError>> {
        (**self).remove_schedule(id)
    }
}
