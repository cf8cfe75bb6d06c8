//! The ledger: the steward's truth about its jobs, and who takes over when a steward is gone.
//!
//! Floor 1, pure: facts and commands in ([`Input`]), wishes out ([`Effect`]), journal entries as opaque bytes. It decides
//! what state every task is in, who holds a lease on it, and what a report counts for. It does not choose peers (`sched`), run
//! tasks (`worker`) or write anything to disk.
//!
//! **Journal first, then act.** Every change is one journal entry; the entry comes out before the effects that follow from it.
//! Replaying the entries gives the same state: [`Ledger::restore`]. What only matters for a moment (has a leased task
//! started, when does a lease expire) is not journalled.
//!
//! **Fences.** A lease is named by `(epoch, attempt)`. The epoch grows at every restart, so a lease that was granted but not
//! journalled before a crash never counts.
//!
//! **Deputies.** Other peers keep copies of a job's journal ([`Deputies`]). When its steward falls silent, or wants to leave, one
//! of them takes over ([`Ledger::adopt`]); whoever was steward before gives up ([`Ledger::retire`]) and what it knew is merged
//! ([`Ledger::merge`]). The term counts stewardships of a job; of two claims the higher one holds ([`gridwell_model::Claim`]).
//!
//! **Limits.** Counted licences are leases, too: [`Limits`] gives them to whoever runs a program, for seconds at a time, and never
//! more of them than there are.
//!
//! Records are dense (24 bytes a task); sets of tasks are spans.

mod change;
mod deputies;
mod effect;
mod holders;
mod input;
mod job;
mod ledger;
mod limits;
mod notes;
mod policy;
mod reasons;
mod record;
mod restore;
mod view;

pub use deputies::{Deputies, DeputyEffect, DeputyInput};
pub use effect::{Effect, LeaseEnd, WasteKind};
pub use input::{Input, Refusal, Selection, SpecFlaw, Stow, TaskEnd};
pub use ledger::{Ledger, MergeError, Restored, Violation};
pub use limits::{LimitFlaw, Limits};
pub use restore::RestoreError;
pub use view::{FailureGroup, JobSummary, PeerShare, TaskCounts, TaskView};
