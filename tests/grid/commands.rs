//! `gridwell exec`: a job from a command.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::support::{Grid, names, until};

#[test]
fn a_single_command_behaves_like_a_local_one() {
    let grid = Grid::of_one();

    let output = grid.peers[0].output(["exec", "--", "sh", "-c", "echo one; echo two >&2; printf three"]);

    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("one\n") && said.contains("two\n") && said.contains("three"), "{said}");
}

#[test]
fn a_single_command_is_heard_while_it_runs() {
    let grid = Grid::of(&["mill", "quarry"]);
    let gate = grid.path("gate");
    let script = format!("echo begun; while [ ! -e '{}' ]; do sleep 0.05; done; echo ended", gate.display());

    let mut following = grid.peers[0]
        .command()
        .args(["exec", "--on", "quarry", "--", "sh", "-c", &script])
        .stdout(fs::File::create(grid.path("said")).expect("writable"))
        .spawn()
        .expect("gridwell runs");

    until("the first line", || (crate::support::lines(&grid.path("said")) == ["begun"]).then_some(()));
    fs::write(&gate, "").expect("the gate opens");
    assert_eq!(following.wait().expect("it ends").code(), Some(0));
    assert_eq!(crate::support::lines(&grid.path("said")), ["begun", "ended"]);
}

#[test]
fn exit_codes_tell_how_a_command_ended() {
    let grid = Grid::of_one();
    let code = |arguments: &[&str]| grid.peers[0].output(arguments).status.code();

    assert_eq!(code(&["exec", "--", "true"]), Some(0));
    assert_eq!(code(&["exec", "--", "false"]), Some(1));
    assert_eq!(code(&["exec", "--array", "3", "--", "sh", "-c", "test {} -ne 1"]), Some(1));
    assert_eq!(code(&["exec", "--array", "nonsense", "--", "true"]), Some(2));
    assert_eq!(code(&["wait", "last"]), Some(1), "the last job has failed");
    assert_eq!(code(&["--data", "/nonexistent/folder", "jobs"]), Some(3));
}

#[test]
fn an_interrupt_ends_the_following_and_not_the_job() {
    let grid = Grid::of_one();
    let (gate, begun) = (grid.path("gate"), grid.path("begun"));
    let script = format!("echo >'{}'; while [ ! -e '{}' ]; do sleep 0.05; done", begun.display(), gate.display());
    let following = grid.peers[0]
        .command()
        .args(["exec", "--", "sh", "-c", &script])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("gridwell runs");
    until("the start", || begun.exists().then_some(()));

    let pid = following.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());

    let output = following.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("gridwell wait"));
    fs::write(&gate, "").expect("the gate opens");
    grid.peers[0].done("last");
}

#[test]
fn items_come_from_arrays_ranges_patterns_and_tables() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    for name in ["a b.txt", "c.txt"] {
        grid.write(&format!("in/{name}"), name);
    }
    let table = grid.write("table.csv", "name,rate\nann,3\nbob,\"4, or 5\"\n");
    let run = |output: &str, over: &[&str], command: &[&str]| {
        let folder = grid.path(output);
        let arguments = ["exec", "--outputs", "*.out", "--output", folder.to_str().expect("text")];
        let dashes = ["--"];
        let all = arguments.iter().chain(over).chain(&dashes).chain(command);
        mill.ok(all.map(|word| (*word).to_owned()));
        let read = |name: String| {
            let content = fs::read_to_string(folder.join(&name)).expect("readable");
            (name, content.trim_end().to_owned())
        };
        names(&folder).into_iter().map(read).collect::<Vec<_>>()
    };
    let pair = |name: &str, content: &str| (name.to_owned(), content.to_owned());

    assert_eq!(
        run("array", &["--array", "3"], &["sh", "-c", "echo $1 of {#} > $1.out", "sh", "{}"]),
        [pair("0.out", "0 of 1"), pair("1.out", "1 of 2"), pair("2.out", "2 of 3")]
    );
    assert_eq!(
        run("range", &["--over", "8-12:4"], &["sh", "-c", "echo r{} > {}.out"]),
        [pair("12.out", "r12"), pair("8.out", "r8")]
    );
    let pattern = grid.path("in").join("*.txt");
    assert_eq!(
        run(
            "glob",
            &["--over", pattern.to_str().expect("text")],
            &["sh", "-c", "cp \"$1\" \"$2\"", "sh", "{}", "{/.}.out"]
        ),
        [pair("a b.out", "a b.txt"), pair("c.out", "c.txt")]
    );
    assert_eq!(
        run(
            "table",
            &["--over", table.to_str().expect("text")],
            &["sh", "-c", "echo \"$1\" > $2.out", "sh", "{rate}", "{name}"]
        ),
        [pair("ann.out", "3"), pair("bob.out", "4, or 5")]
    );
}

#[test]
fn input_files_of_a_pattern_travel_to_another_machine() {
    let grid = Grid::of(&["mill", "quarry"]);
    grid.write("in/ä ö.txt", "far");
    let pattern = grid.path("in").join("*.txt");
    let folder = grid.path("home");

    // It prints where it found the file: not where it lies at home.
    grid.peers[0].ok([
        "exec",
        "--on",
        "quarry",
        "--over",
        pattern.to_str().expect("text"),
        "--outputs",
        "*.out",
        "--output",
        folder.to_str().expect("text"),
        "--",
        "sh",
        "-c",
        "cat \"$1\" > x.out; echo \" $1\" >> x.out",
        "sh",
        "{}",
    ]);

    let made = fs::read_to_string(folder.join("x.out")).expect("it came home");
    let (content, path) = made.trim_end().split_once(' ').expect("two words");
    assert_eq!(content, "far");
    assert!(path.starts_with(grid.peers[1].data.to_str().expect("text")), "{path}");
}
