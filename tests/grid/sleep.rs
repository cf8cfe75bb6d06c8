//! A machine that sleeps hands its jobs over first: a real bus, real signals, and a stand-in for systemd's login manager.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use tokio::runtime::Runtime;
use zbus::{Connection, connection, zvariant};

use crate::support::{Grid, Place, names, until};

/// Sleeps as soon as nobody needs it; what else runs on this computer is no concern.
const SLEEPY: [&str; 8] =
    ["lending", "set", "--sleep-after", "1s", "--ladder", "soften-load=100", "--ladder", "freeze-load=100"];

/// How long the stand-in waits for whoever holds the machine, and how long the test does; only a failure takes that long.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_machine_that_sleeps_hands_its_jobs_over_and_has_their_results_when_it_wakes() {
    let mut grid = Grid::empty();
    let logind = Logind::start(&grid.path("bus"));
    let launcher = vec!["env".to_owned(), format!("DBUS_SYSTEM_BUS_ADDRESS={}", logind.address)];
    grid.add_at("mill", &[], Place { launcher, ..Place::steady() });
    grid.add("quarry", &[]);
    grid.meet();
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let held = logind.hold();
    let (gate, home) = (grid.path("gate"), grid.path("home"));
    let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done; echo made > {{}}.out", gate.display());
    let to = home.to_str().expect("text");
    let begin = ["exec", "--detach", "--array", "3", "--outputs", "*.out", "--output", to, "--", "sh", "-c", &script];
    let job = mill.start_job(begin);
    mill.until("a safe job", &["job", &job], |view| (view["safe"] == true).then_some(()));

    logind.signal("PrepareForSleep", true);

    held.recv_timeout(LIMIT).expect("the machine is let go");
    // Before it was: the job is elsewhere, and nobody waits for what ran here.
    assert_eq!(quarry.json(["job", &job])["steward_name"], "quarry");
    quarry.until("the word that mill sleeps", &["machines"], |machines| {
        let mill = machines.as_array()?.iter().find(|machine| machine["name"] == "mill")?;
        (mill["online"] == false && mill["why_not"] == "it is asleep").then_some(())
    });
    mill.freeze();
    fs::write(&gate, "").expect("the gate opens");
    assert_eq!(quarry.done(&job)["counts"]["done"], 3);
    assert!(names(&home).is_empty(), "nobody is at home");

    mill.thaw();
    logind.signal("PrepareForSleep", false);

    until("the results at home", || (names(&home).len() == 3).then_some(()));
    // It is held again, for the next time.
    let _again = logind.hold();
    quarry.until("mill online", &["machines"], |machines| {
        machines.as_array()?.iter().any(|machine| machine["name"] == "mill" && machine["online"] == true).then_some(())
    });
}

#[test]
fn a_machine_without_anybody_to_take_over_is_let_go_in_time() {
    let mut grid = Grid::empty();
    let logind = Logind::start(&grid.path("bus"));
    let launcher = vec!["env".to_owned(), format!("DBUS_SYSTEM_BUS_ADDRESS={}", logind.address)];
    grid.add_at("mill", &[], Place { launcher, ..Place::default() });
    let held = logind.hold();
    let gate = grid.path("gate");
    let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
    let job = grid.peers[0].start_job(["exec", "--detach", "--", "sh", "-c", &script]);
    grid.peers[0].until_counts(&job, "running", 1);

    logind.signal("PrepareForShutdown", true);

    held.recv_timeout(LIMIT).expect("the machine is let go");
    assert_eq!(grid.peers[0].json(["status"])["why_not"], "it is switched off");
    fs::write(&gate, "").expect("the gate opens");
    grid.peers[0].done(&job);
}

#[test]
fn a_machine_is_kept_awake_while_it_works_and_no_longer() {
    let mut grid = Grid::empty();
    let logind = Logind::start(&grid.path("bus"));
    let launcher = vec!["env".to_owned(), format!("DBUS_SYSTEM_BUS_ADDRESS={}", logind.address)];
    grid.add_at("mill", &[], Place { launcher, ..Place::default() });
    let (mill, gate) = (&grid.peers[0], grid.path("gate"));
    let awake = || {
        let findings = mill.json(["doctor"])["findings"].as_array().cloned().expect("findings");
        let found = findings.into_iter().find(|one| one["what"] == "awake").expect("a word about sleep");
        found["sentence"].as_str().expect("a sentence").to_owned()
    };
    assert_eq!(awake(), "it may fall asleep while it works, by its owner's wish");
    mill.ok(["lending", "set", "--keep-awake", "on"]);
    assert_eq!(awake(), "it is kept awake while it works");
    assert!(mill.ok(["lending"]).contains("Stays awake"));
    assert!(logind.keeps.try_recv().is_err(), "nobody is kept awake to wait for work");
    let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
    let job = mill.start_job(["exec", "--detach", "--", "sh", "-c", &script]);

    let held = logind.keep();

    until("the word of it", || (awake() == "it works, and is kept awake by systemd's login manager").then_some(()));
    fs::write(&gate, "").expect("the gate opens");
    mill.done(&job);
    held.recv_timeout(LIMIT).expect("the machine may fall asleep again");
}

#[test]
fn a_machine_that_nobody_uses_says_goodbye_and_goes_to_sleep() {
    let mut grid = Grid::empty();
    let asleep = grid.path("asleep");
    let program = a_program(&grid, &format!("echo asleep >> '{}'", asleep.display()));
    grid.add("mill", &["--sleep-program", &program]);
    grid.add("quarry", &[]);
    grid.meet();
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let gate = grid.path("gate");
    let wait = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
    let job = quarry.start_job(["exec", "--detach", "--on", "mill", "--", "sh", "-c", &wait]);
    quarry.until_counts(&job, "running", 1);

    let said = mill.ok(SLEEPY);
    assert!(said.contains("Sleeps       once nobody used it for 1.0 s"), "{said}");
    fs::write(&gate, "").expect("the gate opens");

    assert_eq!(quarry.done(&job)["counts"]["done"], 1, "it was not left in the middle");
    quarry.until("the word that mill sleeps", &["machines"], |machines| {
        let mill = machines.as_array()?.iter().find(|machine| machine["name"] == "mill")?;
        (mill["online"] == false && mill["why_not"] == "it is asleep").then_some(())
    });
    until("the system's sleep", || asleep.exists().then_some(()));
    let happened = mill.json(["activity"]).to_string();
    assert!(happened.contains("nobody used this machine for 1.0 s: it goes to sleep"), "{happened}");
    // The stand-in does not sleep, and nobody says that it woke: it finds out by itself.
    quarry.until("mill awake", &["machines"], |machines| {
        machines.as_array()?.iter().any(|machine| machine["name"] == "mill" && machine["online"] == true).then_some(())
    });
    assert_eq!(
        mill.json(["lending", "set", "--sleep-after", "off"])["rules"]["sleep_after_secs"],
        serde_json::Value::Null
    );
}

#[test]
fn a_system_that_lets_nobody_send_it_to_sleep_is_told_of() {
    let mut grid = Grid::empty();
    let program = a_program(&grid, "exit 1");
    grid.add("mill", &["--sleep-program", &program]);
    let mill = &grid.peers[0];
    mill.ok(SLEEPY);
    mill.until("the notice", &["activity"], |page| {
        let sentence = format!("this machine does not go to sleep: '{program}' was refused (exit status: 1)");
        page["notices"].as_array()?.iter().any(|notice| notice["sentence"] == *sentence).then_some(())
    });
    let said = mill.refused(2, ["lending", "set", "--sleep-after", "0s"]);
    assert!(said.contains("from 1 second to 31 days can be told"), "{said}");
}

/// A stand-in for what sends a system to sleep.
fn a_program(grid: &Grid, script: &str) -> String {
    let program = grid.write("sleep.sh", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
    program.to_str().expect("text").to_owned()
}

/// A bus of its own with a login manager on it; both end when dropped.
struct Logind {
    address: String,
    bus: Child,
    runtime: Runtime,
    connection: Connection,
    /// A reading end for each inhibitor: it ends when nobody holds the machine any more.
    inhibitors: mpsc::Receiver<OwnedFd>,
    /// The same for each that keeps it awake.
    keeps: mpsc::Receiver<OwnedFd>,
}

const PATH: &str = "/org/freedesktop/login1";
const INTERFACE: &str = "org.freedesktop.login1.Manager";

struct Manager {
    inhibitors: mpsc::Sender<OwnedFd>,
    keeps: mpsc::Sender<OwnedFd>,
}

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn inhibit(&self, what: &str, who: &str, _why: &str, mode: &str) -> zvariant::OwnedFd {
        let listener = match (what, who, mode) {
            ("sleep:shutdown", "Gridwell", "delay") => &self.inhibitors,
            ("sleep", "Gridwell", "block") => &self.keeps,
            other => panic!("{other:?}"),
        };
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).expect("a pipe");
        listener.send(read).expect("the test listens");
        write.into()
    }

    #[zbus(property, name = "InhibitDelayMaxUSec")]
    fn limit(&self) -> u64 {
        u64::try_from(LIMIT.as_micros()).expect("not that long")
    }
}

impl Logind {
    fn start(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for the bus");
        let config = folder.join("bus.conf");
        let text = format!(
            "<busconfig><type>custom</type><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
             <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            folder.join("socket").display()
        );
        fs::write(&config, text).expect("a configuration");
        let mut bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon starts (package dbus)");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("a pipe")).read_line(&mut address).expect("its address");
        let address = address.trim().to_owned();
        let runtime = Runtime::new().expect("a runtime");
        let (sender, inhibitors) = mpsc::channel();
        let (keeper, keeps) = mpsc::channel();
        let connection = runtime.block_on(async {
            let bus = connection::Builder::address(address.as_str()).expect("an address");
            let named = bus.name("org.freedesktop.login1").expect("a name");
            let served = named.serve_at(PATH, Manager { inhibitors: sender, keeps: keeper }).expect("a place");
            served.build().await.expect("the bus takes a login manager")
        });
        Self { address, bus, runtime, connection, inhibitors, keeps }
    }

    /// Waits until somebody holds the machine; what is returned hears when that ends.
    fn hold(&self) -> mpsc::Receiver<()> {
        Self::watch(&self.inhibitors)
    }

    /// The same for being kept awake.
    fn keep(&self) -> mpsc::Receiver<()> {
        Self::watch(&self.keeps)
    }

    fn watch(inhibitors: &mpsc::Receiver<OwnedFd>) -> mpsc::Receiver<()> {
        let inhibitor = inhibitors.recv_timeout(LIMIT).expect("somebody holds the machine");
        let (ended, hears) = mpsc::channel();
        std::thread::spawn(move || {
            let read = fs::File::from(inhibitor).read(&mut [0]);
            assert_eq!(read.expect("a pipe reads"), 0);
            // The test may have gone on without waiting.
            let _ = ended.send(());
        });
        hears
    }

    fn signal(&self, name: &str, start: bool) {
        let signal = async { self.connection.emit_signal(None::<&str>, PATH, INTERFACE, name, &(start,)).await };
        self.runtime.block_on(signal).expect("the bus carries a signal");
    }
}

impl Drop for Logind {
    fn drop(&mut self) {
        self.bus.kill().expect("the bus can be ended");
        self.bus.wait().expect("the bus ends");
    }
}
