//! The control stream of a link: greeting, reading, writing.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use gridwell_model::PeerId;
use gridwell_wire::{DecodeError, FrameBuffer, Hello, LinkWish, Message, Twin, decode, encode};
use libp2p::swarm::ConnectionId;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    runtime::Handle,
    sync::{Notify, Semaphore, mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    event::NetEvent,
    frames::{FrameError, Pipe, STALL, read_payload, write_frame},
    handle::{Counters, SendError},
    lane::Dialler,
};

/// The greeting takes one round trip; a peer that needs longer is not there.
pub(crate) const GREETING: Duration = Duration::from_secs(10);
/// The likely reason why a member closes a connection, or offers no control stream, before it has said hello.
pub(crate) const UNKNOWN_HERE: &str = "it closed the connection: most likely it does not know this machine as a member";
/// Logs wait at their source when a link has this much to write: a second of a slow link.
const CROWDED_BYTES: usize = 1 << 20;
/// A link with this much unwritten has a peer that stopped reading.
const OVERFLOW_BYTES: usize = 8 << 20;
/// Numbers of pings that ask whether the other side of a link still runs; all below are the node's.
const FIRST_PROBE: u64 = 1 << 63;
/// How long it may take to answer one. A link whose other side is gone ends within seconds anyway.
const PROBE: Duration = Duration::from_secs(3);
/// Read at once: a frame and its length.
const READ_BYTES: usize = 68 * 1024;
/// Written between two looks at the clock.
const WRITE_BYTES: usize = 64 * 1024;
/// Messages in one event, so that one link's burst does not hold up the node.
const MAX_BATCH: usize = 256;
/// Bulk streams that we open on one link for ourselves, and as many again for others (network.md §4).
pub(crate) const BULK_STREAMS: usize = 8;
/// How long a lane waits for another request: a little less than the other side does.
pub(crate) const LANE_WAITS: Duration = Duration::from_secs(25);
/// Lanes that the other side may have open here: more than it dials, because an end arrives here later than there.
pub(crate) const SERVED_LANES: usize = 2 * BULK_STREAMS;

/// What the tasks and handles of one link share.
pub(crate) struct LinkShared {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    outgoing: Mutex<Outgoing>,
    wake_writer: Notify,
    /// Why the link ends; set by whoever ends it first.
    why: Mutex<Option<String>>,
    pub(crate) ended: CancellationToken,
    counters: Arc<Counters>,
    /// Slots for bulk streams that we open.
    pub(crate) fetches: Arc<Semaphore>,
    /// Slots for bulk streams that we open because another peer wants bytes.
    pub(crate) passes: Arc<Semaphore>,
    /// The same for what has a short answer: somebody who looks at a folder does not wait behind what others read.
    pub(crate) questions: Arc<Semaphore>,
    /// Bulk streams and lanes that wait for another request: as many as were in use at once.
    spare: Mutex<Spare>,
    pub(crate) dialler: Dialler,
    /// Places for lanes that the other side dials.
    pub(crate) served_lanes: Arc<Semaphore>,
    /// Bulk streams in a row that made no progress.
    pub(crate) stalls: AtomicU32,
    /// How many times the other side was asked whether it runs, and the last time it said so.
    probes: AtomicU64,
    answered: watch::Sender<u64>,
}

impl fmt::Debug for LinkShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkShared").field("peer", &self.peer).field("connection", &self.connection).finish()
    }
}

/// What waits for another request.
#[derive(Debug, Default)]
struct Spare {
    /// With the moment since which each waits; the latest last.
    lanes: Vec<(Instant, Pipe)>,
    /// True while somebody closes those that wait for long.
    tidied: bool,
    streams: Vec<Pipe>,
}

/// Encoded frames on their way to the writer.
#[derive(Debug, Default)]
struct Outgoing {
    bytes: Vec<u8>,
    /// True once nothing more is taken: the link ends when what is here has been written.
    closing: bool,
}

impl LinkShared {
    pub(crate) fn new(peer: PeerId, connection: ConnectionId, counters: Arc<Counters>, dialler: Dialler) -> Arc<Self> {
        Arc::new(Self {
            peer,
            connection,
            outgoing: Mutex::default(),
            wake_writer: Notify::new(),
            why: Mutex::default(),
            ended: CancellationToken::new(),
            counters,
            fetches: Arc::new(Semaphore::new(BULK_STREAMS)),
            passes: Arc::new(Semaphore::new(BULK_STREAMS)),
            questions: Arc::new(Semaphore::new(BULK_STREAMS)),
            spare: Mutex::default(),
            dialler,
            served_lanes: Arc::new(Semaphore::new(SERVED_LANES)),
            stalls: AtomicU32::new(0),
            probes: AtomicU64::new(FIRST_PROBE),
            answered: watch::Sender::new(0),
        })
    }

    /// Queues a message for the writer.
    pub(crate) fn send(&self, message: &Message) -> Result<(), SendError> {
        let bytes = encode(message)?;
        let peer = self.peer;
        let pending_bytes = {
            let mut outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
            if outgoing.closing {
                return Err(SendError::NoLink { peer });
            }
            let outgoing = &mut outgoing.bytes;
            let pending_bytes = outgoing.len();
            if pending_bytes > CROWDED_BYTES && matches!(message, Message::Log(_)) {
                return Err(SendError::Crowded { peer, pending_bytes });
            }
            if pending_bytes + bytes.len() <= OVERFLOW_BYTES {
                outgoing.extend_from_slice(&bytes);
                if pending_bytes == 0 {
                    self.wake_writer.notify_one();
                }
                return Ok(());
            }
            pending_bytes
        };
        self.end(format!("the other side stopped reading: {pending_bytes} bytes were waiting"));
        Err(SendError::Overflow { peer, pending_bytes })
    }

    pub(crate) fn pending_bytes(&self) -> usize {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner).bytes.len()
    }

    /// Takes no more messages, and ends the link for that reason once those that were taken are written.
    pub(crate) fn end_soon(&self, why: &str) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.to_owned());
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner).closing = true;
        self.wake_writer.notify_one();
    }

    fn is_closing(&self) -> bool {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner).closing
    }

    /// Ends the link, for that reason unless there was one before.
    pub(crate) fn end(&self, why: impl Into<String>) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.into());
        self.ended.cancel();
    }

    /// True if the other side still runs: it answers now.
    pub(crate) async fn is_alive(&self) -> bool {
        let number = self.probes.fetch_add(1, Ordering::Relaxed);
        if self.send(&Message::Ping { number }).is_err() {
            return false;
        }
        let mut answered = self.answered.subscribe();
        tokio::select! {
            said = async { answered.wait_for(|answered| *answered >= number).await.is_ok() } => said,
            () = self.ended.cancelled() => false,
            () = tokio::time::sleep(PROBE) => false,
        }
    }

    fn why(&self) -> String {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.clone().unwrap_or_else(|| "the link ended".to_owned())
    }

    /// Keeps a bulk stream or a lane for another request, while the link lasts.
    pub(crate) fn spare(self: &Arc<Self>, pipe: Pipe) {
        let mut spare = self.spares();
        if self.ended.is_cancelled() {
            return;
        }
        if let Pipe::Stream(_) = &pipe {
            spare.streams.push(pipe);
            return;
        }
        spare.lanes.push((Instant::now(), pipe));
        if !spare.tidied
            && let Ok(runtime) = Handle::try_current()
        {
            spare.tidied = true;
            runtime.spawn(tidy(Arc::downgrade(self)));
        }
    }

    /// A lane if one waits, else a bulk stream.
    pub(crate) fn take_spare(&self) -> Option<Pipe> {
        let mut spare = self.spares();
        match spare.lanes.pop() {
            Some((since, lane)) if since.elapsed() < LANE_WAITS => Some(lane),
            // It waits the shortest: the other side may have closed all of them.
            Some(_) => {
                spare.lanes.clear();
                spare.streams.pop()
            }
            None => spare.streams.pop(),
        }
    }

    fn spares(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_sent(&self, bytes: u64) {
        self.counters.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn count_received(&self, bytes: u64) {
        self.counters.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns when the next bytes may go, unless that is at once.
    pub(crate) fn count_bulk_sent(&self, bytes: u64) -> Option<Instant> {
        self.count_sent(bytes);
        self.counters.bulk_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.counters.paces.sent.spend(bytes).max(self.counters.all.sent.spend(bytes))
    }

    /// Returns when the next bytes may be taken, unless that is at once.
    pub(crate) fn count_bulk_received(&self, bytes: u64) -> Option<Instant> {
        self.count_received(bytes);
        self.counters.bulk_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.counters.paces.received.spend(bytes).max(self.counters.all.received.spend(bytes))
    }
}

/// Closes lanes that wait for long, until none waits.
async fn tidy(link: Weak<LinkShared>) {
    loop {
        tokio::time::sleep(LANE_WAITS).await;
        let Some(link) = link.upgrade() else { return };
        let mut spare = link.spares();
        spare.lanes.retain(|(since, _)| since.elapsed() < LANE_WAITS);
        spare.tidied = !spare.lanes.is_empty();
        if !spare.tidied {
            return;
        }
    }
}

/// Says hello first and reads the answer: the side that dialled.
pub(crate) async fn greet_first(pipe: &mut Pipe, hello: &Hello) -> Result<Greeting, FrameError> {
    write_frame(pipe, &Message::Hello(hello.clone()), GREETING).await?;
    read_greeting(pipe).await
}

/// The first message of the other side.
#[derive(Debug)]
pub(crate) enum Greeting {
    Hello(Box<Hello>),
    /// A hello of another version, whose other fields this version cannot read.
    OtherVersion(u32),
    /// Its owner forbids the link.
    Forbidden(LinkWish),
    /// Another run with this machine's key is linked there.
    Twice(Twin),
}

/// Reads the other side's hello.
pub(crate) async fn read_greeting(pipe: &mut Pipe) -> Result<Greeting, FrameError> {
    let payload = read_payload(pipe, GREETING).await?;
    match decode(&payload) {
        Ok(Message::Hello(hello)) => Ok(Greeting::Hello(Box::new(hello))),
        Ok(Message::Forbidden(wish)) => Ok(Greeting::Forbidden(wish)),
        Ok(Message::Twice(twin)) => Ok(Greeting::Twice(twin)),
        Ok(_) => Err(DecodeError::Unknown { bytes: payload.len() }.into()),
        Err(error) => gridwell_wire::hello_version(&payload).map(Greeting::OtherVersion).ok_or_else(|| error.into()),
    }
}

/// A link about to run.
pub(crate) struct Link {
    pub(crate) shared: Arc<LinkShared>,
    pub(crate) pipe: Pipe,
    pub(crate) hello: Hello,
    pub(crate) address: String,
    pub(crate) inbound: bool,
    /// Resolves when the link that this one replaces has said its last word.
    pub(crate) after: Option<oneshot::Receiver<()>>,
}

impl Link {
    /// Runs until either side ends it; reports up, messages and down, in this order.
    pub(crate) async fn run(self, events: mpsc::Sender<NetEvent>) {
        let Self { shared, pipe, hello, address, inbound, after } = self;
        if let Some(after) = after {
            let _ = after.await;
        }
        let peer = shared.peer;
        if events.send(NetEvent::LinkUp { peer, hello, address, inbound }).await.is_err() {
            return;
        }
        let (reader, writer) = tokio::io::split(pipe);
        tokio::select! {
            why = read(reader, &shared, &events) => shared.end(why),
            why = write(writer, &shared) => shared.end(why),
            () = shared.ended.cancelled() => {}
        }
        let _ = events.send(NetEvent::LinkDown { peer, why: shared.why() }).await;
    }
}

/// Reads messages and hands them to the node; while the node has no room, this link alone stops reading.
async fn read(mut reader: ReadHalf<Pipe>, link: &LinkShared, events: &mpsc::Sender<NetEvent>) -> String {
    let mut frames = FrameBuffer::new();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match reader.read(&mut bytes).await {
            Ok(0) => return "the other side closed the link".to_owned(),
            Ok(count) => {
                link.count_received(count as u64);
                if link.is_closing() {
                    // Nobody listens to it any more.
                    continue;
                }
                frames.extend(&bytes[..count]);
            }
            Err(error) => return lost(&error),
        }
        loop {
            let messages = match next_batch(&mut frames, link) {
                Ok(messages) => messages,
                Err(error) => return format!("the other side sent nonsense: {error}"),
            };
            if messages.is_empty() {
                break;
            }
            if events.send(NetEvent::Messages { peer: link.peer, messages }).await.is_err() {
                return "this machine is stopping".to_owned();
            }
        }
    }
}

fn next_batch(frames: &mut FrameBuffer, link: &LinkShared) -> Result<Vec<Message>, DecodeError> {
    let mut messages = Vec::new();
    while messages.len() < MAX_BATCH {
        let Some(payload) = frames.next_frame()? else { break };
        match decode(&payload) {
            Ok(Message::Pong { number }) if number >= FIRST_PROBE => {
                link.answered.send_replace(number);
            }
            Ok(Message::Hello(_) | Message::Forbidden(_) | Message::Twice(_)) => {
                tracing::debug!("a second greeting was skipped");
            }
            Ok(message) => messages.push(message),
            Err(error) => tracing::debug!(%error, "a frame was skipped"),
        }
    }
    Ok(messages)
}

/// Writes what is queued, in large pieces, each of which must make progress.
async fn write(mut writer: WriteHalf<Pipe>, link: &LinkShared) -> String {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let closing = {
            let mut outgoing = link.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut bytes, &mut outgoing.bytes);
            outgoing.closing
        };
        if bytes.is_empty() {
            if closing {
                // The other side ends it when it has read all this. Ended here while something from there is unread, the
                // connection would be torn down, and what was just written with it.
                let _ = writer.shutdown().await;
                return std::future::pending().await;
            }
            link.wake_writer.notified().await;
            continue;
        }
        for piece in bytes.chunks(WRITE_BYTES) {
            match tokio::time::timeout(STALL, writer.write_all(piece)).await {
                Ok(Ok(())) => link.count_sent(piece.len() as u64),
                Ok(Err(error)) => return lost(&error),
                Err(_) => return format!("the other side read nothing for {} s", STALL.as_secs()),
            }
        }
        if let Err(error) = writer.flush().await {
            return lost(&error);
        }
        if bytes.capacity() > CROWDED_BYTES {
            bytes = Vec::new();
        }
    }
}

fn lost(error: &io::Error) -> String {
    format!("the connection was lost: {error}")
}
