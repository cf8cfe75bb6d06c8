//! Which machine ran what, and when: what runs now from memory, what ended from the store.

use std::{collections::BTreeMap, time::Duration};

use gridwell_api::{Bar, Response, TimelineRequest, TimelineView};
use gridwell_ledger::{LeaseEnd, TaskEnd};
use gridwell_model::{AttemptEnd, JobId, LeaseId, PeerId, Stamp, TaskResult, TaskSpan, TaskSpans, TaskState};
use gridwell_store::{Run, RunQuery, Store, StoreError};

use super::{Core, door::storage, facts::Reply};
use crate::recorder::{Happened, Recorder};

/// Runs that followed each other, came in one report and took less than this altogether are one bar: nobody can tell them
/// apart on a screen, and thousands a second would be written.
const SHORT: Duration = Duration::from_millis(100);

/// Runs under the leases that this steward granted.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    leases: BTreeMap<LeaseId, Lane>,
}

/// Runs under one lease: one after another, those that have ended until their results are home.
#[derive(Debug)]
struct Lane {
    machine: PeerId,
    step: u32,
    /// By the first task.
    going: BTreeMap<u32, Going>,
    /// When the last run ended: the next one began later.
    free_since: Stamp,
}

/// A run that is not written down yet.
#[derive(Debug, Clone, Copy)]
struct Going {
    tasks: TaskSpan,
    started: Stamp,
    /// When its program ended, once that was reported.
    ended: Option<Stamp>,
}

impl Timeline {
    /// A machine says that it runs these tasks, for the first time or again.
    pub(super) fn running(&mut self, lease: LeaseId, machine: PeerId, step: u32, tasks: TaskSpan, now: Stamp) {
        let lane = self.lane(lease, machine, step);
        let going = Going { tasks, started: now.max(lane.free_since), ended: None };
        lane.going.entry(tasks.start).or_insert(going);
    }

    /// A machine reported how runs ended, in the order in which they did; only those of `open` tasks count.
    ///
    /// How long a run took is known better than when it began: heartbeats travel behind.
    pub(super) fn reported(
        &mut self,
        lease: LeaseId,
        machine: PeerId,
        step: u32,
        open: &TaskSpans,
        results: &[TaskResult],
        now: Stamp,
    ) {
        let lane = self.lane(lease, machine, step);
        let mut end = now;
        for result in results.iter().rev().filter(|result| open.contains(result.tasks.start) && has_run(&result.end)) {
            let run_ms = result.run_micros / 1_000;
            let latest_start = Stamp(end.0.saturating_sub(run_ms));
            let known = lane.going.get(&result.tasks.start).copied();
            if known.is_none() && result.run_micros == 0 || known.is_some_and(|known| known.ended.is_some()) {
                continue;
            }
            let started = known.map_or(latest_start, |known| known.started.min(latest_start)).max(lane.free_since);
            let ended = if run_ms == 0 { end } else { Stamp(started.0.saturating_add(run_ms)).min(now) };
            let ended = ended.max(started);
            lane.going.insert(result.tasks.start, Going { tasks: result.tasks, started, ended: Some(ended) });
            end = started;
        }
        lane.free_since = lane.going.values().filter_map(|going| going.ended).fold(lane.free_since, Stamp::max);
    }

    /// Runs are counted, their results are home: takes them out, to be written down.
    pub(super) fn counted(&mut self, lease: LeaseId, ends: &[TaskEnd]) -> Vec<Run> {
        let Some(lane) = self.leases.get_mut(&lease) else {
            return Vec::new();
        };
        let mut runs: Vec<Run> = Vec::new();
        for end in ends {
            let Some(going) = lane.going.remove(&end.tasks.start) else { continue };
            let ended = going.ended.unwrap_or(going.started);
            let run = Run {
                job: lease.job,
                step: lane.step,
                tasks: going.tasks,
                machine: lane.machine,
                started: going.started,
                ended,
                end: state_of(&end.end),
            };
            match runs.last_mut() {
                Some(last) if follows(last, &run) => {
                    last.tasks = TaskSpan::new(last.tasks.start, run.tasks.end);
                    last.ended = run.ended;
                }
                _ => runs.push(run),
            }
        }
        runs
    }

    /// A lease is over. With its machine everything is lost that was not counted; else only what was still running: another
    /// machine had the result first.
    pub(super) fn lease_ended(&mut self, lease: LeaseId, end: LeaseEnd, now: Stamp) -> Vec<Run> {
        let Some(lane) = self.leases.remove(&lease) else {
            return Vec::new();
        };
        let gone = matches!(end, LeaseEnd::Expired | LeaseEnd::Vanished);
        let lost = |going: &&Going| gone || end == LeaseEnd::Finished && going.ended.is_none();
        let run = |going: &Going| Run {
            job: lease.job,
            step: lane.step,
            tasks: going.tasks,
            machine: lane.machine,
            started: going.started,
            ended: going.ended.unwrap_or(now).max(going.started),
            end: TaskState::Lost,
        };
        lane.going.values().filter(lost).map(run).collect()
    }

    /// Bars of what runs now, or whose results are still on their way home.
    fn bars(&self, job: Option<JobId>) -> impl Iterator<Item = Bar> {
        let lanes = self.leases.iter().filter(move |(lease, _)| job.is_none_or(|job| lease.job == job));
        lanes.flat_map(|(lease, lane)| {
            lane.going.values().map(|going| Bar {
                job: lease.job,
                step: lane.step,
                tasks: going.tasks,
                machine: lane.machine,
                started: going.started,
                ended: None,
                state: TaskState::Running,
            })
        })
    }

    fn lane(&mut self, lease: LeaseId, machine: PeerId, step: u32) -> &mut Lane {
        let lane = || Lane { machine, step, going: BTreeMap::new(), free_since: Stamp(0) };
        self.leases.entry(lease).or_insert_with(lane)
    }
}

fn has_run(end: &AttemptEnd) -> bool {
    !matches!(end, AttemptEnd::Returned)
}

const fn state_of(end: &AttemptEnd) -> TaskState {
    match end {
        AttemptEnd::Succeeded => TaskState::Done,
        AttemptEnd::Failed { .. } => TaskState::Failed,
        AttemptEnd::Cancelled | AttemptEnd::Returned => TaskState::Cancelled,
    }
}

/// True if the second began behind the first, ended alike, and both together are short.
fn follows(first: &Run, second: &Run) -> bool {
    first.end == second.end
        && first.tasks.end == second.tasks.start
        && second.started >= first.ended
        && u128::from(second.ended.0.saturating_sub(first.started.0)) < SHORT.as_millis()
}

impl Core {
    /// Writes down runs that have ended.
    pub(super) fn note_runs(&self, runs: Vec<Run>) {
        runs.into_iter().for_each(|run| self.recorder.note(Happened::Run(run)));
    }

    /// Answers with bars, read beside the loop.
    pub(super) fn timeline(&self, request: &TimelineRequest, reply: Reply) {
        let job = match request.job.as_deref().map(|job| self.find(job)).transpose() {
            Ok(found) => found.map(|(job, _)| job),
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let limit = match request.limit {
            0 => TimelineRequest::MAX_LIMIT,
            asked => asked.min(TimelineRequest::MAX_LIMIT),
        };
        let (from, to) = (request.from.unwrap_or(Stamp(0)), request.to.unwrap_or(Stamp(u64::MAX)));
        let running: Vec<_> = self.timeline.bars(job).filter(|bar| bar.started < to).take(limit as usize).collect();
        let query = RunQuery { job, from, to, limit: limit - running.len() as u32 };
        let (store, recorder) = (self.store.clone(), self.recorder.clone());
        self.beside.spawn(async move {
            let view = view(&store, &recorder, query, running).await.map(Response::Timeline);
            let _gone = reply.send(view.map_err(|error| storage(&error)));
        });
    }
}

async fn view(
    store: &Store,
    recorder: &Recorder,
    query: RunQuery,
    running: Vec<Bar>,
) -> Result<TimelineView, StoreError> {
    recorder.caught_up().await;
    let page = store.runs(query).await?;
    let key = |bar: &Bar| (bar.started, bar.machine, bar.job, bar.step, bar.tasks.start);
    let mut bars: BTreeMap<_, Bar> = running.into_iter().map(|bar| (key(&bar), bar)).collect();
    // What ended since the loop was asked takes the place of what ran.
    bars.extend(page.runs.into_iter().map(|run| {
        let Run { job, step, tasks, machine, started, ended, end } = run;
        let bar = Bar { job, step, tasks, machine, started, ended: Some(ended), state: end };
        (key(&bar), bar)
    }));
    Ok(TimelineView { bars: bars.into_values().collect(), truncated: page.older })
}

#[cfg(test)]
mod tests {
    use gridwell_model::{FailureKind, Fence};

    use super::*;

    const LEASE: LeaseId = LeaseId { job: JobId([1; 10]), fence: Fence { epoch: 1, attempt: 1 } };
    const MACHINE: PeerId = PeerId([2; 32]);

    fn span(start: u32, end: u32) -> TaskSpan {
        TaskSpan::new(start, end)
    }

    fn result(tasks: TaskSpan, run_ms: u64) -> TaskResult {
        TaskResult {
            tasks,
            end: AttemptEnd::Succeeded,
            run_micros: run_ms * 1_000,
            energy: None,
            outputs: Vec::new(),
            checkpoint: None,
        }
    }

    /// Begun, told and counted at once.
    fn count(timeline: &mut Timeline, open: TaskSpans, results: &[TaskResult], now: u64) -> Vec<(u32, u64, u64)> {
        timeline.reported(LEASE, MACHINE, 0, &open, results, Stamp(now));
        let ends: Vec<TaskEnd> = results.iter().cloned().map(TaskEnd::from).collect();
        let runs = timeline.counted(LEASE, &ends);
        runs.iter().map(|run| (run.tasks.start, run.started.0, run.ended.0)).collect()
    }

    fn open(end: u32) -> TaskSpans {
        TaskSpans::first(end)
    }

    #[test]
    fn a_run_begins_when_its_machine_said_so_or_as_long_before_its_end_as_it_took() {
        let mut timeline = Timeline::default();
        timeline.running(LEASE, MACHINE, 0, span(0, 1), Stamp(1_000));
        timeline.running(LEASE, MACHINE, 0, span(0, 1), Stamp(3_000));
        assert_eq!(count(&mut timeline, open(9), &[result(span(0, 1), 2_000)], 5_000), [(0, 1_000, 3_000)]);
        assert_eq!(count(&mut timeline, open(9), &[result(span(1, 2), 500)], 6_000), [(1, 5_500, 6_000)]);
        // The heartbeat came late: how long it took is known better.
        timeline.running(LEASE, MACHINE, 0, span(2, 3), Stamp(6_900));
        assert_eq!(count(&mut timeline, open(9), &[result(span(2, 3), 900)], 7_000), [(2, 6_100, 7_000)]);
    }

    #[test]
    fn runs_in_one_report_follow_each_other_and_short_ones_are_one_bar() {
        let mut timeline = Timeline::default();
        let long = [result(span(0, 1), 400), result(span(1, 2), 600)];
        assert_eq!(count(&mut timeline, open(9), &long, 2_000), [(0, 1_000, 1_400), (1, 1_400, 2_000)]);
        let short: Vec<_> = (2..8).map(|n| result(span(n, n + 1), 5)).collect();
        assert_eq!(count(&mut timeline, open(9), &short, 3_000), [(2, 2_970, 3_000)]);
        let failed = TaskResult {
            end: AttemptEnd::Failed { kind: FailureKind::Program, exit_code: Some(1), reason: String::new() },
            ..result(span(8, 9), 5)
        };
        let mixed = [result(span(7, 8), 5), failed];
        assert_eq!(count(&mut timeline, open(9), &mixed, 4_000), [(7, 3_990, 3_995), (8, 3_995, 4_000)]);
    }

    #[test]
    fn what_is_not_open_or_never_ran_makes_no_bar() {
        let mut timeline = Timeline::default();
        let never = TaskResult { end: AttemptEnd::Returned, ..result(span(1, 2), 0) };
        assert_eq!(count(&mut timeline, open(2), &[result(span(5, 6), 10), never], 1_000), []);
        assert_eq!(count(&mut timeline, open(2), &[result(span(0, 1), 10)], 1_000), [(0, 990, 1_000)]);
        assert_eq!(count(&mut timeline, TaskSpans::default(), &[result(span(0, 1), 10)], 2_000), []);
    }

    #[test]
    fn what_lands_still_runs_and_what_its_machine_took_along_is_lost() {
        let mut timeline = Timeline::default();
        timeline.reported(LEASE, MACHINE, 0, &open(9), &[result(span(0, 1), 10)], Stamp(1_000));
        timeline.running(LEASE, MACHINE, 0, span(1, 2), Stamp(1_100));
        let bars: Vec<_> = timeline.bars(Some(LEASE.job)).collect();
        assert_eq!(bars.iter().map(|bar| (bar.started.0, bar.ended)).collect::<Vec<_>>(), [(990, None), (1_100, None)]);
        assert_eq!(timeline.bars(Some(JobId([9; 10]))).count(), 0);

        let lost = timeline.lease_ended(LEASE, LeaseEnd::Expired, Stamp(2_000));

        let ends: Vec<_> = lost.iter().map(|run| (run.tasks.start, run.ended.0, run.end)).collect();
        assert_eq!(ends, [(0, 1_000, TaskState::Lost), (1, 2_000, TaskState::Lost)]);
        assert_eq!(timeline.bars(None).count(), 0);
    }

    #[test]
    fn a_lease_given_back_leaves_nothing() {
        let mut timeline = Timeline::default();
        timeline.running(LEASE, MACHINE, 0, span(0, 1), Stamp(1_000));
        assert_eq!(timeline.lease_ended(LEASE, LeaseEnd::Declined, Stamp(2_000)), []);
        assert_eq!(timeline.bars(None).count(), 0);
    }

    #[test]
    fn what_another_machine_overtook_is_lost_and_what_was_reported_is_not() {
        let mut timeline = Timeline::default();
        timeline.reported(LEASE, MACHINE, 0, &open(9), &[result(span(0, 1), 10)], Stamp(1_000));
        timeline.running(LEASE, MACHINE, 0, span(1, 2), Stamp(1_100));

        let lost = timeline.lease_ended(LEASE, LeaseEnd::Finished, Stamp(2_000));

        let ends: Vec<_> = lost.iter().map(|run| (run.tasks.start, run.ended.0, run.end)).collect();
        assert_eq!(ends, [(1, 2_000, TaskState::Lost)]);
    }
}
