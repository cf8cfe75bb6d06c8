//! What tasks made, by what it was made of: so that nothing is made twice.

use gridwell_model::WorkId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{Durability, Store, StoreError};

/// Most pieces of work whose results are known; the oldest are forgotten first. Some 200 bytes each.
const MOST: i64 = 200_000;

impl Store {
    /// Writes down, in bytes of the caller's, what pieces of work made; what was known of them before is forgotten.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if none of it was kept.
    pub async fn keep_made(&self, made: Vec<(WorkId, Vec<u8>)>) -> Result<(), StoreError> {
        self.past().0.write(Durability::Written, move |connection| keep(connection, &made)).await
    }

    /// What pieces of work made, in the order of `works`; none for what is not known.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn made(&self, works: Vec<WorkId>) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.past().0.reader.read(move |connection| works.iter().map(|work| find(connection, *work)).collect()).await
    }
}

fn keep(connection: &Connection, made: &[(WorkId, Vec<u8>)]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO made (work, files) VALUES (?1, ?2)")?;
    for (work, files) in made {
        insert.execute(params![work.0, files])?;
    }
    let trim = "DELETE FROM made WHERE id <= (SELECT max(id) FROM made) - ?1";
    connection.prepare_cached(trim)?.execute(params![MOST])?;
    Ok(())
}

fn find(connection: &Connection, work: WorkId) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut find = connection.prepare_cached("SELECT files FROM made WHERE work = ?1")?;
    find.query_row(params![work.0], |row| row.get(0)).optional()
}
