//! A real render: the same frames by Blender alone and by a grid of three peers on the same cores.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Bench, median, page::Row, seconds};
use crate::{
    demo,
    grid::Grid,
    shell::{self, Failure},
};

const FRAMES: u32 = 24;

/// Most rounds: each takes minutes.
const MOST_ROUNDS: usize = 3;

/// Makes the sample's frames take some seconds of processor time each, as real ones do; of shorter ones Blender's own start is most.
const HEAVIER: &str = "import bpy, sys
scene = bpy.context.scene
scene.cycles.samples = 128
scene.cycles.use_adaptive_sampling = False
scene.render.resolution_x, scene.render.resolution_y = 480, 270
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])";

pub(super) fn compare(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let Some(blender) = shell::find("blender") else {
        return Ok(vec![Row::new("24 frames by Blender", "not measured", "Blender is not installed")]);
    };
    let scene = heavier(&blender, &demo::make_blend(&blender, &bench.folder)?)?;
    let grid = Grid::start(&bench.program, &bench.folder.join("peers"), &["one", "two", "three"])?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds.min(MOST_ROUNDS) {
        println!("round {round}");
        bare.push(seconds(|| bare_blender(&blender, &scene, &bench.folder))?);
        let output = bench.folder.join(format!("frames-{round}"));
        ours.push(seconds(|| gridwell(&grid, &scene, &output))?);
    }
    let ratios: Vec<f64> = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
    let more = (median(&ratios) - 1.0) * 100.0;
    Ok(vec![
        Row::new(format!("{FRAMES} frames, Blender alone, two processes"), format!("{:.1} s", median(&bare)), ""),
        Row::new(
            format!("{FRAMES} frames, gridwell, three peers of one machine"),
            format!("{:.1} s", median(&ours)),
            format!("{more:+.1} % (bar: +5 %)"),
        ),
    ])
}

fn heavier(blender: &Path, light: &Path) -> Result<PathBuf, Failure> {
    let scene = light.with_file_name("heavier.blend");
    let mut command = Command::new(blender);
    command.arg("--background").arg(light).args(["--python-exit-code", "1", "--python-expr", HEAVIER, "--"]);
    shell::run(command.arg(&scene).stdout(Stdio::null()))?;
    Ok(scene)
}

/// Two Blenders with half of the frames each: what a person would type.
fn bare_blender(blender: &Path, scene: &Path, folder: &Path) -> Result<(), Failure> {
    let half = |first: u32, last: u32| {
        let mut command = Command::new(blender);
        command.arg("--background").arg(scene).arg("--render-output").arg(folder.join("bare/frame_####"));
        command.args(["--frame-start", &first.to_string(), "--frame-end", &last.to_string(), "--render-anim"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    };
    let mut commands = [half(1, FRAMES / 2), half(FRAMES / 2 + 1, FRAMES)];
    let mut children = Vec::new();
    for command in &mut commands {
        children.push(shell::start(command)?);
    }
    for (child, command) in children.iter_mut().zip(&commands) {
        let status = shell::wait(child)?;
        if !status.success() {
            return Err(Failure::CommandFailed { command: shell::show(command), status });
        }
    }
    Ok(())
}

fn gridwell(grid: &Grid, scene: &Path, output: &Path) -> Result<(), Failure> {
    let mut command = grid.command();
    command.arg("run").arg(scene).args(["--frames", &format!("1-{FRAMES}"), "--output"]).arg(output);
    shell::run(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}
