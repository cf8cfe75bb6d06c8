//! Links as the real link table wants them: dialled, watched, pinned and forbidden, over made-up connections.

use std::time::Duration;

use gridwell_links::{Effect, Input};
use gridwell_model::{LinkPolicy, LinkWish, PeerId};
use gridwell_wire::{Hello, Message, PROTOCOL_VERSION};

use super::{
    event::{Event, Inside, PeerAt},
    routes::GRID,
    world::Simulation,
};

/// How long a dial takes to which nobody answers.
const NO_ANSWER: Duration = Duration::from_secs(3);
/// How long until an end of a connection hears that the other one has closed it.
const CLOSED: Duration = Duration::from_millis(5);
/// A machine that was away this shortly before may have been given up rightly: longer than silence is borne.
const LATELY: Duration = Duration::from_secs(15);

impl Simulation {
    /// Lets a node know of everybody it may link with.
    pub(super) fn know_members(&mut self, at: PeerAt) {
        let wired = self.network.wired_to(at);
        let known: Vec<_> = wired.iter().map(|other| (self.peers[*other].id, self.wish_of(at, *other))).collect();
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        for (peer, ours) in known {
            node.links.handle(Input::MemberAdded { peer, addresses: vec!["somewhere".to_owned()], ours }, now);
        }
        self.pump(at);
    }

    pub(super) fn pump_links(&mut self, at: PeerAt) -> bool {
        let Some(effect) = self.peers[at].node.as_mut().and_then(|node| node.links.poll_effect()) else {
            return false;
        };
        match effect {
            Effect::Dial { peer, .. } => {
                let Some(other) = self.at(peer) else { return true };
                self.check_dial(at, other);
                let delay = self.network.latency(at, other) * 2 + self.random.micros(500, 20_000);
                self.inside(at, delay, Inside::Dialled { other });
            }
            Effect::SendPing { peer, number } => self.send(at, peer, Message::Ping { number }),
            Effect::Disconnect { peer } => self.hang_up(at, peer),
            // What the node does then hangs on the connection here.
            Effect::LinkUp { .. } | Effect::LinkDown { .. } => {}
        }
        true
    }

    /// A dial has reached the other side, or nobody.
    pub(super) fn dialled(&mut self, at: PeerAt, other: PeerAt) {
        let (now, peer) = (self.clock(at), self.peers[other].id);
        let theirs = self.wish_of(other, at);
        if !self.is_reachable(at, other) {
            self.inside(at, NO_ANSWER, Inside::DialFailed { peer });
        } else if theirs.forbids() {
            self.refused_dials += 1;
            if let Some(node) = &mut self.peers[at].node {
                node.links.handle(Input::DialRefused { peer, theirs }, now);
            }
        } else if let Some(link) = self.network.connect(at, other) {
            self.after(Duration::ZERO, Event::LinkUp { at, other, link });
            self.after(self.network.latency(at, other), Event::LinkUp { at: other, other: at, link });
        }
        // Else the other side was faster, and its connection is on the way here.
    }

    fn is_reachable(&self, at: PeerAt, other: PeerAt) -> bool {
        let awake = self.peers[other].node.is_some() && self.peers[other].asleep.is_none();
        awake && self.network.may_connect(at, other)
    }

    /// A node ends a connection of its own accord.
    fn hang_up(&mut self, at: PeerAt, peer: PeerId) {
        let Some(other) = self.at(peer) else { return };
        let Some(link) = self.peers[at].node.as_ref().and_then(|node| node.up.get(&other).copied()) else { return };
        if self.network.stands(at, other, link) {
            self.check_given_up(at, other);
            self.network.disconnect(at, other);
            self.after(self.network.latency(at, other), Event::LinkDown { at: other, other: at, link });
        }
        self.link_down(at, other, link);
    }

    /// Breaks a connection; both ends hear of it soon.
    pub(super) fn disconnect(&mut self, one: PeerAt, other: PeerAt) {
        if let Some(link) = self.network.disconnect(one, other) {
            for (at, other) in [(one, other), (other, one)] {
                let delay = self.random.micros(100, CLOSED.as_micros() as u64);
                self.after(delay, Event::LinkDown { at, other, link });
            }
        }
    }

    pub(super) fn link_up(&mut self, at: PeerAt, other: PeerAt, link: u64) {
        if !self.network.stands(at, other, link) {
            return;
        }
        if let Some(old) = self.peers[at].node.as_ref().and_then(|node| node.up.get(&other).copied()) {
            self.link_down(at, other, old);
        }
        let (now, peer) = (self.clock(at), self.peers[other].id);
        let name = self.peers[at].setup.name.clone();
        let Some(node) = &mut self.peers[at].node else { return };
        node.up.insert(other, link);
        node.links.handle(Input::Connected { peer, inbound: true, address: "somewhere".to_owned() }, now);
        if self.wish_of(at, other).forbids() {
            // The gate closed while the connection was made.
            self.pump(at);
            return;
        }
        let Some(node) = &mut self.peers[at].node else { return };
        let hello = Hello {
            version: PROTOCOL_VERSION,
            grid: GRID,
            incarnation: node.incarnation,
            name,
            addresses: Vec::new(),
            clock_ms: 0,
        };
        self.send(at, peer, Message::Hello(hello));
        self.tell_all_links(at, other);
        self.links_changed(at);
        self.pump(at);
    }

    pub(super) fn link_down(&mut self, at: PeerAt, other: PeerAt, link: u64) {
        let (now, peer) = (self.clock(at), self.peers[other].id);
        let Some(node) = &mut self.peers[at].node else { return };
        if node.up.get(&other) == Some(&link) {
            node.up.remove(&other);
            node.links.handle(Input::Disconnected { peer, why: "it closed".to_owned() }, now);
            self.links_changed(at);
            self.pump(at);
        }
    }

    /// What a peer's owner wants of its link with another one, as its disk remembers it.
    #[must_use]
    pub fn wish_of(&self, at: PeerAt, other: PeerAt) -> LinkWish {
        self.peers[at].disk.wishes.get(&other).copied().unwrap_or_default()
    }

    /// A peer's owner wants something of a link: written down first, then followed.
    pub fn want(&mut self, at: PeerAt, other: PeerAt, policy: LinkPolicy) {
        let (now, stamp, peer) = (self.clock(at), self.stamp(at), self.peers[other].id);
        if self.peers[at].node.is_none() || self.peers[at].asleep.is_some() {
            // Nobody can ask a node that does not run.
            return;
        }
        let ours = self.wish_of(at, other).changed_to(policy, stamp);
        self.peers[at].disk.wishes.insert(other, ours);
        if let Some(node) = &mut self.peers[at].node {
            node.links.handle(Input::WishChanged { peer, ours }, now);
        }
        // The link ends first: what is said of it then goes around it.
        self.pump(at);
        self.links_changed(at);
        self.pump(at);
    }

    /// True while both ends see the link.
    #[must_use]
    pub fn is_linked(&self, one: PeerAt, other: PeerAt) -> bool {
        self.is_up(one, other) && self.is_up(other, one)
    }

    /// Letters that peers passed on for others so far.
    #[must_use]
    pub const fn letters_passed(&self) -> u64 {
        self.letters_passed
    }

    /// Dials so far that ended because the other side forbids the link.
    #[must_use]
    pub const fn refused_dials(&self) -> u64 {
        self.refused_dials
    }

    /// No frame leaves for, or comes from, whom an owner forbids.
    pub(super) fn check_allowed(&mut self, from: PeerAt, to: PeerAt) {
        if self.wish_of(from, to).forbids() || self.wish_of(to, from).forbids() && self.is_up(to, from) {
            self.flaw = Some(format!("a message from peer {from} to peer {to} crosses a forbidden link"));
        }
    }

    fn check_dial(&mut self, at: PeerAt, other: PeerAt) {
        if self.wish_of(at, other).forbids() {
            self.flaw = Some(format!("peer {at} dials peer {other}, which its owner forbids"));
        }
    }

    /// A link to a machine that is there is given up only because somebody forbids it.
    fn check_given_up(&mut self, at: PeerAt, other: PeerAt) {
        let away = |at: PeerAt| {
            let peer = &self.peers[at];
            peer.asleep.is_some() || self.now.since(peer.woke_at) < LATELY
        };
        if !self.wish_of(at, other).forbids() && !away(at) && !away(other) {
            self.flaw = Some(format!("peer {at} gives up its link to peer {other}, which is there"));
        }
    }

    /// Once everything is quiet, exactly the links stand that nobody forbids.
    pub(super) fn check_links(&self) -> Option<String> {
        self.network.wired().into_iter().find_map(|(one, other)| {
            let runs = |at: PeerAt| self.peers[at].node.is_some() && self.peers[at].asleep.is_none();
            let forbidden = self.wish_of(one, other).forbids() || self.wish_of(other, one).forbids();
            let wanted = runs(one) && runs(other) && !forbidden;
            let (here, there) = (self.is_up(one, other), self.is_up(other, one));
            let wrong = here != wanted || there != wanted;
            wrong.then(|| format!("the link of peers {one} and {other} is {here} and {there}, wanted is {wanted}"))
        })
    }
}
