use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use gridwell_ledger::{Effect as LedgerEffect, Ledger};
use gridwell_links::Links;
use gridwell_model::{Incarnation, JobId, LeaseId, LeaseOffer, PeerId, Reserve, TaskSpan, Time};
use gridwell_sched::Scheduler;
use gridwell_wire::Announcement;
use gridwell_worker::{SessionId, Worker};

use super::{
    disk::Disk,
    event::{Event, PeerAt},
};

/// What a peer is.
#[derive(Debug, Clone)]
pub struct PeerSetup {
    /// What people call it.
    pub name: String,
    /// Labels its owner set.
    pub labels: BTreeMap<String, String>,
    /// Cores it lends; 0 makes it relay only.
    pub lends: u32,
    /// How many times slower than usual it runs programs, in percent.
    pub slowness: u64,
}

/// A peer: its machine, its disk, and the node while it runs.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) setup: PeerSetup,
    pub(super) disk: Disk,
    pub(super) node: Option<Node>,
    /// Number of its last start.
    pub(super) runs: u64,
    /// What happened to it while it slept.
    pub(super) asleep: Option<Vec<Event>>,
    /// When it was last there again after it had not been.
    pub(super) woke_at: Time,
    pub(super) drained: bool,
}

/// One run of a node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) run: u64,
    pub(super) incarnation: Incarnation,
    pub(super) ledger: Ledger,
    pub(super) sched: Scheduler,
    pub(super) worker: Worker,
    pub(super) links: Links,
    /// Wishes in order: those behind a journal entry wait for it.
    pub(super) outbox: VecDeque<Wish>,
    /// Wishes behind the entries that are being written.
    pub(super) writing: Option<Batch>,
    /// Connections as this node sees them.
    pub(super) up: BTreeMap<PeerAt, u64>,
    pub(super) incarnations: BTreeMap<PeerAt, Incarnation>,
    pub(super) announced: BTreeMap<PeerAt, Announcement>,
    pub(super) free: (Reserve, u32),
    pub(super) sessions: BTreeMap<SessionId, Session>,
    /// Outputs that lie here until settled, by lease and first task of their run.
    pub(super) outputs: BTreeSet<(LeaseId, u32)>,
    pub(super) woken_at: Option<Time>,
    pub(super) tokens: u64,
}

/// Entries on their way to the disk, and what waits for them.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) entries: Vec<(JobId, Vec<u8>)>,
    pub(super) sync: bool,
    pub(super) behind: Vec<Wish>,
}

/// What a steward wants done once everything before it is written.
#[derive(Debug)]
pub(super) enum Wish {
    Ledger(LedgerEffect),
    Offer { peer: PeerId, offer: LeaseOffer },
}

/// A session on a peer.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) job: JobId,
    pub(super) reserve: Reserve,
    pub(super) open: bool,
    pub(super) queue: VecDeque<Run>,
    pub(super) running: Option<Running>,
}

/// One run of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) step: u32,
    pub(super) span: TaskSpan,
}

/// A program that runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub(super) run: Run,
    pub(super) since: Time,
    /// Names the end that counts: a cancelled program ends earlier than planned.
    pub(super) token: u64,
    pub(super) cancelled: bool,
}

impl Peer {
    pub(super) fn lends(&self) -> Reserve {
        Reserve { cpus: self.setup.lends as f32, memory_mib: 64 * 1_024, gpus: 0 }
    }

    pub(super) fn accepts(&self) -> bool {
        self.setup.lends > 0 && !self.drained
    }

    pub(super) fn why_not(&self) -> String {
        if self.setup.lends == 0 { "lends nothing".into() } else { String::new() }
    }

    /// How long a program takes here that usually takes `usual`.
    pub(super) fn pace(&self, usual: Duration) -> Duration {
        usual * self.setup.slowness as u32 / 100
    }
}
