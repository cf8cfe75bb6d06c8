use gridwell_model::{LinkWish, PeerId};

/// A fact for [`Links`](crate::Links).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A peer is a member: it is wanted as a link from now on.
    MemberAdded {
        /// Who.
        peer: PeerId,
        /// Where it may listen, most useful first.
        addresses: Vec<String>,
        /// What the owner of this peer wants of the link.
        ours: LinkWish,
    },
    /// The owner of this peer wants something else of a link; it is written down.
    WishChanged {
        /// With whom.
        peer: PeerId,
        /// What.
        ours: LinkWish,
    },
    /// The other side said what its owner wants of the link.
    WishHeard {
        /// Who.
        peer: PeerId,
        /// What.
        theirs: LinkWish,
    },
    /// This peer does without the link, or needs it again, as far as it is automatic.
    RestChanged {
        /// With whom.
        peer: PeerId,
        /// True if it does without.
        rests: bool,
    },
    /// The other side said whether it does without the link.
    RestHeard {
        /// Who.
        peer: PeerId,
        /// True if it does without.
        rests: bool,
    },
    /// Nobody would be cut off without this link: it is ended if both sides do without it.
    LetGo {
        /// Which.
        peer: PeerId,
    },
    /// A peer is not a member any more.
    MemberRemoved {
        /// Who.
        peer: PeerId,
    },
    /// Newer addresses of a member, from its hello or from another member; dialled before the older ones.
    AddressesLearned {
        /// Whose.
        peer: PeerId,
        /// Most useful first.
        addresses: Vec<String>,
    },
    /// A link stands. Also when one connection has replaced another.
    Connected {
        /// With whom.
        peer: PeerId,
        /// True if the other side dialled.
        inbound: bool,
        /// The other side's address as seen from here.
        address: String,
    },
    /// A link is gone.
    Disconnected {
        /// With whom.
        peer: PeerId,
        /// One sentence.
        why: String,
    },
    /// A dial ended without a link.
    DialFailed {
        /// Whom.
        peer: PeerId,
        /// One sentence.
        why: String,
    },
    /// A dial ended because the other side's owner forbids the link.
    DialRefused {
        /// Whom.
        peer: PeerId,
        /// What its owner wants.
        theirs: LinkWish,
    },
    /// A ping was answered.
    PongReceived {
        /// By whom.
        peer: PeerId,
        /// The number of the ping.
        number: u64,
    },
    /// Messages came over a link: the other side lives.
    Heard {
        /// From whom.
        peer: PeerId,
    },
    /// Bytes that bulk streams have carried on a link, both ways: while they move, the other side lives, even if its
    /// pongs wait behind them.
    BulkCounted {
        /// Which link.
        peer: PeerId,
        /// So far.
        bytes: u64,
    },
    /// The machine was suspended, or its network changed: nothing known before is certain.
    Woke,
}

/// A wish of [`Links`](crate::Links).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Dial a member at these addresses, most promising first.
    Dial {
        /// Whom.
        peer: PeerId,
        /// Where; never empty.
        addresses: Vec<String>,
    },
    /// Send a ping with that number.
    SendPing {
        /// To whom.
        peer: PeerId,
        /// To be repeated in the pong.
        number: u64,
    },
    /// End the link: it is dead or not wanted.
    Disconnect {
        /// With whom.
        peer: PeerId,
    },
    /// For people and other engines: a link is up.
    LinkUp {
        /// With whom.
        peer: PeerId,
    },
    /// For people and other engines: a link is down.
    LinkDown {
        /// With whom.
        peer: PeerId,
        /// One sentence.
        why: String,
    },
}
