//! Real nodes on loopback, real programs, and the real command line: what people rely on, end to end.
//!
//! The `gridwell` program must have been built beside these tests: `cargo test --workspace` and `cargo xtask test` do.
//! Blender, ffmpeg and POV-Ray come from Debian; a test whose program is missing fails.

mod answers;
mod bundles;
mod chaos;
mod checkpoints;
mod commands;
mod confinement;
mod consent;
mod control;
mod copies;
mod courtesy;
mod doctor;
mod durability;
mod gravity;
mod grids;
mod health;
mod hops;
mod hostile;
mod keeping;
mod landings;
mod layouts;
mod lending;
mod liars;
mod limits;
mod links;
mod listener;
mod looks;
mod losses;
mod membership;
mod mounts;
mod pairing;
mod past;
mod pictures;
mod posix;
mod programs;
mod putting;
mod reading;
mod refusals;
mod renders;
mod results;
mod reuse;
mod routes;
mod session;
mod shares;
mod sleep;
mod subnets;
mod succession;
mod support;
mod topologies;
mod trust;
mod views;
mod wake;
mod wire;
