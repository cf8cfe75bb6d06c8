//! Machines of unequal speed: how near the end of a real job comes to what the best list of its tasks would take.

use std::process::Stdio;

use serde_json::Value;

use super::{Bench, median, page::Row, seconds};
use crate::{
    grid::Grid,
    shell::{self, Failure},
};

const TASKS: u32 = 120;

/// Machines, and how many seconds a task takes on each: they are 1, 2, 4 and 8 times as fast.
const MACHINES: [(&str, f64); 4] = [("slow", 4.0), ("calm", 2.0), ("brisk", 1.0), ("fast", 0.5)];

/// Takes as long as the machine on which it runs is slow; the folder of its session lies in the machine's own.
const TASK: &str = "case $PWD in */slow/*) sleep 4;; */calm/*) sleep 2;; */brisk/*) sleep 1;; *) sleep 0.5;; esac";

pub(super) fn compare(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let grid = Grid::start(&bench.program, &bench.folder, &MACHINES.map(|(name, _)| name))?;
    let lanes = lanes(&grid)?;
    let bound = list_bound(TASKS, &lanes);
    let mut ours = Vec::new();
    for round in 1..=bench.rounds {
        println!("round {round}");
        ours.push(seconds(|| {
            let mut command = grid.command();
            command.args(["exec", "--array", &TASKS.to_string(), "--", "sh", "-c", TASK]);
            shell::run(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
        })?);
    }
    let (first, ours) = (ours[0], median(&ours));
    let what = format!("{TASKS} tasks on {} slots of machines 1, 2, 4 and 8 times as fast", lanes.len());
    let even = f64::from(TASKS).div_euclid(lanes.len() as f64) * MACHINES[0].1;
    Ok(vec![
        Row::new(format!("{what}, dealt out evenly beforehand"), format!("{even:.1} s"), "by reckoning"),
        Row::new(format!("{what}, the bound of list scheduling"), format!("{bound:.1} s"), "by reckoning"),
        Row::new(
            format!("{what}, gridwell"),
            format!("{ours:.1} s"),
            format!("{:.2} of the bound (bar: 1.10); {:.2} before it knew their speeds", ours / bound, first / bound),
        ),
    ])
}

/// Seconds a task takes on each slot of each machine.
fn lanes(grid: &Grid) -> Result<Vec<f64>, Failure> {
    let machines = grid.ask(&["machines"])?;
    let slots = |machine: &Value| machine["lends"]["cpus"].as_f64().unwrap_or(0.0) as usize;
    let secs = |machine: &Value| MACHINES.iter().find(|(name, _)| machine["name"] == *name).map(|(_, secs)| *secs);
    let machines = machines.as_array().into_iter().flatten();
    Ok(machines.flat_map(|machine| secs(machine).into_iter().flat_map(|secs| vec![secs; slots(machine)])).collect())
}

/// When the last task ends if each goes to the slot that ends it first. Source: Graham, "Bounds on multiprocessing timing
/// anomalies", 1969; for machines of unequal speed, Horowitz and Sahni, 1976.
fn list_bound(tasks: u32, lanes: &[f64]) -> f64 {
    let mut ends = vec![0.0_f64; lanes.len()];
    for _ in 0..tasks {
        let next = (0..lanes.len())
            .min_by(|left, right| (ends[*left] + lanes[*left]).total_cmp(&(ends[*right] + lanes[*right])));
        if let Some(at) = next {
            ends[at] += lanes[at];
        }
    }
    ends.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gives_each_task_to_the_slot_that_ends_it_first() {
        assert!((list_bound(5, &[2.0, 1.0]) - 4.0).abs() < 1e-12);
        assert!((list_bound(1, &[2.0, 1.0]) - 1.0).abs() < 1e-12);
        assert!((list_bound(10, &[1.0; 4]) - 3.0).abs() < 1e-12);
    }
}
