use crate::{
    DraftRequest, Recipes,
    blend::fixture::{
        Form,
        Value::{Number, Text},
        Writer,
    },
    draft::{Draft, SceneFileState, What, draft},
    files::MemoryFiles,
};

const SCENE: &str = "/s/shot.blend";

fn a_scene() -> Writer {
    Writer::new(Form::Large).scene(b"Day", 1, 2)
}

/// Files with the scene and some more beside it.
fn files(scene: Writer, names: &[&str]) -> MemoryFiles {
    let files = names.iter().fold(MemoryFiles::default(), |files, name| files.with(&format!("/s/{name}"), "x"));
    files.with(SCENE, scene.end())
}

fn inspect(files: &MemoryFiles) -> Draft {
    let request = DraftRequest { what: What::Paths(vec![SCENE.into()]), folder: "/".into(), ..DraftRequest::default() };
    draft(&request, &Recipes::builtin(), files).unwrap().remove(0)
}

/// What is missing, each with a file of its name elsewhere.
fn missing(draft: &Draft) -> Vec<(&str, Option<&str>)> {
    draft.missing().map(|(path, _, closest)| (path, closest)).collect()
}

#[test]
fn a_missing_file_is_named_with_the_closest_of_its_name() {
    let scene = a_scene().image(b"//tex/Wood.png", false, 1).image(b"D:\\job\\old\\tex\\SAND.png", false, 1).image(
        b"/gone/nowhere.png",
        false,
        1,
    );
    let files = files(scene, &["tex/wood.png", "sand.png", "old/sand.png", "old/tex/sand.png", ".trash/nowhere.png"]);
    let draft = inspect(&files);
    assert_eq!(
        missing(&draft),
        [
            ("/gone/nowhere.png", None),
            ("/s/tex/Wood.png", Some("/s/tex/wood.png")),
            ("D:\\job\\old\\tex\\SAND.png", Some("/s/old/tex/sand.png")),
        ]
    );
    assert_eq!(draft.inputs, [SCENE], "what only has the same name is not carried");
}

#[test]
fn packed_files_are_neither_missing_nor_carried() {
    let files = files(a_scene().image(b"//wood.png", true, 1).image(b"//gone.png", true, 1), &["wood.png"]);
    let draft = inspect(&files);
    let states: Vec<_> = draft.refers.iter().map(|file| (file.path.as_str(), &file.state)).collect();
    assert_eq!(states, [("/s/gone.png", &SceneFileState::Packed), ("/s/wood.png", &SceneFileState::Packed)]);
    assert_eq!(draft.inputs, [SCENE]);
}

#[test]
fn what_is_packed_in_a_library_and_read_by_the_scene_is_carried() {
    let library = Writer::new(Form::Large).image(b"//wood.png", true, 1).end();
    let scene = a_scene().library(b"//lib.blend").image(b"//wood.png", false, 1);
    let draft = inspect(&files(scene, &["wood.png"]).with("/s/lib.blend", library));
    assert_eq!(draft.inputs, ["/s/lib.blend", SCENE, "/s/wood.png"]);
}

#[test]
fn folders_of_caches_are_carried_whole() {
    let fluid = [("cache_directory", Text(b"//fluid".as_slice())), ("cache_flag", Number(0b10))];
    let scene = a_scene().structs(b"DATA", "FluidDomainSettings", 1, &[&fluid]);
    let here = ["fluid/data/1.vdb", "fluid/config/1.uni", "blendcache_shot/a_01.bphys", "blendcache_other/b"];
    let draft = inspect(&files(scene.clone(), &here));
    assert_eq!(
        draft.inputs,
        ["blendcache_shot/a_01.bphys", "fluid/config/1.uni", "fluid/data/1.vdb", "shot.blend"]
            .map(|name| format!("/s/{name}"))
    );
    assert_eq!(missing(&inspect(&files(scene, &[]))), [("/s/fluid", None)]);
}

#[test]
fn what_blender_tells_is_added_to_what_was_read() {
    let scene = a_scene().image(b"//sea_07.png", false, 2);
    let files = files(scene, &["sea_01.png", "skin.1001.png", "skin.1002.png", "bake/a"]);
    let draft = inspect(&files.told(&[
        "/s/sea_07.png",
        "/s/skin.<UDIM>.png",
        "/s/bake/",
        "/s/gone.ies",
        "/opt/blender/5.0/datafiles/assets/soft.blend",
    ]));
    assert_eq!(
        draft.inputs,
        ["bake/a", "sea_01.png", "shot.blend", "skin.1001.png", "skin.1002.png"].map(|name| format!("/s/{name}"))
    );
    assert_eq!(missing(&draft), [("/s/gone.ies", None)]);
}

#[test]
fn a_library_that_cannot_be_read_is_a_warning_unless_blender_reads_it() {
    let files = files(a_scene().library(b"//lib.blend"), &[]).with("/s/lib.blend", "garbage");
    assert!(inspect(&files).warnings.iter().any(|line| line.contains("'lib.blend' refers to are not known")));
    assert!(inspect(&files.told(&["/s/lib.blend"])).warnings.is_empty());
}
