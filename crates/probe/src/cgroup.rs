use std::path::{Path, PathBuf};

use crate::bounded::{read, read_number};

/// Values above this mean "no limit": the first version writes the largest page count instead of a word.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// What a control group allows and uses, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemoryLimit {
    pub(crate) limit_bytes: u64,
    pub(crate) used_bytes: u64,
}

/// The tightest memory limit that holds for this process: its own control group's or one of those above it.
pub(crate) fn memory_limit() -> Option<MemoryLimit> {
    memory_limit_in(Path::new("/sys/fs/cgroup"), &read(Path::new("/proc/self/cgroup"))?)
}

/// `root` is where control groups are mounted, `own` the text of `/proc/self/cgroup`; both versions are understood.
fn memory_limit_in(root: &Path, own: &str) -> Option<MemoryLimit> {
    let limits = own.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let path = path.trim_start_matches('/');
        if controllers.is_empty() {
            tightest(root, path, "memory.max", "memory.current")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            tightest(&root.join("memory"), path, "memory.limit_in_bytes", "memory.usage_in_bytes")
        } else {
            None
        }
    });
    limits.min_by_key(|limit| limit.limit_bytes)
}

fn tightest(mount: &Path, path: &str, limit: &str, used: &str) -> Option<MemoryLimit> {
    let group: PathBuf = mount.join(path);
    let groups = group.ancestors().take_while(|group| group.starts_with(mount));
    let limits = groups.filter_map(|group| {
        let limit_bytes = read_number(&group.join(limit)).filter(|bytes| *bytes < UNLIMITED_BYTES)?;
        Some(MemoryLimit { limit_bytes, used_bytes: read_number(&group.join(used)).unwrap_or(0) })
    });
    limits.min_by_key(|limit| limit.limit_bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_tightest_limit_above_us_counts_in_the_second_version() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path(), "user/app/memory.max", "max\n");
        write(temp.path(), "user/memory.max", "4096\n");
        write(temp.path(), "user/memory.current", "1024\n");
        write(temp.path(), "memory.max", "8192\n");
        let limit = memory_limit_in(temp.path(), "0::/user/app\n");
        assert_eq!(limit, Some(MemoryLimit { limit_bytes: 4096, used_bytes: 1024 }));
    }

    #[test]
    fn the_first_version_is_read_and_its_no_limit_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let own = "8:pids:/x\n4:cpu,memory:/box\n0::/\n";
        write(temp.path(), "memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(memory_limit_in(temp.path(), own), None);
        write(temp.path(), "memory/box/memory.limit_in_bytes", "1000\n");
        assert_eq!(memory_limit_in(temp.path(), own), Some(MemoryLimit { limit_bytes: 1000, used_bytes: 0 }));
    }

    #[test]
    fn nonsense_is_no_limit() {
        assert_eq!(memory_limit_in(Path::new("/no/such/folder"), "nonsense\n::\n0::/a\n"), None);
    }
}
