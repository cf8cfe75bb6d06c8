use std::collections::VecDeque;

use gridwell_model::{JobId, PeerId, Time};

use crate::{Config, Counts, Effect, Explanation, Input, Terms};

/// The engine: facts in, placements out.
///
/// Placements are decided one at a time when they are polled, so that each sees everything said before.
#[derive(Debug)]
pub struct Scheduler {
    effects: VecDeque<Effect>,
    counts: Counts,
}

impl Scheduler {
    /// A scheduler that knows no peer and no job; the same `seed` and inputs give the same placements.
    #[must_use]
    pub fn new(_config: Config, _seed: u64) -> Self {
        Self { effects: VecDeque::new(), counts: Counts::default() }
    }

    /// Takes in a fact.
    pub fn handle(&mut self, _input: Input, _now: Time) {}

    /// Time passed: peers that declined may be asked again, waiting jobs age.
    pub fn handle_deadline(&mut self, _now: Time) {}

    /// The next wish; decided now.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to call [`Scheduler::handle_deadline`].
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        None
    }

    /// Every machine's case for the tasks of a step; `None` for an unknown step.
    #[must_use]
    pub fn explain(&mut self, _job: JobId, _step: u32) -> Option<Explanation> {
        None
    }

    /// The numbers that decided the last placement of a step on a peer.
    #[must_use]
    pub fn explain_placed(&self, _job: JobId, _step: u32, _peer: PeerId) -> Option<Terms> {
        None
    }

    /// Tasks that went in and out so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
