use gridwell_model::{JobId, PeerId, Stamp};
use rusqlite::{Connection, Row, named_params, params};

use crate::PastLimits;

/// Something a person should know. What its kind and level mean is the node's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Grows from notice to notice.
    pub id: u64,
    /// When.
    pub at: Stamp,
    /// What it is about, as a number.
    pub kind: u8,
    /// How much it matters, as a number.
    pub level: u8,
    /// One sentence.
    pub sentence: String,
    /// The job it is about.
    pub job: Option<JobId>,
    /// The machine it is about.
    pub machine: Option<PeerId>,
}

/// Which notices are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeQuery {
    /// Only smaller ids.
    pub before: Option<u64>,
    /// Only about this job.
    pub job: Option<JobId>,
    /// Most notices.
    pub limit: u32,
}

/// A page of notices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticePage {
    /// Newest first.
    pub notices: Vec<Notice>,
    /// True if there are older ones.
    pub more: bool,
}

pub(crate) fn record(connection: &Connection, notices: &[Notice], limits: PastLimits) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO notice (id, at, kind, level, sentence, job, machine) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for Notice { id, at, kind, level, sentence, job, machine } in notices {
        let (job, machine) = (job.map(|job| job.0), machine.map(|machine| machine.0));
        insert.execute(params![*id as i64, at.0 as i64, kind, level, sentence, job, machine])?;
    }
    trim(connection, notices, limits)
}

/// The newest notice's moment is the present: a clock that was wrong once must not empty the list.
fn trim(connection: &Connection, notices: &[Notice], limits: PastLimits) -> rusqlite::Result<()> {
    let Some(newest) = notices.last() else { return Ok(()) };
    let age_ms = u64::try_from(limits.notice_age.as_millis()).unwrap_or(u64::MAX);
    connection
        .prepare_cached(
            "DELETE FROM notice WHERE id IN (
                SELECT id FROM notice ORDER BY id DESC LIMIT -1 OFFSET ?1) OR (at < ?2 AND id < ?3)",
        )?
        .execute(params![limits.notices, newest.at.0.saturating_sub(age_ms) as i64, newest.id as i64])?;
    Ok(())
}

/// The largest id ever kept; 0 before the first.
pub(crate) fn last_id(connection: &Connection) -> rusqlite::Result<u64> {
    let last: i64 = connection.query_row(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'notice'), 0)",
        [],
        |row| row.get(0),
    )?;
    Ok(last as u64)
}

pub(crate) fn remove_job(connection: &Connection, job: JobId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM notice WHERE job = ?1")?.execute(params![job.0])?;
    Ok(())
}

pub(crate) fn read(connection: &Connection, query: &NoticeQuery) -> rusqlite::Result<NoticePage> {
    // A condition on nothing leaves the choice of the index alone.
    let of_job = if query.job.is_some() { "job = :job" } else { ":job IS NULL" };
    let sql = format!(
        "SELECT id, at, kind, level, sentence, job, machine FROM notice
         WHERE {of_job} AND id < :before ORDER BY id DESC LIMIT :limit"
    );
    let mut notices = connection
        .prepare_cached(&sql)?
        .query_map(
            named_params! {
                ":job": query.job.map(|job| job.0),
                ":before": query.before.and_then(|id| i64::try_from(id).ok()).unwrap_or(i64::MAX),
                ":limit": i64::from(query.limit) + 1,
            },
            notice,
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = notices.len() > query.limit as usize;
    notices.truncate(query.limit as usize);
    Ok(NoticePage { notices, more })
}

fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        id: row.get::<_, i64>(0)? as u64,
        at: Stamp(row.get::<_, i64>(1)? as u64),
        kind: row.get(2)?,
        level: row.get(3)?,
        sentence: row.get(4)?,
        job: row.get::<_, Option<[u8; 10]>>(5)?.map(JobId),
        machine: row.get::<_, Option<[u8; 32]>>(6)?.map(PeerId),
    })
}
