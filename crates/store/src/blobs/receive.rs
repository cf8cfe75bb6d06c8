use gridwell_model::BlobId;

use super::BlobError;

/// Receives the bytes of one blob. Dropped before [`BlobWriter::finish`], what came so far stays for a later attempt.
#[derive(Debug)]
pub struct BlobWriter {
    blob: BlobId,
    offset: u64,
}

impl BlobWriter {
    /// The blob.
    #[must_use]
    pub fn blob(&self) -> BlobId {
        self.blob
    }

    /// Bytes that are here already: the next ones wanted start there.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends the next bytes.
    ///
    /// # Errors
    ///
    /// [`BlobError::WrongBytes`] past the blob's size, [`BlobError::File`] if they cannot be written.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), BlobError> {
        self.offset += bytes.len() as u64;
        unimplemented!()
    }

    /// Checks size and hash and keeps the blob.
    ///
    /// # Errors
    ///
    /// [`BlobError::WrongBytes`] if size or hash differ: the bytes are thrown away.
    pub async fn finish(self) -> Result<(), BlobError> {
        unimplemented!()
    }
}
