use gridwell_model::PeerId;
use rusqlite::{Connection, OptionalExtension as _, params};

/// How fast old runs stop counting: each newer task weighs this much more, so about the last 20 tasks matter.
const DECAY_PER_TASK: f64 = 0.95;

/// Tasks of one recipe that ended well on one peer.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// The recipe.
    pub recipe: String,
    /// Where they ran.
    pub peer: PeerId,
    /// Mean run time of these tasks in seconds.
    pub secs_per_task: f64,
    /// How many there were; none changes nothing.
    pub tasks: u32,
}

/// What past runs say about a recipe on a peer.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHistory {
    /// The recipe.
    pub recipe: String,
    /// The peer.
    pub peer: PeerId,
    /// Decaying mean of a task's run time in seconds: about the last 20 tasks matter.
    pub secs_per_task: f64,
    /// Tasks ever recorded.
    pub tasks: u64,
}

/// A decaying mean and the weight behind it, which approaches `1 / (1 - DECAY_PER_TASK)`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct DecayingMean {
    mean: f64,
    weight: f64,
}

impl DecayingMean {
    /// Adds `tasks` values of equal size `value`: the sum of a geometric series, so that one batch equals single tasks.
    fn with(self, value: f64, tasks: u32) -> Self {
        let decay = DECAY_PER_TASK.powf(f64::from(tasks));
        let added = (1.0 - decay) / (1.0 - DECAY_PER_TASK);
        let weight = self.weight * decay + added;
        Self { mean: (self.mean * self.weight * decay + value * added) / weight, weight }
    }
}

pub(crate) fn record(connection: &Connection, runs: &[RunRecord]) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached("SELECT secs, weight FROM history WHERE recipe = ?1 AND peer = ?2")?;
    let mut upsert = connection.prepare_cached(
        "INSERT INTO history (recipe, peer, secs, weight, tasks) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (recipe, peer) DO UPDATE SET secs = ?3, weight = ?4, tasks = tasks + ?5",
    )?;
    for run in runs.iter().filter(|run| run.tasks > 0 && run.secs_per_task.is_finite()) {
        let before = select
            .query_row(params![run.recipe, run.peer.0], |row| {
                Ok(DecayingMean { mean: row.get(0)?, weight: row.get(1)? })
            })
            .optional()?
            .unwrap_or(DecayingMean { mean: 0.0, weight: 0.0 });
        let after = before.with(run.secs_per_task, run.tasks);
        upsert.execute(params![run.recipe, run.peer.0, after.mean, after.weight, run.tasks])?;
    }
    Ok(())
}

pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<RunHistory>> {
    connection
        .prepare_cached("SELECT recipe, peer, secs, tasks FROM history ORDER BY recipe, peer")?
        .query_map([], |row| {
            Ok(RunHistory {
                recipe: row.get(0)?,
                peer: PeerId(row.get(1)?),
                secs_per_task: row.get(2)?,
                tasks: row.get::<_, i64>(3)? as u64,
            })
        })?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_counts_like_its_tasks_one_by_one() {
        let start = DecayingMean { mean: 4.0, weight: 3.0 };
        let mut single = start;
        for _ in 0..7 {
            single = single.with(2.0, 1);
        }
        let batch = start.with(2.0, 7);
        assert!((single.mean - batch.mean).abs() < 1e-9 && (single.weight - batch.weight).abs() < 1e-9);
    }

    #[test]
    fn old_runs_fade() {
        let slow = DecayingMean { mean: 0.0, weight: 0.0 }.with(100.0, 1_000);
        assert!((slow.mean - 100.0).abs() < 1e-9);
        let faster = slow.with(1.0, 100);
        assert!(faster.mean < 2.0, "{faster:?}");
    }
}
