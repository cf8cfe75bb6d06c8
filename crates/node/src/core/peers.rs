//! Links: what the net says, what the link table wishes, and bytes for those who have a right to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{LinkState, LinkView};
use gridwell_ledger::Input as LedgerInput;
use gridwell_links::{Effect, Input, LinkState as State};
use gridwell_model::{GridId, Incarnation, LinkPolicy, LinkWish, PeerId, Time};
use gridwell_net::{BulkResponder, NetEvent, NetHandle, Refusal};
use gridwell_sched::Input as SchedInput;
use gridwell_wire::{BulkReply, BulkRequest, Hello, Message, PROTOCOL_VERSION};
use gridwell_worker::Input as WorkerInput;
use tokio::{io::AsyncSeekExt as _, sync::mpsc};
use tokio_util::task::TaskTracker;

use super::{Core, Fact, map::rtt};
use crate::clock;

/// Smallest transfer that tells how fast a path is, in bytes: below it the round trip is most of the time.
const MEASURED_BYTES: u64 = 1_000_000;

/// Something for the net that must keep its order: a dial after the members that allow it, after the hello it begins with.
pub(crate) enum NetWish {
    Hello(Box<Hello>),
    Members(BTreeSet<PeerId>, BTreeMap<PeerId, LinkWish>),
    Joinable(bool),
    Dial(PeerId, Vec<String>),
    Disconnect(PeerId),
}

/// Wishes for the net that may wait; it takes them at once unless it is stopping.
const NET_WISHES: usize = 4_096;

/// Starts the task that carries wishes to the net, one after the other.
pub(crate) fn net_wishes(net: NetHandle, beside: &TaskTracker) -> mpsc::Sender<NetWish> {
    let (wishes, mut inlet) = mpsc::channel(NET_WISHES);
    beside.spawn(async move {
        while let Some(wish) = inlet.recv().await {
            match wish {
                NetWish::Hello(hello) => net.set_hello(*hello).await,
                NetWish::Members(members, forbidden) => net.set_members(members, forbidden).await,
                NetWish::Joinable(joinable) => net.set_joinable(joinable).await,
                NetWish::Dial(peer, addresses) => net.dial(peer, addresses).await,
                NetWish::Disconnect(peer) => net.disconnect(peer).await,
            }
        }
    });
    wishes
}

/// What every link begins with.
pub(crate) fn hello(grid: GridId, incarnation: Incarnation, name: String, addresses: &[String]) -> Hello {
    let addresses = addresses.iter().take(16).cloned().collect();
    Hello { version: PROTOCOL_VERSION, grid, incarnation, name, addresses, clock_ms: clock::stamp().0 }
}

impl Core {
    pub(crate) fn on_net(&mut self, event: NetEvent) {
        match event {
            NetEvent::Listening { addresses } => {
                let tcp = addresses.into_iter().filter(|address| !address.quic);
                self.membership.addresses = tcp.map(|address| address.host_port).collect();
                self.set_hello();
            }
            NetEvent::LinkUp { peer, hello, address, inbound } => self.on_link_up(peer, &hello, address, inbound),
            NetEvent::LinkDown { peer, why } => self.on_link_down(peer, why),
            NetEvent::Messages { peer, messages } => {
                self.links.handle(Input::Heard { peer }, clock::now());
                for message in messages {
                    self.on_message(peer, message);
                }
            }
            NetEvent::DialFailed { peer, why } => {
                self.links.handle(Input::DialFailed { peer, why }, clock::now());
                self.link_changed(peer);
            }
            NetEvent::DialRefused { peer, theirs } => {
                self.hear_wish(peer, theirs);
                self.links.handle(Input::DialRefused { peer, theirs }, clock::now());
                self.link_changed(peer);
            }
            NetEvent::Refused { peer, why: Refusal::Forbidden, .. } => {
                tracing::debug!(machine = peer.map(|peer| peer.short()), "a machine asked for a forbidden link");
            }
            NetEvent::Refused { peer, address, why } => {
                tracing::info!(machine = peer.map(|peer| peer.short()), %why, "a connection was refused");
                tracing::debug!(%address, "it came from there");
            }
            NetEvent::BulkAsked { peer, request, responder } => self.on_bulk(peer, request, responder),
            NetEvent::Visited { peer, address, talk } => self.on_visited(peer, address, talk),
        }
    }

    pub(crate) fn set_hello(&self) {
        let name = self.machines.settings().name.clone();
        let hello = hello(self.membership.grid.id(), self.incarnation, name, &self.membership.addresses);
        self.wish_net(NetWish::Hello(Box::new(hello)));
    }

    pub(crate) fn wish_net(&self, wish: NetWish) {
        if self.net_wishes.try_send(wish).is_err() {
            tracing::error!("the net takes no wishes: it is stopping, or stuck");
        }
    }

    fn on_link_up(&mut self, peer: PeerId, hello: &Hello, address: String, inbound: bool) {
        let now = clock::now();
        self.links.handle(Input::Connected { peer, inbound, address }, now);
        self.links.handle(Input::AddressesLearned { peer, addresses: hello.addresses.clone() }, now);
        self.keep_addresses(peer);
        let machine = self.machines.other_mut(peer);
        machine.online = true;
        machine.last_seen = Some(clock::stamp());
        machine.clock_ahead_ms = hello.clock_ms as i64 - clock::stamp().0 as i64;
        let known = machine.incarnation.replace(hello.incarnation);
        if known.is_some_and(|known| known != hello.incarnation) {
            // Another run of its node: every lease it held is gone. At first sight nobody can tell: it renews what it
            // holds, and the rest expires.
            self.tell_ledger(LedgerInput::HolderVanished { peer });
        }
        self.on_named(peer, &hello.name);
        self.worker.handle(WorkerInput::StewardBack { steward: peer }, now);
        self.send_records(peer, self.membership.grid.encoded());
        let announcement = self.announcement();
        if let Err(error) = self.net.send(peer, &Message::Announce(Box::new(announcement))) {
            tracing::debug!(%error, "the first announcement was not sent");
        }
        self.tell_links_to(peer);
        tracing::info!(machine = hello.name, "linked");
        self.machine_came(peer);
        self.follow_isolation();
        self.link_changed(peer);
    }

    fn on_link_down(&mut self, peer: PeerId, why: String) {
        let now = clock::now();
        tracing::info!(machine = self.machines.name(peer), why, "link lost");
        self.links.handle(Input::Disconnected { peer, why }, now);
        let machine = self.machines.other_mut(peer);
        machine.online = false;
        machine.last_seen = Some(clock::stamp());
        self.sched.handle(SchedInput::PeerLeft { peer }, now);
        self.worker.handle(WorkerInput::StewardLost { steward: peer }, now);
        // Who is away by somebody's wish is not missed.
        if self.link_rule(peer).policy != LinkPolicy::Forbidden {
            self.presence.left(peer, now);
        }
        self.follow_isolation();
        self.forget_links_of(peer);
        self.link_changed(peer);
    }

    /// Lets the link table decide what is due, with what the net knows of the links it is about.
    pub(crate) fn judge_links(&mut self, now: Time) {
        for peer in self.links.due(now).collect::<Vec<_>>() {
            let bytes = self.net.stats(peer).bulk_bytes;
            self.links.handle(Input::BulkCounted { peer, bytes }, now);
        }
        self.links.handle_deadline(now);
    }

    pub(crate) fn link_changed(&mut self, peer: PeerId) {
        self.changed.links.insert(peer);
        self.changed.machines.insert(peer);
        self.map.changed_here(self.me, peer);
        self.tell_soon();
    }

    pub(crate) fn carry_link(&mut self, effect: Effect) {
        match effect {
            Effect::Dial { peer, addresses } => self.wish_net(NetWish::Dial(peer, addresses)),
            Effect::SendPing { peer, number } => {
                if let Err(error) = self.net.send(peer, &Message::Ping { number }) {
                    tracing::debug!(%error, "a ping was not sent");
                }
            }
            Effect::Disconnect { peer } => self.wish_net(NetWish::Disconnect(peer)),
            Effect::LinkUp { peer } | Effect::LinkDown { peer, .. } => self.link_changed(peer),
        }
    }

    fn on_message(&mut self, peer: PeerId, message: Message) {
        match message {
            // The net has taken the first one; another one is only news of name and addresses.
            Message::Hello(hello) => {
                let input = Input::AddressesLearned { peer, addresses: hello.addresses };
                self.links.handle(input, clock::now());
                self.keep_addresses(peer);
            }
            Message::Announce(announcement) => self.on_announced(peer, *announcement),
            Message::Members(records) => self.on_records(peer, &records),
            Message::Ping { number } => {
                if let Err(error) = self.net.send(peer, &Message::Pong { number }) {
                    tracing::debug!(%error, "a ping was not answered");
                }
            }
            Message::Pong { number } => {
                self.links.handle(Input::PongReceived { peer, number }, clock::now());
                self.on_measured(peer);
            }
            Message::Links(reports) => self.on_links(peer, reports),
            // Only instead of a hello, which the net reads.
            Message::Forbidden(_) => {}
            message @ (Message::Offer(_)
            | Message::Settled { .. }
            | Message::Revoke { .. }
            | Message::Forget { .. }) => {
                self.on_steward_message(peer, message);
            }
            message @ (Message::Accept { .. }
            | Message::Decline { .. }
            | Message::Renew(_)
            | Message::Report { .. }
            | Message::Log(_)) => self.on_worker_message(peer, message),
        }
    }

    /// Bytes go to those who have a right to them: who works for a job of ours, and who waits for our results.
    fn on_bulk(&self, peer: PeerId, request: BulkRequest, responder: BulkResponder) {
        let BulkRequest::Blob { blob, job, offset } = request;
        let shown = self.homes.get(&job).is_some_and(|home| home.shows(blob));
        let allowed = shown || self.holds_for(peer, job, blob);
        let (blobs, facts) = (self.store.blobs().clone(), self.facts.clone());
        self.beside.spawn(async move {
            let begun = clock::now();
            let mut sent_bytes = 0;
            let sent = if allowed {
                match blobs.open_blob(blob).await {
                    Ok((file, size_bytes)) => {
                        let mut file = tokio::fs::File::from_std(file);
                        let from = offset.min(size_bytes);
                        match file.seek(std::io::SeekFrom::Start(from)).await {
                            Ok(_) => {
                                sent_bytes = size_bytes - from;
                                responder.send(sent_bytes, file).await
                            }
                            Err(error) => Err(error),
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, %job, "bytes that were asked for cannot be read");
                        responder.refuse(BulkReply::Missing).await
                    }
                }
            } else {
                responder.refuse(BulkReply::Refused).await
            };
            if let Err(error) = sent {
                tracing::debug!(%error, %job, machine = peer.short(), "bytes were not sent to their end");
            } else if sent_bytes >= MEASURED_BYTES {
                let secs = clock::now().since(begun).as_secs_f64().max(1e-6);
                let _stopped = facts.send(Fact::Measured(peer, sent_bytes as f64 / secs)).await;
            }
        });
    }

    pub(crate) fn round_trip(&self, peer: PeerId) -> Duration {
        match self.links.view(peer).map(|view| view.state) {
            Some(State::Up { rtt_min, rtt_ewma, .. }) => rtt_min.or(rtt_ewma).unwrap_or(Duration::from_millis(1)),
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn link_view(&self, peer: PeerId) -> Option<LinkView> {
        let view = self.links.view(peer)?;
        let stats = self.net.stats(peer);
        let (rtt, rule) = (rtt(&view.state), self.link_rule(peer));
        let tried = || view.addresses.first().cloned().unwrap_or_default();
        let (state, address) = match view.state {
            State::Up { address, .. } => (LinkState::Up, address),
            State::Dialling => (LinkState::Connecting, tried()),
            State::Down { .. } => (LinkState::Down, tried()),
        };
        Some(LinkView {
            from: self.me,
            peer,
            name: self.machines.name(peer),
            state,
            policy: rule.policy,
            revision: rule.revision,
            changed: rule.changed,
            address,
            rtt_ms: rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
            since: clock::stamp_of(view.since),
            received_bytes: stats.received_bytes,
            sent_bytes: stats.sent_bytes,
            last_error: view.last_error.map(|(_, error)| error).unwrap_or_default(),
        })
    }
}
