//! Files that a person copies into a share of his machine, pictures of files that are elsewhere, and who is told when a machine is back.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use serde_json::json;

use crate::{
    shares::{GROUP_BYTES, received, shared, text, until_shown},
    support::{Grid, until},
};

#[test]
fn a_file_is_put_into_a_share_whole_and_in_nobodys_place() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let folder = shared(&grid, 0);
    until_shown(quarry, "/mill/projects");
    let oak = grid.write("oak.png", vec![7; 3 * GROUP_BYTES + 1]);

    mill.ok(["files", "put", text(&oak), "/mill/projects/textures"]);
    mill.ok(["files", "put", text(&oak), "/mill/projects/new/deep/copy.png"]);
    for path in ["textures/oak.png", "new/deep/copy.png"] {
        assert!(fs::read(folder.join(path)).expect("a copy") == fs::read(&oak).expect("a file"), "{path}");
        assert!(
            quarry.output(["files", "get", &format!("/mill/projects/{path}"), "-"]).stdout.len() == 3 * GROUP_BYTES + 1
        );
    }
    assert!(oak.is_file(), "it was copied, not moved");

    // The same content stands for it and stays as it is.
    let number = |path: &str| fs::metadata(folder.join(path)).expect("a file").ino();
    let before = number("textures/oak.png");
    mill.ok(["files", "put", text(&oak), "/mill/projects/textures"]);
    assert_eq!(number("textures/oak.png"), before);

    fs::write(&oak, "another").expect("a file");
    let put = ["files", "put", text(&oak), "/mill/projects/textures"];
    assert!(mill.refused(2, put).contains("is there already"));
    assert_eq!(fs::metadata(folder.join("textures/oak.png")).expect("a file").len(), 3 * GROUP_BYTES as u64 + 1);
    mill.ok(put.into_iter().chain(["--overwrite"]));
    assert_eq!(fs::read(folder.join("textures/oak.png")).expect("a file"), b"another");
    let left = fs::read_dir(folder.join("textures")).expect("a folder").count();
    assert_eq!(left, 1, "nothing of ours is left beside it");

    fs::write(&oak, "run me").expect("a file");
    fs::set_permissions(&oak, fs::Permissions::from_mode(0o755)).expect("rights");
    mill.ok(["files", "put", text(&oak), "/mill/projects/run"]);
    assert!(fs::metadata(folder.join("run")).expect("a file").mode() & 0o100 != 0);
}

#[test]
fn nobody_puts_into_what_is_not_his_or_leads_elsewhere() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let folder = shared(&grid, 0);
    until_shown(quarry, "/mill/projects");
    let file = grid.write("file", "x");
    let put = |to: &'static str| ["files", "put", text(&file), to];

    assert!(quarry.refused(2, put("/mill/projects")).contains("one writer, its owner"));
    assert!(mill.refused(2, put("/mill")).contains("is no share"));
    assert!(mill.refused(2, put("/mill/projects/textures/file/..")).contains("no path of the tree"));
    std::os::unix::fs::symlink(grid.path("outside"), folder.join("link")).expect("a link");
    fs::create_dir(grid.path("outside")).expect("a folder");
    mill.refused(2, put("/mill/projects/link/file"));
    std::os::unix::fs::symlink("textures", folder.join("inside")).expect("a link");
    assert!(mill.refused(2, put("/mill/projects/inside/file")).contains("is a link"));
    assert_eq!(fs::read_dir(grid.path("outside")).expect("a folder").count(), 0);
    assert!(mill.refused(2, ["files", "put", text(&folder), "/mill/projects/x"]).contains("is not a file"));
    let nowhere = grid.path("nowhere");
    assert!(mill.refused(2, ["files", "put", text(&nowhere), "/mill/projects/x"]).contains("No such file"));
    std::os::unix::fs::symlink(&mill.data, grid.path("alias")).expect("a link");
    for key in [mill.data.join("identity"), grid.path("alias/identity")] {
        assert!(mill.refused(2, ["files", "put", text(&key), "/mill/projects/x"]).contains("keys of this machine"));
    }
    // Its disk is not there: nothing is made in its place.
    fs::rename(&folder, grid.path("moved")).expect("another name");
    mill.refused(2, put("/mill/projects/x"));
    assert!(!folder.exists());
}

#[test]
fn a_picture_of_a_file_elsewhere_is_made_and_kept() {
    let grid = Grid::of(&["mill", "quarry"]);
    let quarry = &grid.peers[1];
    let folder = shared(&grid, 0);
    let picture = image::RgbaImage::from_fn(640, 320, |x, y| image::Rgba([x as u8, y as u8, (x ^ y) as u8, 255]));
    picture.save(folder.join("textures/oak.png")).expect("saved");
    fs::write(folder.join("textures/torn.png"), "no picture").expect("a file");
    until_shown(quarry, "/mill/projects");
    let shown = |name: &str| quarry.get(&format!("/v1/picture?file=/mill/projects/textures/{name}&size=160"));

    let (head, bytes) = shown("oak.png");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let small = image::load_from_memory(&bytes).expect("a picture");
    assert_eq!((small.width(), small.height()), (160, 80));
    let file = quarry.json(["files", "stat", "/mill/projects/textures/oak.png"]);
    assert_eq!(file["here_bytes"], file["size_bytes"], "what was read is here now");
    let before = received(quarry);
    assert!(shown("oak.png").1 == bytes);
    assert!(received(quarry) - before < 16 * 1024, "it was kept");

    assert!(shown("torn.png").0.starts_with("HTTP/1.1 422"));
    assert!(shown("gone.png").0.starts_with("HTTP/1.1 422"));
    assert!(shown("film.mp4").0.starts_with("HTTP/1.1 422"), "films are read by a program, from a file");
}

#[test]
fn whoever_waits_for_a_machine_is_told_once_when_it_is_back() {
    let mut grid = Grid::steady(&["mill", "quarry"]);
    let awaited = |grid: &Grid| {
        let machines = grid.peers[0].json(["machines"]);
        machines.as_array().expect("machines").iter().any(|machine| machine["awaited"] == true)
    };
    let wish = |on: bool| json!({ "ask": "set", "awaited": { "quarry": on } });
    grid.peers[0].ask(&wish(true));
    assert!(!awaited(&grid), "it is there");
    grid.peers[1].stop();
    grid.peers[0].until("quarry to be away", &["machines"], |machines| {
        machines
            .as_array()?
            .iter()
            .any(|machine| machine["name"] == "quarry" && machine["online"] == false)
            .then_some(())
    });
    grid.peers[0].ask(&wish(true));
    assert!(awaited(&grid));
    // It is remembered.
    grid.peers[0].stop();
    grid.peers[0].boot();
    assert!(awaited(&grid));

    grid.peers[1].boot();

    let told = |grid: &Grid| {
        let page = grid.peers[0].json(["activity"]);
        let notices = page["notices"].as_array().expect("notices").clone();
        notices.into_iter().filter(|notice| notice["kind"] == "back").collect::<Vec<_>>()
    };
    let notices = until("the notice", || Some(told(&grid)).filter(|told| !told.is_empty()));
    assert_eq!((notices.len(), &notices[0]["sentence"]), (1, &json!("quarry is back")));
    assert!(!awaited(&grid));
}
