//! The desktop app on a screen and a session bus of its own.

use std::process::Command;

use crate::shell::{self, Failure};

/// Large enough for the window at its usual size, with a border.
const SCREEN: &str = "-screen 0 1400x900x24";

/// Builds the app and drives it as a person would: window, tray, second start, quitting.
pub(crate) fn test() -> Result<(), Failure> {
    shell::run(shell::cargo().args(["build", "--package", "gridwell-desktop", "--package", "gridwell-cli"]))?;
    let script = shell::workspace().join("tests/desktop/desktop.py");
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "xvfb-run", "--auto-servernum", "--server-args", SCREEN, "/usr/bin/python3"]);
    command.arg(script).arg(shell::target_dir()?.join("debug"));
    // WebKit may wait long for an accessibility bus that is not there.
    shell::run(command.env("NO_AT_BRIDGE", "1"))
}
