//! The local door over a real Unix socket and real loopback TCP, with a made-up node behind it.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod requests;
mod support;
mod window;
