//! What a machine may say of itself: its name and its addresses.

use gridwell_model::PeerId;

/// Longest name in bytes.
const MAX_NAME_BYTES: usize = 64;
/// Most addresses; they are hints for the first dial, links tell the rest.
const MAX_ADDRESSES: usize = 8;
/// Longest address in bytes.
const MAX_ADDRESS_BYTES: usize = 128;

/// Cuts a name to what an update may hold: printable, at most 64 bytes; the peer's short id if nothing remains.
#[must_use]
pub fn clean_name(name: &str, peer: PeerId) -> String {
    let mut clean = String::new();
    for letter in name.chars().filter(|letter| !is_hidden(*letter)) {
        if clean.len() + letter.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        clean.push(letter);
    }
    let clean = clean.trim();
    if clean.is_empty() { peer.short() } else { clean.to_owned() }
}

/// Keeps the addresses that an update may hold: at most 8 of at most 128 printable ASCII characters.
#[must_use]
pub fn clean_addresses(addresses: &[String]) -> Vec<String> {
    addresses.iter().filter(|text| is_address(text)).take(MAX_ADDRESSES).cloned().collect()
}

pub(crate) fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(is_hidden)
}

pub(crate) fn are_addresses(addresses: &[String]) -> bool {
    addresses.len() <= MAX_ADDRESSES && addresses.iter().all(|text| is_address(text))
}

fn is_address(text: &str) -> bool {
    (1..=MAX_ADDRESS_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Controls, and marks that change the direction of the text around them: a name must not disguise itself.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_cannot_disguise_itself() {
        let peer = PeerId([1; 32]);
        assert_eq!(clean_name("  an\u{202E}n\n\u{1b}[31m ", peer), "ann[31m");
        assert_eq!(clean_name("\u{200B}", peer), peer.short());
        assert_eq!(clean_name(&"ä".repeat(100), peer).len(), 64);
        assert!(!is_name("an\nn"));
    }

    proptest! {
        #[test]
        fn cleaned_texts_are_fit(name in any::<String>(), addresses in prop::collection::vec(any::<String>(), 0..20)) {
            prop_assert!(is_name(&clean_name(&name, PeerId([1; 32]))));
            prop_assert!(are_addresses(&clean_addresses(&addresses)));
        }
    }
}
