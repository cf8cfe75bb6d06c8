use std::collections::BTreeSet;

use gridwell_model::{GridId, PeerId, Role, Stamp};
use serde::{Deserialize, Serialize};

use crate::{
    identity::{Domain, Identity, Signature, verify},
    texts::{are_addresses, clean_addresses, clean_name, is_name},
};

/// Largest encoded update in bytes: more than all limits below together.
pub const MAX_UPDATE_BYTES: usize = 4_096;
/// Most heads that an update is written upon. Every one joins all branches its author knows, so more never lie side by side
/// than machines write at once.
pub(crate) const MAX_HEADS: usize = 16;
/// Most members that one renewal names.
pub(crate) const MAX_RENEWED: usize = 64;

/// Names an update by its content.
pub(crate) type Digest = [u8; 32];

/// Why bytes are not an update, or an update counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// Over [`MAX_UPDATE_BYTES`].
    #[error("a membership update of {bytes} bytes exceeds the limit of {MAX_UPDATE_BYTES}")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// Not an update of a version known here.
    #[error("{bytes} bytes are not a membership update of a known version")]
    Unknown {
        /// How many.
        bytes: usize,
    },
    /// A part that is too long, too many, empty, or not printable.
    #[error("the {part} of a membership update of machine {} is not acceptable", .by.short())]
    Unfit {
        /// Whose.
        by: PeerId,
        /// Which part.
        part: &'static str,
    },
    /// Not signed by its author.
    #[error("a membership update is not signed by its author, machine {}", .by.short())]
    Forged {
        /// Whom it names as its author.
        by: PeerId,
    },
    /// It claims to found the grid, but the grid's id is not made of its key.
    #[error("machine {} did not found the grid {grid}", .by.short())]
    NotTheFounder {
        /// Whom it names as its author.
        by: PeerId,
        /// The grid it names.
        grid: GridId,
    },
    /// It belongs to another grid.
    #[error("a membership update belongs to the grid {theirs}")]
    OtherGrid {
        /// The grid it names.
        theirs: GridId,
    },
    /// Its author had no right to write it.
    #[error("machine {} may not {deed}", .by.short())]
    NotAllowed {
        /// Its author.
        by: PeerId,
        /// What it tried.
        deed: &'static str,
    },
    /// Its author has written something else in its place: two histories are signed with one key.
    #[error("machine {} signed two histories of the grid: its key or its data folder was copied", .by.short())]
    Forked {
        /// Its author.
        by: PeerId,
    },
    /// The log, or its author's part of it, is as long as it can be.
    #[error("the membership log takes no more updates of machine {}", .by.short())]
    Full {
        /// Its author.
        by: PeerId,
    },
}

impl UpdateError {
    /// Who wrote what was refused, if that is proved or claimed.
    #[must_use]
    pub const fn by(&self) -> Option<PeerId> {
        match self {
            Self::TooLong { .. } | Self::Unknown { .. } | Self::OtherGrid { .. } => None,
            Self::Unfit { by, .. }
            | Self::Forged { by }
            | Self::NotTheFounder { by, .. }
            | Self::NotAllowed { by, .. }
            | Self::Forked { by }
            | Self::Full { by } => Some(*by),
        }
    }
}

/// One signed change of who belongs to a grid, chained to everything that its author knew when it wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) grid: GridId,
    pub(crate) author: Author,
    /// The newest updates its author knew; nothing but the founding has none.
    pub(crate) heads: BTreeSet<Digest>,
    /// When, by its author's clock: for people only, never for order.
    pub(crate) at: Stamp,
    pub(crate) deed: Deed,
    pub(crate) signature: Signature,
}

/// Who signs an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Author {
    /// A member.
    Member(PeerId),
    /// Whoever has the grid's recovery words, whose key this is.
    Recovery(PeerId),
}

/// What an update changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Deed {
    /// The author makes the grid, whose id is the hash of its key and this number.
    Found { nonce: [u8; 16], about: About, until: Stamp },
    /// A machine becomes a member, or is let in again.
    Admit { peer: PeerId, about: About, roles: BTreeSet<Role>, stay: Stay },
    /// What a member may do from now on.
    SetRoles { peer: PeerId, roles: BTreeSet<Role> },
    /// A machine is no member any more.
    Revoke { peer: PeerId },
    /// Members' certificates are good until then.
    Renew { peers: BTreeSet<PeerId>, until: Stamp },
    /// What the author's people call it, and where it listens.
    Describe { about: About },
    /// Whose words recover the grid.
    SetRecovery { key: PeerId },
    /// A machine is an admin by the recovery words.
    Restore { peer: PeerId, about: About, until: Stamp },
}

/// What a machine says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) addresses: Vec<String>,
}

/// How long a member stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stay {
    /// Its certificate is good until then, and is renewed.
    Lasting { until: Stamp },
    /// A guest: it goes then.
    Guest { until: Stamp },
}

impl Author {
    /// The key that signs.
    pub(crate) const fn key(self) -> PeerId {
        match self {
            Self::Member(key) | Self::Recovery(key) => key,
        }
    }
}

impl Stay {
    pub(crate) const fn until(self) -> Stamp {
        match self {
            Self::Lasting { until } | Self::Guest { until } => until,
        }
    }
}

impl About {
    pub(crate) fn clean(name: &str, addresses: &[String], peer: PeerId) -> Self {
        Self { name: clean_name(name, peer), addresses: clean_addresses(addresses) }
    }
}

impl Deed {
    /// What it does, after "may not".
    pub(crate) const fn words(&self) -> &'static str {
        match self {
            Self::Found { .. } => "found this grid",
            Self::Admit { .. } => "let machines in",
            Self::SetRoles { .. } => "change what machines may do",
            Self::Revoke { .. } => "revoke machines",
            Self::Renew { .. } => "renew certificates",
            Self::Describe { .. } => "say what it is called",
            Self::SetRecovery { .. } => "set the recovery words",
            Self::Restore { .. } => "recover the grid",
        }
    }

    pub(crate) const fn about(&self) -> Option<&About> {
        match self {
            Self::Found { about, .. }
            | Self::Admit { about, .. }
            | Self::Describe { about }
            | Self::Restore { about, .. } => Some(about),
            Self::SetRoles { .. } | Self::Revoke { .. } | Self::Renew { .. } | Self::SetRecovery { .. } => None,
        }
    }
}

impl Update {
    /// Writes and signs.
    pub(crate) fn sign(
        grid: GridId,
        author: Author,
        key: &Identity,
        heads: BTreeSet<Digest>,
        at: Stamp,
        deed: Deed,
    ) -> Self {
        let mut update = Self { grid, author, heads, at, deed, signature: Signature([0; 64]) };
        update.signature = key.sign(Domain::Update, &update.signed_bytes());
        update
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let fields = (&self.grid, &self.author, &self.heads, &self.at, &self.deed);
        postcard::to_stdvec(&fields).expect("plain data always encodes")
    }

    /// The bytes that [`Update::decode`] reads.
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("plain data always encodes")
    }

    /// Reads an update and checks its limits and its signature, but not whether its author had a right to write it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, UpdateError> {
        if bytes.len() > MAX_UPDATE_BYTES {
            return Err(UpdateError::TooLong { bytes: bytes.len() });
        }
        let Ok((update, [])) = postcard::take_from_bytes::<Self>(bytes) else {
            return Err(UpdateError::Unknown { bytes: bytes.len() });
        };
        update.check()?;
        Ok(update)
    }

    /// Names the update by its content, whatever bytes it came in.
    pub(crate) fn digest(&self) -> Digest {
        *blake3::hash(&self.encode()).as_bytes()
    }

    /// Checks everything that can be checked without other updates.
    fn check(&self) -> Result<(), UpdateError> {
        let by = self.author.key();
        let unfit = |part| Err(UpdateError::Unfit { by, part });
        if let Some(about) = self.deed.about() {
            if !is_name(&about.name) {
                return unfit("name");
            }
            if !are_addresses(&about.addresses) {
                return unfit("addresses");
            }
        }
        if self.heads.len() > MAX_HEADS || self.heads.is_empty() != matches!(self.deed, Deed::Found { .. }) {
            return unfit("place in the log");
        }
        if let Deed::Renew { peers, .. } = &self.deed
            && !(1..=MAX_RENEWED).contains(&peers.len())
        {
            return unfit("list of machines");
        }
        if let Deed::Found { nonce, .. } = &self.deed
            && grid_id(by, nonce) != self.grid
        {
            return Err(UpdateError::NotTheFounder { by, grid: self.grid });
        }
        if !verify(by, Domain::Update, &self.signed_bytes(), &self.signature) {
            return Err(UpdateError::Forged { by });
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ann() -> Identity {
        Identity::from_seed(&mut [1; 32])
    }

    fn about() -> About {
        About { name: "ann".to_owned(), addresses: vec!["10.0.0.1:4001".to_owned()] }
    }

    fn written(author: &Identity, heads: &[Digest], deed: Deed) -> Update {
        let grid = grid_id(ann().peer(), &[9; 16]);
        Update::sign(grid, Author::Member(author.peer()), author, heads.iter().copied().collect(), Stamp(5), deed)
    }

    fn founding() -> Update {
        written(&ann(), &[], Deed::Found { nonce: [9; 16], about: about(), until: Stamp(9) })
    }

    #[test]
    fn an_update_survives_its_encoding() {
        let roles = BTreeSet::from([Role::Run, Role::Admin]);
        let stay = Stay::Guest { until: Stamp(7) };
        let admit = Deed::Admit { peer: PeerId([4; 32]), about: about(), roles, stay };
        for update in [founding(), written(&ann(), &[[3; 32]], admit)] {
            assert_eq!(Update::decode(&update.encode()), Ok(update));
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let bytes = founding().encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Update::decode(&changed).is_err(), "byte {at}");
            assert!(Update::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(Update::decode(&longer), Err(UpdateError::Unknown { .. })));
    }

    #[test]
    fn a_false_founder_is_refused() {
        let mallory = Identity::from_seed(&mut [3; 32]);
        let update = written(&mallory, &[], founding().deed);
        assert!(matches!(Update::decode(&update.encode()), Err(UpdateError::NotTheFounder { .. })));
    }

    #[test]
    fn what_exceeds_a_limit_is_refused_though_it_is_signed() {
        let peers: BTreeSet<_> = (0..=MAX_RENEWED as u8).map(|number| PeerId([number; 32])).collect();
        let heads: Vec<_> = (0..=MAX_HEADS as u8).map(|number| [number; 32]).collect();
        let named = |name: &str| Deed::Describe { about: About { name: name.to_owned(), addresses: Vec::new() } };
        for update in [
            written(&ann(), &heads, named("ann")),
            written(&ann(), &[], named("ann")),
            written(&ann(), &[[3; 32]], named("an\nn")),
            written(&ann(), &[[3; 32]], Deed::Renew { peers, until: Stamp(9) }),
            written(&ann(), &[[3; 32]], Deed::Renew { peers: BTreeSet::new(), until: Stamp(9) }),
            written(&ann(), &[[3; 32]], founding().deed),
        ] {
            let refused = Update::decode(&update.encode());
            assert!(matches!(refused, Err(UpdateError::Unfit { .. })), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..5_000)) {
            prop_assert!(Update::decode(&bytes).is_err());
        }
    }
}
