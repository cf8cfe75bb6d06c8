//! Control groups, version 2. Source: Linux's `Documentation/admin-guide/cgroup-v2.rst`.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

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

/// One session's group: it lies in the delegated one and is made when first needed.
#[derive(Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes the group; one that is left from before is taken over.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        if let Some(parent) = folder.parent() {
            // Gives the group a weight of its own. Refused while processes, ours perhaps, are in the parent itself.
            let _ = fs::write(parent.join("cgroup.subtree_control"), "+cpu");
        }
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
        io::Write::write_all(&mut File::options().write(true).open(self.0.join(name))?, text.as_bytes())
    }
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
