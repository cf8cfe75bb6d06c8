//! Links: who is reachable, and what people want of them.

use std::fs;

use serde_json::{Value, json};

use crate::{
    listener::Listener,
    support::{Grid, Peer, lines, lives, makers, until},
};

#[test]
fn a_machine_that_hangs_turns_offline_and_its_tasks_move() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let (pids, gate) = (grid.path("pids"), grid.path("gate"));
    let script = format!("echo $$ >> '{}'; while [ ! -e '{}' ]; do sleep 0.05; done", pids.display(), gate.display());
    let job = mill.start_job(["exec", "--detach", "--prefers", "machine = quarry * 5", "--", "sh", "-c", &script]);
    until("the task's program", || lines(&pids).first().cloned());

    quarry.freeze();

    until_online(mill, "quarry", false);
    until("a second attempt", || (lines(&pids).len() >= 2).then_some(()));
    fs::write(&gate, "").expect("the gate opens");
    assert_eq!(makers(&mill.done(&job)), ["mill"]);
    quarry.thaw();
    until_online(mill, "quarry", true);
}

#[test]
fn a_forbidden_link_ends_on_both_sides_and_comes_back_when_it_is_allowed() {
    let grid = Grid::of(&["mill", "quarry", "smithy"]);
    let (mill, quarry, smithy) = (&grid.peers[0], &grid.peers[1], &grid.peers[2]);

    // Over smithy there is still a way: nobody is cut off.
    let answer = mill.json(["link", "forbid", "quarry"]);

    assert_eq!((&answer["policy"], &answer["revision"]), (&"forbidden".into(), &1.into()));
    let here = link(mill, "quarry", |link| link["state"] == "down" && link["policy"] == "forbidden");
    let there = link(quarry, "mill", |link| link["state"] == "down" && link["policy"] == "forbidden");
    assert_eq!(here["changed"], there["changed"], "both name the machine and the time of the change");
    assert!(quarry.ok(["links"]).contains("mill: forbidden, changed on mill"));
    let refused = quarry.refused(2, ["link", "pin", "mill"]);
    assert!(refused.contains("the owner of mill forbids this link: it can be allowed only there"), "{refused}");
    told(smithy, "mill", "quarry", |link| link["policy"] == "forbidden" && link["state"] == "down");
    quarry.until("the news at the other end", &["activity"], |activity| {
        activity.to_string().contains("mill forbids its link to this machine").then_some(())
    });
    for (peer, other, before) in [(mill, "quarry", &here), (quarry, "mill", &there)] {
        let now = link(peer, other, |_| true);
        for counter in ["sent_bytes", "received_bytes"] {
            assert_eq!(now[counter], before[counter], "{counter} of {} to {other}", peer.name);
        }
    }

    mill.ok(["link", "auto", "quarry"]);

    let back = link(mill, "quarry", |link| link["state"] == "up" && link["policy"] == "automatic");
    assert_eq!(back["revision"], 2);
}

#[test]
fn what_runs_across_a_link_that_becomes_forbidden_ends_there_and_runs_again_here() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let (pids, gate) = (grid.path("pids"), grid.path("gate"));
    let script = format!(
        "echo $$ >> '{}'; while [ ! -e '{}' ]; do sleep 0.05; done; hostname > out.txt",
        pids.display(),
        gate.display()
    );
    let to = grid.path("home");
    let options = ["--prefers", "machine = quarry * 5", "--outputs", "*.txt", "--output", to.to_str().expect("text")];
    let begin = ["exec", "--detach"].into_iter().chain(options);
    let job = mill.start_job(begin.chain(["--", "sh", "-c", &script]));
    let first = until("the task's program", || lines(&pids).first().cloned());

    quarry.ok(["link", "forbid", "mill", "--anyway"]);

    until("a second attempt", || (lines(&pids).len() >= 2).then_some(()));
    until("the end of the first program", || (!lives(&first)).then_some(()));
    fs::write(&gate, "").expect("the gate opens");
    assert_eq!(makers(&mill.done(&job)), ["mill"]);
    assert_eq!(fs::read_dir(&to).expect("results").count(), 1, "they came home once");
}

#[test]
fn a_link_that_is_the_only_way_is_forbidden_only_when_that_is_meant() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];

    let refused = mill.refused(2, ["link", "forbid", "quarry"]);

    assert!(refused.contains("no way from mill to quarry") && refused.contains("--anyway"), "{refused}");
    assert_eq!(link(mill, "quarry", |_| true)["state"], "up");
    mill.ok(["link", "forbid", "quarry", "--anyway"]);
    link(&grid.peers[1], "mill", |link| link["state"] == "down");
    // Once there is no way, nothing more is cut off; asking twice changes nothing.
    assert_eq!(mill.json(["link", "forbid", "quarry"])["revision"], 1);
}

#[test]
fn what_people_want_of_links_survives_a_restart() {
    let mut grid = Grid::of(&["mill", "quarry", "smithy"]);
    grid.peers[0].ok(["link", "pin", "quarry"]);
    grid.peers[0].ok(["link", "forbid", "smithy", "--anyway"]);
    link(&grid.peers[1], "mill", |link| link["policy"] == "pinned");
    link(&grid.peers[2], "mill", |link| link["policy"] == "forbidden");

    grid.peers[0].kill();
    grid.peers[0].boot();

    let mill = &grid.peers[0];
    link(mill, "quarry", |link| link["policy"] == "pinned" && link["state"] == "up");
    let forbidden = link(mill, "smithy", |_| true);
    assert_eq!((&forbidden["policy"], &forbidden["state"]), (&"forbidden".into(), &"down".into()));
    assert_eq!((&forbidden["received_bytes"], &forbidden["sent_bytes"]), (&0.into(), &0.into()));
}

#[test]
fn every_machine_sees_the_links_of_the_others() {
    let mut grid = Grid::of(&["mill", "quarry", "smithy"]);
    let smithy = &grid.peers[2];
    for (from, to) in [("mill", "quarry"), ("quarry", "mill")] {
        told(smithy, from, to, |link| link["state"] == "up" && link["rtt_ms"].is_f64());
    }
    assert_eq!(smithy.ok(["links", "--all"]).lines().count(), 4, "three links and a heading");
    assert_eq!(smithy.json(["links"]).as_array().expect("links").len(), 2, "its own");

    grid.peers[1].ok(["link", "pin", "mill"]);
    told(&grid.peers[2], "mill", "quarry", |link| link["policy"] == "pinned");
    grid.peers[1].kill();

    // What quarry told is gone with it, and mill tells that the link is down.
    let smithy = &grid.peers[2];
    smithy.until("no word of quarry", &["links", "--all"], |links| {
        let all = links.as_array()?;
        let from = |link: &Value| name_of(smithy, &link["from"]);
        let up = all.iter().any(|link| from(link) == "mill" && link["name"] == "quarry" && link["state"] == "up");
        (!up && !all.iter().any(|link| from(link) == "quarry")).then_some(())
    });
}

#[test]
fn links_that_are_not_ours_or_not_there_are_refused() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    for (machine, words) in [("nobody", "no machine 'nobody'"), ("mill", "a link has two ends"), ("", "no machine ''")]
    {
        let said = mill.refused(2, ["link", "pin", machine]);
        assert!(said.contains(words), "{said}");
    }
    let id = mill.json(["machines"])[1]["id"].as_str().expect("an id").to_owned();
    assert_eq!(mill.json(["link", "pin", &id[..12]])["policy"], "pinned");
}

#[test]
fn a_change_that_expects_what_is_no_more_is_refused_with_who_changed_it() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let ends = link(mill, "quarry", |_| true);
    let want = |policy: &str, expected: u64| json!({"ask": "link", "from": ends["from"], "to": ends["peer"], "policy": policy, "expected": expected});
    let pinned = mill.ask(&want("pinned", 0));
    assert_eq!((&pinned["policy"], &pinned["revision"]), (&"pinned".into(), &1.into()));
    quarry.ok(["link", "pin", "mill"]);
    link(mill, "quarry", |link| link["revision"] == 2);

    let refused = mill.ask_in_vain(&want("automatic", 1));

    assert_eq!(refused["code"], "link_changed", "{refused}");
    let said = refused["message"].as_str().expect("a sentence");
    assert!(said.starts_with("the link to quarry was changed on quarry ") && said.ends_with(" ago"), "{said}");
    assert_eq!(link(mill, "quarry", |_| true)["policy"], "pinned");
    // Who looked again may do it: then only quarry's pin is left, which is quarry's to take away.
    let left = mill.ask(&want("automatic", 2));
    assert_eq!((&left["policy"], &left["revision"]), (&"pinned".into(), &3.into()));
    let refused = mill.ask_in_vain(&want("automatic", 3));
    assert_eq!(refused["code"], "forbidden", "{refused}");
}

#[test]
fn what_became_of_links_is_kept_and_undone_but_not_over_somebody_else() {
    let mut grid = Grid::of(&["mill", "quarry", "smithy"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    assert!(mill.refused(2, ["link", "undo"]).contains("no change of links was made here"));
    mill.ok(["link", "pin", "quarry"]);
    mill.ok(["link", "forbid", "smithy"]);
    let history = mill.json(["link", "history"]);
    let sentence = |at: usize| history["changes"][at]["sentence"].as_str().unwrap_or_default().to_owned();
    assert!(sentence(0).contains("smithy is forbidden") && sentence(1).contains("quarry is pinned"), "{history:#}");
    let newest = &history["changes"][0];
    assert_eq!((&newest["by_name"], &newest["can_undo"]), (&"mill".into(), &true.into()));
    assert_eq!(newest["wanted"], json!(["automatic", "forbidden"]));

    mill.ok(["link", "undo"]);

    link(mill, "smithy", |link| link["policy"] == "automatic" && link["state"] == "up");
    // Quarry changes its end of the other one: going back over that has to be meant.
    quarry.ok(["link", "pin", "mill"]);
    link(mill, "quarry", |link| link["revision"] == 2);
    let refused = mill.refused(2, ["link", "undo"]);
    assert!(refused.contains("the link to quarry was changed on quarry") && refused.contains("--yes"), "{refused}");
    let heard = mill.until("the word about quarry", &["link", "history"], |history| {
        let heard = history["changes"].as_array()?.iter().find(|change| change["by_name"] == "quarry")?;
        Some(heard["id"].as_u64()?.to_string())
    });
    assert!(mill.refused(2, ["link", "undo", &heard]).contains("was made on quarry, and only there can it be undone"));
    mill.ok(["link", "undo", "--yes"]);
    link(mill, "quarry", |link| link["revision"] == 3 && link["policy"] == "pinned");
    assert!(mill.refused(2, ["link", "undo"]).contains("no change of links was made here"));

    let before = mill.json(["link", "history"]);
    grid.peers[0].kill();
    grid.peers[0].boot();
    let mill = &grid.peers[0];
    assert_eq!(mill.json(["link", "history"]), before);
    // A layout and what holds before it.
    mill.ok(["layout", "star", "mill"]);
    assert_eq!(mill.json(["layout"])["kind"], "star");
    mill.ok(["link", "undo"]);
    assert_eq!(mill.json(["layout"])["kind"], "mesh");
}

#[test]
fn going_back_to_a_forbidden_link_that_is_the_only_way_has_to_be_meant() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    mill.ok(["link", "forbid", "quarry", "--yes"]);
    mill.ok(["link", "auto", "quarry"]);
    link(mill, "quarry", |link| link["state"] == "up");
    let refused = mill.refused(2, ["link", "undo"]);
    assert!(refused.contains("no way from mill to quarry"), "{refused}");
    mill.ok(["link", "undo", "--yes"]);
    link(mill, "quarry", |link| link["policy"] == "forbidden");
}

#[test]
fn who_listens_hears_how_much_a_link_carries_and_nothing_of_one_at_rest() {
    const FRAME_BYTES: u64 = 3_000_000;
    let grid = Grid::of(&["mill", "quarry", "smithy"]);
    let mill = &grid.peers[0];
    let mut listener = Listener::new(mill);
    let bytes = FRAME_BYTES.to_string();
    let script = format!("head -c {bytes} /dev/urandom > out.bin");
    let to = grid.path("home");
    let to = to.to_str().expect("text");

    mill.start_job([
        "exec",
        "--detach",
        "--on",
        "quarry",
        "--outputs",
        "*.bin",
        "--output",
        to,
        "--",
        "sh",
        "-c",
        &script,
    ]);

    let carried = |link: &Value| link["received_bytes"].as_u64().expect("a count");
    let mut rested = Vec::new();
    let told = listener.until("the bytes that came", |event| {
        let link = (event["event"] == "link_changed").then(|| event["data"].clone())?;
        if link["name"] == "smithy" && link["from"] == mill.json(["machines"])[0]["id"] {
            rested.push(carried(&link));
        }
        (link["name"] == "quarry" && carried(&link) >= FRAME_BYTES).then_some(link)
    });
    assert_eq!((&told["state"], &told["policy"]), (&"up".into(), &"automatic".into()));
    assert!(rested.iter().all(|bytes| *bytes < FRAME_BYTES), "what quarry sent is not counted for smithy: {rested:?}");
}

#[test]
fn two_machines_that_both_come_back_elsewhere_find_each_other_through_a_third() {
    let mut grid = Grid::of(&["mill", "smithy", "quarry"]);
    for at in [0, 2] {
        grid.peers[at].stop();
    }
    // Nodes of these tests get another port each time.
    for at in [0, 2] {
        grid.peers[at].boot();
    }

    link(&grid.peers[0], "quarry", |link| link["state"] == "up");
    link(&grid.peers[2], "mill", |link| link["state"] == "up");
}

/// Waits until a peer's own link to `other` is as wanted.
fn link(peer: &Peer, other: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    peer.until(&format!("the link to {other}"), &["links"], |links| {
        links.as_array()?.iter().find(|link| link["name"] == other && wanted(link)).cloned()
    })
}

/// Waits until a peer has been told by `from` that its link to `to` is as wanted.
fn told(peer: &Peer, from: &str, to: &str, wanted: impl Fn(&Value) -> bool) {
    peer.until(&format!("{from} to tell of its link to {to}"), &["links", "--all"], |links| {
        let is_it = |link: &&Value| name_of(peer, &link["from"]) == from && link["name"] == to;
        links.as_array()?.iter().find(is_it).filter(|link| wanted(link)).map(|_| ())
    });
}

/// What a peer calls a machine.
fn name_of(peer: &Peer, id: &Value) -> String {
    let machines = peer.json(["machines"]);
    let machine = machines.as_array().and_then(|all| all.iter().find(|machine| machine["id"] == *id));
    machine.and_then(|machine| machine["name"].as_str()).unwrap_or_default().to_owned()
}

/// Waits until `peer` sees a machine come or go.
fn until_online(peer: &Peer, name: &str, online: bool) {
    peer.until(&format!("{name} online: {online}"), &["machines"], |machines| {
        machines.as_array()?.iter().any(|machine| machine["name"] == name && machine["online"] == online).then_some(())
    });
}
