//! Who belongs to a grid: keys, signed membership records, and invites.
//!
//! Floor 1, pure: time, random bytes and stored bytes are handed in; nothing here knows a socket or a file.
//!
//! - [`Identity`] is a peer's Ed25519 key. Everything it signs names its [`Domain`], so that a signature made for one
//!   purpose is worth nothing for another.
//! - [`Grid`] is the set of signed [`Record`]s of a grid. The grid id is a hash of the founder's key, so a chain of
//!   adders that ends at the founder proves membership to everybody who knows the id. Merging is a set union.
//! - [`Invites`] makes one-use [`InviteLink`]s and remembers what became of them.
//! - [`Host`] and [`Visitor`] are the two sides of pairing: by a typed [`Code`] or by a link, and always with a person's
//!   consent. Neither the code nor the secret of a link ever travels.
//!
//! Revocation is not here yet; it will be another version of [`Record`].

mod grid;
mod identity;
mod invite_link;
mod invites;
mod pairing;
mod record;
mod secret;

pub use grid::{AdmitError, Grid, MAX_RECORDS, Merged};
pub use identity::{Domain, Identity, Signature, verify};
pub use invite_link::{InviteLink, LinkError};
pub use invites::{CreateError, INVITE_TTL, Invites, MAX_LIVE_INVITES, Offer, RestoreError};
pub use pairing::{
    APPROVAL, Caller, Code, CodeError, Guest, Heard, Host, HostEffect, House, Key, Method, Moment, NotWaiting, Outcome,
    PairRefusal, TooManyGuesses, Visit, VisitError, Visitor, call, who_answers,
};
pub use record::{MAX_RECORD_BYTES, MemberRecord, Origin, Record, RecordError, clean_addresses, clean_name};
pub use secret::Secret;
