//! The node's part: carries wishes of the engines to links, disk and hands, and brings back what happened.

use std::time::Duration;

use gridwell_ledger::{DeputyInput, Effect as LedgerEffect, Input as LedgerInput};
use gridwell_links::Input as LinkInput;
use gridwell_model::{LimitMessage, TaskSpan, TaskSpans, Time};
use gridwell_sched::Effect as SchedEffect;
use gridwell_wire::Message;
use gridwell_worker::Effect as WorkerEffect;

use super::{
    event::{Event, Inside, PeerAt},
    peer::Wish,
    world::Simulation,
};

/// When what could not be fetched is tried again.
const FETCH_AGAIN: Duration = Duration::from_secs(1);

/// All tasks of a lease that its steward does not know any more.
const EVERYTHING: TaskSpan = TaskSpan::new(0, u32::MAX);

impl Simulation {
    /// Carries every wish that can be carried now.
    pub(super) fn pump(&mut self, at: PeerAt) {
        while self.pump_worker(at)
            || self.pump_sched(at)
            || self.pump_ledger(at)
            || self.pump_links(at)
            || self.pump_deputies(at)
            || self.pump_limits(at)
        {}
        let Some(node) = &mut self.peers[at].node else { return };
        let deadlines = [
            node.ledger.poll_deadline(),
            node.sched.poll_deadline(),
            node.worker.poll_deadline(),
            node.links.poll_deadline(),
            node.deputies.poll_deadline(),
            node.limits.poll_deadline(),
            node.routes.poll_deadline(),
            node.map.poll_deadline(),
        ];
        let Some(next) = deadlines.into_iter().flatten().min() else { return };
        if node.woken_at.is_none_or(|woken| next < woken) {
            node.woken_at = Some(next);
            let run = node.run;
            let when = self.peers[at].clock.when(next).max(self.now);
            self.at_time(when, Event::Inside { at, run, what: Box::new(Inside::Woken { at: next }) });
        }
    }

    pub(super) fn inside_happened(&mut self, at: PeerAt, what: Inside) {
        let now = self.clock(at);
        let came = match &what {
            Inside::Fetched { from, way, .. }
            | Inside::StowHome { from, way, .. }
            | Inside::OutputsHome { from, way, .. } => *from == at || way.as_ref().is_some_and(|way| self.carries(way)),
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
                    node.deputies.handle_deadline(now);
                    node.limits.handle_deadline(now);
                    self.follow_broken_ways(at);
                }
            }
            Inside::Written => self.written(at),
            Inside::CopyKept { effect } => self.copy_kept(at, effect),
            Inside::TakenOver { claim } => self.taken_over(at, claim),
            Inside::StowHome { job, step, tasks, .. } => {
                if came {
                    self.stow_home(at, job, step, tasks);
                }
            }
            Inside::LinksDue => self.tell_links(at),
            Inside::RecordsDue => self.pass_records_on(at),
            Inside::RoutesDue => self.follow_records(at),
            Inside::Worker(input) => node.worker.handle(input, now),
            Inside::Dialled { other } => self.dialled(at, other),
            Inside::DialFailed { peer } => {
                let why = "no answer".to_owned();
                node.links.handle(LinkInput::DialFailed { peer, why }, now);
            }
            Inside::ProgramEnded { session, token } => self.program_ended(at, session, token),
            Inside::SessionGone { session } => self.session_gone(at, session),
            Inside::Fetched { good, bad, .. } => node.worker.handle(if came { *good } else { *bad }, now),
            Inside::OutputsHome { from, lease, results, with_outputs, .. } => {
                if came {
                    self.outputs_home(at, from, lease, results, &with_outputs);
                } else if self.is_held(at, from, lease) {
                    self.fetch_outputs(at, from, lease, results, with_outputs, FETCH_AGAIN);
                } else {
                    self.outputs_home(at, from, lease, results, &[]);
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
        let now = self.clock(at);
        let peer = &mut self.peers[at];
        let Some(batch) = peer.node.as_mut().and_then(|node| node.writing.take()) else { return };
        let plain = batch.entries.iter().map(|(job, _, entry)| (*job, entry.clone())).collect();
        peer.disk.append(plain, batch.sync);
        if let Some(node) = &mut peer.node {
            for (job, first, entry) in batch.entries {
                node.deputies.handle(DeputyInput::Written { job, first, entries: vec![entry] }, now);
            }
        }
        for wish in batch.behind {
            self.carry(at, wish);
        }
    }

    fn pump_sched(&mut self, at: PeerAt) -> bool {
        let now = self.clock(at);
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
            WorkerEffect::AskLicence(ask) => self.ask_licence(at, ask),
            WorkerEffect::ReturnLicence { lease, name } => {
                if let Some(keeper) = self.keeper_of(&name) {
                    self.send(at, keeper, Message::Limit(Box::new(LimitMessage::Return { lease, name })));
                }
            }
            hand => self.carry_to_hands(at, hand),
        }
        true
    }

    /// Carries a wish whose journal entry is written.
    fn carry(&mut self, at: PeerAt, wish: Wish) {
        let now = self.clock(at);
        match wish {
            Wish::Offer { peer, offer } => self.offer(at, peer, offer),
            Wish::Deputy(input) => self.tell_deputies(at, input),
            Wish::Merge { to, job } => self.send_merge(at, to, job),
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
                self.acknowledged.entry(job).or_insert(at);
                self.job_moved(at, job);
                self.tell_sched(at, &LedgerEffect::JobOpened { job, priority: 0 }, now);
            }
            Wish::Ledger(effect) => {
                self.tell_sched(at, &effect, now);
                match effect {
                    LedgerEffect::JobEnded { job, .. } => self.job_moved(at, job),
                    LedgerEffect::JobRemoved { job } => self.tell_deputies(at, DeputyInput::JobRemoved { job }),
                    _ => {}
                }
            }
        }
    }

    fn tell_sched(&mut self, at: PeerAt, effect: &LedgerEffect, now: Time) {
        let Some(node) = &mut self.peers[at].node else { return };
        if let Some(input) = node.sched_input(effect) {
            node.sched.handle(input, now);
        }
    }
}

/// The tasks of spans, one by one.
pub(super) fn each(spans: &TaskSpans) -> impl Iterator<Item = u32> + '_ {
    spans.indices()
}
