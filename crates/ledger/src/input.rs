use std::collections::BTreeMap;

use gridwell_model::{
    AttemptEnd, Checkpoint, Energy, JobId, JobSpec, LeaseId, OutputFile, PeerId, Stamp, TaskResult, TaskSpan, TaskSpans,
};

/// Tasks of one job, by step.
pub type Selection = BTreeMap<u32, TaskSpans>;

/// What the ledger is told: facts from peers, and commands from people.
///
/// Facts are always accepted (a stale one is answered with [`Effect::Waste`](crate::Effect::Waste) or ignored); commands may be
/// refused with a [`Refusal`].
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Command: a job was submitted here.
    JobAdded {
        /// The job.
        spec: Box<JobSpec>,
        /// Higher goes first.
        priority: i32,
        /// True to add it held.
        held: bool,
    },
    /// Fact: the holder took the lease.
    LeaseAccepted {
        /// Which.
        lease: LeaseId,
    },
    /// Fact: the holder refused the lease, or it could not be offered at all.
    LeaseDeclined {
        /// Which.
        lease: LeaseId,
    },
    /// Fact: the holder started these tasks.
    TasksStarted {
        /// Under which lease.
        lease: LeaseId,
        /// The tasks: one, or a chunk.
        span: TaskSpan,
        /// When, for people.
        stamp: Stamp,
    },
    /// Fact: a peer says that it holds these leases of this steward. Counts as acceptance. Tell the tasks it says are running
    /// first ([`Input::TasksStarted`]): of held jobs, what has not started is called back.
    Renewed {
        /// Who.
        peer: PeerId,
        /// Its leases; unknown ones are revoked.
        leases: Vec<LeaseId>,
    },
    /// Fact: what a running program left is here, so that another attempt goes on from there.
    CheckpointKept {
        /// Under which lease.
        lease: LeaseId,
        /// Whose program.
        peer: PeerId,
        /// What.
        checkpoint: Checkpoint,
    },
    /// Fact: tasks ended, and their outputs (if any) are home.
    TasksEnded {
        /// Under which lease.
        lease: LeaseId,
        /// Who says so.
        peer: PeerId,
        /// How each ended.
        results: Vec<TaskEnd>,
        /// When, for people.
        stamp: Stamp,
    },
    /// Fact: every lease this peer held is gone: it restarted (a new incarnation) or was removed from the grid.
    HolderVanished {
        /// Who.
        peer: PeerId,
    },
    /// Fact: every machine that fits some ready tasks of the job is blocked for it. The job then lifts its blocks for good: each
    /// task uses up its attempts on what there is, and the job ends instead of waiting for nobody.
    Stranded {
        /// Which.
        job: JobId,
    },
    /// Fact: outputs of tasks that ended well were brought to a peer that keeps them for the origin.
    OutputsStowed {
        /// Of which job.
        job: JobId,
        /// Which, and where.
        stow: Stow,
    },
    /// Fact: such outputs are home.
    OutputsLanded {
        /// Of which job.
        job: JobId,
        /// Position of the step.
        step: u32,
        /// The tasks, as they were stowed.
        tasks: TaskSpan,
    },
    /// Fact: the outputs of these tasks of a job that was just added are home already, from an earlier job.
    TasksReused {
        /// Of which job.
        job: JobId,
        /// Which.
        tasks: Selection,
        /// When, for people.
        stamp: Stamp,
    },
    /// Command: start nothing new of this job. Running tasks go on, unstarted leases are called back.
    HoldJob {
        /// Which.
        job: JobId,
        /// True to call back also what runs.
        now: bool,
    },
    /// Command: end [`Input::HoldJob`]. Tasks held one by one stay held.
    ReleaseJob {
        /// Which.
        job: JobId,
    },
    /// Command: start nothing new of these tasks.
    HoldTasks {
        /// Of which job.
        job: JobId,
        /// Which.
        tasks: Selection,
        /// True to call back also those that run.
        now: bool,
    },
    /// Command: end [`Input::HoldTasks`].
    ReleaseTasks {
        /// Of which job.
        job: JobId,
        /// Which.
        tasks: Selection,
    },
    /// Command: stop; what runs is revoked and ends as cancelled once its holder has stopped it.
    Cancel {
        /// Of which job.
        job: JobId,
        /// Which; `None` for everything that has not ended.
        tasks: Option<Selection>,
        /// When, for people.
        stamp: Stamp,
    },
    /// Command: try again what ended badly, with fresh attempts and no machine blocked.
    Retry {
        /// Of which job.
        job: JobId,
        /// Which; `None` for every failed task, or every cancelled one if none failed. Skipped tasks follow by themselves.
        tasks: Option<Selection>,
    },
    /// Command: higher goes first.
    SetPriority {
        /// Which.
        job: JobId,
        /// The new priority.
        priority: i32,
    },
    /// Command: forget an ended job.
    RemoveJob {
        /// Which.
        job: JobId,
    },
}

/// How a task, or a chunk of neighbours that ran as one program, ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TaskEnd {
    /// The tasks.
    pub tasks: TaskSpan,
    /// How.
    pub end: AttemptEnd,
    /// Run time of the program in microseconds (of the whole chunk).
    pub run_micros: u64,
    /// What it took of energy where it ran (the whole chunk); absent if nobody knows.
    pub energy: Option<Energy>,
}

impl From<TaskResult> for TaskEnd {
    /// Leaves out the outputs: they are home before the ledger hears of the result.
    fn from(result: TaskResult) -> Self {
        Self { tasks: result.tasks, end: result.end, run_micros: result.run_micros, energy: result.energy }
    }
}

/// Outputs of one run that wait for their origin on another peer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stow {
    /// Position of the step.
    pub step: u32,
    /// The tasks that made them.
    pub tasks: TaskSpan,
    /// Who keeps them.
    pub peer: PeerId,
    /// What they are.
    pub outputs: Vec<OutputFile>,
}

/// Why a command is refused; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such job here.
    #[error("no job {job} here")]
    UnknownJob {
        /// The id as given.
        job: JobId,
    },
    /// A job of that id is here already.
    #[error("job {job} is here already")]
    KnownJob {
        /// The id.
        job: JobId,
    },
    /// The job has fewer steps, or the step fewer tasks.
    #[error("job {job} has no task {step}.{index}")]
    UnknownTask {
        /// The job.
        job: JobId,
        /// Step as given.
        step: u32,
        /// First index that is not there.
        index: u32,
    },
    /// Nothing of what was named can still be stopped, held or released.
    #[error("job {job} (or all tasks named) ended already")]
    AlreadyEnded {
        /// The job.
        job: JobId,
    },
    /// Nothing of what was named ended badly.
    #[error("job {job} has nothing to retry there: only failed, skipped and cancelled tasks can be retried")]
    NothingToRetry {
        /// The job.
        job: JobId,
    },
    /// Only an ended job can be removed.
    #[error("job {job} has not ended; cancel it first")]
    NotEnded {
        /// The job.
        job: JobId,
    },
    /// The spec is over a limit or its steps depend on each other in a circle.
    #[error("job {job}: {flaw}")]
    BadSpec {
        /// The job.
        job: JobId,
        /// What is wrong.
        flaw: SpecFlaw,
    },
}

/// What is wrong with a job spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecFlaw {
    /// Over [`JobSpec::MAX_STEPS`].
    #[error("{steps} steps exceed the limit of {}", JobSpec::MAX_STEPS)]
    TooManySteps {
        /// Its steps.
        steps: usize,
    },
    /// Over [`JobSpec::MAX_TASKS`].
    #[error("{tasks} tasks exceed the limit of {}", JobSpec::MAX_TASKS)]
    TooManyTasks {
        /// Its tasks.
        tasks: u64,
    },
    /// A dependency names a step that is not there, or frame by frame on a step of another length.
    #[error("step {step} cannot depend on step {on}")]
    BadEdge {
        /// The dependent step.
        step: u32,
        /// What it names.
        on: u32,
    },
    /// Steps depend on each other in a circle.
    #[error("its steps depend on each other in a circle")]
    Circle,
}
