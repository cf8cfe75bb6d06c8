use gridwell_model::JobId;
use rusqlite::{Connection, params};

use crate::journal::job_column;

/// How a job of another machine stands, for the next run of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndNote {
    /// It has ended.
    Ended {
        /// Which.
        job: JobId,
        /// The last entry of its journal.
        entry: u64,
    },
    /// Nothing is to be remembered of it any more.
    Forgotten {
        /// Which.
        job: JobId,
    },
}

/// Keeps notes, in their order.
pub(crate) fn note(connection: &Connection, notes: &[EndNote]) -> rusqlite::Result<()> {
    let mut keep = connection.prepare_cached(
        "INSERT INTO job_end (job, entry) VALUES (?1, ?2) ON CONFLICT (job) DO UPDATE SET entry = ?2",
    )?;
    let mut forget = connection.prepare_cached("DELETE FROM job_end WHERE job = ?1")?;
    for note in notes {
        match note {
            EndNote::Ended { job, entry } => keep.execute(params![job.0, i64::try_from(*entry).unwrap_or(i64::MAX)])?,
            EndNote::Forgotten { job } => forget.execute(params![job.0])?,
        };
    }
    Ok(())
}

/// Every job of which it is noted that it has ended, and its last entry; what was noted first comes first.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<(JobId, u64)>> {
    let end = |row: &rusqlite::Row<'_>| Ok((JobId(job_column(row, 0)?), row.get::<_, i64>(1)?.cast_unsigned()));
    connection.prepare_cached("SELECT job, entry FROM job_end ORDER BY id")?.query_map([], end)?.collect()
}
