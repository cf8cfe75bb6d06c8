//! Reads .blend files without Blender: a card from the first kilobytes, file references from a walk through all of it.
//!
//! Files arrive from anywhere. Every length is checked against a limit before anything is allocated, reading only goes
//! forward, and whatever the bytes are, the answer is a value or a [`BlendError`].

mod card;
mod dna;
mod error;
mod header;
mod places;
mod search;
mod stream;
mod trace;
mod zstd;

pub use card::{BlendCard, Scene, Thumbnail, card};
pub use error::{BlendError, BlendLimits};
pub(crate) use places::is_own_asset;
pub use trace::{Reference, ReferenceKind, Spread, references};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
