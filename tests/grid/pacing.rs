//! What files may take of the network and of the disk is the owner's to say.

use std::fs;

use serde_json::Value;

use crate::{
    shares::{shared, until_shown},
    support::{Grid, Peer},
};

fn limit(peer: &Peer) -> Value {
    peer.json(["links"])[0]["limit_bytes_per_sec"].clone()
}

#[test]
fn a_link_is_limited_until_its_owner_says_otherwise_and_files_come_all_the_same() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    let film: Vec<u8> = (0..900_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    fs::write(folder.join("film"), &film).expect("a file");
    until_shown(&grid.peers[1], "/mill/projects");
    assert!(limit(&grid.peers[1]).is_null());

    assert_eq!(grid.peers[1].json(["link", "limit", "mill", "1MB"])["limit_bytes_per_sec"], 1_000_000);
    assert_eq!(limit(&grid.peers[1]), 1_000_000);
    assert!(limit(&grid.peers[0]).is_null(), "each end says for itself");
    let read = grid.peers[1].output(["files", "get", "/mill/projects/film", "-"]);
    assert!(read.stdout == film, "{}", String::from_utf8_lossy(&read.stderr));

    grid.peers[1].kill();
    grid.peers[1].boot();
    assert_eq!(limit(&grid.peers[1]), 1_000_000, "it is kept");
    assert!(grid.peers[1].ok(["links"]).contains("files go at most 1.0 MB a second each way"));
    assert!(grid.peers[1].json(["link", "limit", "mill", "off"])["limit_bytes_per_sec"].is_null());
    assert!(limit(&grid.peers[1]).is_null());

    let said = grid.peers[1].refused(2, ["link", "limit", "mill", "1kB"]);
    assert!(said.contains("1.0 kB a second are too few") && said.contains("'off'"), "{said}");
    assert!(grid.peers[1].refused(2, ["link", "limit", "quarry", "1MB"]).contains("no link with itself"));
}

#[test]
fn what_was_read_goes_when_its_room_is_taken_away() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (folder, quarry) = (shared(&grid, 0), &grid.peers[1]);
    fs::write(folder.join("film"), vec![7; 9_000_000]).expect("a file");
    until_shown(quarry, "/mill/projects");
    quarry.ok(["files", "get", "/mill/projects/film", grid.path("copy").to_str().expect("text")]);
    let here = || quarry.json(["files", "stat", "/mill/projects/film"])["here_bytes"].as_u64();
    quarry.until("its bytes on the disk", &["files", "stat", "/mill/projects/film"], |file| {
        (file["here_bytes"].as_u64()? == 9_000_000).then_some(())
    });

    let rules = quarry.json(["lending", "set", "--cache", "4MB", "--network", "20MB"])["rules"]["limits"].clone();
    assert_eq!((&rules["cache_bytes"], &rules["network"]), (&4_000_000.into(), &20_000_000.into()));
    quarry.until("less of it", &["files", "stat", "/mill/projects/film"], |file| {
        (file["here_bytes"].as_u64()? <= 4_000_000).then_some(())
    });
    assert!(here() > Some(0), "no more goes than has to");
    assert!(quarry.ok(["lending"]).contains("up to 4.0 MB kept of what is read here, at most 20 MB a second each way"));
    assert!(quarry.json(["lending", "set", "--network", "off"])["rules"]["limits"]["network"].is_null());
    assert!(quarry.refused(2, ["lending", "set", "--network", "9kB"]).contains("are too few"));
}
