use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{
    Capabilities, Chunking, Decline, JobId, Leaning, LeaseId, Needs, PeerId, Preference, Reserve, Sharpness, Strategy,
    TaskSpan, TaskSpans, Weight,
};

use crate::Terms;

/// What the scheduler is told once, at start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// This peer: it holds the inputs of its own jobs, and `direct` means it.
    pub me: PeerId,
    /// How use of a peer changes its pull.
    pub strategy: Strategy,
    /// How strongly `strategy` counts (λ).
    pub strategy_strength: f64,
    /// How sharply the best peer is favoured (k).
    pub sharpness: Sharpness,
    /// Work that a lease of short tasks should hold.
    pub lease_target: Duration,
}

impl Config {
    /// The usual settings for a scheduler on `me`: horizontal, λ = 1, k = 4, 200 ms of work a lease.
    #[must_use]
    pub const fn new(me: PeerId) -> Self {
        Self {
            me,
            strategy: Strategy::Horizontal,
            strategy_strength: 1.0,
            sharpness: Sharpness::USUAL,
            lease_target: Duration::from_millis(200),
        }
    }
}

/// A peer as the scheduler sees it: its latest announcement and the path to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PeerView {
    /// What people call it.
    pub name: String,
    /// What needs and wishes are checked against.
    pub capabilities: Capabilities,
    /// Version and build of its tools, by name.
    pub looks: BTreeMap<String, String>,
    /// Benchmark score of all its cores together; 0.0 when not measured.
    pub score: f64,
    /// Logical cores it has.
    pub cpu_count: u32,
    /// Cores busy with other people's work.
    pub foreign_cpu: f32,
    /// What its sessions may use altogether.
    pub lends: Reserve,
    /// What of that is not reserved, as it last said.
    pub free: Reserve,
    /// False while it takes nothing new.
    pub accepts: bool,
    /// One sentence when `accepts` is false.
    pub why_not: String,
    /// Round trip to it; zero for this peer itself.
    pub round_trip: Duration,
    /// Links on the path to it; 0 for this peer itself.
    pub hops: u32,
    /// How its use counts.
    pub weight: Weight,
}

/// A limit as the scheduler sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitView {
    /// Most licences in use at once.
    pub cap: u32,
    /// Licences in use that other stewards placed.
    pub others: u32,
    /// True while who keeps it gives none away.
    pub settling: bool,
}

/// A job as the scheduler sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView {
    /// The job.
    pub job: JobId,
    /// Higher goes first.
    pub priority: i32,
    /// Whose it is; submitters of equal priority share the slots evenly.
    pub submitter: PeerId,
    /// Name of the recipe that made it: history is kept under it.
    pub recipe: String,
    /// Bytes of its distinct inputs.
    pub input_bytes: u64,
    /// False if each of its tasks is to be tried once only.
    pub may_repeat: bool,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
}

/// A tool, and which look of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookWish {
    /// The tool.
    pub tool: String,
    /// Its version and build; when absent, that with which most can be done at the first placement.
    pub look: Option<String>,
}

/// A step as the scheduler sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepView {
    /// What people call the program that it runs: what fails on a machine is counted under it.
    pub program: String,
    /// The tool whose look must be the same for all its tasks, if that is wanted.
    pub look: Option<LookWish>,
    /// Hard requirements.
    pub needs: Needs,
    /// Wishes.
    pub prefers: Vec<Preference>,
    /// How its tasks are put together, if they are.
    pub chunking: Option<Chunking>,
    /// What a slot for it reserves.
    pub reserve: Reserve,
    /// Its tasks, ready or not.
    pub task_count: u32,
    /// Work of one task in seconds on one reference core, if somebody can tell.
    pub work_secs: Option<f64>,
}

impl StepView {
    /// What a slot of a step with `needs` reserves: the lower bounds it asks for, else one core.
    #[must_use]
    pub fn reserve_of(needs: &Needs) -> Reserve {
        Reserve {
            cpus: needs.reserve("amount.worker.vcpu", 1.0) as f32,
            memory_mib: needs.reserve("amount.worker.memory", 0.0).max(0.0).ceil() as u64,
            gpus: needs.reserve("amount.worker.gpu", 0.0).max(0.0).ceil() as u32,
            // In GiB. Source: Open Job Description 2023-09, "Amount capabilities".
            disk_mib: (needs.reserve("amount.worker.disk.scratch", 0.0).max(0.0) * 1_024.0).ceil() as u64,
        }
    }
}

/// Names one [`Effect::Place`] until the ledger has granted or refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlacementId(pub u64);

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A peer can be reached now (this one included), or announced itself anew: the same fact.
    PeerChanged {
        /// Which.
        peer: PeerId,
        /// All that is known of it.
        view: PeerView,
    },
    /// A peer cannot be reached any more. Its leases end by [`Input::LeaseEnded`] as the ledger sees fit.
    PeerLeft {
        /// Which.
        peer: PeerId,
    },
    /// A person changed how machines are chosen for the jobs of this peer.
    Tuned {
        /// The new strategy.
        strategy: Strategy,
        /// The new sharpness.
        sharpness: Sharpness,
    },
    /// A person changed which peers are preferred, and which get nothing, for the jobs of this one.
    Leaned {
        /// What is wanted of each; nothing of those that are not named.
        leanings: BTreeMap<PeerId, Leaning>,
    },
    /// These limits are kept by machines that can be reached, and no others.
    LimitsChanged {
        /// What is known of each, by name.
        limits: BTreeMap<String, LimitView>,
    },
    /// A job is to be placed; no task of it is ready yet.
    JobAdded(JobView),
    /// A job has ended or is gone; its ready tasks are dropped.
    JobRemoved {
        /// Which.
        job: JobId,
    },
    /// A person changed a job's priority.
    PriorityChanged {
        /// Which job.
        job: JobId,
        /// The new priority.
        priority: i32,
    },
    /// Tasks may be placed. They leave this engine by [`Effect::Place`] or [`Input::TasksWithdrawn`].
    TasksReady {
        /// Their job.
        job: JobId,
        /// Their step.
        step: u32,
        /// Which.
        tasks: TaskSpans,
        /// Peers on which they failed: used only when nobody else fits.
        avoid: Vec<PeerId>,
    },
    /// Tasks may no longer be placed (held, cancelled, skipped); unknown ones are ignored.
    TasksWithdrawn {
        /// Their job.
        job: JobId,
        /// Their step.
        step: u32,
        /// Which.
        tasks: TaskSpans,
    },
    /// The ledger granted a placement.
    Granted {
        /// Which.
        placement: PlacementId,
        /// Its lease.
        lease: LeaseId,
    },
    /// The ledger refused a placement; if its tasks are ready still, they come back by [`Input::TasksReady`].
    Refused {
        /// Which.
        placement: PlacementId,
    },
    /// A peer declined a lease; its tasks come back by [`Input::TasksReady`].
    Declined {
        /// Which.
        lease: LeaseId,
        /// Why.
        why: Decline,
    },
    /// All tasks of a lease ended on the peer, or it was revoked or expired: its slot is free.
    LeaseEnded {
        /// Which.
        lease: LeaseId,
    },
    /// After this node's restart: a peer holds a lease still.
    LeaseKept {
        /// Which.
        lease: LeaseId,
        /// Who.
        peer: PeerId,
        /// The step.
        step: u32,
    },
    /// A lease runs these tasks now, as one run of its program; told again and again while it does.
    RunSeen {
        /// Which.
        lease: LeaseId,
        /// The tasks.
        span: TaskSpan,
        /// How far it is, 0 … 100, if it says.
        progress: Option<f32>,
    },
    /// What a lease ran has ended, well or not.
    RunOver {
        /// Which.
        lease: LeaseId,
    },
    /// Tasks ran on a peer and ended well.
    TaskTimed {
        /// Their job.
        job: JobId,
        /// Their step.
        step: u32,
        /// Where.
        peer: PeerId,
        /// How many.
        tasks: u32,
        /// Run time of all of them together.
        run: Duration,
    },
    /// Tasks failed on a peer and then ended well on another one, in one run.
    Outdone {
        /// Their job.
        job: JobId,
        /// Their step.
        step: u32,
        /// Where they failed.
        peer: PeerId,
        /// Where they ended well.
        by: PeerId,
        /// How many.
        tasks: u32,
    },
    /// A job failed too often on a peer: that one gets no more of it.
    PeerBlocked {
        /// The job.
        job: JobId,
        /// The peer.
        peer: PeerId,
    },
    /// Ends [`Input::PeerBlocked`].
    PeerUnblocked {
        /// The job.
        job: JobId,
        /// The peer.
        peer: PeerId,
    },
    /// How many input bytes of a job a peer holds.
    HoldingsChanged {
        /// The peer.
        peer: PeerId,
        /// The job.
        job: JobId,
        /// Bytes of its distinct inputs that lie there.
        held_bytes: u64,
    },
    /// How fast bytes travel to a peer, as measured.
    PathMeasured {
        /// The peer.
        peer: PeerId,
        /// Bytes each second.
        bytes_per_sec: f64,
    },
    /// How long tasks of a recipe took on peers in the past; facts about peers and recipes not known yet are kept.
    HistoryLoaded {
        /// The recipe.
        recipe: String,
        /// Seconds a task took, by peer.
        secs_per_task: BTreeMap<PeerId, f64>,
    },
}

/// What the scheduler wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Grant a lease and offer it; answer with [`Input::Granted`] or [`Input::Refused`].
    Place(Placement),
    /// Every machine that fits some ready tasks of the job is blocked for it; told once until one is unblocked.
    Stranded {
        /// Which job.
        job: JobId,
    },
}

/// Some tasks for one peer, and the numbers that decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Names it in the answer.
    pub id: PlacementId,
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: u32,
    /// The tasks, to be run one after the other (or chunk after chunk).
    pub span: TaskSpan,
    /// Tasks that make one run of the program; 1 unless the step is chunked.
    pub chunk: u32,
    /// Where.
    pub peer: PeerId,
    /// What the lease reserves there.
    pub reserve: Reserve,
    /// True when it is queued behind a running lease, so that the slot never waits for this steward.
    pub ahead: bool,
    /// Why there.
    pub terms: Terms,
    /// The lease at whose run this is a second attempt, if it is one: the first good result counts.
    pub second_of: Option<LeaseId>,
}

/// Tasks that went in and out, for the conservation law: `entered = placed + withdrawn + ready`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Became ready.
    pub entered: u64,
    /// Left by a placement.
    pub placed: u64,
    /// Left by withdrawal, or with their job.
    pub withdrawn: u64,
    /// Are here.
    pub ready: u64,
}
