use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use zbus::interface;

use super::*;

/// A bus of its own, which ends with it.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("D-Bus is installed: cargo xtask setup does it");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { daemon, address: address.trim().to_owned() }
    }

    fn builder(&self) -> Builder<'_> {
        Builder::address(self.address.as_str()).unwrap()
    }

    fn connect(&self) -> Connection {
        self.builder().build().unwrap()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

struct Compositor(u64);

#[interface(name = "org.gnome.Mutter.IdleMonitor")]
impl Compositor {
    fn get_idletime(&self) -> u64 {
        self.0
    }
}

struct SessionManager;

#[interface(name = "org.gnome.SessionManager")]
impl SessionManager {
    fn is_inhibited(&self, flags: u32) -> bool {
        flags == 8
    }
}

const NOBODY: Around<'static> = Around { own: &[], programs: &std::collections::BTreeSet::new(), uses_graphics: false };

#[test]
fn a_compositor_tells_how_long_nobody_has_touched_the_machine() {
    let bus = Bus::start();
    let _desktop =
        bus.builder().name(MUTTER.name).unwrap().serve_at(MUTTER.path, Compositor(65_000)).unwrap().build().unwrap();
    let mut mutter = Mutter::on(bus.connect()).unwrap();
    let idle = Duration::from_secs(65);
    assert_eq!(mutter.read(&NOBODY).unwrap(), Some(Reading::Idle { source: IdleSource::Mutter, idle }));
}

#[test]
fn without_a_compositor_there_is_no_such_sense() {
    let bus = Bus::start();
    assert!(matches!(Mutter::on(bus.connect()), Err(Unavailable::Silent { whom, .. }) if whom == MUTTER.name));
}

#[test]
fn a_compositor_that_leaves_is_an_error_and_no_idleness() {
    let bus = Bus::start();
    let desktop =
        bus.builder().name(MUTTER.name).unwrap().serve_at(MUTTER.path, Compositor(1)).unwrap().build().unwrap();
    let mut mutter = Mutter::on(bus.connect()).unwrap();
    desktop.close().unwrap();
    assert!(mutter.read(&NOBODY).is_err());
}

#[test]
fn one_who_tells_of_inhibitors_is_enough() {
    let bus = Bus::start();
    let silent = Inhibitors { session: Some(bus.connect()), system: None };
    assert!(silent.inhibited().is_err());
    let _desktop =
        bus.builder().name(GNOME.name).unwrap().serve_at(GNOME.path, SessionManager).unwrap().build().unwrap();
    assert!(silent.inhibited().unwrap());
}

#[test]
fn logind_says_what_it_blocks_and_since_when_its_hint_holds() {
    assert!(blocks_idle("sleep:idle") && !blocks_idle("sleep:handle-lid-switch") && !blocks_idle(""));
    let now = Duration::from_secs(100);
    assert_eq!(hinted(90_000_000, now), Some(Duration::from_secs(10)));
    assert_eq!(hinted(900_000_000, now), Some(Duration::ZERO), "the clock was set back");
    assert_eq!(hinted(0, now), None, "this desktop never sets it");
}
