//! Asking a run to stop.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Why a run is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody wants it to go on later.
    Pause,
    /// Somebody gives it up.
    Cancel,
    /// tain itself stops; the run can go on later.
    Shutdown,
}

/// The handle by which a run is asked to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    given_up: CancellationToken,
    reason: Arc<Mutex<Option<StopReason>>>,
}

impl Stop {
    /// Nothing is asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop: nothing new begins, and what is in flight has a while to be acknowledged. The first reason
    /// counts, except that giving up overrides a pause.
    pub fn ask(&self, reason: StopReason) {
        let mut kept = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() || reason == StopReason::Cancel {
            *kept = Some(reason);
        }
        drop(kept);
        if reason == StopReason::Cancel {
            self.given_up.cancel();
        }
        self.token.cancel();
    }

    /// Why the run was asked to stop, if it was.
    pub fn asked(&self) -> Option<StopReason> {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once the run is asked to stop.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// Returns once the run is given up, which may be while it is pausing.
    pub(crate) async fn wait_for_cancel(&self) {
        self.given_up.cancelled().await;
    }

    /// Cancelled when the run is asked to stop.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }
}
