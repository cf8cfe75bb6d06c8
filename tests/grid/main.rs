//! Real nodes on loopback, real programs, and the real command line: what people rely on, end to end.
//!
//! The `gridwell` program must have been built beside these tests: `cargo test --workspace` and `cargo xtask test` do.
//! Blender, ffmpeg and POV-Ray come from Debian; a test whose program is missing fails.

mod answers;
mod bundles;
mod commands;
mod control;
mod durability;
mod gravity;
mod grids;
mod lending;
mod links;
mod listener;
mod pairing;
mod past;
mod pictures;
mod refusals;
mod renders;
mod support;
