//! What simulated peers say to each other.

use std::time::Duration;

use gridwell_ledger::{DeputyInput, Input as LedgerInput};
use gridwell_links::Input as LinkInput;
use gridwell_model::{PeerId, TaskSpan, Tool};
use gridwell_sched::{Input as SchedInput, PeerView};
use gridwell_wire::{Announcement, Hello, Message};
use gridwell_worker::Input as WorkerInput;

use super::{
    event::{Event, PeerAt},
    world::Simulation,
};

/// How long each link of a way over several is taken to be.
const FAR: Duration = Duration::from_millis(10);

impl Simulation {
    /// Tells everybody, this node's own scheduler included, what is free here.
    pub(super) fn announce(&mut self, at: PeerAt) {
        let Some(announcement) = self.announcement(at) else { return };
        self.heard(at, at, announcement.clone());
        for other in (0..self.peers.len()).filter(|other| self.hops(at, *other).is_some()).collect::<Vec<_>>() {
            self.send(at, self.peers[other].id, Message::Announce(Box::new(announcement.clone())));
        }
    }

    /// Tells one peer what is free here.
    pub(super) fn announce_to(&mut self, at: PeerAt, other: PeerAt) {
        if let Some(announcement) = self.announcement(at) {
            self.send(at, self.peers[other].id, Message::Announce(Box::new(announcement)));
            self.tell_limits_to(at, other);
        }
    }

    pub(super) fn announcement(&self, at: PeerAt) -> Option<Announcement> {
        let peer = &self.peers[at];
        let node = peer.node.as_ref()?;
        let mut announcement = Announcement {
            labels: peer.setup.labels.clone(),
            lends: peer.lends(),
            free: node.free.0,
            accepts: peer.accepts(),
            why_not: peer.why_not(),
            running: node.free.1,
            ..Announcement::default()
        };
        // As long as those of real machines.
        announcement.hardware.hostname.clone_from(&peer.setup.name);
        announcement.hardware.os_name = "Debian GNU/Linux 12 (bookworm)".into();
        announcement.hardware.arch = "x86_64".into();
        announcement.hardware.cpu_model = "Intel(R) Xeon(R) Processor".into();
        announcement.hardware.tools = ["blender", "ffmpeg", "povray", "python3"].map(a_tool).to_vec();
        announcement.hardware.cpu_count = peer.setup.lends.max(1);
        announcement.hardware.memory_bytes = u64::from(peer.setup.memory_gib) << 30;
        announcement.hardware.score = f64::from(peer.setup.lends) * 100.0 / peer.setup.slowness as f64;
        Some(announcement)
    }

    /// Takes in what a peer announced.
    pub(super) fn heard(&mut self, at: PeerAt, from: PeerAt, announcement: Announcement) {
        let (now, hops) = (self.clock(at), self.hops(at, from).unwrap_or_default() as u32);
        let round_trip = if hops == 1 { self.network.latency(at, from) * 2 } else { FAR * hops };
        let (peer, name) = (self.peers[from].id, self.peers[from].setup.name.clone());
        let near = hops <= self.peers[at].setup.reach;
        let why_not = if near { announcement.why_not.clone() } else { format!("it is {hops} links away") };
        let Some(node) = &mut self.peers[at].node else { return };
        let view = PeerView {
            looks: announcement.hardware.looks(),
            name,
            capabilities: announcement.hardware.capabilities(&announcement.labels),
            score: announcement.hardware.score,
            cpu_count: announcement.hardware.cpu_count,
            foreign_cpu: 0.0,
            lends: announcement.lends,
            free: announcement.free,
            accepts: announcement.accepts && near,
            why_not,
            round_trip,
            hops,
            weight: announcement.tuning.weight,
        };
        node.announced.insert(from, announcement);
        let lends = view.lends.cpus > 0.0;
        node.sched.handle(SchedInput::PeerChanged { peer, view }, now);
        if at != from {
            node.deputies.handle(DeputyInput::PeerRated { peer, lends }, now);
        }
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
        if self.is_up(from, to) {
            self.send_on_link(from, to, &message);
        } else {
            self.send_letter(from, to, &message);
        }
    }

    /// Sends a message over the link between two peers, if there is one.
    pub(super) fn send_on_link(&mut self, from: PeerAt, to: PeerAt, message: &Message) {
        let Some(link) = self.peers[from].node.as_ref().and_then(|node| node.up.get(&to).copied()) else { return };
        self.check_allowed(from, to);
        let bytes = gridwell_wire::encode(message).expect("messages of the simulation fit a frame");
        let copies = 1 + u64::from(self.random.chance(self.duplicates_per_mille));
        for _ in 0..copies {
            self.traffic.note(message, bytes.len() as u64);
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
        let (now, peer) = (self.clock(to), self.peers[from].id);
        if let Some(node) = &mut self.peers[to].node {
            node.links.handle(LinkInput::Heard { peer }, now);
        }
        self.told(to, from, message);
        self.pump(to);
    }

    pub(super) fn told(&mut self, at: PeerAt, from: PeerAt, message: Message) {
        let (now, stamp, steward) = (self.clock(at), self.stamp(at), self.peers[from].id);
        let Some(node) = &mut self.peers[at].node else { return };
        match message {
            Message::Hello(hello) => self.greeted(at, from, &hello),
            Message::Ping { number } => self.send(at, steward, Message::Pong { number }),
            Message::Pong { number } => {
                node.links.handle(LinkInput::PongReceived { peer: steward, number }, now);
            }
            Message::Announce(announcement) => self.heard(at, from, *announcement),
            Message::Offer(offer) => {
                node.worker.handle(WorkerInput::Offered { steward, offer, own: false }, now);
                *self.offers.entry(at).or_default() += 1;
            }
            Message::Settled { lease, tasks } => node.worker.handle(WorkerInput::Settled { lease, tasks }, now),
            Message::Revoke { lease, tasks } => {
                node.worker.handle(WorkerInput::Revoked { lease, tasks }, now);
                *self.revokes.entry(at).or_default() += 1;
            }
            Message::Forget { job } => node.worker.handle(WorkerInput::JobForgotten { job }, now),
            Message::Accept { lease } => node.tell_ledger(LedgerInput::LeaseAccepted { lease }, now),
            Message::Decline { lease, why } => node.declined(lease, why, now),
            Message::Renew(renewal) => {
                for running in renewal.running {
                    let start = running.task.index;
                    let span = TaskSpan::new(start, start + running.count.max(1));
                    let (lease, progress) = (running.lease, running.progress);
                    node.sched.handle(SchedInput::RunSeen { lease, span, progress }, now);
                    node.tell_ledger(LedgerInput::TasksStarted { lease: running.lease, span, stamp }, now);
                }
                node.tell_ledger(LedgerInput::Renewed { peer: steward, leases: renewal.leases }, now);
            }
            Message::Report { lease, results } => self.reported(at, from, lease, results),
            Message::Limit(message) => self.limit_told(at, steward, *message),
            Message::Deputy(message) => {
                node.deputies.handle(DeputyInput::Heard { from: steward, message: *message }, now);
            }
            Message::Links(signed) => self.heard_record(at, from, &signed),
            Message::Passed(passed) => self.letter_came(at, from, passed),
            Message::NotPassed(back) => self.not_passed(at, back),
            _ => {}
        }
    }

    fn greeted(&mut self, at: PeerAt, from: PeerAt, hello: &Hello) {
        let (now, peer) = (self.clock(at), self.peers[from].id);
        let Some(node) = &mut self.peers[at].node else { return };
        let before = node.incarnations.insert(from, hello.incarnation);
        if before.is_some_and(|before| before != hello.incarnation) {
            node.tell_ledger(LedgerInput::HolderVanished { peer }, now);
        }
    }
}

fn a_tool(name: &str) -> Tool {
    Tool { name: name.into(), version: "3.4.1".into(), path: format!("/usr/bin/{name}"), build: String::new() }
}
