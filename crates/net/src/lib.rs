//! Links between peers: authenticated connections, the control stream of each link, bulk streams, and visits of machines that
//! want in.
//!
//! The only room that names libp2p. One task ([`Net`]) owns the swarm; everybody else holds a [`NetHandle`] and reads
//! [`NetEvent`]s from a bounded channel. It decides nothing: whom to dial and whom to trust is handed in.
//!
//! - Transport: TCP + TLS 1.3 + yamux, and QUIC on the same port number. Both sides prove their peer id in the
//!   handshake. TLS and QUIC carry their own crypto provider, so no process-wide one is needed or set.
//! - A gate refuses everybody who is not a member before any stream exists. While an invite lives, strangers may
//!   visit, a few at a time and briefly, and the pairing stream is the only one that exists for them.
//! - Bulk bytes take lanes, connections of their own beside a link's, where they can be made (see `lane`).
//! - One connection per link otherwise. Of two made at the same time both sides keep the same one (see `net.rs`).
//! - Data planes never pass through the task that owns the swarm: each stream belongs to a task of its own.
//!
//! Streams are opened by a connection handler of our own rather than through `libp2p-stream`: it addresses one
//! connection (not any connection of a peer), can offer strangers fewer protocols, never dials behind the gate's
//! back, and queues instead of dropping. So four traps of that crate cannot occur.

mod address;
mod behaviour;
mod bulk;
mod config;
mod event;
mod frames;
mod handle;
mod keys;
mod knocking;
mod lane;
mod link;
mod nearby;
mod net;
mod pace;
mod reach;
mod talk;
mod transport;
mod wake;

pub use address::{AddressError, ListenAddress};
pub use bulk::{BulkResponder, BulkSink, FetchError, Fetched};
pub use config::{NetConfig, StartError, clear_key_log};
pub use event::{NetEvent, Refusal};
pub use handle::{LinkStats, NetHandle, SendError};
pub use nearby::{Announced, Found, NearbyError, look_nearby};
pub use net::Net;
pub use reach::{Reach, reach};
pub use talk::{Talk, VisitError};
pub use wake::send_wake;
