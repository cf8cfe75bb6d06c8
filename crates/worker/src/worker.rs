use std::collections::VecDeque;

use gridwell_model::{Reserve, Time};

use crate::{Effect, Input};

/// The engine: facts in, wishes out.
#[derive(Debug, Default)]
pub struct Worker {
    effects: VecDeque<Effect>,
}

impl Worker {
    /// How often held leases are renewed.
    pub const RENEW_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

    /// A worker that lends nothing until [`Input::LendingChanged`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a fact.
    pub fn handle(&mut self, _input: Input, _now: Time) {}

    /// Time passed: flushes reports, renews leases, closes idle sessions, drops what silent stewards left.
    pub fn handle_deadline(&mut self, _now: Time) {}

    /// The next wish.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to call [`Worker::handle_deadline`].
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        None
    }

    /// What is lent and not reserved.
    #[must_use]
    pub fn free(&self) -> Reserve {
        Reserve::default()
    }

    /// Sessions that run tasks now.
    #[must_use]
    pub fn running(&self) -> u32 {
        0
    }
}
