//! Open Job Description templates and bundles, run by real sessions.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::support::{Grid, lines, lives, makers, names, until};

#[test]
fn a_parameter_space_runs_every_combination_once() {
    let grid = Grid::of(&["mill", "quarry"]);
    let template = "
specificationVersion: jobtemplate-2023-09
name: Space
parameterDefinitions:
  - {name: Runs, type: STRING}
  - {name: Last, type: INT, default: 2}
steps:
  - name: Work
    parameterSpace:
      taskParameterDefinitions:
        - {name: A, type: INT, range: '1-{{Param.Last}}'}
        - {name: B, type: STRING, range: [x, y]}
        - {name: C, type: FLOAT, range: [0.5, 1.5]}
      combination: A * (B, C)
    script:
      actions:
        onRun: {command: sh, args: [-c, \"echo $0 >> '{{Param.Runs}}'\", '{{Task.Param.A}}-{{Task.Param.B}}-{{Task.Param.C}}']}
";
    let runs = run(&grid, "space", template, &["--param", "Last=3"]);

    assert_eq!(sorted(&runs), ["1-x-0.5", "1-y-1.5", "2-x-0.5", "2-y-1.5", "3-x-0.5", "3-y-1.5"]);
}

#[test]
fn a_chunked_step_runs_neighbours_together() {
    let grid = Grid::of_one();
    let template = "
specificationVersion: jobtemplate-2023-09
extensions: [TASK_CHUNKING]
name: Chunks
parameterDefinitions:
  - {name: Runs, type: STRING}
steps:
  - name: Work
    parameterSpace:
      taskParameterDefinitions:
        - name: Frame
          type: CHUNK[INT]
          range: 1-10
          chunks: {defaultTaskCount: 4, targetRuntimeSeconds: 0, rangeConstraint: CONTIGUOUS}
    script:
      actions:
        onRun: {command: sh, args: [-c, \"echo {{Task.Param.Frame}} >> '{{Param.Runs}}'\"]}
";
    let runs = run(&grid, "chunks", template, &[]);

    let mut covered = Vec::new();
    for chunk in lines(&runs) {
        let (first, last) = chunk.split_once('-').unwrap_or((&chunk, &chunk));
        let (first, last) = (first.parse::<u32>().expect("a number"), last.parse::<u32>().expect("a number"));
        assert!(last - first < 4, "{chunk}");
        covered.extend(first..=last);
    }
    covered.sort_unstable();
    assert_eq!(covered, (1..=10).collect::<Vec<_>>());
    assert!(lines(&runs).len() < 10, "something was chunked");
}

#[test]
fn environments_are_entered_in_order_and_left_in_reverse() {
    let mut grid = Grid::of(&[]);
    grid.add("mill", &["--lend-cores", "1"]);
    let environment = |name: &str, say: &str| {
        format!(
            r##"{{"name": "{name}", "variables": {{"WHERE": "{name}"}}, "script": {{
                "embeddedFiles": [{{"name": "Leave", "type": "TEXT", "runnable": true,
                                    "data": "#!/bin/sh\necho leave {name} >> '{{{{Param.Runs}}}}'\n"}}],
                "actions": {{
                    "onEnter": {{"command": "sh", "args": ["-c", "echo enter {name} >> '{{{{Param.Runs}}}}'; {say}"]}},
                    "onExit": {{"command": "{{{{Env.File.Leave}}}}"}}}}}}}}"##
        )
    };
    let template = format!(
        r#"{{"specificationVersion": "jobtemplate-2023-09", "name": "Environments",
            "parameterDefinitions": [{{"name": "Runs", "type": "STRING"}}],
            "jobEnvironments": [{}],
            "steps": [{{"name": "Work", "stepEnvironments": [{}],
                "parameterSpace": {{"taskParameterDefinitions": [{{"name": "N", "type": "INT", "range": "1-2"}}]}},
                "script": {{"actions": {{"onRun": {{"command": "sh", "args":
                    ["-c", "echo run {{{{Task.Param.N}}}} $WHERE $COLOUR ${{GONE-unset}} >> '{{{{Param.Runs}}}}'"]}}}}}}}}]}}"#,
        environment("Outer", "echo openjd_env: COLOUR=blue; echo openjd_env: GONE=no"),
        environment("Inner", "echo openjd_unset_env: GONE"),
    );
    let runs = run(&grid, "environments", &template, &[]);

    until("the session's end", || (lines(&runs).len() >= 6).then_some(()));
    assert_eq!(
        lines(&runs),
        [
            "enter Outer",
            "enter Inner",
            "run 1 Inner blue unset",
            "run 2 Inner blue unset",
            "leave Inner",
            "leave Outer"
        ]
    );
}

#[test]
fn environments_are_left_after_a_failure_too() {
    let grid = Grid::of_one();
    let template = "
specificationVersion: jobtemplate-2023-09
name: Failure
parameterDefinitions:
  - {name: Runs, type: STRING}
steps:
  - name: Work
    stepEnvironments:
      - name: Box
        script:
          actions:
            onEnter: {command: sh, args: [-c, \"echo enter >> '{{Param.Runs}}'\"]}
            onExit: {command: sh, args: [-c, \"echo leave >> '{{Param.Runs}}'\"]}
    script:
      actions:
        onRun: {command: sh, args: [-c, \"echo run >> '{{Param.Runs}}'; echo 'openjd_fail: the glue is dry'; exit 3\"]}
";
    let (job, runs) = start(&grid, "failure", template, &[]);
    let view = grid.peers[0].end_of(&job);

    assert_eq!(view["state"], "failed");
    assert_eq!(
        view["failures"][0]["reason"].as_str().map(|reason| reason.contains("the glue is dry")),
        Some(true),
        "{view:#}"
    );
    until("the last session's end", || (lines(&runs).last()? == "leave").then_some(()));
    let all = lines(&runs);
    assert!(all.chunks(3).all(|session| session == ["enter", "run", "leave"]), "{all:?}");
}

#[test]
fn embedded_files_and_secrets_of_an_environment_work_and_stay_hidden() {
    let grid = Grid::of_one();
    let template = "
specificationVersion: jobtemplate-2023-09
extensions: [REDACTED_ENV_VARS]
name: Secrets
parameterDefinitions:
  - {name: Runs, type: STRING}
steps:
  - name: Work
    stepEnvironments:
      - name: Vault
        script:
          actions:
            onEnter: {command: sh, args: [-c, \"echo openjd_redacted_env: KEY=swordfish\"]}
    script:
      embeddedFiles:
        - name: Script
          type: TEXT
          filename: tool.py
          data: |
            import os, sys
            print('the key is', os.environ['KEY'])
            print('openjd_progress: 50')
            print('openjd_status: half way')
            open(sys.argv[1], 'a').write(os.path.basename(__file__) + ' ' + os.environ['KEY'])
      actions:
        onRun: {command: python3, args: ['{{Task.File.Script}}', '{{Param.Runs}}']}
";
    let (job, runs) = start(&grid, "secrets", template, &[]);
    grid.peers[0].done(&job);

    assert_eq!(lines(&runs), ["tool.py swordfish"]);
    let log = grid.peers[0].ok(["logs", &job]);
    assert!(log.contains("the key is ****") && !log.contains("swordfish"), "{log}");
}

#[test]
fn a_task_that_takes_too_long_is_stopped_and_has_failed() {
    let grid = Grid::of_one();
    let template = "
specificationVersion: jobtemplate-2023-09
name: Slow
parameterDefinitions:
  - {name: Runs, type: STRING}
steps:
  - name: Work
    script:
      actions:
        onRun: {command: sh, args: [-c, \"echo $$ >> '{{Param.Runs}}'; sleep 1000\"], timeout: 1}
";
    let (job, runs) = start(&grid, "slow", template, &[]);

    let view = grid.peers[0].end_of(&job);

    assert_eq!(view["state"], "failed");
    let reason = view["failures"][0]["reason"].as_str().expect("a reason").to_lowercase();
    assert!(reason.contains("time") || reason.contains("long"), "{reason}");
    assert!(lines(&runs).iter().all(|pid| !lives(pid)));
}

#[test]
fn a_cancelled_task_gets_its_notice_on_another_machine() {
    let grid = Grid::of(&["mill", "quarry"]);
    let template = "
specificationVersion: jobtemplate-2023-09
name: Polite
parameterDefinitions:
  - {name: Runs, type: STRING}
steps:
  - name: Work
    script:
      embeddedFiles:
        - name: Script
          type: TEXT
          data: |
            trap 'ls cancel_info.json >> \"$1\"; grep -c NotifyEnd cancel_info.json >> \"$1\"; exit 0' TERM
            echo ready >> \"$1\"
            while true; do sleep 0.05; done
      actions:
        onRun:
          command: sh
          args: ['{{Task.File.Script}}', '{{Param.Runs}}']
          cancelation: {mode: NOTIFY_THEN_TERMINATE, notifyPeriodInSeconds: 60}
";
    let (job, runs) = start(&grid, "polite", template, &["--on", "quarry"]);
    until("the task", || (lines(&runs) == ["ready"]).then_some(()));

    grid.peers[0].ok(["cancel", &job]);

    assert_eq!(grid.peers[0].end_of(&job)["state"], "cancelled");
    until("the notice", || (lines(&runs).len() == 3).then_some(()));
    assert_eq!(lines(&runs), ["ready", "cancel_info.json", "1"]);
}

#[test]
fn paths_are_those_of_the_machine_that_runs_the_task() {
    let grid = Grid::of(&["mill", "quarry"]);
    let template = "
specificationVersion: jobtemplate-2023-09
name: Paths
parameterDefinitions:
  - {name: Runs, type: STRING}
  - {name: Scene, type: PATH, objectType: FILE, dataFlow: IN, default: scene.txt}
  - {name: Textures, type: PATH, objectType: DIRECTORY, dataFlow: IN, default: tex}
  - {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: out}
steps:
  - name: Work
    script:
      actions:
        onRun:
          command: sh
          args:
            - -c
            - |
              cat '{{Param.Scene}}' '{{Param.Textures}}/wood.txt' > '{{Param.Out}}/all.txt'
              mkdir '{{Param.Out}}/sub'; echo deep > '{{Param.Out}}/sub/deep.txt'
              echo '{{Param.Scene}}' >> '{{Param.Runs}}'
              echo '{{RawParam.Scene}}' >> '{{Param.Runs}}'
              echo '{{Session.HasPathMappingRules}}' >> '{{Param.Runs}}'
              grep -c pathmapping-1.0 '{{Session.PathMappingRulesFile}}' >> '{{Param.Runs}}'
              case '{{Session.WorkingDirectory}}' in \"$PWD\") echo here >> '{{Param.Runs}}';; esac
";
    grid.write("paths/scene.txt", "scene\n");
    grid.write("paths/tex/wood.txt", "wood\n");
    let (job, runs) = start(&grid, "paths", template, &["--on", "quarry"]);

    let view = grid.peers[0].done(&job);

    assert_eq!(makers(&view), ["quarry"]);
    let said = lines(&runs);
    let raw = grid.path("paths/scene.txt");
    assert!(said[0].starts_with(grid.peers[1].data.to_str().expect("text")), "{said:?}");
    assert_eq!(said[1..], [raw.to_str().expect("text"), "true", "1", "here"]);
    assert_eq!(fs::read_to_string(grid.path("paths/out/all.txt")).expect("it came home"), "scene\nwood\n");
    assert_eq!(fs::read_to_string(grid.path("paths/out/sub/deep.txt")).expect("it came home"), "deep\n");
}

#[test]
fn a_step_waits_for_all_of_the_step_it_depends_on() {
    let grid = Grid::of(&["mill", "quarry"]);
    let runs = run(&grid, "steps", &two_steps("    dependencies: [{dependsOn: First}]\n"), &[]);

    let all = lines(&runs);
    assert_eq!(all.len(), 8);
    assert!(all[..4].iter().all(|line| line.starts_with("First")), "{all:?}");
}

#[test]
fn a_step_whose_predecessor_failed_is_skipped() {
    let grid = Grid::of_one();
    let template =
        two_steps("    dependencies: [{dependsOn: First}]\n").replacen("echo First", "exit 1; echo First", 1);
    let (job, runs) = start(&grid, "skipped", &template, &[]);

    let view = grid.peers[0].end_of(&job);

    assert_eq!(view["state"], "failed");
    assert_eq!(view["counts"]["skipped"], 4, "{view:#}");
    assert!(lines(&runs).is_empty());
}

#[test]
fn a_sidecar_brings_priority_needs_and_edges_from_task_to_task() {
    let grid = Grid::of(&["mill", "quarry"]);
    let template = two_steps("    dependencies: [{dependsOn: First}]\n");
    // The first task of the first step waits for the last one of the second: with edges from step to step it would not end.
    let patient =
        "test {{Task.Param.N}} = 1 && until grep -qs 'Second 4' '{{Param.Runs}}'; do sleep 0.05; done; echo First";
    let template = template.replacen("echo First", patient, 1);
    let sidecar = "
format: 1
priority: 7
needs: ['tier = fast']
steps:
  Second: {after: [{step: First, tasks: same}]}
";
    grid.write("edges/gridwell.yaml", sidecar);
    grid.peers[1].ok(["label", "tier=fast"]);

    let (job, runs) = start(&grid, "edges", &template, &[]);

    let view = grid.peers[0].done(&job);
    assert_eq!(view["priority"], 7);
    assert_eq!(makers(&view), ["quarry"]);
    let all = lines(&runs);
    let at = |word: &str| all.iter().position(|line| line == word).unwrap_or_else(|| panic!("{word} in {all:?}"));
    for task in 1..=4 {
        assert!(at(&format!("First {task}")) < at(&format!("Second {task}")), "{all:?}");
    }
    assert!(at("Second 4") < at("First 1"), "{all:?}");
}

#[test]
fn host_requirements_choose_the_machine_or_tell_why_none_fits() {
    let mut grid = Grid::of(&["mill"]);
    grid.add("quarry", &["--label", "site=attic"]);
    grid.meet();
    let required = |what: &str| {
        format!(
            "
specificationVersion: jobtemplate-2023-09
name: Requirements
parameterDefinitions:
  - {{name: Runs, type: STRING}}
steps:
  - name: Work
    hostRequirements:
{what}
    script:
      actions:
        onRun: {{command: sh, args: [-c, \"echo run >> '{{{{Param.Runs}}}}'\"]}}
"
        )
    };

    let linux = required(
        "      attributes: [{name: attr.worker.os.family, anyOf: [linux]}, {name: attr.label.site, anyOf: [ATTIC]}]\n      amounts: [{name: amount.worker.vcpu, min: 1}]",
    );
    let (job, _) = start(&grid, "requirements", &linux, &[]);
    assert_eq!(makers(&grid.peers[0].done(&job)), ["quarry"]);

    let large = required("      amounts: [{name: amount.worker.memory, min: 99000000}]");
    let (job, runs) = start(&grid, "large", &large, &[]);
    let why = grid.peers[0].until("the reasons", &["why", &job], |why| {
        why["machines"].as_array()?.iter().all(|machine| machine["fits"] == false).then(|| why.clone())
    });
    let reasons: Vec<_> =
        why["machines"].as_array().expect("machines").iter().map(|machine| &machine["reasons"][0]).collect();
    assert!(reasons.iter().all(|reason| reason.as_str().is_some_and(|reason| reason.contains("ram"))), "{reasons:?}");
    grid.peers[0].ok(["cancel", &job]);
    assert_eq!(grid.peers[0].end_of(&job)["state"], "cancelled");
    assert!(lines(&runs).is_empty());
}

#[test]
fn a_later_step_reads_what_an_earlier_one_made() {
    let grid = Grid::of(&["mill", "quarry"]);
    let template = "
specificationVersion: jobtemplate-2023-09
name: Results
parameterDefinitions:
  - {name: Runs, type: STRING}
  - {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: out}
steps:
  - name: Make
    parameterSpace:
      taskParameterDefinitions:
        - {name: N, type: INT, range: 1-4}
    script:
      actions:
        onRun: {command: sh, args: [-c, \"echo part {{Task.Param.N}} > '{{Param.Out}}/{{Task.Param.N}}.part'\"]}
  - name: Join
    dependencies: [{dependsOn: Make}]
    script:
      actions:
        onRun: {command: sh, args: [-c, \"cat '{{Param.Out}}'/*.part > '{{Param.Out}}/whole'\"]}
";
    // A second job of the same bundle makes everything anew, beside what the first one left.
    for _ in 0..2 {
        let (job, _) = start(&grid, "results", template, &[]);
        grid.peers[0].done(&job);
    }

    assert_eq!(names(&grid.path("results/out")), ["1.part", "2.part", "3.part", "4.part", "whole"]);
    let whole = fs::read_to_string(grid.path("results/out/whole")).expect("it came home");
    assert_eq!(whole, "part 1\npart 2\npart 3\npart 4\n");
}

/// Writes a bundle and submits it with `Runs` set to the file in which its tasks note what they do.
fn start(grid: &Grid, name: &str, template: &str, options: &[&str]) -> (String, PathBuf) {
    grid.write(&format!("{name}/template.yaml"), template);
    let (bundle, runs) = (grid.path(name), grid.path(&format!("{name}.runs")));
    let parameter = format!("Runs={}", runs.display());
    let arguments = ["submit", text(&bundle), "--param", &parameter];
    (grid.peers[0].start_job(arguments.into_iter().chain(options.iter().copied())), runs)
}

/// Runs a bundle to its good end.
fn run(grid: &Grid, name: &str, template: &str, options: &[&str]) -> PathBuf {
    let (job, runs) = start(grid, name, template, options);
    let view: Value = grid.peers[0].done(&job);
    assert_eq!(view["counts"]["failed"], 0);
    runs
}

/// Two steps of four tasks that note their names.
fn two_steps(of_second: &str) -> String {
    let step = |name: &str, more: &str| {
        format!(
            "  - name: {name}
{more}    parameterSpace:
      taskParameterDefinitions:
        - {{name: N, type: INT, range: 1-4}}
    script:
      actions:
        onRun: {{command: sh, args: [-c, \"echo {name} {{{{Task.Param.N}}}} >> '{{{{Param.Runs}}}}'\"]}}
"
        )
    };
    format!(
        "specificationVersion: jobtemplate-2023-09\nname: Two steps\nparameterDefinitions:\n  - {{name: Runs, type: STRING}}\nsteps:\n{}{}",
        step("First", ""),
        step("Second", of_second)
    )
}

fn sorted(file: &Path) -> Vec<String> {
    let mut all = lines(file);
    all.sort();
    all
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is text")
}
