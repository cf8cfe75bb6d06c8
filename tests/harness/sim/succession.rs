//! Copies of jobs, stewards that fall silent, and outputs that wait for their origin: what the node does about them.

use std::time::Duration;

use gridwell_ledger::{DeputyEffect, DeputyInput, Input as LedgerInput, Stow};
use gridwell_model::{Body, Claim, DeputyMessage, JobId, PeerId, TaskSpan};
use gridwell_wire::Message;
use gridwell_worker::Input as WorkerInput;

use super::{
    event::{Inside, PeerAt},
    peer::Wish,
    world::Simulation,
};

impl Simulation {
    pub(super) fn tell_deputies(&mut self, at: PeerAt, input: DeputyInput) {
        let now = self.clock(at);
        if let Some(node) = &mut self.peers[at].node {
            node.deputies.handle(input, now);
        }
    }

    /// A job here began, ended or goes on: those who keep copies of it follow.
    pub(super) fn job_moved(&mut self, at: PeerAt, job: JobId) {
        let now = self.clock(at);
        let Some(node) = &self.peers[at].node else { return };
        let (Some((claim, number)), Some(summary)) = (node.ledger.claim(job), node.ledger.summary(job, now)) else {
            return;
        };
        let ended = summary.state.is_ended();
        self.tell_deputies(at, DeputyInput::JobOpened { claim, number, ended });
    }

    pub(super) fn pump_deputies(&mut self, at: PeerAt) -> bool {
        let Some(effect) = self.peers[at].node.as_mut().and_then(|node| node.deputies.poll_effect()) else {
            return false;
        };
        match effect {
            DeputyEffect::Tell { to, message } => self.send(at, to, Message::Deputy(Box::new(message))),
            DeputyEffect::SendWhole { to, claim, stream, rank } => self.send_whole(at, to, claim, stream, rank),
            DeputyEffect::KeepWhole { .. } | DeputyEffect::KeepEntries { .. } | DeputyEffect::Forget { .. } => {
                let delay = self.random.micros(500, 8_000);
                self.inside(at, delay, Inside::CopyKept { effect });
            }
            DeputyEffect::TakeOver { claim } => {
                let delay = self.random.micros(500, 8_000);
                self.inside(at, delay, Inside::TakenOver { claim });
            }
            DeputyEffect::StepDown { claim } => self.step_down(at, claim),
            // Behind everything that is still to be written of it.
            DeputyEffect::SendMerge { to, job } => {
                if let Some(node) = &mut self.peers[at].node {
                    node.take_ledger_wishes();
                    node.outbox.push_back(Wish::Merge { to, job });
                }
            }
            DeputyEffect::TakeIn { from, job, body } => self.take_in(at, from, job, &body),
            DeputyEffect::Follow { claim } => self.follow(at, claim),
            DeputyEffect::NoteEnd { job, number } => _ = self.peers[at].disk.ends.insert(job, number),
            DeputyEffect::ForgetEnd { job } => _ = self.peers[at].disk.ends.remove(&job),
            DeputyEffect::SafetyChanged { .. } => {}
        }
        true
    }

    fn send_whole(&mut self, at: PeerAt, to: PeerId, claim: Claim, stream: u64, rank: u8) {
        let Some(node) = &self.peers[at].node else { return };
        let (Some(bytes), Some((_, number))) = (node.ledger.snapshot(claim.job), node.ledger.claim(claim.job)) else {
            return;
        };
        let message = DeputyMessage::Whole { claim, stream, rank, number, body: Body::Here(bytes) };
        self.send(at, to, Message::Deputy(Box::new(message)));
    }

    pub(super) fn copy_kept(&mut self, at: PeerAt, effect: DeputyEffect) {
        let now = self.clock(at);
        let disk = &mut self.peers[at].disk;
        let (job, stream, number) = match effect {
            DeputyEffect::KeepWhole { claim, stream, number, body: Body::Here(bytes), .. } => {
                disk.put_copy(claim.job, bytes);
                (claim.job, stream, number)
            }
            DeputyEffect::KeepEntries { job, stream, number, entries } => {
                disk.append(entries.into_iter().map(|entry| (job, entry)).collect(), true);
                (job, stream, number)
            }
            DeputyEffect::Forget { job } => {
                disk.forget(job);
                if let Some(node) = &mut self.peers[at].node {
                    node.ledger.forget_foreign(job, now);
                }
                return self.tell_deputies(at, DeputyInput::Forgotten { job });
            }
            _ => return,
        };
        self.tell_deputies(at, DeputyInput::PartKept { job, stream, number });
    }

    /// The copy is replayed, and the new claim is journalled before anybody hears of it.
    pub(super) fn taken_over(&mut self, at: PeerAt, claim: Claim) {
        let now = self.clock(at);
        let peer = &mut self.peers[at];
        let epoch = peer.disk.next_epoch(at);
        let (snapshot, entries) = peer.disk.job(claim.job);
        let Some(node) = &mut peer.node else { return };
        node.ledger.raise_epoch(epoch);
        node.ceded.remove(&claim.job);
        match node.ledger.adopt(claim, snapshot.as_deref(), &entries, now) {
            Ok(()) => {
                self.successions += 1;
                node.take_ledger_wishes();
                let number = node.ledger.claim(claim.job).map_or(0, |(_, number)| number);
                let ended = node.ledger.summary(claim.job, now).is_some_and(|job| job.state.is_ended());
                node.outbox.push_back(Wish::Deputy(DeputyInput::JobOpened { claim, number, ended }));
            }
            Err(error) => {
                node.deputies.handle(DeputyInput::TakeOverFailed { job: claim.job }, now);
                self.flaw = Some(format!("peer {at} cannot take over {}: {error}", claim.job));
            }
        }
        self.fetch_stowed(at);
    }

    fn step_down(&mut self, at: PeerAt, claim: Claim) {
        let Some(node) = &mut self.peers[at].node else { return };
        if let Some(bytes) = node.ledger.retire(claim.job) {
            node.ceded.insert(claim.job, bytes);
        }
    }

    pub(super) fn send_merge(&mut self, at: PeerAt, to: PeerId, job: JobId) {
        let kept = self.peers[at].node.as_ref().and_then(|node| node.ceded.get(&job).cloned());
        let Some(bytes) = kept else { return };
        let message = DeputyMessage::Merge { job, body: Body::Here(bytes) };
        self.send(at, to, Message::Deputy(Box::new(message)));
    }

    fn take_in(&mut self, at: PeerAt, from: PeerId, job: JobId, body: &Body) {
        let now = self.clock(at);
        let (Some(node), Body::Here(bytes)) = (&mut self.peers[at].node, body) else { return };
        if let Err(error) = node.ledger.merge(job, bytes, now) {
            self.flaw = Some(format!("peer {at} cannot merge: {error}"));
            return;
        }
        node.take_ledger_wishes();
        node.outbox.push_back(Wish::Deputy(DeputyInput::TakenIn { job, from }));
        self.fetch_stowed(at);
    }

    fn follow(&mut self, at: PeerAt, claim: Claim) {
        let now = self.clock(at);
        let Claim { job, steward, .. } = claim;
        let reachable = self.at(steward).is_some_and(|to| to == at || self.hops(at, to).is_some());
        if let Some(node) = &mut self.peers[at].node {
            node.worker.handle(WorkerInput::StewardChanged { job, steward, reachable }, now);
        }
    }

    /// Outputs of tasks that count came to their steward: home, or to be kept for their origin.
    pub(super) fn outputs_came(&mut self, at: PeerAt, job: JobId, step: u32, runs: &[TaskSpan]) {
        let Some(origin) = self.jobs.get(&job).map(|job| job.spec.origin) else { return };
        let (now, peer) = (self.clock(at), self.peers[at].id);
        for tasks in runs.iter().copied() {
            if peer == origin {
                self.landed.extend(tasks.indices().map(|index| (job, step, index)));
            } else if let Some(node) = &mut self.peers[at].node {
                let stow = Stow { step, tasks, peer, outputs: Vec::new() };
                node.tell_ledger(LedgerInput::OutputsStowed { job, stow }, now);
            }
        }
    }

    /// An origin fetches what others kept for it.
    pub(super) fn fetch_stowed(&mut self, at: PeerAt) {
        let me = self.peers[at].id;
        let Some(node) = &self.peers[at].node else { return };
        let own = node.ledger.jobs().filter(|job| node.ledger.claim(*job).is_some_and(|(claim, _)| claim.origin == me));
        let waiting: Vec<_> = own
            .flat_map(|job| node.ledger.stowed(job).map(move |stow| (job, stow.step, stow.tasks, stow.peer)))
            .collect();
        for (job, step, tasks, keeper) in waiting {
            let Some(from) = self.at(keeper) else { continue };
            if let Some(way) = self.way(at, from) {
                let delay = self.random.micros(500, 30_000);
                self.inside(at, delay, Inside::StowHome { from, way: Some(way), job, step, tasks });
            }
        }
    }

    pub(super) fn stow_home(&mut self, at: PeerAt, job: JobId, step: u32, tasks: TaskSpan) {
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        if node.ledger.stowed(job).any(|stow| stow.step == step && stow.tasks == tasks) {
            node.tell_ledger(LedgerInput::OutputsLanded { job, step, tasks }, now);
            self.landed.extend(tasks.indices().map(|index| (job, step, index)));
        }
    }

    /// A person closes the lid: every job here goes to a deputy.
    pub(super) fn hand_over(&mut self, at: PeerAt) {
        if self.peers[at].asleep.is_some() {
            return;
        }
        let jobs: Vec<JobId> = self.peers[at].node.iter().flat_map(|node| node.ledger.jobs()).collect();
        for job in jobs {
            self.tell_deputies(at, DeputyInput::HandOver { job, to: None });
        }
        self.pump(at);
    }

    /// Lets a node hand over a job at a moment after now.
    pub fn hand_over_after(&mut self, at: PeerAt, after: Duration) {
        self.after(after, super::event::Event::Fault(super::event::Fault::HandOver { at }));
    }
}
