use std::{io, time::Duration};

use gridwell_wire::{DecodeError, EncodeError, Frame, MAX_FRAME_BYTES, decode, encode};
use libp2p::swarm::Stream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _};

/// A stream that makes no progress for this long with bytes pending is given up (network.md §5, trap 6).
pub(crate) const STALL: Duration = Duration::from_secs(20);

/// A libp2p stream with tokio's traits.
pub(crate) type Pipe = Compat<Stream>;

pub(crate) fn pipe(stream: Stream) -> Pipe {
    stream.compat()
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
