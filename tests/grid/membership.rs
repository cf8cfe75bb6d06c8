//! Who belongs to a grid, who may do what in it, and how a machine is taken out.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    grids::code,
    support::{Grid, Peer, gridwell},
};

#[test]
fn a_revoked_machine_loses_its_link_its_work_and_its_jobs_at_once() {
    let mut grid = Grid::of(&["mill", "attic"]);
    let quarry = join_with(&grid, "quarry", &json!({ "roles": ["run"] }));
    grid.peers.push(quarry);
    grid.meet();
    let (mill, attic, quarry) = (&grid.peers[0], &grid.peers[1], &grid.peers[2]);
    let there = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "sleep", "600"]);
    let here = quarry.start_job(["exec", "--detach", "--on", "mill", "--", "sleep", "600"]);
    mill.until_counts(&there, "running", 1);
    quarry.until_counts(&here, "running", 1);

    let said = mill.ok(["revoke", "quarry", "--yes"]);

    assert!(said.contains("Quarry is revoked"), "{said}");
    for peer in [mill, attic] {
        peer.until("one machine less", &["machines"], |machines| (machines.as_array()?.len() == 2).then_some(()));
        let members = peer.json(["members"]);
        assert_eq!((&members["revoked"][0]["name"], &members["revoked"][0]["by"]), (&"quarry".into(), &"mill".into()));
    }
    mill.until_counts(&there, "ready", 1);
    mill.until("nothing of its runs here", &["machines"], |machines| (machines[0]["running"] == 0).then_some(()));
    for peer in [mill, attic] {
        peer.until("no copy of its job", &["jobs", "--kept"], |kept| {
            kept.as_array()?.iter().all(|copy| copy["id"] != here.as_str()).then_some(())
        });
    }
    quarry.until("it is on its own", &["members"], |members| (members["members"].as_array()?.len() == 1).then_some(()));
    assert_eq!(code(&mill.output(["revoke", "quarry", "--yes", "--json"])), "wrong_state");
    // What is left of the grid works on.
    let job = attic.start_job(["exec", "--detach", "--on", "mill", "--", "true"]);
    attic.done(&job);
}

#[test]
fn a_revoked_machine_that_was_away_is_refused_when_it_comes_back() {
    let mut grid = Grid::of_one();
    let quarry = join_with(&grid, "quarry", &json!({ "roles": ["run"] }));
    grid.peers.push(quarry);
    grid.meet();
    grid.peers[1].stop();
    grid.peers[0].ok(["revoke", "quarry", "--yes"]);

    grid.peers[1].boot();

    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    quarry.until("it is refused", &["links"], |links| {
        (links[0]["state"] != "up" && !links[0]["last_error"].as_str()?.is_empty()).then_some(())
    });
    assert_eq!(mill.json(["machines"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn an_admin_is_revoked_by_two_others_and_by_no_single_one() {
    let grid = Grid::of(&["mill", "quarry", "attic"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);

    let said = mill.ok(["revoke", "attic", "--yes"]);

    assert!(said.contains("another admin has to confirm") || said.contains("Another admin has to confirm"), "{said}");
    assert_eq!(code(&mill.output(["revoke", "attic", "--yes", "--json"])), "wrong_state");
    let confirm = quarry.until("the proposal", &["members"], |members| {
        let proposal = members["proposals"].get(0)?;
        assert_eq!(proposal["sentence"], "mill wants to revoke attic");
        Some(proposal["confirm"].as_str()?.to_owned())
    });
    assert_eq!(quarry.json(["members"])["members"].as_array().map(Vec::len), Some(3));
    assert_eq!(confirm, "gridwell revoke attic");
    quarry.ok(["revoke", "attic", "--yes"]);
    for peer in [mill, quarry] {
        peer.until("it is gone", &["machines"], |machines| (machines.as_array()?.len() == 2).then_some(()));
    }
}

#[test]
fn a_guest_goes_by_itself_and_only_does_what_it_was_let_in_for() {
    let mut grid = Grid::of_one();
    let guest = join_with(&grid, "visitor", &json!({ "roles": ["files"], "guest_secs": 4 }));
    let mill = &grid.peers[0];
    let member = guest.json(["members"])["members"][0].clone();
    assert_eq!(
        (&member["name"], &member["guest"], &member["roles"]),
        (&"visitor".into(), &true.into(), &json!(["files"]))
    );

    assert!(guest.refused(2, ["invite"]).contains("not an admin"));
    mill.until("it has gone", &["machines"], |machines| (machines.as_array()?.len() == 1).then_some(()));

    let told = mill.json(["activity"]).to_string();
    assert!(told.contains("the guest pass of visitor is over"), "{told}");
    grid.peers.push(guest);
}

#[test]
fn what_a_guest_will_be_is_said_where_it_is_approved() {
    let grid = Grid::of_one();
    let visitor = grid.alone("visitor");
    let mill = &grid.peers[0];
    let link = mill.json(["guest", "--for", "8h"])["link"].as_str().expect("a link").to_owned();
    let mut asking = visitor.command().args(["join", &link]).stderr(Stdio::null()).spawn().expect("it starts");

    let sentence = mill.until("it asks", &["pair", "list"], |pairings| {
        Some(pairings["pairings"].get(0)?["sentence"].as_str()?.to_owned())
    });

    assert!(sentence.contains("for 8 h") && sentence.contains("with the roles: run:"), "{sentence}");
    mill.ok(["pair", "approve"]);
    assert!(asking.wait().expect("it ends").success());
}

#[test]
fn the_recovery_words_make_an_admin_when_all_are_gone() {
    let mut grid = Grid::of_one();
    let words = grid.peers[0].json(["recover", "set"])["words"].as_str().expect("words").to_owned();
    assert_eq!(words.split(' ').count(), 24);
    let quarry = join_with(&grid, "quarry", &json!({ "roles": ["run"] }));
    grid.peers.push(quarry);
    grid.meet();
    grid.peers[0].kill();
    let quarry = &grid.peers[1];
    // Three in a row: one alone may be a word of the log's own, as "link" and "core" are.
    let three = words.splitn(4, ' ').take(3).collect::<Vec<_>>().join(" ");
    assert!(grid.peers.iter().all(|peer| !peer.log().contains(&three)), "words are never logged");

    assert_eq!(recover(quarry, &words.replacen(' ', " zoo ", 1)), Some(2));
    assert_eq!(recover(quarry, &words), Some(0));

    let members = quarry.json(["members"]);
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(members["members"][0]["roles"], json!(["run", "files", "links", "admin"]));
    assert_eq!(members["revoked"][0]["name"], "mill");
    quarry.ok(["invite"]);
}

#[test]
fn a_copy_of_a_data_folder_is_refused_and_nothing_else_is_disturbed() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let copy = grid.path("copy");
    grid.peers[1].stop();
    copy_folder(&grid.peers[1].data, &copy);
    grid.peers[1].boot();
    grid.meet();
    let mill = &grid.peers[0];
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "sleep", "600"]);
    mill.until_counts(&job, "running", 1);
    let losses = || mill.log().matches("link lost").count();
    let before = (mill.tasks(&job), losses());

    let mut second = Command::new(gridwell());
    let second =
        second.args(["node", "--listen", "127.0.0.1:0", "--name", "twin", "--nearby", "off", "--data"]).arg(&copy);
    let refused = second.stdin(Stdio::null()).output().expect("gridwell runs");

    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("this data folder is a copy: 'quarry' at 127.0.0.1:"), "{said}");
    assert!(said.contains(&copy.display().to_string()), "both are named: {said}");
    assert_eq!((mill.tasks(&job), losses()), before, "the link stays, and the run goes on by the same attempt");
    assert_eq!(mill.log().matches("a copy of its data folder was started").count(), 1, "told once");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let kind = entry.file_type().expect("it has a kind");
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target).expect("the file can be copied");
        }
    }
}

/// Makes a machine an admin by words, and revokes `mill`; returns how the command ended.
pub(crate) fn recover(peer: &Peer, words: &str) -> Option<i32> {
    let mut command = peer.command();
    let command = command.args(["recover", "use", "--revoke", "mill"]);
    let mut using =
        command.stdin(Stdio::piped()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    using.stdin.take().expect("a pipe").write_all(words.as_bytes()).expect("it reads");
    using.wait().expect("it ends").code()
}

/// Starts a peer and lets it join the first one by an invite of that kind, which asks nobody.
pub(crate) fn join_with(grid: &Grid, name: &str, terms: &Value) -> Peer {
    let mut wish = json!({ "ask": "invite", "approve_now": true });
    wish.as_object_mut().expect("an object").extend(terms.as_object().expect("an object").clone());
    let answer = grid.peers[0].ask(&wish);
    let link = answer["link"].as_str().or_else(|| answer["invite"]["link"].as_str()).expect("a link").to_owned();
    let peer = grid.alone(name);
    peer.ok(["join", &link]);
    peer
}
