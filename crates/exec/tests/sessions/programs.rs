use gridwell_exec::{Said, SessionEvent};
use gridwell_model::{ActionEnd, ActionPlan, FilePlan, Limits, SessionPlan};

use crate::harness::{Grid, SESSION, ended, not_run, output, sh};

#[tokio::test]
async fn exit_codes_and_signals_are_told_apart_and_end_the_session() {
    for (script, expected) in [
        ("exit 3", ActionEnd::Exited { code: 3 }),
        ("kill -SEGV $$", ActionEnd::Signalled { signal: 11 }),
        ("echo openjd_fail: no camera; exit 0", ActionEnd::SaidFail { reason: "no camera".into() }),
    ] {
        let mut grid = Grid::opened().await;
        let batch = vec![(1, sh("exit 0")), (2, sh(script)), (3, sh("exit 0")), (4, sh("exit 0"))];
        grid.exec.run(SESSION, batch).unwrap();
        let seen = grid.until(SessionEvent::is_last).await;
        assert_eq!(ended(&seen), [(1, ActionEnd::Exited { code: 0 }), (2, expected)]);
        assert_eq!(not_run(&seen), [3, 4]);
        assert_eq!(seen.last(), Some(&SessionEvent::Closed { problems: vec![] }));
        assert!(!grid.folder().exists());
    }
}

#[tokio::test]
async fn two_thousand_quick_tasks_run_in_order() {
    let mut grid = Grid::opened().await;
    let quick = ActionPlan { program: "true".into(), ..ActionPlan::default() };
    grid.exec.run(SESSION, (0..2_000).map(|tag| (tag, quick.clone())).collect()).unwrap();
    let seen = grid.until(|event| matches!(event, SessionEvent::Ended { tag: 1_999, .. })).await;
    let ends = ended(&seen);
    assert!(ends.iter().enumerate().all(|(at, (tag, end))| *tag == at as u64 && *end == ActionEnd::Exited { code: 0 }));
    assert_eq!(ends.len(), 2_000);
}

#[tokio::test]
async fn both_streams_arrive_whole_and_in_order() {
    let mut grid = Grid::opened().await;
    let script = "i=0; while [ $i -lt 5000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done";
    let written = grid.says(script).await;
    let expected: String = (0..5_000).map(|n| format!("out {n}\nerr {n}\n")).collect();
    assert_eq!(written, expected);
}

#[tokio::test]
async fn a_huge_line_and_binary_output_arrive_unchanged() {
    let mut grid = Grid::opened().await;
    let line = grid.says("head -c 5000000 /dev/zero | tr '\\0' x").await;
    assert_eq!(line.len(), 5_000_000);
    assert!(line.bytes().all(|byte| byte == b'x'));
    let (end, bytes) = grid.run(2, sh(r"printf '\000\377\200\n\r\033'")).await;
    assert_eq!(end, ActionEnd::Exited { code: 0 });
    assert_eq!(bytes, b"\x00\xff\x80\n\r\x1b");
}

#[tokio::test]
async fn progress_and_status_are_heard_on_both_streams() {
    let mut grid = Grid::opened().await;
    grid.exec.run(SESSION, vec![(1, sh("echo openjd_progress: 40; echo 'openjd_status: half way' >&2"))]).unwrap();
    let seen = grid.until(|event| matches!(event, SessionEvent::Ended { .. })).await;
    let said: Vec<_> = seen.iter().filter(|event| matches!(event, SessionEvent::Said { .. })).collect();
    let progress = SessionEvent::Said { tag: Some(1), said: Said::Progress(40.0) };
    let status = SessionEvent::Said { tag: Some(1), said: Said::Status("half way".into()) };
    assert_eq!(said, [&progress, &status]);
    assert_eq!(output(&seen), b"openjd_progress: 40\nopenjd_status: half way\n");
}

#[tokio::test]
async fn programs_see_the_allow_list_and_nothing_secret() {
    // The test's own environment has cargo's variables, which nobody put on the list.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let mut grid = Grid::new();
    let mut plan = grid.plan();
    plan.variables = vec![("JOB".into(), "7".into())];
    grid.exec.open(SESSION, plan).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;

    let (end, written) = grid.run(1, ActionPlan { program: "env".into(), ..ActionPlan::default() }).await;

    assert_eq!(end, ActionEnd::Exited { code: 0 });
    let written = String::from_utf8(written).unwrap();
    let folder = grid.folder();
    assert!(written.lines().any(|line| line == "JOB=7"), "{written}");
    assert!(written.lines().any(|line| line == format!("TMPDIR={}", folder.display())), "{written}");
    let listed = ["PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME", "TMPDIR", "JOB", "GRIDWELL_SESSION"];
    for line in written.lines() {
        let name = line.split('=').next().unwrap();
        assert!(listed.contains(&name) || name.starts_with("LC_"), "{line}");
    }
    // Nor can they read it from the runner.
    let runner = grid.says("tr '\\0' '\\n' < /proc/$PPID/environ").await;
    assert!(!runner.contains("CARGO"), "{runner}");
}

#[tokio::test]
async fn programs_get_three_descriptors_the_session_folder_and_no_core_files() {
    use std::os::fd::AsRawFd as _;
    // A descriptor that a careless part of the node leaves inheritable.
    let leaked = std::fs::File::open("/dev/zero").unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let mut grid = Grid::opened().await;
    let listed = grid.says("exec 2>&1; ls /proc/$$/fd; pwd; ulimit -c; stat -c %a .").await;
    let expected = format!("0\n1\n2\n{}\n0\n700\n", grid.folder().display());
    assert_eq!(listed, expected, "{} leaked?", leaked.as_raw_fd());
}

#[tokio::test]
async fn limits_hold_for_programs() {
    let mut grid = Grid::new();
    let mut plan = grid.plan();
    plan.limits = Limits { threads: Some(1_000), disk_bytes: Some(4_096), ..Limits::default() };
    grid.exec.open(SESSION, plan).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    let may = rustix::process::getrlimit(rustix::process::Resource::Nproc).maximum;
    let may = may.map_or("unlimited".to_owned(), |may| (may / 4).to_string());
    let limits = grid.says("ulimit -v; ulimit -u 2>/dev/null || ulimit -p; ulimit -f").await;
    assert_eq!(limits, format!("unlimited\n{may}\n8\n"));
    let file = FilePlan { path: grid.folder().join("large"), text: "x".repeat(5_000), executable: false };
    let (end, _) = grid.run(2, ActionPlan { files: vec![file], ..sh("true") }).await;
    assert!(matches!(end, ActionEnd::NotStarted { missing: false, .. }), "{end:?}");
}

#[tokio::test]
async fn a_file_that_grows_too_large_ends_its_program() {
    let mut grid = Grid::new();
    let limits = Limits { disk_bytes: Some(1_000_000), ..Limits::default() };
    grid.exec.open(SESSION, SessionPlan { limits, ..grid.plan() }).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    let (end, _) = grid.run(1, sh("exec head -c 2000000 /dev/zero > large")).await;
    assert_eq!(end, ActionEnd::Signalled { signal: 25 });
}

#[tokio::test]
async fn files_of_an_action_are_private_and_may_be_executable() {
    let mut grid = Grid::opened().await;
    let folder = grid.folder();
    let file = |name: &str, text: &str, executable| FilePlan { path: folder.join(name), text: text.into(), executable };
    let files = vec![file("in/data", "words\n", false), file("run.sh", "#!/bin/sh\nstat -c %a run.sh in/data\n", true)];
    let plan = ActionPlan { program: folder.join("run.sh").display().to_string(), files, ..ActionPlan::default() };
    // Twice: the second run replaces the files of the first.
    for tag in [1, 2] {
        assert_eq!(grid.run(tag, plan.clone()).await, (ActionEnd::Exited { code: 0 }, b"700\n600\n".to_vec()));
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let script = |name: &str, text: &str, executable| (name.to_owned(), text.to_owned(), executable);
    let cases = [
        ("no-such-program", None, true, "program no-such-program was not found in PATH /"),
        ("/no/such/file", None, true, "program /no/such/file does not exist"),
        ("./plain", Some(script("plain", "text", false)), false, "may not be executed"),
        ("./noise", Some(script("noise", "\u{1}\u{2}noise", true)), false, "neither a script with a #! line"),
        ("./orphan", Some(script("orphan", "#!/no/such/shell\n", true)), true, "its interpreter /no/such/shell"),
        ("", None, false, "names no program"),
    ];
    for (program, file, is_missing, words) in cases {
        let mut grid = Grid::opened().await;
        let folder = grid.folder();
        let files =
            file.into_iter().map(|(name, text, executable)| FilePlan { path: folder.join(name), text, executable });
        let plan = ActionPlan { program: program.into(), files: files.collect(), ..ActionPlan::default() };
        let (end, _) = grid.run(1, plan).await;
        let ActionEnd::NotStarted { reason, missing } = end else { panic!("{program}: {end:?}") };
        assert!(reason.contains(words), "{program}: {reason}");
        assert_eq!(missing, is_missing, "{program}: {reason}");
    }
}

#[tokio::test]
async fn too_many_arguments_say_so() {
    let mut grid = Grid::opened().await;
    let plan = ActionPlan { program: "true".into(), args: vec!["x".repeat(200_000)], ..ActionPlan::default() };
    let (end, _) = grid.run(1, plan).await;
    let ActionEnd::NotStarted { reason, .. } = end else { panic!("{end:?}") };
    assert!(reason.contains("200001 bytes of arguments"), "{reason}");
}

#[tokio::test]
async fn the_name_gridwell_means_our_own_program() {
    let mut grid = Grid::opened().await;
    let plan = ActionPlan { program: "gridwell".into(), args: vec!["itself".into()], ..ActionPlan::default() };
    assert_eq!(grid.run(1, plan).await, (ActionEnd::Exited { code: 0 }, b"itself\n".to_vec()));
}

#[tokio::test]
async fn a_program_that_moved_along_the_path_is_found_again() {
    let mut grid = Grid::new();
    let (first, second) = (grid.temp.path().join("first"), grid.temp.path().join("second"));
    for folder in [&first, &second] {
        std::fs::create_dir(folder).unwrap();
        std::os::unix::fs::symlink("/bin/true", folder.join("tool")).unwrap();
    }
    let mut plan = grid.plan();
    plan.variables = vec![("PATH".into(), format!("{}:{}", first.display(), second.display()))];
    grid.exec.open(SESSION, plan).unwrap();
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    let tool = ActionPlan { program: "tool".into(), ..ActionPlan::default() };
    assert_eq!(grid.run(1, tool.clone()).await.0, ActionEnd::Exited { code: 0 });
    std::fs::remove_file(first.join("tool")).unwrap();
    assert_eq!(grid.run(2, tool).await.0, ActionEnd::Exited { code: 0 });
}
