//! What it costs to run a task in a session, and to keep the session from what is not its own.

use super::{Bench, page::Row};
use crate::shell::{self, Failure};

/// Tasks of each way; by default of the example, in parts that take turns.
const TASKS: &str = "2000";

/// What the example calls its ways, and what they are called here. The first one is what the others are compared with.
const WAYS: [(&str, &str); 4] = [
    ("bare", "`true`, spawned and awaited"),
    ("session", "`true`, through a runner"),
    ("confined", "`true`, through a runner, confined and watched"),
    ("confined-no-network", "the same without a network"),
];

pub(super) fn measure(_bench: &Bench) -> Result<Vec<Row>, Failure> {
    let example = ["run", "--release", "--quiet", "-p", "gridwell-exec", "--example", "overhead", "--", TASKS];
    let text = shell::output(shell::cargo().args(example))?;
    let measured: Vec<(&str, Vec<f64>)> = text.lines().filter_map(read).collect();
    let of =
        |name: &str| measured.iter().find(|(measured, _)| *measured == name).map(|(_, numbers)| numbers.as_slice());
    let bare = of(WAYS[0].0).and_then(|numbers| numbers.first().copied()).unwrap_or(f64::NAN);
    let rows = WAYS.iter().map(|(name, title)| match of(name) {
        Some(&[p50, p99, opens]) => {
            let session = format!("+{:.0} µs; opening the session {:.1} ms", p50 - bare, opens / 1e3);
            let compared = if opens > 0.0 { session } else { String::new() };
            Ok(Row::new(*title, format!("{p50:.0} µs, p99 {p99:.0} µs"), compared))
        }
        _ => Err(Failure::UnexpectedOutput { command: "overhead".into(), missing: (*name).to_owned() }),
    });
    rows.collect()
}

/// A line of the example: a name and its numbers.
fn read(line: &str) -> Option<(&str, Vec<f64>)> {
    let (name, numbers) = line.split_once(' ')?;
    Some((name, numbers.split(' ').filter_map(|number| number.parse().ok()).collect()))
}
