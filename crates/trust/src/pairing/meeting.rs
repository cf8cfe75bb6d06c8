use gridwell_model::{GridId, PeerId};
use zeroize::Zeroizing;

use super::pake::Side;
use crate::{secret::Secret, words::words};

/// Name of the protocol in everything that is hashed.
const PROTOCOL: &[u8] = b"gridwell/pair/1";
/// Words that people compare: 44 bits, and nobody gets to try twice.
const WORDS: usize = 4;

/// Who meets whom, for which grid, and what both threw in: the same bytes on both sides, or nothing fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meeting {
    pub(crate) grid: GridId,
    /// The member.
    pub(crate) host: PeerId,
    /// The machine that wants in. Both are what the handshake of the connection proved.
    pub(crate) guest: PeerId,
    pub(crate) guest_nonce: [u8; 16],
    /// Chosen after the guest's, so that a guest cannot search for words it likes.
    pub(crate) host_nonce: [u8; 16],
}

impl Meeting {
    fn bytes(&self) -> Vec<u8> {
        [PROTOCOL, &self.grid.0, &self.host.0, &self.guest.0, &self.guest_nonce, &self.host_nonce].concat()
    }

    /// The identity of one side, for the exchange.
    pub(crate) fn of(&self, side: Side) -> Vec<u8> {
        let mut bytes = self.bytes();
        bytes.extend_from_slice(match side {
            Side::Guest => b"guest",
            Side::Host => b"host",
        });
        bytes
    }
}

/// A key that only those two sides have, if both knew the same secret.
#[derive(Clone)]
pub(crate) struct Bond(Zeroizing<[u8; 32]>);

impl Bond {
    /// From the secret of a link: the connection has proved both keys, so knowing the secret is all there is to prove.
    pub(crate) fn of_link(secret: &Secret, invite: [u8; 8], meeting: &Meeting) -> Self {
        let message = [meeting.bytes().as_slice(), &invite].concat();
        Self(Zeroizing::new(*secret.mac("gridwell 2026-11 pair link bond v1", &message).as_bytes()))
    }

    /// From the key of an exchange, bound to both shares.
    pub(crate) fn of_exchange(key: &[u8; 32], meeting: &Meeting, guest_share: &[u8], host_share: &[u8]) -> Self {
        let key = Zeroizing::new(blake3::derive_key("gridwell 2026-11 pair code bond v1", key));
        let message = [meeting.bytes().as_slice(), guest_share, host_share].concat();
        Self(Zeroizing::new(*blake3::keyed_hash(&key, &message).as_bytes()))
    }

    /// What a side shows to prove that it has the key. `blake3::Hash` compares in constant time.
    pub(crate) fn confirmation(&self, side: Side) -> blake3::Hash {
        let context = match side {
            Side::Guest => "gridwell 2026-11 pair guest confirms v1",
            Side::Host => "gridwell 2026-11 pair host confirms v1",
        };
        blake3::Hash::from_bytes(blake3::derive_key(context, self.0.as_slice()))
    }

    /// The words that both screens show: people see that it is these two machines that met.
    pub(crate) fn words(&self) -> Vec<String> {
        let hash = blake3::derive_key("gridwell 2026-11 pair words v1", self.0.as_slice());
        let list = words();
        let pairs = hash.chunks_exact(2).take(WORDS);
        let numbers = pairs.map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])));
        numbers.map(|number| list[number % list.len()].to_owned()).collect()
    }
}

impl std::fmt::Debug for Bond {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bond(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn a_meeting() -> Meeting {
        Meeting {
            grid: GridId([1; 16]),
            host: PeerId([2; 32]),
            guest: PeerId([3; 32]),
            guest_nonce: [4; 16],
            host_nonce: [5; 16],
        }
    }

    #[test]
    fn everything_about_a_meeting_changes_its_bond() {
        let (secret, meeting) = (Secret::new([7; 16]), a_meeting());
        let bonds = [
            Bond::of_link(&secret, [0; 8], &meeting),
            Bond::of_link(&secret, [1; 8], &meeting),
            Bond::of_link(&Secret::new([8; 16]), [0; 8], &meeting),
            Bond::of_link(&secret, [0; 8], &Meeting { grid: GridId([9; 16]), ..meeting }),
            Bond::of_link(&secret, [0; 8], &Meeting { host: PeerId([9; 32]), ..meeting }),
            Bond::of_link(&secret, [0; 8], &Meeting { guest: PeerId([9; 32]), ..meeting }),
            Bond::of_link(&secret, [0; 8], &Meeting { guest_nonce: [9; 16], ..meeting }),
            Bond::of_link(&secret, [0; 8], &Meeting { host_nonce: [9; 16], ..meeting }),
            Bond::of_exchange(&[7; 32], &meeting, b"x", b"y"),
            Bond::of_exchange(&[7; 32], &meeting, b"y", b"x"),
        ];
        let words: BTreeSet<_> = bonds.iter().map(Bond::words).collect();
        assert_eq!(words.len(), bonds.len());
        let proofs = |side| bonds.iter().map(move |bond| *bond.confirmation(side).as_bytes());
        let proofs: BTreeSet<_> = proofs(Side::Guest).chain(proofs(Side::Host)).collect();
        assert_eq!(proofs.len(), 2 * bonds.len());
    }

    #[test]
    fn four_words_are_shown() {
        let words = Bond::of_link(&Secret::new([7; 16]), [0; 8], &a_meeting()).words();
        assert_eq!(words.len(), WORDS);
        assert!(words.iter().all(|word| crate::words::words().contains(&word.as_str())));
    }
}
