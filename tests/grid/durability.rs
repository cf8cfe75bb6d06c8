//! `kill -9` at any moment: nothing that was acknowledged is lost, nothing finished runs again, no output is half there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::{Grid, Peer, lines, lives, makers, names, until};

#[test]
fn a_job_survives_the_death_of_its_origin_right_after_it_was_accepted() {
    let mut grid = Grid::of_one();
    let runs = grid.path("runs");
    let mill = &mut grid.peers[0];
    let job = mill.start_job(counted(&runs, 8, "true"));

    mill.kill();
    mill.boot();

    assert_eq!(mill.done(&job)["counts"]["done"], 8);
    // What ran when the node died may run again; the rest ran once.
    let counts = count(&runs);
    assert_eq!(counts.len(), 8);
    assert!(counts.values().sum::<usize>() <= 8 + 2 * usize::from(CORES), "{counts:?}");
}

#[test]
fn finished_tasks_do_not_run_again_after_the_origin_died() {
    let mut grid = Grid::of_one();
    let (runs, gate) = (grid.path("runs"), grid.path("gate"));
    let script = format!("case {{}} in [0-4]) ;; *) {};; esac", gated(&gate));
    let arguments = counted(&runs, 10, &script);
    let mill = &mut grid.peers[0];
    let job = mill.start_job(arguments);
    mill.until_counts(&job, "done", 5);
    let running = until("a later task", || lines(&runs).into_iter().find(|task| task.as_str() >= "5"));
    // Answered once it is written, and so is what came before it.
    mill.ok(["priority", &job, "1"]);

    mill.kill();
    let before = count(&runs);
    mill.boot();
    fs::write(&gate, "").expect("the gate opens");

    assert_eq!(mill.done(&job)["counts"]["done"], 10);
    let after = count(&runs);
    for task in 0..5 {
        assert_eq!(after[&task.to_string()], 1, "task {task} was done before");
    }
    assert!(after[&running] > before[&running], "a task that had begun runs again");
    assert_eq!(after.len(), 10);
}

#[test]
fn work_elsewhere_goes_on_while_the_origin_is_away_and_counts_when_it_is_back() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let (runs, gate, output) = (grid.path("runs"), grid.path("gate"), grid.path("home"));
    let script = format!("{}; echo made > {{}}.out", gated(&gate));
    let mut arguments = counted(&runs, 2, &script);
    let options = ["--on", "quarry", "--outputs", "*.out", "--output", output.to_str().expect("text")];
    arguments.splice(2..2, options.map(ToOwned::to_owned));
    let mill = &mut grid.peers[0];
    let job = mill.start_job(arguments);
    until("both tasks to run", || (lines(&runs).len() == 2).then_some(()));
    mill.until_counts(&job, "running", 2);

    mill.kill();
    fs::write(&gate, "").expect("the gate opens");
    mill.boot();

    let view = mill.done(&job);
    assert_eq!(makers(&view), ["quarry"]);
    assert_eq!(lines(&runs).len(), 2, "nothing ran twice");
    assert_eq!(names(&output), ["0.out", "1.out"]);
    no_rests(mill);
}

#[test]
fn outputs_are_whole_or_absent_whenever_the_origin_dies() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let output = grid.path("home");
    let to = output.to_str().expect("text").to_owned();
    let script = format!("yes {{}} | head -c {OUTPUT_BYTES} > {{}}.out");
    let options = ["exec", "--detach", "--on", "quarry", "--array", "12", "--outputs", "*.out", "--output", &to];
    let mill = &mut grid.peers[0];
    let job = mill.start_job(options.into_iter().chain(["--", "sh", "-c", &script]));

    // Three deaths: while the first files land, and twice later on, whenever more have come.
    for landed in [1, 4, 8] {
        until("more files", || (names(&output).len() >= landed).then_some(()));
        mill.kill();
        whole(&output);
        mill.boot();
    }

    let view = mill.done(&job);
    assert_eq!(view["counts"]["done"], 12);
    assert_eq!(whole(&output), 12);
    let all = names(&output);
    assert_eq!(all.len(), 12, "something temporary stayed: {all:?}");
}

#[test]
fn a_dead_workers_task_goes_elsewhere_once_it_is_known_to_be_gone() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let (pids, gate) = (grid.path("pids"), grid.path("gate"));
    let script = format!("echo $$ >> '{}'; {}", pids.display(), gated(&gate));
    let job =
        grid.peers[0].start_job(["exec", "--detach", "--prefers", "machine = quarry * 5", "--", "sh", "-c", &script]);
    let first = until("the task's program", || lines(&pids).first().cloned());
    grid.peers[0].until("the task at quarry", &["job", &job], |view| {
        view["made_by"].as_array()?.iter().any(|by| by["name"] == "quarry" && by["running"] == 1).then_some(())
    });

    grid.peers[1].kill();
    until("the program's end", || (!lives(&first)).then_some(()));
    // Its next run ends the lease at once: nobody waits for the lease to expire.
    grid.peers[1].boot();

    until("a second attempt", || (lines(&pids).len() >= 2).then_some(()));
    fs::write(&gate, "").expect("the gate opens");
    grid.peers[0].done(&job);
    assert_eq!(lines(&pids).len(), 2);
}

#[test]
fn a_lease_of_a_worker_that_stays_away_expires() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let (pids, gate) = (grid.path("pids"), grid.path("gate"));
    let script = format!("echo $$ >> '{}'; {}", pids.display(), gated(&gate));
    let job =
        grid.peers[0].start_job(["exec", "--detach", "--prefers", "machine = quarry * 5", "--", "sh", "-c", &script]);
    until("the task's program", || lines(&pids).first().cloned());

    grid.peers[1].kill();

    until("a second attempt", || (lines(&pids).len() >= 2).then_some(()));
    fs::write(&gate, "").expect("the gate opens");
    assert_eq!(makers(&grid.peers[0].done(&job)), ["mill"]);
}

#[test]
fn programs_die_with_their_node() {
    let mut grid = Grid::of_one();
    let pids = grid.path("pids");
    // A child in the background, one in a session of its own, and the shell itself.
    let script = format!("sleep 1000 & echo $! > '{0}'; setsid sleep 1000 & echo $! $$ >> '{0}'; wait", pids.display());
    let mill = &mut grid.peers[0];
    mill.start_job(["exec", "--detach", "--", "sh", "-c", &script]);
    let all = until("the programs", || (lines(&pids).len() == 2).then(|| lines(&pids).join(" ")));

    mill.kill();

    for pid in all.split(' ') {
        until("a program's end", || (!lives(pid)).then_some(()));
    }
    mill.boot();
    assert_eq!(lines(&pids).len(), 2);
}

#[test]
fn asking_again_after_the_origin_died_starts_nothing_twice() {
    let mut grid = Grid::of_one();
    let mill = &mut grid.peers[0];
    let cwd = mill.data.to_str().expect("text").to_owned();
    let wish = |key: &str| json!({"ask": "submit", "command": {"argv": ["true"], "cwd": cwd}, "key": key});
    let first = mill.ask(&wish("one click"));

    mill.kill();
    mill.boot();

    let again = mill.ask(&wish("one click"));
    assert_eq!(again["jobs"][0]["id"], first["jobs"][0]["id"]);
    let other = mill.ask(&wish("another click"));
    assert_ne!(other["jobs"][0]["id"], first["jobs"][0]["id"]);
    assert_eq!(mill.json(["jobs"]).as_array().expect("jobs").len(), 2);
    assert_eq!(mill.ask_in_vain(&wish(&"x".repeat(65)))["code"], "bad_value");
}

/// Cores that every peer lends here, at most.
const CORES: u8 = 64;

/// Size of an output: it takes some blocks to travel.
const OUTPUT_BYTES: usize = 3_000_000;

/// `exec` of an array whose tasks note their index in a file, then do something.
fn counted(runs: &Path, tasks: u32, then: &str) -> Vec<String> {
    let script = format!("echo {{}} >> '{}'; {then}", runs.display());
    let words = ["exec", "--detach", "--array", &tasks.to_string(), "--", "sh", "-c", &script];
    words.map(ToOwned::to_owned).to_vec()
}

/// How often each task began.
fn count(runs: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for task in lines(runs) {
        *counts.entry(task).or_default() += 1;
    }
    counts
}

/// A shell script that ends when `gate` exists.
fn gated(gate: &Path) -> String {
    format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display())
}

/// Checks that every file under its own name is whole; returns their number.
fn whole(folder: &Path) -> usize {
    let finals: Vec<PathBuf> =
        names(folder).into_iter().filter(|name| name.ends_with(".out")).map(|name| folder.join(name)).collect();
    for path in &finals {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a number");
        let content = fs::read(path).expect("readable");
        let line = format!("{stem}\n").into_bytes();
        assert_eq!(content.len(), OUTPUT_BYTES, "{} is half there", path.display());
        assert!(content.iter().eq(line.iter().cycle().take(OUTPUT_BYTES)), "{} has other bytes", path.display());
    }
    finals.len()
}

/// Nothing is left of sessions on a peer whose jobs have ended.
fn no_rests(peer: &Peer) {
    let folder = peer.data.join("sessions");
    until("the sessions' folders to go", || names(&folder).is_empty().then_some(()));
}
