use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{PeerId, Stamp};

/// Shapes that the links of a grid may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LayoutKind {
    /// Everybody is linked with everybody.
    #[default]
    Mesh,
    /// One after the other.
    Chain,
    /// Everybody is linked with one machine.
    Star,
    /// A mesh on each site, two links between each two of them.
    Sites,
}

impl LayoutKind {
    /// Every one, in the order people read them.
    pub const ALL: [Self; 4] = [Self::Mesh, Self::Chain, Self::Star, Self::Sites];

    /// Its word in commands.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::Chain => "chain",
            Self::Star => "star",
            Self::Sites => "sites",
        }
    }
}

impl fmt::Display for LayoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that is no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not a layout (mesh, chain, star or sites)")]
pub struct NotALayout {
    word: String,
}

impl FromStr for LayoutKind {
    type Err = NotALayout;

    fn from_str(word: &str) -> Result<Self, NotALayout> {
        let known = Self::ALL.into_iter().find(|kind| kind.word() == word);
        known.ok_or_else(|| NotALayout { word: word.to_owned() })
    }
}

/// Which links somebody wants the grid to have. The highest `(revision, by)` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Grows with each plan.
    pub revision: u64,
    /// Who made it.
    pub by: PeerId,
    /// When, by its clock.
    pub at: Stamp,
    /// Of which shape it is.
    pub kind: LayoutKind,
    /// The members that it speaks of, by id; links with others are as they would be without it.
    pub members: Vec<PeerId>,
    /// The links that are needed among them, as positions in `members`; none for a mesh, which needs all.
    pub links: Vec<(u16, u16)>,
}

impl Plan {
    /// Most members that a plan speaks of: those of the largest grids whose map people can read.
    pub const MAX_MEMBERS: usize = 512;
    /// Most links of a plan, so that it fits into one message.
    pub const MAX_LINKS: usize = 6_000;

    /// True if the link between two peers is needed.
    #[must_use]
    pub fn needs(&self, one: PeerId, other: PeerId) -> bool {
        let at = |peer: PeerId| self.members.binary_search(&peer).ok().and_then(|at| u16::try_from(at).ok());
        match (at(one), at(other)) {
            _ if self.kind == LayoutKind::Mesh => true,
            (Some(one), Some(other)) => self.links.contains(&(one.min(other), one.max(other))),
            _ => true,
        }
    }

    /// True if it holds instead of `other`.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.revision, self.by) > (other.revision, other.by)
    }

    /// True if its lists are within their limits, in order, and fit each other.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let count = self.members.len();
        count <= Self::MAX_MEMBERS
            && self.links.len() <= Self::MAX_LINKS
            && self.members.is_sorted_by(|one, other| one < other)
            && self.links.iter().all(|(one, other)| one < other && usize::from(*other) < count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> PeerId {
        PeerId([number; 32])
    }

    fn a_chain() -> Plan {
        let members = (0..3).map(peer).collect();
        let links = vec![(0, 1), (1, 2)];
        Plan { revision: 1, by: peer(0), at: Stamp(0), kind: LayoutKind::Chain, members, links }
    }

    #[test]
    fn a_plan_speaks_of_its_members_only() {
        let plan = a_chain();
        assert!(plan.is_sound() && plan.needs(peer(1), peer(0)) && !plan.needs(peer(0), peer(2)));
        assert!(plan.needs(peer(0), peer(9)), "a newcomer is linked as usual");
        assert!(Plan { kind: LayoutKind::Mesh, links: Vec::new(), ..plan }.needs(peer(0), peer(2)));
    }

    #[test]
    fn what_does_not_fit_is_not_sound() {
        for plan in [
            Plan { links: vec![(0, 3)], ..a_chain() },
            Plan { links: vec![(1, 0)], ..a_chain() },
            Plan { members: vec![peer(1), peer(1)], links: Vec::new(), ..a_chain() },
            Plan { links: vec![(0, 1); Plan::MAX_LINKS + 1], ..a_chain() },
        ] {
            assert!(!plan.is_sound(), "{plan:?}");
        }
    }

    #[test]
    fn of_two_plans_one_holds_everywhere() {
        let (older, newer) = (a_chain(), Plan { by: peer(1), ..a_chain() });
        assert!(newer.is_newer_than(&older) && !older.is_newer_than(&newer) && !older.is_newer_than(&older));
    }

    #[test]
    fn words_are_read_back() {
        for kind in LayoutKind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
        }
        let error = "ring".parse::<LayoutKind>().unwrap_err();
        assert_eq!(error.to_string(), "'ring' is not a layout (mesh, chain, star or sites)");
    }
}
