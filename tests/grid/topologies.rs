//! Real nodes in network namespaces of their own, with delays between them.

use std::collections::BTreeSet;

use crate::{
    support::{Grid, Peer, skip, until},
    wire::Wire,
};

const NEAR_MS: u64 = 1;
const FAR_MS: u64 = 20;

/// Machines of two sites, in the order of the chain that they begin with: every link of it goes from town to town.
const MACHINES: [(&str, &str); 6] = [
    ("attic", "10.77.0.1/24"),
    ("berlin", "10.77.0.2/24"),
    ("cellar", "10.77.0.3/24"),
    ("dresden", "10.77.0.4/24"),
    ("den", "10.77.0.5/24"),
    ("erfurt", "10.77.0.6/24"),
];
const HOME: [&str; 3] = ["attic", "cellar", "den"];

fn same_site(one: &str, other: &str) -> bool {
    HOME.contains(&one) == HOME.contains(&other)
}

/// The other ends of a machine's links that stand.
fn linked_with(peer: &Peer) -> BTreeSet<String> {
    let links = peer.json(["links"]);
    let up = links.as_array().into_iter().flatten().filter(|link| link["state"] == "up");
    up.filter_map(|link| link["name"].as_str().map(str::to_owned)).collect()
}

/// How often a machine's behaviour has looked at the map.
fn looks(peer: &Peer) -> u64 {
    peer.json(["behaviour", "list"])["behaviours"][0]["looks"].as_u64().expect("a number")
}

#[test]
fn nearest_finds_the_links_within_each_site_and_stays_with_them() {
    let machines: Vec<_> = MACHINES.iter().map(|(name, address)| (*name, std::slice::from_ref(address))).collect();
    let Some(mut wire) = Wire::of(&machines) else {
        return skip("no network namespaces can be made here");
    };
    for (at, (one, _)) in MACHINES.iter().enumerate() {
        for (other, _) in &MACHINES[at + 1..] {
            wire.between(one, other, Some(if same_site(one, other) { NEAR_MS } else { FAR_MS }));
        }
    }
    let mut grid = Grid::empty();
    for (name, _) in MACHINES {
        grid.add_at(name, &[], wire.place(name));
    }
    grid.meet();
    let chain = ["layout", "chain"].into_iter().chain(MACHINES.map(|(name, _)| name));
    grid.peers[0].ok(chain);
    for (at, peer) in grid.peers.iter().enumerate() {
        let neighbours = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|at| MACHINES.get(at));
        let wanted: BTreeSet<_> = neighbours.map(|(name, _)| (*name).to_owned()).collect();
        until(&format!("the chain at {}", peer.name), || (linked_with(peer) == wanted).then_some(()));
    }

    for peer in &grid.peers {
        peer.ok(["behaviour", "on", "nearest", "--every", "1s"]);
    }

    for peer in &grid.peers {
        let site = MACHINES.map(|(name, _)| name).into_iter().filter(|name| same_site(name, &peer.name));
        let site: BTreeSet<_> = site.filter(|name| *name != peer.name).map(str::to_owned).collect();
        until(&format!("links of {} within its site", peer.name), || {
            linked_with(peer).is_superset(&site).then_some(())
        });
    }
    let between = || -> BTreeSet<(String, String)> {
        let links = grid.peers.iter().flat_map(|peer| {
            linked_with(peer)
                .into_iter()
                .map(|other| (peer.name.clone().min(other.clone()), peer.name.clone().max(other)))
        });
        links.filter(|(one, other)| !same_site(one, other)).collect()
    };
    assert!(between().len() >= 2, "no link is the only way between the sites: {:?}", between());

    // What they have found is what they keep: after a while nobody changes anything any more, however often they look.
    let mut before = BTreeSet::new();
    until("two pictures alike, twenty looks apart", || {
        let start: Vec<_> = grid.peers.iter().map(looks).collect();
        for (peer, start) in grid.peers.iter().zip(start) {
            until("more looks", || (looks(peer) >= start + 20).then_some(()));
        }
        let now: BTreeSet<_> = grid.peers.iter().map(|peer| (peer.name.clone(), linked_with(peer))).collect();
        (std::mem::replace(&mut before, now.clone()) == now).then_some(())
    });
}
