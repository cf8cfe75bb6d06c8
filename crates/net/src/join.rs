use std::time::Duration;

use gridwell_model::PeerId;
use gridwell_wire::{JoinAnswer, JoinRequest};
use libp2p::swarm::Stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
};

use crate::{
    event::{NetEvent, Refusal},
    frames::{FrameError, Pipe, pipe, read_frame, write_frame},
};

/// A request follows its stream at once.
const REQUEST: Duration = Duration::from_secs(10);
/// The inviter's node decides and journals; its disk may be busy.
const DECISION: Duration = Duration::from_secs(30);
/// How long a stranger may stay altogether: request, decision, and the way of the answer.
pub(crate) const VISIT: Duration = Duration::from_secs(45);
/// The joiner closes after reading the answer.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why an invite was not presented or answered.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The inviter was not reached.
    #[error("cannot reach machine {}: {why}", .inviter.short())]
    Unreached {
        /// Whom the invite names.
        inviter: PeerId,
        /// One sentence.
        why: String,
    },
    /// It was reached but broke off.
    #[error("machine {} did not answer: {why}", .inviter.short())]
    Broken {
        /// Whom the invite names.
        inviter: PeerId,
        /// One sentence.
        why: String,
    },
    /// Another join is under way.
    #[error("another join with machine {} is under way", .inviter.short())]
    UnderWay {
        /// Whom the invite names.
        inviter: PeerId,
    },
    /// This net has stopped.
    #[error("the network of this machine has stopped")]
    Stopped,
}

/// Presents the invite on a stream that is being opened.
pub(crate) async fn ask(
    opened: oneshot::Receiver<std::io::Result<Stream>>,
    inviter: PeerId,
    request: JoinRequest,
) -> Result<JoinAnswer, JoinError> {
    let closed = "it closed the connection: the invite may be over";
    let broken = |why: String| JoinError::Broken { inviter, why };
    let stream = tokio::time::timeout(REQUEST, opened).await;
    let stream = stream.map_err(|_| broken(format!("nothing came for {} s", REQUEST.as_secs())))?;
    let stream = stream.map_err(|_| broken(closed.to_owned()))?.map_err(|_| broken(closed.to_owned()))?;
    exchange(pipe(stream), &request).await.map_err(|error| match error {
        FrameError::Io(_) => broken(closed.to_owned()),
        error => broken(error.to_string()),
    })
}

async fn exchange(mut pipe: Pipe, request: &JoinRequest) -> Result<JoinAnswer, FrameError> {
    write_frame(&mut pipe, request, REQUEST).await?;
    let answer = read_frame(&mut pipe, DECISION + REQUEST).await?;
    let _ = pipe.shutdown().await;
    Ok(answer)
}

/// Reads a join request, asks the node, and answers. Returns when the other side has read the answer or gone.
pub(crate) async fn serve(mut pipe: Pipe, peer: PeerId, address: String, events: mpsc::Sender<NetEvent>) {
    let request = match read_frame::<JoinRequest>(&mut pipe, REQUEST).await {
        Ok(request) => request,
        Err(error) => {
            tracing::debug!(%error, peer = %peer.short(), "a join stream brought no request");
            return;
        }
    };
    if request.joiner != peer {
        let refused = NetEvent::Refused { peer: Some(peer), address, why: Refusal::FalseName };
        let _ = events.send(refused).await;
        return;
    }
    let (answer, answered) = oneshot::channel();
    if events.send(NetEvent::JoinAsked { peer, request, answer }).await.is_err() {
        return;
    }
    let Ok(Ok(answer)) = tokio::time::timeout(DECISION, answered).await else { return };
    if let Err(error) = write_frame(&mut pipe, &answer, REQUEST).await {
        tracing::warn!(%error, peer = %peer.short(), "the answer to a join was not delivered");
        return;
    }
    let _ = pipe.shutdown().await;
    let _ = tokio::time::timeout(FAREWELL, pipe.read_u8()).await;
}
