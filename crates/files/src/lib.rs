//! Verified pieces of files: which bytes, the proof that they are the right ones, what to read ahead and what to evict.
//!
//! Floor 1, pure: it sees sizes, hashes and bytes that it is handed. It opens no file and knows no peer: the store keeps
//! what is verified here, the node fetches what is missing.
//!
//! Content is named by its BLAKE3 hash, the root of a tree. Below that root everything is cut into **groups** of
//! [`GROUP_BYTES`]; the two hashes at each fork above them are a **pair**. Whoever has the root can check any group by the
//! pairs on the way down to it, without trusting who sent them.
//!
//! - [`Groups`] is a set of groups: what is here, what is wanted.
//! - [`Outboard`] holds all pairs of some content, a thousandth of its size.
//! - [`Parts`] is the order in which pairs and groups travel; [`Decoder`] checks them as they come.
//! - [`ReadAhead`] says what to fetch for the reads of an open file, [`Regions`] what to evict, [`Placement`] who keeps copies.

mod ahead;
mod decode;
mod groups;
mod outboard;
mod parts;
mod placement;
mod regions;
mod spread;
#[cfg(test)]
mod testing;
mod tree;

pub use ahead::{AheadMode, PathSpeed, ReadAhead, Wanted};
pub use decode::{DecodeError, Decoder, Verified};
pub use groups::{Groups, GroupsError};
pub use outboard::{Outboard, OutboardBuilder, OutboardError};
pub use parts::{Part, Parts, stream_bytes};
pub use placement::Placement;
pub use regions::{Purpose, Regions};
pub use spread::Spread;
pub use tree::{GROUP_BYTES, PAIR_BYTES, Pair, group_count, group_range};
