use std::{collections::VecDeque, sync::Arc};

use gridwell_model::{JobId, JobSpec, LeaseId, PeerId, TaskKey, TaskSpan, Time};

use crate::{Effect, Input, JobSummary, Refusal, TaskView};

/// The engine.
#[derive(Debug, Default)]
pub struct Ledger {
    epoch: u32,
    effects: VecDeque<Effect>,
}

/// Why a journal cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Bytes are not an entry (or snapshot) of a version this program knows.
    #[error("journal of job {job}: part {part} is unreadable")]
    Unreadable {
        /// Whose.
        job: JobId,
        /// 0 is the snapshot, entries count from 1.
        part: usize,
    },
    /// An entry is missing.
    #[error("journal of job {job}: expected entry {expected}, found {found}")]
    Gap {
        /// Whose.
        job: JobId,
        /// The number that should come next.
        expected: u64,
        /// The number found.
        found: u64,
    },
}

/// A broken invariant: always a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job {job}: {what}")]
pub struct Violation {
    /// Where.
    pub job: JobId,
    /// Which invariant, with its values.
    pub what: String,
}

impl Ledger {
    /// An empty ledger; `epoch` must be higher than at any earlier start of this node.
    #[must_use]
    pub fn new(epoch: u32) -> Self {
        Self { epoch, effects: VecDeque::new() }
    }

    /// Replays journals: for each job its last snapshot, if any, and the entries since, in order.
    ///
    /// Jobs go on: tasks under a journalled lease keep it and wait for their holder until `LEASE_DURATION` after `now`.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if a journal is damaged.
    pub fn restore(
        epoch: u32,
        jobs: impl IntoIterator<Item = (JobId, Option<Vec<u8>>, Vec<Vec<u8>>)>,
        now: Time,
    ) -> Result<Self, RestoreError> {
        let _ = (jobs.into_iter().count(), now);
        Ok(Self::new(epoch))
    }

    /// Takes in a fact or a command.
    ///
    /// # Errors
    ///
    /// A command may be refused; nothing has changed then. Facts never are.
    pub fn handle(&mut self, _input: Input, _now: Time) -> Result<(), Refusal> {
        Ok(())
    }

    /// Puts ready tasks under a new lease; `None` if they are no longer all ready. Offer it once its journal entry is written.
    pub fn grant(&mut self, _job: JobId, _step: u32, _span: TaskSpan, _peer: PeerId, _now: Time) -> Option<LeaseId> {
        None
    }

    /// Ends the leases whose time is over.
    pub fn handle_deadline(&mut self, _now: Time) {}

    /// When the next lease ends, at the earliest.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        None
    }

    /// The next wish.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// This start's epoch.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Everything the journal says about a job so far, as one piece; entries written before are not needed beside it.
    #[must_use]
    pub fn snapshot(&self, _job: JobId) -> Option<Vec<u8>> {
        None
    }

    /// Every job here.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        std::iter::empty()
    }

    /// A job's spec.
    #[must_use]
    pub fn spec(&self, _job: JobId) -> Option<&Arc<JobSpec>> {
        None
    }

    /// A job at a glance.
    #[must_use]
    pub fn summary(&self, _job: JobId, _now: Time) -> Option<JobSummary> {
        None
    }

    /// Tasks of a job from `from` on, in order of step and index, at most `limit`.
    #[must_use]
    pub fn tasks(&self, _job: JobId, _from: TaskKey, _limit: usize) -> Vec<TaskView> {
        Vec::new()
    }

    /// The tasks a live lease still holds: its step, holder and tasks.
    #[must_use]
    pub fn lease(&self, _lease: LeaseId) -> Option<(u32, PeerId, gridwell_model::TaskSpans)> {
        None
    }

    /// Checks every invariant; for tests and simulations (it walks over all tasks).
    ///
    /// # Errors
    ///
    /// The first [`Violation`] found.
    pub fn check(&self) -> Result<(), Violation> {
        Ok(())
    }
}
