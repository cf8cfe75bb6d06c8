use gridwell_model::{Checkpoint, Fence, JobSpec, PeerId, Stamp, TaskSpan};
use serde::{Deserialize, Serialize};

use crate::{LeaseEnd, Selection, Stow, TaskEnd};

/// Grows when an entry, or what the ledger concludes from one, changes its meaning.
const VERSION: u8 = 4;

/// What one journal entry says. Everything else follows from it, the same way at every replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// The first entry of every journal.
    Added { spec: Box<JobSpec>, priority: i32, held: bool },
    /// Ready tasks went under a new lease.
    Granted { step: u32, span: TaskSpan, peer: PeerId, fence: Fence },
    /// The first task since the job was added or retried started.
    Started { stamp: Stamp },
    /// What was left of a lease came back.
    Returned { fence: Fence, end: LeaseEnd, stamp: Stamp },
    /// Tasks of a live lease ended.
    Ended { fence: Fence, results: Vec<TaskEnd>, stamp: Stamp },
    /// The whole job was held (with what ran, if that is called back) or released.
    JobHeld { hold: Hold },
    /// Some tasks were.
    TasksHeld { tasks: Selection, hold: Hold },
    /// Tasks (or all) were cancelled.
    Cancelled { tasks: Option<Selection>, stamp: Stamp },
    /// What ended badly among these starts afresh.
    Retried { tasks: Selection },
    /// A person changed the priority.
    Prioritised { priority: i32 },
    /// Only blocked machines are left: no machine is blocked any more.
    Unblocked,
    /// A peer became the job's steward.
    Stewarded { term: u32, steward: PeerId },
    /// What another steward knew of the job and this one did not.
    Merged { done: Vec<DoneRun>, cancelled: Selection, stowed: Vec<Stow>, stamp: Stamp },
    /// Outputs of tasks that ended well lie on a peer that is not the origin.
    Stowed(Stow),
    /// They are home.
    Landed { step: u32, tasks: TaskSpan },
    /// Tasks of one lease went under a second one, which a peer held beside it.
    Replaced { of: Fence, by: Fence, peer: PeerId, step: u32, span: TaskSpan },
    /// What these tasks were to make was there already.
    Reused { tasks: Selection, stamp: Stamp },
    /// What a running program of this lease left is kept by the steward.
    Checkpointed { fence: Fence, checkpoint: Checkpoint },
}

/// What a person wants of a job or of a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Hold {
    /// It runs when it is its turn.
    #[default]
    No,
    /// Nothing new starts.
    Queued,
    /// What runs is called back, too.
    All,
}

impl Hold {
    pub(crate) const fn of(now: bool) -> Self {
        if now { Self::All } else { Self::Queued }
    }

    pub(crate) const fn added(held: bool) -> Self {
        if held { Self::Queued } else { Self::No }
    }

    pub(crate) const fn is_on(self) -> bool {
        !matches!(self, Self::No)
    }
}

/// Neighbouring tasks that ended well under one lease, as another steward counted them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DoneRun {
    pub(crate) step: u32,
    pub(crate) span: TaskSpan,
    pub(crate) peer: PeerId,
    pub(crate) fence: Fence,
    /// Of each of them.
    pub(crate) run_millis: u32,
}

/// Encodes entry `number` of a job's journal.
pub(crate) fn encode(number: u64, change: &Change) -> Vec<u8> {
    versioned(&(number, change))
}

/// Decodes an entry; `None` if it is not one of this version.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, Change)> {
    unversioned(bytes)
}

pub(crate) fn versioned<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![VERSION]).expect("plain data always encodes")
}

pub(crate) fn unversioned<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (version, rest) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    postcard::from_bytes(rest).ok()
}
