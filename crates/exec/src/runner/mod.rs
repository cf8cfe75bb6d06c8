use std::process::ExitCode;
/// Runs a session's programs; what the hidden runner sub-command calls. Speaks with its node over standard input and
/// output and returns when the session has closed or the node is gone.
#[must_use]
pub fn runner_main() -> ExitCode {
    ExitCode::SUCCESS
}
