//! What happened, for people: files that landed, runs, notices and samples. Losing it loses no job.

use std::{collections::BTreeSet, time::Duration};

use gridwell_model::{JobId, PeerId, TaskKey};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    Durability, LandedFile, LandedPage, LandedQuery, Notice, NoticePage, NoticeQuery, Run, RunPage, RunQuery, Sample,
    Store, StoreError, notices, results, runs, samples,
};

/// How much of the past is kept. The oldest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastLimits {
    /// Notices.
    pub notices: u32,
    /// Age of the oldest notice.
    pub notice_age: Duration,
    /// Runs of one job.
    pub runs_of_job: u32,
    /// Runs of all jobs together.
    pub runs: u32,
    /// Landed files of one job; what lands beyond is not listed.
    pub files_of_job: u32,
    /// Landed files of all jobs together; the job that was first written about loses its list first.
    pub files: u32,
    /// Minutes of samples.
    pub sample_minutes: u32,
}

impl Default for PastLimits {
    /// A month of a busy grid's notices; as many runs of a job as a screen can show, and some 15 MB of all; lists of some
    /// 200 MB at most; a day of samples.
    fn default() -> Self {
        Self {
            notices: 20_000,
            notice_age: Duration::from_hours(30 * 24),
            runs_of_job: 20_000,
            runs: 200_000,
            files_of_job: 500_000,
            files: 1_000_000,
            sample_minutes: 24 * 60,
        }
    }
}

/// Things that happened, to be written at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// By id.
    pub notices: Vec<Notice>,
    /// In the order in which they ended.
    pub runs: Vec<Run>,
    /// By minute.
    pub samples: Vec<Sample>,
}

impl Past {
    /// True if nothing happened.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.runs.is_empty() && self.samples.is_empty()
    }
}

impl Store {
    /// Writes down what happened, within [`PastLimits`]; it survives the death of this process.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if nothing of it was kept.
    pub async fn record(&self, what: Past) -> Result<(), StoreError> {
        let (past, limits) = self.past();
        past.write(Durability::Written, move |connection| record(connection, &what, limits)).await
    }

    /// Removes the past of jobs that are not in `known`: of a job that was removed while something was written about it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it was not removed.
    pub async fn keep_past_of(&self, known: BTreeSet<JobId>) -> Result<(), StoreError> {
        self.past().0.write(Durability::Written, move |connection| keep_jobs(connection, &known)).await
    }

    /// Writes down files that a job brought home.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if none of them was kept.
    pub async fn record_landed(&self, job: JobId, files: Vec<LandedFile>) -> Result<(), StoreError> {
        let (past, limits) = self.past();
        let write = move |connection: &Connection| results::record(connection, job, &files, limits);
        past.write(Durability::Written, write).await
    }

    /// Reads a page of the files that a job brought home.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn landed(&self, query: LandedQuery) -> Result<LandedPage, StoreError> {
        let (past, limits) = self.past();
        past.reader.read(move |connection| results::read(connection, &query, limits)).await
    }

    /// The file of this kind that a job brought home last.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn newest_landed(&self, job: JobId, kind: u8) -> Result<Option<LandedFile>, StoreError> {
        self.past().0.reader.read(move |connection| results::newest(connection, job, kind)).await
    }

    /// The first file of this kind that a task made, in the order of folder and path.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn first_landed(&self, job: JobId, task: TaskKey, kind: u8) -> Result<Option<LandedFile>, StoreError> {
        self.past().0.reader.read(move |connection| results::first(connection, job, task, kind)).await
    }

    /// Writes down the proofs of files that a job brought home.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if none of them was kept.
    pub async fn record_proofs(&self, job: JobId, files: Vec<LandedFile>) -> Result<(), StoreError> {
        self.past().0.write(Durability::Written, move |connection| results::prove(connection, job, &files)).await
    }

    /// The first files of a job whose proof is more than 1, by step and index of their task.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn flawed(&self, job: JobId, limit: u32) -> Result<Vec<LandedFile>, StoreError> {
        self.past().0.reader.read(move |connection| results::flawed(connection, job, limit)).await
    }

    /// Reads runs that have ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn runs(&self, query: RunQuery) -> Result<RunPage, StoreError> {
        self.past().0.reader.read(move |connection| runs::read(connection, &query)).await
    }

    /// Reads a page of notices.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn notices(&self, query: NoticeQuery) -> Result<NoticePage, StoreError> {
        self.past().0.reader.read(move |connection| notices::read(connection, &query)).await
    }

    /// The largest id of a notice that was ever kept; 0 before the first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn last_notice(&self) -> Result<u64, StoreError> {
        self.past().0.reader.read(notices::last_id).await
    }

    /// Reads the samples of minute `from` (since 1970, UTC) and later.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn samples(&self, from: u64) -> Result<Vec<Sample>, StoreError> {
        self.past().0.reader.read(move |connection| samples::read(connection, from)).await
    }
}

fn record(connection: &Connection, past: &Past, limits: PastLimits) -> rusqlite::Result<()> {
    if !past.notices.is_empty() {
        notices::record(connection, &past.notices, limits)?;
    }
    if !past.runs.is_empty() {
        runs::record(connection, &past.runs, limits)?;
    }
    if !past.samples.is_empty() {
        samples::record(connection, &past.samples, limits)?;
    }
    Ok(())
}

pub(crate) fn remove_job(connection: &Connection, job: JobId) -> rusqlite::Result<()> {
    notices::remove_job(connection, job)?;
    if let Some(number) = known_job(connection, job)? {
        results::remove_job(connection, number)?;
        runs::remove_job(connection, number)?;
        connection.prepare_cached("DELETE FROM job WHERE number = ?1")?.execute(params![number])?;
    }
    Ok(())
}

/// Removes what is kept of jobs that are not in `known`: what was written behind their removal.
fn keep_jobs(connection: &Connection, known: &BTreeSet<JobId>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT job FROM job UNION SELECT job FROM notice WHERE job IS NOT NULL")?;
    let kept = statement.query_map([], |row| row.get(0).map(JobId))?.collect::<rusqlite::Result<Vec<_>>>()?;
    for job in kept.iter().filter(|job| !known.contains(job)) {
        remove_job(connection, *job)?;
    }
    Ok(())
}

/// The small number that stands for a job, if anything was written about it.
pub(crate) fn known_job(connection: &Connection, job: JobId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT number FROM job WHERE job = ?1")?
        .query_row(params![job.0], |row| row.get(0))
        .optional()
}

/// The small number that stands for a job; numbers grow in the order in which jobs are first written about.
pub(crate) fn job_number(connection: &Connection, job: JobId) -> rusqlite::Result<i64> {
    if let Some(number) = known_job(connection, job)? {
        return Ok(number);
    }
    connection.prepare_cached("INSERT INTO job (job) VALUES (?1)")?.insert(params![job.0])
}

/// The small number that stands for a machine.
pub(crate) fn machine_number(connection: &Connection, machine: PeerId) -> rusqlite::Result<i64> {
    let known = connection
        .prepare_cached("SELECT number FROM machine WHERE machine = ?1")?
        .query_row(params![machine.0], |row| row.get(0))
        .optional()?;
    match known {
        Some(number) => Ok(number),
        None => connection.prepare_cached("INSERT INTO machine (machine) VALUES (?1)")?.insert(params![machine.0]),
    }
}
