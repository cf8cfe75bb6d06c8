//! Letters: messages that travel over several links. This machine writes them, passes those of others on, and takes what is
//! for it.

use std::collections::BTreeSet;

use gridwell_links::{Fault, Kind, Letters, Pair, Place, Route, Routes, place};
use gridwell_model::{Decline, GridId, Hindrance, Incarnation, Letter, LinkPolicy, PeerId, Time};
use gridwell_net::SendError;
use gridwell_trust::{Domain, Signature, verify};
use gridwell_wire::{Message, NotPassed, Passed, Signed, decode, encode_inner};

use super::Core;
use crate::clock;

/// Output of programs waits at its source while the first link has this much to write: as on a link of one's own.
const LOGS_WAIT_BYTES: u64 = 1 << 20;
/// A link with this much to write takes nothing of others: half of what makes it break.
const BUSY_BYTES: u64 = 4 << 20;
/// Kinds of refusals that are told of once; more are not, so that nobody fills the log with many names.
const MOST_REFUSED: usize = 1_000;

/// The routes of this machine, and the letters that travel on them.
#[derive(Debug)]
pub(crate) struct Passing {
    pub(super) routes: Routes,
    letters: Letters,
    /// True once the map says something else than the routes were chosen by.
    stale: bool,
    /// What was refused from whom, so that it is told once.
    refused: BTreeSet<(PeerId, Fault)>,
    passed: Carried,
}

/// What this machine carried for others.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    pub(super) messages: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Passing {
    pub(crate) const fn new(me: PeerId, run: Incarnation) -> Self {
        Self {
            routes: Routes::new(me),
            letters: Letters::new(run),
            stale: false,
            refused: BTreeSet::new(),
            passed: Carried { messages: 0, files: 0, bytes: 0 },
        }
    }

    pub(super) const fn map_changed(&mut self) {
        self.stale = true;
    }

    pub(super) const fn map_is_followed(&mut self) {
        self.stale = false;
    }

    pub(super) const fn is_stale(&self) -> bool {
        self.stale
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.routes.poll_deadline()
    }

    /// What this machine carried for others since its node started.
    pub(super) const fn carried(&self) -> Carried {
        self.passed
    }

    pub(super) const fn count(&mut self, file: bool, bytes: u64) {
        self.passed.messages += !file as u64;
        self.passed.files += file as u64;
        self.passed.bytes += bytes;
    }
}

impl Core {
    /// The route to a machine over links of others.
    pub(super) fn way_around(&self, peer: PeerId) -> Option<&Route> {
        self.passing.routes.route(peer).filter(|route| route.hops() > 1)
    }

    /// Sends a message to a machine: on the link with it, else over those of others.
    pub(crate) fn send(&mut self, peer: PeerId, message: &Message) -> Result<(), SendError> {
        match self.way_around(peer).map(|route| route.path.clone()) {
            Some(path) => {
                let payload = encode_inner(message)?;
                self.check_room(&path, message)?;
                let run = self.run_of(peer).ok_or(SendError::NoLink { peer })?;
                let letter =
                    self.passing.letters.write((self.membership.grid.id(), self.map.number()), path, run, payload);
                self.send_letter(letter)
            }
            None => self.net.send(peer, message),
        }
    }

    fn run_of(&self, peer: PeerId) -> Option<Incarnation> {
        self.machines.others().get(&peer).and_then(|machine| machine.incarnation)
    }

    fn check_room(&self, path: &[PeerId], message: &Message) -> Result<(), SendError> {
        let Some(next) = path.get(1).copied().filter(|_| matches!(message, Message::Log(_))) else { return Ok(()) };
        let pending_bytes = self.net.stats(next).pending_bytes;
        if pending_bytes > LOGS_WAIT_BYTES {
            return Err(SendError::Crowded { peer: next, pending_bytes: pending_bytes as usize });
        }
        Ok(())
    }

    fn send_letter(&mut self, letter: Letter) -> Result<(), SendError> {
        let signed = self.sign_letter(&letter, Domain::Letter)?;
        let next = letter.path.get(1).copied().unwrap_or(self.me);
        self.net.send(next, &Message::Passed(Passed { at: 1, letter: signed }))?;
        self.passing.letters.keep(letter);
        Ok(())
    }

    fn sign_letter(&self, letter: &Letter, domain: Domain) -> Result<Signed, SendError> {
        let bytes = encode_inner(letter)?;
        let signature = self.membership.identity.sign(domain, &bytes).halves();
        Ok(Signed { bytes, signature })
    }

    /// A signed request for bytes that travels over links of others, with the path that it takes.
    pub(super) fn write_request(&mut self, path: Vec<PeerId>, payload: Vec<u8>) -> Result<Passed, SendError> {
        let peer = path.last().copied().unwrap_or(self.me);
        let run = self.run_of(peer).ok_or(SendError::NoLink { peer })?;
        let letter = self.passing.letters.write((self.membership.grid.id(), self.map.number()), path, run, payload);
        Ok(Passed { at: 1, letter: self.sign_letter(&letter, Domain::BytesLetter)? })
    }

    /// A letter came: it is passed on, or taken.
    pub(super) fn on_passed(&mut self, from: PeerId, passed: Passed) {
        match self.judge_letter(from, &passed, Kind::Message) {
            Ok((letter, Place::Here)) => self.take_letter(from, &letter),
            Ok((letter, Place::Next(next))) => self.pass_on(from, next, &letter, passed),
            Err(fault) => self.refuse(from, fault),
        }
    }

    /// What this machine does with a letter that is well-formed, signed by a member, and came over the link that it names.
    pub(super) fn judge_letter(&self, from: PeerId, passed: &Passed, kind: Kind) -> Result<(Letter, Place), Fault> {
        let (grid, now) = (&self.membership.grid, clock::stamp());
        read_letter(passed, kind, (from, self.me), grid.id(), |peer| grid.is_peer(peer, now))
    }

    /// What its owner has against carrying anything to the next one on a way, if so.
    pub(super) fn bar(&self, next: PeerId) -> Option<Hindrance> {
        if !self.machines.settings().relay {
            Some(Hindrance::NotRelaying)
        } else {
            (self.link_rule(next).policy == LinkPolicy::Forbidden).then_some(Hindrance::Down)
        }
    }

    /// Why this machine does not carry anything to the next one on a way, if so.
    pub(super) fn hindrance(&self, next: PeerId) -> Option<Hindrance> {
        if let Some(bar) = self.bar(next) {
            Some(bar)
        } else if !self.links.is_up(next) {
            Some(Hindrance::Down)
        } else if self.net.stats(next).pending_bytes > BUSY_BYTES {
            Some(Hindrance::Busy)
        } else {
            None
        }
    }

    fn pass_on(&mut self, from: PeerId, next: PeerId, letter: &Letter, passed: Passed) {
        let at = passed.at;
        let bytes = passed.letter.bytes.len() as u64;
        let hindered = self.hindrance(next).or_else(|| {
            let onward = Message::Passed(Passed { at: at + 1, letter: passed.letter });
            self.net.send(next, &onward).err().map(|_| Hindrance::Down)
        });
        match hindered {
            None => self.passing.count(false, bytes),
            Some(why) => {
                let (path, number) = (letter.path.clone(), letter.number);
                let back = NotPassed { path, number, at: at - 1, broke_at: at, why };
                if let Err(error) = self.net.send(from, &Message::NotPassed(back)) {
                    tracing::debug!(%error, "the source of a letter was not told that it is not passed on");
                }
            }
        }
    }

    fn take_letter(&mut self, from: PeerId, letter: &Letter) {
        let source = match self.take_once(letter, Kind::Message) {
            Ok(source) => source,
            Err(Fault::OldRun) => return tracing::debug!("a letter is from or for a run of a node that has ended"),
            Err(fault) => return self.refuse(from, fault),
        };
        match decode::<Message>(&letter.payload) {
            Ok(message) if message.may_be_passed() => self.on_message(source, message),
            _ => self.refuse(from, Fault::Content),
        }
    }

    /// Takes a request for bytes that came as a letter.
    pub(super) fn take_request(&mut self, letter: &Letter) -> Result<PeerId, Fault> {
        self.take_once(letter, Kind::Bytes)
    }

    fn take_once(&mut self, letter: &Letter, kind: Kind) -> Result<PeerId, Fault> {
        let known = letter.source().and_then(|source| self.map.heard().run(source));
        let source = self.passing.letters.take(letter, kind, known)?;
        // The record of a node that has just started may come later than what it says.
        self.learn_run(source, letter.from_record, letter.from_run);
        Ok(source)
    }

    /// Something that came over a link is not taken. Told once for each machine and reason.
    pub(super) fn refuse(&mut self, from: PeerId, fault: Fault) {
        let new = self.passing.refused.len() < MOST_REFUSED && self.passing.refused.insert((from, fault));
        let name = self.machines.name(from);
        if new {
            tracing::warn!(machine = name, %fault, "what a machine passed on is refused");
        } else {
            tracing::debug!(machine = name, %fault, "what a machine passed on is refused again");
        }
    }

    /// A letter was not carried to its end: its source tries another way, and everybody before passes that word back.
    pub(super) fn on_not_passed(&mut self, from: PeerId, back: NotPassed) {
        let at = usize::from(back.at);
        let (here, behind) = (back.path.get(at), back.path.get(at + 1));
        let ahead = usize::from(back.broke_at);
        if here != Some(&self.me) || behind != Some(&from) || ahead <= at || ahead + 1 >= back.path.len() {
            return self.refuse(from, Fault::Spliced);
        }
        if let Some(before) = at.checked_sub(1).map(|before| back.path[before]) {
            // Only on links that stand: the net knows no other.
            let told = self.net.send(before, &Message::NotPassed(NotPassed { at: back.at - 1, ..back }));
            if let Err(error) = told {
                tracing::debug!(%error, "the source of a letter was not told that it is not passed on");
            }
        } else if let Some(letter) = self.passing.letters.take_back(back.number, &back.path) {
            self.way_broke(back.path[ahead], back.path[ahead + 1], back.why);
            self.send_again(letter, back.why);
        }
    }

    /// A link between two others did not carry something of this machine.
    pub(super) fn way_broke(&mut self, one: PeerId, other: PeerId, why: Hindrance) {
        tracing::info!(from = self.machines.name(one), to = self.machines.name(other), ?why, "a way broke");
        if why != Hindrance::Busy {
            let changed = self.passing.routes.broke(Pair::of(one, other), clock::now());
            self.routes_changed(changed);
        }
    }

    /// A letter goes again, over another way.
    fn send_again(&mut self, letter: Letter, why: Hindrance) {
        let Some(peer) = letter.receiver() else { return };
        let message = decode::<Message>(&letter.payload);
        let path = self.way_around(peer).map(|route| route.path.clone()).filter(|path| *path != letter.path);
        if let Some(path) = path
            // Its number stays: it is taken once, whichever way it comes.
            && self.send_letter(Letter { path, ..letter }).is_ok()
        {
            return;
        }
        match message {
            Ok(message) if self.links.is_up(peer) => {
                if let Err(error) = self.net.send(peer, &message) {
                    tracing::debug!(%error, "a message was lost with its way");
                }
            }
            Ok(Message::Log(_)) => {
                self.outgoing.again(peer);
                if why == Hindrance::Busy {
                    self.logs.flush_soon();
                }
            }
            Ok(Message::Offer(offer)) => self.on_declined(offer.lease, Decline::Busy),
            // What engines need to say they say again when the machine is back.
            _ => tracing::debug!(machine = peer.short(), "a message was lost with its way"),
        }
    }
}

/// Reads a letter that came over the link from one peer to another, and checks all that its bytes can tell.
fn read_letter(
    passed: &Passed,
    kind: Kind,
    (from, me): (PeerId, PeerId),
    grid: GridId,
    is_member: impl Fn(PeerId) -> bool,
) -> Result<(Letter, Place), Fault> {
    let letter = decode::<Letter>(&passed.letter.bytes).map_err(|_| Fault::Content)?;
    let place = place(&letter.path, usize::from(passed.at), me, from)?;
    if letter.grid != grid {
        return Err(Fault::OtherGrid);
    }
    let domain = match kind {
        Kind::Message => Domain::Letter,
        Kind::Bytes => Domain::BytesLetter,
    };
    let signature = Signature::of_halves(passed.letter.signature);
    let signed = |source| is_member(source) && verify(source, domain, &passed.letter.bytes, &signature);
    if letter.source().is_some_and(signed) { Ok((letter, place)) } else { Err(Fault::Forged) }
}

#[cfg(test)]
mod tests {
    use gridwell_trust::Identity;

    use super::*;

    const GRID: GridId = GridId([3; 16]);

    fn identity(number: u8) -> Identity {
        Identity::from_seed(&mut [number; 32])
    }

    fn peer(number: u8) -> PeerId {
        identity(number).peer()
    }

    /// From 1 over 2 and 3 to 4, for the first peer on its way.
    fn a_letter() -> Letter {
        let path = [1, 2, 3, 4].map(peer).to_vec();
        let (from_run, to_run) = (Incarnation([1; 8]), Incarnation([4; 8]));
        Letter { grid: GRID, path, from_run, from_record: 2, to_run, number: 9, payload: vec![1, 2, 3] }
    }

    fn signed(letter: &Letter, by: u8, domain: Domain) -> Passed {
        let bytes = encode_inner(letter).unwrap();
        let signature = identity(by).sign(domain, &bytes).halves();
        Passed { at: 1, letter: Signed { bytes, signature } }
    }

    fn read(passed: &Passed, kind: Kind, from: u8, me: u8) -> Result<Place, Fault> {
        let members = [1, 2, 3, 4].map(peer);
        let ends = (peer(from), peer(me));
        read_letter(passed, kind, ends, GRID, |peer| members.contains(&peer)).map(|(_, place)| place)
    }

    #[test]
    fn every_peer_on_the_way_takes_what_its_source_signed() {
        let passed = signed(&a_letter(), 1, Domain::Letter);
        assert_eq!(read(&passed, Kind::Message, 1, 2), Ok(Place::Next(peer(3))));
        assert_eq!(read(&Passed { at: 3, ..passed }, Kind::Message, 3, 4), Ok(Place::Here));
    }

    #[test]
    fn a_hop_can_neither_forge_nor_change_nor_redirect() {
        let good = signed(&a_letter(), 1, Domain::Letter);
        for at in 0..good.letter.bytes.len() {
            let mut changed = good.clone();
            changed.letter.bytes[at] ^= 1;
            assert!(read(&changed, Kind::Message, 1, 2).is_err(), "byte {at}");
        }
        let forged = signed(&a_letter(), 2, Domain::Letter);
        assert_eq!(read(&forged, Kind::Message, 1, 2), Err(Fault::Forged));
        // Its own good letter, cut to lead elsewhere, with the old signature.
        let short = Letter { path: [1, 2, 4].map(peer).to_vec(), ..a_letter() };
        let mut spliced = signed(&short, 1, Domain::Letter);
        spliced.letter.signature = good.letter.signature;
        assert_eq!(read(&spliced, Kind::Message, 1, 2), Err(Fault::Forged));
        assert_eq!(read(&good, Kind::Message, 3, 2), Err(Fault::Spliced), "over another link");
        assert_eq!(read(&Passed { at: 2, ..good }, Kind::Message, 1, 2), Err(Fault::Spliced), "at another place");
    }

    #[test]
    fn a_letter_counts_in_its_grid_from_its_members_and_for_its_purpose() {
        let letter = a_letter();
        let elsewhere = Letter { grid: GridId([9; 16]), ..letter.clone() };
        assert_eq!(read(&signed(&elsewhere, 1, Domain::Letter), Kind::Message, 1, 2), Err(Fault::OtherGrid));
        let stranger = Letter { path: [8, 2, 3].map(peer).to_vec(), ..letter.clone() };
        assert_eq!(read(&signed(&stranger, 8, Domain::Letter), Kind::Message, 8, 2), Err(Fault::Forged));
        let request = signed(&letter, 1, Domain::BytesLetter);
        assert_eq!(read(&request, Kind::Bytes, 1, 2), Ok(Place::Next(peer(3))));
        assert_eq!(read(&request, Kind::Message, 1, 2), Err(Fault::Forged), "signed for another purpose");
        let nonsense = Passed { at: 1, letter: Signed { bytes: vec![255; 40], signature: [[0; 32]; 2] } };
        assert_eq!(read(&nonsense, Kind::Message, 1, 2), Err(Fault::Content));
    }
}
