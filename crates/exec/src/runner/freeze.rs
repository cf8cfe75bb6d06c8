use rustix::process::{Pid, Signal, kill_process_group};

use super::settle::{Settled, count, settle};
use crate::{cgroup::Cgroup, event::Means, processes, stat::Stat};

/// Lets every process of the session stand still, born ones included.
///
/// A control group does it unseen by the programs. Where there is none, or it does not come to an end, they are stopped
/// by a signal, which nobody can ignore; a parent may notice that, and a stopped process that somebody continues goes on.
pub(crate) fn freeze(cgroup: Option<&Cgroup>) -> (Settled, Means) {
    if let Some(settled) = cgroup.and_then(freeze_group) {
        return (settled, Means::Freezer);
    }
    (settle(stop), Means::Signals)
}

/// Lets them go on, children before their parents: a parent that wakes finds none that is stopped.
pub(crate) fn thaw(cgroup: Option<&Cgroup>, means: Means) -> Settled {
    let family = processes::descendants();
    let alive = family.iter().rev().filter(|process| !process.is_dead());
    let processes = count(alive.clone().count());
    match cgroup.filter(|_| means == Means::Freezer) {
        Some(cgroup) => Settled { processes, missed: cgroup.thaw().map_or(processes, |()| 0) },
        None => {
            alive.for_each(|process| processes::signal(process, Signal::CONT));
            Settled { processes, missed: 0 }
        }
    }
}

/// Freezes the group while it is empty and moves everybody in; `None`, and nobody frozen, if somebody would not go.
fn freeze_group(cgroup: &Cgroup) -> Option<Settled> {
    let settled = cgroup.freeze().ok().map(|()| {
        settle(|family| {
            let inside = cgroup.members();
            let mut outside: Vec<_> = family.iter().filter(|process| !process.is_dead()).collect();
            outside.retain(|process| !inside.contains(&process.pid));
            for process in &outside {
                // One that ended meanwhile cannot go in; the next look tells.
                let _ = cgroup.admit(process.pid);
            }
            outside.len()
        })
    });
    let settled = settled.filter(|settled| settled.missed == 0 && (settled.processes == 0 || cgroup.await_frozen()));
    if settled.is_none() {
        let _ = cgroup.thaw();
    }
    settled
}

/// Stops whoever runs; returns how many did.
fn stop(family: &[Stat]) -> usize {
    let me = std::process::id();
    let running: Vec<&Stat> = family.iter().filter(|process| !process.is_stopped()).collect();
    // First whole groups, each at once, so that the many are not faster than we are. Only those that a child of ours
    // leads: until it is reaped its id, which is also the group's, cannot be used again.
    for child in family.iter().filter(|process| process.parent == me && process.group == process.pid) {
        let runs = running.iter().any(|process| process.group == child.pid);
        if let Some(group) = Pid::from_raw(child.pid.cast_signed()).filter(|_| runs) {
            let _ = kill_process_group(group, Signal::STOP);
        }
    }
    running.iter().for_each(|process| processes::signal(process, Signal::STOP));
    running.iter().filter(|process| !process.is_held()).count()
}
