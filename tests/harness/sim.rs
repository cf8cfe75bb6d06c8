//! A deterministic grid in one thread: the real engines and the real wire codec, made-up links, disks, programs and time.
//!
//! [`Simulation`] wires ledger, scheduler, worker and links as the node does: journal first, then act. A seed decides every latency,
//! fault and outcome, so the same seed gives the same trace. After every step the invariants are checked
//! (`sim/rules.rs`); a broken one is a [`Failure`] that says how to run it again.

mod carry;
mod disk;
mod event;
mod fault;
mod limits;
mod links;
mod network;
mod peer;
mod programs;
mod random;
mod routes;
mod rules;
mod setup;
mod steward;
mod storm;
mod succession;
mod talk;
mod traffic;
mod views;
mod world;

pub use event::PeerAt;
pub use peer::PeerSetup;
pub use random::Random;
pub use setup::{JobSetup, labels};
pub use storm::{seeds, storm};
pub use traffic::Traffic;
pub use world::{Failure, Simulation};
