//! What travels over several links, as the real routes choose it: records of links, letters, and bytes.

use std::{collections::BTreeSet, time::Duration};

use gridwell_ledger::{DeputyInput, Input as LedgerInput};
use gridwell_links::{Fault, Kind, LinkState, Pair, Place, place};
use gridwell_model::{Decline, GridId, Hindrance, Letter, LinkRecord, LinkReport, PeerId, Time};
use gridwell_sched::Input as SchedInput;
use gridwell_wire::{Message, NotPassed, Passed, Signed, decode, encode_inner};
use gridwell_worker::Input as WorkerInput;

use super::{
    event::{Inside, PeerAt},
    world::Simulation,
};

/// The grid of all peers.
pub(super) const GRID: GridId = GridId([1; 16]);

/// Nobody forges anything here: signatures are tested where they are made.
const UNSIGNED: [[u8; 32]; 2] = [[0; 32]; 2];

/// How long changes gather, and how often at most others hear of links of a peer, and of those of others.
const GATHER: Duration = Duration::from_millis(100);
const TELL_EVERY: Duration = Duration::from_secs(1);
const PASS_EVERY: Duration = Duration::from_millis(250);

/// When something is done that is done soon after it is wanted, but not too often.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    last: Option<Time>,
    due: bool,
}

/// A node follows all records that came together at the end of a turn of its loop.
const TURN: Duration = Duration::from_millis(2);

impl Pace {
    /// How long until it is to be done, if that was not known before.
    fn wanted(&mut self, now: Time, every: Duration) -> Option<Duration> {
        let soonest = self.last.map_or(now, |last| last + every).max(now + GATHER);
        (!std::mem::replace(&mut self.due, true)).then(|| soonest.since(now))
    }

    const fn done(&mut self, now: Time) {
        (self.last, self.due) = (Some(now), false);
    }
}

/// The connections over which something travels.
pub(super) type Way = Vec<(PeerAt, PeerAt, u64)>;

impl Simulation {
    /// Links of this peer changed: everybody hears of it soon.
    pub(super) fn links_changed(&mut self, at: PeerAt) {
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        if let Some(delay) = node.telling.wanted(now, TELL_EVERY) {
            self.inside(at, delay, Inside::LinksDue);
        }
        self.follow_routes(at);
    }

    /// Tells everybody what this peer has to say of its links now.
    pub(super) fn tell_links(&mut self, at: PeerAt) {
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        node.telling.done(now);
        let up: Vec<_> = node.up.keys().copied().collect();
        self.write_record(at);
        for to in up {
            self.send_record(at, to, self.peers[at].id);
        }
    }

    fn write_record(&mut self, at: PeerAt) {
        let stamp = self.stamp(at);
        let peer = &mut self.peers[at];
        let (id, runs, relays) = (peer.id, peer.runs, !peer.setup.silent);
        let Some(node) = &mut peer.node else { return };
        node.records_written += 1;
        let links = node.links.views().map(|view| LinkReport {
            peer: view.peer,
            up: matches!(view.state, LinkState::Up { .. }),
            rtt_micros: None,
            since: stamp,
            wish: view.ours,
            rests: view.rests,
        });
        let record = LinkRecord {
            grid: GRID,
            peer: id,
            incarnation: node.incarnation,
            number: runs << 32 | node.records_written,
            relays,
            links: links.collect(),
            addresses: Vec::new(),
        };
        let bytes = encode_inner(&record).expect("a record of the simulation fits a frame");
        node.records.insert(id, bytes);
    }

    /// Tells a peer, with which a link has just come up, all that is known of links.
    pub(super) fn tell_all_links(&mut self, at: PeerAt, to: PeerAt) {
        self.write_record(at);
        let authors: Vec<_> = self.peers[at].node.iter().flat_map(|node| node.records.keys().copied()).collect();
        for author in authors {
            self.send_record(at, to, author);
        }
    }

    /// Passes on what others told of their links.
    pub(super) fn pass_records_on(&mut self, at: PeerAt) {
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        node.passing.done(now);
        let up: Vec<_> = node.up.keys().copied().collect();
        for (author, from) in std::mem::take(&mut node.fresh) {
            for to in up.iter().filter(|to| **to != from && self.peers[**to].id != author).copied().collect::<Vec<_>>()
            {
                self.send_record(at, to, author);
            }
        }
    }

    fn send_record(&mut self, at: PeerAt, to: PeerAt, author: PeerId) {
        let record = self.peers[at].node.as_ref().and_then(|node| node.records.get(&author).cloned());
        if let Some(bytes) = record {
            self.send_on_link(at, to, &Message::Links(Signed { bytes, signature: UNSIGNED }));
        }
    }

    pub(super) fn heard_record(&mut self, at: PeerAt, from: PeerAt, signed: &Signed) {
        let record = decode::<LinkRecord>(&signed.bytes).expect("a record was sent");
        let Some(author) = self.at(record.peer).filter(|author| *author != at) else { return };
        let now = self.clock(at);
        let me = self.peers[at].id;
        let Some(node) = &mut self.peers[at].node else { return };
        if !node.map.is_news(record.peer, record.number) {
            return;
        }
        if let Some(report) = record.links.iter().find(|report| report.peer == me) {
            let theirs = report.wish;
            let older = node.links.view(record.peer).and_then(|view| view.theirs);
            if older.is_none_or(|older| older.revision < theirs.revision) {
                node.links.handle(gridwell_links::Input::WishHeard { peer: record.peer, theirs }, now);
            }
        }
        node.records.insert(record.peer, signed.bytes.clone());
        node.fresh.insert(record.peer, from);
        node.map.hear(record, |_| true);
        let follows = std::mem::replace(&mut node.routes_stale, true);
        if let Some(delay) = node.passing.wanted(now, PASS_EVERY) {
            self.inside(at, delay, Inside::RecordsDue);
        }
        if !follows {
            self.inside(at, TURN, Inside::RoutesDue);
        }
        self.learn_run(at, author);
    }

    /// Follows all the records that have come.
    pub(super) fn follow_records(&mut self, at: PeerAt) {
        if let Some(node) = &mut self.peers[at].node {
            node.routes_stale = false;
        }
        self.follow_routes(at);
    }

    /// Follows the newest run of a peer's node that anything told of.
    fn learn_run(&mut self, at: PeerAt, author: PeerAt) {
        let (now, peer) = (self.clock(at), self.peers[author].id);
        let Some(node) = self.peers[at].node.as_mut().filter(|node| !node.up.contains_key(&author)) else { return };
        let Some((_, run)) = node.map.run(peer) else { return };
        let before = node.incarnations.insert(author, run);
        if before.is_some_and(|before| before != run) {
            node.tell_ledger(LedgerInput::HolderVanished { peer }, now);
            self.say_again(at, peer);
            self.announce_to(at, author);
        }
    }

    /// Chooses routes by what stands now, and tells the engines who can be reached.
    pub(super) fn follow_routes(&mut self, at: PeerAt) {
        let now = self.clock(at);
        let ids: Vec<PeerId> = self.peers.iter().map(|peer| peer.id).collect();
        let me = ids[at];
        let Some(node) = &mut self.peers[at].node else { return };
        let up: BTreeSet<PeerId> = node.up.keys().map(|other| ids[*other]).collect();
        for lost in node.map.out_of_reach(me, &up, now) {
            node.map.forget(lost);
            node.records.remove(&lost);
            node.fresh.remove(&lost);
        }
        let paths = node.map.paths(me, up.into_iter().map(|peer| (peer, None)));
        let changed = node.routes.follow(paths, now);
        self.routes_changed(at, changed);
    }

    /// Time has passed for links that were avoided, and for peers to which no way leads.
    pub(super) fn follow_broken_ways(&mut self, at: PeerAt) {
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        let is_due = |deadline: Option<Time>| deadline.is_some_and(|due| due <= now);
        let forgets = is_due(node.map.poll_deadline());
        if is_due(node.routes.poll_deadline()) {
            let changed = node.routes.handle_deadline(now);
            self.routes_changed(at, changed);
        }
        if forgets {
            self.follow_routes(at);
        }
    }

    fn routes_changed(&mut self, at: PeerAt, changed: BTreeSet<PeerId>) {
        let now = self.clock(at);
        for peer in changed {
            let Some(other) = self.at(peer) else { continue };
            let by_wish = self.wish_of(at, other).forbids() || self.wish_of(other, at).forbids();
            let Some(node) = &mut self.peers[at].node else { return };
            let reached = node.routes.route(peer).is_some();
            let online = if reached { !node.online.insert(other) } else { node.online.remove(&other) };
            match (online, reached) {
                (false, true) => {
                    node.worker.handle(WorkerInput::StewardBack { steward: peer }, now);
                    node.deputies.handle(DeputyInput::PeerCame { peer }, now);
                    self.fetch_stowed(at);
                    self.announced_again(at, other);
                    self.limits_changed(at);
                }
                (true, true) => {
                    // What was on the old way may be lost.
                    node.deputies.handle(DeputyInput::PeerMoved { peer }, now);
                    self.say_again(at, peer);
                    self.announced_again(at, other);
                }
                (true, false) => {
                    node.sched.handle(SchedInput::PeerLeft { peer }, now);
                    node.worker.handle(WorkerInput::StewardLost { steward: peer, by_wish }, now);
                    node.deputies.handle(DeputyInput::PeerLeft { peer }, now);
                    self.limits_changed(at);
                }
                (false, false) => {}
            }
        }
    }

    /// Tells a peer what is free here; its own word is what it said last, for it may not know that no way led here.
    fn announced_again(&mut self, at: PeerAt, other: PeerAt) {
        self.announce_to(at, other);
        let announced = self.peers[at].node.as_ref().and_then(|node| node.announced.get(&other).cloned());
        if let Some(announced) = announced {
            self.heard(at, other, announced);
        }
    }

    /// What this worker told a steward may be lost.
    fn say_again(&mut self, at: PeerAt, steward: PeerId) {
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        for input in [WorkerInput::StewardLost { steward, by_wish: false }, WorkerInput::StewardBack { steward }] {
            node.worker.handle(input, now);
        }
    }

    /// Links on the way from one peer to another, if there is one.
    pub(super) fn hops(&self, at: PeerAt, to: PeerAt) -> Option<usize> {
        let route = self.peers[at].node.as_ref()?.routes.route(self.peers[to].id)?;
        Some(route.hops())
    }

    /// The connections on the way from one peer to another now; nothing if one of them does not stand.
    pub(super) fn way(&mut self, from: PeerAt, to: PeerAt) -> Option<Way> {
        if from == to {
            return Some(Vec::new());
        }
        let path = self.peers[from].node.as_ref()?.routes.route(self.peers[to].id)?.path.clone();
        let path: Vec<PeerAt> = path.into_iter().filter_map(|peer| self.at(peer)).collect();
        let way: Option<Way> = path
            .windows(2)
            .map(|ends| Some((ends[0], ends[1], *self.peers[ends[0]].node.as_ref()?.up.get(&ends[1])?)))
            .collect();
        for (one, other, _) in way.iter().flatten() {
            self.check_allowed(*one, *other);
        }
        way
    }

    /// True while all connections of a way stand and everybody on it is there.
    pub(super) fn carries(&self, way: &Way) -> bool {
        way.iter().all(|(one, other, link)| {
            let there = |at: PeerAt| self.peers[at].node.is_some();
            self.network.stands(*one, *other, *link) && there(*one) && there(*other)
        })
    }

    /// Sends a message over links of others.
    pub(super) fn send_letter(&mut self, from: PeerAt, to: PeerAt, message: &Message) {
        let (peer, runs) = (self.peers[to].id, self.peers[from].runs);
        let Some(node) = &mut self.peers[from].node else { return };
        let Some(path) = node.routes.route(peer).filter(|route| route.hops() > 1).map(|route| route.path.clone())
        else {
            return;
        };
        let Some(run) = node.incarnations.get(&to).copied() else { return };
        let payload = encode_inner(message).expect("messages of the simulation fit a frame");
        let record = runs << 32 | node.records_written;
        let letter = node.letters.write((GRID, record), path, run, payload);
        self.post(from, letter);
    }

    fn post(&mut self, from: PeerAt, letter: Letter) {
        let Some(next) = letter.path.get(1).and_then(|next| self.at(*next)) else { return };
        let bytes = encode_inner(&letter).expect("letters of the simulation fit a frame");
        if let Some(node) = &mut self.peers[from].node {
            node.letters.keep(letter);
        }
        let letter = Signed { bytes, signature: UNSIGNED };
        self.send_on_link(from, next, &Message::Passed(Passed { at: 1, letter }));
    }

    /// A letter came: it is taken or passed on.
    pub(super) fn letter_came(&mut self, at: PeerAt, from: PeerAt, passed: Passed) {
        let letter = decode::<Letter>(&passed.letter.bytes).expect("a letter was sent");
        let (me, before) = (self.peers[at].id, self.peers[from].id);
        match place(&letter.path, usize::from(passed.at), me, before) {
            Err(fault) => self.flaw = Some(format!("peer {from} passes a letter to peer {at}: {fault}")),
            Ok(Place::Next(next)) => self.pass_on(at, from, next, &letter, passed),
            Ok(Place::Here) => self.take_letter(at, &letter),
        }
    }

    fn pass_on(&mut self, at: PeerAt, from: PeerAt, next: PeerId, letter: &Letter, passed: Passed) {
        let onward = self.at(next).filter(|next| self.is_up(at, *next));
        let why = match onward {
            _ if self.peers[at].setup.silent => Hindrance::NotRelaying,
            Some(next) => {
                self.letters_passed += 1;
                let onward = Passed { at: passed.at + 1, letter: passed.letter };
                return self.send_on_link(at, next, &Message::Passed(onward));
            }
            None => Hindrance::Down,
        };
        let (path, number) = (letter.path.clone(), letter.number);
        let back = NotPassed { path, number, at: passed.at - 1, broke_at: passed.at, why };
        self.send_on_link(at, from, &Message::NotPassed(back));
    }

    fn take_letter(&mut self, at: PeerAt, letter: &Letter) {
        let Some(source) = letter.source().and_then(|source| self.at(source)) else { return };
        let peer = self.peers[source].id;
        let Some(node) = &mut self.peers[at].node else { return };
        match node.letters.take(letter, Kind::Message, node.map.run(peer)) {
            Ok(_) => {
                node.map.learn_run(peer, letter.from_record, letter.from_run);
                self.learn_run(at, source);
                let message = decode::<Message>(&letter.payload).expect("a letter carries a message");
                if message.may_be_passed() {
                    self.told(at, source, message);
                } else {
                    self.flaw = Some(format!("peer {source} sends peer {at} a letter with {message:?}"));
                }
            }
            // Frames that arrive twice, and nodes that start again, are part of the game.
            Err(Fault::Repeated | Fault::OldRun) => {}
            Err(fault) => self.flaw = Some(format!("peer {at} does not take a letter of peer {source}: {fault}")),
        }
    }

    /// A letter was not carried: back to its source, which tries another way.
    pub(super) fn not_passed(&mut self, at: PeerAt, back: NotPassed) {
        let now = self.clock(at);
        if let Some(before) = back.at.checked_sub(1) {
            let to = back.path.get(usize::from(before)).and_then(|peer| self.at(*peer));
            if let Some(to) = to {
                self.send_on_link(at, to, &Message::NotPassed(NotPassed { at: before, ..back }));
            }
            return;
        }
        let Some(node) = &mut self.peers[at].node else { return };
        let Some(letter) = node.letters.take_back(back.number, &back.path) else { return };
        let ahead = usize::from(back.broke_at);
        let changed = node.routes.broke(Pair::of(back.path[ahead], back.path[ahead + 1]), now);
        self.routes_changed(at, changed);
        let Some(to) = letter.receiver().and_then(|peer| self.at(peer)) else { return };
        let route = self.peers[at].node.as_ref().and_then(|node| node.routes.route(self.peers[to].id));
        let path = route.filter(|route| route.hops() > 1).map(|route| route.path.clone());
        if let Some(path) = path.filter(|path| *path != letter.path) {
            self.post(at, Letter { path, ..letter });
        } else if self.is_up(at, to) {
            let message = decode::<Message>(&letter.payload).expect("a letter carries a message");
            self.send_on_link(at, to, &message);
        } else if let Ok(Message::Offer(offer)) = decode::<Message>(&letter.payload)
            && let Some(node) = &mut self.peers[at].node
        {
            node.declined(offer.lease, Decline::Busy, now);
        }
    }
}
