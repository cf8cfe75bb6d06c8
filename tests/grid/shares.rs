//! Folders that machines share: listed without content, read only as far as they are read, over allowed links only.

use std::{
    fs,
    os::unix::fs::{FileExt as _, symlink},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    membership::join_with,
    routes::part,
    support::{Grid, Peer},
};

pub(crate) const GROUP_BYTES: usize = 65_536;

/// A folder of the machine at `at`, shared as `projects` with all.
pub(crate) fn shared(grid: &Grid, at: usize) -> PathBuf {
    let folder = grid.path("projects");
    fs::create_dir_all(folder.join("textures")).expect("a folder");
    grid.peers[at].ok(["share", "add", text(&folder)]);
    folder
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Waits until a peer is shown the share at that path of the tree.
pub(crate) fn until_shown(peer: &Peer, at: &str) {
    peer.until(&format!("the share {at}"), &["share", "list"], |shares| {
        shares.as_array()?.iter().any(|share| share["at"] == at && share["online"] == true).then_some(())
    });
}

fn names(peer: &Peer, folder: &str) -> Vec<String> {
    let page = peer.json(["files", "ls", folder]);
    let name = |file: &Value| file["name"].as_str().expect("a name").to_owned();
    page["files"].as_array().expect("files").iter().map(name).collect()
}

/// Bytes that came to a peer over all its links since it started.
pub(crate) fn received(peer: &Peer) -> u64 {
    let links = peer.json(["links"]);
    links.as_array().expect("links").iter().filter_map(|link| link["received_bytes"].as_u64()).sum()
}

/// Ten files of a gibibyte each, without blocks on the disk, and a scene of 64 groups whose byte 40 groups and 5 bytes in is an x.
pub(crate) fn fill(folder: &Path) {
    for number in 0..10 {
        let file = fs::File::create(folder.join(format!("textures/{number}.exr"))).expect("a file");
        file.set_len(1 << 30).expect("a gibibyte without blocks");
    }
    let scene = fs::File::create(folder.join("scene")).expect("a file");
    scene.set_len(64 * GROUP_BYTES as u64).expect("64 groups");
    scene.write_all_at(b"x", 40 * GROUP_BYTES as u64 + 5).expect("a byte");
}

/// Row 14 of the seeds.
#[test]
fn a_file_of_any_length_arrives_byte_by_byte() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let folder = shared(&grid, 0);
    let sizes = [0, 1, GROUP_BYTES - 1, GROUP_BYTES, GROUP_BYTES + 1, 3 * GROUP_BYTES + 7, 5_000_003];
    for size in sizes {
        let bytes: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
        fs::write(folder.join(size.to_string()), bytes).expect("a file");
    }
    until_shown(quarry, "/mill/projects");
    for size in sizes {
        for (peer, to) in [(quarry, "there"), (mill, "here")] {
            let copy = grid.path(&format!("{to}-{size}"));
            peer.ok(["files", "get", &format!("/mill/projects/{size}"), text(&copy)]);
            assert!(
                fs::read(copy).expect("a copy") == fs::read(folder.join(size.to_string())).expect("a file"),
                "{size}"
            );
        }
    }
    let there = quarry.refused(2, ["files", "get", "/mill/projects/1", text(&grid.path("there-1"))]);
    assert!(there.contains("is there already") && there.contains("--overwrite"), "{there}");
    quarry.ok(["files", "get", "/mill/projects/1", text(&grid.path("there-1")), "--overwrite"]);
    let out = quarry.output(["files", "get", "/mill/projects/1", "-"]);
    assert_eq!(out.stdout, [0]);
}

/// Row 13 of the seeds: the meter counts what comes over links.
#[test]
fn a_tree_is_listed_and_looked_at_without_its_content() {
    let grid = Grid::of(&["mill", "quarry"]);
    let quarry = &grid.peers[1];
    let folder = shared(&grid, 0);
    fill(&folder);
    until_shown(quarry, "/mill/projects");
    let before = received(quarry);

    assert_eq!(names(quarry, "/"), ["jobs", "mill", "quarry"]);
    assert_eq!(names(quarry, "/mill"), ["projects"]);
    assert_eq!(names(quarry, "/mill/projects"), ["scene", "textures"]);
    let page = quarry.json(["files", "ls", "/mill/projects/textures"]);
    let sizes =
        page["files"].as_array().expect("files").iter().map(|file| file["size_bytes"].as_u64().expect("a size"));
    assert_eq!(sizes.sum::<u64>(), 10 << 30);
    for number in 0..10 {
        let file = quarry.json(["files", "stat", &format!("/mill/projects/textures/{number}.exr")]);
        assert_eq!((&file["kind"], &file["size_bytes"]), (&"file".into(), &(1_u64 << 30).into()));
    }

    let came = received(quarry) - before;
    assert!(came < GROUP_BYTES as u64, "{came} bytes for ten names: some content must have come along");

    let before = received(quarry);
    let offset = 40 * GROUP_BYTES + 5;
    let (head, byte) = quarry.get_with("/v1/tree/mill/projects/scene", &format!("Range: bytes={offset}-{offset}\r\n"));
    assert!(head.starts_with("HTTP/1.1 206"), "{head}");
    assert_eq!(byte, b"x");
    let came = received(quarry) - before;
    assert!(came < 2 * GROUP_BYTES as u64, "{came} bytes for one: a group and its proof would have been enough");
}

#[test]
fn what_was_read_once_does_not_come_again() {
    let mut grid = Grid::steady(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    let bytes: Vec<u8> = (0..40 * GROUP_BYTES).map(|at| (at / 97 % 256) as u8).collect();
    fs::write(folder.join("scene"), &bytes).expect("a file");
    fs::write(folder.join("textures/the same"), &bytes).expect("a file");
    until_shown(&grid.peers[1], "/mill/projects");
    let copy = grid.path("copy");
    grid.peers[1].ok(["files", "get", "/mill/projects/scene", text(&copy)]);
    assert!(fs::read(&copy).expect("a copy") == bytes);
    grid.peers[1].stop();
    grid.peers[1].boot();
    let quarry = &grid.peers[1];
    until_shown(quarry, "/mill/projects");
    let before = received(quarry);

    for path in ["/mill/projects/scene", "/mill/projects/textures/the same"] {
        quarry.ok(["files", "get", path, text(&copy), "--overwrite"]);
        assert!(fs::read(&copy).expect("a copy") == bytes);
    }

    let came = received(quarry) - before;
    assert!(came < GROUP_BYTES as u64, "{came} bytes came again");
    let known = quarry.json(["files", "stat", "/mill/projects/scene"]);
    assert_eq!(known["blob"], gridwell_model::BlobId::of(&bytes).to_string());
}

/// Row 16 of the seeds.
#[test]
fn a_file_that_went_while_a_machine_was_away_is_gone_there_too() {
    let mut grid = Grid::steady(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    for name in ["kept", "deleted"] {
        fs::write(folder.join(name), name).expect("a file");
    }
    until_shown(&grid.peers[1], "/mill/projects");
    assert_eq!(names(&grid.peers[1], "/mill/projects"), ["deleted", "kept", "textures"]);
    grid.peers[1].stop();
    fs::remove_file(folder.join("deleted")).expect("it was there");
    fs::write(folder.join("new"), "new").expect("a file");

    grid.peers[1].boot();

    let quarry = &grid.peers[1];
    until_shown(quarry, "/mill/projects");
    assert_eq!(names(quarry, "/mill/projects"), ["kept", "new", "textures"]);
    let gone = quarry.refused(2, ["files", "get", "/mill/projects/deleted", "-"]);
    assert!(gone.contains("there is nothing at 'deleted'") || gone.contains("/mill/projects/deleted"), "{gone}");
}

/// Row 15 of the seeds.
#[test]
fn a_file_comes_over_a_machine_between_unless_that_one_passes_nothing_on() {
    let mut grid = Grid::of(&["mill", "smithy", "quarry"]);
    part(&grid);
    let folder = shared(&grid, 0);
    let bytes = vec![7_u8; 3 * GROUP_BYTES + 7];
    fs::write(folder.join("wood.png"), &bytes).expect("a file");
    fs::write(folder.join("unread"), "unread").expect("a file");
    until_shown(&grid.peers[2], "/mill/projects");
    let copy = grid.path("copy");
    grid.peers[2].ok(["files", "get", "/mill/projects/wood.png", text(&copy)]);
    assert!(fs::read(&copy).expect("a copy") == bytes);
    let direct = grid.peers[2].json(["links"]);
    let direct = direct.as_array().expect("links").iter().find(|link| link["name"] == "mill").expect("a link");
    assert_eq!(direct["state"], "down", "nothing came straight: {direct}");

    grid.peers[1].ok(["set", "relay=off"]);
    grid.peers[2].until("no way to mill", &["machines"], |machines| {
        machines.as_array()?.iter().any(|machine| machine["name"] == "mill" && machine["online"] == false).then_some(())
    });
    assert_eq!(names(&grid.peers[2], "/mill/projects"), ["wood.png"], "what was read is remembered");
    let refused = grid.peers[2].refused(1, ["files", "get", "/mill/projects/unread", "-"]);
    assert!(refused.contains("mill is offline, or no way leads to it"), "{refused}");

    grid.peers[1].ok(["set", "relay=on"]);
    until_shown(&grid.peers[2], "/mill/projects");
    grid.peers[2].ok(["files", "get", "/mill/projects/wood.png", text(&copy), "--overwrite"]);
    grid.peers[1].kill();
    let cut = grid.peers[2].refused(1, ["files", "get", "/mill/projects/unread", "-"]);
    assert!(cut.contains("mill") || cut.contains("smithy"), "{cut}");
}

#[test]
fn a_share_is_seen_by_those_it_is_for() {
    let mut grid = Grid::of(&["mill", "quarry", "smithy"]);
    let barred = join_with(&grid, "attic", &json!({ "roles": ["run"] }));
    grid.peers.push(barred);
    grid.meet();
    let (mill, quarry, smithy, attic) = (&grid.peers[0], &grid.peers[1], &grid.peers[2], &grid.peers[3]);
    let folder = shared(&grid, 0);
    let some = grid.path("some");
    fs::create_dir(&some).expect("a folder");
    fs::write(some.join("secret"), "for quarry").expect("a file");
    fs::write(folder.join("open"), "for all").expect("a file");
    mill.ok(["share", "add", text(&some), "--name", "for quarry", "--to", "quarry"]);
    for peer in [quarry, smithy] {
        until_shown(peer, "/mill/projects");
    }
    until_shown(quarry, "/mill/for quarry");
    assert_eq!(quarry.output(["files", "get", "/mill/for quarry/secret", "-"]).stdout, b"for quarry");

    assert_eq!(names(smithy, "/mill"), ["projects"]);
    assert_eq!(names(attic, "/mill"), Vec::<String>::new(), "it may not see files");
    // Whoever asks all the same, because it was shown the share before, is refused by its owner.
    mill.ok(["role", "smithy", "--take", "files"]);
    let refused = smithy.refused(2, ["files", "get", "/mill/projects/open", "-"]);
    assert!(refused.contains("does not show") || refused.contains("nothing at"), "{refused}");

    mill.ok(["share", "remove", "for quarry"]);
    quarry.until("the share is gone", &["share", "list"], |shares| {
        shares.as_array()?.iter().all(|share| share["name"] != "for quarry").then_some(())
    });
    assert!(quarry.refused(2, ["files", "ls", "/mill/for quarry"]).contains("there is nothing at"));
    assert_eq!(fs::read(some.join("secret")).expect("it stays"), b"for quarry");
}

#[test]
fn shares_survive_a_restart_and_lead_out_of_nothing() {
    let mut grid = Grid::steady(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    fs::write(grid.path("secret"), "secret").expect("a file");
    symlink("../secret", folder.join("out")).expect("a link");
    symlink(grid.path("secret"), folder.join("away")).expect("a link");
    fs::write(folder.join("textures/wood.png"), "wood").expect("a file");
    symlink("textures/wood.png", folder.join("in")).expect("a link");
    grid.peers[0].stop();
    grid.peers[0].boot();
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    until_shown(quarry, "/mill/projects");

    let page = quarry.json(["files", "ls", "/mill/projects"]);
    let kinds: Vec<_> =
        page["files"].as_array().expect("files").iter().map(|file| (&file["name"], &file["kind"])).collect();
    let wanted = [("away", "hidden"), ("in", "link"), ("out", "hidden"), ("textures", "folder")];
    assert_eq!(
        kinds,
        wanted
            .map(|(name, kind)| (Value::from(name), Value::from(kind)))
            .iter()
            .map(|(a, b)| (a, b))
            .collect::<Vec<_>>()
    );
    for name in ["out", "away"] {
        quarry.refused(2, ["files", "get", &format!("/mill/projects/{name}"), "-"]);
    }
    for path in ["/mill/projects/../secret", "/mill/projects//x", "/mill/./projects"] {
        assert!(quarry.refused(2, ["files", "ls", path]).contains("is no path of the tree"), "{path}");
    }

    let data = mill.refused(2, ["share", "add", text(&grid.path(""))]);
    assert!(data.contains("the keys of this machine"), "{data}");
    fs::create_dir_all(grid.path("all/one")).expect("folders");
    let own = mill.refused(2, ["share", "add", text(&grid.path("all")), "--to", "mill"]);
    assert!(own.contains("name others"), "{own}");
    let inside = mill.refused(2, ["mount", text(&folder.join("textures/tree"))]);
    assert!(inside.contains("lies in a folder that is shared"), "{inside}");
    let twice = mill.refused(2, ["share", "add", text(&folder)]);
    assert!(twice.contains("shared already"), "{twice}");
    let named = mill.refused(2, ["share", "add", text(&grid.path("all")), "--name", "a/b"]);
    assert!(named.contains("cannot be the name of a share"), "{named}");
    let within = mill.refused(2, ["share", "add", text(&folder.join("textures"))]);
    assert!(within.contains("it lies in") && within.contains("is shared as projects"), "{within}");
    mill.ok(["share", "add", text(&grid.path("all/one"))]);
    let around = mill.refused(2, ["share", "add", text(&grid.path("all"))]);
    assert!(around.contains("it holds") && around.contains("is shared as one"), "{around}");
    let all = mill.refused(2, ["share", "add", "/"]);
    assert!(all.contains("the keys of this machine"), "{all}");
    let nothing = mill.refused(2, ["share", "add", text(&grid.path("nothing"))]);
    assert!(nothing.contains("cannot be shared"), "{nothing}");
}
