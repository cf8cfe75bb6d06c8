//! Machines that pause, lend again, get another name, and are cut off.

use serde_json::{Value, json};

use crate::support::{Grid, Peer, now_millis, until};

#[test]
fn a_pause_survives_a_restart_and_ends_by_itself() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let long = grid.peers[1].json(["pause"])["paused_until"].clone();

    grid.peers[1].kill();
    grid.peers[1].boot();

    let quarry = this(&grid.peers[1]);
    assert_eq!((&quarry["accepts"], &quarry["paused_until"]), (&Value::Bool(false), &long), "{quarry:#}");
    // The others hear of it and give it nothing meanwhile.
    let mill = &grid.peers[0];
    let seen = mill.until("the pause at mill", &["machines"], |machines| {
        named(machines, "quarry").filter(|quarry| quarry["paused_until"] == long)
    });
    assert!(seen["why_not"].as_str().is_some_and(|why| why.contains("paused lending")), "{seen:#}");
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "date", "+%s%3N"]);
    let short = grid.peers[1].json(["pause", "2s"])["paused_until"].as_u64().expect("a time");
    mill.done(&job);
    let log = mill.ok(["logs", &job]);
    let ran: u64 = log.lines().last().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("a time: {log}"));
    assert!(ran >= short, "it ran at {ran}, and the pause lasted until {short}");
    assert_eq!(this(&grid.peers[1])["paused_until"], Value::Null);
    assert_eq!(
        lending_notices(&grid.peers[1])[..3],
        ["this machine works for mill", "lending goes on: the pause is over", "lending is paused for 2 s"]
    );

    // One that ends while the node does not run.
    let short = grid.peers[1].json(["pause", "1s"])["paused_until"].as_u64().expect("a time");
    grid.peers[1].kill();
    until("its end", || (now_millis() > short).then_some(()));
    grid.peers[1].boot();
    assert_eq!(this(&grid.peers[1])["accepts"], true);
}

#[test]
fn work_for_another_machine_is_told_once_and_own_work_is_not() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    for _ in 0..2 {
        mill.done(&mill.start_job(["exec", "--detach", "--on", "quarry", "--", "true"]));
    }
    mill.done(&mill.start_job(["exec", "--detach", "--on", "mill", "--", "true"]));
    assert_eq!(lending_notices(quarry), ["this machine works for mill"]);
    assert!(lending_notices(mill).is_empty());
}

#[test]
fn a_pause_for_good_and_a_timed_one_are_ended_by_one_resume() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    let paused = mill.json(["pause"]);
    let until = paused["paused_until"].as_u64().expect("a time");
    assert!(until > now_millis() + 59 * 60_000, "an hour without a time: {paused:#}");

    let drained = mill.json(["drain"]);
    assert_eq!(
        (&drained["paused_until"], drained["accepts"].as_bool()),
        (&Value::Null, Some(false)),
        "nobody knows when"
    );
    // Ending the timed pause alone leaves the other.
    let still = mill.ask(&json!({"ask": "set", "pause_secs": 0}));
    assert_eq!(still["accepts"], false);
    mill.ask(&json!({"ask": "set", "pause_secs": 60}));
    let resumed = mill.json(["resume"]);
    assert_eq!((&resumed["paused_until"], resumed["accepts"].as_bool()), (&Value::Null, Some(true)));
}

#[test]
fn another_name_is_heard_by_others_and_kept() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    grid.peers[1].ok(["rename", "  old imac "]);

    grid.peers[0].until("the new name", &["machines"], |machines| named(machines, "old imac"));
    let job = grid.peers[0].start_job(["exec", "--detach", "--on", "old imac", "--", "true"]);
    assert_eq!(crate::support::makers(&grid.peers[0].done(&job)), ["old imac"]);
    let said = grid.peers[0].json(["activity", "-n", "50"]);
    let said = said["notices"].as_array().expect("notices");
    assert!(said.iter().any(|notice| notice["sentence"] == "quarry is now called old imac"), "{said:#?}");
    // What this machine is called is kept: a node started without a name has it.
    grid.peers[1].stop();
    grid.peers[1].boot_unnamed();
    assert_eq!(this(&grid.peers[1])["name"], "old imac");
    assert_eq!(this(&grid.peers[1])["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn what_cannot_be_set_changes_nothing() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    let before = this(mill);
    for wish in [
        json!({"name": " \n"}),
        json!({"name": "x".repeat(65)}),
        json!({"name": "new", "lend_cpus": -1.0}),
        json!({"lend_cpus": 1_000_000}),
        json!({"pause_secs": 99_999_999_999_u64}),
        json!({"lend": false, "labels": {"": "x"}}),
    ] {
        let mut wish = wish;
        wish["ask"] = "set".into();
        let refusal = mill.ask_in_vain(&wish);
        assert_eq!(refusal["code"], "bad_value", "{wish}");
    }
    let after = this(mill);
    for field in ["name", "accepts", "lends", "labels", "paused_until"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let nothing = mill.ask(&json!({"ask": "set", "lend_cpus": 0}));
    assert_eq!((nothing["accepts"].as_bool(), nothing["lends"]["cpus"].as_f64()), (Some(false), Some(0.0)));
}

/// This machine, as it sees itself.

#[test]
fn a_machine_that_is_cut_off_says_so_until_another_one_is_back() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    assert!(mill.refused(2, ["set", "isolated-after=2d"]).contains("from 1 second to a day"));
    mill.ok(["set", "isolated-after=1s"]);
    assert_eq!(this(mill)["isolated_since"], Value::Null);

    grid.peers[1].kill();
    let mill = &grid.peers[0];
    let since = mill.until("being cut off", &["machines"], |machines| machines[0]["isolated_since"].as_u64());
    assert!(since <= now_millis());
    assert!(told(mill, "no other machine of the grid has been reachable for 1 s"));
    assert!(!told(mill, "other machines of the grid can be reached again"));
    // Whom its owner keeps away is not missed.
    mill.ok(["link", "forbid", "quarry"]);
    assert_eq!(this(mill)["isolated_since"], Value::Null);
    assert!(!told(mill, "other machines of the grid can be reached again"));
    mill.ok(["link", "auto", "quarry"]);
    mill.until("being cut off again", &["machines"], |machines| machines[0]["isolated_since"].as_u64());

    grid.peers[1].boot();
    let mill = &grid.peers[0];
    mill.until("the end of it", &["machines"], |machines| machines[0]["isolated_since"].is_null().then_some(()));
    assert!(told(mill, "other machines of the grid can be reached again"));
}

fn told(peer: &Peer, sentence: &str) -> bool {
    let said = peer.json(["activity", "-n", "50"]);
    said["notices"].as_array().is_some_and(|said| said.iter().any(|notice| notice["sentence"] == sentence))
}

fn this(peer: &Peer) -> Value {
    peer.json(["machines"]).as_array().and_then(|machines| machines.first().cloned()).expect("this machine comes first")
}

fn named(machines: &Value, name: &str) -> Option<Value> {
    machines.as_array()?.iter().find(|machine| machine["name"] == name).cloned()
}

/// What was told of this machine's lending, newest first.
fn lending_notices(peer: &Peer) -> Vec<String> {
    let page = peer.json(["activity"]);
    let notices = page["notices"].as_array().expect("notices").iter();
    let lending = notices.filter(|notice| notice["kind"] == "lending");
    lending.map(|notice| notice["sentence"].as_str().expect("text").to_owned()).collect()
}
