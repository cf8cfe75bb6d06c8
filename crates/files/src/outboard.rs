use blake3::hazmat::HasherExt as _;
use gridwell_model::BlobId;

use crate::{
    GROUP_BYTES, PAIR_BYTES, Pair, group_count,
    tree::{Hash, Node, halves, pair_hash, pair_of},
};

/// All pairs of some content: what proves any part of it. Takes a thousandth of the content's size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outboard {
    root: BlobId,
    size_bytes: u64,
    /// By number.
    pairs: Vec<Pair>,
}

/// Why bytes are not the pairs of some content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboardError {
    /// There are too many or too few.
    #[error("{bytes} bytes are not the {expected_bytes} bytes of pairs that the blob {root} has")]
    Length {
        /// Whose pairs they should be.
        root: BlobId,
        /// How many were given.
        bytes: u64,
        /// How many there should be.
        expected_bytes: u64,
    },
    /// A pair is not what the one above it says.
    #[error("pair {pair} is not one of the blob {root}")]
    Mismatch {
        /// Whose pairs they should be.
        root: BlobId,
        /// The number of the first wrong one found.
        pair: u64,
    },
}

impl Outboard {
    /// The pairs of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut builder = OutboardBuilder::default();
        builder.push(content);
        builder.finish()
    }

    /// Takes pairs that were kept, after checking each of them against the one above it.
    ///
    /// # Errors
    ///
    /// [`OutboardError`] if they are not those of `root`.
    pub fn from_bytes(root: BlobId, size_bytes: u64, bytes: &[u8]) -> Result<Self, OutboardError> {
        let (pairs, rest) = bytes.as_chunks::<{ PAIR_BYTES as usize }>();
        let expected = group_count(size_bytes).saturating_sub(1);
        if pairs.len() as u64 != expected || !rest.is_empty() {
            let expected_bytes = expected * PAIR_BYTES;
            return Err(OutboardError::Length { root, bytes: bytes.len() as u64, expected_bytes });
        }
        let outboard = Self { root, size_bytes, pairs: pairs.to_vec() };
        outboard.check().map_err(|pair| OutboardError::Mismatch { root, pair })?;
        Ok(outboard)
    }

    /// Compares each pair with the one above it; fails with the number of the first wrong one.
    fn check(&self) -> Result<(), u64> {
        let mut expected: Vec<(Node, Hash)> =
            Node::root(self.size_bytes).map(|node| (node, self.root.0)).into_iter().collect();
        while let Some((node, hash)) = expected.pop() {
            let Some((left, right)) = node.sides() else { continue };
            let number = right.start - 1;
            let pair = self.pair(number).ok_or(number)?;
            if pair_hash(pair, node.end - node.start == group_count(self.size_bytes)) != hash {
                return Err(number);
            }
            let (left_hash, right_hash) = halves(pair);
            expected.extend([(right, right_hash), (left, left_hash)]);
        }
        Ok(())
    }

    /// The BLAKE3 hash of the content.
    #[must_use]
    pub const fn root(&self) -> BlobId {
        self.root
    }

    /// Size of the content in bytes.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The pair of this number, if the content has that many.
    #[must_use]
    pub fn pair(&self, number: u64) -> Option<&Pair> {
        self.pairs.get(usize::try_from(number).ok()?)
    }

    /// All pairs by number, one after the other: 64 bytes each.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.pairs.as_flattened()
    }
}

/// Makes an [`Outboard`] of bytes that come in order.
#[derive(Debug, Clone, Default)]
pub struct OutboardBuilder {
    size_bytes: u64,
    /// Of the group that is under way. The first is not finished before a byte of the second one is there: all of the
    /// content is hashed differently from a part of it.
    group: blake3::Hasher,
    /// Finished subtrees from left to right, each larger than the next: the first group and the hash of each.
    finished: Vec<(u64, Hash)>,
    pairs: Vec<Pair>,
}

impl OutboardBuilder {
    /// Appends bytes. Fastest in multiples of [`GROUP_BYTES`].
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let filled = self.group.count();
            if filled == GROUP_BYTES {
                self.finish_group();
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min((GROUP_BYTES - filled) as usize));
            self.group.update(now);
            self.size_bytes += now.len() as u64;
            bytes = later;
        }
    }

    /// Ends the content.
    #[must_use]
    pub fn finish(mut self) -> Outboard {
        let root = if self.finished.is_empty() {
            self.group.finalize().into()
        } else {
            let mut last = (self.pairs.len() as u64, self.group.finalize_non_root());
            while let Some(left) = self.finished.pop() {
                last = self.join(left, last, self.finished.is_empty());
            }
            last.1
        };
        Outboard { root: BlobId(root), size_bytes: self.size_bytes, pairs: self.pairs }
    }

    /// Joins a full group, behind which more follows, with every finished subtree that is as large as what it became.
    fn finish_group(&mut self) {
        let number = self.pairs.len() as u64;
        let mut last = (number, self.group.finalize_non_root());
        // The pair before the next group: its sides are known later.
        self.pairs.push([0; PAIR_BYTES as usize]);
        for _ in 0..(number + 1).trailing_zeros() {
            let left = self.finished.pop().expect("a subtree for each low bit of the number of groups");
            last = self.join(left, last, false);
        }
        self.finished.push(last);
        self.group = blake3::Hasher::new();
        self.group.set_input_offset((number + 1) * GROUP_BYTES);
    }

    /// Keeps the pair of two neighbouring subtrees; returns the subtree that they are together.
    fn join(&mut self, left: (u64, Hash), right: (u64, Hash), is_root: bool) -> (u64, Hash) {
        let pair = pair_of(&left.1, &right.1);
        self.pairs[right.0 as usize - 1] = pair;
        (left.0, pair_hash(&pair, is_root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SIZES, content};

    #[test]
    fn its_root_is_the_ordinary_hash_however_the_bytes_come() {
        for size_bytes in SIZES {
            let content = content(size_bytes);
            let whole = Outboard::of(&content);
            let mut builder = OutboardBuilder::default();
            content.chunks(10_007).for_each(|bytes| builder.push(bytes));

            assert_eq!(whole.root(), BlobId::of(&content), "{size_bytes}");
            assert_eq!(whole.as_bytes().len() as u64, group_count(size_bytes).saturating_sub(1) * PAIR_BYTES);
            assert_eq!(builder.finish(), whole, "{size_bytes}");
        }
    }

    #[test]
    fn pairs_that_were_kept_are_taken_back_and_spoiled_ones_are_not() {
        for size_bytes in SIZES {
            let outboard = Outboard::of(&content(size_bytes));
            let (root, bytes) = (outboard.root(), outboard.as_bytes());
            assert_eq!(Outboard::from_bytes(root, size_bytes, bytes).as_ref(), Ok(&outboard));
            for spoiled in 0..bytes.len() {
                let mut bytes = bytes.to_vec();
                bytes[spoiled] ^= 1;
                let number = (spoiled as u64) / PAIR_BYTES;
                let error = Outboard::from_bytes(root, size_bytes, &bytes).unwrap_err();
                assert_eq!(error, OutboardError::Mismatch { root, pair: number });
            }
            assert!(Outboard::from_bytes(root, size_bytes, &[bytes, &[0]].concat()).is_err());
            assert!(Outboard::from_bytes(root, size_bytes + 2 * GROUP_BYTES, bytes).is_err());
        }
    }
}
