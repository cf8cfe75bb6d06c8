//! Real programs on the mounted tree: each does with what another machine shares what it does with its own files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    mounts::Tree,
    renders::{blender, pixels},
    shares::{shared, text, until_shown},
    support::{Grid, names},
};

/// Paints a plane with a picture that lies beside the scene.
const SCENE: &str = "\
import bpy, os, sys
folder = sys.argv[-1]
image = bpy.data.images.new('wood', 256, 256)
image.generated_type = 'COLOR_GRID'
image.filepath_raw, image.file_format = os.path.join(folder, 'textures', 'wood.png'), 'PNG'
image.save()
image.source, image.filepath = 'FILE', '//textures/wood.png'
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.samples, scene.cycles.use_denoising = 1, False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
material = bpy.data.materials.new('wood')
material.use_nodes = True
nodes = material.node_tree.nodes
picture = nodes.new('ShaderNodeTexImage')
picture.image = image
material.node_tree.links.new(picture.outputs['Color'], nodes['Principled BSDF'].inputs['Base Color'])
bpy.data.objects['Cube'].data.materials.clear()
bpy.data.objects['Cube'].data.materials.append(material)
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, 'shot.blend'))
";

/// A folder of one machine, and where another one shows it.
struct Shown {
    folder: PathBuf,
    there: PathBuf,
    _tree: Tree,
    grid: Grid,
}

impl Shown {
    /// The folder holds what `fill` put there before it was shared.
    fn of(fill: impl FnOnce(&Path)) -> Self {
        let grid = Grid::of(&["mill", "quarry"]);
        let folder = shared(&grid, 0);
        fill(&folder);
        until_shown(&grid.peers[1], "/mill/projects");
        let tree = Tree::of(&grid, &grid.peers[1], &[]);
        Self { folder, there: tree.at("mill/projects"), _tree: tree, grid }
    }
}

#[test]
fn fio_verifies_every_block_in_any_order_and_through_memory() {
    let shown = Shown::of(|folder| {
        run(fio(&folder.join("blocks")).args(["--rw=write", "--do_verify=0", "--ioengine=psync"]));
        let mut bytes = fs::read(folder.join("blocks")).expect("blocks");
        bytes[5_000_000] ^= 1;
        fs::write(folder.join("spoiled"), bytes).expect("blocks");
    });
    let read = |name: &str| {
        let mut fio = fio(&shown.there.join(name));
        fio.arg("--readonly");
        fio
    };
    for how in ["read", "randread"] {
        run(read("blocks").args([&format!("--rw={how}"), "--ioengine=psync"]));
    }
    run(read("blocks").args(["--rw=read", "--ioengine=mmap"]));
    let said = read("spoiled").args(["--rw=read", "--ioengine=psync"]).output().expect("fio runs");
    assert!(!said.status.success(), "it looks at every block: {said:?}");
}

#[test]
fn git_looks_at_a_repository_and_clones_it() {
    let shown = Shown::of(|folder| {
        for number in 0..40 {
            fs::write(folder.join(format!("textures/{number}.txt")), format!("{number}\n").repeat(number * 50))
                .expect("a file");
        }
        git(folder, &["init", "--quiet", "--initial-branch", "main"]);
        git(folder, &["add", "."]);
        git(folder, &["commit", "--quiet", "-m", "all"]);
        fs::write(folder.join("textures/3.txt"), "changed\n").expect("a file");
        fs::write(folder.join("new.txt"), "new\n").expect("a file");
    });
    for words in [&["status", "--porcelain"][..], &["log", "--stat"], &["diff"], &["fsck", "--full"]] {
        assert_eq!(git(&shown.there, words), git(&shown.folder, words), "{words:?}");
    }
    let clone = shown.grid.path("clone");
    git(&shown.grid.path(""), &["clone", "--quiet", "--no-local", text(&shown.there), text(&clone)]);
    assert_eq!(git(&clone, &["status", "--porcelain"]), "");
    assert_eq!(git(&clone, &["rev-parse", "HEAD"]), git(&shown.folder, &["rev-parse", "HEAD"]));
    assert_eq!(names(&clone.join("textures")), names(&shown.folder.join("textures")));
}

#[test]
fn rsync_brings_a_folder_as_it_is_and_then_finds_nothing_to_do() {
    let shown = Shown::of(|folder| {
        for number in 0..200 {
            let deep = folder.join(format!("{}/{}", number % 7, number % 3));
            fs::create_dir_all(&deep).expect("a folder");
            fs::write(deep.join(number.to_string()), vec![number as u8; number * 997]).expect("a file");
        }
        std::os::unix::fs::symlink("0/0", folder.join("link")).expect("a link");
    });
    let copy = shown.grid.path("copy");
    let rsync =
        |words: &[&str], from: &Path| run(Command::new("rsync").args(words).arg(from.join("")).arg(copy.join("")));
    rsync(&["-rltE"], &shown.there);
    // Against the folder itself, by content: nothing is missing, nothing differs, nothing is too much.
    for from in [&shown.folder, &shown.there] {
        assert_eq!(rsync(&["-rltE", "--checksum", "--delete", "--dry-run", "--itemize-changes"], from), "");
    }
}

#[test]
fn ffmpeg_plays_a_film_from_its_beginning_and_from_the_middle() {
    let shown = Shown::of(|folder| {
        let made = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=8", "-c:v", "mpeg4", "-q:v", "2"];
        run(ffmpeg().args(made).arg(folder.join("film.mp4")));
    });
    for seek in ["0", "5.5"] {
        let frames = |folder: &Path| {
            run(ffmpeg().args(["-ss", seek, "-i"]).arg(folder.join("film.mp4")).args(["-f", "framemd5", "-"]))
        };
        let played = frames(&shown.there);
        assert!(played.lines().count() > 50, "{played}");
        assert_eq!(played, frames(&shown.folder));
    }
}

#[test]
fn blender_renders_a_scene_with_its_texture_from_where_it_lies() {
    let shown = Shown::of(|folder| {
        blender(&["--factory-startup", "--python-exit-code", "1", "--python-expr", SCENE, "--", text(folder)]);
    });
    let frame = |folder: &Path, name: &str| {
        let out = shown.grid.path(name);
        blender(&[text(&folder.join("shot.blend")), "-o", text(&out.join("####")), "-F", "PNG", "-x", "1", "-f", "1"]);
        pixels(&out.join("0001.png"))
    };
    assert!(frame(&shown.there, "from there") == frame(&shown.folder, "from here"), "the pictures differ");
}

/// 8 MiB in blocks that hold their own checksum.
fn fio(file: &Path) -> Command {
    let mut fio = Command::new("fio");
    fio.args(["--name=blocks", "--bs=4k", "--size=8m", "--verify=crc32c", "--verify_state_save=0"]);
    fio.arg(format!("--filename={}", text(file)));
    fio
}

fn ffmpeg() -> Command {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-loglevel", "error"]);
    ffmpeg
}

/// Git that knows nobody's settings, and writes nothing where it only looks.
fn git(at: &Path, words: &[&str]) -> String {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_OPTIONAL_LOCKS", "0");
    git.args(["-c", "user.name=mill", "-c", "user.email=mill@example.org", "-C"]).arg(at).args(words);
    run(&mut git)
}

/// Runs a program that must end well; returns what it printed.
fn run(command: &mut Command) -> String {
    let said = command.output().unwrap_or_else(|error| panic!("{command:?} runs: {error}"));
    let [out, errors] = [&said.stdout, &said.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(said.status.success(), "{command:?}\n{out}\n{errors}");
    out
}
