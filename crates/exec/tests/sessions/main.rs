//! Sessions with real runners and real programs.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cancel;
mod environments;
mod harness;
mod lifetimes;
mod programs;
