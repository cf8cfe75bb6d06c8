//! Runs that take far longer than their like get a second attempt on a machine that has nothing else to do.

use std::time::Duration;

use gridwell_model::{LeaseId, TaskSpan, Time};

use crate::{
    Effect, Placement, PlacementId, Scheduler, Terms,
    board::Access,
    scheduler::{Lease, LeasePlace},
};

/// A run is late when it has taken this many times as long as such runs take there.
///
/// Source: Spark 4, `spark.speculation.multiplier`.
const LATE: f64 = 3.0;
/// It is late by at least this much: a second attempt costs about as long to fetch, start and report.
const LEAST_LATE_SECS: f64 = 2.0;
/// Tasks of a step that must have been timed before any of it is late.
const LIKE: u64 = 3;
/// The second attempt is clearly sooner when it takes this share of what the first one still needs.
const CLEARLY_SOONER: f64 = 0.8;
/// Second attempts at one run, should machines decline or lose them.
const MOST_TRIES: u8 = 2;
/// How often runs are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The run of a lease that runs now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    span: TaskSpan,
    since: Time,
    /// 0 … 1, if the program says.
    progress: Option<f64>,
    tries: u8,
    has_second: bool,
}

/// A run that is late, and the machine that would be done with it sooner.
struct Late {
    first: PlacementId,
    lease: LeaseId,
    step: u32,
    span: TaskSpan,
    peer: usize,
    terms: Terms,
    expected: Duration,
}

impl Run {
    /// Seconds that it has taken and that it needs still: by what its program says, else as long again.
    fn taken_and_left(&self, now: Time) -> (f64, f64) {
        let taken = now.since(self.since).as_secs_f64();
        let share = self.progress.filter(|share| *share > 0.0);
        (taken, share.map_or(taken, |share| taken * (1.0 - share).max(0.0) / share))
    }
}

impl Scheduler {
    /// A lease runs these tasks now.
    pub(crate) fn run_seen(&mut self, lease: LeaseId, span: TaskSpan, progress: Option<f32>) {
        let now = self.world.now;
        let placement = self.granted.get(&lease).and_then(|placement| self.leases.get_mut(placement));
        let Some(known) = placement else { return };
        let same = known.run.filter(|run| run.span == span);
        let fresh = Run { span, since: now, progress: None, tries: 0, has_second: false };
        let progress = progress.map(|percent| f64::from(percent) / 100.0);
        known.run = Some(Run { progress, ..same.unwrap_or(fresh) });
        self.look_later();
    }

    /// It runs them no longer; what they made may still be on its way.
    pub(crate) fn run_over(&mut self, lease: LeaseId) {
        if let Some(known) = self.granted.get(&lease).and_then(|placement| self.leases.get_mut(placement)) {
            known.run = None;
        }
    }

    fn look_later(&mut self) {
        if self.look_at.is_none() {
            let at = self.world.now + LOOK_EVERY;
            self.look_at = Some(at);
            self.wake_at(at);
        }
    }

    /// A second attempt is over: there may be another one.
    pub(crate) fn second_ended(&mut self, first: PlacementId) {
        if let Some(run) = self.leases.get_mut(&first).and_then(|lease| lease.run.as_mut()) {
            run.has_second = false;
        }
    }

    /// Finds a machine for one run that is late.
    pub(crate) fn place_second(&mut self) {
        self.look = false;
        if self.leases.values().any(|lease| lease.run.is_some()) {
            self.look_later();
        }
        let running: Vec<(PlacementId, LeaseId)> = self
            .granted
            .iter()
            .filter(|(_, placement)| {
                let run = self.leases.get(placement).and_then(|lease| lease.run);
                run.is_some_and(|run| !run.has_second && run.tries < MOST_TRIES)
            })
            .map(|(lease, placement)| (*placement, *lease))
            .collect();
        for (first, lease) in running {
            if let Some(late) = self.find_late(first, lease) {
                // Others may be late, too.
                self.look = true;
                return self.book_second(late);
            }
        }
    }

    fn find_late(&mut self, first: PlacementId, id: LeaseId) -> Option<Late> {
        let lease = self.leases.get(&first)?;
        let (run, holder, step_index) = (lease.run?, lease.peer, lease.step);
        let (taken, left) = run.taken_and_left(self.world.now);
        let (_, job, turn) = self.jobs.get(id.job)?;
        // Tasks that were never tried come first.
        if turn.ready > 0 || !job.may_repeat {
            return None;
        }
        let step = job.steps.get_mut(step_index as usize)?;
        let tasks = f64::from(run.span.len());
        if step.facts.pace.timed() < LIKE || self.limits.lacking(&step.facts.limits, self.world.now).next().is_some() {
            return None;
        }
        step.board.catch_up(&self.world, &job.facts, &step.facts);
        let usual = step.board.seats[holder].task_secs * tasks;
        if taken < (LATE * usual).max(usual + LEAST_LATE_SECS) {
            return None;
        }
        let open = (0..step.board.seats.len())
            .filter(|at| *at != holder && !step.sick.contains(at) && step.board.seats[*at].access == Access::Open);
        let cost = |at: &usize| {
            let seat = &step.board.seats[*at];
            Terms { run_secs: seat.task_secs * tasks, ..seat.terms }.cost_secs()
        };
        let peer = open.min_by(|left, right| cost(left).total_cmp(&cost(right)))?;
        let secs = cost(&peer);
        (secs < CLEARLY_SOONER * left).then(|| Late {
            first,
            lease: id,
            step: step_index,
            span: run.span,
            peer,
            terms: Terms { run_secs: step.board.seats[peer].task_secs * tasks, ..step.board.seats[peer].terms },
            expected: Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX),
        })
    }

    fn book_second(&mut self, late: Late) {
        let Late { first, lease, step, span, peer, terms, expected } = late;
        let id = self.next_placement();
        let Some((_, job, turn)) = self.jobs.get(lease.job) else { return };
        let facts = &job.steps[step as usize].facts;
        let (room, limits) = (facts.room_on(&self.world.peers[peer]), facts.limits.clone());
        let reserve = facts.reserve_on(&self.world.peers[peer]);
        let submitter = turn.submitter;
        self.limits.take(&limits);
        let place = LeasePlace::Ahead;
        self.leases.insert(
            id,
            Lease { peer, submitter, room, expected, place, limits, step, run: None, second_of: Some(first) },
        );
        self.start(id);
        if let Some(run) = self.leases.get_mut(&first).and_then(|lease| lease.run.as_mut()) {
            (run.has_second, run.tries) = (true, run.tries + 1);
        }
        self.world.touch(peer);
        self.effects.push_back(Effect::Place(Placement {
            id,
            job: lease.job,
            step,
            span,
            chunk: span.len(),
            peer: self.world.peers[peer].id,
            reserve,
            ahead: false,
            terms,
            second_of: Some(lease),
        }));
    }
}
