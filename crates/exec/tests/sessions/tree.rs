//! What `/proc` says about the programs of a session.

use std::{fs, time::Instant};

use crate::harness::{Grid, PATIENCE, runner_of};

/// A thread as `/proc` shows it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    parent: u32,
    pub(crate) state: String,
    pub(crate) nice: i32,
    /// `SCHED_IDLE` is 5.
    pub(crate) policy: u32,
    /// Processor time used, in ticks of a hundredth of a second.
    pub(crate) ticks: u64,
}

pub(crate) fn seen(pid: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
    Some(Seen {
        pid,
        parent: fields[1].parse().unwrap(),
        state: fields[0].into(),
        nice: fields[16].parse().unwrap(),
        policy: fields[38].parse().unwrap(),
        ticks: fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap(),
    })
}

/// Every live program of the session.
pub(crate) fn programs(grid: &Grid) -> Vec<Seen> {
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: Vec<Seen> = pids.filter_map(seen).collect();
    let mut family = vec![runner_of(&grid.folder())];
    let mut at = 0;
    while at < family.len() {
        let parent = family[at];
        family.extend(all.iter().filter(|process| process.parent == parent).map(|process| process.pid));
        at += 1;
    }
    all.into_iter().filter(|process| family[1..].contains(&process.pid) && process.state != "Z").collect()
}

/// Looks again until it is so; only a failure uses the patience up.
pub(crate) fn look_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::yield_now();
    }
}

/// Uses processor time itself until it had `ticks` of it, so that others who could run would have had some too.
pub(crate) fn burn(ticks: u64) {
    let own = || seen(std::process::id()).unwrap().ticks;
    let end = own() + ticks;
    while own() < end {}
}
