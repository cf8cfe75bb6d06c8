use std::{io, path::PathBuf};

use gridwell_model::BlobId;

use crate::StoreError;

/// Why a blob could not be kept or given out.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It is not here (any more).
    #[error("the blob {blob} is not here")]
    Missing {
        /// Which.
        blob: BlobId,
    },
    /// A file changed, or went, since it was remembered: its bytes are no longer those of the job.
    #[error("the file {path} changed since it was submitted")]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// A folder, device or link where a file was expected.
    #[error("{path} is not a file")]
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// The received bytes have another hash; they were thrown away.
    #[error("the bytes received for the blob {blob} are not its bytes")]
    WrongBytes {
        /// Which was asked for.
        blob: BlobId,
    },
    /// Another writer receives the same blob.
    #[error("the blob {blob} is being received already")]
    Busy {
        /// Which.
        blob: BlobId,
    },
    /// The disk has no room, even after evicting what no job needs.
    #[error("no room for {needed_bytes} bytes in {folder}: {free_bytes} bytes are free")]
    NoRoom {
        /// Where the blobs lie.
        folder: PathBuf,
        /// What was to be kept.
        needed_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },
    /// A file could not be read or written.
    #[error("could not {tried} {path}")]
    File {
        /// The verb: `read`, `write`, `remove`.
        tried: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The database did not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
