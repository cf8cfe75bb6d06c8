//! The tree as a folder: programs open what other machines share, and only what they read moves.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use crate::{
    shares::{GROUP_BYTES, fill, received, shared, text, until_shown},
    support::{Grid, Peer, gridwell, names, until},
};

/// What the kernel and a path that was not measured yet let one byte bring: a window of each, rounded out to groups.
const READ_AHEAD_BYTES: usize = 2 * (1 << 20) + 128 * 1024;

/// A mounted tree. A peer that is killed cannot take it away.
pub(crate) struct Tree(pub(crate) PathBuf);

impl Tree {
    /// Mounts the tree of a peer in a folder of the grid's.
    pub(crate) fn of(grid: &Grid, peer: &Peer, options: &[&str]) -> Self {
        let dir = grid.path(&format!("tree of {}", peer.name));
        peer.ok(["mount", text(&dir)].iter().chain(options));
        Self(dir)
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if is_mounted(&self.0) {
            let ended = Command::new("fusermount3").args(["-u", "-z"]).arg(&self.0).status();
            assert!(ended.is_ok_and(|ended| ended.success()) || thread::panicking(), "a mount stays behind");
        }
    }
}

pub(crate) fn is_mounted(dir: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    // A space is written as four characters there.
    mounts.contains(&text(dir).replace(' ', "\\040"))
}

#[test]
fn programs_read_what_another_machine_shares_as_any_other_file() {
    let mut grid = Grid::steady(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    let bytes: Vec<u8> = (0..200 * GROUP_BYTES + 7).map(|at| (at / 13 % 256) as u8).collect();
    fs::write(folder.join("scene"), &bytes).expect("a file");
    fs::write(folder.join("textures/wood"), "wood").expect("a file");
    std::os::unix::fs::symlink("textures/wood", folder.join("link")).expect("a link");
    std::os::unix::fs::symlink("/etc/passwd", folder.join("away")).expect("a link");
    until_shown(&grid.peers[1], "/mill/projects");
    let tree = Tree::of(&grid, &grid.peers[1], &[]);

    assert_eq!(names(&tree.0), ["jobs", "mill", "quarry"]);
    let there = tree.at("mill/projects");
    assert_eq!(names(&there), ["link", "scene", "textures"]);
    assert!(fs::read(there.join("scene")).expect("bytes") == bytes);
    assert_eq!(fs::read_to_string(there.join("link")).expect("a link is followed"), "wood");
    let refused = fs::write(there.join("scene"), "mine").expect_err("nobody writes there");
    assert_eq!(refused.kind(), io::ErrorKind::ReadOnlyFilesystem);
    // Who opens it after it was replaced reads what it is now.
    fs::write(folder.join("new"), "another scene").expect("a file");
    fs::rename(folder.join("new"), folder.join("scene")).expect("it replaces the old one");
    until("the new content", || (fs::read(there.join("scene")).ok()? == b"another scene").then_some(()));

    grid.peers[1].stop();
    assert!(!is_mounted(&tree.0), "it went with the node");
    grid.peers[1].boot();
    let quarry = &grid.peers[1];
    until("the mount is back", || is_mounted(&tree.0).then_some(()));
    until_shown(quarry, "/mill/projects");
    assert_eq!(fs::read_to_string(there.join("textures/wood")).expect("bytes"), "wood");
    let again = quarry.refused(2, ["share", "add", text(&there)]);
    assert!(again.contains("what others share is mounted at"), "{again}");
    let twice = quarry.refused(2, ["mount", text(&grid.path("elsewhere"))]);
    assert!(twice.contains("mounted at") && twice.contains("unmount"), "{twice}");
    quarry.ok(["unmount"]);
    assert!(!is_mounted(&tree.0));
}

/// Row 13 of the seeds, through the kernel, whether it reads ahead or not.
#[test]
fn looking_at_a_mounted_tree_moves_no_content_and_a_byte_moves_what_was_said() {
    let grid = Grid::of(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    fill(&folder);
    until_shown(&grid.peers[1], "/mill/projects");
    // What one of them read is there for the next one: another file for each.
    for (options, scene, most) in [(&["--strict"][..], "scene", GROUP_BYTES), (&[], "textures/3.exr", READ_AHEAD_BYTES)]
    {
        let quarry = &grid.peers[1];
        let tree = Tree::of(&grid, quarry, options);
        let before = received(quarry);

        let listed = Command::new("ls").arg("-lR").arg(tree.at("mill")).output().expect("ls runs");
        assert!(
            listed.status.success() && String::from_utf8_lossy(&listed.stdout).contains("1073741824"),
            "{listed:?}"
        );
        let open = fs::File::open(tree.at("mill/projects").join(scene)).expect("it opens");
        let looked = received(quarry) - before;
        assert!(looked < GROUP_BYTES as u64, "{looked} bytes for names: some content must have come along");

        let mut byte = [9];
        open.read_exact_at(&mut byte, 40 * GROUP_BYTES as u64 + 5).expect("a byte");
        assert_eq!(byte[0], if scene == "scene" { b'x' } else { 0 });
        let came = received(quarry) - before - looked;
        assert!(
            came < (most + GROUP_BYTES) as u64,
            "{came} bytes for one: {most} and their proof would have been enough"
        );
        drop(open);
        quarry.ok(["unmount"]);
    }
}

#[test]
fn a_machine_that_goes_away_gives_an_error_and_what_was_read_stays() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    fs::write(folder.join("read"), vec![1; 3 * GROUP_BYTES]).expect("a file");
    fs::write(folder.join("unread"), vec![2; 3 * GROUP_BYTES]).expect("a file");
    until_shown(&grid.peers[1], "/mill/projects");
    let tree = Tree::of(&grid, &grid.peers[1], &[]);
    let open = |name: &str| fs::File::open(tree.at("mill/projects").join(name));
    let (read, unread) = (open("read"), open("unread"));
    let (read, unread) = (read.expect("it opens"), unread.expect("it opens"));
    let mut bytes = vec![0; 3 * GROUP_BYTES];
    read.read_exact_at(&mut bytes, 0).expect("bytes");

    grid.peers[0].kill();

    let error = unread.read_exact_at(&mut bytes, 0).expect_err("nobody has them");
    assert!([Some(113), Some(110), Some(5)].contains(&error.raw_os_error()), "{error:?}");
    read.read_exact_at(&mut bytes, 0).expect("they are here");
    assert!(bytes.iter().all(|byte| *byte == 1));
    assert_eq!(names(&tree.0), ["jobs", "mill", "quarry"]);
}

/// A node of an account of its own, as people start it.
struct Account {
    home: PathBuf,
    node: Option<Child>,
}

impl Account {
    fn start(&mut self) {
        let mut node = self.command(&[
            "node",
            "--json",
            "--dedicated",
            "--disk-reserve",
            "0",
            "--listen",
            "127.0.0.1:0",
            "--nearby",
            "off",
        ]);
        let mut node = node.stdout(Stdio::piped()).spawn().expect("the node starts");
        let mut ready = String::new();
        let out = node.stdout.take().expect("stdout is a pipe");
        BufReader::new(out).read_line(&mut ready).expect("the node says when it is ready");
        self.node = Some(node);
    }

    fn stop(&mut self) {
        let mut node = self.node.take().expect("it runs");
        rustix::process::kill_process(rustix::process::Pid::from_child(&node), rustix::process::Signal::TERM)
            .expect("it is there");
        node.wait().expect("it ends");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(gridwell());
        command.args(arguments).env("HOME", &self.home).env_remove("XDG_DATA_HOME").env_remove("GRIDWELL_DATA");
        command
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(mut node) = self.node.take() {
            // A test failed while it ran.
            let _ = node.kill();
            let _ = node.wait();
            let _ = Command::new("fusermount3").args(["-u", "-z"]).arg(self.home.join("Gridwell")).status();
        }
    }
}

#[test]
fn the_usual_node_of_an_account_shows_the_tree_at_home_until_its_owner_decides_otherwise() {
    let grid = Grid::empty();
    let mut account = Account { home: grid.path("home"), node: None };
    fs::create_dir(&account.home).expect("a folder");
    let tree = account.home.join("Gridwell");
    account.start();
    until("the tree at home", || is_mounted(&tree).then_some(()));
    assert_eq!(names(&tree).len(), 2, "the machine, and its jobs");
    account.stop();
    assert!(!is_mounted(&tree));

    account.start();
    until("the tree at home", || is_mounted(&tree).then_some(()));
    let ended = account.command(&["unmount"]).output().expect("it runs");
    assert!(ended.status.success() && !is_mounted(&tree), "{ended:?}");
    account.stop();
    account.start();
    let status = account.command(&["status"]).output().expect("it runs");
    assert!(status.status.success() && !is_mounted(&tree), "{status:?}");
    account.stop();
}
