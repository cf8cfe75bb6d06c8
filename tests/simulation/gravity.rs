//! Gravity when machines turn slow: stragglers hold up no job, and everything counts once.
//!
//! `SIM_SEEDS=N` runs N seeds instead of the fixed few, `SIM_SEED=S` only that one.

use std::time::Duration;

use gridwell_model::{JobId, TaskState, Time};
use gridwell_tests::sim::{Failure, JobSetup, PeerAt, PeerSetup, Random, Simulation, seeds};

/// Seeds of every run of the tests.
const FIXED_SEEDS: u64 = 12;
/// How long faults go on.
const STORM: Duration = Duration::from_secs(100);
/// By then every job must have ended.
const PATIENCE: Time = Time::from_secs(3_600);

/// Three machines of two cores, and a job of 40 tasks of two seconds.
fn a_grid(seed: u64) -> (Simulation, Vec<PeerAt>, JobId) {
    let mut simulation = Simulation::new(seed);
    let peers: Vec<_> = (0..3)
        .map(|number| {
            let name = format!("peer{number}");
            simulation.add_peer(PeerSetup::new(name, 2))
        })
        .collect();
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        simulation.link(peers[one], peers[other], Duration::from_millis(1));
    }
    let mut job = JobSetup::new(0, simulation.id_of(peers[0]), 40, Duration::from_secs(2));
    job.has_outputs = seed.is_multiple_of(2);
    let id = job.spec.id;
    simulation.submit(peers[0], job, Duration::from_secs(1), 0);
    (simulation, peers, id)
}

/// Every task is done, and counts for one machine.
fn check_counts(simulation: &Simulation, at: PeerAt, job: JobId) -> Result<(), Failure> {
    let ledger = simulation.ledger(at).expect("its node runs");
    let summary = ledger.summary(job, simulation.now()).expect("its job");
    let by_machine: u32 = summary.shares.iter().map(|share| share.done).sum();
    let done = summary.counts.of(TaskState::Done);
    if (done, by_machine) == (40, 40) {
        return Ok(());
    }
    Err(simulation.failure(format!("{done} of 40 tasks are done, {by_machine} by machines")))
}

fn slow_machine(seed: u64) -> Result<(), Failure> {
    let (mut simulation, peers, job) = a_grid(seed);
    simulation.run_until(Time::from_secs(8), |_| false)?;
    // What starts there from now on takes a minute and more.
    simulation.slow_down(peers[2], 4_000);
    simulation.run_until(PATIENCE, Simulation::all_ended)?;
    let ended = simulation.now();
    check_counts(&simulation, peers[0], job)?;
    if simulation.second_attempts() == 0 || ended > Time::from_secs(55) {
        let seconds = simulation.second_attempts();
        return Err(simulation.failure(format!("{seconds} second attempts, all done after {ended:?}")));
    }
    simulation.run_until(ended + Duration::from_secs(120), |_| false)?;
    simulation.check_rest()
}

#[test]
fn a_machine_that_turns_slow_does_not_hold_up_the_end() {
    for seed in seeds(FIXED_SEEDS) {
        if let Err(failure) = slow_machine(seed) {
            panic!("{failure}");
        }
    }
}

fn storm(seed: u64) -> Result<u64, Failure> {
    let (mut simulation, peers, _) = a_grid(seed);
    let mut random = Random::new(seed ^ 0x57A6);
    simulation.plan_faults(6, STORM);
    for secs in (5..120).step_by(5) {
        simulation.run_until(Time::from_secs(secs), |_| false)?;
        simulation.slow_down(peers[random.below(3) as usize], [100, 100, 4_000][random.below(3) as usize]);
    }
    peers.iter().for_each(|at| simulation.slow_down(*at, 100));
    simulation.sit_out(STORM)?;
    Ok(simulation.second_attempts())
}

#[test]
fn second_attempts_lose_and_double_nothing_whatever_breaks() {
    let mut seconds = 0;
    for seed in seeds(FIXED_SEEDS) {
        seconds += storm(seed).unwrap_or_else(|failure| panic!("{failure}"));
    }
    assert!(seconds > 0, "no second attempt was made");
}

/// What share of all slots idles while tasks wait for one, in thousandths, on four machines of two cores that answer each other
/// after `round_trip`. The first two seconds do not count: nobody knows yet how long tasks take.
fn idle_per_mille(seed: u64, usual: Duration, round_trip: Duration) -> Result<u64, Failure> {
    let mut simulation = Simulation::new(seed);
    let peers: Vec<_> = (0..4)
        .map(|number| {
            let name = format!("peer{number}");
            simulation.add_peer(PeerSetup::new(name, 2))
        })
        .collect();
    for one in &peers {
        for other in peers.iter().filter(|other| *other > one) {
            simulation.link(*one, *other, round_trip / 2);
        }
    }
    let tasks = (Duration::from_secs(120).as_micros() / usual.as_micros()) as u32;
    let job = JobSetup::new(0, simulation.id_of(peers[0]), tasks, usual);
    simulation.submit(peers[0], job, Duration::from_secs(1), 0);
    let (mut now, mut looks, mut idle) = (Time::from_secs(4), 0, 0);
    loop {
        simulation.run_until(now, |_| false)?;
        if simulation.sched(peers[0]).is_none_or(|sched| sched.counts().ready == 0) {
            break;
        }
        (looks, idle) = (looks + 8, idle + u64::from(simulation.idle_slots()));
        now = now + Duration::from_millis(5);
    }
    assert!(looks > 8_000, "seed {seed}: tasks waited for less than five seconds");
    Ok(idle * 1_000 / looks)
}

#[test]
fn hardly_a_slot_idles_while_tasks_wait_for_one() {
    for seed in seeds(FIXED_SEEDS).into_iter().take(2) {
        for (usual_ms, round_trip_ms, most) in [(20, 2, 5), (250, 20, 5), (2_000, 80, 40)] {
            let (usual, round_trip) = (Duration::from_millis(usual_ms), Duration::from_millis(round_trip_ms));
            let idle = idle_per_mille(seed, usual, round_trip).unwrap_or_else(|failure| panic!("{failure}"));
            assert!(idle <= most, "{usual_ms} ms a task, {round_trip_ms} ms a round trip: {idle} of 1,000 slots idle");
        }
    }
}
