use std::time::Duration;

use gridwell_model::{
    ActionEnd, AttemptEnd, Checkpoint, FailureKind, JobId, LeaseId, LeaseOffer, OutputFile, PeerId, TaskSpan,
};

use crate::{
    Effect, SessionFailure, SessionId, SpecView, Worker,
    end::{attempt_end, failed, session_end},
    lease::{Lease, Phase, Spent},
    session::{Job, KnownJob, Session, SessionState},
    timer::Timer,
};

/// A lease on its way through fetching, sessions and runs.
impl Worker {
    /// Fetches a job's spec the first time it is heard of.
    pub(crate) fn know_job(&mut self, offer: &LeaseOffer, steward: PeerId) {
        let job = offer.lease.job;
        if let Some(known) = self.jobs.get_mut(&job) {
            known.idle_since = None;
            return;
        }
        self.jobs.insert(job, KnownJob { job: Job::FetchingSpec, idle_since: None, is_watched: false });
        let (spec, spec_bytes) = (offer.spec, offer.spec_bytes);
        self.effects.push_back(Effect::FetchSpec { job, spec, spec_bytes, from: steward });
    }

    pub(crate) fn spec_ready(&mut self, job: JobId, spec: SpecView) {
        let from = self.leases.iter().find(|(lease, _)| lease.job == job).map(|(_, lease)| lease.steward);
        let Some(known) = self.jobs.get_mut(&job).filter(|known| matches!(known.job, Job::FetchingSpec)) else {
            return;
        };
        match from {
            // Every lease of it went meanwhile: the next one starts over.
            None => {
                self.jobs.remove(&job);
            }
            Some(from) if spec.has_inputs => {
                known.job = Job::FetchingInputs(spec);
                self.effects.push_back(Effect::FetchInputs { job, from });
            }
            Some(_) => self.job_ready(job, spec),
        }
    }

    pub(crate) fn inputs_ready(&mut self, job: JobId) {
        if let Some(KnownJob { job: Job::FetchingInputs(spec), .. }) = self.jobs.get_mut(&job) {
            let spec = std::mem::take(spec);
            self.job_ready(job, spec);
        }
    }

    fn job_ready(&mut self, job: JobId, spec: SpecView) {
        if let Some(known) = self.jobs.get_mut(&job) {
            known.job = Job::Ready(spec);
        }
        for lease in self.leases_of(job) {
            self.advance(lease);
        }
    }

    pub(crate) fn spec_of(&self, job: JobId) -> Option<&SpecView> {
        match &self.jobs.get(&job)?.job {
            Job::Ready(spec) => Some(spec),
            Job::FetchingSpec | Job::FetchingInputs(_) => None,
        }
    }

    /// Brings a lease that holds room to its next step, if nothing has to be waited for.
    pub(crate) fn advance(&mut self, id: LeaseId) {
        let (Some(lease), Some(KnownJob { job: Job::Ready(spec), .. })) =
            (self.leases.get_mut(&id), self.jobs.get(&id.job))
        else {
            return;
        };
        let Some(step) = spec.steps.get(lease.offer.step as usize).copied() else {
            let reason = format!("the job has no step {}", lease.offer.step);
            return self.fail_first(id, failed(FailureKind::Template, None, &reason));
        };
        match lease.phase {
            Phase::Preparing if lease.todo.is_empty() => self.end_if_through(id),
            Phase::Preparing => {
                let needs = spec.limits.get(&lease.offer.step).cloned().unwrap_or_default();
                if self.has_licences(id, needs) {
                    self.find_session(id, step.environments);
                }
            }
            Phase::Running(session) if lease.sent.is_empty() && !lease.todo.is_empty() => {
                let runs = lease.take_runs(step, spec.has_outputs || spec.continues);
                let from = runs.first().and_then(|run| lease.checkpoint_of(*run));
                lease.sent.extend(runs.iter().copied());
                let (step, steward) = (lease.offer.step, lease.steward);
                self.effects.push_back(Effect::RunTasks { session, lease: id, step, runs, from });
                self.renew_for_start(id, steward);
            }
            _ => self.end_if_through(id),
        }
    }

    /// Takes an idle session with the same environments and reserve, or opens one.
    fn find_session(&mut self, id: LeaseId, environments: u64) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let reserve = lease.offer.reserve;
        let fits = |session: &Session| {
            session.job == id.job
                && session.environments == environments
                && session.reserve == reserve
                && matches!(session.state, SessionState::Idle(_))
        };
        if let Some((found, session)) = self.sessions.iter_mut().find(|(_, session)| fits(session)) {
            session.state = SessionState::Busy(id);
            lease.phase = Phase::Running(*found);
            return self.advance(id);
        }
        self.last_session += 1;
        let session = SessionId(self.last_session);
        lease.phase = Phase::Opening(session);
        let step = lease.offer.step;
        let state = SessionState::Opening(Some(id));
        self.sessions
            .insert(session, Session { job: id.job, environments, reserve, state, frozen: false, owes: Vec::new() });
        self.effects.push_back(Effect::OpenSession { session, job: id.job, step, reserve });
    }

    pub(crate) fn session_opened(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        match session.state {
            SessionState::Opening(Some(lease)) => {
                session.state = SessionState::Busy(lease);
                self.set_phase(lease, Phase::Running(id));
                self.advance(lease);
            }
            SessionState::Opening(None) => self.idle(id),
            SessionState::Busy(_) | SessionState::Idle(_) | SessionState::Ending { .. } => {}
        }
    }

    /// A session is gone against our will: what it ran failed with it.
    pub(crate) fn session_failed(&mut self, id: SessionId, cause: &SessionFailure) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        self.return_owed(session.owes);
        match session.state {
            SessionState::Opening(Some(lease)) => self.fail_first(lease, session_end(cause)),
            SessionState::Busy(lease) => {
                let run = self.leases.get(&lease).and_then(Lease::running);
                if let Some(run) = run {
                    self.answered(lease, run);
                    self.add_result(lease, run, session_end(cause), Spent::default(), Vec::new());
                }
                self.leave_session(lease);
            }
            SessionState::Opening(None) | SessionState::Idle(_) | SessionState::Ending { .. } => {}
        }
        self.start_queued();
    }

    pub(crate) fn session_closed(&mut self, id: SessionId) {
        match self.sessions.get(&id).map(|session| session.state) {
            Some(SessionState::Ending { .. }) => {
                let owed = self.sessions.remove(&id).map(|session| session.owes);
                self.return_owed(owed.unwrap_or_default());
                self.start_queued();
            }
            Some(_) => {
                let reason = "the session ended by itself".to_owned();
                self.session_failed(id, &SessionFailure::Machine(reason));
            }
            None => {}
        }
    }

    /// Asks a session to close; a second time does nothing.
    pub(crate) fn close(&mut self, id: SessionId) {
        self.close_within(id, None);
    }

    /// The same, if its programs have to end within a time.
    pub(crate) fn close_within(&mut self, id: SessionId, within: Option<Duration>) {
        if let Some(session) = self.sessions.get_mut(&id) {
            let cut_off = match session.state {
                SessionState::Ending { .. } => return,
                SessionState::Opening(Some(_)) | SessionState::Busy(_) => true,
                SessionState::Opening(None) | SessionState::Idle(_) => false,
            };
            session.state = SessionState::Ending { cut_off };
            self.effects.push_back(Effect::CloseSession { session: id, within });
        }
    }

    fn idle(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.state = SessionState::Idle(self.now);
            self.timers.set(self.now + Self::IDLE_SESSION, Timer::Idle(id));
        }
    }

    pub(crate) fn idle_due(&mut self, id: SessionId) {
        let idle_since = |session: &Session| match session.state {
            SessionState::Idle(since) => Some(since),
            _ => None,
        };
        if self.sessions.get(&id).and_then(idle_since).is_some_and(|since| self.now.since(since) >= Self::IDLE_SESSION)
        {
            self.close(id);
        }
    }

    /// The lease that a session works for.
    fn lease_in(&self, session: SessionId) -> Option<LeaseId> {
        match self.sessions.get(&session)?.state {
            SessionState::Busy(lease) => Some(lease),
            _ => None,
        }
    }

    fn answered(&mut self, lease: LeaseId, run: TaskSpan) -> bool {
        self.leases.get_mut(&lease).is_some_and(|lease| lease.answer(run))
    }

    pub(crate) fn task_progressed(&mut self, session: SessionId, run: TaskSpan, progress: Option<f32>, status: String) {
        let Some(id) = self.lease_in(session) else {
            return;
        };
        let soon = self.now + Self::PROGRESS_EVERY;
        if let Some(lease) = self.leases.get_mut(&id).filter(|lease| lease.sent.front() == Some(&run)) {
            lease.progress = progress.filter(|progress| progress.is_finite()).or(lease.progress);
            if !status.is_empty() {
                lease.status = status;
            }
            let steward = lease.steward;
            self.renew_by(steward, soon);
        }
    }

    pub(crate) fn checkpoint_taken(&mut self, id: LeaseId, checkpoint: Checkpoint) {
        let run = checkpoint.tasks;
        match self.leases.get_mut(&id).filter(|lease| lease.running() == Some(run)) {
            Some(lease) => {
                lease.checkpoint = Some(checkpoint);
                let steward = lease.steward;
                self.renew_by(steward, self.now);
            }
            // Nobody waits for it any more.
            None if self.jobs.contains_key(&id.job) => {
                self.effects.push_back(Effect::DropOutputs { lease: id, tasks: vec![run] });
            }
            None => {}
        }
    }

    pub(crate) fn task_ended(&mut self, session: SessionId, run: TaskSpan, end: &ActionEnd, spent: Spent) {
        let Some(id) = self.lease_in(session) else {
            return;
        };
        if !self.answered(id, run) {
            return;
        }
        let outputs = self.spec_of(id.job).is_some_and(|spec| spec.has_outputs);
        match attempt_end(end) {
            AttemptEnd::Succeeded if outputs => {
                self.set_phase(id, Phase::Collecting { session, run, spent });
                self.effects.push_back(Effect::CollectOutputs { session, lease: id, run });
            }
            AttemptEnd::Succeeded => {
                self.add_result(id, run, AttemptEnd::Succeeded, spent, Vec::new());
                self.next_starts(id);
                self.advance(id);
            }
            end => {
                self.add_result(id, run, end, spent, Vec::new());
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.state = SessionState::Ending { cut_off: false };
                }
                self.leave_session(id);
            }
        }
    }

    /// The run behind the one that ended has begun.
    fn next_starts(&mut self, id: LeaseId) {
        let lease = self.leases.get(&id).filter(|lease| !lease.sent.is_empty());
        if let Some(steward) = lease.map(|lease| lease.steward) {
            self.renew_for_start(id, steward);
        }
    }

    pub(crate) fn task_refused(&mut self, session: SessionId, run: TaskSpan, reason: &str) {
        if let Some(id) = self.lease_in(session)
            && self.answered(id, run)
        {
            self.add_result(id, run, failed(FailureKind::Template, None, reason), Spent::default(), Vec::new());
            self.advance(id);
        }
    }

    pub(crate) fn task_not_run(&mut self, session: SessionId, run: TaskSpan) {
        if let Some(id) = self.lease_in(session)
            && self.answered(id, run)
        {
            self.add_result(id, run, AttemptEnd::Returned, Spent::default(), Vec::new());
            self.advance(id);
        }
    }

    /// A lease's session is gone or going: what had not run in it goes on in another one.
    fn leave_session(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let (wanted_back, rest): (Vec<_>, Vec<_>) =
            lease.sent.drain(..).partition(|run| lease.revoked.contains(run.start));
        rest.into_iter().for_each(|run| lease.todo.insert(run));
        lease.phase = Phase::Preparing;
        for run in wanted_back {
            self.add_result(id, run, AttemptEnd::Returned, Spent::default(), Vec::new());
        }
        self.advance(id);
    }

    pub(crate) fn outputs_ready(&mut self, id: LeaseId, run: TaskSpan, outputs: Vec<OutputFile>) {
        let is_missing = outputs.is_empty() && self.spec_of(id.job).is_some_and(|spec| spec.needs_outputs);
        match self.collected(id, run) {
            Some(spent) if is_missing => {
                let end = failed(FailureKind::Outputs, Some(0), "the program ended with exit code 0 and left no file");
                self.add_result(id, run, end, spent, outputs);
                self.advance(id);
            }
            Some(spent) => {
                self.add_result(id, run, AttemptEnd::Succeeded, spent, outputs);
                self.advance(id);
            }
            // Nobody waits for them any more.
            None if self.jobs.contains_key(&id.job) => {
                self.effects.push_back(Effect::DropOutputs { lease: id, tasks: vec![run] });
            }
            None => {}
        }
    }

    pub(crate) fn outputs_failed(&mut self, id: LeaseId, run: TaskSpan, reason: &str) {
        if let Some(spent) = self.collected(id, run) {
            self.add_result(id, run, failed(FailureKind::Outputs, None, reason), spent, Vec::new());
            self.advance(id);
        }
    }

    /// Ends the collecting of a run; what that took, if it was going on.
    fn collected(&mut self, id: LeaseId, run: TaskSpan) -> Option<Spent> {
        let lease = self.leases.get_mut(&id)?;
        match lease.phase {
            Phase::Collecting { session, run: collecting, spent } if collecting == run => {
                lease.phase = Phase::Running(session);
                Some(spent)
            }
            _ => None,
        }
    }

    /// Ends a lease whose tasks have all ended or gone back: its room and its session are free.
    pub(crate) fn end_if_through(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let busy = matches!(lease.phase, Phase::Collecting { .. } | Phase::Ended);
        if busy || !lease.todo.is_empty() || !lease.sent.is_empty() {
            return;
        }
        let session = lease.phase.session();
        lease.phase = Phase::Ended;
        lease.quiet_since = self.now;
        if let Some(session) = session {
            self.release_session(session);
        }
        // First, so that it is free when the steward hears that the lease has ended.
        self.return_licences(id);
        self.flush(id);
        self.drop_if_settled(id);
        self.watch_unsettled(id);
        self.start_queued();
    }

    fn release_session(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            match session.state {
                SessionState::Opening(_) => session.state = SessionState::Opening(None),
                SessionState::Busy(_) => self.idle(id),
                SessionState::Idle(_) | SessionState::Ending { .. } => {}
            }
        }
    }
}
