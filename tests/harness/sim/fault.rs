//! Crashes, sleep, partitions and owners who change their minds.

use std::time::Duration;

use gridwell_model::LinkPolicy;
use gridwell_worker::{Input as WorkerInput, Lent};

use super::{
    event::{Event, Fault, PeerAt},
    world::Simulation,
};

impl Simulation {
    /// Plans faults for a while, each with its repair; after `until` nothing new breaks.
    pub fn plan_faults(&mut self, count: u64, until: Duration) {
        for _ in 0..count {
            let at = self.random.below(self.peers.len() as u64) as PeerAt;
            let wired = self.network.wired();
            // A lone peer has no link to break.
            let (one, other) = wired.get(self.random.below(wired.len() as u64) as usize).copied().unwrap_or((0, 0));
            let when = self.random.micros(0, until.as_micros() as u64);
            // Some last long enough for a deputy to take over.
            let longest = if self.random.chance(300) { 100_000_000 } else { 40_000_000 };
            let lasts = self.random.micros(10_000, longest);
            let (fault, repair) = match self.random.below(15) {
                0..=3 => (Fault::Crash { at, power: self.random.chance(500) }, Some(Fault::Restart { at })),
                4 | 5 => (Fault::Part { one, other }, Some(Fault::Heal { one, other })),
                6 | 7 => (Fault::Flap { one, other }, None),
                8 => (Fault::Sleep { at }, Some(Fault::Wake { at })),
                14 => {
                    // Set right by an hour, or wrong by years.
                    let most = if self.random.chance(500) { 3_600_000 } else { 100_000_000_000 };
                    let millis = self.random.below(2 * most) as i64 - most as i64;
                    (Fault::ClockJump { at, millis }, None)
                }
                9 => (Fault::Drain { at }, Some(Fault::Lend { at })),
                10 => (Fault::Want { at: one, other, policy: LinkPolicy::Pinned }, None),
                13 => (Fault::HandOver { at }, None),
                number => {
                    let (at, other) = if number == 11 { (one, other) } else { (other, one) };
                    let want = |policy| Fault::Want { at, other, policy };
                    // Nobody could ask a node that did not run; they ask again.
                    self.after(until * 2, Event::Fault(want(LinkPolicy::Automatic)));
                    (want(LinkPolicy::Forbidden), Some(want(LinkPolicy::Automatic)))
                }
            };
            self.after(when, Event::Fault(fault));
            if let Some(repair) = repair {
                self.after(when + lasts, Event::Fault(repair));
            }
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Crash { at, power } => self.crash(at, power),
            Fault::Restart { at } => {
                if self.peers[at].node.is_none() {
                    self.start(at);
                }
            }
            Fault::Sleep { at } => self.sleep(at),
            Fault::Wake { at } => self.wake(at),
            Fault::ClockJump { at, millis } => self.peers[at].clock.wall_ahead_ms += millis,
            Fault::Part { one, other } => self.part(one, other),
            Fault::Heal { one, other } => self.heal(one, other),
            Fault::Flap { one, other } => self.disconnect(one, other),
            Fault::Want { at, other, policy } => self.want(at, other, policy),
            Fault::HandOver { at } => self.hand_over(at),
            Fault::Drain { at } => self.lend(at, true),
            Fault::Lend { at } => self.lend(at, false),
        }
    }

    /// Lets everything between two peers get lost. Nobody says so: both ends notice the silence.
    pub fn part(&mut self, one: PeerAt, other: PeerAt) {
        self.network.part(one, other);
        self.network.disconnect(one, other);
    }

    /// Lets connections between two peers be made again.
    pub fn heal(&mut self, one: PeerAt, other: PeerAt) {
        self.network.heal(one, other);
    }

    fn crash(&mut self, at: PeerAt, power: bool) {
        if self.peers[at].node.is_none() || self.peers[at].asleep.is_some() {
            return;
        }
        self.check_journal(at);
        for other in 0..self.peers.len() {
            if power {
                self.network.disconnect(at, other);
            } else {
                self.disconnect(at, other);
            }
        }
        self.peers[at].node = None;
        if power {
            self.peers[at].disk.cut_power();
        }
    }

    fn sleep(&mut self, at: PeerAt) {
        if self.peers[at].node.is_some() && self.peers[at].asleep.is_none() {
            self.peers[at].asleep = Some(Vec::new());
            self.peers[at].slept_at = self.now;
        }
    }

    fn wake(&mut self, at: PeerAt) {
        let Some(waiting) = self.peers[at].asleep.take() else { return };
        let napped = self.now.since(self.peers[at].slept_at);
        if self.peers[at].clock.stands {
            self.peers[at].clock.stood += napped;
        }
        self.peers[at].woke_at = self.now;
        for event in waiting {
            self.after(Duration::from_micros(10), event);
        }
    }

    fn lend(&mut self, at: PeerAt, drained: bool) {
        let now = self.clock(at);
        let peer = &mut self.peers[at];
        peer.drained = drained;
        let lent = Lent { room: peer.lends(), accepts: peer.accepts(), why_not: peer.why_not() };
        if let Some(node) = &mut peer.node {
            node.worker.handle(WorkerInput::LendingChanged { others: lent.clone(), own: lent }, now);
            self.announce(at);
            self.pump(at);
        }
    }
}
