//! The window's own chores: its packages, checks, tests and build.

use std::{fs, path::PathBuf, process::Command};

use crate::shell::{self, Failure};

/// Installs the packages of the lock file, unless they are installed already.
pub(crate) fn install() -> Result<(), Failure> {
    let (lock, stamp) = (folder().join("package-lock.json"), folder().join("node_modules/.installed"));
    let wanted = fs::read(&lock).map_err(|error| Failure::file(&lock, error))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    shell::run(npm().args(["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, wanted).map_err(|error| Failure::file(&stamp, error))
}

/// Builds `ui/dist`, which the desktop app and the browser door carry inside.
pub(crate) fn build() -> Result<(), Failure> {
    install()?;
    shell::run(npm().args(["run", "--silent", "build"]))
}

/// Types, style and tests.
pub(crate) fn check() -> Result<(), Failure> {
    install()?;
    for script in ["check", "lint", "test"] {
        shell::run(npm().args(["run", "--silent", script]))?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    shell::workspace().join("ui")
}

fn npm() -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder());
    command
}
