use serde::{Deserialize, Serialize};

/// Where a task stands. [`TaskState::can_become`] is the one table of legal transitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum TaskState {
    /// A dependency has not ended well yet.
    Waiting,
    /// A person holds it (or its job) back.
    Held,
    /// May be offered to a peer.
    Ready,
    /// A peer holds a lease but has not started it.
    Leased,
    /// Its program runs, or its outputs are on their way home.
    Running,
    /// Its program is stopped in place because the machine's owner came back.
    Frozen,
    /// Ended well; outputs are home.
    Done,
    /// Ended badly and will not be tried again by itself.
    Failed,
    /// Not run because something it depends on will never end well, or a person said so.
    Skipped,
    /// A person cancelled it.
    Cancelled,
    /// Its holder vanished; about to be ready again.
    Lost,
}

impl TaskState {
    /// Every state, in order.
    pub const ALL: [Self; 11] = [
        Self::Waiting,
        Self::Held,
        Self::Ready,
        Self::Leased,
        Self::Running,
        Self::Frozen,
        Self::Done,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
        Self::Lost,
    ];

    /// True when nothing more happens by itself.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Skipped | Self::Cancelled)
    }

    /// True while a peer holds a lease on it.
    #[must_use]
    pub const fn is_leased(self) -> bool {
        matches!(self, Self::Leased | Self::Running | Self::Frozen)
    }

    /// The table of legal transitions; a state never becomes itself.
    #[must_use]
    pub const fn can_become(self, next: Self) -> bool {
        use TaskState::{Cancelled, Done, Failed, Frozen, Held, Leased, Lost, Ready, Running, Skipped, Waiting};
        match self {
            Waiting => matches!(next, Held | Ready | Skipped | Cancelled),
            Held => matches!(next, Waiting | Ready | Skipped | Cancelled),
            Ready => matches!(next, Held | Leased | Skipped | Cancelled),
            Leased => matches!(next, Running | Ready | Held | Done | Failed | Lost | Cancelled),
            Running => matches!(next, Frozen | Ready | Held | Done | Failed | Lost | Cancelled),
            Frozen => matches!(next, Running | Ready | Held | Failed | Lost | Cancelled),
            Lost => matches!(next, Ready | Held | Failed | Cancelled),
            // A person may retry what ended badly; what ended well stays.
            Failed | Skipped | Cancelled => matches!(next, Ready | Waiting | Held),
            Done => false,
        }
    }
}

/// A job's state, derived from its tasks and its own switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Has tasks to run; none runs now.
    Waiting,
    /// A person holds it; nothing new starts.
    Held,
    /// At least one task is with a peer.
    Running,
    /// Every task ended well.
    Done,
    /// All tasks ended, at least one failed.
    Failed,
    /// A person cancelled it and everything has stopped.
    Cancelled,
}

impl JobState {
    /// True when nothing more happens by itself.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// Whose doing a failed attempt was; decides whether another machine is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The program ended with a code other than 0, or said `openjd_fail`.
    Program,
    /// It ran longer than its action allows, or gave no sign of life for too long.
    Timeout,
    /// The program was not there or could not be started.
    NoProgram,
    /// A signal ended it (out of memory, a crash).
    Signal,
    /// Inputs could not be fetched or prepared.
    Inputs,
    /// Outputs are missing, unreadable or could not be brought home.
    Outputs,
    /// An environment's enter or exit action failed.
    Environment,
    /// The task's parameters do not resolve on that machine.
    Template,
    /// The peer's own fault: disk full, runner died.
    Machine,
}

/// How an attempt ended, as its peer reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// Exit code 0 and outputs ready.
    Succeeded,
    /// Ended badly.
    Failed {
        /// Whose doing.
        kind: FailureKind,
        /// Exit code, if the program ended by itself.
        exit_code: Option<i32>,
        /// One sentence for people; at most [`AttemptEnd::REASON_BYTES`] bytes.
        reason: String,
    },
    /// Stopped because the steward or the machine's owner asked.
    Cancelled,
    /// Given back unstarted.
    Returned,
}

impl AttemptEnd {
    /// Longest reason carried: a sentence, not a log.
    pub const REASON_BYTES: usize = 500;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_well_never_changes() {
        assert!(TaskState::ALL.iter().all(|next| !TaskState::Done.can_become(*next)));
    }

    #[test]
    fn no_state_becomes_itself_and_every_state_is_reachable() {
        for state in TaskState::ALL {
            assert!(!state.can_become(state));
            let reachable = TaskState::ALL.iter().any(|from| from.can_become(state));
            assert!(reachable || state == TaskState::Waiting, "{state:?} is unreachable");
        }
    }

    #[test]
    fn only_a_leased_task_can_end_well() {
        for state in TaskState::ALL {
            assert_eq!(state.can_become(TaskState::Done), matches!(state, TaskState::Leased | TaskState::Running));
        }
    }
}
