use std::process::{Command, Stdio};

use crate::shell::{self, Failure};

/// Something we need, how it is recognised, and the Debian packages it comes in.
pub(crate) struct Need {
    sign: Sign,
    packages: &'static str,
}

/// What shows that something is here.
enum Sign {
    /// A program on the search path.
    Program(&'static str),
    /// A library with its headers, as `pkg-config` knows it.
    Library(&'static str),
    /// A Python module of the system's own Python.
    Module(&'static str),
}

const fn need(program: &'static str, packages: &'static str) -> Need {
    Need { sign: Sign::Program(program), packages }
}

const fn library(name: &'static str, packages: &'static str) -> Need {
    Need { sign: Sign::Library(name), packages }
}

const fn module(import: &'static str, packages: &'static str) -> Need {
    Need { sign: Sign::Module(import), packages }
}

/// What building a peer needs: SQLite and parts of TLS are C.
pub(crate) const BUILD: [Need; 1] = [need("cc", "gcc libc6-dev")];

/// What building the desktop app needs.
pub(crate) const WINDOW: [Need; 3] =
    [need("cc", "gcc libc6-dev"), need("pkg-config", "pkg-config"), library("webkit2gtk-4.1", "libwebkit2gtk-4.1-dev")];

/// What every test needs, and the desktop app.
pub(crate) const EVERYTHING: [Need; 27] = [
    need("cc", "gcc libc6-dev"),
    need("c++", "g++"),
    need("pkg-config", "pkg-config"),
    library("webkit2gtk-4.1", "libwebkit2gtk-4.1-dev"),
    need("blender", "blender"),
    need("ffmpeg", "ffmpeg"),
    need("povray", "povray"),
    need("parallel", "parallel"),
    need("python3", "python3 python3-venv"),
    need("chromium", "chromium"),
    need("WebKitWebDriver", "webkit2gtk-driver"),
    need("Xvfb", "xvfb"),
    need("xauth", "xauth"),
    need("openbox", "openbox"),
    need("xdotool", "xdotool"),
    need("dbus-run-session", "dbus"),
    need("import", "imagemagick"),
    module("gi; gi.require_version('Gtk', '3.0')", "python3-gi gir1.2-gtk-3.0"),
    need("rpm", "rpm"),
    need("ip", "iproute2"),
    need("fusermount3", "fuse3"),
    need("bwrap", "bubblewrap"),
    need("fio", "fio"),
    need("faketime", "faketime"),
    need("git", "git"),
    need("rsync", "rsync"),
    need("rclone", "rclone"),
];

/// What benchmarks compare with, beside [`EVERYTHING`].
pub(crate) const COMPARISONS: [Need; 2] = [need("sshfs", "sshfs"), need("sshd", "openssh-server")];

/// Installs what is missing where that is allowed; otherwise prints the line that does, and fails.
pub(crate) fn install(needs: &[Need]) -> Result<(), Failure> {
    let missing = missing(needs);
    if missing.is_empty() {
        println!("setup: everything is here");
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.split(' ')).collect();
    let line = install_line(&packages);
    let Some(prefix) = right_to_install() else {
        println!("setup: run this line, then try again:\n\n  sudo {line}\n");
        return Err(Failure::Missing { packages: packages.join(" ") });
    };
    println!("setup: installing {}", packages.join(" "));
    apt(&prefix, &["update", "--quiet"])?;
    apt(&prefix, &[&["install", "--yes", "--quiet", "--no-install-recommends"], packages.as_slice()].concat())?;
    let still: Vec<&str> = self::missing(needs).iter().map(|need| need.packages).collect();
    if still.is_empty() { Ok(()) } else { Err(Failure::Missing { packages: still.join(" ") }) }
}

fn missing(needs: &[Need]) -> Vec<&Need> {
    needs.iter().filter(|need| !need.sign.is_here()).collect()
}

impl Sign {
    fn is_here(&self) -> bool {
        let works = |command: &mut Command| {
            let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        match self {
            Self::Program(name) => shell::find(name).is_some(),
            Self::Library(name) => works(Command::new("pkg-config").args(["--exists", name])),
            Self::Module(import) => works(Command::new("/usr/bin/python3").args(["-c", &format!("import {import}")])),
        }
    }
}

fn install_line(packages: &[&str]) -> String {
    format!("apt-get install --yes --no-install-recommends {}", packages.join(" "))
}

/// The words before `apt-get` that make it work: none for root, `sudo` where it asks no password; `None` without apt.
fn right_to_install() -> Option<Vec<&'static str>> {
    shell::find("apt-get")?;
    if rustix::process::geteuid().is_root() {
        return Some(Vec::new());
    }
    let sudo = Command::new("sudo").args(["-n", "true"]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    sudo.is_ok_and(|status| status.success()).then(|| vec!["sudo", "-n"])
}

fn apt(prefix: &[&str], words: &[&str]) -> Result<(), Failure> {
    // `env` keeps the setting across sudo.
    let line: Vec<&str> = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], words].concat();
    shell::run(Command::new(line[0]).args(&line[1..]).stdin(Stdio::null()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_missing() {
        let needs = [need("sh", "dash"), need("no-such-program-here", "nothing")];
        let missing: Vec<_> = missing(&needs).iter().map(|need| need.packages).collect();
        assert_eq!(missing, ["nothing"]);
        assert_eq!(install_line(&["a", "b"]), "apt-get install --yes --no-install-recommends a b");
    }
}
