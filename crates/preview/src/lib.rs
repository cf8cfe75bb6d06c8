//! Turns picture files into small pictures for people, off the node loop.
//!
//! Floor 2, a hand. Files come from other machines, so whatever they hold is hostile: they are decoded within limits on
//! threads of their own, a decoder's panic is an error, and only what was encoded here leaves. Nothing is ever drawn from
//! markup. It decides nothing: which file belongs to which task is the node's business.
//!
//! - [`Previews`] makes pictures: a bounded queue, few threads at low priority, a cache on disk.
//! - [`Source`] is a picture, a film or a .blend by its path; [`kind_of`] tells by the name which of them a file is.
//! - [`Content`] is what lies in no file here; only what its preview takes is read of it.
//! - [`Region`] is a part of a large picture, read without the rest of its file.
//! - [`Finding`] is what [`Previews::prove`] sees in a picture: that it is black, cut off, or none.
//! - [`Size`] is one of a few sizes, each with a bound on its bytes; [`Picture`] is the answer.

mod cache;
mod decode;
mod encode;
mod error;
mod exr;
mod file;
mod film;
mod gate;
mod key;
mod kind;
mod make;
mod picture;
mod previews;
mod proof;
mod region;
mod shrink;
mod size;
mod workers;

pub use error::PreviewError;
pub use kind::{Content, Kind, Source, kind_of};
pub use picture::{Extent, Picture};
pub use previews::{PreviewConfig, Previews};
pub use proof::Finding;
pub use region::{Region, RegionError};
pub use size::Size;
