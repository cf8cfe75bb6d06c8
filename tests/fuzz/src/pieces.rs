//! Bytes that are made of several: what a fuzzer can cut, repeat and put together.

/// Longest piece in bytes: two bytes tell its length.
const LONGEST: usize = u16::MAX as usize;

/// The pieces of some bytes: each is told by its length in two bytes; what is left over is the last one.
pub(crate) fn pieces(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (piece, rest) = rest.split_at(length);
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Puts pieces together, for [`pieces`].
pub(crate) fn together<B: AsRef<[u8]>>(pieces: impl IntoIterator<Item = B>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        let piece = piece.as_ref();
        let length = piece.len().min(LONGEST) as u16;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&piece[..usize::from(length)]);
    }
    bytes
}
