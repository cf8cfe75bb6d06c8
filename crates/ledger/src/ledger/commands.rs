//! What people want.

use gridwell_model::{JobId, JobSpec, Stamp, TaskSpans, TaskState, Time};

use crate::{
    Effect, Ledger, Refusal, Selection,
    change::{Change, Hold},
    job::{self, Job},
};

impl Ledger {
    pub(super) fn add_job(&mut self, spec: Box<JobSpec>, priority: i32, held: bool, now: Time) -> Result<(), Refusal> {
        let id = spec.id;
        if self.jobs.contains_key(&id) {
            return Err(Refusal::KnownJob { job: id });
        }
        job::check_spec(&spec).map_err(|flaw| Refusal::BadSpec { job: id, flaw })?;
        self.set_clock(spec.submitted, now);
        let change = Change::Added { spec: spec.clone(), priority, held };
        self.jobs.insert(id, Job::new(*spec, priority, Hold::added(held)));
        self.commit(id, change, true, now);
        Ok(())
    }

    pub(super) fn tasks_reused(&mut self, id: JobId, tasks: Selection, stamp: Stamp, now: Time) {
        self.set_clock(stamp, now);
        let fits = |job: &Job| !tasks.is_empty() && job.missing_task(&tasks).is_none();
        if self.jobs.get(&id).is_some_and(fits) {
            self.commit(id, Change::Reused { tasks, stamp }, true, now);
        }
    }

    pub(super) fn hold_job(&mut self, id: JobId, hold: Hold, now: Time) -> Result<(), Refusal> {
        if self.going(id)?.hold != hold {
            self.commit(id, Change::JobHeld { hold }, true, now);
            self.call_all_back(id, now);
        }
        Ok(())
    }

    pub(super) fn hold_tasks(&mut self, id: JobId, tasks: Selection, hold: Hold, now: Time) -> Result<(), Refusal> {
        let job = self.going(id)?;
        job.check_tasks(&tasks)?;
        if !job.any(&tasks, |state| !state.is_ended()) {
            return Err(Refusal::AlreadyEnded { job: id });
        }
        self.commit(id, Change::TasksHeld { tasks, hold }, true, now);
        self.call_all_back(id, now);
        Ok(())
    }

    pub(super) fn cancel(
        &mut self,
        id: JobId,
        tasks: Option<Selection>,
        stamp: Stamp,
        now: Time,
    ) -> Result<(), Refusal> {
        self.set_clock(stamp, now);
        let job = self.going(id)?;
        if let Some(tasks) = &tasks {
            job.check_tasks(tasks)?;
            if !job.any(tasks, |state| !state.is_ended()) {
                return Err(Refusal::AlreadyEnded { job: id });
            }
        }
        self.commit(id, Change::Cancelled { tasks, stamp }, true, now);
        self.call_all_back(id, now);
        Ok(())
    }

    pub(super) fn retry(&mut self, id: JobId, tasks: Option<Selection>, now: Time) -> Result<(), Refusal> {
        let job = self.known(id)?;
        let tasks = match tasks {
            Some(tasks) => {
                job.check_tasks(&tasks)?;
                tasks
            }
            None => job.to_retry(),
        };
        if !job.any(&tasks, |state| matches!(state, TaskState::Failed | TaskState::Cancelled)) {
            return Err(Refusal::NothingToRetry { job: id });
        }
        self.commit(id, Change::Retried { tasks }, true, now);
        Ok(())
    }

    pub(super) fn set_priority(&mut self, id: JobId, priority: i32, now: Time) -> Result<(), Refusal> {
        if self.going(id)?.priority != priority {
            self.commit(id, Change::Prioritised { priority }, true, now);
            self.effects.push_back(Effect::PriorityChanged { job: id, priority });
        }
        Ok(())
    }

    pub(super) fn remove_job(&mut self, id: JobId) -> Result<(), Refusal> {
        if self.known(id)?.ended.is_none() {
            return Err(Refusal::NotEnded { job: id });
        }
        self.jobs.remove(&id);
        self.effects.push_back(Effect::JobRemoved { job: id });
        Ok(())
    }

    fn known(&self, job: JobId) -> Result<&Job, Refusal> {
        self.jobs.get(&job).ok_or(Refusal::UnknownJob { job })
    }

    fn going(&self, id: JobId) -> Result<&Job, Refusal> {
        let job = self.known(id)?;
        if job.ended.is_some() { Err(Refusal::AlreadyEnded { job: id }) } else { Ok(job) }
    }
}

impl Job {
    /// The first task named that is not there.
    pub(crate) fn missing_task(&self, tasks: &Selection) -> Option<(u32, u32)> {
        tasks.iter().find_map(|(step, tasks)| {
            let count = self.steps.get(*step as usize).map_or(0, |step| step.tasks.len() as u32);
            tasks.spans().iter().find(|span| span.end > count).map(|span| (*step, span.start.max(count)))
        })
    }

    fn check_tasks(&self, tasks: &Selection) -> Result<(), Refusal> {
        let missing = self.missing_task(tasks);
        missing.map_or(Ok(()), |(step, index)| Err(Refusal::UnknownTask { job: self.id(), step, index }))
    }

    fn any(&self, tasks: &Selection, wanted: impl Fn(TaskState) -> bool) -> bool {
        tasks.iter().any(|(step, tasks)| tasks.indices().any(|index| wanted(self.record(*step, index).state)))
    }

    /// What a retry without names means: everything that failed, or else everything that was cancelled.
    fn to_retry(&self) -> Selection {
        let failed = self.counts().of(TaskState::Failed) > 0;
        let wanted = if failed { TaskState::Failed } else { TaskState::Cancelled };
        let steps = (0_u32..).zip(&self.steps).filter(|(_, step)| step.counts.of(wanted) > 0);
        let tasks = steps.map(|(at, step)| {
            let tasks = (0_u32..).zip(&step.tasks).filter(|(_, task)| task.state == wanted);
            (at, tasks.map(|(index, _)| index).collect::<TaskSpans>())
        });
        tasks.collect()
    }
}
