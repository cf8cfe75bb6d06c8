use std::{cmp::Reverse, collections::BTreeMap};

use gridwell_model::{BlobId, PeerId};

/// Which machines keep which contents of a share.
///
/// Each content ranks the machines by a hash of both (rendezvous hashing), and the first of them keep it: so every machine that
/// knows the same machines comes to the same answer without asking anybody, and one that goes moves only what it kept. Machines
/// without room for a content rank behind those that have some.
///
/// Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996.
#[derive(Debug, Clone)]
pub struct Placement {
    copies: usize,
    machines: Vec<PeerId>,
    /// For each content all machines by rank, as places in `machines`.
    ranks: Vec<u16>,
    /// For each content how many of them have room for it, at most `copies`.
    keepers: Vec<u16>,
}

impl Placement {
    /// Most machines among which contents are placed; the others keep none.
    pub const MAX_MACHINES: usize = 256;

    /// Places `contents`, each with its size in bytes, on `copies` of `machines` each, which have so much room in bytes.
    ///
    /// Room is given in the order of `contents`, to those that rank first: whoever is full later loses nothing that was placed before.
    #[must_use]
    pub fn new(contents: &[(BlobId, u64)], machines: &BTreeMap<PeerId, u64>, copies: usize) -> Self {
        let machines = machines.iter().take(Self::MAX_MACHINES).map(|(machine, room)| (*machine, *room));
        let (machines, mut room): (Vec<_>, Vec<_>) = machines.unzip();
        let mut ranks = Vec::with_capacity(contents.len() * machines.len());
        let mut keepers = Vec::with_capacity(contents.len());
        for (blob, size_bytes) in contents {
            let mut ranked: Vec<_> = (0..machines.len()).map(|at| (room[at] < *size_bytes, at)).collect();
            ranked.sort_by_cached_key(|(full, at)| (*full, Reverse(weight(machines[*at], *blob))));
            let fitting = ranked.iter().filter(|(full, _)| !full).count().min(copies);
            ranked[..fitting].iter().for_each(|(_, at)| room[*at] -= size_bytes);
            ranks.extend(ranked.iter().map(|(_, at)| *at as u16));
            keepers.push(fitting as u16);
        }
        Self { copies, machines, ranks, keepers }
    }

    /// The machines that are to keep the content of this number.
    pub fn keepers(&self, content: usize) -> impl Iterator<Item = PeerId> {
        self.ranked(content).take(usize::from(self.keepers[content]))
    }

    /// True if fewer machines have room for the content than are to keep it.
    #[must_use]
    pub fn lacks_room(&self, content: usize) -> bool {
        usize::from(self.keepers[content]) < self.copies.min(self.machines.len())
    }

    /// True if `me` may let go of a content, because `enough` machines have it that rank before this one. `has` says who has it.
    ///
    /// However many machines let go at once, those of them that rank first never do: enough copies stay.
    #[must_use]
    pub fn may_drop(&self, content: usize, me: PeerId, enough: usize, has: impl Fn(PeerId) -> bool) -> bool {
        let before = self.ranked(content).take_while(|machine| *machine != me);
        before.filter(|machine| has(*machine)).count() >= enough
    }

    fn ranked(&self, content: usize) -> impl Iterator<Item = PeerId> {
        let count = self.machines.len();
        self.ranks[content * count..(content + 1) * count].iter().map(|at| self.machines[usize::from(*at)])
    }
}

/// How much a content is drawn to a machine.
fn weight(machine: PeerId, blob: BlobId) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&machine.0).update(&blob.0);
    let mut weight = [0; 8];
    hasher.finalize_xof().fill(&mut weight);
    u64::from_le_bytes(weight)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn contents(count: usize, size_bytes: u64) -> Vec<(BlobId, u64)> {
        (0..count).map(|number| (BlobId::of(&number.to_le_bytes()), size_bytes)).collect()
    }

    fn machines(numbers: impl IntoIterator<Item = u8>, room_bytes: u64) -> BTreeMap<PeerId, u64> {
        numbers.into_iter().map(|number| (PeerId([number; 32]), room_bytes)).collect()
    }

    fn kept(placement: &Placement, count: usize) -> Vec<BTreeSet<PeerId>> {
        (0..count).map(|content| placement.keepers(content).collect()).collect()
    }

    #[test]
    fn contents_are_spread_evenly() {
        let placement = Placement::new(&contents(3_000, 1), &machines(1..=5, u64::MAX), 2);
        for machine in machines(1..=5, 0).into_keys() {
            let share = kept(&placement, 3_000).iter().filter(|kept| kept.contains(&machine)).count();
            assert!((1_050..1_350).contains(&share), "{share} of 6,000 copies on one of five machines");
        }
    }

    #[test]
    fn whoever_has_no_room_keeps_nothing_and_the_next_one_does() {
        let all = contents(100, 10);
        let mut rooms = machines(1..=3, u64::MAX);
        rooms.insert(PeerId([2; 32]), 45);
        let placement = Placement::new(&all, &rooms, 2);
        let full = kept(&placement, 100).iter().filter(|kept| kept.contains(&PeerId([2; 32]))).count();
        assert_eq!(full, 4, "as much as fits");
        assert!((0..100).all(|content| placement.keepers(content).count() == 2 && !placement.lacks_room(content)));

        rooms.values_mut().for_each(|room| *room = 0);
        let placement = Placement::new(&all, &rooms, 2);
        assert!((0..100).all(|content| placement.keepers(content).count() == 0 && placement.lacks_room(content)));
        let few = Placement::new(&all, &machines([1], u64::MAX), 2);
        assert!(!few.lacks_room(0), "there is room, but no second machine");
    }

    proptest! {
        #[test]
        fn a_machine_that_goes_moves_only_what_it_kept(count in 1_u8..9, copies in 1_usize..5, gone in 0_u8..9) {
            let all = contents(200, 1);
            let before = kept(&Placement::new(&all, &machines(0..count, u64::MAX), copies), 200);
            let left = machines((0..count).filter(|number| *number != gone), u64::MAX);
            let after = kept(&Placement::new(&all, &left, copies), 200);
            for (before, after) in before.iter().zip(&after) {
                let stayed: BTreeSet<_> = before.iter().filter(|machine| left.contains_key(machine)).copied().collect();
                prop_assert!(stayed.is_subset(after));
                prop_assert_eq!(after.len(), copies.min(left.len()));
            }
        }

        #[test]
        fn as_many_copies_stay_as_are_wished_however_many_let_go_at_once(
            rooms in prop::collection::vec(0_u64..60, 1..8),
            copies in 1_usize..4,
            holders in prop::collection::vec(any::<u8>(), 40),
        ) {
            let all = contents(40, 3);
            let rooms: BTreeMap<_, _> = (0_u8..).zip(rooms).map(|(number, room)| (PeerId([number; 32]), room)).collect();
            let placement = Placement::new(&all, &rooms, copies);
            for (content, bits) in holders.iter().enumerate() {
                let holders: BTreeSet<_> = rooms.keys().filter(|machine| bits & (1 << machine.0[0]) != 0).copied().collect();
                let stay = holders.iter().filter(|me| !placement.may_drop(content, **me, copies, |one| holders.contains(&one)));
                prop_assert_eq!(stay.count(), copies.min(holders.len()));
            }
        }

        #[test]
        fn nobody_is_given_more_than_it_has_room_for(
            sizes in prop::collection::vec(0_u64..50, 0..60),
            rooms in prop::collection::vec(0_u64..400, 0..6),
            copies in 1_usize..4,
        ) {
            let all: Vec<_> = contents(sizes.len(), 0).into_iter().zip(&sizes).map(|((blob, _), size)| (blob, *size)).collect();
            let rooms: BTreeMap<_, _> = (0_u8..).zip(rooms).map(|(number, room)| (PeerId([number; 32]), room)).collect();
            let placement = Placement::new(&all, &rooms, copies);
            for (machine, room) in &rooms {
                let given = (0..all.len()).filter(|content| placement.keepers(*content).any(|one| one == *machine));
                prop_assert!(given.map(|content| all[content].1).sum::<u64>() <= *room);
            }
        }
    }
}
