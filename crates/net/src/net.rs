//! The task that owns the swarm.
//!
//! **One connection per link.** Whoever dials a connection opens its control stream. Of the two peers, the one with the
//! lower id decides: it says hello on one connection only, the first that is ready, and the other side follows. A
//! second connection replaces the first only when the first is stale: the other side has restarted, or comes back
//! after the time in which both may still have been dialling at once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use futures_rustls::rustls::ClientConfig;
use gridwell_model::PeerId;
use gridwell_wire::{Hello, LinkWish};
use libp2p::{
    Multiaddr, StreamProtocol, Swarm,
    core::transport::ListenerId,
    swarm::{ConnectionId, SwarmEvent},
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    address::{ListenAddress, socket_of},
    behaviour::{Role, StreamAnswer},
    config::{NetConfig, StartError, key_log_is_set},
    event::NetEvent,
    frames::Pipe,
    handle::{LinkTable, NetHandle},
    keys,
    lane::{self, Door},
    link::{Greeting, LinkShared},
    talk::{Talk, VisitError},
    transport::{Behaviour, BehaviourEvent, build_swarm, check_free, listen_quic, listen_tcp},
};

mod connections;
mod dialling;
mod links;

/// Commands that wait for the task; callers wait beyond that.
const COMMANDS: usize = 256;
/// Own events that wait for the node; what merely informs is dropped beyond that.
const MAX_WAITING_EVENTS: usize = 1_024;
/// How long links get to say their last word: at a shutdown, and when they become forbidden.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Starts the net.
#[derive(Debug)]
pub struct Net;

impl Net {
    /// Starts listening and returns the handle and the events. Dropping the receiver ends all links.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(config: NetConfig) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), StartError> {
        if key_log_is_set() {
            return Err(StartError::KeyLog);
        }
        let keypair = keys::keypair(config.secret_seed);
        let peer = keys::from_libp2p(keypair.public().to_peer_id()).expect("an Ed25519 key has such an id");
        let (mut swarm, door) = build_swarm(keypair)?;
        let unbound = listen(&mut swarm, &config.listen).await?;
        let (commands, commanded) = mpsc::channel(COMMANDS);
        let (events, receiver) = mpsc::channel(config.event_capacity.max(1));
        let links = Arc::new(LinkTable::default());
        let client = Arc::clone(&door.client);
        let task = Task::new(peer, (swarm, client), config.hello, unbound, events, Arc::clone(&links));
        task.listen_for_lanes(door);
        tokio::spawn(task.run(commanded));
        Ok((NetHandle { peer, commands, links }, receiver))
    }
}

/// TCP listeners whose port is yet to be known, with the address they were asked to listen on.
type Unbound = HashMap<ListenerId, IpAddr>;

/// Listens everywhere.
async fn listen(swarm: &mut Swarm<Behaviour>, addresses: &[String]) -> Result<Unbound, StartError> {
    let mut sockets = Vec::new();
    for text in addresses {
        let resolved = crate::address::resolve(text).await;
        let resolved = resolved.map_err(|source| StartError::Address { address: text.clone(), source })?;
        sockets.extend(resolved.iter().filter_map(socket_of).map(|(socket, _)| socket));
    }
    // All checks before all listeners: one that we hold already would be in the way of the next check.
    sockets.iter().try_for_each(|socket| check_free(*socket))?;
    let mut unbound = Unbound::new();
    for socket in sockets {
        let listener = listen_tcp(swarm, socket)?;
        if socket.port() == 0 {
            unbound.insert(listener, socket.ip());
        } else {
            listen_quic(swarm, socket);
        }
    }
    Ok(unbound)
}

/// What handles ask of the task.
#[derive(Debug)]
pub(crate) enum Command {
    SetMembers { members: BTreeSet<PeerId>, forbidden: BTreeMap<PeerId, LinkWish> },
    SetJoinable { joinable: bool },
    SetHello { hello: Box<Hello> },
    Dial { peer: PeerId, addresses: Vec<String> },
    Disconnect { peer: PeerId },
    Visit { host: Option<PeerId>, addresses: Vec<String>, answer: VisitResult },
    Open { peer: PeerId, connection: ConnectionId, protocol: StreamProtocol, answer: StreamAnswer },
    CountConnections { peer: PeerId, answer: oneshot::Sender<usize> },
    Shutdown { done: oneshot::Sender<()> },
}

type VisitResult = oneshot::Sender<Result<(PeerId, Talk), VisitError>>;

/// What the tasks beside report to the task.
enum Notice {
    /// Addresses of a peer that we want to dial, or why there are none.
    Resolved { peer: PeerId, addresses: Result<Vec<Multiaddr>, String> },
    /// Addresses at which we want to visit whoever answers, or why there are none.
    VisitResolved { visit: BlindVisit, addresses: Result<Vec<Multiaddr>, String> },
    /// A control stream brought its first message.
    Greeted { connection: ConnectionId, pipe: Pipe, greeting: Greeting },
    /// The standing link with a peer of which another run greets was asked whether that still runs.
    Asked { connection: ConnectionId, pipe: Pipe, hello: Hello, alive: bool },
    /// A control stream broke before that.
    GreetingFailed { connection: ConnectionId, why: String },
    /// A link has said its last word.
    LinkEnded { link: Arc<LinkShared> },
    /// A connection has served its purpose.
    Finished { connection: ConnectionId },
}

/// One established connection.
struct Connection {
    peer: PeerId,
    role: Role,
    /// True if we dialled it.
    dialled: bool,
    address: Multiaddr,
    /// True once a control stream exists on it, so that there is never a second.
    greeting: bool,
    /// True once the other side has opened a pairing stream on it.
    visiting: bool,
    slots: Arc<Semaphore>,
}

/// A link that is up.
struct Up {
    link: Arc<LinkShared>,
    hello: Hello,
    /// Where the other side is, as seen from here.
    address: String,
    since: Instant,
    /// Resolves when the link has said its last word; taken by its successor.
    ended: oneshot::Receiver<()>,
}

/// A visit to whoever answers at one of some addresses.
struct BlindVisit {
    /// As they were given, for messages.
    whom: String,
    /// Still to be tried.
    addresses: VecDeque<Multiaddr>,
    answer: VisitResult,
}

struct Task {
    me: PeerId,
    swarm: Swarm<Behaviour>,
    /// What lanes are dialled with.
    lanes: Arc<ClientConfig>,
    hello: Hello,
    /// Members whose links this machine's owner forbids, with what they are told.
    forbidden: BTreeMap<PeerId, LinkWish>,
    connections: HashMap<ConnectionId, Connection>,
    /// The one connection to each peer above us on which we say or said hello.
    chosen: BTreeMap<PeerId, ConnectionId>,
    up: BTreeMap<PeerId, Up>,
    /// Links that have ended but not yet said their last word; a new link to the same peer waits for it.
    leaving: BTreeMap<PeerId, oneshot::Receiver<()>>,
    /// Visits that wait for a connection to their host.
    visits: BTreeMap<PeerId, VisitResult>,
    /// Visits that wait for the dial of an address.
    blind: HashMap<ConnectionId, BlindVisit>,
    /// Peers being dialled, with what for.
    dials: BTreeMap<PeerId, Role>,
    /// Peers whose dial by the node has had no answer yet.
    asked: BTreeSet<PeerId>,
    unbound: Unbound,
    listening: Vec<ListenAddress>,
    events: mpsc::Sender<NetEvent>,
    waiting: VecDeque<NetEvent>,
    notify: mpsc::Sender<Notice>,
    notices: mpsc::Receiver<Notice>,
    table: Arc<LinkTable>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Task {
    fn new(
        me: PeerId,
        (swarm, lanes): (Swarm<Behaviour>, Arc<ClientConfig>),
        hello: Hello,
        unbound: Unbound,
        events: mpsc::Sender<NetEvent>,
        table: Arc<LinkTable>,
    ) -> Self {
        let (notify, notices) = mpsc::channel(COMMANDS);
        Self {
            me,
            swarm,
            lanes,
            hello,
            forbidden: BTreeMap::new(),
            connections: HashMap::new(),
            chosen: BTreeMap::new(),
            up: BTreeMap::new(),
            leaving: BTreeMap::new(),
            visits: BTreeMap::new(),
            blind: HashMap::new(),
            dials: BTreeMap::new(),
            asked: BTreeSet::new(),
            unbound,
            listening: Vec::new(),
            events,
            waiting: VecDeque::new(),
            notify,
            notices,
            table,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }
    }

    /// Lets lanes in beside the task, until the net stops.
    fn listen_for_lanes(&self, door: Door) {
        let beside = (self.tasks.clone(), self.stopping.clone());
        self.tasks.spawn(lane::listen(
            door.server,
            door.arrivals,
            Arc::clone(&self.table),
            self.events.clone(),
            beside,
        ));
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let events = self.events.clone();
        let done = loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(notice) = self.notices.recv() => self.on_notice(notice),
                command = commands.recv() => match command {
                    Some(Command::Shutdown { done }) => break Some(done),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                room = events.reserve(), if !self.waiting.is_empty() => match (room, self.waiting.pop_front()) {
                    (Ok(room), Some(event)) => room.send(event),
                    _ => break None,
                },
                () = events.closed() => break None,
            }
        };
        commands.close();
        self.stop().await;
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    async fn stop(self) {
        let Self { swarm, up, tasks, notices, table, visits, blind, stopping, .. } = self;
        stopping.cancel();
        for Up { link, .. } in up.into_values() {
            link.end("this machine is stopping");
            table.remove(&link);
        }
        drop((swarm, notices, visits, blind));
        tasks.close();
        if tokio::time::timeout(LAST_WORD, tasks.wait()).await.is_err() {
            tracing::debug!("some links did not say their last word: the node reads no events");
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::SetMembers { members, forbidden } => self.set_members(&members, forbidden),
            Command::SetJoinable { joinable } => self.set_joinable(joinable),
            Command::SetHello { hello } => self.hello = *hello,
            Command::Dial { peer, addresses } => self.dial(peer, addresses),
            Command::Disconnect { peer } => self.end_link(peer, "this machine ended the link"),
            Command::Visit { host: Some(host), addresses, answer } => self.visit(host, addresses, answer),
            Command::Visit { host: None, addresses, answer } => self.visit_blindly(addresses, answer),
            Command::Open { peer, connection, protocol, answer } => {
                self.swarm.behaviour_mut().gate.open(keys::to_libp2p(peer), connection, protocol, answer);
            }
            Command::CountConnections { peer, answer } => {
                let _ = answer.send(self.connections.values().filter(|held| held.peer == peer).count());
            }
            Command::Shutdown { .. } => {}
        }
    }

    fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Resolved { peer, addresses } => self.on_resolved(peer, addresses),
            Notice::VisitResolved { visit, addresses } => self.on_visit_resolved(visit, addresses),
            Notice::Greeted { connection, pipe, greeting } => self.on_greeted(connection, pipe, greeting),
            Notice::Asked { connection, pipe, hello, alive } => self.on_asked(connection, pipe, hello, alive),
            Notice::GreetingFailed { connection, why } => self.on_greeting_failed(connection, &why),
            Notice::LinkEnded { link } => self.on_link_ended(&link),
            Notice::Finished { connection } => self.close(connection),
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gate(arrival)) => self.on_stream(arrival),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { connection_id, cause, .. } => {
                self.on_closed(connection_id, cause.map(|cause| cause.to_string()));
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. }
                if self.blind.contains_key(&connection_id) =>
            {
                self.on_blind_dial_error(connection_id, &error);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                self.on_dial_error(peer, &error);
            }
            SwarmEvent::IncomingConnectionError { peer_id, send_back_addr, error, .. } => {
                self.on_incoming_error(peer_id, &send_back_addr, &error);
            }
            SwarmEvent::NewListenAddr { listener_id, address } => self.on_listening(listener_id, &address),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.on_not_listening(&address),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                tracing::warn!(?reason, "a listener closed");
                addresses.iter().for_each(|address| self.on_not_listening(address));
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has trouble"),
            _ => {}
        }
    }

    fn on_listening(&mut self, listener: ListenerId, address: &Multiaddr) {
        let Some((socket, _)) = socket_of(address) else { return };
        if let Some(ip) = self.unbound.remove(&listener) {
            listen_quic(&mut self.swarm, SocketAddr::new(ip, socket.port()));
        }
        if let Some(address) = ListenAddress::of(address).filter(|address| !self.listening.contains(address)) {
            self.listening.push(address);
            self.listening.sort_by_key(|address| address.quic);
            self.report_listening();
        }
    }

    fn on_not_listening(&mut self, address: &Multiaddr) {
        self.listening.retain(|held| held.multiaddr != address.to_string());
        self.report_listening();
    }

    fn report_listening(&mut self) {
        // A newer list makes the ones that wait pointless.
        self.waiting.retain(|event| !matches!(event, NetEvent::Listening { .. }));
        self.tell(NetEvent::Listening { addresses: self.listening.clone() });
    }

    /// Queues an event of the task's own.
    fn tell(&mut self, event: NetEvent) {
        if self.waiting.len() < MAX_WAITING_EVENTS {
            self.waiting.push_back(event);
        } else {
            tracing::warn!(?event, "an event was dropped: the node does not read");
        }
    }

    fn close(&mut self, connection: ConnectionId) {
        self.swarm.close_connection(connection);
    }

    /// Runs `work` beside the task, until the net stops, and reports what it returns.
    fn beside<F>(&self, work: F)
    where
        F: Future<Output = Option<Notice>> + Send + 'static,
    {
        let (notify, stopping) = (self.notify.clone(), self.stopping.clone());
        self.tasks.spawn(stopping.run_until_cancelled_owned(async move {
            if let Some(notice) = work.await {
                let _ = notify.send(notice).await;
            }
        }));
    }
}
