//! Pieces of blobs: groups that were verified one by one, and the pairs that prove them.

mod check;
mod content;
mod error;
mod flusher;
mod folder;
mod map;

use std::{fs::File, path::Path, sync::Arc};

use gridwell_files::{Decoder, GROUP_BYTES, Groups, Outboard, Part, Parts, Purpose, Verified, group_range};
use gridwell_model::BlobId;

pub use check::Checked;
pub use error::ObjectError;

use self::{content::Content, folder::Folder};
use crate::{
    BlobHold, OpenError,
    blobs::{self, blocking},
    lock::NodeLock,
    proof::{Proof, Prover},
};

/// How much room pieces of blobs may take, beside stored blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLimits {
    /// Pieces that were read here and that no job pins, in bytes.
    pub own_bytes: u64,
    /// Pieces that were only passed on, in bytes.
    pub relayed_bytes: u64,
    /// Free disk below which pieces go, in bytes; relayed ones first.
    pub reserve_bytes: u64,
    /// Free disk below which nothing is kept, in bytes.
    pub floor_bytes: u64,
}

impl Default for ObjectLimits {
    /// 64 GiB of own and 16 GiB of relayed pieces, 10 GiB left free if eviction can do it, and never the last 256 MiB.
    fn default() -> Self {
        const GIB: u64 = 1024 * 1024 * 1024;
        Self { own_bytes: 64 * GIB, relayed_bytes: 16 * GIB, reserve_bytes: 10 * GIB, floor_bytes: GIB / 4 }
    }
}

/// What pieces of blobs take now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectUsage {
    /// Read here, in bytes.
    pub own_bytes: u64,
    /// Only passed on, in bytes.
    pub relayed_bytes: u64,
    /// Number of blobs that some piece is here of.
    pub objects: u64,
}

/// The pieces of blobs in a data folder; clones share them.
///
/// Pieces that nobody needs may be evicted at any time, also while their object is open: least recently used first, in
/// regions of 1 MiB, a budget each for what is read here and for what is passed on. What a job pins ([`crate::Blobs::pin`])
/// or somebody holds ([`crate::Blobs::hold`]) stays.
///
/// What is written is read at once and outlives a crash after a second. A crash may cost pieces; it never makes
/// wrong ones.
#[derive(Debug, Clone)]
pub struct Objects {
    folder: Arc<Folder>,
}

/// What is here of one blob; clones and other handles share it.
#[derive(Debug, Clone)]
pub struct Object {
    folder: Arc<Folder>,
    content: Arc<Content>,
    purpose: Purpose,
}

impl Objects {
    pub(crate) fn open_folder(
        data_dir: &Path,
        limits: ObjectLimits,
        blobs: Arc<blobs::Inner>,
        lock: NodeLock,
    ) -> Result<Self, OpenError> {
        let path = data_dir.join("objects");
        let folder = Folder::open(&path, limits, blobs, lock).map_err(|source| OpenError::Folder { path, source })?;
        Ok(Self { folder: Arc::new(folder) })
    }

    /// Changes how much room pieces may take that were read here, in bytes; what is too much, and not needed, goes.
    ///
    /// # Errors
    ///
    /// [`ObjectError::File`] or [`ObjectError::NoRoom`] if it could not be looked after; the change holds all the same.
    pub async fn set_own_bytes(&self, own_bytes: u64) -> Result<(), ObjectError> {
        let folder = Arc::clone(&self.folder);
        blocking(move || folder.set_own_bytes(own_bytes)).await
    }

    /// Opens what is here of `blob`, whose size is said to be `size_bytes`; what is read and written through it counts for
    /// `purpose`.
    ///
    /// Another size than the one that is known is believed until the last group, which proves it, is here, and nobody has the
    /// object open: what was here is dropped then.
    ///
    /// # Errors
    ///
    /// [`ObjectError::WrongSize`] if the blob is known to have another size, [`ObjectError::File`] or
    /// [`ObjectError::NoRoom`] if the files cannot be opened or made.
    pub async fn open(&self, blob: BlobId, size_bytes: u64, purpose: Purpose) -> Result<Object, ObjectError> {
        let folder = Arc::clone(&self.folder);
        blocking(move || {
            let content = folder.content(blob, size_bytes)?;
            Ok(Object { folder, content, purpose })
        })
        .await
    }

    /// Opens what is here of `blob`; `None` if nothing is.
    ///
    /// # Errors
    ///
    /// [`ObjectError::File`] if it cannot be opened.
    pub async fn find(&self, blob: BlobId, purpose: Purpose) -> Result<Option<Object>, ObjectError> {
        let folder = Arc::clone(&self.folder);
        blocking(move || {
            let content = folder.known_content(blob)?;
            let found = content.filter(|content| !content.present().is_empty());
            Ok(found.map(|content| Object { folder, content, purpose }))
        })
        .await
    }

    /// Keeps `bytes` whole, under their hash; they stay while the hold lives. Returns once they outlive a crash.
    ///
    /// # Errors
    ///
    /// [`ObjectError::NoRoom`] or [`ObjectError::File`] if they were not kept.
    pub async fn keep(&self, bytes: &[u8]) -> Result<BlobHold, ObjectError> {
        let (outboard, size_bytes) = (Outboard::of(bytes), bytes.len() as u64);
        let object = self.open(outboard.root(), size_bytes, Purpose::Own).await?;
        let (hold, groups) = (object.hold(), Groups::all(size_bytes));
        let (mut decoder, mut parts) = (object.decoder(groups.clone()), Vec::new());
        for part in Parts::new(size_bytes, groups) {
            let mut piece = match part {
                Part::Pair(number) => outboard.pair(number).expect("an outboard has every pair").as_slice(),
                Part::Group(number) => {
                    let range = group_range(number, size_bytes);
                    &bytes[range.start as usize..range.end as usize]
                }
            };
            parts.extend(decoder.push(&mut piece).expect("an outboard proves its bytes"));
        }
        object.write(parts).await?;
        object.sync().await?;
        Ok(hold)
    }

    /// Bytes of the disk that are free beyond those that are to stay so.
    ///
    /// # Errors
    ///
    /// [`ObjectError::File`] if the system does not say.
    pub async fn spare_bytes(&self) -> Result<u64, ObjectError> {
        let folder = Arc::clone(&self.folder);
        blocking(move || folder.spare_bytes()).await
    }

    /// Removes all pieces of a blob, also if somebody needs them. A missing blob is no error.
    ///
    /// # Errors
    ///
    /// [`ObjectError::File`] if a file could not be changed or removed.
    pub async fn remove(&self, blob: BlobId) -> Result<(), ObjectError> {
        let folder = Arc::clone(&self.folder);
        blocking(move || folder.remove(blob)).await
    }

    /// What pieces take now.
    #[must_use]
    pub fn usage(&self) -> ObjectUsage {
        self.folder.usage()
    }

    /// Writes everything to the disk. What is written later does not outlive a crash.
    pub(crate) async fn close(&self) {
        let folder = Arc::clone(&self.folder);
        let closed: Result<(), crate::StoreError> = blocking(move || {
            folder.close();
            Ok(())
        })
        .await;
        drop(closed);
    }
}

impl Object {
    /// The blob.
    #[must_use]
    pub fn blob(&self) -> BlobId {
        self.content.blob()
    }

    /// Its size in bytes; proven as soon as the last group is here.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.content.size_bytes()
    }

    /// The groups that are here now. Those that nobody holds may go at any time.
    #[must_use]
    pub fn present(&self) -> Groups {
        self.content.present()
    }

    /// True if all of the blob is here now.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.content.is_complete()
    }

    /// Keeps what is here, and what comes, from being evicted while what is returned lives.
    #[must_use]
    pub fn hold(&self) -> BlobHold {
        self.folder.hold(self.blob())
    }

    /// Checks a stream of `groups`; [`Object::write`] takes what comes out of it.
    #[must_use]
    pub fn decoder(&self, groups: Groups) -> Decoder {
        Decoder::new(self.blob(), self.size_bytes(), groups)
    }

    /// Reads up to `length` bytes from `offset` on, fewer only at the end of the blob.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Missing`] if one of their groups is not here, [`ObjectError::File`] if they cannot be read.
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, ObjectError> {
        let Self { folder, content, purpose } = self.clone();
        blocking(move || {
            let left = content.size_bytes().saturating_sub(offset);
            let mut bytes = vec![0; usize::try_from(left).map_or(length, |left| left.min(length))];
            folder.read_at(&content, offset, &mut bytes, purpose)?;
            Ok(bytes)
        })
        .await
    }

    /// As [`Object::read_at`], for a thread that may wait for a disk: fills `buffer`, and returns how many bytes there are before
    /// the end of the blob.
    ///
    /// # Errors
    ///
    /// As [`Object::read_at`].
    pub fn read_at_blocking(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ObjectError> {
        self.folder.read_at(&self.content, offset, buffer, self.purpose)
    }

    /// Keeps parts of this blob, in the order in which [`Object::decoder`] verified them; a group after the pairs above it.
    ///
    /// Once begun, it is done even if the returned future is dropped. It waits while the disk is slower than what comes.
    ///
    /// # Errors
    ///
    /// [`ObjectError::NoRoom`] or [`ObjectError::File`] if they were not kept.
    pub async fn write(&self, parts: Vec<Verified>) -> Result<(), ObjectError> {
        let Self { folder, content, purpose } = self.clone();
        blocking(move || folder.write(&content, &parts, purpose)).await
    }

    /// Returns when what was written before outlives a crash.
    ///
    /// # Errors
    ///
    /// [`ObjectError::File`] or [`ObjectError::NoRoom`] if it may not; what was not synced is not here any more then.
    pub async fn sync(&self) -> Result<(), ObjectError> {
        let Self { folder, content, .. } = self.clone();
        blocking(move || folder.sync(&content)).await
    }

    /// The stream that proves `groups`, all of which are here, to another peer.
    #[must_use]
    pub fn prove(&self, groups: Groups) -> Proof {
        Proof::new(Prover::Object(self.clone()), groups)
    }

    /// Reads a part of a proof. Blocks.
    pub(crate) fn read_part(&self, part: Part, piece: &mut [u8]) -> Result<(), ObjectError> {
        match part {
            Part::Pair(number) => self.content.read_pair(number, piece),
            Part::Group(number) => {
                self.folder.read_at(&self.content, number * GROUP_BYTES, piece, self.purpose).map(drop)
            }
        }
    }

    /// Opens a complete object as a file for reading, to copy or share its bytes. It stays whole while the hold lives.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Missing`] if it is not complete, [`ObjectError::File`] if it cannot be opened.
    pub async fn open_whole(&self) -> Result<(File, BlobHold), ObjectError> {
        // Before looking: what is evicted now is seen to be missing, and later nothing is.
        let hold = self.hold();
        let content = Arc::clone(&self.content);
        blocking(move || Ok((content.open_whole()?, hold))).await
    }
}
