use gridwell_exec::{Problem, SessionEvent};
use gridwell_model::{ActionEnd, ActionPlan, EnvironmentPlan};

use crate::harness::{Grid, SESSION, environment, not_run, output, sh};

#[tokio::test]
async fn environments_are_entered_in_order_and_left_in_reverse() {
    let environments =
        vec![environment("job", "echo +job", "echo -job"), environment("step", "echo +step", "echo -step")];
    let mut grid = Grid::new();
    grid.open(environments);
    let mut seen = grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    grid.exec.run(SESSION, vec![(1, sh("echo task"))]).unwrap();
    seen.extend(grid.until(|event| matches!(event, SessionEvent::Ended { .. })).await);
    seen.extend(grid.close().await);
    assert_eq!(String::from_utf8(output(&seen)).unwrap(), "+job\n+step\ntask\n-step\n-job\n");
    assert!(!grid.folder().exists());
}

#[tokio::test]
async fn a_failing_enter_leaves_what_was_entered_and_runs_nothing() {
    let environments = vec![
        environment("job", "echo +job", "echo -job"),
        environment("step", "echo +step; exit 4", "echo -step"),
        environment("never", "echo +never", "echo -never"),
    ];
    let mut grid = Grid::new();
    grid.open(environments);
    grid.exec.run(SESSION, vec![(1, sh("echo task")), (2, sh("echo task"))]).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    let failed = SessionEvent::OpenFailed { environment: Some("step".into()), end: ActionEnd::Exited { code: 4 } };
    assert!(seen.contains(&failed), "{seen:?}");
    assert_eq!(not_run(&seen), [1, 2]);
    assert_eq!(String::from_utf8(output(&seen)).unwrap(), "+job\n+step\n-step\n-job\n");
}

#[tokio::test]
async fn a_failing_exit_is_a_problem_and_the_others_still_run() {
    let environments = vec![environment("job", "true", "echo -job"), environment("step", "true", "echo -step; exit 9")];
    let mut grid = Grid::opened_with(environments).await;
    let seen = grid.close().await;
    let problem = Problem::Exit { environment: "step".into(), end: ActionEnd::Exited { code: 9 } };
    assert_eq!(seen.last(), Some(&SessionEvent::Closed { problems: vec![problem] }));
    assert_eq!(output(&seen), b"-step\n-job\n");
}

#[tokio::test]
async fn variables_set_and_unset_in_enter_actions_hold_until_their_environment_is_left() {
    let outer = EnvironmentPlan { variables: vec![("A".into(), "1".into())], ..environment("o", ":", "echo o $A $B") };
    let enter = r#"echo 'openjd_env: B=b c'; printf '%s\n' 'openjd_env: "C=x\ny"'; echo openjd_unset_env: A"#;
    let mut grid = Grid::opened_with(vec![outer, environment("i", enter, "echo i ${A-none} $B")]).await;
    assert_eq!(grid.says(r#"echo "${A-none}|$B|$C""#).await, "none|b c|x\ny\n");
    // Only enter actions may change variables.
    assert_eq!(grid.says("echo openjd_env: B=other").await, "openjd_env: B=other\n");
    assert_eq!(grid.says("echo $B").await, "b c\n");
    assert_eq!(output(&grid.close().await), b"i none b c\no 1\n");
}

#[tokio::test]
async fn a_malformed_variable_fails_the_environment() {
    let mut grid = Grid::new();
    grid.open(vec![environment("e", "echo openjd_env: nonsense", ":")]);
    let seen = grid.until(SessionEvent::is_last).await;
    assert!(seen.iter().any(|event| matches!(
        event,
        SessionEvent::OpenFailed { end: ActionEnd::SaidFail { reason }, .. } if reason.contains("openjd_env")
    )));
}

#[tokio::test]
async fn a_redacted_value_is_set_but_never_shown() {
    let mut grid = Grid::new();
    grid.open(vec![environment("e", "echo openjd_redacted_env: KEY=swordfish; echo swordfish", ":")]);
    let seen = grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    assert_eq!(String::from_utf8(output(&seen)).unwrap(), "openjd_redacted_env: KEY=********\n********\n");
    assert_eq!(grid.says("echo $KEY; printf sword; printf fish; [ $KEY = swordfish ]").await, "********\n********");
    let (end, _) = grid.run(2, sh("echo openjd_fail: bad $KEY")).await;
    assert_eq!(end, ActionEnd::SaidFail { reason: "bad ********".into() });
}

#[tokio::test]
async fn a_program_in_a_folder_that_an_environment_added_to_the_path_is_found() {
    let mut grid = Grid::opened_with(vec![environment(
        "e",
        "mkdir bin; printf '#!/bin/sh\necho found\n' > bin/tool; chmod +x bin/tool; echo openjd_env: PATH=$PWD/bin:$PATH",
        ":",
    )])
    .await;
    let plan = ActionPlan { program: "tool".into(), ..ActionPlan::default() };
    assert_eq!(grid.run(1, plan).await, (ActionEnd::Exited { code: 0 }, b"found\n".to_vec()));
}
