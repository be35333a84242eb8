//! SIGINT and SIGTERM: the first asks for a clean stop, the second ends the process.

use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// A token that the first signal cancels. The second signal ends the process at once, whatever it is doing.
pub fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let first = stop.clone();
    tokio::spawn(async move {
        let Ok(mut signals) = Signals::new() else {
            tracing::warn!("signals cannot be listened to; the process ends at the first one");
            return;
        };
        signals.next().await;
        first.cancel();
        signals.next().await;
        std::process::exit(i32::from(Exit::Cancelled.code()));
    });
    stop
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
