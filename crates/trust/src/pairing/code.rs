use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Letters of a code: no 0 or O, no 1 or I, so that none is taken for another. 32 of them, 5 bits each.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Letters in a code, the check letter included.
const LETTERS: usize = 8;
/// Where the gap is shown.
const GROUP: usize = 4;

/// Why a text is not a code. Nothing was sent, so no guess was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Too few or too many letters.
    #[error("a code has {LETTERS} letters and digits, not {letters}")]
    Length {
        /// How many it has.
        letters: usize,
    },
    /// A letter that is in no code.
    #[error("'{letter}' is in no code: there is no 0, 1, I or O, and nothing but letters and digits")]
    Letter {
        /// Which.
        letter: char,
    },
    /// The last letter does not fit the others.
    #[error("the code is mistyped: its last letter does not fit the others; nothing was sent, so type it again")]
    Mistyped,
}

/// What one machine shows and a person types on another: 35 random bits and a letter that catches mistyping, so that a
/// slip of the finger does not spend the only guess. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Code([u8; LETTERS]);

impl Code {
    /// The code of random bytes.
    #[must_use]
    pub fn new(random: [u8; LETTERS - 1]) -> Self {
        let mut letters = [0; LETTERS];
        for (letter, byte) in letters.iter_mut().zip(random) {
            *letter = ALPHABET[usize::from(byte % 32)];
        }
        letters[LETTERS - 1] = check_letter(&letters[..LETTERS - 1]);
        Self(letters)
    }

    /// Reads what a person typed: any case, with or without blanks and dashes.
    ///
    /// # Errors
    ///
    /// See [`CodeError`].
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let typed = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
        let typed: Vec<char> = typed.map(|letter| letter.to_ascii_uppercase()).take(LETTERS * 8).collect();
        let Ok(letters) = <[char; LETTERS]>::try_from(typed.as_slice()) else {
            return Err(CodeError::Length { letters: typed.len() });
        };
        let mut code = Self([0; LETTERS]);
        for (held, letter) in code.0.iter_mut().zip(letters) {
            let known = u8::try_from(letter).ok().filter(|byte| ALPHABET.contains(byte));
            *held = known.ok_or(CodeError::Letter { letter })?;
        }
        if check_letter(&code.0[..LETTERS - 1]) == code.0[LETTERS - 1] { Ok(code) } else { Err(CodeError::Mistyped) }
    }

    /// The code for people, in two groups. Never log it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text: String = self.0.iter().map(|letter| char::from(*letter)).collect();
        format!("{}-{}", &text[..GROUP], &text[GROUP..])
    }

    /// The letters, which both sides agree on whatever was typed.
    pub(crate) const fn letters(&self) -> &[u8; LETTERS] {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// The letter that follows `letters`. Source: the Luhn algorithm with 32 letters, which notices every single wrong letter
/// and nearly every two that changed places.
fn check_letter(letters: &[u8]) -> u8 {
    let value = |letter: &u8| ALPHABET.iter().position(|known| known == letter).unwrap_or(0);
    let doubled = |value: usize| value * 2 / 32 + value * 2 % 32;
    let last_first = letters.iter().rev().map(value).enumerate();
    let sum: usize = last_first.map(|(at, value)| if at % 2 == 0 { doubled(value) } else { value }).sum();
    ALPHABET[(32 - sum % 32) % 32]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = Code::new([1, 200, 30, 4, 77, 6, 255]);
        let text = code.to_text();
        assert_eq!((text.len(), text.as_bytes()[4]), (9, b'-'));
        for typed in
            [text.clone(), text.to_lowercase(), text.replace('-', " "), format!(" {}\n", text.replace('-', ""))]
        {
            assert_eq!(Code::parse(&typed), Ok(code.clone()), "{typed}");
        }
    }

    #[test]
    fn a_mistyped_letter_is_noticed_before_a_guess_is_spent() {
        let text = Code::new([9, 8, 7, 6, 5, 4, 3]).to_text();
        for at in (0..text.len()).filter(|at| *at != GROUP) {
            for letter in ALPHABET.iter().filter(|letter| **letter != text.as_bytes()[at]) {
                let mut typed = text.clone().into_bytes();
                typed[at] = *letter;
                let typed = String::from_utf8(typed).unwrap();
                assert_eq!(Code::parse(&typed), Err(CodeError::Mistyped), "{typed}");
            }
        }
        assert_eq!(Code::parse("ABCD-EFG"), Err(CodeError::Length { letters: 7 }));
        assert_eq!(Code::parse("ABCD-EFG0"), Err(CodeError::Letter { letter: '0' }));
        assert_eq!(Code::parse("ABCD-EFGä"), Err(CodeError::Letter { letter: 'ä' }));
    }

    #[test]
    fn a_code_is_not_printed() {
        let code = Code::new([1; 7]);
        assert_eq!(format!("{code:?}"), "Code(…)");
    }

    proptest! {
        #[test]
        fn every_code_reads_back(random in any::<[u8; 7]>()) {
            let code = Code::new(random);
            prop_assert_eq!(Code::parse(&code.to_text()), Ok(code));
        }

        #[test]
        fn hostile_texts_never_panic(text in any::<String>()) {
            let _ = Code::parse(&text);
        }
    }
}
