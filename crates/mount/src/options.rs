use std::time::Duration;

use crate::vfs::Deadlines;

/// How a tree is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MountOptions {
    /// Ask the tree for exactly the bytes that programs read: the kernel neither caches nor reads ahead.
    pub strict: bool,
    /// How long the tree may take for names and attributes; then programs get `ETIMEDOUT`.
    pub metadata_deadline: Duration,
    /// How long it may take for bytes.
    pub read_deadline: Duration,
}

impl Default for MountOptions {
    /// Long enough for a machine that wakes from sleep, short enough that a desktop seems slow and not dead.
    fn default() -> Self {
        Self { strict: false, metadata_deadline: Duration::from_secs(10), read_deadline: Duration::from_secs(30) }
    }
}

impl MountOptions {
    pub(crate) fn deadlines(&self) -> Deadlines {
        Deadlines { metadata: self.metadata_deadline, read: self.read_deadline }
    }
}

/// Whom everything in a mount belongs to: user and group, as numbers.
#[cfg(unix)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

#[cfg(unix)]
impl Owner {
    /// This process's.
    pub(crate) fn this() -> Self {
        Self { user: rustix::process::geteuid().as_raw(), group: rustix::process::getegid().as_raw() }
    }
}
