use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use gridwell_model::{LinkPolicy, LinkWish, PeerId, Time};

use crate::{
    backoff::{Jitter, wait},
    entry::{Entry, State, Up},
    input::{Effect, Input},
    view::LinkView,
};

/// A link on which nothing was heard for this long is pinged; at random in between, so that one side's ping mostly spares
/// the other side its own, and a grid's pings do not march in step.
const QUIET: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(4));
/// A link on which much is heard is still pinged this often, to know how far away the other side is.
const MEASURE_EVERY: Duration = Duration::from_secs(15);
/// The same while a link is new.
const FIRST_PINGS_EVERY: Duration = Duration::from_millis(500);
/// A link on which nothing is heard for this long after a ping is dead. With `QUIET`, a machine that falls silent is
/// known to be gone within nine seconds, one of ten less than people are promised.
pub const PONG_LIMIT: Duration = Duration::from_secs(5);
/// The net answers every dial sooner: name look-up, dial and greeting have limits that sum up to less.
const DIAL_LIMIT: Duration = Duration::from_secs(60);
/// Of two members that start, or lose their link, together the one with the lower id dials at once and the other waits this long, so that
/// they seldom dial each other at the same time.
const YIELD: Duration = Duration::from_secs(1);
/// Most dials at once; the others wait their turn.
const MAX_DIALLING: usize = 16;
const TURN: Duration = Duration::from_millis(500);
/// What is said of a link that this machine's owner forbids.
const FORBIDDEN_HERE: &str = "it is forbidden on this machine";
/// What is said of a link that the other machine's owner forbids.
const FORBIDDEN_THERE: &str = "it is forbidden by the owner of the other machine";
/// What is said of a link that neither machine needs.
const RESTS: &str = "neither machine needs it now";
/// A deadline noticed this late means that the machine slept, or this program did not run: the silence was ours.
const SLEPT: Duration = Duration::from_secs(2);

/// The link table of one peer.
#[derive(Debug)]
pub struct Links {
    me: PeerId,
    jitter: Jitter,
    entries: BTreeMap<PeerId, Entry>,
    timers: BTreeSet<(Time, PeerId)>,
    effects: VecDeque<Effect>,
    next_ping: u64,
    dialling: usize,
}

impl Links {
    /// An empty table of peer `me`. The seed decides all jitter.
    #[must_use]
    pub const fn new(me: PeerId, seed: u64) -> Self {
        Self {
            me,
            jitter: Jitter::new(seed),
            entries: BTreeMap::new(),
            timers: BTreeSet::new(),
            effects: VecDeque::new(),
            next_ping: 1,
            dialling: 0,
        }
    }

    /// Takes in a fact.
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::MemberAdded { peer, addresses, ours } => self.on_member(peer, addresses, ours, now),
            Input::WishChanged { peer, ours } => self.on_wish(peer, ours, now),
            Input::WishHeard { peer, theirs } => self.on_wish_heard(peer, theirs, now),
            Input::RestChanged { peer, rests } => self.on_rest(peer, rests, now),
            Input::RestHeard { peer, rests } => {
                if let Some(entry) = self.entries.get_mut(&peer) {
                    entry.rests_there = rests;
                }
            }
            Input::LetGo { peer } => self.let_go(peer, now),
            Input::MemberRemoved { peer } => self.on_removed(peer),
            Input::AddressesLearned { peer, addresses } => self.on_addresses(peer, addresses, now),
            Input::Connected { peer, inbound, address } => self.on_connected(peer, inbound, address, now),
            Input::Disconnected { peer, why } => self.on_down(peer, &why, now),
            Input::DialFailed { peer, why } => self.on_dial_failed(peer, &why, now),
            Input::DialRefused { peer, theirs } => self.on_dial_refused(peer, theirs, now),
            Input::PongReceived { peer, number } => self.on_pong(peer, number, now),
            Input::Heard { peer } => {
                if let Some(up) = self.link(peer) {
                    up.heard = now;
                }
            }
            Input::BulkCounted { peer, bytes } => {
                if let Some(up) = self.link(peer).filter(|up| bytes > up.bulk_bytes) {
                    (up.bulk_bytes, up.heard) = (bytes, now);
                }
            }
            Input::Woke => self.on_woke(now),
        }
    }

    /// Does what is due.
    pub fn handle_deadline(&mut self, now: Time) {
        if self.timers.first().is_some_and(|(due, _)| now.since(*due) > SLEPT) {
            self.on_woke(now);
        }
        while let Some((_, peer)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.schedule(peer, None);
            self.on_due(peer, now);
        }
    }

    /// The next wish, if any.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Links::handle_deadline`] wants to be called.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// The links about which [`Links::handle_deadline`] would decide something now. [`Input::BulkCounted`] may change its
    /// mind.
    pub fn due(&self, now: Time) -> impl Iterator<Item = PeerId> {
        self.timers.iter().take_while(move |(due, _)| *due <= now).map(|(_, peer)| *peer)
    }

    /// True if there is a link with `peer` now.
    #[must_use]
    pub fn is_up(&self, peer: PeerId) -> bool {
        self.entries.get(&peer).is_some_and(|entry| matches!(entry.state, State::Up(_)))
    }

    /// The peers with which there is a link, by id.
    pub fn up(&self) -> impl Iterator<Item = PeerId> {
        self.entries.iter().filter(|(_, entry)| matches!(entry.state, State::Up(_))).map(|(peer, _)| *peer)
    }

    /// What is known about the link with `peer`, if it is a member.
    #[must_use]
    pub fn view(&self, peer: PeerId) -> Option<LinkView> {
        self.entries.get(&peer).map(|entry| entry.view(peer))
    }

    /// All members, by id.
    pub fn views(&self) -> impl Iterator<Item = LinkView> {
        self.entries.iter().map(|(peer, entry)| entry.view(*peer))
    }

    fn on_member(&mut self, peer: PeerId, addresses: Vec<String>, ours: LinkWish, now: Time) {
        if peer == self.me {
            return;
        }
        if self.entries.contains_key(&peer) {
            return self.on_addresses(peer, addresses, now);
        }
        let mut entry = Entry::new(ours, now);
        entry.learn(addresses);
        let dialable = entry.is_dialable();
        self.entries.insert(peer, entry);
        if dialable {
            self.try_soon(peer, now);
        }
    }

    fn on_wish(&mut self, peer: PeerId, ours: LinkWish, now: Time) {
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        let before = std::mem::replace(&mut entry.ours, ours);
        if ours.forbids() {
            self.cut(peer, now);
        } else if entry.is_resting() {
            self.rest(peer, now);
        } else if before.forbids() || ours.policy == LinkPolicy::Pinned {
            // Somebody wants it now, and the other side may not know that it may dial.
            self.try_now(peer, now);
        }
    }

    fn on_wish_heard(&mut self, peer: PeerId, theirs: LinkWish, now: Time) {
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        let was_refused = entry.is_refused();
        entry.theirs = Some(theirs);
        if was_refused && !theirs.forbids() {
            self.try_now(peer, now);
        }
    }

    fn on_rest(&mut self, peer: PeerId, rests: bool, now: Time) {
        let Some(entry) = self.entries.get_mut(&peer).filter(|entry| entry.rests != rests) else { return };
        entry.rests = rests;
        if entry.is_resting() {
            self.rest(peer, now);
        } else {
            self.try_now(peer, now);
        }
    }

    /// Stops trying to make a link that this peer does without; one that is up is let go later, if at all.
    fn rest(&mut self, peer: PeerId, now: Time) {
        if self.link(peer).is_none() {
            self.end(peer, RESTS, now);
        }
    }

    fn let_go(&mut self, peer: PeerId, now: Time) {
        let entry = self.entries.get(&peer);
        if entry.is_some_and(|entry| entry.is_resting() && entry.rests_there && matches!(entry.state, State::Up(_))) {
            self.end(peer, RESTS, now);
        }
    }

    /// Ends what there is of a link that is not allowed any more.
    fn cut(&mut self, peer: PeerId, now: Time) {
        if let Some(entry) = self.entries.get_mut(&peer) {
            entry.note_error(FORBIDDEN_HERE, now);
        }
        self.end(peer, FORBIDDEN_HERE, now);
    }

    /// Ends what there is of a link, and does not dial it again by itself.
    fn end(&mut self, peer: PeerId, why: &str, now: Time) {
        self.schedule(peer, None);
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        match std::mem::replace(&mut entry.state, State::Down) {
            State::Up(_) => {
                entry.since = now;
                self.effects.push_back(Effect::Disconnect { peer });
                self.effects.push_back(Effect::LinkDown { peer, why: why.to_owned() });
            }
            State::Dialling => self.dialling -= 1,
            State::Down => {}
        }
    }

    fn on_removed(&mut self, peer: PeerId) {
        self.schedule(peer, None);
        let Some(entry) = self.entries.remove(&peer) else { return };
        match entry.state {
            State::Up(_) => {
                self.effects.push_back(Effect::Disconnect { peer });
                self.effects.push_back(Effect::LinkDown { peer, why: "it is not a member any more".to_owned() });
            }
            State::Dialling => self.dialling -= 1,
            State::Down => {}
        }
    }

    fn on_addresses(&mut self, peer: PeerId, addresses: Vec<String>, now: Time) {
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        let news = entry.learn(addresses);
        if !news || !matches!(entry.state, State::Down) || !entry.is_dialable() {
            return;
        }
        if !entry.is_refused() {
            entry.failures = 0;
            self.try_soon(peer, now);
        } else if entry.due.is_none() {
            self.try_later(peer, now);
        }
    }

    fn on_connected(&mut self, peer: PeerId, inbound: bool, address: String, now: Time) {
        let Some(entry) = self.entries.get_mut(&peer).filter(|entry| !entry.ours.forbids()) else {
            // The net's gate let it pass and we do not: the gate's change is on the way there.
            self.effects.push_back(Effect::Disconnect { peer });
            return;
        };
        if !inbound {
            entry.learn(vec![address.clone()]);
        }
        if let Some(theirs) = entry.theirs.as_mut().filter(|wish| wish.forbids()) {
            // It links, so it does not forbid any more; what it wants instead it says next.
            theirs.policy = LinkPolicy::Automatic;
        }
        let before = std::mem::replace(&mut entry.state, State::Up(Box::new(Up::new(inbound, address, now))));
        (entry.since, entry.failures) = (now, 0);
        match before {
            State::Up(_) => self.effects.push_back(Effect::LinkDown { peer, why: "a newer connection".to_owned() }),
            State::Dialling => self.dialling -= 1,
            State::Down => {}
        }
        self.effects.push_back(Effect::LinkUp { peer });
        self.ping(peer, now);
    }

    fn on_down(&mut self, peer: PeerId, why: &str, now: Time) {
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        if !matches!(entry.state, State::Up(_)) {
            return;
        }
        let why = match () {
            () if entry.is_refused() => FORBIDDEN_THERE,
            () if entry.is_resting() && entry.rests_there => RESTS,
            () => why,
        };
        entry.note_error(why, now);
        (entry.state, entry.since) = (State::Down, now);
        self.effects.push_back(Effect::LinkDown { peer, why: why.to_owned() });
        self.try_later(peer, now);
    }

    fn on_dial_failed(&mut self, peer: PeerId, why: &str, now: Time) {
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        if !matches!(entry.state, State::Dialling) {
            return;
        }
        entry.note_error(why, now);
        entry.state = State::Down;
        self.dialling -= 1;
        self.try_later(peer, now);
    }

    fn on_dial_refused(&mut self, peer: PeerId, theirs: LinkWish, now: Time) {
        if let Some(entry) = self.entries.get_mut(&peer) {
            entry.theirs = Some(LinkWish { policy: LinkPolicy::Forbidden, ..theirs });
            self.on_dial_failed(peer, FORBIDDEN_THERE, now);
        }
    }

    fn on_pong(&mut self, peer: PeerId, number: u64, now: Time) {
        let Some(up) = self.link(peer) else { return };
        let Some((_, sent)) = up.asked.filter(|(asked, _)| *asked == number) else { return };
        up.rtt.record(now.since(sent), now);
        (up.asked, up.suspect, up.heard, up.measured) = (None, false, now, now);
        let settled = up.rtt.is_settled();
        let next = if settled { self.jitter.between(QUIET.0, QUIET.1) } else { FIRST_PINGS_EVERY };
        self.schedule(peer, Some(now + next));
    }

    fn on_woke(&mut self, now: Time) {
        let peers: Vec<_> = self.entries.keys().copied().collect();
        for peer in peers {
            match self.entries.get_mut(&peer) {
                Some(Entry { state: State::Up(up), .. }) => {
                    up.suspect = true;
                    self.ping(peer, now);
                }
                Some(entry @ Entry { state: State::Down, .. }) if entry.is_dialable() && !entry.is_refused() => {
                    entry.failures = 0;
                    self.try_soon(peer, now);
                }
                // A dial that was under way gets its full time again.
                Some(Entry { state: State::Dialling, .. }) => self.schedule(peer, Some(now + DIAL_LIMIT)),
                _ => {}
            }
        }
    }

    fn on_due(&mut self, peer: PeerId, now: Time) {
        let Some(entry) = self.entries.get(&peer) else { return };
        match &entry.state {
            State::Down => self.dial(peer, now),
            State::Dialling => self.on_dial_failed(peer, "the dial had no end", now),
            State::Up(up) => match up.asked {
                None if up.rtt.is_settled()
                    && now.since(up.heard) < QUIET.0
                    && now.since(up.measured) < MEASURE_EVERY =>
                {
                    let due = up.heard + self.jitter.between(QUIET.0, QUIET.1);
                    self.schedule(peer, Some(due));
                }
                None => self.ping(peer, now),
                // Its answer waits behind what else it says.
                Some((_, sent)) if up.heard > sent => self.ping(peer, now),
                Some(_) => {
                    let why = format!("it gave no sign of life for {} s", now.since(up.heard).as_secs());
                    self.effects.push_back(Effect::Disconnect { peer });
                    self.on_down(peer, &why, now);
                }
            },
        }
    }

    fn dial(&mut self, peer: PeerId, now: Time) {
        if self.dialling >= MAX_DIALLING {
            self.schedule(peer, Some(now + TURN));
            return;
        }
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        (entry.state, entry.since) = (State::Dialling, now);
        let addresses = entry.addresses.clone();
        self.dialling += 1;
        self.effects.push_back(Effect::Dial { peer, addresses });
        self.schedule(peer, Some(now + DIAL_LIMIT));
    }

    fn ping(&mut self, peer: PeerId, now: Time) {
        let number = self.next_ping;
        let Some(up) = self.link(peer) else { return };
        up.asked = Some((number, now));
        self.next_ping += 1;
        self.effects.push_back(Effect::SendPing { peer, number });
        self.schedule(peer, Some(now + PONG_LIMIT));
    }

    fn link(&mut self, peer: PeerId) -> Option<&mut Up> {
        match &mut self.entries.get_mut(&peer)?.state {
            State::Up(up) => Some(up),
            State::Down | State::Dialling => None,
        }
    }

    fn try_now(&mut self, peer: PeerId, now: Time) {
        if let Some(entry) = self.entries.get_mut(&peer).filter(|entry| matches!(entry.state, State::Down)) {
            entry.failures = 0;
            let due = entry.is_dialable().then_some(now);
            self.schedule(peer, due);
        }
    }

    fn try_soon(&mut self, peer: PeerId, now: Time) {
        let wait = if self.me < peer { Duration::ZERO } else { YIELD };
        self.schedule(peer, Some(now + wait));
    }

    fn try_later(&mut self, peer: PeerId, now: Time) {
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        entry.failures = entry.failures.saturating_add(1);
        let (failures, zeal, dialable) = (entry.failures, entry.zeal(), entry.is_dialable());
        // Both sides lose a link at the same moment: as at the start, one of them goes first.
        let yields = if failures == 1 && peer < self.me { YIELD } else { Duration::ZERO };
        let due = now + wait(failures, zeal, &mut self.jitter) + yields;
        self.schedule(peer, dialable.then_some(due));
    }

    fn schedule(&mut self, peer: PeerId, due: Option<Time>) {
        let Some(entry) = self.entries.get_mut(&peer) else { return };
        if let Some(old) = entry.due.take() {
            self.timers.remove(&(old, peer));
        }
        entry.due = due;
        if let Some(due) = due {
            self.timers.insert((due, peer));
        }
    }
}

#[cfg(test)]
mod tests;
