//! What peers say.

use gridwell_model::{AttemptEnd, JobId, JobSpec, LeaseId, PeerId, Stamp, TaskSpan, TaskSpans, TaskState, Time};

use crate::{
    Effect, LeaseEnd, Ledger, TaskEnd, WasteKind,
    change::Change,
    job::{Job, Lease},
    notes::Notes,
    record::TaskRecord,
};

impl Ledger {
    pub(super) fn renew(&mut self, lease: LeaseId, now: Time) {
        if let Some(live) = self.live(lease) {
            live.deadline = now + JobSpec::LEASE_DURATION;
        }
    }

    pub(super) fn lease_declined(&mut self, lease: LeaseId, now: Time) {
        self.end_lease(lease, LeaseEnd::Declined, now);
    }

    pub(super) fn tasks_started(&mut self, lease: LeaseId, span: TaskSpan, stamp: Stamp, now: Time) {
        self.set_clock(stamp, now);
        let Some(live) = self.live(lease) else { return };
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
        for lease in leases {
            let held = self.jobs.get(&lease.job).filter(|job| holds(job, *lease, peer));
            let Some(job) = held else {
                self.effects.push_back(Effect::Revoke { peer, lease: *lease, spans: None });
                continue;
            };
            let unwanted = job.unwanted(&job.leases[&lease.fence]);
            if !unwanted.is_empty() {
                self.effects.push_back(Effect::Revoke { peer, lease: *lease, spans: Some(unwanted) });
            }
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
        results.retain(|result| !result.tasks.is_empty());
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

    pub(super) fn holder_vanished(&mut self, peer: PeerId, now: Time) {
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
        if self.live(lease).is_some() {
            let stamp = self.stamp(now);
            self.commit(lease.job, Change::Returned { fence: lease.fence, end, stamp }, false, now);
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
            let on_hold = self.held || record.is_held();
            record.is_cancelling() || (on_hold && record.state == TaskState::Leased)
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
