//! The membership log of one grid, and what it says.

mod judge;
mod log;
#[cfg(test)]
mod tests;
mod view;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{GridId, PeerId, Role, Stamp};

use crate::update::{Author, Deed, Digest, MAX_HEADS, Update, UpdateError};
use judge::judge;
use log::{Effect, Log, Set};
use view::View;
pub use view::{Member, Proposal, Proposed, Revoked};
pub use write::{CERTIFICATE, Done, Pass, WriteError};

/// Most updates kept, some MB: admissions of a thousand machines, and their renewals for years.
pub const MAX_UPDATES: usize = 8_192;
/// Most updates of one author, so that no single key fills the log.
const MAX_BY_ONE: usize = 4_096;
/// Most updates of a machine that is no admin: all it can say is what it is called and what it gives up.
const MAX_BY_OTHERS: usize = 128;
/// Most updates kept that build upon others that have not come yet.
const MAX_WAITING: usize = 64;

/// What a merge changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Updates that were new, to be stored and passed on in this order.
    pub new: Vec<Vec<u8>>,
    /// Peers that became members by it.
    pub joined: BTreeSet<PeerId>,
    /// Peers that are members no more.
    pub left: BTreeSet<PeerId>,
    /// What was refused or counts for nothing, in the order it came.
    pub refused: Vec<UpdateError>,
}

/// How a peer stands with a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A member.
    Member,
    /// Its certificate is over: it may be renewed and nothing else.
    Expired,
    /// A guest whose time is over.
    Gone,
    /// It was a member.
    Revoked,
    /// It never was.
    Stranger,
}

/// The membership log of one grid: signed updates, each chained to what its author knew, and who is a member by them.
///
/// Merging is a set union: in whatever order updates come, everybody ends with the same members. The one exception is
/// an author who signs two histories: whichever a machine knows first counts there, the other counts for nothing.
#[derive(Debug, Clone)]
pub struct Grid {
    id: GridId,
    log: Log,
    view: View,
    /// What came before that which it builds upon.
    waiting: BTreeMap<Digest, Update>,
}

impl PartialEq for Grid {
    /// True if both say the same of the same grid.
    fn eq(&self, other: &Self) -> bool {
        (self.id, &self.view) == (other.id, &other.view)
    }
}

impl Eq for Grid {}

impl Grid {
    /// A grid of which only the id is known, from an invite or a file; members come by [`Grid::merge`].
    #[must_use]
    pub fn of(id: GridId) -> Self {
        Self { id, log: Log::default(), view: View::default(), waiting: BTreeMap::new() }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> GridId {
        self.id
    }

    /// True if `peer` is a member, whether or not its certificate is over.
    #[must_use]
    pub fn is_member(&self, peer: PeerId) -> bool {
        self.view.members.contains_key(&peer)
    }

    /// How `peer` stands with the grid.
    #[must_use]
    pub fn standing(&self, peer: PeerId, now: Stamp) -> Standing {
        match self.view.members.get(&peer) {
            Some(member) if now < member.until => Standing::Member,
            Some(Member { guest: false, .. }) => Standing::Expired,
            Some(_) => Standing::Gone,
            None if self.view.revoked.contains_key(&peer) => Standing::Revoked,
            None => Standing::Stranger,
        }
    }

    /// True if `peer` may do that on other machines now.
    #[must_use]
    pub fn may(&self, peer: PeerId, role: Role, now: Stamp) -> bool {
        self.view.members.get(&peer).is_some_and(|member| now < member.until && member.roles.contains(&role))
    }

    /// The ids of all members that may link, for the gate of the net: guests whose time is over are not among them.
    #[must_use]
    pub fn peers(&self, now: Stamp) -> BTreeSet<PeerId> {
        self.view.members.values().filter(|member| member.is_here(now)).map(|member| member.peer).collect()
    }

    /// True if `peer` is one of [`Grid::peers`].
    #[must_use]
    pub fn is_peer(&self, peer: PeerId, now: Stamp) -> bool {
        self.view.members.get(&peer).is_some_and(|member| member.is_here(now))
    }

    /// All members, by id.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.view.members.values()
    }

    /// What is said of `peer`, if it is a member.
    #[must_use]
    pub fn member(&self, peer: PeerId) -> Option<&Member> {
        self.view.members.get(&peer)
    }

    /// Machines that were members, by id.
    #[must_use]
    pub const fn revoked(&self) -> &BTreeMap<PeerId, Revoked> {
        &self.view.revoked
    }

    /// What waits for another admin's confirmation.
    #[must_use]
    pub const fn proposals(&self) -> &BTreeSet<Proposal> {
        &self.view.proposals
    }

    /// The public key of the recovery words, if there are any.
    #[must_use]
    pub const fn recovery(&self) -> Option<PeerId> {
        self.view.recovery
    }

    /// Every update, encoded, each behind what it builds upon: to store, and to send to a peer that joins or links.
    #[must_use]
    pub fn encoded(&self) -> Vec<Vec<u8>> {
        self.encoded_from(0)
    }

    /// How many updates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// True if nothing is known but the id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.log.len() == 0
    }

    /// The updates behind the first so many, encoded.
    #[must_use]
    pub fn encoded_from(&self, place: usize) -> Vec<Vec<u8>> {
        self.log.entries().iter().skip(place).map(|entry| entry.update.encode()).collect()
    }

    /// When the next certificate ends that has not yet.
    #[must_use]
    pub fn next_end(&self, now: Stamp) -> Option<Stamp> {
        self.members().map(|member| member.until).filter(|until| *until > now).min()
    }

    /// Takes updates in as they came from a store or a peer.
    pub fn merge<B: AsRef<[u8]>>(&mut self, encoded: impl IntoIterator<Item = B>) -> Merged {
        let mut merged = Merged::default();
        let before: BTreeSet<_> = self.view.members.keys().copied().collect();
        for bytes in encoded {
            match Update::decode(bytes.as_ref()) {
                Ok(update) if update.grid != self.id => {
                    merged.refused.push(UpdateError::OtherGrid { theirs: update.grid });
                }
                Ok(update) => self.take(update, &mut merged),
                Err(error) => merged.refused.push(error),
            }
        }
        let after: BTreeSet<_> = self.view.members.keys().copied().collect();
        merged.joined = after.difference(&before).copied().collect();
        merged.left = before.difference(&after).copied().collect();
        merged
    }

    /// Takes an update in, and whatever has waited for it.
    fn take(&mut self, update: Update, merged: &mut Merged) {
        let mut ready = vec![update];
        while let Some(update) = ready.pop() {
            let digest = update.digest();
            if self.log.contains(&digest) {
                continue;
            }
            let Some(past) = self.log.past_of(&update.heads) else {
                if self.waiting.len() < MAX_WAITING {
                    self.waiting.insert(digest, update);
                }
                continue;
            };
            let bytes = update.encode();
            match self.add(update, digest, past) {
                Ok(Effect::Forked) => {
                    let by = self.log.at(self.log.len() - 1).update.author.key();
                    merged.refused.push(UpdateError::Forked { by });
                    merged.new.push(bytes);
                }
                Ok(_) => merged.new.push(bytes),
                Err(error) => {
                    merged.refused.push(error);
                    continue;
                }
            }
            let unlocked = self.waiting.iter().filter(|(_, waiting)| waiting.heads.contains(&digest));
            for digest in unlocked.map(|(digest, _)| *digest).collect::<Vec<_>>() {
                ready.extend(self.waiting.remove(&digest));
            }
        }
    }

    /// Judges an update by what its author knew, and adds it.
    fn add(&mut self, update: Update, digest: Digest, past: Set) -> Result<Effect, UpdateError> {
        let by = update.author.key();
        let known = (past.len() != self.log.len()).then(|| View::of(&self.log, &past));
        let known = known.as_ref().unwrap_or(&self.view);
        let effect = judge(known, &update).ok_or(UpdateError::NotAllowed { by, deed: update.deed.words() })?;
        let admin = known.is_admin(by) || matches!(update.author, Author::Recovery(_));
        let most = if admin { MAX_BY_ONE } else { MAX_BY_OTHERS };
        if self.log.len() >= MAX_UPDATES || self.log.written_by(by) >= most {
            return Err(UpdateError::Full { by });
        }
        // Whoever has the words may use them on several machines at once.
        let forked = matches!(update.author, Author::Member(_)) && self.log.forks(by, &past);
        let effect = if forked { Effect::Forked } else { effect };
        self.log.push(update, digest, past, effect);
        if effect != Effect::Forked {
            self.view = View::of(&self.log, &Set::first(self.log.len()));
        }
        Ok(effect)
    }

    /// What the next update of this machine is written upon.
    fn heads(&self) -> BTreeSet<Digest> {
        self.log.heads().take(MAX_HEADS).collect()
    }
}
