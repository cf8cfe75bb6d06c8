//! The tree over WebDAV, read by a program that knows nothing of grids.

use std::{fs, process::Command};

use crate::{
    shares::{received, shared, text, until_shown},
    support::{Grid, Peer},
};

/// What rclone does with the tree that `peer` shows.
fn rclone(peer: &Peer, words: &[&str]) -> std::process::Output {
    let token = fs::read_to_string(peer.data.join("token")).expect("the token");
    let mut command = Command::new("rclone");
    command.args(["--config", "/dev/null", "--webdav-vendor", "other", "--retries", "1", "--low-level-retries", "1"]);
    command.args(["--webdav-url", &format!("{}/v1/dav", peer.ready["http"].as_str().expect("an address"))]);
    command.args(["--webdav-bearer-token", token.trim()]).args(words).output().expect("rclone runs")
}

#[test]
fn programs_that_know_no_grid_read_the_tree_over_webdav() {
    let mut grid = Grid::of(&["mill"]);
    grid.add("quarry", &["--http", "0"]);
    let quarry = &grid.peers[1];
    let folder = shared(&grid, 0);
    let film: Vec<u8> = (0..3_000_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    fs::write(folder.join("film.mov"), &film).expect("a file");
    // More than a page of names, and some that have to be written otherwise in an address.
    for number in 0..2_500 {
        fs::write(folder.join(format!("textures/wood {number}.exr")), format!("{number}")).expect("a file");
    }
    for name in ["ü & <b>", "50%", "a#b?c"] {
        fs::write(folder.join(name), name).expect("a file");
    }
    std::os::unix::fs::symlink("film.mov", folder.join("latest")).expect("a link");
    until_shown(quarry, "/mill/projects");
    let before = received(quarry);

    let listed = rclone(quarry, &["lsf", "-R", ":webdav:mill/projects"]);
    let listed = String::from_utf8(listed.stdout).expect("text");
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    let mut expected: Vec<String> = (0..2_500).map(|number| format!("textures/wood {number}.exr")).collect();
    expected.extend(["film.mov", "textures/", "ü & <b>", "50%", "a#b?c"].map(String::from));
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(rclone(quarry, &["lsf", ":webdav:"]).stdout, b"jobs/\nmill/\nquarry/\n");
    assert!(received(quarry) - before < 2_000_000, "a list moves no content");

    for (name, content) in [("film.mov", film.as_slice()), ("ü & <b>", "ü & <b>".as_bytes()), ("a#b?c", b"a#b?c")] {
        let got = rclone(quarry, &["cat", &format!(":webdav:mill/projects/{name}")]);
        assert!(got.stdout == content, "{name}: {}", String::from_utf8_lossy(&got.stderr));
    }
    let part = rclone(quarry, &["cat", "--offset", "70000", "--count", "5", ":webdav:mill/projects/film.mov"]);
    assert_eq!(part.stdout, film[70_000..70_005]);
    let copy = grid.path("copy");
    let copied = rclone(quarry, &["copy", "--include", "wood 7*.exr", ":webdav:mill/projects/textures", text(&copy)]);
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    assert_eq!(fs::read(copy.join("wood 799.exr")).expect("a copy"), b"799");
    let modified = |path| fs::metadata(path).and_then(|meta| meta.modified()).expect("a time");
    let apart = modified(copy.join("wood 7.exr")).duration_since(modified(folder.join("textures/wood 7.exr")));
    assert!(apart.unwrap_or_else(|early| early.duration()).as_secs() < 1, "its date is the file's");

    // Nothing is written through it.
    let source = grid.path("new");
    fs::write(&source, "new").expect("a file");
    assert!(!rclone(quarry, &["copyto", text(&source), ":webdav:mill/projects/new"]).status.success());
    assert!(!rclone(quarry, &["deletefile", ":webdav:mill/projects/film.mov"]).status.success());
    assert!(folder.join("film.mov").exists() && !folder.join("new").exists());
}

#[test]
fn webdav_says_what_there_is_what_there_is_not_and_what_it_does_not_do() {
    let grid = Grid::of(&["mill"]);
    let mill = &grid.peers[0];
    let folder = shared(&grid, 0);
    fs::write(folder.join("a & b"), "four").expect("a file");
    let ask = |method: &str, path: &str, lines: &str| {
        let (head, body) = mill.ask_with(method, path, lines);
        (head, String::from_utf8(body).expect("text"))
    };
    for path in ["/v1/dav", "/v1/dav/", "/v1/dav/mill/projects", "/v1/dav/mill/projects/"] {
        let (head, body) = ask("PROPFIND", path, "Depth: 0\r\n");
        assert!(head.starts_with("HTTP/1.1 207"), "{path}: {head}");
        assert_eq!(body.matches("<D:response>").count(), 1, "{path}: {body}");
        assert!(body.contains("<D:collection/>"), "{path}: {body}");
    }
    let (_, body) = ask("PROPFIND", "/v1/dav/mill/projects", "Depth: 1\r\n");
    assert!(body.contains("<D:href>/v1/dav/mill/projects/a%20%26%20b</D:href>"), "{body}");
    assert!(body.contains("<D:getcontentlength>4</D:getcontentlength>") && body.contains(" GMT</D:getlast"), "{body}");
    let (head, _) = ask("PROPFIND", "/v1/dav/mill/none", "Depth: 1\r\n");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    for depth in ["", "Depth: infinity\r\n"] {
        let (head, body) = ask("PROPFIND", "/v1/dav/", depth);
        assert!(head.starts_with("HTTP/1.1 403") && body.contains("propfind-finite-depth"), "{head}{body}");
    }
    let (head, _) = ask("OPTIONS", "/v1/dav/", "");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("dav: 1") && head.contains("PROPFIND"), "{head}");
    for method in ["PUT", "DELETE", "MKCOL", "MOVE", "LOCK"] {
        let (head, body) = ask(method, "/v1/dav/mill/projects/a%20%26%20b", "");
        assert!(head.starts_with("HTTP/1.1 405") && head.contains("allow: "), "{method}: {head}");
        assert!(body.contains("only read"), "{method}: {body}");
    }
}
