use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use gridwell_model::{Hindrance, PeerId};
use gridwell_wire::{BulkReply, BulkRequest, TreeFault};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, Sleep},
};

use crate::{
    behaviour::BULK,
    event::NetEvent,
    frames::{FrameError, Pipe, STALL, pipe, read_frame, write_frame},
    handle::NetHandle,
    lane::Dialler,
    link::{BULK_STREAMS, LinkShared},
    net::Command,
};

/// Streams that one member may have open here. Twice what it opens for itself, for others and for questions: the end of a stream arrives
/// here later than there.
const SERVED_STREAMS: usize = 6 * BULK_STREAMS;
/// A request follows its stream at once.
const REQUEST: Duration = Duration::from_secs(10);
/// How long a stream stays for another request once all was sent.
const SPARE: Duration = Duration::from_secs(30);
/// Copied at once: the upper end of what a block of bulk bytes may be (network.md §7).
const COPY_BYTES: usize = 256 * 1024;

/// From here on it pays to make a lane, for what follows: it takes both sides some milliseconds.
const WORTH_A_LANE_BYTES: u64 = 256 * 1024;

/// Why bytes were not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no link to that peer (any more).
    #[error("no link to machine {}", .peer.short())]
    NoLink {
        /// Who was asked.
        peer: PeerId,
    },
    /// It does not have them.
    #[error("machine {} does not have the bytes (any more)", .peer.short())]
    Missing {
        /// Who was asked.
        peer: PeerId,
    },
    /// It says we have no right to them.
    #[error("machine {} refuses the bytes", .peer.short())]
    Refused {
        /// Who was asked.
        peer: PeerId,
    },
    /// It serves too many streams; try again.
    #[error("machine {} is busy", .peer.short())]
    Busy {
        /// Who was asked.
        peer: PeerId,
    },
    /// They are something of a share that is not shown.
    #[error("machine {} does not show that of its share: {fault:?}", .peer.short())]
    NotShown {
        /// Who was asked.
        peer: PeerId,
        /// Why not.
        fault: TreeFault,
    },
    /// A link on the way to them does not carry them.
    #[error("the way to the bytes ends behind its machine {broke_at}")]
    NotPassed {
        /// The place on the request's path of the peer behind which the link broke.
        broke_at: u8,
        /// What was wrong.
        why: Hindrance,
    },
    /// The stream broke before an answer came.
    #[error("machine {} gave no answer: {why}", .peer.short())]
    Broken {
        /// Who was asked.
        peer: PeerId,
        /// What happened, in words.
        why: String,
    },
}

/// Bytes on their way from a peer. Reads exactly [`Fetched::bytes`] bytes, or fails: with `UnexpectedEof` when the
/// stream ends early, with `TimedOut` when nothing came for 20 s.
pub struct Fetched {
    /// Bytes that follow.
    pub bytes: u64,
    remaining: u64,
    /// Gone once it waits for the next request.
    pipe: Option<Pipe>,
    link: Arc<LinkShared>,
    watchdog: Pin<Box<Sleep>>,
    watching: bool,
    /// Until more may be taken.
    rest: Option<Pin<Box<Sleep>>>,
    _slot: OwnedSemaphorePermit,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("bytes", &self.bytes).field("remaining", &self.remaining).finish()
    }
}

impl AsyncRead for Fetched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.remaining == 0 || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let Some(pipe) = &mut this.pipe else { return Poll::Ready(Ok(())) };
        if let Some(rest) = &mut this.rest {
            ready!(rest.as_mut().poll(cx));
            this.rest = None;
        }
        let before = buf.filled().len();
        match Pin::new(pipe).poll_read(cx, buf) {
            Poll::Ready(result) => {
                this.watching = false;
                result?;
                Poll::Ready(this.count((buf.filled().len() - before) as u64))
            }
            Poll::Pending => {
                if !this.watching {
                    this.watching = true;
                    this.watchdog.as_mut().reset(Instant::now() + STALL);
                }
                ready!(this.watchdog.as_mut().poll(cx));
                Poll::Ready(Err(stalled(&this.link)))
            }
        }
    }
}

impl Fetched {
    fn count(&mut self, read: u64) -> io::Result<()> {
        if read == 0 {
            let why = format!("the stream ended {} bytes before its end", self.remaining);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        let Some(remaining) = self.remaining.checked_sub(read) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more bytes came than were announced"));
        };
        self.remaining = remaining;
        let next = self.link.count_bulk_received(read);
        self.rest = next.map(|next| Box::pin(tokio::time::sleep_until(next)));
        self.link.stalls.store(0, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Fetched {
    /// A stream that was read to its end is as good as a new one, and need not be opened.
    fn drop(&mut self) {
        if self.remaining == 0
            && let Some(pipe) = self.pipe.take()
        {
            self.link.spare(pipe);
        }
    }
}

/// Notes a stalled stream; the second in a row ends the link, so that a new connection is made.
fn stalled(link: &LinkShared) -> io::Error {
    if link.stalls.fetch_add(1, Ordering::Relaxed) > 0 {
        link.end("two transfers in a row stalled");
    }
    io::Error::new(io::ErrorKind::TimedOut, format!("nothing came for {} s", STALL.as_secs()))
}

/// `question` is true for what has a short answer.
pub(crate) async fn fetch(
    handle: &NetHandle,
    peer: PeerId,
    request: BulkRequest,
    question: bool,
) -> Result<Fetched, FetchError> {
    let link = handle.links.get(peer).ok_or(FetchError::NoLink { peer })?;
    let slots = Arc::clone(if question { &link.questions } else { &link.fetches });
    let slot = tokio::select! {
        slot = slots.acquire_owned() => slot.map_err(|_| FetchError::NoLink { peer })?,
        () = link.ended.cancelled() => return Err(FetchError::NoLink { peer }),
    };
    ask(handle, link, slot, &request).await
}

/// The same for bytes that another peer wants. It never waits for room: two peers that pass things on to each other, and
/// wait, would wait for ever.
pub(crate) async fn fetch_for_another(
    handle: &NetHandle,
    peer: PeerId,
    request: BulkRequest,
) -> Result<Fetched, FetchError> {
    let link = handle.links.get(peer).ok_or(FetchError::NoLink { peer })?;
    let slot = Arc::clone(&link.passes).try_acquire_owned().map_err(|_| FetchError::Busy { peer })?;
    ask(handle, link, slot, &request).await
}

async fn ask(
    handle: &NetHandle,
    link: Arc<LinkShared>,
    slot: OwnedSemaphorePermit,
    request: &BulkRequest,
) -> Result<Fetched, FetchError> {
    let peer = link.peer;
    let broken = |why: String| FetchError::Broken { peer, why };
    let exchanged = loop {
        let Some(pipe) = link.take_spare() else {
            let pipe = open(handle, &link).await.map_err(|error| broken(error.to_string()))?;
            break exchange(pipe, request).await;
        };
        match exchange(pipe, request).await {
            // The other side did not keep it; what was asked for costs nobody anything.
            Err(FrameError::Io(_)) => {}
            exchanged => break exchanged,
        }
    };
    let (pipe, reply) = exchanged.map_err(|error| {
        if matches!(error, FrameError::Silent(_)) {
            stalled(&link);
        }
        broken(error.to_string())
    })?;
    let error = match reply {
        BulkReply::Sending { bytes } => {
            if bytes >= WORTH_A_LANE_BYTES && matches!(pipe, Pipe::Stream(_)) {
                Dialler::want(&link);
            }
            let watchdog = Box::pin(tokio::time::sleep(STALL));
            let (pipe, watching, rest) = (Some(pipe), false, None);
            return Ok(Fetched { bytes, remaining: bytes, pipe, link, watchdog, watching, rest, _slot: slot });
        }
        BulkReply::Missing => FetchError::Missing { peer },
        BulkReply::Refused => FetchError::Refused { peer },
        BulkReply::Busy => FetchError::Busy { peer },
        BulkReply::NotShown(fault) => FetchError::NotShown { peer, fault },
        BulkReply::NotPassed { broke_at, why } => FetchError::NotPassed { broke_at, why },
    };
    link.spare(pipe);
    Err(error)
}

/// Asks on a stream, and reads what the other side says to it.
async fn exchange(mut pipe: Pipe, request: &BulkRequest) -> Result<(Pipe, BulkReply), FrameError> {
    write_frame(&mut pipe, request, STALL).await?;
    let reply = read_frame(&mut pipe, STALL).await?;
    Ok((pipe, reply))
}

async fn open(handle: &NetHandle, link: &LinkShared) -> io::Result<Pipe> {
    let (answer, answered) = oneshot::channel();
    let command = Command::Open { peer: link.peer, connection: link.connection, protocol: BULK, answer };
    let gone = || io::Error::from(io::ErrorKind::NotConnected);
    handle.commands.send(command).await.map_err(|_| gone())?;
    tokio::select! {
        stream = answered => stream.map_err(|_| gone())?.map(pipe),
        () = link.ended.cancelled() => Err(gone()),
    }
}

/// Answers one request for bytes.
pub struct BulkResponder {
    peer: PeerId,
    pipe: Pipe,
    link: Option<Arc<LinkShared>>,
    /// Takes the stream when all was said.
    done: oneshot::Sender<Pipe>,
}

impl fmt::Debug for BulkResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkResponder").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl BulkResponder {
    /// Sends `bytes` bytes of `source`, which must have that many.
    ///
    /// # Errors
    ///
    /// What reading or writing said; `UnexpectedEof` if the source is too short, `TimedOut` if the other side took
    /// nothing for 20 s. The stream is reset then, so that the other side notices.
    pub async fn send<R: AsyncRead + Unpin>(self, bytes: u64, mut source: R) -> io::Result<()> {
        let mut sink = self.begin(bytes).await?;
        let mut buffer = vec![0; COPY_BYTES.min(usize::try_from(bytes).unwrap_or(COPY_BYTES))];
        let mut remaining = bytes;
        while remaining > 0 {
            let most = buffer.len().min(usize::try_from(remaining).unwrap_or(usize::MAX));
            let read = source.read(&mut buffer[..most]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            sink.write(&buffer[..read]).await?;
            remaining -= read as u64;
        }
        sink.finish().await
    }

    /// Says that `bytes` bytes follow; the caller writes exactly so many. Dropped before its end, what is returned resets the
    /// stream, so that the other side notices.
    ///
    /// # Errors
    ///
    /// What writing said; `TimedOut` if the other side took nothing for 20 s.
    pub async fn begin(mut self, bytes: u64) -> io::Result<BulkSink> {
        self.reply(BulkReply::Sending { bytes }).await?;
        Ok(BulkSink { responder: self, left_bytes: bytes })
    }

    /// Says no: any reply but `Sending`.
    ///
    /// # Errors
    ///
    /// What writing said.
    pub async fn refuse(mut self, reply: BulkReply) -> io::Result<()> {
        self.reply(reply).await?;
        self.finish().await
    }

    async fn reply(&mut self, reply: BulkReply) -> io::Result<()> {
        write_frame(&mut self.pipe, &reply, STALL).await.map_err(io::Error::other)
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        patiently(self.pipe.write_all(bytes)).await?;
        let next = self.link.as_ref().and_then(|link| link.count_bulk_sent(bytes.len() as u64));
        if let Some(next) = next {
            // What was written is on its way meanwhile.
            patiently(self.pipe.flush()).await?;
            tokio::time::sleep_until(next).await;
        }
        Ok(())
    }

    async fn finish(self) -> io::Result<()> {
        let Self { mut pipe, done, .. } = self;
        patiently(pipe.flush()).await?;
        match done.send(pipe) {
            Ok(()) => Ok(()),
            // Nobody waits for another request.
            Err(mut pipe) => patiently(pipe.shutdown()).await,
        }
    }
}

/// Takes the bytes that were announced.
#[derive(Debug)]
pub struct BulkSink {
    responder: BulkResponder,
    left_bytes: u64,
}

impl BulkSink {
    /// Sends some bytes.
    ///
    /// # Errors
    ///
    /// As [`BulkResponder::begin`]; `InvalidInput` if that would be more than was announced.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left_bytes = self.left_bytes.checked_sub(bytes.len() as u64);
        self.left_bytes = left_bytes.ok_or(io::ErrorKind::InvalidInput)?;
        self.responder.write(bytes).await
    }

    /// Says that all was sent. The stream stays for another request.
    ///
    /// # Errors
    ///
    /// As [`BulkResponder::begin`]; `UnexpectedEof` if that was less than was announced.
    pub async fn finish(self) -> io::Result<()> {
        if self.left_bytes > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.responder.finish().await
    }
}

async fn patiently<F: Future<Output = io::Result<()>>>(write: F) -> io::Result<()> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("nothing was taken for {} s", STALL.as_secs()));
    tokio::time::timeout(STALL, write).await.unwrap_or_else(|_| Err(late()))
}

/// The slots for bulk streams that a member may open on one connection.
pub(crate) fn serving_slots() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(SERVED_STREAMS))
}

/// Reads a request on a stream that a member opened and hands it to the node, or says "busy"; again for each that follows.
pub(crate) async fn serve(
    mut pipe: Pipe,
    peer: PeerId,
    slot: Option<OwnedSemaphorePermit>,
    link: Option<Arc<LinkShared>>,
    events: mpsc::Sender<NetEvent>,
) {
    let mut patience = REQUEST;
    loop {
        let request = match read_frame::<BulkRequest>(&mut pipe, patience).await {
            Ok(request) => request,
            Err(error) => {
                tracing::trace!(%error, peer = %peer.short(), "a bulk stream brings no request");
                return;
            }
        };
        if slot.is_none() {
            if write_frame(&mut pipe, &BulkReply::Busy, REQUEST).await.is_ok() {
                let _ = patiently(pipe.shutdown()).await;
            }
            return;
        }
        let (done, answered) = oneshot::channel();
        let responder = BulkResponder { peer, pipe, link: link.clone(), done };
        let asked = NetEvent::BulkAsked { peer, request: Box::new(request), responder };
        if events.send(asked).await.is_err() {
            return;
        }
        // Dropped without an answer, or in the middle of one: the stream has been reset.
        let Ok(again) = answered.await else { return };
        (pipe, patience) = (again, SPARE);
    }
}
