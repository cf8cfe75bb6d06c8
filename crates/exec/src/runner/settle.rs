use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{processes, stat::Stat};

/// How long a session may take to hold what is asked of it; then it is told how many do not. Half of what a node
/// promises before it has measured: `docs/courtesy.md`, "The promise".
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two looks: a signal needs some microseconds to arrive.
const PAUSE: Duration = Duration::from_millis(1);

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    /// How many processes there are.
    pub(crate) processes: u32,
    /// How many of them do not hold it.
    pub(crate) missed: u32,
}

/// Presses something on every process of the session, also on those that are born meanwhile.
///
/// `press` gets all processes, parents first, presses it on those that do not hold it yet and returns how many those
/// were. Done when two looks in a row find the same processes and nothing to press: whoever was not seen by the first
/// look came from one that still ran during it, and so is seen by the second. Nobody slips away by forking and ending
/// in turn, as the dead stay until the runner reaps them, and the looks differ.
pub(crate) fn settle(mut press: impl FnMut(&[Stat]) -> usize) -> Settled {
    let deadline = Instant::now() + PATIENCE;
    let mut before = None;
    loop {
        let found = processes::descendants();
        let missed = press(&found);
        let mut seen: Vec<_> = found.iter().map(|process| (process.pid, process.born)).collect();
        seen.sort_unstable();
        let is_settled = missed == 0 && before.as_ref() == Some(&seen);
        if is_settled || Instant::now() >= deadline {
            let processes = count(found.iter().filter(|process| !process.is_dead()).count());
            // Still in motion: at least one was missed, though nobody knows which.
            return Settled { processes, missed: count(missed).max(u32::from(!is_settled)) };
        }
        before = (missed == 0).then_some(seen);
        if missed > 0 {
            thread::sleep(PAUSE);
        }
    }
}

/// Process ids end far below.
pub(crate) fn count(processes: usize) -> u32 {
    u32::try_from(processes).unwrap_or(u32::MAX)
}
