//! What lies here of other machines' files: kept, fetched, freed, checked, and read while their machine is away.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    shares::{GROUP_BYTES, received, shared, until_shown},
    support::{Grid, Peer, until},
};

const SCENE: &str = "/mill/projects/scene";
const SCENE_BYTES: usize = 40 * GROUP_BYTES + 7;

/// A share of `mill` that `quarry` sees, with a scene and a texture in it.
fn kitchen() -> (Grid, PathBuf) {
    let grid = Grid::steady(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    fs::write(folder.join("scene"), scene()).expect("a file");
    fs::write(folder.join("textures/wood"), "wood").expect("a file");
    until_shown(&grid.peers[1], "/mill/projects");
    (grid, folder)
}

fn scene() -> Vec<u8> {
    (0..SCENE_BYTES).map(|at| (at / 97 % 256) as u8).collect()
}

fn stat(peer: &Peer, path: &str) -> Value {
    peer.json(["files", "stat", path])
}

fn read(peer: &Peer, path: &str) -> Vec<u8> {
    peer.output(["files", "get", path, "-"]).stdout
}

fn until_here(peer: &Peer, path: &str, bytes: usize) {
    peer.until(&format!("all of {path}"), &["files", "stat", path], |file| {
        (file["here_bytes"] == bytes && file["fetching"] == false).then_some(())
    });
}

fn until_away(peer: &Peer) {
    peer.until("mill to be away", &["files", "ls", "/mill/projects"], |page| (page["online"] == false).then_some(()));
}

/// Point 10.
#[test]
fn what_is_kept_comes_whole_stays_and_is_read_while_its_machine_is_away() {
    let (mut grid, folder) = kitchen();
    let before = stat(&grid.peers[1], SCENE);
    assert_eq!((&before["here_bytes"], &before["kept"]), (&0.into(), &false.into()));
    assert_eq!(stat(&grid.peers[0], SCENE)["here_bytes"], Value::Null, "it is mill's own");

    let kept = grid.peers[1].json(["files", "pin", "/mill/projects"]);
    assert_eq!(kept["kept"], true);
    until_here(&grid.peers[1], "/mill/projects", SCENE_BYTES + 4);
    fs::write(folder.join("textures/new"), "new").expect("a file");
    grid.peers[1].json(["files", "pin", "/mill/projects"]);
    until_here(&grid.peers[1], "/mill/projects/textures/new", 3);
    grid.peers[1].stop();
    grid.peers[0].stop();
    grid.peers[1].boot();
    until_away(&grid.peers[1]);

    let page = grid.peers[1].json(["files", "ls", "/mill/projects"]);
    let files = page["files"].as_array().expect("files");
    let shown: Vec<_> = files.iter().map(|file| (&file["name"], &file["kept"], &file["online"])).collect();
    let (yes, no) = (Value::from(true), Value::from(false));
    assert_eq!(shown, [(&"scene".into(), &yes, &no), (&"textures".into(), &yes, &no)]);
    assert!(read(&grid.peers[1], SCENE) == scene());
    assert_eq!(read(&grid.peers[1], "/mill/projects/textures/new"), b"new");
    let freed = grid.peers[1].json(["files", "free", "/mill/projects"]);
    assert_eq!((&freed["bytes"], &freed["kept"], &freed["last"]), (&0.into(), &3.into(), &0.into()));
}

#[test]
fn room_is_made_only_of_what_can_be_had_again() {
    let (mut grid, folder) = kitchen();
    let whole = grid.peers[1].json(["files", "fetch", "/mill/projects"]);
    assert_eq!((&whole["here_bytes"], &whole["kept"]), (&(SCENE_BYTES + 4).into(), &false.into()));
    let places = grid.peers[1].json(["files", "where", SCENE]);
    let has =
        |at: usize| (places[at]["name"].as_str(), places[at]["here_bytes"].as_u64(), places[at]["owner"].as_bool());
    assert_eq!(has(0), (Some("mill"), Some(SCENE_BYTES as u64), Some(true)));
    assert_eq!(has(1), (Some("quarry"), Some(SCENE_BYTES as u64), Some(false)));

    // Mill has another version of the texture now: what is here may be the last copy of the old one.
    fs::write(folder.join("textures/wood"), "oak and ash").expect("a file");
    let freed = grid.peers[1].json(["files", "free", "/mill/projects"]);
    assert_eq!((&freed["bytes"], &freed["last"]), (&SCENE_BYTES.into(), &1.into()));
    assert_eq!(stat(&grid.peers[1], SCENE)["here_bytes"], 0);
    grid.peers[1].ok(["files", "fetch", SCENE]);
    grid.peers[0].stop();
    until_away(&grid.peers[1]);
    let said = grid.peers[1].ok(["files", "free", SCENE]);
    assert!(said.contains("Nothing went") && said.contains("1 file stayed") && said.contains("last copy"), "{said}");
    assert!(read(&grid.peers[1], SCENE) == scene());

    grid.peers[0].boot();
    until_shown(&grid.peers[1], "/mill/projects");
    grid.peers[1].ok(["files", "pin", SCENE]);
    grid.peers[1].ok(["files", "unpin", SCENE]);
    let freed = grid.peers[1].json(["files", "free", SCENE]);
    assert_eq!((&freed["bytes"], &freed["files"]), (&SCENE_BYTES.into(), &1.into()));
    let own = grid.peers[0].refused(2, ["files", "pin", SCENE]);
    assert!(own.contains("this machine's own"), "{own}");
    let machine = grid.peers[1].refused(2, ["files", "free", "/mill"]);
    assert!(machine.contains("is no share"), "{machine}");
}

#[test]
fn bytes_that_the_disk_spoils_are_found_and_come_anew() {
    let (mut grid, _) = kitchen();
    grid.peers[1].ok(["files", "fetch", SCENE]);
    assert!(grid.peers[1].ok(["files", "verify", SCENE]).contains("all is well"));
    grid.peers[1].stop();
    let data = data_file(&grid.peers[1].data.join("objects"), SCENE_BYTES);
    let data = fs::File::options().write(true).open(data).expect("the pieces of the scene");
    data.write_all_at(b"spoilt", 20 * GROUP_BYTES as u64).expect("bytes");
    grid.peers[1].boot();
    let quarry = &grid.peers[1];
    until_shown(quarry, "/mill/projects");

    let found = quarry.json(["files", "verify", "/mill/projects"]);

    assert_eq!((&found["wrong"], &found["wrong_bytes"]), (&vec![SCENE].into(), &(16 * GROUP_BYTES).into()));
    let before = received(quarry);
    assert!(read(quarry, SCENE) == scene());
    let came = received(quarry) - before;
    assert!(came < 18 * GROUP_BYTES as u64, "{came} bytes: only what was wrong had to come");
    assert!(quarry.ok(["files", "verify", SCENE]).contains("all is well"));
}

/// The file of pieces of that size.
fn data_file(objects: &Path, size: usize) -> PathBuf {
    until("the pieces on the disk", || {
        let folders = fs::read_dir(objects).ok()?.filter_map(Result::ok);
        let files = folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().filter_map(Result::ok);
        let of_size = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() == size as u64);
        files.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "data") && of_size(path))
    })
}
