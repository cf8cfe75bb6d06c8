use std::os::unix::process::CommandExt as _;

use gridwell_exec::{Exec, ExecConfig, ExecError, SessionEvent};
use gridwell_model::{ActionEnd, EnvironmentPlan};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Grid, SESSION, Watched, environment, not_run, runner_of, sh};

/// Tells the id of a process in a session of its own, twice forked, and stays.
const TREE: &str = "(setsid sh -c 'echo $$; exec sleep 1000' &) ; sleep 1000";

async fn with_tree(environments: Vec<EnvironmentPlan>) -> (Grid, Watched) {
    let mut grid = Grid::opened_with(environments).await;
    grid.exec.run(SESSION, vec![(1, sh(TREE)), (2, sh(":"))]).unwrap();
    let orphan = Watched::new(grid.pid().await);
    (grid, orphan)
}

#[tokio::test]
async fn a_killed_runner_takes_its_programs_along_and_the_number_is_free_again() {
    let (mut grid, orphan) = with_tree(vec![]).await;
    let runner = Pid::from_raw(runner_of(&grid.folder()).cast_signed()).unwrap();
    kill_process(runner, Signal::KILL).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    orphan.dies();
    assert_eq!(not_run(&seen), [2]);
    let Some(SessionEvent::Lost { reason, running }) = seen.last() else { panic!("{seen:?}") };
    assert!(reason.contains("signal: 9"), "{reason}");
    assert_eq!(*running, Some(1));
    assert!(!grid.folder().exists());

    assert_eq!(grid.exec.run(SESSION, vec![]), Err(ExecError::NotOpen { session: SESSION }));
    grid.open(vec![]);
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    assert_eq!(grid.says("echo again").await, "again\n");
}

#[test]
fn a_node_that_dies_takes_its_sessions_along() {
    let node = tokio::runtime::Runtime::new().unwrap();
    let (grid, orphan) = node.block_on(with_tree(vec![]));
    let runner = Watched::new(runner_of(&grid.folder()));
    // What the system does to a dead node: its end of the pipe closes. Nobody is left who kills, sweeps or waits.
    drop(node);
    runner.dies();
    orphan.dies();
    assert!(!grid.folder().exists());
}

#[tokio::test]
async fn shutdown_kills_everything_without_running_exits() {
    let witness = tempfile::tempdir().unwrap();
    let mark = witness.path().join("exited");
    let (grid, orphan) = with_tree(vec![environment("e", ":", &format!("touch {}", mark.display()))]).await;
    let runner = Watched::new(runner_of(&grid.folder()));
    grid.exec.shutdown().await;
    runner.dies();
    orphan.dies();
    assert!(!grid.folder().exists());
    assert!(!mark.exists());
    assert_eq!(grid.exec.open(8, grid.plan()), Err(ExecError::ShutDown));
}

#[tokio::test]
async fn old_sessions_are_cleaned_with_their_programs() {
    let temp = tempfile::tempdir().unwrap();
    let sessions = temp.path().join("sessions");
    let folder = sessions.join("3");
    std::fs::create_dir_all(folder.join("deep/er")).unwrap();
    // A program of a session whose node and runner were killed together.
    let mut left = std::process::Command::new("sleep")
        .arg("1000")
        .env("GRIDWELL_SESSION", &folder)
        .process_group(0)
        .spawn()
        .unwrap();
    let bystander = tempfile::tempdir().unwrap();
    let mut other =
        std::process::Command::new("sleep").arg("1000").env("GRIDWELL_SESSION", bystander.path()).spawn().unwrap();

    assert_eq!(tokio::task::spawn_blocking(move || Exec::clean(&sessions)).await.unwrap(), 1);

    assert!(!folder.exists());
    assert!(!left.wait().unwrap().success());
    assert!(other.try_wait().unwrap().is_none());
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn a_runner_that_cannot_start_or_talks_nonsense_is_a_lost_session() {
    for (runner, words) in
        [("/no/such/runner", "could not be started"), ("/bin/false", "died"), ("/bin/date", "not understood")]
    {
        let (exec, mut events) =
            Exec::start(ExecConfig { runner: vec![runner.into()], self_program: "/bin/true".into(), cgroup: None });
        let plan = Grid::new().plan();
        exec.open(1, plan).unwrap();
        let batch = events.recv().await.unwrap();
        let [SessionEvent::Lost { reason, running: None }] = &batch.events[..] else { panic!("{batch:?}") };
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn a_runner_waits_for_the_next_session_and_ends_with_its_node() {
    let mut grid = Grid::opened().await;
    grid.close().await;
    let sessions = grid.folder().parent().unwrap().to_owned();
    let waiting = runner_of(&sessions);
    grid.open(vec![]);
    // It became that session's: its programs are its children, and known by their session's folder.
    let said = grid.says("echo $PPID; echo $GRIDWELL_SESSION").await;
    assert_eq!(said, format!("{waiting}\n{}\n", grid.folder().display()));
    grid.close().await;

    // One that is no more is not missed.
    let dead = Watched::new(runner_of(&sessions));
    dead.kill();
    grid.open(vec![]);
    assert_eq!(grid.says("echo on").await, "on\n");
    grid.close().await;

    let last = Watched::new(runner_of(&sessions));
    grid.exec.shutdown().await;
    last.dies();
}

#[tokio::test]
async fn a_folder_that_exists_is_refused_and_left_alone() {
    let mut grid = Grid::new();
    std::fs::create_dir_all(grid.folder()).unwrap();
    std::fs::write(grid.folder().join("theirs"), "kept").unwrap();
    grid.open(vec![]);
    let seen = grid.until(SessionEvent::is_last).await;
    let [SessionEvent::OpenFailed { environment: None, end: ActionEnd::NotStarted { reason, .. } }, _] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert!(reason.contains("could not be made"), "{reason}");
    assert!(grid.folder().join("theirs").exists());
}

#[tokio::test]
async fn a_session_number_is_used_once_at_a_time() {
    let mut grid = Grid::opened().await;
    assert_eq!(grid.exec.open(SESSION, grid.plan()), Err(ExecError::OpenAlready { session: SESSION }));
    assert_eq!(grid.exec.close(99), Err(ExecError::NotOpen { session: 99 }));
    grid.close().await;
    grid.open(vec![]);
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
}
