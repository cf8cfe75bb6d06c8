use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use gridwell_model::{
    AttemptEnd, Decline, FailureKind, JobId, JobSpec, LeaseId, LeaseOffer, LicenceTerm, PeerId, Reserve, TaskSpan,
    TaskSpans, Time,
};

use crate::{
    Effect, Input, Lent, SessionId,
    end::failed,
    lease::{Lease, Phase, Spent},
    session::{Job, KnownJob, Session, SessionState},
    timer::{Timer, Timers},
};

#[cfg(test)]
mod tests;

/// The engine: facts in, wishes out.
///
/// Reservations belong to leases: one that is accepted holds its reserve from its start until its last task has ended,
/// and the reserves held never exceed what was lent when they were taken. One more lease may be queued behind each that
/// holds room, so that a slot never waits for a steward.
#[derive(Debug, Default)]
pub struct Worker {
    pub(crate) now: Time,
    others: Lent,
    own: Lent,
    pub(crate) leases: BTreeMap<LeaseId, Lease>,
    /// Leases without room, oldest first.
    queue: VecDeque<LeaseId>,
    pub(crate) jobs: BTreeMap<JobId, KnownJob>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) last_session: u64,
    pub(crate) stewards: BTreeMap<PeerId, Steward>,
    pub(crate) timers: Timers,
    pub(crate) effects: VecDeque<Effect>,
    told_free: Option<(Reserve, Reserve, u32)>,
}

/// A steward with leases here.
#[derive(Debug, Default)]
pub(crate) struct Steward {
    /// While it cannot be reached: until when its leases are held.
    pub(crate) waits_until: Option<Time>,
    /// Since when it cannot be reached, while it cannot.
    lost_at: Time,
    /// When its leases are renewed next.
    pub(crate) renew_at: Option<Time>,
}

impl Worker {
    /// How often held leases are renewed: four times within the life of a lease.
    pub const RENEW_EVERY: Duration = Duration::from_secs(5);
    /// How long a session waits for the next lease of its job.
    pub const IDLE_SESSION: Duration = Duration::from_secs(2);
    /// How long results wait for others to travel with.
    pub const REPORT_EVERY: Duration = Duration::from_millis(20);
    /// How long work goes on for a steward that cannot be reached: its second deputy has taken over by then and asks for the
    /// leases, so that nobody renders anything again. Nothing counts twice meanwhile, because a lease that expired is fenced.
    pub const SILENT_STEWARD: Duration = Duration::from_secs(90);
    /// How long outputs are kept that no steward has settled.
    pub const UNSETTLED: Duration = Duration::from_mins(10);
    /// How long a job without leases is remembered: its inputs may be wanted again, but its steward's last word may also
    /// be lost.
    pub const IDLE_JOB: Duration = Duration::from_hours(1);
    /// Most leases at once: bounds what stewards can make this peer remember.
    pub const MOST_LEASES: usize = 1_024;

    /// A worker that lends nothing until [`Input::LendingChanged`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a fact. Facts about unknown leases, sessions and jobs are ignored.
    pub fn handle(&mut self, input: Input, now: Time) {
        self.now = now;
        match input {
            Input::Offered { steward, offer, own } => self.offered(steward, offer, own),
            Input::SpecReady { job, spec } => self.spec_ready(job, spec),
            Input::InputsReady { job } => self.inputs_ready(job),
            Input::SpecFailed { job, reason } | Input::InputsFailed { job, reason } => self.job_failed(job, &reason),
            Input::SessionOpened { session } => self.session_opened(session),
            Input::SessionFailed { session, cause } => self.session_failed(session, &cause),
            Input::SessionClosed { session } => self.session_closed(session),
            Input::TaskProgressed { session, run, progress, status } => {
                self.task_progressed(session, run, progress, status);
            }
            Input::CheckpointTaken { lease, checkpoint } => self.checkpoint_taken(lease, checkpoint),
            Input::TaskEnded { session, run, end, took, energy } => {
                self.task_ended(session, run, &end, Spent::of(took, energy));
            }
            Input::TaskRefused { session, run, reason } => self.task_refused(session, run, &reason),
            Input::TaskNotRun { session, run } => self.task_not_run(session, run),
            Input::OutputsReady { lease, run, outputs } => self.outputs_ready(lease, run, outputs),
            Input::OutputsFailed { lease, run, reason } => self.outputs_failed(lease, run, &reason),
            Input::LicenceAnswered { lease, name, asked, granted } => {
                self.licence_answered(lease, name, asked, granted);
            }
            Input::Settled { lease, tasks } => self.settled(lease, &tasks),
            Input::Revoked { lease, tasks } => self.revoked(lease, &tasks),
            Input::JobForgotten { job } => self.forget(job),
            Input::StewardLost { steward, by_wish } => {
                self.steward_lost(steward, if by_wish { JobSpec::LEASE_DURATION } else { Self::SILENT_STEWARD });
            }
            Input::StewardBack { steward } => self.steward_back(steward),
            Input::StewardChanged { job, steward, reachable } => self.steward_changed(job, steward, reachable),
            Input::LendingChanged { others, own } => self.lending_changed(others, own),
            Input::Packed { session, within } => self.packed(session, within),
            Input::Froze { session, frozen } => self.froze(session, frozen),
        }
        self.carry_due();
    }

    /// Time passed: flushes reports, renews leases, closes idle sessions, drops what silent stewards left.
    pub fn handle_deadline(&mut self, now: Time) {
        self.now = now;
        self.carry_due();
    }

    /// The next wish.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if self.effects.is_empty() {
            let told = (self.free(false), self.free(true), self.running());
            let lends = [&self.others, &self.own].iter().any(|lent| lent.room != Reserve::default());
            if self.told_free != Some(told) && (self.told_free.is_some() || lends) {
                self.told_free = Some(told);
                return Some(Effect::FreeChanged { free: told.0, running: told.2 });
            }
        }
        self.effects.pop_front()
    }

    /// When to call [`Worker::handle_deadline`].
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        self.timers.first()
    }

    /// Who offered a lease that is held here: nobody else may settle it or take it back.
    #[must_use]
    pub fn steward_of(&self, lease: LeaseId) -> Option<PeerId> {
        self.leases.get(&lease).map(|lease| lease.steward)
    }

    /// What is lent and not reserved: to jobs of the machine's owner, or of others.
    #[must_use]
    pub fn free(&self, own: bool) -> Reserve {
        self.lent(own).room.minus(&self.reserved())
    }

    const fn lent(&self, own: bool) -> &Lent {
        if own { &self.own } else { &self.others }
    }

    /// True if nothing of any lease is here: nothing runs, and nothing waits to be reported or settled.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.leases.is_empty() && self.sessions.is_empty()
    }

    /// Leases whose tasks run now.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.leases.values().filter(|lease| lease.running().is_some()).count() as u32
    }

    /// What the leases that are held here have reserved. Summed anew each time (there are few): sums of fractions must not drift.
    #[must_use]
    pub fn reserved(&self) -> Reserve {
        let leases = self.leases.values().filter(|lease| lease.phase.holds_room()).map(|lease| lease.offer.reserve);
        let cut_off = |session: &&Session| session.state == SessionState::Ending { cut_off: true };
        let sessions = self.sessions.values().filter(cut_off).map(|session| session.reserve);
        leases.chain(sessions).fold(Reserve::default(), |sum, reserve| sum.plus(&reserve))
    }

    fn carry_due(&mut self) {
        while let Some(timer) = self.timers.take_due(self.now) {
            match timer {
                Timer::Flush(lease) => self.flush_due(lease),
                Timer::Renew(steward) => self.renew_due(steward),
                Timer::Idle(session) => self.idle_due(session),
                Timer::IdleJob(job) => self.idle_job_due(job),
                Timer::Silent(steward) => self.silent_due(steward),
                Timer::Unsettled(lease) => self.unsettled_due(lease),
                Timer::Licences(lease) => self.licences_due(lease),
            }
        }
    }

    fn offered(&mut self, steward: PeerId, offer: LeaseOffer, own: bool) {
        self.steward_back(steward);
        let lease = offer.lease;
        if let Some(held) = self.leases.get(&lease) {
            if held.steward == steward {
                self.effects.push_back(Effect::Accept { steward, lease });
            }
            return;
        }
        if let Some(why) = self.refusal(&offer, own) {
            self.effects.push_back(Effect::Decline { steward, lease, why });
            return;
        }
        self.effects.push_back(Effect::Accept { steward, lease });
        self.know_job(&offer, steward);
        self.leases.insert(lease, Lease::new(steward, offer, own, self.now));
        self.stewards.entry(steward).or_default();
        self.renew_by(steward, self.now + Self::RENEW_EVERY);
        self.queue.push_back(lease);
        self.start_queued();
    }

    fn refusal(&self, offer: &LeaseOffer, own: bool) -> Option<Decline> {
        let lent = self.lent(own);
        if !lent.accepts {
            let draining = lent.why_not.is_empty();
            return Some(if draining { Decline::Draining } else { Decline::Rules(lent.why_not.clone()) });
        }
        if offer.span.is_empty() || !offer.reserve.cpus.is_finite() || offer.reserve.cpus < 0.0 {
            return Some(Decline::Rules("the offer makes no sense".to_owned()));
        }
        if !lent.room.holds(&offer.reserve) {
            let Reserve { cpus, memory_mib, gpus, disk_mib } = lent.room;
            let words = format!(
                "lends {cpus} cores, {memory_mib} MiB of memory, {gpus} graphics cards and {disk_mib} MiB of disk at most"
            );
            return Some(Decline::Rules(words));
        }
        let room = self.queue.is_empty() && self.free(own).holds(&offer.reserve);
        let holding = self.leases.values().filter(|lease| lease.phase.holds_room()).count();
        let ahead = self.queue.len() < holding;
        (self.leases.len() >= Self::MOST_LEASES || !(room || ahead)).then_some(Decline::Busy)
    }

    /// Starts queued leases, oldest first, as long as there is room.
    pub(crate) fn start_queued(&mut self) {
        while let Some(first) = self.queue.front().copied() {
            let Some(lease) = self.leases.get(&first) else {
                self.queue.pop_front();
                continue;
            };
            if !self.free(lease.own).holds(&lease.offer.reserve) {
                return;
            }
            self.queue.pop_front();
            self.set_phase(first, Phase::Preparing);
            self.advance(first);
        }
    }

    pub(crate) fn set_phase(&mut self, lease: LeaseId, phase: Phase) {
        if let Some(lease) = self.leases.get_mut(&lease) {
            lease.phase = phase;
        }
    }

    fn lending_changed(&mut self, others: Lent, own: Lent) {
        (self.others, self.own) = (others, own);
        for id in self.queue.clone() {
            let accepts = self.leases.get(&id).is_none_or(|lease| self.lent(lease.own).accepts);
            if !accepts {
                self.queue.retain(|queued| *queued != id);
                self.give_back_todo(id);
                self.end_if_through(id);
            }
        }
        self.start_queued();
    }

    /// The machine's owner wants what a session has.
    fn packed(&mut self, session: SessionId, within: Duration) {
        let Some(id) = self.lease_of(session) else {
            return self.close_within(session, Some(within));
        };
        let collects = self.leases.get(&id).is_some_and(|lease| matches!(lease.phase, Phase::Collecting { .. }));
        if collects && !within.is_zero() {
            // Its program has ended: only what comes next goes back.
            let rest = self.leases.get_mut(&id).map(|lease| {
                let mut rest = std::mem::take(&mut lease.todo);
                lease.sent.drain(..).for_each(|run| rest.insert(run));
                rest
            });
            return self.return_tasks(id, &rest.unwrap_or_default());
        }
        let continues = self.spec_of(id.job).is_some_and(|spec| spec.continues) && !within.is_zero();
        let runs = self.leases.get(&id).filter(|_| continues).and_then(Lease::running);
        if let Some(run) = runs {
            // It goes back with what it leaves, once it has left it.
            let within = [Some(within), self.stop_within(id)].into_iter().flatten().min();
            self.effects.push_back(Effect::CancelTasks { session, runs: vec![run], within });
            self.give_back_todo(id);
            return self.flush(id);
        }
        self.stop_lease(id, Some(within));
        self.flush(id);
    }

    fn froze(&mut self, session: SessionId, frozen: bool) {
        if let Some(known) = self.sessions.get_mut(&session)
            && std::mem::replace(&mut known.frozen, frozen) != frozen
            && let Some(steward) = self.lease_of(session).and_then(|lease| self.steward_of(lease))
        {
            self.renew_by(steward, self.now);
        }
    }

    /// The lease that a session is opened for or works for.
    fn lease_of(&self, session: SessionId) -> Option<LeaseId> {
        match self.sessions.get(&session)?.state {
            SessionState::Busy(lease) | SessionState::Opening(Some(lease)) => Some(lease),
            SessionState::Opening(None) | SessionState::Idle(_) | SessionState::Ending { .. } => None,
        }
    }

    /// Reports everything a lease has not handed to a session as given back.
    pub(crate) fn give_back_todo(&mut self, lease: LeaseId) {
        let todo = self.leases.get_mut(&lease).map(|lease| std::mem::take(&mut lease.todo));
        self.return_tasks(lease, &todo.unwrap_or_default());
    }

    /// What the job needs cannot be had: the first task of each lease fails with the reason, the others go back
    /// untouched, so that one broken machine does not use up every task's attempts.
    pub(crate) fn fail_first(&mut self, lease: LeaseId, end: AttemptEnd) {
        let first = self.leases.get_mut(&lease).and_then(|lease| {
            let chunk = lease.offer.chunk.max(1);
            lease.todo.take_first(chunk)
        });
        if let Some(first) = first {
            self.add_result(lease, first, end, Spent::default(), Vec::new());
        }
        self.give_back_todo(lease);
        self.queue.retain(|queued| *queued != lease);
        self.end_if_through(lease);
    }

    fn job_failed(&mut self, job: JobId, reason: &str) {
        let fetching = |known: &KnownJob| matches!(known.job, Job::FetchingSpec | Job::FetchingInputs(_));
        if !self.jobs.get(&job).is_some_and(fetching) {
            return;
        }
        // Forgotten, so that the next lease tries again.
        self.jobs.remove(&job);
        for lease in self.leases_of(job) {
            self.fail_first(lease, failed(FailureKind::Inputs, None, reason));
        }
    }

    pub(crate) fn leases_of(&self, job: JobId) -> Vec<LeaseId> {
        self.leases.keys().filter(|lease| lease.job == job).copied().collect()
    }

    fn revoked(&mut self, id: LeaseId, tasks: &[TaskSpan]) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let mut unstarted = TaskSpans::default();
        for span in tasks.iter().filter(|span| !span.is_empty()) {
            for have in lease.todo.spans() {
                let (start, end) = (have.start.max(span.start), have.end.min(span.end));
                if start < end {
                    unstarted.insert(TaskSpan::new(start, end));
                }
            }
        }
        unstarted.spans().iter().for_each(|span| lease.todo.remove(*span));
        // A chunk runs as one program: it stops as a whole.
        let wanted = |run: &&TaskSpan| tasks.iter().any(|span| span.start < run.end && run.start < span.end);
        let fresh = |run: &&TaskSpan| !lease.revoked.contains(run.start);
        let runs: Vec<TaskSpan> = lease.sent.iter().filter(wanted).filter(fresh).copied().collect();
        runs.iter().for_each(|run| lease.revoked.insert(*run));
        if let (Phase::Running(session), false) = (lease.phase, runs.is_empty()) {
            self.effects.push_back(Effect::CancelTasks { session, runs, within: None });
        }
        self.return_tasks(id, &unstarted);
        if self.leases.get(&id).is_some_and(|lease| lease.phase == Phase::Queued && lease.todo.is_empty()) {
            self.queue.retain(|queued| *queued != id);
        }
        self.end_if_through(id);
        self.flush(id);
    }

    /// Nothing of a job is wanted any more: its leases go without a word.
    fn forget(&mut self, job: JobId) {
        for lease in self.leases_of(job) {
            let session = self.leases.get(&lease).and_then(|lease| lease.phase.session());
            let within = self.stop_within(lease);
            self.owe_licences(lease, session);
            if let Some(session) = session {
                self.close_within(session, within);
            }
            self.leases.remove(&lease);
            self.queue.retain(|queued| *queued != lease);
        }
        let sessions: Vec<_> =
            self.sessions.iter().filter(|(_, session)| session.job == job).map(|(id, _)| *id).collect();
        for session in sessions {
            self.close(session);
        }
        self.jobs.remove(&job);
        self.effects.push_back(Effect::ForgetJob { job });
        self.start_queued();
    }

    fn steward_lost(&mut self, steward: PeerId, patience: Duration) {
        if let Some(known) = self.stewards.get_mut(&steward)
            && known.waits_until.is_none()
        {
            let until = self.now + patience;
            known.waits_until = Some(until);
            known.lost_at = self.now;
            self.timers.set(until, Timer::Silent(steward));
            self.timers.set(self.now + JobSpec::LEASE_DURATION, Timer::Silent(steward));
        }
    }

    fn steward_back(&mut self, steward: PeerId) {
        let Some(known) = self.stewards.get_mut(&steward) else {
            return;
        };
        if known.waits_until.take().is_none() {
            return;
        }
        let held: Vec<_> =
            self.leases.iter().filter(|(_, lease)| lease.steward == steward).map(|(id, _)| *id).collect();
        for lease in held {
            self.report_again(lease);
        }
        self.renew_by(steward, self.now);
    }

    fn steward_changed(&mut self, job: JobId, steward: PeerId, reachable: bool) {
        let moved: Vec<LeaseId> =
            self.leases_of(job).into_iter().filter(|lease| self.steward_of(*lease) != Some(steward)).collect();
        for lease in &moved {
            if let Some(lease) = self.leases.get_mut(lease) {
                lease.steward = steward;
            }
        }
        if moved.is_empty() {
            return;
        }
        let leases = &self.leases;
        self.stewards.retain(|known, _| leases.values().any(|lease| lease.steward == *known));
        let known = self.stewards.entry(steward).or_default();
        if !reachable {
            return self.steward_lost(steward, Self::SILENT_STEWARD);
        }
        known.waits_until = None;
        moved.into_iter().for_each(|lease| self.report_again(lease));
        self.renew_by(steward, self.now);
    }

    /// A steward was silent for longer than its deputies are, or than a lease lives where nobody could follow it: its tasks run
    /// elsewhere by now, or nowhere, so they stop here. Results it has not settled are kept, should it come back.
    fn silent_due(&mut self, steward: PeerId) {
        let Some(known) = self.stewards.get(&steward) else { return };
        let Some(until) = known.waits_until else { return };
        let (all, alone) = (self.now >= until, self.now >= known.lost_at + JobSpec::LEASE_DURATION);
        let over = |lease: &Lease| lease.steward == steward && (all || alone && !lease.offer.heirs);
        let held: Vec<_> = self.leases.iter().filter(|(_, lease)| over(lease)).map(|(id, _)| *id).collect();
        for id in held {
            self.queue.retain(|queued| *queued != id);
            self.stop_lease(id, None);
        }
        self.start_queued();
    }

    /// Within which time a program has to end that is stopped: at once enough for who keeps its licences.
    fn stop_within(&self, id: LeaseId) -> Option<Duration> {
        self.leases.get(&id)?.licences.as_ref().map(|_| LicenceTerm::STOP_WITHIN)
    }

    /// Ends a lease whatever it does; what had not ended is given back, should its steward return.
    pub(crate) fn stop_lease(&mut self, id: LeaseId, within: Option<Duration>) {
        let within = [within, self.stop_within(id)].into_iter().flatten().min();
        let Some(lease) = self.leases.get_mut(&id).filter(|lease| lease.phase != Phase::Ended) else {
            return;
        };
        let mut open = std::mem::take(&mut lease.todo);
        let running = lease.running();
        running.into_iter().chain(lease.sent.drain(..)).for_each(|run| open.insert(run));
        let saved = running.filter(|_| lease.checkpoint.is_some());
        let session = lease.phase.session();
        // The room is free once the session is gone.
        lease.phase = Phase::Preparing;
        self.owe_licences(id, session);
        if let Some(session) = session {
            self.close_within(session, within);
        }
        if let Some(run) = saved {
            open.remove(run);
            self.add_result(id, run, AttemptEnd::Returned, Spent::default(), Vec::new());
        }
        self.return_tasks(id, &open);
        self.end_if_through(id);
    }

    fn idle_job_due(&mut self, job: JobId) {
        let Some(known) = self.jobs.get_mut(&job) else {
            return;
        };
        known.is_watched = false;
        let Some(since) = known.idle_since else {
            return;
        };
        if self.now.since(since) >= Self::IDLE_JOB {
            self.forget(job);
        } else {
            known.is_watched = true;
            self.timers.set(since + Self::IDLE_JOB, Timer::IdleJob(job));
        }
    }
}
