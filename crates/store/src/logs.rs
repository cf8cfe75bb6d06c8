use gridwell_model::{Fence, JobId, TaskKey};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

/// Bytes counted for a line besides its content: what a row and its index entries take, so that empty lines are bounded too.
const ROW_BYTES: u64 = 128;

/// Lines removed in one step when logs outgrow their limit.
const TRIM_LINES: u32 = 256;

/// Most bytes one [`LogPage`] carries whatever its query says, so that a reader never holds much memory.
const MAX_PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// How much of programs' output is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// All logs together, in bytes. Beyond it the logs of the jobs that ended first go first, then the oldest lines.
    pub total_bytes: u64,
    /// One attempt, in bytes; what it writes beyond is dropped, with a line that says so.
    pub attempt_bytes: u64,
}

impl Default for LogLimits {
    /// 1 GiB together: small beside any render's frames. 16 MiB an attempt: far above a talkative program, far below a
    /// program that prints in a loop.
    fn default() -> Self {
        Self { total_bytes: 1024 * 1024 * 1024, attempt_bytes: 16 * 1024 * 1024 }
    }
}

/// Bytes that a task's program wrote, as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The job.
    pub job: JobId,
    /// The task (the first of its chunk).
    pub task: TaskKey,
    /// Which attempt.
    pub fence: Fence,
    /// Its first byte within all that the attempt wrote.
    pub at: u64,
    /// Standard output and error.
    pub bytes: Vec<u8>,
}

impl LogLine {
    fn end(&self) -> u64 {
        self.at.saturating_add(self.bytes.len() as u64)
    }
}

/// Which part of a job's log is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The job.
    pub job: JobId,
    /// Only this task.
    pub task: Option<TaskKey>,
    /// Only this attempt.
    pub fence: Option<Fence>,
    /// Only what came after this position; 0 reads from the start.
    pub after: u64,
    /// About this many bytes, at least one line, at most 4 MiB.
    pub limit_bytes: u64,
}

/// A line as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLine {
    /// What was written.
    pub line: LogLine,
    /// Which attempt of those that wrote anything, from 1.
    pub attempt: u32,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// In the order in which they arrived.
    pub lines: Vec<KeptLine>,
    /// Where the next page starts: hand it in as [`LogQuery::after`].
    pub next: u64,
    /// True if there is more to read now.
    pub more: bool,
}

impl LogPage {
    /// Returns what its lines hold together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.lines.iter().map(|kept| kept.line.bytes.len() as u64).sum()
    }
}

/// Keeps what is new in `lines`, cuts attempts that write too much, and trims the oldest logs to the limits.
pub(crate) fn append(connection: &Connection, lines: &[LogLine], limits: LogLimits) -> rusqlite::Result<()> {
    for line in lines {
        append_line(connection, line, limits.attempt_bytes)?;
    }
    trim(connection, limits.total_bytes)
}

fn append_line(connection: &Connection, line: &LogLine, attempt_limit: u64) -> rusqlite::Result<()> {
    let (mut bytes, written) = attempt_so_far(connection, line)?;
    let holes = if line.at >= written { vec![(line.at, line.end())] } else { holes(connection, line)? };
    for (at, end) in holes {
        if bytes >= attempt_limit {
            break;
        }
        let part = &line.bytes[(at - line.at) as usize..(end - line.at) as usize];
        insert(connection, line, at, part)?;
        bytes += part.len() as u64 + ROW_BYTES;
        if bytes >= attempt_limit {
            let note = b"\n[gridwell: this attempt wrote too much; the rest of its output was dropped]\n";
            insert(connection, line, end.max(written), note)?;
        }
    }
    Ok(())
}

/// What is kept of the attempt of `line`: bytes with their rows, and behind its last byte.
fn attempt_so_far(connection: &Connection, line: &LogLine) -> rusqlite::Result<(u64, u64)> {
    let so_far: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT bytes, written FROM log_attempt
             WHERE job = ?1 AND step = ?2 AND idx = ?3 AND epoch = ?4 AND attempt = ?5",
        )?
        .query_row(params![line.job.0, line.task.step, line.task.index, line.fence.epoch, line.fence.attempt], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(so_far.map_or((0, 0), |(bytes, written)| (bytes as u64, written as u64)))
}

/// The parts of `line`, from and to, that are not kept yet: output comes again when a link broke, and from whoever was steward before.
fn holes(connection: &Connection, line: &LogLine) -> rusqlite::Result<Vec<(u64, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT at, at + length(bytes) FROM log_line
         WHERE job = ?1 AND step = ?2 AND idx = ?3 AND epoch = ?4 AND attempt = ?5 AND at < ?6 ORDER BY at",
    )?;
    let LogLine { job, task, fence, at, .. } = line;
    let end = line.end();
    let mut rows = statement.query(params![job.0, task.step, task.index, fence.epoch, fence.attempt, end as i64])?;
    let (mut holes, mut upto) = (Vec::new(), *at);
    while let Some(row) = rows.next()? {
        let (begin, behind) = (row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64);
        if begin > upto {
            holes.push((upto, begin));
        }
        upto = upto.max(behind);
    }
    if upto < end {
        holes.push((upto, end));
    }
    Ok(holes)
}

fn insert(connection: &Connection, line: &LogLine, at: u64, bytes: &[u8]) -> rusqlite::Result<()> {
    let LogLine { job, task, fence, .. } = line;
    let size = (bytes.len() as u64 + ROW_BYTES) as i64;
    let (at, end) = (at as i64, at as i64 + bytes.len() as i64);
    connection
        .prepare_cached(
            "INSERT INTO log_attempt (job, step, idx, epoch, attempt, bytes, written) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET bytes = bytes + ?6, written = max(written, ?7)",
        )?
        .execute(params![job.0, task.step, task.index, fence.epoch, fence.attempt, size, end])?;
    connection
        .prepare_cached(
            "INSERT INTO log_line (job, step, idx, epoch, attempt, at, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![job.0, task.step, task.index, fence.epoch, fence.attempt, at, bytes])?;
    connection
        .prepare_cached(
            "INSERT INTO log_job (job, bytes) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET bytes = bytes + ?2",
        )?
        .execute(params![job.0, size])?;
    add_to_total(connection, size)
}

fn add_to_total(connection: &Connection, bytes: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE log_total SET bytes = bytes + ?1")?.execute(params![bytes])?;
    Ok(())
}

fn total_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let bytes: i64 = connection.prepare_cached("SELECT bytes FROM log_total")?.query_row([], |row| row.get(0))?;
    Ok(bytes.max(0) as u64)
}

/// Removes the oldest lines of the job that ended first, then of the next, at last of any job, down to `limit_bytes`.
fn trim(connection: &Connection, limit_bytes: u64) -> rusqlite::Result<()> {
    let mut total = total_bytes(connection)?;
    while total > limit_bytes {
        let removed = match first_ended_job(connection)? {
            Some(job) => remove_oldest_of(connection, job)?,
            None => remove_oldest(connection)?,
        };
        if removed == 0 {
            break;
        }
        total = total.saturating_sub(removed);
    }
    Ok(())
}

fn first_ended_job(connection: &Connection) -> rusqlite::Result<Option<JobId>> {
    connection
        .prepare_cached("SELECT job FROM log_job WHERE ended IS NOT NULL AND bytes > 0 ORDER BY ended LIMIT 1")?
        .query_row([], |row| row.get(0).map(JobId))
        .optional()
}

fn remove_oldest_of(connection: &Connection, job: JobId) -> rusqlite::Result<u64> {
    let lines = connection
        .prepare_cached("SELECT id, job, length(bytes) FROM log_line WHERE job = ?1 ORDER BY id LIMIT ?2")?
        .query_map(params![job.0, TRIM_LINES], StoredLine::read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    remove_lines(connection, &lines)
}

fn remove_oldest(connection: &Connection) -> rusqlite::Result<u64> {
    let lines = connection
        .prepare_cached("SELECT id, job, length(bytes) FROM log_line ORDER BY id LIMIT ?1")?
        .query_map(params![TRIM_LINES], StoredLine::read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    remove_lines(connection, &lines)
}

struct StoredLine {
    id: i64,
    job: [u8; 10],
    bytes: u64,
}

impl StoredLine {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, job: row.get(1)?, bytes: row.get::<_, i64>(2)? as u64 + ROW_BYTES })
    }
}

fn remove_lines(connection: &Connection, lines: &[StoredLine]) -> rusqlite::Result<u64> {
    let mut delete = connection.prepare_cached("DELETE FROM log_line WHERE id = ?1")?;
    let mut count = connection.prepare_cached("UPDATE log_job SET bytes = bytes - ?2 WHERE job = ?1")?;
    let mut removed = 0;
    for line in lines {
        delete.execute(params![line.id])?;
        count.execute(params![line.job, line.bytes as i64])?;
        removed += line.bytes;
    }
    add_to_total(connection, -(removed as i64))?;
    Ok(removed)
}

/// Remembers that `job` ended: its log goes before those of jobs that ended later or still run.
pub(crate) fn mark_ended(connection: &Connection, job: JobId) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE log_job SET ended = (SELECT coalesce(max(ended), 0) + 1 FROM log_job)
             WHERE job = ?1 AND ended IS NULL",
        )?
        .execute(params![job.0])?;
    Ok(())
}

pub(crate) fn remove_job(connection: &Connection, job: JobId) -> rusqlite::Result<()> {
    let bytes: Option<i64> = connection
        .prepare_cached("DELETE FROM log_job WHERE job = ?1 RETURNING bytes")?
        .query_row(params![job.0], |row| row.get(0))
        .optional()?;
    for table in ["log_line", "log_attempt"] {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE job = ?1"))?.execute(params![job.0])?;
    }
    add_to_total(connection, -bytes.unwrap_or(0))
}

/// What a reader gets of a line; attempts are counted among those of its task.
const COLUMNS: &str = "id, step, idx, epoch, attempt, bytes, at, (
    SELECT count(*) FROM log_attempt AS one WHERE one.job = log_line.job AND one.step = log_line.step
        AND one.idx = log_line.idx AND (one.epoch, one.attempt) <= (log_line.epoch, log_line.attempt))";

/// Which lines are a reader's; without a task it is compared against nothing, so that both forms take the same values.
fn wanted(query: &LogQuery) -> &'static str {
    match query.task {
        Some(_) => "job = :job AND step = :step AND idx = :idx",
        None => "job = :job AND :step IS NULL AND :idx IS NULL",
    }
}

/// Reads one page.
pub(crate) fn read(connection: &Connection, query: &LogQuery) -> rusqlite::Result<LogPage> {
    lines(connection, query, "ASC")
}

/// Reads the end of a log, as much as a page holds; [`LogPage::next`] is behind it. Costs as much as the page, however long
/// the log is.
pub(crate) fn read_end(connection: &Connection, query: &LogQuery) -> rusqlite::Result<LogPage> {
    let mut page = lines(connection, query, "DESC")?;
    page.lines.reverse();
    page.more = false;
    Ok(page)
}

fn lines(connection: &Connection, query: &LogQuery, order: &str) -> rusqlite::Result<LogPage> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM log_line WHERE {} AND id > :after
            AND (:epoch IS NULL OR (epoch = :epoch AND attempt = :attempt)) ORDER BY id {order}",
        wanted(query)
    ))?;
    let mut rows = statement.query(named_params! {
        ":job": query.job.0,
        ":step": query.task.map(|task| task.step),
        ":idx": query.task.map(|task| task.index),
        ":epoch": query.fence.map(|fence| fence.epoch),
        ":attempt": query.fence.map(|fence| fence.attempt),
        ":after": query.after as i64,
    })?;
    let limit_bytes = query.limit_bytes.min(MAX_PAGE_BYTES);
    let mut page = LogPage { lines: Vec::new(), next: query.after, more: false };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if bytes >= limit_bytes && !page.lines.is_empty() {
            page.more = true;
            break;
        }
        page.next = page.next.max(row.get::<_, i64>(0)? as u64);
        let line = LogLine {
            job: query.job,
            task: TaskKey { step: row.get(1)?, index: row.get(2)? },
            fence: Fence { epoch: row.get(3)?, attempt: row.get(4)? },
            at: row.get::<_, i64>(6)? as u64,
            bytes: row.get(5)?,
        };
        bytes += line.bytes.len() as u64;
        page.lines.push(KeptLine { line, attempt: row.get(7)? });
    }
    Ok(page)
}
