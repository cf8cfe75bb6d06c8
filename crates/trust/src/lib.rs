//! Who belongs to a grid: keys, signed membership records, and invites.
//!
//! Floor 1, pure: time, random bytes and stored bytes are handed in; nothing here knows a socket or a file.
//!
//! - [`Identity`] is a peer's Ed25519 key. Everything it signs names its [`Domain`], so that a signature made for one
//!   purpose is worth nothing for another.
//! - [`Grid`] is the set of signed [`Record`]s of a grid. The grid id is a hash of the founder's key, so a chain of
//!   adders that ends at the founder proves membership to everybody who knows the id. Merging is a set union.
//! - [`Invites`] makes one-use [`InviteLink`]s and checks what comes back. The secret of a link never travels: the
//!   joiner proves that it knows it, for this grid, these two peers and this invite only.
//!
//! Revocation is not here yet; it will be another version of [`Record`].

mod grid;
mod identity;
mod invite_link;
mod invites;
mod record;
mod secret;

pub use grid::{AdmitError, Grid, MAX_RECORDS, Merged};
pub use identity::{Domain, Identity, Signature, verify};
pub use invite_link::{InviteLink, LinkError};
pub use invites::{
    CreateError, INVITE_TTL, Invites, JoinAttempt, MAX_LIVE_INVITES, Offer, Refusal, RestoreError, join_proof,
};
pub use record::{MAX_RECORD_BYTES, MemberRecord, Origin, Record, RecordError, clean_addresses, clean_name};
pub use secret::Secret;
