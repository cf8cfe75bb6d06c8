use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::TreePath;

/// What holds a tree in its folder, in the way of the system; it is taken away when it is dropped.
pub(crate) trait Session: Send {
    /// What lies at `path` has changed.
    fn invalidate(&self, path: &TreePath);
}

/// A tree that is shown in a folder, until this is dropped.
pub struct Mounted {
    dir: PathBuf,
    session: Box<dyn Session>,
}

impl Mounted {
    pub(crate) fn new(dir: PathBuf, session: impl Session + 'static) -> Self {
        Self { dir, session: Box::new(session) }
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What lies at `path` has changed: the next program that looks sees that, not only after a second.
    ///
    /// Returns at once. Bytes of files that are open stay those of the version that was opened.
    pub fn invalidate(&self, path: &TreePath) {
        self.session.invalidate(path);
    }

    /// Takes the tree out of the folder.
    ///
    /// Programs that wait get an error, and have 5 s to close their files; then it disappears without them. Blocks, no
    /// longer than about 6 s. Dropping does the same.
    pub fn unmount(self) {}
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted").field("dir", &self.dir).finish_non_exhaustive()
    }
}
