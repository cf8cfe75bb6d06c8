//! What a simulated peer does for its own jobs: it offers, hears reports, and brings outputs home.

use std::time::Duration;

use gridwell_ledger::{Effect as LedgerEffect, Input as LedgerInput, TaskEnd};
use gridwell_model::{BlobId, Decline, JobSpec, LeaseId, LeaseOffer, PeerId, TaskResult, Time};
use gridwell_sched::{Input as SchedInput, JobView, Placement, StepView};
use gridwell_wire::Message;

use super::{
    event::{Inside, PeerAt},
    peer::{Batch, Node, Wish},
    world::Simulation,
};

impl Simulation {
    pub(super) fn offer(&mut self, at: PeerAt, peer: PeerId, offer: LeaseOffer) {
        let now = self.clock(at);
        self.check_offer(at, &offer);
        let lease = offer.lease;
        let reachable = self.at(peer).is_some_and(|to| to == at || self.hops(at, to).is_some());
        if reachable {
            self.send(at, peer, Message::Offer(offer));
        } else if let Some(node) = &mut self.peers[at].node {
            node.declined(lease, Decline::Busy, now);
        }
    }

    /// Results with outputs count once those are home; nobody fetches what nobody waits for.
    pub(super) fn reported(&mut self, at: PeerAt, from: PeerAt, lease: LeaseId, results: Vec<TaskResult>) {
        let now = self.clock(at);
        if let Some(node) = &mut self.peers[at].node {
            node.sched.handle(SchedInput::RunOver { lease }, now);
        }
        let wanted = self.is_held(at, from, lease);
        let left_some = results.iter().filter(|result| wanted && !result.outputs.is_empty());
        let with_outputs: Vec<u32> = left_some.map(|result| result.tasks.start).collect();
        let results: Vec<TaskEnd> = results.into_iter().map(TaskEnd::from).collect();
        if with_outputs.is_empty() {
            self.outputs_home(at, from, lease, results, &[]);
        } else {
            let delay = self.random.micros(500, 30_000);
            self.fetch_outputs(at, from, lease, results, with_outputs, delay);
        }
    }

    pub(super) fn fetch_outputs(
        &mut self,
        at: PeerAt,
        from: PeerAt,
        lease: LeaseId,
        results: Vec<TaskEnd>,
        with_outputs: Vec<u32>,
        delay: Duration,
    ) {
        let way = self.way(at, from);
        self.inside(at, delay, Inside::OutputsHome { from, way, lease, results, with_outputs });
    }

    /// True if peer `from` holds the lease, as far as its steward `at` knows.
    pub(super) fn is_held(&self, at: PeerAt, from: PeerAt, lease: LeaseId) -> bool {
        let held = self.peers[at].node.as_ref().and_then(|node| node.ledger.lease(lease));
        held.is_some_and(|(_, holder, _)| holder == self.peers[from].id)
    }

    pub(super) fn outputs_home(
        &mut self,
        at: PeerAt,
        from: PeerAt,
        lease: LeaseId,
        results: Vec<TaskEnd>,
        fetched: &[u32],
    ) {
        self.check_outputs(at, from, lease, fetched);
        let (now, stamp, peer) = (self.clock(at), self.stamp(at), self.peers[from].id);
        let Some(node) = &mut self.peers[at].node else { return };
        let step = node.ledger.lease(lease).filter(|(_, holder, _)| *holder == peer).map(|(step, ..)| step);
        let runs: Vec<_> =
            results.iter().map(|result| result.tasks).filter(|run| fetched.contains(&run.start)).collect();
        node.tell_ledger(LedgerInput::TasksEnded { lease, peer, results, stamp }, now);
        if let Some(step) = step {
            self.outputs_came(at, lease.job, step, &runs);
        }
    }
}

impl Node {
    pub(super) fn tell_ledger(&mut self, input: LedgerInput, now: Time) {
        self.ledger.handle(input, now).expect("facts are never refused");
    }

    /// A lease was not taken, or could not even be offered.
    pub(super) fn declined(&mut self, lease: LeaseId, why: Decline, now: Time) {
        self.sched.handle(SchedInput::Declined { lease, why }, now);
        self.tell_ledger(LedgerInput::LeaseDeclined { lease }, now);
    }

    pub(super) fn take_ledger_wishes(&mut self) {
        while let Some(effect) = self.ledger.poll_effect() {
            self.outbox.push_back(Wish::Ledger(effect));
        }
    }

    /// Everything wished so far: the entries for one write, the rest for afterwards.
    pub(super) fn next_batch(&mut self) -> Batch {
        let mut batch = Batch { entries: Vec::new(), sync: false, behind: Vec::new() };
        for wish in self.outbox.drain(..) {
            match wish {
                Wish::Ledger(LedgerEffect::Journal { job, number, entry, durable }) => {
                    batch.sync |= durable;
                    batch.entries.push((job, number, entry));
                }
                wish => batch.behind.push(wish),
            }
        }
        batch
    }

    pub(super) fn place(&mut self, placement: Placement, now: Time) {
        self.seconds += u64::from(placement.second_of.is_some());
        let Placement { id, job, step, span, chunk, peer, reserve, .. } = placement;
        let lease = match placement.second_of {
            Some(first) => self.ledger.grant_second(first, span, peer, now),
            None => self.ledger.grant(job, step, span, peer, now),
        };
        let Some(lease) = lease else {
            self.sched.handle(SchedInput::Refused { placement: id }, now);
            return;
        };
        self.sched.handle(SchedInput::Granted { placement: id, lease }, now);
        self.take_ledger_wishes();
        let spec = BlobId::of(&job.0);
        let offer = LeaseOffer {
            lease,
            step,
            span,
            chunk,
            spec,
            spec_bytes: 1_000,
            reserve,
            duration: JobSpec::LEASE_DURATION,
            checkpoints: Vec::new(),
            heirs: !self.deputies.kept_by(job, 1).is_empty(),
        };
        self.outbox.push_back(Wish::Offer { peer, offer });
    }

    /// What a ledger's wish means for the scheduler, if anything.
    pub(super) fn sched_input(&self, effect: &LedgerEffect) -> Option<SchedInput> {
        match effect.clone() {
            LedgerEffect::JobOpened { job, .. } => {
                let priority = self.ledger.summary(job, Time::ZERO)?.priority;
                Some(SchedInput::JobAdded(job_view(self.ledger.spec(job)?, priority)))
            }
            LedgerEffect::LeaseKept { lease, peer, step, .. } => Some(SchedInput::LeaseKept { lease, peer, step }),
            LedgerEffect::TasksReady { job, step, spans, avoid } => {
                Some(SchedInput::TasksReady { job, step, tasks: spans, avoid })
            }
            LedgerEffect::TasksWithdrawn { job, step, spans } => {
                Some(SchedInput::TasksWithdrawn { job, step, tasks: spans })
            }
            LedgerEffect::LeaseEnded { lease, .. } => Some(SchedInput::LeaseEnded { lease }),
            LedgerEffect::TasksTimed { lease, peer, step, tasks, run_micros, .. } => Some(SchedInput::TaskTimed {
                job: lease.job,
                step,
                peer,
                tasks,
                run: Duration::from_micros(run_micros),
            }),
            LedgerEffect::Outdone { job, step, peer, by, tasks } => {
                Some(SchedInput::Outdone { job, step, peer, by, tasks })
            }
            LedgerEffect::BlockPeer { job, peer } => Some(SchedInput::PeerBlocked { job, peer }),
            LedgerEffect::UnblockPeer { job, peer } => Some(SchedInput::PeerUnblocked { job, peer }),
            LedgerEffect::PriorityChanged { job, priority } => Some(SchedInput::PriorityChanged { job, priority }),
            LedgerEffect::JobEnded { job, .. } | LedgerEffect::JobRetired { job } => {
                Some(SchedInput::JobRemoved { job })
            }
            LedgerEffect::Journal { .. }
            | LedgerEffect::SnapshotDue { .. }
            | LedgerEffect::Revoke { .. }
            | LedgerEffect::Settle { .. }
            | LedgerEffect::FailsElsewhere { .. }
            | LedgerEffect::DropCheckpoint { .. }
            | LedgerEffect::TasksChanged { .. }
            | LedgerEffect::JobChanged { .. }
            | LedgerEffect::Forget { .. }
            | LedgerEffect::JobRemoved { .. }
            | LedgerEffect::Waste { .. } => None,
        }
    }
}

fn job_view(spec: &JobSpec, priority: i32) -> JobView {
    let steps = spec.steps.iter().map(|step| StepView {
        program: spec.recipe.clone(),
        look: None,
        needs: step.needs.clone(),
        prefers: step.prefers.clone(),
        chunking: step.chunking,
        reserve: StepView::reserve_of(&step.needs),
        task_count: step.task_count,
        work_secs: None,
    });
    let (job, submitter, recipe) = (spec.id, spec.origin, spec.recipe.clone());
    let may_repeat = spec.retry.max_attempts > 1;
    JobView { job, priority, submitter, recipe, input_bytes: 0, may_repeat, steps: steps.collect() }
}
