use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

use crate::{identity::Identity, words::words};

/// How many words: 256 bits of secret and 8 bits that notice a slip, 11 a word. Source: BIP-39, with BLAKE3 for the check.
const WORDS: usize = 24;
const WORD_BITS: usize = 11;

/// Why a text is no recovery words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Too few or too many.
    #[error("recovery words are {WORDS}, not {count}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// One that is not in the list. Only its place is said: what was typed may be a secret.
    #[error("word {place} is not one of the words that are used")]
    Unknown {
        /// Which, from 1.
        place: usize,
    },
    /// They do not fit each other.
    #[error("these words do not belong together: one of them is another, or their order is")]
    Mistyped,
}

/// The secret that can make a machine an admin of its grid when no other way is left. Printed once and kept on paper; the grid
/// knows its public key only. Wiped when dropped, and never printed by the program for itself.
pub struct RecoveryWords {
    seed: Zeroizing<[u8; 32]>,
}

impl RecoveryWords {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(mut random: [u8; 32]) -> Self {
        let words = Self { seed: Zeroizing::new(random) };
        random.zeroize();
        words
    }

    /// The words, one blank between two.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let list = words();
        let bytes = self.checked();
        let words = (0..WORDS).map(|word| {
            list[(0..WORD_BITS).fold(0, |number, bit| {
                let at = word * WORD_BITS + bit;
                number << 1 | usize::from(bytes[at / 8] >> (7 - at % 8) & 1)
            })]
        });
        Zeroizing::new(words.collect::<Vec<_>>().join(" "))
    }

    /// Reads words; case and blanks do not matter, and the first four letters of a word are enough.
    ///
    /// # Errors
    ///
    /// See [`WordsError`].
    pub fn parse(text: &str) -> Result<Self, WordsError> {
        let typed: Vec<Zeroizing<String>> =
            text.split_whitespace().map(|word| Zeroizing::new(word.to_lowercase())).collect();
        if typed.len() != WORDS {
            return Err(WordsError::Count { count: typed.len() });
        }
        let list = words();
        let mut bytes = Zeroizing::new([0; 33]);
        for (place, word) in typed.iter().enumerate() {
            let is = |known: &&str| {
                *known == word.as_str() || (word.chars().count() >= 4 && known.starts_with(word.as_str()))
            };
            let number = list.iter().position(is).ok_or(WordsError::Unknown { place: place + 1 })?;
            for bit in 0..WORD_BITS {
                let at = place * WORD_BITS + bit;
                bytes[at / 8] |= ((number >> (WORD_BITS - 1 - bit) & 1) as u8) << (7 - at % 8);
            }
        }
        let words = Self::new(*bytes.first_chunk().expect("33 bytes have 32 first ones"));
        if words.checked().last() == bytes.last() { Ok(words) } else { Err(WordsError::Mistyped) }
    }

    /// The key that signs by these words.
    #[must_use]
    pub fn key(&self) -> Identity {
        let mut seed = Zeroizing::new(blake3::derive_key("gridwell 2026-11 recovery key v1", self.seed.as_slice()));
        Identity::from_seed(&mut seed)
    }

    /// The secret and its check.
    fn checked(&self) -> Zeroizing<[u8; 33]> {
        let mut bytes = Zeroizing::new([0; 33]);
        bytes[..32].copy_from_slice(self.seed.as_slice());
        bytes[32] = blake3::derive_key("gridwell 2026-11 recovery words v1", self.seed.as_slice())[0];
        bytes
    }
}

impl fmt::Debug for RecoveryWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryWords(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_survive_paper(random in any::<[u8; 32]>()) {
            let words = RecoveryWords::new(random);
            let text = words.to_text();
            prop_assert_eq!(text.split(' ').count(), WORDS);
            let short: Vec<String> = text.split(' ').map(|word| word.chars().take(4).collect()).collect();
            for typed in [text.to_uppercase(), short.join("  \n")] {
                prop_assert_eq!(RecoveryWords::parse(&typed).unwrap().key().peer(), words.key().peer());
            }
        }

        #[test]
        fn hostile_texts_never_panic(text in any::<String>(), words in prop::collection::vec("[a-z]{1,9}", 24)) {
            let _ = RecoveryWords::parse(&text);
            let _ = RecoveryWords::parse(&words.join(" "));
        }
    }

    #[test]
    fn a_slip_is_noticed() {
        let text = RecoveryWords::new([7; 32]).to_text();
        let mut typed: Vec<&str> = text.split(' ').collect();
        assert_eq!(RecoveryWords::parse(&typed[1..].join(" ")).unwrap_err(), WordsError::Count { count: 23 });
        let first = std::mem::replace(&mut typed[0], "gridwell");
        assert_eq!(RecoveryWords::parse(&typed.join(" ")).unwrap_err(), WordsError::Unknown { place: 1 });
        typed[0] = if first == "zoo" { "zone" } else { "zoo" };
        assert_eq!(RecoveryWords::parse(&typed.join(" ")).unwrap_err(), WordsError::Mistyped);
        assert!(!format!("{:?}", RecoveryWords::new([7; 32])).contains('7'));
    }
}
