use gridwell_ledger::{Input as LedgerInput, TaskEnd};
use gridwell_model::{LeaseId, LinkPolicy, PeerId, Time};
use gridwell_worker::{Input as WorkerInput, SessionId};

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
    /// Nobody answered a dial.
    DialFailed { peer: PeerId },
    /// A program ends.
    ProgramEnded { session: SessionId, token: u64 },
    /// A session is gone.
    SessionGone { session: SessionId },
    /// Spec or inputs came through a link, unless it broke meanwhile.
    Fetched { from: PeerAt, link: u64, good: WorkerInput, bad: WorkerInput },
    /// Outputs came home, unless the link broke meanwhile.
    OutputsHome { from: PeerAt, link: u64, lease: LeaseId, results: Vec<TaskEnd>, with_outputs: Vec<u32> },
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
    /// No connection between two peers any more; packets are lost silently.
    Part { one: PeerAt, other: PeerAt },
    /// Connections may be made again.
    Heal { one: PeerAt, other: PeerAt },
    /// A connection breaks.
    Flap { one: PeerAt, other: PeerAt },
    /// A peer's owner wants something else of a link.
    Want { at: PeerAt, other: PeerAt, policy: LinkPolicy },
    /// The owner lends nothing for a while.
    Drain { at: PeerAt },
    /// The owner lends again.
    Lend { at: PeerAt },
}
