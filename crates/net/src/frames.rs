use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use gridwell_wire::{DecodeError, EncodeError, Frame, MAX_FRAME_BYTES, decode, encode};
use libp2p::swarm::Stream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _};

use crate::lane::Lane;

/// A stream that makes no progress for this long with bytes pending is given up (network.md §5, trap 6).
pub(crate) const STALL: Duration = Duration::from_secs(20);

/// What carries frames and bytes.
#[derive(Debug)]
pub(crate) enum Pipe {
    /// One of the streams on a link's connection.
    Stream(Compat<Stream>),
    /// A connection of its own.
    Lane(Box<Lane>),
}

pub(crate) fn pipe(stream: Stream) -> Pipe {
    Pipe::Stream(stream.compat())
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Stream(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Lane(lane) => Pin::new(lane).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Stream(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Lane(lane) => Pin::new(lane).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Stream(stream) => Pin::new(stream).poll_flush(cx),
            Self::Lane(lane) => Pin::new(lane).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Stream(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Lane(lane) => Pin::new(lane).poll_shutdown(cx),
        }
    }
}

/// Why a single frame was not read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("nothing came for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the stream ended: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Reads one frame and not a byte more: raw bytes may follow it.
pub(crate) async fn read_frame<T: Frame>(pipe: &mut Pipe, patience: Duration) -> Result<T, FrameError> {
    let payload = read_payload(pipe, patience).await?;
    Ok(decode(&payload)?)
}

pub(crate) async fn read_payload<R>(pipe: &mut R, patience: Duration) -> Result<Vec<u8>, FrameError>
where
    R: AsyncRead + Unpin,
{
    let read = async {
        let length = pipe.read_u32_le().await? as usize;
        if length > MAX_FRAME_BYTES {
            return Err(DecodeError::TooLong { bytes: length }.into());
        }
        let mut payload = vec![0; length];
        pipe.read_exact(&mut payload).await?;
        Ok(payload)
    };
    tokio::time::timeout(patience, read).await.unwrap_or(Err(FrameError::Silent(patience)))
}

pub(crate) async fn write_frame<T: Frame>(pipe: &mut Pipe, value: &T, patience: Duration) -> Result<(), FrameError> {
    write_all(pipe, &encode(value)?, patience).await
}

/// Writes bytes that another room has encoded as one frame.
pub(crate) async fn write_payload<W>(pipe: &mut W, payload: &[u8], patience: Duration) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin,
{
    if payload.len() > MAX_FRAME_BYTES {
        return Err(EncodeError::TooLong { bytes: payload.len() }.into());
    }
    let length = (payload.len() as u32).to_le_bytes();
    write_all(pipe, &[&length, payload].concat(), patience).await
}

async fn write_all<W>(pipe: &mut W, bytes: &[u8], patience: Duration) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin,
{
    let write = async {
        pipe.write_all(bytes).await?;
        pipe.flush().await?;
        Ok(())
    };
    tokio::time::timeout(patience, write).await.unwrap_or(Err(FrameError::Silent(patience)))
}
