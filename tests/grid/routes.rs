//! Work, files and messages over links of others: never between two machines that no path of allowed links joins.

use std::fs;

use serde_json::Value;

use crate::support::{Grid, Peer, lines, lives, makers, until};

/// Three machines of which the outer two may not link.
fn a_line() -> Grid {
    let grid = Grid::of(&["mill", "smithy", "quarry"]);
    part(&grid);
    grid
}

/// Forbids the link between the outer two of three machines called so, once there is a way around it.
pub(crate) fn part(grid: &Grid) {
    // Else it says that this would cut quarry off.
    grid.mapped();
    grid.peers[0].ok(["link", "forbid", "quarry"]);
    over(&grid.peers[0], "quarry", &grid.peers[1]);
    over(&grid.peers[2], "mill", &grid.peers[1]);
}

#[test]
fn a_machine_behind_another_one_does_work_and_its_files_come_home() {
    const INPUT_BYTES: usize = 3_000_000;
    let grid = a_line();
    let (mill, smithy, quarry) = (&grid.peers[0], &grid.peers[1], &grid.peers[2]);
    let (here, there) = (link(mill, "quarry"), link(quarry, "mill"));
    let content: Vec<u8> = (0..INPUT_BYTES).map(|at| ((at * at) >> 7) as u8).collect();
    let input = grid.write("in/scene.bin", &content);
    let home = grid.path("home");

    let (input, to) = (input.to_str().expect("text"), home.to_str().expect("text"));
    let options = ["exec", "--detach", "--on", "quarry", "--over", input, "--outputs", "*.out", "--output", to];
    let script = ["--", "sh", "-c", "echo from quarry; cat \"$1\" \"$1\" > copy.out", "_", "{}"];
    let job = mill.start_job(options.into_iter().chain(script));

    assert_eq!(makers(&mill.done(&job)), ["quarry"]);
    let copy = fs::read(home.join("copy.out")).expect("the result is home");
    assert!(copy == [content.as_slice(), &content].concat(), "it came as it was");
    assert!(mill.ok(["logs", &job]).contains("from quarry"));
    // Nothing of it crossed the forbidden link, and all of it crossed the other two.
    for (peer, other, before) in [(mill, "quarry", here), (quarry, "mill", there)] {
        let now = link(peer, other);
        assert_eq!(now["state"], "down");
        for counter in ["sent_bytes", "received_bytes"] {
            assert_eq!(now[counter], before[counter], "{counter} of {} to {other}", peer.name);
        }
    }
    for other in ["mill", "quarry"] {
        let carried = link(smithy, other);
        let bytes = |counter: &str| carried[counter].as_u64().expect("a count");
        assert!(bytes("sent_bytes") >= INPUT_BYTES as u64 && bytes("received_bytes") >= INPUT_BYTES as u64);
    }
    let why = mill.json(["why", &job]);
    let paths = why["machines"].as_array().expect("machines").iter().map(|machine| &machine["terms"]["path_secs"]);
    assert!(paths.clone().any(|secs| secs.as_f64() >= Some(0.004)), "two links cost more: {why:#}");
    let said = smithy.ok(["doctor"]);
    assert!(said.contains("3 files so far"), "the job, its scene and its result: {said}");
    assert!(mill.ok(["machines"]).contains("quarry is reached over smithy"));
}

#[test]
fn a_job_too_large_for_a_message_is_copied_and_handed_over_across_several_links() {
    let grid = a_line();
    let (mill, quarry) = (&grid.peers[0], &grid.peers[2]);
    let gate = grid.path("gate");
    // Its records hold the script: more than a message carries, so they travel as bytes of a file do.
    let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done # {}", gate.display(), "long ".repeat(20_000));
    let job = mill.start_job(["exec", "--detach", "--on", "smithy", "--", "sh", "-c", &script]);
    quarry.until("a copy of the job", &["jobs", "--kept"], |kept| {
        let copy = kept.as_array()?.iter().find(|copy| copy["id"] == job.as_str())?;
        (copy["steward_name"] == "mill" && copy["steward_online"] == true).then_some(())
    });

    let handed = mill.json(["handover", &job, "--to", "quarry"]);

    assert_eq!(handed[0]["steward_name"], "quarry");
    let said = String::from_utf8_lossy(&mill.output(["job", &job]).stderr).into_owned();
    assert!(said.contains("is with quarry now"), "{said}");
    fs::write(&gate, "").expect("the gate opens");
    // Its origin has it back when it has ended.
    mill.until("the job at home", &["jobs"], |jobs| {
        jobs.as_array()?.iter().find(|view| view["id"] == job.as_str())?["ended"].as_u64()
    });
    assert_eq!(makers(&mill.done(&job)), ["smithy"]);
}

#[test]
fn a_machine_that_passes_nothing_on_is_no_way() {
    let grid = a_line();
    let (mill, smithy, quarry) = (&grid.peers[0], &grid.peers[1], &grid.peers[2]);

    smithy.ok(["set", "relay=off"]);

    for (peer, other) in [(mill, "quarry"), (quarry, "mill")] {
        peer.until("no way", &["machines"], |machines| (!online(machines, other)).then_some(()));
    }
    assert!(smithy.ok(["doctor"]).contains("it passes nothing on for others, by its owner's wish"));
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "true"]);
    mill.until_counts(&job, "ready", 1);

    smithy.ok(["set", "relay=on"]);

    assert_eq!(makers(&mill.done(&job)), ["quarry"]);
}

#[test]
fn what_runs_behind_a_machine_that_goes_away_runs_again_elsewhere() {
    let mut grid = a_line();
    let (pids, gate) = (grid.path("pids"), grid.path("gate"));
    let script = format!("echo $$ >> '{}'; while [ ! -e '{}' ]; do sleep 0.05; done", pids.display(), gate.display());
    let mill = &grid.peers[0];
    let job = mill.start_job(["exec", "--detach", "--prefers", "machine = quarry * 5", "--", "sh", "-c", &script]);
    let first = until("the task's program", || lines(&pids).first().cloned());

    grid.peers[1].kill();

    let mill = &grid.peers[0];
    mill.until("quarry is out of reach", &["machines"], |machines| (!online(machines, "quarry")).then_some(()));
    until("a second attempt", || (lines(&pids).len() >= 2).then_some(()));
    until("the end of the first program", || (!lives(&first)).then_some(()));
    fs::write(&gate, "").expect("the gate opens");
    assert_eq!(makers(&mill.done(&job)), ["mill"]);
}

#[test]
fn jobs_go_no_further_than_their_origin_lets_them() {
    let grid = a_line();
    let mill = &grid.peers[0];
    mill.ok(["set", "reach=1"]);

    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "true"]);

    let why = until("the reason", || {
        let why = mill.json(["why", &job]);
        let quarry = why["machines"].as_array()?.iter().find(|machine| machine["name"] == "quarry")?.clone();
        quarry["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()).then_some(quarry)
    });
    assert!(why["reasons"].to_string().contains("it is 2 links away, and jobs of this machine go over at most 1"));
    mill.ok(["set", "reach=2"]);
    assert_eq!(makers(&mill.done(&job)), ["quarry"]);
    let refused = mill.refused(2, ["set", "reach=7"]);
    assert!(refused.contains("a job cannot reach over 7 links: 1 to 6 are travelled"), "{refused}");
}

/// Waits until `peer` reaches a machine over `between` only.
pub(crate) fn over(peer: &Peer, other: &str, between: &Peer) {
    let between = between.json(["status"])["peer"].clone();
    peer.until(&format!("{other} over another machine"), &["machines"], |machines| {
        let machine = machines.as_array()?.iter().find(|machine| machine["name"] == other)?;
        (machine["online"] == true && machine["via"] == Value::from(vec![between.clone()])).then_some(())
    });
}

fn online(machines: &Value, name: &str) -> bool {
    machines
        .as_array()
        .is_some_and(|all| all.iter().any(|machine| machine["name"] == name && machine["online"] == true))
}

/// Bytes that a peer sent over all its links since it started.
pub(crate) fn sent(peer: &Peer) -> u64 {
    let links = peer.json(["links"]);
    links.as_array().expect("links").iter().filter_map(|link| link["sent_bytes"].as_u64()).sum()
}

/// A peer's own link to `other`.
fn link(peer: &Peer, other: &str) -> Value {
    let links = peer.json(["links"]);
    links.as_array().and_then(|all| all.iter().find(|link| link["name"] == other)).expect("a link").clone()
}
