use crate::shell::{self, Failure};

/// Rounds when nobody says how many.
const DEFAULT_ROUNDS: usize = 50;

/// Kills real nodes at random moments; a failure names its seed, and is repeated by `CHAOS_SEED=S`.
pub(crate) fn run(options: &[String]) -> Result<(), Failure> {
    let rounds = shell::number(options, "--rounds", DEFAULT_ROUNDS)?;
    shell::run(shell::cargo().args(["build", "--package", "gridwell-cli"]))?;
    shell::run(
        shell::cargo()
            .args(["test", "--package", "gridwell-tests", "--test", "grid", "--"])
            .args(["chaos::", "losses::", "--ignored", "--nocapture", "--test-threads", "1"])
            .env("CHAOS_ROUNDS", rounds.to_string()),
    )
}
