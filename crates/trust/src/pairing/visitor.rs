use std::time::Duration;

use gridwell_model::{GridId, PeerId};
use zeroize::Zeroizing;

use super::{
    code::Code,
    meeting::{Bond, Meeting},
    message::{Knock, MessageError, Open, PairMessage, PairRefusal},
    pake::{Pake as _, Side, Spake},
};
use crate::{
    grid::{Grid, MAX_UPDATES},
    invite_link::InviteLink,
    texts::{clean_addresses, clean_name},
};

/// What a person gave the machine that wants in.
#[derive(Debug, Clone)]
pub enum Key {
    /// What the other machine shows.
    Code(Code),
    /// What was copied, sent or scanned.
    Link(Box<InviteLink>),
}

/// What this machine says of itself when it knocks.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// This peer.
    pub me: PeerId,
    /// The grid it belongs to now.
    pub grid: GridId,
    /// What people call it.
    pub name: &'a str,
    /// Where it listens.
    pub addresses: &'a [String],
    /// Version of the protocol between members.
    pub speaks: u32,
}

/// What a machine says that only wants to know who answers. `nonce` is random.
#[must_use]
pub fn call(caller: &Caller<'_>, nonce: [u8; 16]) -> Vec<u8> {
    let Caller { me, name, addresses, speaks, .. } = *caller;
    let (name, addresses) = (clean_name(name, me), clean_addresses(addresses));
    PairMessage::Knock(Knock { speaks, nonce, name, addresses }).encode()
}

/// What people call the machine that answered so, if it is one that lets others in.
#[must_use]
pub fn who_answers(bytes: &[u8], host: PeerId) -> Option<String> {
    match PairMessage::decode(bytes) {
        Ok(PairMessage::Open(open)) => Some(clean_name(&open.name, host)),
        _ => None,
    }
}

/// Why this machine is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VisitError {
    /// The host said no.
    #[error("{0}")]
    Refused(PairRefusal),
    /// It pairs in another way.
    #[error("it pairs by version {version}")]
    Version {
        /// Its version.
        version: u8,
    },
    /// It does not know the code or the link: it is another machine than the one that showed it, or the guess was wrong.
    #[error("it does not know that code or link")]
    FalseHost,
    /// It belongs to another grid than the link says.
    #[error("it belongs to another grid now")]
    OtherGrid,
    /// Both are in one grid already.
    #[error("it belongs to this machine's own grid")]
    SameGrid,
    /// Its membership log does not make this machine a member.
    #[error("its membership log does not make this machine a member")]
    NotAMember,
    /// What it said made no sense at that point.
    #[error("it said something that makes no sense")]
    Confused,
}

/// What follows from what the host said.
#[derive(Debug)]
pub enum Heard {
    /// Answer with these bytes.
    Say(Vec<u8>),
    /// A person at the host is asked; people compare these words.
    Waits {
        /// What people call the host.
        machine: String,
        /// What both screens show.
        words: Vec<String>,
        /// How long that may take.
        patience: Duration,
    },
    /// Nothing yet.
    More,
    /// This machine is a member of that grid.
    Joined(Grid),
}

/// The side of the machine that wants in: one visit to one host. A code is tried on one machine once: never again, and
/// never on another, because each gets a guess by it.
#[derive(Debug)]
pub struct Visitor {
    key: Key,
    me: PeerId,
    host: PeerId,
    mine: GridId,
    nonce: [u8; 16],
    machine: String,
    state: State,
}

enum State {
    Knocked,
    Sharing {
        meeting: Meeting,
        pake: Box<Spake>,
        share: Vec<u8>,
    },
    /// Its confirmation is on the way.
    Proving {
        grid: GridId,
        bond: Bond,
    },
    Waiting {
        grid: GridId,
        updates: Vec<Vec<u8>>,
    },
    Over,
}

impl Visitor {
    /// Knocks at `host`, whom the handshake proved; returns what to say first. `nonce` is random.
    #[must_use]
    pub fn knock(key: Key, host: PeerId, caller: &Caller<'_>, nonce: [u8; 16]) -> (Self, Vec<u8>) {
        let Caller { me, grid: mine, .. } = *caller;
        let visitor = Self { key, me, host, mine, nonce, machine: host.short(), state: State::Knocked };
        (visitor, call(caller, nonce))
    }

    /// What people call the host; its short id before it said so.
    #[must_use]
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// The host said something. `random` is fresh.
    ///
    /// # Errors
    ///
    /// [`VisitError`]: the visit is over then.
    pub fn hear(&mut self, bytes: &[u8], random: Zeroizing<[u8; 32]>) -> Result<Heard, VisitError> {
        let message = PairMessage::decode(bytes).map_err(|error| match error {
            MessageError::Version { version } => VisitError::Version { version },
            MessageError::Unknown { .. } => VisitError::Confused,
        })?;
        match (std::mem::replace(&mut self.state, State::Over), message) {
            (_, PairMessage::Refused(refusal)) => Err(VisitError::Refused(refusal)),
            (State::Knocked, PairMessage::Open(open)) => self.present(&open, random),
            (State::Sharing { meeting, pake, share }, PairMessage::Share(theirs)) => {
                let key = pake.finish(&theirs).ok_or(VisitError::Confused)?;
                let bond = Bond::of_exchange(&key, &meeting, &share, &theirs);
                let confirmation = *bond.confirmation(Side::Guest).as_bytes();
                self.state = State::Proving { grid: meeting.grid, bond };
                Ok(Heard::Say(PairMessage::Confirm { confirmation }.encode()))
            }
            (State::Proving { grid, bond }, PairMessage::Waiting { confirmation, secs }) => {
                if bond.confirmation(Side::Host) != blake3::Hash::from_bytes(confirmation) {
                    return Err(VisitError::FalseHost);
                }
                self.state = State::Waiting { grid, updates: Vec::new() };
                let patience = Duration::from_secs(secs.into());
                Ok(Heard::Waits { machine: self.machine.clone(), words: bond.words(), patience })
            }
            (State::Waiting { grid, mut updates }, PairMessage::Members(more)) => {
                updates.extend(more);
                if updates.len() > MAX_UPDATES {
                    return Err(VisitError::Confused);
                }
                self.state = State::Waiting { grid, updates };
                Ok(Heard::More)
            }
            (State::Waiting { grid, updates }, PairMessage::Welcome) => self.adopt(grid, &updates),
            _ => Err(VisitError::Confused),
        }
    }

    /// The host is who it is: shows it the link's proof, or starts the exchange.
    fn present(&mut self, open: &Open, random: Zeroizing<[u8; 32]>) -> Result<Heard, VisitError> {
        self.machine = clean_name(&open.name, self.host);
        if open.grid == self.mine {
            return Err(VisitError::SameGrid);
        }
        let (guest_nonce, host_nonce) = (self.nonce, open.nonce);
        let meeting = Meeting { grid: open.grid, host: self.host, guest: self.me, guest_nonce, host_nonce };
        let said = match &self.key {
            Key::Link(link) => {
                if link.grid != open.grid {
                    return Err(VisitError::OtherGrid);
                }
                let bond = Bond::of_link(&link.secret, link.invite, &meeting);
                let confirmation = *bond.confirmation(Side::Guest).as_bytes();
                self.state = State::Proving { grid: open.grid, bond };
                PairMessage::Proof { invite: link.invite, confirmation }
            }
            Key::Code(code) => {
                let (pake, share) = Spake::start(Side::Guest, code, &meeting, random);
                self.state = State::Sharing { meeting, pake: Box::new(pake), share: share.clone() };
                PairMessage::Share(share)
            }
        };
        Ok(Heard::Say(said.encode()))
    }

    fn adopt(&self, id: GridId, updates: &[Vec<u8>]) -> Result<Heard, VisitError> {
        let mut grid = Grid::of(id);
        grid.merge(updates);
        if grid.is_member(self.me) && grid.is_member(self.host) {
            Ok(Heard::Joined(grid))
        } else {
            Err(VisitError::NotAMember)
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Knocked => "Knocked",
            Self::Sharing { .. } => "Sharing",
            Self::Proving { .. } => "Proving",
            Self::Waiting { .. } => "Waiting",
            Self::Over => "Over",
        })
    }
}
