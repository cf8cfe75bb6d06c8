//! Machines whose tools differ.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::{Grid, Place, makers};

/// Adds a peer that finds a POV-Ray of that version.
fn add(grid: &mut Grid, name: &str, version: &str) {
    let program = grid.write(&format!("{name}-bin/povray"), format!("#!/bin/sh\necho POV-Ray {version}\n"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
    let folder = program.parent().expect("a folder").display().to_string();
    let path = format!("PATH={folder}:{}", std::env::var("PATH").expect("a search path"));
    grid.add_at(name, &[], Place { launcher: vec!["env".into(), path], ..Place::default() });
}

#[test]
fn frames_that_must_look_the_same_are_made_by_the_version_that_most_machines_have() {
    let mut grid = Grid::empty();
    for (name, version) in [("mill", "3.7.0.8.deb"), ("quarry", "3.7.0.10.deb"), ("attic", "3.7.0.8.deb")] {
        add(&mut grid, name, version);
    }
    grid.mapped();
    let mill = &grid.peers[0];
    mill.ok(["set", "sharpness=best"]);
    mill.ok(["prefer", "quarry", "attic"]);
    let start = |look: &str| {
        let wish = "machine = quarry * 5";
        let asked = ["exec", "--detach", "--array", "4", "--look", look, "--needs", "tool:povray", "--prefers", wish];
        mill.start_job([&asked[..], &["--", "true"]].concat())
    };
    let job = start("same");
    assert!(!makers(&mill.done(&job)).contains(&"quarry".to_owned()));
    let why = mill.json(["why", &job]);
    let quarry = why["machines"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "quarry"));
    let reason = "povray 3.7.0.10 (3.7.0.10.deb) there, the job began with 3.7.0.8 (3.7.0.8.deb)";
    assert_eq!(quarry.expect("it")["reasons"][0], reason, "{why:#}");
    let job = start("any");
    assert!(makers(&mill.done(&job)).contains(&"quarry".to_owned()));
}
