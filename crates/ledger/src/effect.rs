use gridwell_model::{BlobId, JobId, JobState, LeaseId, PeerId, TaskSpan, TaskSpans, TaskState};
use serde::{Deserialize, Serialize};

/// What the ledger wants done, in this order: everything behind a [`Effect::Journal`] waits until that entry is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Append an entry to the job's journal.
    Journal {
        /// Whose.
        job: JobId,
        /// Its number in that journal, from 1.
        number: u64,
        /// Versioned and numbered; opaque to everybody else.
        entry: Vec<u8>,
        /// True if it must survive a power cut before the effects behind it are carried; else a plain write is enough.
        durable: bool,
    },
    /// The journal grew long: store [`Ledger::snapshot`](crate::Ledger::snapshot) and drop the entries written so far. Entries
    /// carry numbers, so dropping too few of them does no harm.
    SnapshotDue {
        /// Whose.
        job: JobId,
    },
    /// The job has something to do (new, restored, or retried after its end): tell the scheduler about it.
    JobOpened {
        /// Which; its spec is at [`Ledger::spec`](crate::Ledger::spec).
        job: JobId,
        /// Higher goes first.
        priority: i32,
    },
    /// After a restart: this peer may still hold this lease.
    LeaseKept {
        /// Which.
        lease: LeaseId,
        /// Who.
        peer: PeerId,
        /// Position of the step.
        step: u32,
        /// Its tasks that have not ended.
        spans: TaskSpans,
    },
    /// Tasks may be placed.
    TasksReady {
        /// Of which job.
        job: JobId,
        /// Position of the step.
        step: u32,
        /// Which.
        spans: TaskSpans,
        /// Peers where these tasks failed: not there while another one fits.
        avoid: Vec<PeerId>,
    },
    /// Tasks that were ready may not be placed any more.
    TasksWithdrawn {
        /// Of which job.
        job: JobId,
        /// Position of the step.
        step: u32,
        /// Which.
        spans: TaskSpans,
    },
    /// Ask the holder to stop these tasks; repeated at each renewal until it has. Of an unknown lease: everything, so `spans` is
    /// `None`.
    Revoke {
        /// Who.
        peer: PeerId,
        /// Which lease.
        lease: LeaseId,
        /// The tasks; `None` for all of them.
        spans: Option<TaskSpans>,
    },
    /// Tell the holder that these tasks are counted (or never will be): their outputs may go.
    Settle {
        /// Who.
        peer: PeerId,
        /// Which lease.
        lease: LeaseId,
        /// The tasks.
        spans: TaskSpans,
    },
    /// Nobody goes on from this checkpoint any more: its bytes may go.
    DropCheckpoint {
        /// Of which job.
        job: JobId,
        /// What.
        blob: BlobId,
    },
    /// A lease is over: the scheduler frees what it held.
    LeaseEnded {
        /// Which.
        lease: LeaseId,
        /// Who held it.
        peer: PeerId,
        /// Position of the step.
        step: u32,
        /// How.
        end: LeaseEnd,
    },
    /// Tasks of a lease ended well: the scheduler learns how long they take there.
    TasksTimed {
        /// Under which lease.
        lease: LeaseId,
        /// Where.
        peer: PeerId,
        /// Position of the step.
        step: u32,
        /// How many.
        tasks: u32,
        /// Run time of all of them together, in microseconds.
        run_micros: u64,
        /// Tasks of the lease that have not ended.
        left: u32,
    },
    /// Tasks failed on a peer and then ended well on another one, in one run: the scheduler learns that it was the peer's
    /// doing, not the job's.
    Outdone {
        /// Of which job.
        job: JobId,
        /// Position of the step.
        step: u32,
        /// Where they failed.
        peer: PeerId,
        /// Where they ended well.
        by: PeerId,
        /// How many.
        tasks: u32,
    },
    /// A step fails on several peers, and so is hardly the fault of this one, which is to hear it. Said once.
    FailsElsewhere {
        /// Of which job.
        job: JobId,
        /// Position of the step.
        step: u32,
        /// One of those on which it failed.
        peer: PeerId,
    },
    /// The scheduler gives this peer no more tasks of the job.
    BlockPeer {
        /// The job.
        job: JobId,
        /// Who.
        peer: PeerId,
    },
    /// Ends [`Effect::BlockPeer`].
    UnblockPeer {
        /// The job.
        job: JobId,
        /// Who.
        peer: PeerId,
    },
    /// The scheduler orders the job anew.
    PriorityChanged {
        /// Which.
        job: JobId,
        /// Higher goes first.
        priority: i32,
    },
    /// For the screen: neighbouring tasks changed their state.
    TasksChanged {
        /// Of which job.
        job: JobId,
        /// Position of the step.
        step: u32,
        /// Which.
        span: TaskSpan,
        /// Their state now.
        state: TaskState,
        /// Who holds or held them, if anybody.
        peer: Option<PeerId>,
    },
    /// For the screen: the job's own state changed.
    JobChanged {
        /// Which.
        job: JobId,
        /// Its state now.
        state: JobState,
    },
    /// Nothing more happens by itself.
    JobEnded {
        /// Which.
        job: JobId,
        /// Done, failed or cancelled.
        state: JobState,
    },
    /// Tell these peers that nothing of the job is wanted any more.
    Forget {
        /// The job.
        job: JobId,
        /// Everybody who held a lease of it.
        peers: Vec<PeerId>,
    },
    /// Delete the job's journal and everything kept for it.
    JobRemoved {
        /// Which.
        job: JobId,
    },
    /// Another peer is the job's steward now: it is not placed or counted here any more. Its leases have ended as
    /// [`LeaseEnd::Ceded`] before.
    JobRetired {
        /// Which.
        job: JobId,
    },
    /// A report that is not counted.
    Waste {
        /// Under which lease.
        lease: LeaseId,
        /// Who.
        peer: PeerId,
        /// Number of tasks.
        tasks: u32,
        /// Run time spent in microseconds; 0 for a report that was counted before.
        run_micros: u64,
        /// Why.
        kind: WasteKind,
    },
}

/// How a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LeaseEnd {
    /// Every task was reported.
    Finished,
    /// The peer did not take it.
    Declined,
    /// Its holder was silent for too long.
    Expired,
    /// Its holder restarted or left.
    Vanished,
    /// It goes on under another steward.
    Ceded,
}

/// Why a report is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WasteKind {
    /// The lease is over (or never was): somebody else has the task, or it ended.
    Stale,
    /// It was counted before.
    Duplicate,
}
