//! What the reader finds in a scene that Blender made, beside what Blender itself says of it.

use std::{collections::BTreeSet, fs::File, path::Path, process::Command};

use gridwell_job::blend::{BlendLimits, Reference, ReferenceKind, Spread, references};

/// Refers to a file in every way that keeps a path in the .blend, and prints Blender's own list of them.
const SCENE: &str = r#"
import bpy, os, sys, wave
folder, compress = sys.argv[-2], sys.argv[-1] == "compressed"
there = lambda name: os.path.join(folder, name)
scene, cube, data = bpy.context.scene, bpy.data.objects["Cube"], bpy.data
bpy.ops.wm.save_as_mainfile(filepath=there("lib.blend"))
bpy.ops.wm.save_as_mainfile(filepath=there("shot.blend"))

def image(name, source="FILE"):
    found = data.images.new(name, 4, 4)
    found.filepath_raw, found.file_format = there(name), "PNG"
    found.save()
    found.source, found.filepath, found.use_fake_user = source, "//" + name, True
    return found

image("wood.png"), image("sea_0001.png", "SEQUENCE"), image("packed.png").pack()
image("skin.1001.png", "TILED").filepath = "//skin.<UDIM>.png"
data.images.new("generated", 4, 4).use_fake_user = True
clip = data.movieclips.load(there("wood.png"))
clip.filepath, clip.use_fake_user = "//wood.png", True
with wave.open(there("beat.wav"), "wb") as sound:
    sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(8000), sound.writeframes(bytes(1600))
data.sounds.load("//beat.wav").use_fake_user = True
data.texts.new("inside").write("x")
open(there("notes.txt"), "w").write("x")
data.texts.load(there("notes.txt")).filepath = "//notes.txt"
smoke = data.volumes.new("smoke")
smoke.filepath, smoke.is_sequence, smoke.use_fake_user = "//vdb/smoke_01.vdb", True, True
cube.modifiers.new("points", "MESH_CACHE").filepath = "//points.mdd"
cube.modifiers.new("sea", "OCEAN").filepath = "//ocean/"
fluid = cube.modifiers.new("fluid", "FLUID")
fluid.fluid_type = "DOMAIN"
fluid.domain_settings.cache_directory = "//fluid"
cloth = cube.modifiers.new("cloth", "CLOTH").point_cache
cloth.use_external, cloth.filepath = True, "//cloth"
data.worlds[0].use_nodes = True
for kind, name in ("ShaderNodeTexIES", "lamp.ies"), ("ShaderNodeScript", "shade.osl"):
    node = data.worlds[0].node_tree.nodes.new(kind)
    node.mode, node.filepath = "EXTERNAL", "//" + name
strips = scene.sequence_editor_create()
strips = getattr(strips, "strips", None) or strips.sequences
strips.new_image("cut", "//wood.png", 1, 1).elements.append("sea_0001.png")
with data.libraries.load(there("lib.blend"), link=True, relative=True) as (library, here):
    here.meshes = library.meshes
scene.collection.objects.link(data.objects.new("linked", here.meshes[0]))
bpy.ops.wm.save_mainfile(compress=compress)
for path in bpy.utils.blend_paths(absolute=False, packed=False, local=True):
    print("refers:" + path)
"#;

#[test]
fn the_reader_finds_all_that_blender_refers_to() {
    let (made, open) = (Spread::Folder { made: true }, Spread::Folder { made: false });
    let expected = [
        (ReferenceKind::Image, "//packed.png", Spread::One, true),
        (ReferenceKind::Image, "//sea_0001.png", Spread::Sequence, false),
        (ReferenceKind::Image, "//skin.<UDIM>.png", Spread::Tiles, false),
        (ReferenceKind::Image, "//wood.png", Spread::One, false),
        (ReferenceKind::Library, "//lib.blend", Spread::One, false),
        (ReferenceKind::Sound, "//beat.wav", Spread::One, false),
        (ReferenceKind::MovieClip, "//wood.png", Spread::Sequence, false),
        (ReferenceKind::Strip, "//sea_0001.png", Spread::One, false),
        (ReferenceKind::Strip, "//wood.png", Spread::One, false),
        (ReferenceKind::Cache, "//points.mdd", Spread::One, false),
        (ReferenceKind::Volume, "//vdb/smoke_01.vdb", Spread::Sequence, false),
        (ReferenceKind::Text, "//notes.txt", Spread::One, true),
        (ReferenceKind::Text, "//shade.osl", Spread::One, false),
        (ReferenceKind::Light, "//lamp.ies", Spread::One, false),
        (ReferenceKind::Simulation, "//cloth", made, false),
        (ReferenceKind::Simulation, "//fluid", open, false),
        (ReferenceKind::Simulation, "//ocean/", open, false),
    ];
    for form in ["plain", "compressed"] {
        let temp = tempfile::tempdir().expect("a folder");
        let told = blender(temp.path(), form);
        let found = read(&temp.path().join("shot.blend"));
        let shown: Vec<_> = found.iter().map(|one| (one.kind, text(one), one.spread, one.packed)).collect();
        assert_eq!(shown, expected, "{form}");
        // Blender leaves out what is packed, but not texts, and says nothing of caches of points.
        let mut paths: BTreeSet<_> = found.iter().map(text).collect();
        assert!(paths.remove("//packed.png") && paths.remove("//cloth"));
        assert_eq!(paths, told.iter().map(String::as_str).collect(), "{form}");
    }
}

fn read(scene: &Path) -> Vec<Reference> {
    let size_bytes = scene.metadata().expect("the scene is there").len();
    references(|| File::open(scene), size_bytes, BlendLimits::TRACE).expect("a whole scene")
}

fn text(reference: &Reference) -> &str {
    std::str::from_utf8(&reference.path).expect("UTF-8")
}

/// Makes the scene; returns the paths that Blender says it refers to.
fn blender(folder: &Path, form: &str) -> BTreeSet<String> {
    let output = Command::new("blender")
        .args(["--background", "--factory-startup", "--python-exit-code", "1", "--python-expr", SCENE, "--"])
        .arg(folder)
        .arg(form)
        .output()
        .expect("Blender is installed: cargo xtask test does it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.lines().filter_map(|line| line.strip_prefix("refers:")).map(str::to_owned).collect()
}
