//! The link table: with whom this peer is linked, whom it dials next, and how far away they are.
//!
//! Floor 1, pure: facts ([`Input`]) and the time go in, wishes ([`Effect`]) come out. It neither dials nor pings; the
//! node carries that to the net and brings back what happened. That two peers that dial each other at once end with
//! one connection is the net's duty; here it shows as one `Connected`.
//!
//! - [`Links`] is the engine. Every member is wanted as a direct link; lost ones are dialled again with exponential
//!   backoff and seeded jitter; pinned ones with the shortest, and forbidden ones not at all. A link on which nothing is heard is pinged, and given up when nothing comes then either:
//!   a machine that falls silent is known to be gone within ten seconds.
//! - [`Rtt`] measures round trips with pings of our own: the minimum of the last minute says how far away a peer is, the
//!   average how loaded the way is (network.md §12).
//! - [`Map`] keeps what other peers tell of their links, and says whom a change would cut off.
//! - [`Links::route`] answers with the path of links to a peer: one link today.

mod backoff;
mod entry;
mod input;
mod links;
mod map;
mod rtt;
mod view;

pub use input::{Effect, Input};
pub use links::{Links, PONG_LIMIT};
pub use map::Map;
pub use rtt::Rtt;
pub use view::{LinkState, LinkView};
