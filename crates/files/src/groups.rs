use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

use crate::{GROUP_BYTES, group_count};

/// A set of groups, kept as runs that neither touch nor overlap, in order.
///
/// As a message it is a list of `(gap, length)`, one entry per run, and at most [`Groups::MAX_RUNS`] of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Groups {
    runs: Vec<Range<u64>>,
}

/// Why a message is not a set of groups.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupsError {
    /// More runs than a message may name.
    #[error("{runs} runs of groups are more than {} at once", Groups::MAX_RUNS)]
    TooMany {
        /// How many.
        runs: usize,
    },
    /// An empty run, one that touches the run before it, or one past the last group there can be.
    #[error("run {run} of the groups is empty, touches the one before or has no end")]
    Malformed {
        /// Which run.
        run: usize,
    },
}

impl Groups {
    /// Most runs in a message: a run takes up to 20 bytes, so they fit a frame of 64 KiB with room to spare.
    pub const MAX_RUNS: usize = 2_048;

    /// No groups.
    #[must_use]
    pub const fn new() -> Self {
        Self { runs: Vec::new() }
    }

    /// Every group of content of `size_bytes`.
    #[must_use]
    pub fn all(size_bytes: u64) -> Self {
        Self::from(0..group_count(size_bytes))
    }

    /// The groups that hold at least one of the bytes `range`.
    #[must_use]
    pub fn of_bytes(range: Range<u64>) -> Self {
        if range.is_empty() { Self::new() } else { Self::from(range.start / GROUP_BYTES..group_count(range.end)) }
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// True if `group` is one of them.
    #[must_use]
    pub fn contains(&self, group: u64) -> bool {
        self.overlaps(group..group + 1)
    }

    /// True if all of `groups` are among them.
    #[must_use]
    pub fn contains_all(&self, groups: Range<u64>) -> bool {
        self.first_missing(groups).is_none()
    }

    /// True if any of `groups` is among them.
    #[must_use]
    pub fn overlaps(&self, groups: Range<u64>) -> bool {
        !groups.is_empty() && self.runs.get(self.first_after(groups.start)).is_some_and(|run| run.start < groups.end)
    }

    /// The first of `groups` that is not among them.
    #[must_use]
    pub fn first_missing(&self, groups: Range<u64>) -> Option<u64> {
        let run = self.runs.get(self.first_after(groups.start)).filter(|run| run.start <= groups.start);
        let missing = run.map_or(groups.start, |run| run.end);
        (missing < groups.end).then_some(missing)
    }

    /// The first of them that is `from` or later.
    #[must_use]
    pub fn next(&self, from: u64) -> Option<u64> {
        self.runs.get(self.first_after(from)).map(|run| run.start.max(from))
    }

    /// The runs, in order.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Range<u64>> {
        self.runs.iter().cloned()
    }

    /// The groups one by one, in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.runs().flatten()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| run.end - run.start).sum()
    }

    /// How many bytes of content of `size_bytes` they hold.
    #[must_use]
    pub fn bytes(&self, size_bytes: u64) -> u64 {
        let end = |group: u64| group.saturating_mul(GROUP_BYTES).min(size_bytes);
        self.runs.iter().map(|run| end(run.end) - end(run.start)).sum()
    }

    /// Adds `groups`.
    pub fn insert(&mut self, groups: Range<u64>) {
        if groups.is_empty() {
            return;
        }
        // Every run that overlaps or touches becomes part of the new one.
        let first = self.runs.partition_point(|run| run.end < groups.start);
        let after = self.runs.partition_point(|run| run.start <= groups.end);
        let merged = match self.runs.get(first..after) {
            Some([one, ..]) => one.start.min(groups.start)..self.runs[after - 1].end.max(groups.end),
            _ => groups,
        };
        self.runs.splice(first..after, [merged]);
    }

    /// Those in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, |this, that| this || that)
    }

    /// Those in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |this, that| this && that)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |this, that| this && !that)
    }

    /// The first ones, at most `count`: what fits one request.
    #[must_use]
    pub fn first(&self, mut count: u64) -> Self {
        let mut first = Self::new();
        for run in self.runs() {
            let end = run.end.min(run.start.saturating_add(count));
            count -= end - run.start;
            first.insert(run.start..end);
        }
        first
    }

    /// The first runs, at most `count`: what fits one message.
    #[must_use]
    pub fn first_runs(&self, count: usize) -> Self {
        Self { runs: self.runs[..count.min(self.runs.len())].to_vec() }
    }

    /// Walks over the edges of both sets, in order, and keeps what `keep(in this, in the other)` says.
    fn combine(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Self {
        let (mut these, mut those) = (self.edges().peekable(), other.edges().peekable());
        let (mut in_this, mut in_that) = (false, false);
        let mut kept = Self::new();
        let mut start = None;
        while let Some(edge) = these.peek().into_iter().chain(those.peek()).min().copied() {
            in_this ^= these.next_if_eq(&edge).is_some();
            in_that ^= those.next_if_eq(&edge).is_some();
            match (start, keep(in_this, in_that)) {
                (None, true) => start = Some(edge),
                (Some(from), false) => {
                    kept.runs.push(from..edge);
                    start = None;
                }
                _ => {}
            }
        }
        kept
    }

    /// Where the set begins and ends to hold groups, in turn.
    fn edges(&self) -> impl Iterator<Item = u64> {
        self.runs.iter().flat_map(|run| [run.start, run.end])
    }

    /// Which run is the first that ends after `group`.
    fn first_after(&self, group: u64) -> usize {
        self.runs.partition_point(|run| run.end <= group)
    }
}

impl From<Range<u64>> for Groups {
    fn from(groups: Range<u64>) -> Self {
        Self { runs: if groups.is_empty() { Vec::new() } else { vec![groups] } }
    }
}

impl FromIterator<u64> for Groups {
    fn from_iter<I: IntoIterator<Item = u64>>(groups: I) -> Self {
        let mut set = Self::new();
        groups.into_iter().for_each(|group| set.insert(group..group + 1));
        set
    }
}

impl From<Groups> for Vec<(u64, u64)> {
    fn from(groups: Groups) -> Self {
        let mut end = 0;
        let entry = |run: &Range<u64>| (run.start - std::mem::replace(&mut end, run.end), run.end - run.start);
        groups.runs.iter().map(entry).collect()
    }
}

impl TryFrom<Vec<(u64, u64)>> for Groups {
    type Error = GroupsError;

    fn try_from(entries: Vec<(u64, u64)>) -> Result<Self, GroupsError> {
        if entries.len() > Self::MAX_RUNS {
            return Err(GroupsError::TooMany { runs: entries.len() });
        }
        let last = group_count(u64::MAX);
        let mut runs = Vec::with_capacity(entries.len());
        let mut at: u64 = 0;
        for (run, (gap, length)) in entries.into_iter().enumerate() {
            let start = at.checked_add(gap).filter(|_| run == 0 || gap > 0);
            let end = start.and_then(|start| start.checked_add(length)).filter(|end| length > 0 && *end <= last);
            let (Some(start), Some(end)) = (start, end) else { return Err(GroupsError::Malformed { run }) };
            runs.push(start..end);
            at = end;
        }
        Ok(Self { runs })
    }
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.runs).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn any_groups() -> impl Strategy<Value = Groups> {
        vec((0..60_u64, 0..9_u64), 0..12).prop_map(|runs| {
            let mut groups = Groups::new();
            runs.into_iter().for_each(|(start, length)| groups.insert(start..start + length));
            groups
        })
    }

    fn set(groups: &Groups) -> BTreeSet<u64> {
        groups.iter().collect()
    }

    proptest! {
        #[test]
        fn it_is_a_set(one in any_groups(), other in any_groups(), start in 0..70_u64, length in 0..9_u64) {
            let (these, those) = (set(&one), set(&other));
            prop_assert_eq!(set(&one.union(&other)), &these | &those);
            prop_assert_eq!(set(&one.intersection(&other)), &these & &those);
            prop_assert_eq!(set(&one.difference(&other)), &these - &those);
            prop_assert_eq!(one.count(), these.len() as u64);
            let range = start..start + length;
            prop_assert_eq!(one.contains_all(range.clone()), range.clone().all(|group| these.contains(&group)));
            prop_assert_eq!(one.first_missing(range.clone()), range.clone().find(|group| !these.contains(group)));
            prop_assert_eq!(one.next(start), these.range(start..).next().copied());
            prop_assert_eq!(one.overlaps(range.clone()), { range }.any(|group| these.contains(&group)));
            prop_assert_eq!(one.first_runs(2).runs().collect::<Vec<_>>(), one.runs().take(2).collect::<Vec<_>>());
            prop_assert_eq!(set(&one.first(length)), these.iter().copied().take(length as usize).collect());
        }

        #[test]
        fn its_runs_are_apart_and_in_order(one in any_groups(), other in any_groups()) {
            for groups in [one.union(&other), one.difference(&other), one] {
                prop_assert!(groups.runs.iter().all(|run| !run.is_empty()));
                prop_assert!(groups.runs.windows(2).all(|runs| runs[0].end < runs[1].start));
                prop_assert_eq!(groups.iter().collect::<Groups>(), groups);
            }
        }

        #[test]
        fn it_travels(groups in any_groups()) {
            let bytes = postcard::to_stdvec(&groups).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Groups>(&bytes).unwrap(), groups);
        }
    }

    #[test]
    fn a_range_of_bytes_takes_every_group_it_touches() {
        assert_eq!(Groups::of_bytes(0..1), Groups::from(0..1));
        assert_eq!(Groups::of_bytes(GROUP_BYTES - 1..GROUP_BYTES + 1), Groups::from(0..2));
        assert_eq!(Groups::of_bytes(GROUP_BYTES..2 * GROUP_BYTES), Groups::from(1..2));
        assert!(Groups::of_bytes(5..5).is_empty());
    }

    #[test]
    fn the_last_group_counts_what_it_holds() {
        assert_eq!(Groups::all(3 * GROUP_BYTES + 7).bytes(3 * GROUP_BYTES + 7), 3 * GROUP_BYTES + 7);
        assert_eq!(Groups::from(3..9).bytes(3 * GROUP_BYTES + 7), 7);
        assert_eq!(Groups::from(4..9).bytes(3 * GROUP_BYTES + 7), 0);
    }

    #[test]
    fn a_message_that_is_no_set_is_refused() {
        let last = group_count(u64::MAX);
        let refused = |entries: &[(u64, u64)]| Groups::try_from(entries.to_vec()).unwrap_err();

        assert_eq!(refused(&[(1, 0)]), GroupsError::Malformed { run: 0 });
        assert_eq!(refused(&[(0, 1), (0, 1)]), GroupsError::Malformed { run: 1 });
        assert_eq!(refused(&[(0, last + 1)]), GroupsError::Malformed { run: 0 });
        assert_eq!(refused(&[(2, 1), (u64::MAX, 1)]), GroupsError::Malformed { run: 1 });
        assert_eq!(refused(&[(1, 1); Groups::MAX_RUNS + 1]), GroupsError::TooMany { runs: Groups::MAX_RUNS + 1 });
        assert_eq!(Groups::try_from(vec![(0, last)]), Ok(Groups::all(u64::MAX)));
    }
}
