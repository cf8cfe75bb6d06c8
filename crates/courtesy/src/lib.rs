//! What this machine may do for others now, given what its owner does.
//!
//! Floor 1, pure. [`Courtesy`] takes in what the senses say ([`Reading`]), what the owner wants ([`Policy`], pauses) and
//! which sessions run; it hands out wishes for each session ([`Effect`]) and what the scheduler may have ([`Offer`]), each
//! step with its [`Reason`] as data. It reads no sensor and stops no program: the node does, and says how long it took,
//! which makes the machine's promise ([`Promises`]). `docs/courtesy.md` has the ladder and where its numbers come from.

mod alarm;
mod courtesy;
mod effect;
mod input;
mod ladder;
mod objection;
mod offer;
mod policy;
mod posture;
mod promise;
mod reason;
mod schedule;
mod senses;
mod session;
mod week;

pub use courtesy::Courtesy;
pub use effect::Effect;
pub use gridwell_model::Standing;
pub use input::{Graphics, IdleSource, Input, Pause, Reading, Resource, SessionFacts, SessionKey};
pub use ladder::Ladder;
pub use offer::{Lent, Offer, Share};
pub use policy::{Limits, NeverWhile, Policy, PolicyError, When, Yield};
pub use promise::{Promises, Record, Step, Timing};
pub use reason::{Flag, Objection, Reason, Rung, Scope};
pub use schedule::{Hours, Schedule, WeekTime};
pub use week::{Cost, Week};
