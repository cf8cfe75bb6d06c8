//! Counted licences in a grid where anything breaks: never more programs than licences, and every job ends.
//!
//! `SIM_SEEDS=N` runs N seeds instead of the fixed few, `SIM_SEED=S` only that one.

use std::time::Duration;

use gridwell_tests::sim::{Failure, JobSetup, PeerSetup, Random, Simulation, seeds};

/// Seeds of every run of the tests.
const FIXED_SEEDS: u64 = 40;
/// How long faults go on.
const STORM: Duration = Duration::from_secs(120);
const CAP: u32 = 3;

#[test]
fn a_limit_is_used_in_full_by_the_jobs_of_several_machines_and_never_passed() {
    for seed in seeds(FIXED_SEEDS).into_iter().take(10) {
        let simulation = run(seed, 0).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(simulation.most_licensed("nuke"), CAP, "seed {seed}");
    }
}

#[test]
fn the_cap_of_a_limit_holds_under_partition_and_crash() {
    for seed in seeds(FIXED_SEEDS) {
        if let Err(failure) = run(seed, 12) {
            panic!("{failure}");
        }
    }
}

/// Two machines' jobs on four machines of two cores, over licences that one of them keeps.
fn run(seed: u64, faults: u64) -> Result<Simulation, Failure> {
    let mut random = Random::new(seed ^ 0x11CE);
    let mut simulation = Simulation::new(seed);
    let peers: Vec<_> = (0..4)
        .map(|number| {
            let name = format!("peer{number}");
            simulation.add_peer(PeerSetup::new(name, 2))
        })
        .collect();
    for one in &peers {
        for other in peers.iter().filter(|other| *other > one) {
            simulation.link(*one, *other, random.micros(100, 40_000));
        }
    }
    simulation.keep_limit(peers[random.below(4) as usize], "nuke", CAP);
    for number in 0..2 {
        let usual = Duration::from_millis([200, 4_000][random.below(2) as usize]);
        let mut job = JobSetup::new(number, simulation.id_of(peers[number as usize]), 24, usual);
        job.spec.steps[0].needs = "limit:nuke".parse().expect("a requirement");
        job.has_outputs = random.chance(500);
        simulation.submit(peers[number as usize], job, Duration::from_secs(1), 0);
    }
    simulation.plan_faults(faults, STORM);
    simulation.sit_out(STORM)?;
    Ok(simulation)
}
