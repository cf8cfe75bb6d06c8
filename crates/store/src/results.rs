use gridwell_model::{JobId, RelPath, Stamp, TaskKey};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    PastLimits,
    past::{job_number, known_job},
};

/// A file of a job that came home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedFile {
    /// The task that made it.
    pub task: TaskKey,
    /// Which of the job's output folders it lies in.
    pub folder: u32,
    /// Its path below that folder.
    pub path: RelPath,
    /// Size in bytes.
    pub size_bytes: u64,
    /// When.
    pub landed: Stamp,
    /// What the asker sorts files by; 0 is for those that nobody looks for by kind.
    pub kind: u8,
    /// What the asker found when it looked into the file: 0 before that, 1 for nothing; see [`crate::Store::flawed`].
    pub proof: u8,
}

/// Which landed files are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LandedQuery {
    /// The job.
    pub job: JobId,
    /// Only this task.
    pub task: Option<TaskKey>,
    /// Files to skip.
    pub offset: u64,
    /// Most files.
    pub limit: u32,
}

/// A page of landed files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LandedPage {
    /// Files on all pages.
    pub total: u64,
    /// Their size in bytes.
    pub total_bytes: u64,
    /// The job has as many files as are written down of one; what landed after that is not in the list.
    pub full: bool,
    /// By step and index of their task, then by folder and path.
    pub files: Vec<LandedFile>,
}

/// Writes down files of a job; one that lands where another one lies takes its place.
pub(crate) fn record(
    connection: &Connection,
    job: JobId,
    files: &[LandedFile],
    limits: PastLimits,
) -> rusqlite::Result<()> {
    let number = job_number(connection, job)?;
    let (mut count, mut bytes) = counted(connection, number)?;
    let mut before =
        connection.prepare_cached("SELECT size FROM result WHERE job = ?1 AND folder = ?2 AND path = ?3")?;
    let mut upsert = connection.prepare_cached(
        "INSERT INTO result (job, folder, path, step, idx, size, landed, kind, proof)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (job, folder, path) DO UPDATE
         SET step = ?4, idx = ?5, size = ?6, landed = ?7, kind = ?8, proof = ?9",
    )?;
    for file in files {
        let place = file.path.as_bytes();
        let replaced: Option<i64> =
            before.query_row(params![number, file.folder, place], |row| row.get(0)).optional()?;
        if replaced.is_none() && count >= i64::from(limits.files_of_job) {
            continue;
        }
        let size = i64::try_from(file.size_bytes).unwrap_or(i64::MAX);
        let (step, index, landed) = (file.task.step, file.task.index, file.landed.0 as i64);
        upsert.execute(params![number, file.folder, place, step, index, size, landed, file.kind, file.proof])?;
        count += i64::from(replaced.is_none());
        bytes += size - replaced.unwrap_or(0);
    }
    connection
        .prepare_cached("UPDATE job SET files = ?2, file_bytes = ?3 WHERE number = ?1")?
        .execute(params![number, count, bytes])?;
    trim(connection, number, limits.files)
}

fn counted(connection: &Connection, number: i64) -> rusqlite::Result<(i64, i64)> {
    connection
        .prepare_cached("SELECT files, file_bytes FROM job WHERE number = ?1")?
        .query_row(params![number], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Drops the lists of the oldest jobs, never the one that grows now.
fn trim(connection: &Connection, growing: i64, limit: u32) -> rusqlite::Result<()> {
    let mut total: i64 = connection.prepare_cached("SELECT sum(files) FROM job")?.query_row([], |row| row.get(0))?;
    while total > i64::from(limit) {
        let oldest: Option<(i64, i64)> = connection
            .prepare_cached("SELECT number, files FROM job WHERE files > 0 AND number <> ?1 ORDER BY number LIMIT 1")?
            .query_row(params![growing], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((number, files)) = oldest else { break };
        remove_job(connection, number)?;
        connection
            .prepare_cached("UPDATE job SET files = 0, file_bytes = 0 WHERE number = ?1")?
            .execute(params![number])?;
        total -= files;
    }
    Ok(())
}

pub(crate) fn remove_job(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM result WHERE job = ?1")?.execute(params![number])?;
    Ok(())
}

const COLUMNS: &str = "step, idx, folder, path, size, landed, kind, proof";

pub(crate) fn read(connection: &Connection, query: &LandedQuery, limits: PastLimits) -> rusqlite::Result<LandedPage> {
    let Some(number) = known_job(connection, query.job)? else {
        return Ok(LandedPage::default());
    };
    let mut page = match query.task {
        Some(task) => read_task(connection, number, task, query)?,
        None => read_job(connection, number, query)?,
    };
    page.full = counted(connection, number)?.0 >= i64::from(limits.files_of_job);
    Ok(page)
}

fn read_task(connection: &Connection, number: i64, task: TaskKey, query: &LandedQuery) -> rusqlite::Result<LandedPage> {
    let (total, total_bytes) = connection
        .prepare_cached(
            "SELECT count(*), coalesce(sum(size), 0) FROM result WHERE job = ?1 AND step = ?2 AND idx = ?3",
        )?
        .query_row(params![number, task.step, task.index], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
        })?;
    let sql = format!(
        "SELECT {COLUMNS} FROM result WHERE job = ?1 AND step = ?2 AND idx = ?3
         ORDER BY folder, path LIMIT ?4 OFFSET ?5"
    );
    let offset = i64::try_from(query.offset).unwrap_or(i64::MAX);
    let files = connection
        .prepare_cached(&sql)?
        .query_map(params![number, task.step, task.index, query.limit, offset], landed_file)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(LandedPage { total, total_bytes, full: false, files })
}

/// Skips by the index alone to the task in which the page begins: rows before it are not read.
fn read_job(connection: &Connection, number: i64, query: &LandedQuery) -> rusqlite::Result<LandedPage> {
    let (total, total_bytes) = counted(connection, number)?;
    let mut page = LandedPage { total: total as u64, total_bytes: total_bytes as u64, full: false, files: Vec::new() };
    let offset = i64::try_from(query.offset).unwrap_or(i64::MAX);
    let first: Option<(u32, u32)> = connection
        .prepare_cached("SELECT step, idx FROM result WHERE job = ?1 ORDER BY step, idx LIMIT 1 OFFSET ?2")?
        .query_row(params![number, offset], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((step, index)) = first else {
        return Ok(page);
    };
    let before: i64 = connection
        .prepare_cached("SELECT count(*) FROM result WHERE job = ?1 AND (step, idx) < (?2, ?3)")?
        .query_row(params![number, step, index], |row| row.get(0))?;
    let sql = format!(
        "SELECT {COLUMNS} FROM result WHERE job = ?1 AND (step, idx) >= (?2, ?3)
         ORDER BY step, idx, folder, path LIMIT ?4 OFFSET ?5"
    );
    page.files = connection
        .prepare_cached(&sql)?
        .query_map(params![number, step, index, query.limit, offset - before], landed_file)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(page)
}

/// The file of this kind that landed last.
pub(crate) fn newest(connection: &Connection, job: JobId, kind: u8) -> rusqlite::Result<Option<LandedFile>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM result WHERE job = (SELECT number FROM job WHERE job = ?1) AND kind = ?2
         ORDER BY landed DESC, id DESC LIMIT 1"
    );
    connection.prepare_cached(&sql)?.query_row(params![job.0, kind], landed_file).optional()
}

/// The first file of this kind that a task made, in the order of folder and path.
pub(crate) fn first(
    connection: &Connection,
    job: JobId,
    task: TaskKey,
    kind: u8,
) -> rusqlite::Result<Option<LandedFile>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM result
         WHERE job = (SELECT number FROM job WHERE job = ?1) AND step = ?2 AND idx = ?3 AND kind = ?4
         ORDER BY folder, path LIMIT 1"
    );
    connection.prepare_cached(&sql)?.query_row(params![job.0, task.step, task.index, kind], landed_file).optional()
}

/// Writes down what was found in files, as they landed: what landed in their places since was not looked into.
pub(crate) fn prove(connection: &Connection, job: JobId, files: &[LandedFile]) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE result SET proof = ?5
         WHERE job = (SELECT number FROM job WHERE job = ?1) AND folder = ?2 AND path = ?3 AND landed = ?4",
    )?;
    for file in files {
        update.execute(params![job.0, file.folder, file.path.as_bytes(), file.landed.0 as i64, file.proof])?;
    }
    Ok(())
}

/// Files in which something was found, by step and index of their task.
pub(crate) fn flawed(connection: &Connection, job: JobId, limit: u32) -> rusqlite::Result<Vec<LandedFile>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM result WHERE job = (SELECT number FROM job WHERE job = ?1) AND proof > 1
         ORDER BY step, idx, folder, path LIMIT ?2"
    );
    connection.prepare_cached(&sql)?.query_map(params![job.0, limit], landed_file)?.collect()
}

fn landed_file(row: &Row<'_>) -> rusqlite::Result<LandedFile> {
    let path: Vec<u8> = row.get(3)?;
    let path = RelPath::new(path)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Blob, Box::new(error)))?;
    Ok(LandedFile {
        task: TaskKey { step: row.get(0)?, index: row.get(1)? },
        folder: row.get(2)?,
        path,
        size_bytes: row.get::<_, i64>(4)? as u64,
        landed: Stamp(row.get::<_, i64>(5)? as u64),
        kind: row.get(6)?,
        proof: row.get(7)?,
    })
}
