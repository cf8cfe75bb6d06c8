//! A job as one piece of bytes.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{JobSpec, PeerId, Stamp, TaskKey, TaskSpan, TaskState, Time};
use serde::{Deserialize, Serialize};

use crate::{
    Stow, TaskCounts,
    change::{self, Hold},
    holders::{Holder, Holders},
    job::{Job, Lease, Step, checkpoint::Kept, depend::Gate},
    reasons::Reasons,
    record::TaskRecord,
};

/// Everything that the journal decides; the rest (counts, leases, gates) follows from it.
#[derive(Serialize, Deserialize)]
struct Snapshot<S> {
    spec: S,
    priority: i32,
    hold: Hold,
    term: u32,
    steward: PeerId,
    stowed: BTreeMap<TaskKey, Stow>,
    checkpoints: BTreeMap<TaskKey, Kept>,
    entry: u64,
    last_attempt: u32,
    started: Option<Stamp>,
    ended: Option<Stamp>,
    last_resort: bool,
    last_failure: u16,
    /// For each step: its run time, and its tasks as runs of equal ones.
    steps: Vec<(u64, Vec<(u32, TaskRecord)>)>,
    holders: Vec<Holder>,
    reasons: Vec<String>,
    failed_on: BTreeMap<TaskKey, BTreeSet<u16>>,
}

impl Job {
    /// Everything that the journal decided so far. Equal bytes mean equal jobs.
    pub(crate) fn to_snapshot(&self) -> Vec<u8> {
        change::versioned(&Snapshot {
            spec: self.spec.as_ref(),
            priority: self.priority,
            hold: self.hold,
            term: self.term,
            steward: self.steward,
            stowed: self.stowed.clone(),
            checkpoints: self.checkpoints.clone(),
            entry: self.entry,
            last_attempt: self.last_attempt,
            started: self.started,
            ended: self.ended,
            last_resort: self.last_resort,
            last_failure: self.last_failure,
            steps: self.steps.iter().map(|step| (step.run_micros, runs(&step.tasks))).collect(),
            holders: self.holders.list().to_vec(),
            reasons: self.reasons.texts().to_vec(),
            failed_on: self.failed_on.clone(),
        })
    }

    /// Reads a snapshot; `None` if it is not one of this version, or contradicts itself.
    pub(crate) fn from_snapshot(bytes: &[u8], lease_end: Time) -> Option<Self> {
        let snapshot: Snapshot<JobSpec> = change::unversioned(bytes)?;
        super::depend::check_spec(&snapshot.spec).ok()?;
        let mut job = Self::new(snapshot.spec, snapshot.priority, snapshot.hold);
        job.term = snapshot.term;
        job.steward = snapshot.steward;
        job.stowed = snapshot.stowed;
        job.checkpoints = snapshot.checkpoints;
        job.entry = snapshot.entry;
        job.last_attempt = snapshot.last_attempt;
        job.started = snapshot.started;
        job.ended = snapshot.ended;
        job.last_resort = snapshot.last_resort;
        job.last_failure = snapshot.last_failure;
        job.holders = Holders::from_list(snapshot.holders);
        job.reasons = Reasons::from_texts(snapshot.reasons);
        job.failed_on = snapshot.failed_on;
        let fits = job.steps.len() == snapshot.steps.len();
        job.steps = snapshot.steps.into_iter().map(|(run_micros, runs)| step(run_micros, &runs)).collect();
        let fits = fits
            && job.spec.steps.iter().zip(&job.steps).all(|(spec, step)| spec.task_count as usize == step.tasks.len());
        (fits && job.has_sound_checkpoints() && job.derive(lease_end) && job.check().is_ok()).then_some(job)
    }

    /// Rebuilds what follows from the records; false if they name something that is not there.
    fn derive(&mut self, lease_end: Time) -> bool {
        self.counts = self.steps.iter().fold(TaskCounts::default(), |sum, step| sum.plus(&step.counts));
        for (at, step) in (0_u32..).zip(&self.steps) {
            for (index, record) in (0_u32..).zip(&step.tasks) {
                let known = self.reasons.failed.get_mut(usize::from(record.reason));
                let Some(failed) = known else { return false };
                *failed += u32::from(record.state == TaskState::Failed);
                if !record.state.is_leased() {
                    continue;
                }
                if self.holders.peer(record.peer).is_none() {
                    return false;
                }
                let lease = self
                    .leases
                    .entry(record.fence)
                    .or_insert_with(|| Lease::new(record.peer, at, gridwell_model::TaskSpans::default(), lease_end));
                lease.left.insert(TaskSpan::new(index, index + 1));
            }
        }
        for step in 0..self.steps.len() as u32 {
            self.steps[step as usize].gate = self.gate(step);
        }
        true
    }
}

fn step(run_micros: u64, runs: &[(u32, TaskRecord)]) -> Step {
    // A damaged file, or a steward that lies, must not ask for the moon.
    let limit = usize::try_from(JobSpec::MAX_TASKS).unwrap_or(usize::MAX);
    let mut tasks = Vec::new();
    for (count, record) in runs {
        let room = limit.saturating_sub(tasks.len());
        tasks.resize(tasks.len() + room.min(*count as usize), *record);
    }
    let mut counts = TaskCounts::default();
    tasks.iter().for_each(|task| counts.add(task.state));
    let reused = tasks.iter().filter(|task| task.is_reused()).count() as u32;
    Step { tasks, counts, gate: Gate::Closed, run_micros, reused }
}

/// Neighbouring equal records as one. Whether a leased task has started is not journalled, so it is not told apart here.
fn runs(tasks: &[TaskRecord]) -> Vec<(u32, TaskRecord)> {
    let mut runs: Vec<(u32, TaskRecord)> = Vec::new();
    for task in tasks {
        let mut task = *task;
        if task.state.is_leased() {
            task.state = TaskState::Leased;
        }
        match runs.last_mut() {
            Some((count, last)) if *last == task => *count += 1,
            _ => runs.push((1, task)),
        }
    }
    runs
}
