use std::time::Duration;

use gridwell_exec::{SessionEvent, Stop, Which};
use gridwell_model::{ActionEnd, ActionPlan, CancelPlan};

use crate::harness::{Grid, SESSION, Watched, ended, environment, not_run, output, sh};

fn stop(which: Which) -> Stop {
    Stop { which, notice_limit: None }
}

/// Ends on the soft signal and shows what it was told.
const POLITE: &str = "trap 'cat cancel_info.json; exit 0' TERM; echo ready; while :; do sleep 0.01; done";

/// Does not listen to the soft signal.
const DEAF: &str = "trap '' TERM; echo ready; while :; do sleep 1; done";

fn notified(script: &str, notice: Duration) -> ActionPlan {
    ActionPlan { cancel: CancelPlan::Notify { notice }, ..sh(script) }
}

async fn ready(grid: &mut Grid) {
    grid.until(|event| matches!(event, SessionEvent::Output { .. })).await;
}

#[tokio::test]
async fn a_cancelled_task_is_killed_and_the_rest_of_the_queue_is_not_run() {
    let mut grid = Grid::opened_with(vec![environment("e", ":", "echo left")]).await;
    grid.exec.run(SESSION, vec![(1, sh(DEAF)), (2, sh(":")), (3, sh(":"))]).unwrap();
    ready(&mut grid).await;
    grid.exec.cancel(SESSION, stop(Which::Tags(vec![1]))).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    assert_eq!(ended(&seen), [(1, ActionEnd::Cancelled)]);
    assert_eq!(not_run(&seen), [2, 3]);
    assert_eq!(output(&seen), b"left\n");
}

#[tokio::test]
async fn a_queued_task_is_stopped_without_ending_the_session() {
    let mut grid = Grid::opened().await;
    grid.exec.run(SESSION, vec![(1, sh("echo ready; sleep 1000")), (2, sh(":")), (3, sh(":"))]).unwrap();
    ready(&mut grid).await;
    grid.exec.cancel(SESSION, stop(Which::Tags(vec![2]))).unwrap();
    grid.until(|event| matches!(event, SessionEvent::NotRun { tag: 2 })).await;
    grid.exec.cancel(SESSION, stop(Which::Tags(vec![1]))).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    assert_eq!(not_run(&seen), [3]);
}

#[tokio::test]
async fn notice_is_given_with_a_time_and_a_soft_signal() {
    let mut grid = Grid::opened().await;
    grid.exec.run(SESSION, vec![(1, notified(POLITE, Duration::from_secs(50)))]).unwrap();
    ready(&mut grid).await;
    grid.exec.cancel(SESSION, stop(Which::All)).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    assert_eq!(ended(&seen), [(1, ActionEnd::Cancelled)]);
    let told = String::from_utf8(output(&seen)).unwrap();
    // The shell may add that its own child was terminated.
    let time = told.lines().next_back().and_then(|line| line.strip_prefix("{\"NotifyEnd\":\"")?.strip_suffix("Z\"}"));
    assert_eq!(time.map(str::len), Some("2026-01-01T00:00:00".len()), "{told}");
}

#[tokio::test]
async fn a_deaf_program_is_killed_after_its_notice_and_sooner_when_a_shorter_one_follows() {
    for (notice, later) in [(Duration::from_millis(50), None), (Duration::from_secs(600), Some(Duration::ZERO))] {
        let mut grid = Grid::opened().await;
        grid.exec.run(SESSION, vec![(1, notified(DEAF, notice))]).unwrap();
        ready(&mut grid).await;
        grid.exec.cancel(SESSION, stop(Which::All)).unwrap();
        if later.is_some() {
            grid.exec.cancel(SESSION, Stop { which: Which::All, notice_limit: later }).unwrap();
        }
        assert_eq!(ended(&grid.until(SessionEvent::is_last).await), [(1, ActionEnd::Cancelled)]);
    }
}

#[tokio::test]
async fn running_too_long_is_a_timeout_with_the_same_notice() {
    let mut grid = Grid::opened().await;
    let plan = ActionPlan { timeout: Some(Duration::from_millis(300)), ..notified(POLITE, Duration::from_secs(50)) };
    let (end, written) = grid.run(1, plan).await;
    assert_eq!(end, ActionEnd::TimedOut);
    assert!(String::from_utf8(written).unwrap().contains("NotifyEnd"));
    assert!(matches!(grid.until(SessionEvent::is_last).await.last(), Some(SessionEvent::Closed { .. })));
}

#[tokio::test]
async fn a_hanging_enter_and_a_hanging_exit_can_be_stopped() {
    let mut grid = Grid::new();
    grid.open(vec![environment("outer", ":", DEAF), environment("inner", DEAF, ":")]);
    ready(&mut grid).await;
    grid.exec.cancel(SESSION, stop(Which::All)).unwrap();
    let failed = SessionEvent::OpenFailed { environment: Some("inner".into()), end: ActionEnd::Cancelled };
    grid.until(|event| *event == failed).await;
    ready(&mut grid).await;
    grid.exec.cancel(SESSION, stop(Which::All)).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    assert!(matches!(seen.last(), Some(SessionEvent::Closed { problems }) if problems.len() == 1), "{seen:?}");
}

#[tokio::test]
async fn what_a_task_leaves_behind_dies_when_it_ends() {
    let mut grid = Grid::opened().await;
    // Twice forked, in a session of its own, its parents gone: only a reaper of the whole tree finds it.
    let script = "(setsid sh -c 'echo $$; exec sleep 1000' &) ; sleep 0.2";
    grid.exec.run(SESSION, vec![(1, sh(script))]).unwrap();
    let orphan = Watched::new(grid.pid().await);
    grid.until(|event| matches!(event, SessionEvent::Ended { .. })).await;
    orphan.dies();
    assert_eq!(grid.says("echo clean").await, "clean\n");
}
