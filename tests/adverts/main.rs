//! For `cargo xtask bench --only grid`: how much machines at rest say to each other, in grids of several sizes.

use std::{
    io::{Write as _, stdout},
    process::ExitCode,
    time::Duration,
};

use gridwell_tests::sim::{Failure, PeerAt, PeerSetup, Random, Simulation, Traffic};

/// Machines, and links of each; none if all are linked with all.
const GRIDS: [(usize, Option<usize>); 4] = [(10, None), (30, None), (100, Some(4)), (1_000, Some(4))];
/// By then all have met, and have measured their links.
const SETTLE: Duration = Duration::from_mins(3);
const MINUTES: u64 = 5;

fn main() -> ExitCode {
    for (peers, links) in GRIDS {
        match at_rest(peers, links) {
            Ok(traffic) => say(peers, links, &traffic),
            Err(failure) => {
                writeln!(stdout(), "{failure}").expect("somebody reads it");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// A line for each grid: machines, links of each, and bytes for each machine and minute.
fn say(peers: usize, links: Option<usize>, traffic: &Traffic) {
    let share = |bytes: u64| bytes / (peers as u64 * MINUTES);
    let links = links.unwrap_or(peers - 1);
    let Traffic { pings, records, announcements, letters, .. } = *traffic;
    let [all, pings, records, told] = [traffic.total(), pings, records, announcements + letters].map(share);
    writeln!(stdout(), "{peers} {links} {all} {pings} {records} {told}").expect("somebody reads it");
}

fn at_rest(peers: usize, links: Option<usize>) -> Result<Traffic, Failure> {
    let mut random = Random::new(peers as u64);
    let mut grid = Simulation::new(1);
    grid.allow_steps(u64::MAX);
    for at in 0..peers {
        grid.add_peer(PeerSetup::new(format!("peer{at}"), 1));
    }
    for (one, other) in pairs(peers, links, &mut random) {
        grid.link(one, other, random.micros(100, 40_000));
    }
    let settled = grid.now() + SETTLE;
    grid.run_until(settled, |_| false)?;
    let before = grid.traffic();
    let end = grid.now() + Duration::from_mins(MINUTES);
    grid.run_until(end, |_| false)?;
    Ok(grid.traffic().since(&before))
}

/// All with all; or a ring, and links across it until each has so many.
fn pairs(peers: usize, links: Option<usize>, random: &mut Random) -> Vec<(PeerAt, PeerAt)> {
    let Some(links) = links else {
        return (0..peers).flat_map(|one| (one + 1..peers).map(move |other| (one, other))).collect();
    };
    let across = (links - 2) / 2;
    let ring = (0..peers).map(|one| (one, (one + 1) % peers));
    let far = |one: usize| (one, (one + 2 + random.below(peers as u64 - 3) as usize) % peers);
    ring.chain((0..across).flat_map(|_| 0..peers).map(far)).collect()
}
