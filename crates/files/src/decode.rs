use std::mem;

use bytes::{BufMut as _, Bytes, buf::Limit};
use gridwell_model::BlobId;

use crate::{
    Groups, PAIR_BYTES, Pair, group_range,
    tree::{Hash, Node, group_hash, halves, pair_hash},
};

/// Checks a stream of [`Parts`](crate::Parts) as it comes, in any cuts.
///
/// It holds one part at most, and takes every length from the size of the content and the groups that were asked for. After
/// the first part that is wrong nothing of the stream counts any more.
#[derive(Debug, Clone)]
pub struct Decoder {
    root: BlobId,
    size_bytes: u64,
    groups: Groups,
    /// Subtrees to come, the next one last, and the hash that each must have.
    expected: Vec<(Node, Hash)>,
    /// What is here of the next part; all of it once that is known to be wrong.
    part: Vec<u8>,
}

/// A part that is what it should be: only a [`Decoder`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// A pair of the tree, to prove to others what follows.
    #[non_exhaustive]
    Pair {
        /// Its number.
        number: u64,
        /// Its hashes.
        pair: Pair,
    },
    /// A group.
    #[non_exhaustive]
    Group {
        /// Its number.
        number: u64,
        /// All of its bytes.
        bytes: Bytes,
    },
}

impl Verified {
    /// The bytes as they came, to pass them on.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Pair { pair, .. } => pair,
            Self::Group { bytes, .. } => bytes,
        }
    }

    /// The group's number, if it is one.
    #[must_use]
    pub const fn group(&self) -> Option<u64> {
        match self {
            Self::Group { number, .. } => Some(*number),
            Self::Pair { .. } => None,
        }
    }
}

/// Why a stream does not prove what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes, or the proof of them, are not those of the blob.
    #[error("what came for group {group} of the blob {blob} is not part of it")]
    Mismatch {
        /// What was asked for.
        blob: BlobId,
        /// The first group that is not proven.
        group: u64,
    },
    /// The stream ended early.
    #[error("the stream ended before group {group} of the blob {blob}")]
    Truncated {
        /// What was asked for.
        blob: BlobId,
        /// The first group that is missing.
        group: u64,
    },
}

impl Decoder {
    /// Begins to check `groups` of the blob `root`, whose size is said to be `size_bytes`. Groups past its end are ignored.
    ///
    /// A wrong size is found out no later than with the last group.
    #[must_use]
    pub fn new(root: BlobId, size_bytes: u64, groups: Groups) -> Self {
        let expected = wanted(Node::root(size_bytes).map(|node| (node, root.0)), &groups).collect();
        Self { root, size_bytes, groups, expected, part: Vec::new() }
    }

    /// Takes bytes from the front of `bytes` up to the end of the next part, and returns that part; `None` if more bytes are
    /// needed, or if all parts are here: what is left then belongs to something else.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Mismatch`] if the part is wrong, also at each later call.
    pub fn push(&mut self, bytes: &mut &[u8]) -> Result<Option<Verified>, DecodeError> {
        let (now, later) = bytes.split_at(self.missing_bytes().min(bytes.len()));
        self.part.extend_from_slice(now);
        *bytes = later;
        self.filled()
    }

    /// Where what comes next belongs, up to the end of its part: read into it, nothing needs to be copied. Without room once all
    /// parts are here, or one was wrong.
    pub fn room(&mut self) -> Limit<&mut Vec<u8>> {
        let missing = self.missing_bytes();
        self.part.reserve_exact(missing);
        (&mut self.part).limit(missing)
    }

    /// Takes in what was written to [`Decoder::room`]; returns the part that it completes.
    ///
    /// # Errors
    ///
    /// As [`Decoder::push`].
    pub fn filled(&mut self) -> Result<Option<Verified>, DecodeError> {
        let Some(&(node, hash)) = self.expected.last() else { return Ok(None) };
        if self.missing_bytes() > 0 {
            return Ok(None);
        }
        let mismatch = DecodeError::Mismatch { blob: self.root, group: self.first_wanted(node) };
        self.verify(node, hash).map(Some).ok_or(mismatch)
    }

    /// Ends the stream.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if something is missing, [`DecodeError::Mismatch`] if the last part was wrong, or if the blob
    /// is not empty and was said to be.
    pub fn finish(self) -> Result<(), DecodeError> {
        let blob = self.root;
        match self.expected.last() {
            Some((node, _)) if self.missing_bytes() > 0 => {
                Err(DecodeError::Truncated { blob, group: self.first_wanted(*node) })
            }
            Some((node, _)) => Err(DecodeError::Mismatch { blob, group: self.first_wanted(*node) }),
            None if self.size_bytes == 0 && blob != BlobId::of(&[]) => Err(DecodeError::Mismatch { blob, group: 0 }),
            None => Ok(()),
        }
    }

    /// Takes the part that is complete now if it has the hash that it must have. A wrong one stays.
    fn verify(&mut self, node: Node, hash: Hash) -> Option<Verified> {
        let is_root = Node::root(self.size_bytes) == Some(node);
        let Some((left, right)) = node.sides() else {
            if group_hash(node.start, &self.part, is_root) != hash {
                return None;
            }
            self.expected.pop();
            return Some(Verified::Group { number: node.start, bytes: mem::take(&mut self.part).into() });
        };
        let pair = Pair::try_from(self.part.as_slice()).ok().filter(|pair| pair_hash(pair, is_root) == hash)?;
        let (left_hash, right_hash) = halves(&pair);
        self.part.clear();
        self.expected.pop();
        self.expected.extend(wanted([(right, right_hash), (left, left_hash)], &self.groups));
        Some(Verified::Pair { number: right.start - 1, pair })
    }

    /// How much of the next part is not here; nothing once all are, or one was wrong.
    fn missing_bytes(&self) -> usize {
        self.expected.last().map_or(0, |(node, _)| self.part_bytes(*node) - self.part.len())
    }

    fn part_bytes(&self, node: Node) -> usize {
        let group = group_range(node.start, self.size_bytes);
        if node.sides().is_some() { PAIR_BYTES as usize } else { (group.end - group.start) as usize }
    }

    fn first_wanted(&self, node: Node) -> u64 {
        self.groups.next(node.start).unwrap_or(node.start)
    }
}

fn wanted(nodes: impl IntoIterator<Item = (Node, Hash)>, groups: &Groups) -> impl Iterator<Item = (Node, Hash)> {
    nodes.into_iter().filter(|(node, _)| groups.overlaps(node.groups()))
}

#[cfg(test)]
mod tests;
