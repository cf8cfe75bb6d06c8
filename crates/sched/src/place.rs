use std::time::Duration;

use gridwell_model::TaskSpan;

use crate::{
    Effect, Placement, Scheduler, Terms,
    batch::{BatchInput, cut, runs_per_lease},
    board::{Access, Board, World},
    jobs::Step,
    random::Random,
    scheduler::{Lease, LeasePlace},
};

/// A slow peer is passed over when the others are through in this share of its time: a guess must not hold tasks back.
const CLEARLY_SOONER: f64 = 0.8;
/// How often a task that is held back for a faster peer is looked at again.
const HELD_BACK: Duration = Duration::from_millis(500);

/// A decision before it is booked.
#[derive(Debug)]
struct Decision {
    span: TaskSpan,
    chunk: u32,
    peer: usize,
    terms: Terms,
    expected: Duration,
    ahead: bool,
}

/// What came of looking for a place.
#[derive(Debug)]
enum Search {
    Found(Decision),
    /// Nobody has room.
    Nothing,
    /// Somebody has room, but waiting for another peer is faster.
    HeldBack,
}

impl Scheduler {
    /// Finds one place for the job whose turn it is; goes to sleep when nobody's tasks find one.
    pub(crate) fn place_next(&mut self) {
        while let Some(at) = self.jobs.next(self.state, self.world.now) {
            let mut held_back = false;
            let steps = self.jobs.jobs[at].as_ref().map_or(0, |job| job.steps.len());
            for step in 0..steps {
                match self.search(at, step) {
                    Search::Found(decision) => return self.book(at, step, decision),
                    Search::HeldBack => held_back = true,
                    Search::Nothing => {}
                }
            }
            if held_back {
                self.wake_at(self.world.now + HELD_BACK);
            }
            self.jobs.turns[at].tried = self.state;
            if self.tell_if_stranded(at) {
                return;
            }
        }
        self.awake = false;
    }

    fn search(&mut self, at: usize, step: usize) -> Search {
        let Some(job) = self.jobs.jobs[at].as_mut() else {
            return Search::Nothing;
        };
        let step = &mut job.steps[step];
        if step.queue.count() == 0 {
            return Search::Nothing;
        }
        step.board.catch_up(&self.world, &job.facts, &step.facts);
        let mut held_back = false;
        for group in step.queue.retries() {
            let Some(first) = group.tasks.spans().first().copied() else {
                continue;
            };
            let elsewhere = step.board.has_usable_besides(&group.avoid);
            let avoid = if elsewhere { group.avoid.as_slice() } else { &[] };
            match choose(
                &mut step.board,
                &self.world,
                &mut self.random,
                step.queue.count(),
                avoid,
                step.facts.pace.is_known(),
            ) {
                Choice::Peer(peer, terms) => return Search::Found(decide(step, &self.world, peer, terms, first)),
                Choice::HeldBack => held_back = true,
                Choice::Nobody => {}
            }
        }
        let Some(first) = step.queue.fresh() else {
            return if held_back { Search::HeldBack } else { Search::Nothing };
        };
        match choose(
            &mut step.board,
            &self.world,
            &mut self.random,
            step.queue.count(),
            &[],
            step.facts.pace.is_known(),
        ) {
            Choice::Peer(peer, terms) => Search::Found(decide(step, &self.world, peer, terms, first)),
            Choice::HeldBack => Search::HeldBack,
            Choice::Nobody if held_back => Search::HeldBack,
            Choice::Nobody => Search::Nothing,
        }
    }

    fn book(&mut self, at: usize, step_index: usize, decision: Decision) {
        let id = self.next_placement();
        let Some(job) = self.jobs.jobs[at].as_mut() else {
            return;
        };
        let step = &mut job.steps[step_index];
        let tasks = u64::from(step.queue.remove_span(decision.span));
        step.placed.insert(decision.peer, decision.terms);
        let turn = &mut self.jobs.turns[at];
        turn.ready -= tasks;
        turn.waiting_since = self.world.now;
        self.counts.ready -= tasks;
        self.counts.placed += tasks;
        let placement = Placement {
            id,
            job: job.id,
            step: step_index as u32,
            span: decision.span,
            chunk: decision.chunk,
            peer: self.world.peers[decision.peer].id,
            reserve: step.facts.view.reserve,
            ahead: decision.ahead,
            terms: decision.terms,
        };
        let lease = Lease {
            peer: decision.peer,
            submitter: turn.submitter,
            room: step.facts.room,
            expected: decision.expected,
            place: LeasePlace::Ahead,
        };
        self.leases.insert(id, lease);
        if decision.ahead {
            self.world.peers[decision.peer].ahead.push_back(id);
        } else {
            self.start(id);
        }
        self.world.touch(decision.peer);
        self.effects.push_back(Effect::Place(placement));
    }

    /// Tells the ledger once when every machine that fits a waiting step is blocked for the job.
    fn tell_if_stranded(&mut self, at: usize) -> bool {
        let Some(job) = self.jobs.jobs[at].as_mut() else {
            return false;
        };
        if job.stranded || job.facts.blocked.is_empty() {
            return false;
        }
        let waiting = job.steps.iter().filter(|step| step.queue.count() > 0);
        let here = |at: usize| self.world.peers[at].here;
        let all_blocked = |step: &Step| {
            let mut fitting =
                (0..step.board.seats.len()).filter(|at| step.board.seats[*at].fits && here(*at)).peekable();
            fitting.peek().is_some() && fitting.all(|at| job.facts.blocked.contains(&at))
        };
        if waiting.into_iter().any(all_blocked) {
            job.stranded = true;
            self.effects.push_back(Effect::Stranded { job: job.id });
        }
        job.stranded
    }
}

enum Choice {
    Peer(usize, Terms),
    HeldBack,
    Nobody,
}

/// Draws a peer by pull among those that have room, `avoid` and those slower than waiting left out.
fn choose(board: &mut Board, world: &World, random: &mut Random, ready: u32, avoid: &[usize], known: bool) -> Choice {
    let mut set_aside: Vec<(usize, f64)> = Vec::new();
    for at in avoid {
        set_aside.push((*at, board.tree.get(*at)));
        board.tree.set(*at, 0.0);
    }
    let mut choice = Choice::Nobody;
    while let Some(at) = draw(board, world, random) {
        if known && is_slower_than_waiting(board, world, at, ready, avoid) {
            choice = Choice::HeldBack;
            set_aside.push((at, board.tree.get(at)));
            board.tree.set(at, 0.0);
            continue;
        }
        let mut terms = board.seats[at].terms;
        terms.probability = board.share(world, at);
        choice = Choice::Peer(at, terms);
        break;
    }
    for (at, weight) in set_aside {
        board.tree.set(at, weight);
    }
    choice
}

fn draw(board: &Board, world: &World, random: &mut Random) -> Option<usize> {
    if world.config.sharpness.is_infinite() { board.strongest() } else { board.tree.draw(random.unit()) }
}

impl Board {
    /// The strongest peer that can be drawn, the first of equals.
    fn strongest(&self) -> Option<usize> {
        let drawn = (0..self.seats.len()).filter(|at| self.tree.get(*at) > 0.0);
        let pull = |at: &usize| self.seats[*at].terms.log_gravity();
        drawn.reduce(|best, at| if pull(&at) > pull(&best) { at } else { best })
    }

    /// A peer's share of the draw as it stands.
    pub(crate) fn share(&self, world: &World, at: usize) -> f64 {
        if self.tree.get(at) <= 0.0 {
            0.0
        } else if world.config.sharpness.is_infinite() {
            if self.strongest() == Some(at) { 1.0 } else { 0.0 }
        } else {
            self.tree.get(at) / self.tree.total()
        }
    }

    pub(crate) fn has_usable_besides(&self, avoid: &[usize]) -> bool {
        (0..self.seats.len()).any(|at| self.seats[at].slots() > 0 && !avoid.contains(&at))
    }
}

/// True when the other peers, those to `avoid` left out, will clearly have run all `ready` tasks before `at` has run its
/// first.
///
/// Only durations that were measured may hold a task back, and only peers whose wait is known count.
pub(crate) fn is_slower_than_waiting(board: &Board, world: &World, at: usize, ready: u32, avoid: &[usize]) -> bool {
    let seat = &board.seats[at];
    let until = seat.terms.cost_secs() * CLEARLY_SOONER;
    let runs = f64::from(ready.div_ceil(seat.chunk.max(1)));
    if runs > until * board.runs_per_sec {
        return false;
    }
    let others = board.seats.iter().enumerate().filter(|(other, _)| *other != at && !avoid.contains(other));
    let done: f64 = others
        .map(|(other, seat)| {
            let knows_wait = match seat.access {
                Access::Open => true,
                Access::Ahead => true,
                Access::Full => world.peers[other].wait_secs(world.now).is_some(),
                Access::Shut | Access::Paused => false,
            };
            let before = seat.terms.wait_secs + seat.terms.fetch_secs + seat.terms.path_secs;
            let each = ((until - before) / seat.terms.run_secs.max(1e-6)).floor().max(0.0);
            if knows_wait { each * f64::from(seat.slots()) } else { 0.0 }
        })
        .sum();
    done >= runs
}

/// Sizes the lease.
fn decide(step: &Step, world: &World, at: usize, terms: Terms, first: TaskSpan) -> Decision {
    let seat = &step.board.seats[at];
    let chunking = step.facts.view.chunking;
    let known = step.facts.pace.is_known();
    let runs = runs_per_lease(&BatchInput {
        run_secs: known.then_some(terms.run_secs),
        timed: step.facts.pace.timed(),
        ready: step.queue.count(),
        slots: step.board.slots,
        chunk: seat.chunk,
        target: world.config.lease_target,
        round_trip: world.peers[at].view.round_trip,
    });
    let span = cut(first, runs, seat.chunk, chunking.map(|chunking| chunking.row));
    let secs = terms.fetch_secs + terms.run_secs * f64::from(runs);
    let expected = Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX);
    Decision { span, chunk: seat.chunk, peer: at, terms, expected, ahead: seat.access == Access::Ahead }
}
