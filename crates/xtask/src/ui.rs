//! The window's own chores: its packages, checks, tests and build.

use std::{fmt, fs, path::PathBuf, process::Command};

use crate::{
    mirror,
    shell::{self, Failure},
};

/// Oldest Node that Vite 8 runs on.
const NODE: Version = Version { major: 20, minor: 19 };
/// Oldest npm that installs Vite 8 from a lock file.
const NPM: Version = Version { major: 11, minor: 0 };

/// Checks that Node and npm are there and new enough. Debian's own are too old, so that apt cannot help.
pub(crate) fn check_tools() -> Result<(), Failure> {
    for (program, least) in [("node", NODE), ("npm", NPM)] {
        let found = version_of(program);
        if found.is_none_or(|version| version < least) {
            let found = found.map_or_else(|| "none".to_owned(), |version| version.to_string());
            println!("setup: the window needs {program} {least} or newer, found {found}");
            println!("  Node is at https://nodejs.org; then: npm install --global npm@{NPM}");
            return Err(Failure::Missing { packages: format!("{program} {least}") });
        }
    }
    Ok(())
}

fn version_of(program: &str) -> Option<Version> {
    shell::find(program)?;
    Version::read(&shell::output(Command::new(program).arg("--version")).ok()?)
}

/// As far as it matters: the major number, then the minor one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// Reads `v20.19.1` and `11.6.0`.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.trim().trim_start_matches('v').split('.');
        Some(Self { major: parts.next()?.parse().ok()?, minor: parts.next()?.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Installs the packages of the lock file, unless they are installed already.
pub(crate) fn install() -> Result<(), Failure> {
    check_tools()?;
    let (lock, stamp) = (folder().join("package-lock.json"), folder().join("node_modules/.installed"));
    let wanted = fs::read(&lock).map_err(|error| Failure::file(&lock, error))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    shell::run(npm().args(["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, wanted).map_err(|error| Failure::file(&stamp, error))
}

/// Builds `ui/dist`, which the desktop app carries inside, and hands a copy to `gridwell` for browsers.
pub(crate) fn build() -> Result<(), Failure> {
    install()?;
    shell::run(npm().args(["run", "--silent", "build"]))?;
    mirror::copy(&folder().join("dist"), &shell::workspace().join("crates/cli/window"))
}

/// Types, style, tests, and tests of whole pages in Chromium.
pub(crate) fn check() -> Result<(), Failure> {
    install()?;
    for script in ["check", "lint", "test", "test:pages"] {
        shell::run(npm().args(["run", "--silent", script]))?;
    }
    Ok(())
}

/// Tests of the window in Chromium on real nodes, which carry it inside, and on a made-up grid.
pub(crate) fn test_on_grids() -> Result<(), Failure> {
    build()?;
    shell::run(shell::cargo().args(["build", "--package", "gridwell-cli"]))?;
    shell::run(shell::cargo().args(["build", "--package", "gridwell-tests", "--example", "synthetic"]))?;
    let built = shell::target_dir()?.join("debug");
    let mut tests = npm();
    tests.args(["run", "--silent", "test:grids"]);
    tests.env("GRIDWELL_BIN", built.join("gridwell")).env("GRIDWELL_SYNTHETIC", built.join("examples/synthetic"));
    shell::run(&mut tests)
}

pub(crate) fn folder() -> PathBuf {
    shell::workspace().join("ui")
}

fn npm() -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(Version::read("v20.19.1\n"), Some(NODE));
        assert!(Version::read("v20.9.0").unwrap() < NODE);
        assert!(Version::read("22.1.0").unwrap() > NODE);
        assert!(Version::read("10.9.2").unwrap() < NPM);
        assert_eq!(Version::read("command not found"), None);
    }
}
