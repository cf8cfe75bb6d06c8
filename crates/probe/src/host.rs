use std::{num::NonZero, path::Path, thread};

use gridwell_model::{Hardware, OsFamily};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::{
    cgroup, disk, gpu,
    tools::{self, ToolCache},
};

/// Longest name kept of what a system calls itself, in bytes.
const NAME_BYTES: usize = 128;

/// Looks at this machine. Takes up to about 5 s when tools must be asked for their version, milliseconds with a warm
/// `tools` cache; blocks its thread. The score stays 0.0: see [`crate::benchmark`].
///
/// `data_dir` names the file system whose size is told; it need not exist yet.
#[must_use]
pub fn probe(data_dir: &Path, tools: &mut ToolCache) -> Hardware {
    let memory = MemoryRefreshKind::nothing().with_ram();
    let kind = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(memory);
    let system = System::new_with_specifics(kind).ok();
    let cpu_model = system.as_ref().and_then(|system| Some(system.cpus().first()?.brand().trim().to_owned()));
    let memory_bytes = system.map_or(0, |system| system.total_memory());
    let limit = cgroup::memory_limit().map(|limit| limit.limit_bytes);
    Hardware {
        hostname: System::host_name().ok().and_then(|name| Hardware::host_label(&name)).unwrap_or_default(),
        os: os_family(),
        os_name: shorten(os_name()),
        arch: arch(std::env::consts::ARCH).to_owned(),
        cpu_model: shorten(cpu_model.unwrap_or_default()),
        cpu_count: cores(),
        memory_bytes: limit.map_or(memory_bytes, |limit| limit.min(memory_bytes)),
        disk_bytes: disk::space(data_dir).0,
        gpus: gpu::find_all(),
        tools: tools::find_all(tools),
        score: 0.0,
    }
}

/// Logical cores this process may use: the standard library counts affinity and the control group's quota.
pub(crate) fn cores() -> u32 {
    thread::available_parallelism().map_or(1, NonZero::get).try_into().unwrap_or(u32::MAX)
}

fn os_family() -> OsFamily {
    match std::env::consts::OS {
        "windows" => OsFamily::Windows,
        "macos" => OsFamily::Macos,
        _ => OsFamily::Linux,
    }
}

fn os_name() -> String {
    let words = [System::name(), System::os_version()].into_iter().flatten();
    words.map(|word| word.trim().to_owned()).collect::<Vec<_>>().join(" ")
}

/// The architecture in Open Job Description's words.
fn arch(rust_name: &str) -> &str {
    match rust_name {
        "aarch64" => "arm64",
        other => other,
    }
}

fn shorten(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(NAME_BYTES));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_cores_memory_a_disk_and_a_name() {
        let temp = tempfile::tempdir().unwrap();
        let mut cache = ToolCache::default();
        let hardware = probe(&temp.path().join("not/yet/there"), &mut cache);
        assert!(hardware.cpu_count > 0);
        assert!(hardware.memory_bytes > 0);
        assert!(hardware.disk_bytes > 0);
        assert!(!hardware.os_name.is_empty());
        assert!(["x86_64", "arm64"].contains(&&*hardware.arch) || hardware.arch == std::env::consts::ARCH);
        assert_eq!(probe(temp.path(), &mut cache).tools, hardware.tools);
    }

    #[test]
    fn architectures_have_open_job_descriptions_names() {
        assert_eq!(arch("aarch64"), "arm64");
        assert_eq!(arch("x86_64"), "x86_64");
    }
}
