use std::time::Duration;

use gridwell_model::{
    AttemptEnd, LeaseId, OutputFile, PeerId, Renewal, RunningTask, TaskKey, TaskResult, TaskSpan, TaskSpans, Time,
};

use crate::{
    Effect, Worker,
    lease::{Lease, Phase, Spent},
    timer::Timer,
};

/// Most bytes of results in one report, roughly: what a frame between peers carries, with room to spare.
const MOST_REPORT_BYTES: usize = 48 * 1024;
/// Longest status carried in a heartbeat, in bytes.
const MOST_STATUS_BYTES: usize = 200;

/// What stewards hear: results and heartbeats.
impl Worker {
    /// How often a heartbeat tells what runs, when that changes faster than leases are renewed.
    pub const RUNNING_EVERY: Duration = Duration::from_millis(200);
    /// How often a heartbeat tells how far tasks are.
    pub const PROGRESS_EVERY: Duration = Duration::from_secs(1);

    pub(crate) fn add_result(
        &mut self,
        id: LeaseId,
        tasks: TaskSpan,
        end: AttemptEnd,
        spent: Spent,
        outputs: Vec<OutputFile>,
    ) {
        let now = self.now;
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        lease.revoked.remove(tasks);
        let checkpoint = lease.checkpoint.take_if(|checkpoint| checkpoint.tasks == tasks);
        let Spent { run_micros, energy } = spent;
        lease.results.push(TaskResult { tasks, end, run_micros, energy, outputs, checkpoint });
        if lease.results.len() >= TaskResult::MAX_IN_REPORT {
            self.flush(id);
        } else if lease.results_since.is_none() {
            lease.results_since = Some(now);
            self.timers.set(now + Self::REPORT_EVERY, Timer::Flush(id));
        }
    }

    pub(crate) fn return_tasks(&mut self, id: LeaseId, tasks: &TaskSpans) {
        for span in tasks.spans() {
            self.add_result(id, *span, AttemptEnd::Returned, Spent::default(), Vec::new());
        }
    }

    pub(crate) fn flush_due(&mut self, id: LeaseId) {
        let since = self.leases.get(&id).and_then(|lease| lease.results_since);
        if since.is_some_and(|since| self.now.since(since) >= Self::REPORT_EVERY) {
            self.flush(id);
        }
    }

    /// Reports what has ended. While the steward cannot be reached it waits for [`crate::Input::StewardBack`].
    pub(crate) fn flush(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let steward = lease.steward;
        if self.stewards.get(&steward).is_some_and(|known| known.waits_until.is_some()) {
            return;
        }
        lease.results_since = None;
        let results = std::mem::take(&mut lease.results);
        for results in in_reports(&results) {
            self.effects.push_back(Effect::Report { steward, lease: id, results: results.to_vec() });
        }
        lease.unsettled.extend(results);
    }

    /// The steward is back: reports that were on their way may be lost.
    pub(crate) fn report_again(&mut self, id: LeaseId) {
        if let Some(lease) = self.leases.get_mut(&id) {
            let unsettled = std::mem::take(&mut lease.unsettled);
            lease.results.splice(0..0, unsettled);
            self.flush(id);
        }
    }

    pub(crate) fn settled(&mut self, id: LeaseId, tasks: &[TaskSpan]) {
        let now = self.now;
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let is_settled = |result: &TaskResult| {
            tasks.iter().any(|span| span.start <= result.tasks.start && result.tasks.end <= span.end)
        };
        let (settled, unsettled): (Vec<_>, Vec<_>) =
            std::mem::take(&mut lease.unsettled).into_iter().partition(is_settled);
        lease.unsettled = unsettled;
        lease.quiet_since = now;
        self.drop_outputs(id, &settled);
        self.drop_if_settled(id);
    }

    fn drop_outputs(&mut self, id: LeaseId, results: &[TaskResult]) {
        let tasks: Vec<TaskSpan> =
            results.iter().filter(|result| left_something(result)).map(|result| result.tasks).collect();
        if !tasks.is_empty() {
            self.effects.push_back(Effect::DropOutputs { lease: id, tasks });
        }
    }

    /// Lets a lease go that has ended and owes its steward nothing.
    ///
    /// Tasks given back or stopped on request are owed nothing once reported, unless they left something here.
    pub(crate) fn drop_if_settled(&mut self, id: LeaseId) {
        let owes = |result: &TaskResult| {
            left_something(result) || !matches!(result.end, AttemptEnd::Returned | AttemptEnd::Cancelled)
        };
        let done = self.leases.get(&id).is_some_and(|lease| {
            lease.phase == Phase::Ended && lease.results.is_empty() && !lease.unsettled.iter().any(owes)
        });
        if done {
            self.remove_lease(id);
        }
    }

    /// Results that nobody settled in all that time are dropped with their outputs.
    pub(crate) fn unsettled_due(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        lease.unsettled_at = None;
        if lease.quiet_since + Self::UNSETTLED > self.now {
            return self.watch_unsettled(id);
        }
        if let Some(lease) = self.remove_lease(id) {
            self.drop_outputs(id, &lease.unsettled);
            self.drop_outputs(id, &lease.results);
        }
    }

    /// Looks after an ended lease until its results are settled.
    pub(crate) fn watch_unsettled(&mut self, id: LeaseId) {
        if let Some(lease) = self.leases.get_mut(&id).filter(|lease| lease.unsettled_at.is_none()) {
            let due = lease.quiet_since + Self::UNSETTLED;
            lease.unsettled_at = Some(due);
            self.timers.set(due, Timer::Unsettled(id));
        }
    }

    pub(crate) fn remove_lease(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        if !self.leases.values().any(|other| other.steward == lease.steward) {
            self.stewards.remove(&lease.steward);
        }
        if !self.leases.keys().any(|other| other.job == id.job)
            && let Some(known) = self.jobs.get_mut(&id.job)
        {
            known.idle_since = Some(self.now);
            if !std::mem::replace(&mut known.is_watched, true) {
                self.timers.set(self.now + Self::IDLE_JOB, Timer::IdleJob(id.job));
            }
        }
        if let Some(at) = lease.unsettled_at {
            self.timers.clear(at, Timer::Unsettled(id));
        }
        Some(lease)
    }

    /// Renews a steward's leases at `at` at the latest.
    pub(crate) fn renew_by(&mut self, steward: PeerId, at: Time) {
        if let Some(known) = self.stewards.get_mut(&steward)
            && known.renew_at.is_none_or(|planned| planned > at)
        {
            known.renew_at = Some(at);
            self.timers.set(at, Timer::Renew(steward));
        }
    }

    /// Tells a steward at once that a lease has begun to run; what follows in it travels with others.
    pub(crate) fn renew_for_start(&mut self, id: LeaseId, steward: PeerId) {
        let first = self.leases.get_mut(&id).is_some_and(|lease| !std::mem::replace(&mut lease.told_running, true));
        let at = if first { self.now } else { self.now + Self::RUNNING_EVERY };
        self.renew_by(steward, at);
    }

    pub(crate) fn renew_due(&mut self, steward: PeerId) {
        let Some(known) = self.stewards.get_mut(&steward) else {
            return;
        };
        if known.renew_at.is_none_or(|at| at > self.now) {
            return;
        }
        known.renew_at = None;
        let reachable = known.waits_until.is_none();
        self.renew_by(steward, self.now + Self::RENEW_EVERY);
        if reachable {
            let renewal = self.renewal(steward);
            self.effects.push_back(Effect::Renew { steward, renewal });
        }
    }

    fn renewal(&self, steward: PeerId) -> Renewal {
        let mut renewal = Renewal::default();
        for (id, lease) in self.leases.iter().filter(|(_, lease)| lease.steward == steward) {
            renewal.leases.push(*id);
            if let Some(run) = lease.running() {
                let mut status = lease.status.clone();
                status.truncate((0..=MOST_STATUS_BYTES).rev().find(|at| status.is_char_boundary(*at)).unwrap_or(0));
                let task = TaskKey { step: lease.offer.step, index: run.start };
                renewal.running.push(RunningTask {
                    lease: *id,
                    task,
                    count: run.len(),
                    progress: lease.progress,
                    status,
                    checkpoint: lease.checkpoint.filter(|checkpoint| checkpoint.tasks == run),
                    frozen: lease.phase.session().and_then(|id| self.sessions.get(&id)).is_some_and(|at| at.frozen),
                });
            }
        }
        renewal
    }
}

/// True if bytes are held here until the result is settled.
const fn left_something(result: &TaskResult) -> bool {
    !result.outputs.is_empty() || result.checkpoint.is_some()
}

/// Cuts results into reports that fit a frame; a single result is never cut.
fn in_reports(results: &[TaskResult]) -> Vec<&[TaskResult]> {
    let mut reports = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, result) in results.iter().enumerate() {
        let size = report_bytes(result);
        if at > start && (at - start == TaskResult::MAX_IN_REPORT || bytes + size > MOST_REPORT_BYTES) {
            reports.push(&results[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < results.len() {
        reports.push(&results[start..]);
    }
    reports
}

/// About how many bytes a result takes in a report.
fn report_bytes(result: &TaskResult) -> usize {
    let reason = match &result.end {
        AttemptEnd::Failed { reason, .. } => reason.len(),
        _ => 0,
    };
    let outputs: usize = result.outputs.iter().map(|output| output.path.as_bytes().len() + 64).sum();
    96 + reason + outputs
}
