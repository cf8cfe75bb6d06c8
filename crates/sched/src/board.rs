use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gridwell_model::{Leaning, LimitNeed, PeerId, Reserve, Strategy, Time};

use crate::{
    Config, StepView, Terms,
    batch::{chunk_size, least_run},
    pace::Pace,
    peer::Peer,
    room::Room,
    tree::SumTree,
};

/// A lease may be queued behind a running one if it runs at most this long: more would only tie tasks down.
const AHEAD_SECS: f64 = 0.5;
/// Changes remembered for boards that were not looked at; one that missed more is made anew.
const MOST_CHANGES: usize = 1_024;
/// Bytes each second assumed on a path that was never measured: a plain gigabit link at half its speed.
const UNMEASURED_BYTES_PER_SEC: f64 = 60e6;

/// Strength of an owner's preference for a peer: that of a usual wish of a job. It pulls 2.7 times as strongly.
const PREFERENCE: f64 = 1.0;

/// What all boards look at.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) now: Time,
    pub(crate) peers: Vec<Peer>,
    pub(crate) positions: BTreeMap<PeerId, usize>,
    pub(crate) history: BTreeMap<String, BTreeMap<PeerId, f64>>,
    /// What the owner of this peer wants of others.
    pub(crate) leanings: BTreeMap<PeerId, Leaning>,
    /// Positions of peers that changed, newest last; the first is change number `changes_before`.
    changes: VecDeque<u32>,
    changes_before: u64,
}

impl World {
    pub(crate) const fn new(config: Config) -> Self {
        Self {
            config,
            now: Time::ZERO,
            peers: Vec::new(),
            positions: BTreeMap::new(),
            history: BTreeMap::new(),
            leanings: BTreeMap::new(),
            changes: VecDeque::new(),
            changes_before: 0,
        }
    }

    pub(crate) fn position(&mut self, id: PeerId) -> usize {
        *self.positions.entry(id).or_insert_with(|| {
            self.peers.push(Peer::new(id));
            self.peers.len() - 1
        })
    }

    /// True unless the owner of this peer wants no work there.
    pub(crate) fn wants(&self, peer: usize) -> bool {
        let id = self.peers[peer].id;
        let here_only = self.config.strategy == Strategy::Direct && id != self.config.me;
        !here_only && self.leanings.get(&id) != Some(&Leaning::KeepOff)
    }

    /// Notes that every board must look at a peer again.
    pub(crate) fn touch(&mut self, peer: usize) {
        if self.changes.len() == MOST_CHANGES {
            self.changes.pop_front();
            self.changes_before += 1;
        }
        self.changes.push_back(peer as u32);
    }

    fn last_change(&self) -> u64 {
        self.changes_before + self.changes.len() as u64
    }
}

/// What a job brings to the look at a peer.
#[derive(Debug)]
pub(crate) struct JobFacts {
    pub(crate) recipe: String,
    pub(crate) input_bytes: u64,
    pub(crate) blocked: BTreeSet<usize>,
    /// The owner's rules refused the job, until when.
    pub(crate) refused: BTreeMap<usize, (String, Time)>,
    pub(crate) held_bytes: BTreeMap<usize, u64>,
}

/// What a step brings to it.
#[derive(Debug)]
pub(crate) struct StepFacts {
    pub(crate) view: StepView,
    pub(crate) pace: Pace,
    /// Licences that a lease takes.
    pub(crate) limits: Vec<LimitNeed>,
}

impl StepFacts {
    /// What a slot reserves on `peer`.
    pub(crate) fn reserve_on(&self, peer: &Peer) -> Reserve {
        let cpus = self.view.reserve.cpus;
        let cpus = if self.view.needs.all_cores { cpus.max(peer.view.lends.cpus) } else { cpus };
        Reserve { cpus, ..self.view.reserve }
    }

    /// The look that `peer` has and the one that is wanted, if these differ.
    pub(crate) fn other_look<'a>(&'a self, peer: &'a Peer) -> Option<(&'a str, &'a str)> {
        let wish = self.view.look.as_ref()?;
        let wanted = wish.look.as_deref()?;
        let has = peer.view.looks.get(&wish.tool).map_or("", String::as_str);
        (has != wanted).then_some((has, wanted))
    }

    /// The same in whole numbers.
    pub(crate) fn room_on(&self, peer: &Peer) -> Room {
        let room = Room::of(&self.reserve_on(peer));
        // A task that reserves nothing at all would fit without end.
        Room { milli_cpus: room.milli_cpus.max(1), ..room }
    }

    /// Seconds until `peer`, on which nothing is free now, has room again; `None` when nobody can tell.
    pub(crate) fn wait_secs(&self, peer: &Peer, now: Time) -> Option<f64> {
        if self.view.needs.all_cores { peer.secs_to_last_end(now) } else { peer.secs_to_first_end(now) }
    }

    /// Tasks in the smallest run that there can be.
    pub(crate) fn least_run(&self) -> u32 {
        least_run(self.view.chunking)
    }
}

/// One step's look at every peer: who fits, how strongly each pulls, and the draw among those with a free slot.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) seats: Vec<Seat>,
    pub(crate) tree: SumTree,
    /// Slots of all usable peers.
    pub(crate) slots: u32,
    /// Tasks each second that all usable peers could do together.
    pub(crate) tasks_per_sec: f64,
    seen: u64,
    stale: bool,
    ratio: f64,
    reports: u64,
}

/// One step's look at one peer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seat {
    version: u64,
    pub(crate) fits: bool,
    prefers: f64,
    /// Seconds a task should take by history or speed.
    pub(crate) foretold: f64,
    /// What a slot there takes.
    pub(crate) room: Room,
    slots_lent: u32,
    pub(crate) access: Access,
    pub(crate) terms: Terms,
    /// Seconds one task takes there, as far as is known.
    pub(crate) task_secs: f64,
    /// Tasks in one run there, unless the end of the step asks for less.
    pub(crate) chunk: u32,
}

/// Whether tasks may go to a peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Access {
    /// Not as things are set, whatever is free.
    #[default]
    Shut,
    /// It declined lately.
    Paused,
    /// Nothing is free.
    Full,
    /// A lease may queue behind one that runs.
    Ahead,
    /// A slot is free.
    Open,
}

impl Access {
    const fn is_usable(self) -> bool {
        !matches!(self, Self::Shut)
    }

    pub(crate) const fn is_drawn(self) -> bool {
        matches!(self, Self::Open | Self::Ahead)
    }
}

impl Seat {
    /// Slots it adds to the step, as far as it may be used at all.
    pub(crate) const fn slots(&self) -> u32 {
        if self.access.is_usable() { self.slots_lent } else { 0 }
    }

    /// Tasks each second on all its slots.
    pub(crate) fn tasks_per_sec(&self) -> f64 {
        f64::from(self.slots()) / self.task_secs.max(1e-6)
    }

    /// Seconds until a task that is sent there next begins; `None` when nobody can tell.
    pub(crate) fn before_secs(&self, peer: &Peer, step: &StepFacts, now: Time) -> Option<f64> {
        let wait = match self.access {
            Access::Open => 0.0,
            Access::Ahead => step.wait_secs(peer, now).unwrap_or(0.0),
            Access::Full => step.wait_secs(peer, now)?,
            Access::Shut | Access::Paused => return None,
        };
        Some(wait + self.terms.fetch_secs + self.terms.path_secs)
    }
}

impl Board {
    /// The same, whether a peer fits included: what the step asks for changed.
    pub(crate) fn forget_fits(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.version = 0);
        self.stale = true;
    }

    /// Makes the next look begin from nothing: the step's own pace changed for all peers.
    pub(crate) const fn forget(&mut self) {
        self.stale = true;
    }

    /// Looks again at every peer that changed since the last look.
    pub(crate) fn catch_up(&mut self, world: &World, job: &JobFacts, step: &StepFacts) {
        let missed = world.last_change() - self.seen;
        // Peers that were timed themselves do not depend on the others' ratio. Once in a quarter of their number keeps
        // the cost of a report the same for any number of peers.
        let learned = 4 * (step.pace.reports() - self.reports) >= self.seats.len() as u64;
        let drifted = learned && (step.pace.ratio() / self.ratio - 1.0).abs() > 0.05;
        let kept = self.seen >= world.changes_before && missed <= world.peers.len() as u64;
        if self.stale || self.seats.len() != world.peers.len() || !kept || drifted || self.ratio == 0.0 {
            self.look_at_all(world, job, step);
        } else {
            let from = (self.seen - world.changes_before) as usize;
            for at in from..world.changes.len() {
                self.look_at(world.changes[at] as usize, world, job, step);
            }
        }
        self.seen = world.last_change();
    }

    fn look_at_all(&mut self, world: &World, job: &JobFacts, step: &StepFacts) {
        if self.seats.len() != world.peers.len() {
            self.seats.resize(world.peers.len(), Seat::default());
            self.tree = SumTree::new(world.peers.len());
            self.seats.iter_mut().for_each(|seat| seat.version = 0);
        }
        self.stale = false;
        self.ratio = step.pace.ratio();
        self.reports = step.pace.reports();
        self.slots = 0;
        self.tasks_per_sec = 0.0;
        self.seats.iter_mut().for_each(|seat| seat.access = Access::Shut);
        for at in 0..self.seats.len() {
            self.look_at(at, world, job, step);
        }
    }

    pub(crate) fn look_at(&mut self, at: usize, world: &World, job: &JobFacts, step: &StepFacts) {
        let Some(old) = self.seats.get(at).copied() else {
            return;
        };
        let seat = look(old, at, world, job, step);
        self.slots = self.slots - old.slots() + seat.slots();
        self.tasks_per_sec = (self.tasks_per_sec - old.tasks_per_sec() + seat.tasks_per_sec()).max(0.0);
        let weight =
            if seat.access.is_drawn() { seat.terms.draw_weight(world.config.sharpness.exponent()) } else { 0.0 };
        self.tree.set(at, weight);
        self.seats[at] = seat;
    }
}

fn look(mut seat: Seat, at: usize, world: &World, job: &JobFacts, step: &StepFacts) -> Seat {
    let peer = &world.peers[at];
    if seat.version != peer.version {
        check_fit(&mut seat, peer, world, job, step);
    }
    let leaning = world.leanings.get(&peer.id).copied();
    let usable = peer.here
        && seat.fits
        && peer.view.accepts
        && world.wants(at)
        && !job.blocked.contains(&at)
        && !job.refused.contains_key(&at);
    seat.task_secs = step.pace.task_secs(at, seat.foretold);
    seat.chunk = chunk_size(step.view.chunking, step.pace.is_known().then_some(seat.task_secs));
    let run_secs = seat.task_secs * f64::from(seat.chunk);
    let free = peer.free().holds(&seat.room);
    let wait = if free { Some(0.0) } else { step.wait_secs(peer, world.now) };
    seat.access = match (usable, free) {
        (false, _) => Access::Shut,
        _ if peer.pause.is_some() => Access::Paused,
        (_, true) => Access::Open,
        _ if may_queue(peer, step, run_secs, wait) => Access::Ahead,
        _ => Access::Full,
    };
    let mut terms = Terms {
        wait_secs: wait.unwrap_or(0.0),
        fetch_secs: fetch_secs(at, peer, world, job),
        run_secs,
        path_secs: peer.path_secs(),
        prefers: seat.prefers + if leaning == Some(Leaning::Prefer) { PREFERENCE } else { 0.0 },
        strategy: peer.strategy_term(&world.config),
        ..Terms::default()
    };
    terms.gravity = terms.log_gravity().clamp(-600.0, 600.0).exp();
    seat.terms = terms;
    seat
}

/// Checks needs and wishes, and foretells the duration: what changes only with the machine itself.
fn check_fit(seat: &mut Seat, peer: &Peer, world: &World, job: &JobFacts, step: &StepFacts) {
    let (name, id) = (&peer.view.name, peer.id.to_string());
    let meets = |needs: &gridwell_model::Needs| needs.unmet(&peer.view.capabilities, name, &id).is_empty();
    seat.version = peer.version;
    seat.room = step.room_on(peer);
    seat.fits = peer.lends.holds(&seat.room) && meets(&step.view.needs) && step.other_look(peer).is_none();
    seat.prefers = step.view.prefers.iter().map(|wish| wish.pull(&peer.view.capabilities, name, &id)).sum();
    seat.slots_lent = peer.lends.slots(&seat.room);
    let remembered = world.history.get(&job.recipe).and_then(|peers| peers.get(&peer.id)).copied();
    let cores = f64::from(step.reserve_on(peer).cpus).max(1.0);
    let by_speed = step.view.work_secs.unwrap_or(1.0) / (peer.core_speed() * cores);
    seat.foretold = remembered.filter(|secs| secs.is_finite() && *secs > 0.0).unwrap_or(by_speed).max(1e-6);
}

/// Short work may queue behind a running lease, one for each, so that a slot never waits for the steward. With licences it
/// may not: it would count as one that has them.
fn may_queue(peer: &Peer, step: &StepFacts, run_secs: f64, wait: Option<f64>) -> bool {
    let limit = AHEAD_SECS.max(4.0 * peer.view.round_trip.as_secs_f64());
    step.limits.is_empty()
        && step.pace.is_known()
        && run_secs <= limit
        && wait.is_some_and(|wait| wait <= limit)
        && peer.ahead.len() < peer.running.len()
}

fn fetch_secs(at: usize, peer: &Peer, world: &World, job: &JobFacts) -> f64 {
    if job.input_bytes == 0 {
        return 0.0;
    }
    let at_origin = if peer.id == world.config.me { job.input_bytes } else { 0 };
    let held = job.held_bytes.get(&at).copied().unwrap_or(at_origin);
    job.input_bytes.saturating_sub(held) as f64 / peer.bytes_per_sec.unwrap_or(UNMEASURED_BYTES_PER_SEC)
}
