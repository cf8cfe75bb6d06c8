use std::{
    io,
    path::{Path, PathBuf},
};

use gridwell_model::{BlobId, RelPath};

use crate::{BlobError, Blobs};

/// Where the bytes of a landing come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandSource {
    /// A blob, which stays stored.
    Copy(BlobId),
    /// A stored blob, which is moved when it lies on the same file system; afterwards it is a reference to the landed file.
    Move(BlobId),
    /// A file of ours, which is moved.
    File(PathBuf),
}

/// What happens to a file that is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// It is replaced, at once.
    #[default]
    Replace,
    /// It stays, and the landing fails with [`LandError::Exists`].
    Refuse,
}

/// Why a result did not land. Nothing is visible under its name then, or what was there before.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// No right to write there.
    #[error("no right to write {path}")]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The disk is full.
    #[error("no room for {needed_bytes} bytes at {path}: {free_bytes} bytes are free")]
    Full {
        /// The file or folder.
        path: PathBuf,
        /// What was to be written.
        needed_bytes: u64,
        /// What was free.
        free_bytes: u64,
    },
    /// The file system does not take a name as long as that.
    #[error("the name {path} is too long for its file system")]
    NameTooLong {
        /// The file.
        path: PathBuf,
    },
    /// A folder has the file's name.
    #[error("{path} is a folder")]
    IsAFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A file has the name of a folder on the way.
    #[error("{path} is not a folder")]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// A symbolic link below the output folder: results are not written through links.
    #[error("{path} is a link, and results are not written through links")]
    ThroughLink {
        /// The link.
        path: PathBuf,
    },
    /// Something has that name already, and it was to stay.
    #[error("{path} exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The bytes to land are not here.
    #[error("the result for {path} could not be read")]
    Source {
        /// The file that was to be.
        path: PathBuf,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// The system refused for another reason.
    #[error("could not write {path}")]
    Refused {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

impl Blobs {
    /// Brings a result home: `folder`/`path` appears whole, or not at all. Returns where it lies.
    ///
    /// Folders below `folder` are made; a symbolic link below it is never followed. The bytes are on the disk when this
    /// returns.
    ///
    /// # Errors
    ///
    /// One [`LandError`] per cause, each naming the path.
    pub async fn land(
        &self,
        source: LandSource,
        folder: &Path,
        path: &RelPath,
        executable: bool,
        overwrite: Overwrite,
    ) -> Result<PathBuf, LandError> {
        let _ = (source, folder, path, executable, overwrite);
        unimplemented!()
    }
}

/// Checks that results can land in `folder`: it exists or can be made, takes new files, and has room for `needed_bytes`.
/// Leaves nothing behind. Blocks.
///
/// # Errors
///
/// One [`LandError`] per cause, each naming the path.
pub fn check_folder(folder: &Path, needed_bytes: u64) -> Result<(), LandError> {
    let _ = (folder, needed_bytes);
    unimplemented!()
}
