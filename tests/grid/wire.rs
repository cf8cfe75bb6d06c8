//! Networks of made-up delays between real network namespaces; `wire.py` is the wire.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::Place;

/// A network; taken away when dropped.
pub(crate) struct Wire {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    spaces: BTreeMap<String, String>,
}

impl Wire {
    /// A network of these machines and their addresses, such as `10.77.1.1/24`; nobody has a way to anybody yet. `None` where
    /// that is not allowed.
    pub(crate) fn of(machines: &[(&str, &[&str])]) -> Option<Self> {
        let mut child = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/grid/wire.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .ok()?;
        let (orders, out) = (child.stdin.take(), child.stdout.take().expect("stdout is a pipe"));
        let mut wire = Self { child, orders, answers: BufReader::new(out), spaces: BTreeMap::new() };
        let machines: BTreeMap<_, _> = machines.iter().copied().collect();
        let spaces = wire.order(&json!({ "machines": machines }))?;
        wire.spaces = serde_json::from_value(spaces).expect("names of namespaces");
        Some(wire)
    }

    /// Sets how long a packet takes from one machine to another, either way, or that there is no way.
    pub(crate) fn between(&mut self, one: &str, other: &str, delay_ms: Option<u64>) {
        self.order(&json!({ "between": [one, other], "delay_ms": delay_ms })).expect("the wire obeys");
    }

    /// Where that machine's node runs.
    pub(crate) fn place(&self, name: &str) -> Place {
        let words = ["ip", "netns", "exec", &self.spaces[name]];
        Place { launcher: words.map(str::to_owned).to_vec(), listen: "0.0.0.0:0".to_owned() }
    }

    fn order(&mut self, order: &Value) -> Option<Value> {
        writeln!(self.orders.as_mut()?, "{order}").ok()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).ok()?;
        serde_json::from_str(&answer).ok()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.orders.take());
        let _ended = self.child.wait();
    }
}
