use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

use gridwell_model::BlobId;

use super::{
    BlobError, Inner, blocking,
    file::{file_error, hash_into, write_error},
};

/// Receives the bytes of one blob. Dropped before [`BlobWriter::finish`], what came so far stays for a later attempt.
#[derive(Debug)]
pub struct BlobWriter {
    claim: Arc<Claim>,
    size_bytes: u64,
    offset: u64,
    /// `None` after a failed or abandoned write: the part on the disk is longer or shorter than what was hashed.
    part: Option<Box<Part>>,
}

/// The right to be the only one that receives a blob.
#[derive(Debug)]
struct Claim {
    inner: Arc<Inner>,
    blob: BlobId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.inner.index().end_receiving(self.blob);
    }
}

#[derive(Debug)]
struct Part {
    file: File,
    hasher: blake3::Hasher,
}

impl BlobWriter {
    /// Opens the part an earlier attempt left, or a new one.
    pub(super) fn begin(inner: &Arc<Inner>, blob: BlobId, size_bytes: u64) -> Result<Self, BlobError> {
        if !inner.index().begin_receiving(blob) {
            return Err(BlobError::Busy { blob });
        }
        let claim = Arc::new(Claim { inner: Arc::clone(inner), blob });
        let path = inner.part_path(blob);
        let (part, offset) = Part::open(&path, size_bytes).map_err(|error| file_error("write", &path, error))?;
        inner.make_room(size_bytes - offset)?;
        Ok(Self { claim, size_bytes, offset, part: Some(Box::new(part)) })
    }

    /// The blob.
    #[must_use]
    pub fn blob(&self) -> BlobId {
        self.claim.blob
    }

    /// Bytes that are here already: the next ones wanted start there.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends the next bytes. After an error, or if the future was dropped, begin anew.
    ///
    /// # Errors
    ///
    /// [`BlobError::WrongBytes`] past the blob's size, [`BlobError::NoRoom`] or [`BlobError::File`] if they cannot be
    /// written.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), BlobError> {
        let blob = self.claim.blob;
        let mut part = self.part.take().ok_or(BlobError::WrongBytes { blob })?;
        let count = bytes.len() as u64;
        if count > self.size_bytes - self.offset {
            return Err(BlobError::WrongBytes { blob });
        }
        // Held until the bytes are written, even if nobody waits: two writers of one part would spoil it.
        let claim = Arc::clone(&self.claim);
        let written: Result<_, BlobError> = blocking(move || {
            let path = claim.inner.part_path(blob);
            part.file.write_all(&bytes).map_err(|error| write_error(&path, count, error))?;
            part.hasher.update(&bytes);
            Ok(part)
        })
        .await;
        self.part = Some(written?);
        self.offset += count;
        Ok(())
    }

    /// Checks size and hash and keeps the blob.
    ///
    /// # Errors
    ///
    /// [`BlobError::WrongBytes`] if size or hash differ: the bytes are thrown away. [`BlobError::File`] if the part could
    /// not become the blob.
    pub async fn finish(self) -> Result<(), BlobError> {
        blocking(move || {
            let Self { claim, size_bytes, offset, part } = self;
            let Claim { inner, blob } = &*claim;
            let path = inner.part_path(*blob);
            let hash = part.map(|part| BlobId(*part.hasher.finalize().as_bytes()));
            if offset != size_bytes || hash != Some(*blob) {
                std::fs::remove_file(&path).map_err(|error| file_error("remove", &path, error))?;
                return Err(BlobError::WrongBytes { blob: *blob });
            }
            inner.place(&path, *blob, size_bytes)
        })
        .await
    }
}

impl Part {
    /// Opens or makes the part at `path`; returns how many bytes it holds. One longer than the blob starts over.
    fn open(path: &Path, size_bytes: u64) -> io::Result<(Self, u64)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        if file.metadata()?.len() > size_bytes {
            file.set_len(0)?;
        }
        let mut hasher = blake3::Hasher::new();
        let offset = hash_into(&mut file, &mut hasher)?;
        Ok((Self { file, hasher }, offset))
    }
}
