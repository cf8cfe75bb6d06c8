use std::{
    io,
    path::{Path, PathBuf},
};

use gridwell_model::BlobId;

use crate::{BlobError, ShareError, StoreError, disk};

/// Why pieces of a blob could not be kept, read or proven.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// A group is not here (any more).
    #[error("group {group} of the blob {blob} is not here")]
    Missing {
        /// Which blob.
        blob: BlobId,
        /// The first group that is missing.
        group: u64,
    },
    /// The blob has another size, or is open with another one that nobody has proven yet.
    #[error("the blob {blob} is not known to have {size_bytes} bytes")]
    WrongSize {
        /// Which blob.
        blob: BlobId,
        /// The size that was claimed.
        size_bytes: u64,
    },
    /// The disk has no room, even after evicting what nobody needs.
    #[error("no room for {needed_bytes} bytes in {folder}: {free_bytes} bytes are free")]
    NoRoom {
        /// Where objects lie.
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
    /// The whole blob that pieces are taken of could not be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The shared file that pieces are taken of could not be read.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The store is closed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) fn read_error(path: &Path, source: io::Error) -> ObjectError {
    ObjectError::File { tried: "read", path: path.to_owned(), source }
}

/// Tells a full disk apart.
pub(super) fn write_error(path: &Path, needed_bytes: u64, source: io::Error) -> ObjectError {
    if disk::is_full(&source) {
        let folder = path.parent().unwrap_or(path).to_owned();
        ObjectError::NoRoom { needed_bytes, free_bytes: disk::free_bytes(&folder).unwrap_or(0), folder }
    } else {
        ObjectError::File { tried: "write", path: path.to_owned(), source }
    }
}
