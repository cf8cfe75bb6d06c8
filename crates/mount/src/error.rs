use std::{io, path::PathBuf};

/// Why the tree could not be shown in a folder.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The kernel has no FUSE, or it is hidden from us.
    #[error("the kernel offers no FUSE here: /dev/fuse cannot be opened")]
    NoFuse {
        /// What opening it said.
        #[source]
        source: io::Error,
    },
    /// Only root may mount without the helper that FUSE brings.
    #[error("the program fusermount3 is not installed (package fuse3)")]
    NoHelper,
    /// Windows mounts only through it.
    #[error("WinFsp is not installed")]
    NoWinFsp,
    /// Nothing here mounts on this system, or it was left out when the program was built.
    #[error("this program was built without a way to show files as a folder on this system")]
    NotBuiltIn,
    /// This user may not mount there.
    #[error("this user may not mount at {}: {said}", dir.display())]
    NotPermitted {
        /// Where.
        dir: PathBuf,
        /// What the kernel or the helper said, shortened.
        said: String,
    },
    /// Mounting would hide what lies there.
    #[error("the folder {} is not empty", dir.display())]
    NotEmpty {
        /// Where.
        dir: PathBuf,
    },
    /// A living mount of ours is there, of another node.
    #[error("a grid is already mounted at {}", dir.display())]
    AlreadyMounted {
        /// Where.
        dir: PathBuf,
    },
    /// The folder cannot be made or looked at.
    #[error("cannot use the folder {}", dir.display())]
    Folder {
        /// Where.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system and we did not agree on how to talk.
    #[error("the system did not take the file system")]
    Session {
        /// Why.
        #[source]
        source: io::Error,
    },
}
