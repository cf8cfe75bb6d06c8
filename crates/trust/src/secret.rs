use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The one-time secret of an invite: 128 random bits. Wiped when dropped, compared in constant time, never printed.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 16]);

impl Secret {
    /// A secret of random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Hashes `message` under a key made of this secret. Source: BLAKE3, key derivation and keyed hashing.
    pub(crate) fn mac(&self, context: &str, message: &[u8]) -> blake3::Hash {
        let key = blake3::derive_key(context, &self.0);
        blake3::keyed_hash(&key, message)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        // Comparing hashes: blake3 compares in constant time.
        blake3::hash(&self.0) == blake3::hash(&other.0)
    }
}

impl Eq for Secret {}
