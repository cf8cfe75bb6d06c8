//! `gridwell`: a peer without a screen, and every command a person needs.
//!
//! A command reads its arguments ([`args`]), asks the node through the local door, and shows the answer: a text for
//! people made in `text`, or with `--json` the answer itself (the types of `gridwell-api`) on standard output. Messages
//! go to standard error. Exit codes: 0 done, 1 a job (or what was asked) failed, 2 bad input or usage, 3 no node
//! reachable, 130 interrupted.
//!
//! Not here: any decision about work (the node), and transport (`serve`).

pub mod args;
mod commands;
mod input;
mod screen;
mod text;
mod watch;
mod window;

pub use commands::run;
