use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
};

use rustix::fs::OFlags;

use crate::PreviewError;

/// What tells two states of a file apart without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) size_bytes: u64,
    pub(crate) modified: (i64, i64),
    /// Also changes when somebody sets the time of the last change back, or gives another file this name.
    pub(crate) changed: (i64, i64),
    pub(crate) inode: (u64, u64),
}

impl Identity {
    fn new(found: &Metadata) -> Self {
        Self {
            size_bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            inode: (found.dev(), found.ino()),
        }
    }

    /// True if both are one content: a file that lost its name meanwhile still has it.
    pub(crate) fn has_content_of(&self, other: &Self) -> bool {
        (self.size_bytes, self.modified, self.inode) == (other.size_bytes, other.modified, other.inode)
    }
}

/// Looks at the file that `path` leads to; opens nothing, so that pipes and devices are left alone.
pub(crate) fn identify(path: &Path) -> Result<Identity, PreviewError> {
    regular(path, fs::metadata(path))
}

/// Opens the regular file that `path` leads to.
pub(crate) fn open(path: &Path) -> Result<(File, Identity), PreviewError> {
    identify(path)?;
    // If a pipe took its place since, opening must not wait for somebody who writes into it.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path);
    let file = file.map_err(|source| unreadable(path, source))?;
    let identity = regular(path, file.metadata())?;
    Ok((file, identity))
}

/// Looks at an open file again.
pub(crate) fn identify_open(path: &Path, file: &File) -> Result<Identity, PreviewError> {
    regular(path, file.metadata())
}

fn regular(path: &Path, found: io::Result<Metadata>) -> Result<Identity, PreviewError> {
    let found = found.map_err(|source| unreadable(path, source))?;
    if !found.is_file() {
        return Err(PreviewError::NotAFile { path: path.to_owned() });
    }
    Ok(Identity::new(&found))
}

pub(crate) fn unreadable(path: &Path, source: io::Error) -> PreviewError {
    PreviewError::Unreadable { path: path.to_owned(), source: Arc::new(source) }
}
