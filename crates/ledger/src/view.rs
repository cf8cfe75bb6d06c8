use std::time::Duration;

use gridwell_model::{Energy, Fence, JobId, JobState, PeerId, Stamp, TaskKey, TaskState};

/// Number of tasks in each state, indexed by [`TaskCounts::of`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskCounts(pub(crate) [u32; TaskState::ALL.len()]);

impl TaskCounts {
    /// Tasks in `state`.
    #[must_use]
    pub const fn of(&self, state: TaskState) -> u32 {
        self.0[state as usize]
    }

    pub(crate) fn waiting(count: u32) -> Self {
        let mut counts = Self::default();
        counts.0[TaskState::Waiting as usize] = count;
        counts
    }

    pub(crate) fn add(&mut self, state: TaskState) {
        self.0[state as usize] += 1;
    }

    pub(crate) fn moved(&mut self, from: TaskState, to: TaskState) {
        self.0[from as usize] -= 1;
        self.0[to as usize] += 1;
    }

    /// Every state with its number, in the states' order.
    pub fn pairs(&self) -> impl Iterator<Item = (TaskState, u32)> + '_ {
        TaskState::ALL.into_iter().map(|state| (state, self.of(state)))
    }

    /// Tasks in any state.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Tasks to which nothing more happens by itself.
    #[must_use]
    pub fn ended(&self) -> u32 {
        TaskState::ALL.iter().filter(|state| state.is_ended()).map(|state| self.of(*state)).sum()
    }

    /// Tasks under a lease.
    #[must_use]
    pub fn leased(&self) -> u32 {
        TaskState::ALL.iter().filter(|state| state.is_leased()).map(|state| self.of(*state)).sum()
    }

    /// These and `other`'s together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
        self
    }
}

/// A job at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSummary {
    /// The job.
    pub id: JobId,
    /// Its state.
    pub state: JobState,
    /// Higher goes first.
    pub priority: i32,
    /// True while a person holds the whole job.
    pub held: bool,
    /// Its tasks by state.
    pub counts: TaskCounts,
    /// Tasks that are done because an earlier job had made the same.
    pub reused: u32,
    /// The same as `counts` for each step.
    pub steps: Vec<TaskCounts>,
    /// Share of its tasks that ended, `0.0..=1.0`; 1.0 without tasks.
    pub progress: f64,
    /// Time until its end at the present pace; `None` while nothing runs or nothing is known.
    pub left: Option<Duration>,
    /// Run time of all tasks that ended well.
    pub run_time: Duration,
    /// When the first task started.
    pub started: Option<Stamp>,
    /// When the last task ended; `None` again after a retry.
    pub ended: Option<Stamp>,
    /// Machines that held leases of it, in the order in which they first did.
    pub shares: Vec<PeerShare>,
    /// Failed tasks by reason, most frequent first.
    pub failures: Vec<FailureGroup>,
    /// What went wrong most recently, in one sentence; also while it is tried again.
    pub last_failure: Option<String>,
}

/// What one machine did for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerShare {
    /// Which.
    pub peer: PeerId,
    /// Tasks that ended well there.
    pub done: u32,
    /// Attempts that failed there.
    pub failed: u32,
    /// Tasks it holds now.
    pub held: u32,
    /// It gets no more tasks of the job.
    pub blocked: bool,
    /// What runs there took, as far as that is known.
    pub energy: Energy,
    /// Runs of programs that were counted there, failed and stopped ones included; one for a chunk.
    pub runs: u32,
    /// Those of which nobody knows what they took.
    pub unmeasured: u32,
}

/// Tasks that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// One sentence.
    pub reason: String,
    /// How many tasks.
    pub tasks: u32,
    /// The first of them.
    pub example: TaskKey,
}

/// A task as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView {
    /// Which.
    pub key: TaskKey,
    /// Its state.
    pub state: TaskState,
    /// Who holds it, or held it last.
    pub peer: Option<PeerId>,
    /// The fence of its last lease; zero before the first.
    pub fence: Fence,
    /// Attempts so far that failed by the program's doing, and the one that runs or ended well.
    pub attempts: u32,
    /// Exit code of the last attempt, if its program ended by itself.
    pub exit_code: Option<i32>,
    /// Why the last attempt failed, in one sentence; empty if it did not.
    pub reason: String,
    /// Run time of the last attempt that ended, to the millisecond (its share, if it ran in a chunk).
    pub run_time: Duration,
    /// True if a checkpoint of it is kept.
    pub is_saved: bool,
}
