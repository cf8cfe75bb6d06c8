use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AttemptEnd, BlobId, Energy, LeaseId, OutputFile, TaskKey, TaskSpan};

/// Things a task reserves while its session runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Reserve {
    /// Logical cores.
    pub cpus: f32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Graphics cards.
    pub gpus: u32,
    /// Free disk in MiB.
    pub disk_mib: u64,
}

impl Reserve {
    /// True if `other` fits into this.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        // Core counts are sums of small decimals: a thousandth of slack absorbs rounding.
        other.cpus <= self.cpus + 1e-3
            && other.memory_mib <= self.memory_mib
            && other.gpus <= self.gpus
            && other.disk_mib <= self.disk_mib
    }

    /// This with `other` added.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            cpus: self.cpus + other.cpus,
            memory_mib: self.memory_mib + other.memory_mib,
            gpus: self.gpus + other.gpus,
            disk_mib: self.disk_mib + other.disk_mib,
        }
    }

    /// This with `other` taken out, never below nothing.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self {
            cpus: (self.cpus - other.cpus).max(0.0),
            memory_mib: self.memory_mib.saturating_sub(other.memory_mib),
            gpus: self.gpus.saturating_sub(other.gpus),
            disk_mib: self.disk_mib.saturating_sub(other.disk_mib),
        }
    }
}

/// A proposed lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaseOffer {
    /// The lease, if accepted.
    pub lease: LeaseId,
    /// Position of the step in the job.
    pub step: u32,
    /// The tasks: run one after another in one session, or as chunks of `chunk`.
    pub span: TaskSpan,
    /// Tasks that make one run of the program; 1 unless the step is chunked.
    pub chunk: u32,
    /// The encoded job spec, to be fetched from the steward if unknown.
    pub spec: BlobId,
    /// Size of the spec in bytes.
    pub spec_bytes: u64,
    /// What its session reserves.
    pub reserve: Reserve,
    /// The lease ends by itself after this long without a renewal.
    pub duration: Duration,
    /// True if another machine goes on with the job should its steward fall silent: then its tasks are worth going on with.
    pub heirs: bool,
    /// What runs of its tasks go on from, at most [`Checkpoint::MAX_IN_OFFER`]; held by the steward.
    pub checkpoints: Vec<Checkpoint>,
}

/// What a program left of a run that did not end, so that another attempt, anywhere, goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The run: one task, or a chunk. No other run goes on from it.
    pub tasks: TaskSpan,
    /// Which of its attempt's it is, from 1: of two, the one of the later attempt counts, then the one with the higher number.
    pub number: u32,
    /// All files of the run's checkpoint folder, as one piece.
    pub blob: BlobId,
    /// Size of that piece in bytes.
    pub size_bytes: u64,
}

impl Checkpoint {
    /// Most bytes of one: a steward keeps one of each task that waits, beside what else its disk holds.
    pub const MAX_BYTES: u64 = 4 << 30;
    /// Most of them in one offer, some 50 bytes each, so that it fits a frame. Tasks beyond them begin anew.
    pub const MAX_IN_OFFER: usize = 256;
}

/// Why an offer is declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decline {
    /// Not enough free now; an announcement follows when there is.
    Busy,
    /// Takes nothing new.
    Draining,
    /// The owner's rules refuse it, in one sentence.
    Rules(String),
    /// Does not know the steward as a member.
    Stranger,
    /// No licence of this limit is free, or nobody who keeps it answers.
    Licence(String),
}

/// A worker's heartbeat toward one steward.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Renewal {
    /// Leases it holds for that steward.
    pub leases: Vec<LeaseId>,
    /// Tasks running now.
    pub running: Vec<RunningTask>,
}

/// A task that runs, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningTask {
    /// Under which lease.
    pub lease: LeaseId,
    /// The first task of the chunk.
    pub task: TaskKey,
    /// Tasks in the chunk.
    pub count: u32,
    /// 0 … 100, if the program says.
    pub progress: Option<f32>,
    /// What it says it does; at most 200 bytes.
    pub status: String,
    /// True while it stands still because the machine's owner wants the machine.
    pub frozen: bool,
    /// The newest that its program left, held by its holder until the steward has settled the run.
    pub checkpoint: Option<Checkpoint>,
}

/// How one task (or a chunk of neighbouring ones) ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The tasks: one, or a chunk that ran as one program.
    pub tasks: TaskSpan,
    /// How.
    pub end: AttemptEnd,
    /// Run time of the program in microseconds (of the whole chunk).
    pub run_micros: u64,
    /// What it took where it ran (the whole chunk); absent if nobody knows.
    pub energy: Option<Energy>,
    /// Files it made, held by the reporting peer until settled.
    pub outputs: Vec<OutputFile>,
    /// What another attempt goes on from, held as these.
    pub checkpoint: Option<Checkpoint>,
}

impl TaskResult {
    /// Most results in one report, so that a report of tasks without outputs fits a frame.
    pub const MAX_IN_REPORT: usize = 256;
}
