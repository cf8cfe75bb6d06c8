//! Gridwell for the desktop: a window, a tray icon, and the node behind both.
//!
//! The window is a client of the local door like every other program. If no node runs for the data folder, one is
//! started inside this process, with its door, and lives as long as the process; else the running one is used. Closing
//! the window destroys its web view; tray and node stay.
//!
//! - [`house`]: the node behind the window. [`commands`]: what the page may call.
//! - [`window`], [`tray`], [`telling`], [`notices`]: what people see of the app. [`deeds`]: what they do outside the window.
//! - [`opening`]: files and links that come from outside. [`quitting`]: what stays when a person leaves. [`own`], [`memory`]: what is kept over restarts.
//!
//! Not here: any decision about work, and any state of the grid: that is the node's.

mod args;
mod commands;
mod deeds;
mod house;
mod kept;
mod memory;
mod notices;
mod opening;
mod own;
mod pictures;
mod platform;
mod quitting;
mod run;
mod saving;
mod streams;
mod telling;
mod tray;
mod window;

use std::process::ExitCode;

fn main() -> ExitCode {
    match args::Args::read(std::env::args_os().skip(1)) {
        Ok(args) => run::run(args),
        Err(usage) => {
            say_usage(&usage);
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stderr, reason = "nobody listens to the log before it is started")]
fn say_usage(usage: &str) {
    eprintln!("gridwell-desktop: {usage}");
}
