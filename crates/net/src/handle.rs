use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use gridwell_model::PeerId;
use gridwell_wire::{BulkRequest, EncodeError, Hello, LinkWish, Message};
use tokio::sync::{mpsc, oneshot};

use crate::{
    bulk::{self, FetchError, Fetched},
    link::LinkShared,
    net::Command,
    pace::{Pace, Paces},
    talk::{Talk, VisitError},
};

/// Why a message was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no link to that peer (any more).
    #[error("no link to machine {}", peer.short())]
    NoLink {
        /// Whom it was for.
        peer: PeerId,
    },
    /// The message exceeds a frame.
    #[error(transparent)]
    TooLong(#[from] EncodeError),
    /// The link is slower than the logs that go over it: keep this one and try again soon. Only for
    /// [`Message::Log`], which is the one message that can come without measure.
    #[error("the link to machine {} has {pending_bytes} bytes waiting", peer.short())]
    Crowded {
        /// Whom it was for.
        peer: PeerId,
        /// Bytes not written yet.
        pending_bytes: usize,
    },
    /// The other side has stopped reading: the link has been reset.
    #[error("the link to machine {} was reset: {pending_bytes} bytes were waiting", peer.short())]
    Overflow {
        /// Whom it was for.
        peer: PeerId,
        /// Bytes not written.
        pending_bytes: usize,
    },
}

/// Counters of the links with one peer since the net started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Bytes sent on control and bulk streams, without what TLS and yamux add.
    pub sent_bytes: u64,
    /// Bytes received likewise.
    pub received_bytes: u64,
    /// Bytes that bulk streams carried, both ways. They move only while the other side's program runs.
    pub bulk_bytes: u64,
    /// Control bytes queued and not yet written.
    pub pending_bytes: u64,
}

/// Asks the net task; cheap to clone. Everything asked after a shutdown does nothing or fails.
#[derive(Debug, Clone)]
pub struct NetHandle {
    pub(crate) peer: PeerId,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) links: Arc<LinkTable>,
}

impl NetHandle {
    /// This peer.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Queues a message on the link to `peer`; never waits.
    ///
    /// # Errors
    ///
    /// See [`SendError`]. After [`SendError::Overflow`] a `LinkDown` follows.
    pub fn send(&self, peer: PeerId, message: &Message) -> Result<(), SendError> {
        let link = self.links.get(peer).ok_or(SendError::NoLink { peer })?;
        link.send(message)
    }

    /// Counters of the links with `peer`; all zero if there never was one.
    #[must_use]
    pub fn stats(&self, peer: PeerId) -> LinkStats {
        let counters = self.links.counters(peer);
        LinkStats {
            sent_bytes: counters.sent_bytes.load(Ordering::Relaxed),
            received_bytes: counters.received_bytes.load(Ordering::Relaxed),
            bulk_bytes: counters.bulk_bytes.load(Ordering::Relaxed),
            pending_bytes: self.links.get(peer).map_or(0, |link| link.pending_bytes() as u64),
        }
    }

    /// Lowest limit of [`NetHandle::set_limit`], in bytes per second.
    pub const LEAST_LIMIT: u64 = Pace::LEAST;

    /// Limits the bulk bytes that go over links with `peer`, or over all links together, each way, in bytes per second.
    pub fn set_limit(&self, peer: Option<PeerId>, bytes_per_second: Option<u64>) {
        match peer {
            Some(peer) => self.links.counters(peer).paces.set(bytes_per_second),
            None => self.links.paces.set(bytes_per_second),
        }
    }

    /// Replaces the set of peers that may link with this one. Links to others end; those among `forbidden` are told why
    /// when they dial, with the wish that stands against them.
    pub async fn set_members(&self, members: BTreeSet<PeerId>, forbidden: BTreeMap<PeerId, LinkWish>) {
        self.command(Command::SetMembers { members, forbidden }).await;
    }

    /// Says whether strangers may visit now.
    pub async fn set_joinable(&self, joinable: bool) {
        self.command(Command::SetJoinable { joinable }).await;
    }

    /// Replaces the hello of links made from now on.
    pub async fn set_hello(&self, hello: Hello) {
        self.command(Command::SetHello { hello: Box::new(hello) }).await;
    }

    /// Dials a member at any of `addresses` (`HOST:PORT` or multiaddress). Ends in `LinkUp` or `DialFailed`, unless a
    /// link or a dial exists already.
    pub async fn dial(&self, peer: PeerId, addresses: Vec<String>) {
        self.command(Command::Dial { peer, addresses }).await;
    }

    /// Ends the link to `peer`, if there is one.
    pub async fn disconnect(&self, peer: PeerId) {
        self.command(Command::Disconnect { peer }).await;
    }

    /// Connections to `peer` now: one for a link, more only for moments; for the doctor. 0 after a shutdown.
    pub async fn connection_count(&self, peer: PeerId) -> usize {
        let (answer, answered) = oneshot::channel();
        self.command(Command::CountConnections { peer, answer }).await;
        answered.await.unwrap_or(0)
    }

    /// Lanes to `peer` that this machine dialled and that stand now.
    #[must_use]
    pub fn lane_count(&self, peer: PeerId) -> usize {
        self.links.get(peer).map_or(0, |link| link.dialler.count())
    }

    /// Asks `peer` for bytes over their link and returns them as a reader.
    ///
    /// Waits while too many streams are open on the link. The bytes are as the peer sent them: check their hash.
    ///
    /// # Errors
    ///
    /// See [`FetchError`].
    pub async fn fetch(&self, peer: PeerId, request: BulkRequest) -> Result<Fetched, FetchError> {
        bulk::fetch(self, peer, request, false).await
    }

    /// The same for what has a short answer; it waits for other questions only.
    ///
    /// # Errors
    ///
    /// See [`FetchError`].
    pub async fn question(&self, peer: PeerId, request: BulkRequest) -> Result<Fetched, FetchError> {
        bulk::fetch(self, peer, request, true).await
    }

    /// The same because another peer wants the bytes; never waits for room.
    ///
    /// # Errors
    ///
    /// See [`FetchError`]; `Busy` when too much is passed on over that link already.
    pub async fn fetch_for_another(&self, peer: PeerId, request: BulkRequest) -> Result<Fetched, FetchError> {
        bulk::fetch_for_another(self, peer, request).await
    }

    /// Visits `host`, or whoever answers, at any of `addresses`, to be let in. Returns who it is, as the handshake proved,
    /// and the conversation with it.
    ///
    /// # Errors
    ///
    /// See [`VisitError`].
    pub async fn visit(&self, host: Option<PeerId>, addresses: Vec<String>) -> Result<(PeerId, Talk), VisitError> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Visit { host, addresses, answer }).await;
        answered.await.unwrap_or(Err(VisitError::Stopped))
    }

    /// Ends all links and listeners and returns when that is done.
    pub async fn shutdown(&self) {
        let (done, finished) = oneshot::channel();
        self.command(Command::Shutdown { done }).await;
        let _ = finished.await;
    }

    async fn command(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            tracing::debug!("the net has stopped");
        }
    }
}

/// Bytes that the links with one peer have carried since the net started, and how fast those of bulk streams may go.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) received_bytes: AtomicU64,
    pub(crate) bulk_bytes: AtomicU64,
    pub(crate) paces: Paces,
    /// Those of all links together.
    pub(crate) all: Arc<Paces>,
}

/// The links that are up, shared between the net task (which writes it) and handles (which read it).
#[derive(Debug, Default)]
pub(crate) struct LinkTable {
    links: Mutex<BTreeMap<PeerId, Arc<LinkShared>>>,
    counters: Mutex<BTreeMap<PeerId, Arc<Counters>>>,
    paces: Arc<Paces>,
}

impl LinkTable {
    pub(crate) fn get(&self, peer: PeerId) -> Option<Arc<LinkShared>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).get(&peer).cloned()
    }

    /// The counters of the links with `peer`; they outlive each link.
    pub(crate) fn counters(&self, peer: PeerId) -> Arc<Counters> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Counters { all: Arc::clone(&self.paces), ..Counters::default() });
        Arc::clone(counters.entry(peer).or_insert_with(new))
    }

    pub(crate) fn insert(&self, link: Arc<LinkShared>) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).insert(link.peer, link);
    }

    /// Removes `link`, unless another one has taken its place.
    pub(crate) fn remove(&self, link: &Arc<LinkShared>) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if links.get(&link.peer).is_some_and(|held| Arc::ptr_eq(held, link)) {
            links.remove(&link.peer);
        }
    }
}
