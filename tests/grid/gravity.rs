//! Gravity tuned by people while the grid works.

use std::{fs, process::Command};

use serde_json::Value;

use crate::support::{Grid, Peer, makers, until};

#[test]
fn weights_and_strategies_act_on_the_next_task_and_survive_a_restart() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    grid.peers[0].ok(["set", "sharpness=best"]);
    weigh(&grid, "-100");
    assert_eq!(maker(&grid.peers[0]), "quarry", "a negative weight flips it");
    let why = grid.peers[0].json(["why", "last"]);
    assert_eq!(why["decisive"], "strategy", "{why:#}");
    assert_eq!(why["smallest_change"], "mill would pull more if its use counted the same", "{why:#}");
    weigh(&grid, "100");
    assert_eq!(maker(&grid.peers[0]), "mill", "its use counts a hundredfold");

    for at in 0..2 {
        grid.peers[at].kill();
        grid.peers[at].boot();
        grid.peers[0].until("quarry's weight again", &["machines"], |machines| weight(machines, 100.0));
    }
    let mill = &grid.peers[0];
    assert_eq!(maker(mill), "mill");

    // Kept at home, although home takes nothing; said why, and let go.
    mill.ok(["drain"]);
    mill.ok(["set", "strategy=direct", "sharpness=4"]);
    let job = mill.start_job(["exec", "--detach", "--", "true"]);
    let why = until("the reason", || {
        let why = mill.json(["why", &job]);
        let quarry = why["machines"].as_array()?.iter().find(|machine| machine["name"] == "quarry")?.clone();
        quarry["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()).then_some(quarry)
    });
    assert_eq!(why["reasons"][0], "the strategy keeps work on the machine it came from", "{why:#}");
    mill.ok(["set", "strategy=horizontal"]);
    assert_eq!(makers(&mill.done(&job)), ["quarry"]);
}

#[test]
fn what_gravity_cannot_be_tuned_to_is_refused_in_one_sentence() {
    let grid = Grid::of_one();
    for (setting, sentence) in [
        ("strategy=diagonal", "'diagonal' is not a strategy (horizontal, vertical or direct)"),
        ("weight=101", "a weight is a number from -100 to 100, not 101"),
        ("weight=heavy", "'heavy' is not a number"),
        ("watts=0", "a machine draws more than 0 and at most 100000 watts, not 0"),
        ("tariff=-1", "a kilowatt-hour costs 0 to 1000000, not -1"),
        ("tariff=dear", "'dear' is not a number"),
        ("sharpness=nan", "a sharpness is a number from 0 (evenly) to 32 (always the best), not NaN"),
        (
            "mass=1",
            "nothing is called 'mass' here: strategy, sharpness, weight, isolated-after, relay, reach, copies, \
             share-copies, watts and tariff are",
        ),
    ] {
        let said = grid.peers[0].refused(2, ["set", setting]);
        assert!(said.contains(sentence), "{setting}: {said}");
    }
}

#[test]
fn an_owner_prefers_a_machine_or_keeps_work_off_it_and_why_says_so() {
    let mut grid = Grid::of(&["mill", "quarry", "attic"]);
    let mill = &grid.peers[0];
    mill.ok(["set", "sharpness=best"]);
    assert!(mill.ok(["prefer", "quarry"]).contains("quarry is preferred here"));
    mill.ok(["keep-off", "mill", "attic"]);
    let job = mill.start_job(["exec", "--detach", "--array", "6", "--", "true"]);
    assert_eq!(makers(&mill.done(&job)), ["quarry"]);
    let why = mill.json(["why", &format!("{job}.0")]);
    let of = |name: &str| why["machines"].as_array().expect("machines").iter().find(|machine| machine["name"] == name);
    assert_eq!(of("quarry").expect("it")["terms"]["prefer"], 1.0, "{why:#}");
    assert_eq!(of("attic").expect("it")["reasons"][0], "work is kept off it here", "{why:#}");

    // Over a restart, until it is taken back.
    grid.peers[0].stop();
    grid.peers[0].boot();
    let mill = &grid.peers[0];
    mill.until("both", &["machines"], |machines| {
        machines.as_array()?.iter().all(|machine| machine["online"] == true).then_some(())
    });
    mill.ok(["keep-off", "quarry"]);
    let job = mill.start_job(["exec", "--detach", "--", "true"]);
    let why = mill.until("a remedy", &["why", &job], |why| {
        why["smallest_change"].as_str().filter(|change| change.contains("--clear")).map(ToOwned::to_owned)
    });
    assert!(why.contains("gridwell keep-off "), "{why}");
    mill.ok(["keep-off", "quarry", "mill", "attic", "--clear"]);
    mill.done(&job);
    let said = mill.refused(2, ["prefer", "nobody"]);
    assert!(said.contains("nobody"), "{said}");
}

#[test]
fn a_straggler_is_run_a_second_time_elsewhere_and_counts_once() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    let (stuck, go) = (mill.data.with_extension("stuck"), mill.data.with_extension("go"));
    // Whoever runs the last task first is stuck; the second one waits for a sign.
    let run = format!(
        "[ {{}} = 7 ] || exit 0; mkdir '{}' && exec sleep 600; until [ -e '{}' ]; do sleep 0.05; done",
        stuck.display(),
        go.display()
    );
    let job = mill.start_job(["exec", "--detach", "--array", "8", "--", "sh", "-c", &run]);
    let last = format!("{job}.7");
    mill.until("a second attempt", &["why", &last], |why| {
        why["sentence"].as_str()?.contains("it takes far longer than its like, so ").then_some(())
    });
    std::fs::write(&go, "").expect("a sign");
    let view = mill.done(&job);
    assert_eq!(view["counts"]["done"], 8, "{view:#}");
    mill.until("the straggler's end", &["machines"], |machines| {
        machines.as_array()?.iter().all(|machine| machine["running"] == 0).then_some(())
    });
}

#[test]
fn what_a_task_asks_for_is_reserved_refused_beyond_what_is_lent_and_freed_by_a_crash() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let free = |machines: &Value| {
        let quarry = machines.as_array()?.iter().find(|machine| machine["name"] == "quarry")?;
        (quarry["online"] == true).then(|| quarry["free"]["cpus"].as_f64())?
    };
    let mill = &grid.peers[0];
    let lent = mill.until("quarry", &["machines"], free);
    let all = format!("cores >= {lent}");
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--needs", &all, "--", "sleep", "600"]);
    mill.until("its reserve", &["machines"], |machines| free(machines).filter(|free| *free == 0.0));
    let more = format!("cores >= {}", lent + 1.0);
    let refused = mill.start_job(["exec", "--detach", "--on", "quarry", "--needs", &more, "--", "true"]);
    let why = mill.until("the reason", &["why", &refused], |why| {
        let quarry = why["machines"].as_array()?.iter().find(|machine| machine["name"] == "quarry")?.clone();
        (quarry["fits"] == false).then_some(quarry)
    });
    let reason = format!("needs cores ≥ {}, has {lent}", lent + 1.0);
    assert!(why["reasons"].as_array().is_some_and(|reasons| reasons.iter().any(|known| *known == *reason)), "{why:#}");

    mill.ok(["hold", &job]);
    grid.peers[1].kill();
    grid.peers[1].boot();
    let mill = &grid.peers[0];
    mill.until("the reserve again", &["machines"], |machines| free(machines).filter(|free| *free == lent));
}

#[test]
fn disk_that_a_task_asks_for_is_reserved_refused_beyond_what_is_free_and_freed_by_a_crash() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    let wait =
        |needs: &str| mill.start_job(["exec", "--detach", "--on", "quarry", "--needs", needs, "--", "sleep", "600"]);
    let free = mill.until("free disk", &["machines"], |machines| {
        let quarry = machines.as_array()?.iter().find(|machine| machine["name"] == "quarry")?;
        quarry["load"]["disk_free_bytes"].as_u64().filter(|bytes| *bytes > 0)
    });
    // Some of what is free is kept back; how much is lent is said to who asks for more.
    let refused = wait(&format!("disk >= {:.3} GB", free as f64 / 1e9));
    let lent = mill.until("how much is lent", &["job", &refused], |job| {
        gigabytes(job["waits_for"].as_str()?.split_once("quarry would do: ask for disk ≥ ")?.1)
    });
    // More than half: two do not fit beside each other.
    let most = format!("disk >= {:.3} GB", lent * 0.6);
    let job = wait(&most);
    mill.until_counts(&job, "running", 1);
    let second = wait(&most);
    mill.until("that it waits for room", &["why", &second], |why| {
        let quarry = why["machines"].as_array()?.iter().find(|machine| machine["name"] == "quarry")?;
        (!quarry["reasons"].as_array()?.is_empty()).then_some(())
    });
    assert!(mill.tasks(&second).iter().all(|task| task["state"] != "running"), "{:?}", mill.tasks(&second));

    // A runner that dies gives its room back, and so does a node.
    mill.ok(["hold", &job]);
    kill_runner(&grid.peers[1]);
    mill.until_counts(&second, "running", 1);
    let third = wait(&most);
    mill.ok(["hold", &second]);
    grid.peers[1].kill();
    grid.peers[1].boot();
    grid.peers[0].until_counts(&third, "running", 1);
}

/// Reads "15 GB".
fn gigabytes(size: &str) -> Option<f64> {
    let (number, unit) = size.split_once(' ')?;
    let factor = match unit {
        "MB" => 1e-3,
        "GB" => 1.0,
        "TB" => 1e3,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

/// Kills the one runner that a node has, as a crash does.
fn kill_runner(peer: &Peer) {
    let tasks = fs::read_dir(format!("/proc/{}/task", peer.pid())).expect("the node lives").flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<i32> =
        children.collect::<String>().split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    let is_runner =
        |pid: &i32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.ends_with(b"\0runner\0"));
    let runner = children.into_iter().find(is_runner).expect("a runner");
    let killed = Command::new("kill").args(["-KILL", &runner.to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()), "{runner}");
}

/// Sets the second machine's weight and waits until the first has heard of it.
fn weigh(grid: &Grid, weight: &str) {
    grid.peers[1].ok(["set", &format!("weight={weight}")]);
    let factor = weight.parse().expect("a number");
    grid.peers[0].until("the new weight", &["machines"], |machines| self::weight(machines, factor));
}

fn weight(machines: &Value, factor: f64) -> Option<()> {
    let quarry = machines.as_array()?.iter().find(|machine| machine["name"] == "quarry")?;
    (quarry["online"] == true && quarry["tuning"]["weight"].as_f64() == Some(factor)).then_some(())
}

/// Which machine runs one task.
fn maker(peer: &Peer) -> String {
    let job = peer.start_job(["exec", "--detach", "--", "true"]);
    makers(&peer.done(&job)).concat()
}
