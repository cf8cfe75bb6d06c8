use std::{
    io,
    path::{Path, PathBuf},
};

use gridwell_model::format_bytes;
use rustix::io::Errno;

use crate::{BlobError, StoreError, disk};

/// Why a result did not land. Nothing is visible under its name then, or what was there before.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// No right to write there.
    #[error("no right to write '{path}'")]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The disk is full.
    #[error("no room for {} at '{path}': {} are free", format_bytes(*needed_bytes), format_bytes(*free_bytes))]
    Full {
        /// The file or folder.
        path: PathBuf,
        /// What was to be written.
        needed_bytes: u64,
        /// What was free.
        free_bytes: u64,
    },
    /// The file system does not take a name as long as that.
    #[error("the name '{path}' is too long for its file system")]
    NameTooLong {
        /// The file.
        path: PathBuf,
    },
    /// A folder has the file's name.
    #[error("'{path}' is a folder")]
    IsAFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A file has the name of a folder on the way.
    #[error("'{path}' is not a folder")]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// A symbolic link below the output folder: results are not written through links.
    #[error("'{path}' is a link, and results are not written through links")]
    ThroughLink {
        /// The link.
        path: PathBuf,
    },
    /// Something has that name already, and it was to stay.
    #[error("'{path}' exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The bytes to land are not here.
    #[error("the result for '{path}' could not be read")]
    Source {
        /// The file that was to be.
        path: PathBuf,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// The system refused for another reason.
    #[error("could not write '{path}'")]
    Refused {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// The database did not keep where it landed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a file was not copied into a shared folder.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] BlobError),
    /// It cannot be written.
    #[error(transparent)]
    Land(#[from] LandError),
    /// The database did not keep where a crash may leave a part of it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LandError {
    /// Sorts what the system said about writing `needed_bytes` to `path`.
    pub(super) fn from_io(path: &Path, needed_bytes: u64, source: io::Error) -> Self {
        let path = path.to_owned();
        if disk::is_full(&source) {
            let free_bytes = free_above(&path);
            return Self::Full { path, needed_bytes, free_bytes };
        }
        if matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) {
            return Self::NotWritable { path, source };
        }
        match source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NAMETOOLONG) => Self::NameTooLong { path },
            Some(Errno::ISDIR) => Self::IsAFolder { path },
            Some(Errno::NOTDIR) => Self::NotAFolder { path },
            Some(Errno::EXIST) => Self::Exists { path },
            _ => Self::Refused { path, source },
        }
    }
}

/// Free bytes at `path` or, if it does not exist, at the nearest folder above that does.
fn free_above(path: &Path) -> u64 {
    path.ancestors().find_map(|folder| disk::free_bytes(folder).ok()).unwrap_or(0)
}
