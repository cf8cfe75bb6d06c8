//! Second attempts: a run that takes too long starts once more elsewhere, and the first good result counts.
//!
//! Nothing of them is written down: a second attempt that wins takes the first one's place by one journal entry and counts as
//! any other; one that does not leaves no trace. After a restart only the first is known.

use gridwell_model::{AttemptEnd, Fence, JobId, JobSpec, LeaseId, PeerId, TaskKey, TaskSpan, TaskSpans, Time};

use crate::{Effect, LeaseEnd, Ledger, TaskEnd, change::Change, job::Job};

/// A second attempt at one run of a live lease.
#[derive(Debug, Clone)]
pub(crate) struct Second {
    pub(crate) peer: PeerId,
    pub(crate) step: u32,
    /// The run: one task, or a chunk.
    pub(crate) span: TaskSpan,
    /// The first attempt.
    pub(crate) of: Fence,
    pub(crate) deadline: Time,
    pub(crate) running_since: Option<Time>,
}

impl Ledger {
    /// Puts tasks under a second lease whose first attempt takes too long: one run of `first`. Offer it at once.
    ///
    /// `None` if the first attempt is over or not wanted, is on that very peer, or has a second one.
    pub fn grant_second(&mut self, first: LeaseId, span: TaskSpan, peer: PeerId, now: Time) -> Option<LeaseId> {
        let epoch = self.epoch;
        let job = self.jobs.get_mut(&first.job)?;
        let lease = job.leases.get(&first.fence)?;
        let (step, elsewhere) = (lease.step, !job.holders.is(lease.peer, peer));
        let attempt = job.last_attempt.max(job.last_second) + 1;
        let second =
            Second { peer, step, span, of: first.fence, deadline: now + JobSpec::LEASE_DURATION, running_since: None };
        let is_first = !job.seconds.values().any(|other| other.overlaps(step, span));
        if !elsewhere || !is_first || !job.is_wanted(&second) || !job.holders.has_room_for(peer) {
            return None;
        }
        let fence = Fence { epoch, attempt };
        job.last_second = attempt;
        self.deadlines.insert((second.deadline, LeaseId { job: first.job, fence }));
        job.seconds.insert(fence, second);
        Some(LeaseId { job: first.job, fence })
    }

    /// Who has a task for a second time, if anybody.
    #[must_use]
    pub fn second_of(&self, job: JobId, task: TaskKey) -> Option<PeerId> {
        let span = TaskSpan::new(task.index, task.index + 1);
        let mut seconds = self.jobs.get(&job)?.seconds.values();
        seconds.find(|second| second.overlaps(task.step, span)).map(|second| second.peer)
    }

    /// A second attempt that `peer` holds.
    pub(super) fn second(&mut self, lease: LeaseId, peer: PeerId) -> Option<&mut Second> {
        let second = self.jobs.get_mut(&lease.job)?.seconds.get_mut(&lease.fence)?;
        (second.peer == peer).then_some(second)
    }

    /// Looks at results before they are counted: a second attempt that ended well takes the first one's place, and takes
    /// it, too, when the first one ended otherwise. A second attempt that ended otherwise is forgotten.
    pub(super) fn judge_seconds(&mut self, lease: LeaseId, peer: PeerId, results: &[TaskEnd], now: Time) {
        if let Some(second) = self.second(lease, peer) {
            let whole = |result: &TaskEnd| result.tasks == second.span && result.end == AttemptEnd::Succeeded;
            if !results.iter().all(whole) || results.is_empty() {
                return self.forget_second(lease, LeaseEnd::Finished, false);
            }
            let (of, span) = (LeaseId { job: lease.job, fence: second.of }, second.span);
            let loser = self.lease(of).map(|(_, peer, _)| peer);
            self.replace(lease, now);
            if let Some(peer) = loser {
                let spans = Some(TaskSpans::from_iter(span.indices()));
                self.effects.push_back(Effect::Revoke { peer, lease: of, spans });
            }
            return;
        }
        let bad: Vec<TaskSpan> =
            results.iter().filter(|end| end.end != AttemptEnd::Succeeded).map(|end| end.tasks).collect();
        let touched = |second: &Second| bad.iter().any(|span| second.overlaps(second.step, *span));
        for second in self.seconds_behind(lease, peer, touched) {
            self.replace(second, now);
        }
    }

    /// The first attempt is lost: its second ones go on alone.
    pub(super) fn replace_all(&mut self, first: LeaseId, now: Time) {
        let holder = self.lease(first).map(|(_, peer, _)| peer);
        for second in holder.map(|peer| self.seconds_behind(first, peer, |_| true)).unwrap_or_default() {
            self.replace(second, now);
        }
    }

    /// Second attempts at what `peer` holds under `first`.
    fn seconds_behind(&self, first: LeaseId, peer: PeerId, picked: impl Fn(&Second) -> bool) -> Vec<LeaseId> {
        let Some(job) = self.jobs.get(&first.job) else { return Vec::new() };
        if !job.leases.get(&first.fence).is_some_and(|lease| job.holders.is(lease.peer, peer)) {
            return Vec::new();
        }
        let behind = job.seconds.iter().filter(|(_, second)| second.of == first.fence && picked(second));
        behind.map(|(fence, _)| LeaseId { job: first.job, fence: *fence }).collect()
    }

    /// A second attempt takes its first one's place: from now on it is a lease as any other.
    fn replace(&mut self, lease: LeaseId, now: Time) {
        let Some(job) = self.jobs.get_mut(&lease.job) else { return };
        let Some(Second { peer, step, span, of, deadline, running_since }) = job.seconds.remove(&lease.fence) else {
            return;
        };
        self.commit(lease.job, Change::Replaced { of, by: lease.fence, peer, step, span }, false, now);
        let live = self.jobs.get_mut(&lease.job).and_then(|job| job.leases.get_mut(&lease.fence));
        if let Some(live) = live {
            (live.deadline, live.running_since) = (deadline, running_since);
        }
    }

    /// Forgets a second attempt; `revoke` if its holder does not know that it is over.
    pub(super) fn forget_second(&mut self, lease: LeaseId, end: LeaseEnd, revoke: bool) {
        let Some(job) = self.jobs.get_mut(&lease.job) else { return };
        let Some(Second { peer, step, span, .. }) = job.seconds.remove(&lease.fence) else { return };
        if revoke {
            let spans = Some(TaskSpans::from_iter(span.indices()));
            self.effects.push_back(Effect::Revoke { peer, lease, spans });
        }
        self.effects.push_back(Effect::LeaseEnded { lease, peer, step, end });
    }

    /// Ends second attempts at tasks that have ended, or that nobody wants any more.
    pub(super) fn end_unwanted_seconds(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let gone: Vec<Fence> =
            job.seconds.iter().filter(|(_, second)| !job.is_wanted(second)).map(|(fence, _)| *fence).collect();
        for fence in gone {
            self.forget_second(LeaseId { job: id, fence }, LeaseEnd::Finished, true);
        }
    }

    /// Every second attempt that a peer has.
    pub(super) fn seconds_on(&self, peer: PeerId) -> Vec<LeaseId> {
        let seconds = self.jobs.iter().flat_map(|(job, home)| home.seconds.iter().map(move |second| (*job, second)));
        let on = seconds.filter(|(_, (_, second))| second.peer == peer);
        on.map(|(job, (fence, _))| LeaseId { job, fence: *fence }).collect()
    }
}

impl Second {
    fn overlaps(&self, step: u32, span: TaskSpan) -> bool {
        self.step == step && self.span.start < span.end && span.start < self.span.end
    }
}

impl Job {
    /// True while all tasks of a second attempt are with its first one, and somebody wants them.
    pub(crate) fn is_wanted(&self, second: &Second) -> bool {
        let Some(lease) = self.leases.get(&second.of).filter(|lease| lease.step == second.step) else { return false };
        let covers = |left: &TaskSpan| left.start <= second.span.start && second.span.end <= left.end;
        let covered = lease.left.spans().iter().any(covers);
        covered && !second.span.indices().any(|index| self.record(second.step, index).is_cancelling())
    }
}
