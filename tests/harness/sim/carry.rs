//! The node's part: carries wishes of the engines to links, disk and hands, and brings back what happened.

use std::time::Duration;

use gridwell_ledger::{Effect as LedgerEffect, Input as LedgerInput, TaskEnd};
use gridwell_links::Input as LinkInput;
use gridwell_model::{BlobId, JobSpec, LeaseId, LeaseOffer, PeerId, TaskResult, TaskSpan, TaskSpans, Time};
use gridwell_sched::{Effect as SchedEffect, Input as SchedInput, JobView, PeerView, Placement, StepView};
use gridwell_wire::{Announcement, Hello, Message};
use gridwell_worker::{Effect as WorkerEffect, Input as WorkerInput};

use super::{
    event::{Event, Inside, PeerAt},
    peer::{Batch, Node, Wish},
    world::Simulation,
};

/// All tasks of a lease that its steward does not know any more.
const EVERYTHING: TaskSpan = TaskSpan::new(0, u32::MAX);

impl Simulation {
    /// Carries every wish that can be carried now.
    pub(super) fn pump(&mut self, at: PeerAt) {
        while self.pump_worker(at) || self.pump_sched(at) || self.pump_ledger(at) || self.pump_links(at) {}
        let Some(node) = &mut self.peers[at].node else { return };
        let deadlines = [
            node.ledger.poll_deadline(),
            node.sched.poll_deadline(),
            node.worker.poll_deadline(),
            node.links.poll_deadline(),
        ];
        let Some(next) = deadlines.into_iter().flatten().min() else { return };
        if node.woken_at.is_none_or(|woken| next < woken) {
            node.woken_at = Some(next);
            let run = node.run;
            let when = next.max(self.now);
            self.at_time(when, Event::Inside { at, run, what: Box::new(Inside::Woken { at: next }) });
        }
    }

    pub(super) fn inside_happened(&mut self, at: PeerAt, what: Inside) {
        let now = self.now;
        let alive = |from: PeerAt| self.peers[from].node.is_some();
        let fetched = match &what {
            Inside::Fetched { from, link, .. } => {
                *from == at || (self.network.stands(*from, at, *link) && alive(*from))
            }
            _ => false,
        };
        let Some(node) = &mut self.peers[at].node else { return };
        match what {
            Inside::Woken { at: woken } => {
                if node.woken_at == Some(woken) {
                    node.woken_at = None;
                    node.ledger.handle_deadline(now);
                    node.sched.handle_deadline(now);
                    node.worker.handle_deadline(now);
                    node.links.handle_deadline(now);
                }
            }
            Inside::Written => self.written(at),
            Inside::Worker(input) => node.worker.handle(input, now),
            Inside::Dialled { other } => self.dialled(at, other),
            Inside::DialFailed { peer } => {
                let why = "no answer".to_owned();
                node.links.handle(LinkInput::DialFailed { peer, why }, now);
            }
            Inside::ProgramEnded { session, token } => self.program_ended(at, session, token),
            Inside::SessionGone { session } => self.session_gone(at, session),
            Inside::Fetched { good, bad, .. } => node.worker.handle(if fetched { good } else { bad }, now),
            Inside::OutputsHome { from, link, lease, results, with_outputs } => {
                if from == at || self.network.stands(from, at, link) {
                    self.outputs_home(at, from, lease, results, &with_outputs);
                }
            }
        }
    }

    fn pump_ledger(&mut self, at: PeerAt) -> bool {
        let Some(node) = &mut self.peers[at].node else { return false };
        node.take_ledger_wishes();
        if node.writing.is_some() {
            return false;
        }
        let Some(wish) = node.outbox.pop_front() else { return false };
        if let Wish::Ledger(LedgerEffect::Journal { .. }) = wish {
            node.outbox.push_front(wish);
            let batch = node.next_batch();
            // Syncing takes longer than a plain write.
            let (least, most) = if batch.sync { (500, 8_000) } else { (30, 500) };
            node.writing = Some(batch);
            let delay = self.random.micros(least, most);
            self.inside(at, delay, Inside::Written);
            return false;
        }
        self.carry(at, wish);
        true
    }

    fn written(&mut self, at: PeerAt) {
        let peer = &mut self.peers[at];
        let Some(batch) = peer.node.as_mut().and_then(|node| node.writing.take()) else { return };
        peer.disk.append(batch.entries, batch.sync);
        for wish in batch.behind {
            self.carry(at, wish);
        }
    }

    fn pump_sched(&mut self, at: PeerAt) -> bool {
        let now = self.now;
        let Some(effect) = self.peers[at].node.as_mut().and_then(|node| node.sched.poll_effect()) else {
            return false;
        };
        if let SchedEffect::Place(placement) = &effect {
            self.check_placement(at, placement.peer);
        }
        let Some(node) = &mut self.peers[at].node else { return false };
        match effect {
            SchedEffect::Stranded { job } => node.tell_ledger(LedgerInput::Stranded { job }, now),
            SchedEffect::Place(placement) => node.place(placement, now),
        }
        true
    }

    fn pump_worker(&mut self, at: PeerAt) -> bool {
        let Some(effect) = self.peers[at].node.as_mut().and_then(|node| node.worker.poll_effect()) else {
            return false;
        };
        match effect {
            WorkerEffect::Accept { steward, lease } => self.send(at, steward, Message::Accept { lease }),
            WorkerEffect::Decline { steward, lease, why } => self.send(at, steward, Message::Decline { lease, why }),
            WorkerEffect::Report { steward, lease, results } => {
                self.send(at, steward, Message::Report { lease, results });
            }
            WorkerEffect::Renew { steward, renewal } => self.send(at, steward, Message::Renew(renewal)),
            WorkerEffect::FreeChanged { free, running } => {
                if let Some(node) = &mut self.peers[at].node {
                    node.free = (free, running);
                }
                self.announce(at);
            }
            hand => self.carry_to_hands(at, hand),
        }
        true
    }

    /// Carries a wish whose journal entry is written.
    fn carry(&mut self, at: PeerAt, wish: Wish) {
        let now = self.now;
        match wish {
            Wish::Offer { peer, offer } => self.offer(at, peer, offer),
            Wish::Ledger(LedgerEffect::Revoke { peer, lease, spans }) => {
                let tasks = spans.map_or_else(|| vec![EVERYTHING], |spans| spans.spans().to_vec());
                self.send(at, peer, Message::Revoke { lease, tasks });
            }
            Wish::Ledger(LedgerEffect::Settle { peer, lease, spans }) => {
                self.note_finished(at, lease, &spans);
                self.send(at, peer, Message::Settled { lease, tasks: spans.spans().to_vec() });
            }
            Wish::Ledger(LedgerEffect::Forget { job, peers }) => {
                for peer in peers {
                    self.send(at, peer, Message::Forget { job });
                }
            }
            Wish::Ledger(LedgerEffect::SnapshotDue { job }) => {
                let peer = &mut self.peers[at];
                if let Some(bytes) = peer.node.as_ref().and_then(|node| node.ledger.snapshot(job)) {
                    peer.disk.snapshot(job, bytes);
                }
            }
            Wish::Ledger(LedgerEffect::JobOpened { job, .. }) => {
                self.acknowledged.insert(job, at);
                self.tell_sched(at, &LedgerEffect::JobOpened { job, priority: 0 }, now);
            }
            Wish::Ledger(effect) => self.tell_sched(at, &effect, now),
        }
    }

    fn tell_sched(&mut self, at: PeerAt, effect: &LedgerEffect, now: Time) {
        let Some(node) = &mut self.peers[at].node else { return };
        if let Some(input) = node.sched_input(effect) {
            node.sched.handle(input, now);
        }
    }

    fn offer(&mut self, at: PeerAt, peer: PeerId, offer: LeaseOffer) {
        let now = self.now;
        self.check_offer(at, &offer);
        let lease = offer.lease;
        let reachable = self.at(peer).is_some_and(|to| to == at || self.is_up(at, to));
        if reachable {
            self.send(at, peer, Message::Offer(offer));
        } else if let Some(node) = &mut self.peers[at].node {
            node.tell_ledger(LedgerInput::LeaseDeclined { lease }, now);
        }
    }

    /// Tells everybody, this node's own scheduler included, what is free here.
    pub(super) fn announce(&mut self, at: PeerAt) {
        let peer = &self.peers[at];
        let Some(node) = &peer.node else { return };
        let mut announcement = Announcement {
            labels: peer.setup.labels.clone(),
            lends: peer.lends(),
            free: node.free.0,
            accepts: peer.accepts(),
            why_not: peer.why_not(),
            running: node.free.1,
            ..Announcement::default()
        };
        announcement.hardware.cpu_count = peer.setup.lends.max(1);
        announcement.hardware.memory_bytes = 64 << 30;
        announcement.hardware.score = f64::from(peer.setup.lends) * 100.0 / peer.setup.slowness as f64;
        self.heard(at, at, announcement.clone());
        for other in self.peers[at].node.iter().flat_map(|node| node.up.keys().copied()).collect::<Vec<_>>() {
            self.send(at, self.peers[other].id, Message::Announce(Box::new(announcement.clone())));
        }
    }

    /// Takes in what a peer announced.
    fn heard(&mut self, at: PeerAt, from: PeerAt, announcement: Announcement) {
        let (now, hops) = (self.now, u32::from(at != from));
        let round_trip = if at == from { Duration::ZERO } else { self.network.latency(at, from) * 2 };
        let (peer, name) = (self.peers[from].id, self.peers[from].setup.name.clone());
        let Some(node) = &mut self.peers[at].node else { return };
        let view = PeerView {
            name,
            capabilities: announcement.hardware.capabilities(&announcement.labels),
            score: announcement.hardware.score,
            cpu_count: announcement.hardware.cpu_count,
            foreign_cpu: 0.0,
            lends: announcement.lends,
            free: announcement.free,
            accepts: announcement.accepts,
            why_not: announcement.why_not.clone(),
            round_trip,
            hops,
            weight: announcement.tuning.weight,
        };
        node.announced.insert(from, announcement);
        node.sched.handle(SchedInput::PeerChanged { peer, view }, now);
    }

    pub(super) fn is_up(&self, at: PeerAt, other: PeerAt) -> bool {
        self.peers[at].node.as_ref().is_some_and(|node| node.up.contains_key(&other))
    }

    /// Sends a message the way it really goes: encoded, or straight across for this very peer.
    pub(super) fn send(&mut self, from: PeerAt, to: PeerId, message: Message) {
        let Some(to) = self.at(to) else { return };
        if to == from {
            self.told(to, from, message);
            return;
        }
        let Some(link) = self.peers[from].node.as_ref().and_then(|node| node.up.get(&to).copied()) else { return };
        self.check_allowed(from, to);
        let bytes = gridwell_wire::encode(&message).expect("messages of the simulation fit a frame");
        let copies = 1 + u64::from(self.random.chance(self.duplicates_per_mille));
        for _ in 0..copies {
            let jitter = self.random.micros(0, 2_000);
            let arrival = self.network.arrival(from, to, self.now, jitter);
            self.at_time(arrival, Event::Arrived { from, to, link, bytes: bytes.clone() });
        }
    }

    pub(super) fn arrived(&mut self, from: PeerAt, to: PeerAt, bytes: &[u8]) {
        let mut frames = gridwell_wire::FrameBuffer::new();
        frames.extend(bytes);
        let payload = frames.next_frame().ok().flatten().expect("a whole frame was sent");
        let message = gridwell_wire::decode::<Message>(&payload).expect("a message was sent");
        self.check_allowed(from, to);
        let (now, peer) = (self.now, self.peers[from].id);
        if let Some(node) = &mut self.peers[to].node {
            node.links.handle(LinkInput::Heard { peer }, now);
        }
        self.told(to, from, message);
        self.pump(to);
    }

    fn told(&mut self, at: PeerAt, from: PeerAt, message: Message) {
        let (now, stamp, steward) = (self.now, self.stamp(), self.peers[from].id);
        let Some(node) = &mut self.peers[at].node else { return };
        match message {
            Message::Hello(hello) => self.greeted(at, from, &hello),
            Message::Ping { number } => self.send(at, steward, Message::Pong { number }),
            Message::Pong { number } => {
                node.links.handle(LinkInput::PongReceived { peer: steward, number }, now);
            }
            Message::Announce(announcement) => self.heard(at, from, *announcement),
            Message::Offer(offer) => node.worker.handle(WorkerInput::Offered { steward, offer }, now),
            Message::Settled { lease, tasks } => node.worker.handle(WorkerInput::Settled { lease, tasks }, now),
            Message::Revoke { lease, tasks } => node.worker.handle(WorkerInput::Revoked { lease, tasks }, now),
            Message::Forget { job } => node.worker.handle(WorkerInput::JobForgotten { job }, now),
            Message::Accept { lease } => node.tell_ledger(LedgerInput::LeaseAccepted { lease }, now),
            Message::Decline { lease, why } => {
                node.sched.handle(SchedInput::Declined { lease, why }, now);
                node.tell_ledger(LedgerInput::LeaseDeclined { lease }, now);
            }
            Message::Renew(renewal) => {
                for running in renewal.running {
                    let start = running.task.index;
                    let span = TaskSpan::new(start, start + running.count.max(1));
                    node.tell_ledger(LedgerInput::TasksStarted { lease: running.lease, span, stamp }, now);
                }
                node.tell_ledger(LedgerInput::Renewed { peer: steward, leases: renewal.leases }, now);
            }
            Message::Report { lease, results } => self.reported(at, from, lease, results),
            _ => {}
        }
    }

    fn greeted(&mut self, at: PeerAt, from: PeerAt, hello: &Hello) {
        let (now, peer) = (self.now, self.peers[from].id);
        let Some(node) = &mut self.peers[at].node else { return };
        let before = node.incarnations.insert(from, hello.incarnation);
        if before.is_some_and(|before| before != hello.incarnation) {
            node.tell_ledger(LedgerInput::HolderVanished { peer }, now);
        }
    }

    /// Results with outputs count once those are home.
    fn reported(&mut self, at: PeerAt, from: PeerAt, lease: LeaseId, results: Vec<TaskResult>) {
        let with_outputs: Vec<u32> =
            results.iter().filter(|result| !result.outputs.is_empty()).map(|result| result.tasks.start).collect();
        let results: Vec<TaskEnd> = results.into_iter().map(TaskEnd::from).collect();
        if with_outputs.is_empty() {
            self.outputs_home(at, from, lease, results, &[]);
            return;
        }
        let link = self.peers[at].node.as_ref().and_then(|node| node.up.get(&from).copied()).unwrap_or(0);
        let delay = self.random.micros(500, 30_000);
        self.inside(at, delay, Inside::OutputsHome { from, link, lease, results, with_outputs });
    }

    fn outputs_home(&mut self, at: PeerAt, from: PeerAt, lease: LeaseId, results: Vec<TaskEnd>, fetched: &[u32]) {
        self.check_outputs(at, from, lease, fetched);
        let (now, stamp, peer) = (self.now, self.stamp(), self.peers[from].id);
        let Some(node) = &mut self.peers[at].node else { return };
        node.tell_ledger(LedgerInput::TasksEnded { lease, peer, results, stamp }, now);
    }
}

impl Node {
    fn tell_ledger(&mut self, input: LedgerInput, now: Time) {
        self.ledger.handle(input, now).expect("facts are never refused");
    }

    fn take_ledger_wishes(&mut self) {
        while let Some(effect) = self.ledger.poll_effect() {
            self.outbox.push_back(Wish::Ledger(effect));
        }
    }

    /// Everything wished so far: the entries for one write, the rest for afterwards.
    fn next_batch(&mut self) -> Batch {
        let mut batch = Batch { entries: Vec::new(), sync: false, behind: Vec::new() };
        for wish in self.outbox.drain(..) {
            match wish {
                Wish::Ledger(LedgerEffect::Journal { job, entry, durable }) => {
                    batch.sync |= durable;
                    batch.entries.push((job, entry));
                }
                wish => batch.behind.push(wish),
            }
        }
        batch
    }

    fn place(&mut self, placement: Placement, now: Time) {
        let Placement { id, job, step, span, chunk, peer, reserve, .. } = placement;
        let Some(lease) = self.ledger.grant(job, step, span, peer, now) else {
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
        };
        self.outbox.push_back(Wish::Offer { peer, offer });
    }

    /// What a ledger's wish means for the scheduler, if anything.
    fn sched_input(&self, effect: &LedgerEffect) -> Option<SchedInput> {
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
            LedgerEffect::BlockPeer { job, peer } => Some(SchedInput::PeerBlocked { job, peer }),
            LedgerEffect::UnblockPeer { job, peer } => Some(SchedInput::PeerUnblocked { job, peer }),
            LedgerEffect::PriorityChanged { job, priority } => Some(SchedInput::PriorityChanged { job, priority }),
            LedgerEffect::JobEnded { job, .. } => Some(SchedInput::JobRemoved { job }),
            LedgerEffect::Journal { .. }
            | LedgerEffect::SnapshotDue { .. }
            | LedgerEffect::Revoke { .. }
            | LedgerEffect::Settle { .. }
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
        needs: step.needs.clone(),
        prefers: step.prefers.clone(),
        chunking: step.chunking,
        reserve: StepView::reserve_of(&step.needs),
        task_count: step.task_count,
        work_secs: None,
    });
    let (job, submitter, recipe) = (spec.id, spec.origin, spec.recipe.clone());
    JobView { job, priority, submitter, recipe, input_bytes: 0, steps: steps.collect() }
}

/// The tasks of spans, one by one.
pub(super) fn each(spans: &TaskSpans) -> impl Iterator<Item = u32> + '_ {
    spans.indices()
}
