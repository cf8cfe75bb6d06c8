//! Peers on loopback with real sockets.

mod bulk;
mod join;
mod links;
mod peer;
