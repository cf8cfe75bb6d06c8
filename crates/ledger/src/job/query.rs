//! What people see of a job.

use std::time::Duration;

use gridwell_model::{JobId, TaskKey, TaskSpan, TaskState, Time};

use crate::{
    FailureGroup, JobSummary, PeerShare, TaskView,
    job::{Job, Step},
};

impl Job {
    pub(crate) fn id(&self) -> JobId {
        self.spec.id
    }

    pub(crate) fn summary(&self, now: Time) -> JobSummary {
        let (total, ended) = (self.counts.total(), self.counts.ended());
        let last_failure = self.reasons.text(self.last_failure);
        JobSummary {
            id: self.id(),
            state: self.state(),
            priority: self.priority,
            held: self.hold.is_on(),
            counts: self.counts,
            reused: self.steps.iter().map(|step| step.reused).sum(),
            steps: self.steps.iter().map(|step| step.counts).collect(),
            progress: if total == 0 { 1.0 } else { f64::from(ended) / f64::from(total) },
            left: self.time_left(now),
            run_time: Duration::from_micros(self.steps.iter().map(|step| step.run_micros).sum()),
            started: self.started,
            ended: self.ended,
            shares: self.shares(),
            failures: self.failures(),
            last_failure: (!last_failure.is_empty()).then(|| last_failure.to_owned()),
        }
    }

    /// Run time still to come, at the mean run time of each step so far, shared by as many leases as ran at once.
    ///
    /// Not by all leases: some wait behind another one on the same machine. Not by those that run this moment: between
    /// two leases fewer do, and the estimate would jump.
    fn time_left(&self, now: Time) -> Option<Duration> {
        let known: Vec<&Step> = self.steps.iter().filter(|step| step.ran() > 0).collect();
        let done: u32 = known.iter().map(|step| step.ran()).sum();
        if done == 0 || self.leases.is_empty() || self.hold.is_on() {
            return None;
        }
        let usual_micros = known.iter().map(|step| step.run_micros as f64).sum::<f64>() / f64::from(done);
        let to_come: f64 = self.steps.iter().map(|step| step.micros_to_come(usual_micros)).sum();
        let spent: f64 = self
            .leases
            .values()
            .filter_map(|lease| Some((lease, lease.running_since?)))
            .map(|(lease, since)| {
                let mean = self.steps[lease.step as usize].mean_micros(usual_micros);
                (now.since(since).as_micros() as f64).min(mean)
            })
            .sum();
        let width = self.most_running.clamp(1, self.leases.len());
        let micros = (to_come - spent).max(0.0) / width as f64;
        Some(Duration::from_micros(micros as u64))
    }

    fn shares(&self) -> Vec<PeerShare> {
        let mut shares: Vec<PeerShare> = self
            .holders
            .list()
            .iter()
            .map(|holder| PeerShare {
                peer: holder.peer,
                done: holder.done,
                failed: holder.failed,
                held: 0,
                blocked: holder.blocked,
                energy: holder.energy,
                runs: holder.runs,
                unmeasured: holder.unmeasured,
            })
            .collect();
        for lease in self.leases.values() {
            shares[usize::from(lease.peer)].held += lease.left.count();
        }
        shares
    }

    fn failures(&self) -> Vec<FailureGroup> {
        if self.counts.of(TaskState::Failed) == 0 {
            return Vec::new();
        }
        let mut examples = vec![None; self.reasons.failed.len()];
        for (at, step) in (0_u32..).zip(&self.steps).filter(|(_, step)| step.counts.of(TaskState::Failed) > 0) {
            for (index, task) in (0_u32..).zip(&step.tasks).filter(|(_, task)| task.state == TaskState::Failed) {
                examples[usize::from(task.reason)].get_or_insert(TaskKey { step: at, index });
            }
        }
        let mut groups: Vec<FailureGroup> = (0_u16..)
            .zip(examples)
            .filter_map(|(reason, example)| {
                let tasks = self.reasons.failed[usize::from(reason)];
                Some(FailureGroup { reason: self.reasons.text(reason).to_owned(), tasks, example: example? })
            })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.tasks));
        groups
    }

    /// Tasks from `from` on that `wanted` picks by their state, at most `limit`.
    pub(crate) fn views(&self, from: TaskKey, limit: usize, wanted: impl Fn(TaskState) -> bool) -> Vec<TaskView> {
        let steps = (0_u32..).zip(&self.steps).skip(from.step as usize);
        let tasks = steps.flat_map(|(at, step)| {
            let first = if at == from.step { from.index } else { 0 };
            (first..step.tasks.len() as u32).map(move |index| TaskKey { step: at, index })
        });
        tasks
            .filter(|key| wanted(self.record(key.step, key.index).state))
            .take(limit)
            .map(|key| self.view(key))
            .collect()
    }

    fn view(&self, key: TaskKey) -> TaskView {
        let record = self.record(key.step, key.index);
        let ran = record.state == TaskState::Done && !record.is_reused();
        let this_one = u32::from(record.state.is_leased() || ran);
        TaskView {
            key,
            state: record.state,
            peer: self.holders.peer(record.peer),
            fence: record.fence,
            attempts: u32::from(record.failures) + this_one,
            exit_code: record.exit_code(),
            reason: self.reasons.text(record.reason).to_owned(),
            run_time: record.run_time(),
            is_saved: self.checkpoints_in(key.step, TaskSpan::new(key.index, key.index + 1)).next().is_some(),
        }
    }
}

impl Step {
    fn mean_micros(&self, usual_micros: f64) -> f64 {
        match self.ran() {
            0 => usual_micros,
            done => self.run_micros as f64 / f64::from(done),
        }
    }

    fn micros_to_come(&self, usual_micros: f64) -> f64 {
        self.mean_micros(usual_micros) * f64::from(self.counts.total() - self.counts.ended())
    }
}
