//! Sessions in namespaces of their own.

use std::{fs, net::TcpListener, path::Path};

use gridwell_exec::{SessionEvent, Stop, Which, Yield};
use gridwell_model::{Access, ActionEnd, ActionPlan, CancelPlan};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    harness::{ALONE, Grid, SESSION, Watched, ended, environment, has_namespaces, output, runner_of, sh},
    tree::{look_until, programs},
};

/// An open session in namespaces of its own; `None`, said aloud, where there are none.
async fn alone(access: Access) -> Option<Grid> {
    if !has_namespaces() {
        return None;
    }
    let mut grid = Grid::new();
    grid.access = Some(access);
    grid.open(vec![environment("e", ":", "echo left")]);
    let seen = grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    let Some(SessionEvent::Confined(confinement)) = seen.first() else { panic!("{seen:?}") };
    eprintln!("confinement: {confinement}");
    Some(grid)
}

#[tokio::test]
async fn programs_see_no_process_but_their_own() {
    let Some(mut grid) = alone(ALONE).await else { return };
    // The runner, the shell, and what the shell starts.
    let seen = grid.says("sleep 1000 & for one in /proc/[0-9]*; do read name < $one/comm && echo $name; done").await;
    let mut names: Vec<_> = seen.lines().collect();
    names.sort_unstable();
    names.retain(|name| *name != "sleep");
    names.dedup();
    assert_eq!(names, ["gridwell-exec-r", "sh"]);
    let me = std::process::id();
    let said = grid.says(&format!("kill -KILL {me} 2>&1; cat /proc/{me}/environ 2>&1; true")).await;
    assert!(said.contains("No such process") && said.contains("No such file"), "{said}");
}

#[tokio::test]
async fn what_others_have_is_not_there_and_what_is_given_is() {
    let given = tempfile::tempdir().unwrap();
    let (input, secret, home) = (given.path().join("scene"), given.path().join("diary"), given.path().join("out"));
    fs::write(&input, "words\n").unwrap();
    fs::write(&secret, "dear\n").unwrap();
    fs::create_dir(&home).unwrap();
    let access = Access { read: vec![input.clone(), given.path().join("missing")], write: vec![home.clone()], ..ALONE };
    let Some(mut grid) = alone(access).await else { return };
    let (shown, secret, home) = (input.display(), secret.display(), home.display());
    let mine = format!("gridwell-mine-{}", std::process::id());
    let script = format!(
        "cp {shown} copy; mv copy {home}/moved; cp /bin/true own; ./own; echo x > /dev/null; head -c 1 /dev/urandom > r; \
         echo x > /dev/shm/{mine}; echo x > /tmp/{mine}; cat /dev/shm/{mine} /tmp/{mine} {home}/moved"
    );
    assert_eq!(grid.says(&script).await, "x\nx\nwords\n");
    for try_to in [
        format!("cat {secret}"),
        format!("echo more >> {shown}"),
        "echo x > /new".to_owned(),
        "echo x > /usr/new".to_owned(),
        "ls /home/*".to_owned(),
    ] {
        let said = grid.says(&format!("( {try_to} ) 2>&1 && echo DONE; true")).await;
        assert!(!said.contains("DONE") && !said.contains("dear"), "{try_to}: {said}");
    }
    assert!(!Path::new("/tmp").join(&mine).exists() && !Path::new("/dev/shm").join(&mine).exists());
    assert_eq!(fs::read_to_string(given.path().join("out/moved")).unwrap(), "words\n");
    assert_eq!(fs::read_to_string(&input).unwrap(), "words\n");
    assert_eq!(output(&grid.close().await), b"left\n");
    assert!(!grid.folder().exists());
}

#[tokio::test]
async fn the_network_is_there_only_where_it_may_be_used() {
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: no python3");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!(
        "import socket\ntry: socket.create_connection((\"127.0.0.1\", {port}), 5); print(\"yes\")\n\
         except OSError as error: print(type(error).__name__)"
    );
    for (network, said) in [(true, "yes\n"), (false, "ConnectionRefusedError\n")] {
        let Some(mut grid) = alone(Access { network, ..ALONE }).await else { return };
        assert_eq!(grid.says(&format!("/usr/bin/python3 -c '{connect}'")).await, said);
    }
}

#[tokio::test]
async fn a_program_is_told_to_stop_and_has_its_time() {
    let Some(mut grid) = alone(ALONE).await else { return };
    let plan = ActionPlan {
        cancel: CancelPlan::Notify { notice: std::time::Duration::from_secs(600) },
        ..sh("trap 'echo packed; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
    };
    grid.exec.run(SESSION, vec![(1, plan)]).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Output { .. })).await;
    grid.exec.ask(SESSION, Yield::Freeze).unwrap();
    grid.exec.cancel(SESSION, Stop { which: Which::All, notice_limit: None }).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    assert_eq!(ended(&seen), [(1, ActionEnd::Cancelled)]);
    assert!(String::from_utf8(output(&seen)).unwrap().contains("packed"));
    assert!(!grid.folder().exists());
}

/// In a group of its own, twice forked, and in a session of its own.
const TREE: &str = "(sleep 1000 &); (setsid sh -c 'exec sleep 1000' &); echo ready; sleep 1000";

async fn with_tree() -> Option<(Grid, Vec<Watched>)> {
    let mut grid = alone(ALONE).await?;
    grid.exec.run(SESSION, vec![(1, sh(TREE))]).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Output { .. })).await;
    look_until("all are there", || programs(&grid).len() >= 4);
    let tree = programs(&grid).iter().map(|program| Watched::new(program.pid)).collect();
    Some((grid, tree))
}

#[tokio::test]
async fn what_leaves_its_terminal_and_its_parents_ends_with_its_task() {
    let Some((mut grid, tree)) = with_tree().await else { return };
    grid.exec.cancel(SESSION, Stop { which: Which::All, notice_limit: None }).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Ended { tag: 1, .. })).await;
    tree.iter().for_each(Watched::dies);
    grid.until(SessionEvent::is_last).await;
    assert!(!grid.folder().exists());
}

#[tokio::test]
async fn a_killed_runner_takes_its_programs_along() {
    let Some((mut grid, tree)) = with_tree().await else { return };
    let runner = Pid::from_raw(runner_of(&grid.folder()).cast_signed()).unwrap();
    kill_process(runner, Signal::KILL).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    assert!(matches!(seen.last(), Some(SessionEvent::Lost { running: Some(1), .. })), "{seen:?}");
    tree.iter().for_each(Watched::dies);
    assert!(!grid.folder().exists());
    grid.open(vec![]);
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    assert_eq!(grid.says("echo again").await, "again\n");
}

#[tokio::test]
async fn a_shutdown_leaves_nothing_behind() {
    let Some((grid, tree)) = with_tree().await else { return };
    grid.exec.shutdown().await;
    tree.iter().for_each(Watched::dies);
    assert!(!grid.folder().exists());
}
