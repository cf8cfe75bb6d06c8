mod commands;
mod facts;
mod flush;
mod seconds;
mod succeed;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use gridwell_model::{
    Claim, Fence, JobId, JobSpec, LeaseId, PeerId, Stamp, TaskKey, TaskSpan, TaskSpans, TaskState, Time,
};

use crate::{
    Effect, Input, JobSummary, Refusal, RestoreError, TaskView,
    change::{self, Change, Hold},
    job::Job,
    notes::Notes,
    restore,
};

pub(crate) use seconds::Second;
pub use succeed::MergeError;

/// Size of a job's journal since its last snapshot, in bytes, past which a new one is due: replaying that much takes
/// milliseconds, and a snapshot is rarely larger.
const SNAPSHOT_AFTER_BYTES: usize = 1024 * 1024;
/// The same at a job's end, when nothing more is coming that would fill the rest.
const SNAPSHOT_AT_END_BYTES: usize = 64 * 1024;

/// The engine.
#[derive(Debug)]
pub struct Ledger {
    epoch: u32,
    jobs: BTreeMap<JobId, Job>,
    effects: VecDeque<Effect>,
    /// Jobs that have another steward, as far as is known here: their holders are not answered, it does that. With the moment until
    /// which, once no copy is kept here any more.
    foreign: BTreeMap<JobId, Option<Time>>,
    /// When to look at each live lease again; one that was renewed meanwhile is put back.
    deadlines: BTreeSet<(Time, LeaseId)>,
    /// A moment on both clocks.
    clock: (Time, Stamp),
}

/// What journals told: the jobs of this peer, and whose the copies are, with the number of their last entry.
#[derive(Debug)]
pub struct Restored {
    /// The jobs of which this peer is steward.
    pub ledger: Ledger,
    /// The jobs of which it is a deputy.
    pub copies: Vec<(Claim, u64)>,
}

/// A broken invariant: always a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job {job}: {what}")]
pub struct Violation {
    /// Where.
    pub job: JobId,
    /// Which invariant, with its values.
    pub what: String,
}

impl Ledger {
    /// An empty ledger; `epoch` must be higher than at any earlier start of this node.
    #[must_use]
    pub const fn new(epoch: u32) -> Self {
        Self {
            epoch,
            jobs: BTreeMap::new(),
            effects: VecDeque::new(),
            foreign: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            clock: (Time::ZERO, Stamp(0)),
        }
    }

    /// Replays journals: for each job its last snapshot, if any, and the entries since, in order. Jobs whose steward is not
    /// `me` are copies: they are checked and set aside.
    ///
    /// Jobs of this peer go on: tasks under a journalled lease keep it and wait for their holder until `LEASE_DURATION` after `now`. The
    /// effects tell the scheduler about jobs that have not ended.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if a journal is damaged.
    pub fn restore(
        me: PeerId,
        epoch: u32,
        jobs: impl IntoIterator<Item = (JobId, Option<Vec<u8>>, Vec<Vec<u8>>)>,
        now: Time,
    ) -> Result<Restored, RestoreError> {
        let mut ledger = Self::new(epoch);
        let mut copies = Vec::new();
        for (id, snapshot, entries) in jobs {
            let lease_end = now + JobSpec::LEASE_DURATION;
            match restore::replay(id, snapshot.as_deref(), &entries, lease_end)? {
                Some(job) if job.steward == me => {
                    ledger.jobs.insert(id, job);
                    ledger.flush_restored(id);
                }
                Some(job) => {
                    ledger.foreign.insert(id, None);
                    copies.push((job.claim(), job.entry));
                }
                None => {}
            }
        }
        Ok(Restored { ledger, copies })
    }

    /// Takes in a fact or a command.
    ///
    /// # Errors
    ///
    /// A command may be refused; nothing has changed then. Facts never are.
    pub fn handle(&mut self, input: Input, now: Time) -> Result<(), Refusal> {
        match input {
            Input::JobAdded { spec, priority, held } => return self.add_job(spec, priority, held, now),
            Input::LeaseAccepted { lease } => self.renew(lease, now),
            Input::LeaseDeclined { lease } => self.lease_declined(lease, now),
            Input::TasksStarted { lease, span, stamp } => self.tasks_started(lease, span, stamp, now),
            Input::Renewed { peer, leases } => self.renewed(peer, &leases, now),
            Input::CheckpointKept { lease, peer, checkpoint } => self.checkpoint_kept(lease, peer, checkpoint, now),
            Input::TasksEnded { lease, peer, results, stamp } => self.tasks_ended(lease, peer, results, stamp, now),
            Input::HolderVanished { peer } => self.holder_vanished(peer, now),
            Input::Stranded { job } => self.stranded(job, now),
            Input::OutputsStowed { job, stow } => self.outputs_stowed(job, stow, now),
            Input::OutputsLanded { job, step, tasks } => self.outputs_landed(job, step, tasks, now),
            Input::TasksReused { job, tasks, stamp } => self.tasks_reused(job, tasks, stamp, now),
            Input::HoldJob { job, now: all } => return self.hold_job(job, Hold::of(all), now),
            Input::ReleaseJob { job } => return self.hold_job(job, Hold::No, now),
            Input::HoldTasks { job, tasks, now: all } => return self.hold_tasks(job, tasks, Hold::of(all), now),
            Input::ReleaseTasks { job, tasks } => return self.hold_tasks(job, tasks, Hold::No, now),
            Input::Cancel { job, tasks, stamp } => return self.cancel(job, tasks, stamp, now),
            Input::Retry { job, tasks } => return self.retry(job, tasks, now),
            Input::SetPriority { job, priority } => return self.set_priority(job, priority, now),
            Input::RemoveJob { job } => return self.remove_job(job),
        }
        Ok(())
    }

    /// Puts ready tasks under a new lease. Offer it once its journal entry is written.
    ///
    /// `None` if they are no longer all ready; those that are come back by [`Effect::TasksReady`].
    pub fn grant(&mut self, job: JobId, step: u32, span: TaskSpan, peer: PeerId, now: Time) -> Option<LeaseId> {
        let home = self.jobs.get(&job)?;
        if !home.all_in(step, span, &[TaskState::Ready]) || !home.holders.has_room_for(peer) {
            self.flush_refused(job, step, span);
            return None;
        }
        let fence = Fence { epoch: self.epoch, attempt: home.last_attempt.max(home.last_second) + 1 };
        let lease = LeaseId { job, fence };
        self.commit(job, Change::Granted { step, span, peer, fence }, false, now);
        self.deadlines.insert((now + JobSpec::LEASE_DURATION, lease));
        Some(lease)
    }

    /// Ends the leases whose time is over.
    pub fn handle_deadline(&mut self, now: Time) {
        while let Some((_, lease)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.deadlines.pop_first();
            let job = self.jobs.get(&lease.job);
            let live = job.and_then(|job| job.leases.get(&lease.fence)).map(|lease| lease.deadline);
            let second = || Some(job?.seconds.get(&lease.fence)?.deadline);
            match live.or_else(second) {
                Some(deadline) if deadline > now => _ = self.deadlines.insert((deadline, lease)),
                Some(_) => self.end_lease(lease, crate::LeaseEnd::Expired, now),
                None => {}
            }
        }
    }

    /// When the next lease ends, at the earliest.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The next wish.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Tells what people's clock says now, for the stamps of things that happen by themselves.
    pub const fn set_clock(&mut self, stamp: Stamp, now: Time) {
        self.clock = (now, stamp);
    }

    /// This start's epoch.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Everything the journal says about a job so far, as one piece; entries written before are not needed beside it.
    #[must_use]
    pub fn snapshot(&self, job: JobId) -> Option<Vec<u8>> {
        self.jobs.get(&job).map(Job::to_snapshot)
    }

    /// Every job here.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.jobs.keys().copied()
    }

    /// A job's spec.
    #[must_use]
    pub fn spec(&self, job: JobId) -> Option<&Arc<JobSpec>> {
        self.jobs.get(&job).map(|job| &job.spec)
    }

    /// A job at a glance.
    #[must_use]
    pub fn summary(&self, job: JobId, now: Time) -> Option<JobSummary> {
        self.jobs.get(&job).map(|job| job.summary(now))
    }

    /// Tasks of a job from `from` on whose state `wanted` picks, in order of step and index, at most `limit`.
    #[must_use]
    pub fn tasks(&self, job: JobId, from: TaskKey, limit: usize, wanted: impl Fn(TaskState) -> bool) -> Vec<TaskView> {
        self.jobs.get(&job).map(|job| job.views(from, limit, wanted)).unwrap_or_default()
    }

    /// What a live lease still holds, a second attempt's too: its step, holder and tasks.
    #[must_use]
    pub fn lease(&self, lease: LeaseId) -> Option<(u32, PeerId, TaskSpans)> {
        let job = self.jobs.get(&lease.job)?;
        if let Some(second) = job.seconds.get(&lease.fence) {
            return Some((second.step, second.peer, second.span.indices().collect()));
        }
        let live = job.leases.get(&lease.fence)?;
        Some((live.step, job.holders.peer(live.peer)?, live.left.clone()))
    }

    /// Every live lease but those of second attempts.
    pub fn leases(&self) -> impl Iterator<Item = LeaseId> + '_ {
        self.jobs.iter().flat_map(|(job, home)| home.leases.keys().map(|fence| LeaseId { job: *job, fence: *fence }))
    }

    /// Checks every invariant; for tests and simulations (it walks over all tasks).
    ///
    /// # Errors
    ///
    /// The first [`Violation`] found.
    pub fn check(&self) -> Result<(), Violation> {
        for (id, job) in &self.jobs {
            job.check().map_err(|what| Violation { job: *id, what })?;
            if let Some((fence, _)) = job.seconds.iter().find(|(_, second)| !job.is_wanted(second)) {
                return Err(Violation { job: *id, what: format!("second attempt {fence:?} is at nothing") });
            }
            for fence in job.leases.keys().chain(job.seconds.keys()) {
                let lease = LeaseId { job: *id, fence: *fence };
                if !self.deadlines.iter().any(|(_, other)| *other == lease) {
                    return Err(Violation { job: *id, what: format!("lease {lease} never ends") });
                }
            }
        }
        Ok(())
    }

    /// Writes a change down, then lets it happen, then says what follows.
    fn commit(&mut self, id: JobId, change: Change, durable: bool, now: Time) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.entry += 1;
        let entry = change::encode(job.entry, &change);
        job.journal_bytes += entry.len();
        self.effects.push_back(Effect::Journal { job: id, number: job.entry, entry, durable });
        let mut notes = Notes { reopened: matches!(change, Change::Added { .. }), ..Notes::default() };
        job.apply(&change, now + JobSpec::LEASE_DURATION, &mut notes);
        self.flush(id, notes);
        self.end_unwanted_seconds(id);
        self.wish_snapshot(id);
    }

    fn wish_snapshot(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let bound = if job.ended.is_some() { SNAPSHOT_AT_END_BYTES } else { SNAPSHOT_AFTER_BYTES };
        if job.journal_bytes > bound {
            job.journal_bytes = 0;
            self.effects.push_back(Effect::SnapshotDue { job: id });
        }
    }

    /// What people's clock says at `now`.
    fn stamp(&self, now: Time) -> Stamp {
        let (then, stamp) = self.clock;
        Stamp(stamp.0 + u64::try_from(now.since(then).as_millis()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
