//! Follows a run over `/ws`: the server has rendered the view, the socket only patches it.

use leptos::prelude::*;
use protocol::RunView;

/// How the page stands with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser has a socket"))]
pub enum Link {
    /// Not needed: the run is over, or the page is not hydrated yet.
    Idle,
    /// Events arrive.
    Open,
    /// It broke off at this moment (milliseconds since 1970) and is tried again; the numbers on the page may be old.
    Reconnecting(u64),
    /// The server no longer knows the run.
    Gone,
}

/// A run that moves.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// The run as last heard of.
    pub view: RwSignal<RunView>,
    /// How the page stands with the server.
    pub link: RwSignal<Link>,
    /// Counts how often the reader did something that sets a stopped run in motion.
    woken: RwSignal<u32>,
}

impl Live {
    /// Looks at once whether a run that had stopped goes on.
    pub fn wake(self) {
        self.woken.update(|times| *times += 1);
    }
}

/// Keeps a view up to date while the calling component lives.
pub fn follow(view: RunView) -> Live {
    let live = Live { view: RwSignal::new(view), link: RwSignal::new(Link::Idle), woken: RwSignal::new(0) };
    #[cfg(feature = "hydrate")]
    socket::keep(live);
    live
}

/// Milliseconds until the next attempt: doubled from 500 up to 15,000, of which a random half is taken off so that the
/// tabs of a restarted server do not come all at once. `random` is within 0 and 1,000.
#[cfg(any(feature = "hydrate", test))]
fn backoff(attempt: u32, random: u32) -> u32 {
    let full = 500_u32.saturating_mul(1 << attempt.min(5)).min(15_000);
    full - full / 2 * random.min(1_000) / 1_000
}

#[cfg(feature = "hydrate")]
mod socket {
    use futures::{FutureExt, SinkExt, StreamExt, future::Fuse, select};
    use gloo_net::websocket::{Message, futures::WebSocket};
    use gloo_timers::future::TimeoutFuture;
    use leptos::{prelude::*, task::spawn_local};
    use protocol::{ClientFrame, Event, EventBody, RunId, RunView, ServerFrame};

    use super::{Link, Live, backoff};
    use crate::{ApiError, api, browser};

    /// The screen is redrawn at most every so many milliseconds.
    const REDRAW: u32 = 100;
    /// A socket on which nothing comes for so many milliseconds is opened anew: a computer that slept finds its
    /// connections dead, and nobody tells it.
    const SILENCE: u32 = 30_000;
    /// How often a stopped run is looked at, in milliseconds: somebody else may have resumed it.
    const LOOK: u32 = 5_000;
    /// How often a run is asked for that the server's sockets do not follow, in milliseconds.
    const ASK: u32 = 1_000;

    /// Why a session ended.
    enum End {
        /// The run stopped and the view is complete.
        Stopped,
        /// The server does not follow the run: it was restarted, or has forgotten it.
        Gone,
        /// Events are missing: only a snapshot helps.
        Gap,
        /// The socket broke off.
        Lost,
    }

    pub(super) fn keep(live: Live) {
        Effect::new(move |_| {
            let woken = live.woken.get() > 0;
            let (task, handle) = futures::future::abortable(follow(live, woken));
            // Dropping the task closes its socket.
            on_cleanup(move || handle.abort());
            spawn_local(async move {
                let _ = task.await;
            });
        });
    }

    /// Follows a run until it can no longer move, or until nobody looks at it any more. `woken` says that a stopped run
    /// was just set in motion.
    async fn follow(live: Live, mut woken: bool) {
        let read = |view: &RunView| (view.head.id.clone(), view.seq);
        let Some((run, mut seq)) = live.view.try_with_untracked(read) else { return };
        if woken {
            seq = 0;
        }
        let mut attempt = 0;
        loop {
            let Some(state) = live.view.try_with_untracked(|view| view.state) else { return };
            let outcome = if state.is_live() || woken {
                session(live, &run, &mut seq, &mut attempt).await
            } else if state.is_resumable() {
                TimeoutFuture::new(LOOK).await;
                look(live, &run).await
            } else {
                return;
            };
            woken = false;
            let outcome = match outcome {
                End::Gone => {
                    // The run may be at work in another process, which has no socket here: then it is asked for.
                    let outcome = load(live, &run).await;
                    TimeoutFuture::new(ASK).await;
                    outcome
                }
                outcome => outcome,
            };
            // Whatever is asked for next has to be whole: a restarted server counts on from what it had kept.
            seq = 0;
            let link = match outcome {
                End::Stopped => Link::Idle,
                End::Gone => Link::Gone,
                End::Gap => continue,
                End::Lost => match live.link.try_get_untracked() {
                    Some(Link::Reconnecting(since)) => Link::Reconnecting(since),
                    _ => Link::Reconnecting(browser::now().unwrap_or_default()),
                },
            };
            // The component may be gone by now: then nobody waits for the rest.
            if live.link.try_set(link).is_some() || link == Link::Gone {
                return;
            }
            if matches!(link, Link::Reconnecting(_)) {
                TimeoutFuture::new(backoff(attempt, random())).await;
                attempt = attempt.saturating_add(1);
            } else {
                attempt = 0;
            }
        }
    }

    /// Asks how a stopped run stands, and loads it if that is not what the page shows.
    async fn look(live: Live, run: &RunId) -> End {
        match api::run_state(run.clone()).await {
            Ok(state) if live.view.try_with_untracked(|view| view.state) == Some(state) => End::Stopped,
            Ok(_) => load(live, run).await,
            Err(ApiError::UnknownRun { .. }) => End::Gone,
            Err(_) => End::Lost,
        }
    }

    /// Loads the whole run.
    async fn load(live: Live, run: &RunId) -> End {
        match api::run(run.clone()).await {
            Ok(view) => {
                replace(live, view);
                End::Stopped
            }
            Err(ApiError::UnknownRun { .. }) => End::Gone,
            Err(_) => End::Lost,
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within 0 and 1,000")]
    fn random() -> u32 {
        (js_sys::Math::random() * 1_000.0) as u32
    }

    /// One socket, from its opening to its end. `seq` is the last event that was received.
    async fn session(live: Live, run: &RunId, seq: &mut u64, attempt: &mut u32) -> End {
        let Some(mut socket) = browser::socket_address().and_then(|address| WebSocket::open(&address).ok())
        else {
            return End::Lost;
        };
        let subscribe = ClientFrame::Subscribe { run: run.clone(), after: *seq };
        let Ok(text) = serde_json::to_string(&subscribe) else { return End::Lost };
        if socket.send(Message::Text(text)).await.is_err() {
            return End::Lost;
        }
        let mut pending: Vec<Event> = Vec::new();
        let mut redraw = Fuse::<TimeoutFuture>::terminated();
        let mut silence = TimeoutFuture::new(SILENCE).fuse();
        loop {
            select! {
                () = redraw => draw(live, &mut pending),
                // It may be dead, or the run waits for a quota: a new socket tells.
                () = silence => return End::Gap,
                message = socket.next().fuse() => {
                    silence = TimeoutFuture::new(SILENCE).fuse();
                    let Some(Ok(Message::Text(text))) = message else {
                        draw(live, &mut pending);
                        return End::Lost;
                    };
                    // Only what was heard shows that the server is there.
                    if live.link.try_get_untracked() != Some(Link::Open) {
                        live.link.try_set(Link::Open);
                    }
                    match serde_json::from_str(&text) {
                        Ok(ServerFrame::Snapshot(view)) => {
                            *attempt = 0;
                            *seq = view.seq;
                            pending.clear();
                            let stopped = !view.state.is_live();
                            replace(live, *view);
                            if stopped {
                                return End::Stopped;
                            }
                        }
                        Ok(ServerFrame::Event(event)) => {
                            *attempt = 0;
                            if event.seq <= *seq {
                                continue;
                            }
                            if event.seq != *seq + 1 {
                                return End::Gap;
                            }
                            *seq = event.seq;
                            let stopped = matches!(event.body, EventBody::Finished { .. });
                            if pending.is_empty() {
                                redraw = TimeoutFuture::new(REDRAW).fuse();
                            }
                            pending.push(*event);
                            if stopped {
                                draw(live, &mut pending);
                                return End::Stopped;
                            }
                        }
                        Ok(ServerFrame::Gone(_)) => return End::Gone,
                        // A frame that this page does not know comes from another version: a snapshot may still fit.
                        Err(_) => return End::Lost,
                    }
                }
            }
        }
    }

    fn replace(live: Live, view: RunView) {
        let _ = live.view.try_set(view);
    }

    /// Applies what has come since the last time, in one update of the screen.
    fn draw(live: Live, pending: &mut Vec<Event>) {
        let _ = live.view.try_update(|view| {
            for event in pending.drain(..) {
                // The sequence was checked when the event came in.
                view.apply(&event);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::backoff;

    #[test]
    fn backoff_doubles_to_a_cap_and_never_reaches_zero() {
        assert_eq!([0, 1, 2, 5, 60].map(|attempt| backoff(attempt, 0)), [500, 1_000, 2_000, 15_000, 15_000]);
        assert_eq!(backoff(0, 1_000), 250);
        assert_eq!(backoff(9, 5_000), 7_500);
    }
}
