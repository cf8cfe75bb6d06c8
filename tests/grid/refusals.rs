//! Bad input: one clear line that names the thing, the right exit code, nothing started, and a node that goes on.

use std::{
    fs,
    os::unix::{
        ffi::OsStringExt as _,
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Grid, Peer, gridwell, lines, names, skip, until};

const TEMPLATE: &str = r#"
specificationVersion: jobtemplate-2023-09
name: Hello
parameterDefinitions:
  - {name: Start, type: INT, default: 1}
steps:
  - name: S
    script: {actions: {onRun: {command: "true"}}}
"#;

/// Every line is refused with exit code 2 and one line that holds `words`; afterwards there is no job, and the node answers.
fn refuses(peer: &Peer, cases: &[(&[&str], &str)]) {
    for (line, words) in cases {
        let said = peer.refused(2, *line);
        let first = said.lines().next().unwrap_or_default();
        assert!(first.contains(words), "{line:?} said: {said}");
        assert!(first.starts_with("gridwell: ") || first.starts_with("error: "), "{line:?} said: {said}");
        assert!(first.chars().count() < 600 && !said.contains('\u{1b}'), "{line:?} said: {said}");
    }
    assert_eq!(peer.json(["jobs"]), Value::Array(Vec::new()), "nothing was started");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary folder's path is text")
}

#[test]
fn files_that_are_no_jobs_are_named() {
    let grid = Grid::of_one();
    let peer = &grid.peers[0];
    grid.write("garbage.blend", "garbage");
    grid.write("empty.blend", "");
    grid.write("short.blend", b"BLENDER-v304DATA\xff\xff\xff\x7f");
    grid.write("notes.txt", "x");
    fs::create_dir(grid.path("folder.blend")).expect("a folder");
    symlink("/dev/zero", grid.path("device.blend")).expect("a link");
    symlink("loop.blend", grid.path("loop.blend")).expect("a link");
    let _socket = UnixListener::bind(grid.path("socket.blend")).expect("a socket");
    let pipe = rustix::fs::mknodat(
        rustix::fs::CWD,
        grid.path("pipe.blend"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    );
    pipe.expect("a pipe");
    let paths = [
        ("missing.blend", "missing.blend' does not exist"),
        ("garbage.blend", "garbage.blend': not a .blend: it starts with 'garbage'"),
        ("empty.blend", "the file is empty"),
        ("short.blend", "damaged at byte"),
        ("notes.txt", "no recipe knows what to do with"),
        ("folder.blend", "no recipe knows what to do with"),
        ("device.blend", "neither a file nor a folder"),
        ("socket.blend", "neither a file nor a folder"),
        ("pipe.blend", "neither a file nor a folder"),
        ("loop.blend", "cannot read"),
    ];
    for (name, words) in paths {
        let path = grid.path(name);
        refuses(peer, &[(&["submit", text(&path)], words), (&["inspect", text(&path)], words)]);
    }
}

#[test]
fn names_that_are_not_utf8_are_refused_before_anything_is_sent() {
    let grid = Grid::of_one();
    let name = std::ffi::OsString::from_vec(b"bad\xff.blend".to_vec());
    fs::write(grid.path("").join(&name), "x").expect("the file system takes any bytes");

    let said = grid.peers[0].refused(2, [std::ffi::OsStr::new("submit"), grid.path("").join(&name).as_os_str()]);
    assert!(said.contains("is not UTF-8"), "{said}");
    let pattern = grid.path("*.blend");
    refuses(&grid.peers[0], &[(&["exec", "--over", text(&pattern), "--", "cat"], "not valid UTF-8")]);
}

#[test]
fn templates_and_parameters_are_refused_with_their_place() {
    let grid = Grid::of_one();
    let good = grid.write("good.yaml", TEMPLATE);
    let bad = grid.write("bad.yaml", TEMPLATE.replace("onRun", "onRunn"));
    let broken = grid.write("broken.yaml", TEMPLATE.replace("name: Hello", "name: [Hello"));
    let json = grid.write("bad.json", r#"{"specificationVersion": "jobtemplate-2023-09", "steps": [}"#);
    let hole: String = (1..12).fold("a0: &a0 [x]\n".to_owned(), |all, n| {
        format!("{all}a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","))
    });
    let bomb = grid.write("bomb.yaml", format!("specificationVersion: jobtemplate-2023-09\n{hole}"));
    refuses(
        &grid.peers[0],
        &[
            (&["submit", text(&bad)], "steps[0].script.actions.onRunn"),
            (&["submit", text(&broken)], "not valid YAML"),
            (&["submit", text(&json)], "not valid JSON"),
            (&["submit", text(&bomb)], "the template is refused"),
            (&["submit", text(&good), "--param", "Nope=1"], "unknown parameter 'Nope' (the template has Start)"),
            (&["submit", text(&good), "--param", "Start=x"], "Start"),
            (&["submit", text(&good), "--param", "Start=1", "--param", "Start=2"], "'Start' is given twice"),
            (&["submit", text(&good), "--frames", "1-3"], "has no frames"),
            (&["submit", text(&good), text(&good)], "was given twice"),
            (&["submit", text(&good), text(&bad), "--name", "both"], "cannot be given to 2 jobs"),
        ],
    );
}

#[test]
fn numbers_words_and_commands_that_make_no_sense_are_refused() {
    let grid = Grid::of_one();
    let good = grid.write("good.yaml", TEMPLATE);
    let good = text(&good);
    let scene = grid.write("a.gridwell-sample", "gridwell_sample = 1\n");
    let scene = text(&scene);
    let uneven = grid.write("uneven.csv", "a,b\n1\n");
    let twice = grid.write("twice.csv", "a,a\n1,2\n");
    refuses(
        &grid.peers[0],
        &[
            (&["submit", scene, "--frames", "9-1"], "'9-1' is empty"),
            (&["submit", scene, "--frames", ""], "'' is not a range"),
            (&["submit", scene, "--frames", "1-1000000000"], "at most 10000000 tasks"),
            (&["exec", "--array", "0", "--", "true"], "--array 0 makes no task"),
            (&["exec", "--array", "99999999999", "--", "true"], "at most 10000000 tasks"),
            (&["exec", "--over", "/nowhere/*.wav", "--", "true"], "no file matches"),
            (&["exec", "--over", text(&uneven), "--", "true"], "line 2: 1 value where the first line has 2"),
            (&["exec", "--over", text(&twice), "--", "true"], "two columns are called 'a'"),
            (&["exec", "--over", "/nowhere/t.csv", "--", "true"], "does not exist"),
            (&["exec", "--"], "required arguments"),
            (&["exec", "--outputs", "../x", "--", "true"], "'../x' is not a pattern"),
            (&["submit", good, "--needs", "ram > 8 bananas"], "'ram > 8 bananas'"),
            (&["submit", good, "--prefers", "gpu * 9"], "'gpu * 9'"),
            (&["submit", good, "--priority", "101"], "101"),
            (&["submit", good, "--on", "nobody"], "no machine 'nobody'"),
            (&["submit", good, "--name", "a\nb\u{1b}[2J"], "is not a job name"),
            (&["label", "novalue"], "novalue"),
            (&["label", "a=b\nc"], "label 'a'"),
            (&["logs", "last", "--tail", "5 q"], "is not a size"),
            (&["invite", "--for", "0s"], "at least 1 s"),
            (&["invite", "--for", "200h"], "at most 168 h"),
            (&["job", "zzzz"], "no job 'zzzz'"),
            (&["job", ""], "'' is not a job id"),
            (&["job", "a b"], "'a b' is not a job id"),
            (&["wait", "last"], "no last job"),
        ],
    );
}

#[test]
fn ids_and_tasks_that_are_not_there_are_refused() {
    let grid = Grid::of_one();
    let peer = &grid.peers[0];
    let template = grid.write("good.yaml", TEMPLATE);
    // Of more jobs than there are letters and digits in an id, two begin alike.
    let ids: Vec<_> = (0..33).map(|_| peer.start_job(["submit", "--hold", text(&template)])).collect();
    let firsts: Vec<_> = ids.iter().map(|id| &id[..1]).collect();
    let shared = firsts.iter().find(|first| firsts.iter().filter(|other| other == first).count() > 1);

    let said = peer.refused(2, ["job", shared.expect("33 ids begin with 32 letters")]);
    assert!(said.contains("several jobs start with"), "{said}");
    let said = peer.refused(2, ["logs", &format!("{}.7", ids[0])]);
    assert!(said.contains("no task"), "{said}");
}

#[test]
fn results_that_could_not_land_are_refused_before_anything_runs() {
    let grid = Grid::of_one();
    let scene = grid.write("a.gridwell-sample", "gridwell_sample = 1\n");
    let file = grid.write("file", "x");
    let below = file.join("below");
    refuses(
        &grid.peers[0],
        &[
            (&["submit", text(&scene), "--output", text(&file)], "is not a folder"),
            (&["submit", text(&scene), "--output", text(&below)], "results cannot land in"),
        ],
    );
    // A file system that is full, and one that may not be written: where this test may mount them.
    let (full, sealed) = (Mount::new(grid.path("full"), "size=64k"), Mount::new(grid.path("sealed"), "ro"));
    let (Some(full), Some(sealed)) = (full, sealed) else {
        skip("only root may mount a full and a read-only file system");
        return;
    };
    let (full_output, sealed_output) = (full.0.join("out"), sealed.0.join("out"));
    refuses(
        &grid.peers[0],
        &[
            (&["submit", text(&scene), "--output", text(&full_output)], "no room for 1.0 MB"),
            (&["submit", text(&scene), "--output", text(&sealed_output)], "no right to write"),
        ],
    );
    assert!(names(&full.0).is_empty(), "nothing is left there");
}

#[test]
fn results_wait_for_room_and_no_program_runs_again() {
    let grid = Grid::of_one();
    let peer = &grid.peers[0];
    let Some(small) = Mount::new(grid.path("small"), "size=3m") else {
        skip("only root may mount a small file system");
        return;
    };
    let (runs, output) = (grid.path("runs"), small.0.join("out"));
    let program = format!("echo run >> {}; head -c 4000000 /dev/zero > big.bin", text(&runs));
    let words = ["exec", "--detach", "--outputs", "*.bin", "--output", text(&output), "--", "sh", "-c", &program];
    let job = peer.start_job(words);
    until("the results wait", || peer.log().contains("results wait to be brought home").then_some(()));
    assert!(!output.join("big.bin").exists(), "no half file");
    let grown = Command::new("mount").args(["-o", "remount,size=16m"]).arg(&small.0).status();
    assert!(grown.is_ok_and(|status| status.success()));
    peer.done(&job);
    assert_eq!(fs::metadata(output.join("big.bin")).expect("it landed").len(), 4_000_000);
    assert_eq!(lines(&runs).len(), 1, "the program ran once");
}

/// A small file system in memory; gone when dropped.
pub(crate) struct Mount(pub(crate) std::path::PathBuf);

impl Mount {
    pub(crate) fn new(path: std::path::PathBuf, options: &str) -> Option<Self> {
        fs::create_dir(&path).expect("a folder to mount on");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn without_rights_files_and_folders_are_refused() {
    let grid = Grid::of_one();
    // Root may read everything: the node runs as somebody else, where the test may choose.
    let data = grid.path("theirs");
    fs::create_dir(&data).expect("a folder");
    let (user, group) = (rustix::process::Uid::from_raw(65534), rustix::process::Gid::from_raw(65534));
    if rustix::fs::chown(&data, Some(user), Some(group)).is_err() {
        skip("only root may start a node as another user");
        return;
    }
    fs::set_permissions(grid.path(""), fs::Permissions::from_mode(0o755)).expect("they may pass");
    let program = gridwell();
    let reachable = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .arg("--version")
        .output();
    if !reachable.is_ok_and(|output| output.status.success()) {
        skip("another user may not run the program, or there is no setpriv");
        return;
    }
    let safe = grid.write("safe/a.blend", "x");
    fs::set_permissions(grid.path("safe"), fs::Permissions::from_mode(0o700)).expect("mine to lock");
    let locked = grid.write("locked.yaml", TEMPLATE);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o600)).expect("mine to lock");

    // Asking is not their door's business: their node, asked by root, reads with their rights.
    let mut node = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["node", "--json", "--dedicated", "--disk-reserve", "0", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv runs");
    let mut ready = String::new();
    let out = node.stdout.take().expect("a pipe");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut ready).expect("it says when it is ready");
    let ask = |words: &[&str]| {
        let output = Command::new(&program).args(words).env("GRIDWELL_DATA", &data).output().expect("gridwell runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    let folder = ask(&["submit", text(&safe)]);
    let file = ask(&["submit", text(&locked)]);
    let home = grid.path("safe/out");
    let output = ask(&["exec", "--output", text(&home), "--outputs", "*", "--", "true"]);

    node.kill().expect("it can be killed");
    node.wait().expect("it ends");
    assert!(folder.0 == Some(2) && folder.1.contains("Permission denied"), "{folder:?}");
    assert!(file.0 == Some(2) && file.1.contains("cannot read"), "{file:?}");
    assert!(output.0 == Some(2) && output.1.contains("results cannot land"), "{output:?}");
}

#[test]
fn a_node_that_cannot_run_says_why() {
    let grid = Grid::of_one();
    let file = grid.write("file", "x");
    let others = grid.write("others/theirs", "x");
    let others = others.parent().expect("a folder");
    fs::set_permissions(others, fs::Permissions::from_mode(0o777)).expect("mine to open");
    let fresh = grid.path("fresh");
    let taken = grid.peers[0].json(["status"])["addresses"][0].as_str().expect("an address").to_owned();
    let run = |words: &[&str]| {
        let output = Command::new(gridwell()).args(words).stdin(Stdio::null()).output().expect("gridwell runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (words, expected) in [
        (&["node", "--data", text(&file)][..], "is a file, not a folder"),
        (&["jobs", "--data", text(&file)], "is a file, not a folder"),
        (&["node", "--data", text(others)], "is open to others"),
        (&["node", "--data", text(&fresh), "--listen", &taken], "cannot listen on"),
        (&["node", "--data", text(&fresh), "--listen", "nowhere"], "is not an address"),
        (&["node", "--data", text(&fresh), "--name", ""], "a name has 1 to 64 characters"),
        (&["node", "--data", text(&fresh), "--lend-cores", "-1"], "a number above 0"),
    ] {
        let (code, said) = run(words);
        assert!(code == Some(2) && said.contains(expected), "{words:?}: {code:?} {said}");
    }
    assert_eq!(fs::metadata(others).expect("there").permissions().mode() & 0o777, 0o777, "others keep their rights");
}
