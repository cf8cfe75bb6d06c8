use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use gridwell_mount::{MountOptions, Mounted, mount};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::memory::MemoryTree;

/// A tree mounted in a temporary folder. Fields in the order in which they go.
pub(crate) struct Shown {
    pub(crate) mounted: Option<Mounted>,
    pub(crate) tree: Arc<MemoryTree>,
    _runtime: Runtime,
    _folder: TempDir,
    dir: PathBuf,
}

/// Deadlines that a test can wait for.
pub(crate) const SHORT: MountOptions = MountOptions {
    strict: false,
    metadata_deadline: Duration::from_millis(300),
    read_deadline: Duration::from_millis(300),
};

pub(crate) const STRICT: MountOptions =
    MountOptions { strict: true, metadata_deadline: Duration::from_secs(10), read_deadline: Duration::from_secs(30) };

/// Shows `tree`; `None`, said loudly, where there is no FUSE.
pub(crate) fn show(tree: MemoryTree, options: &MountOptions) -> Option<Shown> {
    if !PathBuf::from("/dev/fuse").exists() {
        eprintln!("SKIPPED: no /dev/fuse here, so nothing can be mounted");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().canonicalize().unwrap().join("grid");
    let tree = Arc::new(tree);
    let runtime = Runtime::new().unwrap();
    let mounted = mount(tree.clone(), &dir, options, runtime.handle()).unwrap();
    Some(Shown { mounted: Some(mounted), tree, _runtime: runtime, _folder: folder, dir })
}

impl Shown {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What a shell line in the mount prints.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.shell(line).output().unwrap()
    }

    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&self.dir).env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// What a shell line prints that must go well.
    pub(crate) fn says(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a shell line complains about that must fail.
    pub(crate) fn complains(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(!output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// Bytes that differ everywhere.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
