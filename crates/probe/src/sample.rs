use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use gridwell_model::Load;

use crate::{cgroup, disk, host, usage};

/// Counters tick a hundred times a second: over less than this a share of a core is noise.
const SHORTEST: Duration = Duration::from_millis(100);

/// Measures how busy the machine is, between one call and the next.
#[derive(Debug)]
pub struct Sampler {
    data_dir: PathBuf,
    /// To find them out takes a dozen looks at control groups.
    cores: u32,
    before: Option<(Instant, usage::Usage)>,
    foreign_cpu: f32,
}

impl Sampler {
    /// Starts without a measurement: the first sample tells memory and disk, and no foreign load.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), cores: host::cores(), before: None, foreign_cpu: 0.0 }
    }

    /// Returns the load since the last call. `own` are processes whose whole trees are ours: usually just the node's own
    /// id, whose descendants include every runner and its programs. Costs a few file reads for each process of these
    /// trees: cheap enough for every 5 s.
    pub fn sample(&mut self, own: &[u32]) -> Load {
        let now = Instant::now();
        let elapsed = self.before.as_ref().map(|(then, _)| now.duration_since(*then));
        if elapsed.is_none_or(|elapsed| elapsed >= SHORTEST)
            && let Some(usage) = usage::read(own)
        {
            if let Some((elapsed, (_, before))) = elapsed.zip(self.before.as_ref()) {
                self.foreign_cpu = foreign(before, &usage, elapsed, self.cores);
            }
            self.before = Some((now, usage));
        }
        Load {
            foreign_cpu: self.foreign_cpu,
            memory_free_bytes: memory_free(),
            disk_free_bytes: disk::space(&self.data_dir).1,
        }
    }
}

/// Cores that others kept busy: everybody's time less our own, never below none nor above `cores`.
pub(crate) fn foreign(before: &usage::Usage, after: &usage::Usage, elapsed: Duration, cores: u32) -> f32 {
    let all = after.all_seconds - before.all_seconds;
    let own = (after.own_seconds - before.own_seconds).max(0.0);
    let busy = ((all - own) / elapsed.as_secs_f64()) as f32;
    busy.clamp(0.0, cores as f32)
}

/// Memory a new program could get: what the system has, within what the control group leaves.
fn memory_free() -> u64 {
    let system = usage::memory_available().unwrap_or(0);
    let left = cgroup::memory_limit().map(|limit| limit.limit_bytes.saturating_sub(limit.used_bytes));
    left.map_or(system, |left| left.min(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_work_is_not_foreign() {
        let usage = |all_seconds, own_seconds| usage::Usage { all_seconds, own_seconds };
        let second = Duration::from_secs(1);
        assert_eq!(foreign(&usage(10.0, 5.0), &usage(13.0, 7.0), second, 8), 1.0);
        // A finished tree may make the own time shrink, and counters do not tick together.
        assert_eq!(foreign(&usage(10.0, 5.0), &usage(11.0, 4.0), second, 8), 1.0);
        assert_eq!(foreign(&usage(10.0, 5.0), &usage(11.0, 6.5), second, 8), 0.0);
        assert_eq!(foreign(&usage(0.0, 0.0), &usage(99.0, 0.0), second, 8), 8.0);
    }

    #[test]
    fn memory_and_disk_are_told_from_the_first_sample() {
        let temp = tempfile::tempdir().unwrap();
        let load = Sampler::new(temp.path()).sample(&[std::process::id()]);
        assert!(load.memory_free_bytes > 0);
        assert!(load.disk_free_bytes > 0);
        assert_eq!(load.foreign_cpu, 0.0);
    }
}
