//! Twenty machines in a sparse web, and everything that may happen to machines and links, from one seed.

use std::time::Duration;

use gridwell_model::{EdgeKind, Time};

use super::{
    event::PeerAt,
    peer::PeerSetup,
    random::Random,
    setup::JobSetup,
    world::{Failure, Simulation},
};

const PEERS: usize = 20;
const JOBS: u32 = 6;
/// How long things break.
const STORM: Duration = Duration::from_secs(120);
/// Faults are repaired 40 s after a storm at the latest, but people give orders for as long again as it lasts.
const REPAIRS: Duration = Duration::from_secs(20);
/// By then every job must have ended.
const PATIENCE: Time = Time::from_secs(3_600);
/// Idle sessions close, holders hear that their jobs are over.
const REST: Duration = Duration::from_secs(120);

/// A licence of which there are a few, at one of the machines.
const LIMIT: &str = "nuke";

/// Runs a grid through crashes, power cuts, sleep, partitions, and clocks that jump or stand still, to the end of all its jobs.
///
/// # Errors
///
/// The first broken invariant: a job that was acknowledged and is lost or never ends, a task that counts twice or is
/// forgotten, more programs than licences, a journal that gives another ledger when it is replayed, and all that must hold after
/// every step.
pub fn storm(seed: u64) -> Result<Simulation, Failure> {
    let mut random = Random::new(seed ^ 0xC4A05);
    let mut grid = Simulation::new(seed);
    grid.set_nuisances(20, 10);
    add_web(&mut grid, &mut random);
    grid.keep_limit(random.below(PEERS as u64) as PeerAt, LIMIT, random.between(1, 4) as u32);
    for number in 0..JOBS {
        add_job(&mut grid, &mut random, number);
    }
    grid.plan_faults(random.between(10, 40), STORM);
    grid.sit_out(STORM)?;
    Ok(grid)
}

/// The seeds that a test runs: `SIM_SEED=S` only that one, `SIM_SEEDS=N` so many, else the fixed few.
///
/// # Panics
///
/// If the environment names no number.
#[must_use]
pub fn seeds(fixed: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match (number("SIM_SEED"), number("SIM_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (0..count.unwrap_or(fixed)).collect(),
    }
}

impl Simulation {
    /// Runs on until a storm of that length, which has begun, is over and all is right again, every job has ended, and nothing is
    /// left of any.
    ///
    /// # Errors
    ///
    /// The first broken invariant, a job that never ends, or what is left over.
    pub fn sit_out(&mut self, storm: Duration) -> Result<(), Failure> {
        let repaired = self.now() + storm * 2 + REPAIRS;
        self.run_until(repaired, |_| false)?;
        self.run_until(PATIENCE, Self::all_ended)?;
        if !self.all_ended() {
            let stuck = self.stuck();
            return Err(self.failure(format!("jobs that never end: {stuck}")));
        }
        let rest = self.now() + REST;
        self.run_until(rest, |_| false)?;
        self.check_rest()
    }
}

/// A ring, and a link across it for every peer.
fn add_web(grid: &mut Simulation, random: &mut Random) {
    for at in 0..PEERS {
        let lends = if at == 0 { random.between(1, 4) } else { random.below(4) } as u32;
        let (slowness, clock_stands) = (random.between(50, 400), random.chance(500));
        grid.add_peer(PeerSetup { slowness, clock_stands, reach: 6, ..PeerSetup::new(format!("peer{at}"), lends) });
    }
    for one in 0..PEERS {
        let far = (one + 2 + random.below(PEERS as u64 - 3) as PeerAt) % PEERS;
        for other in [(one + 1) % PEERS, far] {
            grid.link(one, other, random.micros(100, 40_000));
        }
    }
}

fn add_job(grid: &mut Simulation, random: &mut Random, number: u32) {
    let at = random.below(PEERS as u64) as PeerAt;
    let tasks = random.between(10, 40) as u32;
    let usual = Duration::from_millis([50, 400, 3_000][random.below(3) as usize]);
    let mut job = JobSetup::new(number, grid.id_of(at), tasks, usual);
    if random.chance(400) {
        let kind = if random.chance(500) { EdgeKind::SameIndex } else { EdgeKind::Whole };
        job = job.then(tasks, kind);
    }
    if random.chance(300) {
        job.spec.steps[0].needs = format!("limit:{LIMIT}").parse().expect("a requirement");
    }
    job.has_inputs = random.chance(500);
    job.has_outputs = random.chance(500);
    grid.submit(at, job, random.micros(0, 30_000_000), random.below(3) as i32);
}
