//! Jobs that read large files where they lie: what they touch moves, nothing else, and once.

use std::{fs, path::Path};

use crate::{
    renders::{blender, pixels},
    shares::{received, text},
    support::{Grid, Peer, until},
};

/// Pixels of a texture on each side: 100 MB without compression.
const SIDE: u32 = 5_776;
/// Textures that a scene names, 2 GB of them; it uses one.
const TEXTURES: u32 = 20;
/// What may cross the link for one texture and the scene.
const MOST_MOVED: u64 = 120_000_000;

/// A cube with the first texture of a folder, and all others for nothing.
const SCENE: &str = "\
import bpy, os, sys
folder = sys.argv[-1]
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 2
scene.render.engine = 'CYCLES'
scene.cycles.samples, scene.cycles.use_denoising = 1, False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
scene.render.image_settings.file_format = 'PNG'
for name in sorted(os.listdir(os.path.join(folder, 'textures'))):
    image = bpy.data.images.load(os.path.join(folder, 'textures', name))
    image.use_fake_user, image.filepath = True, '//textures/' + name
material = bpy.data.materials.new('wood')
material.use_nodes = True
nodes = material.node_tree.nodes
picture = nodes.new('ShaderNodeTexImage')
picture.image = bpy.data.images['0.bmp']
material.node_tree.links.new(picture.outputs['Color'], nodes['Principled BSDF'].inputs['Base Color'])
bpy.data.objects['Cube'].data.materials.clear()
bpy.data.objects['Cube'].data.materials.append(material)
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, 'shot.blend'))
";

#[test]
fn a_scene_moves_the_textures_that_it_uses_and_no_others_once() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    // What nobody reads is not copied for safety either.
    quarry.ok(["set", "copies=1MB"]);
    let folder = grid.path("a shot");
    fs::create_dir_all(folder.join("textures")).expect("a folder");
    for number in 0..TEXTURES {
        let path = folder.join(format!("textures/{number}.bmp"));
        fs::write(&path, if number == 0 { picture() } else { header() }).expect("a texture");
        // Nobody looks at the others: holes do.
        fs::File::options().write(true).open(&path).and_then(|file| file.set_len(FILE_BYTES)).expect("its length");
    }
    blender(&["--factory-startup", "--python-exit-code", "1", "--python-expr", SCENE, "--", text(&folder)]);
    let (scene, alone, together) = (folder.join("shot.blend"), grid.path("alone"), grid.path("together"));
    blender(&[text(&scene), "-o", text(&alone.join("frame_####")), "-F", "PNG", "-x", "1", "-a"]);
    let before = received(quarry);

    let arguments = ["run", text(&scene), "--on", "quarry", "--output", text(&together)];
    let job = mill.json(arguments);

    assert_eq!(job[0]["state"], "done", "{job:#}");
    for name in ["frame_0001.png", "frame_0002.png"] {
        assert!(pixels(&together.join(name)) == pixels(&alone.join(name)), "{name} differs");
    }
    let came = received(quarry) - before;
    assert!(came > FILE_BYTES && came <= MOST_MOVED, "{came} bytes came for a texture of {FILE_BYTES}");
    // A second look at the same scene moves next to nothing.
    let again = mill.json(["run", text(&scene), "--on", "quarry", "--output", text(&grid.path("again"))]);
    assert_eq!(again[0]["state"], "done", "{again:#}");
    let came_again = received(quarry) - before - came;
    assert!(came_again < FILE_BYTES / 100, "{came_again} bytes came a second time");
}

#[test]
fn files_too_large_to_be_copied_make_a_job_unsafe_until_they_may_be() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    quarry.ok(["set", "copies=1MB"]);
    let (gate, large) = (grid.path("gate"), grid.write("large", vec![7; 2_000_000]));
    let job = counting(mill, &gate, &large, "mill");

    let why = mill.until("a reason", &["job", &job], |view| {
        view["unsafe_why"].as_str().filter(|why| why.contains("quarry copies")).map(ToOwned::to_owned)
    });
    assert!(why.contains("2.0 MB") && why.contains("1.0 MB") && why.contains("gridwell set copies="), "{why}");
    quarry.ok(["set", "copies=1GB"]);
    mill.until("a safe job", &["job", &job], |view| (view["safe"] == true).then_some(()));

    fs::write(&gate, "").expect("the gate opens");
    mill.done(&job);
}

#[test]
fn a_job_reads_on_from_whoever_follows_its_steward() {
    let mut grid = Grid::of(&["mill", "quarry", "attic"]);
    let (gate, large) = (grid.path("gate"), grid.write("large", vec![7; 40 << 20]));
    let job = counting(&grid.peers[0], &gate, &large, "attic");
    grid.peers[0].until("a safe job", &["job", &job], |view| (view["safe"] == true).then_some(()));
    // The deputy that is not asked to run it has all of it; whoever runs it has read nothing.
    let attic = grid.peers[2].data.join("reading").join(&job);
    until("the job's files at attic", || attic.join(text(&large).trim_start_matches('/')).is_file().then_some(()));

    grid.peers[0].kill();
    fs::write(&gate, "").expect("the gate opens");

    let heir = until("another steward", || grid.peers[1..].iter().find(|peer| knows(peer, &job)));
    assert_eq!(heir.done(&job)["counts"]["failed"], 0);
    let results = heir.json(["results", &job]);
    let result = fs::read_to_string(results["files"][0]["path"].as_str().expect("a path")).expect("a result");
    assert_eq!(result.trim(), (40 << 20).to_string());
}

fn knows(peer: &Peer, job: &str) -> bool {
    peer.json(["jobs"]).as_array().expect("jobs").iter().any(|view| view["id"] == job)
}

/// Starts a job that counts the bytes of a file on a machine once the gate is open.
fn counting(peer: &Peer, gate: &Path, file: &Path, on: &str) -> String {
    let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done; cat \"$1\" | wc -c > count.out", gate.display());
    let home = gate.with_extension("home");
    let options = ["exec", "--detach", "--on", on, "--outputs", "*.out", "--output", text(&home)];
    peer.start_job(options.into_iter().chain(["--", "sh", "-c", &script, "sh", text(file)]))
}

const PIXEL_BYTES: u32 = SIDE * SIDE * 3;
const FILE_BYTES: u64 = 54 + PIXEL_BYTES as u64;

/// What a BMP of these sizes begins with.
fn header() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    for number in [54 + PIXEL_BYTES, 0, 54, 40, SIDE, SIDE, 1 | 24 << 16, 0, PIXEL_BYTES, 2_835, 2_835, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// A BMP of noise: no part of it is like another one.
fn picture() -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32;
    let noise = (0..PIXEL_BYTES).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    header().into_iter().chain(noise).collect()
}
