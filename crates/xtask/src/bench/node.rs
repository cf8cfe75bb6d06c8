//! What a node costs and how soon it starts a task.

use std::{collections::BTreeMap, ffi::OsString, fs, process::Stdio, thread, time::Duration};

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
    let before = cpu_nanos(grid.first_pid());
    thread::sleep(REST);
    let share = growth(&before, &cpu_nanos(grid.first_pid())) as f64 / 1e7 / REST.as_secs_f64();
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

/// A count of each thread of a process.
pub(super) type Counts = BTreeMap<OsString, u64>;

/// Processor time of each thread in nanoseconds. Source: the kernel's sched-stats.
pub(super) fn cpu_nanos(pid: u32) -> Counts {
    of_threads(pid, "schedstat", |stat| stat.split_whitespace().next()?.parse().ok())
}

/// What `read` finds in a file of each thread.
pub(super) fn of_threads(pid: u32, file: &str, read: impl Fn(&str) -> Option<u64>) -> Counts {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let found = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join(file)).ok()?;
        Some((thread.file_name(), read(&text)?))
    });
    found.collect()
}

/// By how much counts grew. What threads did before they ended meanwhile is lost.
pub(super) fn growth(before: &Counts, after: &Counts) -> u64 {
    after.iter().map(|(thread, count)| count.saturating_sub(before.get(thread).copied().unwrap_or(0))).sum()
}
