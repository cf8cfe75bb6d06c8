use crate::shell::{self, Failure};

/// Seeds tried when nobody says how many.
const DEFAULT_SEEDS: usize = 100;

/// Runs the simulation with fresh seeds; each failing one is printed with the line that repeats it.
pub(crate) fn run(options: &[String]) -> Result<(), Failure> {
    let seeds = shell::number(options, "--seeds", DEFAULT_SEEDS)?;
    shell::run(
        shell::cargo()
            .args(["test", "--package", "gridwell-tests", "--test", "simulation", "--", "--nocapture"])
            .env("GRIDWELL_SIM_SEEDS", seeds.to_string()),
    )
}
