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
