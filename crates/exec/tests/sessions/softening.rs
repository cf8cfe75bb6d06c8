use gridwell_exec::{Means, SessionEvent, Yield};
use gridwell_model::ActionEnd;

use crate::{
    harness::{Grid, SESSION, runner_of, sh},
    tree::{Seen, look_until, programs, seen},
};

const IDLE: u32 = 5;

/// Starts programs as they come: in its own group, and in a session of its own.
const BREEDING: &str = "(setsid sleep 1000 &); echo ready; while [ ! -e go ]; do sleep 0.01; done; (setsid sleep 1000 &); \
                        sleep 1000";

/// Starts a runner that may not raise a priority again, where the tests themselves might.
const RIGHTLESS: [&str; 3] = ["/usr/bin/setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"];

async fn ask(grid: &mut Grid, wish: Yield) -> (Vec<Means>, u32) {
    grid.exec.ask(SESSION, wish).unwrap();
    let seen = grid.until(|event| matches!(event, SessionEvent::Yielded { .. })).await;
    let Some(SessionEvent::Yielded { means, missed, wish: answered, .. }) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(*answered, wish);
    (means.clone(), *missed)
}

async fn breeding(starter: &[&str]) -> Grid {
    let mut grid = Grid::through(starter, None);
    grid.open(vec![]);
    grid.exec.run(SESSION, vec![(1, sh(BREEDING))]).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Output { .. })).await;
    grid
}

fn is_soft(program: &Seen) -> bool {
    program.nice == 19 && program.policy == IDLE
}

/// Without what only some systems have.
fn own(means: Vec<Means>) -> Vec<Means> {
    means.into_iter().filter(|means| *means != Means::Autogroup).collect()
}

/// The nice value that a process's terminal session has as a whole, 0 where that does not count.
fn session_nice(pid: u32) -> i32 {
    let shown = std::fs::read_to_string(format!("/proc/{pid}/autogroup")).unwrap_or_default();
    shown.trim_end().rsplit(' ').next().and_then(|nice| nice.parse().ok()).unwrap_or(0)
}

/// The disk's class in words, empty for a process that is gone.
fn disk_class(pid: u32) -> String {
    let told = std::process::Command::new("ionice").args(["-p", &pid.to_string()]).output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().into()
}

#[tokio::test]
async fn a_softened_session_comes_last_with_all_it_starts_later() {
    let mut grid = breeding(&[]).await;
    let (means, missed) = ask(&mut grid, Yield::Soften).await;
    assert_eq!((own(means), missed), (vec![Means::IdleDisk, Means::Nice, Means::IdleClass], 0));
    let before = programs(&grid);
    assert!(before.iter().all(is_soft), "{before:?}");
    for Seen { pid, .. } in &before {
        look_until("it is idle for the disk, or ends", || {
            disk_class(*pid) == "idle" || seen(*pid).is_none_or(|now| now.state == "Z")
        });
    }
    std::fs::write(grid.folder().join("go"), "").unwrap();
    look_until("more are born", || programs(&grid).len() > before.len());
    assert!(programs(&grid).iter().all(is_soft));
    let runner = seen(runner_of(&grid.folder())).unwrap();
    assert_eq!((runner.nice, runner.policy), (seen(std::process::id()).unwrap().nice, 0));
}

#[tokio::test]
async fn sessions_of_a_terminal_that_share_the_processor_come_last_as_a_whole_and_anybody_may_undo_it() {
    if !std::path::Path::new("/proc/self/autogroup").exists() || !std::path::Path::new(RIGHTLESS[0]).exists() {
        eprintln!("skipped: needs autogroups and setpriv");
        return;
    }
    let starter = if rustix::process::geteuid().is_root() { &RIGHTLESS[..] } else { &[] };
    let mut grid = breeding(starter).await;
    let all_have = |grid: &Grid, nice| programs(grid).iter().all(|program| session_nice(program.pid) == nice);
    let ours = session_nice(std::process::id());
    if !ask(&mut grid, Yield::Soften).await.0.contains(&Means::Autogroup) {
        return;
    }
    assert!(all_have(&grid, 19));
    assert_eq!(session_nice(std::process::id()), ours);
    ask(&mut grid, Yield::Freeze).await;
    ask(&mut grid, Yield::Thaw).await;
    assert!(all_have(&grid, 19));
    ask(&mut grid, Yield::Unsoften).await;
    assert!(all_have(&grid, 0));
}

#[tokio::test]
async fn what_starts_in_a_softened_session_is_soft_from_its_first_moment() {
    let mut grid = Grid::opened().await;
    let read = "cut -d' ' -f19,41 /proc/self/stat; ionice";
    let usual = grid.says(read).await;
    ask(&mut grid, Yield::Soften).await;
    assert_eq!(grid.says(read).await, "19 5\nidle\n");
    ask(&mut grid, Yield::Unsoften).await;
    assert_eq!(grid.says(read).await, usual);
}

#[tokio::test]
async fn who_may_raise_priorities_gets_all_back() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs the right to raise priorities");
        return;
    }
    let mut grid = breeding(&[]).await;
    ask(&mut grid, Yield::Soften).await;
    let (means, missed) = ask(&mut grid, Yield::Unsoften).await;
    assert_eq!((own(means), missed), (vec![Means::IdleDisk, Means::Nice, Means::IdleClass], 0));
    let after = programs(&grid);
    assert!(after.iter().all(|program| program.policy == 0 && program.nice == seen(std::process::id()).unwrap().nice));
}

#[tokio::test]
async fn who_may_not_is_told_what_stays_and_later_programs_are_as_before() {
    if !std::path::Path::new(RIGHTLESS[0]).exists() {
        eprintln!("skipped: needs setpriv");
        return;
    }
    let starter = if rustix::process::geteuid().is_root() { &RIGHTLESS[..] } else { &[] };
    let mut grid = breeding(starter).await;
    ask(&mut grid, Yield::Soften).await;
    let (means, missed) = ask(&mut grid, Yield::Unsoften).await;
    let after = programs(&grid);
    assert_eq!(own(means), [Means::IdleDisk]);
    assert!(missed >= 2 && after.iter().filter(|program| is_soft(program)).count() >= 2, "{missed} of {after:?}");
    assert!(after.iter().all(|program| disk_class(program.pid) != "idle"));

    let mut grid = Grid::through(starter, None);
    grid.open(vec![]);
    ask(&mut grid, Yield::Soften).await;
    ask(&mut grid, Yield::Unsoften).await;
    assert_eq!(
        grid.run(2, sh("cut -d' ' -f41 /proc/self/stat")).await,
        (ActionEnd::Exited { code: 0 }, b"0\n".to_vec())
    );
}
