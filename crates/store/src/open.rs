use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::{
    BlobLimits, LogLimits, ObjectLimits, PastLimits, StoreError, database,
    lock::{LockError, NodeLock},
    schema::{MigrationError, Schema},
};

/// How much a store may keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreLimits {
    /// Programs' output.
    pub logs: LogLimits,
    /// Files kept by hash.
    pub blobs: BlobLimits,
    /// Pieces of files kept by hash.
    pub objects: ObjectLimits,
    /// What happened, for people.
    pub past: PastLimits,
}

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another node works in this folder.
    #[error("the data folder {data_dir} is in use by the node with process id {}", pid_text(*.pid))]
    InUse {
        /// The folder.
        data_dir: PathBuf,
        /// The other node's process id; `None` in the moment before it has written it.
        pid: Option<u32>,
    },
    /// A newer Gridwell wrote the database.
    #[error(
        "the database {path} has version {found}, this gridwell knows up to {known}: start a newer gridwell, or move the file away to start empty"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The database's bytes are not what was written.
    #[error(
        "the database {path} is damaged: restore it from a backup, or move it and its -wal file away to start without its jobs"
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What was found.
        #[source]
        source: StoreError,
    },
    /// The database could not be opened or brought to this version's layout.
    #[error("the database {path} could not be opened")]
    Database {
        /// The database file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// The folder or a file in it could not be made or read.
    #[error("the data folder {path} could not be used")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn pid_text(pid: Option<u32>) -> String {
    pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
}

/// Makes the folder, for this user alone, and takes its lock.
pub(crate) fn claim(data_dir: &Path) -> Result<NodeLock, OpenError> {
    let folder_error = |source| OpenError::Folder { path: data_dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(folder_error)?;
    std::fs::set_permissions(data_dir, std::fs::Permissions::from_mode(0o700)).map_err(folder_error)?;
    NodeLock::take(data_dir).map_err(|error| match error {
        LockError::Held(pid) => OpenError::InUse { data_dir: data_dir.to_owned(), pid },
        LockError::Io(source) => folder_error(source),
    })
}

/// Opens a database for writing and brings it to this version's layout.
pub(crate) fn database(path: &Path, schema: &Schema) -> Result<Connection, OpenError> {
    let connection = database::open_writer(path).map_err(|error| database_error(path, error))?;
    schema.migrate(&connection).map_err(|error| match error {
        MigrationError::Newer { found, known } => OpenError::Newer { path: path.to_owned(), found, known },
        MigrationError::Sqlite(error) => database_error(path, error),
    })?;
    Ok(connection)
}

pub(crate) fn database_error(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match StoreError::from_sqlite(&path, error) {
        source @ StoreError::Damaged { .. } => OpenError::Damaged { path, source },
        source => OpenError::Database { path, source },
    }
}
