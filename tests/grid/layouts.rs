//! The shape of the grid's links, asked for by people and improved by behaviours.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Grid, Peer, until};

/// The links that stand, each once, by the names of its ends.
fn links(peer: &Peer) -> BTreeSet<(String, String)> {
    let machines = peer.json(["machines"]);
    let name = |id: &Value| {
        let machine = machines.as_array().into_iter().flatten().find(|machine| machine["id"] == *id);
        machine.map(|machine| machine["name"].as_str().unwrap_or_default().to_owned())
    };
    let links = peer.json(["links", "--all"]);
    let up = links.as_array().into_iter().flatten().filter(|link| link["state"] == "up");
    let ends = up.filter_map(|link| Some((name(&link["from"])?, name(&link["peer"])?)));
    ends.map(|(one, other)| if one < other { (one, other) } else { (other, one) }).collect()
}

fn until_links(peer: &Peer, wanted: &[(&str, &str)]) {
    let wanted: BTreeSet<_> =
        wanted.iter().map(|(one, other)| ((*one).min(other).to_string(), (*one).max(other).to_string())).collect();
    until(&format!("the links {wanted:?} on {}", peer.name), || (links(peer) == wanted).then_some(()));
}

#[test]
fn a_shape_is_taken_on_by_every_machine_and_given_back() {
    let mut grid = Grid::of(&["attic", "forge", "mill", "quarry"]);
    grid.meet();
    let mill = &grid.peers[2];
    until("the whole map", || (links(mill).len() == 6).then_some(()));

    let preview = mill.ok(["layout", "chain", "attic", "forge", "mill", "quarry", "--preview"]);
    // Ends come by their keys, which are new in every test.
    let goes = preview.contains("attic – mill") || preview.contains("mill – attic");
    assert!(goes && preview.contains("Nothing has changed"), "{preview}");
    assert_eq!(links(mill).len(), 6, "a preview changes nothing");

    mill.ok(["layout", "chain", "attic", "forge", "mill", "quarry"]);

    let chain = [("attic", "forge"), ("forge", "mill"), ("mill", "quarry")];
    for peer in &grid.peers {
        until_own_links(peer, &chain);
    }
    let layout = grid.peers[0].json(["layout"]);
    assert_eq!((&layout["kind"], &layout["revision"]), (&"chain".into(), &1.into()));

    // It holds over a restart, and a newcomer is linked as usual.
    grid.peers[3].kill();
    grid.peers[3].boot();
    until_own_links(&grid.peers[3], &chain);
    grid.add("smithy", &[]);
    until_own_links(
        &grid.peers[4],
        &[("smithy", "attic"), ("smithy", "forge"), ("smithy", "mill"), ("smithy", "quarry")],
    );

    // Only who changed it goes back; whoever wants something else names it.
    let refused = grid.peers[0].refused(2, ["layout", "--undo"]);
    assert!(refused.contains("the layout was changed on mill, not here"), "{refused}");
    grid.peers[2].ok(["layout", "--undo"]);
    grid.meet();
    assert_eq!(grid.peers[2].json(["layout"])["kind"], "mesh");
    let refused = grid.peers[2].refused(2, ["layout", "star", "nobody"]);
    assert!(refused.contains("the grid has no machine 'nobody'"), "{refused}");
}

/// Waits until a machine's own links are those of `wanted` that it has an end of.
fn until_own_links(peer: &Peer, wanted: &[(&str, &str)]) {
    let has = |(one, other): &&(&str, &str)| *one == peer.name || *other == peer.name;
    let wanted: BTreeSet<&str> =
        wanted.iter().filter(has).map(|(one, other)| if *one == peer.name { *other } else { *one }).collect();
    peer.until(&format!("links with {wanted:?} only"), &["links"], |links| {
        let up = links.as_array()?.iter().filter(|link| link["state"] == "up");
        (up.filter_map(|link| link["name"].as_str()).collect::<BTreeSet<_>>() == wanted).then_some(())
    });
}

#[test]
fn a_star_keeps_pinned_links_and_says_whom_a_forbidden_one_cuts_off() {
    let grid = Grid::of(&["attic", "forge", "mill", "quarry"]);
    let mill = &grid.peers[2];
    grid.peers[0].ok(["link", "pin", "forge"]);
    grid.peers[3].ok(["link", "forbid", "mill"]);
    mill.until("the news", &["links"], |links| {
        links.as_array()?.iter().any(|link| link["policy"] == "forbidden").then_some(())
    });

    let refused = mill.refused(2, ["layout", "star"]);
    assert!(refused.contains("links that are forbidden would cut quarry off from a star"), "{refused}");

    mill.ok(["layout", "star", "forge"]);
    until_links(mill, &[("attic", "forge"), ("forge", "mill"), ("forge", "quarry")]);
    mill.ok(["layout", "star", "attic"]);
    until_links(mill, &[("attic", "forge"), ("attic", "mill"), ("attic", "quarry")]);
}

#[test]
fn a_behaviour_suggests_and_a_person_decides() {
    let mut grid = Grid::of(&["attic", "forge", "mill", "quarry"]);
    grid.meet();
    let chain = [("attic", "forge"), ("forge", "mill"), ("mill", "quarry")];
    grid.peers[2].ok(["layout", "chain", "attic", "forge", "mill", "quarry"]);
    for peer in &grid.peers {
        until_own_links(peer, &chain);
    }
    let forge = &grid.peers[1];
    let refused = forge.refused(2, ["behaviour", "on", "wander"]);
    assert!(refused.contains("no behaviour is called 'wander' here: nearest and walk are"), "{refused}");
    let refused = forge.refused(2, ["behaviour", "accept", "nearest"]);
    assert!(refused.contains("nearest suggests nothing now"), "{refused}");

    // Of a neighbour's neighbours only quarry is not linked with it yet.
    forge.ok(["behaviour", "suggest", "nearest", "--every", "1s"]);
    let suggested = forge.until("a suggestion", &["behaviour", "list"], |layout| {
        layout["behaviours"][0]["suggestion"]["sentence"].as_str().map(str::to_owned)
    });
    assert_eq!(suggested, "link with quarry, because there are only 2");
    until_own_links(forge, &chain);
    forge.ok(["behaviour", "accept", "nearest"]);
    until_own_links(forge, &[("attic", "forge"), ("forge", "mill"), ("forge", "quarry")]);
    let history = forge.json(["layout"])["history"].to_string();
    assert!(history.contains("nearest: link with quarry"), "{history}");

    forge.ok(["behaviour", "off", "nearest"]);
    forge.ok(["behaviour", "suggest", "walk", "--every", "1h"]);
    grid.peers[1].kill();
    grid.peers[1].boot();
    let kept = grid.peers[1].json(["behaviour", "list"]);
    assert_eq!(kept["behaviours"][0]["mode"], "off");
    assert_eq!(
        (&kept["behaviours"][1]["mode"], &kept["behaviours"][1]["every_secs"]),
        (&"suggest".into(), &3_600.into())
    );
    until_own_links(&grid.peers[1], &[("attic", "forge"), ("forge", "mill"), ("forge", "quarry")]);
}
