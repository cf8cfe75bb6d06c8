//! The local door: HTTP and WebSocket over a Unix socket that only the owner may use, and the client for it.
//!
//! A [`Door`] hands [`gridwell_api::Request`]s to a [`Backend`] (the node) and its answers, events and logs back. The
//! data folder is a [`DataFolder`]: locked, so that one node at a time owns it and a stale socket may safely be removed.
//! Loopback TCP is opened only when asked for, and then only for whoever shows the token that lies in the data folder, or
//! for a browser whose session was opened with a one-time token: [`Entrances`].
//! [`Client`] is the other side. [`openapi`] describes it all.
//!
//! Not here: what the answers say (the node), the words for people (`cli`, the window).

mod backend;
mod client;
mod dav;
mod door;
mod files;
mod folder;
mod guard;
mod kin;
mod openapi;
mod pending;
mod pictures;
mod reply;
mod routes;
mod secret;
mod streams;
mod uploads;
mod window;

pub use backend::Backend;
pub use client::{ByteStream, Client, EventStream, LogFormat};
pub use door::{Door, Entrances, WindowEntrance};
pub use folder::{DataFolder, TOKEN_FILE};
pub use gridwell_node::{Content, TreeView};
pub use openapi::openapi;
pub use window::Page;
