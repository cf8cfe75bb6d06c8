use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};

/// Why a read or write of a database failed. One commit may carry many writes, so the error can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. What was committed before stays intact; nothing of this write was kept.
    #[error("the disk is full: {path} could not grow")]
    Full {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The database's bytes are not what was written.
    #[error("the database {path} is damaged")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The system refused: no rights, a failing disk.
    #[error("the database {path} could not be read or written")]
    Refused {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let code = error.sqlite_error_code();
        let source = Arc::new(error);
        if code == Some(ErrorCode::DiskFull) {
            Self::Full { path, source }
        } else if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            Self::Damaged { path, source }
        } else {
            Self::Refused { path, source }
        }
    }
}

/// Opens `path` for its writer thread. The connection alone may write, so it never waits for a lock.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES)?;
    connection.busy_timeout(READERS_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

/// Opens `path` for its reader thread.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

/// Size a write-ahead log shrinks back to after a checkpoint: room for a burst without growing the file again.
const WAL_KEPT_BYTES: i64 = 4 * 1024 * 1024;

/// How long a checkpoint waits for readers: ours are done within that, and writes wait behind it.
const READERS_WAIT: Duration = Duration::from_millis(200);

/// Prepared statements kept per connection: more than this room has.
const STATEMENT_CACHE: usize = 64;
