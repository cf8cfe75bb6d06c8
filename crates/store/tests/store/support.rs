use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use gridwell_model::{BlobId, Fence, JobId, RelPath, TaskKey};
use gridwell_store::{BlobLimits, LogLine, ObjectLimits, Store, StoreLimits};
use tempfile::TempDir;

pub(crate) fn job(number: u8) -> JobId {
    JobId([number; 10])
}

pub(crate) fn task(index: u32) -> TaskKey {
    TaskKey { step: 0, index }
}

pub(crate) fn fence(attempt: u32) -> Fence {
    Fence { epoch: 1, attempt }
}

pub(crate) fn line(job: JobId, index: u32, attempt: u32, text: &str) -> LogLine {
    LogLine { job, task: task(index), fence: fence(attempt), at: 0, bytes: text.as_bytes().to_vec() }
}

/// Knows how much every attempt wrote.
#[derive(Default)]
pub(crate) struct Pen(RefCell<BTreeMap<(JobId, TaskKey, Fence), u64>>);

impl Pen {
    /// The same lines, each behind the last one of its attempt.
    pub(crate) fn write(&self, mut lines: Vec<LogLine>) -> Vec<LogLine> {
        for line in &mut lines {
            let mut written = self.0.borrow_mut();
            let written = written.entry((line.job, line.task, line.fence)).or_default();
            line.at = *written;
            *written += line.bytes.len() as u64;
        }
        lines
    }
}

pub(crate) fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

/// Held while a child is started: until it runs its own program it has a copy of every open file, and so of every lock.
pub(crate) static STARTING: Mutex<()> = Mutex::new(());

/// Limits that no test machine's disk can fall short of.
pub(crate) fn small_limits() -> StoreLimits {
    let blobs = BlobLimits { reserve_bytes: 0, floor_bytes: 0, ..BlobLimits::default() };
    let objects = ObjectLimits { reserve_bytes: 0, floor_bytes: 0, ..ObjectLimits::default() };
    StoreLimits { blobs, objects, ..StoreLimits::default() }
}

/// A store in a folder of its own, and room for files beside it.
pub(crate) struct Fixture {
    pub(crate) root: TempDir,
    pub(crate) store: Store,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(small_limits())
    }

    pub(crate) fn with(limits: StoreLimits) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open_with(&root.path().join("data"), limits).unwrap();
        Self { root, store }
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        let Self { root, store } = self;
        store.close().await;
        drop(STARTING.lock().unwrap());
        let store = Store::open_with(&root.path().join("data"), small_limits()).unwrap();
        Self { root, store }
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn stored_path(&self, blob: BlobId) -> PathBuf {
        let name = blob.to_string();
        self.root.path().join("data/blobs").join(&name[..2]).join(name)
    }
}

/// A file system of one MiB, gone when dropped.
pub(crate) struct TinyDisk {
    folder: TempDir,
}

impl TinyDisk {
    /// Mounts one; `None`, said aloud, where that is not allowed.
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            say_skipped("a full disk: mounting a tiny one is not allowed here");
        }
        mounted.then_some(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

/// Says that something was not tested, also in the summary of `cargo xtask test`.
fn say_skipped(what: &str) {
    eprintln!("SKIPPED: {what}");
    if let Some(list) = std::env::var_os("GRIDWELL_TEST_SKIPS") {
        let mut list = OpenOptions::new().append(true).create(true).open(list).unwrap();
        writeln!(list, "{what}").unwrap();
    }
}

/// Names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
