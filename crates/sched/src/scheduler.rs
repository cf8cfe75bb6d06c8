use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use gridwell_model::{Decline, JobId, LeaseId, LimitNeed, PeerId, TaskSpans, Time};

use crate::{
    Config, Counts, Effect, Explanation, Input, PeerView, PlacementId, Sick, board::World, health::Health, jobs::Jobs,
    kept::Kept, limits::Limits, random::Random, room::Room, seconds::Run,
};

#[cfg(test)]
mod tests;

/// How long the owner's refusal of a job holds before that peer is asked again.
const REFUSAL: Duration = Duration::from_secs(60);

/// The engine: facts in, placements out.
///
/// Placements are decided one at a time when they are polled, so that each sees everything said before.
#[derive(Debug)]
pub struct Scheduler {
    pub(crate) world: World,
    pub(crate) jobs: Jobs,
    pub(crate) kept: Kept,
    pub(crate) limits: Limits,
    health: Health,
    /// When a sick peer is tried again.
    try_at: Option<Time>,
    pub(crate) random: Random,
    pub(crate) leases: BTreeMap<PlacementId, Lease>,
    pub(crate) granted: BTreeMap<LeaseId, PlacementId>,
    pub(crate) placements: u64,
    pub(crate) counts: Counts,
    pub(crate) effects: VecDeque<Effect>,
    /// Grows whenever a task might find a place that it did not find before.
    pub(crate) state: u64,
    /// True when something may be placed.
    pub(crate) awake: bool,
    wakes: BTreeSet<Time>,
    /// When running tasks are looked at next.
    pub(crate) look_at: Option<Time>,
    /// True while one of them may be late.
    pub(crate) look: bool,
}

/// What a placement holds until it ends.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) peer: usize,
    pub(crate) submitter: usize,
    pub(crate) room: Room,
    pub(crate) expected: Duration,
    pub(crate) place: LeasePlace,
    /// Licences it takes.
    pub(crate) limits: Vec<LimitNeed>,
    pub(crate) step: u32,
    /// What it runs now, as far as is known.
    pub(crate) run: Option<Run>,
    /// At whose run it is a second attempt, if it is one.
    pub(crate) second_of: Option<PlacementId>,
}

/// Where a lease stands on its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeasePlace {
    /// Holds room; expected to end then.
    Running(Time),
    /// Queued behind a running one.
    Ahead,
}

impl Scheduler {
    /// A scheduler that knows no peer and no job; the same `seed` and inputs give the same placements.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            world: World::new(config),
            jobs: Jobs::default(),
            kept: Kept::default(),
            limits: Limits::default(),
            health: Health::default(),
            try_at: None,
            random: Random::new(seed),
            leases: BTreeMap::new(),
            granted: BTreeMap::new(),
            placements: 0,
            counts: Counts::default(),
            effects: VecDeque::new(),
            state: 1,
            awake: false,
            wakes: BTreeSet::new(),
            look_at: None,
            look: false,
        }
    }

    /// Takes in a fact. Facts about unknown jobs, steps, leases and placements are ignored.
    pub fn handle(&mut self, input: Input, now: Time) {
        self.world.now = now;
        match input {
            Input::PeerChanged { peer, view } => self.peer_changed(peer, view),
            Input::PeerLeft { peer } => self.change_peer(peer, |peer| peer.here = false),
            Input::PathMeasured { peer, bytes_per_sec } => {
                let rate = (bytes_per_sec.is_finite() && bytes_per_sec > 0.0).then_some(bytes_per_sec);
                self.change_peer(peer, |peer| peer.bytes_per_sec = rate);
            }
            Input::Tuned { strategy, sharpness } => {
                (self.world.config.strategy, self.world.config.sharpness) = (strategy, sharpness);
                self.touch_all();
            }
            Input::Leaned { leanings } => {
                self.world.leanings = leanings;
                self.touch_all();
            }
            Input::HistoryLoaded { recipe, secs_per_task } => {
                self.world.history.entry(recipe).or_default().extend(secs_per_task);
                self.world.peers.iter_mut().for_each(|peer| peer.version += 1);
                self.touch_all();
            }
            Input::LimitsChanged { limits } => {
                self.limits.told(limits);
                self.wake();
            }
            Input::JobAdded(view) => {
                self.jobs.add(view);
                if self.try_at.is_some() {
                    self.find_sick();
                }
            }
            Input::JobRemoved { job } => {
                self.release_kept(job);
                let gone = self.jobs.remove(job);
                self.counts.withdrawn += gone;
                self.counts.ready -= gone;
            }
            Input::PriorityChanged { job, priority } => {
                self.release_kept(job);
                if let Some((_, _, turn)) = self.jobs.get(job) {
                    turn.priority = priority;
                }
            }
            Input::TasksReady { job, step, tasks, avoid } => self.tasks_ready(job, step, &tasks, &avoid),
            Input::TasksWithdrawn { job, step, tasks } => self.tasks_withdrawn(job, step, &tasks),
            Input::Granted { placement, lease } => self.granted(placement, lease),
            Input::Refused { placement } => self.end(placement),
            Input::Declined { lease, why } => self.declined(lease, why),
            Input::LeaseEnded { lease } => {
                if let Some(placement) = self.granted.remove(&lease) {
                    self.end(placement);
                }
            }
            Input::LeaseKept { lease, peer, step } => self.kept(lease, peer, step),
            Input::RunSeen { lease, span, progress } => self.run_seen(lease, span, progress),
            Input::RunOver { lease } => self.run_over(lease),
            Input::TaskTimed { job, step, peer, tasks, run } => self.timed(job, step, peer, tasks, run),
            Input::Outdone { job, step, peer, by, tasks } => self.outdone((job, step), peer, by, tasks),
            Input::PeerBlocked { job, peer } => self.change_job(job, peer, |job, at| {
                job.facts.blocked.insert(at);
            }),
            Input::PeerUnblocked { job, peer } => self.change_job(job, peer, |job, at| {
                job.facts.blocked.remove(&at);
                job.facts.refused.remove(&at);
                job.stranded = false;
            }),
            Input::HoldingsChanged { peer, job, held_bytes } => self.change_job(job, peer, |job, at| {
                job.facts.held_bytes.insert(at, held_bytes);
            }),
        }
    }

    /// Time passed: peers that declined may be asked again.
    pub fn handle_deadline(&mut self, now: Time) {
        self.world.now = now;
        while self.wakes.first().is_some_and(|wake| *wake <= now) {
            self.wakes.pop_first();
        }
        if self.look_at.is_some_and(|at| at <= now) {
            (self.look_at, self.look) = (None, true);
        }
        if self.try_at.is_some_and(|at| at <= now) {
            self.health_changed();
        }
        for at in 0..self.world.peers.len() {
            let peer = &mut self.world.peers[at];
            if peer.pause.as_ref().is_some_and(|pause| pause.until <= now) {
                peer.pause = None;
                self.world.touch(at);
            }
        }
        for job in self.jobs.jobs.iter_mut().flatten() {
            let over: Vec<usize> =
                job.facts.refused.iter().filter(|(_, (_, until))| *until <= now).map(|(at, _)| *at).collect();
            for at in over {
                job.facts.refused.remove(&at);
                self.world.touch(at);
            }
        }
        self.wake();
    }

    /// The next wish; decided now.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if self.awake && self.effects.is_empty() {
            self.place_next();
        }
        if self.look && !self.awake && self.effects.is_empty() {
            self.place_second();
        }
        self.effects.pop_front()
    }

    /// When to call [`Scheduler::handle_deadline`].
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        self.wakes.first().copied()
    }

    /// Every machine's case for the tasks of a step; `None` for an unknown step.
    #[must_use]
    pub fn explain(&mut self, job: JobId, step: u32) -> Option<Explanation> {
        let (at, job, _) = self.jobs.get(job)?;
        let kept = self.kept.from(at, self.state);
        crate::explain::explain(job, step, &self.world, (&self.limits, &self.health), &kept)
    }

    /// Programs for which a peer is sick now, by name.
    #[must_use]
    pub fn sick(&self, peer: PeerId, now: Time) -> Vec<Sick> {
        self.health.sick(peer, now)
    }

    /// Forgets what speaks against a peer, for one program or all; false if nothing did.
    pub fn forgive(&mut self, peer: PeerId, program: Option<&str>, now: Time) -> bool {
        self.world.now = now;
        let forgiven = self.health.forgive(peer, program);
        if forgiven {
            self.health_changed();
        }
        forgiven
    }

    /// Tasks that went in and out so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn wake(&mut self) {
        self.state += 1;
        self.awake = true;
    }

    /// Asks for [`Scheduler::handle_deadline`] at `at`.
    pub(crate) fn wake_at(&mut self, at: Time) {
        self.wakes.insert(at);
    }

    fn touch_all(&mut self) {
        for at in 0..self.world.peers.len() {
            self.world.touch(at);
        }
        self.wake();
    }

    fn peer_changed(&mut self, id: PeerId, view: PeerView) {
        let now = self.world.now;
        self.change_peer(id, |peer| peer.announced(view, now));
    }

    fn change_peer(&mut self, id: PeerId, change: impl FnOnce(&mut crate::peer::Peer)) {
        let at = self.world.position(id);
        change(&mut self.world.peers[at]);
        self.world.touch(at);
        self.wake();
    }

    fn change_job(&mut self, job: JobId, peer: PeerId, change: impl FnOnce(&mut crate::jobs::Job, usize)) {
        let at = self.world.position(peer);
        if let Some((_, job, _)) = self.jobs.get(job) {
            change(job, at);
            self.world.touch(at);
            self.wake();
        }
    }

    fn outdone(&mut self, (job, step): (JobId, u32), peer: PeerId, by: PeerId, tasks: u32) {
        let step = self.jobs.get(job).and_then(|(_, job, _)| job.steps.get(step as usize));
        let Some(step) = step else { return };
        self.health.outdone(peer, &step.facts.view.program, tasks, by, self.world.now);
        self.health_changed();
    }

    fn health_changed(&mut self) {
        self.find_sick();
        self.wake();
    }

    /// Finds out anew which peers are sick for the program of each step.
    fn find_sick(&mut self) {
        let (health, world) = (&self.health, &self.world);
        let sick: Vec<usize> =
            (0..world.peers.len()).filter(|at| !health.sick(world.peers[*at].id, world.now).is_empty()).collect();
        for step in self.jobs.jobs.iter_mut().flatten().flat_map(|job| &mut job.steps) {
            let against =
                |at: &usize| !health.against(world.peers[*at].id, &step.facts.view.program, world.now).is_empty();
            step.sick = sick.iter().copied().filter(against).collect();
        }
        self.try_at = self.health.next_try(self.world.now);
        if let Some(at) = self.try_at {
            self.wake_at(at);
        }
    }

    fn tasks_ready(&mut self, job: JobId, step: u32, tasks: &TaskSpans, avoid: &[PeerId]) {
        let avoid = avoid.iter().map(|peer| self.world.position(*peer)).collect();
        let now = self.world.now;
        let Some((_, job, turn)) = self.jobs.get(job) else {
            return;
        };
        let Some(step) = job.steps.get_mut(step as usize) else {
            return;
        };
        let new = u64::from(step.queue.insert(tasks, avoid));
        if turn.ready == 0 {
            turn.waiting_since = now;
        }
        turn.ready += new;
        turn.tried = 0;
        self.counts.entered += new;
        self.counts.ready += new;
        self.awake = true;
    }

    /// Its machines are not kept any longer: others may find a place there.
    fn release_kept(&mut self, job: JobId) {
        if let Some((at, ..)) = self.jobs.get(job)
            && self.kept.release(at)
        {
            self.wake();
        }
    }

    fn tasks_withdrawn(&mut self, job: JobId, step: u32, tasks: &TaskSpans) {
        self.release_kept(job);
        let Some((_, job, turn)) = self.jobs.get(job) else {
            return;
        };
        let Some(step) = job.steps.get_mut(step as usize) else {
            return;
        };
        let gone = u64::from(step.queue.remove(tasks));
        turn.ready -= gone;
        self.counts.withdrawn += gone;
        self.counts.ready -= gone;
    }

    fn granted(&mut self, placement: PlacementId, lease: LeaseId) {
        if self.leases.contains_key(&placement) {
            self.granted.insert(lease, placement);
        }
    }

    /// A lease from before this node's restart: its peer holds room for it.
    fn kept(&mut self, lease: LeaseId, peer: PeerId, step_index: u32) {
        let peer = self.world.position(peer);
        let Some((at, job, _)) = self.jobs.get(lease.job) else {
            return;
        };
        let Some(step) = job.steps.get(step_index as usize) else {
            return;
        };
        if self.granted.contains_key(&lease) {
            return;
        }
        let room = step.facts.room_on(&self.world.peers[peer]);
        let limits = step.facts.limits.clone();
        let submitter = self.jobs.turns[at].submitter;
        let id = self.next_placement();
        self.limits.take(&limits);
        let (expected, place) = (Duration::ZERO, LeasePlace::Ahead);
        let (run, second_of) = (None, None);
        self.leases
            .insert(id, Lease { peer, submitter, room, expected, place, limits, step: step_index, run, second_of });
        self.granted.insert(lease, id);
        self.start(id);
        self.world.touch(peer);
    }

    pub(crate) const fn next_placement(&mut self) -> PlacementId {
        self.placements += 1;
        PlacementId(self.placements)
    }

    /// A lease takes up room on its peer.
    pub(crate) fn start(&mut self, id: PlacementId) {
        let now = self.world.now;
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let peer = &mut self.world.peers[lease.peer];
        let end = now + lease.expected;
        lease.place = LeasePlace::Running(end);
        peer.hold(&lease.room, now);
        peer.running.insert((end, id));
        self.jobs.in_use[lease.submitter] += lease.room.milli_cpus;
    }

    fn declined(&mut self, lease: LeaseId, why: Decline) {
        let Some(placement) = self.granted.remove(&lease) else {
            return;
        };
        let now = self.world.now;
        let Some(at) = self.leases.get(&placement).map(|lease| lease.peer) else {
            return;
        };
        match why {
            Decline::Rules(reason) => {
                if let Some((_, job, _)) = self.jobs.get(lease.job) {
                    job.facts.refused.insert(at, (reason, now + REFUSAL));
                }
                self.wake_at(now + REFUSAL);
            }
            Decline::Licence(name) => {
                let until = self.limits.refused(&name, now);
                self.wake_at(until);
            }
            why => {
                let until = self.world.peers[at].declined(why, now);
                self.wake_at(until);
            }
        }
        self.end(placement);
    }

    /// A placement is over: its room is free, and the oldest lease queued behind it takes its place.
    fn end(&mut self, placement: PlacementId) {
        let Some(lease) = self.leases.remove(&placement) else {
            return;
        };
        self.limits.give(&lease.limits);
        if let Some(first) = lease.second_of {
            self.second_ended(first);
        }
        let now = self.world.now;
        let peer = &mut self.world.peers[lease.peer];
        match lease.place {
            LeasePlace::Running(end) => {
                peer.running.remove(&(end, placement));
                peer.release(&lease.room, now);
                self.jobs.in_use[lease.submitter] -= lease.room.milli_cpus;
                self.start_queued(lease.peer);
            }
            LeasePlace::Ahead => peer.ahead.retain(|queued| *queued != placement),
        }
        self.world.touch(lease.peer);
        self.wake();
    }

    fn start_queued(&mut self, at: usize) {
        while let Some(first) = self.world.peers[at].ahead.front().copied() {
            let fits = self.leases.get(&first).is_none_or(|lease| self.world.peers[at].free().holds(&lease.room));
            if !fits {
                return;
            }
            self.world.peers[at].ahead.pop_front();
            self.start(first);
        }
    }

    fn timed(&mut self, job: JobId, step: u32, peer: PeerId, tasks: u32, run: Duration) {
        let at = self.world.position(peer);
        self.world.peers[at].took_one();
        let Some((_, job, turn)) = self.jobs.get(job) else {
            return;
        };
        let Some(step) = job.steps.get_mut(step as usize) else {
            return;
        };
        let healed = self.health.succeeded(peer, &step.facts.view.program, tasks, self.world.now);
        step.board.catch_up(&self.world, &job.facts, &step.facts);
        let first = !step.facts.pace.is_known();
        let foretold = step.board.seats[at].foretold;
        step.facts.pace.learn(at, tasks, run, foretold);
        if first {
            step.board.forget();
        } else {
            step.board.look_at(at, &self.world, &job.facts, &step.facts);
        }
        turn.tried = 0;
        self.awake |= turn.ready > 0;
        if healed {
            self.health_changed();
        }
    }
}
