use std::{
    hash::{Hash as _, Hasher},
    mem::discriminant,
};

use gridwell_ledger::{DeputyEffect, Input as LedgerInput, TaskEnd};
use gridwell_model::{Claim, JobId, LeaseId, LinkPolicy, PeerId, TaskSpan, Time};
use gridwell_worker::{Input as WorkerInput, SessionId};

use super::routes::Way;

/// Position of a peer in the simulation.
pub type PeerAt = usize;

/// Something that happens at a moment.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Bytes arrive at the other end of a connection.
    Arrived { from: PeerAt, to: PeerAt, link: u64, bytes: Vec<u8> },
    /// A node learns that a connection stands.
    LinkUp { at: PeerAt, other: PeerAt, link: u64 },
    /// A node learns that a connection is gone; perhaps long after it was.
    LinkDown { at: PeerAt, other: PeerAt, link: u64 },
    /// Something inside one run of a node.
    Inside { at: PeerAt, run: u64, what: Box<Inside> },
    /// The world turns against the grid, or back.
    Fault(Fault),
    /// A person gives an order.
    Command { at: PeerAt, input: Box<LedgerInput> },
}

impl Event {
    /// Feeds what tells runs apart to `trace`: every byte that travels, and where what else happens.
    pub(super) fn leave_trace(&self, trace: &mut impl Hasher) {
        discriminant(self).hash(trace);
        match self {
            Self::Arrived { from, to, link, bytes } => (from, to, link, bytes).hash(trace),
            Self::LinkUp { at, other, link } | Self::LinkDown { at, other, link } => (at, other, link).hash(trace),
            Self::Inside { at, run, what } => (at, run, discriminant(&**what)).hash(trace),
            Self::Fault(fault) => discriminant(fault).hash(trace),
            Self::Command { at, .. } => at.hash(trace),
        }
    }

    /// What happens, for people.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Arrived { from, to, link, bytes } => {
                let message = gridwell_wire::decode::<gridwell_wire::Message>(&bytes[4..]);
                format!("peer {from} to peer {to} on link {link}: {message:?}")
            }
            event => format!("{event:?}"),
        }
    }
}

/// What happens inside a node.
#[derive(Debug, Clone)]
pub(super) enum Inside {
    /// Engines asked to be woken.
    Woken { at: Time },
    /// The journal is written up to here.
    Written,
    /// A hand answers the worker.
    Worker(WorkerInput),
    /// A dial has reached the other side, or nobody.
    Dialled { other: PeerAt },
    /// Others are to hear of the links of this peer.
    LinksDue,
    /// Others are to hear what their others told of links.
    RecordsDue,
    /// Records of links have come.
    RoutesDue,
    /// Nobody answered a dial.
    DialFailed { peer: PeerId },
    /// A program ends.
    ProgramEnded { session: SessionId, token: u64 },
    /// A session is gone.
    SessionGone { session: SessionId },
    /// Spec or inputs came over a way, if there was one and it stood meanwhile.
    Fetched { from: PeerAt, way: Option<Way>, good: Box<WorkerInput>, bad: Box<WorkerInput> },
    /// What another steward says of a job is on the disk.
    CopyKept { effect: DeputyEffect },
    /// A journal is read for a job that is taken over.
    TakenOver { claim: Claim },
    /// Outputs that another peer kept for this origin came home, if there was a way and it stood meanwhile.
    StowHome { from: PeerAt, way: Option<Way>, job: JobId, step: u32, tasks: TaskSpan },
    /// Outputs came home, if there was a way and it stood meanwhile.
    OutputsHome { from: PeerAt, way: Option<Way>, lease: LeaseId, results: Vec<TaskEnd>, with_outputs: Vec<u32> },
}

/// What can go wrong, and right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The node dies at once; `power` takes what was not synced along.
    Crash { at: PeerAt, power: bool },
    /// The node starts again.
    Restart { at: PeerAt },
    /// The machine sleeps: nothing happens there, the clock goes on.
    Sleep { at: PeerAt },
    /// It wakes.
    Wake { at: PeerAt },
    /// Its wall clock is set.
    ClockJump { at: PeerAt, millis: i64 },
    /// No connection between two peers any more; packets are lost silently.
    Part { one: PeerAt, other: PeerAt },
    /// Connections may be made again.
    Heal { one: PeerAt, other: PeerAt },
    /// A connection breaks.
    Flap { one: PeerAt, other: PeerAt },
    /// A peer's owner wants something else of a link.
    Want { at: PeerAt, other: PeerAt, policy: LinkPolicy },
    /// The owner closes the lid: every job goes to a deputy.
    HandOver { at: PeerAt },
    /// The owner lends nothing for a while.
    Drain { at: PeerAt },
    /// The owner lends again.
    Lend { at: PeerAt },
}
