#[cfg(target_os = "linux")]
use rustix::io::Errno;

use crate::{NameError, TreeError};

/// Why a request of the operating system was not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VfsError {
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Name(#[from] NameError),
    /// The number names no inode or open file: forgotten, closed, or of another mount.
    #[error("number {number} names nothing here")]
    Unknown { number: u64 },
    #[error("a symbolic link cannot be opened")]
    IsALink,
    #[error("whoever asked has ended")]
    Interrupted,
    #[error("the mount is ending")]
    Ending,
}

#[cfg(target_os = "linux")]
impl VfsError {
    /// The number that programs see.
    ///
    /// None of them is `EIO` where the reason is known: programs take that for a broken disk, and some then stop for
    /// good. `EHOSTUNREACH` and `ETIMEDOUT` are what network file systems answer; file managers show their text, which
    /// is true, and go on with the next file. `ESTALE` makes the kernel look the name up again before a program sees it.
    pub(crate) fn errno(&self) -> Errno {
        match self {
            Self::Tree(TreeError::NotFound) => Errno::NOENT,
            Self::Tree(TreeError::NotAFolder) => Errno::NOTDIR,
            Self::Tree(TreeError::IsAFolder) => Errno::ISDIR,
            Self::Tree(TreeError::Denied { .. }) => Errno::ACCESS,
            Self::Tree(TreeError::Stale) | Self::Unknown { .. } => Errno::STALE,
            Self::Tree(TreeError::Unreachable { .. }) => Errno::HOSTUNREACH,
            Self::Tree(TreeError::TimedOut) => Errno::TIMEDOUT,
            Self::Tree(TreeError::TooMany) => Errno::NFILE,
            Self::Tree(TreeError::Unreadable { .. }) => Errno::IO,
            Self::Name(NameError::NotAName { .. }) => Errno::NOENT,
            Self::Name(NameError::TooLong { .. }) => Errno::NAMETOOLONG,
            Self::IsALink => Errno::LOOP,
            Self::Interrupted => Errno::INTR,
            Self::Ending => Errno::NOTCONN,
        }
    }
}
