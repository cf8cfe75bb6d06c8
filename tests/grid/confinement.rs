//! Programs of jobs that reach for what is not theirs, or take more than they may: refused, told, and the node goes on.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Grid, Peer, gridwell, lives, names, skip, until};

/// A node that opens nothing to jobs but what is theirs.
const CLOSED: [&str; 2] = ["--open", "/nothing/there"];

fn closed() -> Option<Grid> {
    let mut grid = Grid::empty();
    let mill = grid.alone_with("mill", &CLOSED);
    let doctor = mill.json(["doctor"]);
    let found = doctor["findings"].as_array().expect("findings").iter().find(|one| one["what"] == "confinement");
    let full = found.is_some_and(|one| one["sentence"].as_str().is_some_and(|sentence| sentence.ends_with(": full")));
    if !full {
        skip(&format!("the kernel cannot hold programs: {found:?}"));
        return None;
    }
    grid.peers.push(mill);
    Some(grid)
}

/// Runs a script as a job and returns its log.
fn run(peer: &Peer, script: &Path) -> String {
    let job = peer.start_job(["submit", script.to_str().expect("text")]);
    peer.output(["wait", &job]);
    peer.ok(["logs", &job])
}

#[test]
fn a_job_in_namespaces_of_its_own_sees_nobody_else_and_stops_when_its_owner_wants_it() {
    let Some(grid) = closed() else { return };
    let mill = &grid.peers[0];
    let asked = mill.output(["lending", "set", "--isolation", "namespaces"]);
    if !asked.status.success() {
        let said = String::from_utf8_lossy(&asked.stderr).into_owned();
        assert!(
            said.contains("cannot have namespaces of their own here") && said.contains("--isolation landlock"),
            "{said}"
        );
        return skip(&said);
    }
    assert_eq!(mill.json(["lending"])["isolation"], "namespaces");
    assert!(mill.ok(["lending"]).contains("programs of jobs see nobody else"));
    let script = grid.write(
        "look.sh",
        format!(
            "for one in /proc/[0-9]*; do read name < $one/comm && echo saw $name; done\n( cat '{}' ) 2>&1\ntrue\n",
            grid.write("diary", "dear diary").display()
        ),
    );
    let log = run(mill, &script);
    let mut saw: Vec<_> = log.lines().filter_map(|line| line.strip_prefix("saw ")).collect();
    saw.sort_unstable();
    saw.dedup();
    assert!(saw.iter().all(|name| ["gridwell", "sh", "bash", "dash"].contains(name)), "{log}");
    assert!(saw.contains(&"gridwell") && !log.contains("dear diary"), "{log}");

    let job = mill.start_job(["exec", "--detach", "--", "sh", "-c", "echo begun; sleep 1000"]);
    until("a program that runs", || mill.ok(["logs", &job]).contains("begun").then_some(()));
    mill.ok(["cancel", &job]);
    assert_eq!(mill.end_of(&job)["state"], "cancelled");
    mill.ok(["lending", "set", "--isolation", "landlock"]);
    assert_eq!(mill.json(["lending"])["isolation"], "landlock");
}

#[test]
fn a_job_reaches_nothing_that_is_not_its_own_and_it_is_told_once() {
    let Some(grid) = closed() else { return };
    let mill = &grid.peers[0];
    let secret = grid.write("diary", "dear diary");
    let mut other = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().expect("a program");
    let socket = mill.data.join("node.sock");
    assert!(socket.exists(), "{:?}", names(&mill.data));
    let files = fs::read_dir(&mill.data).expect("its folder").flatten().map(|entry| entry.path());
    let files: String =
        files.filter(|file| file.is_file()).map(|file| format!("cat '{}' 2>&1\n", file.display())).collect();
    let script = format!(
        "( cat '{secret}' ) 2>&1\n( echo x > '{folder}/new' ) 2>&1\n( ls '{data}' ) 2>&1\n{files}kill -KILL {pid} 2>&1\n\
         for i in 1 2 3; do '{gridwell}' --data '{data}' machines 2>&1; done\n\
         (setsid sh -c 'echo daemon $$; exec sleep 1000' &)\nsleep 0.3\necho home $HOME; echo kept > $HOME/kept; exit 3\n",
        secret = secret.display(),
        folder = grid.path("").display(),
        data = mill.data.display(),
        pid = other.id(),
        gridwell = gridwell().display(),
    );
    let script = grid.write("reach.sh", script);

    let log = run(mill, &script);

    // Of the first attempt: each failed one says it again.
    let log = log.split("==> ").nth(1).expect("an attempt");
    assert!(
        log.matches("Permission denied").count() == 3 + files.lines().count() && !log.contains("dear diary"),
        "{log}"
    );
    assert!(log.contains("not permitted"), "{log}");
    assert!(!log.contains("mill (this)"), "{log}");
    assert!(log.contains(&format!("home {}", mill.data.join("sessions").display())), "{log}");
    assert_eq!(log.matches("could touch only").count(), 1, "{log}");
    let daemon = log.lines().find_map(|line| line.split_once("daemon ")).expect("its id").1.to_owned();
    until("the daemon's end", || (!lives(&daemon)).then_some(()));
    assert!(other.try_wait().expect("a child").is_none() && !grid.path("new").exists());
    assert_eq!(mill.log().matches("a program of a job tried the local door").count(), 1, "{}", mill.log());
    mill.ok(["machines"]);
    other.kill().expect("it lives");
    other.wait().expect("an end");
}

#[test]
fn a_recipe_without_a_network_has_none() {
    let Some(grid) = closed() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let connect = |name: &str| {
        grid.write(
            name,
            format!("import socket\ntry: socket.create_connection(('127.0.0.1', {port}), 5); print('reached')\nexcept OSError as error: print('refused', error)\n"),
        )
    };
    let mill = &grid.peers[0];
    assert!(run(mill, &connect("open.py")).contains("reached"));
    let recipes = mill.data.join("recipes");
    fs::create_dir_all(&recipes).expect("a folder");
    for name in ["python.toml", "python.yaml"] {
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/job/recipes").join(name);
        fs::write(recipes.join(name), fs::read(source).expect("a recipe")).expect("written");
    }
    let text = fs::read_to_string(recipes.join("python.toml")).expect("a recipe");
    fs::write(recipes.join("python.toml"), text.replace("[match]", "[session]\nnetwork = false\n\n[match]"))
        .expect("written");
    let mut grid = grid;
    grid.peers[0].stop();
    grid.peers[0].boot();
    let log = run(&grid.peers[0], &grid.write("shut.py", fs::read(grid.path("open.py")).expect("text")));
    assert!(log.contains("refused"), "{log}");
}

#[test]
fn a_job_that_takes_too_much_ends_with_the_reason_and_the_node_goes_on() {
    let Some(mut grid) = closed() else { return };
    let recipes = grid.peers[0].data.join("recipes");
    fs::create_dir_all(&recipes).expect("a folder");
    for name in ["shell.toml", "shell.yaml"] {
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/job/recipes").join(name);
        let text = fs::read_to_string(source).expect("a recipe");
        let small = "[session]\nmemory = \"64 MiB\"\ndisk = \"32 MiB\"\n\n[match]";
        fs::write(recipes.join(name), text.replace("[match]", small)).expect("written");
    }
    grid.peers[0].stop();
    grid.peers[0].boot();
    let mill = &grid.peers[0];
    let cases = [
        ("hog.sh", "{ head -c 300000000 /dev/zero; sleep 1000; } | tail", "of memory, more than the 67 MB allowed"),
        (
            "filler.sh",
            "i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); done",
            "more than the 34 MB allowed",
        ),
        ("large.sh", "exec head -c 100000000 /dev/zero > large", "a larger file than its session may"),
    ];
    for (name, script, reason) in cases {
        let job = mill.start_job(["submit", grid.write(name, script).to_str().expect("text")]);
        mill.output(["wait", &job]);
        let tasks = Value::from(mill.tasks(&job)).to_string();
        assert!(tasks.contains(reason), "{name}: {tasks}");
    }
    assert!(run(mill, &grid.write("fine.sh", "echo fine")).contains("fine"));
}
