//! The log as it lies: updates, each with everything that its author knew.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::PeerId;

use crate::update::{Digest, Update};

/// A set of updates, by their place in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Set(Vec<u64>);

impl Set {
    pub(super) fn first(count: usize) -> Self {
        let mut set = Self::default();
        (0..count).for_each(|at| set.insert(at));
        set
    }

    pub(super) fn insert(&mut self, at: usize) {
        if self.0.len() <= at / 64 {
            self.0.resize(at / 64 + 1, 0);
        }
        self.0[at / 64] |= 1 << (at % 64);
    }

    pub(super) fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// How an update counts. Decided once, from what its author knew, so that everybody decides alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Its author has written something else in its place: it is kept, for what was built upon it, and counts for nothing.
    Forked,
    /// By itself.
    Plain,
    /// It makes an admin: by itself among the first, else together with another admin's.
    Claim,
    /// It takes a member away: by itself, or together with another admin's.
    Removal { alone: bool },
    /// It takes an admin's right to admit and revoke, likewise.
    Demotion { alone: bool },
    /// It sets the recovery words, likewise.
    Recovery { alone: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) update: Update,
    pub(super) digest: Digest,
    pub(super) effect: Effect,
    /// What its author knew.
    past: Set,
    /// Longest way back to the founding: grows along every chain, whatever clocks say.
    depth: u32,
}

/// Updates in an order in which each follows what it builds upon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Log {
    entries: Vec<Entry>,
    places: BTreeMap<Digest, usize>,
    heads: BTreeSet<Digest>,
    /// Of each author: how many updates, and its newest one that counts.
    authors: BTreeMap<PeerId, (usize, Option<usize>)>,
}

impl Log {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn at(&self, place: usize) -> &Entry {
        &self.entries[place]
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.places.contains_key(digest)
    }

    /// The updates that nothing builds upon yet.
    pub(super) fn heads(&self) -> impl Iterator<Item = Digest> + '_ {
        self.heads.iter().copied()
    }

    pub(super) fn written_by(&self, author: PeerId) -> usize {
        self.authors.get(&author).map_or(0, |(count, _)| *count)
    }

    /// What the author of an update with these heads knew; nothing if one of them is not here.
    pub(super) fn past_of(&self, heads: &BTreeSet<Digest>) -> Option<Set> {
        let mut past = Set::default();
        for head in heads {
            let place = *self.places.get(head)?;
            past.add(&self.entries[place].past);
            past.insert(place);
        }
        Some(past)
    }

    /// True if the author wrote its newest update without knowing of that.
    pub(super) fn forks(&self, author: PeerId, past: &Set) -> bool {
        let newest = self.authors.get(&author).and_then(|(_, newest)| *newest);
        newest.is_some_and(|place| !past.contains(place))
    }

    pub(super) fn push(&mut self, update: Update, digest: Digest, past: Set, effect: Effect) {
        let place = self.entries.len();
        let deepest = update.heads.iter().filter_map(|head| self.places.get(head));
        let depth = deepest.map(|head| self.entries[*head].depth + 1).max().unwrap_or(0);
        for head in &update.heads {
            self.heads.remove(head);
        }
        self.heads.insert(digest);
        self.places.insert(digest, place);
        let author = self.authors.entry(update.author.key()).or_default();
        author.0 += 1;
        if effect != Effect::Forked {
            author.1 = Some(place);
        }
        self.entries.push(Entry { update, digest, effect, past, depth });
    }

    /// True if the author of the update at `later` knew the one at `earlier`.
    pub(super) fn knows(&self, later: usize, earlier: usize) -> bool {
        self.entries[later].past.contains(earlier)
    }

    /// Orders updates so that everybody picks the same newest one, and never one that another was written upon.
    pub(super) fn rank(&self, place: usize) -> (u32, Digest) {
        (self.entries[place].depth, self.entries[place].digest)
    }
}
