//! Links: who is reachable, and what people want of them.

use std::fs;

use crate::support::{Grid, Peer, lines, makers, until};

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

/// Waits until `peer` sees a machine come or go.
fn until_online(peer: &Peer, name: &str, online: bool) {
    peer.until(&format!("{name} online: {online}"), &["machines"], |machines| {
        machines.as_array()?.iter().any(|machine| machine["name"] == name && machine["online"] == online).then_some(())
    });
}
