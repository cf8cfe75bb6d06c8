//! Shows the grid's tree as a file system.
//!
//! Floor 2, the only room that names FUSE. The node implements [`Tree`]; [`mount`] shows it in a folder. Listing, looking
//! and opening move no content; a read asks for the bytes that it touches. A version of a file is an inode of its own,
//! so what the kernel keeps of it stays right for ever. Every wait for the tree has a deadline and ends with the mount.
//!
//! Not here: which machine has what, chunks and reading ahead (`files`, the node), writing.

#[cfg(target_os = "linux")]
mod fuse;
#[cfg(any(test, feature = "nfs", target_os = "macos"))]
mod nfs;
mod options;
mod path;
mod tree;
mod vfs;

#[cfg(target_os = "linux")]
pub use fuse::{MountError, Mounted, clean_stale, mount};
#[cfg(any(test, feature = "nfs", target_os = "macos"))]
pub use nfs::{NfsServer, serve_nfs};
pub use options::MountOptions;
use options::Owner;
pub use path::{NameError, TreePath};
pub use tree::{Cause, Entry, Kind, Listing, OpenFile, Tree, TreeError};

/// So that tests here and the programs in `tests/` share one tree.
#[cfg(test)]
extern crate self as gridwell_mount;
#[cfg(test)]
#[path = "../tests/mount/memory.rs"]
mod memory;
