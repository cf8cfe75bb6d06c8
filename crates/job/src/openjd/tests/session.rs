use std::{path::PathBuf, time::Duration};

use gridwell_model::CancelPlan;

use super::{super::*, *};

fn files(action: &gridwell_model::ActionPlan) -> Vec<(String, String, bool)> {
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();
    action.files.iter().map(|file| (path(&file.path), file.text.clone(), file.executable)).collect()
}

const FILES: &str = "
jobEnvironments:
- name: Tools
  variables: {ZED: '{{Param.Scene}}', ALPHA: '{{Session.WorkingDirectory}}'}
  script:
    embeddedFiles: [{name: Run, type: TEXT, filename: run.sh, runnable: true, data: 'enter {{Session.WorkingDirectory}}'}]
    actions: {onEnter: {command: '{{Env.File.Run}}', timeout: 5}, onExit: {command: bye, cancelation: {mode: NOTIFY_THEN_TERMINATE}}}
steps:
- name: S
  stepEnvironments: [{name: Inner, variables: {A: b}}]
  parameterSpace: {taskParameterDefinitions: [{name: F, type: INT, range: 1-3}, {name: P, type: PATH, range: [/art/a, /other/b]}]}
  script:
    embeddedFiles:
    - {name: Run, type: TEXT, filename: run.sh, data: 'frame {{Task.Param.F}}'}
    - {name: Bare, type: TEXT, data: x}
    actions:
      onRun: {command: '{{Task.File.Run}}', args: ['{{Task.Param.P}}', '{{Task.RawParam.P}}', '{{Param.Scene}}', '{{RawParam.Scene}}', '{{Session.HasPathMappingRules}}', '{{Task.File.Bare}}'], timeout: 90, cancelation: {mode: NOTIFY_THEN_TERMINATE}}
";

fn mapped(style: PathStyle, rules: &[(PathStyle, &str, &str)]) -> SessionContext {
    let paths = rules
        .iter()
        .map(|(style, source, destination)| PathRule {
            style: *style,
            source: (*source).to_owned(),
            destination: (*destination).to_owned(),
        })
        .collect();
    SessionContext { style, paths, ..posix("/s") }
}

fn scene() -> JobPlan {
    let text = job("", &format!("parameterDefinitions: [{{name: Scene, type: PATH}}]{FILES}"));
    with(&text, &[("Scene", "/art/shots/1/scene.blend")]).unwrap()
}

#[test]
fn environments_come_in_order_with_files_and_sorted_variables() {
    let session = open(&scene());
    let all = session.environments();
    assert_eq!(all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Tools", "Inner"]);
    let expected = [("ALPHA", "/s"), ("ZED", "/art/shots/1/scene.blend")];
    assert_eq!(all[0].variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let enter = all[0].enter.as_ref().unwrap();
    assert_eq!((enter.program.as_str(), enter.timeout), ("/s/run.sh", Some(Duration::from_secs(5))));
    assert_eq!(enter.cancel, CancelPlan::Terminate);
    assert_eq!(files(enter), [("/s/run.sh".to_owned(), "enter /s".to_owned(), true)]);
    let exit = all[0].exit.as_ref().unwrap();
    assert_eq!(exit.cancel, CancelPlan::Notify { notice: Duration::from_secs(30) });
    assert!(all[1].enter.is_none() && all[1].exit.is_none());
    assert_eq!(session.variables(), [("OPENJD_SESSION_WORKING_DIR".to_owned(), "/s".to_owned())]);
}

#[test]
fn a_task_gets_its_own_values_and_files() {
    let plan = scene();
    let rules = [(PathStyle::Posix, "/art", "/m"), (PathStyle::Posix, "/art/shots/1", "/fast")];
    let mut session = plan.session(0, &mapped(PathStyle::Posix, &rules)).unwrap();
    let first = session.task(one(0)).unwrap();
    assert_eq!(first.program, "/s/2_run.sh");
    assert_eq!(
        first.args,
        ["/m/a", "/art/a", "/fast/scene.blend", "/art/shots/1/scene.blend", "true", "/s/embedded_Bare"]
    );
    assert_eq!(first.timeout, Some(Duration::from_secs(90)));
    assert_eq!(first.cancel, CancelPlan::Notify { notice: Duration::from_secs(120) });
    assert_eq!(files(&first)[0], ("/s/2_run.sh".to_owned(), "frame 1".to_owned(), false));
    let last = session.task(one(5)).unwrap();
    assert_eq!(files(&last)[0].1, "frame 3");
    assert_eq!(last.args[0], "/other/b");
    assert!(matches!(session.task(one(6)), Err(ResolveError::NoTask { .. })));
}

#[test]
fn the_longest_rule_wins_and_windows_paths_compare_without_case() {
    let text = job(
        "",
        "parameterDefinitions: [{name: A, type: PATH}]\nsteps: [{name: S, script: {actions: {onRun: {command: x, args: ['{{Param.A}}']}}}}]",
    );
    let arg = |path: &str, context: &SessionContext| {
        let plan = with(&text, &[("A", path)]).unwrap();
        plan.session(0, context).unwrap().task(one(0)).unwrap().args.remove(0)
    };
    let windows = [
        (PathStyle::Windows, r"C:\Art", "/m/art"),
        (PathStyle::Windows, r"C:\Art\Deep", "/m/deep"),
        (PathStyle::Posix, "/art", "/p"),
    ];
    let context = mapped(PathStyle::Posix, &windows);
    assert_eq!(arg(r"c:\art\deep\a.png", &context), "/m/deep/a.png");
    assert_eq!(arg(r"C:\ART/x\y", &context), "/m/art/x/y");
    assert_eq!(arg(r"C:\Artful\x", &context), r"C:\Artful\x");
    assert_eq!(arg("/art/x", &context), "/p/x");
    assert_eq!(arg("/Art/x", &context), "/Art/x", "POSIX paths compare with case");
    assert_eq!(arg("/artful/x", &context), "/artful/x", "whole parts only");
    let to_windows = mapped(PathStyle::Windows, &[(PathStyle::Posix, "/art", r"D:\art")]);
    assert_eq!(arg("/art/x/y", &to_windows), r"D:\art\x\y");
}

#[test]
fn the_rules_file_is_written_where_it_is_read() {
    let text = job("", &step("", "{command: x, args: ['{{Session.PathMappingRulesFile}}']}"));
    let rules = [(PathStyle::Posix, "/a", "/b"), (PathStyle::Windows, r"C:\longer", "/c")];
    let mut session = plan(&text).unwrap().session(0, &mapped(PathStyle::Posix, &rules)).unwrap();
    let action = session.task(one(0)).unwrap();
    assert_eq!(action.args, ["/s/pathmapping.json"]);
    assert_eq!(session.files(), action.files);
    let json: serde_json::Value = serde_json::from_str(&action.files[0].text).unwrap();
    assert_eq!(json["version"], "pathmapping-1.0");
    assert_eq!(json["path_mapping_rules"][0]["source_path_format"], "WINDOWS");
    assert_eq!(json["path_mapping_rules"][1]["destination_path"], "/b");
    let bare = open(&plan(&job("", &step("", "{command: x}"))).unwrap());
    assert!(bare.files().is_empty());
}

#[test]
fn interpreters_and_line_ends_of_the_feature_bundle() {
    for (word, program, first, file) in [
        ("bash", "bash", "/s/S_script.sh", "S_script.sh"),
        ("python", "python", "/s/S_script.py", "S_script.py"),
        ("cmd", "cmd", "/C", "S_script.bat"),
        ("powershell", "powershell", "-File", "S_script.ps1"),
        ("node", "node", "/s/S_script.js", "S_script.js"),
    ] {
        let text = job("FEATURE_BUNDLE_1", &format!("steps:\n- name: S\n  {word}: {{script: 'go', args: [a]}}"));
        let action = open(&plan(&text).unwrap()).task(one(0)).unwrap();
        assert_eq!((action.program.as_str(), action.args[0].as_str()), (program, first), "{word}");
        assert_eq!(action.args.last().unwrap(), "a");
        assert_eq!(action.files[0].path, PathBuf::from(format!("/s/{file}")));
        assert_eq!(action.files[0].text, "go");
    }
    let text = |end: &str| {
        job(
            "FEATURE_BUNDLE_1",
            &format!(
                "steps:\n- name: S\n  script: {{embeddedFiles: [{{name: F, type: TEXT, endOfLine: {end}, data: \"a\\nb\\r\\n\"}}], actions: {{onRun: {{command: x}}}}}}"
            ),
        )
    };
    for (end, style, expected) in [
        ("LF", PathStyle::Posix, "a\nb\n"),
        ("CRLF", PathStyle::Posix, "a\r\nb\r\n"),
        ("AUTO", PathStyle::Posix, "a\nb\n"),
        ("AUTO", PathStyle::Windows, "a\r\nb\r\n"),
    ] {
        let mut session = plan(&text(end)).unwrap().session(0, &mapped(style, &[])).unwrap();
        assert_eq!(session.task(one(0)).unwrap().files[0].text, expected, "{end}");
    }
}

const LETS: &str = "
steps:
- name: S
  let: ['base = Param.N * 2', 'label = Step.Name + \"!\"']
  parameterSpace: {taskParameterDefinitions: [{name: F, type: INT, range: '{{ [x for x in range(base)] }}'}]}
  stepEnvironments:
  - name: E
    variables: {LABEL: '{{label}}'}
    script: {let: ['twice = Param.N * 4'], actions: {onEnter: {command: enter, args: ['{{twice}}']}}}
  script:
    let: ['fixed = base + 1', 'frame = Task.Param.F * 10', 'next = frame + fixed']
    embeddedFiles: [{name: D, type: TEXT, data: 'at {{next}}'}]
    actions: {onRun: {command: x, args: ['{{frame}}', '{{next}}', '{{ [1, fixed] }}', '{{ null }}', '{{Job.Name}}', '{{Task.File.D}}']}}
";

#[test]
fn bindings_of_step_and_script_are_evaluated_where_they_can_be() {
    let text = job("EXPR", &format!("parameterDefinitions: [{{name: N, type: INT, default: 2}}]{LETS}"));
    let plan = plan(&text).unwrap();
    assert_eq!(plan.steps()[0].task_count, 4);
    let mut session = open(&plan);
    assert_eq!(session.environments()[0].variables, [("LABEL".to_owned(), "S!".to_owned())]);
    assert_eq!(session.environments()[0].enter.as_ref().unwrap().args, ["8"]);
    for (index, frame) in [(3, "30"), (1, "10"), (0, "0")] {
        let action = session.task(one(index)).unwrap();
        let next = frame.parse::<i64>().unwrap() + 5;
        assert_eq!(action.args, [frame, &next.to_string(), "1", "5", "Test", "/s/embedded_D"]);
        assert_eq!(action.files[0].text, format!("at {next}"));
    }
}

#[test]
fn expressions_map_paths_as_this_machine_does() {
    let text = job(
        "EXPR",
        "parameterDefinitions: [{name: A, type: PATH}, {name: L, type: 'LIST[PATH]', default: []}]\nsteps: [{name: S, script: {actions: {onRun: {command: x, args: ['{{Param.A.parent}}', \"{{ apply_path_mapping('/art/q') }}\", '{{Param.L}}']}}}}]",
    );
    let plan = with(&text, &[("A", "/art/x/y.png"), ("L", r#"["/art/1", "/else"]"#)]).unwrap();
    let mut session = plan.session(0, &mapped(PathStyle::Posix, &[(PathStyle::Posix, "/art", "/m")])).unwrap();
    assert_eq!(session.task(one(0)).unwrap().args, ["/m/x", "/m/q", "/m/1", "/else"]);
}

#[test]
fn what_fails_for_a_task_is_named() {
    let text = job(
        "EXPR",
        &step(
            "{taskParameterDefinitions: [{name: F, type: INT, range: 0-1}]}",
            "{command: x, args: ['ok', '{{ 10 // Task.Param.F }}']}",
        ),
    );
    let mut session = open(&plan(&text).unwrap());
    let error = session.task(one(0)).unwrap_err().to_string();
    assert!(error.starts_with("cannot resolve argument 2 of the action of step 'S'"), "{error}");
    assert_eq!(session.task(one(1)).unwrap().args[1], "10");
}

#[test]
fn texts_of_many_expressions_cannot_outgrow_memory() {
    let grow = "{{ Param.S * 4000000 }}";
    let text = |args: &str| {
        let step = step("", &format!("{{command: x, args: [{args}]}}"));
        job("EXPR", &format!("parameterDefinitions: [{{name: S, type: STRING, default: abcd}}]\n{step}"))
    };
    for args in [format!("'{}'", grow.repeat(900)), vec![format!("'{grow}'"); 300].join(", ")] {
        let error = plan(&text(&args)).unwrap().session(0, &posix("/s")).unwrap_err();
        assert!(error.to_string().contains("at most 16 MiB"), "{error}");
    }
    let many = "{{ Param.S + \"-\" }}".repeat(9);
    let action = open(&plan(&text(&format!("'<{many}>'"))).unwrap()).task(one(0)).unwrap();
    assert_eq!(action.args, [format!("<{}>", "abcd-".repeat(9))]);
}

#[test]
fn resolved_times_are_checked() {
    let text = |timeout: &str, period: &str| {
        job(
            "FEATURE_BUNDLE_1",
            &format!(
                "parameterDefinitions: [{{name: T, type: INT, default: 7}}]\nsteps: [{{name: S, script: {{actions: {{onRun: {{command: x, timeout: {timeout}, cancelation: {{mode: NOTIFY_THEN_TERMINATE, notifyPeriodInSeconds: {period}}}}}}}}}}}]"
            ),
        )
    };
    let good = plan(&text("'{{Param.T}}'", "600")).unwrap();
    let action = open(&good).task(one(0)).unwrap();
    assert_eq!(action.timeout, Some(Duration::from_secs(7)));
    assert_eq!(action.cancel, CancelPlan::Notify { notice: Duration::from_secs(600) });
    assert!(plan(&text("5", "601")).is_err());
    assert!(plan(&text("0", "5")).is_err());
    for (timeout, period) in [("'{{Param.T}}'", "5"), ("5", "'{{Param.T}}00'")] {
        let plan = with(&text(timeout, period), &[("T", "-3")]);
        let outcome = plan.map(|plan| plan.session(0, &posix("/s")).map(|_| ()));
        assert!(!matches!(outcome, Ok(Ok(()))), "{timeout} {period}");
    }
}

#[test]
fn steps_share_a_session_only_when_their_environments_are_the_same() {
    let step = |name: &str, environment: &str| {
        format!("- {{name: {name}, {environment}script: {{actions: {{onRun: {{command: x}}}}}}}}\n")
    };
    let env = "stepEnvironments: [{name: E, variables: {A: '{{Param.V}}'}}], ";
    let named = "stepEnvironments: [{name: E, variables: {A: '{{Step.Name}}'}}], ";
    let text = job(
        "EXPR",
        &format!(
            "parameterDefinitions: [{{name: V, type: STRING, default: v}}]\nsteps:\n{}{}{}{}{}{}",
            step("A", ""),
            step("B", env),
            step("C", ""),
            step("D", env),
            step("E", named),
            step("F", named)
        ),
    );
    let plan = plan(&text).unwrap();
    let keys: Vec<_> = (0..6).map(|at| plan.environment_key(at).unwrap()).collect();
    assert_eq!(keys, [0, 1, 0, 1, 4, 5]);
    assert_eq!(plan.environment_key(6), None);
    assert!(matches!(plan.session(6, &posix("/s")), Err(ResolveError::NoStep { step: 6, count: 6 })));
}

#[test]
fn plans_and_sessions_travel_between_threads() {
    fn travels<T: Send + Sync + Clone>() {}
    travels::<JobPlan>();
    travels::<SessionRuntime>();
}
