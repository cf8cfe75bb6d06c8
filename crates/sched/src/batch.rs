use std::time::Duration;

use gridwell_model::{Chunking, TaskSpan};

/// Most runs of a program in one lease: bounds what one peer can hold up, and a report of them all.
pub(crate) const MOST_RUNS: u32 = 512;
/// A lease may hold this many times the tasks timed so far: one quick failure must not send hundreds after it.
const GROWTH: u64 = 8;
/// Tangents drawn to find an even finish: each either ends the search or leaves out lanes that begin too late, and few
/// groups of those differ enough to matter.
const MOST_TANGENTS: u32 = 8;

/// What is known when a lease is sized.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchInput {
    /// Seconds one run takes there, if tasks of the step have been timed.
    pub(crate) run_secs: Option<f64>,
    /// Tasks of the step timed so far, anywhere.
    pub(crate) timed: u64,
    /// Tasks of the step that wait for a place.
    pub(crate) ready: u32,
    /// Slots that the step could use on all machines together.
    pub(crate) slots: u32,
    /// Tasks in one run.
    pub(crate) chunk: u32,
    /// Work that a lease should hold.
    pub(crate) target: Duration,
    /// Round trip to the peer.
    pub(crate) round_trip: Duration,
}

/// Runs for one lease: enough work to outlast two round trips, little enough that the end is even.
///
/// Near the end it takes a half of an even share each time. Source: Polychronopoulos and Kuck, "Guided
/// self-scheduling", 1987.
pub(crate) fn runs_per_lease(input: &BatchInput) -> u32 {
    let Some(run_secs) = input.run_secs else {
        return 1;
    };
    let target = input.target.max(2 * input.round_trip).as_secs_f64();
    let by_time = (target / run_secs.max(1e-6)).floor() as u64;
    let runs_left = u64::from(input.ready.div_ceil(input.chunk.max(1)));
    let even = runs_left.div_ceil(2 * u64::from(input.slots.max(1)));
    by_time.min(input.timed * GROWTH).min(even).clamp(1, u64::from(MOST_RUNS)) as u32
}

/// Tasks in one run of the program: the step's default, or what takes about its target time.
pub(crate) fn chunk_size(chunking: Option<Chunking>, secs_per_task: Option<f64>) -> u32 {
    let Some(chunking) = chunking else {
        return 1;
    };
    let count = match secs_per_task {
        Some(secs) if chunking.target_secs > 0 => (f64::from(chunking.target_secs) / secs.max(1e-6)) as u32,
        _ => chunking.default_count,
    };
    count.clamp(1, chunking.row.max(1))
}

/// Tasks in the smallest run that a scheduler may ask for: sizes that nobody adapts stay as they are.
pub(crate) fn least_run(chunking: Option<Chunking>) -> u32 {
    if chunking.is_some_and(|chunking| chunking.target_secs > 0) { 1 } else { chunk_size(chunking, None) }
}

/// One machine's part in the rest of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane {
    /// Seconds until it begins.
    pub(crate) before_secs: f64,
    /// Tasks each second from then on.
    pub(crate) tasks_per_sec: f64,
}

/// Seconds after which all `ready` tasks are through if every lane works until then; `None` if not within `limit_secs`.
pub(crate) fn even_finish(lanes: impl Iterator<Item = Lane> + Clone, ready: u32, limit_secs: f64) -> Option<f64> {
    let mut finish = limit_secs;
    // What is done by a time grows with it, the faster the more lanes have begun: such a curve's tangent meets the line
    // of all tasks at or after the curve does, so each step comes closer and none goes too far.
    for step in 0..MOST_TANGENTS {
        let begun = lanes.clone().filter(|lane| lane.before_secs < finish);
        let (done, rate) = begun.fold((0.0, 0.0), |(done, rate), lane| {
            (done + lane.tasks_per_sec * (finish - lane.before_secs), rate + lane.tasks_per_sec)
        });
        let surplus = done - f64::from(ready);
        match step {
            0 if surplus < 0.0 || rate <= 0.0 => return None,
            _ if surplus <= 1e-9 * done => break,
            _ => finish -= surplus / rate,
        }
    }
    Some(finish)
}

/// The first `runs` runs of `available`, as one span whose last run may be short.
pub(crate) fn cut(available: TaskSpan, runs: u32, chunk: u32, row: Option<u32>) -> TaskSpan {
    let Some(row) = row else {
        return TaskSpan::new(available.start, available.end.min(available.start.saturating_add(runs)));
    };
    let row = row.max(1);
    let mut end = available.start;
    for _ in 0..runs {
        let row_end = (end / row + 1).saturating_mul(row);
        end = end.saturating_add(chunk).min(row_end).min(available.end);
        if end == available.end {
            break;
        }
    }
    TaskSpan::new(available.start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_batch() -> BatchInput {
        BatchInput {
            run_secs: Some(0.001),
            timed: 1_000,
            ready: 1_000_000,
            slots: 8,
            chunk: 1,
            target: Duration::from_millis(200),
            round_trip: Duration::ZERO,
        }
    }

    #[test]
    fn a_task_of_unknown_duration_goes_alone() {
        assert_eq!(runs_per_lease(&BatchInput { run_secs: None, ..a_batch() }), 1);
    }

    #[test]
    fn short_tasks_fill_the_target_time_and_long_ones_go_alone() {
        assert_eq!(runs_per_lease(&a_batch()), 200);
        assert_eq!(runs_per_lease(&BatchInput { run_secs: Some(60.0), ..a_batch() }), 1);
        assert_eq!(runs_per_lease(&BatchInput { run_secs: Some(1e-9), ..a_batch() }), MOST_RUNS);
    }

    #[test]
    fn batches_grow_with_what_was_timed() {
        assert_eq!(runs_per_lease(&BatchInput { timed: 2, ..a_batch() }), 16);
    }

    #[test]
    fn a_far_peer_gets_two_round_trips_of_work() {
        let far = BatchInput { run_secs: Some(0.1), round_trip: Duration::from_secs(1), ..a_batch() };
        assert_eq!(runs_per_lease(&far), 20);
    }

    #[test]
    fn the_last_batches_shrink_to_one() {
        assert_eq!(runs_per_lease(&BatchInput { ready: 160, ..a_batch() }), 10);
        assert_eq!(runs_per_lease(&BatchInput { ready: 3, ..a_batch() }), 1);
    }

    #[test]
    fn chunks_adapt_to_the_target_and_never_exceed_a_row() {
        let chunking = Chunking { default_count: 4, target_secs: 30, row: 25 };
        assert_eq!(chunk_size(None, Some(1.0)), 1);
        assert_eq!(chunk_size(Some(chunking), None), 4);
        assert_eq!(chunk_size(Some(chunking), Some(3.0)), 10);
        assert_eq!(chunk_size(Some(chunking), Some(0.1)), 25);
        assert_eq!(chunk_size(Some(chunking), Some(100.0)), 1);
        assert_eq!(chunk_size(Some(Chunking { target_secs: 0, ..chunking }), Some(3.0)), 4);
    }

    #[test]
    fn only_adapted_runs_can_be_as_small_as_one_task() {
        let chunking = Chunking { default_count: 4, target_secs: 30, row: 3 };
        assert_eq!(least_run(None), 1);
        assert_eq!(least_run(Some(chunking)), 1);
        assert_eq!(least_run(Some(Chunking { target_secs: 0, ..chunking })), 3);
    }

    #[test]
    fn lanes_that_begin_late_or_never_do_less_of_the_rest() {
        let lane = |before_secs: f64, tasks_per_sec: f64| Lane { before_secs, tasks_per_sec };
        let finish = |lanes: &[Lane], ready: u32| even_finish(lanes.iter().copied(), ready, 60.0);
        let near = |found: Option<f64>, secs: f64| assert!((found.unwrap() - secs).abs() < 1e-6, "{found:?}");
        near(finish(&[lane(0.0, 1.0); 3], 21), 7.0);
        near(finish(&[lane(0.0, 1.0), lane(4.0, 1.0)], 10), 7.0);
        near(finish(&[lane(0.0, 1.0), lane(50.0, 9.0)], 10), 10.0);
        near(finish(&[lane(0.0, 3.0), lane(0.0, 1.0)], 24), 6.0);
        assert_eq!(finish(&[lane(0.0, 1.0)], 61), None);
        assert_eq!(finish(&[lane(70.0, 1.0)], 1), None);
        assert_eq!(finish(&[], 1), None);
    }

    #[test]
    fn a_lease_ends_where_a_run_ends() {
        let all = TaskSpan::new(0, 50);
        assert_eq!(cut(all, 2, 10, Some(25)), TaskSpan::new(0, 20));
        assert_eq!(cut(all, 3, 10, Some(25)), TaskSpan::new(0, 25));
        assert_eq!(cut(all, 4, 10, Some(25)), TaskSpan::new(0, 35));
        assert_eq!(cut(TaskSpan::new(22, 50), 1, 10, Some(25)), TaskSpan::new(22, 25));
        assert_eq!(cut(all, 60, 1, None), all);
        assert_eq!(cut(TaskSpan::new(u32::MAX - 1, u32::MAX), 9, 9, Some(7)), TaskSpan::new(u32::MAX - 1, u32::MAX));
    }
}
