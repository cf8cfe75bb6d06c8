//! Shows the grid's tree as a file system.
//!
//! Floor 2, the only room that names FUSE, NFS and WinFsp. The node implements [`Tree`]; [`mount`] shows it in a folder.
//! Listing, looking and opening move no content; a read asks for the bytes that it touches. A version of a file is an inode of its own,
//! so what the kernel keeps of it stays right for ever. Every wait for the tree has a deadline and ends with the mount.
//!
//! Not here: which machine has what, chunks and reading ahead (`files`, the node), writing.

mod error;
#[cfg(target_os = "linux")]
mod fuse;
mod mounted;
#[cfg(any(test, feature = "nfs", target_os = "macos"))]
pub mod nfs;
#[cfg(not(any(target_os = "linux", target_os = "macos", all(windows, feature = "winfsp"))))]
mod nowhere;
mod options;
mod path;
mod tree;
mod vfs;
#[cfg(any(test, all(windows, feature = "winfsp")))]
mod winfsp;

pub use error::MountError;
#[cfg(target_os = "linux")]
pub use fuse::{clean_stale, mount};
pub use mounted::Mounted;
#[cfg(target_os = "macos")]
pub use nfs::mount;
#[cfg(not(any(target_os = "linux", target_os = "macos", all(windows, feature = "winfsp"))))]
pub use nowhere::mount;
pub use options::MountOptions;
#[cfg(unix)]
use options::Owner;
pub use path::{NameError, TreePath};
pub use tree::{Cause, Entry, Kind, Listing, OpenFile, Tree, TreeError};
#[cfg(all(windows, feature = "winfsp"))]
pub use winfsp::mount;

/// So that tests here and the programs in `tests/` share one tree.
#[cfg(test)]
extern crate self as gridwell_mount;
#[cfg(test)]
#[path = "../tests/mount/memory.rs"]
mod memory;
