//! Processor time and memory, as the system counts them.

/// Processor time since the machine started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Of everybody, in core seconds.
    pub(crate) all_seconds: f64,
    /// Of the asked trees, with what their ended children used.
    pub(crate) own_seconds: f64,
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{memory_available, read, tree};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{memory_available, read};

#[cfg(target_os = "linux")]
mod linux {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::Usage;
    use crate::bounded;

    /// What `/proc` counts processor time in: `USER_HZ`, 100 on every architecture that we build for.
    const TICKS_PER_SECOND: f64 = 100.0;

    /// Processes looked at in one go; a bigger tree is counted in part, which only makes us look less busy.
    const MAX_PROCESSES: usize = 1_024;

    pub(crate) fn read(own: &[u32]) -> Option<Usage> {
        let all = parse_all(&bounded::read(Path::new("/proc/stat"))?)?;
        Some(Usage {
            all_seconds: all as f64 / TICKS_PER_SECOND,
            own_seconds: tree_ticks(own) as f64 / TICKS_PER_SECOND,
        })
    }

    pub(crate) fn memory_available() -> Option<u64> {
        parse_available(&bounded::read(Path::new("/proc/meminfo"))?)
    }

    /// The asked processes and everything that they and their children started.
    pub(crate) fn tree(roots: &[u32]) -> BTreeSet<u32> {
        let mut next = roots.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(pid) = next.pop() {
            if seen.len() == MAX_PROCESSES || !seen.insert(pid) {
                continue;
            }
            // A child belongs to the thread that started it.
            let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            for thread in threads {
                let children = bounded::read(&thread.path().join("children")).unwrap_or_default();
                next.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            }
        }
        seen
    }

    fn tree_ticks(roots: &[u32]) -> u64 {
        let ticks = |pid: u32| parse_own(&bounded::read(Path::new(&format!("/proc/{pid}/stat")))?);
        tree(roots).into_iter().filter_map(ticks).sum()
    }

    /// Ticks that were neither idle, nor waiting, nor stolen by a hypervisor.
    fn parse_all(stat: &str) -> Option<u64> {
        let first = stat.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> = first.split_ascii_whitespace().filter_map(|field| field.parse().ok()).collect();
        let [user, nice, system, _idle, _wait, hard_irq, soft_irq, ..] = fields[..] else { return None };
        Some(user + nice + system + hard_irq + soft_irq)
    }

    /// Fields 14 to 17 of `/proc/PID/stat`: a process's own ticks and those of its ended children.
    fn parse_own(stat: &str) -> Option<u64> {
        let fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
        let ticks: Vec<u64> = fields.skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
        (ticks.len() == 4).then(|| ticks.iter().sum())
    }

    fn parse_available(meminfo: &str) -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn counters_are_read_from_what_the_kernel_writes() {
            assert_eq!(parse_all("cpu  100 20 30 4000 50 6 7 80 0 0\ncpu0 1 1 1\n"), Some(163));
            let stat = "42 (a) b) S 1 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 100 0 0";
            assert_eq!(parse_own(stat), Some(100));
            assert_eq!(parse_available("MemTotal: 10 kB\nMemAvailable:    2 kB\n"), Some(2_048));
        }

        #[test]
        fn nonsense_is_unknown() {
            assert_eq!(parse_all("intr 1"), None);
            assert_eq!(parse_own("42 (x"), None);
            assert_eq!(parse_available("MemAvailable: many"), None);
        }

        #[test]
        fn a_tree_counts_its_children() {
            let mut child = std::process::Command::new("sh")
                .args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read wait"])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            let stdout = child.stdout.take().unwrap();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
            let (alone, tree) = (tree_ticks(&[child.id()]), tree_ticks(&[std::process::id()]));
            assert!(alone > 0);
            assert!(tree >= alone);
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use sysinfo::{MemoryRefreshKind, RefreshKind, System};

    use super::Usage;

    /// Everybody's time cannot be told from our own here yet: no load counts as foreign.
    pub(crate) fn read(_own: &[u32]) -> Option<Usage> {
        None
    }

    pub(crate) fn memory_available() -> Option<u64> {
        let memory = MemoryRefreshKind::nothing().with_ram();
        let system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory)).ok()?;
        Some(system.available_memory())
    }
}
