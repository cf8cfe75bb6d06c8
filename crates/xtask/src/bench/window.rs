//! The window in a browser that draws without a graphics card, in front of a made-up grid of 500 machines.
//!
//! The door, its messages and the pages are the real ones (`tests/synthetic`, `ui/scripts/measure.mjs`); what WebKit does
//! with them differs, the order of magnitude does not.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{Bench, page::Row};
use crate::{
    shell::{self, Failure},
    ui,
};

/// Rounds a second in which a tenth of the machines change, for the limits that ask for it (ui-spec §12).
const UPDATES: &str = "4";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, Failure> {
    ui::build()?;
    let program = build()?;
    let still = Synthetic::start(&program, &bench.folder.join("still"), "0")?;
    let stirred = Synthetic::start(&program, &bench.folder.join("stirred"), UPDATES)?;
    let mut command = Command::new("node");
    command.arg("scripts/measure.mjs").current_dir(ui::folder());
    command.args(["--still", &still.address, "--stirred", &stirred.address, "--job", &still.job]);
    command.args(["--rounds", &bench.rounds.to_string()]);
    rows_of(&mut command)
}

/// Runs a script that prints rows as JSON.
pub(super) fn rows_of(command: &mut Command) -> Result<Vec<Row>, Failure> {
    let rows = shell::json(command)?;
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows = rows.as_array().into_iter().flatten();
    Ok(rows.map(|row| Row::new(text(row, "what"), text(row, "value"), text(row, "compares"))).collect())
}

/// The made-up grid.
pub(super) fn build() -> Result<PathBuf, Failure> {
    shell::run(shell::cargo().args(["build", "--release", "--package", "gridwell-tests", "--example", "synthetic"]))?;
    Ok(shell::target_dir()?.join("release/examples/synthetic"))
}

/// A made-up grid; it ends with us.
struct Synthetic {
    process: Child,
    /// Of its window, for one browser.
    address: String,
    /// Its large job.
    job: String,
}

impl Synthetic {
    fn start(program: &Path, data: &Path, updates: &str) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.arg("--data").arg(data).args(["--updates", updates]);
        command.arg("--pages").arg(ui::folder().join("dist"));
        let mut process = shell::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let printed = process.stdout.take();
        let mut started = Self { process, address: String::new(), job: String::new() };
        let mut lines = printed.into_iter().flat_map(|printed| BufReader::new(printed).lines().map_while(Result::ok));
        (started.address, started.job) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        if started.job.is_empty() {
            return Err(Failure::UnexpectedOutput { command: shell::show(&command), missing: "no job".into() });
        }
        Ok(started)
    }
}

impl Drop for Synthetic {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
