//! One job's records, and what each change does to them.

mod apply;
mod check;
mod checkpoint;
mod depend;
mod merge;
mod query;
mod results;
mod snapshot;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use gridwell_model::{Claim, Fence, JobSpec, JobState, PeerId, Stamp, TaskKey, TaskSpan, TaskSpans, TaskState, Time};

use crate::{
    Stow, TaskCounts,
    change::Hold,
    holders::Holders,
    job::{
        checkpoint::Kept,
        depend::{Gate, Graph},
    },
    ledger::Second,
    notes::Notes,
    reasons::Reasons,
    record::TaskRecord,
};

pub(crate) use depend::check_spec;

/// One job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) spec: Arc<JobSpec>,
    pub(crate) priority: i32,
    pub(crate) hold: Hold,
    /// Number of its stewardship, and whose it is.
    pub(crate) term: u32,
    pub(crate) steward: PeerId,
    /// Outputs that wait for the origin elsewhere, by the first task of their run.
    pub(crate) stowed: BTreeMap<TaskKey, Stow>,
    /// What runs that have not ended go on from, by their first task.
    checkpoints: BTreeMap<TaskKey, Kept>,
    /// Number of its last journal entry.
    pub(crate) entry: u64,
    /// Attempt number of its last lease.
    pub(crate) last_attempt: u32,
    pub(crate) started: Option<Stamp>,
    pub(crate) ended: Option<Stamp>,
    /// Only blocked machines were left: nobody is blocked any more.
    last_resort: bool,
    last_failure: u16,
    pub(crate) steps: Vec<Step>,
    counts: TaskCounts,
    graph: Graph,
    pub(crate) holders: Holders,
    reasons: Reasons,
    /// Where tasks failed that have not ended well.
    failed_on: BTreeMap<TaskKey, BTreeSet<u16>>,
    /// By step, where it failed, and who of these has heard that others fare no better. Not kept.
    doubts: BTreeMap<u32, Doubt>,
    /// Live leases.
    pub(crate) leases: BTreeMap<Fence, Lease>,
    /// Second attempts, and the highest attempt number that one got. Not journalled.
    pub(crate) seconds: BTreeMap<Fence, Second>,
    pub(crate) last_second: u32,
    /// Most leases that ran at the same time in this run of the node: how wide the job goes.
    pub(crate) most_running: usize,
    /// The state last shown to the screen.
    pub(crate) shown: Option<JobState>,
    /// Size of the entries since the last snapshot, in bytes.
    pub(crate) journal_bytes: usize,
    /// Set by a bug only; [`Job::check`] reports it.
    illegal: Option<(TaskKey, TaskState, TaskState)>,
}

/// Whether failures of a step are their machine's fault or its own.
#[derive(Debug, Default)]
struct Doubt {
    failed_on: BTreeSet<u16>,
    told: BTreeSet<u16>,
}

/// One step's records.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) tasks: Vec<TaskRecord>,
    pub(crate) counts: TaskCounts,
    /// What its dependents were last told.
    gate: Gate,
    /// Run time of all tasks that ended well.
    pub(crate) run_micros: u64,
    /// Tasks that are done and that no machine ran.
    pub(crate) reused: u32,
}

/// How long a holder is not asked again for what it was asked for: it renews its leases that often, so that a word that was lost
/// is said again with the second renewal after it at the latest.
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A lease that has not ended.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) peer: u16,
    pub(crate) step: u32,
    /// Its tasks that have not ended.
    pub(crate) left: TaskSpans,
    /// When it ends unless renewed. Not journalled, like the rest below.
    pub(crate) deadline: Time,
    /// When its running task was first heard of.
    pub(crate) running_since: Option<Time>,
    /// What its holder was asked to stop or not to start last, and when.
    pub(crate) called_back: Option<(TaskSpans, Time)>,
}

impl Lease {
    /// A lease that was just given out or taken over.
    pub(crate) fn new(peer: u16, step: u32, left: TaskSpans, deadline: Time) -> Self {
        Self { peer, step, left, deadline, running_since: None, called_back: None }
    }

    /// True if there is nothing to ask its holder for, or it was asked for all of that a moment ago: what it says now it may
    /// have said before it heard.
    pub(crate) fn was_just_asked(&self, unwanted: &TaskSpans, now: Time) -> bool {
        let heard = |(asked, at): &(TaskSpans, Time)| {
            now.since(*at) < ASK_AGAIN_AFTER && unwanted.indices().all(|index| asked.contains(index))
        };
        unwanted.is_empty() || self.called_back.as_ref().is_some_and(heard)
    }
}

impl Job {
    /// A job of which nothing was decided yet: every task waits.
    pub(crate) fn new(spec: JobSpec, priority: i32, hold: Hold) -> Self {
        let steps: Vec<Step> = spec.steps.iter().map(|step| Step::new(step.task_count)).collect();
        let counts = steps.iter().fold(TaskCounts::default(), |sum, step| sum.plus(&step.counts));
        Self {
            graph: Graph::new(&spec.steps).expect("the spec was checked before it was journalled"),
            term: 1,
            steward: spec.origin,
            stowed: BTreeMap::new(),
            spec: Arc::new(spec),
            priority,
            hold,
            checkpoints: BTreeMap::new(),
            entry: 0,
            last_attempt: 0,
            started: None,
            ended: None,
            last_resort: false,
            last_failure: 0,
            steps,
            counts,
            holders: Holders::default(),
            reasons: Reasons::new(),
            failed_on: BTreeMap::new(),
            doubts: BTreeMap::new(),
            leases: BTreeMap::new(),
            seconds: BTreeMap::new(),
            last_second: 0,
            shown: None,
            journal_bytes: 0,
            illegal: None,
            most_running: 0,
        }
    }

    /// Whose the job is now.
    pub(crate) fn claim(&self) -> Claim {
        Claim { job: self.spec.id, term: self.term, steward: self.steward, origin: self.spec.origin }
    }

    pub(crate) fn record(&self, step: u32, index: u32) -> &TaskRecord {
        &self.steps[step as usize].tasks[index as usize]
    }

    fn record_mut(&mut self, step: u32, index: u32) -> &mut TaskRecord {
        &mut self.steps[step as usize].tasks[index as usize]
    }

    /// Where tasks failed that have not ended well.
    pub(crate) fn failed_on(&self) -> &BTreeMap<TaskKey, BTreeSet<u16>> {
        &self.failed_on
    }

    /// All tasks of a step.
    pub(crate) fn whole(&self, step: u32) -> TaskSpans {
        TaskSpans::first(self.steps[step as usize].tasks.len() as u32)
    }

    pub(crate) fn counts(&self) -> &TaskCounts {
        &self.counts
    }

    pub(crate) fn state(&self) -> JobState {
        let counts = &self.counts;
        if counts.ended() < counts.total() {
            return match (self.hold.is_on(), counts.leased()) {
                (true, _) => JobState::Held,
                (false, 0) => JobState::Waiting,
                (false, _) => JobState::Running,
            };
        }
        if counts.of(TaskState::Failed) > 0 {
            JobState::Failed
        } else if counts.of(TaskState::Done) < counts.total() {
            JobState::Cancelled
        } else {
            JobState::Done
        }
    }

    /// True if every task of `span` is there and in one of `states`.
    pub(crate) fn all_in(&self, step: u32, span: TaskSpan, states: &[TaskState]) -> bool {
        let tasks =
            self.steps.get(step as usize).and_then(|step| step.tasks.get(span.start as usize..span.end as usize));
        tasks.is_some_and(|tasks| !tasks.is_empty() && tasks.iter().all(|task| states.contains(&task.state)))
    }

    /// Every change of a task's state goes through here.
    fn set_state(&mut self, step: u32, index: u32, next: TaskState, notes: &mut Notes) {
        let from = self.record(step, index).state;
        if from == next {
            return;
        }
        if !from.can_become(next) {
            self.illegal.get_or_insert((TaskKey { step, index }, from, next));
            debug_assert!(false, "task {step}.{index}: {from:?} never becomes {next:?}");
            return;
        }
        self.put_state(step, index, next, notes);
    }

    /// The same without asking the table: what another steward saw may skip states in between.
    fn put_state(&mut self, step: u32, index: u32, next: TaskState, notes: &mut Notes) {
        let home = &mut self.steps[step as usize];
        let record = &mut home.tasks[index as usize];
        let from = record.state;
        record.state = next;
        if next.is_ended() {
            record.set_cancelling(false);
        }
        let drops = next.is_ended() && !self.checkpoints.is_empty();
        for counts in [&mut home.counts, &mut self.counts] {
            counts.moved(from, next);
        }
        let failed = &mut self.reasons.failed[usize::from(record.reason)];
        if next == TaskState::Failed {
            *failed += 1;
        } else if from == TaskState::Failed {
            *failed -= 1;
        }
        notes.moved(step, index, from, next, record.peer);
        if drops {
            self.drop_checkpoints(step, TaskSpan::new(index, index + 1), notes);
        }
    }
}

impl Step {
    /// Tasks that a machine ran to a good end.
    pub(crate) const fn ran(&self) -> u32 {
        self.counts.of(TaskState::Done) - self.reused
    }

    fn new(task_count: u32) -> Self {
        let tasks = vec![TaskRecord::NEW; task_count as usize];
        Self { counts: TaskCounts::waiting(task_count), tasks, gate: Gate::Closed, run_micros: 0, reused: 0 }
    }
}
