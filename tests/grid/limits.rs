//! Counted licences between real machines.

use serde_json::Value;

use crate::support::Grid;

#[test]
fn a_limit_holds_for_all_machines_and_over_a_crash_of_the_one_that_keeps_it() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    grid.peers[1].ok(["limit", "set", "nuke", "1"]);
    grid.peers[0].until("the limit", &["limit", "list"], |limits| nuke(limits, 0));
    let said = grid.peers[0].refused(2, ["limit", "set", "nuke", "9"]);
    assert!(said.contains("quarry keeps the limit 'nuke'"), "{said}");

    // Each run notes its begin and its end: they take turns.
    let mill = &grid.peers[0];
    let notes = mill.data.with_extension("notes");
    let run = format!("echo begin >> '{0}'; sleep 0.1; echo end >> '{0}'", notes.display());
    let job = mill.start_job(["exec", "--detach", "--limit", "nuke", "--array", "6", "--", "sh", "-c", &run]);
    mill.done(&job);
    assert_eq!(std::fs::read_to_string(&notes).expect("notes"), "begin\nend\n".repeat(6));

    let held = mill.start_job(["exec", "--detach", "--limit", "nuke", "--on", "mill", "--", "sleep", "600"]);
    mill.until("the licence in use", &["limit", "list"], |limits| nuke(limits, 1));
    let waits = mill.start_job(["exec", "--detach", "--limit=nuke", "--", "true"]);
    let why = |why: &Value, sentence: &str| (why["sentence"] == sentence).then_some(());
    let sentence = "waits for 1 of 1 licences of nuke, held by mill";
    mill.until("the reason", &["why", &waits], |view| why(view, sentence));
    let said = grid.peers[1].refused(2, ["limit", "remove", "nuke"]);
    assert!(said.contains("1 licences of nuke are in use"), "{said}");

    // It gives none away before it knows who has one.
    grid.peers[1].kill();
    let mill = &grid.peers[0];
    let gone = "waits for a licence of nuke: no machine in reach keeps such a limit";
    mill.until("the keeper to be missed", &["why", &waits], |view| why(view, gone));
    grid.peers[1].boot();
    let mill = &grid.peers[0];
    mill.until("the licence in use again", &["limit", "list"], |limits| nuke(limits, 1));
    assert_eq!(mill.json(["job", &waits])["state"], "waiting");
    assert_eq!(mill.json(["job", &held])["counts"]["running"], 1, "it went on meanwhile");
    mill.ok(["cancel", &held]);
    mill.done(&waits);
    mill.until("the licence back", &["limit", "list"], |limits| nuke(limits, 0));
    grid.peers[1].ok(["limit", "remove", "nuke"]);
    let lost = grid.peers[1].refused(2, ["limit", "remove", "nuke"]);
    assert!(lost.contains("this machine keeps no limit 'nuke'"), "{lost}");
}

/// Something if so many licences of the one limit are in use.
fn nuke(limits: &Value, in_use: u64) -> Option<()> {
    let [limit] = &limits.as_array()?[..] else { return None };
    (limit["name"] == "nuke" && limit["in_use"].as_u64() == Some(in_use)).then_some(())
}
