//! Many streams on one connection: yamux, as libp2p speaks it, with frames that are large enough for bulk bytes.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::{
    StreamMuxer,
    muxing::StreamMuxerEvent,
    upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
};
use yamux::{Connection, ConnectionError, Mode, Stream};

/// Streams on one connection: one control, a few dozen bulk streams each way, and some being closed.
pub(super) const MAX_STREAMS: usize = 128;
/// Most bytes of one frame. Each is handed from its stream to the connection and there to the system, so small ones cost; a
/// message waits for one of them at most. yamux would take 16 KiB, and reads up to 1 MiB.
const FRAME_BYTES: usize = 128 * 1024;

/// Lets connections carry streams.
#[derive(Debug, Clone, Copy)]
pub(super) struct Yamux;

impl Yamux {
    fn start<C: AsyncRead + AsyncWrite + Unpin>(socket: C, mode: Mode) -> Ready<Result<Muxer<C>, Infallible>> {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MAX_STREAMS).set_split_send_size(FRAME_BYTES);
        let connection = Connection::new(socket, config, mode);
        ready(Ok(Muxer { connection, opened: VecDeque::new(), waiting: None }))
    }
}

impl UpgradeInfo for Yamux {
    type Info = &'static str;
    type InfoIter = std::iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        Self::start(socket, Mode::Server)
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        Self::start(socket, Mode::Client)
    }
}

/// A connection that carries streams.
#[derive(Debug)]
pub(super) struct Muxer<C> {
    connection: Connection<C>,
    /// Streams that the other side opened while something else was asked: yamux moves only while it is asked for those.
    opened: VecDeque<Stream>,
    waiting: Option<Waker>,
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> Muxer<C> {
    fn poll_opened(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        self.connection.poll_next_inbound(cx).map(|opened| opened.unwrap_or(Err(ConnectionError::Closed)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> StreamMuxer for Muxer<C> {
    type Substream = Stream;
    type Error = ConnectionError;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        if let Some(stream) = self.opened.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        let opened = self.poll_opened(cx);
        if opened.is_pending() {
            self.waiting = Some(cx.waker().clone());
        }
        opened
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        self.connection.poll_new_outbound(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.connection.poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        let stream = ready!(self.poll_opened(cx))?;
        // One that finds no room is reset.
        if self.opened.len() < MAX_STREAMS {
            self.opened.push_back(stream);
            if let Some(waiting) = self.waiting.take() {
                waiting.wake();
            }
        }
        // There may be more of them.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
