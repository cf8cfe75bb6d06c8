use std::{fs, str::FromStr};

/// A process or thread as Linux shows it. Source: `proc_pid_stat(5)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: u32,
    /// `R`, `S`, `D`, `T` …
    state: u8,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) nice: i32,
    pub(crate) threads: u32,
    /// Processor time that all its threads have used, in ticks.
    pub(crate) ticks: u64,
    /// When it began, in ticks: with the id it names one process for good.
    pub(crate) born: u64,
    /// Memory that it has now, in pages; what it shares with others counts in full.
    pub(crate) pages: u64,
    /// Which scheduler it has: `SCHED_OTHER`, `SCHED_IDLE` …
    pub(crate) policy: i32,
}

impl Stat {
    /// Looks at a process; `None` if it is gone.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Looks at all threads of a process; their `pid` is the thread's.
    pub(crate) fn threads(&self) -> Vec<Self> {
        if self.threads <= 1 {
            return Vec::from([*self]);
        }
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        tasks.filter_map(|task| Self::parse(&fs::read(task.path().join("stat")).ok()?)).collect()
    }

    /// Ended, and only waits for its parent to notice. A first thread that has ended before others looks the same.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.threads <= 1
    }

    /// A thread runs, or waits for a processor.
    pub(crate) fn is_running(&self) -> bool {
        self.threads().iter().any(|thread| thread.state == b'R')
    }

    /// Every thread is stopped, or ended.
    pub(crate) fn is_stopped(&self) -> bool {
        self.threads().iter().all(|thread| matches!(thread.state, b'T' | b't' | b'Z' | b'X'))
    }

    /// No thread runs or, once the process was told to stop, will: what waits for a device (`D`), or for a child that
    /// has yet to become a program, stops before it comes back.
    pub(crate) fn is_held(&self) -> bool {
        self.threads().iter().all(|thread| matches!(thread.state, b'T' | b't' | b'Z' | b'X' | b'D'))
    }

    /// The second field is a name in brackets that may contain anything.
    fn parse(stat: &[u8]) -> Option<Self> {
        let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
        let pid = std::str::from_utf8(stat.split(|byte| *byte == b' ').next()?).ok()?.parse().ok()?;
        let fields: Vec<&str> =
            std::str::from_utf8(&stat[name_ends + 1..]).ok()?.split_ascii_whitespace().take(39).collect();
        Some(Self {
            pid,
            state: *fields.first()?.as_bytes().first()?,
            parent: field(&fields, 4)?,
            group: field(&fields, 5)?,
            ticks: field::<u64>(&fields, 14)?.saturating_add(field(&fields, 15)?),
            nice: field(&fields, 19)?,
            threads: field(&fields, 20)?,
            born: field(&fields, 22)?,
            pages: field(&fields, 24)?,
            policy: field(&fields, 41)?,
        })
    }
}

/// Reads a field by its number in the manual; the list begins with number 3.
fn field<T: FromStr>(fields: &[&str], number: usize) -> Option<T> {
    fields.get(number - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str =
        "7 42 42 0 -1 4194304 1 0 0 0 30 4 0 0 39 19 1 0 5000 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 17 0 0 5 0 0";

    #[test]
    fn a_name_with_brackets_and_spaces_hides_nothing() {
        for name in [&b"sh"[..], b"a) R 9 (x", b"\xff)("] {
            let stat = [b"42 (", name, b") T ", REST.as_bytes()].concat();
            let seen = Stat::parse(&stat).expect("a process");
            assert_eq!((seen.pid, seen.state, seen.parent, seen.group), (42, b'T', 7, 42));
            assert_eq!((seen.nice, seen.threads, seen.born, seen.policy), (19, 1, 5000, 5));
            assert_eq!(seen.ticks, 34);
        }
    }

    #[test]
    fn what_is_cut_short_is_nothing() {
        assert_eq!(Stat::parse(b"42 (sh) S 7 42"), None);
        assert_eq!(Stat::parse(b"garbage"), None);
    }
}
