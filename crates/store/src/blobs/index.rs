use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gridwell_model::{BlobId, JobId};

use super::{BlobLimits, BlobUsage, file::Reference, table::Kept};

/// Referenced files that no job pins, remembered at most: bounds memory when a job lands a million results.
const LOOSE_REFERENCES: usize = 50_000;

/// Eviction goes on to this share of the budget, in percent, so that it is not needed again at once.
const EVICT_TO_PERCENT: u64 = 90;

/// What is known of every blob. Holds no file: the caller carries out what it decides.
#[derive(Debug, Default)]
pub(super) struct Index {
    stored: BTreeMap<BlobId, Stored>,
    references: BTreeMap<BlobId, Reference>,
    /// Oldest first; may name blobs that are pinned or gone by now.
    loose: VecDeque<BlobId>,
    pins: BTreeMap<JobId, BTreeSet<BlobId>>,
    pin_counts: BTreeMap<BlobId, u32>,
    hold_counts: BTreeMap<BlobId, u32>,
    receiving: BTreeSet<BlobId>,
    stored_bytes: u64,
    /// Of these, what some job pins.
    pinned_bytes: u64,
    uses: u64,
}

#[derive(Debug, Clone, Copy)]
struct Stored {
    size_bytes: u64,
    /// Greater is more recent.
    used: u64,
    /// Written before the machine went down hard: its bytes are checked before they are given out.
    doubtful: bool,
}

/// Where a blob's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Stored { doubtful: bool },
    Referenced(Reference),
}

impl Index {
    pub(super) fn new(kept: Kept) -> Self {
        let mut index = Self { references: kept.references, ..Self::default() };
        for (job, blobs) in kept.pins {
            index.pin(job, &blobs.into_iter().collect::<Vec<_>>());
        }
        index
    }

    /// Counts a stored blob; the latest one counts as the most recently used.
    pub(super) fn add_stored(&mut self, blob: BlobId, size_bytes: u64, doubtful: bool) {
        self.uses += 1;
        let stored = Stored { size_bytes, used: self.uses, doubtful };
        self.remove_stored(blob);
        self.stored.insert(blob, stored);
        self.stored_bytes += size_bytes;
        if self.is_pinned(blob) {
            self.pinned_bytes += size_bytes;
        }
    }

    pub(super) fn remove_stored(&mut self, blob: BlobId) -> bool {
        let Some(removed) = self.stored.remove(&blob) else { return false };
        self.stored_bytes -= removed.size_bytes;
        if self.is_pinned(blob) {
            self.pinned_bytes -= removed.size_bytes;
        }
        true
    }

    pub(super) fn trust(&mut self, blob: BlobId) {
        if let Some(stored) = self.stored.get_mut(&blob) {
            stored.doubtful = false;
        }
    }

    pub(super) fn add_reference(&mut self, blob: BlobId, reference: Reference) {
        self.references.insert(blob, reference);
        if self.is_pinned(blob) {
            return;
        }
        self.loose.push_back(blob);
        if self.loose.len() > LOOSE_REFERENCES
            && let Some(oldest) = self.loose.pop_front()
            && !self.is_pinned(oldest)
        {
            self.references.remove(&oldest);
        }
    }

    pub(super) fn reference(&self, blob: BlobId) -> Option<&Reference> {
        self.references.get(&blob)
    }

    pub(super) fn remove_reference(&mut self, blob: BlobId) -> bool {
        self.references.remove(&blob).is_some()
    }

    pub(super) fn contains(&self, blob: BlobId) -> bool {
        self.stored.contains_key(&blob) || self.references.contains_key(&blob)
    }

    /// Finds a blob and counts that as a use.
    pub(super) fn find(&mut self, blob: BlobId) -> Option<Place> {
        self.uses += 1;
        if let Some(stored) = self.stored.get_mut(&blob) {
            stored.used = self.uses;
            return Some(Place::Stored { doubtful: stored.doubtful });
        }
        self.references.get(&blob).cloned().map(Place::Referenced)
    }

    pub(super) fn pin(&mut self, job: JobId, blobs: &[BlobId]) {
        let pins = self.pins.entry(job).or_default();
        for blob in blobs {
            if pins.insert(*blob) {
                let count = self.pin_counts.entry(*blob).or_default();
                *count += 1;
                if *count == 1 {
                    self.pinned_bytes += self.stored.get(blob).map_or(0, |stored| stored.size_bytes);
                }
            }
        }
    }

    /// Drops the pins of `job`; returns the referenced files that nobody pins any more and forgets them.
    pub(super) fn unpin(&mut self, job: JobId) -> Vec<BlobId> {
        let pinned = self.pins.remove(&job).unwrap_or_default();
        pinned.into_iter().filter(|blob| self.release_pin(*blob)).collect()
    }

    /// Drops one pin of `job`; true if it was a referenced file that nobody pins any more: it is forgotten.
    pub(super) fn unpin_one(&mut self, job: JobId, blob: BlobId) -> bool {
        let Some(pins) = self.pins.get_mut(&job) else { return false };
        let was_pinned = pins.remove(&blob);
        if pins.is_empty() {
            self.pins.remove(&job);
        }
        was_pinned && self.release_pin(blob)
    }

    fn release_pin(&mut self, blob: BlobId) -> bool {
        let count = self.pin_counts.entry(blob).or_default();
        *count = count.saturating_sub(1);
        if *count > 0 {
            return false;
        }
        self.pin_counts.remove(&blob);
        self.pinned_bytes -= self.stored.get(&blob).map_or(0, |stored| stored.size_bytes);
        self.references.remove(&blob).is_some()
    }

    pub(super) fn pinned_jobs(&self) -> Vec<JobId> {
        self.pins.keys().copied().collect()
    }

    pub(super) fn pins(&self, job: JobId, blob: BlobId) -> bool {
        self.pins.get(&job).is_some_and(|pins| pins.contains(&blob))
    }

    pub(super) fn is_pinned(&self, blob: BlobId) -> bool {
        self.pin_counts.contains_key(&blob)
    }

    pub(super) fn hold(&mut self, blob: BlobId) {
        *self.hold_counts.entry(blob).or_default() += 1;
    }

    pub(super) fn release(&mut self, blob: BlobId) {
        if let Some(count) = self.hold_counts.get_mut(&blob) {
            *count -= 1;
            if *count == 0 {
                self.hold_counts.remove(&blob);
            }
        }
    }

    /// True if some job pins it or somebody holds it.
    pub(super) fn is_needed(&self, blob: BlobId) -> bool {
        self.is_pinned(blob) || self.hold_counts.contains_key(&blob)
    }

    /// Claims a blob for one receiver; false if another has it.
    pub(super) fn begin_receiving(&mut self, blob: BlobId) -> bool {
        self.receiving.insert(blob)
    }

    pub(super) fn end_receiving(&mut self, blob: BlobId) {
        self.receiving.remove(&blob);
    }

    /// Chooses what to evict so that `needed_bytes` more fit into the budget and the reserve stays free: stored blobs that
    /// nobody needs, least recently used first.
    pub(super) fn victims(&self, needed_bytes: u64, free_bytes: u64, limits: &BlobLimits) -> Vec<BlobId> {
        let loose_bytes = self.stored_bytes - self.pinned_bytes;
        let over_budget = (loose_bytes + needed_bytes > limits.budget_bytes)
            .then(|| (loose_bytes + needed_bytes).saturating_sub(limits.budget_bytes / 100 * EVICT_TO_PERCENT));
        let short_of_reserve = limits.reserve_bytes.saturating_add(needed_bytes).saturating_sub(free_bytes);
        let to_free = over_budget.unwrap_or(0).max(short_of_reserve);
        if to_free == 0 {
            return Vec::new();
        }
        let mut candidates: Vec<_> = self.stored.iter().filter(|(blob, _)| !self.is_needed(**blob)).collect();
        candidates.sort_unstable_by_key(|(_, stored)| stored.used);
        let mut freed = 0;
        let enough = |(_, stored): &(&BlobId, &Stored)| {
            let go_on = freed < to_free;
            freed += stored.size_bytes;
            go_on
        };
        candidates.into_iter().take_while(enough).map(|(blob, _)| *blob).collect()
    }

    pub(super) fn usage(&self) -> BlobUsage {
        BlobUsage {
            stored_bytes: self.stored_bytes,
            pinned_bytes: self.pinned_bytes,
            stored: self.stored.len() as u64,
            referenced: self.references.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(number: u8) -> BlobId {
        BlobId([number; 32])
    }

    fn limits(budget_bytes: u64) -> BlobLimits {
        BlobLimits { budget_bytes, reserve_bytes: 0, floor_bytes: 0 }
    }

    #[test]
    fn the_least_recently_used_go_first_and_pinned_ones_never() {
        let mut index = Index::default();
        for number in 1..=4 {
            index.add_stored(blob(number), 100, false);
        }
        index.pin(JobId([1; 10]), &[blob(1)]);
        index.find(blob(2));

        assert_eq!(index.victims(100, u64::MAX, &limits(300)), [blob(3), blob(4)]);
        assert_eq!(index.victims(0, u64::MAX, &limits(300)), []);
        index.unpin(JobId([1; 10]));
        assert_eq!(index.victims(0, 50, &BlobLimits { reserve_bytes: 100, ..limits(1_000) }), [blob(1)]);
    }

    #[test]
    fn a_held_blob_stays_until_everybody_let_go() {
        let mut index = Index::default();
        index.add_stored(blob(1), 100, false);
        let short = BlobLimits { reserve_bytes: 1, ..limits(0) };
        index.hold(blob(1));
        index.hold(blob(1));

        index.release(blob(1));
        assert_eq!((index.victims(0, 0, &short), index.is_needed(blob(1))), (vec![], true));
        index.release(blob(1));
        assert_eq!((index.victims(0, 0, &short), index.is_needed(blob(1))), (vec![blob(1)], false));
    }

    #[test]
    fn one_pin_goes_alone_and_takes_what_it_counted() {
        let mut index = Index::default();
        index.add_stored(blob(1), 10, false);
        index.add_stored(blob(2), 5, false);
        index.pin(JobId([1; 10]), &[blob(1), blob(2)]);
        index.pin(JobId([2; 10]), &[blob(2)]);
        assert!(!index.unpin_one(JobId([1; 10]), blob(1)) && !index.unpin_one(JobId([1; 10]), blob(2)));
        assert_eq!((index.is_pinned(blob(1)), index.is_pinned(blob(2))), (false, true));
        assert_eq!((index.usage().pinned_bytes, index.pinned_jobs()), (5, vec![JobId([2; 10])]));
        assert!(!index.unpin_one(JobId([1; 10]), blob(2)), "a second time it changes nothing");
        assert!(index.is_pinned(blob(2)));
    }

    #[test]
    fn a_blob_pinned_by_two_jobs_stays_until_both_let_go() {
        let mut index = Index::default();
        index.add_stored(blob(1), 100, false);
        let (first, second) = (JobId([1; 10]), JobId([2; 10]));
        index.pin(first, &[blob(1), blob(1)]);
        index.pin(second, &[blob(1)]);

        index.unpin(first);
        assert_eq!(index.victims(0, 0, &BlobLimits { reserve_bytes: 1, ..limits(0) }), []);
        index.unpin(second);
        assert_eq!(index.victims(0, 0, &BlobLimits { reserve_bytes: 1, ..limits(0) }), [blob(1)]);
    }
}
