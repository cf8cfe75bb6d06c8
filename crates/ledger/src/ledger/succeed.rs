//! Jobs that come from another steward, and jobs that go to one.

use std::{sync::Arc, time::Duration};

use gridwell_model::{Claim, JobId, JobSpec, LeaseId, TaskKey, TaskSpan, TaskState, Time};

use crate::{Effect, JobSummary, LeaseEnd, Ledger, RestoreError, Stow, change::Change, job::Job, restore};

/// Why another steward's records were not merged; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// This peer is not steward of it.
    #[error("no job {job} here")]
    Unknown {
        /// The job.
        job: JobId,
    },
    /// They are not a snapshot of that job.
    #[error("what another steward knows of job {job} is unreadable")]
    Unreadable {
        /// The job.
        job: JobId,
    },
}

/// How long holders may report to a former steward: by then they drop results that nobody has settled.
const LATE_REPORTS: Duration = Duration::from_mins(10);

impl Ledger {
    /// Makes this peer steward of a job of which it has a copy, as its journal tells. Holders keep their leases if they say so
    /// within `LEASE_DURATION`; what this peer granted before it is still fenced, because its epoch has been raised.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if the copy is damaged or empty; nothing has changed then.
    pub fn adopt(
        &mut self,
        claim: Claim,
        snapshot: Option<&[u8]>,
        entries: &[Vec<u8>],
        now: Time,
    ) -> Result<(), RestoreError> {
        let id = claim.job;
        let lease_end = now + JobSpec::LEASE_DURATION;
        let job = restore::replay(id, snapshot, entries, lease_end)?;
        let job = job.ok_or(RestoreError::Unreadable { job: id, part: 0 })?;
        self.foreign.remove(&id);
        self.jobs.insert(id, job);
        self.commit(id, Change::Stewarded { term: claim.term, steward: claim.steward }, true, now);
        self.flush_restored(id);
        Ok(())
    }

    /// Reads a copy: its job's spec, and whose it is.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if the copy is damaged or empty.
    pub fn read_copy(
        job: JobId,
        snapshot: Option<&[u8]>,
        entries: &[Vec<u8>],
    ) -> Result<(Arc<JobSpec>, Claim), RestoreError> {
        let read = restore::replay(job, snapshot, entries, Time::ZERO)?;
        let read = read.ok_or(RestoreError::Unreadable { job, part: 0 })?;
        Ok((Arc::clone(&read.spec), read.claim()))
    }

    /// Reads a copy for people: its job's spec, whose it is, and where it stood when the last of it came.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if the copy is damaged or empty.
    pub fn look_at_copy(
        job: JobId,
        snapshot: Option<&[u8]>,
        entries: &[Vec<u8>],
    ) -> Result<(Arc<JobSpec>, Claim, JobSummary), RestoreError> {
        let read = restore::replay(job, snapshot, entries, Time::ZERO)?;
        let read = read.ok_or(RestoreError::Unreadable { job, part: 0 })?;
        Ok((Arc::clone(&read.spec), read.claim(), read.summary(Time::ZERO)))
    }

    /// Gives a job up: another peer is its steward now. Returns all that is known of it, for [`Ledger::merge`] there.
    pub fn retire(&mut self, id: JobId) -> Option<Vec<u8>> {
        let seconds = self.jobs.get(&id)?.seconds.keys().map(|fence| LeaseId { job: id, fence: *fence });
        for lease in seconds.collect::<Vec<_>>() {
            self.forget_second(lease, LeaseEnd::Ceded, true);
        }
        let job = self.jobs.remove(&id)?;
        self.foreign.insert(id, None);
        for (fence, lease) in &job.leases {
            let Some(peer) = job.holders.peer(lease.peer) else { continue };
            let lease_id = LeaseId { job: id, fence: *fence };
            self.effects.push_back(Effect::LeaseEnded {
                lease: lease_id,
                peer,
                step: lease.step,
                end: LeaseEnd::Ceded,
            });
        }
        self.effects.push_back(Effect::JobRetired { job: id });
        Some(job.to_snapshot())
    }

    /// Nothing is kept of another steward's job any more. Holders that have not heard of that steward may report here still;
    /// when they have surely given up by themselves, whoever reports is told that nobody waits.
    pub fn forget_foreign(&mut self, job: JobId, now: Time) {
        self.foreign.retain(|_, until| until.is_none_or(|until| now < until));
        if let Some(until) = self.foreign.get_mut(&job) {
            *until = Some(now + LATE_REPORTS);
        }
    }

    pub(super) fn is_foreign(&self, job: JobId, now: Time) -> bool {
        self.foreign.get(&job).is_some_and(|until| until.is_none_or(|until| now < until))
    }

    /// Takes in what a former steward knew of a job: tasks that it saw end well count, once; tasks that it was told to cancel
    /// are cancelled. Holds and the priority stay as they are here.
    ///
    /// # Errors
    ///
    /// [`MergeError`] if this is not about a job of this peer.
    pub fn merge(&mut self, id: JobId, snapshot: &[u8], now: Time) -> Result<(), MergeError> {
        let mine = self.jobs.get(&id).ok_or(MergeError::Unknown { job: id })?;
        let theirs =
            Job::from_snapshot(snapshot, now).filter(|theirs| theirs.id() == id && mine.is_shaped_like(theirs));
        let news = mine.news_from(&theirs.ok_or(MergeError::Unreadable { job: id })?);
        if news.is_empty() {
            return Ok(());
        }
        let before: Vec<_> =
            mine.leases.iter().map(|(fence, lease)| (*fence, lease.peer, lease.left.clone())).collect();
        let stamp = self.stamp(now);
        let change = Change::Merged { done: news.done, cancelled: news.cancelled, stowed: news.stowed, stamp };
        self.commit(id, change, true, now);
        let Some(job) = self.jobs.get(&id) else { return Ok(()) };
        for (fence, peer, gone) in job.overtaken(&before) {
            if let Some(peer) = job.holders.peer(peer) {
                self.effects.push_back(Effect::Revoke { peer, lease: LeaseId { job: id, fence }, spans: Some(gone) });
            }
        }
        self.call_all_back(id, now);
        Ok(())
    }

    /// Uses a higher epoch from now on, which must be kept already: before a job is taken over that this peer may have had
    /// before.
    pub const fn raise_epoch(&mut self, epoch: u32) {
        if epoch > self.epoch {
            self.epoch = epoch;
        }
    }

    /// Whose a job is, by which right, and the number of its last journal entry.
    #[must_use]
    pub fn claim(&self, job: JobId) -> Option<(Claim, u64)> {
        self.jobs.get(&job).map(|job| (job.claim(), job.entry))
    }

    /// Outputs of a job that wait for their origin on other peers.
    pub fn stowed(&self, job: JobId) -> impl Iterator<Item = &Stow> {
        self.jobs.get(&job).into_iter().flat_map(|job| job.stowed.values())
    }

    /// Those of one task, or of the run that it was in.
    #[must_use]
    pub fn stowed_of(&self, job: JobId, task: TaskKey) -> Option<&Stow> {
        let (_, stow) = self.jobs.get(&job)?.stowed.range(..=task).next_back()?;
        let covers = stow.step == task.step && stow.tasks.start <= task.index && task.index < stow.tasks.end;
        covers.then_some(stow)
    }

    pub(super) fn outputs_stowed(&mut self, id: JobId, stow: Stow, now: Time) {
        if self.jobs.get(&id).is_some_and(|job| job.all_in(stow.step, stow.tasks, &[TaskState::Done])) {
            self.commit(id, Change::Stowed(stow), true, now);
        }
    }

    pub(super) fn outputs_landed(&mut self, id: JobId, step: u32, tasks: TaskSpan, now: Time) {
        let key = TaskKey { step, index: tasks.start };
        if self.jobs.get(&id).is_some_and(|job| job.stowed.contains_key(&key)) {
            self.commit(id, Change::Landed { step, tasks }, true, now);
        }
    }
}
