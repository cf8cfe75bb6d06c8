//! Who belongs to a grid: keys, signed membership records, and invites.
//!
//! Floor 1, pure: time, random bytes and stored bytes are handed in; nothing here knows a socket or a file.
//!
//! - [`Identity`] is a peer's Ed25519 key. Everything it signs names its [`Domain`], so that a signature made for one
//!   purpose is worth nothing for another.
//! - [`Grid`] is the membership log of a grid: signed updates, each chained to what its author knew. The grid id is a hash
//!   of the founder's key, so the log proves every [`Member`] to everybody who knows the id. Merging is a set union, and
//!   revocations win; what would let one stolen key take the grid over takes two admins, or the [`RecoveryWords`].
//! - [`Invites`] makes one-use [`InviteLink`]s and remembers what became of them.
//! - [`Host`] and [`Visitor`] are the two sides of pairing: by a typed [`Code`] or by a link, and always with a person's
//!   consent. Neither the code nor the secret of a link ever travels.
//! - [`Ticket`] is the right to the content of one file for a while, signed by its owner and shown to whoever keeps it.

mod edition;
mod grid;
mod identity;
mod invite_link;
mod invites;
mod pairing;
mod plan;
mod recovery;
mod secret;
mod texts;
mod ticket;
mod update;
mod words;

pub use edition::{EditionError, MAX_EDITION_BYTES, open_edition, seal_edition};
pub use grid::{
    CERTIFICATE, Done, Grid, MAX_UPDATES, Member, Merged, Pass, Proposal, Proposed, Revoked, Standing, WriteError,
};
pub use identity::{Domain, Identity, Signature, verify};
pub use invite_link::{InviteLink, LinkError};
pub use invites::{CreateError, INVITE_TTL, Invites, MAX_LIVE_INVITES, Offer, RestoreError, Terms};
pub use pairing::{
    APPROVAL, Caller, Code, CodeError, Guest, Heard, Host, HostEffect, House, Key, Method, Moment, NotWaiting, Outcome,
    PairRefusal, TooManyGuesses, Visit, VisitError, Visitor, call, who_answers,
};
pub use plan::{MAX_PLAN_BYTES, PlanError, open_plan, seal_plan};
pub use recovery::{RecoveryWords, WordsError};
pub use secret::Secret;
pub use texts::{clean_addresses, clean_name};
pub use ticket::{MAX_TICKET_BYTES, Ticket, TicketError, open_ticket, seal_ticket};
pub use update::{MAX_UPDATE_BYTES, UpdateError};
