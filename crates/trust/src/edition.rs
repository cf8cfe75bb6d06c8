use gridwell_model::{Edition, GridId, ListRef, PeerId};

use crate::identity::{Domain, Identity, Signature, verify};

/// Largest encoded edition in bytes: the keys of a thousand readers, with room for the rest.
pub const MAX_EDITION_BYTES: usize = 40 * 1024;

/// Why bytes are not an edition of a share to heed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditionError {
    /// Too long, cut off, or over its limits.
    #[error("{bytes} bytes are not an edition of a share")]
    Unfit {
        /// How many.
        bytes: usize,
    },
    /// Not signed, for this grid, by whose share it is.
    #[error("the edition of a share is not signed by machine {}, which it names", .owner.short())]
    Forged {
        /// Whom it names.
        owner: PeerId,
    },
}

/// Signs an edition of a share for its grid; `owner` is the key of the machine that it names. The bytes travel from machine to
/// machine as they are.
#[must_use]
pub fn seal_edition(edition: &Edition, grid: GridId, owner: &Identity) -> Vec<u8> {
    let signature = owner.sign(Domain::Edition, &message(edition, grid));
    postcard::to_stdvec(&(edition, signature)).expect("plain data always encodes")
}

/// Reads an edition and checks its limits and that its owner signed it for this grid.
///
/// # Errors
///
/// See [`EditionError`].
pub fn open_edition(bytes: &[u8], grid: GridId) -> Result<Edition, EditionError> {
    let unfit = EditionError::Unfit { bytes: bytes.len() };
    if bytes.len() > MAX_EDITION_BYTES {
        return Err(unfit);
    }
    let Ok(((edition, signature), [])) = postcard::take_from_bytes::<(Edition, Signature)>(bytes) else {
        return Err(unfit);
    };
    let fits = edition.list.is_none_or(|list| list.size_bytes <= ListRef::MAX_BYTES);
    if !fits || edition.copies > Edition::MAX_COPIES {
        return Err(unfit);
    }
    match verify(edition.owner, Domain::Edition, &message(&edition, grid), &signature) {
        true => Ok(edition),
        false => Err(EditionError::Forged { owner: edition.owner }),
    }
}

fn message(edition: &Edition, grid: GridId) -> Vec<u8> {
    postcard::to_stdvec(&(grid, edition)).expect("plain data always encodes")
}

#[cfg(test)]
mod tests {
    use gridwell_model::{Audience, BlobId, ShareId, ShareName};
    use proptest::prelude::*;

    use super::*;

    const GRID: GridId = GridId([3; 16]);

    fn ann() -> Identity {
        Identity::from_seed(&mut [1; 32])
    }

    fn an_edition() -> Edition {
        Edition {
            owner: ann().peer(),
            share: ShareId([2; 10]),
            revision: u64::MAX,
            name: ShareName::new("projects").unwrap(),
            to: Audience::Machines((0..200).map(|number| PeerId([number; 32])).collect()),
            copies: 3,
            list: Some(ListRef { blob: BlobId([4; 32]), size_bytes: 7 }),
        }
    }

    #[test]
    fn what_its_owner_signed_is_read_back_in_its_grid_only() {
        let bytes = seal_edition(&an_edition(), GRID, &ann());
        assert_eq!(open_edition(&bytes, GRID), Ok(an_edition()));
        let forged = Err(EditionError::Forged { owner: ann().peer() });
        assert_eq!(open_edition(&bytes, GridId([4; 16])), forged);
        let by_another = seal_edition(&an_edition(), GRID, &Identity::from_seed(&mut [9; 32]));
        assert_eq!(open_edition(&by_another, GRID), forged);
        for at in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(open_edition(&changed, GRID).is_err(), "byte {at}");
            assert!(open_edition(&bytes[..at], GRID).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn one_over_its_limits_counts_for_nothing() {
        let list = Some(ListRef { blob: BlobId([4; 32]), size_bytes: ListRef::MAX_BYTES + 1 });
        for bad in [Edition { list, ..an_edition() }, Edition { copies: Edition::MAX_COPIES + 1, ..an_edition() }] {
            assert!(matches!(open_edition(&seal_edition(&bad, GRID, &ann()), GRID), Err(EditionError::Unfit { .. })));
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(open_edition(&bytes, GRID).is_err());
        }
    }
}
