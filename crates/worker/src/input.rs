use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{
    ActionEnd, BlobId, Checkpoint, Decline, Energy, JobId, LeaseId, LeaseOffer, LicenceAsk, LimitNeed, OutputFile,
    PeerId, Renewal, Reserve, TaskResult, TaskSpan, Time,
};

/// Names a session from [`Effect::OpenSession`] until [`Input::SessionClosed`]; never used twice in one run of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What a worker must know of a job's spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecView {
    /// True when files must be fetched before its tasks can run.
    pub has_inputs: bool,
    /// True when its tasks leave files that count (output folders or globs).
    pub has_outputs: bool,
    /// True when a run that leaves none has failed.
    pub needs_outputs: bool,
    /// True when its programs leave checkpoints.
    pub continues: bool,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// Licences that a lease takes, by step; nothing for a step that needs none.
    pub limits: BTreeMap<u32, Vec<LimitNeed>>,
}

/// What a worker must know of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepView {
    /// Steps of a job with the same key have the same environments: their tasks share sessions.
    pub environments: u64,
    /// Chunks never cross a multiple of this many tasks; `None` unless the step is chunked.
    pub row: Option<u32>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A steward proposes a lease.
    Offered {
        /// Who.
        steward: PeerId,
        /// What.
        offer: LeaseOffer,
        /// True if its job is the machine's owner's.
        own: bool,
    },
    /// [`Effect::FetchSpec`] is done.
    SpecReady {
        /// The job.
        job: JobId,
        /// What it says.
        spec: SpecView,
    },
    /// [`Effect::FetchSpec`] failed for good.
    SpecFailed {
        /// The job.
        job: JobId,
        /// One sentence.
        reason: String,
    },
    /// [`Effect::FetchInputs`] is done.
    InputsReady {
        /// The job.
        job: JobId,
    },
    /// [`Effect::FetchInputs`] failed for good.
    InputsFailed {
        /// The job.
        job: JobId,
        /// One sentence.
        reason: String,
    },
    /// A session's environments are entered; it takes tasks.
    SessionOpened {
        /// Which.
        session: SessionId,
    },
    /// A session could not be opened, or its runner died; it is gone. What it was running has failed with it, what was
    /// queued in it never started; neither is answered one by one.
    SessionFailed {
        /// Which.
        session: SessionId,
        /// Whose doing.
        cause: SessionFailure,
    },
    /// A session has left its environments and is gone: after [`Effect::CloseSession`], or by itself after a run that
    /// did not end with exit code 0.
    SessionClosed {
        /// Which.
        session: SessionId,
    },
    /// A running task says how far it is.
    TaskProgressed {
        /// Its session.
        session: SessionId,
        /// The run, as in [`Effect::RunTasks`].
        run: TaskSpan,
        /// 0 … 100, if it says.
        progress: Option<f32>,
        /// What it says it does.
        status: String,
    },
    /// What the program of a run left so far, so that another attempt goes on from there; held here, in place of the one before,
    /// until [`Effect::DropOutputs`]. The last of a run is told before its end.
    CheckpointTaken {
        /// Under which lease.
        lease: LeaseId,
        /// What, and of which run.
        checkpoint: Checkpoint,
    },
    /// A run of the program ended.
    TaskEnded {
        /// Its session.
        session: SessionId,
        /// The run, as in [`Effect::RunTasks`].
        run: TaskSpan,
        /// How.
        end: ActionEnd,
        /// How long it ran.
        took: Duration,
        /// What it took of energy, if that is known.
        energy: Option<Energy>,
    },
    /// A task could not be prepared: its parameters do not resolve here. Nothing was started; the session is fine.
    TaskRefused {
        /// Its session.
        session: SessionId,
        /// The run.
        run: TaskSpan,
        /// One sentence.
        reason: String,
    },
    /// A run was cancelled before it started.
    TaskNotRun {
        /// Its session.
        session: SessionId,
        /// The run.
        run: TaskSpan,
    },
    /// [`Effect::CollectOutputs`] is done.
    OutputsReady {
        /// Under which lease.
        lease: LeaseId,
        /// The run.
        run: TaskSpan,
        /// What it made; held here until [`Effect::DropOutputs`].
        outputs: Vec<OutputFile>,
    },
    /// [`Effect::CollectOutputs`] failed.
    OutputsFailed {
        /// Under which lease.
        lease: LeaseId,
        /// The run.
        run: TaskSpan,
        /// One sentence.
        reason: String,
    },
    /// Answers [`Effect::AskLicence`]. There may be none: then it is asked again.
    LicenceAnswered {
        /// Under which lease.
        lease: LeaseId,
        /// Of which limit.
        name: String,
        /// When it was asked for, from the question.
        asked: Time,
        /// Whether a program may run on it.
        granted: bool,
    },
    /// The steward has counted results.
    Settled {
        /// Under which lease.
        lease: LeaseId,
        /// The tasks.
        tasks: Vec<TaskSpan>,
    },
    /// The steward wants tasks back.
    Revoked {
        /// Under which lease.
        lease: LeaseId,
        /// The tasks.
        tasks: Vec<TaskSpan>,
    },
    /// Nothing of a job is wanted any more.
    JobForgotten {
        /// The job.
        job: JobId,
    },
    /// A steward cannot be reached.
    StewardLost {
        /// Who.
        steward: PeerId,
        /// True if an owner wants it so: what runs for it ends when its lease does.
        by_wish: bool,
    },
    /// A steward can be reached again: what it has not settled is reported again.
    StewardBack {
        /// Who.
        steward: PeerId,
    },
    /// A job has another steward now, which has its journal: leases of it are renewed there, and what nobody settled is reported
    /// there again.
    StewardChanged {
        /// The job.
        job: JobId,
        /// Who.
        steward: PeerId,
        /// False while it cannot be reached.
        reachable: bool,
    },
    /// The owner's settings, or the machine, changed what is lent; told once at start.
    LendingChanged {
        /// To jobs of others.
        others: Lent,
        /// To jobs of the machine's owner.
        own: Lent,
    },
    /// The machine's owner wants what a session has: it ends within that time, and what it had not done goes back. What has
    /// ended well there still counts, unless the time is nothing.
    Packed {
        /// Which.
        session: SessionId,
        /// How long its programs have for what they want to write.
        within: Duration,
    },
    /// A session stands still, or goes on.
    Froze {
        /// Which.
        session: SessionId,
        /// True while it stands still.
        frozen: bool,
    },
}

/// What is lent to one side, the owner of the machine or others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lent {
    /// What sessions of all jobs together may use while one of this side starts.
    pub room: Reserve,
    /// False while nothing new is taken.
    pub accepts: bool,
    /// One sentence when `accepts` is false; empty when the peer is draining.
    pub why_not: String,
}

/// Why a session did not open, or ended on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionFailure {
    /// An environment's enter action failed; one sentence.
    Environment(String),
    /// The job's template does not resolve on this machine; one sentence.
    Template(String),
    /// The peer's own fault; one sentence.
    Machine(String),
}

/// What the worker wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell the steward that its lease is held.
    Accept {
        /// Whom.
        steward: PeerId,
        /// Which.
        lease: LeaseId,
    },
    /// Tell the steward that its lease is not taken.
    Decline {
        /// Whom.
        steward: PeerId,
        /// Which.
        lease: LeaseId,
        /// Why.
        why: Decline,
    },
    /// Fetch and read a job's spec; answer with [`Input::SpecReady`] or [`Input::SpecFailed`].
    FetchSpec {
        /// The job.
        job: JobId,
        /// The encoded spec.
        spec: BlobId,
        /// Its size in bytes.
        spec_bytes: u64,
        /// Who has it.
        from: PeerId,
    },
    /// Bring a job's inputs here; answer with [`Input::InputsReady`] or [`Input::InputsFailed`].
    FetchInputs {
        /// The job.
        job: JobId,
        /// Who has them.
        from: PeerId,
    },
    /// Open a session for the environments of a step; answer with [`Input::SessionOpened`] or [`Input::SessionFailed`].
    OpenSession {
        /// Its name from now on.
        session: SessionId,
        /// The job.
        job: JobId,
        /// The step.
        step: u32,
        /// What it may use.
        reserve: Reserve,
    },
    /// Run these in order; each answers once, with [`Input::TaskEnded`], [`Input::TaskRefused`] or
    /// [`Input::TaskNotRun`].
    ///
    /// A run that ends otherwise than with exit code 0 ends the session: nothing that was queued behind it starts
    /// (answers for it are ignored), the environments are left, and [`Input::SessionClosed`] follows.
    RunTasks {
        /// Where.
        session: SessionId,
        /// Under which lease.
        lease: LeaseId,
        /// The step.
        step: u32,
        /// One run of the program each: a task, or a chunk of them. Only one if programs leave checkpoints.
        runs: Vec<TaskSpan>,
        /// What the first of them goes on from, to be had from the steward; without it, it begins anew.
        from: Option<Checkpoint>,
    },
    /// Drop these if they have not started; stop the one that runs, with its notice. Each answers as in
    /// [`Effect::RunTasks`].
    CancelTasks {
        /// Where.
        session: SessionId,
        /// As in [`Effect::RunTasks`].
        runs: Vec<TaskSpan>,
        /// Within which time the one that runs has ended, whatever notice it asks for.
        within: Option<Duration>,
    },
    /// End what runs in the session (no answer for its tasks), leave its environments, remove its folder; answer with
    /// [`Input::SessionClosed`].
    CloseSession {
        /// Which.
        session: SessionId,
        /// Within which time its programs have ended, whatever notice they ask for.
        within: Option<Duration>,
    },
    /// Ask whoever keeps the limit; answer with [`Input::LicenceAnswered`].
    AskLicence(LicenceAsk),
    /// Tell whoever keeps the limit that nothing runs on this licence any more.
    ReturnLicence {
        /// Under which lease it was taken.
        lease: LeaseId,
        /// Of which limit.
        name: String,
    },
    /// Find and hash what a run made; answer with [`Input::OutputsReady`] or [`Input::OutputsFailed`]. The session
    /// runs nothing else meanwhile.
    CollectOutputs {
        /// Where.
        session: SessionId,
        /// Under which lease.
        lease: LeaseId,
        /// The run.
        run: TaskSpan,
    },
    /// Tell the steward how tasks ended; at most [`TaskResult::MAX_IN_REPORT`] results.
    Report {
        /// Whom.
        steward: PeerId,
        /// Under which lease.
        lease: LeaseId,
        /// How they ended.
        results: Vec<TaskResult>,
    },
    /// Tell the steward that its leases are alive.
    Renew {
        /// Whom.
        steward: PeerId,
        /// The heartbeat.
        renewal: Renewal,
    },
    /// The outputs and checkpoints of these tasks may go.
    DropOutputs {
        /// Under which lease.
        lease: LeaseId,
        /// The tasks.
        tasks: Vec<TaskSpan>,
    },
    /// Forget a job's spec, inputs, logs and outputs, those being collected too. All its sessions have been told to
    /// close; nothing about it is answered any more.
    ForgetJob {
        /// The job.
        job: JobId,
    },
    /// Announce this.
    FreeChanged {
        /// What is lent to others and not reserved.
        free: Reserve,
        /// Sessions that run tasks now.
        running: u32,
    },
}
