//! Who belongs to a grid, and who owns a data folder.

use std::process::Command;

use crate::support::{Grid, gridwell, now_millis};

#[test]
fn a_second_node_on_a_data_folder_names_the_first() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];

    let second = Command::new(gridwell()).args(["node", "--data"]).arg(&mill.data).output().expect("gridwell runs");

    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&mill.pid().to_string()), "{said}");
    assert_eq!(mill.json(["status"])["pid"], mill.pid());
}

#[test]
fn a_node_that_is_asked_to_stop_ends_well_and_its_peers_see_it_again_later() {
    let mut grid = Grid::of(&["mill", "quarry"]);

    grid.peers[1].stop();
    grid.peers[0].until("one machine offline", &["machines"], |machines| {
        machines.as_array()?.iter().any(|machine| machine["online"] == false).then_some(())
    });
    grid.peers[1].boot();

    grid.meet();
    let job = grid.peers[0].start_job(["exec", "--detach", "--on", "quarry", "--", "true"]);
    grid.peers[0].done(&job);
}

#[test]
fn everybody_in_a_grid_may_start_jobs_that_run_anywhere() {
    let grid = Grid::of(&["mill", "quarry", "smithy"]);

    for (origin, worker) in [(1, "mill"), (2, "quarry"), (0, "smithy")] {
        let peer = &grid.peers[origin];
        let job = peer.start_job(["exec", "--detach", "--on", worker, "--", "true"]);
        assert_eq!(crate::support::makers(&peer.done(&job)), [worker]);
    }
}

#[test]
fn ten_machines_that_join_at_once_through_one_all_see_each_other() {
    let mut grid = Grid::of_one();
    let guests: Vec<_> = (0..10).map(|number| (grid.alone(&format!("guest{number}")), grid.invite())).collect();
    std::thread::scope(|scope| {
        for (guest, link) in &guests {
            scope.spawn(move || guest.ok(["join", link]));
        }
    });
    grid.peers.extend(guests.into_iter().map(|(guest, _)| guest));

    grid.meet();

    let mut views = grid.peers.iter().map(|peer| {
        let machines = peer.json(["machines"]);
        let named =
            machines.as_array().into_iter().flatten().map(|one| (one["id"].to_string(), one["name"].to_string()));
        named.collect::<std::collections::BTreeMap<_, _>>()
    });
    let first = views.next().expect("a machine");
    assert_eq!(first.len(), 11);
    assert!(views.all(|view| view == first), "all see the same machines under the same names");
}

#[test]
fn an_invite_lets_one_machine_in_once() {
    let mut grid = Grid::of_one();
    let link = grid.invite();
    let quarry = grid.alone("quarry");
    let smithy = grid.alone("smithy");

    quarry.ok(["join", &link]);

    assert_eq!(code(&smithy.output(["join", &link, "--json"])), "invite_used");
    assert!(smithy.refused(2, ["join", &link]).contains("used already"));
    grid.peers.push(quarry);
    grid.meet();
}

#[test]
fn an_expired_or_damaged_invite_lets_nobody_in() {
    let grid = Grid::of_one();
    let smithy = grid.alone("smithy");

    let short = grid.peers[0].json(["invite", "--for", "1s"]);
    let (link, expires) = (short["link"].as_str().expect("a link"), short["expires"].as_u64().expect("a time"));
    crate::support::until("the invite's end", || (now_millis() > expires).then_some(()));
    assert_eq!(code(&smithy.output(["join", link, "--json"])), "invite_expired");

    let mut damaged = grid.invite().into_bytes();
    let middle = damaged.len() / 2;
    damaged[middle] = if damaged[middle] == b'b' { b'c' } else { b'b' };
    let damaged = String::from_utf8(damaged).expect("letters");
    assert_eq!(code(&smithy.output(["join", &damaged, "--json"])), "invite_tampered");

    assert_eq!(code(&smithy.output(["join", "hello", "--json"])), "invite_malformed");
    assert_eq!(grid.peers[0].json(["machines"]).as_array().expect("machines").len(), 1);
}

#[test]
fn a_member_of_another_grid_is_not_let_in() {
    let grid = Grid::of_one();
    let other = Grid::of(&["inn", "jetty"]);
    let link = grid.invite();

    assert_eq!(code(&other.peers[1].output(["join", &link, "--json"])), "already_member");

    assert_eq!(grid.peers[0].json(["machines"]).as_array().expect("machines").len(), 1);
    let smithy = grid.alone("smithy");
    smithy.ok(["join", &link]);
}

/// The code of an error that was printed as JSON.
pub(crate) fn code(output: &std::process::Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let json = said.find('{').and_then(|at| serde_json::from_str::<serde_json::Value>(said[at..].trim()).ok());
    let code = json.as_ref().and_then(|json| json["code"].as_str().or_else(|| json["error"]["code"].as_str()));
    code.unwrap_or_else(|| panic!("no error: {said}")).to_owned()
}
