//! Both sides of pairing, with a partner that may say anything at any moment.

use gridwell_model::{GridId, PeerId, Stamp, Time};
use gridwell_trust::{
    Caller, Code, Grid, Heard, Host, HostEffect, House, INVITE_TTL, Identity, InviteLink, Invites, Key, Moment, Offer,
    Outcome, Pass, Terms, Visit, Visitor, who_answers,
};
use zeroize::Zeroizing;

use crate::pieces::{pieces, together};

const NOW: Moment = Moment { time: Time::from_secs(100), stamp: Stamp(1_700_000_000_000) };
const SPEAKS: u32 = 2;

/// Each piece begins with a byte: whose turn it is, and whether the true next words are said instead of the rest of it.
pub(super) fn run(bytes: &[u8]) {
    for by_code in [true, false] {
        Scene::new(by_code).play(&pieces(bytes));
    }
}

struct Scene {
    identity: Identity,
    grid: Grid,
    host: Host,
    invites: Invites,
    visitor: Visitor,
    /// What each side has truly said and the other has not heard.
    to_host: Vec<Vec<u8>>,
    to_visitor: Vec<Vec<u8>>,
    /// The true words went both ways unchanged so far.
    honest: bool,
}

impl Scene {
    fn new(by_code: bool) -> Self {
        let identity = Identity::from_seed(&mut [1; 32]);
        let grid = Grid::found(&identity, "ann", &[], [7; 16], NOW.stamp);
        let mut invites = Invites::default();
        let link = invite(&grid, &identity, &mut invites, !by_code);
        let mut host = Host::default();
        let code = Code::new([3; 7]);
        let key = if by_code {
            host.show_code(code.clone(), link.invite, NOW.time).expect("the first one");
            Key::Code(code)
        } else {
            Key::Link(Box::new(link))
        };
        host.arrive(VISIT, guest(), NOW.time);
        let caller = Caller { me: guest(), grid: GridId([2; 16]), name: "bob", addresses: &[], speaks: SPEAKS };
        let (visitor, knock) = Visitor::knock(key, identity.peer(), &caller, [2; 16]);
        Self { identity, grid, host, invites, visitor, to_host: vec![knock], to_visitor: Vec::new(), honest: true }
    }

    fn play(&mut self, words: &[&[u8]]) {
        for word in words {
            let Some((turn, said)) = word.split_first() else { continue };
            let truth = turn & 2 != 0;
            if turn & 1 == 0 {
                let said = if truth { take_first(&mut self.to_host) } else { Some(said.to_vec()) };
                self.honest &= truth;
                said.iter().for_each(|said| self.host_hears(said));
            } else {
                let said = if truth { take_first(&mut self.to_visitor) } else { Some(said.to_vec()) };
                let _ = said.as_ref().and_then(|said| who_answers(said, self.identity.peer()));
                said.iter().for_each(|said| self.visitor_hears(said));
            }
        }
    }

    fn host_hears(&mut self, said: &[u8]) {
        let house = House { grid: self.grid.id(), me: self.identity.peer(), name: "ann", speaks: SPEAKS };
        self.host.hear(VISIT, said, Zeroizing::new([5; 48]), &house, &mut self.invites, NOW);
        while let Some(effect) = self.host.poll_effect() {
            match effect {
                HostEffect::Say { bytes, .. } => self.to_visitor.push(bytes),
                HostEffect::Ask { visit } => self.host.decide(visit, true, &mut self.invites).expect("it waits"),
                HostEffect::Admit { visit, guest } => {
                    assert!(self.honest, "nobody comes in who did not say every word of one who was invited");
                    let roles = guest.terms.roles.clone();
                    let pass = Pass {
                        peer: guest.peer,
                        name: &guest.name,
                        addresses: &guest.addresses,
                        roles: &roles,
                        guest_until: None,
                    };
                    self.grid.admit(&self.identity, &pass, NOW.stamp).expect("the founder may");
                    self.host.admitted(visit, Some(self.grid.encoded()));
                }
                HostEffect::Ended { outcome, .. } => assert!(self.honest || outcome != Outcome::Joined),
                HostEffect::Close { .. } | HostEffect::CodeBurnt { .. } => {}
            }
        }
    }

    fn visitor_hears(&mut self, said: &[u8]) {
        match self.visitor.hear(said, Zeroizing::new([6; 32])) {
            Ok(Heard::Say(bytes)) => self.to_host.push(bytes),
            Ok(Heard::Joined(grid)) => assert_eq!(grid.id(), self.grid.id()),
            Ok(_) | Err(_) => {}
        }
    }
}

const VISIT: Visit = 1;

fn guest() -> PeerId {
    Identity::from_seed(&mut [2; 32]).peer()
}

fn invite(grid: &Grid, inviter: &Identity, invites: &mut Invites, approved: bool) -> InviteLink {
    let offer = Offer {
        grid: grid.id(),
        inviter: inviter.peer(),
        addresses: &[],
        now: NOW.stamp,
        ttl: INVITE_TTL,
        approved,
        terms: Terms::default(),
    };
    invites.create(&offer, [3; 16], [4; 8]).expect("the first one")
}

fn take_first(said: &mut Vec<Vec<u8>>) -> Option<Vec<u8>> {
    (!said.is_empty()).then(|| said.remove(0))
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    const TRUE_TO_HOST: &[u8] = &[2];
    const TRUE_TO_VISITOR: &[u8] = &[3];
    let whole = [TRUE_TO_HOST, TRUE_TO_VISITOR].repeat(4);
    let mut seeds = vec![together(&whole)];
    for at in 0..whole.len() {
        let mut words: Vec<Vec<u8>> = whole.iter().map(|word| word.to_vec()).collect();
        words[at] = [&[at as u8 % 2][..], &[1, at as u8], &[0; 40]].concat();
        seeds.push(together(&words));
    }
    seeds
}
