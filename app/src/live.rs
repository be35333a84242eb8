//! Follows a run over `/ws`: the server has rendered the view, the socket only patches it.

use leptos::prelude::*;
use protocol::RunView;

/// How the socket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser has a socket"))]
pub enum Link {
    /// Not needed: the run is over, or the page is not hydrated yet.
    Idle,
    /// Events arrive.
    Open,
    /// It broke off and is tried again; the numbers on the page may be old.
    Reconnecting,
    /// The server no longer knows the run.
    Gone,
}

/// A run that moves.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// The run as last heard of.
    pub view: RwSignal<RunView>,
    /// How the socket stands.
    pub link: RwSignal<Link>,
}

/// Keeps a view up to date while the calling component lives.
pub fn follow(view: RunView) -> Live {
    let live = Live { view: RwSignal::new(view), link: RwSignal::new(Link::Idle) };
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
    use crate::browser;

    /// The screen is redrawn at most every so many milliseconds.
    const REDRAW: u32 = 100;

    /// Why a session ended.
    enum End {
        /// The run is over and the view complete.
        Over,
        /// The server does not know the run.
        Gone,
        /// Events are missing: only a snapshot helps.
        Gap,
        /// The socket broke off.
        Lost,
    }

    pub(super) fn keep(live: Live) {
        Effect::new(move |_| {
            if live.view.with_untracked(|view| !view.state.is_live()) {
                return;
            }
            let (task, handle) = futures::future::abortable(follow(live));
            // Dropping the task closes its socket.
            on_cleanup(move || handle.abort());
            spawn_local(async move {
                let _ = task.await;
            });
        });
    }

    async fn follow(live: Live) {
        let Some((run, mut seq)) = live.view.try_with_untracked(|view| (view.head.id.clone(), view.seq))
        else {
            return;
        };
        let mut attempt = 0;
        loop {
            let link = match session(live, &run, &mut seq, &mut attempt).await {
                End::Over => Link::Idle,
                End::Gone => Link::Gone,
                End::Gap => {
                    seq = 0;
                    continue;
                }
                End::Lost => Link::Reconnecting,
            };
            // The component may be gone by now: then nobody waits for the rest.
            if live.link.try_set(link).is_some() || link != Link::Reconnecting {
                return;
            }
            TimeoutFuture::new(backoff(attempt, random())).await;
            attempt = attempt.saturating_add(1);
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
        live.link.try_set(Link::Open);
        let mut pending: Vec<Event> = Vec::new();
        let mut redraw = Fuse::<TimeoutFuture>::terminated();
        loop {
            select! {
                () = redraw => draw(live, &mut pending),
                message = socket.next().fuse() => {
                    let Some(Ok(Message::Text(text))) = message else {
                        draw(live, &mut pending);
                        return End::Lost;
                    };
                    match serde_json::from_str(&text) {
                        Ok(ServerFrame::Snapshot(view)) => {
                            *attempt = 0;
                            *seq = view.seq;
                            pending.clear();
                            let over = !view.state.is_live();
                            replace(live, *view);
                            if over {
                                return End::Over;
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
                            let over = matches!(event.body, EventBody::Finished { .. });
                            if pending.is_empty() {
                                redraw = TimeoutFuture::new(REDRAW).fuse();
                            }
                            pending.push(*event);
                            if over {
                                draw(live, &mut pending);
                                return End::Over;
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
