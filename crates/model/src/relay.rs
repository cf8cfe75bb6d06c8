use serde::{Deserialize, Serialize};

use crate::{GridId, Incarnation, LinkReport, PeerId};

/// Most links that a message or a file travels over: beyond that a grid wants other links, not longer ways
/// (network.md §12).
pub const MOST_HOPS: usize = 6;

/// What a peer tells of itself and all its links; signed by it, and passed on to every member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The grid that it is about.
    pub grid: GridId,
    /// Who tells it.
    pub peer: PeerId,
    /// The run of its node that tells it.
    pub incarnation: Incarnation,
    /// Grows with each record of this peer, over restarts too: of two records the one with the higher number holds.
    pub number: u64,
    /// True if its owner lets it pass on what others send to each other.
    pub relays: bool,
    /// Its links: at most [`LinkReport::MAX_LINKS`].
    pub links: Vec<LinkReport>,
    /// Where it listens, most useful first: at most [`LinkRecord::MAX_ADDRESSES`]. So two that move at the same time find each
    /// other again through a third.
    pub addresses: Vec<String>,
}

impl LinkRecord {
    /// Most addresses that a peer tells.
    pub const MAX_ADDRESSES: usize = 16;
}

/// A message, or a request for bytes, on its way over several links. Its source signs all of it, so that nobody on the way
/// can change, redirect or repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The grid in which it travels.
    pub grid: GridId,
    /// The whole way: its source, who passes it on, and whom it is for; at most [`MOST_HOPS`] links.
    pub path: Vec<PeerId>,
    /// The run of the source's node.
    pub from_run: Incarnation,
    /// The [`LinkRecord::number`] of the source's newest record: who knows an older one only learns of the run from this.
    pub from_record: u64,
    /// The run of the node that it is for: one that has started again takes nothing that was meant for the one before.
    pub to_run: Incarnation,
    /// Never the same twice in a run of its source for one receiver.
    pub number: u64,
    /// What it carries, encoded by `wire`.
    pub payload: Vec<u8>,
}

impl Letter {
    /// Who wrote it, if its path has an end.
    #[must_use]
    pub fn source(&self) -> Option<PeerId> {
        self.path.first().copied()
    }

    /// Whom it is for, if its path has an end.
    #[must_use]
    pub fn receiver(&self) -> Option<PeerId> {
        self.path.last().copied()
    }
}

/// Why a link on a letter's way did not carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hindrance {
    /// The link does not stand (any more).
    Down,
    /// The owner of the machine before it lets it pass nothing on.
    NotRelaying,
    /// The machine before it has too much to pass on already.
    Busy,
    /// What came over it of this content was not the content.
    Wrong,
}
