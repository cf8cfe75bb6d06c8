//! A sleeping machine is woken by a neighbour: real packets on real wires between network namespaces.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::Value;

use crate::support::{Grid, Place, makers, skip};

/// `desk` is on one wire with `mill`, `attic` on another one.
const WIRES: [(&str, &str, [&str; 2]); 2] =
    [("mill", "desk", ["10.79.1.1/24", "10.79.1.2/24"]), ("mill", "attic", ["10.79.2.1/24", "10.79.2.3/24"])];

/// How long a test waits for a packet; only a failure takes that long.
const LIMIT: Duration = Duration::from_secs(40);

/// Prints what comes first on the port that magic packets go to, in hexadecimal digits.
const LISTEN: &str = "import socket
ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ears.bind((\"\", 9))
print(\"listening\", flush=True)
print(ears.recv(2048).hex(), flush=True)";

#[test]
fn a_sleeping_machine_is_woken_by_a_neighbour_of_its_own_wire() {
    let Some(spaces) = Spaces::make("person") else {
        return skip("no network namespaces can be made here");
    };
    let mut grid = Grid::empty();
    for name in ["mill", "desk", "attic"] {
        grid.add_at(name, &[], spaces.place(name));
    }
    grid.meet();
    let awake = grid.peers[1].refused(2, ["wake", "attic"]);
    assert!(awake.contains("attic is awake"), "{awake}");
    grid.peers[2].kill();
    grid.peers[1].until("attic to be gone", &["machines"], |machines| {
        machines
            .as_array()?
            .iter()
            .any(|machine| machine["name"] == "attic" && machine["online"] == false)
            .then_some(())
    });
    let (mut ears, heard) = spaces.listen("attic");

    let woken = grid.peers[1].json(["wake", "attic"]);

    assert_eq!((&woken["name"], &woken["sent_by"][0]), (&"attic".into(), &"mill".into()), "{woken:#}");
    let packet = heard.recv_timeout(LIMIT).expect("a packet");
    end(&mut ears);
    assert_eq!(packet.len(), 2 * 102, "{packet}");
    assert_eq!(packet, format!("ffffffffffff{}", spaces.mac_of("attic").repeat(16)));

    // Who started again has not forgotten it.
    grid.peers[0].kill();
    grid.peers[0].boot();
    assert_eq!(grid.peers[0].json(["wake", "attic"])["sent_by"][0], "mill");
    let unknown = grid.peers[0].refused(2, ["wake", "cellar"]);
    assert!(unknown.contains("cellar"), "{unknown}");
}

#[test]
fn work_that_nobody_takes_wakes_a_machine_whose_owner_allows_it() {
    let Some(spaces) = Spaces::make("work") else {
        return skip("no network namespaces can be made here");
    };
    let mut grid = Grid::empty();
    for name in ["mill", "desk", "attic"] {
        grid.add_at(name, &[], spaces.place(name));
    }
    grid.meet();
    let attic = |machines: &Value| {
        machines.as_array().and_then(|all| all.iter().find(|machine| machine["name"] == "attic")).cloned()
    };
    grid.peers[2].ok(["lending", "set", "--wake-for-work", "on"]);
    grid.peers[1].until("what attic's owner allows", &["machines"], |machines| {
        (attic(machines)?["wakes_for_work"] == true).then_some(())
    });
    grid.peers[2].kill();
    grid.peers[1]
        .until("attic to be gone", &["machines"], |machines| (attic(machines)?["online"] == false).then_some(()));
    // Whoever starts again has not forgotten it.
    grid.peers[1].kill();
    grid.peers[1].boot();
    let (mut ears, heard) = spaces.listen("attic");

    let job = grid.peers[1].start_job(["exec", "--detach", "--on", "attic", "--name", "film", "--", "true"]);

    let packet = heard.recv_timeout(LIMIT).expect("a packet");
    end(&mut ears);
    assert_eq!(packet, format!("ffffffffffff{}", spaces.mac_of("attic").repeat(16)));
    grid.peers[1].until("the notice", &["activity"], |page| {
        let sentence = "attic is woken by mill: tasks of film wait that no machine takes";
        page["notices"].as_array()?.iter().any(|notice| notice["sentence"] == sentence).then_some(())
    });
    grid.peers[2].boot();
    assert_eq!(makers(&grid.peers[1].done(&job)), ["attic"]);
}

fn end(child: &mut Child) {
    let _ended = child.kill();
    child.wait().expect("it ends");
}

/// Network namespaces with wires between them; taken away when dropped.
struct Spaces {
    /// Tells those of one test from those of others.
    test: &'static str,
    names: Vec<&'static str>,
}

impl Spaces {
    /// `None` where that is not allowed.
    fn make(test: &'static str) -> Option<Self> {
        let mut spaces = Self { test, names: Vec::new() };
        for name in ["mill", "desk", "attic"] {
            ip(&["netns", "add", &spaces.space(name)]).then_some(())?;
            spaces.names.push(name);
            ip(&["-n", &spaces.space(name), "link", "set", "lo", "up"]).then_some(())?;
        }
        for (at, (one, other, addresses)) in WIRES.into_iter().enumerate() {
            let ends = [format!("w{at}a"), format!("w{at}b")];
            let (first, second) = (spaces.space(one), spaces.space(other));
            let pair =
                ["link", "add", &ends[0], "netns", &first, "type", "veth", "peer", "name", &ends[1], "netns", &second];
            ip(&pair).then_some(())?;
            for (space, end, address) in [(&first, &ends[0], addresses[0]), (&second, &ends[1], addresses[1])] {
                ip(&["-n", space, "address", "add", address, "broadcast", "+", "dev", end]).then_some(())?;
                ip(&["-n", space, "link", "set", end, "up"]).then_some(())?;
            }
        }
        Some(spaces)
    }

    fn space(&self, name: &str) -> String {
        format!("gridwell-wake-{}-{}-{name}", std::process::id(), self.test)
    }

    /// Hears the first packet that wakes a machine.
    fn listen(&self, name: &str) -> (Child, mpsc::Receiver<String>) {
        let mut ears =
            self.command(name, "python3").args(["-c", LISTEN]).stdout(Stdio::piped()).spawn().expect("python3");
        let mut lines = BufReader::new(ears.stdout.take().expect("a pipe")).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "listening");
        let (tell, heard) = mpsc::channel();
        std::thread::spawn(move || {
            // The test may have ended without waiting.
            let _ = lines.next().map(|line| tell.send(line.expect("text")));
        });
        (ears, heard)
    }

    fn place(&self, name: &str) -> Place {
        let launcher = ["ip", "netns", "exec", &self.space(name)].map(str::to_owned).to_vec();
        Place { launcher, listen: "0.0.0.0:7766".to_owned() }
    }

    fn command(&self, name: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(name), program]);
        command
    }

    /// The address of a machine's device on its wire, in hexadecimal digits.
    fn mac_of(&self, name: &str) -> String {
        let said = self.command(name, "cat").arg("/sys/class/net/w1b/address").output().expect("cat runs");
        String::from_utf8_lossy(&said.stdout).trim().replace(':', "")
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&["netns", "delete", &self.space(name)]);
        }
    }
}

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
