//! Content for tests.

use crate::GROUP_BYTES;

/// Sizes around every edge: no bytes, one group, full subtrees and uneven ones.
pub(crate) const SIZES: [u64; 9] = [
    0,
    1,
    GROUP_BYTES - 1,
    GROUP_BYTES,
    GROUP_BYTES + 1,
    3 * GROUP_BYTES + 7,
    4 * GROUP_BYTES,
    5 * GROUP_BYTES - 1,
    11 * GROUP_BYTES + 1_025,
];

/// Bytes that differ from group to group.
pub(crate) fn content(size_bytes: u64) -> Vec<u8> {
    let mut bytes = vec![0; size_bytes as usize];
    blake3::Hasher::new().update(&size_bytes.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
