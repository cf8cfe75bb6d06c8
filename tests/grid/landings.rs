//! Where results land, whose place they take, and what is seen in them.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    shares::text,
    support::{Grid, Peer, names, until},
};

/// A picture of one black pixel.
const BLACK: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\
    \x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\x60\x00\x00\x00\x02\x00\
    \x01\x48\xaf\xa4\x71\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

/// A picture of one white pixel.
const WHITE: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\
    \x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\xf8\x0f\x00\x01\x01\x01\
    \x00\xb1\x38\xf6\x14\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

/// Counts in a first step, and sums up in a second one what the first one made.
const STEPS: &str = "
specificationVersion: jobtemplate-2023-09
name: Steps
parameterDefinitions:
  - {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT}
steps:
  - name: Part
    script: {actions: {onRun: {command: sh, args: [-c, \"echo made > '{{Param.Out}}/part.txt'\"]}}}
  - name: Whole
    dependencies: [{dependsOn: Part}]
    script: {actions: {onRun: {command: sh, args: [-c, \"cat '{{Param.Out}}/part.txt' > '{{Param.Out}}/whole.txt'\"]}}}
";

/// Runs a command to its end whose results land in `out`.
fn run(peer: &Peer, out: &Path, options: &[&str], script: &str) -> Value {
    let mut arguments = vec!["exec", "--detach", "--outputs", "*.txt", "--outputs", "*.png", "--output", text(out)];
    arguments.extend(options);
    arguments.extend(["--", "sh", "-c", script]);
    let id = peer.start_job(arguments);
    peer.done(&id);
    peer.json(["job", &id])
}

fn id(job: &Value) -> &str {
    job["id"].as_str().expect("an id")
}

/// Waits until so many files of a job wait for others to make way.
fn until_held(peer: &Peer, job: &Value, count: u64) -> Value {
    peer.until("files that wait, or none", &["job", id(job)], |view| {
        (view["landing"]["held"] == count).then(|| view.clone())
    })
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

#[test]
fn a_persons_file_stays_and_the_result_waits_at_home_until_it_may_land() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let home = grid.path("home");
    fs::create_dir(&home).expect("a folder");
    let mine = home.join("made.txt");
    fs::write(&mine, "mine").expect("a file");

    let job = run(&grid.peers[0], &home, &["--on", "quarry"], "echo made > made.txt; echo free > free.txt");

    assert_eq!((read(&mine).as_str(), names(&home)), ("mine", vec!["free.txt".into(), "made.txt".into()]));
    let view = until_held(&grid.peers[0], &job, 1);
    assert_eq!((&view["state"], &view["landing"]["held_path"]), (&"done".into(), &text(&mine).into()), "{view:#}");
    let tasks = grid.peers[0].json(["tasks", id(&job)]);
    assert_eq!(tasks["tasks"][0]["held"], true, "{tasks:#}");
    let told = grid.peers[0].ok(["job", id(&job)]);
    assert!(told.contains("--overwrite"), "{told}");
    // Whoever made it is needed no more, and a restart forgets nothing.
    grid.peers[1].stop();
    grid.peers[0].stop();
    grid.peers[0].boot();
    let mill = &grid.peers[0];
    until_held(mill, &job, 1);

    mill.ok(["land", id(&job), "--beside"]);
    let view = until_held(mill, &job, 0);
    assert_eq!((read(&mine).as_str(), read(&home.join("made (2).txt")).as_str()), ("mine", "made\n"), "{view:#}");
    let results = mill.json(["results", id(&job)]);
    assert_eq!(results["total"], 2, "{results:#}");
}

#[test]
fn a_result_replaces_what_an_earlier_job_put_there_and_nothing_that_was_changed_since() {
    let grid = Grid::of_one();
    let (mill, home) = (&grid.peers[0], grid.path("home"));
    let file = home.join("made.txt");
    run(mill, &home, &[], "echo one > made.txt");
    let job = run(mill, &home, &[], "echo two > made.txt");
    assert_eq!((read(&file).as_str(), &job["landing"]["held"]), ("two\n", &0.into()), "{job:#}");

    fs::write(&file, "retouched").expect("a file");
    let job = run(mill, &home, &[], "echo three > made.txt");
    until_held(mill, &job, 1);
    assert_eq!(read(&file), "retouched");
    // The way is free: it lands when it is asked to.
    fs::rename(&file, home.join("retouched.txt")).expect("it moves");
    mill.ok(["land", id(&job)]);
    until_held(mill, &job, 0);
    assert_eq!(read(&file), "three\n");

    fs::write(&file, "retouched").expect("a file");
    let job = run(mill, &home, &[], "echo four > made.txt");
    until_held(mill, &job, 1);
    mill.ok(["land", id(&job), "--overwrite"]);
    until_held(mill, &job, 0);
    assert_eq!(read(&file), "four\n");

    fs::write(&file, "retouched").expect("a file");
    let job = run(mill, &home, &["--overwrite"], "echo five > made.txt");
    assert_eq!((read(&file).as_str(), &job["landing"]["in_the_way"]), ("five\n", &"replace".into()), "{job:#}");
}

#[test]
fn a_file_that_is_the_same_is_the_result() {
    let grid = Grid::of_one();
    let home = grid.path("home");
    fs::create_dir(&home).expect("a folder");
    fs::write(home.join("made.txt"), "same\n").expect("a file");
    let job = run(&grid.peers[0], &home, &[], "echo same > made.txt");
    assert_eq!(job["landing"]["held"], 0, "{job:#}");
    assert_eq!(grid.peers[0].json(["results", id(&job)])["total"], 1);
}

#[test]
fn what_an_earlier_job_made_takes_nobodys_place_either() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    let (first, second) = (grid.path("first"), grid.path("second"));
    run(mill, &first, &[], "echo made > made.txt");
    fs::create_dir(&second).expect("a folder");
    fs::write(second.join("made.txt"), "mine").expect("a file");

    let job = run(mill, &second, &[], "echo made > made.txt");

    until_held(mill, &job, 1);
    assert_eq!(read(&second.join("made.txt")), "mine");
    let job = run(mill, &second, &["--overwrite"], "echo made > made.txt");
    assert_eq!((read(&second.join("made.txt")).as_str(), &job["reused"]), ("made\n", &1.into()), "{job:#}");
}

#[test]
fn a_step_that_reads_a_result_waits_until_that_has_landed() {
    let grid = Grid::of_one();
    let (mill, home) = (&grid.peers[0], grid.path("home"));
    fs::create_dir(&home).expect("a folder");
    fs::write(home.join("part.txt"), "mine").expect("a file");
    let template = grid.write("steps/template.yaml", STEPS);
    let out = format!("Out={}", home.display());
    let job = mill.start_job(["submit", text(&template), "--param", &out]);

    let view =
        mill.until("a result that waits", &["job", &job], |view| (view["landing"]["held"] == 1).then(|| view.clone()));
    assert_eq!((read(&home.join("part.txt")).as_str(), &view["counts"]["done"]), ("mine", &0.into()), "{view:#}");
    mill.ok(["land", &job, "--overwrite"]);
    mill.done(&job);
    assert_eq!(read(&home.join("whole.txt")), "made\n");
    assert_eq!(mill.json(["job", &job])["landing"]["held"], 0);
}

#[test]
fn pictures_that_show_nothing_or_are_cut_off_are_told_and_count_all_the_same() {
    let mut grid = Grid::of_one();
    let home = grid.path("home");
    let part = &WHITE[..WHITE.len() - 5];
    let sources = [("black.png", BLACK), ("white.png", WHITE), ("part.png", part), ("text.png", b"Error" as &[u8])];
    let from = grid.path("from");
    fs::create_dir(&from).expect("a folder");
    sources.iter().for_each(|(name, bytes)| fs::write(from.join(name), bytes).expect("a picture"));
    let job = run(&grid.peers[0], &home, &[], &format!("cp '{}'/*.png .", from.display()));
    assert_eq!(job["state"], "done");

    let flaws = |peer: &Peer| {
        peer.until("what is wrong with three pictures", &["job", id(&job)], |view| {
            let flaws = view["landing"]["flaws"].as_array()?.iter();
            let flaws: Vec<_> = flaws
                .map(|flaw| {
                    let path = Path::new(flaw["path"].as_str().expect("a path"));
                    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
                    (flaw["flaw"].as_str().expect("a word").to_owned(), name)
                })
                .collect();
            (flaws.len() == 3).then_some(flaws)
        })
    };
    let expected = [("black", "black.png"), ("truncated", "part.png"), ("undecodable", "text.png")];
    let expected = expected.map(|(flaw, name)| (flaw.to_owned(), name.to_owned()));
    assert_eq!(flaws(&grid.peers[0]), expected);
    let tasks = grid.peers[0].json(["tasks", id(&job)]);
    assert_eq!(tasks["tasks"][0]["flaws"].as_array().map(Vec::len), Some(3), "{tasks:#}");
    let told = grid.peers[0].ok(["job", id(&job)]);
    assert!(told.contains("1 all black") && told.contains("1 cut off"), "{told}");
    // Written down, so that it is known after a restart.
    grid.peers[0].stop();
    grid.peers[0].boot();
    assert_eq!(flaws(&grid.peers[0]), expected);
    until("the finding among what happened", || {
        let activity = grid.peers[0].json(["activity"]);
        activity["notices"]
            .as_array()?
            .iter()
            .any(|notice| notice["sentence"].as_str().is_some_and(|it| it.contains("black.png")))
            .then_some(())
    });
}
