//! Who at the door is a program of a job.

use std::{fs, path::Path};

/// Generations looked at: what programs of jobs start is some deep, and a chain that is longer ends at the door.
const GENERATIONS: usize = 64;

/// True if `pid` runs in a session: a runner started it, or what started it. Programs of jobs have no business at the door,
/// and the system cannot keep them from a socket that their user may open (Landlock can from its ninth version on, Linux 7.1).
///
/// Runners adopt what their programs leave behind, so the line of parents leads to them whoever left it. A process that has
/// ended meanwhile is nobody's.
pub(crate) fn is_of_a_job(pid: i32) -> bool {
    std::iter::successors(parent(pid), |pid| parent(*pid)).take(GENERATIONS).any(is_runner)
}

/// The parent of a process. Source: `proc_pid_stat(5)`; the name before it may contain anything.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok().filter(|parent| *parent > 0)
}

/// `gridwell runner`, by whichever path.
fn is_runner(pid: i32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next().unwrap_or_default();
    let name = Path::new(program.as_ref()).file_name().unwrap_or_default();
    name.to_string_lossy().starts_with("gridwell") && words.next().is_some_and(|word| word == "runner")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        os::unix::process::CommandExt as _,
        process::{self, Command, Stdio},
    };

    use super::*;

    #[test]
    fn what_a_runner_started_is_of_a_job_and_nothing_else_is() {
        let temp = tempfile::tempdir().expect("a folder");
        // Two generations: of a runner and of another program.
        for (word, is_of_job) in [("runner", true), ("node", false)] {
            fs::write(temp.path().join(word), "sleep 60 & echo $!; wait").expect("a script");
            let mut child = Command::new("sh")
                .arg0("/opt/gridwell")
                .arg(word)
                .current_dir(temp.path())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a shell");
            let mut line = String::new();
            let out = child.stdout.take().expect("its output");
            BufReader::new(out).read_line(&mut line).expect("a line");
            let grandchild: i32 = line.trim().parse().expect("an id");
            assert_eq!(is_of_a_job(grandchild), is_of_job, "{word}");
            assert!(!is_of_a_job(child.id().cast_signed()), "a runner is the node's own");
            let grandchild = rustix::process::Pid::from_raw(grandchild).expect("not zero");
            rustix::process::kill_process(grandchild, rustix::process::Signal::KILL).expect("it lives");
            child.wait().expect("an end");
        }
        assert!(!is_of_a_job(process::id().cast_signed()) && !is_of_a_job(1));
    }
}
