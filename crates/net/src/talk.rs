use std::time::Duration;

use gridwell_model::PeerId;
use libp2p::swarm::Stream;
use tokio::{
    io::AsyncWriteExt as _,
    sync::{mpsc, oneshot},
};

use crate::frames::{FrameError, Pipe, pipe, read_payload, write_payload};

/// A frame that is being sent gets through in this time, or the other side has gone.
const SEND: Duration = Duration::from_secs(10);
/// How long a stranger may stay altogether. The engine behind it is stricter; this ends what it forgot.
pub(crate) const VISIT: Duration = Duration::from_mins(15);
/// The other side closes after reading the last word.
const FAREWELL: Duration = Duration::from_secs(5);
/// Frames that wait to be read or written: both sides take turns, but membership records come in several.
const WAITING: usize = 128;
/// Most frames from the other side, records of a very large grid included; who says more is not listened to.
const MAX_FRAMES: usize = 512;

/// Why nobody was visited.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// Nobody was reached.
    #[error("cannot reach {whom}: {why}")]
    Unreached {
        /// A machine, or an address.
        whom: String,
        /// One sentence.
        why: String,
    },
    /// It was reached, but does not talk about pairing.
    #[error("machine {} lets nobody in now: it shows no code, and no invite of it is open", .host.short())]
    Closed {
        /// Who.
        host: PeerId,
    },
    /// It is being visited already.
    #[error("machine {} is being asked already", .host.short())]
    UnderWay {
        /// Who.
        host: PeerId,
    },
    /// This net has stopped.
    #[error("the network of this machine has stopped")]
    Stopped,
}

/// A conversation on the pairing stream, frame by frame; what is said is not this room's business. It ends when
/// `say` is dropped, or when nothing more comes out of `heard`.
#[derive(Debug)]
pub struct Talk {
    /// What the other side says.
    pub heard: mpsc::Receiver<Vec<u8>>,
    /// What is said to it. Everything that was put in is still sent when this is dropped.
    pub say: mpsc::Sender<Vec<u8>>,
}

/// Opens the conversation with a host on a stream that is being opened; the future carries it on until it ends.
pub(crate) async fn begin(
    opened: oneshot::Receiver<std::io::Result<Stream>>,
    host: PeerId,
) -> Result<(Talk, impl Future<Output = ()> + Send + 'static), VisitError> {
    let closed = || VisitError::Closed { host };
    let stream = tokio::time::timeout(SEND, opened).await.map_err(|_| closed())?;
    let stream = stream.map_err(|_| closed())?.map_err(|_| closed())?;
    Ok(talk(pipe(stream)))
}

/// A conversation, and the future that carries it on until it ends.
pub(crate) fn talk(pipe: Pipe) -> (Talk, impl Future<Output = ()> + Send + 'static) {
    let (hear, heard) = mpsc::channel(WAITING);
    let (say, said) = mpsc::channel(WAITING);
    (Talk { heard, say }, carry_on(pipe, said, hear))
}

async fn carry_on(pipe: Pipe, mut said: mpsc::Receiver<Vec<u8>>, hear: mpsc::Sender<Vec<u8>>) {
    let (mut reader, mut writer) = tokio::io::split(pipe);
    let read = async move {
        for _ in 0..MAX_FRAMES {
            let Ok(bytes) = read_payload(&mut reader, VISIT).await else { return };
            if hear.send(bytes).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some(bytes) = said.recv().await {
            write_payload(&mut writer, &bytes, SEND).await?;
        }
        writer.shutdown().await.map_err(FrameError::from)
    };
    tokio::pin!(read, write);
    // Whoever is done first, the other one gets a moment: for the last word, or to hear that this side has gone.
    tokio::select! {
        () = &mut read => {
            let _ = tokio::time::timeout(FAREWELL, write).await;
        }
        written = &mut write => {
            if written.is_ok() {
                let _ = tokio::time::timeout(FAREWELL, read).await;
            }
        }
    }
}
