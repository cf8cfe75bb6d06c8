//! Sessions that use more than they may.

use gridwell_exec::{SessionEvent, held_by_kernel};
use gridwell_model::{ActionEnd, Limits, SessionPlan};

use crate::harness::{Grid, Group, SESSION, Watched, ended, sh};

/// A control group in which the kernel holds sessions to their limits, where this machine lets us make one.
fn kernel_holds() -> Option<Group> {
    let group = Group::new()?;
    match held_by_kernel(Some(&group.0)) {
        None => Some(group),
        Some(why) => {
            eprintln!("skipped with the kernel: {why}");
            None
        }
    }
}

/// The same where the runner looks, and where the kernel holds.
async fn exceeds_either_way(limits: Limits, script: &str) -> Vec<String> {
    let mut reasons = vec![exceeds(None, limits, script).await];
    if let Some(group) = kernel_holds() {
        reasons.push(exceeds(Some(&group), limits, script).await);
    }
    reasons
}

/// Runs a script that goes too far under `limits`, and beside it checks that all of its session ends while others go on.
async fn exceeds(group: Option<&Group>, limits: Limits, script: &str) -> String {
    let mut grid = Grid::through(&[], group.map(|group| group.0.clone()));
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
    grid.exec.shutdown().await;
    reason.clone()
}

#[tokio::test]
async fn programs_that_need_too_much_memory_together_are_ended() {
    let limits = Limits { memory_bytes: Some(100 << 20), ..Limits::default() };
    // Keeps in memory what has no end of line.
    let hog = "hog() { { head -c 70000000 /dev/zero; sleep 1000; } | tail; }; hog & hog";
    for reason in exceeds_either_way(limits, hog).await {
        assert!(reason.starts_with("its programs needed ") && reason.contains("than the 105 MB allowed"), "{reason}");
    }
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
    for reason in exceeds_either_way(limits, bomb).await {
        assert!(reason.starts_with("its programs ran ") && reason.contains("than the 100 allowed"), "{reason}");
    }
}

/// One process that the kernel ends alone, in the middle of a program that does not mind.
#[tokio::test]
async fn who_goes_on_without_what_the_kernel_ended_has_failed_all_the_same() {
    let Some(group) = kernel_holds() else { return };
    let mut grid = Grid::through(&[], Some(group.0.clone()));
    let limits = Limits { memory_bytes: Some(100 << 20), ..Limits::default() };
    grid.exec.open(SESSION, SessionPlan { limits, ..grid.plan() }).unwrap();
    let (end, _) = grid.run(1, sh("head -c 200000000 /dev/zero | tail; exit 0")).await;
    assert!(matches!(&end, ActionEnd::Exceeded { reason } if reason.contains("than the 105 MB allowed")), "{end:?}");
    grid.exec.shutdown().await;
}

#[tokio::test]
async fn a_session_that_is_held_by_the_kernel_is_softened_frozen_and_goes_on() {
    use gridwell_exec::{Means, Yield};
    let Some(group) = kernel_holds() else { return };
    let mut grid = Grid::through(&[], Some(group.0.clone()));
    let limits = Limits { memory_bytes: Some(100 << 20), threads: Some(100), ..Limits::default() };
    grid.exec.open(SESSION, SessionPlan { limits, ..grid.plan() }).unwrap();
    grid.exec
        .run(SESSION, vec![(1, sh("setsid sleep 1000 & echo ready; while [ ! -e go ]; do sleep 0.01; done"))])
        .unwrap();
    grid.until(|event| matches!(event, SessionEvent::Output { .. })).await;
    let weight = || std::fs::read_to_string(group.0.join("session-7/cpu.weight")).unwrap();
    for (wish, means, weighs) in [
        (Yield::Soften, Means::Weight, "1\n"),
        (Yield::Freeze, Means::Freezer, "100\n"),
        (Yield::Thaw, Means::Freezer, "1\n"),
        (Yield::Unsoften, Means::Weight, "100\n"),
    ] {
        grid.exec.ask(SESSION, wish).unwrap();
        let seen = grid.until(|event| matches!(event, SessionEvent::Yielded { .. })).await;
        let Some(SessionEvent::Yielded { means: got, missed: 0, .. }) = seen.last() else { panic!("{seen:?}") };
        assert!(got.contains(&means), "{wish:?}: {got:?}");
        assert_eq!(weight(), weighs, "{wish:?}");
    }
    std::fs::write(grid.folder().join("go"), "").unwrap();
    let seen = grid.until(|event| matches!(event, SessionEvent::Ended { .. })).await;
    assert_eq!(ended(&seen), [(1, ActionEnd::Exited { code: 0 })]);
    grid.exec.shutdown().await;
}

#[tokio::test]
async fn a_folder_that_is_filled_is_ended() {
    let limits = Limits { disk_bytes: Some(20_000_000), ..Limits::default() };
    let filler = "i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); done";
    let reason = exceeds(None, limits, filler).await;
    assert!(reason.starts_with("its programs wrote ") && reason.contains("more than the 20 MB allowed"), "{reason}");
}

#[tokio::test]
async fn a_disk_that_runs_full_ends_who_wrote_much() {
    let limits = Limits { spare_disk_bytes: Some(u64::MAX), ..Limits::default() };
    let filler = "for i in 1 2 3 4 5; do head -c 20000000 /dev/zero > f$i; done; sleep 1000";
    let reason = exceeds(None, limits, filler).await;
    assert!(reason.starts_with("its programs wrote ") && reason.ends_with(" have to stay free"), "{reason}");
}
