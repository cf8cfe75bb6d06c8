//! Previews as the node asks for them: real files in temporary folders.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

mod cache;
mod films;
mod formats;
mod hostile;
mod regions;
mod support;
