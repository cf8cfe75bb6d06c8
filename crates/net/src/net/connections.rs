//! Connections: who came, what stream they opened, why they went.

use std::sync::Arc;

use gridwell_model::PeerId;
use libp2p::{
    Multiaddr, PeerId as Libp2pPeerId,
    core::ConnectedPoint,
    swarm::{ConnectionDenied, ConnectionId, ListenError},
};
use libp2p_connection_limits::Exceeded;

use super::{Connection, Notice, Task};
use crate::{
    address::for_people,
    behaviour::{Arrival, BULK, CONTROL, GateError, PAIR, Role},
    bulk,
    event::{NetEvent, Refusal},
    frames::pipe,
    keys,
    link::{GREETING, UNKNOWN_HERE},
    talk,
};

impl Task {
    pub(super) fn on_connected(&mut self, peer: Libp2pPeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let gate = &mut self.swarm.behaviour_mut().gate;
        let role = gate.role(id).unwrap_or(Role::Stranger);
        let dialled = endpoint.is_dialer();
        gate.blind_dial_ended(id);
        let blind = self.blind.remove(&id);
        if dialled && blind.is_none() {
            self.swarm.behaviour_mut().gate.dial_ended(&peer);
        }
        let Some(peer) = keys::from_libp2p(peer) else {
            self.close(id);
            return;
        };
        let address = endpoint.get_remote_address().clone();
        let slots = bulk::serving_slots();
        let held = Connection { peer, role, dialled, address, greeting: false, visiting: false, slots };
        self.connections.insert(id, held);
        if let Some(visit) = blind {
            self.knock(peer, id, visit.answer);
        } else if dialled {
            self.on_dialled(peer, id, role);
        } else if role != Role::Member {
            let stay = if role == Role::Stranger { talk::VISIT } else { GREETING };
            self.beside(async move {
                tokio::time::sleep(stay).await;
                Some(Notice::Finished { connection: id })
            });
        }
    }

    fn on_dialled(&mut self, peer: PeerId, id: ConnectionId, role: Role) {
        self.dials.remove(&peer);
        if let Some(answer) = self.visits.remove(&peer) {
            self.knock(peer, id, answer);
        }
        if role == Role::Member {
            self.greet_first(peer, id);
        } else {
            self.attempt_failed(peer, "it is just being asked to let this machine in");
        }
    }

    pub(super) fn on_closed(&mut self, id: ConnectionId, cause: Option<String>) {
        let Some(Connection { peer, .. }) = self.connections.remove(&id) else { return };
        if self.chosen.get(&peer) == Some(&id) {
            self.chosen.remove(&peer);
        }
        if let Some(up) = self.up.get(&peer).filter(|up| up.link.connection == id) {
            up.link.end(cause.map_or_else(|| "the connection closed".to_owned(), |cause| friendly(&cause)));
            let link = Arc::clone(&up.link);
            self.on_link_ended(&link);
        } else {
            self.attempt_failed(peer, UNKNOWN_HERE);
        }
    }

    pub(super) fn on_stream(&mut self, arrival: Arrival) {
        let Arrival { connection: id, protocol, stream } = arrival;
        let Some(held) = self.connections.get_mut(&id) else { return };
        let peer = held.peer;
        let pipe = pipe(stream);
        if protocol == CONTROL && held.role == Role::Member && !held.dialled && !held.greeting {
            held.greeting = true;
            self.await_greeting(id, pipe);
        } else if protocol == CONTROL && held.role == Role::Forbidden && !held.greeting {
            held.greeting = true;
            self.refuse_link(id, peer, pipe);
        } else if protocol == BULK && held.role == Role::Member {
            let slot = Arc::clone(&held.slots).try_acquire_owned().ok();
            let link = self.up.get(&peer).map(|up| Arc::clone(&up.link));
            self.tasks.spawn(bulk::serve(pipe, peer, slot, link, self.events.clone()));
        } else if protocol == PAIR && (held.role == Role::Member || !held.visiting) {
            // A stranger gets one try per connection.
            held.visiting = true;
            let (stranger, address) = (held.role == Role::Stranger, for_people(&held.address));
            let events = self.events.clone();
            self.beside(async move {
                let (talk, carry_on) = talk::talk(pipe);
                if events.send(NetEvent::Visited { peer, address, talk }).await.is_ok() {
                    carry_on.await;
                }
                stranger.then_some(Notice::Finished { connection: id })
            });
        } else {
            tracing::debug!(peer = %peer.short(), %protocol, "a stream was not wanted");
        }
    }

    pub(super) fn on_incoming_error(&mut self, peer: Option<Libp2pPeerId>, from: &Multiaddr, error: &ListenError) {
        let address = for_people(from);
        let ListenError::Denied { cause } = error else {
            tracing::debug!(%address, %error, "an incoming connection failed");
            return;
        };
        tracing::debug!(%address, %cause, "an incoming connection was refused");
        let why = refusal(cause);
        self.tell_softly(NetEvent::Refused { peer: peer.and_then(keys::from_libp2p), address, why });
    }

    /// Queues an event that anybody out there can cause: a few at a time, the rest is dropped.
    pub(super) fn tell_softly(&mut self, event: NetEvent) {
        const MOST: usize = 32;
        if self.waiting.len() < MOST {
            self.waiting.push_back(event);
        }
    }
}

fn refusal(cause: &ConnectionDenied) -> Refusal {
    if cause.downcast_ref::<Exceeded>().is_some() {
        return Refusal::Crowded;
    }
    match cause.downcast_ref::<GateError>() {
        Some(GateError::Crowded) => Refusal::Crowded,
        other => {
            debug_assert!(other.is_some(), "only the gate and the limits refuse");
            Refusal::Stranger
        }
    }
}

fn friendly(cause: &str) -> String {
    if cause.contains("KeepAliveTimeout") || cause.contains("keep-alive") {
        "nothing was using the connection".to_owned()
    } else {
        format!("the connection was lost: {cause}")
    }
}
