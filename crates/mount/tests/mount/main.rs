//! The mount as programs see it: a real one, looked at with the system's own programs.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "all of this is tests")]

mod broken;
mod look;
mod memory;
mod support;
