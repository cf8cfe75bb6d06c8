//! A sleeping machine is woken by a neighbour: real packets on real wires between network namespaces.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use crate::support::{Grid, Place, skip};

/// `desk` is on one wire with `mill`, `attic` on another one.
const WIRES: [(&str, &str, [&str; 2]); 2] =
    [("mill", "desk", ["10.79.1.1/24", "10.79.1.2/24"]), ("mill", "attic", ["10.79.2.1/24", "10.79.2.3/24"])];

/// Prints what comes first on the port that magic packets go to, in hexadecimal digits.
const LISTEN: &str = "import socket
ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ears.bind((\"\", 9))
print(\"listening\", flush=True)
print(ears.recv(2048).hex(), flush=True)";

#[test]
fn a_sleeping_machine_is_woken_by_a_neighbour_of_its_own_wire() {
    let Some(spaces) = Spaces::make() else {
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
    let mut ears =
        spaces.command("attic", "python3").args(["-c", LISTEN]).stdout(Stdio::piped()).spawn().expect("python3");
    let mut heard = BufReader::new(ears.stdout.take().expect("a pipe")).lines();
    assert_eq!(heard.next().expect("a line").expect("text"), "listening");

    let woken = grid.peers[1].json(["wake", "attic"]);

    assert_eq!((&woken["name"], &woken["sent_by"][0]), (&"attic".into(), &"mill".into()), "{woken:#}");
    let packet = heard.next().expect("a line").expect("text");
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

fn end(child: &mut Child) {
    let _ended = child.kill();
    child.wait().expect("it ends");
}

/// Network namespaces with wires between them; taken away when dropped.
struct Spaces {
    names: Vec<&'static str>,
}

impl Spaces {
    /// `None` where that is not allowed.
    fn make() -> Option<Self> {
        let mut spaces = Self { names: Vec::new() };
        for name in ["mill", "desk", "attic"] {
            ip(&["netns", "add", &Self::space(name)]).then_some(())?;
            spaces.names.push(name);
            ip(&["-n", &Self::space(name), "link", "set", "lo", "up"]).then_some(())?;
        }
        for (at, (one, other, addresses)) in WIRES.into_iter().enumerate() {
            let ends = [format!("w{at}a"), format!("w{at}b")];
            let (first, second) = (Self::space(one), Self::space(other));
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

    fn space(name: &str) -> String {
        format!("gridwell-wake-{}-{name}", std::process::id())
    }

    fn place(&self, name: &str) -> Place {
        let launcher = ["ip", "netns", "exec", &Self::space(name)].map(str::to_owned).to_vec();
        Place { launcher, listen: "0.0.0.0:7766".to_owned() }
    }

    fn command(&self, name: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &Self::space(name), program]);
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
            ip(&["netns", "delete", &Self::space(name)]);
        }
    }
}

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
