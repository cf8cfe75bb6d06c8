//! Who at the door was started by this node.

use std::{fs, process};

/// Generations looked at: what programs of jobs start is some deep, and a chain that is longer ends at the door.
const GENERATIONS: usize = 64;

/// True if this process started `pid`, or what started it: programs of jobs, which have no business at the door. The system
/// cannot keep them from a socket that their user may open (Landlock can from its ninth version on, Linux 7.1).
///
/// Runners adopt what their programs leave behind, so the line of parents leads here whoever left it. A process that has
/// ended meanwhile is nobody's.
pub(crate) fn is_ours(pid: i32) -> bool {
    let me = process::id().cast_signed();
    let parents = std::iter::successors(parent(pid), |pid| parent(*pid));
    pid != me && parents.take(GENERATIONS).any(|parent| parent == me)
}

/// The parent of a process. Source: `proc_pid_stat(5)`; the name before it may contain anything.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok().filter(|parent| *parent > 0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn children_and_theirs_are_ours_and_nobody_else_is() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let mut said = std::io::BufReader::new(child.stdout.take().expect("its output"));
        std::io::BufRead::read_line(&mut said, &mut line).expect("a line");
        let grandchild: i32 = line.trim().parse().expect("an id");
        assert!(is_ours(child.id().cast_signed()) && is_ours(grandchild));
        assert!(!is_ours(process::id().cast_signed()) && !is_ours(1));
        let grandchild = rustix::process::Pid::from_raw(grandchild).expect("not zero");
        rustix::process::kill_process(grandchild, rustix::process::Signal::KILL).expect("it lives");
        child.wait().expect("an end");
    }
}
