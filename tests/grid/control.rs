//! What people do to running jobs, and what they are told about them.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{Grid, Peer, lines, lives, until};

#[test]
fn cancel_ends_the_programs_of_a_task_on_another_machine() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, pids) = (&grid.peers[0], grid.path("pids"));
    let script = format!("sleep 1000 & echo $! $$ > '{}'; wait", pids.display());
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "sh", "-c", &script]);
    let running = until("the task's programs", || lines(&pids).first().cloned());

    mill.ok(["cancel", &job]);

    assert_eq!(mill.end_of(&job)["state"], "cancelled");
    for pid in running.split(' ') {
        until("the end of a program", || (!lives(pid)).then_some(()));
    }
    assert_eq!(mill.output(["wait", &job]).status.code(), Some(1));
    sessions_go(&grid.peers[1]);
}

#[test]
fn one_cancelled_task_leaves_the_others_alone() {
    let grid = Grid::of_one();
    let (mill, gate) = (&grid.peers[0], grid.path("gate"));
    let job = mill.start_job(["exec", "--detach", "--array", "4", "--", "sh", "-c", &gated(&gate), "{}"]);
    mill.until_counts(&job, "running", 1);

    mill.ok(["cancel", &format!("{job}.3")]);
    fs::write(&gate, "").expect("the gate opens");

    let view = mill.end_of(&job);
    assert_eq!((&view["counts"]["done"], &view["counts"]["cancelled"]), (&Value::from(3), &Value::from(1)));
}

#[test]
fn a_held_job_starts_nothing_until_it_is_released() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    let job = mill.start_job(["exec", "--detach", "--hold", "--array", "3", "--", "true"]);
    let other = mill.start_job(["exec", "--detach", "--", "true"]);

    // A job that came later is done; the held one has not begun.
    mill.done(&other);
    let view = mill.json(["job", &job]);
    assert_eq!((view["state"].as_str(), view["started"].is_null()), (Some("held"), true), "{view:#}");
    assert!(mill.json(["why", &job])["sentence"].as_str().expect("text").contains("held"));

    mill.ok(["release", &job]);
    assert_eq!(mill.done(&job)["counts"]["done"], 3);
}

#[test]
fn holding_a_running_job_lets_what_runs_finish() {
    let grid = Grid::of_one();
    let (mill, gate, runs) = (&grid.peers[0], grid.path("gate"), grid.path("runs"));
    let script = format!("echo {{}} >> '{}'; {}", runs.display(), gated(&gate));
    let job = mill.start_job(["exec", "--detach", "--array", "20", "--", "sh", "-c", &script]);
    mill.until_counts(&job, "running", 1);

    mill.ok(["hold", &job]);
    fs::write(&gate, "").expect("the gate opens");

    mill.until("nothing running", &["job", &job], |view| {
        let of = |state: &str| view["counts"][state].as_u64();
        (of("running") == Some(0) && of("leased") == Some(0)).then_some(())
    });
    let begun = lines(&runs).len();
    assert!((1..20).contains(&begun), "{begun} of 20 ran");
    mill.ok(["release", &job]);
    assert_eq!(mill.done(&job)["counts"]["done"], 20);
    assert_eq!(lines(&runs).len(), 20, "nothing ran twice");
}

#[test]
fn a_higher_priority_goes_first() {
    let mut grid = Grid::of(&[]);
    grid.add("mill", &["--lend-cores", "1"]);
    let (mill, gate, runs) = (&grid.peers[0], grid.path("gate"), grid.path("runs"));
    let blocker = mill.start_job(["exec", "--detach", "--", "sh", "-c", &gated(&gate)]);
    mill.until_counts(&blocker, "running", 1);
    let note = |word: &str| format!("echo {word} >> '{}'", runs.display());
    let low = mill.start_job(["exec", "--detach", "--array", "3", "--", "sh", "-c", &note("low")]);
    let high = mill.start_job(["exec", "--detach", "--array", "3", "--", "sh", "-c", &note("high")]);

    mill.ok(["priority", &high, "50"]);
    fs::write(&gate, "").expect("the gate opens");

    mill.done(&low);
    mill.done(&high);
    assert_eq!(lines(&runs), ["high", "high", "high", "low", "low", "low"]);
}

#[test]
fn a_failed_job_is_done_after_its_cause_is_gone_and_it_was_retried() {
    let grid = Grid::of_one();
    let (mill, cure, runs) = (&grid.peers[0], grid.path("cure"), grid.path("runs"));
    let script = format!("echo run >> '{}'; test -e '{}'", runs.display(), cure.display());
    let job = mill.start_job(["exec", "--detach", "--", "sh", "-c", &script]);

    let view = mill.end_of(&job);
    assert_eq!(view["state"], "failed");
    assert_eq!(mill.tasks(&job)[0]["exit_code"], 1);
    let tried = lines(&runs).len();
    fs::write(&cure, "").expect("the cure is there");
    mill.ok(["retry", &job]);

    mill.done(&job);
    assert_eq!(lines(&runs).len(), tried + 1);
}

#[test]
fn a_task_that_fails_on_one_machine_is_tried_elsewhere() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    let script = format!("case $PWD in '{}'*) echo broken; exit 9;; esac", mill.data.display());

    let arguments = ["exec", "--detach", "--array", "6", "--prefers", "machine = mill * 5", "--", "sh", "-c", &script];
    let job = mill.start_job(arguments);

    let view = mill.done(&job);
    assert_eq!(view["counts"]["done"], 6);
    assert_eq!(crate::support::makers(&view), ["quarry"]);
    let tasks = mill.tasks(&job);
    let retried = tasks.iter().find(|task| task["attempts"].as_u64() > Some(1)).expect("one was tried twice");
    let task = format!("{job}.{}.{}", retried["key"]["step"], retried["key"]["index"]);
    let log = mill.ok(["logs", &task, "--json"]);
    let first: Value = serde_json::from_str(log.lines().next().expect("it wrote")).expect("JSON");
    assert_eq!((&first["attempt"], &first["text"]), (&Value::from(1), &Value::from("broken\n")));
    assert_ne!(first["machine"], "quarry");
}

#[test]
fn output_is_seen_while_a_task_runs_elsewhere_and_kept_at_its_origin() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let (gate, seen) = (grid.path("gate"), grid.path("seen"));
    let mill = &grid.peers[0];
    let script = format!("echo begun; {}; echo ended", gated(&gate));
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "sh", "-c", &script]);
    let mut following = mill
        .command()
        .args(["logs", "-f", &job])
        .stdout(fs::File::create(&seen).expect("writable"))
        .spawn()
        .expect("gridwell runs");

    until("the first line", || fs::read_to_string(&seen).ok()?.contains("begun").then_some(()));
    fs::write(&gate, "").expect("the gate opens");

    assert!(following.wait().expect("it ends").success());
    let live = fs::read_to_string(&seen).expect("readable");
    assert!(live.contains("ended"), "{live}");
    mill.done(&job);
    grid.peers[1].kill();
    let mill = &mut grid.peers[0];
    assert_eq!(mill.ok(["logs", &format!("{job}.0")]), "begun\nended\n");
    mill.kill();
    mill.boot();
    assert_eq!(mill.ok(["logs", &format!("{job}.0")]), "begun\nended\n");
    let piece: Value =
        serde_json::from_str(mill.ok(["logs", &job, "--json"]).lines().next().expect("a line")).expect("JSON");
    assert_eq!(piece["machine"], "quarry");
}

#[test]
fn a_job_that_fits_nowhere_waits_with_the_reasons_of_every_machine() {
    let grid = Grid::of(&["mill", "quarry", "smithy"]);
    let mill = &grid.peers[0];

    let job = mill.start_job(["exec", "--detach", "--needs", "tier = fast", "--", "true"]);

    let view = mill.until("its reasons", &["job", &job], |view| {
        view["waits_for"].as_str().is_some_and(|why| !why.is_empty()).then(|| view.clone())
    });
    assert_eq!(view["state"], "waiting", "{view:#}");
    let why = mill.json(["why", &job]);
    let machines = why["machines"].as_array().expect("machines");
    assert_eq!(machines.len(), 3);
    for machine in machines {
        assert_eq!(machine["fits"], false);
        assert!(machine["reasons"][0].as_str().expect("a reason").contains("tier"), "{machine:#}");
    }
    assert!(why["smallest_change"].as_str().expect("text").contains("tier"), "{why:#}");

    grid.peers[2].ok(["label", "tier=fast"]);
    assert_eq!(crate::support::makers(&mill.done(&job)), ["smithy"]);
    let why = mill.json(["why", &job]);
    assert_eq!(why["machines"].as_array().expect("machines").len(), 3);
}

#[test]
fn a_drained_machine_finishes_and_takes_nothing_new() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    mill.ok(["drain"]);

    let view = mill.done(&mill.start_job(["exec", "--detach", "--array", "4", "--", "true"]));

    assert_eq!(crate::support::makers(&view), ["quarry"]);
    let job = mill.start_job(["exec", "--detach", "--on", "mill", "--", "true"]);
    mill.until("a reason", &["why", &job], |why| {
        let machines = why["machines"].as_array()?;
        let mine = machines.iter().find(|machine| machine["name"] == "mill")?;
        mine["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()).then_some(())
    });
    mill.ok(["resume"]);
    mill.done(&job);
}

/// A shell script that ends when `gate` exists.
fn gated(gate: &Path) -> String {
    format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display())
}

/// Waits until nothing is left of any session.
fn sessions_go(peer: &Peer) {
    let folder = peer.data.join("sessions");
    until("the sessions' folders to go", || crate::support::names(&folder).is_empty().then_some(()));
}
