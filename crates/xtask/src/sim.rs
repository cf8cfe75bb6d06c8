use crate::shell::{self, Failure};

/// Seeds tried when nobody says how many.
const DEFAULT_SEEDS: usize = 1_000;

/// Runs the simulation's storms with many seeds; a failing one is printed and repeated by `SIM_SEED=S`.
pub(crate) fn run(options: &[String]) -> Result<(), Failure> {
    let seeds = shell::number(options, "--seeds", DEFAULT_SEEDS)?;
    shell::run(
        shell::cargo()
            .args(["test", "--release", "--package", "gridwell-tests", "--test", "faults", "--", "--nocapture"])
            .env("SIM_SEEDS", seeds.to_string()),
    )
}

/// Runs grids of twenty machines through all that may happen; seeds that fail are printed, and named at the end.
pub(crate) fn storm(options: &[String]) -> Result<(), Failure> {
    let first = shell::number(options, "--first", 0)?.to_string();
    let seeds = shell::number(options, "--seeds", DEFAULT_SEEDS)?.to_string();
    shell::run(shell::cargo().args([
        "run",
        "--release",
        "--package",
        "gridwell-tests",
        "--bin",
        "storm",
        "--",
        &first,
        &seeds,
    ]))
}
