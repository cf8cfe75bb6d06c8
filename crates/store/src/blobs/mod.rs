//! Files named by their BLAKE3 hash, and files remembered where they lie.

mod adopt;
mod error;
mod file;
mod folder;
mod hold;
mod index;
mod outboards;
mod receive;
mod table;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_files::{Groups, Outboard};
use gridwell_model::{BlobId, JobId, RelPath};

pub use error::BlobError;
pub(crate) use file::{Stamp, copy, hash_steady};
pub(crate) use folder::{Inner, Source};
pub use hold::BlobHold;
pub use receive::BlobWriter;
pub(crate) use table::{Kept, load};

use crate::{
    Durability, ObjectError, OpenError, StoreError,
    landing::LandingFolders,
    proof::{Proof, Prover},
    store::Database,
};

/// How much room stored blobs may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobLimits {
    /// Stored blobs that no job pins, in bytes; the least recently used go beyond it.
    pub budget_bytes: u64,
    /// Free disk below which unpinned blobs go, in bytes.
    pub reserve_bytes: u64,
    /// Free disk below which nothing is kept, in bytes.
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
/// time and file number, and refused once it has changed). Stored blobs that no job pins and nobody holds may be evicted at
/// any time; references that no job pins are forgotten at the next start.
#[derive(Debug, Clone)]
pub struct Blobs {
    pub(crate) inner: Arc<Inner>,
    pub(crate) database: Database,
}

/// Runs file work on a thread of its own. The work is done even if nobody waits for it.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime shuts down and never started the work.
        Err(_) => Err(StoreError::Closed.into()),
    }
}

/// A blob that is open; cheap to clone.
#[derive(Clone)]
pub struct BlobFile(Arc<Source>);

impl std::fmt::Debug for BlobFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobFile").field("size_bytes", &self.0.size_bytes).finish_non_exhaustive()
    }
}

impl BlobFile {
    /// The `length` bytes from `offset` on, which lie in the blob.
    ///
    /// # Errors
    ///
    /// [`BlobError::Changed`] if its file changed since it was referenced, [`BlobError::File`] if it cannot be read.
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, BlobError> {
        let source = Arc::clone(&self.0);
        blocking(move || {
            let mut bytes = vec![0; length];
            source.read_at(offset, &mut bytes).map(|()| bytes)
        })
        .await
    }
}

impl Blobs {
    pub(crate) fn open(
        data_dir: &Path,
        limits: BlobLimits,
        database: Database,
        kept: Kept,
        landing: LandingFolders,
        doubtful: bool,
    ) -> Result<Self, OpenError> {
        let folder = data_dir.join("blobs");
        let inner = Inner::open(&folder, limits, kept, landing, doubtful)
            .map_err(|source| OpenError::Folder { path: folder, source })?;
        Ok(Self { inner: Arc::new(inner), database })
    }

    /// Hashes the file at `path` where it lies and remembers it; returns its id and size in bytes.
    ///
    /// Pin it to be able to read it after a restart, too.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotAFile`] for anything but a regular file, [`BlobError::Changed`] if it changed meanwhile,
    /// [`BlobError::File`] if it cannot be read.
    pub async fn reference(&self, path: &Path) -> Result<(BlobId, u64), BlobError> {
        let (inner, path) = (Arc::clone(&self.inner), path.to_owned());
        blocking(move || inner.reference(&path)).await
    }

    /// Keeps `bytes` as a blob.
    ///
    /// # Errors
    ///
    /// [`BlobError::NoRoom`] or [`BlobError::File`] if they were not kept.
    pub async fn put(&self, bytes: Vec<u8>) -> Result<BlobId, BlobError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.put(&bytes)).await
    }

    /// Moves the finished file at `path` below `folder` into the store; returns a hold on it and its size in bytes. It is gone
    /// from there afterwards. Links on the way lead nowhere outside `folder`, whoever makes them meanwhile.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotAFile`] for anything but a regular file (also a link), [`BlobError::Changed`] if something still
    /// writes to it, [`BlobError::NoRoom`] or [`BlobError::File`] if it was not kept; the file is left where it was then.
    pub async fn adopt(&self, folder: &Path, path: &RelPath) -> Result<(BlobHold, u64), BlobError> {
        let (inner, folder, path) = (Arc::clone(&self.inner), folder.to_owned(), path.clone());
        blocking(move || inner.adopt(&folder, &path)).await
    }

    /// Keeps `blob` here, or once it is here, while what is returned lives.
    #[must_use]
    pub fn hold(&self, blob: BlobId) -> BlobHold {
        BlobHold::new(&self.inner, blob)
    }

    /// Starts to receive `blob` of `size_bytes`, or goes on where an earlier attempt stopped.
    ///
    /// # Errors
    ///
    /// [`BlobError::Busy`] if it is being received already, [`BlobError::NoRoom`] if the disk has no room for it,
    /// [`BlobError::File`] if the part cannot be opened.
    pub async fn receive(&self, blob: BlobId, size_bytes: u64) -> Result<BlobWriter, BlobError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || BlobWriter::begin(&inner, blob, size_bytes)).await
    }

    /// True if the blob is stored, or referenced and not known to have changed.
    #[must_use]
    pub fn contains(&self, blob: BlobId) -> bool {
        self.inner.index().contains(blob)
    }

    /// Opens a blob for reading from its start; returns its size in bytes too.
    ///
    /// # Errors
    ///
    /// [`BlobError::Missing`] if it is not here, [`BlobError::Changed`] if its file changed since it was referenced,
    /// [`BlobError::File`] if it cannot be read.
    pub async fn open_blob(&self, blob: BlobId) -> Result<(File, u64), BlobError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.open_source(blob).map(|source| (source.file, source.size_bytes))).await
    }

    /// Opens a blob to read parts of it.
    ///
    /// # Errors
    ///
    /// As [`Blobs::open_blob`].
    pub async fn open_parts(&self, blob: BlobId) -> Result<BlobFile, BlobError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.open_source(blob).map(|source| BlobFile(Arc::new(source)))).await
    }

    /// The pairs of a blob that is here. Reads and hashes all of it, the first time; of larger ones they are kept on the disk, too.
    ///
    /// # Errors
    ///
    /// As [`Blobs::open_blob`]; [`BlobError::WrongBytes`] if its bytes are not what they were.
    pub async fn outboard(&self, blob: BlobId) -> Result<Arc<Outboard>, BlobError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.outboard(blob)).await
    }

    /// The stream that proves `groups` of a blob that is here to another peer.
    ///
    /// # Errors
    ///
    /// As [`Blobs::outboard`].
    pub async fn prove(&self, blob: BlobId, groups: Groups) -> Result<Proof, ObjectError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let outboard = inner.outboard(blob)?;
            let source = inner.open_source(blob)?;
            Ok(Proof::new(Prover::Blob { source, outboard }, groups))
        })
        .await
    }

    /// Writes a copy of the blob to `destination`, which must not exist; folders on the way are made.
    ///
    /// Shares the bytes where the file system can, copies them otherwise: programs may write to the copy without harming
    /// the blob.
    ///
    /// # Errors
    ///
    /// As [`Blobs::open_blob`]; [`BlobError::NoRoom`], or [`BlobError::File`] naming `destination`, if it cannot be
    /// written. Nothing is left at `destination` then.
    pub async fn materialise(&self, blob: BlobId, destination: &Path, executable: bool) -> Result<(), BlobError> {
        let (inner, destination) = (Arc::clone(&self.inner), destination.to_owned());
        blocking(move || inner.materialise(blob, &destination, executable)).await
    }

    /// Keeps `blobs` from being evicted or forgotten until [`Blobs::unpin_job`], also over a restart. A blob may be
    /// pinned before it is here.
    ///
    /// # Errors
    ///
    /// [`BlobError::Store`] if that was not kept.
    pub async fn pin(&self, job: JobId, blobs: Vec<BlobId>) -> Result<(), BlobError> {
        let references = {
            let mut index = self.inner.index();
            index.pin(job, &blobs);
            let found = blobs.iter().filter_map(|blob| Some((*blob, index.reference(*blob)?.clone())));
            found.collect::<Vec<_>>()
        };
        let write = self.database.write(Durability::Written, move |connection| {
            for (blob, reference) in &references {
                table::put_reference(connection, *blob, reference)?;
            }
            table::pin(connection, job, &blobs)
        });
        Ok(write.await?)
    }

    /// Drops one pin of `job` and removes the blob, unless another job pins it or somebody holds it.
    ///
    /// # Errors
    ///
    /// [`BlobError::Store`] if that was not kept, [`BlobError::File`] if its file could not be removed.
    pub async fn unpin(&self, job: JobId, blob: BlobId) -> Result<(), BlobError> {
        let hold = self.hold(blob);
        let forgotten = self.inner.index().unpin_one(job, blob);
        let write = self.database.write(Durability::Written, move |connection| {
            if forgotten {
                table::remove_reference(connection, blob)?;
            }
            table::unpin_one(connection, job, blob)
        });
        write.await?;
        self.discard(hold).await
    }

    /// Drops all pins of `job`.
    ///
    /// # Errors
    ///
    /// [`BlobError::Store`] if that was not kept.
    pub async fn unpin_job(&self, job: JobId) -> Result<(), BlobError> {
        let forgotten = self.inner.index().unpin(job);
        let write = self.database.write(Durability::Written, move |connection| {
            for blob in &forgotten {
                table::remove_reference(connection, *blob)?;
            }
            table::unpin(connection, job)
        });
        Ok(write.await?)
    }

    /// Jobs that pin something, so that a restarted node can unpin those it does not know any more.
    #[must_use]
    pub fn pinned_jobs(&self) -> Vec<JobId> {
        self.inner.index().pinned_jobs()
    }

    /// True if `job` pins the blob.
    #[must_use]
    pub fn pins(&self, job: JobId, blob: BlobId) -> bool {
        self.inner.index().pins(job, blob)
    }

    /// Removes a blob, pinned or not; a referenced file itself stays untouched. A missing blob is no error.
    ///
    /// # Errors
    ///
    /// [`BlobError::File`] if its file could not be removed, [`BlobError::Store`] if that was not kept.
    pub async fn remove(&self, blob: BlobId) -> Result<(), BlobError> {
        let inner = Arc::clone(&self.inner);
        let was_referenced = blocking(move || inner.remove(blob)).await?;
        if was_referenced {
            let write = move |connection: &rusqlite::Connection| table::remove_reference(connection, blob);
            self.database.write(Durability::Written, write).await?;
        }
        Ok(())
    }

    /// Lets go of a blob and removes it, unless some job pins it or somebody else holds it. A missing blob is no error.
    ///
    /// # Errors
    ///
    /// [`BlobError::File`] if its file could not be removed.
    pub async fn discard(&self, hold: BlobHold) -> Result<(), BlobError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.discard(hold)).await
    }

    /// What blobs take now.
    #[must_use]
    pub fn usage(&self) -> BlobUsage {
        self.inner.index().usage()
    }

    /// Remembers where a moved blob lies now, over a restart if some job pins it.
    pub(crate) async fn keep_moved(&self, blob: BlobId) -> Result<(), StoreError> {
        let reference = {
            let index = self.inner.index();
            index.reference(blob).filter(|_| index.is_pinned(blob)).cloned()
        };
        if let Some(reference) = reference {
            let write = move |connection: &rusqlite::Connection| table::put_reference(connection, blob, &reference);
            self.database.write(Durability::Written, write).await?;
        }
        Ok(())
    }
}

/// Where a blob lies once it is stored: two letters of its name spread the files over 256 folders.
fn stored_path(folder: &Path, blob: BlobId) -> PathBuf {
    let name = blob.to_string();
    folder.join(&name[..2]).join(name)
}
