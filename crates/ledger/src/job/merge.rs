//! What another steward of the job counted while nobody here heard of it.

use gridwell_model::{Fence, TaskKey, TaskSpan, TaskSpans, TaskState};

use crate::{
    LeaseEnd, Selection, Stow,
    change::DoneRun,
    job::Job,
    notes::{LeaseGone, Notes},
};

/// What one ledger knows of a job and another one does not.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct News {
    pub(crate) done: Vec<DoneRun>,
    pub(crate) cancelled: Selection,
    pub(crate) stowed: Vec<Stow>,
}

impl News {
    pub(crate) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.cancelled.is_empty()
    }
}

impl Job {
    /// True if the tasks are all there.
    pub(crate) fn has_tasks(&self, step: u32, span: TaskSpan) -> bool {
        let count = self.steps.get(step as usize).map_or(0, |step| step.tasks.len() as u32);
        !span.is_empty() && span.end <= count
    }

    /// True if both have the same steps with the same numbers of tasks.
    pub(crate) fn is_shaped_like(&self, other: &Self) -> bool {
        self.steps.len() == other.steps.len()
            && self.steps.iter().zip(&other.steps).all(|(mine, theirs)| mine.tasks.len() == theirs.tasks.len())
    }

    /// What `other` knows of this very job: tasks that ended well, and tasks that a person cancelled before they ended here.
    ///
    /// A task counts once: of what both saw end well, nothing is taken over.
    pub(crate) fn news_from(&self, other: &Self) -> News {
        let mut news = News::default();
        for (at, (mine, theirs)) in (0_u32..).zip(self.steps.iter().zip(&other.steps)) {
            for (index, (mine, record)) in (0_u32..).zip(mine.tasks.iter().zip(&theirs.tasks)) {
                if record.state == TaskState::Cancelled && !mine.state.is_ended() {
                    news.cancelled.entry(at).or_default().insert(TaskSpan::new(index, index + 1));
                }
                if record.state != TaskState::Done || mine.state == TaskState::Done {
                    continue;
                }
                let Some(peer) = other.holders.peer(record.peer) else { continue };
                let run_millis = u32::try_from(record.run_time().as_millis()).unwrap_or(u32::MAX);
                let span = TaskSpan::new(index, index + 1);
                let run = DoneRun { step: at, span, peer, fence: record.fence, run_millis };
                match news.done.last_mut() {
                    Some(last) if last.span.end == index && (DoneRun { span, ..last.clone() }) == run => {
                        last.span.end += 1;
                    }
                    _ => news.done.push(run),
                }
            }
        }
        let is_news = |stow: &&Stow| {
            self.has_tasks(stow.step, stow.tasks) && stow.tasks.indices().all(|index| self.lacks(stow.step, index))
        };
        news.stowed = other.stowed.values().filter(is_news).cloned().collect();
        news
    }

    fn lacks(&self, step: u32, index: u32) -> bool {
        let record = self.steps.get(step as usize).and_then(|step| step.tasks.get(index as usize));
        record.is_some_and(|record| record.state != TaskState::Done)
    }

    /// Takes in what another steward knew.
    pub(crate) fn learn(&mut self, done: &[DoneRun], cancelled: &Selection, stowed: &[Stow], notes: &mut Notes) {
        for run in done {
            self.learn_run(run, notes);
        }
        self.refresh_all(notes, |job, step, notes| {
            if let Some(tasks) = cancelled.get(&step) {
                job.cancel_in(step, tasks, notes);
            }
        });
        stowed.iter().cloned().for_each(|stow| self.stow(stow));
        if self.counts.ended() < self.counts.total() && self.ended.take().is_some() {
            notes.reopened = true;
        }
    }

    fn learn_run(&mut self, run: &DoneRun, notes: &mut Notes) {
        if !self.holders.has_room_for(run.peer) {
            return;
        }
        let peer = self.holders.position(run.peer);
        self.last_attempt = self.last_attempt.max(run.fence.attempt);
        for index in run.span.indices() {
            let record = *self.record(run.step, index);
            if record.state == TaskState::Done {
                continue;
            }
            if record.state.is_leased() {
                self.take_out_of_lease(record.fence, index, notes);
            }
            let record = self.record_mut(run.step, index);
            (record.fence, record.peer) = (run.fence, peer);
            record.set_counted(true);
            record.set_exit_code(Some(0));
            record.set_run_micros(u64::from(run.run_millis) * 1_000);
            record.set_cancelling(false);
            self.put_state(run.step, index, TaskState::Done, notes);
            self.record_mut(run.step, index).reason = 0;
            self.failed_on.remove(&TaskKey { step: run.step, index });
            self.steps[run.step as usize].run_micros += u64::from(run.run_millis) * 1_000;
            let holder = self.holders.at(peer);
            holder.done += 1;
            // What it took stands in a sum of the other steward that also has what both counted.
            holder.ran(1, None);
        }
    }

    fn take_out_of_lease(&mut self, fence: Fence, index: u32, notes: &mut Notes) {
        let Some(lease) = self.leases.get_mut(&fence) else { return };
        lease.left.remove(TaskSpan::new(index, index + 1));
        if lease.left.is_empty() {
            let (peer, step) = (lease.peer, lease.step);
            self.leases.remove(&fence);
            notes.lease_ends.push(LeaseGone { fence, peer, step, end: LeaseEnd::Ceded });
        }
    }

    pub(crate) fn stow(&mut self, stow: Stow) {
        self.stowed.insert(TaskKey { step: stow.step, index: stow.tasks.start }, stow);
    }

    /// What of a lease ended here because another steward had counted it: its holder may stop.
    pub(crate) fn overtaken(&self, before: &[(Fence, u16, TaskSpans)]) -> Vec<(Fence, u16, TaskSpans)> {
        let gone = before.iter().map(|(fence, peer, left)| {
            let now = self.leases.get(fence).map(|lease| &lease.left);
            let gone = left.indices().filter(|index| now.is_none_or(|now| !now.contains(*index))).collect();
            (*fence, *peer, gone)
        });
        gone.filter(|(.., gone): &(_, _, TaskSpans)| !gone.is_empty()).collect()
    }
}
