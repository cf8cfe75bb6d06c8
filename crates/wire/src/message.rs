use std::collections::BTreeMap;

use gridwell_model::{
    BlobId, Decline, Fence, GridId, Hardware, Incarnation, JobId, LeaseId, LeaseOffer, LinkReport, LinkWish, Load,
    Renewal, Reserve, Stamp, TaskKey, TaskResult, TaskSpan, Tuning,
};
use serde::{Deserialize, Serialize};

/// Grows when a message changes its meaning; peers of different versions say so and do not link.
pub const PROTOCOL_VERSION: u32 = 3;

/// Everything that travels on a control stream. New variants go at the end: an unknown one is skipped by its receiver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// First on every control stream, both ways.
    Hello(Hello),
    /// What a peer has and how much of it is free; sent when it changes.
    Announce(Box<Announcement>),
    /// Signed membership records, encoded by `trust`; sent after Hello and when one is new.
    Members(Vec<Vec<u8>>),
    /// Measures the round trip; answered at once.
    Ping {
        /// Repeated in the answer.
        number: u64,
    },
    /// Answers [`Message::Ping`].
    Pong {
        /// From the question.
        number: u64,
    },
    /// Steward → worker: would you run these?
    Offer(LeaseOffer),
    /// Worker → steward: I hold this lease now.
    Accept {
        /// Which offer.
        lease: LeaseId,
    },
    /// Worker → steward: not now.
    Decline {
        /// Which offer.
        lease: LeaseId,
        /// Why.
        why: Decline,
    },
    /// Worker → steward: my leases are alive, and this is how far they are.
    Renew(Renewal),
    /// Worker → steward: these tasks of a lease ended.
    Report {
        /// Which lease.
        lease: LeaseId,
        /// One entry per task that ended since the last report; at most [`Message::MAX_RESULTS`].
        results: Vec<TaskResult>,
    },
    /// Steward → worker: counted and journalled; outputs of these tasks may go.
    Settled {
        /// Which lease.
        lease: LeaseId,
        /// The tasks.
        tasks: Vec<TaskSpan>,
    },
    /// Steward → worker: stop these tasks and give them back (or drop them, if they never started).
    Revoke {
        /// Which lease.
        lease: LeaseId,
        /// The tasks.
        tasks: Vec<TaskSpan>,
    },
    /// Steward → worker: nothing of this job is wanted any more; forget its inputs and sessions.
    Forget {
        /// The job.
        job: JobId,
    },
    /// Worker → steward: output of a task's program.
    Log(LogChunk),
    /// What a peer tells of its own links, all of it: at most [`LinkReport::MAX_LINKS`]. Sent when a link comes up, and when
    /// something changed.
    Links(Vec<LinkReport>),
    /// Instead of a hello: the owner of this peer forbids the link. Nothing follows.
    Forbidden(LinkWish),
}

impl Message {
    /// Most results in one report.
    pub const MAX_RESULTS: usize = TaskResult::MAX_IN_REPORT;
    /// Most bytes of output in one [`LogChunk`]: a quarter of a frame, so that logs never hold up leases for long.
    pub const MAX_LOG_BYTES: usize = 16 * 1024;
}

/// Who a peer is, first thing on a link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the sender.
    pub version: u32,
    /// The sender's grid; another grid's peer is sent away.
    pub grid: GridId,
    /// This run of the sender's node: a new one means that every lease it held is gone.
    pub incarnation: Incarnation,
    /// What people call the machine.
    pub name: String,
    /// Where it listens, as multiaddresses, most useful first; at most 16.
    pub addresses: Vec<String>,
    /// Wall clock in milliseconds since 1970, for the doctor's clock check only.
    pub clock_ms: u64,
}

/// What a peer has and lends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// The machine.
    pub hardware: Hardware,
    /// Labels its owner set.
    pub labels: BTreeMap<String, String>,
    /// Other people's load on it.
    pub load: Load,
    /// What its sessions may use altogether.
    pub lends: Reserve,
    /// What of that is not reserved now.
    pub free: Reserve,
    /// False while it takes nothing new, with the reason in `why_not`.
    pub accepts: bool,
    /// One sentence when `accepts` is false.
    pub why_not: String,
    /// Tasks it runs now, for all stewards.
    pub running: u32,
    /// When it takes work again by itself; absent while it takes some, or until its owner says so.
    pub paused_until: Option<Stamp>,
    /// How its owner tuned gravity.
    pub tuning: Tuning,
    /// What people call it.
    pub name: String,
    /// Version of its program.
    pub version: String,
}

/// Bytes that a task's program wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogChunk {
    /// The job.
    pub job: JobId,
    /// The task (the first of its chunk).
    pub task: TaskKey,
    /// Which attempt.
    pub fence: Fence,
    /// At most [`Message::MAX_LOG_BYTES`]; standard output and error as they came.
    pub bytes: Vec<u8>,
}

/// First on a bulk stream: what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkRequest {
    /// A blob's bytes from `offset` to its end.
    Blob {
        /// Which.
        blob: BlobId,
        /// The job that needs it: the right to read it.
        job: JobId,
        /// First byte wanted.
        offset: u64,
    },
}

/// Answers a [`BulkRequest`]; after [`BulkReply::Sending`] the bytes follow raw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkReply {
    /// That many bytes follow.
    Sending {
        /// Bytes that follow.
        bytes: u64,
    },
    /// Not here (any more).
    Missing,
    /// The asker has no right to it.
    Refused,
    /// Too many streams at once; ask again.
    Busy,
}
