//! The exchange that turns a short code into a strong key.

use rand_core::{CryptoRng, RngCore};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use zeroize::Zeroizing;

use super::{code::Code, meeting::Meeting};

/// First byte of every share: which exchange it belongs to. Another exchange gets another number.
const SUITE: u8 = 1;
/// Longest share of any exchange, in bytes.
pub(crate) const MAX_SHARE_BYTES: usize = 64;

/// Which side of the exchange this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Guest,
    Host,
}

/// A password-authenticated key exchange of one message each way. Who listens learns nothing; who takes part with a wrong
/// code gets a key that nobody else has, and learns only that.
pub(crate) trait Pake: Sized {
    /// Starts one side; returns it and its share. `random` must never be used twice.
    fn start(side: Side, code: &Code, meeting: &Meeting, random: Zeroizing<[u8; 32]>) -> (Self, Vec<u8>);

    /// The key, from the other side's share; nothing if those bytes are no share.
    fn finish(self, share: &[u8]) -> Option<Zeroizing<[u8; 32]>>;
}

/// SPAKE2 over edwards25519. Source: the `spake2` crate, which follows python-spake2; RFC 9382 describes the same
/// exchange. It has no key confirmation of its own: the bond confirms.
pub(crate) struct Spake(Spake2<Ed25519Group>);

impl Pake for Spake {
    fn start(side: Side, code: &Code, meeting: &Meeting, random: Zeroizing<[u8; 32]>) -> (Self, Vec<u8>) {
        let password = Password::new(code.letters());
        let (guest, host) = (Identity::new(&meeting.of(Side::Guest)), Identity::new(&meeting.of(Side::Host)));
        let handed_in = HandedIn::new(random);
        let (spake, message) = match side {
            Side::Guest => Spake2::start_a_with_rng(&password, &guest, &host, handed_in),
            Side::Host => Spake2::start_b_with_rng(&password, &guest, &host, handed_in),
        };
        (Self(spake), [&[SUITE], message.as_slice()].concat())
    }

    fn finish(self, share: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let message = share.strip_prefix(&[SUITE])?;
        let key = Zeroizing::new(self.0.finish(message).ok()?);
        <[u8; 32]>::try_from(key.as_slice()).ok().map(Zeroizing::new)
    }
}

/// Randomness that was handed in, stretched to what the exchange asks for.
struct HandedIn(blake3::OutputReader);

impl HandedIn {
    fn new(random: Zeroizing<[u8; 32]>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("gridwell 2026-11 pair exchange randomness v1");
        Self(hasher.update(random.as_slice()).finalize_xof())
    }
}

impl RngCore for HandedIn {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for HandedIn {}
