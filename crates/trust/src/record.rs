use std::collections::BTreeSet;

use gridwell_model::{GridId, PeerId, Stamp};
use serde::{Deserialize, Serialize};

use crate::identity::{Domain, Identity, Signature, verify};

/// Largest encoded record in bytes: all limits below together, so that a thousand members stay small.
pub const MAX_RECORD_BYTES: usize = 2_048;
/// Longest name in bytes.
const MAX_NAME_BYTES: usize = 64;
/// Most addresses; they are hints for the first dial, links tell the rest.
const MAX_ADDRESSES: usize = 8;
/// Longest address in bytes.
const MAX_ADDRESS_BYTES: usize = 128;
/// Most role words.
const MAX_ROLES: usize = 8;
/// Longest role word in bytes.
const MAX_ROLE_BYTES: usize = 32;

/// Why bytes are not a record, or a record is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Over [`MAX_RECORD_BYTES`].
    #[error("a membership record of {bytes} bytes exceeds the limit of {MAX_RECORD_BYTES}")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// Not a record of a version known here.
    #[error("{bytes} bytes are not a membership record of a known version")]
    Unknown {
        /// How many.
        bytes: usize,
    },
    /// A name, address or role that is too long, too many, empty, or not printable.
    #[error("the {part} of a membership record is not acceptable")]
    Unfit {
        /// Which part.
        part: &'static str,
    },
    /// Not signed by the peer it names as its author.
    #[error("the membership record of machine {} is not signed by its author", .peer.short())]
    Forged {
        /// Whom it is about.
        peer: PeerId,
    },
    /// It claims to found the grid, but the grid's id is not made of its key.
    #[error("machine {} did not found the grid {grid}", .peer.short())]
    NotTheFounder {
        /// Whom it is about.
        peer: PeerId,
        /// The grid it names.
        grid: GridId,
    },
    /// It belongs to another grid.
    #[error("the membership record belongs to the grid {theirs}")]
    OtherGrid {
        /// The grid it names.
        theirs: GridId,
    },
}

/// One signed fact about membership, in any version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Record {
    /// A peer is a member.
    Member(MemberRecord),
}

/// A peer is a member of a grid, says another member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// The grid.
    pub grid: GridId,
    /// The member.
    pub peer: PeerId,
    /// What people call its machine.
    pub name: String,
    /// Where it listened when it joined, for a first dial.
    pub addresses: Vec<String>,
    /// What it may do, in words such as `compute` and `submit`.
    pub roles: BTreeSet<String>,
    /// Who says so.
    pub origin: Origin,
    /// When, for people and to choose between two records of one peer.
    pub added_at: Stamp,
    /// The author's signature over all of the above.
    pub signature: Signature,
}

/// Who wrote a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// The member itself, which made the grid: the grid id is the hash of its key and this number.
    Founder {
        /// Random.
        nonce: [u8; 16],
    },
    /// A member (possibly the same peer, renewing its name and addresses).
    Added {
        /// Who.
        by: PeerId,
    },
}

impl MemberRecord {
    /// Who signed it.
    #[must_use]
    pub const fn author(&self) -> PeerId {
        match self.origin {
            Origin::Founder { .. } => self.peer,
            Origin::Added { by } => by,
        }
    }

    /// Cleans the texts and signs the whole.
    pub(crate) fn sign(mut self, author: &Identity) -> Self {
        self.name = clean_name(&self.name, self.peer);
        self.addresses = clean_addresses(&self.addresses);
        self.signature = author.sign(Domain::Member, &self.signed_bytes());
        self
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let fields = (&self.grid, &self.peer, &self.name, &self.addresses, &self.roles, &self.origin, &self.added_at);
        postcard::to_stdvec(&fields).expect("plain data always encodes")
    }

    /// Checks everything that can be checked without other records.
    fn check(&self) -> Result<(), RecordError> {
        let unfit = |part| Err(RecordError::Unfit { part });
        if !is_printable(&self.name, MAX_NAME_BYTES) {
            return unfit("name");
        }
        if self.addresses.len() > MAX_ADDRESSES || !self.addresses.iter().all(|text| is_address(text)) {
            return unfit("addresses");
        }
        if self.roles.len() > MAX_ROLES || !self.roles.iter().all(|role| is_role(role)) {
            return unfit("roles");
        }
        if let Origin::Founder { nonce } = self.origin
            && grid_id(self.peer, &nonce) != self.grid
        {
            return Err(RecordError::NotTheFounder { peer: self.peer, grid: self.grid });
        }
        if !verify(self.author(), Domain::Member, &self.signed_bytes(), &self.signature) {
            return Err(RecordError::Forged { peer: self.peer });
        }
        Ok(())
    }
}

impl Record {
    /// The bytes that [`Record::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("plain data always encodes")
    }

    /// Reads a record and checks its limits and its signature, but not whether its author is a member.
    ///
    /// # Errors
    ///
    /// See [`RecordError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLong { bytes: bytes.len() });
        }
        let Ok((record, [])) = postcard::take_from_bytes::<Self>(bytes) else {
            return Err(RecordError::Unknown { bytes: bytes.len() });
        };
        match &record {
            Self::Member(member) => member.check()?,
        }
        Ok(record)
    }

    /// Names the record by its content, whatever bytes it came in.
    pub(crate) fn digest(&self) -> [u8; 32] {
        *blake3::hash(&self.encode()).as_bytes()
    }
}

/// The id of the grid that `founder` makes with that number.
pub(crate) fn grid_id(founder: PeerId, nonce: &[u8; 16]) -> GridId {
    let mut hasher = blake3::Hasher::new_derive_key("gridwell 2026-11 grid id v1");
    hasher.update(&founder.0).update(nonce);
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    GridId(id)
}

/// Cuts a name to what a record may hold: printable, at most 64 bytes; the peer's short id if nothing remains.
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

/// Keeps the addresses that a record may hold: at most 8 of at most 128 printable ASCII characters.
#[must_use]
pub fn clean_addresses(addresses: &[String]) -> Vec<String> {
    addresses.iter().filter(|text| is_address(text)).take(MAX_ADDRESSES).cloned().collect()
}

fn is_printable(text: &str, max_bytes: usize) -> bool {
    !text.trim().is_empty() && text.len() <= max_bytes && !text.chars().any(is_hidden)
}

/// Controls, and marks that change the direction of the text around them: a name must not disguise itself.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

fn is_address(text: &str) -> bool {
    (1..=MAX_ADDRESS_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_role(role: &str) -> bool {
    (1..=MAX_ROLE_BYTES).contains(&role.len()) && role.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_record() -> MemberRecord {
        let founder = Identity::from_seed(&mut [1; 32]);
        MemberRecord {
            grid: grid_id(founder.peer(), &[9; 16]),
            peer: founder.peer(),
            name: "ann".to_owned(),
            addresses: vec!["10.0.0.1:4001".to_owned()],
            roles: BTreeSet::from(["compute".to_owned()]),
            origin: Origin::Founder { nonce: [9; 16] },
            added_at: Stamp(5),
            signature: Signature([0; 64]),
        }
        .sign(&founder)
    }

    #[test]
    fn a_record_survives_its_encoding() {
        let record = Record::Member(a_record());
        assert_eq!(Record::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let bytes = Record::Member(a_record()).encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Record::decode(&changed).is_err(), "byte {at}");
            assert!(Record::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(Record::decode(&longer), Err(RecordError::Unknown { .. })));
    }

    #[test]
    fn a_false_founder_is_refused() {
        let mallory = Identity::from_seed(&mut [3; 32]);
        let record = MemberRecord { peer: mallory.peer(), ..a_record() }.sign(&mallory);
        let refused = Record::decode(&Record::Member(record).encode());
        assert!(matches!(refused, Err(RecordError::NotTheFounder { .. })));
    }

    #[test]
    fn a_name_cannot_disguise_itself() {
        let peer = PeerId([1; 32]);
        assert_eq!(clean_name("  an\u{202E}n\n\u{1b}[31m ", peer), "ann[31m");
        assert_eq!(clean_name("\u{200B}", peer), peer.short());
        assert_eq!(clean_name(&"ä".repeat(100), peer).len(), 64);
        let founder = Identity::from_seed(&mut [1; 32]);
        let mut record = a_record();
        record.name = "an\nn".to_owned();
        record.signature = founder.sign(Domain::Member, &record.signed_bytes());
        let refused = Record::decode(&Record::Member(record).encode());
        assert_eq!(refused, Err(RecordError::Unfit { part: "name" }));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
            prop_assert!(Record::decode(&bytes).is_err());
        }

        #[test]
        fn cleaned_texts_are_fit(name in any::<String>(), addresses in prop::collection::vec(any::<String>(), 0..20)) {
            let founder = Identity::from_seed(&mut [1; 32]);
            let record = MemberRecord { name, addresses, ..a_record() }.sign(&founder);
            prop_assert!(Record::decode(&Record::Member(record).encode()).is_ok());
        }
    }
}
