//! What happens when something does not answer, dies or is in the way.

use std::{
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, atomic::Ordering::Relaxed, mpsc},
    thread,
    time::Duration,
};

use gridwell_mount::{MountError, MountOptions, clean_stale, mount};
use tokio::runtime::Runtime;

use crate::{
    memory::MemoryTree,
    support::{SHORT, STRICT, Shown, show},
};

fn waits_for_reads(shown: &Shown, count: u64) {
    while shown.tree.asked.reads.load(Relaxed) < count {
        thread::yield_now();
    }
}

#[test]
fn a_read_that_is_never_answered_ends_with_an_error_and_others_go_on_meanwhile() {
    for strict in [false, true] {
        let tree = MemoryTree::new().silent_file("hangs").folder("f").file("f/a", "x");
        let Some(shown) = show(tree, &MountOptions { strict, ..SHORT }) else { return };
        let cat = shown.shell("cat hangs").stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        waits_for_reads(&shown, 1);

        assert_eq!(shown.says("ls f; cat f/a"), "a\nx");

        let output = cat.wait_with_output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("timed out"), "{said}");
    }
}

#[test]
fn a_name_that_is_never_answered_ends_with_an_error() {
    let Some(shown) = show(MemoryTree::new().file("hangs", "x").file("a", "x"), &SHORT) else { return };
    shown.tree.silence("hangs");
    assert!(shown.complains("stat hangs").contains("timed out"));
    assert_eq!(shown.says("cat a"), "x");
}

#[test]
fn an_interrupted_program_ends_though_its_read_is_not_answered() {
    for options in [MountOptions::default(), STRICT] {
        let Some(shown) = show(MemoryTree::new().silent_file("hangs"), &options) else { return };
        let mut cat = Command::new("cat").arg(shown.path("hangs")).stdout(Stdio::null()).spawn().unwrap();
        waits_for_reads(&shown, 1);
        rustix::process::kill_process(rustix::process::Pid::from_child(&cat), rustix::process::Signal::INT).unwrap();
        assert_eq!(cat.wait().unwrap().signal(), Some(2), "{options:?}");
    }
}

#[test]
fn an_interrupted_program_ends_though_a_name_is_not_answered() {
    let Some(shown) = show(MemoryTree::new().file("hangs", "x"), &MountOptions::default()) else { return };
    shown.tree.silence("hangs");
    let mut cat = Command::new("cat").arg(shown.path("hangs")).spawn().unwrap();
    while shown.tree.asked.stats.load(Relaxed) == 0 {
        thread::yield_now();
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&cat), rustix::process::Signal::INT).unwrap();
    assert_eq!(cat.wait().unwrap().signal(), Some(2));
}

#[test]
fn unmounting_does_not_wait_for_a_read_that_hangs() {
    for options in [MountOptions::default(), STRICT] {
        let Some(mut shown) = show(MemoryTree::new().silent_file("hangs"), &options) else { return };
        let mut cat = shown.shell("cat hangs").stderr(Stdio::null()).spawn().unwrap();
        waits_for_reads(&shown, 1);

        shown.mounted.take().unwrap().unmount();

        assert!(!cat.wait().unwrap().success());
        assert_eq!(fs::read_dir(shown.path("")).unwrap().count(), 0, "the folder is an empty one again");
    }
}

#[test]
fn unmounting_does_not_wait_for_who_holds_a_file_open() {
    let Some(mut shown) = show(MemoryTree::new().file("a", "x"), &MountOptions::default()) else { return };
    let mut held = File::open(shown.path("a")).unwrap();

    shown.mounted.take().unwrap().unmount();

    assert_eq!(fs::read_dir(shown.path("")).unwrap().count(), 0);
    assert!(held.read(&mut [0; 10]).is_err());
}

#[test]
fn a_mount_whose_node_was_killed_is_removed_at_the_next_start() {
    let Some(mut shown) = show(MemoryTree::new(), &MountOptions::default()) else { return };
    let dir = shown.path("");
    shown.mounted.take().unwrap().unmount();
    for _ in 0..2 {
        let mut child = node_in_another_process(&dir);
        let detour = dir.join("../grid");
        assert!(matches!(clean_stale(&detour), Err(MountError::AlreadyMounted { .. })));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap_err().raw_os_error(), Some(107), "not connected");
    }

    let runtime = Runtime::new().unwrap();
    let tree = Arc::new(MemoryTree::new().file("a", "alive"));
    let mounted = mount(tree, &dir, &MountOptions::default(), runtime.handle()).unwrap();
    assert_eq!(fs::read(dir.join("a")).unwrap(), b"alive");
    mounted.unmount();
    assert!(!fs::read_to_string("/proc/self/mountinfo").unwrap().contains(dir.to_str().unwrap()));
}

const DIR: &str = "GRIDWELL_TEST_MOUNT";

/// Starts a process that mounts at `dir`, and waits until it has.
fn node_in_another_process(dir: &Path) -> std::process::Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "broken::a_node", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("mounted")));
    child
}

#[test]
#[ignore = "a node for another test to kill"]
fn a_node() {
    let Some(dir) = env::var_os(DIR).map(PathBuf::from) else { return };
    let runtime = Runtime::new().unwrap();
    let mounted = mount(Arc::new(MemoryTree::new()), &dir, &MountOptions::default(), runtime.handle()).unwrap();
    println!("mounted");
    // Whoever started this kills it; if it died before, nothing is left behind for long.
    thread::sleep(Duration::from_secs(60));
    drop(mounted);
}

#[test]
fn a_folder_that_is_taken_is_refused_in_one_sentence() {
    let Some(shown) = show(MemoryTree::new().file("a", "x"), &MountOptions::default()) else { return };
    let runtime = Runtime::new().unwrap();
    let try_at = |dir: &Path| {
        let tree = Arc::new(MemoryTree::new());
        mount(tree, dir, &MountOptions::default(), runtime.handle()).unwrap_err().to_string()
    };
    let dir = shown.path("");
    assert_eq!(try_at(&dir), format!("a grid is already mounted at {}", dir.to_str().unwrap().trim_end_matches('/')));

    let full = tempfile::tempdir().unwrap();
    fs::write(full.path().join("mine"), "").unwrap();
    let path = full.path().canonicalize().unwrap();
    assert_eq!(try_at(full.path()), format!("the folder {} is not empty", path.display()));
    assert_eq!(try_at(&full.path().join("mine")), format!("cannot use the folder {}", path.join("mine").display()));
    assert_eq!(fs::read(shown.path("a")).unwrap(), b"x", "the living mount is left alone");
}

#[test]
fn a_mount_that_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    assert!(clean_stale(folder.path()).is_ok());
    assert!(clean_stale(Path::new("/proc")).is_ok(), "not ours");
    assert!(Path::new("/proc/self").exists());
}

#[test]
fn a_runtime_that_has_ended_leaves_errors_and_no_one_waiting() {
    let Some(shown) = show(MemoryTree::new().silent_file("hangs"), &MountOptions::default()) else { return };
    let path = shown.path("hangs");
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || sender.send(fs::read(path).is_err()));
    waits_for_reads(&shown, 1);
    drop(shown);
    assert!(receiver.recv().unwrap());
    reader.join().unwrap().unwrap();
}
