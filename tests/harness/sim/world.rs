use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use gridwell_ledger::{Deputies, DeputyInput, Input as LedgerInput, Ledger, Limits, Restored};
use gridwell_links::{Letters, Links, Map, Routes};
use gridwell_model::{Incarnation, JobId, PeerId, Reserve, Stamp, Time};
use gridwell_sched::{Config, Input as SchedInput, Scheduler};
use gridwell_worker::{Input as WorkerInput, Lent, Worker};

use super::{
    event::{Event, Inside, PeerAt},
    network::Network,
    peer::{Clock, Node, Peer, PeerSetup},
    random::Random,
    setup::JobSetup,
    traffic::Traffic,
};

/// Most events of one run: a grid that spins in place fails instead of hanging.
const MAX_STEPS: u64 = 3_000_000;
/// Events shown with a failure.
const SHOWN: usize = 30;

/// A grid of simulated peers.
#[derive(Debug)]
pub struct Simulation {
    pub(super) seed: u64,
    pub(super) now: Time,
    pub(super) random: Random,
    heap: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    steps: u64,
    most_steps: u64,
    trace: DefaultHasher,
    recent: VecDeque<(Time, Event)>,
    pub(super) peers: Vec<Peer>,
    pub(super) network: Network,
    pub(super) jobs: BTreeMap<JobId, JobSetup>,
    /// Jobs whose submission was acknowledged.
    pub(super) acknowledged: BTreeMap<JobId, PeerAt>,
    /// Tasks whose good end a steward acknowledged to their holder.
    pub(super) finished: BTreeSet<(PeerAt, JobId, u32, u32)>,
    /// Tasks whose outputs are home.
    pub(super) landed: BTreeSet<(JobId, u32, u32)>,
    /// Jobs that a deputy took over.
    pub(super) successions: u64,
    /// Programs that ran to a good end, by task.
    pub(super) runs: BTreeMap<(JobId, u32, u32), u32>,
    /// Frames that arrive twice, in a thousand.
    pub(super) duplicates_per_mille: u64,
    /// Sessions that do not open, in a thousand.
    pub(super) bad_sessions_per_mille: u64,
    /// Dials that ended because the other side forbids the link.
    pub(super) refused_dials: u64,
    /// Most programs that ran at once, by limit.
    pub(super) most_licensed: BTreeMap<String, u32>,
    /// Bytes on links.
    pub(super) traffic: Traffic,
    /// Letters that went on from a peer to the next one.
    pub(super) letters_passed: u64,
    /// Offers, and orders to stop, that came to each peer's worker.
    pub(super) offers: BTreeMap<PeerAt, u32>,
    pub(super) revokes: BTreeMap<PeerAt, u32>,
    pub(super) flaw: Option<String>,
}

#[derive(Debug)]
struct Scheduled {
    at: Time,
    number: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// A broken invariant, and how to see it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub what: String,
    /// The seed.
    pub seed: u64,
    /// Events before it.
    pub step: u64,
    /// Simulated time.
    pub at: Time,
    /// The last events before it.
    pub recent: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, seed, step, at, recent } = self;
        for line in recent {
            writeln!(f, "{line}")?;
        }
        write!(
            f,
            "seed {seed}, step {step}, {:.6} s: {what}\nreplay: SIM_SEED={seed} cargo test -p gridwell-tests --test faults",
            at.0 as f64 / 1e6
        )
    }
}

impl Simulation {
    /// A world without peers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            now: Time::from_secs(1),
            random: Random::new(seed),
            heap: BinaryHeap::new(),
            scheduled: 0,
            steps: 0,
            most_steps: MAX_STEPS,
            trace: DefaultHasher::new(),
            recent: VecDeque::new(),
            peers: Vec::new(),
            network: Network::default(),
            jobs: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            finished: BTreeSet::new(),
            landed: BTreeSet::new(),
            successions: 0,
            runs: BTreeMap::new(),
            duplicates_per_mille: 0,
            bad_sessions_per_mille: 0,
            refused_dials: 0,
            most_licensed: BTreeMap::new(),
            traffic: Traffic::default(),
            letters_passed: 0,
            offers: BTreeMap::new(),
            revokes: BTreeMap::new(),
            flaw: None,
        }
    }

    /// Adds a peer and starts its node.
    pub fn add_peer(&mut self, setup: PeerSetup) -> PeerAt {
        let at = self.peers.len();
        let mut id = [7; 32];
        id[..8].copy_from_slice(&(at as u64 + 1).to_be_bytes());
        let (id, stands) = (PeerId(id), setup.clock_stands);
        self.peers.push(Peer {
            id,
            setup,
            disk: Default::default(),
            node: None,
            runs: 0,
            asleep: None,
            woke_at: self.now,
            slept_at: self.now,
            clock: Clock { stands, ..Clock::default() },
            drained: false,
            limits: BTreeMap::new(),
        });
        self.start(at);
        at
    }

    /// Lets large grids run on for so many events; the usual limit is for a few peers.
    pub const fn allow_steps(&mut self, steps: u64) {
        self.most_steps = steps;
    }

    /// How often a frame arrives twice, and how often a session does not open, in a thousand.
    pub const fn set_nuisances(&mut self, duplicates_per_mille: u64, bad_sessions_per_mille: u64) {
        self.duplicates_per_mille = duplicates_per_mille;
        self.bad_sessions_per_mille = bad_sessions_per_mille;
    }

    /// Lets two peers know of each other, so that they link.
    pub fn link(&mut self, one: PeerAt, other: PeerAt, latency: Duration) {
        self.network.wire(one, other, latency);
        self.know_members(one);
        self.know_members(other);
    }

    /// A peer's id.
    #[must_use]
    pub fn id_of(&self, at: PeerAt) -> PeerId {
        self.peers[at].id
    }

    /// Submits a job at its origin at a moment after now.
    pub fn submit(&mut self, at: PeerAt, job: JobSetup, after: Duration, priority: i32) {
        let input = LedgerInput::JobAdded { spec: Box::new(job.spec.clone()), priority, held: false };
        self.jobs.insert(job.spec.id, job);
        self.command(at, input, after);
    }

    /// A person orders something at a moment after now.
    pub fn command(&mut self, at: PeerAt, input: LedgerInput, after: Duration) {
        self.after(after, Event::Command { at, input: Box::new(input) });
    }

    /// Runs until `done` says so, or simulated time is `until`.
    ///
    /// # Errors
    ///
    /// The first broken invariant.
    pub fn run_until(&mut self, until: Time, done: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        while !done(self) {
            let Some(at) = self.heap.peek().map(|Reverse(next)| next.at).filter(|at| *at <= until) else {
                self.now = until;
                return Ok(());
            };
            let Some(Reverse(next)) = self.heap.pop() else { return Ok(()) };
            self.now = at;
            self.steps += 1;
            let touched = next.event.touches();
            self.note(&next);
            self.happen(next.event);
            let flaw = self.flaw.take().map_or_else(|| touched.map_or(Ok(()), |at| self.check(at)), Err);
            flaw.map_err(|what| self.failure(what))?;
            if self.steps > self.most_steps {
                return Err(self.failure(format!("no end after {} steps", self.most_steps)));
            }
        }
        Ok(())
    }

    fn note(&mut self, next: &Scheduled) {
        next.at.hash(&mut self.trace);
        next.event.leave_trace(&mut self.trace);
        if self.recent.len() == SHOWN {
            self.recent.pop_front();
        }
        self.recent.push_back((next.at, next.event.clone()));
    }

    /// The failure `what`, here and now.
    #[must_use]
    pub fn failure(&self, what: String) -> Failure {
        let line = |(at, event): &(Time, Event)| format!("{:.6} {}", at.0 as f64 / 1e6, event.told());
        let recent = self.recent.iter().map(|event| line(event).chars().take(240).collect()).collect();
        Failure { what, seed: self.seed, step: self.steps, at: self.now, recent }
    }

    /// Simulated time.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Events so far.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// A fingerprint of everything that happened so far.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// The ledger of a peer whose node runs.
    #[must_use]
    pub fn ledger(&self, at: PeerAt) -> Option<&Ledger> {
        self.peers[at].node.as_ref().map(|node| &node.ledger)
    }

    /// The scheduler of a peer whose node runs.
    pub fn sched(&mut self, at: PeerAt) -> Option<&mut Scheduler> {
        self.peers[at].node.as_mut().map(|node| &mut node.sched)
    }

    /// How often a task's program ran to a good end.
    #[must_use]
    pub fn runs_of(&self, job: JobId, step: u32, index: u32) -> u32 {
        self.runs.get(&(job, step, index)).copied().unwrap_or(0)
    }

    /// Tells a peer's scheduler how long tasks of a recipe took on peers on other days.
    pub fn remember(&mut self, at: PeerAt, recipe: &str, secs_per_task: BTreeMap<PeerId, f64>) {
        let (now, recipe) = (self.clock(at), recipe.to_owned());
        if let Some(sched) = self.sched(at) {
            sched.handle(SchedInput::HistoryLoaded { recipe, secs_per_task }, now);
        }
    }

    /// True when every submitted job was acknowledged and has ended.
    #[must_use]
    pub fn all_ended(&self) -> bool {
        // The last ones are the last to end: whoever asks all the time gets a quick no.
        self.jobs.iter().rev().all(|(job, setup)| {
            let stewards: Vec<PeerAt> = self.stewards(*job).collect();
            let [steward] = stewards[..] else { return false };
            let ledger = self.ledger(steward).filter(|_| self.peers[steward].id == setup.spec.origin);
            ledger.is_some_and(|ledger| {
                let ended = ledger.summary(*job, self.clock(steward)).is_some_and(|job| job.state.is_ended());
                ended && ledger.stowed(*job).next().is_none()
            })
        })
    }

    /// Peers that are steward of a job, as they think.
    pub fn stewards(&self, job: JobId) -> impl Iterator<Item = PeerAt> {
        (0..self.peers.len()).filter(move |at| self.ledger(*at).is_some_and(|ledger| ledger.spec(job).is_some()))
    }

    /// How often a deputy took over.
    #[must_use]
    pub const fn successions(&self) -> u64 {
        self.successions
    }

    /// Says which jobs have not ended, and what their schedulers think.
    #[must_use]
    pub fn stuck(&mut self) -> String {
        let mut stuck = String::new();
        for job in self.jobs.keys().copied().collect::<Vec<_>>() {
            let now = self.now;
            let home = self.stewards(job).next().filter(|_| self.acknowledged.contains_key(&job));
            let Some(node) = home.and_then(|at| self.peers[at].node.as_mut()) else {
                let copies: Vec<_> = (0..self.peers.len())
                    .filter_map(|at| Some((at, self.peers[at].node.as_ref()?.deputies.steward_of(job)?)))
                    .collect();
                stuck.push_str(&format!("job {job} was never acknowledged, or has no steward: {copies:?}; "));
                continue;
            };
            let Some(summary) = node.ledger.summary(job, now).filter(|summary| !summary.state.is_ended()) else {
                let stowed = node.ledger.stowed(job).count();
                let (stewards, origin) = (self.stewards(job).collect::<Vec<_>>(), self.jobs[&job].spec.origin);
                if stowed != 0 || stewards.len() != 1 || self.peers[stewards[0]].id != origin {
                    let origin = self.at(origin);
                    stuck.push_str(&format!("job {job} of {origin:?} ended at {stewards:?} with {stowed} stowed; "));
                }
                continue;
            };
            let reasons = node.sched.explain(job, 0);
            stuck.push_str(&format!("at peer {home:?}: {summary:?}, {:?}, {reasons:?}; ", node.sched.counts()));
        }
        stuck
    }

    pub(super) fn at(&self, peer: PeerId) -> Option<PeerAt> {
        let number = u64::from_be_bytes(peer.0[..8].try_into().ok()?);
        usize::try_from(number.checked_sub(1)?)
            .ok()
            .filter(|at| self.peers.get(*at).is_some_and(|there| there.id == peer))
    }

    pub(super) fn after(&mut self, delay: Duration, event: Event) {
        self.at_time(self.now + delay, event);
    }

    pub(super) fn at_time(&mut self, at: Time, event: Event) {
        self.scheduled += 1;
        self.heap.push(Reverse(Scheduled { at, number: self.scheduled, event }));
    }

    pub(super) fn inside(&mut self, at: PeerAt, delay: Duration, what: Inside) {
        let run = self.peers[at].runs;
        self.after(delay, Event::Inside { at, run, what: Box::new(what) });
    }

    /// What a machine's own clock shows.
    pub(super) fn clock(&self, at: PeerAt) -> Time {
        Time(self.now.since(Time::ZERO + self.peers[at].clock.stood).as_micros() as u64)
    }

    /// What a machine's wall clock shows.
    pub(super) fn stamp(&self, at: PeerAt) -> Stamp {
        Stamp((self.now.0 / 1_000).saturating_add_signed(self.peers[at].clock.wall_ahead_ms))
    }

    /// Starts a node on what its disk remembers.
    pub(super) fn start(&mut self, at: PeerAt) {
        let now = self.clock(at);
        let seed = self.random.next();
        let peer = &mut self.peers[at];
        peer.runs += 1;
        let epoch = peer.disk.next_epoch(at);
        let Restored { ledger, copies } = match Ledger::restore(peer.id, epoch, peer.disk.jobs(), now) {
            Ok(restored) => restored,
            Err(error) => {
                self.flaw = Some(format!("peer {at} cannot restart: {error}"));
                return;
            }
        };
        let mut worker = Worker::new();
        let lent = Lent { room: peer.lends(), accepts: peer.accepts(), why_not: peer.why_not() };
        worker.handle(WorkerInput::LendingChanged { others: lent.clone(), own: lent }, now);
        let mut deputies = Deputies::new(peer.id, epoch);
        for (claim, number) in ledger.jobs().filter_map(|job| ledger.claim(job)) {
            let ended = ledger.summary(claim.job, now).is_some_and(|job| job.state.is_ended());
            deputies.handle(DeputyInput::JobOpened { claim, number, ended }, now);
        }
        for (claim, number) in copies {
            deputies.handle(DeputyInput::CopyFound { claim, number }, now);
        }
        for (job, number) in &peer.disk.ends {
            deputies.handle(DeputyInput::EndFound { job: *job, number: *number }, now);
        }
        peer.woke_at = now;
        peer.node = Some(Node {
            deputies,
            ceded: BTreeMap::new(),
            run: peer.runs,
            incarnation: Incarnation(seed.to_be_bytes()),
            ledger,
            sched: Scheduler::new(Config::new(peer.id), seed),
            worker,
            links: Links::new(peer.id, seed),
            limits: Limits::new(&peer.limits, now),
            told_limits: BTreeMap::new(),
            map: Map::default(),
            routes: Routes::new(peer.id),
            letters: Letters::new(Incarnation(seed.to_be_bytes())),
            online: BTreeSet::new(),
            records: BTreeMap::new(),
            fresh: BTreeMap::new(),
            telling: Default::default(),
            passing: Default::default(),
            routes_stale: false,
            records_written: 0,
            outbox: Default::default(),
            writing: None,
            up: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            announced: BTreeMap::new(),
            free: (Reserve::default(), 0),
            sessions: BTreeMap::new(),
            outputs: BTreeSet::new(),
            woken_at: None,
            tokens: 0,
            seconds: 0,
        });
        self.announce(at);
        self.check_restored(at);
        self.pump(at);
        self.know_members(at);
    }

    fn happen(&mut self, event: Event) {
        if let Some(at) = event.touches()
            && let Some(waiting) = &mut self.peers[at].asleep
        {
            waiting.push(event);
            return;
        }
        match event {
            Event::Arrived { from, to, link, bytes } => {
                let sees = self.peers[to].node.as_ref().is_some_and(|node| node.up.get(&from) == Some(&link));
                if sees && self.network.stands(from, to, link) {
                    self.arrived(from, to, &bytes);
                }
            }
            Event::LinkUp { at, other, link } => self.link_up(at, other, link),
            Event::LinkDown { at, other, link } => self.link_down(at, other, link),
            Event::Inside { at, run, what } => {
                let what = *what;
                if self.peers[at].node.as_ref().is_some_and(|node| node.run == run) {
                    self.inside_happened(at, what);
                    self.pump(at);
                }
            }
            Event::Fault(fault) => self.fault(fault),
            Event::Command { at, input } => self.commanded(at, *input),
        }
    }

    fn commanded(&mut self, at: PeerAt, input: LedgerInput) {
        let now = self.clock(at);
        if let LedgerInput::JobAdded { spec, .. } = &input {
            if self.acknowledged.contains_key(&spec.id) {
                return;
            }
            // A person who got no answer submits again.
            self.command(at, input.clone(), Duration::from_secs(30));
        }
        if let Some(node) = &mut self.peers[at].node {
            // A command may come too late; that is part of the game.
            _ = node.ledger.handle(input, now);
            self.pump(at);
        }
    }
}

impl Event {
    /// The peer to which it happens.
    const fn touches(&self) -> Option<PeerAt> {
        match self {
            Self::Arrived { to, .. } => Some(*to),
            Self::LinkUp { at, .. }
            | Self::LinkDown { at, .. }
            | Self::Inside { at, .. }
            | Self::Command { at, .. } => Some(*at),
            Self::Fault(_) => None,
        }
    }
}
