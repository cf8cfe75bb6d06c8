//! The runner as the tests start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    gridwell_exec::runner_main()
}
