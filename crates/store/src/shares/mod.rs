//! Folders of this machine's user that others see: what is in them, read where it lies.

mod folder;
mod hashes;
mod listed;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use cap_std::{ambient_authority, fs::Dir};
use gridwell_files::Groups;
use gridwell_model::{BlobId, EntryKind, RelPath, TreeEntry, Version};

use crate::{
    blobs::blocking,
    proof::{Proof, Prover},
};
use folder::{entry_of, version_of};
pub(crate) use folder::{open_file, os};
use hashes::Hashes;
use listed::Listed;

/// Why something of a shared folder is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// Nothing is there.
    #[error("'{path}' is not there")]
    Missing {
        /// Its path below the share.
        path: String,
    },
    /// A folder was asked for.
    #[error("'{path}' is no folder")]
    NotAFolder {
        /// Its path below the share.
        path: String,
    },
    /// A file was asked for.
    #[error("'{path}' is no file")]
    NotAFile {
        /// Its path below the share.
        path: String,
    },
    /// It is another file now, or its content changed.
    #[error("'{path}' has changed since it was looked at")]
    Changed {
        /// Its path below the share.
        path: String,
    },
    /// The operating system did not let it be read.
    #[error("cannot read '{path}': {source}")]
    Unreadable {
        /// Its path below the share.
        path: String,
        /// What it said.
        source: io::Error,
    },
    /// The node is stopping.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

impl ShareError {
    fn of(path: Option<&RelPath>, source: io::Error) -> Self {
        let path = shown(path);
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::NotADirectory => Self::NotAFolder { path },
            io::ErrorKind::IsADirectory => Self::NotAFile { path },
            _ => Self::Unreadable { path, source },
        }
    }
}

fn shown(path: Option<&RelPath>) -> String {
    path.map_or_else(|| "the share".to_owned(), ToString::to_string)
}

/// Some names of a folder, in their order as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderPage {
    /// They.
    pub entries: Vec<TreeEntry>,
    /// True if more follow.
    pub more: bool,
}

/// One shared folder; clones share it.
///
/// Whatever path is asked for, and wherever links in it lead, nothing outside is ever opened: paths are resolved below an
/// open folder (`cap-std`), not by name.
#[derive(Debug, Clone)]
pub struct SharedFolder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// The names of the folders that were listed last, so that paging through one reads it once.
    listed: Listed,
    hashes: Hashes,
}

impl SharedFolder {
    /// The folder at `path`; nothing is read yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { inner: Arc::new(Inner { path: path.into(), listed: Listed::default(), hashes: Hashes::default() }) }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Up to `most` names of a folder, those after `after`. The first page is of the folder as it is now, and so are the
    /// others, except for names: those are of the time of the first page.
    ///
    /// # Errors
    ///
    /// [`ShareError`] if the folder is not there or cannot be read.
    pub async fn list(
        &self,
        folder: Option<RelPath>,
        after: Option<Vec<u8>>,
        most: usize,
    ) -> Result<FolderPage, ShareError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.list(folder.as_ref(), after.as_deref(), most)).await
    }

    /// What lies at a path; the share itself without one.
    ///
    /// # Errors
    ///
    /// [`ShareError`] if nothing does.
    pub async fn stat(&self, path: Option<RelPath>) -> Result<TreeEntry, ShareError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.stat(path.as_ref())).await
    }

    /// Opens the file at `path`, if it still is that version.
    ///
    /// # Errors
    ///
    /// [`ShareError::Changed`] if it is another one, else why it cannot be opened.
    pub async fn open(&self, path: RelPath, version: Version) -> Result<SharedFile, ShareError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.open(path, version)).await
    }
}

impl SharedFolder {
    /// The hash of a file's content. Reads all of it, the first time, unless other files have their turn for longer than
    /// `patience`: then there is none yet.
    ///
    /// # Errors
    ///
    /// As [`SharedFolder::open`].
    pub async fn hash(
        &self,
        path: RelPath,
        version: Version,
        patience: Duration,
    ) -> Result<Option<BlobId>, ShareError> {
        let outboard = tokio::time::timeout(patience, self.inner.hashes.making.lock());
        match outboard.await {
            Ok(making) => self.outboard(path, version, making).await.map(|outboard| Some(outboard.root())),
            Err(_) => Ok(self.known_hash(version)),
        }
    }

    /// Nobody sees the folder any more: what is being hashed is given up.
    pub fn close(&self) {
        self.inner.hashes.close();
    }

    /// The hash of that content, if it is known already.
    #[must_use]
    pub fn known_hash(&self, version: Version) -> Option<BlobId> {
        self.inner.hashes.blob(version)
    }

    /// The stream that proves `groups` of a file to another peer; none while the file is not hashed.
    ///
    /// # Errors
    ///
    /// As [`SharedFolder::open`].
    pub async fn prove(&self, path: RelPath, version: Version, groups: Groups) -> Result<Option<Proof>, ShareError> {
        let file = self.open(path, version).await?;
        let outboard = self.inner.hashes.outboard(version);
        Ok(outboard.map(|outboard| Proof::new(Prover::Shared { file, outboard }, groups)))
    }
}

impl Inner {
    fn root(&self) -> io::Result<Dir> {
        Dir::open_ambient_dir(&self.path, ambient_authority())
    }

    fn folder(&self, path: Option<&RelPath>) -> Result<Dir, ShareError> {
        let opened = self.root().and_then(|root| match path {
            None => Ok(root),
            Some(path) => root.open_dir(folder::os(path)),
        });
        opened.map_err(|source| ShareError::of(path, source))
    }

    fn list(&self, path: Option<&RelPath>, after: Option<&[u8]>, most: usize) -> Result<FolderPage, ShareError> {
        let dir = self.folder(path)?;
        let names = match after.and_then(|_| self.listed.get(path)) {
            Some(names) => names,
            None => self.listed.keep(path, folder::names(&dir).map_err(|source| ShareError::of(path, source))?),
        };
        let from = after.map_or(0, |after| names.partition_point(|name| name.as_slice() <= after));
        let mut rest = names[from..].iter();
        // What went since its name was read is left out: a page is empty only at the end.
        let found = rest.by_ref().filter_map(|name| entry_of(&dir, name).ok());
        let entries = found.map(|entry| self.named(entry)).take(most).collect();
        Ok(FolderPage { entries, more: rest.len() > 0 })
    }

    fn stat(&self, path: Option<&RelPath>) -> Result<TreeEntry, ShareError> {
        let Some(path) = path else {
            let dir = self.folder(None)?;
            return folder::share_itself(&dir).map_err(|source| ShareError::of(None, source));
        };
        let parent = path.parent();
        let dir = self.folder(parent.as_ref())?;
        let entry = entry_of(&dir, path.name()).map_err(|source| ShareError::of(Some(path), source))?;
        Ok(self.named(entry))
    }

    /// Adds the hash of the content, where it is known.
    fn named(&self, mut entry: TreeEntry) -> TreeEntry {
        if let EntryKind::File { version, blob, .. } = &mut entry.kind {
            *blob = self.hashes.blob(*version);
        }
        entry
    }

    fn open(&self, path: RelPath, version: Version) -> Result<SharedFile, ShareError> {
        let failed = |source| ShareError::of(Some(&path), source);
        let file = self.root().and_then(|root| folder::open_file(&root, &path)).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() {
            return Err(ShareError::NotAFile { path: path.to_string() });
        }
        let file = SharedFile { file, path, version };
        if version_of(&meta) == version { Ok(file) } else { Err(file.changed()) }
    }
}

/// An open file of a share, of one version.
#[derive(Debug)]
pub struct SharedFile {
    file: std::fs::File,
    path: RelPath,
    version: Version,
}

impl SharedFile {
    /// Reads what is at `offset` until `buffer` is full or the file ends; returns how much that is. Bytes of two versions are
    /// never mixed: the file is looked at again after it was read.
    ///
    /// # Errors
    ///
    /// [`ShareError::Changed`] if it has been changed, [`ShareError::Unreadable`].
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, ShareError> {
        let failed = |source| ShareError::of(Some(&self.path), source);
        let mut filled = 0;
        while filled < buffer.len() {
            match folder::read_at(&self.file, &mut buffer[filled..], offset + filled as u64).map_err(failed)? {
                0 => break,
                read => filled += read,
            }
        }
        self.check()?;
        Ok(filled)
    }

    /// Says whether the file still is the version that was opened.
    ///
    /// # Errors
    ///
    /// [`ShareError::Changed`] if it is not, [`ShareError::Unreadable`] if that cannot be seen.
    pub fn check(&self) -> Result<(), ShareError> {
        let meta = self.file.metadata().map_err(|source| ShareError::of(Some(&self.path), source))?;
        if version_of(&meta) == self.version { Ok(()) } else { Err(self.changed()) }
    }

    /// Fills the buffer with what is at `offset`.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ShareError> {
        if self.read_at(buffer, offset)? == buffer.len() { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> ShareError {
        ShareError::Changed { path: self.path.to_string() }
    }
}
