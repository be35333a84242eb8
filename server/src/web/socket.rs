//! `/ws`: a client names a run and the last event it has seen, and gets a snapshot, then every event that follows.

use std::{sync::Arc, time::Duration};

use app::Backend;
use axum::{
    Extension,
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, close_code},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use futures::{Sink, SinkExt, Stream, StreamExt};
use protocol::{ClientFrame, Event, RunId, ServerFrame};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{self, Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{Lifecycle, guard};

/// A subscription is all that a client ever sends.
const MAX_FRAME: usize = 4 * 1_024;
/// How often the client is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);
/// Questions without an answer after which it is taken for gone.
const MISSED: u32 = 2;
/// A client that takes nothing for so long is taken for gone, too.
const SEND: Duration = Duration::from_secs(10);

/// Opens a socket, unless the page of another origin asks for it.
pub async fn upgrade(
    Extension(backend): Extension<Arc<dyn Backend>>,
    Extension(lifecycle): Extension<Lifecycle>,
    headers: HeaderMap,
    socket: WebSocketUpgrade,
) -> Response {
    if !guard::same_origin(&headers) {
        return (StatusCode::FORBIDDEN, "a socket is opened from this server's own pages alone\n")
            .into_response();
    }
    let Lifecycle { stop, sockets } = lifecycle;
    socket
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| sockets.track_future(converse(socket, backend, stop)))
}

/// The run that a socket follows.
struct Followed {
    run: RunId,
    events: Receiver<Arc<Event>>,
    /// The last event that the client has.
    seq: u64,
}

/// Talks to one client until it leaves, falls silent, or the server ends.
async fn converse<S, E>(mut socket: S, backend: Arc<dyn Backend>, stop: CancellationToken)
where
    S: Stream<Item = Result<Message, E>> + Sink<Message> + Unpin,
{
    let mut followed: Option<Followed> = None;
    let mut ping = time::interval_at(Instant::now() + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    let farewell = loop {
        tokio::select! {
            () = stop.cancelled() => break (close_code::AWAY, "the server ends"),
            _ = ping.tick() => {
                if unanswered >= MISSED {
                    break (close_code::POLICY, "no answer to a ping");
                }
                unanswered += 1;
                if !send(&mut socket, Message::Ping(Default::default())).await {
                    return;
                }
            }
            message = socket.next() => {
                unanswered = 0;
                match message {
                    Some(Ok(Message::Text(text))) => {
                        let Ok(ClientFrame::Subscribe { run, after }) = serde_json::from_str(&text) else {
                            break (close_code::POLICY, "this is not a subscription");
                        };
                        let Some(next) = subscribe(&mut socket, &*backend, run, after).await else { return };
                        followed = next;
                    }
                    Some(Ok(Message::Binary(_))) => break (close_code::UNSUPPORTED, "frames are text"),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                }
            }
            event = next_event(&mut followed) => {
                let Some(current) = &mut followed else { continue };
                match event {
                    Ok(event) if event.seq <= current.seq => {}
                    Ok(event) => {
                        current.seq = event.seq;
                        let frame = ServerFrame::Event(Box::new((*event).clone()));
                        if !send_frame(&mut socket, &frame).await {
                            return;
                        }
                    }
                    Err(RecvError::Lagged(_)) => {
                        // Events were dropped before they could be sent: a snapshot makes up for them.
                        let run = current.run.clone();
                        let Some(next) = subscribe(&mut socket, &*backend, run, 0).await else { return };
                        followed = next;
                    }
                    Err(RecvError::Closed) => {
                        // The run has ended here, or moved on in another process: whatever it is now is sent, if the
                        // client does not have it.
                        let (run, seq) = (current.run.clone(), current.seq);
                        let Some(next) = subscribe(&mut socket, &*backend, run, seq).await else { return };
                        followed = next;
                    }
                }
            }
        }
    };
    let (code, reason) = farewell;
    // The client may be gone already, and then there is nobody to tell.
    let _ = send(&mut socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}

/// The next event of the followed run; never, while none is followed.
async fn next_event(followed: &mut Option<Followed>) -> Result<Arc<Event>, RecvError> {
    match followed {
        Some(followed) => followed.events.recv().await,
        None => std::future::pending().await,
    }
}

/// Answers a subscription: with the whole run, or with nothing if the client has it already, or with *gone*.
///
/// `None` means that the client is gone; within, `None` means that there is nothing to follow.
async fn subscribe<S>(
    socket: &mut S,
    backend: &dyn Backend,
    run: RunId,
    after: u64,
) -> Option<Option<Followed>>
where
    S: Sink<Message> + Unpin,
{
    let Some((view, events)) = backend.subscribe(&run).await else {
        return send_frame(socket, &ServerFrame::Gone(run)).await.then_some(None);
    };
    let seq = view.seq;
    let known = after == seq && seq > 0;
    if !known && !send_frame(socket, &ServerFrame::Snapshot(Box::new(view))).await {
        return None;
    }
    Some(Some(Followed { run, events, seq }))
}

/// Sends a frame; `false` means that the client is gone.
async fn send_frame<S: Sink<Message> + Unpin>(socket: &mut S, frame: &ServerFrame) -> bool {
    match serde_json::to_string(frame) {
        Ok(text) => send(socket, Message::Text(text.into())).await,
        Err(error) => {
            tracing::error!(%error, "a frame could not be written");
            false
        }
    }
}

/// Sends a message; `false` means that the client is gone, or takes nothing any more.
async fn send<S: Sink<Message> + Unpin>(socket: &mut S, message: Message) -> bool {
    matches!(time::timeout(SEND, socket.send(message)).await, Ok(Ok(())))
}
