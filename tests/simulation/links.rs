//! What people want of links, in grids of made-up time: nothing crosses a forbidden link, pinned ones come back, and no work is
//! lost meanwhile. That no message crosses and no living link is given up is checked at every step (`sim/links.rs`).

use std::time::Duration;

use gridwell_model::{JobState, LinkPolicy, Time};
use gridwell_tests::sim::{JobSetup, PeerAt, PeerSetup, Simulation};

const SEEDS: u64 = 20;
const HOUR: Duration = Duration::from_hours(1);

/// Peers that all know each other and lend two cores each.
fn a_mesh(seed: u64, peers: usize) -> Simulation {
    let mut grid = Simulation::new(seed);
    for number in 0..peers {
        let name = format!("peer{number}");
        grid.add_peer(PeerSetup::new(name, 2));
        for other in 0..number {
            grid.link(other, number, Duration::from_micros(300 + 700 * seed));
        }
    }
    grid.pass(Duration::from_secs(5));
    grid
}

fn linked(grid: &Simulation, pairs: &[(PeerAt, PeerAt)]) -> Vec<bool> {
    pairs.iter().map(|(one, other)| grid.is_linked(*one, *other)).collect()
}

const PAIRS: [(PeerAt, PeerAt); 3] = [(0, 1), (0, 2), (1, 2)];

#[test]
fn everybody_links_with_everybody() {
    for seed in 0..SEEDS {
        assert_eq!(linked(&a_mesh(seed, 3), &PAIRS), [true; 3], "seed {seed}");
    }
}

#[test]
fn a_forbidden_link_stays_down_and_is_seldom_asked_for() {
    for seed in 0..SEEDS {
        let mut grid = a_mesh(seed, 3);
        let forbids = (seed % 2) as PeerAt;
        grid.want(forbids, 1 - forbids, LinkPolicy::Forbidden);
        assert!(!grid.is_linked(0, 1), "it ends at once");
        grid.pass(HOUR);
        assert_eq!(linked(&grid, &PAIRS), [false, true, true], "seed {seed}");
        // Once in 5 minutes, a quarter more or less.
        assert!((8..=17).contains(&grid.refused_dials()), "seed {seed}: {} dials", grid.refused_dials());

        grid.want(forbids, 1 - forbids, LinkPolicy::Automatic);
        grid.pass(Duration::from_secs(2));
        assert_eq!(linked(&grid, &PAIRS), [true; 3], "seed {seed}");
    }
}

#[test]
fn a_link_that_both_forbid_needs_both_to_come_back() {
    let mut grid = a_mesh(1, 2);
    grid.want(0, 1, LinkPolicy::Forbidden);
    grid.want(1, 0, LinkPolicy::Forbidden);
    grid.pass(HOUR);
    assert_eq!(grid.refused_dials(), 0, "who forbids a link does not ask for it");
    grid.want(0, 1, LinkPolicy::Pinned);
    grid.pass(HOUR);
    assert!(!grid.is_linked(0, 1));
    grid.want(1, 0, LinkPolicy::Automatic);
    grid.pass(Duration::from_secs(2));
    assert!(grid.is_linked(0, 1));
}

#[test]
fn a_pinned_link_is_back_seconds_after_its_machine() {
    for seed in 0..SEEDS {
        let mut grid = a_mesh(seed, 3);
        grid.want(1, 0, LinkPolicy::Pinned);
        grid.part(0, 1);
        grid.pass(HOUR);
        assert!(!grid.is_linked(0, 1));
        grid.heal(0, 1);
        grid.pass(Duration::from_secs(10));
        assert_eq!(linked(&grid, &PAIRS), [true; 3], "seed {seed}");
    }
}

#[test]
fn silence_is_noticed_within_ten_seconds() {
    for seed in 0..SEEDS {
        let mut grid = a_mesh(seed, 2);
        grid.pass(Duration::from_millis(217 * seed));
        grid.part(0, 1);
        grid.pass(Duration::from_secs(10));
        assert!(!grid.is_linked(0, 1), "seed {seed}");
    }
}

#[test]
fn work_goes_on_elsewhere_when_its_link_is_forbidden() {
    for seed in 0..SEEDS {
        let mut grid = a_mesh(seed, 3);
        let mut job = JobSetup::new(1, grid.id_of(0), 30, Duration::from_secs(2));
        (job.has_inputs, job.has_outputs) = (true, true);
        let id = job.spec.id;
        grid.submit(0, job, Duration::ZERO, 0);
        grid.pass(Duration::from_secs(3));
        grid.want(0, 1, LinkPolicy::Forbidden);
        grid.run_until(Time::from_secs(600), Simulation::all_ended).unwrap_or_else(|failure| panic!("{failure}"));
        let summary = grid.ledger(0).and_then(|ledger| ledger.summary(id, grid.now())).expect("it is known");
        assert_eq!(summary.state, JobState::Done, "seed {seed}");
    }
}
