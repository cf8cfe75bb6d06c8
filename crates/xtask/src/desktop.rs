//! The desktop app, out of its package, on a screen and a session bus of its own.

use std::{fs, process::Command};

use crate::{
    package,
    shell::{self, Failure},
};

/// Large enough for the window at its usual size, with a border.
const SCREEN: &str = "-screen 0 1400x900x24";

/// Builds the packages, unpacks one, and drives the app in it as a person would: window, tray, second start, quitting.
pub(crate) fn test() -> Result<(), Failure> {
    let packages = package::build("dev")?;
    let root = shell::target_dir()?.join("desktop-test");
    if root.exists() {
        fs::remove_dir_all(&root).map_err(|error| Failure::file(&root, error))?;
    }
    for package in &packages {
        if package.extension().is_some_and(|kind| kind == "deb") {
            shell::run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&root))?;
        } else {
            shell::run(Command::new("rpm").args(["--query", "--list", "--package"]).arg(package))?;
        }
    }
    shell::run(on_a_screen("desktop.py").arg(root.join("usr/bin")))
}

/// A script of `tests/desktop`, on a screen and a session bus of its own.
pub(crate) fn on_a_screen(script: &str) -> Command {
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "xvfb-run", "--auto-servernum", "--server-args", SCREEN, "/usr/bin/python3"]);
    command.arg(shell::workspace().join("tests/desktop").join(script));
    // WebKit may wait long for an accessibility bus that is not there.
    command.env("NO_AT_BRIDGE", "1");
    command
}
