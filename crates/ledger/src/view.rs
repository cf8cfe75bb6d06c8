use std::time::Duration;

use gridwell_model::{Fence, JobId, JobState, PeerId, Stamp, TaskKey, TaskState};

/// Number of tasks in each state, indexed by [`TaskCounts::of`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskCounts(pub(crate) [u32; TaskState::ALL.len()]);

impl TaskCounts {
    /// Tasks in `state`.
    #[must_use]
    pub const fn of(&self, state: TaskState) -> u32 {
        self.0[state as usize]
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
    /// The same for each step.
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
    /// Machines that get no more of its tasks.
    pub blocked: Vec<PeerId>,
    /// What went wrong most recently, in one sentence.
    pub last_failure: Option<String>,
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
    /// Attempts that failed by the program's doing.
    pub failed_attempts: u32,
    /// Exit code of the last attempt, if its program ended by itself.
    pub exit_code: Option<i32>,
    /// Why the last attempt failed, in one sentence; empty if it did not.
    pub reason: String,
    /// Run time of the last attempt that ended, to the millisecond (its share, if it ran in a chunk).
    pub run_time: Duration,
}
