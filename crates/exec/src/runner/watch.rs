use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use gridwell_model::{Limits, format_bytes};
use rustix::{fs::statvfs, param::page_size};

use super::usage::Usage;
use crate::{cgroup::Hold, processes, stat::Stat};

/// At most this often: in a tenth of a second, a program fills some hundred MB.
const PERIOD: Duration = Duration::from_millis(100);

/// Looking takes at most this part of a core.
const PART_OF_CORE: u32 = 100;

/// Who has at least this on a disk that runs full is to blame, among others perhaps.
const BLAMED_BYTES: u64 = 64 * 1024 * 1024;

/// Looks at what a session's programs use together.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The kernel holds some limits: it is only asked whether they were reached.
    hold: Option<Hold>,
    /// The others.
    limits: Limits,
    folder: PathBuf,
    usage: Usage,
    /// What the folder took when it was last added up.
    written: u64,
    next: Instant,
}

impl Watch {
    pub(crate) fn new(limits: Limits, hold: Option<Hold>, folder: &Path) -> Self {
        let next = Instant::now() + PERIOD;
        let limits = hold.as_ref().map_or(limits, |hold| hold.rest(limits));
        Self { hold, limits, folder: folder.to_owned(), usage: Usage::of(folder), written: 0, next }
    }

    /// When to look next; never if nothing is limited.
    pub(crate) fn due(&self) -> Option<Instant> {
        (self.limits != Limits::default() || self.hold.is_some()).then_some(self.next)
    }

    /// Looks, if it is time to; returns what is exceeded, as a sentence.
    pub(crate) fn look(&mut self, now: Instant) -> Option<String> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        let exceeded = self.held_back().or_else(|| self.programs()).or_else(|| self.disk());
        self.next = Instant::now() + PERIOD.max(now.elapsed() * PART_OF_CORE);
        exceeded
    }

    /// What the kernel kept the session from using. To be asked once more when a program has ended: perhaps by the kernel.
    pub(crate) fn held_back(&self) -> Option<String> {
        self.hold.as_ref()?.exceeded()
    }

    fn programs(&self) -> Option<String> {
        let Limits { memory_bytes, threads, .. } = self.limits;
        if memory_bytes.is_none() && threads.is_none() {
            return None;
        }
        let family = processes::family();
        let found: u32 = family.iter().map(|process| process.threads).fold(0, u32::saturating_add);
        if let Some(most) = threads.filter(|most| found > *most) {
            return Some(format!(
                "its programs ran {found} processes and threads at once, more than the {most} allowed"
            ));
        }
        let most = memory_bytes?;
        // Quick, and never too little. Only who has too much by that is asked what it shares, which takes a while.
        let upper: u64 = family.iter().map(resident).sum();
        let used = if upper > most {
            family.iter().map(|process| proportional(process).unwrap_or_else(|| resident(process))).sum()
        } else {
            upper
        };
        (used > most).then(|| {
            let (used, most) = (format_bytes(used), format_bytes(most));
            format!("its programs needed {used} of memory, more than the {most} allowed")
        })
    }

    fn disk(&mut self) -> Option<String> {
        let Limits { disk_bytes, spare_disk_bytes, .. } = self.limits;
        let free = spare_disk_bytes.and_then(|_| statvfs(&self.folder).ok()).map(|disk| disk.f_bavail * disk.f_frsize);
        let tight = free.zip(spare_disk_bytes).filter(|(free, spare)| free < spare);
        if disk_bytes.is_none() && tight.is_none() {
            return None;
        }
        self.written = self.usage.go_on().unwrap_or(self.written);
        let written = format_bytes(self.written);
        if let Some(most) = disk_bytes.filter(|most| self.written > *most) {
            return Some(format!("its programs wrote {written}, more than the {} allowed", format_bytes(most)));
        }
        let (free, spare) = tight.filter(|_| self.written >= BLAMED_BYTES)?;
        let (free, spare) = (format_bytes(free), format_bytes(spare));
        Some(format!("its programs wrote {written} and left {free} on the disk, of which {spare} have to stay free"))
    }
}

/// Memory of a process, what it shares with others included.
fn resident(process: &Stat) -> u64 {
    process.pages.saturating_mul(page_size() as u64)
}

/// Memory of a process, with its part of what it shares. Source: `proc_pid_smaps(5)`.
fn proportional(process: &Stat) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)).ok()?;
    let kilobytes = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Some(kilobytes? * 1024)
}
