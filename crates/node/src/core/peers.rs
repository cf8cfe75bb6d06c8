//! Links: what the net says, and what the link table wishes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{LinkState, LinkView};
use gridwell_links::{Effect, Input, LinkState as State};
use gridwell_model::{GridId, Incarnation, LinkRecord, LinkWish, PeerId, Time};
use gridwell_net::{NetEvent, NetHandle, Refusal};
use gridwell_wire::{Hello, Message, PROTOCOL_VERSION};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{Core, map::rtt};
use crate::clock;

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
    let addresses = addresses.iter().take(LinkRecord::MAX_ADDRESSES).cloned().collect();
    Hello { version: PROTOCOL_VERSION, grid, incarnation, name, addresses, clock_ms: clock::stamp().0 }
}

impl Core {
    pub(crate) fn on_net(&mut self, event: NetEvent) {
        match event {
            NetEvent::Listening { addresses } => {
                let tcp = addresses.into_iter().filter(|address| !address.quic);
                self.membership.addresses = tcp.map(|address| address.host_port).collect();
                self.map.changed_itself();
                self.set_hello();
            }
            NetEvent::LinkUp { peer, hello, address, inbound } => self.on_link_up(peer, &hello, address, inbound),
            NetEvent::LinkDown { peer, why } => self.on_link_down(peer, why),
            // What a peer said before it was revoked.
            NetEvent::Messages { peer, .. } if !self.membership.grid.is_peer(peer, clock::stamp()) => {}
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
            NetEvent::Twice { peer, twin } => self.on_twice(peer, &twin),
            NetEvent::Refused { peer: Some(peer), why: Refusal::Twice, .. } => self.tell_twice(peer),
            NetEvent::Refused { peer, why: Refusal::Forbidden, .. } => {
                tracing::debug!(machine = peer.map(|peer| peer.short()), "a machine asked for a forbidden link");
            }
            NetEvent::Refused { peer, address, why } => {
                let machine = peer.map(|peer| peer.short());
                if self.membership.is_news_of_stranger(format!("{peer:?}: {why}")) {
                    tracing::info!(machine, %why, "a connection was refused");
                }
                tracing::debug!(machine, %address, %why, "a connection from there was refused");
            }
            NetEvent::BulkAsked { peer, request, responder } => self.on_bulk(peer, *request, responder),
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
        self.forget_heard(peer);
        if !self.membership.grid.is_peer(peer, clock::stamp()) {
            // Revoked while it said hello.
            self.wish_net(NetWish::Disconnect(peer));
            return;
        }
        self.links.handle(Input::Connected { peer, inbound, address }, now);
        self.links.handle(Input::AddressesLearned { peer, addresses: hello.addresses.clone() }, now);
        self.keep_addresses(peer);
        let machine = self.machines.other_mut(peer);
        machine.last_seen = Some(clock::stamp());
        machine.clock_ahead_ms = hello.clock_ms as i64 - clock::stamp().0 as i64;
        self.runs_as(peer, hello.incarnation);
        self.on_named(peer, &hello.name);
        // First of all: nothing else that either says counts before.
        self.send_updates(peer, &self.membership.grid.encoded());
        if let Err(error) = self.net.send(peer, &Message::MembersEnd) {
            tracing::debug!(%error, "the end of the membership log was not sent");
        }
        self.tell_plan_to(peer);
        self.tell_all_links_to(peer);
        tracing::info!(machine = hello.name, "linked");
        self.follow_routes();
        self.link_changed(peer);
    }

    fn on_link_down(&mut self, peer: PeerId, why: String) {
        tracing::info!(machine = self.machines.name(peer), why, "link lost");
        self.forget_heard(peer);
        self.links.handle(Input::Disconnected { peer, why }, clock::now());
        self.follow_routes();
        if !self.membership.grid.is_peer(peer, clock::stamp()) {
            // All that was with it has ended.
            return;
        }
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
            Effect::LinkUp { peer } | Effect::LinkDown { peer, .. } => {
                self.passing.map_changed();
                self.link_changed(peer);
            }
        }
    }

    pub(super) fn on_message(&mut self, peer: PeerId, message: Message) {
        let Some(message) = self.heed(peer, message) else { return };
        match message {
            // The net has taken the first one; another one is only news of name and addresses.
            Message::Hello(hello) => {
                let input = Input::AddressesLearned { peer, addresses: hello.addresses };
                self.links.handle(input, clock::now());
                self.keep_addresses(peer);
            }
            Message::Announce(announcement) => self.on_announced(peer, *announcement),
            Message::Members(updates) => self.on_updates(peer, &updates),
            Message::MembersEnd => self.on_updates_end(peer),
            Message::Ping { number } => {
                if let Err(error) = self.net.send(peer, &Message::Pong { number }) {
                    tracing::debug!(%error, "a ping was not answered");
                }
            }
            Message::Pong { number } => {
                self.links.handle(Input::PongReceived { peer, number }, clock::now());
                self.on_measured(peer);
            }
            Message::Links(record) => self.on_links(peer, record),
            Message::Plan(sealed) => self.on_plan(peer, sealed),
            Message::Passed(passed) => self.on_passed(peer, passed),
            Message::NotPassed(back) => self.on_not_passed(peer, back),
            Message::LinkAsked { ask, wanted } => self.on_link_asked(peer, ask, wanted),
            Message::LinkAnswered { number, answer } => self.on_link_answered(peer, number, answer),
            Message::Wake { peer: sleeper } => self.on_wake(peer, sleeper),
            Message::WakeSent { peer: sleeper, sent } => self.on_woke(peer, sleeper, sent),
            Message::Leaving { sleeps } => self.on_leaving(peer, sleeps),
            Message::Deputy(message) => self.on_deputy_message(peer, *message),
            Message::Shares(reports) => self.on_shares(peer, reports),
            Message::Edition(sealed) => self.on_edition(peer, &sealed),
            Message::Copies(report) => self.on_copies(peer, report),
            Message::Limit(message) => self.on_limit_message(peer, *message),
            // Only instead of a hello, which the net reads.
            Message::Forbidden(_) | Message::Twice(_) => {}
            message @ (Message::Offer(_)
            | Message::Settled { .. }
            | Message::Revoke { .. }
            | Message::Forget { .. }
            | Message::FailsElsewhere { .. }) => {
                self.on_steward_message(peer, message);
            }
            message @ (Message::Accept { .. }
            | Message::Decline { .. }
            | Message::Renew(_)
            | Message::Report { .. }
            | Message::Log(_)) => self.on_worker_message(peer, message),
        }
    }

    /// How far away a machine is: its link's smallest round trip, or what those on the way to it take together.
    pub(crate) fn round_trip(&self, peer: PeerId) -> Duration {
        match self.links.view(peer).map(|view| view.state) {
            Some(State::Up { rtt_min, rtt_ewma, .. }) => rtt_min.or(rtt_ewma).unwrap_or(Duration::from_millis(1)),
            _ => self.way_around(peer).map(|route| route.round_trip).unwrap_or_default(),
        }
    }

    pub(crate) fn link_view(&self, peer: PeerId) -> Option<LinkView> {
        let view = self.links.view(peer)?;
        let stats = self.net.stats(peer);
        let (rtt, rule) = (rtt(&view.state), self.link_rule(peer));
        let tried = || view.addresses.first().cloned().unwrap_or_default();
        let rests = !matches!(view.state, State::Up { .. }) && (view.rests || view.rests_there);
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
            ask: self.own_ask(peer),
            bytes_per_sec: self.rates.of(peer).filter(|_| state == LinkState::Up),
            rests,
            limit_bytes_per_sec: self.machines.settings().link_limits.get(&peer).copied(),
        })
    }
}
