//! What every command answers: JSON for programs, exit codes, names of files as people have them, and output of any kind.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Grid, Peer, gridwell, names};

fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary folder's path is text")
}

/// Runs a command twice and returns the id of the job, which `exec --json` tells at its end.
fn finished(peer: &Peer, command: &[&str]) -> String {
    let told = peer.ok(["exec", "--json", "--array", "2", "--"].iter().chain(command));
    let jobs: Value = serde_json::from_str(&told).expect("the jobs that were followed");
    jobs[0]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn every_command_answers_in_json() {
    let grid = Grid::of_one();
    let peer = &grid.peers[0];
    let job = finished(peer, &["echo", "{}"]);
    let scene = grid.write("a.gridwell-sample", "gridwell_sample = 1\n");
    let lines: &[&[&str]] = &[
        &["status"],
        &["machines"],
        &["links"],
        &["doctor"],
        &["invite"],
        &["pair", "list"],
        &["pair", "show"],
        &["pair", "hide"],
        &["label", "tier=fast"],
        &["drain"],
        &["inspect", text(&scene)],
        &["submit", "--hold", text(&scene)],
        &["jobs"],
        &["job", &job],
        &["tasks", &job],
        &["why", &job],
        &["wait", &job],
        &["hold", "last"],
        &["priority", "last", "5"],
        &["release", "last"],
        &["cancel", "last"],
        &["retry", "last"],
        &["resume"],
        &["openapi"],
    ];
    for line in lines {
        let answer = peer.json(*line);
        assert!(answer.is_object() || answer.is_array(), "{line:?}: {answer}");
    }
    let detached = peer.ok(["exec", "--json", "--detach", "--", "true"]);
    assert!(serde_json::from_str::<Value>(&detached).expect("what was submitted")["jobs"][0]["id"].is_string());
    let pieces = peer.ok(["logs", &job, "--json"]);
    assert!(pieces.lines().count() >= 2, "{pieces}");
    for piece in pieces.lines() {
        let piece: Value = serde_json::from_str(piece).expect("a piece a line");
        assert!(piece["label"].as_str().is_some_and(|label| label.starts_with("item ")), "{piece}");
    }
    let output = peer.output(["job", "zzzz", "--json"]);
    let error: Value = serde_json::from_slice(&output.stdout).expect("an error is JSON too");
    assert_eq!((output.status.code(), &error["error"]["code"]), (Some(2), &Value::from("unknown_job")));
}

#[test]
fn answers_have_the_fields_that_the_openapi_document_names() {
    let grid = Grid::of_one();
    let peer = &grid.peers[0];
    let job = finished(peer, &["true"]);
    let schemas = peer.json(["openapi"])["components"]["schemas"].clone();
    let required = |schema: &str| -> Vec<String> {
        let names = schemas[schema]["required"].as_array().unwrap_or_else(|| panic!("no schema {schema}")).iter();
        names.map(|name| name.as_str().expect("a name").to_owned()).collect()
    };
    let cases: [(&[&str], &str, &str); 9] = [
        (&["status"], "", "StatusView"),
        (&["machines"], "/0", "MachineView"),
        (&["invite"], "", "InviteView"),
        (&["pair", "show"], "", "InvitationView"),
        (&["pair", "list"], "", "PairingsView"),
        (&["jobs"], "/0", "JobView"),
        (&["tasks", &job], "/tasks/0", "TaskView"),
        (&["why", &job], "", "WhyView"),
        (&["doctor"], "/findings/0", "Finding"),
    ];
    for (line, place, schema) in cases {
        let answer = peer.json(line);
        let object = answer.pointer(place).and_then(Value::as_object).unwrap_or_else(|| panic!("{line:?}: {answer}"));
        let properties = schemas[schema]["properties"].as_object().expect("properties");
        for name in required(schema) {
            assert!(object.contains_key(&name), "{line:?} lacks {name}");
        }
        for name in object.keys() {
            assert!(properties.contains_key(name), "{line:?} has {name}, which {schema} does not");
        }
    }
}

#[test]
fn without_a_node_every_command_that_asks_exits_with_3() {
    let folder = tempfile::tempdir().expect("a folder");
    // A socket that a killed node left behind is no node.
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("node.sock")).expect("a socket"));
    let lines = "status machines links doctor invite drain resume jobs|join x|label a=b|submit x|run x|inspect x|exec -- x\
                 |job x|tasks x|logs x|wait x|cancel x|pair list|pair code x|pair enter x|pair approve|retry x|hold x|release x|priority x 1|why x";
    let lines = lines.split('|').flat_map(|part| match part.split_once(' ') {
        Some(("status", _)) => part.split(' ').map(|word| vec![word]).collect::<Vec<_>>(),
        _ => vec![part.split(' ').collect()],
    });
    for line in lines {
        let output = Command::new(gridwell())
            .args(&line)
            .env("GRIDWELL_DATA", folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("gridwell runs");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(3), "{line:?}: {said}");
        assert!(said.contains("no node is running"), "{line:?}: {said}");
    }
}

#[test]
fn a_reader_that_has_enough_ends_the_command_quietly() {
    let grid = Grid::of_one();
    let mut child = grid.peers[0]
        .command()
        .args(["exec", "--", "sh", "-c", "yes | head -c 2000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("gridwell runs");
    let mut first = [0; 2];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("some output");

    let output = child.wait_with_output().expect("it ends");

    assert_eq!(&first, b"y\n");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn files_keep_their_names_on_the_way_to_another_machine_and_back() {
    let grid = Grid::of(&["mill", "quarry"]);
    let long = format!("{}.txt", "x".repeat(251));
    let odd = [
        "a b.txt",
        "new\nline.txt",
        "quo'te\".txt",
        "-dash.txt",
        "--json.txt",
        "\u{202e}right.txt",
        "שלום.txt",
        "😀.txt",
        "$(x) `y` {}.txt",
        "tab\t.txt",
        "%41.txt",
        "*.txt",
        "back\\slash.txt",
        &long,
    ];
    for name in odd {
        grid.write(&format!("in/{name}"), format!("content of {name}"));
    }
    let pattern = grid.path("in").join("*.txt");
    for (machine, folder) in [("quarry", "far"), ("mill", "near"), ("mill", "in")] {
        let home = grid.path(folder);
        let outputs = if folder == "in" { "*.cpy" } else { "*.txt" };
        let copy = if folder == "in" { "cat \"$1\" > \"$(basename \"$1\" .txt).cpy\"" } else { "cp -- \"$1\" ." };
        let line = ["exec", "--on", machine, "--over", text(&pattern), "--outputs", outputs, "--output", text(&home)];
        grid.peers[0].ok(line.iter().copied().chain(["--", "sh", "-c", copy, "sh", "{}"]));

        for name in odd {
            let name = if folder == "in" { name.replace(".txt", ".cpy") } else { name.to_owned() };
            let landed = fs::read_to_string(home.join(&name));
            let landed = landed.unwrap_or_else(|error| panic!("{name:?} in {:?}: {error}", names(&home)));
            assert!(landed.starts_with("content of "), "{name:?}: {landed}");
        }
    }
}

#[test]
fn a_run_may_leave_thousands_of_files_with_long_names_and_names_of_any_bytes() {
    let grid = Grid::of(&["mill", "quarry"]);
    let home = grid.path("home");
    let script = "i=0; while [ $i -lt 400 ]; do : > \"$1$i\"; i=$((i+1)); done; : > \"$(printf 'any\\377')\"";
    let (long, line) = ("long".repeat(50), ["exec", "--on", "quarry", "--outputs", "*", "--output", text(&home)]);
    grid.peers[0].ok(line.iter().copied().chain(["--", "sh", "-c", script, "sh", &long]));
    assert_eq!(names(&home).len(), 401);
}

#[test]
fn output_of_any_kind_comes_as_it_is_and_stays_bounded() {
    let grid = Grid::of_one();
    let peer = &grid.peers[0];
    let run = |script: &str| peer.output(["exec", "--", "sh", "-c", script]);

    assert_eq!(run("printf '\\000\\377\\033[31m no line end'").stdout, b"\0\xff\x1b[31m no line end");
    let long = run("head -c 3000000 /dev/zero | tr '\\0' x");
    assert_eq!((long.status.code(), long.stdout.len()), (Some(0), 3_000_000));

    let failed = peer.output(["exec", "--array", "2", "--", "sh", "-c", "seq 1 9000; exit 4"]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("Last lines of item ") && said.contains("\n  9000"), "{said}");
    assert!(said.lines().count() < 40, "only the end is shown: {said}");
    let tail = peer.ok(["logs", "last.0", "--tail", "20"]);
    assert!(tail.ends_with("8999\n9000\n") && tail.len() <= 20, "{tail}");
}

#[test]
fn help_and_completions_need_no_node() {
    let run = |words: &[&str]| {
        let output = Command::new(gridwell()).args(words).output().expect("gridwell runs");
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let overview = run(&["--help"]);
    let list =
        overview.split("Commands:").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list of commands");
    let commands: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let help = run(&[command, "--help"]);
        assert!(help.contains(&format!("gridwell {command}")) && help.contains("Example"), "{help}");
    }
    for (shell, word) in [("bash", "complete"), ("zsh", "#compdef"), ("fish", "complete -c gridwell")] {
        assert!(run(&["completions", shell]).contains(word), "{shell}");
    }
}
