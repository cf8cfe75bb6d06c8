//! What peers say.

use gridwell_model::{
    AttemptEnd, BlobId, Checkpoint, JobId, JobSpec, LeaseId, PeerId, Stamp, TaskSpan, TaskSpans, TaskState, Time,
};

use crate::{
    Effect, LeaseEnd, Ledger, TaskEnd, WasteKind,
    change::{Change, Hold},
    job::{Job, Lease},
    notes::Notes,
    record::TaskRecord,
};

impl Ledger {
    pub(super) fn renew(&mut self, lease: LeaseId, now: Time) {
        let until = now + JobSpec::LEASE_DURATION;
        if let Some(live) = self.live(lease) {
            live.deadline = until;
        } else if let Some(second) = self.jobs.get_mut(&lease.job).and_then(|job| job.seconds.get_mut(&lease.fence)) {
            second.deadline = until;
        }
    }

    pub(super) fn lease_declined(&mut self, lease: LeaseId, now: Time) {
        self.end_lease(lease, LeaseEnd::Declined, now);
    }

    pub(super) fn tasks_started(&mut self, lease: LeaseId, span: TaskSpan, stamp: Stamp, now: Time) {
        self.set_clock(stamp, now);
        if let Some(second) = self.jobs.get_mut(&lease.job).and_then(|job| job.seconds.get_mut(&lease.fence)) {
            second.running_since.get_or_insert(now);
        }
        let Some(live) = self.live(lease) else { return self.renew(lease, now) };
        live.deadline = now + JobSpec::LEASE_DURATION;
        if span.is_empty() || !live.left.spans().iter().any(|left| left.start <= span.start && span.end <= left.end) {
            return;
        }
        if live.running_since.replace(live.running_since.unwrap_or(now)).is_none()
            && let Some(job) = self.jobs.get_mut(&lease.job)
        {
            let running = job.leases.values().filter(|lease| lease.running_since.is_some()).count();
            job.most_running = job.most_running.max(running);
        }
        if self.jobs.get(&lease.job).is_some_and(|job| job.started.is_none()) {
            self.commit(lease.job, Change::Started { stamp }, false, now);
        }
        self.start(lease, span);
    }

    pub(super) fn renewed(&mut self, peer: PeerId, leases: &[LeaseId], now: Time) {
        for lease in leases.iter().filter(|lease| !self.is_foreign(lease.job, now)).copied().collect::<Vec<_>>() {
            let lease = &lease;
            if self.second(*lease, peer).is_some() {
                self.renew(*lease, now);
                continue;
            }
            if !self.jobs.get(&lease.job).is_some_and(|job| holds(job, *lease, peer)) {
                self.effects.push_back(Effect::Revoke { peer, lease: *lease, spans: None });
                continue;
            }
            self.call_back(*lease, now);
            self.renew(*lease, now);
        }
    }

    pub(super) fn tasks_ended(
        &mut self,
        lease: LeaseId,
        peer: PeerId,
        mut results: Vec<TaskEnd>,
        stamp: Stamp,
        now: Time,
    ) {
        self.set_clock(stamp, now);
        if self.is_foreign(lease.job, now) {
            // Settled here, outputs would go that its steward has not brought home.
            return;
        }
        results.retain(|result| !result.tasks.is_empty());
        self.judge_seconds(lease, peer, &results, now);
        let job = self.jobs.get(&lease.job).filter(|job| holds(job, lease, peer));
        let countable = job.map(|job| job.countable(lease.fence, &results)).unwrap_or_default();
        let mut told = TaskSpans::default();
        let mut counted = TaskSpans::default();
        results.iter().for_each(|result| told.insert(result.tasks));
        countable.iter().for_each(|result| counted.insert(result.tasks));

        let all_count = countable.len() == results.len();
        if !countable.is_empty() {
            self.renew(lease, now);
            self.count(lease, countable, stamp, now);
        }
        if !told.is_empty() {
            self.effects.push_back(Effect::Settle { peer, lease, spans: told });
        }
        if !all_count {
            self.waste(lease, peer, &results, &counted);
        }
    }

    /// One that nobody goes on from is let go again.
    pub(super) fn checkpoint_kept(&mut self, lease: LeaseId, peer: PeerId, checkpoint: Checkpoint, now: Time) {
        let Some(job) = self.jobs.get(&lease.job) else { return };
        if holds(job, lease, peer) && job.wants_checkpoint(lease.fence, checkpoint) {
            self.commit(lease.job, Change::Checkpointed { fence: lease.fence, checkpoint }, false, now);
        } else if !job.keeps_blob(checkpoint.blob) {
            self.effects.push_back(Effect::DropCheckpoint { job: lease.job, blob: checkpoint.blob });
        }
    }

    pub(super) fn holder_vanished(&mut self, peer: PeerId, now: Time) {
        for lease in self.seconds_on(peer) {
            self.forget_second(lease, LeaseEnd::Vanished, false);
        }
        let gone: Vec<LeaseId> = self.leases().filter(|lease| holds(&self.jobs[&lease.job], *lease, peer)).collect();
        for lease in gone {
            self.end_lease(lease, LeaseEnd::Vanished, now);
        }
    }

    pub(super) fn stranded(&mut self, id: JobId, now: Time) {
        let blocks = |job: &Job| job.holders.list().iter().any(|holder| holder.blocked);
        if self.jobs.get(&id).is_some_and(|job| job.ended.is_none() && blocks(job)) {
            self.commit(id, Change::Unblocked, false, now);
        }
    }

    pub(super) fn end_lease(&mut self, lease: LeaseId, end: LeaseEnd, now: Time) {
        self.forget_second(lease, end, false);
        self.replace_all(lease, now);
        if self.live(lease).is_some() {
            let stamp = self.stamp(now);
            self.commit(lease.job, Change::Returned { fence: lease.fence, end, stamp }, false, now);
        }
    }

    /// Asks the holder of a lease to stop what is not wanted any more, or not now; not if it was asked a moment ago.
    fn call_back(&mut self, lease: LeaseId, now: Time) {
        let Some(job) = self.jobs.get_mut(&lease.job) else { return };
        let Some(live) = job.leases.get(&lease.fence) else { return };
        let (spans, holder) = (job.unwanted(live), job.holders.peer(live.peer));
        if live.was_just_asked(&spans, now) {
            return;
        }
        if let Some(live) = job.leases.get_mut(&lease.fence) {
            live.called_back = Some((spans.clone(), now));
        }
        if let Some(peer) = holder {
            self.effects.push_back(Effect::Revoke { peer, lease, spans: Some(spans) });
        }
    }

    /// The same for every lease of a job.
    pub(super) fn call_all_back(&mut self, id: JobId, now: Time) {
        let fences = self.jobs.get(&id).into_iter().flat_map(|job| job.leases.keys().copied());
        for fence in fences.collect::<Vec<_>>() {
            self.call_back(LeaseId { job: id, fence }, now);
        }
    }

    fn live(&mut self, lease: LeaseId) -> Option<&mut Lease> {
        self.jobs.get_mut(&lease.job)?.leases.get_mut(&lease.fence)
    }

    fn count(&mut self, lease: LeaseId, results: Vec<TaskEnd>, stamp: Stamp, now: Time) {
        if self.jobs.get(&lease.job).is_some_and(|job| job.started.is_none() && results.iter().any(has_run)) {
            self.commit(lease.job, Change::Started { stamp }, false, now);
        }
        let durable = results.iter().any(has_run);
        self.commit(lease.job, Change::Ended { fence: lease.fence, results, stamp }, durable, now);
    }

    fn waste(&mut self, lease: LeaseId, peer: PeerId, results: &[TaskEnd], counted: &TaskSpans) {
        for result in results.iter().filter(|result| !counted.contains(result.tasks.start)) {
            let again = self.jobs.get(&lease.job).is_some_and(|job| job.has_counted(lease, peer, result.tasks.start));
            let (kind, run_micros) =
                if again { (WasteKind::Duplicate, 0) } else { (WasteKind::Stale, result.run_micros) };
            let tasks = result.tasks.len();
            self.effects.push_back(Effect::Waste { lease, peer, tasks, run_micros, kind });
        }
    }
}

fn has_run(result: &TaskEnd) -> bool {
    match result.end {
        AttemptEnd::Succeeded | AttemptEnd::Failed { .. } => true,
        AttemptEnd::Cancelled | AttemptEnd::Returned => false,
    }
}

fn holds(job: &Job, lease: LeaseId, peer: PeerId) -> bool {
    job.leases.get(&lease.fence).is_some_and(|live| job.holders.is(live.peer, peer))
}

impl Ledger {
    /// What runs of some tasks go on from, at most [`Checkpoint::MAX_IN_OFFER`].
    #[must_use]
    pub fn checkpoints(&self, job: JobId, step: u32, tasks: TaskSpan) -> Vec<Checkpoint> {
        let kept = self.jobs.get(&job).into_iter().flat_map(|job| job.checkpoints_in(step, tasks));
        kept.map(|(_, kept)| kept.checkpoint).take(Checkpoint::MAX_IN_OFFER).collect()
    }

    /// What all runs of a job go on from.
    pub fn all_checkpoints(&self, job: JobId) -> impl Iterator<Item = Checkpoint> + '_ {
        self.jobs.get(&job).into_iter().flat_map(Job::all_checkpoints)
    }

    /// True if a checkpoint is newer than what is kept of its run, and its run is under that lease.
    #[must_use]
    pub fn wants_checkpoint(&self, lease: LeaseId, checkpoint: Checkpoint) -> bool {
        self.jobs.get(&lease.job).is_some_and(|job| job.wants_checkpoint(lease.fence, checkpoint))
    }

    /// True if some run of the job goes on from these bytes.
    #[must_use]
    pub fn is_checkpoint(&self, job: JobId, blob: BlobId) -> bool {
        self.jobs.get(&job).is_some_and(|job| job.keeps_blob(blob))
    }

    /// Notes that leased tasks run. Not journalled: it matters only while their holder is there to say so.
    fn start(&mut self, lease: LeaseId, span: TaskSpan) {
        let Some(job) = self.jobs.get_mut(&lease.job) else { return };
        let mut notes = Notes::default();
        job.start(lease.fence, span, &mut notes);
        self.flush(lease.job, notes);
    }
}

impl Job {
    /// Tasks of a lease that its holder should stop or not start.
    pub(crate) fn unwanted(&self, lease: &Lease) -> TaskSpans {
        let unwanted = |index: &u32| {
            let record = self.record(lease.step, *index);
            let on_hold = self.hold.is_on() || record.is_held();
            let called_back = self.hold == Hold::All || record.is_called_back();
            record.is_cancelling() || called_back || (on_hold && record.state == TaskState::Leased)
        };
        lease.left.indices().filter(unwanted).collect()
    }

    /// True if the task's last lease was this one, and a report under it was counted.
    fn has_counted(&self, lease: LeaseId, peer: PeerId, index: u32) -> bool {
        self.steps.iter().any(|step| {
            let record = step.tasks.get(index as usize);
            let same = |record: &&TaskRecord| record.fence == lease.fence && self.holders.is(record.peer, peer);
            record.filter(same).is_some_and(TaskRecord::is_counted)
        })
    }
}
