//! Priorities of processes that live, and of one that is being born.

use std::{fs::File, io};

use libc::{SCHED_IDLE, SCHED_OTHER, SYS_ioprio_set, SYS_sched_setscheduler, c_int, c_long, sched_param, syscall};
use rustix::{
    io::{Errno, write},
    process::{Pid, getpriority_process, setpriority_process},
};

use super::{
    autogroup,
    settle::{Settled, settle},
};
use crate::{cgroup::Cgroup, event::Means, stat::Stat};

/// The lowest there is.
const NICEST: i32 = 19;

/// `IOPRIO_WHO_PROCESS`, which means a thread. Source, of these three: Linux's `include/uapi/linux/ioprio.h`.
const IO_WHO_THREAD: c_int = 1;
/// `IOPRIO_CLASS_IDLE`: gets the disk when nobody else wants it.
const IO_IDLE: c_int = 3 << 13;
/// `IOPRIO_CLASS_NONE`: as the processor's priority says.
const IO_USUAL: c_int = 0;

/// What programs that start now are to do first.
#[derive(Debug)]
pub(crate) struct Birth {
    /// The entrance of a control group with a low weight.
    pub(crate) entrance: Option<File>,
}

impl Birth {
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { entrance: self.entrance.as_ref().map(File::try_clone).transpose()? })
    }

    /// Softens the calling process; for the moment between fork and exec, so it only calls the system.
    pub(crate) fn soften_me(&self) {
        let _ = self.entrance.as_ref().map(|entrance| write(entrance, b"0"));
        // Wherever the system refuses, the program runs as it is: coming last is a courtesy.
        let _ = lower(0);
    }
}

/// Makes every thread of the session come last, born ones included; those that it lowers also go into `weighed`.
pub(crate) fn soften(weighed: Option<&Cgroup>) -> (Settled, Vec<Means>) {
    let mut refused = [false; 3];
    let settled = settle(|family| {
        let loud: Vec<_> = family.iter().filter(|process| !process.is_dead() && !is_soft(process)).collect();
        for process in &loud {
            let _ = weighed.map(|cgroup| cgroup.admit(process.pid));
            process.threads().iter().for_each(|thread| note(&mut refused, &lower(thread.pid)));
        }
        loud.len() + press_groups(family, NICEST)
    });
    (settled, granted(refused))
}

/// Gives every thread back the priority that the session's programs begin with, as far as the system lets.
///
/// The nice value and the idle class need a right that few have: `CAP_SYS_NICE`, or an `RLIMIT_NICE` of 20 for the
/// usual nice value 0. Source: `sched(7)`, `setpriority(2)`.
pub(crate) fn unsoften() -> (Settled, Vec<Means>) {
    let usual = getpriority_process(None).unwrap_or(0);
    let mut refused = [false; 3];
    let mut kept = 0;
    let mut settled = settle(|family| {
        kept = 0;
        let mut pressed = 0;
        for process in family.iter().filter(|process| !process.is_dead() && is_lowered(process, usual)) {
            let answers: Vec<_> = process.threads().iter().map(|thread| raise(thread.pid, usual)).collect();
            answers.iter().for_each(|answers| note(&mut refused, answers));
            // What was refused once will be again.
            match answers.iter().flatten().any(|answer| answer.is_err()) {
                true => kept += 1,
                false => pressed += 1,
            }
        }
        pressed + press_groups(family, 0)
    });
    settled.missed = settled.missed.max(kept);
    (settled, granted(refused))
}

/// Lets the session's groups come last again.
pub(crate) fn lower_groups() {
    settle(|family| press_groups(family, NICEST));
}

/// Sets the nice value of every group that the session's processes are in, the runner's too; returns how many of them
/// had another one.
fn press_groups(family: &[Stat], nice: i32) -> usize {
    let living = family.iter().filter(|process| !process.is_dead()).map(|process| process.pid);
    let others = living.chain([std::process::id()]).filter(|pid| autogroup::nice(*pid).is_some_and(|is| is != nice));
    // One that has to wait is seen by the next look.
    others.map(|pid| autogroup::set_nice(pid, nice)).fold(0, |count, _| count + 1)
}

fn is_soft(process: &Stat) -> bool {
    process.threads().iter().all(|thread| thread.nice == NICEST && thread.policy == SCHED_IDLE)
}

fn is_lowered(process: &Stat, usual: i32) -> bool {
    process.threads().iter().any(|thread| thread.nice > usual || thread.policy == SCHED_IDLE)
}

/// Answers for the disk's class, the nice value and the scheduler's class, in this order: what is born between two of
/// them is seen to lack the last.
type Answers = [io::Result<()>; 3];

fn lower(thread: u32) -> Answers {
    [set_disk_class(thread, IO_IDLE), set_nice(thread, NICEST), set_class(thread, SCHED_IDLE)]
}

/// The nice value before the class: the idle class can only be left with a right to the nice value that one then has.
fn raise(thread: u32, nice: i32) -> Answers {
    [set_disk_class(thread, IO_USUAL), set_nice(thread, nice), set_class(thread, SCHED_OTHER)]
}

fn note(refused: &mut [bool; 3], answers: &Answers) {
    for (refused, answer) in refused.iter_mut().zip(answers) {
        *refused |= answer.is_err();
    }
}

fn granted(refused: [bool; 3]) -> Vec<Means> {
    let means = [Means::IdleDisk, Means::Nice, Means::IdleClass];
    let granted = means.into_iter().zip(refused).filter_map(|(means, refused)| (!refused).then_some(means));
    // Nobody is refused this one.
    granted.chain(autogroup::nice(std::process::id()).map(|_| Means::Autogroup)).collect()
}

fn set_nice(thread: u32, nice: i32) -> io::Result<()> {
    spare_the_dead(setpriority_process(Pid::from_raw(thread.cast_signed()), nice).map_err(io::Error::from))
}

fn set_class(thread: u32, class: c_int) -> io::Result<()> {
    let usual = sched_param { sched_priority: 0 };
    #[expect(unsafe_code, reason = "no safe crate of ours sets a thread's scheduler")]
    // SAFETY: the kernel reads one `sched_param`, which lives until the call returns, and keeps no pointer to it. The
    // raw call, as musl's function refuses to work.
    let answer = unsafe { syscall(SYS_sched_setscheduler, thread, class, &raw const usual) };
    spare_the_dead(checked(answer))
}

fn set_disk_class(thread: u32, class: c_int) -> io::Result<()> {
    #[expect(unsafe_code, reason = "no C library has a function for it")]
    // SAFETY: takes three numbers and no memory.
    let answer = unsafe { syscall(SYS_ioprio_set, IO_WHO_THREAD, thread, class) };
    spare_the_dead(checked(answer))
}

fn checked(answer: c_long) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A thread that ended meanwhile needs nothing.
fn spare_the_dead(answer: io::Result<()>) -> io::Result<()> {
    answer.or_else(|error| match Errno::from_io_error(&error) {
        Some(Errno::SRCH) => Ok(()),
        _ => Err(error),
    })
}
