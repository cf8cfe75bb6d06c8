//! Machines of two networks and one that is in both: each in a network namespace of its own.

use serde_json::Value;

use crate::{
    support::{Grid, Peer, makers, skip},
    wire::Wire,
};

/// Smithy is in both networks; nothing routes between them.
const MACHINES: [(&str, &[&str]); 3] =
    [("smithy", &["10.77.1.2/24", "10.77.2.2/24"]), ("mill", &["10.77.1.1/24"]), ("quarry", &["10.77.2.3/24"])];

fn online(peer: &Peer, name: &str, wanted: bool) {
    peer.until(&format!("{name} online: {wanted}"), &["machines"], |machines| {
        machines.as_array()?.iter().any(|it| it["name"] == name && it["online"] == wanted).then_some(())
    });
}

#[test]
fn a_job_runs_in_another_network_through_a_machine_that_is_in_both_until_that_leaves() {
    let Some(mut wire) = Wire::of(&MACHINES) else {
        return skip("no network namespaces can be made here");
    };
    wire.between("smithy", "mill", Some(1));
    wire.between("smithy", "quarry", Some(1));
    let mut grid = Grid::empty();
    for (name, _) in MACHINES {
        grid.add_at(name, &[], wire.place(name));
    }
    grid.meet();
    let mill = &grid.peers[1];
    assert!(mill.ok(["machines"]).contains("quarry is reached over smithy"));

    let home = grid.path("home");
    let options = ["exec", "--detach", "--on", "quarry", "--array", "4", "--outputs", "*.txt", "--output"];
    let script = ["--", "sh", "-c", "echo {} > out-{}.txt"];
    let job = mill.start_job(options.into_iter().chain([home.to_str().expect("text")]).chain(script));
    assert_eq!(makers(&mill.done(&job)), ["quarry"]);
    assert_eq!(std::fs::read_dir(&home).expect("results").count(), 4, "all came home");
    let found: Value =
        serde_json::from_slice(&mill.output(["doctor", "quarry", "--json"]).stdout).expect("what was found");
    let said = found.to_string();
    assert!(said.contains("no way leads to that network from here"), "{found:#}");
    assert!(said.contains("10.77.2.3 is in none of this machine's networks (10.77.1.1/24 on wire)"), "{found:#}");

    grid.peers[0].stop();

    let mill = &grid.peers[1];
    online(mill, "quarry", false);
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "true"]);
    let why = mill.until("the reason", &["why", &job], |why| {
        why["sentence"].as_str().filter(|why| why.contains("quarry")).map(str::to_owned)
    });
    assert_eq!(why, "no machine that can be reached fits: quarry would, and is away");
}
