//! Peers on loopback with real sockets.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

mod bulk;
mod lanes;
mod links;
mod peer;
mod visits;
