use std::collections::BTreeMap;

use gridwell_model::{JobId, PeerId, Stamp, TaskSpan, TaskState};
use rusqlite::{Connection, Row, named_params, params};

use crate::{
    PastLimits,
    past::{job_number, machine_number},
};

/// A run of a program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The job.
    pub job: JobId,
    /// Position of the step.
    pub step: u32,
    /// The tasks.
    pub tasks: TaskSpan,
    /// Where.
    pub machine: PeerId,
    /// When it began.
    pub started: Stamp,
    /// When it ended.
    pub ended: Stamp,
    /// How: done, failed, cancelled or lost.
    pub end: TaskState,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunQuery {
    /// Only this job.
    pub job: Option<JobId>,
    /// Only runs that ended at that moment or later.
    pub from: Stamp,
    /// Only runs that began before.
    pub to: Stamp,
    /// Most runs.
    pub limit: u32,
}

/// Runs that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunPage {
    /// By their end, newest first.
    pub runs: Vec<Run>,
    /// True if older ones were asked for that are not sent, or not kept any more.
    pub older: bool,
}

/// Which states of a task end a run, by the number that stands for them.
const ENDS: [TaskState; 4] = [TaskState::Done, TaskState::Failed, TaskState::Cancelled, TaskState::Lost];

/// One in so many runs is dropped beyond what the limit asks for, so that not every write drops some.
const SLACK: u32 = 16;

pub(crate) fn record(connection: &Connection, runs: &[Run], limits: PastLimits) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO run (job, step, first, count, machine, started, ended, end) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut machines = BTreeMap::new();
    let mut jobs = BTreeMap::<JobId, (i64, u32)>::new();
    for run in runs {
        let number = match jobs.get_mut(&run.job) {
            Some((number, count)) => {
                *count += 1;
                *number
            }
            None => jobs.entry(run.job).or_insert((job_number(connection, run.job)?, 1)).0,
        };
        let machine = match machines.get(&run.machine) {
            Some(machine) => *machine,
            None => *machines.entry(run.machine).or_insert(machine_number(connection, run.machine)?),
        };
        let end = ENDS.iter().position(|end| *end == run.end).unwrap_or(0) as u8;
        let (first, count) = (run.tasks.start, run.tasks.len());
        let (started, ended) = (run.started.0 as i64, run.ended.0 as i64);
        insert.execute(params![number, run.step, first, count, machine, started, ended, end])?;
    }
    for (number, count) in jobs.into_values() {
        let kept: u32 = connection
            .prepare_cached("UPDATE job SET runs = runs + ?2 WHERE number = ?1 RETURNING runs")?
            .query_row(params![number, count], |row| row.get(0))?;
        if kept > limits.runs_of_job {
            drop_oldest_of(connection, number, kept - limits.runs_of_job + limits.runs_of_job / SLACK)?;
        }
    }
    trim(connection, limits.runs)
}

fn drop_oldest_of(connection: &Connection, number: i64, count: u32) -> rusqlite::Result<()> {
    let dropped = connection
        .prepare_cached("DELETE FROM run WHERE id IN (SELECT id FROM run WHERE job = ?1 ORDER BY ended LIMIT ?2)")?
        .execute(params![number, count])?;
    connection
        .prepare_cached("UPDATE job SET runs = runs - ?2, runs_dropped = 1 WHERE number = ?1")?
        .execute(params![number, dropped as i64])?;
    Ok(())
}

/// Drops runs of the job that was first written about, then of the next.
fn trim(connection: &Connection, limit: u32) -> rusqlite::Result<()> {
    let total: u32 = connection.prepare_cached("SELECT sum(runs) FROM job")?.query_row([], |row| row.get(0))?;
    if total <= limit {
        return Ok(());
    }
    let mut surplus = total - limit + limit / SLACK;
    while surplus > 0 {
        let (number, runs): (i64, u32) = connection
            .prepare_cached("SELECT number, runs FROM job WHERE runs > 0 ORDER BY number LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let dropped = runs.min(surplus);
        drop_oldest_of(connection, number, dropped)?;
        surplus -= dropped;
    }
    Ok(())
}

pub(crate) fn remove_job(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM run WHERE job = ?1")?.execute(params![number])?;
    Ok(())
}

pub(crate) fn read(connection: &Connection, query: &RunQuery) -> rusqlite::Result<RunPage> {
    // A condition on nothing leaves the choice of the index alone.
    let of_job =
        if query.job.is_some() { "run.job = (SELECT number FROM job WHERE job = :job)" } else { ":job IS NULL" };
    let sql = format!(
        "SELECT job.job, step, first, count, machine.machine, started, ended, end
         FROM run JOIN job ON job.number = run.job JOIN machine ON machine.number = run.machine
         WHERE {of_job} AND ended >= :from AND started < :to ORDER BY ended DESC, id DESC LIMIT :limit"
    );
    let stamp = |stamp: Stamp| i64::try_from(stamp.0).unwrap_or(i64::MAX);
    let mut runs = connection
        .prepare_cached(&sql)?
        .query_map(
            named_params! {
                ":job": query.job.map(|job| job.0),
                ":from": stamp(query.from),
                ":to": stamp(query.to),
                ":limit": i64::from(query.limit) + 1,
            },
            run,
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let older = runs.len() > query.limit as usize;
    runs.truncate(query.limit as usize);
    Ok(RunPage { runs, older: older || has_dropped(connection, query)? })
}

/// True if runs were dropped that could have been among those asked for.
fn has_dropped(connection: &Connection, query: &RunQuery) -> rusqlite::Result<bool> {
    // What was dropped is older than what is kept of the same job.
    connection
        .prepare_cached(
            "SELECT EXISTS (
                SELECT 1 FROM job WHERE runs_dropped = 1 AND (:job IS NULL OR job = :job)
                    AND coalesce((SELECT min(ended) FROM run WHERE run.job = job.number), :from) >= :from)",
        )?
        .query_row(
            named_params! {
                ":job": query.job.map(|job| job.0),
                ":from": i64::try_from(query.from.0).unwrap_or(i64::MAX),
            },
            |row| row.get(0),
        )
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let (first, count): (u32, u32) = (row.get(2)?, row.get(3)?);
    Ok(Run {
        job: JobId(row.get(0)?),
        step: row.get(1)?,
        tasks: TaskSpan::new(first, first.saturating_add(count)),
        machine: PeerId(row.get(4)?),
        started: Stamp(row.get::<_, i64>(5)? as u64),
        ended: Stamp(row.get::<_, i64>(6)? as u64),
        end: ENDS.get(usize::from(row.get::<_, u8>(7)?)).copied().unwrap_or(TaskState::Lost),
    })
}
