//! One owner's session at a terminal, from the first code to the last look; and the door stays shut for everybody else.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::Output,
};

use serde_json::Value;

use crate::{
    pairing::let_in,
    support::{Grid, Peer, gridwell, lives, names, skip, until},
};

/// A user of this system who owns nothing: `nobody`.
const NOBODY: u32 = 65_534;

#[test]
fn one_owner_does_everything_from_a_terminal() {
    let mut grid = Grid::of_one();
    let quarry = grid.alone("quarry");

    let_in(&grid.peers[0], &quarry);
    grid.peers.push(quarry);
    grid.meet();
    let mill = &grid.peers[0];

    // Who is there, how far away, and how they are used.
    let machines = mill.ok(["machines"]);
    assert!(machines.contains("mill (this)") && machines.contains("quarry"), "{machines}");
    let link = mill.until("a round trip", &["links"], |links| links[0]["rtt_ms"].is_f64().then(|| links[0].clone()));
    assert_eq!((&link["name"], &link["state"]), (&"quarry".into(), &"up".into()));
    assert!(mill.ok(["links"]).contains(" ms"), "{}", mill.ok(["links"]));
    mill.ok(["set", "strategy=vertical", "weight=2.5"]);
    let tuning = mill.json(["machines"])[0]["tuning"].clone();
    assert_eq!((&tuning["strategy"], &tuning["weight"]), (&"vertical".into(), &2.5.into()), "{tuning}");

    // A job is started, watched, explained and stopped.
    let gate = grid.path("gate");
    let script = format!("echo $$; while [ ! -e '{}' ]; do sleep 0.05; done; echo ended", gate.display());
    let script = grid.write("work.sh", script);
    let job = mill.start_job(["submit", "--on", "quarry", script.to_str().expect("text")]);
    mill.until_counts(&job, "running", 1);
    let tasks = mill.ok(["tasks", &job]);
    assert!(tasks.contains("running") && tasks.contains("quarry"), "{tasks}");
    assert!(mill.ok(["why", &job]).contains("quarry"));
    let pid = until("the first line", || mill.ok(["logs", &job]).lines().nth(1).map(str::to_owned));
    assert!(lives(&pid), "{}", mill.ok(["logs", &job]));
    mill.ok(["cancel", &job]);
    assert_eq!(mill.output(["wait", &job]).status.code(), Some(1));
    until("the program's end", || (!lives(&pid)).then_some(()));
    assert!(mill.ok(["jobs"]).contains("cancelled"));

    // The same job again, followed to its end.
    mill.ok(["retry", &job]);
    fs::write(&gate, "").expect("the gate opens");
    assert!(mill.ok(["logs", "-f", &job]).ends_with("ended\n"));
    mill.done(&job);

    // A link is closed and opened.
    mill.ok(["link", "forbid", "quarry", "--yes"]);
    mill.until("quarry to be away", &["machines"], |machines| (machines[1]["online"] == false).then_some(()));
    mill.ok(["link", "auto", "quarry"]);
    grid.meet();

    let members = mill.ok(["members"]);
    assert!(members.contains("mill") && members.contains("quarry"), "{members}");
    assert!(mill.ok(["activity"]).contains("quarry"));
}

/// What the steps of a session ask of the door: to look, to start, to stop, to let in, to tune.
fn steps(job: &str) -> [(&'static str, String, &'static str); 6] {
    [
        ("GET", "/v1/status".to_owned(), ""),
        ("GET", format!("/v1/jobs/{job}/tasks"), ""),
        ("POST", "/v1/jobs".to_owned(), r#"{"command":{"argv":["true"],"cwd":"/"}}"#),
        ("POST", format!("/v1/jobs/{job}/cancel"), ""),
        ("POST", "/v1/invites".to_owned(), "{}"),
        ("POST", "/v1/ask".to_owned(), r#"{"ask":"status"}"#),
    ]
}

#[test]
fn whoever_does_not_know_the_token_does_nothing_over_loopback() {
    let mut grid = Grid::empty();
    grid.add("mill", &["--http", "0"]);
    let mill = &grid.peers[0];
    let address = mill.ready["http"].as_str().and_then(|http| http.strip_prefix("http://")).expect("an address");
    let token = fs::read_to_string(mill.data.join("token")).expect("the owner reads it");
    let token = token.trim();
    let rights = fs::metadata(mill.data.join("token")).expect("it is there").permissions().mode();
    assert_eq!(rights & 0o077, 0, "nobody else reads it");

    let job = mill.start_job(["exec", "--detach", "--", "sleep", "600"]);
    mill.until_counts(&job, "running", 1);
    for (method, path, body) in steps(&job) {
        for shown in ["", "Bearer ", &format!("Bearer {}", &token[1..]), &format!("Basic {token}")] {
            let answer = ask(address, method, &path, body, shown);
            assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("unauthorised"), "{path} {shown}: {answer}");
        }
    }
    let jobs = mill.json(["jobs"]);
    assert_eq!((jobs[0]["counts"]["running"].as_u64(), jobs[1].is_null()), (Some(1), true), "as before: {jobs:#}");

    for (method, path, body) in steps(&job) {
        let answer = ask(address, method, &path, body, &format!("Bearer {token}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    assert_eq!(mill.end_of(&job)["state"], "cancelled");
    assert_eq!(mill.json(["jobs"]).as_array().map(Vec::len), Some(2), "the owner started one");
}

#[test]
fn another_user_of_the_machine_does_nothing_even_with_rights_to_the_socket() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root becomes another user");
    }
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    let steps = [&["machines"][..], &["exec", "--detach", "--", "true"], &["invite"], &["link", "requests"]];

    for step in steps {
        let output = match as_nobody(mill, step) {
            Ok(output) => output,
            Err(error) => return skip(&format!("another user cannot start this build of gridwell: {error}")),
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains("belongs to somebody else"), "{output:?}");
    }

    // An owner who gave away the rights by mistake is still the only one who is served.
    for path in [&grid.path(""), &mill.data] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the owner may");
    }
    fs::set_permissions(mill.data.join("node.sock"), fs::Permissions::from_mode(0o777)).expect("the owner may");
    for step in steps {
        let output = as_nobody(mill, step).expect("it started before");
        assert!(output.status.code() == Some(3) && output.stdout.is_empty(), "{output:?}");
    }
    assert!(mill.log().contains("another user tried the local door"));
    assert_eq!(mill.json(["jobs"]), Value::Array(Vec::new()), "nothing was started");
    assert_eq!(names(&mill.data.join("sessions")), Vec::<String>::new());
}

/// Runs a command against a node as a user who does not own it.
fn as_nobody(peer: &Peer, words: &[&str]) -> io::Result<Output> {
    let mut command = std::process::Command::new(gridwell());
    command.arg("--data").arg(&peer.data).args(words).uid(NOBODY).gid(NOBODY).current_dir("/");
    command.output()
}

/// One request over loopback, with that authorization; returns head and body of the answer.
fn ask(address: &str, method: &str, path: &str, body: &str, shown: &str) -> String {
    let mut door = TcpStream::connect(address).expect("the door is open");
    let shown = if shown.is_empty() { String::new() } else { format!("Authorization: {shown}\r\n") };
    let length = body.len();
    write!(
        door,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{shown}\r\n{body}"
    )
    .expect("the door listens");
    let mut answer = String::new();
    door.read_to_string(&mut answer).expect("the door answers");
    answer
}
