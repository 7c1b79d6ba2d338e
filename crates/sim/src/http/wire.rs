//! Connections that a handler can cut, so that a reply is lost for real.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// How a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// It ends.
    Closed,
    /// It is reset.
    Reset,
}

/// A handler's hold on the connection that it answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire(Arc<OnceLock<Cut>>);

impl Wire {
    /// Ends the connection; what is returned is never written.
    pub(super) fn cut(&self) -> Response {
        self.end(Cut::Closed)
    }

    /// Resets the connection; what is returned is never written.
    pub(super) fn reset(&self) -> Response {
        self.end(Cut::Reset)
    }

    fn end(&self, how: Cut) -> Response {
        self.0.get_or_init(|| how);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().wire.clone()
    }
}

/// Accepts connections that can be cut.
pub(super) struct CuttableListener(pub(super) TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let wire = Wire::default();
        (CuttableStream { stream, wire }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection that can be cut.
pub(super) struct CuttableStream {
    stream: TcpStream,
    wire: Wire,
}

impl CuttableStream {
    /// Fails once the connection was cut; the error makes the server drop it.
    fn check(&self) -> io::Result<()> {
        match self.wire.0.get() {
            None => return Ok(()),
            Some(Cut::Closed) => {}
            Some(Cut::Reset) => self.stream.set_zero_linger()?,
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
