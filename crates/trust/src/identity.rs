use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use gridwell_model::PeerId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize as _;

/// What a signature is for. Each domain's name is part of what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// A change of who belongs to a grid.
    Update,
    /// A [`Plan`](gridwell_model::Plan) of links.
    Plan,
    /// What a peer tells of its links.
    Links,
    /// A message on its way over several links.
    Letter,
    /// A request for bytes on its way over several links.
    BytesLetter,
    /// A [`Ticket`](crate::Ticket).
    Ticket,
    /// An [`Edition`](gridwell_model::Edition) of a share.
    Edition,
}

impl Domain {
    const fn name(self) -> &'static str {
        match self {
            Self::Update => "gridwell 2026-11 membership update v1",
            Self::Plan => "gridwell 2026-11 plan of links v1",
            Self::Links => "gridwell 2026-11 link record v1",
            Self::Letter => "gridwell 2026-11 letter v1",
            Self::BytesLetter => "gridwell 2026-11 bytes letter v1",
            Self::Ticket => "gridwell 2026-11 ticket v1",
            Self::Edition => "gridwell 2026-11 edition of a share v1",
        }
    }

    fn message(self, bytes: &[u8]) -> Vec<u8> {
        let name = self.name().as_bytes();
        [&[name.len() as u8], name, bytes].concat()
    }
}

/// A peer's secret key. Its memory is wiped when it is dropped, and it is never printed.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
}

impl Identity {
    /// The identity of a random seed of 32 bytes; wipes the seed it was handed.
    #[must_use]
    pub fn from_seed(seed: &mut [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        seed.zeroize();
        Self { key }
    }

    /// The peer that this key makes.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        PeerId(self.key.verifying_key().to_bytes())
    }

    /// Signs `bytes` for one purpose.
    #[must_use]
    pub fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
        Signature(self.key.sign(&domain.message(bytes)).to_bytes())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("peer", &self.peer()).finish_non_exhaustive()
    }
}

/// Returns true if `signature` is `peer`'s over `bytes` for that purpose. Strict: weak keys are refused.
#[must_use]
pub fn verify(peer: PeerId, domain: Domain, bytes: &[u8], signature: &Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    VerifyingKey::from_bytes(&peer.0).is_ok_and(|key| key.verify_strict(&domain.message(bytes), &signature).is_ok())
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// Its two halves, as they travel.
    #[must_use]
    pub fn halves(&self) -> [[u8; 32]; 2] {
        let (first, second) = self.0.split_at(32);
        [first, second].map(|half| half.try_into().expect("half of 64 is 32"))
    }

    /// The signature of these halves.
    #[must_use]
    pub fn of_halves(halves: [[u8; 32]; 2]) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&halves[0]);
        bytes[32..].copy_from_slice(&halves[1]);
        Self(bytes)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // serde knows arrays up to 32 only.
        self.halves().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of_halves(<[[u8; 32]; 2]>::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_counts_for_its_signer_its_bytes_and_its_purpose_only() {
        let ann = Identity::from_seed(&mut [1; 32]);
        let bob = Identity::from_seed(&mut [2; 32]);
        let signature = ann.sign(Domain::Update, b"yes");
        assert!(verify(ann.peer(), Domain::Update, b"yes", &signature));
        assert!(!verify(bob.peer(), Domain::Update, b"yes", &signature));
        assert!(!verify(ann.peer(), Domain::Update, b"no", &signature));
        let bare = Signature(ann.key.sign(b"yes").to_bytes());
        assert!(!verify(ann.peer(), Domain::Update, b"yes", &bare));
        assert!(!verify(PeerId([0; 32]), Domain::Update, b"yes", &signature));
    }

    #[test]
    fn a_seed_is_wiped_and_never_printed() {
        let mut seed = [0xAB; 32];
        let identity = Identity::from_seed(&mut seed);
        assert_eq!(seed, [0; 32]);
        let printed = format!("{identity:?}").to_lowercase();
        assert!(!printed.contains("abab") && !printed.contains("171, 171"), "{printed}");
    }
}
