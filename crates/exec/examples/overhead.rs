//! Prints what a task costs in a session, confined and not, beside a bare spawn and wait of the same program.
//!
//! `cargo run --release -p gridwell-exec --example overhead [TASKS]`; one line for each way: its name, then the median and
//! the 99th percentile of a task and the median of opening a session, in microseconds.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use gridwell_exec::{Exec, ExecConfig, ExecEvent, SessionEvent, runner_main};
use gridwell_model::{Access, ActionPlan, Limits, SessionPlan};
use tokio::sync::mpsc::Receiver;

/// Rounds, so that what else the machine does meets all ways.
const ROUNDS: u64 = 5;

/// Inputs that a confined session may read.
const INPUTS: usize = 100;

/// Limits that nothing here comes near, so that the session is watched.
const LIMITS: Limits =
    Limits { memory_bytes: Some(1 << 34), threads: Some(4_096), disk_bytes: None, spare_disk_bytes: Some(1 << 20) };

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("runner") {
        return runner_main();
    }
    let tasks: u64 = first.and_then(|tasks| tasks.parse().ok()).unwrap_or(2_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let inputs = Inputs::make();
    let confined = |network| Some(Access { read: inputs.files(), write: vec![], network, alone: false });
    let ways = [
        ("bare", None),
        ("session", Some((Limits::default(), None))),
        ("confined", Some((LIMITS, confined(true)))),
        ("confined-no-network", Some((LIMITS, confined(false)))),
    ];
    let mut measured = ways.each_ref().map(|(name, _)| (*name, Vec::new(), Vec::new()));
    for _ in 0..ROUNDS {
        for ((_, way), (_, runs, opens)) in ways.iter().zip(&mut measured) {
            match way {
                None => bare(tasks / ROUNDS, runs),
                Some((limits, access)) => {
                    runtime.block_on(session(tasks / ROUNDS, (*limits, access.clone()), runs, opens));
                }
            }
        }
    }
    let lines = measured.map(|(name, mut runs, mut opens)| {
        format!("{name} {:.0} {:.0} {:.0}\n", part(&mut runs, 0.5), part(&mut runs, 0.99), part(&mut opens, 0.5))
    });
    std::io::Write::write_all(&mut std::io::stdout(), lines.concat().as_bytes())
        .map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn bare(tasks: u64, runs: &mut Vec<f64>) {
    for _ in 0..tasks {
        let start = Instant::now();
        let child = Command::new("/bin/true").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        child.and_then(|mut child| child.wait()).expect("/bin/true runs");
        runs.push(micros(start));
    }
}

/// Opens a session and runs tasks in it, each once the one before has ended.
async fn session(tasks: u64, (limits, access): (Limits, Option<Access>), runs: &mut Vec<f64>, opens: &mut Vec<f64>) {
    let runner = vec![env::current_exe().expect("this program has a path").into(), "runner".into()];
    let (exec, mut events) = Exec::start(ExecConfig { runner, self_program: "/bin/true".into(), cgroup: None });
    let folder = scratch("session").join("work");
    let start = Instant::now();
    exec.open(1, SessionPlan { folder, variables: vec![], environments: vec![], limits, stuck_after: None, access })
        .expect("it opens");
    until(&mut events, |event| *event == SessionEvent::Opened).await;
    opens.push(micros(start));
    let action = ActionPlan { program: "true".into(), ..ActionPlan::default() };
    for tag in 0..tasks {
        let start = Instant::now();
        exec.run(1, vec![(tag, action.clone())]).expect("a task is taken");
        until(&mut events, |event| matches!(event, SessionEvent::Ended { .. })).await;
        runs.push(micros(start));
    }
    exec.shutdown().await;
}

async fn until(events: &mut Receiver<ExecEvent>, is_it: impl Fn(&SessionEvent) -> bool) {
    while !events.recv().await.expect("events come").events.iter().any(&is_it) {}
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

fn part(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() as f64 * part) as usize).copied().unwrap_or(0.0)
}

fn scratch(name: &str) -> PathBuf {
    env::temp_dir().join(format!("gridwell-overhead-{}", std::process::id())).join(name)
}

/// Files that sessions may read; removed at the end.
struct Inputs(PathBuf);

impl Inputs {
    fn make() -> Self {
        let folder = scratch("inputs");
        std::fs::create_dir_all(&folder).expect("a folder");
        let inputs = Self(folder);
        inputs.files().iter().for_each(|file| std::fs::write(file, "").expect("a file"));
        inputs
    }

    fn files(&self) -> Vec<PathBuf> {
        (0..INPUTS).map(|n| self.0.join(n.to_string())).collect()
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap_or(Path::new("")));
    }
}
