//! What a node costs and how soon it starts a task.

use std::{fs, process::Stdio, thread, time::Duration};

use serde_json::Value;

use super::{Bench, median_of_rounded, page::Row};
use crate::{
    grid::Grid,
    shell::{self, Failure},
};

/// Jobs of one task each whose way to their start is timed.
const STARTS: usize = 50;

/// Tasks in the queue whose memory is measured.
const QUEUED: usize = 1_000_000;

/// How long a resting node is watched.
const REST: Duration = Duration::from_secs(20);

/// Time from submit to the first start, on an idle peer, by the node's own stamps.
pub(super) fn time_to_start(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let grid = Grid::start(&bench.program, &bench.folder, &["bench"])?;
    let mut millis = Vec::new();
    for _ in 0..STARTS {
        let mut command = grid.command();
        command.args(["exec", "--", "true"]);
        shell::run(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
        let job = &grid.ask(&["jobs", "-n", "1"])?[0];
        if let (Some(submitted), Some(started)) = (job["submitted"].as_f64(), job["started"].as_f64()) {
            millis.push(started - submitted);
        }
    }
    let value = format!("{:.1} ms", median_of_rounded(&millis));
    Ok(vec![Row::new(format!("submit → first start, median of {} jobs", millis.len()), value, "bar: 5 ms")])
}

/// Memory of the steward with a million held tasks, and how long submit and cancel take.
pub(super) fn memory_of_a_million(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let grid = Grid::start(&bench.program, &bench.folder, &["bench"])?;
    let before = memory_mb(grid.first_pid());
    let submit = super::seconds(|| {
        let mut command = grid.command();
        command.args(["exec", "--array", &QUEUED.to_string(), "--hold", "--detach", "--", "true"]);
        shell::run(command.stdout(Stdio::null()))
    })?;
    let with_queue = memory_mb(grid.first_pid());
    let job = newest_job(&grid)?;
    let cancel = super::seconds(|| shell::run(grid.command().args(["cancel", &job]).stdout(Stdio::null())))?;
    Ok(vec![
        Row::new("memory of the node, empty", format!("{before:.0} MB"), ""),
        Row::new(format!("memory with {QUEUED} queued tasks"), format!("{with_queue:.0} MB"), "bar: 250 MB"),
        Row::new(format!("submit {QUEUED} tasks"), format!("{submit:.2} s"), "bar: 2 s"),
        Row::new(format!("cancel {QUEUED} tasks"), format!("{cancel:.2} s"), "bar: 1 s"),
    ])
}

/// Processor share and memory of a node with nothing to do.
pub(super) fn at_rest(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let grid = Grid::start(&bench.program, &bench.folder, &["bench"])?;
    // The benchmark score is taken once at the first start; it is not rest.
    let settle = Duration::from_secs(10);
    thread::sleep(settle);
    let before = cpu_seconds(grid.first_pid());
    thread::sleep(REST);
    let share = (cpu_seconds(grid.first_pid()) - before) / REST.as_secs_f64() * 100.0;
    shell::check_interrupted()?;
    Ok(vec![
        Row::new("node at rest: processor", format!("{share:.2} % of a core"), "bar: 0.2 %"),
        Row::new("node at rest: memory", format!("{:.0} MB", memory_mb(grid.first_pid())), "bar: 60 MB"),
    ])
}

pub(super) fn newest_job(grid: &Grid) -> Result<String, Failure> {
    let jobs: Value = grid.ask(&["jobs", "-n", "1"])?;
    let missing = || Failure::UnexpectedOutput { command: "gridwell jobs".into(), missing: "no job".into() };
    jobs[0]["id"].as_str().map(str::to_owned).ok_or_else(missing)
}

/// Resident memory of a process in decimal megabytes. Source: proc(5), `VmRSS`.
fn memory_mb(pid: u32) -> f64 {
    status_mb(pid, "VmRSS:")
}

/// The most that it ever was. Source: proc(5), `VmHWM`.
pub(super) fn peak_memory_mb(pid: u32) -> f64 {
    status_mb(pid, "VmHWM:")
}

fn status_mb(pid: u32, line: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|text| text.strip_prefix(line)).and_then(|rest| rest.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1_024.0 / 1e6
}

/// Processor time of a process in seconds. Source: proc(5), `utime` and `stime` of `stat`.
pub(super) fn cpu_seconds(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<u64>().ok()
    };
    threads.filter_map(nanos).sum::<u64>() as f64 / 1e9
}
