use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::param::clock_ticks_per_second;

use super::yielding::{Mark, Yielding};
use crate::{processes, stat::Stat};

/// It is looked at least this often before programs count as stuck.
const LOOKS: u32 = 20;
/// No more often than this.
const SHORTEST: Duration = Duration::from_millis(100);
/// No less often than this, so that a burst of work is not lost in a long pause.
const LONGEST: Duration = Duration::from_secs(10);

/// Using less than this part of a core is no sign of life: a program that hangs may still ask again and again whether it
/// may go on.
const PART_OF_CORE: f64 = 0.01;

/// Signs of life of an action's programs: output, processor time, bytes read or written, processes that come and go.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// How long there may be none; forever if nobody says.
    stuck_after: Option<Duration>,
    next: Instant,
    /// The last sign.
    beat: Mark,
    looked: Mark,
    seen: Seen,
}

/// What programs had done when they were looked at.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Their ids and births.
    processes: Vec<(u32, u64)>,
    ticks: u64,
    bytes: u64,
}

impl Pulse {
    pub(crate) fn new(stuck_after: Option<Duration>, started: Mark) -> Self {
        let mut pulse =
            Self { stuck_after, next: Instant::now(), beat: started, looked: started, seen: Seen::default() };
        pulse.next += pulse.period();
        pulse
    }

    fn period(&self) -> Duration {
        self.stuck_after.map_or(LONGEST, |most| (most / LOOKS).clamp(SHORTEST, LONGEST))
    }

    /// When to look next; never if nobody asks.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.stuck_after.map(|_| self.next)
    }

    /// A program wrote something.
    pub(crate) fn beat(&mut self, yielding: &Yielding) {
        self.beat = yielding.mark();
    }

    /// Looks, if it is time to, while the session is awake; returns how long there was no sign of life, if that is too long.
    pub(crate) fn look(&mut self, now: Instant, yielding: &Yielding) -> Option<Duration> {
        let stuck_after = self.stuck_after.filter(|_| self.next <= now)?;
        self.next = now + self.period();
        let passed = yielding.ran_since(self.looked);
        let family = processes::family();
        let seen = Seen::of(&family);
        // Whoever waits for the processor, as softened programs may for long, is not stuck.
        if seen.is_life_since(&self.seen, passed) || family.iter().any(Stat::is_running) {
            self.beat = yielding.mark();
        }
        (self.looked, self.seen) = (yielding.mark(), seen);
        (yielding.ran_since(self.beat) >= stuck_after).then_some(stuck_after)
    }
}

impl Seen {
    fn of(family: &[Stat]) -> Self {
        let mut processes: Vec<_> = family.iter().map(|process| (process.pid, process.born)).collect();
        processes.sort_unstable();
        let ticks = family.iter().map(|process| process.ticks).sum();
        let bytes = family.iter().filter_map(|process| moved(process.pid)).fold(0, u64::wrapping_add);
        Self { processes, ticks, bytes }
    }

    /// True if programs did something in the time that `passed`.
    fn is_life_since(&self, before: &Self, passed: Duration) -> bool {
        if self.processes != before.processes || self.bytes != before.bytes {
            return true;
        }
        let used = self.ticks.saturating_sub(before.ticks) as f64 / clock_ticks_per_second() as f64;
        used > passed.as_secs_f64() * PART_OF_CORE
    }
}

/// Bytes that a process read and wrote, from files, pipes or disks. Source: `proc_pid_io(5)`.
fn moved(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let counted = ["rchar:", "wchar:", "read_bytes:", "write_bytes:"];
    let of = |line: &str| counted.iter().find_map(|name| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    Some(text.lines().filter_map(of).fold(0, u64::wrapping_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(ticks: u64, bytes: u64) -> Seen {
        Seen { processes: vec![(7, 1)], ticks, bytes }
    }

    #[test]
    fn a_little_processor_time_is_no_sign_of_life_and_any_byte_is_one() {
        let (before, passed) = (seen(100, 5), Duration::from_secs(10));
        assert!(!seen(100, 5).is_life_since(&before, passed));
        assert!(!seen(100 + clock_ticks_per_second() / 20, 5).is_life_since(&before, passed));
        assert!(seen(100 + clock_ticks_per_second(), 5).is_life_since(&before, passed));
        assert!(seen(100, 6).is_life_since(&before, passed));
        assert!(Seen { processes: vec![(8, 2)], ..seen(100, 5) }.is_life_since(&before, passed));
    }
}
