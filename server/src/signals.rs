//! SIGINT and SIGTERM: the first asks for a clean stop, the second ends the process.

use std::ops::Deref;

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// A token that the first signal cancels. Once it is dropped, signals are nobody's any more: whoever does one thing
/// after the other asks anew for each.
pub struct StopOnSignal {
    token: CancellationToken,
    listening: AbortHandle,
}

impl Deref for StopOnSignal {
    type Target = CancellationToken;

    fn deref(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for StopOnSignal {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Listens for signals. The second one ends the process at once, whatever it is doing.
pub fn stop_on_signal() -> StopOnSignal {
    let token = CancellationToken::new();
    let first = token.clone();
    // Here and not in the task, so that no signal is missed from now on.
    let signals = Signals::new();
    let listening = tokio::spawn(async move {
        let Ok(mut signals) = signals else {
            tracing::warn!("signals cannot be listened to; the process ends at the first one");
            return;
        };
        signals.next().await;
        first.cancel();
        signals.next().await;
        std::process::exit(i32::from(Exit::Cancelled.code()));
    });
    StopOnSignal { token, listening: listening.abort_handle() }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
