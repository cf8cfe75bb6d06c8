//! The doctor's word on why one machine does not see another one.

use serde_json::{Value, json};

use crate::{
    support::{Grid, Peer, skip},
    wire::Wire,
};

/// What the doctor of a machine finds about another one, until it says so.
fn finds(peer: &Peer, other: &str, what: &str, ok: bool, words: &str) {
    let mut last = Value::Null;
    let found = crate::support::until_seen(|| {
        let output = peer.output(["doctor", other, "--json"]);
        last = serde_json::from_slice(&output.stdout).ok()?;
        let findings = last["findings"].as_array()?;
        let is = |it: &&Value| it["what"].as_str().is_some_and(|it| it.starts_with(what)) && it["ok"] == ok;
        findings.iter().filter(is).any(|it| it["sentence"].as_str().is_some_and(|it| it.contains(words))).then_some(())
    });
    assert!(found.is_some(), "{} about {other}: {what} {words}\n{last:#}", peer.name);
}

#[test]
fn a_machine_that_is_off_is_told_from_one_that_is_forbidden_or_gone() {
    let mut grid = Grid::of(&["mill", "attic"]);
    let link = grid.peers[0].ask(&json!({ "ask": "invite", "approve_now": true, "roles": ["run"] }));
    let quarry = grid.alone("quarry");
    quarry.ok(["join", link["link"].as_str().expect("a link")]);
    grid.peers.push(quarry);
    grid.meet();
    finds(&grid.peers[0], "quarry", "link", true, "quarry is linked");

    grid.peers[2].stop();

    let mill = &grid.peers[0];
    finds(mill, "quarry", "link", false, "no way leads from mill to quarry");
    finds(mill, "quarry", "address 127.0.0.1:", false, "nobody listens on that port");
    finds(mill, "quarry", "other machines", false, "(attic) sees quarry either");
    let report = String::from_utf8(mill.output(["doctor", "quarry", "--report"]).stdout).expect("text");
    assert!(
        report.contains("about quarry\n") && report.contains("BAD link: no way leads from mill to quarry"),
        "{report}"
    );
    mill.ok(["link", "forbid", "attic", "--yes"]);
    finds(mill, "attic", "link", false, "the link was forbidden on mill");
    finds(&grid.peers[1], "mill", "link", false, "the link was forbidden on mill");
    mill.ok(["revoke", "quarry", "--yes"]);
    finds(mill, "quarry", "membership", false, "quarry was revoked by mill: no machine of the grid links with it");
    assert!(mill.refused(2, ["doctor", "nobody"]).contains("no machine 'nobody'"));
}

#[test]
fn a_way_that_swallows_everything_is_found_with_the_eyes_of_a_machine_in_between() {
    let machines: [(&str, &[&str]); 3] =
        [("mill", &["10.77.0.1/24"]), ("attic", &["10.77.0.2/24"]), ("quarry", &["10.77.0.3/24"])];
    let Some(mut wire) = Wire::of(&machines) else {
        return skip("no network namespaces can be made here");
    };
    for (one, other) in [("mill", "attic"), ("attic", "quarry"), ("mill", "quarry")] {
        wire.between(one, other, Some(1));
    }
    let mut grid = Grid::empty();
    for (name, _) in machines {
        grid.add_at(name, &[], wire.place(name));
    }
    grid.meet();

    wire.between("mill", "quarry", None);

    for (peer, other) in [(&grid.peers[0], "quarry"), (&grid.peers[2], "mill")] {
        finds(peer, other, "link", true, &format!("{other} is reached over attic"));
        finds(peer, other, "other machines", true, &format!("attic sees {other}, so {other} runs"));
        finds(peer, other, "address 10.77.0.", false, "no answer");
    }
}
