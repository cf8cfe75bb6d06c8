use std::time::Duration;

use gridwell_model::CancelPlan;

use super::*;

const WRAP: &str = "
jobEnvironments:
- {name: Before, script: {actions: {onEnter: {command: before}, onExit: {command: after}}}}
- name: Box
  variables: {IMAGE: img}
  script:
    let: ['tool = \"podman\"']
    embeddedFiles: [{name: Go, type: TEXT, filename: go.sh, data: 'exec'}]
    actions:
      onEnter: {command: pull}
      onWrapEnvEnter: {command: '{{tool}}', args: ['{{WrappedEnv.Name}}', '{{WrappedAction.Command}}', '{{WrappedAction.Args}}']}
      onWrapTaskRun:
        command: '{{tool}}'
        args: ['{{Env.File.Go}}', '{{WrappedStep.Name}}', '{{WrappedAction.Command}}', '{{WrappedAction.Args}}', '{{WrappedAction.Environment}}']
        timeout: '{{WrappedAction.Timeout}}'
        cancelation: {mode: '{{WrappedAction.Cancelation.Mode}}', notifyPeriodInSeconds: '{{WrappedAction.Cancelation.NotifyPeriodInSeconds}}'}
      onWrapEnvExit: {command: '{{tool}}', args: ['{{WrappedAction.Command}}']}
      onExit: {command: drop}
steps:
- name: S
  stepEnvironments: [{name: In, variables: {A: b}, script: {actions: {onEnter: {command: in, args: [x, y]}, onExit: {command: out}}}}]
  parameterSpace: {taskParameterDefinitions: [{name: F, type: INT, range: 1-2}]}
  script:
    embeddedFiles: [{name: Go, type: TEXT, filename: go.sh, data: 'frame {{Task.Param.F}}'}]
    actions: {onRun: {command: draw, args: ['{{Task.Param.F}}', '{{Task.File.Go}}'], timeout: 44, cancelation: {mode: NOTIFY_THEN_TERMINATE}}}
";

#[test]
fn a_wrapping_environment_runs_what_is_inside_it() {
    let plan = plan(&job("EXPR, WRAP_ACTIONS, FEATURE_BUNDLE_1", WRAP)).unwrap();
    let mut session = open(&plan);
    let call = |action: &Option<gridwell_model::ActionPlan>| {
        action.as_ref().map(|action| format!("{} {}", action.program, action.args.join(" ")))
    };
    let calls: Vec<_> = session.environments().iter().map(|one| (call(&one.enter), call(&one.exit))).collect();
    assert_eq!(calls[0].0.as_deref(), Some("before "), "outside the wrapper nothing is wrapped");
    assert_eq!(calls[1].0.as_deref(), Some("pull "), "a wrapper does not wrap itself");
    assert_eq!(calls[1].1.as_deref(), Some("drop "));
    assert_eq!(calls[2].0.as_deref(), Some("podman In in x y"));
    assert_eq!(calls[2].1.as_deref(), Some("podman out"));

    session.exported(&[("FROM".to_owned(), "enter".to_owned())]);
    let task = session.task(TaskSpan::new(1, 2)).unwrap();
    assert_eq!(task.program, "podman");
    assert_eq!(task.args, ["/s/go.sh", "S", "draw", "2", "/s/2_go.sh", "A=b", "FROM=enter", "IMAGE=img"]);
    assert_eq!(task.timeout, Some(Duration::from_secs(44)));
    assert_eq!(task.cancel, CancelPlan::Notify { notice: Duration::from_secs(120) });
    let texts: Vec<_> = task.files.iter().map(|file| file.text.as_str()).collect();
    assert_eq!(texts, ["exec", "frame 2"]);
    assert_eq!(session.task(one(0)).unwrap().args[3], "1");
}

#[test]
fn a_wrapper_forwards_that_nothing_was_said() {
    let text = WRAP.replace(", timeout: 44, cancelation: {mode: NOTIFY_THEN_TERMINATE}", "");
    let task = open(&plan(&job("EXPR, WRAP_ACTIONS, FEATURE_BUNDLE_1", &text)).unwrap()).task(one(0)).unwrap();
    assert_eq!((task.timeout, task.cancel), (None, CancelPlan::Terminate));
}

#[test]
fn two_wrappers_or_half_a_wrapper_are_refused() {
    let half = WRAP.replace("      onWrapEnvExit: {command: '{{tool}}', args: ['{{WrappedAction.Command}}']}\n", "");
    assert!(plan(&job("EXPR, WRAP_ACTIONS, FEATURE_BUNDLE_1", &half)).is_err());
    let one = WRAP.lines().skip(3).take_while(|line| !line.starts_with("steps")).collect::<Vec<_>>().join("\n");
    let two = WRAP.replace("steps:\n", &format!("{}\nsteps:\n", one.replace("name: Box", "name: Box2")));
    assert!(plan(&job("EXPR, WRAP_ACTIONS, FEATURE_BUNDLE_1", &two)).is_err());
    assert!(plan(&job("EXPR, FEATURE_BUNDLE_1", WRAP)).is_err());
}
