use std::time::Duration;

use gridwell_model::{Chunking, Sharpness, TaskSpan};

use crate::{
    Effect, Placement, Scheduler, Terms,
    batch::{BatchInput, Lane, cut, even_finish, runs_per_lease},
    board::{Access, Board, StepFacts, World},
    jobs::Step,
    kept::to_keep,
    random::Random,
    scheduler::{Lease, LeasePlace},
};

/// A slow peer is passed over when the others are through in this share of its time: a guess must not hold tasks back.
const CLEARLY_SOONER: f64 = 0.8;
/// The rest of a chunked step is shared out at once when it takes at most this many target times: nearer to one than two.
const LAST_CHUNK: f64 = 1.5;
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
    /// Licences it takes are not free.
    Unlicensed,
    /// Somebody has room, but waiting for another peer is faster.
    HeldBack,
}

impl Scheduler {
    /// Finds one place for the job whose turn it is; goes to sleep when nobody's tasks find one.
    pub(crate) fn place_next(&mut self) {
        while let Some(at) = self.jobs.next(self.state, self.world.now) {
            let mut held_back = false;
            let steps = self.jobs.jobs[at].as_ref().map_or(0, |job| job.steps.len());
            let kept = self.kept.from(at, self.state);
            for step in 0..steps {
                match self.search(at, step, &kept) {
                    Search::Found(decision) => return self.book(at, step, decision),
                    Search::HeldBack => held_back = true,
                    Search::Nothing => self.keep_a_machine(at, step, &kept),
                    Search::Unlicensed => {}
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

    /// Lets a machine run dry for a step that takes more than is free anywhere.
    fn keep_a_machine(&mut self, at: usize, step: usize, taken: &[usize]) {
        let job = self.jobs.jobs[at].as_ref();
        if let Some(machine) = job.and_then(|job| to_keep(&job.steps[step], &self.world, taken)) {
            self.kept.keep(at, step, machine, self.state);
        }
    }

    /// Looks for a machine that is not `kept` for another job.
    fn search(&mut self, at: usize, step: usize, kept: &[usize]) -> Search {
        let Some(job) = self.jobs.jobs[at].as_mut() else {
            return Search::Nothing;
        };
        let step = &mut job.steps[step];
        if step.queue.count() == 0 {
            return Search::Nothing;
        }
        if self.limits.lacking(&step.facts.limits, self.world.now).next().is_some() {
            return Search::Unlicensed;
        }
        step.board.catch_up(&self.world, &job.facts, &step.facts);
        if step.choose_look(&self.world) {
            step.board.catch_up(&self.world, &job.facts, &step.facts);
        }
        let mut held_back = false;
        for group in step.queue.retries() {
            let Some(first) = group.tasks.spans().first().copied() else {
                continue;
            };
            let avoid = [&step.avoided(&group.avoid), kept].concat();
            let ready = step.queue.count();
            match choose(&mut step.board, &self.world, &step.facts, &mut self.random, ready, &avoid) {
                Choice::Peer(peer, terms) => return Search::Found(decide(step, &self.world, peer, terms, first)),
                Choice::HeldBack => held_back = true,
                Choice::Nobody => {}
            }
        }
        let Some(first) = step.queue.fresh() else {
            return if held_back { Search::HeldBack } else { Search::Nothing };
        };
        let avoid = [&step.avoided(&[]), kept].concat();
        match choose(&mut step.board, &self.world, &step.facts, &mut self.random, step.queue.count(), &avoid) {
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
            reserve: step.facts.reserve_on(&self.world.peers[decision.peer]),
            ahead: decision.ahead,
            terms: decision.terms,
            second_of: None,
        };
        let lease = Lease {
            peer: decision.peer,
            submitter: turn.submitter,
            room: step.board.seats[decision.peer].room,
            expected: decision.expected,
            place: LeasePlace::Ahead,
            limits: step.facts.limits.clone(),
            step: step_index as u32,
            run: None,
            second_of: None,
        };
        self.limits.take(&lease.limits);
        self.leases.insert(id, lease);
        if decision.ahead {
            self.world.peers[decision.peer].ahead.push_back(id);
        } else {
            self.start(id);
        }
        self.world.touch(decision.peer);
        self.effects.push_back(Effect::Place(placement));
    }

    /// Tells the ledger once when every machine that fits a waiting step, and is wanted for it, is blocked for the job.
    fn tell_if_stranded(&mut self, at: usize) -> bool {
        let Some(job) = self.jobs.jobs[at].as_mut() else {
            return false;
        };
        if job.stranded || job.facts.blocked.is_empty() {
            return false;
        }
        let waiting = job.steps.iter().filter(|step| step.queue.count() > 0);
        let here = |at: usize| self.world.peers[at].here && self.world.wants(at);
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
fn choose(
    board: &mut Board,
    world: &World,
    step: &StepFacts,
    random: &mut Random,
    ready: u32,
    avoid: &[usize],
) -> Choice {
    let mut set_aside: Vec<(usize, f64)> = Vec::new();
    for at in avoid {
        set_aside.push((*at, board.tree.get(*at)));
        board.tree.set(*at, 0.0);
    }
    let mut choice = Choice::Nobody;
    while let Some(at) = draw(board, world, random) {
        if step.pace.is_known() && is_slower_than_waiting(board, world, step, at, ready, avoid) {
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
    // Backwards: a machine may be set aside twice.
    for (at, weight) in set_aside.into_iter().rev() {
        board.tree.set(at, weight);
    }
    choice
}

fn draw(board: &Board, world: &World, random: &mut Random) -> Option<usize> {
    if world.config.sharpness == Sharpness::BEST { board.strongest() } else { board.tree.draw(random.unit()) }
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
        } else if world.config.sharpness == Sharpness::BEST {
            if self.strongest() == Some(at) { 1.0 } else { 0.0 }
        } else {
            self.tree.get(at) / self.tree.total()
        }
    }

    pub(crate) fn has_usable_besides(&self, avoid: &[usize]) -> bool {
        (0..self.seats.len()).any(|at| self.seats[at].slots() > 0 && !avoid.contains(&at))
    }
}

/// True when the other peers, those to `avoid` left out, will clearly have run all `ready` tasks before `at` has run the
/// fewest that can be sent there.
///
/// Only durations that were measured may hold a task back, and only peers whose wait is known count.
pub(crate) fn is_slower_than_waiting(
    board: &Board,
    world: &World,
    step: &StepFacts,
    at: usize,
    ready: u32,
    avoid: &[usize],
) -> bool {
    let (seat, least) = (&board.seats[at], f64::from(step.least_run()));
    let cost = Terms { run_secs: seat.task_secs * least, ..seat.terms }.cost_secs();
    let until = cost * CLEARLY_SOONER;
    if f64::from(ready) > until * board.tasks_per_sec {
        return false;
    }
    let others = board.seats.iter().enumerate().filter(|(other, _)| *other != at && !avoid.contains(other));
    let done: f64 = others
        .filter_map(|(other, seat)| {
            let before = seat.before_secs(&world.peers[other], step, world.now)?;
            let runs = ((until - before) / (seat.task_secs * least).max(1e-6)).floor().max(0.0);
            Some(runs * least * f64::from(seat.slots()))
        })
        .sum();
    done >= f64::from(ready)
}

/// Sizes the lease.
fn decide(step: &Step, world: &World, at: usize, terms: Terms, first: TaskSpan) -> Decision {
    let seat = &step.board.seats[at];
    let chunking = step.facts.view.chunking;
    let chunk = even_chunk(step, world, at);
    let run_secs = seat.task_secs * f64::from(chunk);
    let runs = runs_per_lease(&BatchInput {
        run_secs: step.facts.pace.is_known().then_some(run_secs),
        timed: step.facts.pace.timed(),
        ready: step.queue.count(),
        slots: step.board.slots,
        chunk,
        target: world.config.lease_target,
        round_trip: world.peers[at].view.round_trip,
    });
    let span = cut(first, runs, chunk, chunking.map(|chunking| chunking.row));
    let secs = terms.fetch_secs + run_secs * f64::from(runs);
    let expected = Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX);
    Decision { span, chunk, peer: at, terms, expected, ahead: seat.access == Access::Ahead }
}

/// Tasks in one run at `at`: its usual number, but at the end of a step what it runs until all machines together are
/// through.
fn even_chunk(step: &Step, world: &World, at: usize) -> u32 {
    let (seat, ready) = (&step.board.seats[at], step.queue.count());
    let Some(Chunking { target_secs, row, .. }) = step.facts.view.chunking else {
        return seat.chunk;
    };
    let most_secs = LAST_CHUNK * f64::from(target_secs);
    let may_be_last = f64::from(ready) <= most_secs * step.board.tasks_per_sec;
    if !step.facts.pace.is_known() || seat.chunk <= step.facts.least_run() || !may_be_last {
        return seat.chunk;
    }
    let before = |at: usize| {
        let seat = &step.board.seats[at];
        // Nobody can tell: it may come any moment.
        let here_now = seat.terms.fetch_secs + seat.terms.path_secs;
        seat.before_secs(&world.peers[at], &step.facts, world.now).unwrap_or(here_now)
    };
    let lanes = step.board.seats.iter().enumerate().filter(|(_, seat)| seat.slots() > 0);
    let lanes = lanes.map(|(at, seat)| Lane { before_secs: before(at), tasks_per_sec: seat.tasks_per_sec() });
    even_finish(lanes, ready, most_secs).map_or(seat.chunk, |finish| {
        // A hair less, so that a whole number does not become the next one by rounding.
        let tasks = ((finish - before(at)) / seat.task_secs.max(1e-6) - 1e-6).ceil();
        (tasks as u32).min(row).max(1)
    })
}
