//! Files named by their BLAKE3 hash, and files remembered where they lie.

mod error;
mod receive;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_model::{BlobId, JobId};
use rusqlite::Connection;

pub use error::BlobError;
pub use receive::BlobWriter;

use crate::{OpenError, store::Database};

/// How much room stored blobs may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobLimits {
    /// Stored blobs that no job pins, in bytes; the least recently used go beyond it.
    pub budget_bytes: u64,
    /// Free disk below which unpinned blobs go, in bytes.
    pub reserve_bytes: u64,
    /// Free disk below which nothing is received, in bytes.
    pub floor_bytes: u64,
}

impl Default for BlobLimits {
    /// 64 GiB of unpinned blobs, 10 GiB left free if eviction can do it, and never the last 256 MiB of a disk.
    fn default() -> Self {
        const GIB: u64 = 1024 * 1024 * 1024;
        Self { budget_bytes: 64 * GIB, reserve_bytes: 10 * GIB, floor_bytes: GIB / 4 }
    }
}

/// What blobs take now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlobUsage {
    /// Stored blobs, in bytes.
    pub stored_bytes: u64,
    /// Of these, what some job pins.
    pub pinned_bytes: u64,
    /// Number of stored blobs.
    pub stored: u64,
    /// Number of files remembered where they lie.
    pub referenced: u64,
}

/// The blobs of a data folder; clones share them.
///
/// A blob is **stored** (its bytes belong to this room) or **referenced** (a file of the user, remembered with its size,
/// time and file number, and refused once it has changed). Stored blobs that no job pins may be evicted at any time.
#[derive(Debug, Clone)]
pub struct Blobs {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    folder: PathBuf,
    limits: BlobLimits,
    database: Database,
}

/// What the database remembers of blobs.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    references: BTreeMap<BlobId, ()>,
    pins: BTreeMap<JobId, BTreeSet<BlobId>>,
}

pub(crate) fn load(_connection: &Connection) -> rusqlite::Result<Kept> {
    Ok(Kept::default())
}

impl Blobs {
    pub(crate) fn open(
        data_dir: &Path,
        limits: BlobLimits,
        database: Database,
        kept: Kept,
        _unclean: bool,
    ) -> Result<Self, OpenError> {
        let Kept { references: _, pins: _ } = kept;
        Ok(Self { inner: Arc::new(Inner { folder: data_dir.join("blobs"), limits, database }) })
    }

    /// Hashes the file at `path` where it lies and remembers it; returns its id and size in bytes.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotAFile`] for anything but a regular file, [`BlobError::Changed`] if it changed meanwhile,
    /// [`BlobError::File`] if it cannot be read.
    pub async fn reference(&self, path: &Path) -> Result<(BlobId, u64), BlobError> {
        let _ = (path, &self.inner.folder, self.inner.limits, &self.inner.database);
        unimplemented!()
    }

    /// Keeps `bytes` as a blob.
    ///
    /// # Errors
    ///
    /// [`BlobError::NoRoom`] or [`BlobError::File`] if they were not kept.
    pub async fn put(&self, bytes: Vec<u8>) -> Result<BlobId, BlobError> {
        let _ = bytes;
        unimplemented!()
    }

    /// Moves the finished file at `path` into the store; returns its id and size in bytes. `path` is gone afterwards.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotAFile`] for anything but a regular file, [`BlobError::NoRoom`] or [`BlobError::File`] if it was
    /// not kept; `path` is left as it was then.
    pub async fn adopt(&self, path: &Path) -> Result<(BlobId, u64), BlobError> {
        let _ = path;
        unimplemented!()
    }

    /// Starts to receive `blob` of `size_bytes`, or goes on where an earlier attempt stopped.
    ///
    /// # Errors
    ///
    /// [`BlobError::Busy`] if it is being received already, [`BlobError::NoRoom`] if the disk has no room for it.
    pub async fn receive(&self, blob: BlobId, size_bytes: u64) -> Result<BlobWriter, BlobError> {
        let _ = (blob, size_bytes);
        unimplemented!()
    }

    /// True if the blob can be opened: stored, or referenced and (as far as known) unchanged.
    #[must_use]
    pub fn contains(&self, blob: BlobId) -> bool {
        let _ = blob;
        unimplemented!()
    }

    /// Opens a blob for reading from its start; returns its size in bytes too.
    ///
    /// # Errors
    ///
    /// [`BlobError::Missing`] if it is not here, [`BlobError::Changed`] if its file changed since it was referenced.
    pub async fn open_blob(&self, blob: BlobId) -> Result<(File, u64), BlobError> {
        let _ = blob;
        unimplemented!()
    }

    /// Writes a copy of the blob to `destination`, which must not exist; folders on the way are made.
    ///
    /// A reflink where the file system can, a copy otherwise: programs may write to it without harming the blob.
    ///
    /// # Errors
    ///
    /// As [`Blobs::open_blob`], and [`BlobError::File`] naming `destination` if it cannot be written.
    pub async fn materialise(&self, blob: BlobId, destination: &Path, executable: bool) -> Result<(), BlobError> {
        let _ = (blob, destination, executable);
        unimplemented!()
    }

    /// Keeps `blobs` from being evicted while `job` lives, also over a restart.
    ///
    /// # Errors
    ///
    /// [`BlobError::Store`] if that was not kept.
    pub async fn pin(&self, job: JobId, blobs: Vec<BlobId>) -> Result<(), BlobError> {
        let _ = (job, blobs);
        unimplemented!()
    }

    /// Drops all pins of `job`.
    ///
    /// # Errors
    ///
    /// [`BlobError::Store`] if that was not kept.
    pub async fn unpin_job(&self, job: JobId) -> Result<(), BlobError> {
        let _ = job;
        unimplemented!()
    }

    /// Removes a blob, pinned or not; a referenced file itself stays untouched. A missing blob is no error.
    ///
    /// # Errors
    ///
    /// [`BlobError::File`] if its file could not be removed.
    pub async fn remove(&self, blob: BlobId) -> Result<(), BlobError> {
        let _ = blob;
        unimplemented!()
    }

    /// What blobs take now.
    #[must_use]
    pub fn usage(&self) -> BlobUsage {
        unimplemented!()
    }
}
