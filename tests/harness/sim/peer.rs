use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use gridwell_ledger::{Deputies, DeputyInput, Effect as LedgerEffect, Ledger, Limits};
use gridwell_links::{Letters, Links, Map, Routes};
use gridwell_model::{Incarnation, JobId, LeaseId, LeaseOffer, LimitReport, PeerId, Reserve, TaskSpan, Time};
use gridwell_sched::Scheduler;
use gridwell_wire::Announcement;
use gridwell_worker::{SessionId, Worker};

use super::{
    disk::Disk,
    event::{Event, PeerAt},
    routes::Pace,
};

/// As far as tasks go where nobody says otherwise.
const USUAL_REACH: u32 = 3;

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
    /// True if its owner lets it pass nothing on for others.
    pub silent: bool,
    /// Over how many links tasks of its jobs go.
    pub reach: u32,
    /// Memory it has and lends.
    pub memory_gib: u32,
    /// True if its clock stands still while it sleeps.
    pub clock_stands: bool,
}

impl PeerSetup {
    /// A machine of the usual kind, which lends so many cores.
    #[must_use]
    pub fn new(name: impl Into<String>, lends: u32) -> Self {
        Self {
            name: name.into(),
            labels: BTreeMap::new(),
            lends,
            slowness: 100,
            silent: false,
            reach: USUAL_REACH,
            memory_gib: 64,
            clock_stands: false,
        }
    }
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
    pub(super) slept_at: Time,
    pub(super) clock: Clock,
    pub(super) drained: bool,
    /// Limits that it keeps, as its disk remembers them.
    pub(super) limits: BTreeMap<String, u32>,
}

/// The clocks of a machine.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// True if its own time stands still while it sleeps.
    pub(super) stands: bool,
    /// How long its own time stood still.
    pub(super) stood: Duration,
    /// How far its wall clock is ahead of everybody's time.
    pub(super) wall_ahead_ms: i64,
}

impl Clock {
    /// When its own time is `own`.
    pub(super) fn when(&self, own: Time) -> Time {
        own + self.stood
    }
}

/// One run of a node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) run: u64,
    pub(super) incarnation: Incarnation,
    pub(super) ledger: Ledger,
    pub(super) deputies: Deputies,
    /// What was known of jobs that were given up.
    pub(super) ceded: BTreeMap<JobId, Vec<u8>>,
    pub(super) sched: Scheduler,
    pub(super) worker: Worker,
    pub(super) links: Links,
    pub(super) limits: Limits,
    pub(super) told_limits: BTreeMap<PeerId, Vec<LimitReport>>,
    pub(super) map: Map,
    pub(super) routes: Routes,
    pub(super) letters: Letters,
    /// Whom this node reaches, over whatever way.
    pub(super) online: BTreeSet<PeerAt>,
    /// What each peer told last of its links, as it is passed on.
    pub(super) records: BTreeMap<PeerId, Vec<u8>>,
    /// Records to be passed on, by whom they are from, with the peer from which they came.
    pub(super) fresh: BTreeMap<PeerId, PeerAt>,
    pub(super) telling: Pace,
    pub(super) passing: Pace,
    /// Records came that ways do not follow yet.
    pub(super) routes_stale: bool,
    pub(super) records_written: u64,
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
    /// Second attempts placed.
    pub(super) seconds: u64,
}

/// Entries on their way to the disk, and what waits for them.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) entries: Vec<(JobId, u64, Vec<u8>)>,
    pub(super) sync: bool,
    pub(super) behind: Vec<Wish>,
}

/// What a steward wants done once everything before it is written.
#[derive(Debug)]
pub(super) enum Wish {
    Ledger(LedgerEffect),
    Offer {
        peer: PeerId,
        offer: LeaseOffer,
    },
    /// Tell the deputies' engine something that is true once everything before is written.
    Deputy(DeputyInput),
    /// Tell the steward what was known of a job that was given up.
    Merge {
        to: PeerId,
        job: JobId,
    },
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
        Reserve {
            cpus: self.setup.lends as f32,
            memory_mib: u64::from(self.setup.memory_gib) * 1_024,
            gpus: 0,
            disk_mib: 0,
        }
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
