//! Who should be linked with whom.
//!
//! A [`Layout`] is a shape of the whole grid, carried out at once. A [`Behaviour`] belongs to one peer, looks at the map
//! again and again, and proposes to change one of its own links: [`Nearest`] for one that answers faster, [`Walk`] for any
//! other. Neither touches a pinned link, uses a forbidden one, or cuts anybody off (network.md §13).

mod graph;
mod layout;
mod nearest;
mod safe;
mod walk;

use gridwell_model::{PeerId, Time};

pub use graph::{Edge, Graph, Pair};
pub use layout::{Layout, LayoutError, SITE_RTT};
pub use nearest::Nearest;
pub use safe::may_let_go;
pub use walk::Walk;

#[cfg(test)]
mod tests;

/// Rewires the links of one peer, a little at a time. Built in or brought by an add-on.
pub trait Behaviour: std::fmt::Debug + Send {
    /// Its word in commands and settings.
    fn name(&self) -> &'static str;

    /// Looks at the map and says what it would change now, if anything. Whoever asks may carry it out or not; what became
    /// of it shows in the next map.
    fn propose(&mut self, graph: &Graph, me: PeerId, now: Time) -> Option<Change>;
}

/// A change of a peer's own links. The new link is made before the old one is let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whom to link with.
    pub adopt: Option<PeerId>,
    /// Whose link is not needed any more.
    pub let_go: Option<PeerId>,
    /// Why, with the numbers that decided.
    pub why: Why,
}

/// Why a [`Behaviour`] proposes a change; round trips in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It may answer sooner than the slowest link: it is tried.
    MayBeNearer {
        /// The least round trip it can have, by the way to it.
        at_least: u32,
        /// Of the slowest link.
        slowest: u32,
    },
    /// It answers sooner than the slowest link, which is let go.
    IsNearer {
        /// Of the new link.
        new: u32,
        /// Of the old one.
        old: u32,
    },
    /// It was tried and is not nearer by enough.
    IsNotNearer {
        /// Of the new link, if it could be measured.
        new: Option<u32>,
        /// Of the old one.
        old: u32,
    },
    /// There are more links than one peer keeps; this is the slowest.
    TooMany {
        /// How many there are.
        links: u32,
    },
    /// There are fewer links than one peer keeps.
    TooFew {
        /// How many there are.
        links: u32,
    },
    /// By chance.
    Chance,
}
