use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use gridwell_model::{BlobId, JobId};
use rusqlite::{Connection, params};

use super::file::{Reference, Stamp};

/// What the database remembers of blobs: pins, and where pinned referenced files lie.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(super) references: BTreeMap<BlobId, Reference>,
    pub(super) pins: BTreeMap<JobId, BTreeSet<BlobId>>,
}

pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Kept> {
    let mut kept = Kept::default();
    let mut pins = connection.prepare("SELECT job, blob FROM blob_pin")?;
    let mut rows = pins.query([])?;
    while let Some(row) = rows.next()? {
        kept.pins.entry(JobId(row.get(0)?)).or_default().insert(BlobId(row.get(1)?));
    }
    let mut references = connection.prepare("SELECT blob, path, size, mtime_ns, device, inode FROM blob_reference")?;
    let mut rows = references.query([])?;
    while let Some(row) = rows.next()? {
        let stamp = Stamp {
            size_bytes: row.get::<_, i64>(2)? as u64,
            mtime_ns: row.get(3)?,
            device: row.get::<_, i64>(4)? as u64,
            inode: row.get::<_, i64>(5)? as u64,
        };
        let path = OsString::from_vec(row.get(1)?).into();
        kept.references.insert(BlobId(row.get(0)?), Reference { path, stamp });
    }
    Ok(kept)
}

pub(super) fn put_reference(connection: &Connection, blob: BlobId, reference: &Reference) -> rusqlite::Result<()> {
    let Reference { path, stamp } = reference;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO blob_reference (blob, path, size, mtime_ns, device, inode)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            blob.0,
            path.as_os_str().as_bytes(),
            stamp.size_bytes as i64,
            stamp.mtime_ns,
            stamp.device as i64,
            stamp.inode as i64
        ])?;
    Ok(())
}

pub(super) fn remove_reference(connection: &Connection, blob: BlobId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM blob_reference WHERE blob = ?1")?.execute(params![blob.0])?;
    Ok(())
}

pub(super) fn pin(connection: &Connection, job: JobId, blobs: &[BlobId]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO blob_pin (job, blob) VALUES (?1, ?2)")?;
    for blob in blobs {
        insert.execute(params![job.0, blob.0])?;
    }
    Ok(())
}

pub(super) fn unpin_one(connection: &Connection, job: JobId, blob: BlobId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM blob_pin WHERE job = ?1 AND blob = ?2")?.execute(params![job.0, blob.0])?;
    Ok(())
}

pub(super) fn unpin(connection: &Connection, job: JobId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM blob_pin WHERE job = ?1")?.execute(params![job.0])?;
    Ok(())
}
