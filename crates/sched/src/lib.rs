//! Which peer gets which task, and why not the others.
//!
//! Floor 1, pure. Given peers, jobs and ready tasks, [`Scheduler`] emits [`Effect::Place`]: fit first, then gravity. It
//! never talks to peers and holds no truth about tasks: the ledger grants or refuses every placement, and the node
//! carries the offer. What it knows of a placement is kept as [`Terms`]; [`Scheduler::explain`] shows the same numbers.

mod batch;
mod board;
mod explain;
mod health;
mod input;
mod jobs;
mod kept;
mod limits;
mod pace;
mod peer;
mod place;
mod queue;
mod random;
mod room;
mod scheduler;
mod seconds;
mod terms;
mod tree;

pub use explain::{Against, Explanation, MachineExplanation, WishPull};
pub use health::{Health, Sick};
pub use input::{
    Config, Counts, Effect, Input, JobView, LimitView, LookWish, PeerView, Placement, PlacementId, StepView,
};
pub use scheduler::Scheduler;
pub use terms::{Term, Terms};
