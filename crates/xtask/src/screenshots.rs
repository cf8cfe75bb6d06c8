//! Pictures of every screen, dark and light, of real peers with real jobs: for people who look at them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    demo,
    grid::Grid,
    setup,
    shell::{self, Failure},
    ui,
};

const PEERS: [&str; 3] = ["atelier-tower", "render-01", "old-imac"];
/// Each seventh of these tasks fails, for a few reasons.
const SOME_FAIL: &str =
    "echo \"reading item {}\"; test $(( {} % 7 )) -ne 3 || { echo \"missing texture wood_{}.png\" >&2; exit 1; }";
/// Runs while the pictures are taken.
const SLOW: &str = "for step in $(seq 100); do echo \"openjd_progress: $step\"; sleep 1; done";

pub(crate) fn run(options: &[String]) -> Result<(), Failure> {
    let (profile, target) = read(options)?;
    let target = std::path::absolute(&target).map_err(|error| Failure::file(&target, error))?;
    setup::install(&setup::EVERYTHING)?;
    ui::build()?;
    let program = demo::build(profile)?;
    let folder = fresh_folder()?;
    let grid = Grid::start_with_window(&program, &folder.join("peers"), &PEERS)?;
    share_folders(&grid, &folder)?;
    let jobs = start_jobs(&grid, &folder)?;
    let window = grid.ask(&["ui"])?;
    let mut command = Command::new("node");
    command.arg("scripts/screenshots.mjs").current_dir(ui::folder()).arg("--out").arg(&target);
    command.args(["--address", window["url"].as_str().unwrap_or_default()]);
    for (name, id) in jobs {
        command.args([name, &id]);
    }
    shell::run(&mut command)?;
    println!("\nthe pictures lie in {}", target.display());
    Ok(())
}

/// `DIR [--profile NAME]`.
fn read(options: &[String]) -> Result<(&str, PathBuf), Failure> {
    let usage = || Failure::Usage { word: "screenshots without a folder".to_owned() };
    match options {
        [folder] if !folder.starts_with('-') => Ok(("demo", folder.into())),
        [folder, option, profile] if option == "--profile" => Ok((profile, folder.into())),
        _ => Err(usage()),
    }
}

fn fresh_folder() -> Result<PathBuf, Failure> {
    let folder = shell::target_dir()?.join("screenshots-grid");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    Ok(folder)
}

/// A folder of the first peer, and one of the second.
fn share_folders(grid: &Grid, folder: &Path) -> Result<(), Failure> {
    for (peer, name) in [(0, "Scenes"), (1, "Textures")] {
        let shared = folder.join(name);
        for (file, bytes) in [("brick_01.exr", 4_000_000), ("oak.png", 900_000), ("readme.txt", 1_200)] {
            let file = shared.join("wood").join(file);
            fs::create_dir_all(shared.join("wood")).map_err(|error| Failure::file(&shared, error))?;
            fs::write(&file, vec![0; bytes]).map_err(|error| Failure::file(&file, error))?;
        }
        grid.ask_of(peer, &["share", "add", &shared.to_string_lossy()])?;
    }
    Ok(())
}

/// One job that is done, one with failures, one that runs and one that waits; with the options that name the first three.
fn start_jobs(grid: &Grid, folder: &Path) -> Result<[(&'static str, String); 3], Failure> {
    let scene = demo::make_scene(folder)?;
    let mut render = grid.command();
    render
        .arg("run")
        .arg(&scene)
        .args(["--frames", "1-24", "--name", "kitchen", "--output"])
        .arg(folder.join("frames"));
    shell::run(render.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let done = newest(grid)?;
    let words = ["exec", "--array", "60", "--attempts", "1", "--name", "bake textures", "--", "sh", "-c", SOME_FAIL];
    let mut failing = grid.command();
    // That tasks failed is what is wanted.
    shell::wait(&mut shell::start(failing.args(words).stdout(Stdio::null()).stderr(Stdio::null()))?)?;
    let failed = newest(grid)?;
    let waiting = ["exec", "--detach", "--needs", "ram > 900 GB", "--name", "simulate smoke", "--", "true"];
    shell::run(grid.command().args(waiting).stdout(Stdio::null()))?;
    let slow = ["exec", "--detach", "--array", "40", "--name", "train", "--", "sh", "-c", SLOW];
    shell::run(grid.command().args(slow).stdout(Stdio::null()))?;
    Ok([("--done", done), ("--failed", failed), ("--running", newest(grid)?)])
}

fn newest(grid: &Grid) -> Result<String, Failure> {
    let jobs: Value = grid.ask(&["jobs", "-n", "1"])?;
    let missing = || Failure::UnexpectedOutput { command: "gridwell jobs".into(), missing: "no job".into() };
    jobs[0]["id"].as_str().map(str::to_owned).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_needed_and_a_profile_may_be_named() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(read(&words(&["/x"])).unwrap(), ("demo", PathBuf::from("/x")));
        assert_eq!(read(&words(&["/x", "--profile", "dev"])).unwrap(), ("dev", PathBuf::from("/x")));
        assert!(read(&[]).is_err() && read(&words(&["--profile", "dev"])).is_err());
    }
}
