//! Pictures: many machines make what one program makes alone, pixel for pixel.

use std::{fs, path::Path, process::Command};

use gridwell_job::sample::{SampleCommand, parse_arguments};
use serde_json::Value;

use crate::support::{Grid, makers, names};

/// Blender's own start scene, moving, rendered on the processor without noise that depends on time.
const SCENE: &str = "\
import bpy, math, sys
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 24
scene.render.engine = 'CYCLES'
scene.cycles.samples, scene.cycles.use_denoising = 4, False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
scene.render.image_settings.file_format = 'PNG'
cube = bpy.data.objects['Cube']
for frame, turn in ((1, 0), (24, math.pi / 2)):
    cube.rotation_euler = (turn, turn, turn)
    cube.keyframe_insert('rotation_euler', frame=frame)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
";

const SAMPLE: &str = "\
gridwell_sample = 1
title = \"Test\"
width = 40
height = 30
frames = \"1-4\"
";

const PEERS: [&str; 3] = ["anvil", "bellows", "crucible"];

#[test]
fn three_peers_render_a_blend_as_blender_alone_does() {
    let grid = Grid::of(&PEERS);
    let scene = grid.path("cube.blend");
    blender(&["--factory-startup", "--python-exit-code", "1", "--python-expr", SCENE, "--", text(&scene)]);
    let (alone, together) = (grid.path("alone"), grid.path("together"));
    let pattern = alone.join("frame_####");
    blender(&[text(&scene), "-o", text(&pattern), "-F", "PNG", "-x", "1", "-a"]);

    let job = grid.peers[0].json(["run".as_ref(), scene.as_os_str(), "--output".as_ref(), together.as_os_str()]);

    assert_eq!(job[0]["state"], "done", "{job:#}");
    assert_eq!(job[0]["counts"]["done"], 24);
    assert_eq!(makers(&job[0]), PEERS);
    let expected: Vec<_> = (1..=24).map(|frame| format!("frame_{frame:04}.png")).collect();
    assert_eq!(names(&together), expected);
    for name in expected {
        assert!(pixels(&together.join(&name)) == pixels(&alone.join(&name)), "{name} differs");
    }
}

/// Reads a texture, has another one packed, and looks for a third where it is not.
const TEXTURED: &str = "\
import bpy, os, sys
folder = sys.argv[-1]
for name in 'wood.png', 'packed.png', 'old/sky.png':
    image = bpy.data.images.new(name, 4, 4)
    image.filepath_raw, image.file_format, image.use_fake_user = os.path.join(folder, name), 'PNG', True
    image.save()
    if name == 'packed.png':
        image.pack()
    image.filepath = '//' + name.replace('old', 'new')
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, 'shot.blend'))
";

#[test]
fn what_a_scene_reads_what_is_packed_and_what_is_missing_is_named_before_it_starts() {
    let grid = Grid::of_one();
    fs::create_dir(grid.path("old")).expect("a folder");
    blender(&["--factory-startup", "--python-exit-code", "1", "--python-expr", TEXTURED, "--", text(&grid.path(""))]);
    let scene = grid.path("shot.blend");

    let draft = &grid.peers[0].json(["inspect", text(&scene), "--frames", "1"])[0];

    let named = |list: &str| -> Vec<_> {
        let files = draft[list].as_array().expect("a list").iter();
        files.map(|file| (file["purpose"].clone(), file["path"].clone(), file["closest"].clone())).collect()
    };
    let file = |purpose: &str, name: &str| (purpose.into(), text(&grid.path(name)).into(), Value::Null);
    assert_eq!(named("files"), [file("scene", "shot.blend"), file("image", "wood.png")]);
    assert_eq!(named("packed"), [file("image", "packed.png")]);
    let (purpose, path, _) = file("image", "new/sky.png");
    assert_eq!(named("missing"), [(purpose, path, text(&grid.path("old/sky.png")).into())]);
}

#[test]
fn three_peers_render_whole_frames_of_the_sample_as_one_program_does() {
    let grid = Grid::of(&PEERS);
    let scene = grid.write("ball.gridwell-sample", SAMPLE);
    let output = grid.path("frames");

    let arguments = ["run", text(&scene), "--frames", "1-12", "--output", text(&output)];
    let job = grid.peers[0].json(arguments);

    assert_eq!(job[0]["state"], "done", "{job:#}");
    assert_eq!(makers(&job[0]), PEERS);
    assert_eq!(names(&output).len(), 12);
    for frame in 1..=12 {
        let made = fs::read(output.join(format!("frame_{frame:04}.png"))).expect("the frame is there");
        assert!(made == sample_frame(&scene, frame), "frame {frame} differs");
    }
}

#[test]
fn tiles_of_the_sample_make_the_picture_that_one_program_makes() {
    let grid = Grid::of(&PEERS);
    let scene = grid.write("ball.gridwell-sample", SAMPLE);
    let output = grid.path("frames");

    let arguments = ["run", text(&scene), "--frames", "1-2", "--param", "TileSide=12", "--output", text(&output)];
    let job = grid.peers[0].json(arguments);

    // 40 × 30 pixels in tiles of 12: 4 × 3 for each of two frames, and two pictures put together.
    assert_eq!(job[0]["state"], "done", "{job:#}");
    assert_eq!(job[0]["counts"]["done"], 26);
    assert_eq!(makers(&job[0]), PEERS);
    for frame in 1..=2 {
        let made = fs::read(output.join(format!("frame_{frame:04}.png"))).expect("the frame is there");
        assert!(made == sample_frame(&scene, frame), "frame {frame} differs");
    }
}

#[test]
fn povray_renders_an_animation() {
    let grid = Grid::of_one();
    let source = "camera { location <0,0,-4> look_at 0 } light_source { <5,5,-5> rgb 1 }\n\
                  sphere { <clock,0,0>, 1 pigment { rgb <1,0,0> } }\n";
    let scene = grid.write("a ball.pov", source);
    let output = grid.path("frames");

    let size = ["--param", "Width=32", "--param", "Height=24"];
    let arguments = ["run", text(&scene), "--frames", "1-2", "--output", text(&output)];
    let job = grid.peers[0].json(arguments.into_iter().chain(size));

    assert_eq!(job[0]["state"], "done", "{job:#}");
    assert_eq!(names(&output), ["frame_0001.png", "frame_0002.png"]);
    let (first, second) = (pixels(&output.join("frame_0001.png")), pixels(&output.join("frame_0002.png")));
    assert_eq!((first.0, first.1), (32, 24));
    assert!(first != second, "the ball does not move");
}

#[test]
fn three_peers_convert_parts_of_a_film_and_no_picture_is_lost() {
    let grid = Grid::of(&PEERS);
    let film = grid.path("a film.mp4");
    let source = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=6", "-pix_fmt", "yuv420p", "-g", "10"];
    let made = Command::new("ffmpeg").args(["-v", "error"]).args(source).arg(&film).status();
    assert!(made.expect("ffmpeg is installed: cargo xtask test does it").success());
    let output = grid.path("converted");

    let job = grid.peers[0].json(["run", text(&film), "--param", "Parts=12", "--output", text(&output)]);

    assert_eq!(job[0]["state"], "done", "{job:#}");
    assert_eq!(makers(&job[0]), PEERS);
    let whole = names(&output).into_iter().find(|name| name.ends_with(".mkv")).expect("a film");
    assert_eq!((pictures(&film), pictures(&output.join(whole))), (60, 60));
}

/// Pictures of a film.
fn pictures(film: &Path) -> u32 {
    let count = ["-v", "error", "-count_frames", "-select_streams", "v:0"];
    let show = ["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(count).args(show).arg(film).output().expect("ffprobe is installed");
    String::from_utf8_lossy(&output.stdout).trim().trim_end_matches(',').parse().expect("a number")
}

/// Runs Blender in the background; it must be installed and succeed.
pub(crate) fn blender(arguments: &[&str]) {
    let output = Command::new("blender")
        .args(["--background", "-Y"])
        .args(arguments)
        .output()
        .expect("Blender is installed: cargo xtask test does it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The picture that the sample renderer makes here, without any node.
fn sample_frame(scene: &Path, frame: u32) -> Vec<u8> {
    let frame = frame.to_string();
    let words = ["render", "--scene", text(scene), "--frame", &frame, "--output", "unused.png"];
    let Ok(SampleCommand::Render(render)) = parse_arguments(&words) else {
        panic!("the arguments make a picture");
    };
    render.run(&fs::read_to_string(scene).expect("the scene is there")).expect("the scene can be rendered")
}

/// Width, height and decoded pixels of a PNG; what else is in the file, such as dates, does not count.
pub(crate) fn pixels(path: &Path) -> (u32, u32, Vec<u8>) {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a picture");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut pixels).expect("a whole picture");
    pixels.truncate(info.buffer_size());
    (info.width, info.height, pixels)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is text")
}
