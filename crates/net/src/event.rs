use gridwell_model::PeerId;
use gridwell_wire::{BulkRequest, Hello, LinkWish, Message, Twin};

use crate::{address::ListenAddress, bulk::BulkResponder, talk::Talk};

/// What happened on the net. Events of one link come in order: `LinkUp`, its `Messages`, `LinkDown`.
#[derive(Debug)]
pub enum NetEvent {
    /// The addresses this peer listens on now, all of them.
    Listening {
        /// TCP before QUIC.
        addresses: Vec<ListenAddress>,
    },
    /// A link stands: both sides said hello.
    LinkUp {
        /// The other side.
        peer: PeerId,
        /// What it said first.
        hello: Hello,
        /// Its address as seen from here, `HOST:PORT`.
        address: String,
        /// True if the other side dialled.
        inbound: bool,
    },
    /// A link is gone.
    LinkDown {
        /// The other side.
        peer: PeerId,
        /// One sentence.
        why: String,
    },
    /// Messages arrived, in order; at most a few hundred.
    Messages {
        /// From whom.
        peer: PeerId,
        /// What.
        messages: Vec<Message>,
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
    /// A peer is linked to another run with this machine's key: this one works on a copy of its data folder, or the other does.
    Twice {
        /// Who says so.
        peer: PeerId,
        /// The other run.
        twin: Twin,
    },
    /// Somebody was sent away.
    Refused {
        /// Who, as proved by the handshake.
        peer: Option<PeerId>,
        /// From where, `HOST:PORT`.
        address: String,
        /// Why.
        why: Refusal,
    },
    /// A member wants bytes.
    BulkAsked {
        /// Who.
        peer: PeerId,
        /// What it wants.
        request: Box<BulkRequest>,
        /// Answers it; dropped unused, it resets the stream.
        responder: BulkResponder,
    },
    /// A stranger (or a member whose answer got lost) wants to be let in.
    Visited {
        /// Who, as proved by the handshake.
        peer: PeerId,
        /// From where, `HOST:PORT`.
        address: String,
        /// What it says, and what is said to it.
        talk: Talk,
    },
}

/// Why a connection was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a member, and no invite is open (or too many strangers are here already).
    #[error("it is not a member of this grid")]
    Stranger,
    /// A member by its key, but it belongs to another grid.
    #[error("it belongs to another grid")]
    WrongGrid,
    /// It speaks another version of the protocol.
    #[error("it speaks version {theirs} of the protocol, this machine {ours}")]
    WrongVersion {
        /// The other side's.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
    /// A member whose link this machine's owner forbids.
    #[error("its link is forbidden here")]
    Forbidden,
    /// Another run with its key is linked here, and answers.
    #[error("another run with its key is linked already: its data folder was copied")]
    Twice,
    /// Too many connections.
    #[error("too many connections")]
    Crowded,
}
