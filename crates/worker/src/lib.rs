//! What this peer does next with the leases it holds: accept, fetch, run, report.
//!
//! Floor 1, pure. [`Worker`] treats every steward alike, this peer's own node included. It starts no process and opens
//! no file: the node carries its [`Effect`]s out and brings back what happened as [`Input`]s.

mod end;
mod energy;
mod input;
mod lease;
mod licence;
mod report;
mod run;
mod session;
mod timer;
mod worker;

pub use energy::EnergyShares;
pub use input::{Effect, Input, Lent, SessionFailure, SessionId, SpecView, StepView};
pub use worker::Worker;
