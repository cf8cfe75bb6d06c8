//! Many tasks that do nothing: what running one costs.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use super::{Bench, median, page::Row, seconds};
use crate::{
    grid::Grid,
    shell::{self, Failure},
};

/// Tasks per round.
const TASKS: usize = 10_000;

/// Tasks per round for GNU parallel, which takes milliseconds for each; rates are compared.
const PARALLEL_TASKS: usize = 2_000;

/// Everybody gets this many at once.
const WIDTH: usize = 2;

/// Runs the tasks in HyperQueue's own local cluster and prints the seconds from submit to end.
const HYPERQUEUE: &str = "\
import sys, tempfile, time
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
with LocalCluster(tempfile.mkdtemp()) as cluster:
    cluster.start_worker(WorkerConfig(cores=int(sys.argv[2])))
    client = cluster.client()
    job = Job()
    for _ in range(int(sys.argv[1])):
        job.program(['true'], stdout=None, stderr=None)
    started = time.monotonic()
    client.wait_for_jobs([client.submit(job)])
    print(time.monotonic() - started)
";

pub(super) fn compare(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let python = hyperqueue_python()?;
    let grid = Grid::start(&bench.program, &bench.folder, &["bench"])?;
    let (mut bare, mut ours, mut parallel, mut hyperqueue) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        println!("round {round}");
        bare.push(rate(TASKS, seconds(|| bare_loop(TASKS))?));
        ours.push(rate(TASKS, seconds(|| gridwell(&grid, TASKS))?));
        parallel.push(rate(PARALLEL_TASKS, seconds(|| gnu_parallel(PARALLEL_TASKS))?));
        if let Some(python) = &python {
            hyperqueue.push(rate(TASKS, hyperqueue_seconds(python, TASKS)?));
        }
    }
    let ratio = |other: &[f64]| {
        let pairs: Vec<f64> = ours.iter().zip(other).map(|(ours, other)| ours / other).collect();
        median(&pairs)
    };
    let per_second = |rates: &[f64]| format!("{:.0} tasks/s", median(rates));
    let mut rows = vec![
        Row::new(format!("{TASKS} × `true`, bare {WIDTH}-wide spawn loop"), per_second(&bare), ""),
        Row::new(
            format!("{TASKS} × `true`, gridwell on one peer"),
            per_second(&ours),
            format!("{:.2} of the bare loop (bar: 0.85)", ratio(&bare)),
        ),
        Row::new(
            format!("{PARALLEL_TASKS} × `true`, GNU parallel"),
            per_second(&parallel),
            format!("gridwell is {:.1} × as fast (bar: 5)", ratio(&parallel)),
        ),
    ];
    rows.push(if hyperqueue.is_empty() {
        Row::new(format!("{TASKS} × `true`, HyperQueue"), "not measured", "could not be installed here")
    } else {
        let compares = format!("gridwell is {:.1} × as fast (bar: 2)", ratio(&hyperqueue));
        Row::new(format!("{TASKS} × `true`, HyperQueue"), per_second(&hyperqueue), compares)
    });
    Ok(rows)
}

fn rate(tasks: usize, seconds: f64) -> f64 {
    tasks as f64 / seconds
}

/// Spawns and awaits the tasks from a few threads: what the system itself takes.
fn bare_loop(tasks: usize) -> Result<(), Failure> {
    let program = shell::find("true").unwrap_or_else(|| "true".into());
    let one_lane = || (0..tasks / WIDTH).try_for_each(|_| shell_free_run(&program));
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..WIDTH).map(|_| scope.spawn(one_lane)).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().expect("a lane does not panic"))
    })
}

/// Runs a program without looking for signals in between; the standard library uses `posix_spawn` for it.
fn shell_free_run(program: &Path) -> Result<(), Failure> {
    let status = Command::new(program).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.map_err(|source| Failure::NotStarted { program: program.display().to_string(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::CommandFailed { command: program.display().to_string(), status })
}

fn gridwell(grid: &Grid, tasks: usize) -> Result<(), Failure> {
    let mut command = grid.command();
    command.args(["exec", "--array", &tasks.to_string(), "--", "true"]);
    shell::run(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

fn gnu_parallel(tasks: usize) -> Result<(), Failure> {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("seq {tasks} | parallel --will-cite -j{WIDTH} -N0 true")]);
    shell::run(command.stdin(Stdio::null()).stdout(Stdio::null()))
}

fn hyperqueue_seconds(python: &Path, tasks: usize) -> Result<f64, Failure> {
    let mut command = Command::new(python);
    command.args(["-c", HYPERQUEUE, &tasks.to_string(), &WIDTH.to_string()]);
    let text = shell::output(&mut command)?;
    let last = text.lines().last().unwrap_or_default();
    last.trim()
        .parse()
        .map_err(|_| Failure::UnexpectedOutput { command: "hyperqueue".into(), missing: "seconds".into() })
}

/// Installs HyperQueue into an environment of its own below the target folder; `None`, said aloud, where that fails.
fn hyperqueue_python() -> Result<Option<PathBuf>, Failure> {
    let folder = shell::target_dir()?.join("bench-python");
    let python = folder.join("bin/python");
    if !python.is_file() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let installed = shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "hyperqueue"]));
    match installed {
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(failure) => {
            println!("HyperQueue is left out: {failure}");
            Ok(None)
        }
        Ok(()) => Ok(Some(python)),
    }
}
