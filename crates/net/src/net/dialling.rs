//! Dialling: for a link, or to be let in.

use std::{collections::VecDeque, error::Error, io, time::Duration};

use gridwell_model::PeerId;
use libp2p::{
    Multiaddr, PeerId as Libp2pPeerId, TransportError,
    swarm::{
        ConnectionId, DialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::sync::oneshot;

use super::{BlindVisit, Connection, Notice, Task, VisitResult};
use crate::{
    address::{for_people, resolve, socket_of},
    behaviour::{PAIR, Role},
    event::NetEvent,
    keys,
    talk::{self, VisitError},
};

/// Most addresses tried for one peer.
const MAX_ADDRESSES: usize = 16;
/// A name server that needs longer is not there.
const RESOLVE: Duration = Duration::from_secs(5);

impl Task {
    pub(super) fn dial(&mut self, peer: PeerId, addresses: Vec<String>) {
        if peer == self.me || self.up.contains_key(&peer) {
            return;
        }
        self.asked.insert(peer);
        // What is under way (also a connection that the other side made) answers for this dial too.
        if !self.is_under_way(peer) {
            self.dials.insert(peer, Role::Member);
            self.look_up(peer, addresses);
        }
    }

    /// True while a link to `peer` is being made.
    fn is_under_way(&self, peer: PeerId) -> bool {
        // On a connection that is refused the other side is only told so: no link comes of it.
        let greets = |held: &Connection| held.peer == peer && held.greeting && held.role != Role::Forbidden;
        self.dials.contains_key(&peer) || self.connections.values().any(greets)
    }

    /// An attempt to link with `peer` ended without a link: if it was the last one, the node hears of it.
    pub(super) fn attempt_failed(&mut self, peer: PeerId, why: &str) {
        self.attempt_ended(peer, || NetEvent::DialFailed { peer, why: why.to_owned() });
    }

    /// The same, with what the node hears.
    pub(super) fn attempt_ended(&mut self, peer: PeerId, event: impl FnOnce() -> NetEvent) {
        if !self.up.contains_key(&peer) && !self.is_under_way(peer) && self.asked.remove(&peer) {
            self.tell(event());
        }
    }

    /// Visits a machine whose key is known.
    pub(super) fn visit(&mut self, host: PeerId, addresses: Vec<String>, answer: VisitResult) {
        if host == self.me || self.visits.contains_key(&host) {
            let _ = answer.send(Err(VisitError::UnderWay { host }));
            return;
        }
        let linked = self.up.get(&host).map(|up| up.link.connection);
        if let Some(connection) = linked {
            self.knock(host, connection, answer);
            return;
        }
        self.visits.insert(host, answer);
        if self.dials.insert(host, Role::Host).is_none() {
            self.look_up(host, addresses);
        }
    }

    /// Visits whoever answers.
    pub(super) fn visit_blindly(&self, addresses: Vec<String>, answer: VisitResult) {
        let visit = BlindVisit { whom: addresses.join(", "), addresses: VecDeque::new(), answer };
        self.beside(async move {
            let found = look_up_all(&addresses).await;
            Some(Notice::VisitResolved { visit, addresses: found })
        });
    }

    pub(super) fn on_visit_resolved(&mut self, mut visit: BlindVisit, addresses: Result<Vec<Multiaddr>, String>) {
        match addresses {
            Ok(addresses) => {
                visit.addresses = addresses.into();
                self.dial_blindly(visit, "no address is known for it".to_owned());
            }
            Err(why) => visit.give_up(why),
        }
    }

    /// Dials the next address of a visit; `why` the last one failed.
    fn dial_blindly(&mut self, mut visit: BlindVisit, why: String) {
        let Some(address) = visit.addresses.pop_front() else {
            visit.give_up(why);
            return;
        };
        let options = DialOpts::unknown_peer_id().address(address).allocate_new_port().build();
        let dial = options.connection_id();
        self.swarm.behaviour_mut().gate.expect_blind_dial(dial);
        self.blind.insert(dial, visit);
        if let Err(error) = self.swarm.dial(options) {
            self.on_blind_dial_error(dial, &error);
        }
    }

    pub(super) fn on_blind_dial_error(&mut self, dial: ConnectionId, error: &DialError) {
        self.swarm.behaviour_mut().gate.blind_dial_ended(dial);
        if let Some(visit) = self.blind.remove(&dial) {
            // libp2p leaves out addresses on which it listens itself.
            let own = matches!(error, DialError::NoAddresses);
            let why = if own { "that is this machine itself".to_owned() } else { describe(error) };
            self.dial_blindly(visit, why);
        }
    }

    fn look_up(&self, peer: PeerId, addresses: Vec<String>) {
        self.beside(async move {
            let found = look_up_all(&addresses).await;
            Some(Notice::Resolved { peer, addresses: found })
        });
    }

    pub(super) fn on_resolved(&mut self, peer: PeerId, addresses: Result<Vec<Multiaddr>, String>) {
        let Some(role) = self.dials.get(&peer).copied() else { return };
        let addresses = match addresses {
            Ok(addresses) => addresses,
            Err(why) => return self.dial_failed(peer, why),
        };
        let them = keys::to_libp2p(peer);
        self.swarm.behaviour_mut().gate.expect_dial(them, role);
        // Not from the port we listen on: two peers that dial each other at once from there would share one
        // connection on which both believe to be the client.
        let options = DialOpts::peer_id(them)
            .condition(PeerCondition::NotDialing)
            .addresses(addresses)
            .allocate_new_port()
            .build();
        if let Err(error) = self.swarm.dial(options) {
            self.on_dial_error(them, &error);
        }
    }

    pub(super) fn on_dial_error(&mut self, them: Libp2pPeerId, error: &DialError) {
        self.swarm.behaviour_mut().gate.dial_ended(&them);
        if let Some(peer) = keys::from_libp2p(them) {
            self.dial_failed(peer, describe(error));
        }
    }

    fn dial_failed(&mut self, peer: PeerId, why: String) {
        self.dials.remove(&peer);
        if let Some(answer) = self.visits.remove(&peer) {
            let whom = format!("machine {}", peer.short());
            let _ = answer.send(Err(VisitError::Unreached { whom, why: why.clone() }));
        }
        self.attempt_failed(peer, &why);
    }

    /// Opens the pairing stream on a connection and hands the conversation to whoever wants to be let in.
    pub(super) fn knock(&mut self, host: PeerId, on: ConnectionId, answer: VisitResult) {
        let (opening, opened) = oneshot::channel();
        self.swarm.behaviour_mut().gate.open(keys::to_libp2p(host), on, PAIR, opening);
        let passing = self.connections.get(&on).is_some_and(|held| held.role == Role::Host);
        self.beside(async move {
            match talk::begin(opened, host).await {
                Ok((talk, carry_on)) => {
                    if answer.send(Ok((host, talk))).is_ok() {
                        carry_on.await;
                    }
                }
                Err(error) => {
                    let _ = answer.send(Err(error));
                }
            }
            passing.then_some(Notice::Finished { connection: on })
        });
    }
}

impl BlindVisit {
    fn give_up(self, why: String) {
        let _ = self.answer.send(Err(VisitError::Unreached { whom: self.whom, why }));
    }
}

/// Looks all names up; TCP is used alone where there is any, because on a LAN it is the faster one.
async fn look_up_all(texts: &[String]) -> Result<Vec<Multiaddr>, String> {
    let mut found = Vec::new();
    let mut why = "no address is known for it".to_owned();
    for text in texts.iter().take(MAX_ADDRESSES) {
        match tokio::time::timeout(RESOLVE, resolve(text)).await {
            Ok(Ok(addresses)) => found.extend(addresses),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => why = format!("the name in '{text}' was not found within {} s", RESOLVE.as_secs()),
        }
    }
    let is_tcp = |address: &Multiaddr| socket_of(address).is_some_and(|(_, quic)| !quic);
    if found.iter().any(is_tcp) {
        found.retain(is_tcp);
    }
    found.truncate(MAX_ADDRESSES);
    if found.is_empty() { Err(why) } else { Ok(found) }
}

/// One sentence for people.
fn describe(error: &DialError) -> String {
    match error {
        DialError::NoAddresses => "no address is known for it".to_owned(),
        DialError::LocalPeerId { address } => format!("{} is this machine itself", for_people(address)),
        DialError::WrongPeerId { address, .. } => format!("another machine answers at {}", for_people(address)),
        DialError::Denied { cause } => format!("this machine does not dial it: {cause}"),
        DialError::Aborted | DialError::DialPeerConditionFalse(_) => "the dial was given up".to_owned(),
        DialError::Transport(errors) => {
            let each = errors.iter().map(|(address, error)| format!("{}: {}", for_people(address), reason(error)));
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

fn reason(error: &TransportError<io::Error>) -> String {
    let TransportError::Other(error) = error else { return "not an address that can be dialled".to_owned() };
    // libp2p wraps errors several times: the innermost one says what happened.
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(inner) = inner(cause) {
        cause = inner;
    }
    let text = cause.to_string();
    match system_error(&text) {
        Some(io::ErrorKind::ConnectionRefused) => "nobody listens there".to_owned(),
        Some(io::ErrorKind::TimedOut) => "no answer".to_owned(),
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "no way there".to_owned(),
        _ => text,
    }
}

/// What the system said, from the code that the standard library prints behind each of its errors. libp2p wraps some
/// in types that show the text and hide the error, so the text is all there is.
fn system_error(text: &str) -> Option<io::ErrorKind> {
    let code = text.strip_suffix(')')?.rsplit_once("(os error ")?.1;
    code.parse().ok().map(|code| io::Error::from_raw_os_error(code).kind())
}

/// The error within an error. `io::Error` hides what it wraps from `source`.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source())
}
