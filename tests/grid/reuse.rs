//! What was made once is not made again: same command, same files, same results.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    shares::text,
    support::{Grid, Peer, lines, makers, names},
};

/// Parts of words are counted by the first stage, and put together by the second one.
const STAGES: &str = "
specificationVersion: jobtemplate-2023-09
name: Stages
parameterDefinitions:
  - {name: Runs, type: STRING}
  - {name: Words, type: PATH, objectType: FILE, dataFlow: IN}
  - {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT}
  - {name: Title, type: STRING, default: Count}
steps:
  - name: Parts
    parameterSpace:
      taskParameterDefinitions:
        - {name: Part, type: INT, range: 1-4}
    script:
      actions:
        onRun: {command: sh, args: [-c, \"echo part >> '{{Param.Runs}}'; sed -n '{{Task.Param.Part}}p' '{{Param.Words}}' > '{{Param.Out}}/part{{Task.Param.Part}}.txt'\"]}
  - name: Whole
    dependencies: [{dependsOn: Parts}]
    script:
      actions:
        onRun: {command: sh, args: [-c, \"echo whole >> '{{Param.Runs}}'; (echo '{{Param.Title}}'; cat '{{Param.Out}}'/part*.txt) > '{{Param.Out}}/whole.txt'\"]}
";

struct Desk {
    grid: Grid,
    template: PathBuf,
    words: PathBuf,
    runs: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let grid = Grid::of_one();
        let template = grid.write("stages/template.yaml", STAGES);
        let words = grid.write("words.txt", "one\ntwo\nthree\nfour\n");
        let runs = grid.path("runs");
        Self { grid, template, words, runs }
    }

    fn mill(&self) -> &Peer {
        &self.grid.peers[0]
    }

    /// Runs the job to its end; how many parts and wholes ran for it.
    fn run(&self, out: &Path, more: &[&str]) -> (Value, usize, usize) {
        let before = fs::read_to_string(&self.runs).unwrap_or_default();
        let parameters = [("Runs", &self.runs), ("Words", &self.words), ("Out", &out.to_owned())];
        let parameters = parameters.map(|(name, path)| format!("{name}={}", path.display()));
        let mut arguments = vec!["run", text(&self.template)];
        arguments.extend(parameters.iter().flat_map(|parameter| ["--param", parameter]));
        let job = self.mill().json(arguments.iter().chain(more))[0].clone();
        assert_eq!((&job["state"], &job["counts"]["done"]), (&"done".into(), &5.into()), "{job:#}");
        let ran = lines(&self.runs).split_off(before.lines().count());
        (job, ran.iter().filter(|line| *line == "part").count(), ran.iter().filter(|line| *line == "whole").count())
    }
}

/// Row 41 of the seeds: results persist, and a later stage alone is run again.
#[test]
fn a_stage_that_changed_runs_again_and_the_one_before_it_does_not() {
    let desk = Desk::new();
    let out = desk.grid.path("out");
    let (_, parts, wholes) = desk.run(&out, &[]);
    assert_eq!((parts, wholes), (4, 1));

    let (job, parts, wholes) = desk.run(&out, &["--param", "Title=Words"]);
    assert_eq!((parts, wholes, &job["reused"]), (0, 1, &4.into()), "{job:#}");
    assert_eq!(fs::read_to_string(out.join("whole.txt")).expect("a result"), "Words\none\ntwo\nthree\nfour\n");
    assert_eq!(makers(&job), ["mill"], "only what ran was made by somebody");
    let results = desk.mill().json(["results", job["id"].as_str().expect("an id")]);
    assert_eq!(results["files"].as_array().map(Vec::len), Some(5), "{results:#}");
}

#[test]
fn what_is_the_same_is_brought_where_it_is_wanted_and_made_again_when_that_is_wished() {
    let desk = Desk::new();
    let (out, elsewhere) = (desk.grid.path("out"), desk.grid.path("elsewhere"));
    desk.run(&out, &[]);

    let (job, parts, wholes) = desk.run(&elsewhere, &[]);
    assert_eq!((parts, wholes, &job["reused"]), (0, 0, &5.into()), "{job:#}");
    assert_eq!(names(&elsewhere), names(&out));
    assert_eq!(
        fs::read(elsewhere.join("whole.txt")).expect("a copy"),
        fs::read(out.join("whole.txt")).expect("a result")
    );

    let (job, parts, wholes) = desk.run(&out, &["--fresh"]);
    assert_eq!((parts, wholes, &job["reused"]), (4, 1, &0.into()), "{job:#}");
}

#[test]
fn what_changed_or_is_gone_is_made_again() {
    let desk = Desk::new();
    let out = desk.grid.path("out");
    desk.run(&out, &[]);

    // Somebody changed one result and removed another one.
    fs::write(out.join("part2.txt"), "mine").expect("a file");
    fs::remove_file(out.join("part3.txt")).expect("it goes");
    let (_, parts, _) = desk.run(&out, &["--overwrite"]);
    assert_eq!(parts, 2);
    assert_eq!(fs::read_to_string(out.join("part2.txt")).expect("a result"), "two\n");
    assert_eq!(fs::read_to_string(out.join("part3.txt")).expect("a result"), "three\n");

    // What all of them read has changed.
    fs::write(&desk.words, "uno\ndue\ntre\nquattro\n").expect("a file");
    let (_, parts, wholes) = desk.run(&out, &[]);
    assert_eq!((parts, wholes), (4, 1));
}
