//! The `gridwell` program; see the library for what it does.

fn main() -> std::process::ExitCode {
    gridwell_cli::run()
}
