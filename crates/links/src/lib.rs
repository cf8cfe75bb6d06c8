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
//! - [`Routes`] chooses from that the path of links to each peer: over a link of this peer's own, else over those of
//!   others, of which both ends say that they stand. It moves seldom, and around what broke at once.
//! - [`Letters`] numbers what is sent over several links, and takes what comes so once; [`place`] says what each peer on
//!   the way does with it.
//! - [`Asks`] keeps what owners ask each other before one pins a link to the other's machine, and what they answered.
//! - [`behaviour`] says who should be linked with whom: shapes of the whole grid, and small changes by each peer.

mod asks;
mod backoff;
pub mod behaviour;
mod entry;
mod input;
mod letters;
mod links;
mod map;
mod paths;
mod routes;
mod rtt;
mod view;

pub use asks::{ASK_LASTS, AskState, AskView, Asks, NothingAsked};
pub use behaviour::Pair;
pub use input::{Effect, Input};
pub use letters::{Fault, Kind, Letters, Place, place};
pub use links::{Links, PONG_LIMIT};
pub use map::Map;
pub use paths::{Paths, Route};
pub use routes::Routes;
pub use rtt::Rtt;
pub use view::{LinkState, LinkView};
