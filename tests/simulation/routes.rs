//! Work over links of others, in grids of made-up time. At every step: nothing leaves for, or comes from, whom an owner forbids,
//! and nothing travels but over connections that stand (`sim/routes.rs`, `sim/links.rs`).

use std::time::Duration;

use gridwell_ledger::Input;
use gridwell_model::{JobId, JobState, LinkPolicy, Stamp};
use gridwell_tests::sim::{JobSetup, PeerAt, PeerSetup, Random, Simulation};

const SEEDS: u64 = 20;
/// How long faults go on; repairs take 40 s more.
const STORM: Duration = Duration::from_secs(120);

/// Peers that lend so many cores each, linked as named.
fn a_grid(seed: u64, lends: &[u32], links: &[(PeerAt, PeerAt)]) -> Simulation {
    a_grid_with(seed, lends, links, &[])
}

/// The same; `silent` ones pass nothing on.
fn a_grid_with(seed: u64, lends: &[u32], links: &[(PeerAt, PeerAt)], silent: &[PeerAt]) -> Simulation {
    let mut grid = Simulation::new(seed);
    for (number, lends) in lends.iter().enumerate() {
        let silent = silent.contains(&number);
        grid.add_peer(PeerSetup { silent, reach: 6, ..PeerSetup::new(format!("peer{number}"), *lends) });
    }
    for (one, other) in links {
        grid.link(*one, *other, Duration::from_micros(300 + 200 * seed));
    }
    grid.pass(Duration::from_secs(10));
    grid
}

fn a_line(count: usize) -> Vec<(PeerAt, PeerAt)> {
    (1..count).map(|at| (at - 1, at)).collect()
}

fn a_ring(count: usize) -> Vec<(PeerAt, PeerAt)> {
    (0..count).map(|at| (at, (at + 1) % count)).collect()
}

fn a_mesh(count: usize) -> Vec<(PeerAt, PeerAt)> {
    (0..count).flat_map(|one| (0..one).map(move |other| (other, one))).collect()
}

/// Submits a job of such tasks at the first peer.
fn submit(grid: &mut Simulation, tasks: u32, usual: Duration) -> JobId {
    let mut job = JobSetup::new(1, grid.id_of(0), tasks, usual);
    (job.has_inputs, job.has_outputs) = (true, true);
    let id = job.spec.id;
    grid.submit(0, job, Duration::ZERO, 0);
    id
}

/// How many tasks of a job each peer has done.
fn done_by(grid: &Simulation, job: JobId, peers: usize) -> Vec<u32> {
    let summary = grid.ledger(0).and_then(|ledger| ledger.summary(job, grid.now())).expect("it is known");
    assert_eq!(summary.state, JobState::Done);
    let of = |at| summary.shares.iter().find(|share| share.peer == grid.id_of(at)).map_or(0, |share| share.done);
    (0..peers).map(of).collect()
}

#[test]
fn the_far_end_of_a_line_does_the_work_of_the_near_end() {
    for seed in 0..SEEDS {
        let mut grid = a_grid(seed, &[0, 0, 0, 0, 2], &a_line(5));
        let job = submit(&mut grid, 40, Duration::from_millis(300));
        grid.finish();
        assert_eq!(done_by(&grid, job, 5), [0, 0, 0, 0, 40], "seed {seed}");
        assert!(grid.letters_passed() > 0);
    }
}

#[test]
fn nothing_goes_over_a_peer_that_passes_nothing_on() {
    let mut grid = a_grid_with(3, &[1, 2, 2], &a_line(3), &[1]);
    let job = submit(&mut grid, 40, Duration::from_millis(300));
    grid.finish();
    let done = done_by(&grid, job, 3);
    assert!(done[1] > 0 && done[2] == 0, "{done:?}");
    assert_eq!(grid.letters_passed(), 0);
}

#[test]
fn work_goes_the_way_around_a_link_that_becomes_forbidden() {
    for seed in 0..SEEDS {
        let mut grid = a_grid(seed, &[0, 0, 2], &a_ring(3));
        let job = submit(&mut grid, 60, Duration::from_millis(300));
        grid.pass(Duration::from_secs(3));
        grid.want(2, 0, LinkPolicy::Forbidden);
        grid.finish();
        assert_eq!(done_by(&grid, job, 3), [0, 0, 60], "seed {seed}");
        assert!(grid.letters_passed() > 0);
    }
}

#[test]
fn every_job_ends_in_sparse_grids_whatever_breaks() {
    for seed in 0..SEEDS {
        let mut random = Random::new(seed ^ 0x0DD);
        let count = random.between(4, 8) as usize;
        let mut links = a_ring(count);
        if random.chance(500) {
            links.pop();
        }
        let lends: Vec<_> = (0..count).map(|_| random.below(3) as u32).collect();
        let mut grid = a_grid(seed, &[&lends[1..], &[1]].concat(), &links);
        grid.set_nuisances(20, 10);
        for number in 0..3 {
            let at = random.below(count as u64) as PeerAt;
            let mut job = JobSetup::new(number, grid.id_of(at), 40, Duration::from_millis(400));
            (job.has_inputs, job.has_outputs) = (random.chance(500), random.chance(500));
            grid.submit(at, job, random.micros(0, 20_000_000), 0);
        }
        grid.plan_faults(random.between(0, 20), STORM);
        grid.sit_out(STORM).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// Seconds that these peers took for a task on other days.
fn remember(grid: &mut Simulation, peers: usize, secs: f64) {
    let secs_per_task = (0..peers).map(|at| (grid.id_of(at), secs)).collect();
    grid.remember(0, "command", secs_per_task);
}

/// How many of `count` short jobs each of six peers does, of which one comes each so often, and how long all of them take.
fn spill(seed: u64, links: &[(PeerAt, PeerAt)], count: u32, every: Duration) -> (Vec<u32>, Duration) {
    const PEERS: usize = 6;
    let mut grid = a_grid(seed, &[1; PEERS], links);
    remember(&mut grid, PEERS, 0.2);
    let began = grid.now();
    for number in 0..count {
        let job = JobSetup::new(number, grid.id_of(0), 1, Duration::from_millis(200));
        grid.submit(0, job, every * number, 0);
    }
    grid.finish();
    let ledger = grid.ledger(0).expect("it runs");
    let summaries: Vec<_> = ledger.jobs().filter_map(|job| ledger.summary(job, grid.now())).collect();
    let shares = || summaries.iter().flat_map(|summary| &summary.shares);
    let of = |at| shares().filter(|share| share.peer == grid.id_of(at)).map(|share| share.done).sum::<u32>();
    ((0..PEERS).map(of).collect::<Vec<_>>(), grid.now().since(began))
}

/// A little more comes in than two peers can do.
#[test]
fn in_a_line_load_falls_with_distance() {
    let mut loads = [0; 6];
    for seed in 0..5 {
        let (more, _) = spill(seed, &a_line(6), 120, Duration::from_millis(90));
        loads.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }
    // One link away is hardly further than here.
    let (near, middle, far) = (loads[0] + loads[1], loads[2] + loads[3], loads[4] + loads[5]);
    assert!(near > middle && middle > far && near * 2 > far * 3, "{loads:?}");
}

/// Everything comes at once.
#[test]
fn a_mesh_is_at_least_as_fast_as_a_line() {
    let took =
        |links: &[(PeerAt, PeerAt)]| (0..5).map(|seed| spill(seed, links, 120, Duration::ZERO).1).sum::<Duration>();
    let (in_mesh, in_line) = (took(&a_mesh(6)), took(&a_line(6)));
    assert!(in_mesh <= in_line, "{in_mesh:?} in the mesh, {in_line:?} in the line");
}

#[test]
fn a_cancel_in_a_ring_stops_every_holder_and_each_hears_it_once() {
    for seed in 0..SEEDS {
        let mut grid = a_grid(seed, &[1; 5], &a_ring(5));
        let job = submit(&mut grid, 50, Duration::from_secs(600));
        grid.pass(Duration::from_secs(10));
        grid.command(0, Input::Cancel { job, tasks: None, stamp: Stamp(0) }, Duration::ZERO);
        grid.pass(Duration::from_secs(10));
        assert!(grid.all_ended(), "seed {seed}");
        // Each holds one lease, and is told once, whichever way around the ring.
        let told: Vec<_> = (0..5).map(|at| (grid.offers_to(at), grid.revokes_to(at))).collect();
        assert_eq!(told, [(1, 1); 5], "seed {seed}");
        grid.check_rest().unwrap_or_else(|failure| panic!("{failure}"));
    }
}
