//! Sessions with real runners and real programs.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on has failed, or says why")]

mod cancel;
mod confined;
mod environments;
mod excess;
mod freezing;
mod harness;
mod lifetimes;
mod namespaces;
mod programs;
mod softening;
mod stuck;
mod tree;
