use gridwell_model::{GridId, PeerId, Plan};
use serde::{Deserialize, Serialize};

use crate::identity::{Domain, Identity, Signature, verify};

/// Largest encoded plan in bytes: the most members and links, with room for the rest.
pub const MAX_PLAN_BYTES: usize = 56 * 1024;

/// Why bytes are not a plan to follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Too long, cut off, or with lists that do not fit each other.
    #[error("{bytes} bytes are not a plan of links")]
    Unfit {
        /// How many.
        bytes: usize,
    },
    /// Not signed, for this grid, by whom it names.
    #[error("the plan of links is not signed by machine {}, which it names", .by.short())]
    Forged {
        /// Whom it names.
        by: PeerId,
    },
}

#[derive(Serialize, Deserialize)]
struct Signed {
    plan: Plan,
    signature: Signature,
}

/// Signs a plan of `author`'s for its grid; the bytes travel from machine to machine as they are.
#[must_use]
pub fn seal_plan(plan: Plan, grid: GridId, author: &Identity) -> Vec<u8> {
    let signature = author.sign(Domain::Plan, &message(&plan, grid));
    postcard::to_stdvec(&Signed { plan, signature }).expect("plain data always encodes")
}

/// Reads a plan and checks its limits and that whom it names signed it; not whether that one may.
///
/// # Errors
///
/// See [`PlanError`].
pub fn open_plan(bytes: &[u8], grid: GridId) -> Result<Plan, PlanError> {
    let unfit = PlanError::Unfit { bytes: bytes.len() };
    if bytes.len() > MAX_PLAN_BYTES {
        return Err(unfit);
    }
    let Ok((Signed { plan, signature }, [])) = postcard::take_from_bytes(bytes) else { return Err(unfit) };
    if !plan.is_sound() {
        return Err(unfit);
    }
    match verify(plan.by, Domain::Plan, &message(&plan, grid), &signature) {
        true => Ok(plan),
        false => Err(PlanError::Forged { by: plan.by }),
    }
}

fn message(plan: &Plan, grid: GridId) -> Vec<u8> {
    postcard::to_stdvec(&(grid, plan)).expect("plain data always encodes")
}

#[cfg(test)]
mod tests {
    use gridwell_model::{LayoutKind, Stamp};
    use proptest::prelude::*;

    use super::*;

    const GRID: GridId = GridId([3; 16]);

    fn sealed(links: Vec<(u16, u16)>, count: u16) -> Vec<u8> {
        let ann = Identity::from_seed(&mut [1; 32]);
        let members = (0..count).map(|at| PeerId([[0; 30].as_slice(), &at.to_be_bytes()].concat().try_into().unwrap()));
        let plan = Plan {
            revision: u64::MAX,
            by: ann.peer(),
            at: Stamp(5),
            kind: LayoutKind::Chain,
            members: members.collect(),
            links,
        };
        seal_plan(plan, GRID, &ann)
    }

    #[test]
    fn the_largest_plan_fits_and_is_read_back() {
        let bytes = sealed(vec![(510, 511); Plan::MAX_LINKS], 512);
        assert!(bytes.len() <= MAX_PLAN_BYTES, "{}", bytes.len());
        assert_eq!(open_plan(&bytes, GRID).unwrap().links.len(), Plan::MAX_LINKS);
    }

    #[test]
    fn every_changed_byte_and_another_grid_are_noticed() {
        let bytes = sealed(vec![(0, 1)], 3);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(open_plan(&changed, GRID).is_err(), "byte {at}");
            assert!(open_plan(&bytes[..at], GRID).is_err(), "cut at {at}");
        }
        assert!(matches!(open_plan(&bytes, GridId([4; 16])), Err(PlanError::Forged { .. })));
        assert!(matches!(open_plan(&sealed(vec![(0, 3)], 3), GRID), Err(PlanError::Unfit { .. })));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert!(open_plan(&bytes, GRID).is_err());
        }
    }
}
