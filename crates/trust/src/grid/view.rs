//! What a set of updates says: who is a member, and what each may do.
//!
//! A pure function of the set, so that the order in which updates came makes no difference:
//!
//! - What takes away (revocations, demotions) counts as it was written: nothing that others wrote meanwhile undoes it. It
//!   ends every admission that was not written in knowledge of it.
//! - What adds counts if its author had the right to it by what counts of its own past, and was not revoked meanwhile:
//!   what a revoked machine wrote beside its revocation, unseen by whoever revoked it, counts for nothing. Otherwise a
//!   stolen key could go on writing upon old updates for ever.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{PeerId, Role, Stamp};

use super::log::{Effect, Log, Set};
use crate::update::{About, Author, Deed, Stay};

/// Machines that one admin alone can make admins, beside the founder; from then on it takes two. With three admins there are two
/// honest ones to remove a stolen one, and a stolen key cannot make up voices of its own.
pub(super) const MADE_ALONE: usize = 2;

/// A member of a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its key.
    pub peer: PeerId,
    /// What people call its machine.
    pub name: String,
    /// Where it listened when it said so last, for a first dial.
    pub addresses: Vec<String>,
    /// What it may do on other machines.
    pub roles: BTreeSet<Role>,
    /// True if it goes when its time is over; else its certificate is renewed.
    pub guest: bool,
    /// When its certificate ends.
    pub until: Stamp,
    /// When it was let in.
    pub since: Stamp,
}

impl Member {
    /// False for a guest whose time is over.
    pub(super) fn is_here(&self, now: Stamp) -> bool {
        !self.guest || now < self.until
    }
}

/// A machine that was a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// What people called it.
    pub name: String,
    /// Who wrote the last word of it, if not the recovery words.
    pub by: Option<PeerId>,
    /// When, by that machine's clock.
    pub at: Stamp,
}

/// Something that one admin wants and another has to confirm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proposal {
    /// Who wants it.
    pub by: PeerId,
    /// What.
    pub what: Proposed,
}

/// What takes two admins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proposed {
    /// To make a machine an admin.
    Admin(PeerId),
    /// To let it be an admin no more.
    NoAdmin(PeerId),
    /// To revoke an admin.
    Revoke(PeerId),
    /// To set the recovery words, by their key.
    Recovery(PeerId),
}

/// What a set of updates says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    pub(super) members: BTreeMap<PeerId, Member>,
    pub(super) revoked: BTreeMap<PeerId, Revoked>,
    pub(super) recovery: Option<PeerId>,
    pub(super) proposals: BTreeSet<Proposal>,
}

impl View {
    pub(super) fn admins(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.members.values().filter(|member| member.roles.contains(&Role::Admin)).map(|member| member.peer)
    }

    pub(super) fn is_admin(&self, peer: PeerId) -> bool {
        self.members.get(&peer).is_some_and(|member| member.roles.contains(&Role::Admin))
    }

    /// Reads the updates of `log` that are in `within`, which holds what each of them builds upon too.
    pub(super) fn of(log: &Log, within: &Set) -> Self {
        let mut reading = Reading::new(log);
        let places = || (0..log.len()).filter(|place| within.contains(*place));
        places().for_each(|place| reading.note_taking(place));
        places().for_each(|place| reading.note_claim(place));
        places().for_each(|place| reading.read(place));
        reading.finish()
    }
}

type Places = BTreeMap<PeerId, Vec<usize>>;

struct Reading<'a> {
    log: &'a Log,
    /// What takes away, by whom it is about.
    removals: Places,
    demotions: Places,
    /// What makes an admin, with whom.
    claims: Vec<(usize, PeerId)>,
    recoveries: Vec<usize>,
    /// What counts, by whom it is about.
    admissions: Places,
    grants: Places,
    abouts: Places,
    roles: Places,
    terms: Places,
}

impl<'a> Reading<'a> {
    const fn new(log: &'a Log) -> Self {
        Self {
            log,
            removals: Places::new(),
            demotions: Places::new(),
            claims: Vec::new(),
            recoveries: Vec::new(),
            admissions: Places::new(),
            grants: Places::new(),
            abouts: Places::new(),
            roles: Places::new(),
            terms: Places::new(),
        }
    }

    fn note_taking(&mut self, place: usize) {
        let entry = self.log.at(place);
        match (entry.effect, &entry.update.deed) {
            (Effect::Removal { .. }, Deed::Revoke { peer }) => self.removals.entry(*peer).or_default().push(place),
            (Effect::Demotion { .. }, Deed::SetRoles { peer, .. }) => {
                self.demotions.entry(*peer).or_default().push(place);
            }
            _ => {}
        }
    }

    fn note_claim(&mut self, place: usize) {
        let entry = self.log.at(place);
        match (entry.effect, &entry.update.deed) {
            _ if self.is_void(place) => {}
            (Effect::Claim, Deed::Admit { peer, .. } | Deed::SetRoles { peer, .. }) => self.claims.push((place, *peer)),
            (Effect::Recovery { .. }, _) => self.recoveries.push(place),
            _ => {}
        }
    }

    /// Takes an update in if it counts; what it builds upon has been read.
    fn read(&mut self, place: usize) {
        let entry = self.log.at(place);
        if entry.effect == Effect::Forked || self.is_void(place) || !self.is_authorised(place) {
            return;
        }
        let note = |places: &mut Places, peer: PeerId| places.entry(peer).or_default().push(place);
        match &entry.update.deed {
            Deed::Found { .. } | Deed::Restore { .. } | Deed::Admit { .. } => {
                let peer = match &entry.update.deed {
                    Deed::Restore { peer, .. } | Deed::Admit { peer, .. } => *peer,
                    _ => entry.update.author.key(),
                };
                for places in [&mut self.admissions, &mut self.abouts, &mut self.roles, &mut self.terms] {
                    note(places, peer);
                }
                if entry.effect == Effect::Claim || !matches!(entry.update.deed, Deed::Admit { .. }) {
                    note(&mut self.grants, peer);
                }
            }
            Deed::SetRoles { peer, .. } => {
                note(&mut self.roles, *peer);
                if entry.effect == Effect::Claim {
                    note(&mut self.grants, *peer);
                }
            }
            Deed::Renew { peers, .. } => peers.iter().for_each(|peer| note(&mut self.terms, *peer)),
            Deed::Describe { .. } => note(&mut self.abouts, entry.update.author.key()),
            Deed::Revoke { .. } | Deed::SetRecovery { .. } => {}
        }
    }

    /// True if the author was revoked, or lost the right to such updates, while it wrote this, unseen by whoever did that.
    fn is_void(&self, place: usize) -> bool {
        let Author::Member(author) = self.log.at(place).update.author else { return false };
        let beside = |taking: &&usize| self.are_beside(place, **taking);
        let removals = self.removals.get(&author).into_iter().flatten().filter(beside);
        let demotions = self.demotions.get(&author).into_iter().flatten().filter(beside);
        self.takes(removals) || (!self.is_own_affair(place) && self.takes(demotions))
    }

    /// True if neither author knew of the other's.
    fn are_beside(&self, one: usize, other: usize) -> bool {
        one != other && !self.log.knows(one, other) && !self.log.knows(other, one)
    }

    fn is_own_affair(&self, place: usize) -> bool {
        matches!(self.log.at(place).update.deed, Deed::Describe { .. })
    }

    fn is_authorised(&self, place: usize) -> bool {
        let entry = self.log.at(place);
        let known = |places: &Places, peer: PeerId| {
            let known = places.get(&peer).into_iter().flatten().filter(|earlier| self.log.knows(place, **earlier));
            known.copied().collect::<Vec<_>>()
        };
        match entry.update.author {
            _ if matches!(entry.update.deed, Deed::Found { .. }) => true,
            Author::Recovery(key) => {
                // Other words, set meanwhile, void what was written by these.
                let others = self.recoveries.iter().filter(|other| self.key_of(**other) != Some(key));
                let mut beside = others.filter(|other| self.are_beside(place, **other));
                !beside.any(|other| self.is_effective_recovery(*other, &self.recoveries))
            }
            Author::Member(author) if self.is_own_affair(place) || self.gives_up(place, author) => {
                !known(&self.admissions, author).is_empty()
            }
            Author::Member(author) => self.make_admin(&known(&self.grants, author)),
        }
    }

    /// True for a member that changes its own roles without making itself an admin, which needs no right.
    fn gives_up(&self, place: usize, author: PeerId) -> bool {
        matches!(&self.log.at(place).update.deed, Deed::SetRoles { peer, roles } if *peer == author && !roles.contains(&Role::Admin))
    }

    /// True if what takes away is complete: by itself, or by two authors.
    fn takes<'b>(&self, takings: impl Iterator<Item = &'b usize>) -> bool {
        let mut authors = BTreeSet::new();
        takings.into_iter().any(|place| {
            let entry = self.log.at(*place);
            let alone = matches!(entry.effect, Effect::Removal { alone: true } | Effect::Demotion { alone: true });
            authors.insert(entry.update.author);
            alone || authors.len() > 1
        })
    }

    /// True if what was given at `place` has been taken away since, or beside it.
    fn is_taken(&self, takings: &Places, peer: PeerId, place: usize) -> bool {
        let takings = takings.get(&peer).into_iter().flatten();
        self.takes(takings.filter(|taking| !self.log.knows(place, **taking)))
    }

    /// True if these grants, all to one machine, make it an admin: one that stands by itself, or two authors.
    fn make_admin(&self, grants: &[usize]) -> bool {
        let authors: BTreeSet<_> = grants.iter().map(|grant| self.log.at(*grant).update.author).collect();
        authors.len() > 1 || grants.iter().any(|grant| self.stands_alone(*grant))
    }

    /// True if a grant is one of the first: fewer than [`MADE_ALONE`] other machines were made admins before it or beside it.
    fn stands_alone(&self, grant: usize) -> bool {
        let Some((_, peer)) = self.claims.iter().find(|(claim, _)| *claim == grant) else {
            // The founder's, and whoever has the recovery words.
            return true;
        };
        let others = self.claims.iter().filter(|(other, whom)| whom != peer && !self.log.knows(*other, grant));
        others.map(|(_, whom)| whom).collect::<BTreeSet<_>>().len() < MADE_ALONE
    }

    fn key_of(&self, place: usize) -> Option<PeerId> {
        match self.log.at(place).update.deed {
            Deed::SetRecovery { key } => Some(key),
            _ => None,
        }
    }

    fn is_effective_recovery(&self, place: usize, among: &[usize]) -> bool {
        let entry = self.log.at(place);
        let same = |other: &&usize| {
            self.key_of(**other) == self.key_of(place) && self.log.at(**other).update.author != entry.update.author
        };
        entry.effect == Effect::Recovery { alone: true } || among.iter().any(|other| same(&other))
    }

    fn newest(&self, places: &Places, peer: PeerId) -> Option<usize> {
        places.get(&peer)?.iter().copied().max_by_key(|place| self.log.rank(*place))
    }

    fn finish(self) -> View {
        let mut view = View { recovery: self.recovery(), ..View::default() };
        for (peer, admissions) in &self.admissions {
            let standing = admissions.iter().copied().filter(|place| !self.is_taken(&self.removals, *peer, *place));
            match standing.max_by_key(|place| self.log.rank(*place)).and_then(|place| self.member(*peer, place)) {
                Some(member) => {
                    view.members.insert(*peer, member);
                }
                None => {
                    if let Some(removal) = self.newest(&self.removals, *peer) {
                        let update = &self.log.at(removal).update;
                        let by = match update.author {
                            Author::Member(by) => Some(by),
                            Author::Recovery(_) => None,
                        };
                        let name = self.about(*peer).map_or_else(|| peer.short(), |about| about.name.clone());
                        view.revoked.insert(*peer, Revoked { name, by, at: update.at });
                    }
                }
            }
        }
        view.proposals = self.proposals(&view);
        view
    }

    fn member(&self, peer: PeerId, admission: usize) -> Option<Member> {
        let entry = self.log.at(admission);
        let mut roles = match &self.log.at(self.newest(&self.roles, peer)?).update.deed {
            Deed::Admit { roles, .. } | Deed::SetRoles { roles, .. } => roles.clone(),
            _ => BTreeSet::from(Role::ALL),
        };
        roles.remove(&Role::Admin);
        if self.make_admin(&self.standing_grants(peer)) {
            roles.insert(Role::Admin);
        }
        let until = match &self.log.at(self.newest(&self.terms, peer)?).update.deed {
            Deed::Found { until, .. } | Deed::Restore { until, .. } | Deed::Renew { until, .. } => *until,
            Deed::Admit { stay, .. } => stay.until(),
            _ => entry.update.at,
        };
        let About { name, addresses } = self.about(peer)?.clone();
        let guest = matches!(entry.update.deed, Deed::Admit { stay: Stay::Guest { .. }, .. });
        Some(Member { peer, name, addresses, roles, guest, until, since: entry.update.at })
    }

    fn about(&self, peer: PeerId) -> Option<&'a About> {
        self.log.at(self.newest(&self.abouts, peer)?).update.deed.about()
    }

    fn standing_grants(&self, peer: PeerId) -> Vec<usize> {
        let grants = self.grants.get(&peer).into_iter().flatten().copied();
        let standing = grants.filter(|grant| {
            !self.is_taken(&self.removals, peer, *grant) && !self.is_taken(&self.demotions, peer, *grant)
        });
        standing.collect()
    }

    fn recovery(&self) -> Option<PeerId> {
        let counting: Vec<_> = self.recoveries.iter().copied().filter(|place| self.is_authorised(*place)).collect();
        let effective = counting.iter().copied().filter(|place| self.is_effective_recovery(*place, &counting));
        effective.max_by_key(|place| self.log.rank(*place)).and_then(|place| self.key_of(place))
    }

    fn proposals(&self, view: &View) -> BTreeSet<Proposal> {
        let mut proposals = BTreeSet::new();
        let mut propose = |place: usize, what| {
            if let Author::Member(by) = self.log.at(place).update.author {
                proposals.insert(Proposal { by, what });
            }
        };
        for member in view.members.values() {
            let peer = member.peer;
            if member.roles.contains(&Role::Admin) {
                let grants = self.standing_grants(peer);
                let open = |taking: &&usize| grants.iter().any(|grant| !self.log.knows(*grant, **taking));
                let removals = self.removals.get(&peer).into_iter().flatten();
                removals.filter(open).for_each(|place| propose(*place, Proposed::Revoke(peer)));
                let demotions = self.demotions.get(&peer).into_iter().flatten();
                demotions.filter(open).for_each(|place| propose(*place, Proposed::NoAdmin(peer)));
            } else {
                let grants = self.standing_grants(peer);
                grants.into_iter().for_each(|place| propose(place, Proposed::Admin(peer)));
            }
        }
        let set = self.recoveries.iter().copied().filter(|place| self.key_of(*place) == view.recovery);
        let set: Vec<_> = set.collect();
        for place in &self.recoveries {
            let superseded = set.iter().any(|newer| self.log.knows(*newer, *place) || newer == place);
            if let (false, Some(key)) = (superseded, self.key_of(*place)) {
                propose(*place, Proposed::Recovery(key));
            }
        }
        proposals
    }
}
