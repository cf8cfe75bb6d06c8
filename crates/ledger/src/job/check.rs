//! The invariants of a job's records.

use std::collections::BTreeMap;

use gridwell_model::{Fence, TaskKey, TaskSpan, TaskSpans, TaskState};

use crate::{TaskCounts, job::Job};

impl Job {
    /// Checks every invariant; the error says which is broken, with its values.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some((key, from, to)) = self.illegal {
            return Err(format!("task {key} was to become {to:?} from {from:?}"));
        }
        self.check_counts()?;
        self.check_leases()?;
        self.check_rest()?;
        self.check_checkpoints()?;
        let all_ended = self.counts().ended() == self.counts().total();
        if all_ended != self.ended.is_some() {
            return Err(format!("all tasks ended: {all_ended}, but the end is {:?}", self.ended));
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), String> {
        let mut sum = TaskCounts::default();
        for (at, step) in self.steps.iter().enumerate() {
            let mut counted = TaskCounts::default();
            step.tasks.iter().for_each(|task| counted.add(task.state));
            let reused = step.tasks.iter().filter(|task| task.is_reused()).count();
            if reused != step.reused as usize {
                return Err(format!("step {at} reused {} tasks but has {reused}", step.reused));
            }
            if counted != step.counts {
                return Err(format!("step {at} counts {:?} but has {counted:?}", step.counts));
            }
            sum = sum.plus(&counted);
        }
        if sum != *self.counts() || u64::from(sum.total()) != self.spec.task_count() {
            return Err(format!("{} submitted, but counted {:?}, {sum:?}", self.spec.task_count(), self.counts()));
        }
        Ok(())
    }

    /// Each leased task has exactly one live lease, and each live lease holds leased tasks only.
    fn check_leases(&self) -> Result<(), String> {
        let mut held: BTreeMap<Fence, (u16, u32, TaskSpans)> = BTreeMap::new();
        for (at, step) in (0_u32..).zip(&self.steps) {
            for (index, task) in (0_u32..).zip(&step.tasks).filter(|(_, task)| task.state.is_leased()) {
                let lease = held.entry(task.fence).or_insert_with(|| (task.peer, at, TaskSpans::default()));
                lease.2.insert(TaskSpan::new(index, index + 1));
            }
        }
        let live: BTreeMap<_, _> =
            self.leases.iter().map(|(fence, lease)| (*fence, (lease.peer, lease.step, lease.left.clone()))).collect();
        if held == live { Ok(()) } else { Err(format!("leases are {live:?}, tasks say {held:?}")) }
    }

    /// Only what has not ended is gone on with.
    fn check_checkpoints(&self) -> Result<(), String> {
        let ended = |(step, index)| self.record(step, index).state.is_ended();
        let mut tasks = self
            .checkpoints
            .iter()
            .flat_map(|(key, kept)| kept.checkpoint.tasks.indices().map(move |index| (key.step, index)));
        match tasks.find(|task| ended(*task)) {
            Some((step, index)) => Err(format!("task {step}.{index} has ended and keeps a checkpoint")),
            None => Ok(()),
        }
    }

    /// What nobody holds is where its dependencies and holds put it.
    fn check_rest(&self) -> Result<(), String> {
        for (at, step) in (0_u32..).zip(&self.steps) {
            for (index, task) in (0_u32..).zip(&step.tasks) {
                let key = TaskKey { step: at, index };
                let rests = matches!(
                    task.state,
                    TaskState::Waiting | TaskState::Held | TaskState::Ready | TaskState::Skipped | TaskState::Lost
                );
                if rests && task.state != self.rest_state(at, index) {
                    return Err(format!("task {key} is {:?}, belongs {:?}", task.state, self.rest_state(at, index)));
                }
                if task.is_cancelling() && !task.state.is_leased() {
                    return Err(format!("task {key} is {:?} and still being cancelled", task.state));
                }
            }
        }
        Ok(())
    }
}
