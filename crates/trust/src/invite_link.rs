use data_encoding::BASE64URL_NOPAD;
use gridwell_model::{GridId, PeerId, Stamp};
use serde::{Deserialize, Serialize};

use crate::{secret::Secret, texts::clean_addresses};

/// What every link starts with.
const SCHEME: &str = "gridwell://pair/";
/// Grows when the content changes its meaning.
const VERSION: u8 = 1;
/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 4;
/// Longest link read, in bytes: far over any that is made.
const MAX_LINK_BYTES: usize = 4_096;

/// Why a text is not an invite link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It does not look like one at all.
    #[error("this is not an invite link: one starts with {SCHEME}")]
    NotALink,
    /// It was cut off or changed on its way.
    #[error("the invite link is damaged: it was cut off or changed; copy it again, whole")]
    Damaged,
    /// Made by a newer program.
    #[error("the invite link has version {version}, made by another version of the program")]
    Version {
        /// The version it names.
        version: u8,
    },
}

/// What a person hands to another to let a machine in. Shown once; whoever has it can join until it is used or over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteLink {
    /// The grid.
    pub grid: GridId,
    /// The member that made it, to be found at one of `addresses`.
    pub inviter: PeerId,
    /// Which of the inviter's invites.
    pub invite: [u8; 8],
    /// Proves that the joiner was invited. Never printed: only [`InviteLink::to_text`] shows it.
    pub secret: Secret,
    /// When it ends, by the inviter's clock.
    pub expires: Stamp,
    /// Where the inviter listens.
    pub addresses: Vec<String>,
}

impl InviteLink {
    /// The link as text: one word without blanks. It holds the secret: never log it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(postcard::to_stdvec(self).expect("plain data always encodes"));
        bytes.extend(checksum(&bytes));
        format!("{SCHEME}{}", BASE64URL_NOPAD.encode(&bytes))
    }

    /// Reads a link. Blanks and line breaks, as mail programs add them, are skipped.
    ///
    /// # Errors
    ///
    /// See [`LinkError`].
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        if text.len() > MAX_LINK_BYTES {
            return Err(LinkError::NotALink);
        }
        let text: String = text.split_whitespace().collect();
        let (Some(scheme), Some(code)) = (text.get(..SCHEME.len()), text.get(SCHEME.len()..)) else {
            return Err(if SCHEME.starts_with(&text) && !text.is_empty() {
                LinkError::Damaged
            } else {
                LinkError::NotALink
            });
        };
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(LinkError::NotALink);
        }
        let bytes = BASE64URL_NOPAD.decode(code.as_bytes()).map_err(|_| LinkError::Damaged)?;
        let (bytes, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(LinkError::Damaged)?;
        if *sum != checksum(bytes) {
            return Err(LinkError::Damaged);
        }
        match bytes.split_first() {
            Some((&VERSION, content)) => Self::decode(content),
            Some((&version, _)) => Err(LinkError::Version { version }),
            None => Err(LinkError::Damaged),
        }
    }

    fn decode(content: &[u8]) -> Result<Self, LinkError> {
        let Ok((link, [])) = postcard::take_from_bytes::<Self>(content) else { return Err(LinkError::Damaged) };
        if clean_addresses(&link.addresses) == link.addresses { Ok(link) } else { Err(LinkError::Damaged) }
    }

    /// True if it is over by the clock of the machine that asks (which may be wrong; the inviter's decides).
    #[must_use]
    pub fn seems_expired(&self, now: Stamp) -> bool {
        now >= self.expires
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash = blake3::hash(bytes);
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_link() -> InviteLink {
        InviteLink {
            grid: GridId([1; 16]),
            inviter: PeerId([2; 32]),
            invite: [3; 8],
            secret: Secret::new([0xC4; 16]),
            expires: Stamp(1_800_000_000_000),
            addresses: vec!["192.168.1.20:4001".to_owned(), "/ip4/10.0.0.1/udp/4001/quic-v1".to_owned()],
        }
    }

    #[test]
    fn a_link_survives_its_text_form() {
        let text = a_link().to_text();
        assert!(!text.contains(char::is_whitespace));
        assert_eq!(InviteLink::parse(&text), Ok(a_link()));
        let wrapped = format!("  {}\n> {}", &text[..40], &text[40..]).replace("> ", "");
        assert_eq!(InviteLink::parse(&wrapped), Ok(a_link()));
    }

    #[test]
    fn a_cut_or_changed_link_says_so() {
        let text = a_link().to_text();
        for at in SCHEME.len()..text.len() {
            assert_eq!(InviteLink::parse(&text[..at]), Err(LinkError::Damaged), "cut at {at}");
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(InviteLink::parse(&changed), Err(LinkError::Damaged), "changed at {at}");
        }
        for other in ["https://example.org", "gridwell://join/AAAA"] {
            assert_eq!(InviteLink::parse(other), Err(LinkError::NotALink), "{other}");
        }
        assert_eq!(InviteLink::parse(""), Err(LinkError::NotALink));
    }

    #[test]
    fn the_secret_is_not_printed() {
        let printed = format!("{:?}", a_link());
        assert!(!printed.contains("196") && !printed.to_lowercase().contains("c4"), "{printed}");
    }

    proptest! {
        #[test]
        fn hostile_texts_never_panic(text in any::<String>(), code in "[A-Za-z0-9_-]{0,300}") {
            let _ = InviteLink::parse(&text);
            let text = [SCHEME, &code].concat();
            prop_assert!(InviteLink::parse(&text).is_err());
        }
    }
}
