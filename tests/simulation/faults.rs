//! Many peers, made-up links and time, seeded faults; every invariant after every step.
//!
//! `SIM_SEEDS=N` runs N seeds instead of the fixed few, `SIM_SEED=S` only that one.

use std::time::Duration;

use gridwell_ledger::{Input, Selection};
use gridwell_model::{EdgeKind, JobId, Stamp, TaskSpan, TaskSpans};
use gridwell_tests::sim::{Failure, JobSetup, PeerAt, PeerSetup, Random, Simulation, seeds};

/// Seeds of every run of the tests; `xtask sim` runs more.
const FIXED_SEEDS: u64 = 60;
/// How long faults go on.
const STORM: Duration = Duration::from_secs(120);

#[test]
fn every_job_ends_and_nothing_is_lost_whatever_breaks() {
    for seed in seeds(FIXED_SEEDS) {
        if let Err(failure) = storm(seed, Random::new(seed ^ 0xFA).between(0, 25)) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_quiet_grid_runs_every_task_once() {
    for seed in seeds(FIXED_SEEDS).into_iter().take(20) {
        let simulation = storm(seed, 0).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(simulation.steps() > 0);
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [3, 7] {
        let trace =
            |_| storm(seed, 8).map(|simulation| simulation.trace()).unwrap_or_else(|failure| panic!("{failure}"));
        let [first, second] = [0, 1].map(trace);
        assert_eq!(first, second);
    }
}

/// Runs a grid of the seed's choosing through that many faults to the end of all its jobs.
fn storm(seed: u64, faults: u64) -> Result<Simulation, Failure> {
    let mut random = Random::new(seed ^ 0x5EED);
    let mut simulation = Simulation::new(seed);
    if faults > 0 {
        simulation.set_nuisances(20, 10);
    }
    let peers = add_peers(&mut simulation, &mut random);
    for number in 0..random.between(1, 5) as u32 {
        let at = peers[random.below(peers.len() as u64) as usize];
        add_job(&mut simulation, &mut random, number, at);
    }
    simulation.plan_faults(faults, STORM);
    simulation.sit_out(STORM)?;
    Ok(simulation)
}

fn add_peers(simulation: &mut Simulation, random: &mut Random) -> Vec<PeerAt> {
    let count = random.between(1, 7);
    let peers: Vec<PeerAt> = (0..count)
        .map(|number| {
            let lends = if number == 0 { random.between(1, 5) } else { random.below(5) } as u32;
            let slowness = random.between(50, 400);
            let name = format!("peer{number}");
            simulation.add_peer(PeerSetup { slowness, ..PeerSetup::new(name, lends) })
        })
        .collect();
    for one in &peers {
        for other in peers.iter().filter(|other| *other > one) {
            simulation.link(*one, *other, random.micros(100, 80_000));
        }
    }
    peers
}

fn add_job(simulation: &mut Simulation, random: &mut Random, number: u32, at: PeerAt) {
    let tasks = random.between(1, 60) as u32;
    let usual = Duration::from_millis([0, 5, 100, 3_000][random.below(4) as usize]);
    let mut job = JobSetup::new(number, simulation.id_of(at), tasks, usual);
    for _ in 0..random.below(3) {
        job = match random.below(2) {
            0 => job.then(tasks, EdgeKind::SameIndex),
            _ => job.then(tasks, EdgeKind::Whole),
        };
    }
    job.failures_per_mille = [0, 0, 80][random.below(3) as usize];
    job.broken_every = [0, 0, 7][random.below(3) as usize];
    job.has_inputs = random.chance(400);
    job.has_outputs = random.chance(500);
    let id = job.spec.id;
    simulation.submit(at, job, random.micros(0, 20_000_000), random.below(3) as i32);
    for _ in 0..random.below(4) {
        meddle(simulation, random, id, at, tasks);
    }
}

/// A person changes their mind.
fn meddle(simulation: &mut Simulation, random: &mut Random, job: JobId, at: PeerAt, tasks: u32) {
    let when = random.micros(0, STORM.as_micros() as u64);
    let later = when + random.micros(0, 30_000_000);
    let start = random.below(u64::from(tasks)) as u32;
    let some = || {
        let span = TaskSpan::new(start, tasks.min(start + 5));
        Some(Selection::from([(0, TaskSpans::checked(vec![span]).expect("one span"))]))
    };
    let stamp = Stamp(0);
    match random.below(5) {
        0 => {
            simulation.command(at, Input::HoldJob { job, now: false }, when);
            simulation.command(at, Input::ReleaseJob { job }, later);
            // A crash may swallow a person's order; they look again.
            simulation.command(at, Input::ReleaseJob { job }, STORM * 2);
        }
        1 => simulation.command(at, Input::SetPriority { job, priority: 5 }, when),
        2 => {
            simulation.command(at, Input::Cancel { job, tasks: some(), stamp }, when);
            simulation.command(at, Input::Retry { job, tasks: None }, later);
        }
        3 => simulation.command(at, Input::Cancel { job, tasks: None, stamp }, when),
        _ => {
            let tasks = some().expect("some");
            simulation.command(at, Input::HoldTasks { job, tasks: tasks.clone(), now: true }, when);
            simulation.command(at, Input::ReleaseTasks { job, tasks: tasks.clone() }, later);
            simulation.command(at, Input::ReleaseTasks { job, tasks }, STORM * 2);
        }
    }
}
