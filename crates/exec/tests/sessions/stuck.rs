//! Programs that give no sign of life.

use std::{fs, time::Duration};

use gridwell_exec::{SessionEvent, Yield};
use gridwell_model::{ActionEnd, SessionPlan};

use crate::harness::{Grid, SESSION, Watched, ended, sh};

const STUCK_AFTER: Duration = Duration::from_secs(1);

async fn opened() -> Grid {
    let mut grid = Grid::new();
    grid.exec.open(SESSION, SessionPlan { stuck_after: Some(STUCK_AFTER), ..grid.plan() }).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    grid
}

#[tokio::test]
async fn a_program_that_does_nothing_is_stuck_and_ends_with_all_that_it_started() {
    let mut grid = opened().await;
    grid.exec.run(SESSION, vec![(1, sh("sleep 1000 & echo $!; wait"))]).unwrap();
    let sleeper = Watched::new(grid.pid().await);
    let seen = grid.until(SessionEvent::is_last).await;
    assert_eq!(ended(&seen), [(1, ActionEnd::Stuck { silent: STUCK_AFTER })]);
    sleeper.dies();
}

#[tokio::test]
async fn output_work_and_files_are_signs_of_life() {
    // Each longer than it may be silent, by the clock that counts.
    let until = "end = time.monotonic() + 1.8\nwhile time.monotonic() < end:";
    for act in ["print('here', flush=True); time.sleep(0.1)", "pass", "open('/proc/version').read(); time.sleep(0.1)"] {
        let mut grid = opened().await;
        let plan = sh(&format!("exec python3 -c \"import time\n{until} {act}\""));
        assert_eq!(grid.run(1, plan).await.0, ActionEnd::Exited { code: 0 }, "{act}");
    }
}

#[tokio::test]
async fn a_session_that_stands_still_is_not_stuck() {
    let mut grid = opened().await;
    let script = "echo $$; while [ ! -e go ]; do sleep 0.1; done";
    grid.exec.run(SESSION, vec![(1, sh(script))]).unwrap();
    grid.pid().await;
    grid.exec.ask(SESSION, Yield::Freeze).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Yielded { .. })).await;
    // Longer than it may be silent while it runs: another session tells the time.
    let mut clock = opened().await;
    clock.exec.run(SESSION, vec![(1, sh("exec sleep 1000"))]).unwrap();
    clock.until(SessionEvent::is_last).await;
    fs::write(grid.folder().join("go"), "").unwrap();
    grid.exec.ask(SESSION, Yield::Thaw).unwrap();
    let seen = grid.until(|event| matches!(event, SessionEvent::Ended { .. })).await;
    assert_eq!(ended(&seen), [(1, ActionEnd::Exited { code: 0 })]);
}
