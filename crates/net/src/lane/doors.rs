//! How lanes are made: dialled beside a link that stands, and let in where they belong to one.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_rustls::rustls::{ClientConfig, ServerConfig};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Lane, Records};
use crate::{
    bulk,
    event::NetEvent,
    frames::Pipe,
    handle::LinkTable,
    link::{BULK_STREAMS, LinkShared},
};

/// Lanes that each side of a link dials: one for each of the bulk streams that it opens for itself.
const LANES: usize = BULK_STREAMS;
/// Connections and handshakes take some round trips; who needs longer gets no lane.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long nothing is tried at a machine after none could be made.
const REST: Duration = Duration::from_secs(60);
/// Handshakes of those who dialled, at once; more are sent away.
const HANDSHAKES: usize = 16;
/// Connections that wait for their handshake.
const ARRIVALS: usize = 16;

/// What all links of this machine make lanes with.
pub(crate) struct Door {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
    /// Connections that others dialled as lanes.
    pub(crate) arrivals: mpsc::Receiver<TcpStream>,
}

impl Door {
    /// The door, and where connections that are to be lanes are handed in.
    pub(crate) fn new(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> (Self, mpsc::Sender<TcpStream>) {
        let (knock, arrivals) = mpsc::channel(ARRIVALS);
        (Self { client, server, arrivals }, knock)
    }
}

/// Dials the lanes of one link.
pub(crate) struct Dialler {
    config: Arc<ClientConfig>,
    /// Where the other side may be reached.
    sockets: Vec<SocketAddr>,
    places: Arc<Semaphore>,
    /// True while one is being made.
    dialling: AtomicBool,
    rest_until: Mutex<Option<Instant>>,
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialler").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

impl Dialler {
    pub(crate) fn new(config: Arc<ClientConfig>, sockets: Vec<SocketAddr>) -> Self {
        Self {
            config,
            sockets,
            places: Arc::new(Semaphore::new(LANES)),
            dialling: AtomicBool::new(false),
            rest_until: Mutex::default(),
        }
    }

    /// Makes a lane beside everything else, if there is place for one and the other side can be reached. It waits among the link's
    /// spare streams.
    pub(crate) fn want(link: &Arc<LinkShared>) {
        let this = &link.dialler;
        let possible = !this.sockets.is_empty() && this.count() < LANES && !this.rests();
        if !possible || this.dialling.swap(true, Ordering::AcqRel) {
            return;
        }
        let link = Arc::clone(link);
        tokio::spawn(async move {
            let made = link.ended.run_until_cancelled(timeout(HANDSHAKE, link.dialler.dial(&link))).await;
            let rest = match made {
                Some(Ok(Ok(lane))) => {
                    lane.into_iter().for_each(|lane| link.spare(Pipe::Lane(Box::new(lane))));
                    None
                }
                Some(Ok(Err(error))) => Some(error),
                Some(Err(_late)) => Some(io::ErrorKind::TimedOut.into()),
                None => None,
            };
            if let Some(error) = rest {
                tracing::debug!(%error, machine = link.peer.short(), "no lane: streams of the link carry its bytes");
                *link.dialler.rest_until() = Some(Instant::now() + REST);
            }
            link.dialler.dialling.store(false, Ordering::Release);
        });
    }

    /// A lane, unless there are enough.
    async fn dial(&self, link: &LinkShared) -> io::Result<Option<Lane>> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return Ok(None) };
        let mut why = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for socket in &self.sockets {
            let dialled = async {
                let socket = TcpStream::connect(socket).await?;
                socket.set_nodelay(true)?;
                Records::dial(socket, Arc::clone(&self.config)).await
            };
            match dialled.await {
                Ok((peer, records)) if peer == link.peer => {
                    return Ok(Some(Lane::new(records, &link.ended, Some(place))));
                }
                Ok(_) => why = io::Error::other("another machine answers there"),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Lanes that stand, or are being made.
    pub(crate) fn count(&self) -> usize {
        LANES - self.places.available_permits()
    }

    fn rests(&self) -> bool {
        self.rest_until().is_some_and(|until| Instant::now() < until)
    }

    fn rest_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.rest_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets connections in that members dialled as lanes of a link that stands, and serves what they ask for. Nobody else gets an answer.
pub(crate) async fn listen(
    server: Arc<ServerConfig>,
    mut arrivals: mpsc::Receiver<TcpStream>,
    table: Arc<LinkTable>,
    events: mpsc::Sender<NetEvent>,
    (tasks, stopping): (TaskTracker, CancellationToken),
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    while let Some(Some(socket)) = stopping.run_until_cancelled(arrivals.recv()).await {
        let Ok(handshake) = Arc::clone(&handshakes).try_acquire_owned() else { continue };
        let (server, table, events) = (Arc::clone(&server), Arc::clone(&table), events.clone());
        tasks.spawn(stopping.clone().run_until_cancelled_owned(async move {
            let welcomed = timeout(HANDSHAKE, welcome(socket, server, &table)).await;
            drop(handshake);
            match welcomed {
                Ok(Ok((link, lane, place))) => {
                    let pipe = Pipe::Lane(Box::new(lane));
                    let serving = bulk::serve(pipe, link.peer, Some(place), Some(Arc::clone(&link)), events);
                    link.ended.run_until_cancelled(serving).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, "a lane was not let in"),
                Err(_late) => tracing::debug!("a lane was not let in: it did not greet in time"),
            }
        }));
    }
}

async fn welcome(
    socket: TcpStream,
    server: Arc<ServerConfig>,
    table: &LinkTable,
) -> io::Result<(Arc<LinkShared>, Lane, OwnedSemaphorePermit)> {
    socket.set_nodelay(true)?;
    let (peer, records) = Records::accept(socket, server).await?;
    let link = table.get(peer).ok_or_else(|| io::Error::other("there is no link with who dialled it"))?;
    let place = Arc::clone(&link.served_lanes).try_acquire_owned();
    let place = place.map_err(|_| io::Error::other("its link has enough of them"))?;
    let lane = Lane::new(records, &link.ended, None);
    Ok((link, lane, place))
}

#[cfg(test)]
mod tests {
    use gridwell_model::PeerId;
    use libp2p::swarm::ConnectionId;
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;
    use crate::{
        handle::Counters,
        keys,
        link::{LANE_WAITS, SERVED_LANES as SERVED},
        transport::lane_configs,
    };

    const HERE: [u8; 32] = [1; 32];
    const THERE: [u8; 32] = [2; 32];

    fn id(seed: [u8; 32]) -> PeerId {
        keys::from_libp2p(keys::keypair(seed).public().to_peer_id()).unwrap()
    }

    /// A machine that lets lanes in: where, its links, and what ends it.
    async fn machine() -> (SocketAddr, Arc<LinkTable>, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, table, stopping) = (listener.local_addr().unwrap(), Arc::default(), CancellationToken::new());
        let (knock, arrivals) = mpsc::channel(ARRIVALS);
        let (events, _read) = mpsc::channel(1);
        let beside = (TaskTracker::new(), stopping.clone());
        let (_, server) = lane_configs(&keys::keypair(HERE));
        tokio::spawn(listen(server, arrivals, Arc::clone(&table), events, beside));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                knock.send(socket).await.unwrap();
            }
        });
        (at, table, stopping)
    }

    fn link(peer: PeerId, sockets: Vec<SocketAddr>) -> Arc<LinkShared> {
        let (client, _) = lane_configs(&keys::keypair(THERE));
        let dialler = Dialler::new(client, sockets);
        LinkShared::new(peer, ConnectionId::new_unchecked(1), Arc::<Counters>::default(), dialler)
    }

    #[tokio::test]
    async fn a_lane_is_let_in_by_its_link_alone_and_ends_with_it() {
        let (at, table, _stopping) = machine().await;
        let from_there = link(id(HERE), vec![at]);
        let dial = async || from_there.dialler.dial(&from_there).await.unwrap().unwrap();

        let mut lane = dial().await;
        assert!(!matches!(lane.read(&mut [0]).await, Ok(1..)), "a lane without a link got an answer");

        let from_here = link(id(THERE), Vec::new());
        table.insert(Arc::clone(&from_here));
        let mut lane = dial().await;
        let places = || from_here.served_lanes.available_permits();
        while places() == SERVED {
            tokio::task::yield_now().await;
        }
        from_here.end("a member no more");
        assert!(!matches!(lane.read(&mut [0]).await, Ok(1..)));
        while places() < SERVED {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn this_side_sends_nothing_over_a_lane_whose_link_has_ended() {
        let (at, table, _stopping) = machine().await;
        table.insert(link(id(THERE), Vec::new()));
        let from_there = link(id(HERE), vec![at]);
        let mut lane = from_there.dialler.dial(&from_there).await.unwrap().unwrap();
        assert_eq!(from_there.dialler.count(), 1);
        let reading = tokio::spawn(async move { lane.read(&mut [0]).await });
        from_there.end("enough");
        assert_eq!(reading.await.unwrap().unwrap_err().kind(), io::ErrorKind::NotConnected);
        assert_eq!(from_there.dialler.count(), 0);
    }

    #[tokio::test]
    async fn a_lane_waits_for_a_while_and_is_closed_then() {
        let (at, table, _stopping) = machine().await;
        table.insert(link(id(THERE), Vec::new()));
        let link = link(id(HERE), vec![at]);
        let mut lanes = Vec::new();
        for _ in 0..4 {
            lanes.push(Pipe::Lane(Box::new(link.dialler.dial(&link).await.unwrap().unwrap())));
        }
        let (count, mut waits) = (|| link.dialler.count(), || link.spare(lanes.pop().unwrap()));
        tokio::time::pause();
        waits();
        waits();
        drop(link.take_spare());
        assert_eq!(count(), 3);

        tokio::time::sleep(LANE_WAITS / 2).await;
        waits();
        tokio::time::sleep(LANE_WAITS * 3 / 4).await;
        assert_eq!(count(), 2, "the older one is closed");
        tokio::time::sleep(LANE_WAITS).await;
        assert_eq!(count(), 1);
        assert!(link.take_spare().is_none());

        link.end("enough");
        waits();
        assert_eq!(count(), 0, "none waits for a link that has ended");
    }

    #[tokio::test]
    async fn another_machine_that_answers_gets_no_lane() {
        let (at, _table, _stopping) = machine().await;
        let elsewhere = link(id([3; 32]), vec![at]);
        let error = elsewhere.dialler.dial(&elsewhere).await.unwrap_err();
        assert!(error.to_string().contains("another machine"), "{error}");
        Dialler::want(&elsewhere);
        while !elsewhere.dialler.rests() {
            tokio::task::yield_now().await;
        }
        assert_eq!(elsewhere.dialler.count(), 0);
    }
}
