//! What the programs of a session cannot touch.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use gridwell_exec::{Confinement, SessionEvent, confinement};
use gridwell_model::{Access, ActionEnd, SessionPlan};

use crate::harness::{Grid, SESSION, Watched, sh};

/// A session whose programs may touch `access`; `None`, said aloud, where the kernel cannot hold that.
async fn confined(access: Access) -> Option<Grid> {
    if confinement() != Confinement::Full {
        eprintln!("skipped: {}", confinement());
        return None;
    }
    let mut grid = Grid::new();
    grid.exec.open(SESSION, SessionPlan { access: Some(access), ..grid.plan() }).unwrap();
    let seen = grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    let [SessionEvent::Confined(confinement), SessionEvent::Opened] = &seen[..] else { panic!("{seen:?}") };
    eprintln!("confinement: {confinement}");
    Some(grid)
}

const OPEN_NETWORK: Access = Access { read: vec![], write: vec![], network: true, alone: false };

/// What a script says that must not do what it tries.
async fn refused(grid: &mut Grid, script: &str) -> String {
    grid.says(&format!("( {script} ) 2>&1 && echo DONE; true")).await
}

#[tokio::test]
async fn nothing_outside_is_read_listed_written_or_removed() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("diary"), "dear").unwrap();
    let Some(mut grid) = confined(OPEN_NETWORK).await else { return };
    let home = home.path().display();
    for try_to in [
        format!("cat {home}/diary"),
        format!("ls {home}"),
        format!("echo x > {home}/diary"),
        format!("echo x > {home}/new"),
        format!("rm {home}/diary"),
        format!("mkdir {home}/folder"),
        format!("ln {home}/diary diary"),
        format!("ln -s {home}/diary link && cat link"),
        "echo x > /tmp/gridwell-was-here".into(),
        "ls /home".into(),
        "cat /proc/$PPID/root/home".into(),
    ] {
        let said = refused(&mut grid, &try_to).await;
        assert!(said.contains("denied") || said.contains("cross-device"), "{try_to}: {said}");
        assert!(!said.contains("DONE") && !said.contains("dear"), "{try_to}: {said}");
    }
    assert_eq!(fs::read_to_string(format!("{home}/diary")).unwrap(), "dear");
}

#[tokio::test]
async fn the_own_folder_and_what_is_declared_are_there_and_the_folder_goes() {
    let given = tempfile::tempdir().unwrap();
    let (input, output) = (given.path().join("scene"), given.path().join("out"));
    fs::write(&input, "words\n").unwrap();
    fs::create_dir(&output).unwrap();
    let missing = given.path().join("missing");
    let access = Access { read: vec![input.clone(), missing], write: vec![output.clone()], ..OPEN_NETWORK };
    let Some(mut grid) = confined(access).await else { return };
    let (input, output) = (input.display(), output.display());
    let script = format!(
        "mkdir -p a/b; cp {input} a/b/copy; mv a/b/copy {output}/moved; mv a c; cp /bin/true own; ./own; \
         echo x > /dev/null; head -c 1 /dev/urandom > r; echo x > /dev/shm/gw-$$; rm /dev/shm/gw-$$; cat {output}/moved"
    );
    assert_eq!(grid.says(&script).await, "words\n");
    let said = refused(&mut grid, &format!("echo more >> {input}")).await;
    assert!(said.contains("denied"), "{said}");
    grid.close().await;
    assert!(!grid.folder().exists());
}

#[tokio::test]
async fn nobody_else_is_signalled_or_read() {
    let Some(mut grid) = confined(OPEN_NETWORK).await else { return };
    let mut other = Command::new("sleep").arg("60").env("SECRET", "swordfish").stdout(Stdio::null()).spawn().unwrap();
    let said = refused(&mut grid, &format!("kill -KILL {}", other.id())).await;
    assert!(said.contains("not permitted"), "{said}");
    let said = refused(&mut grid, &format!("cat /proc/{}/environ", other.id())).await;
    assert!(said.contains("denied") && !said.contains("swordfish"), "{said}");
    assert!(other.try_wait().unwrap().is_none());
    assert_eq!(grid.says("sleep 1000 & kill -TERM $! && echo own").await, "own\n");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn what_leaves_its_terminal_and_its_parents_ends_with_its_task() {
    let Some(mut grid) = confined(OPEN_NETWORK).await else { return };
    let daemon = "(setsid sh -c 'trap \"\" TERM HUP; echo $$; while :; do sleep 1; done' &); sleep 1000";
    grid.exec.run(SESSION, vec![(1, sh(&format!("{daemon} & sleep 0.2")))]).unwrap();
    let daemon = Watched::new(grid.pid().await);
    grid.until(|event| matches!(event, SessionEvent::Ended { tag: 1, end: ActionEnd::Exited { code: 0 }, .. })).await;
    daemon.dies();
}

/// Prints whether a connection to a port of this machine, and to one of its own, comes about.
const CONNECT: &str = r#"
import socket, sys
def connect(port):
    try: socket.create_connection(("127.0.0.1", port), 5); return "yes"
    except OSError as error: return type(error).__name__
own = socket.socket(); own.bind(("127.0.0.1", 0)); own.listen()
print(connect(int(sys.argv[1])), connect(own.getsockname()[1]))
"#;

async fn connects(network: bool) -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: no python3");
        return None;
    }
    let mut grid = confined(Access { network, ..Access::default() }).await?;
    fs::write(grid.folder().join("connect.py"), CONNECT).unwrap();
    Some(grid.says(&format!("/usr/bin/python3 connect.py {port}")).await)
}

#[tokio::test]
async fn without_a_network_programs_find_nobody_but_themselves() {
    if let Some(said) = connects(false).await {
        assert_eq!(said, "ConnectionRefusedError yes\n");
    }
}

#[tokio::test]
async fn with_a_network_they_find_others() {
    if let Some(said) = connects(true).await {
        assert_eq!(said, "yes yes\n");
    }
}

#[tokio::test]
async fn a_session_without_a_network_keeps_its_user_and_is_stopped_frozen_and_cleaned_as_others() {
    use gridwell_exec::{Stop, Which, Yield};
    let Some(mut grid) = confined(Access::default()).await else { return };
    let user = rustix::process::geteuid().as_raw();
    assert_eq!(grid.says("id -u; touch mine; stat -c %u mine").await, format!("{user}\n{user}\n"));
    grid.exec.run(SESSION, vec![(1, sh("echo $$; exec sleep 1000"))]).unwrap();
    let program = Watched::new(grid.pid().await);
    grid.exec.ask(SESSION, Yield::Freeze).unwrap();
    let seen = grid.until(|event| matches!(event, SessionEvent::Yielded { .. })).await;
    assert!(matches!(seen.last(), Some(SessionEvent::Yielded { missed: 0, processes: 1, .. })), "{seen:?}");
    grid.exec.cancel(SESSION, Stop { which: Which::All, notice_limit: None }).unwrap();
    grid.until(SessionEvent::is_last).await;
    program.dies();
    assert!(!grid.folder().exists());
}
