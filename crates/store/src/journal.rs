use std::collections::BTreeMap;

use gridwell_model::JobId;
use rusqlite::{Connection, OptionalExtension as _, params};

/// How safe a write is when its future resolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On the disk: survives a power cut.
    Synced,
    /// With the system: survives the death of this process, not a power cut. A later synced write carries it along.
    Written,
}

/// A job as it was kept: its last snapshot, then what happened since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredJob {
    /// The job.
    pub job: JobId,
    /// Replaces every entry before it.
    pub snapshot: Option<Vec<u8>>,
    /// Entries after the snapshot, in the order in which they were appended.
    pub entries: Vec<Vec<u8>>,
}

/// Submissions that are remembered by their key: days of a person's clicks, and minutes of a program's.
pub const KEPT_KEYS: usize = 1_000;

/// Which jobs a submission started, by the key that its asker chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitKey {
    /// The key.
    pub key: String,
    /// The jobs, in the order in which they were answered.
    pub jobs: Vec<JobId>,
}

/// Keeps keys; the oldest go beyond [`KEPT_KEYS`].
pub(crate) fn keep_keys(connection: &Connection, keys: &[SubmitKey]) -> rusqlite::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO submit_key (key, jobs) VALUES (?1, ?2)")?;
    for SubmitKey { key, jobs } in keys {
        let jobs: Vec<u8> = jobs.iter().flat_map(|job| job.0).collect();
        insert.execute(params![key, jobs])?;
    }
    connection
        .prepare_cached("DELETE FROM submit_key WHERE id <= (SELECT max(id) FROM submit_key) - ?1")?
        .execute(params![KEPT_KEYS as i64])?;
    Ok(())
}

/// Every kept key, oldest first.
pub(crate) fn keys(connection: &Connection) -> rusqlite::Result<Vec<SubmitKey>> {
    let key = |row: &rusqlite::Row<'_>| {
        let jobs: Vec<u8> = row.get(1)?;
        let (jobs, _) = jobs.as_chunks();
        Ok(SubmitKey { key: row.get(0)?, jobs: jobs.iter().map(|job| JobId(*job)).collect() })
    };
    connection.prepare_cached("SELECT key, jobs FROM submit_key ORDER BY id")?.query_map([], key)?.collect()
}

/// Appends `entries` in order and returns the sequence number of the last one (or of the one before, if there are none).
pub(crate) fn append(connection: &Connection, entries: &[(JobId, Vec<u8>)]) -> rusqlite::Result<u64> {
    let last: i64 = connection
        .prepare_cached("UPDATE counter SET journal_seq = journal_seq + ?1 RETURNING journal_seq")?
        .query_row(params![entries.len() as i64], |row| row.get(0))?;
    let mut insert = connection.prepare_cached("INSERT INTO journal (job, seq, entry) VALUES (?1, ?2, ?3)")?;
    let first = last - entries.len() as i64 + 1;
    for (seq, (job, entry)) in (first..).zip(entries) {
        insert.execute(params![job.0, seq, entry])?;
    }
    Ok(last as u64)
}

/// Replaces what is kept of `job` up to entry `upto` by `bytes`. An older snapshot that comes behind a newer one, which
/// finds nothing to replace any more, is not kept.
pub(crate) fn snapshot(connection: &Connection, job: JobId, upto: u64, bytes: &[u8]) -> rusqlite::Result<()> {
    let replaced = connection
        .prepare_cached("DELETE FROM journal WHERE job = ?1 AND seq <= ?2")?
        .execute(params![job.0, i64::try_from(upto).unwrap_or(i64::MAX)])?;
    if replaced == 0 {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT INTO snapshot (job, bytes) VALUES (?1, ?2) ON CONFLICT (job) DO UPDATE SET bytes = ?2")?
        .execute(params![job.0, bytes])?;
    Ok(())
}

/// Replaces everything that is kept of `job` by `bytes`.
pub(crate) fn put_copy(connection: &Connection, job: JobId, bytes: &[u8]) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM journal WHERE job = ?1")?.execute(params![job.0])?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO snapshot (job, bytes) VALUES (?1, ?2)")?
        .execute(params![job.0, bytes])?;
    Ok(())
}

/// One job as it is kept.
pub(crate) fn job(connection: &Connection, job: JobId) -> rusqlite::Result<StoredJob> {
    let snapshot = connection
        .prepare_cached("SELECT bytes FROM snapshot WHERE job = ?1")?
        .query_row(params![job.0], |row| row.get(0))
        .optional()?;
    let mut entries = connection.prepare_cached("SELECT entry FROM journal WHERE job = ?1 ORDER BY seq")?;
    let entries = entries.query_map(params![job.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(StoredJob { job, snapshot, entries })
}

pub(crate) fn remove_job(connection: &Connection, job: JobId) -> rusqlite::Result<()> {
    for table in ["journal", "snapshot"] {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE job = ?1"))?.execute(params![job.0])?;
    }
    Ok(())
}

/// Every kept job, ordered by id.
pub(crate) fn jobs(connection: &Connection) -> rusqlite::Result<Vec<StoredJob>> {
    let mut jobs = BTreeMap::<[u8; 10], StoredJob>::new();
    let empty = |job| StoredJob { job: JobId(job), snapshot: None, entries: Vec::new() };

    let mut snapshots = connection.prepare_cached("SELECT job, bytes FROM snapshot")?;
    let mut rows = snapshots.query([])?;
    while let Some(row) = rows.next()? {
        let job = job_column(row, 0)?;
        jobs.entry(job).or_insert_with(|| empty(job)).snapshot = Some(row.get(1)?);
    }
    let mut entries = connection.prepare_cached("SELECT job, entry FROM journal ORDER BY job, seq")?;
    let mut rows = entries.query([])?;
    while let Some(row) = rows.next()? {
        let job = job_column(row, 0)?;
        jobs.entry(job).or_insert_with(|| empty(job)).entries.push(row.get(1)?);
    }
    Ok(jobs.into_values().collect())
}

/// Reads a job id; another length is a conversion error.
pub(crate) fn job_column(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<[u8; 10]> {
    row.get(column)
}
