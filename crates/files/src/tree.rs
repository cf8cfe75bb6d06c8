//! The shape of BLAKE3's tree above groups, and the hashes in it.
//!
//! Source: the BLAKE3 paper, sections 2.1 and 2.4. A left subtree holds the largest power of two of groups that leaves
//! something to the right, so content of `n` groups has `n − 1` forks, and each lies between two neighbouring groups: the
//! fork before group `g` is number `g − 1`. That number depends neither on the size of the content nor on its depth.

use std::ops::Range;

use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// Bytes of a group, the smallest piece that is verified and kept by itself. The last group of some content may be shorter.
///
/// A constant of the protocol: smaller groups make proofs larger, larger ones make a small read expensive.
pub const GROUP_BYTES: u64 = 64 * 1024;

/// Bytes of a pair.
pub const PAIR_BYTES: u64 = 64;

/// The hashes of the left and the right side of a fork.
pub type Pair = [u8; PAIR_BYTES as usize];

pub(crate) type Hash = [u8; 32];

/// Returns the number of groups that content of `size_bytes` has; none if it is empty.
#[must_use]
pub const fn group_count(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(GROUP_BYTES)
}

/// Returns the bytes that `group` covers in content of `size_bytes`; none past its end.
#[must_use]
pub fn group_range(group: u64, size_bytes: u64) -> Range<u64> {
    let start = group.saturating_mul(GROUP_BYTES).min(size_bytes);
    start..start.saturating_add(GROUP_BYTES).min(size_bytes)
}

/// A subtree: the groups from `start` up to `end`, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Node {
    /// The whole tree of content of `size_bytes`; `None` if that is empty.
    pub(crate) fn root(size_bytes: u64) -> Option<Self> {
        (size_bytes > 0).then(|| Self { start: 0, end: group_count(size_bytes) })
    }

    pub(crate) fn groups(self) -> Range<u64> {
        self.start..self.end
    }

    /// Its left and right side; `None` if it is a single group.
    pub(crate) fn sides(self) -> Option<(Self, Self)> {
        let count = self.end - self.start;
        let middle = self.start + (1 << count.checked_sub(1)?.checked_ilog2()?);
        Some((Self { end: middle, ..self }, Self { start: middle, ..self }))
    }
}

/// The hash of one group; `is_root` if it is all of the content.
pub(crate) fn group_hash(group: u64, bytes: &[u8], is_root: bool) -> Hash {
    if is_root {
        return blake3::hash(bytes).into();
    }
    blake3::Hasher::new().set_input_offset(group * GROUP_BYTES).update(bytes).finalize_non_root()
}

/// The hash of a fork; `is_root` if it is the topmost.
pub(crate) fn pair_hash(pair: &Pair, is_root: bool) -> Hash {
    let (left, right) = halves(pair);
    if is_root {
        merge_subtrees_root(&left, &right, Mode::Hash).into()
    } else {
        merge_subtrees_non_root(&left, &right, Mode::Hash)
    }
}

pub(crate) fn halves(pair: &Pair) -> (Hash, Hash) {
    let (mut left, mut right) = ([0; 32], [0; 32]);
    left.copy_from_slice(&pair[..32]);
    right.copy_from_slice(&pair[32..]);
    (left, right)
}

pub(crate) fn pair_of(left: &Hash, right: &Hash) -> Pair {
    let mut pair = [0; PAIR_BYTES as usize];
    pair[..32].copy_from_slice(left);
    pair[32..].copy_from_slice(right);
    pair
}
