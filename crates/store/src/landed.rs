//! What this node put where: so that a later job may replace it, and nothing else.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use gridwell_model::BlobId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{Durability, Store, StoreError};

/// Most places that are remembered; the oldest are forgotten first, and what lies there is then taken for somebody else's. Some
/// 300 bytes each.
const MOST: i64 = 200_000;

impl Store {
    /// Writes down what landed at these absolute paths; what landed there before is forgotten.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if none of it was kept.
    pub async fn keep_landed(&self, landed: Vec<(PathBuf, BlobId)>) -> Result<(), StoreError> {
        self.past().0.write(Durability::Written, move |connection| keep(connection, &landed)).await
    }

    /// What landed last at an absolute path, if that is known. Whether it still lies there nobody has looked.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn landed_at(&self, path: &Path) -> Result<Option<BlobId>, StoreError> {
        let path = path.to_owned();
        self.past().0.reader.read(move |connection| find(connection, &path)).await
    }
}

fn keep(connection: &Connection, landed: &[(PathBuf, BlobId)]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO landed (path, blob) VALUES (?1, ?2)")?;
    for (path, blob) in landed {
        insert.execute(params![path.as_os_str().as_bytes(), blob.0])?;
    }
    let trim = "DELETE FROM landed WHERE id <= (SELECT max(id) FROM landed) - ?1";
    connection.prepare_cached(trim)?.execute(params![MOST])?;
    Ok(())
}

fn find(connection: &Connection, path: &Path) -> rusqlite::Result<Option<BlobId>> {
    let mut find = connection.prepare_cached("SELECT blob FROM landed WHERE path = ?1")?;
    find.query_row(params![path.as_os_str().as_bytes()], |row| row.get(0).map(BlobId)).optional()
}
