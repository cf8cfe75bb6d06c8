use serde::{Deserialize, Serialize};

use crate::{BlobId, JobId, PeerId};

/// Who is a job's steward, and by which right: of two claims the one that outranks the other holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// Number of the stewardship: 1 for the origin's first, one more each time another peer takes over.
    pub term: u32,
    /// Who is steward.
    pub steward: PeerId,
    /// Who the job came from.
    pub origin: PeerId,
}

impl Claim {
    /// True if this claim holds against `other`. Two peers that took over at the same time, unaware of each other, are told
    /// apart by their ids.
    #[must_use]
    pub fn outranks(&self, other: &Self) -> bool {
        (self.term, self.steward) > (other.term, other.steward)
    }
}

/// What stewards and deputies tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeputyMessage {
    /// Steward → deputy: a job as a whole; it replaces what you have of it.
    Whole {
        /// The sender's claim.
        claim: Claim,
        /// Names what follows this whole; a later one has a higher number.
        stream: u64,
        /// 0 takes over first.
        rank: u8,
        /// The last entry in it.
        number: u64,
        /// The job.
        body: Body,
    },
    /// Steward → deputy: entries that follow; none only to tell the rank.
    Entries {
        /// The job.
        job: JobId,
        /// What they follow.
        stream: u64,
        /// 0 takes over first.
        rank: u8,
        /// Number of the first.
        first: u64,
        /// The entries, in order.
        entries: Vec<Vec<u8>>,
    },
    /// Deputy → steward: everything up to this entry is on my disk.
    Kept {
        /// The job.
        job: JobId,
        /// The stream.
        stream: u64,
        /// The last entry.
        number: u64,
    },
    /// Deputy → steward: something is missing, begin again with the whole; of stream 0, which is none, at once.
    Missed {
        /// The job.
        job: JobId,
        /// The stream.
        stream: u64,
    },
    /// Steward → deputy: nothing of the job needs to be kept any more.
    Drop {
        /// The job.
        job: JobId,
    },
    /// Steward → everybody: these jobs are mine; at most [`DeputyMessage::MAX_CLAIMS`].
    Claims(Vec<Claim>),
    /// Deputy → everybody: can you hear this steward?
    AskHeard {
        /// The steward.
        steward: PeerId,
    },
    /// Answers [`DeputyMessage::AskHeard`]; who cannot hear it says nothing.
    Heard {
        /// The steward.
        steward: PeerId,
    },
    /// Steward → deputy: take over now. Origin → steward: give me my job back.
    HandOver {
        /// The job.
        job: JobId,
    },
    /// Deputy → steward: I have all the files that the job reads, too.
    HasInputs {
        /// The job.
        job: JobId,
    },
    /// Steward → whoever kept outputs for the origin: they are home.
    Landed {
        /// The job.
        job: JobId,
    },
    /// Former steward → steward: this is what I know of the job.
    Merge {
        /// The job.
        job: JobId,
        /// All of it.
        body: Body,
    },
    /// Steward → former steward: I know it too now.
    Merged {
        /// The job.
        job: JobId,
    },
    /// Deputy → everybody: do you know that these jobs have ended? At most [`DeputyMessage::MAX_CLAIMS`].
    AskOver(Vec<JobId>),
    /// Steward → whoever kept or ran them, and answers [`DeputyMessage::AskOver`]: these have ended, each with the journal
    /// entry of this number. Who knows of none says nothing.
    Over(Vec<(JobId, u64)>),
    /// Steward → deputy that has all the files: a run goes on from these bytes of mine, keep them, too.
    Checkpoint {
        /// The job.
        job: JobId,
        /// The bytes.
        blob: BlobId,
        /// How many.
        size_bytes: u64,
    },
    /// Steward → the same: nothing goes on from them any more.
    CheckpointGone {
        /// The job.
        job: JobId,
        /// The bytes.
        blob: BlobId,
    },
    /// Deputy → steward: the files that the job reads are more than this machine copies.
    TooLarge {
        /// The job.
        job: JobId,
        /// What it copies of one job, in bytes.
        most_bytes: u64,
    },
}

impl DeputyMessage {
    /// Most claims in one message: some 80 bytes each keep it within a frame.
    pub const MAX_CLAIMS: usize = 500;
    /// Most bytes of a job, or of entries, that travel in a message: half a frame.
    pub const MAX_INLINE_BYTES: usize = 32 * 1024;
}

/// A job's records on their way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// In this message; at most [`DeputyMessage::MAX_INLINE_BYTES`].
    Here(Vec<u8>),
    /// As a blob that the receiver fetches from the sender.
    Blob {
        /// Which.
        blob: crate::BlobId,
        /// Its size in bytes.
        size_bytes: u64,
    },
}
