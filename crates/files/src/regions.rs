use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use gridwell_model::BlobId;

use crate::Groups;

/// Groups in a region, the piece that is evicted at once: 1 MiB, so that little is remembered of much, and file systems
/// get back large holes.
const REGION_GROUPS: u64 = 16;

/// Uses of other regions that make the next use of one count as another. One pass over a file uses each region many times,
/// and neighbours in turn.
const USES_APART: u64 = 64;

/// Most of a purpose's bytes that are protected, in percent: what was used again long ago has to go some time, too.
const PROTECTED_PERCENT: u64 = 80;

/// Eviction goes on to this share of the budget, in percent, so that it is not needed again at once.
const EVICT_TO_PERCENT: u64 = 75;

/// What pieces of content are kept for. Each purpose has a budget, so that passing on never pushes out local work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// To be passed on to other peers.
    Relayed,
    /// To be read here.
    Own,
}

impl Purpose {
    /// Both, the one that gives way first.
    pub const ALL: [Self; 2] = [Self::Relayed, Self::Own];
}

/// Which regions of which blobs are here, and in what order they go.
///
/// A segmented LRU: what was used once goes before what was used again, and of both what was used longest ago.
///
/// Source: Karedla, Love and Wherry, "Caching Strategies to Improve Disk System Performance", 1994.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    regions: BTreeMap<Key, Region>,
    /// Who goes first.
    order: BTreeSet<(Turn, Key)>,
    blobs: BTreeMap<BlobId, Kept>,
    kept: Kept,
    protected: Kept,
    uses: u64,
    /// A use of the region that was used last is part of that use.
    last: Option<Key>,
}

type Key = (BlobId, u64);

#[derive(Debug, Clone, Copy)]
struct Region {
    bytes: u64,
    turn: Turn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    purpose: Purpose,
    protected: bool,
    /// Number of the last use.
    used: u64,
}

/// Bytes by purpose.
type Kept = [u64; Purpose::ALL.len()];

impl Regions {
    /// Counts `groups` of a blob of `size_bytes` as here; they were not before.
    pub fn add(&mut self, blob: BlobId, size_bytes: u64, groups: &Groups, purpose: Purpose) {
        for (number, part) in pieces(groups) {
            self.touch((blob, number), part.bytes(size_bytes), purpose);
        }
    }

    /// Notes that `groups` of a blob were used; what is not here is ignored. What is read here is no longer only relayed.
    pub fn read(&mut self, blob: BlobId, groups: &Groups, purpose: Purpose) {
        for (number, _) in pieces(groups) {
            if self.regions.contains_key(&(blob, number)) {
                self.touch((blob, number), 0, purpose);
            }
        }
    }

    /// Forgets `groups` of a blob of `size_bytes`; they were here.
    pub fn remove(&mut self, blob: BlobId, size_bytes: u64, groups: &Groups) {
        for (number, part) in pieces(groups) {
            let Some(region) = self.take((blob, number)) else { continue };
            let bytes = region.bytes.saturating_sub(part.bytes(size_bytes));
            self.put((blob, number), Region { bytes, ..region });
        }
    }

    /// Forgets all of a blob.
    pub fn forget(&mut self, blob: BlobId) {
        let keys: Vec<_> = self.regions.range((blob, 0)..=(blob, u64::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            self.take(key);
        }
    }

    /// What is here for `purpose`, in bytes.
    #[must_use]
    pub const fn kept_bytes(&self, purpose: Purpose) -> u64 {
        self.kept[purpose as usize]
    }

    /// How many blobs something is here of.
    #[must_use]
    pub fn blob_count(&self) -> usize {
        self.blobs.len()
    }

    /// What is here of a blob, in bytes.
    #[must_use]
    pub fn blob_bytes(&self, blob: BlobId) -> u64 {
        self.blobs.get(&blob).map_or(0, |kept| kept.iter().sum())
    }

    /// How many bytes should go for what is not pinned to keep within `budget_bytes`.
    #[must_use]
    pub fn excess_bytes(&self, purpose: Purpose, budget_bytes: u64, is_pinned: impl Fn(BlobId) -> bool) -> u64 {
        if self.kept_bytes(purpose) <= budget_bytes {
            return 0;
        }
        let loose = self.blobs.iter().filter(|(blob, _)| !is_pinned(**blob));
        let loose_bytes: u64 = loose.map(|(_, kept)| kept[purpose as usize]).sum();
        if loose_bytes <= budget_bytes { 0 } else { loose_bytes - budget_bytes / 100 * EVICT_TO_PERCENT }
    }

    /// Chooses what to evict to free `bytes`, or less if there is no more: regions of blobs that are not pinned, by blob.
    ///
    /// Nothing is forgotten before [`Regions::remove`] says that it went.
    #[must_use]
    pub fn victims(&self, purpose: Purpose, bytes: u64, is_pinned: impl Fn(BlobId) -> bool) -> Vec<(BlobId, Groups)> {
        let mut victims = BTreeMap::<BlobId, Groups>::new();
        let mut freed = 0;
        let in_order = self.order.iter().filter(|(turn, _)| turn.purpose == purpose);
        for (_, key) in in_order.filter(|(_, (blob, _))| !is_pinned(*blob)) {
            if freed >= bytes {
                break;
            }
            freed += self.regions[key].bytes;
            victims.entry(key.0).or_default().insert(region_groups(key.1));
        }
        victims.into_iter().collect()
    }

    /// Notes a use of a region, and `bytes` more of it.
    fn touch(&mut self, key: Key, bytes: u64, purpose: Purpose) {
        if self.last != Some(key) {
            self.last = Some(key);
            self.uses += 1;
        }
        let used = self.uses;
        let new = Region { bytes: 0, turn: Turn { purpose, protected: false, used } };
        let old = self.take(key).unwrap_or(new);
        let turn = Turn {
            purpose: purpose.max(old.turn.purpose),
            protected: old.turn.protected || used - old.turn.used > USES_APART,
            used,
        };
        self.put(key, Region { bytes: old.bytes + bytes, turn });
        self.unprotect(turn.purpose);
    }

    /// Lets the regions that were used again longest ago wait for another use like new ones.
    fn unprotect(&mut self, purpose: Purpose) {
        let most = self.kept_bytes(purpose) / 100 * PROTECTED_PERCENT;
        while self.protected[purpose as usize] > most {
            let first = Turn { purpose, protected: true, used: 0 };
            let Some(&(_, key)) = self.order.range((first, (BlobId([0; 32]), 0))..).next() else { return };
            let Some(region) = self.take(key) else { return };
            self.uses += 1;
            self.put(key, Region { turn: Turn { purpose, protected: false, used: self.uses }, ..region });
        }
    }

    fn take(&mut self, key: Key) -> Option<Region> {
        let region = self.regions.remove(&key)?;
        self.order.remove(&(region.turn, key));
        self.count(key.0, region, |kept| *kept -= region.bytes);
        if self.blobs.get(&key.0) == Some(&Kept::default()) {
            self.blobs.remove(&key.0);
        }
        Some(region)
    }

    /// Puts a region in its place, unless nothing is here of it.
    fn put(&mut self, key: Key, region: Region) {
        if region.bytes > 0 {
            self.regions.insert(key, region);
            self.order.insert((region.turn, key));
            self.count(key.0, region, |kept| *kept += region.bytes);
        }
    }

    fn count(&mut self, blob: BlobId, Region { turn, .. }: Region, change: impl Fn(&mut u64)) {
        let purpose = turn.purpose as usize;
        change(&mut self.kept[purpose]);
        change(&mut self.blobs.entry(blob).or_default()[purpose]);
        if turn.protected {
            change(&mut self.protected[purpose]);
        }
    }
}

/// The regions that `groups` touch, and which of the groups lie in each.
fn pieces(groups: &Groups) -> impl Iterator<Item = (u64, Groups)> {
    groups.runs().flat_map(|run| {
        let regions = run.start / REGION_GROUPS..run.end.div_ceil(REGION_GROUPS);
        regions.map(move |number| {
            let region = region_groups(number);
            (number, Groups::from(run.start.max(region.start)..run.end.min(region.end)))
        })
    })
}

fn region_groups(number: u64) -> Range<u64> {
    number * REGION_GROUPS..(number + 1) * REGION_GROUPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GROUP_BYTES;

    const MIB: u64 = REGION_GROUPS * GROUP_BYTES;

    fn blob(number: u8) -> BlobId {
        BlobId([number; 32])
    }

    /// Regions of blobs of 100 MiB.
    #[derive(Default)]
    struct Fixture(Regions);

    impl Fixture {
        fn add(&mut self, number: u8, mib: Range<u64>, purpose: Purpose) {
            self.0.add(blob(number), 100 * MIB, &Groups::of_bytes(mib.start * MIB..mib.end * MIB), purpose);
        }

        fn read(&mut self, number: u8, mib: Range<u64>, purpose: Purpose) {
            self.0.read(blob(number), &Groups::of_bytes(mib.start * MIB..mib.end * MIB), purpose);
        }

        fn victims(&self, purpose: Purpose, mib: u64) -> Vec<(BlobId, Groups)> {
            self.0.victims(purpose, mib * MIB, |_| false)
        }
    }

    fn mib(number: u8, range: Range<u64>) -> (BlobId, Groups) {
        (blob(number), Groups::of_bytes(range.start * MIB..range.end * MIB))
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut fixture = Fixture::default();
        fixture.add(1, 0..3, Purpose::Own);
        fixture.add(2, 0..1, Purpose::Own);
        fixture.read(1, 0..1, Purpose::Own);

        assert_eq!(fixture.victims(Purpose::Own, 2), [mib(1, 1..3)]);
        assert_eq!(fixture.victims(Purpose::Own, 3), [mib(1, 1..3), mib(2, 0..1)]);
        assert_eq!(fixture.victims(Purpose::Own, 9), [mib(1, 0..3), mib(2, 0..1)]);
    }

    #[test]
    fn what_was_used_again_outlives_a_scan() {
        let mut fixture = Fixture::default();
        fixture.add(1, 0..4, Purpose::Own);
        fixture.add(2, 0..65, Purpose::Own);
        fixture.read(1, 0..4, Purpose::Own);
        fixture.add(3, 0..100, Purpose::Own);

        assert_eq!(fixture.victims(Purpose::Own, 165), [mib(2, 0..65), mib(3, 0..100)]);
    }

    #[test]
    fn one_pass_in_small_steps_is_one_use() {
        let mut fixture = Fixture::default();
        fixture.add(1, 0..1, Purpose::Own);
        for _ in 0..200 {
            fixture.read(1, 0..1, Purpose::Own);
        }
        fixture.add(2, 0..1, Purpose::Own);

        assert_eq!(fixture.victims(Purpose::Own, 1), [mib(1, 0..1)]);
    }

    #[test]
    fn not_everything_is_protected() {
        let mut fixture = Fixture::default();
        fixture.add(1, 0..90, Purpose::Own);
        fixture.read(1, 0..90, Purpose::Own);

        assert_eq!(fixture.victims(Purpose::Own, 18), [mib(1, 0..18)], "used again longest ago");
        assert!(fixture.0.protected[Purpose::Own as usize] <= 72 * MIB);
    }

    #[test]
    fn relayed_bytes_count_for_themselves_until_they_are_read_here() {
        let mut fixture = Fixture::default();
        fixture.add(1, 0..2, Purpose::Relayed);
        fixture.add(1, 2..3, Purpose::Own);
        fixture.read(1, 0..1, Purpose::Own);
        fixture.read(1, 2..3, Purpose::Relayed);

        assert_eq!(Purpose::ALL.map(|purpose| fixture.0.kept_bytes(purpose)), [MIB, 2 * MIB]);
        assert_eq!(fixture.victims(Purpose::Relayed, 9), [mib(1, 1..2)]);
    }

    #[test]
    fn pinned_blobs_stay_and_do_not_count() {
        let mut fixture = Fixture::default();
        fixture.add(1, 0..9, Purpose::Own);
        fixture.add(2, 0..4, Purpose::Own);
        let excess = |mib: u64, pinned: u8| {
            fixture.0.excess_bytes(Purpose::Own, mib * MIB, |candidate| candidate == blob(pinned))
        };

        assert_eq!(fixture.0.victims(Purpose::Own, 9 * MIB, |pinned| pinned == blob(1)), [mib(2, 0..4)]);
        assert_eq!((excess(13, 0), excess(4, 1)), (0, 0));
        assert_eq!(excess(3, 1), 4 * MIB - 3 * MIB / 100 * EVICT_TO_PERCENT);
    }

    #[test]
    fn nothing_is_left_of_what_went() {
        let mut fixture = Fixture::default();
        fixture.0.add(blob(1), 20 * GROUP_BYTES + 7, &Groups::from(10..21), Purpose::Own);
        assert_eq!(fixture.0.kept_bytes(Purpose::Own), 10 * GROUP_BYTES + 7);

        fixture.0.remove(blob(1), 20 * GROUP_BYTES + 7, &Groups::from(10..12));
        assert_eq!(fixture.0.kept_bytes(Purpose::Own), 8 * GROUP_BYTES + 7);
        fixture.0.forget(blob(1));

        assert_eq!((fixture.0.kept_bytes(Purpose::Own), fixture.0.blob_count()), (0, 0));
        assert!(fixture.0.regions.is_empty() && fixture.0.order.is_empty());
    }
}
