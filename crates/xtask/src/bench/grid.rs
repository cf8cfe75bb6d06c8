//! What machines at rest say to each other, and how soon another one goes on with a job whose origin is gone.

use std::process::Stdio;

use serde_json::Value;

use super::{Bench, median, node::newest_job, page::Row, seconds};
use crate::{
    grid::Grid,
    shell::{self, Failure},
};

/// Tasks that are still running when their steward goes.
const WORK: [&str; 7] = ["exec", "--detach", "--array", "6", "--", "sleep", "600"];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let mut rows = adverts()?;
    rows.extend(successions(bench)?);
    Ok(rows)
}

/// Bytes that each simulated machine sends in a minute in which nothing happens.
fn adverts() -> Result<Vec<Row>, Failure> {
    let words = ["run", "--quiet", "--release", "--package", "gridwell-tests", "--bin", "adverts"];
    let mut command = shell::cargo();
    command.args(words);
    let text = shell::output(&mut command)?;
    let rows: Option<Vec<Row>> = text.lines().map(advert).collect();
    rows.ok_or_else(|| Failure::UnexpectedOutput {
        command: shell::show(&command),
        missing: "six numbers a line".into(),
    })
}

/// Reads a line of `tests/adverts`.
fn advert(line: &str) -> Option<Row> {
    let numbers: Option<Vec<u64>> = line.split(' ').map(|word| word.parse().ok()).collect();
    let [machines, links, all, pings, records, told] = numbers?[..] else { return None };
    let what = format!("{machines} machines at rest with {links} links each: sent by each");
    let of_these = format!("{pings} of them pings, {records} records of links, {told} announcements; simulated");
    Some(Row::new(what, format!("{all} bytes a minute"), of_these))
}

/// How long a job has no steward whose origin is killed, and one whose origin hands it over.
fn successions(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let (mut killed, mut given) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        println!("round {round}");
        bench.clear()?;
        let mut grid = Grid::start(&bench.program, &bench.folder, &["mill", "smithy", "quarry"])?;
        let job = begin(&mut grid)?;
        given.push(seconds(|| {
            let mut command = grid.command();
            shell::run(command.args(["handover", &job]).stdout(Stdio::null()).stderr(Stdio::null()))
        })?);
        let job = begin(&mut grid)?;
        grid.kill_first()?;
        killed.push(seconds(|| grid.wait_until("another steward", |grid| Ok((0..2).any(|at| has(grid, at, &job)))))?);
    }
    Ok(vec![
        Row::new(
            "origin killed: until another machine goes on with its job",
            format!("{:.1} s", median(&killed)),
            "a steward that says no goodbye is waited for: 30 s by the first deputy",
        ),
        Row::new("job handed over on purpose", format!("{:.0} ms", median(&given) * 1e3), "asked and answered"),
    ])
}

/// Starts work at the first machine and waits until it is safe with others.
fn begin(grid: &mut Grid) -> Result<String, Failure> {
    shell::run(grid.command().args(WORK).stdout(Stdio::null()))?;
    let job = newest_job(grid)?;
    grid.wait_until("a safe job", |grid| Ok(grid.ask(&["job", &job])?["safe"] == true))?;
    Ok(job)
}

/// True if that machine is the job's steward.
fn has(grid: &Grid, at: usize, job: &str) -> bool {
    let jobs = grid.ask_of(at, &["jobs"]).unwrap_or_default();
    jobs.as_array().is_some_and(|jobs| jobs.iter().any(|view: &Value| view["id"] == job))
}
