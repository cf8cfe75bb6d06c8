//! Lanes: connections of a link that carry bulk bytes and nothing else.
//!
//! What many streams share costs copies, and each piece is handed from task to task. On a lane whoever wants the bytes decrypts them
//! itself, into its own room. A lane is made beside the first bytes that a link brings, carries one request after the other, and ends
//! with its link. Where none can be made (nobody listens at the other side, or only QUIC gets through) streams of the link's own
//! connection go on to carry everything.

mod buffer;
mod doors;
mod records;
mod session;

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

pub(crate) use doors::{Dialler, Door, listen};
use records::Records;

/// A connection of a link; its other end has proven its key.
pub(crate) struct Lane {
    records: Records<TcpStream>,
    /// The end of its link: nothing goes over it any more.
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Its place among those that were dialled here for its link.
    _place: Option<OwnedSemaphorePermit>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl Lane {
    fn new(records: Records<TcpStream>, ended: &CancellationToken, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { records, ended: Box::pin(ended.clone().cancelled_owned()), _place: place }
    }

    /// The bytes of the lane, while its link lasts.
    fn records(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut Records<TcpStream>>> {
        match self.ended.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::NotConnected.into()),
            Poll::Pending => Ok(Pin::new(&mut self.records)),
        }
    }
}

impl AsyncRead for Lane {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.records(cx)?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Lane {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.records(cx)?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.records(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.records(cx)?.poll_shutdown(cx)
    }
}
