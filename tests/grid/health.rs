//! Programs that hang, and machines on which they fail.

use serde_json::Value;

use crate::support::{Grid, makers};

/// Fails on quarry alone: sessions lie in their machine's data folder.
const FAILS_ON_QUARRY: [&str; 3] = ["sh", "-c", "case \"$PWD\" in *quarry*) exit 1;; *) sleep 0.2;; esac"];

fn machine(machines: &Value, name: &str) -> Value {
    machines.as_array().and_then(|all| all.iter().find(|one| one["name"] == name)).expect("it").clone()
}

#[test]
fn a_program_that_gives_no_sign_of_life_has_failed_and_says_so() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    let job = mill.start_job(["exec", "--detach", "--stuck-after", "1s", "--", "sleep", "600"]);
    let view = mill.end_of(&job);
    assert_eq!(view["state"], "failed", "{view:#}");
    assert_eq!(view["failures"][0]["reason"], "stuck: no sign of life for 1.0 s", "{view:#}");
    // By default a command may be silent as long as it likes.
    let job = mill.start_job(["exec", "--detach", "--stuck-after", "off", "--", "sleep", "2"]);
    mill.done(&job);
    assert!(mill.refused(2, ["exec", "--stuck-after", "soon", "--", "true"]).contains("'soon' is not a duration"));
}

#[test]
fn a_machine_that_fails_where_another_succeeds_is_left_out_until_it_is_forgiven() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    mill.ok(["set", "sharpness=best"]);
    mill.ok(["prefer", "quarry"]);
    let job = |more: &[&str], command: &[&str]| {
        let asked = ["exec", "--detach", "--prefers", "machine = quarry * 5"];
        mill.start_job([&asked, more, &["--"], command].concat())
    };
    let first = job(&["--array", "12"], &FAILS_ON_QUARRY);
    assert_eq!(makers(&mill.done(&first)), ["mill"]);
    let sick = mill.until("a sick machine", &["machines"], |machines| {
        machine(machines, "quarry")["sick"].as_array().and_then(|sick| sick.first().cloned())
    });
    assert_eq!((sick["program"].as_str(), sick["succeeded_on"].as_str()), (Some("sh"), Some("mill")), "{sick:#}");
    let words = sick["sentence"].as_str().expect("words").to_owned();
    assert!(words.starts_with("sick for sh: ") && words.contains(" failed there, succeeded on mill; tries again in "));
    assert!(mill.ok(["machines"]).contains("quarry is sick for sh: "));
    let doctor = mill.output(["doctor"]).stdout;
    assert!(String::from_utf8_lossy(&doctor).contains("gridwell forgive quarry sh"));

    let second = job(&["--array", "4"], &["sh", "-c", ":"]);
    assert_eq!(makers(&mill.done(&second)), ["mill"]);
    let why = mill.json(["why", &second]);
    let reasons = &machine(&why["machines"], "quarry")["reasons"];
    assert!(reasons[0].as_str().is_some_and(|reason| reason.starts_with("sick for sh: ")), "{why:#}");
    let other = job(&[], &["true"]);
    assert_eq!(makers(&mill.done(&other)), ["quarry"], "another program still goes there");

    mill.ok(["forgive", "quarry", "sh"]);
    let third = job(&[], &["sh", "-c", ":"]);
    assert_eq!(makers(&mill.done(&third)), ["quarry"]);
    assert!(mill.refused(2, ["forgive", "quarry"]).contains("nothing is held against quarry here"));
}

#[test]
fn what_fails_everywhere_makes_no_machine_sick() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    let job = mill.start_job(["exec", "--detach", "--array", "6", "--", "sh", "-c", "exit 1"]);
    assert_eq!(mill.end_of(&job)["state"], "failed");
    let machines = mill.json(["machines"]);
    assert!(machines.as_array().is_some_and(|all| all.iter().all(|one| one["sick"].is_null())), "{machines:#}");
}

#[test]
fn a_machine_on_which_nothing_ends_well_lends_nothing_and_says_why() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    for command in [&["false"][..], &["sh", "-c", "exit 1"], &["python3", "-c", "exit(1)"]] {
        let job = mill.start_job([&["exec", "--detach", "--array", "3", "--attempts", "1", "--"], command].concat());
        assert_eq!(mill.end_of(&job)["state"], "failed");
    }
    let why = mill.until("a sick machine", &["machines"], |machines| {
        let view = machine(machines, "mill");
        (view["accepts"] == false).then(|| view["why_not"].as_str().map(ToOwned::to_owned))?
    });
    assert!(why.starts_with("sick: false, python3 and 1 more fail here; tries again in "), "{why}");
    assert!(mill.ok(["lending"]).contains("sick: "));
    mill.ok(["forgive", "mill"]);
    assert_eq!(machine(&mill.json(["machines"]), "mill")["accepts"], true);
}

#[test]
fn a_good_end_shows_that_a_machine_works_and_it_lends_again() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    let accepts = |machines: &Value| machine(machines, "mill")["accepts"].as_bool().expect("a word");
    for command in [&["false"][..], &["sh", "-c", "exit 1"], &["python3", "-c", "exit(1)"]] {
        let job = mill.start_job([&["exec", "--detach", "--array", "3", "--attempts", "1", "--"], command].concat());
        assert_eq!(mill.end_of(&job)["state"], "failed");
    }
    mill.until("a sick machine", &["machines"], |machines| (!accepts(machines)).then_some(()));
    mill.done(&mill.start_job(["exec", "--detach", "--", "true"]));
    mill.until("a machine that lends", &["machines"], |machines| accepts(machines).then_some(()));
    assert!(mill.ok(["forgive", "mill", "false"]).contains("mill"), "each program is blamed as before");
}

#[test]
fn mistaken_commands_make_no_machine_lend_nothing() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    for command in [&["false"][..], &["sh", "-c", "exit 1"], &["python3", "-c", "exit(1)"]] {
        let job = mill.start_job([&["exec", "--detach", "--array", "12", "--"], command].concat());
        let view = mill.end_of(&job);
        assert_eq!(view["state"], "failed");
        assert_eq!(view["made_by"].as_array().map(Vec::len), Some(2), "{view:#}");
    }
    for peer in &grid.peers {
        peer.until("machines that lend", &["machines"], |machines| {
            let all = machines.as_array()?;
            all.iter().all(|one| one["accepts"] == true).then_some(())
        });
    }
    let refused = mill.refused(2, ["forgive", "mill"]);
    assert!(refused.contains("nothing is held against mill here"), "{refused}");
}
