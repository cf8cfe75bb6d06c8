//! Three peers on this machine render a sample; anybody can watch it happen.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    grid::Grid,
    setup,
    shell::{self, Failure},
};

const PEERS: [&str; 3] = ["anvil", "bellows", "crucible"];
const FRAMES: &str = "1-24";

/// A short animation for the renderer inside `gridwell`.
const SAMPLE: &str = "\
gridwell_sample = 1
title = \"Demo\"
width = 480
height = 270
frames = \"1-24\"
";

/// Makes Blender's own start scene move and render quickly on a processor.
const BLENDER_SCENE: &str = "\
import bpy, math, sys
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 24
scene.render.engine = 'CYCLES'
scene.cycles.samples, scene.cycles.use_denoising = 8, False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 320, 180, 100
scene.render.image_settings.file_format = 'PNG'
cube = bpy.data.objects['Cube']
for frame, turn in ((1, 0), (24, math.pi / 2)):
    cube.rotation_euler = (turn, turn, turn)
    cube.keyframe_insert('rotation_euler', frame=frame)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
";

pub(crate) fn run(options: &[String]) -> Result<(), Failure> {
    let mut keep = false;
    let mut profile = "demo";
    let mut words = options.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--keep" => keep = true,
            "--profile" => profile = words.next().ok_or_else(|| Failure::Usage { word: word.to_owned() })?,
            _ => return Err(Failure::Usage { word: word.to_owned() }),
        }
    }
    setup::install(&setup::BUILD)?;
    let program = build(profile)?;
    let folder = fresh_folder()?;
    let scene = make_scene(&folder)?;
    let frames = folder.join("frames");

    println!("starting three peers: {}", PEERS.join(", "));
    let mut grid = Grid::start(&program, &folder.join("peers"), &PEERS)?;
    println!("rendering frames {FRAMES} of {}", scene.display());
    shell::run(grid.command().arg("run").arg(&scene).args(["--frames", FRAMES, "--output"]).arg(&frames))?;
    report(&grid, &frames)?;
    if keep {
        println!("the peers stay until Ctrl-C; try: {}", shell::show(grid.command().arg("machines")));
        grid.watch()?;
    }
    Ok(())
}

/// Builds `gridwell` under a profile; returns the program.
pub(crate) fn build(profile: &str) -> Result<PathBuf, Failure> {
    println!("building gridwell (the first time takes some minutes)");
    shell::run(shell::cargo().args(["build", "--package", "gridwell-cli", "--profile", profile]))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(shell::target_dir()?.join(folder).join("gridwell"))
}

/// An empty folder for everything the demo makes; what an earlier demo made goes.
fn fresh_folder() -> Result<PathBuf, Failure> {
    // Not in the folder of the `demo` profile, whose programs cargo keeps.
    let folder = shell::target_dir()?.join("demo-grid");
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::file(&folder, error)),
        _ => {}
    }
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    Ok(folder)
}

/// Makes what is rendered: a .blend where Blender is installed, otherwise a scene for our own renderer.
pub(crate) fn make_scene(folder: &Path) -> Result<PathBuf, Failure> {
    if let Some(blender) = shell::find("blender") {
        println!("Blender is here: rendering a .blend");
        return make_blend(&blender, folder);
    }
    println!("Blender is not installed: the sample renderer inside gridwell does the work");
    let scene = folder.join("demo.gridwell-sample");
    std::fs::write(&scene, SAMPLE).map_err(|error| Failure::file(&scene, error))?;
    Ok(scene)
}

/// Lets Blender write the sample scene into `folder`.
pub(crate) fn make_blend(blender: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let scene = folder.join("demo.blend");
    let mut command = Command::new(blender);
    command.args([
        "--background",
        "--factory-startup",
        "--python-exit-code",
        "1",
        "--python-expr",
        BLENDER_SCENE,
        "--",
    ]);
    shell::run(command.arg(&scene).stdout(Stdio::null()))?;
    Ok(scene)
}

/// Says where the frames lie and which machine made which.
fn report(grid: &Grid, frames: &Path) -> Result<(), Failure> {
    let missing =
        |missing: &str| Failure::UnexpectedOutput { command: "gridwell jobs".into(), missing: missing.into() };
    let jobs = grid.ask(&["jobs"])?;
    let job = jobs[0]["id"].as_str().ok_or_else(|| missing("no job"))?;
    let page = grid.ask(&["tasks", job, "--limit", "0"])?;
    let tasks = page["tasks"].as_array().ok_or_else(|| missing("no tasks"))?;

    println!("\n{} frames lie in {}\n", count_files(frames)?, frames.display());
    println!("{:<12} {:>6}  frames", "machine", "made");
    for (machine, labels) in made_by(tasks) {
        println!("{machine:<12} {:>6}  {}", labels.len(), labels.join(" "));
    }
    Ok(())
}

/// Frames that each machine made, by its name. A task's label is `frame 7`.
fn made_by(tasks: &[Value]) -> BTreeMap<&str, Vec<&str>> {
    let mut machines = BTreeMap::<_, Vec<_>>::new();
    for task in tasks.iter().filter(|task| task["state"] == "done") {
        let machine = task["machine_name"].as_str().unwrap_or("?");
        let label = task["label"].as_str().unwrap_or("?");
        machines.entry(machine).or_default().push(label.strip_prefix("frame ").unwrap_or(label));
    }
    machines
}

fn count_files(folder: &Path) -> Result<usize, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| Failure::file(folder, error))?;
    Ok(entries.filter_map(Result::ok).filter(|entry| entry.path().is_file()).count())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_counts_what_each_machine_finished() {
        let task = |label, machine, state| json!({ "label": label, "machine_name": machine, "state": state });
        let tasks = [
            task("frame 1", "anvil", "done"),
            task("2", "bellows", "done"),
            task("3", "anvil", "done"),
            task("4", "anvil", "failed"),
        ];
        assert_eq!(made_by(&tasks), BTreeMap::from([("anvil", vec!["1", "3"]), ("bellows", vec!["2"])]));
    }
}
