//! Finding and ending processes through `/proc`.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read as _,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, pidfd_send_signal, wait},
};

use crate::{spare::MARK, stat::Stat};

/// How long killed processes may take to go; one that takes longer hangs in the kernel.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// Most bytes of a process's environment that are looked at: Linux's own limit for one.
const ENVIRON_BYTES: u64 = 2 * 1024 * 1024;

/// Kills every process marked with a session folder in or below `below` and waits until they are gone; returns how many
/// would not go. The calling process is spared.
pub(crate) fn end_marked(below: &Path) -> usize {
    let deadline = Instant::now() + KILL_PATIENCE;
    loop {
        let found: Vec<OwnedFd> = all().filter_map(|pid| marked(pid, below)).collect();
        for process in &found {
            // A process that ended meanwhile is what we want.
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
        let gone = found.iter().all(|process| await_end(process, deadline));
        if found.is_empty() || !gone {
            return if gone { 0 } else { found.len() };
        }
    }
}

/// Kills every descendant of this process and reaps it; false if some would not go in time.
///
/// Needs to be their sub-reaper, so that nothing slips away by losing its parent.
pub(crate) fn end_descendants() -> bool {
    let deadline = Instant::now() + KILL_PATIENCE;
    loop {
        match wait(WaitOptions::NOHANG) {
            Err(Errno::CHILD) => return true,
            Ok(Some(_)) | Err(Errno::INTR) => continue,
            Ok(None) | Err(_) => {}
        }
        let family = descendants();
        for pid in family.iter().filter_map(|process| Pid::from_raw(process.pid.cast_signed())) {
            // Safe from reused ids: a direct child stays a zombie until we reap it, its own children until it is dead.
            let _ = kill_process(pid, Signal::KILL);
        }
        let me = std::process::id();
        for child in family.iter().filter(|process| process.parent == me).filter_map(|process| open(process.pid)) {
            await_end(&child, deadline);
        }
        if Instant::now() >= deadline {
            return false;
        }
    }
}

fn await_end(process: &OwnedFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)) {
            Err(Errno::INTR) => {}
            ready => return ready.is_ok_and(|ready| ready > 0),
        }
    }
}

/// Every process id except our own.
fn all() -> impl Iterator<Item = u32> {
    let me = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(move |pid| *pid != me)
}

/// Opens a process if it carries the mark of a session in or below `below`.
fn marked(pid: u32, below: &Path) -> Option<OwnedFd> {
    // Opened before looking: the handle then surely names the process that was looked at.
    let process = open(pid)?;
    let mut environ = Vec::new();
    File::open(format!("/proc/{pid}/environ")).ok()?.take(ENVIRON_BYTES).read_to_end(&mut environ).ok()?;
    let mark = environ.split(|byte| *byte == 0).find_map(|variable| {
        variable.strip_prefix(MARK.as_bytes())?.strip_prefix(b"=").map(std::ffi::OsStr::from_bytes)
    })?;
    Path::new(mark).starts_with(below).then_some(process)
}

/// Every process whose line of parents leads to this one, parents before their children.
pub(crate) fn descendants() -> Vec<Stat> {
    let mut children: BTreeMap<u32, Vec<Stat>> = BTreeMap::new();
    for process in all().filter_map(Stat::of) {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut next = vec![std::process::id()];
    while let Some(pid) = next.pop() {
        let own = children.remove(&pid).unwrap_or_default();
        next.extend(own.iter().map(|process| process.pid));
        found.extend(own);
    }
    found
}

/// The same, asked of each parent for its children: costs nothing for what others run. Who is born or ends meanwhile may
/// be missed, and so may be others; kernels without these lists are asked the long way.
pub(crate) fn family() -> Vec<Stat> {
    let mut found = Vec::new();
    let Some(mut next) = children(std::process::id()) else { return descendants() };
    while let Some(pid) = next.pop() {
        if let Some(process) = Stat::of(pid) {
            next.extend(children(pid).unwrap_or_default());
            found.push(process);
        }
    }
    found
}

/// The children of all threads of a process; `None` if nobody says.
fn children(pid: u32) -> Option<Vec<u32>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let mut found = Vec::new();
    for thread in threads {
        let children = fs::read_to_string(thread.path().join("children")).ok()?;
        found.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Some(found)
}

/// Sends a signal to the very process that was looked at, not to another one that got its id meanwhile.
pub(crate) fn signal(process: &Stat, signal: Signal) {
    // Opened before looking again: the handle then surely names what is looked at.
    let Some(handle) = open(process.pid) else { return };
    if Stat::of(process.pid).is_some_and(|now| now.born == process.born) {
        // A process that ended meanwhile needs none.
        let _ = pidfd_send_signal(handle, signal);
    }
}

fn open(pid: u32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(pid.cast_signed())?, PidfdFlags::empty()).ok()
}
