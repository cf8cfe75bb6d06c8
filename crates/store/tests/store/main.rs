//! The store on the real thing: temporary folders, a child process that is killed, a tiny disk.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "all of this is tests")]

mod blobs;
mod crash;
mod journal;
mod landing;
mod logs;
mod objects;
mod open;
mod past;
mod support;
