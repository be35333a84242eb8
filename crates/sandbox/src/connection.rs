//! Connections that can be reset, for faults that HTTP itself cannot express.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections can be reset by a handler.
pub(crate) struct ResettableListener(pub(crate) TcpListener);

/// A connection with a budget of bytes; when it is used up, the connection is reset.
pub(crate) struct Resettable {
    stream: TcpStream,
    budget: Connection,
}

/// A handler's hold on its connection.
#[derive(Clone)]
pub(crate) struct Connection(Arc<AtomicUsize>);

const UNLIMITED: usize = usize::MAX;

impl Connection {
    /// Resets the connection once so many more bytes are written.
    pub(crate) fn reset_after(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

impl Listener for ResettableListener {
    type Io = Resettable;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        (Resettable { stream, budget: Connection(Arc::new(AtomicUsize::new(UNLIMITED))) }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, ResettableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, ResettableListener>) -> Self {
        stream.io().budget.clone()
    }
}

impl Resettable {
    fn reset(&self) -> io::Error {
        // Without lingering, closing sends RST instead of FIN.
        let _ = self.stream.set_zero_linger();
        io::ErrorKind::ConnectionReset.into()
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let budget = self.budget.0.load(Ordering::Relaxed);
        if budget == 0 {
            return Poll::Ready(Err(self.reset()));
        }
        let piece = buffer.get(..budget).unwrap_or(buffer);
        let written = Pin::new(&mut self.stream).poll_write(context, piece);
        if let (true, Poll::Ready(Ok(written))) = (budget != UNLIMITED, &written) {
            self.budget.reset_after(budget - written);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.budget.0.load(Ordering::Relaxed) == UNLIMITED {
            return Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        }
        let first = buffers.iter().find(|buffer| !buffer.is_empty()).map_or(&[][..], |buffer| buffer);
        self.poll_write(context, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
