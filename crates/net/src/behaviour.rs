//! The gate, and the handler that opens and accepts streams on one connection.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    convert::Infallible,
    future::{Ready, ready},
    io,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{
        Endpoint,
        transport::PortUse,
        upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo},
    },
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
        NotifyHandler, StreamUpgradeError, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use tokio::sync::oneshot;

use crate::{address::socket_of, knocking::Knocking};

/// The permanent stream of a link.
pub(crate) const CONTROL: StreamProtocol = StreamProtocol::new("/gridwell/control/1");
/// One request for bytes.
pub(crate) const BULK: StreamProtocol = StreamProtocol::new("/gridwell/bulk/1");
/// One conversation with a machine that wants to become a member.
pub(crate) const PAIR: StreamProtocol = StreamProtocol::new("/gridwell/pair/1");

/// Strangers connected at once while an invite lives: as many as invites may be open (a laboratory whose machines all join by one
/// script), and few enough to hold while an attacker tries.
const MAX_STRANGERS: usize = 64;
/// Streams that wait for the swarm's task on one connection; more are dropped, which resets them.
const MAX_WAITING_STREAMS: usize = 64;

/// What the other side of a connection is to us; decides which protocols exist on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything.
    Member,
    /// A member whose link this machine's owner forbids: it may open one control stream, on which it is told so.
    Forbidden,
    /// It may open one pairing stream and nothing else.
    Stranger,
    /// We open one pairing stream there and accept nothing.
    Host,
}

/// Answers a wish for a stream.
pub(crate) type StreamAnswer = oneshot::Sender<Result<Stream, io::Error>>;

/// Decides who may connect. First in the order of behaviours, so that nobody else sees who is refused.
pub(crate) struct Gate {
    members: BTreeSet<PeerId>,
    forbidden: BTreeSet<PeerId>,
    joinable: bool,
    dialling: BTreeMap<PeerId, Role>,
    /// Dials of an address whose peer is to be found out, to visit it.
    blind: BTreeSet<ConnectionId>,
    connections: HashMap<ConnectionId, Role>,
    knocking: Knocking,
    queue: VecDeque<ToSwarm<Arrival, OpenStream>>,
}

/// The cause of a refusal at the gate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GateError {
    #[error("not a member of this grid")]
    Stranger,
    #[error("nobody asked to dial that peer")]
    NotAsked,
    #[error("too many handshakes are under way from that address")]
    Crowded,
}

/// A stream that the other side opened.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: ConnectionId,
    pub(crate) protocol: StreamProtocol,
    pub(crate) stream: Stream,
}

/// A wish for a stream, on its way to the handler of one connection.
#[derive(Debug)]
pub(crate) struct OpenStream {
    protocol: StreamProtocol,
    answer: StreamAnswer,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            members: BTreeSet::new(),
            forbidden: BTreeSet::new(),
            joinable: false,
            dialling: BTreeMap::new(),
            blind: BTreeSet::new(),
            connections: HashMap::new(),
            knocking: Knocking::default(),
            queue: VecDeque::new(),
        }
    }

    /// Who may link, and who of the others is told that it may not.
    pub(crate) fn set_members(&mut self, members: BTreeSet<PeerId>, forbidden: BTreeSet<PeerId>) {
        (self.members, self.forbidden) = (members, forbidden);
    }

    pub(crate) fn is_member(&self, peer: &PeerId) -> bool {
        self.members.contains(peer)
    }

    pub(crate) const fn set_joinable(&mut self, joinable: bool) {
        self.joinable = joinable;
    }

    /// Lets one dial to `peer` pass.
    pub(crate) fn expect_dial(&mut self, peer: PeerId, role: Role) {
        self.dialling.insert(peer, role);
    }

    /// A dial to `peer` ended, well or not.
    pub(crate) fn dial_ended(&mut self, peer: &PeerId) {
        self.dialling.remove(peer);
    }

    /// Lets one dial of an address pass, whoever answers there.
    pub(crate) fn expect_blind_dial(&mut self, dial: ConnectionId) {
        self.blind.insert(dial);
    }

    /// That dial ended, well or not.
    pub(crate) fn blind_dial_ended(&mut self, dial: ConnectionId) {
        self.blind.remove(&dial);
    }

    /// What the other side of an established connection is.
    pub(crate) fn role(&self, connection: ConnectionId) -> Option<Role> {
        self.connections.get(&connection).copied()
    }

    /// Opens a stream on exactly that connection; the answer is dropped if the connection is gone.
    pub(crate) fn open(&mut self, peer: PeerId, on: ConnectionId, protocol: StreamProtocol, answer: StreamAnswer) {
        let event = OpenStream { protocol, answer };
        self.queue.push_back(ToSwarm::NotifyHandler { peer_id: peer, handler: NotifyHandler::One(on), event });
    }

    fn inbound_role(&self, peer: &PeerId) -> Result<Role, GateError> {
        let strangers = || self.connections.values().filter(|role| **role == Role::Stranger).count();
        if self.is_member(peer) {
            Ok(Role::Member)
        } else if self.forbidden.contains(peer) {
            Ok(Role::Forbidden)
        } else if self.joinable && strangers() < MAX_STRANGERS {
            Ok(Role::Stranger)
        } else {
            Err(GateError::Stranger)
        }
    }

    fn outbound_role(&self, dial: ConnectionId, peer: Option<&PeerId>) -> Result<Role, GateError> {
        if self.blind.contains(&dial) {
            return Ok(Role::Host);
        }
        let peer = peer.ok_or(GateError::NotAsked)?;
        match self.dialling.get(peer) {
            Some(_) if self.is_member(peer) => Ok(Role::Member),
            Some(Role::Host) => Ok(Role::Host),
            _ => Err(GateError::NotAsked),
        }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = Handler;
    type ToSwarm = Arrival;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        match socket_of(from) {
            Some((socket, _)) if !self.knocking.begin(connection, socket.ip()) => {
                Err(ConnectionDenied::new(GateError::Crowded))
            }
            _ => Ok(()),
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inbound_role(&peer).map(Handler::new).map_err(ConnectionDenied::new)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        dial: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let asked = self.outbound_role(dial, peer.as_ref());
        asked.map(|_| Vec::new()).map_err(ConnectionDenied::new)
    }

    fn handle_established_outbound_connection(
        &mut self,
        dial: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.outbound_role(dial, Some(&peer)).map(Handler::new).map_err(ConnectionDenied::new)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(made) => {
                let role = if made.endpoint.is_dialer() {
                    self.outbound_role(made.connection_id, Some(&made.peer_id))
                } else {
                    self.inbound_role(&made.peer_id)
                };
                // The gate may have closed since the handler was made: the connection then gets the least.
                self.connections.insert(made.connection_id, role.unwrap_or(Role::Stranger));
                self.knocking.end(made.connection_id);
            }
            FromSwarm::ListenFailure(failed) => self.knocking.end(failed.connection_id),
            FromSwarm::ConnectionClosed(gone) => {
                self.connections.remove(&gone.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, on: ConnectionId, event: THandlerOutEvent<Self>) {
        let (protocol, stream) = event;
        self.queue.push_back(ToSwarm::GenerateEvent(Arrival { connection: on, protocol, stream }));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        // No waker: everything that fills the queue is followed by a poll of the swarm.
        self.queue.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Opens and accepts streams on one connection.
pub(crate) struct Handler {
    role: Role,
    wanted: VecDeque<OpenStream>,
    arrived: VecDeque<(StreamProtocol, Stream)>,
}

impl Handler {
    const fn new(role: Role) -> Self {
        Self { role, wanted: VecDeque::new(), arrived: VecDeque::new() }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = OpenStream;
    type ToBehaviour = (StreamProtocol, Stream);
    type InboundProtocol = Protocols;
    type OutboundProtocol = Protocols;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = StreamAnswer;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocols> {
        let protocols = match self.role {
            Role::Member => vec![CONTROL, BULK, PAIR],
            Role::Forbidden => vec![CONTROL],
            Role::Stranger => vec![PAIR],
            Role::Host => vec![],
        };
        SubstreamProtocol::new(Protocols(protocols), ())
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Protocols, StreamAnswer, Self::ToBehaviour>> {
        // No waker either: the connection polls its handler after every event that fills these queues.
        if let Some(arrival) = self.arrived.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(arrival));
        }
        if let Some(OpenStream { protocol, answer }) = self.wanted.pop_front() {
            let protocol = SubstreamProtocol::new(Protocols(vec![protocol]), answer);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, wish: OpenStream) {
        self.wanted.push_back(wish);
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Protocols, Protocols, (), StreamAnswer>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol), ..
            }) if self.arrived.len() < MAX_WAITING_STREAMS => {
                self.arrived.push_back((protocol, stream));
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: (stream, _), info }) => {
                let _ = info.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let _ = info.send(Err(upgrade_error(error)));
            }
            _ => {}
        }
    }
}

fn upgrade_error(error: StreamUpgradeError<Infallible>) -> io::Error {
    match error {
        StreamUpgradeError::Timeout => io::ErrorKind::TimedOut.into(),
        StreamUpgradeError::NegotiationFailed => {
            io::Error::new(io::ErrorKind::Unsupported, "the other side does not offer that stream")
        }
        StreamUpgradeError::Io(error) => error,
        StreamUpgradeError::Apply(never) => match never {},
    }
}

/// Negotiates one of several protocols and hands out the bare stream.
pub(crate) struct Protocols(Vec<StreamProtocol>);

impl UpgradeInfo for Protocols {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
