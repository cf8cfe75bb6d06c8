use std::collections::BTreeMap;

use gridwell_model::{
    BlobId, CopyReport, Decline, DeputyMessage, Fence, GridId, Hardware, Hindrance, Incarnation, JobId, LeaseId,
    LeaseOffer, LimitMessage, LinkAnswer, LinkAsk, LinkWish, Load, PeerId, Power, RelPath, Renewal, Reserve, ShareId,
    ShareReport, Stamp, Standing, TaskKey, TaskResult, TaskSpan, TreeEntry, Tuning, Version, WakePoint,
};
use serde::{Deserialize, Serialize};

/// Grows when a message changes its meaning; peers of different versions say so and do not link.
pub const PROTOCOL_VERSION: u32 = 5;

/// Everything that travels on a control stream. New variants go at the end: an unknown one is skipped by its receiver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// First on every control stream, both ways.
    Hello(Hello),
    /// What a peer has and how much of it is free; sent when it changes.
    Announce(Box<Announcement>),
    /// The membership log, or what is new in it, encoded by `trust`; sent after Hello and when something is new.
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
    /// What a peer tells of its own links: a [`LinkRecord`](gridwell_model::LinkRecord). Passed on to everybody; all that are
    /// known are sent when a link comes up.
    Links(Signed),
    /// Instead of a hello: the owner of this peer forbids the link. Nothing follows.
    Forbidden(LinkWish),
    /// Which links the grid is to have, signed and encoded by `trust`; sent when a link comes up, and when it is new.
    Plan(Vec<u8>),
    /// After all of [`Message::Members`] that follows a hello: jobs and data count from here on.
    MembersEnd,
    /// A message on its way over several links.
    Passed(Passed),
    /// Back to its source, the way it came: a letter was not carried.
    NotPassed(NotPassed),
    /// Between a job's steward and those who keep copies of it.
    Deputy(Box<DeputyMessage>),
    /// Instead of a hello: another run with the same key is linked here and answers, so this one works on a copy of its data
    /// folder. Nothing follows.
    Twice(Twin),
    /// Between machines that run programs on counted licences and those that keep the limits.
    Limit(Box<LimitMessage>),
    /// The owner of this peer asks to pin the link between the two; said again whenever a way leads there, until answered.
    LinkAsked {
        /// What.
        ask: LinkAsk,
        /// False if it is not wanted any more.
        wanted: bool,
    },
    /// Answers [`Message::LinkAsked`].
    LinkAnswered {
        /// [`LinkAsk::number`] of the question.
        number: u64,
        /// What became of it.
        answer: LinkAnswer,
    },
    /// The sender is about to sleep or to be switched off: its tasks and jobs go on elsewhere at once, nobody waits for it. Its
    /// next announcement takes that back.
    Leaving {
        /// True if it sleeps.
        sleeps: bool,
    },
    /// A member wants a machine woken that is on the receiver's own wire.
    Wake {
        /// Which.
        peer: PeerId,
    },
    /// Answers [`Message::Wake`].
    WakeSent {
        /// Which machine.
        peer: PeerId,
        /// True if the packet was sent.
        sent: bool,
    },
    /// The folders that the sender shows the receiver, all of them; those past [`ShareReport::MAX`] are not heeded.
    Shares(Vec<ShareReport>),
    /// What the owner of a share last said of it, signed and encoded by `trust`; passed on to all who see the share, and said again
    /// when one of them comes.
    Edition(Vec<u8>),
    /// Which copies the sender keeps of a share; said when that changes, and once in a while.
    Copies(CopyReport),
    /// Steward → worker: this step fails on other machines as it does there, so nothing about it speaks against the receiver.
    FailsElsewhere {
        /// The job.
        job: JobId,
        /// Position of the step.
        step: u32,
    },
}

impl Message {
    /// Most results in one report.
    pub const MAX_RESULTS: usize = TaskResult::MAX_IN_REPORT;
    /// Most bytes of output in one [`LogChunk`]: a quarter of a frame, so that logs never hold up leases for long.
    pub const MAX_LOG_BYTES: usize = 16 * 1024;

    /// True for what may travel over several links; the rest is about one link.
    #[must_use]
    pub const fn may_be_passed(&self) -> bool {
        match self {
            Self::Announce(_)
            | Self::Offer(_)
            | Self::Accept { .. }
            | Self::Decline { .. }
            | Self::Renew(_)
            | Self::Report { .. }
            | Self::Settled { .. }
            | Self::Revoke { .. }
            | Self::Forget { .. }
            | Self::FailsElsewhere { .. }
            | Self::Log(_)
            | Self::Deputy(_)
            | Self::Limit(_)
            | Self::LinkAsked { .. }
            | Self::LinkAnswered { .. }
            | Self::Leaving { .. }
            | Self::Wake { .. }
            | Self::WakeSent { .. }
            | Self::Shares(_)
            | Self::Edition(_)
            | Self::Copies(_) => true,
            Self::Hello(_)
            | Self::Members(_)
            | Self::Ping { .. }
            | Self::Pong { .. }
            | Self::Links(_)
            | Self::Forbidden(_)
            | Self::Twice(_)
            | Self::Plan(_)
            | Self::MembersEnd
            | Self::Passed(_)
            | Self::NotPassed(_) => false,
        }
    }
}

/// Bytes with the signature of whoever they name as their author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// What is signed, encoded.
    pub bytes: Vec<u8>,
    /// Both halves of an Ed25519 signature.
    pub signature: [[u8; 32]; 2],
}

/// A letter on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The place on its path of the peer to which it goes now.
    pub at: u8,
    /// A [`Letter`](gridwell_model::Letter), signed by its source.
    pub letter: Signed,
}

/// A letter that was not carried to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotPassed {
    /// The letter's path.
    pub path: Vec<PeerId>,
    /// Its number.
    pub number: u64,
    /// The place on the path of the peer to which this goes now.
    pub at: u8,
    /// The place on the path of the peer behind which the link broke.
    pub broke_at: u8,
    /// What was wrong.
    pub why: Hindrance,
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

/// Another run with the key of a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// What people call the machine on which it runs.
    pub name: String,
    /// Where that is, as seen by the peer that says so.
    pub address: String,
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
    /// One sentence when `accepts` is false; else why work on it has less, while it does.
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
    /// Where it hears packets that wake it; those past [`WakePoint::MAX`] are not heeded.
    pub wake: Vec<WakePoint>,
    /// How it stands toward the work of others.
    pub standing: Standing,
    /// What is known of the energy that it takes.
    pub power: Power,
    /// True if stewards may have it woken for work once it sleeps.
    pub wakes_for_work: bool,
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
    /// Its first byte within all that the attempt wrote. What a steward has already it drops.
    pub at: u64,
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
    /// A request on its way over several links; its letter carries another one.
    Passed(Passed),
    /// Something of a share, from its owner.
    Tree {
        /// Which share.
        share: ShareId,
        /// What of it.
        wish: TreeWish,
    },
    /// The jobs of which the asked machine is steward and that make files: a list of [`JobFolder`] follows in postcard, at most
    /// [`JobFolder::MAX`], those that were submitted last.
    Jobs,
    /// Something of what a job made, from its steward; answered like [`BulkRequest::Tree`].
    Made {
        /// Which job.
        job: JobId,
        /// What of it.
        wish: TreeWish,
    },
    /// Some groups of a blob: the stream follows that proves them (`docs/files.md`, "Content and proofs").
    Groups {
        /// Which blob.
        blob: BlobId,
        /// The job that reads it: the right to it.
        job: JobId,
        /// The first group.
        first: u64,
        /// How many groups, at most [`TreeWish::MAX_GROUPS`]; all of them lie in the blob.
        count: u64,
    },
    /// Some groups of a file of another machine's share, or of the list of its files, from a machine that keeps a copy: the
    /// stream follows that proves them.
    Copied {
        /// Whose share.
        owner: PeerId,
        /// Which.
        share: ShareId,
        /// The content.
        blob: BlobId,
        /// The first group.
        first: u64,
        /// How many groups, at most [`TreeWish::MAX_GROUPS`]; all of them lie in the content.
        count: u64,
    },
}

impl BulkRequest {
    /// True for what has a short answer.
    #[must_use]
    pub const fn is_question(&self) -> bool {
        match self {
            Self::Tree { wish, .. } | Self::Made { wish, .. } => match wish {
                TreeWish::List { .. } | TreeWish::Stat { .. } | TreeWish::Ticket { .. } => true,
                TreeWish::Prove { .. } | TreeWish::Read { .. } | TreeWish::ProveBy { .. } => false,
            },
            Self::Jobs => true,
            Self::Blob { .. } | Self::Passed(_) | Self::Groups { .. } | Self::Copied { .. } => false,
        }
    }

    /// True for what others than the asked machine may answer, from what they keep.
    #[must_use]
    pub const fn may_be_kept(&self) -> bool {
        matches!(self, Self::Tree { wish, .. } | Self::Made { wish, .. } if matches!(wish, TreeWish::ProveBy { .. }))
    }
}

/// A job as a folder of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFolder {
    /// Which.
    pub job: JobId,
    /// What people call it.
    pub name: String,
    /// When it was submitted, for people.
    pub submitted: Stamp,
}

impl JobFolder {
    /// Most jobs in an answer.
    pub const MAX: usize = 1_024;
    /// Longest answer, in bytes.
    pub const MAX_BYTES: u64 = 1024 * 1024;
}

/// What is wanted of a share; every answer is about the share as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TreeWish {
    /// The names in a folder (the share itself when absent): a [`TreePage`] follows in postcard, at most
    /// [`TreePage::MAX_BYTES`].
    List {
        /// The folder.
        folder: Option<RelPath>,
        /// Names up to this one are known already.
        after: Option<Vec<u8>>,
    },
    /// What lies at a path: a [`TreeEntry`] follows in postcard.
    Stat {
        /// The path; the share itself when absent.
        path: Option<RelPath>,
    },
    /// The hash of a file's content, if it still is that version, with the right to that content: an `Option` of a ticket follows in
    /// postcard, encoded by `trust`; none while its owner has only begun to hash it.
    Ticket {
        /// The file.
        path: RelPath,
        /// Which version of it.
        version: Version,
    },
    /// Some groups of a file, if it still is that version: the stream follows that proves them (`docs/files.md`, "Content and
    /// proofs").
    Prove {
        /// The file.
        path: RelPath,
        /// Which version of it.
        version: Version,
        /// The first group.
        first: u64,
        /// How many groups, at most [`TreeWish::MAX_GROUPS`]; all of them lie in the file.
        count: u64,
    },
    /// Bytes of a file that is not hashed yet, if it still is that version: they follow, and nothing proves them but the
    /// link.
    Read {
        /// The file.
        path: RelPath,
        /// Which version of it.
        version: Version,
        /// First byte wanted.
        offset: u64,
        /// Bytes wanted, at most [`TreeWish::MAX_READ_BYTES`]; all of them lie in the file.
        bytes: u64,
    },
    /// As [`TreeWish::Prove`], if the content is that of the ticket. Whoever passes this on may keep what comes, and answer from
    /// what it keeps.
    ProveBy {
        /// The file.
        path: RelPath,
        /// Which version of it.
        version: Version,
        /// The first group.
        first: u64,
        /// How many groups, at most [`TreeWish::MAX_GROUPS`]; all of them lie in the file.
        count: u64,
        /// The right of the asker to the content.
        ticket: Vec<u8>,
    },
}

impl TreeWish {
    /// Most groups in one stream: 32 MiB, as much as is read ahead. Whoever may not read any more is told so behind them.
    pub const MAX_GROUPS: u64 = 512;
    /// Most bytes of a file that is not hashed yet, in one stream.
    pub const MAX_READ_BYTES: u64 = 1024 * 1024;
}

/// Some names of a folder, in their order as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreePage {
    /// They.
    pub entries: Vec<TreeEntry>,
    /// True if more follow.
    pub more: bool,
}

impl TreePage {
    /// Most names in one page.
    pub const MAX_ENTRIES: usize = 4_096;
    /// Longest page, in bytes; the owner cuts it there.
    pub const MAX_BYTES: u64 = 1024 * 1024;
}

/// Why something of a share is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TreeFault {
    /// Nothing is there.
    Missing,
    /// A folder was asked for, and it is none.
    NotAFolder,
    /// A file was asked for, and it is none.
    NotAFile,
    /// It is another version now.
    Changed,
    /// It is not hashed yet, so nothing can be proven.
    NotHashed,
    /// The owner's operating system does not let it be read.
    Unreadable,
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
    /// A link on the way does not carry it.
    NotPassed {
        /// The place on the path of the peer behind which the link broke.
        broke_at: u8,
        /// What was wrong.
        why: Hindrance,
    },
    /// Something of a share is not shown.
    NotShown(TreeFault),
}
