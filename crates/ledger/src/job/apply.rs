//! What each journal entry does to a job. The same at replay as the first time: only the records decide.

use gridwell_model::{Fence, PeerId, Stamp, TaskKey, TaskSpan, TaskSpans, TaskState, Time};

use crate::{
    LeaseEnd, Selection,
    change::{Change, Hold},
    job::{Job, Lease},
    notes::{LeaseGone, Notes},
    policy,
};

impl Job {
    /// Applies a change that was checked before it was journalled. `Added` makes a job and is not for an existing one.
    ///
    /// A lease granted now ends at `lease_end` unless renewed.
    pub(crate) fn apply(&mut self, change: &Change, lease_end: Time, notes: &mut Notes) {
        match change {
            Change::Added { .. } => self.refresh_all(notes, |_, _, _| ()),
            Change::Granted { step, span, peer, fence } => self.grant(*step, *span, *peer, *fence, lease_end, notes),
            Change::Started { stamp } => self.started = Some(*stamp),
            Change::Returned { fence, end, .. } => self.take_back(*fence, *end, notes),
            Change::Ended { fence, results, .. } => self.take_results(*fence, results, notes),
            Change::JobHeld { hold } => {
                self.hold = *hold;
                self.refresh_all(notes, |_, _, _| ());
            }
            Change::TasksHeld { tasks, hold } => self.hold_tasks(tasks, *hold, notes),
            Change::Cancelled { tasks, .. } => self.cancel(tasks.as_ref(), notes),
            Change::Retried { tasks } => self.retry(tasks, notes),
            Change::Prioritised { priority } => self.priority = *priority,
            Change::Unblocked => {
                self.last_resort = true;
                self.unblock(notes);
            }
            Change::Stewarded { term, steward } => (self.term, self.steward) = (*term, *steward),
            Change::Merged { done, cancelled, stowed, .. } => self.learn(done, cancelled, stowed, notes),
            Change::Stowed(stow) => self.stow(stow.clone()),
            Change::Replaced { of, by, peer, step, span } => {
                self.replace(*of, *by, *peer, (*step, *span), lease_end, notes);
            }
            Change::Reused { tasks, .. } => self.reuse(tasks, notes),
            Change::Checkpointed { fence, checkpoint } => self.keep_checkpoint(*fence, *checkpoint, notes),
            Change::Landed { step, tasks } => {
                self.stowed.remove(&TaskKey { step: *step, index: tasks.start });
            }
        }
        self.note_end(change.stamp(self));
    }

    fn grant(&mut self, step: u32, span: TaskSpan, peer: PeerId, fence: Fence, lease_end: Time, notes: &mut Notes) {
        let peer = self.holders.position(peer);
        self.last_attempt = self.last_attempt.max(fence.attempt);
        for index in span.indices() {
            let record = self.record_mut(step, index);
            record.fence = fence;
            record.peer = peer;
            record.set_counted(false);
            self.set_state(step, index, TaskState::Leased, notes);
        }
        let left = TaskSpans::checked(vec![span]).expect("one span that is not empty");
        self.leases.insert(fence, Lease::new(peer, step, left, lease_end));
    }

    /// Tasks of a lease go under another one.
    fn replace(
        &mut self,
        of: Fence,
        by: Fence,
        peer: PeerId,
        (step, span): (u32, TaskSpan),
        lease_end: Time,
        notes: &mut Notes,
    ) {
        let peer = self.holders.position(peer);
        self.last_attempt = self.last_attempt.max(by.attempt);
        for index in span.indices() {
            let record = self.record_mut(step, index);
            (record.fence, record.peer) = (by, peer);
            record.set_counted(false);
            let state = record.state;
            notes.moved(step, index, state, state, peer);
        }
        let left = TaskSpans::checked(vec![span]).expect("one span that is not empty");
        self.shrink_lease(of, &left, notes);
        self.leases.insert(by, Lease::new(peer, step, left, lease_end));
    }

    /// Leased tasks were started.
    pub(crate) fn start(&mut self, fence: Fence, span: TaskSpan, notes: &mut Notes) {
        let Some(step) = self.leases.get(&fence).map(|lease| lease.step) else { return };
        for index in span.indices() {
            if self.record(step, index).state == TaskState::Leased {
                self.set_state(step, index, TaskState::Running, notes);
            }
        }
    }

    /// Ends a lease whose tasks did not end.
    fn take_back(&mut self, fence: Fence, end: LeaseEnd, notes: &mut Notes) {
        let Some(lease) = self.leases.remove(&fence) else { return };
        if end != LeaseEnd::Declined {
            self.lose(&lease, notes);
        }
        for index in lease.left.indices() {
            let next = self.after_attempt(lease.step, index);
            self.set_state(lease.step, index, next, notes);
        }
        notes.lease_ends.push(LeaseGone { fence, peer: lease.peer, step: lease.step, end });
        self.propagate(Selection::from([(lease.step, lease.left)]), notes);
    }

    fn lose(&mut self, lease: &Lease, notes: &mut Notes) {
        let reason = self.reasons.keep("its machines vanished too often");
        for index in lease.left.indices() {
            let retry = self.spec.retry;
            let record = self.record_mut(lease.step, index);
            policy::count_loss(record);
            if policy::is_over(record, retry) {
                record.reason = reason;
            }
            self.set_state(lease.step, index, TaskState::Lost, notes);
        }
    }

    /// Where a task goes whose attempt was cut short or failed.
    pub(crate) fn after_attempt(&self, step: u32, index: u32) -> TaskState {
        let record = self.record(step, index);
        if record.is_cancelling() {
            TaskState::Cancelled
        } else if policy::is_over(record, self.spec.retry) {
            TaskState::Failed
        } else {
            self.rest_state(step, index)
        }
    }

    /// Counts tasks that no machine has to run.
    fn reuse(&mut self, tasks: &Selection, notes: &mut Notes) {
        self.refresh_all(notes, |job, step, notes| {
            for index in tasks.get(&step).into_iter().flat_map(TaskSpans::indices) {
                if job.record(step, index).fence == Fence::default() && !job.record(step, index).state.is_ended() {
                    job.record_mut(step, index).set_counted(true);
                    job.put_state(step, index, TaskState::Done, notes);
                    job.steps[step as usize].reused += 1;
                }
            }
        });
    }

    fn hold_tasks(&mut self, tasks: &Selection, hold: Hold, notes: &mut Notes) {
        for (step, tasks) in tasks {
            for index in tasks.indices() {
                self.record_mut(*step, index).set_hold(hold);
            }
            self.refresh(*step, tasks, notes);
        }
    }

    fn cancel(&mut self, tasks: Option<&Selection>, notes: &mut Notes) {
        self.refresh_all(notes, |job, step, notes| match tasks {
            None => job.cancel_in(step, &job.whole(step), notes),
            Some(tasks) => {
                if let Some(tasks) = tasks.get(&step) {
                    job.cancel_in(step, tasks, notes);
                }
            }
        });
    }

    pub(super) fn cancel_in(&mut self, step: u32, tasks: &TaskSpans, notes: &mut Notes) {
        for index in tasks.indices() {
            let state = self.record(step, index).state;
            if state.is_leased() {
                self.record_mut(step, index).set_cancelling(true);
            } else if !state.is_ended() {
                self.set_state(step, index, TaskState::Cancelled, notes);
            }
        }
    }

    fn retry(&mut self, tasks: &Selection, notes: &mut Notes) {
        self.last_resort = false;
        self.unblock(notes);
        self.refresh_all(notes, |job, step, notes| {
            for index in tasks.get(&step).into_iter().flat_map(TaskSpans::indices) {
                job.retry_task(step, index, notes);
            }
        });
        if self.counts.ended() < self.counts.total() {
            notes.reopened = self.ended.take().is_some();
        }
    }

    fn retry_task(&mut self, step: u32, index: u32, notes: &mut Notes) {
        if !matches!(self.record(step, index).state, TaskState::Failed | TaskState::Cancelled) {
            return;
        }
        let next = self.rest_state(step, index);
        // What was cancelled behind something that still bars it stays cancelled.
        if next == TaskState::Skipped {
            return;
        }
        self.failed_on.remove(&TaskKey { step, index });
        self.set_state(step, index, next, notes);
        self.record_mut(step, index).forgive();
    }

    fn unblock(&mut self, notes: &mut Notes) {
        for (position, holder) in (0_u16..).zip(self.holders.list_mut()) {
            holder.streak = 0;
            if std::mem::take(&mut holder.blocked) {
                notes.unblocked.push(position);
            }
        }
    }

    fn note_end(&mut self, stamp: Stamp) {
        if self.ended.is_none() && self.counts.ended() == self.counts.total() {
            self.ended = Some(stamp);
        }
    }
}

impl Change {
    /// When it happened, for people; the job's last known moment for changes that end nothing.
    fn stamp(&self, job: &Job) -> Stamp {
        match self {
            Self::Started { stamp }
            | Self::Returned { stamp, .. }
            | Self::Ended { stamp, .. }
            | Self::Cancelled { stamp, .. }
            | Self::Merged { stamp, .. }
            | Self::Reused { stamp, .. } => *stamp,
            Self::Added { .. }
            | Self::Granted { .. }
            | Self::JobHeld { .. }
            | Self::TasksHeld { .. }
            | Self::Retried { .. }
            | Self::Prioritised { .. }
            | Self::Unblocked
            | Self::Stewarded { .. }
            | Self::Replaced { .. }
            | Self::Stowed(_)
            | Self::Checkpointed { .. }
            | Self::Landed { .. } => job.spec.submitted,
        }
    }
}
