//! The node: the one loop that owns every engine, and carries their wishes to the hands.
//!
//! Facts come in (a request from a door, a message from a link, an event of a session, an answer of the store), the engine
//! they belong to handles them, and its effects go to `store`, `net`, `exec` and `probe`. Slow work (hashing, fetching,
//! landing) runs in tasks beside the loop and comes back as a fact. Nothing here decides where a task runs or what a report
//! counts for: that is the engines' business.
//!
//! [`Node::start`] gives a running node, [`NodeHandle`] is what doors talk to.

mod clock;
mod config;
mod core;
mod disk;
mod events;
mod handle;
mod intake;
mod lines;
mod logs;
mod outgoing;
mod pictures;
mod recorder;
mod reuse;
mod sampling;
mod senses;
mod start;
mod transfer;
mod tree;

pub use config::{Config, UPLOADS};
pub use events::EventStream;
pub use gridwell_courtesy::When;
pub use gridwell_net::clear_key_log;
pub use handle::{LogStream, NodeHandle};
pub use start::{Node, Ready, StartError};
pub use tree::{Content, Joined, OpenFile, TreeError, TreeView};
