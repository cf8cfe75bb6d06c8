//! What must hold after every step.

use std::time::Duration;

use gridwell_ledger::{Ledger, Restored};
use gridwell_model::{JobId, LeaseId, LeaseOffer, PeerId, Reserve, TaskKey, TaskSpans, TaskState};
use gridwell_worker::Worker;

use super::{carry::each, event::PeerAt, world::Simulation};

/// Jobs that are all looked at after every step.
const JOBS_EVERY_STEP: u64 = 16;

impl Simulation {
    /// Checks a peer to which something happened.
    pub(super) fn check(&mut self, at: PeerAt) -> Result<(), String> {
        let Some(node) = &self.peers[at].node else { return Ok(()) };
        // With many jobs, looking at all of them after every step takes longer than all else.
        if !self.steps().is_multiple_of(1 + node.ledger.jobs().count() as u64 / JOBS_EVERY_STEP) {
            return Ok(());
        }
        node.ledger.check().map_err(|violation| format!("peer {at}: {violation}"))?;
        self.check_sum(at)?;
        let counts = node.sched.counts();
        if counts.entered != counts.placed + counts.withdrawn + counts.ready {
            return Err(format!("peer {at}: tasks get lost in the scheduler: {counts:?}"));
        }
        if node.writing.is_none() && node.outbox.is_empty() {
            // It may know of more: a task that was held and released while entries were written can be granted before the
            // scheduler hears of either. The next grant is refused then, and that is all.
            let truly = node.ready_count(self.clock(at));
            if counts.ready < truly {
                return Err(format!("peer {at}: {truly} tasks are ready, its scheduler knows of {}", counts.ready));
            }
        }
        Ok(())
    }

    /// Tasks that wait, are leased or have ended are those that were submitted.
    fn check_sum(&self, at: PeerAt) -> Result<(), String> {
        let Some(ledger) = self.ledger(at) else { return Ok(()) };
        for job in ledger.jobs() {
            let (Some(spec), Some(summary)) = (ledger.spec(job), ledger.summary(job, self.clock(at))) else { continue };
            let submitted: u32 = spec.steps.iter().map(|step| step.task_count).sum();
            if summary.counts.total() != submitted {
                return Err(format!("peer {at}: {submitted} tasks of {job} became {:?}", summary.counts));
            }
        }
        Ok(())
    }

    /// A program runs only where the needs of its step are met.
    pub(super) fn check_fit(&mut self, at: PeerAt, job: JobId, step: u32) {
        let Some(announced) = self.announcement(at) else { return };
        let (name, id) = (&self.peers[at].setup.name, self.peers[at].id.to_string());
        let capabilities = announced.hardware.capabilities(&announced.labels);
        let step = self.jobs.get(&job).and_then(|job| job.spec.steps.get(step as usize));
        let unmet = step.map(|step| step.needs.unmet(&capabilities, name, &id)).unwrap_or_default();
        if !unmet.is_empty() {
            self.flaw = Some(format!("a program of {job} runs on peer {at}, which lacks {unmet:?}"));
        }
    }

    /// Programs on a peer never use more than it lends; a session that idles or closes uses nothing.
    pub(super) fn check_sessions(&mut self, at: PeerAt) {
        let peer = &self.peers[at];
        let sessions =
            peer.node.iter().flat_map(|node| node.sessions.values()).filter(|session| session.running.is_some());
        let used = sessions.fold(Reserve::default(), |sum, session| sum.plus(&session.reserve));
        if !peer.lends().holds(&used) {
            self.flaw = Some(format!("peer {at} lends {:?}, its sessions use {used:?}", peer.lends()));
        }
    }

    /// A peer that takes nothing, as far as is known here, gets nothing.
    pub(super) fn check_placement(&mut self, at: PeerAt, peer: PeerId) {
        let told = self.at(peer).and_then(|to| self.peers[at].node.as_ref()?.announced.get(&to));
        if !told.is_some_and(|announced| announced.accepts) {
            self.flaw = Some(format!("peer {at} places tasks on {peer}, of which it knows {told:?}"));
        }
    }

    /// A finished task is never offered again.
    pub(super) fn check_offer(&mut self, at: PeerAt, offer: &LeaseOffer) {
        let job = offer.lease.job;
        if let Some(index) = offer.span.indices().find(|index| self.finished.contains(&(at, job, offer.step, *index))) {
            self.flaw = Some(format!("peer {at} offers task {}.{index} of {job}, which is finished", offer.step));
        }
    }

    /// Outputs lie at their maker until their task is counted.
    pub(super) fn check_outputs(&mut self, at: PeerAt, from: PeerAt, lease: LeaseId, fetched: &[u32]) {
        let Some(node) = &self.peers[at].node else { return };
        let Some((_, holder, left)) = node.ledger.lease(lease) else { return };
        let Some(maker) = self.peers[from].node.as_ref().filter(|_| holder == self.peers[from].id) else { return };
        let lost = fetched.iter().find(|start| left.contains(**start) && !maker.outputs.contains(&(lease, **start)));
        if let Some(start) = lost {
            self.flaw = Some(format!("outputs of task {start} under {lease} are gone from peer {from}"));
        }
    }

    /// Notes which tasks their steward has told to be finished.
    pub(super) fn note_finished(&mut self, at: PeerAt, lease: LeaseId, spans: &TaskSpans) {
        let Some(node) = &self.peers[at].node else { return };
        let Some(spec) = node.ledger.spec(lease.job) else { return };
        // A stale report may name any step: only what the ledger says is done counts.
        for step in 0..spec.steps.len() as u32 {
            for index in each(spans).take_while(|index| *index < spec.steps[step as usize].task_count) {
                let key = TaskKey { step, index };
                let view = node.ledger.tasks(lease.job, key, 1, |_| true);
                if view.first().is_some_and(|task| task.fence == lease.fence && task.state == TaskState::Done) {
                    self.finished.insert((at, lease.job, step, index));
                }
            }
        }
    }

    /// The journal replayed from empty gives the state in memory, once everything is written.
    pub(super) fn check_journal(&mut self, at: PeerAt) {
        let peer = &self.peers[at];
        let Some(node) = peer.node.as_ref().filter(|node| node.writing.is_none() && node.outbox.is_empty()) else {
            return;
        };
        match Ledger::restore(peer.id, u32::MAX, peer.disk.jobs(), self.clock(at)) {
            Err(error) => self.flaw = Some(format!("peer {at}: {error}")),
            Ok(Restored { ledger: replayed, .. }) => {
                let other = node.ledger.jobs().find(|job| replayed.snapshot(*job) != node.ledger.snapshot(*job));
                if let Some(job) = other {
                    self.flaw = Some(format!("peer {at}: job {job} is another one when its journal is replayed"));
                }
            }
        }
    }

    /// A restart forgets neither jobs nor ends that were acknowledged.
    pub(super) fn check_restored(&mut self, at: PeerAt) {
        let Some(node) = &self.peers[at].node else { return };
        let mine = self.acknowledged.iter().filter(|(_, home)| **home == at);
        let lost =
            mine.map(|(job, _)| *job).find(|job| node.ledger.spec(*job).is_none() && !node.deputies.has_copy(*job));
        if let Some(job) = lost.filter(|job| self.stewards(*job).next().is_none()) {
            self.flaw = Some(format!("peer {at} restarted without job {job}, which it had acknowledged"));
            return;
        }
        let own = self.finished.iter().filter(|(told, job, ..)| *told == at && node.ledger.spec(*job).is_some());
        let mut mine = own.map(|(_, job, step, index)| (*job, *step, *index));
        let undone = mine.find(|(job, step, index)| {
            let view = node.ledger.tasks(*job, TaskKey { step: *step, index: *index }, 1, |_| true);
            view.first().is_none_or(|task| task.state != TaskState::Done)
        });
        if let Some((job, step, index)) = undone {
            self.flaw = Some(format!("peer {at} restarted and forgot that task {step}.{index} of {job} is done"));
        }
    }

    /// Once everything has ended, and what no steward settles is dropped: nothing is held, nobody works, every journal replays,
    /// every link stands that may.
    ///
    /// # Errors
    ///
    /// What is left over.
    pub fn check_rest(&mut self) -> Result<(), super::Failure> {
        let dropped = self.now() + Worker::UNSETTLED + Duration::from_secs(1);
        let no_outputs =
            |grid: &Self| grid.peers.iter().flat_map(|peer| &peer.node).all(|node| node.outputs.is_empty());
        self.run_until(dropped, no_outputs)?;
        for at in 0..self.peers.len() {
            self.check_journal(at);
            let peer = &self.peers[at];
            let Some(node) = &peer.node else { continue };
            let what = if let Some(lease) = node.ledger.leases().next() {
                Some(format!("peer {at} still grants {lease}"))
            } else if node.worker.free(false) != peer.lends() {
                Some(format!("peer {at} lends {:?}, but only {:?} is free", peer.lends(), node.worker.free(false)))
            } else if node.sched.counts().ready != 0 {
                Some(format!("peer {at} knows of ready tasks: {:?}", node.sched.counts()))
            } else if !node.sessions.is_empty() {
                Some(format!("peer {at} has sessions left: {:?}", node.sessions))
            } else if !node.outputs.is_empty() {
                Some(format!("peer {at} keeps outputs that were counted: {:?}", node.outputs))
            } else {
                self.flaw.take()
            };
            if let Some(what) = what {
                return Err(self.failure(what));
            }
        }
        let what = self.check_counted().or_else(|| self.check_links());
        what.map_or(Ok(()), |what| Err(self.failure(what)))
    }
}

impl Simulation {
    /// Whatever any steward told a holder to be finished is done for good, and its outputs are home.
    fn check_counted(&self) -> Option<String> {
        for (job, summary) in self.jobs.keys().filter_map(|job| Some((job, self.summary(*job)?))) {
            let (done, counted) = (summary.counts.of(TaskState::Done), summary.shares.iter().map(|share| share.done));
            let counted: u32 = counted.sum();
            if counted != done {
                return Some(format!("{done} tasks of {job} are done, and {counted} were counted"));
            }
        }
        for (told, job, step, index) in &self.finished {
            let steward = self.stewards(*job).next()?;
            let view = self.ledger(steward)?.tasks(*job, TaskKey { step: *step, index: *index }, 1, |_| true);
            if view.first().is_none_or(|task| task.state != TaskState::Done) {
                return Some(format!(
                    "peer {told} told that task {step}.{index} of {job} is done; peer {steward} does not know"
                ));
            }
            if self.jobs.get(job)?.has_outputs && !self.landed.contains(&(*job, *step, *index)) {
                return Some(format!("outputs of task {step}.{index} of {job} never came home"));
            }
        }
        None
    }
}

impl super::peer::Node {
    fn ready_count(&self, now: gridwell_model::Time) -> u64 {
        let summaries = self.ledger.jobs().filter_map(|job| self.ledger.summary(job, now));
        summaries.map(|job| u64::from(job.counts.of(TaskState::Ready))).sum()
    }
}
