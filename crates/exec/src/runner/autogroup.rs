//! The processor's share of a whole terminal session.
//!
//! Where Linux groups tasks by session (`CONFIG_SCHED_AUTOGROUP`, usual on desktops), nice values and classes only count
//! within one: two sessions share a processor evenly, however idle the tasks of one are. Then the group's own nice value
//! matters, and everybody may raise it again up to 0. Source: `sched(7)`, "The autogroup feature".

use std::{fs, io};

/// Reads the nice value of a process's group; `None` where there are no groups.
pub(crate) fn nice(pid: u32) -> Option<i32> {
    let shown = fs::read_to_string(path(pid)).ok()?;
    shown.trim_end().rsplit(' ').next()?.parse().ok()
}

/// Sets it, between 0 and 19.
///
/// # Errors
///
/// `WouldBlock` for who is no administrator if somebody has set one in the last 100 ms.
pub(crate) fn set_nice(pid: u32, nice: i32) -> io::Result<()> {
    fs::write(path(pid), nice.to_string())
}

fn path(pid: u32) -> String {
    format!("/proc/{pid}/autogroup")
}
