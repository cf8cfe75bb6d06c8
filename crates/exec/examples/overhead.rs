//! Prints what a task costs in a session above a bare spawn and wait of the same program.
//!
//! `cargo run --release -p gridwell-exec --example overhead [TASKS]`

use std::{
    env,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use gridwell_exec::{Exec, ExecConfig, SessionEvent, runner_main};
use gridwell_model::{ActionPlan, SessionPlan};

const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("runner") {
        return runner_main();
    }
    let tasks: u64 = first.and_then(|tasks| tasks.parse().ok()).unwrap_or(2_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let (mut bare, mut session) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(bare_micros(tasks));
        session.push(runtime.block_on(session_micros(tasks)));
    }
    let (bare, session) = (median(bare), median(session));
    let text = format!("bare {bare:.1} µs, session {session:.1} µs, overhead {:.1} µs a task\n", session - bare);
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn bare_micros(tasks: u64) -> f64 {
    let start = Instant::now();
    for _ in 0..tasks {
        let child = Command::new("/bin/true").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        child.and_then(|mut child| child.wait()).expect("/bin/true runs");
    }
    start.elapsed().as_secs_f64() * 1e6 / tasks as f64
}

async fn session_micros(tasks: u64) -> f64 {
    let folder = env::temp_dir().join(format!("gridwell-overhead-{}", std::process::id()));
    let runner = vec![env::current_exe().expect("this program has a path").into(), "runner".into()];
    let (exec, mut events) = Exec::start(ExecConfig { runner, self_program: "/bin/true".into(), cgroup: None });
    let plan =
        SessionPlan { folder, variables: vec![], environments: vec![], limits: Default::default(), access: None };
    exec.open(1, plan).expect("a first session opens");
    let action = ActionPlan { program: "true".into(), ..ActionPlan::default() };
    let mut start = Instant::now();
    let mut ended = 0;
    while ended < tasks {
        for event in events.recv().await.expect("events come").events {
            match event {
                SessionEvent::Opened => {
                    start = Instant::now();
                    exec.run(1, (0..tasks).map(|tag| (tag, action.clone())).collect()).expect("tasks are taken");
                }
                SessionEvent::Ended { .. } => ended += 1,
                event => assert!(!event.is_last(), "{event:?}"),
            }
        }
    }
    let elapsed = start.elapsed();
    exec.shutdown().await;
    elapsed.as_secs_f64() * 1e6 / tasks as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
