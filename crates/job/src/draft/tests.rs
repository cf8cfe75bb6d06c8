use std::path::PathBuf;

use super::*;
use crate::{files::MemoryFiles, openjd::JobPlan};

fn drop_paths(
    files: &MemoryFiles,
    paths: &[&str],
    change: impl FnOnce(&mut DraftRequest),
) -> Result<Vec<Draft>, DraftError> {
    let mut request = DraftRequest {
        what: What::Paths(paths.iter().map(PathBuf::from).collect()),
        folder: "/home/ada".into(),
        ..DraftRequest::default()
    };
    change(&mut request);
    draft(&request, &Recipes::builtin(), files)
}

fn run_command(files: &MemoryFiles, argv: &[&str], over: Option<Over>) -> Result<Draft, DraftError> {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    let command = Command { argv, over, outputs: vec!["*.out".into()], ..Command::default() };
    let request = DraftRequest { what: What::Command(command), folder: "/home/ada".into(), ..DraftRequest::default() };
    Ok(draft(&request, &Recipes::builtin(), files)?.remove(0))
}

fn over(text: &str) -> Option<Over> {
    Some(Over::Text(text.to_owned()))
}

fn sample() -> MemoryFiles {
    MemoryFiles::default().with("/home/ada/balls.gridwell-sample", "gridwell_sample = 1\nwidth = 100\nheight = 50\n")
}

fn plan(draft: &Draft) -> JobPlan {
    JobPlan::new(&draft.template, &draft.parameters).expect("every draft's template is valid with its values")
}

fn parameter<'a>(draft: &'a Draft, name: &str) -> &'a str {
    &draft.parameters.iter().find(|(known, _)| known == name).expect("the parameter is there").1
}

#[test]
fn a_sample_scene_becomes_a_task_per_frame() {
    let drafts = drop_paths(&sample(), &["balls.gridwell-sample"], |_| {}).unwrap();
    let [draft] = drafts.as_slice() else { panic!("{drafts:?}") };
    assert_eq!((draft.name.as_str(), draft.recipe.as_str()), ("balls", "sample"));
    assert_eq!((draft.frames.as_deref(), draft.task_count), (Some("1-24"), 24));
    assert_eq!(draft.inputs, ["/home/ada/balls.gridwell-sample"]);
    assert_eq!(draft.output_folders, ["/home/ada/balls_frames"]);
    assert_eq!(plan(draft).steps().len(), 1);
}

#[test]
fn frames_output_name_and_wishes_are_taken_over() {
    let draft = drop_paths(&sample(), &["balls.gridwell-sample"], |request| {
        request.frames = Some("1-10:2,20".into());
        request.output = Some("out/x".into());
        request.name = Some("My job".into());
        request.needs = vec!["ram > 8 GB".into()];
        request.prefers = vec!["gpu * 5".into()];
        request.on = Some("mill".into());
    })
    .unwrap()
    .remove(0);
    assert_eq!((draft.task_count, draft.name.as_str()), (6, "My job"));
    assert_eq!(draft.output_folders, ["/home/ada/out/x"]);
    assert_eq!((draft.needs.amounts.len(), draft.prefers.len()), (1, 1));
    assert_eq!(draft.needs.only_on, ["mill"]);
}

#[test]
fn a_sample_scene_in_tiles_is_assembled_at_the_origin() {
    let draft = drop_paths(&sample(), &["balls.gridwell-sample"], |request| {
        request.frames = Some("1-2".into());
        request.parameters = vec![("TileSide".into(), "30".into())];
    })
    .unwrap()
    .remove(0);
    assert_eq!(draft.task_count, 2 * 4 * 2 + 2, "4 × 2 tiles of 2 frames, and 2 frames to assemble");
    assert_eq!(draft.steps_at_origin, ["Assemble"]);
    assert_eq!(parameter(&draft, "Tiles"), "8");
}

#[test]
fn several_paths_become_several_jobs_and_pictures_one() {
    let files = sample().with("/home/ada/a.png", "x").with("/home/ada/b c.png", "x").with("/home/ada/run.sh", "true");
    let drafts = drop_paths(&files, &["a.png", "run.sh", "b c.png", "balls.gridwell-sample"], |_| {}).unwrap();
    let counts: Vec<_> = drafts.iter().map(|draft| (draft.recipe.as_str(), draft.task_count)).collect();
    assert_eq!(counts, [("images", 2), ("shell", 1), ("sample", 24)]);
    assert_eq!(drafts[0].inputs, ["/home/ada/a.png", "/home/ada/b c.png"]);
    assert_eq!(drafts[0].name, "2 pictures");
}

#[test]
fn a_folder_of_pictures_is_the_pictures_in_it() {
    let files = ["b.png", "a.png", "c.JPG", "notes.txt", ".hidden", "old/d.png", "old/e.png"]
        .iter()
        .fold(MemoryFiles::default(), |files, name| files.with(&format!("/home/ada/shots/{name}"), "x"));
    let draft = drop_paths(&files, &["shots"], |_| {}).unwrap().remove(0);
    assert_eq!((draft.recipe.as_str(), draft.name.as_str(), draft.task_count), ("images", "3 pictures", 3));
    assert_eq!(draft.inputs, ["/home/ada/shots/a.png", "/home/ada/shots/b.png", "/home/ada/shots/c.JPG"]);
    assert_eq!(draft.output_folders, ["/home/ada/shots/converted"]);
    assert_eq!(draft.left_out, LeftOut { files: 1, folders: 1 }, "what is hidden is not counted");
    plan(&draft);
}

#[test]
fn a_folder_that_no_recipe_knows_says_what_it_holds() {
    let files = MemoryFiles::default()
        .with("/home/ada/stuff/a.png", "123")
        .with("/home/ada/stuff/one.txt", "1")
        .with("/home/ada/stuff/deep/er/two.txt", "22");
    let error = drop_paths(&files, &["stuff"], |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "no recipe knows what to do with the folder '/home/ada/stuff': 3 files, 6 B");
}

#[test]
fn counting_what_a_folder_holds_ends() {
    let files = (0..100_001)
        .fold(MemoryFiles::default(), |files, number| files.with(&format!("/home/ada/many/{number}.txt"), ""));
    let error = drop_paths(&files, &["many"], |_| {}).unwrap_err();
    assert!(error.to_string().ends_with("at least 100000 files, 0 B"), "{error}");
}

#[test]
fn every_file_recipe_makes_a_valid_job() {
    for (name, recipe, tasks) in [
        ("s.pov", "povray", 1),
        ("f.mp4", "film", 10),
        ("i.png", "images", 1),
        ("p.py", "python", 1),
        ("s.sh", "shell", 1),
    ] {
        let files = MemoryFiles::default().with(&format!("/home/ada/{name}"), "x");
        let draft = drop_paths(&files, &[name], |_| {}).unwrap().remove(0);
        assert_eq!((draft.recipe.as_str(), draft.task_count), (recipe, tasks), "{name}");
        plan(&draft);
    }
}

#[test]
fn a_film_is_converted_on_all_cores_and_taken_apart_and_joined_on_one() {
    let files = MemoryFiles::default().with("/home/ada/f.mp4", "x");
    let draft = drop_paths(&files, &["f.mp4"], |_| {}).unwrap().remove(0);
    let steps: Vec<_> = draft.steps.iter().map(|step| (step.name.as_str(), step.needs.all_cores)).collect();
    assert_eq!(steps, [("Split", false), ("Convert", true), ("Join", false)]);
    assert!(!draft.needs.all_cores);
}

#[test]
fn an_animation_of_pov_ray_has_a_clock() {
    let files = MemoryFiles::default().with("/home/ada/s.pov", "x");
    let draft = drop_paths(&files, &["s.pov"], |request| request.frames = Some("1-5".into())).unwrap().remove(0);
    assert_eq!((draft.task_count, parameter(&draft, "LastFrame")), (5, "5"));
}

const TEMPLATE: &str = "specificationVersion: jobtemplate-2023-09
name: Two steps
parameterDefinitions:
- {name: Words, type: STRING, default: hello}
- {name: Data, type: PATH, objectType: DIRECTORY, dataFlow: IN, default: data}
- {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: out}
steps:
- name: A
  script: {actions: {onRun: {command: echo, args: ['{{Param.Words}}']}}}
";

#[test]
fn a_template_brings_its_own_parameters() {
    let files =
        MemoryFiles::default().with("/home/ada/job/template.yaml", TEMPLATE).with("/home/ada/job/data/a/b", "x");
    let draft = drop_paths(&files, &["job"], |_| {}).unwrap().remove(0);
    assert_eq!((draft.name.as_str(), draft.recipe.as_str()), ("Two steps", "openjd"));
    assert_eq!(draft.inputs, ["/home/ada/job/data/a/b"]);
    assert_eq!(draft.output_folders, ["/home/ada/job/out"]);
}

#[test]
fn input_that_makes_no_job_is_named() {
    let files = sample()
        .with("/home/ada/notes.txt", "x")
        .with("/home/ada/bad.yaml", "specificationVersion: jobtemplate-2023-09\nname: x\n")
        .with("/home/ada/bad.gridwell-sample", "gridwell_sample = 1\nwidth = 0\n")
        .with("/home/ada/garbage.blend", "garbage")
        .locked("/home/ada/safe");
    let cases: [(&[&str], &str); 9] = [
        (&[], "nothing to do"),
        (&["none.blend"], "'/home/ada/none.blend' does not exist"),
        (&["safe"], "cannot read '/home/ada/safe'"),
        (&["notes.txt"], "no recipe knows what to do with '/home/ada/notes.txt'"),
        (&["bad.yaml"], "'/home/ada/bad.yaml'"),
        (&["bad.gridwell-sample"], "width is 0"),
        (&["garbage.blend"], "not a .blend: it starts with 'garbage'"),
        (&["notes.txt", "./x/../notes.txt"], "no recipe"),
        (&["balls.gridwell-sample", "/home/ada/./balls.gridwell-sample"], "given twice"),
    ];
    for (paths, words) in cases {
        let error = drop_paths(&files, paths, |_| {}).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{error}");
    }
}

/// Makes a request wrong.
type Change<'a> = &'a dyn Fn(&mut DraftRequest);

#[test]
fn requests_that_make_no_sense_are_named() {
    let scene = ["balls.gridwell-sample"];
    let refused = |change: &dyn Fn(&mut DraftRequest)| {
        drop_paths(&sample(), &scene, |request| change(request)).unwrap_err().to_string()
    };
    let cases: [(Change<'_>, &str); 11] = [
        (&|request| request.frames = Some("24-1".into()), "'24-1' is empty"),
        (&|request| request.frames = Some("1-1000000000".into()), "at most 10000000"),
        (&|request| request.frames = Some("one".into()), "'one' is not a range"),
        (&|request| request.frames = Some("0-2000000".into()), "above 999999"),
        (&|request| request.parameters = vec![("Spheres".into(), "3".into())], "unknown parameter 'Spheres'"),
        (&|request| request.parameters = vec![("TileSide".into(), "x".into())], "TileSide"),
        (&|request| request.needs = vec!["ram".into()], "'ram'"),
        (&|request| request.prefers = vec!["gpu * 9".into()], "'gpu * 9'"),
        (&|request| request.name = Some("a\nb".into()), "'a\\nb' is not a job name"),
        (&|request| request.output = Some("balls.gridwell-sample".into()), "is not a folder"),
        (&|request| request.folder = "home".into(), "not an absolute path"),
    ];
    for (change, words) in cases {
        let error = refused(change);
        assert!(error.contains(words), "{words}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn a_path_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let path = PathBuf::from(std::ffi::OsString::from_vec(b"/home/ada/\xff.blend".to_vec()));
    let request = DraftRequest { what: What::Paths(vec![path]), folder: "/".into(), ..DraftRequest::default() };
    let error = draft(&request, &Recipes::builtin(), &sample()).unwrap_err();
    assert!(matches!(error, DraftError::NotUtf8 { .. }), "{error}");
}

#[test]
fn odd_names_survive() {
    let odd = ["two words.sh", "new\nline.sh", "\u{5e9}\u{5dc}.sh", "{{x}} {path}.sh", "quote'\".sh"];
    for name in odd {
        let path = format!("/home/ada/{name}");
        let files = MemoryFiles::default().with(&path, "true");
        let draft = drop_paths(&files, &[name], |_| {}).unwrap().remove(0);
        assert_eq!((parameter(&draft, "Script"), draft.inputs.as_slice()), (path.as_str(), [path.clone()].as_slice()));
        assert!(!draft.name.contains('\n'));
        plan(&draft);
    }
    let long = format!("{}.sh", "x".repeat(252));
    let files = MemoryFiles::default().with(&format!("/home/ada/{long}"), "true");
    assert_eq!(drop_paths(&files, &[&long], |_| {}).unwrap()[0].name.chars().count(), 128);
}

#[test]
fn a_plain_command_is_one_task() {
    let draft = run_command(&MemoryFiles::default(), &["echo", "{}", "{{x}}"], None).unwrap();
    assert_eq!((draft.task_count, draft.recipe.as_str(), draft.name.as_str()), (1, "command", "echo {} {{x}}"));
    assert_eq!(draft.output_folders, ["/home/ada"]);
    assert_eq!(draft.output_globs, ["*.out"]);
}

#[test]
fn an_array_of_a_million_stays_a_range() {
    let draft = run_command(&MemoryFiles::default(), &["true"], Some(Over::Array { count: 1_000_000 })).unwrap();
    assert_eq!(draft.task_count, 1_000_000);
    assert!(draft.template.len() < 1_000, "{}", draft.template);
    assert!(draft.template.contains("\"0-999999\""));
}

#[test]
fn a_command_without_patterns_for_outputs_has_nowhere_to_land() {
    let command = Command { argv: vec!["true".into()], ..Command::default() };
    let mut request =
        DraftRequest { what: What::Command(command), folder: "/home/ada".into(), ..DraftRequest::default() };
    let bare = draft(&request, &Recipes::builtin(), &MemoryFiles::default()).unwrap().remove(0);
    assert!(bare.output_folders.is_empty() && bare.warnings.is_empty());

    request.output = Some("there".into());
    let asked = draft(&request, &Recipes::builtin(), &MemoryFiles::default()).unwrap().remove(0);
    assert!(asked.output_folders.is_empty() && asked.warnings[0].contains("--outputs"), "{:?}", asked.warnings);
}

#[test]
fn bad_arrays_are_named() {
    for (count, words) in [(0, "--array 0 makes no task"), (1_000_000_000, "at most 10000000")] {
        let error =
            run_command(&MemoryFiles::default(), &["true"], Some(Over::Array { count })).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn files_of_a_glob_are_carried_and_named_by_position() {
    let files =
        MemoryFiles::default().with("/home/ada/a.wav", "x").with("/home/ada/b.wav", "x").with("/home/ada/enc.py", "x");
    let draft = run_command(&files, &["python3", "enc.py", "{}", "-o", "{/.}.out", "{#}"], over("*.wav")).unwrap();
    assert_eq!(draft.task_count, 2);
    assert_eq!(draft.inputs, ["/home/ada/a.wav", "/home/ada/b.wav", "/home/ada/enc.py"]);
    assert_eq!(plan(&draft).task_label(0, 1), "b.wav");
    assert_eq!(draft.tool.as_deref(), Some("python3"));
    plan(&draft);
}

#[test]
fn thousands_of_files_stay_one_step() {
    let files = (0..3_000).fold(MemoryFiles::default(), |files, n| files.with(&format!("/home/ada/d/{n:05}.txt"), "x"));
    let draft = run_command(&files, &["cat", "{}"], over("d/*.txt")).unwrap();
    assert_eq!((draft.task_count, draft.inputs.len()), (3_000, 3_000));
}

#[test]
fn columns_of_a_table_fill_their_places() {
    let files = MemoryFiles::default().with("/home/ada/t.csv", "file,size\n/x/a.tif,1\nb.tif,2\n");
    let draft = run_command(&files, &["conv", "{file}", "--size={size}", "{.}", "{json: 1}"], over("t.csv")).unwrap();
    assert_eq!(draft.task_count, 2);
    let lists: Vec<_> = draft.parameters.iter().map(|(_, value)| value.replace(' ', "")).collect();
    assert!(lists.contains(&r#"["/x/a","b"]"#.to_owned()), "{lists:?}");
    let error = run_command(&files, &["conv", "{sizes}"], over("t.csv")).unwrap_err().to_string();
    assert!(error.contains("'{sizes}'") && error.contains("file, size"), "{error}");
}

#[test]
fn a_program_of_ones_own_is_carried_and_the_systems_is_not() {
    let files = MemoryFiles::default().with("/home/ada/run", "x").with("/usr/bin/env", "x");
    assert_eq!(run_command(&files, &["./run"], None).unwrap().inputs, ["/home/ada/run"]);
    assert!(run_command(&files, &["/usr/bin/env", "true"], None).unwrap().inputs.is_empty());
    let error = run_command(&files, &["./gone"], None).unwrap_err().to_string();
    assert_eq!(error, "'/home/ada/gone' does not exist");
}

#[test]
fn patterns_for_outputs_stay_in_the_working_folder() {
    for pattern in ["/etc/*", "../*", "", "a/../../b", "["] {
        let command = Command { argv: vec!["true".into()], outputs: vec![pattern.into()], ..Command::default() };
        let request = DraftRequest { what: What::Command(command), folder: "/".into(), ..DraftRequest::default() };
        let error = draft(&request, &Recipes::builtin(), &sample()).unwrap_err();
        assert!(matches!(error, DraftError::OutputGlob { .. }), "{error}");
    }
}

#[test]
fn a_bundle_brings_values_assets_and_a_sidecar() {
    let files = MemoryFiles::default()
        .with("/home/ada/job/template.yaml", TEMPLATE)
        .with("/home/ada/job/parameter_values.yaml", "parameterValues: [{name: Words, value: from the bundle}]")
        .with("/home/ada/job/asset_references.json", r#"{"assetReferences": {"inputs": {"filenames": ["more.txt"]}}}"#)
        .with("/home/ada/job/gridwell.yaml", "priority: 7\nneeds: [ram > 1 GB]\n")
        .with("/home/ada/job/more.txt", "x")
        .with("/home/ada/job/data/a", "x")
        .with("/home/ada/mine/b", "x");
    let bundle = drop_paths(&files, &["job"], |_| {}).unwrap().remove(0);
    assert_eq!(parameter(&bundle, "Words"), "from the bundle");
    assert_eq!(bundle.inputs, ["/home/ada/job/data/a", "/home/ada/job/more.txt"]);
    assert_eq!((bundle.priority, bundle.steps[0].needs.amounts.len()), (Some(7), 1));
    let typed = drop_paths(&files, &["job"], |request| {
        request.parameters = vec![("Words".into(), "typed".into()), ("Data".into(), "mine".into())];
    });
    let typed = typed.unwrap().remove(0);
    assert_eq!(parameter(&typed, "Words"), "typed");
    assert_eq!(typed.inputs, ["/home/ada/job/more.txt", "/home/ada/mine/b"]);
}

#[test]
fn a_scene_carries_what_it_refers_to_and_names_what_is_missing() {
    use crate::blend::fixture::{Form, Writer, zstd};
    let library = Writer::new(Form::Large).image(b"//deep.png", false, 1).end();
    let scene = Writer::new(Form::Classic8 { big: false })
        .scene(b"Day", 1, 24)
        .scene(b"Night", 5, 6)
        .image(b"//tex/../wood.png", false, 1)
        .image(b"//gone.png", false, 1)
        .image(b"//sea_001.png", false, 2)
        .image(b"//skin.<UDIM>.png", false, 6)
        .image(b"C:\\tex.png", false, 1)
        .library(b"//lib/lib.blend")
        .end();
    let names =
        ["wood.png", "sea_001.png", "sea_002.png", "sea_x.txt", "skin.1001.png", "skin.1002.png", "lib/deep.png"];
    let files = names.iter().fold(MemoryFiles::default(), |files, name| files.with(&format!("/s/{name}"), "x"));
    let files = files.with("/s/shot.blend", zstd(&scene, 300)).with("/s/lib/lib.blend", library);
    let draft = drop_paths(&files, &["/s/shot.blend"], |_| {}).unwrap().remove(0);
    let carried: Vec<_> = draft.inputs.iter().map(|path| path.trim_start_matches("/s/")).collect();
    assert_eq!(
        carried,
        [
            "lib/deep.png",
            "lib/lib.blend",
            "sea_001.png",
            "sea_002.png",
            "shot.blend",
            "skin.1001.png",
            "skin.1002.png",
            "wood.png"
        ]
    );
    let missing: Vec<_> = draft.missing().map(|(path, _, closest)| (path, closest)).collect();
    assert_eq!(missing, [("/s/gone.png", None), ("C:\\tex.png", None)]);
    assert_eq!((draft.frames.as_deref(), draft.task_count, draft.tool.as_deref()), (Some("1-24"), 24, Some("blender")));
    assert!(draft.warnings.iter().any(|line| line.contains("2 scenes (Day, Night)")), "{:?}", draft.warnings);
    assert_eq!(draft.missing_words()[0], "'/s/gone.png' is missing; the scene refers to it");
    let night = drop_paths(&files, &["/s/shot.blend"], |request| {
        request.parameters = vec![("Scene".into(), "Night".into())];
    });
    assert_eq!(night.unwrap()[0].frames.as_deref(), Some("5-6"));
}

#[test]
fn scenes_that_cannot_be_rendered_are_named() {
    use crate::blend::fixture::{Form, Writer};
    let blend = |start, end| Writer::new(Form::Large).scene(b"S", start, end).end();
    let whole = blend(1, 9);
    let cases = [
        (blend(9, 1), "'9-1' is empty"),
        (blend(-3, 5), "frame -3 is below 0"),
        (blend(1, 2_000_000), "above 1048574"),
        (whole[..whole.len() - 60].to_vec(), "damaged at byte"),
        (Writer::new(Form::Large).end(), "does not say which frames"),
    ];
    for (bytes, words) in cases {
        let files = MemoryFiles::default().with("/s/a.blend", bytes);
        let error = drop_paths(&files, &["/s/a.blend"], |_| {}).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let newer = MemoryFiles::default().with("/s/a.blend", "BLENDER19-03v0700 and more");
    let draft = drop_paths(&newer, &["/s/a.blend"], |request| request.frames = Some("1-3".into())).unwrap().remove(0);
    assert!(draft.task_count == 3 && draft.warnings[0].contains("newer Blender"), "{:?}", draft.warnings);
}
