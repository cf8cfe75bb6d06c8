//! Control groups, version 2. Source: Linux's `Documentation/admin-guide/cgroup-v2.rst`.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use gridwell_model::{Limits, format_bytes};
use rustix::fs::getxattr;

/// How long the kernel may take to stop what is in a frozen group; what hangs in a device takes longer.
const FREEZE_PATIENCE: Duration = Duration::from_millis(500);

/// Between two looks whether it has.
const PAUSE: Duration = Duration::from_millis(1);

/// The weight of a softened group, and of one that nobody has touched: the least and the default.
const WEIGHTS: (&str, &str) = ("1", "100");

/// Returns the control group that systemd has given to this process to divide (`Delegate=yes`), or given to the unit
/// of which it is a part (`DelegateSubgroup=`).
///
/// Being allowed to write is not enough: groups that are not delegated have systemd as their only writer. Source:
/// systemd, "Control Group APIs and Delegation"; it marks what it delegates since version 251.
#[must_use]
pub fn delegated_cgroup() -> Option<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
    let root = root.into_iter().find(|root| root.join("cgroup.procs").exists())?;
    let own = root.join(own);
    own.ancestors().take(2).find(|folder| is_delegated(folder)).map(Path::to_owned)
}

fn is_delegated(folder: &Path) -> bool {
    let mut value = [0; 1];
    ["user.delegate", "trusted.delegate"]
        .iter()
        .any(|name| getxattr(folder, *name, &mut value).is_ok() && value == *b"1")
}

/// What the groups in a delegated one get of their own, each for itself: it may lack some.
const CONTROLLERS: [&str; 3] = ["+cpu", "+memory", "+pids"];

/// One session's group: it lies in the delegated one and is made when first needed.
#[derive(Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes the group; one that is left from before is taken over.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        for controller in CONTROLLERS {
            // Refused while processes, ours perhaps, are in the parent itself.
            let _ = folder.parent().map(|parent| fs::write(parent.join("cgroup.subtree_control"), controller));
        }
        Self::make_plain(folder)
    }

    /// Makes a group without a weight of its own: its parent has processes.
    pub(crate) fn make_plain(folder: &Path) -> io::Result<Self> {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => {
                let cgroup = Self(folder.to_owned());
                let _ = cgroup.thaw();
                Ok(cgroup)
            }
        }
    }

    /// Removes a session's group once all its processes are gone.
    pub(crate) fn remove(folder: &Path) {
        // Only a session that was held to its limits has one.
        let _ = fs::remove_dir(Hold::still(folder));
        match fs::remove_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(folder = %folder.display(), %error, "a session's control group could not be removed");
            }
            _ => {}
        }
    }

    /// Stops everything in it, and whoever comes into it or is born in it.
    pub(crate) fn freeze(&self) -> io::Result<()> {
        self.write("cgroup.freeze", "1")
    }

    pub(crate) fn thaw(&self) -> io::Result<()> {
        self.write("cgroup.freeze", "0")
    }

    /// Waits until everything in it stands still; false if that takes too long.
    pub(crate) fn await_frozen(&self) -> bool {
        let deadline = Instant::now() + FREEZE_PATIENCE;
        while !self.is_frozen() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(PAUSE);
        }
        true
    }

    fn is_frozen(&self) -> bool {
        let events = fs::read_to_string(self.0.join("cgroup.events")).unwrap_or_default();
        events.lines().any(|line| line == "frozen 1")
    }

    /// Who is in it, the dead left out.
    pub(crate) fn members(&self) -> BTreeSet<u32> {
        let members = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        members.lines().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Moves a process into it, with all its threads.
    pub(crate) fn admit(&self, pid: u32) -> io::Result<()> {
        self.write("cgroup.procs", &pid.to_string())
    }

    /// The file through which a process moves itself into it, by writing `0`.
    pub(crate) fn entrance(&self) -> io::Result<File> {
        File::options().write(true).open(self.0.join("cgroup.procs"))
    }

    /// Sets how much processor time it gets when others want it too; false if the group has no weight of its own.
    pub(crate) fn soften(&self, soft: bool) -> bool {
        let (least, usual) = WEIGHTS;
        self.write("cpu.weight", if soft { least } else { usual }).is_ok()
    }

    /// Never makes the file: what the kernel does not offer is refused.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        write(&self.0.join(name), text)
    }
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    io::Write::write_all(&mut File::options().write(true).open(file)?, text.as_bytes())
}

/// A session's group that holds all its programs, and its runner, to the memory and processes that they may use.
///
/// The runner is in it, so that its programs are born there: to move each of them would cost more than to start it. As a
/// runner that stands still thaws nobody, programs are moved into a group below it to be frozen.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    folder: PathBuf,
    memory_bytes: Option<u64>,
    threads: Option<u32>,
    /// How often each was too much before.
    before: (u64, u64),
}

impl Hold {
    /// Makes the group and goes into it; `None` if the kernel can hold nothing of `limits` here.
    ///
    /// To be called by a process that has nobody below it yet.
    pub(crate) fn begin(folder: &Path, limits: Limits) -> Option<Self> {
        if limits.memory_bytes.is_none() && limits.threads.is_none() {
            return None;
        }
        Cgroup::make(folder).ok()?;
        let set = |name: &str, value: u64| write(&folder.join(name), &value.to_string()).is_ok();
        let memory_bytes = limits.memory_bytes.filter(|most| set("memory.max", *most));
        if memory_bytes.is_some() {
            // What is too much would go to the disk else, and the whole machine would wait for it.
            let _ = set("memory.swap.max", 0);
        }
        let threads = limits.threads.filter(|most| set("pids.max", u64::from(*most) + 1));
        let holds = memory_bytes.is_some() || threads.is_some();
        if !holds || write(&folder.join("cgroup.procs"), "0").is_err() {
            return None;
        }
        let mut hold = Self { folder: folder.to_owned(), memory_bytes, threads, before: (0, 0) };
        hold.before = hold.counts();
        // As a session that was soft may have left it.
        hold.soften(false);
        Some(hold)
    }

    /// What of `limits` it does not hold.
    pub(crate) fn rest(&self, limits: Limits) -> Limits {
        Limits {
            memory_bytes: limits.memory_bytes.filter(|_| self.memory_bytes.is_none()),
            threads: limits.threads.filter(|_| self.threads.is_none()),
            ..limits
        }
    }

    /// What the kernel kept the session from using, as a sentence: it ended a process for its memory, or started none.
    pub(crate) fn exceeded(&self) -> Option<String> {
        let (memory, threads) = self.counts();
        if let Some(most) = self.memory_bytes.filter(|_| memory > self.before.0) {
            return Some(format!("its programs needed more memory than the {} allowed", format_bytes(most)));
        }
        let most = self.threads.filter(|_| threads > self.before.1)?;
        Some(format!("its programs ran more processes and threads at once than the {most} allowed"))
    }

    /// Sets how much processor time the session gets; false if its group has no weight of its own.
    pub(crate) fn soften(&self, soft: bool) -> bool {
        Cgroup(self.folder.clone()).soften(soft)
    }

    /// Where its programs go to be frozen.
    pub(crate) fn still(folder: &Path) -> PathBuf {
        folder.join("still")
    }

    /// Makes that group.
    pub(crate) fn make_still(&self) -> io::Result<Cgroup> {
        Cgroup::make_plain(&Self::still(&self.folder))
    }

    /// What its runner writes to later. Not its limits: its programs may write to the same.
    pub(crate) fn writes(&self) -> Vec<PathBuf> {
        vec![Self::still(&self.folder), self.folder.join("cpu.weight")]
    }

    fn counts(&self) -> (u64, u64) {
        (count(&self.folder.join("memory.events"), "oom_kill"), count(&self.folder.join("pids.events"), "max"))
    }
}

/// A number in a file of lines such as `oom_kill 3`; 0 if it has none.
fn count(file: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
    found.unwrap_or(0)
}

/// Why the kernel does not hold sessions to the memory and processes they may use, in one sentence; `None` if it does.
///
/// `cgroup` is the one that is delegated to this process. Found by trial.
#[must_use]
pub fn held_by_kernel(cgroup: Option<&Path>) -> Option<String> {
    let Some(cgroup) = cgroup else {
        return Some("no control group is delegated to this program (systemd: Delegate=yes)".to_owned());
    };
    let trial = cgroup.join(format!("trial-{}", std::process::id()));
    if let Err(error) = Cgroup::make(&trial) {
        return Some(format!("no control group can be made in {}: {error}", cgroup.display()));
    }
    let lacks = [("memory.max", "memory"), ("pids.max", "pids")].map(|(file, name)| (!trial.join(file).exists(), name));
    Cgroup::remove(&trial);
    let lacks: Vec<_> = lacks.into_iter().filter_map(|(lacks, name)| lacks.then_some(name)).collect();
    let folder = cgroup.display();
    (!lacks.is_empty()).then(|| format!("the control group {folder} divides no {}", lacks.join(" and no ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_without_a_weight_of_its_own_is_not_softened_and_gets_no_files() {
        let temp = tempfile::tempdir().expect("a folder");
        let cgroup = Cgroup::make(&temp.path().join("session")).expect("a group");
        assert!(!cgroup.soften(true));
        assert!(cgroup.freeze().is_err() && cgroup.entrance().is_err());
        assert_eq!(fs::read_dir(&cgroup.0).expect("its folder").count(), 0);
    }

    #[test]
    fn a_weight_is_lowered_and_given_back() {
        let temp = tempfile::tempdir().expect("a folder");
        let cgroup = Cgroup::make(&temp.path().join("session")).expect("a group");
        let weight = cgroup.0.join("cpu.weight");
        fs::write(&weight, "").expect("a file");
        assert!(cgroup.soften(true));
        assert_eq!(fs::read_to_string(&weight).expect("a weight"), "1");
        assert!(cgroup.soften(false));
        assert!(fs::read_to_string(&weight).expect("a weight").starts_with("100"));
    }

    fn put(folder: &Path, file: &str, text: &str) {
        fs::write(folder.join(file), text).expect("a file");
    }

    #[test]
    fn the_kernel_holds_what_it_can_hold_and_says_what_was_too_much() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("session");
        let limits = Limits { memory_bytes: Some(100_000_000), threads: Some(100), ..Limits::default() };
        assert!(Hold::begin(&folder, limits).is_none(), "the group has no controllers");
        for file in ["cgroup.procs", "memory.max", "memory.swap.max"] {
            put(&folder, file, "");
        }
        put(&folder, "memory.events", "low 0\noom 4\noom_kill 3\n");
        let hold = Hold::begin(&folder, limits).expect("a hold");
        let read = |file: &str| fs::read_to_string(folder.join(file)).expect("a file");
        assert_eq!((read("memory.max").as_str(), read("memory.swap.max").as_str()), ("100000000", "0"));
        assert_eq!(read("cgroup.procs"), "0", "the runner goes in, and all that it starts is born there");
        assert_eq!((hold.rest(limits).memory_bytes, hold.rest(limits).threads), (None, Some(100)));
        assert_eq!(hold.exceeded(), None, "what was before does not count");
        put(&folder, "memory.events", "low 0\noom 5\noom_kill 4\n");
        let said = hold.exceeded();
        assert_eq!(said.as_deref(), Some("its programs needed more memory than the 100 MB allowed"));

        put(&folder, "pids.max", "");
        put(&folder, "pids.events", "max 0\n");
        let hold = Hold::begin(&folder, limits).expect("a hold");
        assert_eq!(read("pids.max"), "101", "and its runner");
        assert_eq!(hold.rest(limits), Limits::default());
        put(&folder, "pids.events", "max 7\n");
        let said = hold.exceeded();
        assert_eq!(said.as_deref(), Some("its programs ran more processes and threads at once than the 100 allowed"));
        assert!(Hold::begin(&folder, Limits::default()).is_none(), "nothing is limited");
    }

    #[test]
    fn a_group_that_is_left_from_before_is_taken_over() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("session");
        assert!(Cgroup::make(&folder).is_ok() && Cgroup::make(&folder).is_ok());
        Cgroup::remove(&folder);
        assert!(!folder.exists());
        assert!(Cgroup::make(&temp.path().join("no/such")).is_err());
    }
}
