//! `cargo xtask storm`: grids of twenty simulated machines through all that may happen, one for each seed.

use std::{
    io::{Write as _, stdout},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use gridwell_tests::sim::storm;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (Some(Ok(first)), Some(Ok(count)), None) = (numbers.next(), numbers.next(), numbers.next()) else {
        say("usage: storm FIRST_SEED COUNT");
        return ExitCode::FAILURE;
    };
    let (mut failed, mut steps, mut successions) = (Vec::new(), 0, 0);
    for seed in first..first + count {
        match catch_unwind(AssertUnwindSafe(|| storm(seed))) {
            Ok(Ok(grid)) => {
                steps += grid.steps();
                successions += grid.successions();
            }
            Ok(Err(failure)) => {
                say(&failure.to_string());
                failed.push(seed);
            }
            Err(_) => failed.push(seed),
        }
        if (seed - first + 1).is_multiple_of(50) {
            say(&format!("{} of {count} seeds, failed: {failed:?}", seed - first + 1));
        }
    }
    say(&format!("{count} seeds from {first}: {steps} events, {successions} jobs taken over; failed: {failed:?}"));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(line: &str) {
    writeln!(stdout(), "{line}").expect("somebody reads it");
}
