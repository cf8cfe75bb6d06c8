//! How a machine becomes a member: by a typed code or by a link, and always by a person's consent.
//!
//! Both sides are engines without a clock, randomness or a wire. [`Host`] is the member's side and holds many visits;
//! [`Visitor`] is one visit of the machine that wants in. What they say to each other is bounded and carries its version
//! first. The argument why one guess is all anybody gets is in `docs/security.md`.

mod code;
mod host;
mod meeting;
mod message;
mod pake;
#[cfg(test)]
mod tests;
mod visitor;

pub use code::{Code, CodeError};
pub use host::{APPROVAL, Guest, Host, HostEffect, House, Method, Moment, NotWaiting, Outcome, TooManyGuesses, Visit};
pub(crate) use meeting::{Bond, Meeting};
pub use message::PairRefusal;
pub(crate) use pake::Side;
pub use visitor::{Caller, Heard, Key, VisitError, Visitor, call, who_answers};
