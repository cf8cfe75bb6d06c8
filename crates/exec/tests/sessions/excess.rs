//! Sessions that use more than they may.

use gridwell_exec::SessionEvent;
use gridwell_model::{ActionEnd, Limits, SessionPlan};

use crate::harness::{Grid, SESSION, Watched, ended, sh};

/// Runs a script that goes too far under `limits`, and beside it checks that all of its session ends while others go on.
async fn exceeds(limits: Limits, script: &str) -> String {
    let mut grid = Grid::new();
    grid.exec.open(SESSION, SessionPlan { limits, ..grid.plan() }).unwrap();
    grid.exec.run(SESSION, vec![(1, sh(&format!("(setsid sleep 1000 & echo $!); {script}")))]).unwrap();
    let bystander = Watched::new(grid.pid().await);
    let seen = grid.until(SessionEvent::is_last).await;
    bystander.dies();
    assert!(!grid.folder().exists());
    let ends = ended(&seen);
    let [(1, ActionEnd::Exceeded { reason })] = &ends[..] else { panic!("{seen:?}") };
    grid.open(vec![]);
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    assert_eq!(grid.says("echo goes on").await, "goes on\n");
    reason.clone()
}

#[tokio::test]
async fn programs_that_need_too_much_memory_together_are_ended() {
    let limits = Limits { memory_bytes: Some(100 << 20), ..Limits::default() };
    // Keeps in memory what has no end of line.
    let hog = "hog() { { head -c 70000000 /dev/zero; sleep 1000; } | tail; }; hog & hog";
    let reason = exceeds(limits, hog).await;
    assert!(reason.starts_with("its programs needed 1") && reason.contains("more than the 105 MB"), "{reason}");
}

#[tokio::test]
async fn what_is_shared_counts_once() {
    let mut grid = Grid::new();
    let limits = Limits { memory_bytes: Some(160 << 20), ..Limits::default() };
    grid.exec.open(SESSION, SessionPlan { limits, ..grid.plan() }).unwrap();
    let share = "import os, time\nkept = bytearray(80 << 20)\nfor _ in range(3):\n  if os.fork() == 0: time.sleep(1); os._exit(0)\n\
                 for _ in range(3): os.wait()";
    let (end, said) = grid.run(1, sh(&format!("python3 -c '{share}'"))).await;
    assert_eq!(end, ActionEnd::Exited { code: 0 }, "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn a_fork_bomb_is_ended() {
    let limits = Limits { threads: Some(100), ..Limits::default() };
    // Grows by itself, each part in a process group of its own; at most 511 of them.
    let bomb = r#"export bomb='[ $1 -gt 0 ] && { setsid sh -c "$bomb" x $(($1 - 1)) & setsid sh -c "$bomb" x $(($1 - 1)) & }; sleep 1000'; sh -c "$bomb" x 8"#;
    let reason = exceeds(limits, bomb).await;
    assert!(reason.contains("more than the 100 allowed"), "{reason}");
}

#[tokio::test]
async fn a_folder_that_is_filled_is_ended() {
    let limits = Limits { disk_bytes: Some(20_000_000), ..Limits::default() };
    let filler = "i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); done";
    let reason = exceeds(limits, filler).await;
    assert!(reason.starts_with("its programs wrote ") && reason.contains("more than the 20 MB allowed"), "{reason}");
}

#[tokio::test]
async fn a_disk_that_runs_full_ends_who_wrote_much() {
    let limits = Limits { spare_disk_bytes: Some(u64::MAX), ..Limits::default() };
    let filler = "for i in 1 2 3 4 5; do head -c 20000000 /dev/zero > f$i; done; sleep 1000";
    let reason = exceeds(limits, filler).await;
    assert!(reason.starts_with("its programs wrote ") && reason.ends_with(" have to stay free"), "{reason}");
}
